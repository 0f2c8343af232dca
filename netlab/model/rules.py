"""
Security group rules, the groups and prefix lists that hold and name them.

A Rule is what AWS stores: final, normalised, with an id. What a user asks for is a RuleRequest
(changes.py), which `control` turns into a Rule or refuses.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from netlab.model.addresses import Cidr

ICMP, TCP, UDP, ICMPV6 = 1, 6, 17, 58

PROTOCOL_NUMBERS: dict[str, int] = {
    "icmp": 1, "igmp": 2, "ipip": 4, "tcp": 6, "egp": 8, "igp": 9, "udp": 17, "dccp": 33, "ipv6": 41, "rsvp": 46,
    "gre": 47, "esp": 50, "ah": 51, "icmpv6": 58, "eigrp": 88, "ospf": 89, "pim": 103, "vrrp": 112, "l2tp": 115,
    "sctp": 132, "udplite": 136,
}  # fmt: skip
"""IANA's names that netlab knows, in lower case. Any other protocol goes by its number."""

PROTOCOL_NAMES: dict[int, str] = {number: name for name, number in PROTOCOL_NUMBERS.items()}


class Direction(Enum):
    """Which way a packet goes, seen from the instance."""

    INGRESS = "ingress"
    EGRESS = "egress"

    @property
    def opposite(self) -> Direction:
        """The other direction."""
        return Direction.EGRESS if self is Direction.INGRESS else Direction.INGRESS


@dataclass(frozen=True, slots=True, order=True)
class Ports:
    """A range of destination ports; both ends are inclusive."""

    first: int
    last: int

    def __contains__(self, port: object) -> bool:
        return isinstance(port, int) and self.first <= port <= self.last

    def __str__(self) -> str:
        if self == ALL_PORTS:
            return "all"
        return str(self.first) if self.first == self.last else f"{self.first}-{self.last}"


ALL_PORTS = Ports(0, 65535)


@dataclass(frozen=True, slots=True)
class Traffic:
    """
    Which packets a rule speaks of, addresses aside.

    Attributes:
        protocol: IANA number; None = every protocol (AWS's ``-1``).
        ports: For TCP and UDP, always; else None.
        icmp_type: For ICMP and ICMPv6; None = every type.
        icmp_code: None = every code. Always None where the type is.
    """

    protocol: int | None
    ports: Ports | None = None
    icmp_type: int | None = None
    icmp_code: int | None = None

    def __str__(self) -> str:
        """Return netlab's notation: ``tcp/22``, ``udp/all``, ``icmp/8``, ``icmp/3/4``, ``gre``, ``99``, ``all``."""
        if self.protocol is None:
            return "all"
        name = PROTOCOL_NAMES.get(self.protocol, str(self.protocol))
        if self.ports is not None:
            return f"{name}/{self.ports}"
        if self.protocol in {ICMP, ICMPV6}:
            if self.icmp_type is None:
                return f"{name}/all"
            return f"{name}/{self.icmp_type}" + ("" if self.icmp_code is None else f"/{self.icmp_code}")
        return name


@dataclass(frozen=True, slots=True)
class GroupRef:
    """The members of a security group as a peer, by the group's name."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class PrefixListRef:
    """The entries of a prefix list as a peer, by the list's name."""

    name: str

    def __str__(self) -> str:
        return self.name


Peer = Cidr | GroupRef | PrefixListRef


@dataclass(frozen=True, slots=True)
class Rule:
    """
    One rule of a security group, as stored.

    Attributes:
        id: Unique in the lab; letters, digits, ``. _ -``, at most 40.
    """

    id: str
    direction: Direction
    traffic: Traffic
    peer: Peer
    description: str = ""

    @property
    def properties(self) -> tuple[Traffic, Peer]:
        """What makes two rules of one direction the same rule: neither id nor description."""
        return (self.traffic, self.peer)

    @property
    def is_void(self) -> bool:
        """
        Tell whether no packet can match: ``icmp`` with an IPv6 network, ``icmpv6`` with an IPv4 one.

        AWS takes such rules (aws-behaviour.md 1.3).
        """
        if isinstance(self.peer, GroupRef | PrefixListRef):
            return False
        return (self.traffic.protocol, self.peer.version) in {(ICMP, 6), (ICMPV6, 4)}

    def __str__(self) -> str:
        preposition = "from" if self.direction is Direction.INGRESS else "to"
        return f"{self.traffic} {preposition} {self.peer}"


@dataclass(frozen=True, slots=True)
class SecurityGroup:
    """
    A security group; its rules in the file's order, later ones appended.

    Attributes:
        aws_id: By which AWS knows it; empty = not known here. It decides nothing.
    """

    name: str
    ingress: tuple[Rule, ...] = ()
    egress: tuple[Rule, ...] = ()
    description: str = ""
    aws_id: str = ""

    def rules(self, direction: Direction) -> tuple[Rule, ...]:
        """Return the rules of one direction."""
        return self.ingress if direction is Direction.INGRESS else self.egress


@dataclass(frozen=True, slots=True)
class PrefixList:
    """
    A managed prefix list.

    Attributes:
        max_entries: What a rule naming the list counts against the quota.
        entries: Of one family.
        declared_family: 4 or 6, which it keeps also when it has no entries left; 0 = that of its first entry. Two
            lists that differ in it alone hold the same.
    """

    name: str
    max_entries: int
    entries: tuple[Cidr, ...] = ()
    declared_family: int = field(default=0, compare=False)

    @property
    def family(self) -> int:
        """4 or 6; 0 = it has never had an entry."""
        return self.declared_family or next((entry.version for entry in self.entries), 0)
