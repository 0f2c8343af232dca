"""
Ground for the probe's tests: a small lab of throw-away namespaces, made by hand with iproute2 and iptables-legacy, so
that nothing here stands on `compile`.

Its gates speak by tags as the real ones do. What they decide is simple: into an instance, TCP port 22, UDP and pings;
out of it everything but TCP port 25; TCP port 99 is lost in the gateway without a word.
"""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address, ip_network
from itertools import count

from netlab.kernel.carrier import wait_devices
from netlab.kernel.netns import create, ensure_absent
from netlab.model.acls import NetworkAcl
from netlab.model.topology import Host, Instance, Interface, Lab, Subnet, Vpc
from netlab.plan.nouns import kernel_name

_NUMBERS = count()
_GATEWAY = {4: "169.254.0.1", 6: "fe80::1"}
_DSCP = "-m dscp --dscp 0x3d"
_LOGGED = "-m tos --tos 0xf0/0xf8"  # 0x3c and 0x3d

CARD = """
-A FORWARD -i vpc {dscp} -p tcp --dport 22 -j NFLOG --nflog-group 1 --nflog-prefix "+ingress RULE sgr-ssh"
-A FORWARD -i vpc -p tcp --dport 22 -j ACCEPT
-A FORWARD -i vpc {dscp} -p udp -j NFLOG --nflog-group 1 --nflog-prefix "+ingress RULE sgr-udp"
-A FORWARD -i vpc -p udp -j ACCEPT
-A FORWARD -i vpc {dscp} -p {icmp} -j NFLOG --nflog-group 1 --nflog-prefix "+ingress UNTRACKED sgr-icmp"
-A FORWARD -i vpc -p {icmp} -j ACCEPT
-A FORWARD -i vpc {dscp} -p tcp --tcp-flags SYN,ACK SYN -j NFLOG --nflog-group 1 --nflog-prefix "-ingress NO_RULE"
-A FORWARD -i vpc -p tcp --tcp-flags SYN,ACK SYN -j NFLOG --nflog-group 1 --nflog-prefix "-ingress NO_RULE"
-A FORWARD -i vpc -p tcp --tcp-flags SYN,ACK SYN -j DROP
-A FORWARD -i vpc {dscp} -j NFLOG --nflog-group 1 --nflog-prefix "+ingress TRACKED"
-A FORWARD -i inst {dscp} -p tcp --dport 25 -j NFLOG --nflog-group 1 --nflog-prefix "-egress NO_RULE"
-A FORWARD -i inst -p tcp --dport 25 -j DROP
-A FORWARD -i inst {dscp} -j NFLOG --nflog-group 1 --nflog-prefix "+egress RULE sgr-out"
"""
ROUTER = """
-A FORWARD -i c+ {dscp} -j NFLOG --nflog-group 1 --nflog-prefix "+acl/default/egress ACL 100"
-A FORWARD -o c+ {dscp} -j NFLOG --nflog-group 1 --nflog-prefix "+acl/default/ingress ACL 100"
"""
GATEWAY = "-A FORWARD -p tcp --dport 99 -j DROP\n"


class Ground:
    """The lab's namespaces, built at once."""

    def __init__(self) -> None:
        self.lab = _lab(f"probe-{os.getpid()}-{next(_NUMBERS)}")
        self._links = count()

    def name(self, namespace: str) -> str:
        """Return the kernel's name."""
        return kernel_name(self.lab.name, namespace)

    def build(self) -> None:
        """Make everything."""
        for namespace in _NAMESPACES:
            create(self.name(namespace))
            self._settings(namespace)
        for index, node in enumerate(("ec2", "db")):
            inside = [str(each) for each in self.lab.interface(node).addresses]
            self._link(node, "eth0", f"{node}:eth0", "inst", mtu=9001)
            self._link(f"{node}:eth0", "vpc", ":vpc", f"c{index}", mtu=9001)
            self._own(node, "eth0", inside)
            self._route(f"{node}:eth0", "inst", inside)
            self._route(f"{node}:eth0", "vpc", ["0.0.0.0/0", "::/0"])
            self._route(":vpc", f"c{index}", inside)
            self._tables(f"{node}:eth0", CARD)
        self._link(":vpc", "igw", ":igw", "vpc", mtu=1500)
        self._link(":igw", "inet", ":internet", "igw", mtu=1500)
        self._link(":internet", "h0", "laptop", "eth0", mtu=1500)
        self._own(":vpc", "lo", ["10.0.0.2"])
        self._own("laptop", "eth0", [str(each) for each in self.lab.hosts["laptop"].addresses])
        for namespace, device in ((":vpc", "igw"), (":igw", "inet")):
            self._route(namespace, device, ["0.0.0.0/0", "::/0"])
        for namespace, device in ((":igw", "vpc"), (":internet", "igw")):
            self._route(namespace, device, ["10.0.0.0/16", "2001:db8:1::/56"])
        self._route(":internet", "h0", ["198.51.100.7", "2001:db8:2::7"])
        for namespace in _NAMESPACES:
            wait_devices(self.name(namespace), _DEVICES)
        self._tables(":vpc", ROUTER)
        self._tables(":igw", GATEWAY)

    def remove(self) -> None:
        """Delete everything, also what was only begun."""
        for namespace in _NAMESPACES:
            ensure_absent(self.name(namespace))

    def _settings(self, namespace: str) -> None:
        settings = ["net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1", "net.ipv4.conf.all.rp_filter=0"]
        settings += ["net.ipv4.conf.default.rp_filter=0", "net.ipv6.conf.default.accept_dad=0"]
        run(["ip", "netns", "exec", self.name(namespace), "sysctl", "-qw", *settings])
        self._ip(namespace, "link set lo up")
        if ":" not in namespace:
            for family in (4, 6):
                self._restore(namespace, family, "raw", f"-A PREROUTING {_DSCP} -j DROP\n")

    def _link(self, one: str, device: str, other: str, peer: str, *, mtu: int) -> None:
        number = next(self._links)
        macs = [f"02:00:00:00:{number:02x}:{end:02x}" for end in (1, 2)]
        self._ip(
            one,
            f"link add {device} mtu {mtu} address {macs[0]} type veth "
            f"peer name {peer} mtu {mtu} address {macs[1]} netns {self.name(other)}",
        )
        for namespace, name, mac in ((one, device, macs[1]), (other, peer, macs[0])):
            self._ip(
                namespace,
                f"link set {name} up",
                *(f"neigh add {gateway} lladdr {mac} dev {name} nud permanent" for gateway in _GATEWAY.values()),
            )

    def _own(self, namespace: str, device: str, addresses: list[str]) -> None:
        self._ip(namespace, *(f"addr add {each}/{_bits(each)} dev {device}" for each in addresses))
        if device != "lo":
            self._route(namespace, device, ["0.0.0.0/0", "::/0"])

    def _route(self, namespace: str, device: str, targets: list[str]) -> None:
        lines = (
            f"route add {target} via {_GATEWAY[family]} dev {device} onlink"
            for target in targets
            for family in [6 if ":" in target else 4]
        )
        self._ip(namespace, *lines)

    def _tables(self, namespace: str, rules: str) -> None:
        for family, icmp in ((4, "icmp"), (6, "ipv6-icmp")):
            self._restore(namespace, family, "filter", rules.format(dscp=_LOGGED, icmp=icmp).lstrip())

    def _restore(self, namespace: str, family: int, table: str, rules: str) -> None:
        tool = "iptables-legacy-restore" if family == 4 else "ip6tables-legacy-restore"
        run(["ip", "netns", "exec", self.name(namespace), tool, "-w"], f"*{table}\n{rules}COMMIT\n")

    def _ip(self, namespace: str, *lines: str) -> None:
        run(["ip", "-n", self.name(namespace), "-batch", "-"], "\n".join(lines) + "\n")


@contextmanager
def running_ground() -> Iterator[Ground]:
    """Build a ground, and remove it whatever happens."""
    ground = Ground()
    try:
        ground.build()
        yield ground
    finally:
        ground.remove()


def run(command: list[str], text: str = "") -> str:
    """Run a program to its end; what it printed."""
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}: {done.stderr}"
    return done.stdout


_NAMESPACES = ("ec2", "ec2:eth0", "db", "db:eth0", ":vpc", ":igw", ":internet", "laptop")
_DEVICES = ("eth0", "inst", "vpc", "c0", "c1", "igw", "inet", "h0")


def _bits(address: str) -> int:
    return 128 if ":" in address else 32


def _lab(name: str) -> Lab:
    subnets, instances = {}, {}
    for number, node in ((1, "ec2"), (2, "db")):
        subnets[node] = Subnet(
            node, ip_network(f"10.0.{number}.0/24"), ip_network(f"2001:db8:1:{number}::/64"), internet=True
        )
        interface = Interface(
            node,
            "eth0",
            primary=True,
            subnet=node,
            ipv4=(ip_address(f"10.0.{number}.10"),),
            ipv6=(ip_address(f"2001:db8:1:{number}::10"),),
        )
        instances[node] = Instance(node, (interface,))
    return Lab(
        name,
        Vpc(ip_network("10.0.0.0/16"), ip_network("2001:db8:1::/56")),
        subnets,
        acls={"default": NetworkAcl("default")},
        instances=instances,
        hosts={"laptop": Host("laptop", (ip_address("198.51.100.7"), ip_address("2001:db8:2::7")))},
    )
