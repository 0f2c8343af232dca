"""
What real files say, all of it together: what they describe, what they refer to, and what is wrong with them.

Describe output, CloudFormation and Terraform are read into Facts; assemble.py makes a Lab of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from netlab.errors import Mistake
from netlab.formats.import_found import (
    FoundAcl,
    FoundGroup,
    FoundInterface,
    FoundList,
    FoundNat,
    FoundNode,
    FoundRule,
    FoundSubnet,
    FoundTable,
    FoundVpc,
    RuleProperties,
    Sited,
)
from netlab.formats.import_places import Place
from netlab.model.addresses import EVERYWHERE, Cidr
from netlab.model.rules import Direction, Traffic


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
    listings: dict[str, dict[RuleProperties, FoundRule]] = field(default_factory=dict)
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
