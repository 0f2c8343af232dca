"""
The things that real files describe, whichever kind they are: groups, lists, networks and nodes under the keys their
files know them by. Neither lab names nor netlab's defaults are known here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from netlab.formats.import_places import Place
from netlab.model.acls import AclEntry
from netlab.model.addresses import Cidr
from netlab.model.rules import Direction, Traffic
from netlab.model.topology import ConnectionTracking

DEFAULT_OF_VPC = "default-of-vpc"
"""The key of the VPC's default group, where a file names it without its id."""


@dataclass(frozen=True, slots=True)
class GroupKey:
    """
    A security group by the key of its file: an id, or where it is defined.

    Attributes:
        foreign: Why the lab cannot have it (``of account 111122223333``); empty = it can.
        outside: An id that a template or a plan names: the group may exist without standing in any file.
    """

    key: str
    foreign: str = field(default="", compare=False)
    outside: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class ListKey:
    """A prefix list, likewise."""

    key: str


FoundPeer = Cidr | GroupKey | ListKey
RuleProperties = tuple[Direction, Traffic, FoundPeer]


@dataclass(frozen=True, slots=True)
class FoundRule:
    """A rule, its words checked; its peer is still a key."""

    direction: Direction
    traffic: Traffic
    peer: FoundPeer
    place: Place
    description: str = ""
    id: str = ""

    @property
    def properties(self) -> RuleProperties:
        """What makes two rules of one group the same."""
        return (self.direction, self.traffic, self.peer)


@dataclass(slots=True)
class FoundGroup:
    """
    A security group.

    Attributes:
        vpc: Key of its VPC; empty = unknown, so that it fits any.
        merges: The same rule twice means once (Terraform reads separate rules back into the group).
    """

    key: str
    name: str
    place: Place
    vpc: str = ""
    description: str = ""
    rules: list[FoundRule] = field(default_factory=list)
    merges: bool = False


@dataclass(slots=True)
class FoundList:
    """A prefix list; ``entries`` None = in no file."""

    key: str
    name: str
    place: Place
    max_entries: int = 0
    entries: list[Cidr] | None = None


@dataclass(slots=True)
class FoundVpc:
    """A VPC."""

    key: str
    cidr: IPv4Network
    place: Place
    ipv6: IPv6Network | None = None


@dataclass(slots=True)
class FoundSubnet:
    """A subnet; ``public`` = it gives new interfaces a public address."""

    key: str
    name: str
    cidr: IPv4Network
    place: Place
    vpc: str = ""
    ipv6: IPv6Network | None = None
    public: bool = False


@dataclass(slots=True)
class FoundInterface:
    """
    An interface.

    Attributes:
        subnet: Key of its subnet; empty = unknown.
        public: None = none, or (``wants_public``) one that is not known.
    """

    key: str
    place: Place
    subnet: str = ""
    vpc: str = ""
    groups: tuple[GroupKey, ...] = ()
    ipv4: tuple[IPv4Address, ...] = ()
    ipv6: tuple[IPv6Address, ...] = ()
    public: IPv4Address | None = None
    wants_public: bool = False
    source_dest_check: bool = True
    tracking: ConnectionTracking = field(default_factory=ConnectionTracking)
    index: int = 0


@dataclass(slots=True)
class FoundNode:
    """Whatever carries security groups, and its interfaces by their keys."""

    key: str
    kind: str
    name: str
    place: Place
    interfaces: dict[str, FoundInterface] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FoundRoute:
    """A route; ``kind``: ``internet``, ``nat``, ``interface``, ``instance``."""

    cidr: Cidr
    kind: str
    target: str
    place: Place


@dataclass(slots=True)
class FoundTable:
    """A route table; ``main`` serves the subnets of its VPC that no table names."""

    key: str
    place: Place
    vpc: str = ""
    main: bool = False
    subnets: list[str] = field(default_factory=list)
    routes: list[FoundRoute] = field(default_factory=list)


@dataclass(slots=True)
class FoundNat:
    """A NAT gateway."""

    key: str
    name: str
    place: Place
    subnet: str
    public: IPv4Address | None = None
    ip: IPv4Address | None = None


@dataclass(slots=True)
class FoundAcl:
    """A network ACL; ``default`` = the one of its VPC."""

    key: str
    name: str
    place: Place
    vpc: str = ""
    default: bool = False
    entries: dict[Direction, list[AclEntry]] = field(default_factory=lambda: {each: [] for each in Direction})
    subnets: list[str] = field(default_factory=list)


Sited = FoundGroup | FoundSubnet | FoundTable | FoundAcl
"""What says of which VPC it is."""
