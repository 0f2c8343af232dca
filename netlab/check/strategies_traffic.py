"""Questions and packets, drawn for a lab: places and protocols of every kind, ports at the edges of its rules."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address
from random import Random

from netlab.check.strategies_rules import NUMBERED
from netlab.errors import InputError
from netlab.model.addresses import Address
from netlab.model.places import VPC_ROUTER, Ends, resolve_ends
from netlab.model.rules import ICMP, ICMPV6, TCP, UDP
from netlab.model.stories import NO_FIELDS, Fields, Question
from netlab.model.topology import Lab

DPORTS = (21, 22, 23, 53, 80, 81, 123, 443, 1023, 1024, 5000, 5010, 5011, 7999, 8000, 8080, 8081, 40000, 65535)
FLAGS = ("S", "SA", "A", "PA", "FA", "R", "RA", "F", "SAU", "FPU", "SR")
SIZES = (100, 1433, 1453, 1473, 1600, 3000, 8941, 8961, 8973, 9000, 12000)
ICMP_PACKETS = (
    (8, 0),
    (8, 0),
    (8, 0),
    (8, 3),
    (0, 0),
    (3, 1),
    (3, 4),
    (11, 0),
    (10, 0),
    (13, 0),
    (13, 5),
    (14, 5),
    (255, 0),
)
ICMPV6_PACKETS = ((128, 0), (128, 0), (128, 3), (129, 0), (1, 4), (2, 0), (3, 0), (200, 0), (255, 0))
NOWHERE = ("192.0.2.1", "10.0.9.9", "10.0.1.99", "2001:db8:dead::1", "2001:db8:0:101::99")
SERVED = (
    "10.0.0.2",
    "169.254.169.254",
    "169.254.169.253",
    "169.254.169.123",
    "10.0.1.1",
    "fd00:ec2::254",
    "fd00:ec2::253",
)

_TRIES = 40
_TIMESTAMP = 13  # a Packet has no id for it, so a NAT gateway could not tell two of them apart


def draw_question(rng: Random, lab: Lab, *, plain: bool = False) -> Question:
    """
    Draw one flow to try; both ends share a family, and somebody is at its source.

    Args:
        plain: With no field fixed, and small.
    """
    sources, targets = _sources(lab), _targets(lab)
    for _ in range(_TRIES):
        question = _question(rng, rng.choice(sources), rng.choice(targets))
        try:
            ends = resolve_ends(lab, question.source, question.target, question.family)
        except InputError:
            continue
        if not _is_of_use(ends) or (lab.nat_gateways and question.icmp_type == _TIMESTAMP):
            continue
        bare = plain or ends.source_station == VPC_ROUTER
        return question if bare else _with_fields(rng, lab, question, ends)
    return Question(sources[0], "10.0.0.2", UDP, dport=53)


def can_reply(lab: Lab, ends: Ends) -> bool:
    """Tell whether somebody is at a flow's target to answer; the VPC's router is, where it serves the address."""
    if ends.target_station == VPC_ROUTER:
        return ends.source_station.node in lab.instances and is_served(lab, ends.target_own)
    return ends.target_station is not None


def is_served(lab: Lab, address: Address) -> bool:
    """Tell whether the VPC itself answers at an address."""
    routers = {subnet.cidr.network_address + 1 for subnet in lab.subnets.values()}
    return str(address) in SERVED[:4] or address in routers or str(address).startswith("fd00:ec2::")


def _is_of_use(ends: Ends) -> bool:
    """Leave out what no card sees: an instance with itself, and the router with anything but an instance."""
    source, target = ends.source_station, ends.target_station
    if source == VPC_ROUTER:
        return target is not None and target != VPC_ROUTER and not ends.crosses_igw
    return target is None or source.node != target.node


def draw_fields(rng: Random, lab: Lab, protocol: int, ends: Ends, *, chance: float = 0.25) -> Fields:
    """Draw what a step fixes of its packet; mostly nothing."""
    if rng.random() > chance:
        return NO_FIELDS
    portly = protocol in {TCP, UDP}
    # The router cannot answer a stranger, and where a NAT gateway sends a stranger's answer the minds do not agree.
    may_spoof = VPC_ROUTER not in {ends.source_station, ends.target_station} and not lab.nat_gateways
    return Fields(
        flags=rng.choice(FLAGS) if protocol == TCP and rng.random() < 0.6 else "",
        sport=rng.choice(DPORTS) if protocol in {TCP, UDP, ICMP} and rng.random() < 0.3 else None,
        dport=rng.choice(DPORTS) if portly and rng.random() < 0.15 else None,
        src=_address(rng, lab, ends.source.version) if may_spoof and rng.random() < 0.15 else None,
        size=rng.choice(SIZES) if rng.random() < 0.3 else None,
        df=rng.random() < 0.3,
    )


def _question(rng: Random, source: str, target: str) -> Question:
    kind, family = rng.random(), rng.choice((None, None, 4, 6))
    if kind < 0.45:
        return Question(source, target, TCP, dport=rng.choice(DPORTS), family=family)
    if kind < 0.7:
        return Question(source, target, UDP, dport=rng.choice(DPORTS), family=family)
    if kind < 0.85:
        protocol, kinds, family = rng.choice(((ICMP, ICMP_PACKETS, 4), (ICMPV6, ICMPV6_PACKETS, 6)))
        icmp_type, code = rng.choice(kinds)
        return Question(source, target, protocol, icmp_type=icmp_type, icmp_code=code, family=family)
    return Question(source, target, rng.choice(NUMBERED), family=family)


def _with_fields(rng: Random, lab: Lab, question: Question, ends: Ends) -> Question:
    fields = draw_fields(rng, lab, question.protocol, ends, chance=0.2)
    return Question(
        question.source,
        question.target,
        question.protocol,
        dport=question.dport,
        icmp_type=question.icmp_type,
        icmp_code=question.icmp_code,
        family=question.family,
        fields=fields,
    )


def _sources(lab: Lab) -> Sequence[str]:
    enis = [f"{each.node}/{each.name}" for each in lab.interfaces()]
    return (*enis, *enis, *lab.hosts, *lab.hosts, "10.0.0.2")


def _targets(lab: Lab) -> Sequence[str]:
    enis = [f"{each.node}/{each.name}" for each in lab.interfaces()]
    public = [f"{each.node}/{each.name}:public" for each in lab.interfaces() if each.public_ip is not None]
    others = [str(address) for each in lab.interfaces() for address in (*each.ipv4[1:], *each.ipv6)]
    return (*enis, *enis, *enis, *lab.hosts, *lab.hosts, *public, *others, *NOWHERE, *SERVED)


def _address(rng: Random, lab: Lab, family: int) -> Address:
    inside = [address for each in lab.interfaces() for address in each.addresses]
    outside = [address for host in lab.hosts.values() for address in host.addresses]
    strangers = [ip_address(each) for each in NOWHERE]
    return rng.choice([each for each in (*inside, *outside, *strangers) if each.version == family])
