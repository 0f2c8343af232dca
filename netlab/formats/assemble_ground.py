"""
The ground of an imported lab: its VPC and subnets, what of them the files give and what has to be made up, and the
network ACLs, NAT gateways and routes that stand on them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address, IPv4Network, IPv6Network

from netlab.formats.ground import LEAST_PREFIX, MOST_PREFIX
from netlab.formats.import_facts import Facts, FoundInterface, FoundRoute, FoundSubnet, FoundTable, Place
from netlab.formats.import_words import Names
from netlab.model.acls import DEFAULT_ACL, NetworkAcl
from netlab.model.addresses import EVERYWHERE, Address, Cidr, contains
from netlab.model.rules import Direction
from netlab.model.topology import NatGateway, Subnet, Vpc

USUAL_VPC = IPv4Network("10.0.0.0/16")
USUAL_IPV6 = IPv6Network("2001:db8:0:100::/56")
MADE_UP = "made-up"
_PREFIXES = f"wanted a prefix from /{LEAST_PREFIX} to /{MOST_PREFIX}, as AWS does"
PUBLIC_POOL = IPv4Network("198.18.0.0/15")
"""Where public addresses come from that the files do not tell (RFC 2544: of nobody)."""


@dataclass(slots=True)
class Land:
    """
    The ground, and what stands where.

    Attributes:
        vpc_known: The VPC's network is in the files.
        names: Of subnets, by the key of the files.
        spare: Name of the made-up subnet; empty = there is none.
        without_public: Names of subnets that reach the internet by IPv6 alone: nothing there has a public address.
        tables: The route table of each subnet, by the subnet's key.
    """

    key: str
    vpc: Vpc
    vpc_known: bool
    subnets: dict[str, Subnet] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    spare: str = ""
    without_public: set[str] = field(default_factory=set)
    acls: dict[str, NetworkAcl] = field(default_factory=dict)
    nats: dict[str, NatGateway] = field(default_factory=dict)
    tables: dict[str, FoundTable] = field(default_factory=dict)
    publics: Iterator[IPv4Address] = field(default_factory=lambda: iter(()))
    owners: dict[Address, str] = field(default_factory=dict)

    def subnet_of(self, interface: FoundInterface) -> Subnet | None:
        """Return the subnet an interface stands in by the files; None where it is unknown."""
        name = self.names.get(interface.subnet)
        return None if name is None else self.subnets[name]

    def claim(self, facts: Facts, place: Place, address: Address | None, owner: str) -> None:
        """Give an address to its owner; one that two have is a mistake."""
        if address is not None and self.owners.setdefault(address, owner) != owner:
            facts.wrong(place, f"{address} is {self.owners[address]}'s already")

    def claim_public(self, facts: Facts, place: Place, address: IPv4Address | None, owner: str) -> None:
        """Give a public address to its owner; it has to be one on the internet."""
        if address is None:
            return
        special = address.is_multicast or address.is_loopback or address.is_unspecified or address.is_link_local
        if special or contains(self.vpc.cidr, address):
            facts.wrong(place, f"{address} is no public address")
        self.claim(facts, place, address, owner)

    def is_inside(self, interface: FoundInterface) -> bool:
        """Tell whether an interface is of the lab's VPC, as far as is known."""
        return interface.vpc in {"", self.key} or not self.key


def lay_ground(facts: Facts, vpc: str, peers: Iterable[Cidr], spare: int, usual: IPv4Network = USUAL_VPC) -> Land:
    """
    Lay the ground for a VPC's nodes.

    Args:
        peers: Networks that rules name; the made-up subnet keeps out of the narrow ones.
        spare: How many places in a made-up subnet are wanted beside those of interfaces whose subnet is unknown.
        usual: The network of a VPC of which the files tell nothing.
    """
    peers = list(peers)
    interfaces = [each for node in facts.nodes.values() for each in node.interfaces.values()]
    subnets = [each for each in facts.subnets.values() if each.vpc in {"", vpc} or not vpc]
    subnets += _derived(facts, interfaces, subnets, vpc)
    land = Land(vpc, *_vpc(facts, vpc, subnets, peers, usual))
    land.publics = _free_publics(facts, interfaces)
    if not LEAST_PREFIX <= land.vpc.cidr.prefixlen <= MOST_PREFIX and vpc in facts.vpcs:
        facts.wrong(facts.vpcs[vpc].place, f"found {land.vpc.cidr}, {_PREFIXES}")
    names = Names((MADE_UP,))
    for each in subnets:
        if not LEAST_PREFIX <= each.cidr.prefixlen <= MOST_PREFIX:
            facts.wrong(each.place, f"found {each.cidr}, {_PREFIXES}")
            continue
        if not _is_part(each.cidr, land.vpc.cidr):
            facts.note(each.place, f"subnet {each.name} {each.cidr} lies outside the VPC's network {land.vpc.cidr}")
            continue
        overlapped = next((other for other in land.subnets.values() if other.cidr.overlaps(each.cidr)), None)
        if overlapped is not None:
            facts.wrong(each.place, f"subnet {each.name} {each.cidr} overlaps {overlapped.name} {overlapped.cidr}")
            continue
        name = names.give(each.name, "subnet", each.key)
        ipv6 = each.ipv6 if each.ipv6 and land.vpc.ipv6_cidr and each.ipv6.subnet_of(land.vpc.ipv6_cidr) else None
        if ipv6 != each.ipv6:
            outside = f"outside the VPC's {land.vpc.ipv6_cidr}" if land.vpc.ipv6_cidr else "and the VPC has none"
            facts.note(each.place, f"IPv6 network {each.ipv6} of subnet {each.name} is {outside}: left out")
        land.names[each.key] = name
        land.subnets[name] = Subnet(name, each.cidr, ipv6, internet=each.public)
    homeless = sum(land.is_inside(each) and land.subnet_of(each) is None for each in interfaces)
    if homeless + spare:
        _add_spare(facts, land, peers, homeless + spare)
    _add_acls(facts, land)
    _add_nats(facts, land)
    _add_routes(facts, land, interfaces)
    return land


def _vpc(facts: Facts, key: str, subnets: list[FoundSubnet], peers: list[Cidr], usual: IPv4Network) -> tuple[Vpc, bool]:
    """Return the VPC, and whether the files give it."""
    if key in facts.vpcs:
        found = facts.vpcs[key]
        return Vpc(found.cidr, found.ipv6), True
    own6 = [each.ipv6 for each in subnets if each.ipv6 is not None]
    ipv6 = own6[0].supernet(new_prefix=min(56, own6[0].prefixlen)) if own6 else None
    if subnets:
        whole = subnets[0].cidr
        for each in subnets:
            while not _is_part(each.cidr, whole) and whole.prefixlen > 16:
                whole = whole.supernet()
        return Vpc(whole.supernet(new_prefix=16) if whole.prefixlen > 16 else whole, ipv6), False
    if any(peer.version == 6 and peer.prefixlen for peer in peers):
        ipv6 = USUAL_IPV6
    return Vpc(usual, ipv6), False


def _derived(facts: Facts, interfaces: list[FoundInterface], subnets: list[FoundSubnet], vpc: str) -> list[FoundSubnet]:
    """Return subnets that interfaces stand in and no file describes, as wide as their addresses tell."""
    found: dict[str, list[FoundInterface]] = defaultdict(list)
    known = {each.key for each in facts.subnets.values()}
    for each in interfaces:
        if each.ipv4 and each.subnet not in known and (each.vpc in {"", vpc} or not vpc):
            found[each.subnet].append(each)
    networks = {key: _around([address for each in members for address in each.ipv4]) for key, members in found.items()}
    taken = [each.cidr for each in subnets]
    derived = []
    for key, network in networks.items():
        others = [*taken, *(other for name, other in networks.items() if name != key)]
        wide = network.supernet(new_prefix=24) if network.prefixlen > 24 else network
        cidr = network if any(wide.overlaps(each) for each in others) else wide
        place = found[key][0].place
        ipv6 = next((IPv6Network((address, 64), strict=False) for each in found[key] for address in each.ipv6), None)
        derived.append(FoundSubnet(key, key or "subnet", cidr, place, vpc, ipv6))
        taken.append(cidr)
        facts.note(place, f"subnet {key or 'without an id'} is in no file: taken to be {cidr}")
    return derived


def _around(addresses: list[IPv4Address]) -> IPv4Network:
    """Return the smallest network in which all of these may be given to interfaces."""
    network = IPv4Network((addresses[0], 28), strict=False)
    while network.prefixlen > 16:
        reserved = {*(network[index] for index in range(4)), network[-1]}
        if all(each in network and each not in reserved for each in addresses):
            break
        network = network.supernet()
    return network


def _is_part(network: IPv4Network, whole: IPv4Network) -> bool:
    return network.subnet_of(whole)


def _free_publics(facts: Facts, interfaces: list[FoundInterface]) -> Iterator[IPv4Address]:
    used = {each.public for each in interfaces} | {each.public for each in facts.nats.values()}
    return (address for address in PUBLIC_POOL.hosts() if address not in used)


def _add_spare(facts: Facts, land: Land, peers: list[Cidr], places: int) -> None:
    """Make up a subnet with so many places, in a free part of the VPC."""
    prefix = min(24, 32 - (places + 5).bit_length())
    narrow = [each for each in peers if each.prefixlen > 16 and isinstance(each, IPv4Network)]
    taken: list[IPv4Network] = [each.cidr for each in land.subnets.values()]
    cidr = None
    for length in range(max(prefix, land.vpc.cidr.prefixlen), min(31, max(prefix, 28) + 1)):
        if 2 ** (32 - length) - 5 < places:
            break
        free = [each for each in land.vpc.cidr.subnets(new_prefix=length) if not _overlaps(each, taken)]
        cidr = next((each for each in free if not _overlaps(each, narrow)), next(iter(free), None))
        if cidr is not None:
            break
    if cidr is None and land.subnets:
        chosen = max(land.subnets.values(), key=lambda each: (each.internet, each.cidr.num_addresses))
        land.spare = chosen.name
        place = Place(next(iter(facts.groups.values())).place.file if facts.groups else "")
        facts.note(place, f"the VPC has no room for a made-up subnet: what has none of its own goes to {chosen.name}")
        return
    if cidr is None:
        cidr = land.vpc.cidr  # control says where it is too small
    land.spare = MADE_UP
    land.subnets[MADE_UP] = Subnet(MADE_UP, cidr, _spare_ipv6(land), internet=True)


def _overlaps(network: IPv4Network, others: Iterable[IPv4Network]) -> bool:
    return any(network.overlaps(each) for each in others)


def _spare_ipv6(land: Land) -> IPv6Network | None:
    whole = land.vpc.ipv6_cidr
    if whole is None or whole.prefixlen > 64:
        return None
    taken = {each.ipv6_cidr for each in land.subnets.values()}
    return next((each for each in whole.subnets(new_prefix=64) if each not in taken), None)


def _add_acls(facts: Facts, land: Land) -> None:
    names = Names((DEFAULT_ACL,))
    for acl in facts.acls.values():
        if land.key and acl.vpc not in {"", land.key}:
            facts.note(acl.place, f"network ACL {acl.name} is of {acl.vpc}; a lab has one VPC, here {land.key}")
            continue
        name = DEFAULT_ACL if acl.default else names.give(acl.name, "acl", acl.key)
        sides = {side: tuple(sorted(acl.entries[side], key=lambda each: each.number)) for side in Direction}
        for side, entries in sides.items():
            if len({each.number for each in entries}) < len(entries):
                facts.wrong(acl.place, f"network ACL {acl.name} has two {side.value} entries of one number")
        land.acls[name] = NetworkAcl(name, sides[Direction.INGRESS], sides[Direction.EGRESS])
        for key in acl.subnets:
            if key in land.names:
                subnet = land.names[key]
                land.subnets[subnet] = replace(land.subnets[subnet], acl=name)


def _add_nats(facts: Facts, land: Land) -> None:
    names = Names()
    for nat in facts.nats.values():
        subnet = land.names.get(nat.subnet)
        if subnet is None:
            facts.note(nat.place, f"NAT gateway {nat.name} stands in a subnet that is not in the lab")
            continue
        name = names.give(nat.name, "nat", nat.key)
        own = nat.ip if nat.ip is not None and contains(land.subnets[subnet].cidr, nat.ip) else None
        public = nat.public or next(land.publics)
        land.claim_public(facts, nat.place, public, f"NAT gateway {name}")
        land.claim(facts, nat.place, own, f"NAT gateway {name}")
        land.nats[name] = NatGateway(name, subnet, public, own)
        land.names[f"nat {nat.key}"] = name


def _add_routes(facts: Facts, land: Land, interfaces: list[FoundInterface]) -> None:
    """Give subnets their routes; without any route table in the files, public addresses tell what is public."""
    tables = [each for each in facts.tables.values() if each.vpc in {"", land.key} or not land.key]
    main = next((each for each in tables if each.main), None)
    public = {each.subnet for each in interfaces if each.public or each.wants_public} | {
        nat.subnet for nat in facts.nats.values()
    }
    for key, name in land.names.items():
        if name not in land.subnets or key.startswith("nat "):
            continue
        if not tables:
            land.subnets[name] = replace(land.subnets[name], internet=land.subnets[name].internet or key in public)
            continue
        table = next((each for each in tables if key in each.subnets), main)
        land.subnets[name] = replace(land.subnets[name], internet=False)
        if table is not None:
            land.tables[key] = table
            _route_out(facts, land, name, table)


def _route_out(facts: Facts, land: Land, name: str, table: FoundTable) -> None:
    ways: dict[int, FoundRoute] = {}
    for route in table.routes:
        whole = route.cidr == EVERYWHERE[route.cidr.version]
        if route.kind == "internet" and whole:
            ways[route.cidr.version] = route
        elif route.kind == "internet":
            facts.note(
                route.place, f"the route of {route.cidr} alone to the internet gateway: netlab routes all or none"
            )
        elif route.kind == "nat" and whole and f"nat {route.target}" in land.names and route.cidr.version == 4:
            land.subnets[name] = replace(land.subnets[name], nat=land.names[f"nat {route.target}"])
        elif route.kind == "nat":
            facts.note(route.place, f"the route to {route.cidr} leads to NAT gateway {route.target}, not in the lab")
    _to_internet(facts, land, land.subnets[name], table, ways)


def _to_internet(facts: Facts, land: Land, subnet: Subnet, table: FoundTable, ways: dict[int, FoundRoute]) -> None:
    """
    Give a subnet its way to the internet gateway, which a lab has for every family of a subnet or for none.

    Args:
        ways: The route of each family that leads everything there.
    """
    families = {4} if subnet.ipv6_cidr is None else {4, 6}
    missing = families - ways.keys()
    if missing == families:
        return
    if subnet.nat is not None:
        facts.note(
            table.place, f"subnet {subnet.name} routes one family to the internet and one to NAT: netlab takes NAT"
        )
        return
    route = next(route for family, route in ways.items() if family in families)
    said = f"subnet {subnet.name} routes IPv{route.cidr.version} alone to the internet gateway"
    if missing == {6}:
        facts.note(route.place, f"{said}: netlab takes both families or none, so it has no IPv6 in the lab")
        subnet = replace(subnet, ipv6_cidr=None)
    elif missing == {4} and any(nat.subnet == subnet.name for nat in land.nats.values()):
        facts.note(route.place, f"{said}, and has a NAT gateway: netlab takes both families or none, here none")
        return
    elif missing == {4}:
        facts.note(route.place, f"{said}: no interface in it has a public IPv4 address in the lab")
        land.without_public.add(subnet.name)
    land.subnets[subnet.name] = replace(subnet, internet=True)
