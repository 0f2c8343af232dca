"""
Netfilter's nouns: what a lab is to the kernel, as data. `compile` writes a Plan, `kernel` carries it out.

Names of namespaces here are short; the kernel's are made by `kernel_name`. A node's namespace has the node's name,
a card's is NODE:ENI, the routers' are ``:vpc``, ``:igw``, ``:internet`` and ``:nat:NAME`` (no user's name can hold a
colon).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network

VPC, IGW, INTERNET = ":vpc", ":igw", ":internet"

PROBE_DSCP = 0x3D
"""Marks netlab's own packets: endpoints drop them behind the tap, gates log them. No SG rule can look at it."""

REAL_DSCP = 0x3C
"""Marks real programs' packets whose way is to be told: gates log them like probes, endpoints take them."""

LOG_GROUP = 1
"""The NFLOG group on which every gate speaks, in its own namespace."""

PREFIX = "netlab"


def kernel_name(lab: str, namespace: str) -> str:
    """Return the name under which the kernel knows a lab's namespace."""
    return f"{PREFIX}:{lab}:{namespace}"


def card_name(node: str, interface: str) -> str:
    """Return the short name of an interface's card."""
    return f"{node}:{interface}"


def nat_name(gateway: str) -> str:
    """Return the short name of a NAT gateway's namespace."""
    return f":nat:{gateway}"


@dataclass(frozen=True, slots=True)
class Match:
    """
    One ``-m`` of a rule.

    Attributes:
        name: ``tcp``, ``conntrack``, ``set``, ``connmark`` …
        options: In iptables' spelling without dashes, and the value (empty = a flag). A leading ``!`` in the
            value negates it.
    """

    name: str
    options: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Target:
    """The ``-j`` (or, with ``goto``, the ``-g``) of a rule: a built-in target, an extension or a chain."""

    name: str
    options: tuple[tuple[str, str], ...] = ()
    goto: bool = False


@dataclass(frozen=True, slots=True)
class FilterRule:
    """
    One rule of an xtables chain.

    Attributes:
        comment: The tag (tags.py) by which its counter and its log records come back to the SG rule; empty = none.
        protocol: IANA number; None = any.
        source: Network the packet comes from; None = any. Likewise ``destination``.
    """

    target: Target
    comment: str = ""
    protocol: int | None = None
    source: IPv4Network | IPv6Network | None = None
    destination: IPv4Network | IPv6Network | None = None
    in_interface: str = ""
    out_interface: str = ""
    matches: tuple[Match, ...] = ()


@dataclass(frozen=True, slots=True)
class Chain:
    """A chain, its name at most 28 characters; ``policy`` (``ACCEPT``, ``DROP``) is for built-in ones, else empty."""

    name: str
    rules: tuple[FilterRule, ...] = ()
    policy: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """
    One xtables table; it is replaced as a whole, in one commit.

    Attributes:
        family: 4 or 6.
        name: ``filter``, ``raw``, ``mangle``.
        chains: A chain stands after every chain it jumps to, built-in ones included last.
    """

    family: int
    name: str
    chains: tuple[Chain, ...]


@dataclass(frozen=True, slots=True)
class IpSet:
    """
    An ipset.

    Attributes:
        kind: ``hash:net``, ``hash:ip``.
        timeout_s: Of an entry; None = entries stay.
        members: As ``ipset`` takes them. None = filled by rules at run time: a change leaves its content alone.
    """

    name: str
    kind: str
    family: int
    timeout_s: int | None = None
    members: frozenset[str] | None = frozenset()


@dataclass(frozen=True, slots=True)
class NftExpr:
    """
    One expression of a raw nftables rule, as netlink has it.

    Attributes:
        name: ``payload``, ``lookup`` …
        attributes: Netlink's attribute names without ``NFTA_NAME_``, in lower case (``dreg``, ``offset``), and numbers
            or text; in the order the kernel wants them.
    """

    name: str
    attributes: tuple[tuple[str, object], ...] = ()


@dataclass(frozen=True, slots=True)
class NftRawRule:
    """A rule the ``nft`` tool cannot spell; inserted at the head of its chain, in the order given."""

    chain: str
    expressions: tuple[NftExpr, ...]


@dataclass(frozen=True, slots=True)
class NftTable:
    """
    A table of nftables, for what iptables cannot say.

    Attributes:
        script: The body between the braces of ``table FAMILY NAME { … }``.
        raw_rules: What the tool cannot spell.
    """

    family: str
    name: str
    script: str
    raw_rules: tuple[NftRawRule, ...] = ()


@dataclass(frozen=True, slots=True)
class Route:
    """
    A route in a namespace's main table.

    Attributes:
        device: Empty for a route without one.
        gateway: None = the destination is on the link itself. A gateway need not be in any network of the
            device (``onlink``).
        kind: ``unicast``, ``blackhole``.
    """

    destination: IPv4Network | IPv6Network
    device: str = ""
    gateway: IPv4Address | IPv6Address | None = None
    kind: str = "unicast"
    table: int = 254


@dataclass(frozen=True, slots=True)
class PolicyRule:
    """A routing rule (``ip rule``): packets from a network, or in by a device, look into another table."""

    priority: int
    table: int
    family: int
    source: IPv4Network | IPv6Network | None = None
    in_interface: str = ""


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A permanent neighbour entry, or (``proxy``) an address to answer for."""

    device: str
    address: IPv4Address | IPv6Address
    mac: str = ""
    proxy: bool = False


@dataclass(frozen=True, slots=True)
class Device:
    """
    One end of a link in a namespace, or ``lo``; one that is in no link leads nowhere.

    Attributes:
        mac: Empty = the kernel's choice.
    """

    name: str
    addresses: tuple[IPv4Interface | IPv6Interface, ...] = ()
    mac: str = ""
    mtu: int = 0


@dataclass(frozen=True, slots=True)
class Link:
    """A veth pair between two namespaces: (namespace, device) twice."""

    one: tuple[str, str]
    other: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Namespace:
    """
    One namespace and all that netlab puts into it.

    Attributes:
        sysctls: Paths below ``net/`` (``ipv4/ip_forward``) and values; those of a device after it exists.
    """

    name: str
    devices: tuple[Device, ...] = ()
    sysctls: tuple[tuple[str, str], ...] = ()
    routes: tuple[Route, ...] = ()
    policy_rules: tuple[PolicyRule, ...] = ()
    neighbours: tuple[Neighbour, ...] = ()
    sets: tuple[IpSet, ...] = ()
    tables: tuple[Table, ...] = ()
    nft: tuple[NftTable, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole lab: namespaces keyed by short name, in the order to build them, and the links between them."""

    lab: str
    namespaces: Mapping[str, Namespace] = field(default_factory=dict)
    links: tuple[Link, ...] = ()
