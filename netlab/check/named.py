"""The networks that labs name: whom each matters to, what is said of it, and who is in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network

from netlab.check.clauses import Clause, acl_clauses, group_clauses
from netlab.check.nest import Nest
from netlab.model.addresses import Address, Cidr
from netlab.model.places import parse_place
from netlab.model.rules import GroupRef
from netlab.model.topology import Interface, Lab

NOBODY: tuple[Cidr, ...] = (
    *map(IPv4Network, ("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3")),
    *map(IPv6Network, ("::/8", "fd00:ec2::/32", "fe80::/10", "ff00::/8")),
)
"""Where no host on the internet is. Source: RFC 6890; VPC User Guide, "Subnet CIDR blocks"."""

PRIVATE: tuple[Cidr, ...] = (
    *map(IPv4Network, ("10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16")),
    IPv6Network("fc00::/7"),
)
"""Who has such an address outside the VPC comes by peering or a VPN, never from the internet. Source: RFC 6890."""

_FAMILIES = (4, 6)


@dataclass(frozen=True, slots=True)
class Matter:
    """
    What is known of a network.

    Attributes:
        of: Whom it matters to: labels of interfaces, and each one's node.
        said: What rules, ACLs and routes say of it, in any of the labs.
    """

    of: dict[str, str] = field(default_factory=dict)
    said: set[object] = field(default_factory=set)


class NamedNetworks:
    """The networks that groups, ACLs and routes of labs name, where an interface goes by them."""

    def __init__(self, labs: Sequence[Lab]) -> None:
        self._labs = labs
        self.matters: dict[Cidr, Matter] = {}
        for index, lab in enumerate(labs):
            self._note(index, lab)
        vpcs = [each for lab in labs for each in (lab.vpc.cidr, lab.vpc.ipv6_cidr) if each is not None]
        self._nests = {family: Nest((*self.matters, *vpcs, *NOBODY), family) for family in _FAMILIES}
        self._nodes = self._nodes_by_network()

    def without_place(self) -> Iterator[Cidr]:
        """Yield the networks where an interface that they matter to finds no other node."""
        for network, matter in self.matters.items():
            there = self._nodes.get(network, set())
            if any(not there - {node} for node in matter.of.values()):
                yield network

    def treated_alike(self, networks: Iterable[Cidr]) -> list[list[Cidr]]:
        """Put networks together of which, and of those around them, the same is said."""
        alike: dict[object, list[Cidr]] = {}
        for network in networks:
            around = self._nests[network.version].around(network)
            said = (self.matters[each].said if each in self.matters else {each} for each in around)
            alike.setdefault((network.version, frozenset().union(*said)), []).append(network)
        return list(alike.values())

    def room(self, network: Cidr, reach: int, starts: Iterable[Address]) -> Iterator[Address]:
        """Yield addresses of a network that no smaller one holds, some from each gap; see `Nest.room`."""
        return self._nests[network.version].room(network, reach, starts)

    def leaves_any(self, network: Cidr) -> bool:
        """Tell whether smaller networks leave anything of one."""
        return next(self.room(network, 1, ()), None) is not None

    def is_just_outside(self, network: Cidr, address: Address) -> bool:
        """Tell whether an address is in no named network but those around this one."""
        nest = self._nests[network.version]
        return nest.smallest(address) in [*nest.around(network)][1:]

    def _note(self, index: int, lab: Lab) -> None:
        said: dict[str, list[tuple[Cidr, object]]] = {}
        for interface in lab.interfaces():
            acl = lab.subnets[interface.subnet].acl
            for name in interface.security_groups:
                said.setdefault(name, [*_said(index, group_clauses(lab, name))])
            said.setdefault(f"acl {acl}", [*_said(index, acl_clauses(lab, acl))])
            families = {each.version for each in interface.addresses}
            for owner in (*interface.security_groups, f"acl {acl}"):
                for network, words in said[owner]:
                    if network.version in families:
                        self._add(network, interface, words)
            for route in lab.subnets[interface.subnet].routes:
                if route.cidr.version in families:
                    self._add(route.cidr, interface, (index, interface.subnet, route))

    def _add(self, network: Cidr, interface: Interface, words: object) -> None:
        matter = self.matters.setdefault(network, Matter())
        matter.of[interface.label] = interface.node
        matter.said.add(words)

    def _nodes_by_network(self) -> dict[Cidr, set[str]]:
        """Return the nodes that are in what smaller networks leave of each, in every one of the labs."""
        places: list[set[tuple[str, Cidr]]] = []
        for lab in self._labs:
            names = (*(each.label for each in lab.interfaces()), *lab.hosts)
            own = [(name, parse_place(lab, name).own(family)) for name in names for family in _FAMILIES]
            places.append({(name, self._nests[at.version].smallest(at)) for name, at in own if at is not None})
        found: dict[Cidr, set[str]] = {}
        for name, network in set.intersection(*places):
            found.setdefault(network, set()).add(name.partition("/")[0])
        return found


def _said(index: int, clauses: Iterable[Clause]) -> Iterator[tuple[Cidr, object]]:
    for each in clauses:
        if not isinstance(each.peer, GroupRef) and not each.is_void:
            yield each.peer, (index, each.owner, each.direction, each.traffic, each.number, each.allow)
