"""
A card on a bench, for tests: instance ── card ── outside, three namespaces of its own, the card loaded as rendered.

Packets are netlab's probes. What became of one is told by the card's log records and by a tap at the far end.
"""

import itertools
import os
import select
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from ipaddress import ip_address, ip_network

from netlab.compile.card import CardParts, compile_card
from netlab.kernel import netns
from netlab.kernel.carrier import wait_devices
from netlab.kernel.logs import LogReader
from netlab.kernel.taps import Tap
from netlab.model.notation import parse_rule
from netlab.model.packets import LEAST_SIZE, Packet
from netlab.model.rules import (
    ICMP,
    ICMPV6,
    TCP,
    UDP,
    Direction,
    GroupRef,
    Ports,
    PrefixList,
    PrefixListRef,
    Rule,
    SecurityGroup,
    Traffic,
)
from netlab.model.topology import Instance, Interface, Lab, Subnet, Vpc
from netlab.plan.render import render_nft, render_set, render_table
from netlab.probe.cookies import Cookies
from netlab.probe.encoding import encode

OWN, OWN6 = ip_address("10.0.1.10"), ip_address("2001:db8:0:100::10")
PEER, PEER6 = ip_address("198.51.100.7"), ip_address("2001:db8:ff::7")
MEMBER, MEMBER6 = ip_address("10.0.1.20"), ip_address("2001:db8:0:100::20")

EXECUTABLE = {4: "iptables-legacy", 6: "ip6tables-legacy"}
_MACS = {name: f"02:00:00:00:00:0{number}" for number, name in enumerate(("instance", "inst", "vpc", "outside"))}
_SERIAL = itertools.count()
_PATIENCE_S = 5.0
_SILENCE_S = 1.0


def rule_from_text(text: str, rule_id: str, peers: tuple[str, ...] = ()) -> Rule:
    """Read ``ingress tcp/22 from 0.0.0.0/0``; a peer that is no network is a group, or a prefix list of *peers*."""
    word, _, rest = text.partition(" ")
    direction = Direction(word)
    asked = parse_rule(rest, direction)
    names = {"tcp": TCP, "udp": UDP, "icmp": ICMP, "icmpv6": ICMPV6}
    number = None if asked.protocol == "-1" else names.get(asked.protocol) or int(asked.protocol)
    traffic = Traffic(number)
    if number in {TCP, UDP}:
        traffic = Traffic(number, Ports(asked.from_port, asked.to_port))
    elif number in {ICMP, ICMPV6} and asked.from_port != -1:
        traffic = Traffic(number, None, asked.from_port, None if asked.to_port == -1 else asked.to_port)
    if asked.peer in peers:
        return Rule(rule_id, direction, traffic, PrefixListRef(asked.peer))
    try:
        return Rule(rule_id, direction, traffic, ip_network(asked.peer))
    except ValueError:
        return Rule(rule_id, direction, traffic, GroupRef(asked.peer))


def lab_with(*rules: str, lists: dict[str, list[str]] | None = None, scale: float = 1.0, **interface: object) -> Lab:
    """
    Return a lab whose instance ``ec2`` has one group, ``web``, with these rules: ``ID: ingress tcp/22 from web``.

    A second instance, ``peer``, is a member of the group ``friends``.
    """
    prefix_lists = {
        name: PrefixList(name, 10, tuple(map(ip_network, entries))) for name, entries in (lists or {}).items()
    }
    read = [rule_from_text(text, name, tuple(prefix_lists)) for name, text in (each.split(": ", 1) for each in rules)]
    web = SecurityGroup(
        "web",
        tuple(each for each in read if each.direction is Direction.INGRESS),
        tuple(each for each in read if each.direction is Direction.EGRESS),
    )
    card = Interface("ec2", "eth0", True, "public", (OWN,), (OWN6,), None, ("web",))
    other = Interface("peer", "eth0", True, "public", (MEMBER,), (MEMBER6,), None, ("friends",))
    return Lab(
        "bench",
        Vpc(ip_network("10.0.0.0/16"), ip_network("2001:db8:0:100::/56")),
        {"public": Subnet("public", ip_network("10.0.1.0/24"), ip_network("2001:db8:0:100::/64"))},
        {"web": web, "friends": SecurityGroup("friends")},
        prefix_lists,
        instances={
            "ec2": Instance("ec2", (replace(card, **interface),)),
            "peer": Instance("peer", (other,)),
        },
        scale=scale,
    )


class Bench:
    """A card and the two ends beside it."""

    def __init__(self) -> None:
        stem = f"nlb-{os.getpid()}-{next(_SERIAL)}"
        self.names = [f"{stem}-{part}" for part in ("inst", "card", "vpc")]
        self.instance, self.card, self.outside = self.names
        self._sent = Cookies(os.urandom(4))
        self._number = itertools.count(1)

    def build(self) -> None:
        """Make the namespaces and the wires; the card is empty."""
        for name in self.names:
            netns.create(name)
            self._ip(name, "link set lo up")
        self._ip(self.card, f"link add inst type veth peer name eth0 netns {self.instance}")
        self._ip(self.card, f"link add vpc type veth peer name eth0 netns {self.outside}")
        for name, device, mac in (
            (self.instance, "eth0", _MACS["instance"]),
            (self.card, "inst", _MACS["inst"]),
            (self.card, "vpc", _MACS["vpc"]),
            (self.outside, "eth0", _MACS["outside"]),
        ):
            self.run(name, "sysctl", "-qw", f"net.ipv6.conf.{device}.accept_dad=0")
            self._ip(name, f"link set {device} address {mac} mtu 9001 up")
        for device, mac, networks in (
            ("inst", _MACS["instance"], (OWN, OWN6)),
            ("vpc", _MACS["outside"], ("default", "::/0")),
        ):
            for network, gateway in zip(networks, ("192.0.2.1", "fe80::1"), strict=True):
                address = str(network) if device == "inst" else gateway
                self._ip(self.card, f"neigh add {address} dev {device} lladdr {mac} nud permanent")
                via = "" if device == "inst" else f"via {gateway} onlink"
                family = "-6" if ":" in str(network) else "-4"
                self._ip(self.card, f"route add {network} dev {device} {via}", family)
        for name in self.names:
            wait_devices(name, ("eth0", "inst", "vpc"))
        self.ends = {Direction.EGRESS: Tap(self.instance, "eth0"), Direction.INGRESS: Tap(self.outside, "eth0")}
        self.logs = LogReader(self.card)

    def close(self) -> None:
        """Take everything down; tolerant."""
        for each in [*getattr(self, "ends", {}).values(), *([self.logs] if hasattr(self, "logs") else [])]:
            each.close()
        for name in self.names:
            netns.ensure_absent(name)

    def load(self, lab: Lab) -> CardParts:
        """Load the whole card of ``ec2``."""
        parts = compile_card(lab, lab.interface("ec2"))
        self.run(self.card, "sysctl", "-qw", *(f"net/{path}={value}" for path, value in parts.sysctls))
        self.change(lab)
        self.run(self.card, "nft", "-f", "-", text="".join(map(render_nft, parts.nft)))
        return parts

    def change(self, lab: Lab) -> CardParts:
        """Replace the sets' members and the tables, as a change of rules does; the memory stays."""
        parts = compile_card(lab, lab.interface("ec2"))
        for each in parts.sets:
            create, *adds = render_set(each).splitlines()
            self.run(self.card, "ipset", "-exist", "restore", text="\n".join([create, f"flush {each.name}", *adds, ""]))
        for family in (4, 6):
            text = "".join(render_table(table) for table in parts.tables if table.family == family)
            self.run(self.card, f"{EXECUTABLE[family]}-restore", "-w", text=text)
        return parts

    def send(
        self,
        direction: Direction,
        packet: Packet,
        *,
        order: slice = slice(None),
        cut: Callable[[bytes], list[bytes]] | None = None,
    ) -> list[str]:
        """
        Send one packet and return the tags of its records, in order; *order* turns its fragments around.

        *cut* makes them of the whole packet; else they are those of a sender with an MTU of 1500.

        That what the card passed arrives, and nothing else does, is asserted.
        """
        for tap in self.ends.values():
            tap.read()
        self.logs.discard()
        cookie = self._sent.cookie(number := next(self._number))
        frames = encode(packet, cookie, ident=number, mtu=1500 if cut is None else 9001)
        if cut is not None:
            frames = cut(frames[0])
        for data in frames[order]:
            self.ends[direction].send(self._frame(direction, data))
        return self._outcome(self.ends[direction.opposite], len(frames))

    def pour(self, direction: Direction, packets: list[Packet], *, times: int) -> int:
        """Send packets over and over, as fast as can be; return how many of each were sent."""
        frames = [
            self._frame(direction, data)
            for each in packets
            for data in encode(each, self._sent.cookie(next(self._number)), ident=0, mtu=9001)
        ]
        for _ in range(times):
            for frame in frames:
                self.ends[direction].send(frame)
        return times

    def poured(self, direction: Direction, wanted: int) -> list[bytes]:
        """Return the packets that reached the far end: as many as wanted, or until nothing more comes."""
        far, found = self.ends[direction.opposite], []
        while len(found) < wanted and select.select([far], [], [], _SILENCE_S)[0]:
            found += [frame.packet for frame in far.read() if not frame.outgoing]
        return found

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Wait for something that comes true by itself, such as the end of a timer of some seconds."""
        deadline = time.monotonic() + 2 * _PATIENCE_S
        while not condition():
            assert time.monotonic() < deadline, "what was waited for did not come"
            select.select([], [], [], 0.05)

    def saved(self, family: int) -> list[str]:
        """Return the lines of ``iptables-legacy-save`` that are no remarks."""
        text = self.run(self.card, f"{EXECUTABLE[family]}-save")
        return [line for line in text.splitlines() if line and not line.startswith("#")]

    def run(self, name: str, *command: str, text: str = "") -> str:
        """Run a program in a namespace, and fail with its own words."""
        done = subprocess.run(
            ["ip", "netns", "exec", name, *command], input=text, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{command}: {done.stderr}"
        return done.stdout

    @staticmethod
    def _frame(direction: Direction, data: bytes) -> bytes:
        towards = _MACS["inst" if direction is Direction.EGRESS else "vpc"]
        return (
            bytes.fromhex(towards.replace(":", ""))
            + bytes(6)
            + (b"\x08\x00" if data[0] >> 4 == 4 else b"\x86\xdd")
            + data
        )

    def _ip(self, name: str, words: str, *options: str) -> None:
        done = subprocess.run(["ip", "-n", name, *options, *words.split()], capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"ip -n {name} {words}: {done.stderr}"

    def _outcome(self, far: Tap, pieces: int) -> list[str]:
        tags: list[str] = []
        self.arrived: list[bytes] = []
        deadline = time.monotonic() + _PATIENCE_S
        while time.monotonic() < deadline:
            select.select([far, self.logs], [], [], 0.05)
            tags += [record.prefix for record in self.logs.read()]
            self.arrived += [frame.packet for frame in far.read() if not frame.outgoing]
            if tags and (tags[-1].startswith("-") or len(self.arrived) >= pieces):
                break
        assert tags, "no gate says anything of the packet"
        assert bool(self.arrived) == tags[-1].startswith("+"), f"{tags}, and {len(self.arrived)} pieces arrived"
        return tags


@contextmanager
def card_bench() -> Iterator[Bench]:
    """Hand over a bench, and take it down at the end."""
    bench = Bench()
    try:
        bench.build()
        yield bench
    finally:
        bench.close()


def packet(
    direction: Direction, protocol: int, ports: tuple[int, int] = (0, 0), flags: str = "", **fields: object
) -> Packet:
    """Return a packet between the instance and its peer; *ports* are (the instance's, the peer's)."""
    family = fields.pop("family", 6 if protocol == ICMPV6 else 4)
    own, far = (OWN, PEER) if family == 4 else (OWN6, PEER6)
    own, far = fields.pop("own", own), fields.pop("far", far)
    found = Packet(far, own, protocol, flags=flags, size=LEAST_SIZE)
    if protocol in {TCP, UDP}:
        found = replace(found, sport=ports[1], dport=ports[0])
    if direction is Direction.EGRESS:
        found = found.answered()
    return replace(found, **fields)
