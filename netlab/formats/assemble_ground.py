"""
The ground of an imported lab: its VPC and subnets, what of them the files give and what has to be made up.

Subnets that no file describes are made up in assemble_made_up.py; what stands on subnets is in assemble_routes.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Network

from netlab.formats.assemble_land import Land
from netlab.formats.assemble_made_up import MADE_UP, add_spare, add_unknown, derived, say_made_up
from netlab.formats.assemble_routes import put_on_subnets
from netlab.formats.ground import LEAST_PREFIX, MOST_PREFIX
from netlab.formats.import_facts import Facts
from netlab.formats.import_found import FoundInterface, FoundSubnet
from netlab.formats.import_places import Place
from netlab.formats.import_words import Names, network_in
from netlab.model.addresses import Cidr
from netlab.model.topology import Subnet, Vpc

USUAL_VPC = IPv4Network("10.0.0.0/16")
USUAL_IPV6 = IPv6Network("2001:db8:0:100::/56")
PUBLIC_POOL = IPv4Network("198.18.0.0/15")
"""Where public addresses come from that the files do not tell (RFC 2544: of nobody)."""

_PREFIXES = f"wanted a prefix from /{LEAST_PREFIX} to /{MOST_PREFIX}, as AWS does"
_NAMED_AT_MOST = 3  # networks in one message


def lay_ground(facts: Facts, vpc: str, peers: list[Cidr], spare: int | None, own: IPv4Network | None = None) -> Land:
    """
    Lay the ground for a VPC's nodes.

    Args:
        peers: Networks that rules name; made-up subnets keep out of the narrow ones.
        spare: How many places in a made-up subnet are wanted beside those of interfaces that name no subnet; None =
            none, and the lab may have no subnet at all.
        own: The VPC's network where the files do not give it; None = one is made up, and that is said.

    Raises:
        LabFileError: The VPC has too few addresses for what is to stand in it.
    """
    interfaces = [each for node in facts.nodes.values() for each in node.interfaces.values()]
    subnets = [each for each in facts.subnets.values() if each.vpc in {"", vpc} or not vpc]
    subnets += derived(facts, interfaces, subnets, vpc)
    land = Land(vpc, *_vpc(facts, vpc, subnets, peers, own or USUAL_VPC))
    land.publics = _free_publics(facts, interfaces)
    if land.vpc_known and not LEAST_PREFIX <= land.vpc.cidr.prefixlen <= MOST_PREFIX:
        facts.wrong(_place_of_vpc(facts, vpc), f"found {land.vpc.cidr}, {_PREFIXES}")
    if own is None:
        _say_vpc(facts, land, peers)
    _leave_out(facts, land)
    names = Names((MADE_UP,))
    for each in subnets:
        if _fits(facts, land, each):
            name = names.give(each.name, "subnet", each.key)
            six = each.ipv6 if each.ipv6 and land.vpc.ipv6_cidr and each.ipv6.subnet_of(land.vpc.ipv6_cidr) else None
            if six != each.ipv6:
                outside = f"outside the VPC's {land.vpc.ipv6_cidr}" if land.vpc.ipv6_cidr else "and the VPC has none"
                facts.note(each.place, f"IPv6 network {each.ipv6} of subnet {each.name} is {outside}: left out")
            land.names[each.key] = name
            land.subnets[name] = Subnet(name, each.cidr, six, internet=each.public)
            if each.key not in facts.subnets:
                land.made_up[each.key] = each.place
    inside = [each for each in interfaces if land.is_inside(each)]
    add_unknown(facts, land, names, peers, inside)
    homeless = sum(land.subnet_of(each) is None for each in inside)
    wanted = homeless + (spare or 0)
    if wanted or (spare is not None and not land.subnets):
        add_spare(facts, land, peers, wanted, inside)
    put_on_subnets(facts, land, interfaces)
    say_made_up(facts, land)
    return land


def _vpc(facts: Facts, key: str, subnets: list[FoundSubnet], peers: list[Cidr], usual: IPv4Network) -> tuple[Vpc, bool]:
    """Return the VPC, and whether the files give it."""
    if key in facts.vpcs:
        found = facts.vpcs[key]
        return Vpc(found.cidr, found.ipv6), True
    own6 = [each.ipv6 for each in subnets if each.ipv6 is not None]
    ipv6 = own6[0].supernet(new_prefix=min(56, own6[0].prefixlen)) if own6 else None
    said = network_in(key)
    if said is not None:
        return Vpc(said, ipv6), True
    if subnets:
        whole = subnets[0].cidr
        for each in subnets:
            while not each.cidr.subnet_of(whole) and whole.prefixlen > 16:
                whole = whole.supernet()
        return Vpc(whole.supernet(new_prefix=16) if whole.prefixlen > 16 else whole, ipv6), False
    if any(peer.version == 6 and peer.prefixlen for peer in peers):
        ipv6 = USUAL_IPV6
    return Vpc(usual, ipv6), False


def _say_vpc(facts: Facts, land: Land, peers: list[Cidr]) -> None:
    """Note which VPC, or which network, is taken for one that files refer to and do not describe."""
    taken = f"{facts.called(land.key)}, {land.vpc.cidr}" if land.key in facts.vpcs else str(land.vpc.cidr)
    named = dict(facts.guessed)
    if land.key and not land.vpc_known:
        named.setdefault(land.key, _place_of_vpc(facts, land.key))
    beyond = [] if land.vpc_known else _private_beyond(peers, land.vpc.cidr)
    more = f" and {len(beyond) - _NAMED_AT_MOST} more" if len(beyond) > _NAMED_AT_MOST else ""
    rules = f"; rules name {', '.join(map(str, beyond[:_NAMED_AT_MOST]))}{more}" if beyond else ""
    for key, place in named.items():
        facts.note(place, f"VPC {facts.absent(key)}: taken to be {taken}{rules}")


def _place_of_vpc(facts: Facts, key: str) -> Place:
    """Return where a VPC is described, else where it is named first."""
    if key in facts.vpcs:
        return facts.vpcs[key].place
    interfaces = (each for node in facts.nodes.values() for each in node.interfaces.values())
    return next(each.place for each in (*facts.sited(), *interfaces) if each.vpc == key)


def _private_beyond(peers: list[Cidr], network: IPv4Network) -> list[IPv4Network]:
    """Return the private networks that rules name and none of which is in a network."""
    private = [each for each in peers if isinstance(each, IPv4Network) and each.is_private and each.prefixlen]
    return [each for each in dict.fromkeys(private) if not each.overlaps(network) and not each.is_loopback]


def _leave_out(facts: Facts, land: Land) -> None:
    """Note what of the ground is of another VPC."""
    for key, vpc in facts.vpcs.items():
        if not land.has(key):
            facts.note(vpc.place, f"VPC {facts.called(key)}: a lab has one VPC, here {facts.called(land.key)}")
    for subnet in facts.subnets.values():
        if not land.has(subnet.vpc):
            land.leave_out(facts, subnet.place, f"subnet {subnet.name}", subnet.vpc)
    for table in facts.tables.values():
        if not land.has(table.vpc):
            land.leave_out(facts, table.place, f"route table {facts.called(table.key)}", table.vpc)


def _fits(facts: Facts, land: Land, subnet: FoundSubnet) -> bool:
    """Tell whether a subnet can be one of the lab; where not, that is noted."""
    if not LEAST_PREFIX <= subnet.cidr.prefixlen <= MOST_PREFIX:
        facts.wrong(subnet.place, f"found {subnet.cidr}, {_PREFIXES}")
        return False
    if not subnet.cidr.subnet_of(land.vpc.cidr):
        facts.note(subnet.place, f"subnet {subnet.name} {subnet.cidr} lies outside the VPC's network {land.vpc.cidr}")
        return False
    other = next((each for each in land.subnets.values() if each.cidr.overlaps(subnet.cidr)), None)
    if other is not None:
        facts.wrong(subnet.place, f"subnet {subnet.name} {subnet.cidr} overlaps {other.name} {other.cidr}")
    return other is None


def _free_publics(facts: Facts, interfaces: list[FoundInterface]) -> Iterator[IPv4Address]:
    used = {each.public for each in interfaces} | {each.public for each in facts.nats.values()}
    return (address for address in PUBLIC_POOL.hosts() if address not in used)
