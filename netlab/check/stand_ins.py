"""
Stand-ins: somebody in each network that a lab's rules name and nobody is in, and somebody just outside of it.

What a rule says of 203.0.113.0/24 shows only where somebody there asks. A stand-in is a host on the internet; within
the VPC's own network an instance, whose group lets everything through.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count, islice

from netlab.check.named import NOBODY, PRIVATE, NamedNetworks
from netlab.model.addresses import EVERYWHERE, Address, Cidr, contains
from netlab.model.rules import Direction, Rule, SecurityGroup, Traffic
from netlab.model.topology import Host, Instance, Interface, Lab, Subnet

MOST_APART = 64
"""Networks up to which each has a stand-in of its own; beyond, those that all rules treat alike share one."""

MOST = 128
"""Networks that get a stand-in at all; each is one more namespace, and as a rule one beside it."""

GROUP = "stand-in"
"""The group of the instances among them; a number behind it where a lab has one of that name."""

_RESERVED = 4  # addresses at a subnet's beginning, and the last one: VPC User Guide, subnet sizing


@dataclass(frozen=True, slots=True)
class StandIn:
    """
    Somebody who is there for the rules' sake.

    Attributes:
        inside: In the network; else just outside of it.
        of: Labels of the interfaces that the network matters to, the only ones asked about it.
        alike: Further networks that it stands for: every rule treats them as it does this one.
    """

    name: str
    address: Address
    network: Cidr
    inside: bool
    of: frozenset[str]
    alike: tuple[Cidr, ...] = ()


@dataclass(frozen=True, slots=True)
class Furnished:
    """
    Labs with the same stand-ins.

    Attributes:
        nowhere: Networks of which smaller ones leave a part where nobody is, and nobody can be.
        left_out: Networks without one, though somebody could be there: there were too many.
    """

    labs: tuple[Lab, ...]
    stand_ins: tuple[StandIn, ...] = ()
    nowhere: tuple[Cidr, ...] = ()
    left_out: tuple[Cidr, ...] = ()


def furnished(*labs: Lab, first: Iterable[Cidr] = ()) -> Furnished:
    """
    Put stand-ins into labs, where a network that rules, ACLs or routes name has no place that all of the labs have.

    Where networks lie in each other, somebody is wanted in what the smaller ones leave of the larger one.

    Args:
        first: Networks that come first, should there be too many.

    Returns:
        Not completed: a stand-in has only the address that it is there for.
    """
    named = NamedNetworks(labs)
    early = frozenset(first)
    wanted = sorted(named.without_place(), key=lambda each: each not in early)
    together = [[each] for each in wanted] if len(wanted) <= MOST_APART else named.treated_alike(wanted)
    ground = _Ground(labs, named)
    inside: list[StandIn] = []
    nowhere: list[Cidr] = []
    for networks in together[:MOST]:
        placed = [*ground.inside(networks)]
        inside += placed
        nowhere += [each for each in networks if not placed and named.leaves_any(each)]
    stand_ins = (*inside, *(near for each in inside for near in ground.beside(each)))
    left_out = tuple(each for networks in together[MOST:] for each in networks)
    return Furnished(tuple(_with(lab, stand_ins) for lab in labs), stand_ins, tuple(nowhere), left_out)


def representatives(stand_ins: Iterable[StandIn]) -> dict[Cidr, Cidr]:
    """Return the network that is asked about in the place of another, by that other."""
    return {network: each.network for each in stand_ins if each.inside for network in each.alike}


def stand_in_words(each: StandIn) -> str:
    """Return who a stand-in is: ``in-203.0.113.0_24 = 203.0.113.1, a stand-in in 203.0.113.0/24``."""
    words = f"{each.name} = {each.address}, a stand-in {'in' if each.inside else 'just outside'} {each.network}"
    if not each.alike:
        return words
    more = f"{each.alike[0]}" if len(each.alike) == 1 else f"{len(each.alike)} more networks"
    return f"{words}, and for {more} that every rule treats alike"


def stand_ins_json(stand_ins: Iterable[StandIn]) -> list[dict[str, object]]:
    """Return stand-ins as data for JSON."""
    return [
        {"place": each.name, "ip": str(each.address), "in" if each.inside else "beside": str(each.network)}
        | ({"alike": [str(other) for other in each.alike]} if each.alike else {})
        for each in stand_ins
    ]


class _Ground:
    """Hands out names, and addresses that are free in all of the labs."""

    def __init__(self, labs: Sequence[Lab], named: NamedNetworks) -> None:
        self._labs = labs
        self._named = named
        self._taken = {address for lab in labs for address in addresses_of(lab)}
        self._without_ipv4 = 0
        self._names = {name for lab in labs for name in (*lab.instances, *lab.hosts)}

    def inside(self, networks: Sequence[Cidr]) -> Iterator[StandIn]:
        """Yield a stand-in in the first of some networks where there is room, if there is any."""
        of = frozenset(label for each in networks for label in self._named.matters[each].of)
        for network in networks:
            address = next(filter(self._is_free, self._room(network)), None)
            if address is not None:
                alike = tuple(each for each in networks if each != network)
                yield StandIn(self._name("in", network), self._take(address), network, inside=True, of=of, alike=alike)
                return

    def beside(self, stand_in: StandIn) -> Iterator[StandIn]:
        """Yield a stand-in just outside of another one's network, if there is room."""
        network = stand_in.network
        outside = (each for each in _beside(network) if self._named.is_just_outside(network, each))
        for address in islice(filter(self._is_free, outside), 1):
            yield StandIn(self._name("near", network), self._take(address), network, inside=False, of=stand_in.of)

    def _room(self, network: Cidr) -> Iterator[Address]:
        subnets = (each for lab in self._labs for each in lab.subnets.values())
        own = (each.cidr if network.version == 4 else each.ipv6_cidr for each in subnets)
        starts = [each[_RESERVED] for each in own if each is not None]
        return self._named.room(network, len(self._taken) + 2 * _RESERVED, starts)

    def _is_free(self, address: Address) -> bool:
        """Tell whether somebody can be there: in a subnet of every lab, or on the internet of every lab."""
        if address in self._taken or any(contains(each, address) for each in NOBODY):
            return False
        inside = {lab.is_inside(address) for lab in self._labs}
        if inside == {False}:
            return not any(contains(each, address) for each in PRIVATE)
        return inside == {True} and all(self._has_room(lab, address) for lab in self._labs)

    def _has_room(self, lab: Lab, address: Address) -> bool:
        """Tell whether an instance can have an address in a lab; it needs one of IPv4 too."""
        subnet = _subnet_of(lab, address)
        if subnet is None or address.version == 4:
            return subnet is not None
        used = sum(each is not None and contains(subnet.cidr, each) for each in self._taken)
        return used + self._without_ipv4 < subnet.cidr.num_addresses - _RESERVED - 1

    def _take(self, address: Address) -> Address:
        self._taken.add(address)
        self._without_ipv4 += address.version == 6
        return address

    def _name(self, word: str, network: Cidr) -> str:
        name = f"{word}-{network}".replace("/", "_").replace(":", ".")
        if network == EVERYWHERE[network.version]:
            name = f"elsewhere-{network.version}"
        return free_name(name, self._names)


def free_name(wanted: str, taken: set[str]) -> str:
    """Return a name that is not taken, and take it; where it was, a number is put behind it."""
    name = next(each for number in count(1) if (each := wanted if number == 1 else f"{wanted}-{number}") not in taken)
    taken.add(name)
    return name


def addresses_of(lab: Lab) -> Iterator[Address | None]:
    """Yield every address of a lab, private and public; None where something has none."""
    for interface in lab.interfaces():
        yield from (*interface.addresses, interface.public_ip)
    for gateway in lab.nat_gateways.values():
        yield from (gateway.ip, gateway.public_ip)
    for host in lab.hosts.values():
        yield from host.addresses


def _beside(network: Cidr) -> Iterator[Address]:
    """Yield the addresses next to a network's own, above and below."""
    kind = type(network.network_address)
    above, below = int(network.broadcast_address) + 1, int(network.network_address) - 1
    if above < 1 << network.max_prefixlen:
        yield kind(above)
    if below >= 0:
        yield kind(below)


def _subnet_of(lab: Lab, address: Address) -> Subnet | None:
    """Return the subnet in which an instance could have an address."""
    for subnet in lab.subnets.values():
        own = subnet.cidr if address.version == 4 else subnet.ipv6_cidr
        if own is not None and contains(own, address):
            number = int(address) - int(own.network_address)
            return subnet if _RESERVED <= number < own.num_addresses - 1 else None
    return None


def _with(lab: Lab, stand_ins: Iterable[StandIn]) -> Lab:
    instances, hosts = dict(lab.instances), dict(lab.hosts)
    group = _open_group(lab)
    for each in stand_ins:
        subnet = _subnet_of(lab, each.address)
        if subnet is None:
            hosts[each.name] = Host(each.name, (each.address,))
            continue
        own = Interface(each.name, "eth0", primary=True, subnet=subnet.name, security_groups=(group.name,))
        own = replace(own, ipv4=(each.address,)) if each.address.version == 4 else replace(own, ipv6=(each.address,))
        instances[each.name] = Instance(each.name, (own,))
    groups = lab.groups if len(instances) == len(lab.instances) else {**lab.groups, group.name: group}
    return replace(lab, groups=groups, instances=instances, hosts=hosts)


def _open_group(lab: Lab) -> SecurityGroup:
    """Return the group that lets everything through, both ways."""
    name = free_name(GROUP, {*lab.groups, *lab.prefix_lists})
    ids = {rule.id for group in lab.groups.values() for rule in (*group.ingress, *group.egress)}
    rules = {
        way: tuple(
            Rule(free_name(f"{name}-{way.value}", ids), way, Traffic(None), EVERYWHERE[family]) for family in (4, 6)
        )
        for way in Direction
    }
    return SecurityGroup(name, rules[Direction.INGRESS], rules[Direction.EGRESS])
