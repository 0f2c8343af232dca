"""The programs of netlab/services, started for real, asked by the programs that a user would ask them with."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from pathlib import Path

import pytest

from netlab.kernel import netns, process
from netlab.model.topology import Host, Instance, Interface, Lab, Subnet, Vpc
from netlab.services import METADATA, lab_files, layout_of, make_keys, metadata_text, services_of, ssh_argv, write_files

ENI = Interface(
    "ec2", "eth0", True, "public",
    ipv4=(IPv4Address("10.0.1.10"), IPv4Address("10.0.1.11")),
    ipv6=(IPv6Address("2001:db8:0:100::10"),),
    public_ip=IPv4Address("3.95.203.191"),
    security_groups=("web", "base"),
)  # fmt: skip
LAB = Lab(
    "services",
    Vpc(IPv4Network("10.0.0.0/16"), IPv6Network("2001:db8:0:100::/56")),
    {"public": Subnet("public", IPv4Network("10.0.1.0/24"), IPv6Network("2001:db8:0:100::/64"), internet=True)},
    instances={"ec2": Instance("ec2", (ENI,), ("ssh", "http", "https", "echo"))},
    hosts={
        "laptop": Host("laptop", (IPv4Address("198.51.100.7"), IPv6Address("2001:db8:f::7"))),
        "www.alphavantage.co": Host("www.alphavantage.co", (IPv4Address("203.0.113.80"),), ("quotes",)),
        "ns.example": Host("ns.example", (IPv4Address("203.0.113.53"),), ("dns",)),
    },
)
MAC = "02:00:00:00:00:10"
ADDRESSES = {
    ":vpc": ("10.0.0.2", "169.254.169.253", "169.254.169.254", "169.254.169.123", "fd00:ec2::253", "fd00:ec2::254"),
    "ec2": (*map(str, ENI.addresses), "3.95.203.191"),
    **{name: tuple(map(str, host.addresses)) for name, host in LAB.hosts.items()},
}
QUOTE_URL = "https://www.alphavantage.co/query?function=GLOBAL_QUOTE&symbol=IBM&apikey=demo"


@dataclass
class Answer:
    """What a program said, and how it ended."""

    code: int
    out: str
    err: str


@dataclass
class Town:
    """A lab's nodes on one wire, without routers and cards, and its services."""

    name: str
    folder: Path
    started_s: float = 0.0

    def kernel_name(self, node: str) -> str:
        return f"netlab:{self.name}:{node}"

    def view(self, node: str) -> process.View:
        layout = layout_of(node)
        return process.View(
            layout.hostname,
            self.folder / layout.etc,
            {inside: self.folder / path for inside, path in layout.sealed.items()},
            {inside: self.folder / path for inside, path in layout.folders.items()},
        )

    def run(self, node: str, *argv: str) -> Answer:
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            view = self.view(node)
            code = process.run(
                self.kernel_name(node), view, argv, stdin=subprocess.DEVNULL, stdout=out, stderr=err
            )
            texts = [(stream.seek(0), stream.read().decode())[1] for stream in (out, err)]
        return Answer(code, *texts)

    def start(self) -> list[int]:
        write_files(self.folder, lab_files(LAB, make_keys(LAB), {("ec2", "eth0"): MAC}))
        daemons = [
            process.Daemon(
                f"{each.node} {each.name}", self.kernel_name(each.node), each.argv,
                self.folder / "log" / f"{each.node}.{each.name}", each.ports, each.env,
                self.view(each.node) if each.in_view else None,
            )
            for each in services_of(LAB, self.folder)
        ]  # fmt: skip
        begun = time.monotonic()
        pids = process.start(daemons)
        process.wait_listening(daemons, pids)
        self.started_s = time.monotonic() - begun
        return pids


def _ip(namespace: str, *lines: str) -> None:
    subprocess.run(["ip", "-n", namespace, "-batch", "-"], input="\n".join(lines), text=True, check=True)


def _wire(town: Town) -> None:
    """Put all nodes on a bridge in the VPC's namespace; everything is on that link."""
    hub = town.kernel_name(":vpc")
    _ip(hub, "link add br0 type bridge", "link set br0 up", "link set lo up")
    for number, (node, addresses) in enumerate(ADDRESSES.items()):
        namespace, device = town.kernel_name(node), "br0"
        if node != ":vpc":
            device = "eth0"
            mac = f"address {MAC}" if node == "ec2" else ""
            _ip(namespace, f"link add eth0 {mac} type veth peer name p{number} netns {hub}")
            _ip(hub, f"link set p{number} master br0 up")
        flags = {4: "", 6: "nodad"}
        own = [f"addr add {each} dev {device} {flags[6 if ':' in each else 4]}" for each in addresses]
        routes = [f"route add default dev {device}", f"route add ::/0 dev {device}"]
        _ip(namespace, "link set lo up", f"link set {device} up", *own, *routes)


def _members(namespaces: Sequence[str]) -> list[int]:
    """Return the processes whose network namespace is one of these."""
    wanted = {netns.identity(netns.RUN / name) for name in namespaces}
    pids = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdecimal()]
    return [pid for pid in pids if netns.identity(f"/proc/{pid}/ns/net") in wanted]


@pytest.fixture(scope="module")
def town() -> Iterator[Town]:
    made = Town(f"services.{os.getpid()}", Path(tempfile.mkdtemp(prefix="netlab-services-")))
    names = [made.kernel_name(node) for node in ADDRESSES]
    try:
        for name in names:
            netns.create(name)
        _wire(made)
        made.start()
        yield made
    finally:
        for pid in _members(names):
            with suppress(ProcessLookupError):  # it ended with another one
                os.kill(pid, signal.SIGKILL)
        for name in names:
            netns.ensure_absent(name)
        shutil.rmtree(made.folder)


def test_the_articles_curl_gets_a_quote(town: Town) -> None:
    """Name, certificate and answer are the lab's own, and nothing is asked."""
    answer = town.run("ec2", "curl", "-sS", QUOTE_URL)

    assert (answer.code, answer.err) == (0, "")
    assert '{\n    "Global Quote": {\n        "01. symbol": "IBM",\n        "02. open": "' in answer.out
