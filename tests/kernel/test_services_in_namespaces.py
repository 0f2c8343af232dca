"""The programs of netlab/services, started for real, asked by the programs that a user would ask them with."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from pathlib import Path

import pytest

from netlab.errors import KernelError
from netlab.kernel import carrier, netns, process
from netlab.model.topology import Host, Instance, Interface, Lab, Subnet, Vpc
from netlab.services import (
    METADATA,
    File,
    lab_files,
    layout_of,
    make_keys,
    metadata_text,
    services_of,
    ssh_argv,
    write_files,
)
from netlab.services.keys import CA_HASH

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
MACS = {("ec2", "eth0"): MAC}
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

    def kernel_name(self, node: str) -> str:
        """Return the kernel's name of a node's namespace."""
        return f"netlab:{self.name}:{node}"

    def view(self, node: str) -> process.View:
        """Return what a node's programs see."""
        layout = layout_of(node)
        return process.View(
            layout.hostname,
            self.folder / layout.etc,
            {inside: self.folder / path for inside, path in layout.sealed.items()},
            {inside: self.folder / path for inside, path in layout.folders.items()},
        )

    def run(self, node: str, *argv: str) -> Answer:
        """Run a program in a node."""
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            view = self.view(node)
            code = process.run(self.kernel_name(node), view, argv, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
            texts = [(stream.seek(0), stream.read().decode())[1] for stream in (out, err)]
        return Answer(code, *texts)

    def start(self) -> None:
        """Write the files, start the services, wait until they are ready."""
        write_files(self.folder, lab_files(LAB, make_keys(LAB), MACS))
        daemons = [
            process.Daemon(
                f"{each.node} {each.name}", self.kernel_name(each.node), each.argv,
                self.folder / "log" / f"{each.node}.{each.name}", each.ports, each.env,
                self.view(each.node) if each.in_view else None,
            )
            for each in services_of(LAB, self.folder)
        ]  # fmt: skip
        process.wait_listening(daemons, process.start(daemons))


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
    for node in ADDRESSES:
        if node != ":vpc":
            carrier.wait_devices(town.kernel_name(node), ["eth0"])


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
    assert list(json.loads(answer.out)) == ["Global Quote"]
    assert answer.out.startswith('{\n    "Global Quote": {\n        "01. symbol": "IBM",\n        "02. open": "')


def test_over_ssh_the_quote_arrives_with_its_url_unchanged(town: Town) -> None:
    """The shell at the far end sees no & and no ?."""
    direct = town.run("ec2", "curl", "-s", QUOTE_URL)

    assert town.run("laptop", *ssh_argv("ec2", ["curl", "-s", QUOTE_URL])) == direct


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (["true"], Answer(0, "", "")),
        (["false"], Answer(1, "", "")),
        (["sh", "-c", "exit 42"], Answer(42, "", "")),
        (["printf", "%s|", "a b", "", "$HOME", "it's", "*", "-v", "x;y"], Answer(0, "a b||$HOME|it's|*|-v|x;y|", "")),
        (["hostname"], Answer(0, "ec2\n", "")),
        (["pwd"], Answer(0, "/root\n", "")),
        (["sh", "-c", "echo $LANG $USER; echo oops >&2"], Answer(0, "C.UTF-8 root\n", "oops\n")),
    ],
)
def test_ssh_passes_words_streams_and_the_exit_code_on(town: Town, command: list[str], expected: Answer) -> None:
    """A login asks nothing and says nothing of its own."""
    assert town.run("laptop", *ssh_argv("ec2", command)) == expected


def test_ssh_gives_a_login_shell_with_a_prompt(town: Town) -> None:
    """It is bash on a terminal of the instance's own, with the instance's name."""
    answer = town.run("laptop", "sh", "-c", "echo 'tty; exit 3' | ssh -tt -- ec2")

    assert answer.code == 3
    assert "[root@ec2 ~]# " in answer.out
    assert "/dev/pts/" in answer.out


def test_ssh_to_a_node_that_is_not_known_to_have_it_is_refused(town: Town) -> None:
    """The far kernel answers, there is no sshd."""
    answer = town.run("laptop", *ssh_argv("www.alphavantage.co"))

    assert answer.code == 255
    assert "port 22: Connection refused" in answer.err


@pytest.mark.parametrize(
    ("node", "url", "code"),
    [
        ("ec2", "https://www.alphavantage.co/", 0),
        ("ec2", "https://203.0.113.80/", 0),
        ("laptop", "https://www.alphavantage.co/", 0),
        ("laptop", "https://ec2/", 0),
        ("laptop", "https://ec2-3-95-203-191.compute-1.amazonaws.com/", 0),
        ("laptop", "http://ec2/", 0),
        ("ec2", "https://alphavantage.co/", 6),  # no such name
        ("ec2", "https://nonesuch.example/", 6),
        ("laptop", "http://www.alphavantage.co/", 7),  # nobody listens on 80
    ],
)
def test_programs_inside_trust_the_labs_certificates(town: Town, node: str, url: str, code: int) -> None:
    """Every name and address of a node is in its certificate; what does not exist fails as in real life."""
    assert town.run(node, "curl", "-s", "-o", "/dev/null", url).code == code


def test_a_certificate_is_good_for_its_own_names_only(town: Town) -> None:
    """A name of another node, at this one's address, is not trusted."""
    redirected = ("--resolve", "ec2:443:203.0.113.80")

    assert town.run("laptop", "curl", "-s", *redirected, "https://ec2/").code == 60
    assert town.run("laptop", "curl", "-sk", *redirected, "https://ec2/").code == 0


def test_pythons_own_tls_trusts_the_lab_too(town: Town) -> None:
    """It looks certificates up by their hash."""
    program = "import urllib.request as u; print(u.urlopen('https://www.alphavantage.co/').status)"

    assert town.run("ec2", "python3", "-c", program) == Answer(0, "200\n", "")


def test_nothing_outside_the_lab_trusts_its_authority(town: Town) -> None:
    """The machine's own bundle does not hold it, and the lab's holds nothing of the machine's."""
    bundle = town.run("ec2", "cat", "/etc/ssl/certs/ca-certificates.crt").out
    listing = town.run("ec2", "ls", "/etc/ssl/certs").out.split()
    machine = Path("/etc/ssl/certs/ca-certificates.crt")

    assert bundle.count("BEGIN CERTIFICATE") == 1
    assert listing == [f"{CA_HASH}.0", "ca-certificates.crt"]
    assert not machine.exists() or bundle.strip() not in machine.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("node", "question", "answer"),
    [
        ("ec2", "www.alphavantage.co", "203.0.113.80"),
        ("ec2", "@169.254.169.253 www.alphavantage.co", "203.0.113.80"),
        ("ec2", "@fd00:ec2::253 www.alphavantage.co", "203.0.113.80"),
        ("ec2", "+tcp www.alphavantage.co", "203.0.113.80"),
        ("ec2", "laptop AAAA", "2001:db8:f::7"),
        ("ec2", "ec2.ec2.internal", "10.0.1.10"),
        ("ec2", "+search ec2", "10.0.1.10"),
        ("ec2", "ip-10-0-1-11.ec2.internal", "10.0.1.11"),
        ("ec2", "-x 10.0.1.10", "ip-10-0-1-10.ec2.internal."),
        ("ec2", "ec2-3-95-203-191.compute-1.amazonaws.com", "10.0.1.10"),
        ("laptop", "@203.0.113.53 ec2-3-95-203-191.compute-1.amazonaws.com", "3.95.203.191"),
        ("laptop", "@203.0.113.53 www.alphavantage.co", "203.0.113.80"),
        ("laptop", "@203.0.113.53 ip-10-0-1-10.ec2.internal", ""),
        ("ec2", "www.alphavantage.co AAAA", ""),
        ("ec2", "alphavantage.co", ""),
    ],
)
def test_the_resolvers_know_the_lab(town: Town, node: str, question: str, answer: str) -> None:
    """Inside, a public name leads to the private address; outside, private names are unknown."""
    assert town.run(node, "dig", "+short", "+tries=1", *question.split()).out.strip() == answer


def test_a_name_that_is_not_the_labs_does_not_exist(town: Town) -> None:
    """The answer is NXDOMAIN at once; nobody upstream is asked."""
    assert "status: NXDOMAIN" in town.run("ec2", "dig", "+tries=1", "www.example.com").out
    assert "status: NOERROR" in town.run("ec2", "dig", "+tries=1", "laptop").out


def _metadata(town: Town, path: str) -> str:
    base = "http://169.254.169.254/latest"
    script = (
        f"T=$(curl -sf -X PUT {base}/api/token -H 'X-aws-ec2-metadata-token-ttl-seconds: 60') && "
        f'curl -sf -H "X-aws-ec2-metadata-token: $T" {base}/{path}'
    )
    return town.run("ec2", "sh", "-c", script).out


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("meta-data/local-ipv4", "10.0.1.10"),
        ("meta-data/public-ipv4", "3.95.203.191"),
        ("meta-data/security-groups", "web\nbase"),
        ("meta-data/mac", MAC),
        ("meta-data/local-hostname", "ip-10-0-1-10.ec2.internal"),
        ("meta-data/placement/", "availability-zone\nregion"),
        (f"meta-data/network/interfaces/macs/{MAC}/local-ipv4s", "10.0.1.10\n10.0.1.11"),
        ("meta-data/nonesuch", ""),
    ],
)
def test_the_metadata_service_knows_who_asks(town: Town, path: str, text: str) -> None:
    """With a session token, by the source address."""
    assert _metadata(town, path) == text


def test_the_metadata_service_wants_a_token(town: Town) -> None:
    """IMDSv2 only: without one, with a wrong one, and for a token without a lifetime, it refuses."""
    ask = ("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}")
    base = "http://169.254.169.254/latest"

    assert town.run("ec2", *ask, f"{base}/meta-data/").out == "401"
    assert town.run("ec2", *ask, "-H", "X-aws-ec2-metadata-token: wrong", f"{base}/meta-data/").out == "401"
    assert town.run("ec2", *ask, "-X", "PUT", f"{base}/api/token").out == "400"
    assert _metadata(town, "meta-data/instance-id").startswith("i-0")


def test_the_metadata_service_follows_a_change_of_groups(town: Town) -> None:
    """Its table is read anew for every request."""
    changed = replace(
        LAB, instances={"ec2": replace(LAB.instances["ec2"], interfaces=(replace(ENI, security_groups=("db",)),))}
    )
    before = File(metadata_text(LAB, MACS).encode())
    try:
        write_files(town.folder, {METADATA: File(metadata_text(changed, MACS).encode())})
        assert _metadata(town, "meta-data/security-groups") == "db"
    finally:
        write_files(town.folder, {METADATA: before})
    assert _metadata(town, "meta-data/security-groups") == "web\nbase"


NTP_QUERY = """
import socket, struct, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(5)
s.connect(("169.254.169.123", 123))
s.send(struct.pack("!B39x8s", 0x23, b"originat"))
answer = s.recv(100)
seconds = struct.unpack("!I", answer[40:44])[0] - 2208988800
print(len(answer), answer[0] & 7, answer[24:32].decode(), abs(seconds - time.time()) < 5)
"""


def test_the_time_service_answers(town: Town) -> None:
    """As a server of stratum 1, with the query's own time stamp and the right time."""
    assert town.run("ec2", "python3", "-c", NTP_QUERY) == Answer(0, "48 4 originat True\n", "")


@pytest.mark.parametrize("place", ["tcp/3.95.203.191", "udp/3.95.203.191", "udp/2001:db8:0:100::10", "udp/10.0.1.11"])
def test_the_echo_service_gives_back_what_it_gets(town: Town, place: str) -> None:
    """Over both protocols and families, from the address that was asked."""
    script = f"exec 3<>/dev/{place}/7; echo hello >&3; timeout 5 head -c6 <&3"

    assert town.run("laptop", "bash", "-c", script) == Answer(0, "hello\n", "")


def test_a_program_that_cannot_serve_is_reported_with_what_it_said(town: Town) -> None:
    """The message has the last line of its log."""
    argv = ("dnsmasq", "-k", "--no-such-option")
    daemon = process.Daemon("bad", town.kernel_name("laptop"), argv, town.folder / "log" / "bad", ((17, 53),))
    pids = process.start([daemon])

    with pytest.raises(KernelError, match=r"bad in .*:laptop: ended at once: .*bad command line options"):
        process.wait_listening([daemon], pids)


def test_the_services_do_not_outlive_their_namespaces_processes(town: Town) -> None:
    """Everything that serves is found by its network namespace alone, sshd behind its view included."""
    pids = _members([town.kernel_name("ec2")])
    programs = {Path(f"/proc/{pid}/comm").read_text(encoding="ascii").strip() for pid in pids}

    assert "sshd" in programs
    assert not _members([town.kernel_name("laptop")])
