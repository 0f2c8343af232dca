"""
What real files say, whichever kind they are: groups, lists, networks and nodes under the keys their files know them by.

Describe output, CloudFormation and Terraform are read into Facts; assemble.py makes a Lab of them. Neither lab names
nor netlab's defaults are known here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from netlab.errors import Mistake
from netlab.formats.import_places import Place
from netlab.model.acls import AclEntry
from netlab.model.addresses import EVERYWHERE, Cidr
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
    def properties(self) -> tuple[Direction, Traffic, FoundPeer]:
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


@dataclass(frozen=True, slots=True)
class Unknown:
    """What a file refers to and does not tell: what it calls that, and why it cannot be told."""

    name: str
    why: str


@dataclass(slots=True)
class Facts:
    """
    Everything that was read so far.

    Attributes:
        unknown: What files refer to without telling its id, by the key that stands for it.
        guessed: VPCs of these that are taken for the lab's, with the place that names them first.
        listings: What describe-security-group-rules lists, by the group's key.
        late_rules: Rules of groups that another file may define, with the group's key.
        outlines: Groups that a file names without their rules, by their ids.
        loose_entries: Prefix list entries of files that do not say of which list they are.
        only_ipv6: Keys of subnets, and of interfaces, that have no IPv4.
    """

    groups: dict[str, FoundGroup] = field(default_factory=dict)
    listings: dict[str, list[FoundRule]] = field(default_factory=dict)
    outlines: dict[str, FoundGroup] = field(default_factory=dict)
    late_rules: list[tuple[str, FoundRule]] = field(default_factory=list)
    lists: dict[str, FoundList] = field(default_factory=dict)
    loose_entries: list[tuple[Place, list[Cidr]]] = field(default_factory=list)
    vpcs: dict[str, FoundVpc] = field(default_factory=dict)
    subnets: dict[str, FoundSubnet] = field(default_factory=dict)
    only_ipv6: set[str] = field(default_factory=set)
    nodes: dict[str, FoundNode] = field(default_factory=dict)
    interfaces: dict[str, FoundInterface] = field(default_factory=dict)
    tables: dict[str, FoundTable] = field(default_factory=dict)
    nats: dict[str, FoundNat] = field(default_factory=dict)
    acls: dict[str, FoundAcl] = field(default_factory=dict)
    unknown: dict[str, Unknown] = field(default_factory=dict)
    guessed: dict[str, Place] = field(default_factory=dict)
    mistakes: list[Mistake] = field(default_factory=list)
    unmodelled: dict[str, None] = field(default_factory=dict)

    def wrong(self, place: Place, text: str) -> None:
        """Note a mistake."""
        self.mistakes.append(place.says(text))

    def note(self, place: Place, text: str) -> None:
        """Note something that netlab does not model."""
        self.unmodelled[str(place.says(text))] = None

    def leave_out_subnet(self, key: str, place: Place) -> None:
        """Leave out a subnet that has no IPv4, and so whatever stands in it; note that."""
        self.only_ipv6.add(key)
        self.note(place, f"subnet {key} has IPv6 alone, netlab's have IPv4: left out, with what stands in it")

    def sited(self) -> list[Sited]:
        """Return everything that says of which VPC it is."""
        return [*self.groups.values(), *self.subnets.values(), *self.tables.values(), *self.acls.values()]

    def called(self, key: str) -> str:
        """Return what messages call a thing: its id, or its name in the file that defines it or refers to it."""
        return self.unknown[key].name if key in self.unknown else key.rpartition("#")[2]

    def absent(self, key: str) -> str:
        """Return what messages say of a thing that no file describes."""
        why = self.unknown[key].why if key in self.unknown else ""
        return f"{self.called(key)} ({why})" if why else f"{self.called(key)} is in no file"

    def add_outside(self, key: str, place: Place) -> FoundGroup:
        """Return the group of an id; where no file defines it, add one with AWS's defaults, and note that."""
        if key not in self.groups:
            group = self.outlines.get(key) or FoundGroup(key, key, place, merges=True)
            known = f"{group.name} is known by its id" + (f", {key}, and name" if group.name != key else "")
            self.note(group.place, f"group {known} alone: taken to have no inbound rule, and every outbound one")
            for family in (4, 6):
                group.rules.append(FoundRule(Direction.EGRESS, Traffic(None), EVERYWHERE[family], group.place))
            self.groups[key] = group
        return self.groups[key]

    def add_group(self, group: FoundGroup) -> None:
        """Add a group; one that is there already has to be the same."""
        known = self.groups.setdefault(group.key, group)
        if known is group:
            return
        same = {rule.properties for rule in known.rules} == {rule.properties for rule in group.rules}
        if not same or known.name != group.name:
            self.wrong(group.place, f"defines group {group.name} otherwise than {known.place.file} does")

    def put(self, node: FoundNode, interface: FoundInterface) -> None:
        """Put an interface onto a node."""
        node.interfaces[interface.key] = interface
        self.interfaces[interface.key] = interface
