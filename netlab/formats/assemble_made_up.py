"""
Subnets of an imported lab that no file describes: one for each that files refer to, one for what is nowhere.

Each gets a network in a free part of the VPC. What it was taken to be is said at the end, when its route is known too.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Network
from itertools import chain

from netlab.errors import LabFileError
from netlab.formats.assemble_land import Land
from netlab.formats.import_facts import Facts
from netlab.formats.import_found import FoundInterface, FoundSubnet
from netlab.formats.import_places import Place
from netlab.formats.import_words import Names, network_in
from netlab.model.addresses import Cidr
from netlab.model.topology import Subnet

MADE_UP = "made-up"
_KEPT = 5  # addresses of a subnet that AWS keeps for itself: VPC User Guide, subnet sizing


@dataclass(frozen=True, slots=True)
class Wanted:
    """Places that are wanted in a subnet for which there is no room: for what, how many, named where."""

    what: str
    places: int
    place: Place


def derived(facts: Facts, interfaces: list[FoundInterface], subnets: list[FoundSubnet], vpc: str) -> list[FoundSubnet]:
    """Return subnets that interfaces stand in and no file describes, as wide as addresses, or their keys, tell."""
    found: dict[str, list[FoundInterface]] = defaultdict(list)
    for each in interfaces:
        known = each.subnet in facts.subnets or not (each.ipv4 or network_in(each.subnet))
        if not known and (each.vpc in {"", vpc} or not vpc):
            found[each.subnet].append(each)
    networks = {
        key: network_in(key) or _around([address for each in members for address in each.ipv4])
        for key, members in found.items()
    }
    taken = [each.cidr for each in subnets]
    made = []
    for key, network in networks.items():
        others = [*taken, *(other for name, other in networks.items() if name != key)]
        wide = network.supernet(new_prefix=24) if network.prefixlen > 24 and not network_in(key) else network
        cidr = network if any(wide.overlaps(each) for each in others) else wide
        ipv6 = next((IPv6Network((address, 64), strict=False) for each in found[key] for address in each.ipv6), None)
        made.append(FoundSubnet(key, facts.called(key) or "subnet", cidr, found[key][0].place, vpc, ipv6))
        taken.append(cidr)
    return made


def _around(addresses: list[IPv4Address]) -> IPv4Network:
    """Return the smallest network in which all of these may be given to interfaces."""
    network = IPv4Network((addresses[0], 28), strict=False)
    while network.prefixlen > 16:
        reserved = {*(network[index] for index in range(4)), network[-1]}
        if all(each in network and each not in reserved for each in addresses):
            break
        network = network.supernet()
    return network


def add_unknown(facts: Facts, land: Land, names: Names, peers: list[Cidr], interfaces: list[FoundInterface]) -> None:
    """Make up a subnet for each that something refers to and that nothing tells, or that the VPC cannot have."""
    wanted: Counter[str] = Counter()
    places: dict[str, Place] = {}
    named = [(each.subnet, each.place) for each in interfaces]
    named += [(each.subnet, each.place) for each in facts.nats.values() if each.subnet in facts.unknown]
    for key, place in named:
        if key and key not in land.names:
            wanted[key] += 1
            places.setdefault(key, place)
    for key, count in wanted.items():
        cidr = _free_part(land, peers, count)
        if cidr is None:
            what = f"subnet {_what(facts, key)}: what stands in it"
            land.names[key] = _widest(facts, land, Wanted(what, count, places[key]), interfaces)
            continue
        called = facts.subnets[key].name if key in facts.subnets else facts.called(key)
        name = names.give(called, "subnet", key)
        land.names[key] = name
        land.made_up[key] = places[key]
        land.subnets[name] = Subnet(name, cidr, _free_ipv6(land))


def add_spare(facts: Facts, land: Land, peers: list[Cidr], count: int, interfaces: list[FoundInterface]) -> None:
    """Make up a subnet, as a default one is, with so many places."""
    cidr = _free_part(land, peers, count)
    if cidr is None:
        place = Place(next((each.place.file for each in facts.sited()), ""))
        land.spare = _widest(facts, land, Wanted("what has no subnet of its own", count, place), interfaces)
        return
    land.spare = MADE_UP
    land.subnets[MADE_UP] = Subnet(MADE_UP, cidr, _free_ipv6(land), internet=True)


def say_made_up(facts: Facts, land: Land) -> None:
    """Note which subnets are made up, and how they lead to the internet."""
    for key, place in land.made_up.items():
        subnet = land.subnets[land.names[key]]
        way = "with a route" if subnet.internet else "without a route"
        way = f"{way} to the internet" if subnet.nat is None else f"with a route to NAT gateway {subnet.nat}"
        taken = "taken to be" if network_in(key) else f"taken to be {subnet.cidr},"
        facts.note(place, f"subnet {_what(facts, key)}: {taken} {way}")


def _what(facts: Facts, key: str) -> str:
    """Return what messages say of a subnet that has to be made up."""
    if key in facts.subnets:
        return facts.subnets[key].name
    return key if network_in(key) else facts.absent(key) if key else "without an id is in no file"


def _free_part(land: Land, peers: list[Cidr], places: int) -> IPv4Network | None:
    """Return a part of the VPC with so many places, clear of its subnets, and if it can be of what rules name."""
    prefix = min(24, 32 - (places + _KEPT).bit_length())
    narrow = [each for each in peers if each.prefixlen > 16 and isinstance(each, IPv4Network)]
    taken = [each.cidr for each in land.subnets.values()]
    for length in range(max(prefix, land.vpc.cidr.prefixlen), min(31, max(prefix, 28) + 1)):
        if 2 ** (32 - length) - _KEPT < places:
            return None
        free = (each for each in land.vpc.cidr.subnets(new_prefix=length) if not _overlaps(each, taken))
        first = next(free, None)  # the others are looked at one by one: a VPC that is far too wide has millions
        if first is not None:
            return next((each for each in chain([first], free) if not _overlaps(each, narrow)), first)
    return None


def _overlaps(network: IPv4Network, others: Iterable[IPv4Network]) -> bool:
    return any(network.overlaps(each) for each in others)


def _free_ipv6(land: Land) -> IPv6Network | None:
    whole = land.vpc.ipv6_cidr
    if whole is None or whole.prefixlen > 64:
        return None
    taken = {each.ipv6_cidr for each in land.subnets.values()}
    return next((each for each in whole.subnets(new_prefix=64) if each not in taken), None)


def _widest(facts: Facts, land: Land, wanted: Wanted, interfaces: list[FoundInterface]) -> str:
    """
    Return the subnet for what there is no room to make up one for, and note that.

    Raises:
        LabFileError: It does not fit there either.
    """
    widest = max(land.subnets.values(), key=lambda each: (each.internet, each.cidr.num_addresses), default=None)
    where = f"the VPC's {land.vpc.cidr}" if widest is None else f"subnet {widest.name}'s {widest.cidr}"
    room = (land.vpc.cidr if widest is None else widest.cidr).num_addresses - _KEPT
    room -= sum(widest is not None and land.names.get(each.subnet) == widest.name for each in interfaces)
    if widest is None or wanted.places > room:
        if wanted.places > room or not facts.mistakes:  # a VPC that is none is told already
            problem = f"found {wanted.places:,} interfaces to make up a place for, wanted at most {max(room, 0):,}"
            facts.wrong(wanted.place, f"{problem}, as fit {where}: a group that nothing carries gets one")
        raise LabFileError(tuple(dict.fromkeys(facts.mistakes)))
    facts.note(wanted.place, f"{wanted.what} goes to {widest.name}, as the VPC has no room for a made-up subnet")
    return widest.name
