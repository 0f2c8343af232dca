"""Rules, groups, prefix lists and network ACLs, drawn from few ports and networks: they overlap, and miss by one."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from netlab.model.acls import AclEntry, NetworkAcl
from netlab.model.addresses import EVERYWHERE, Cidr
from netlab.model.rules import (
    ALL_PORTS,
    ICMP,
    ICMPV6,
    TCP,
    UDP,
    Direction,
    GroupRef,
    Peer,
    Ports,
    PrefixList,
    PrefixListRef,
    Rule,
    SecurityGroup,
    Traffic,
)

PORTS = {
    TCP: (Ports(22, 22), Ports(80, 80), Ports(443, 443), Ports(8000, 8080), Ports(1024, 65535), ALL_PORTS, ALL_PORTS),
    UDP: (Ports(53, 53), Ports(5000, 5010), Ports(49152, 65535), Ports(123, 123), ALL_PORTS, ALL_PORTS),
}
ICMP_KINDS = {
    ICMP: ((None, None), (8, None), (8, 0), (8, 8), (0, None), (3, None), (3, 4), (11, 0), (255, None)),
    ICMPV6: ((None, None), (128, None), (128, 0), (129, None), (1, None), (2, 0), (3, 0), (255, None)),
}
NUMBERED = (2, 4, 33, 47, 50, 89, 99, 132, 136, 253)
"""Protocols beside TCP, UDP and ICMP: tunnels, ESP, OSPF, those with ports that AWS does not look at, two unused."""

_ENTRY_NUMBERS = (1, 50, 100, 150, 200, 32000)


def draw_traffic(rng: Random) -> Traffic:
    """Draw what a rule speaks of."""
    kind = rng.random()
    if kind < 0.15:
        return Traffic(None)
    if kind < 0.5:
        return Traffic(TCP, ports=rng.choice(PORTS[TCP]))
    if kind < 0.7:
        return Traffic(UDP, ports=rng.choice(PORTS[UDP]))
    if kind < 0.88:
        protocol = rng.choice((ICMP, ICMPV6))
        icmp_type, code = rng.choice(ICMP_KINDS[protocol])
        return Traffic(protocol, icmp_type=icmp_type, icmp_code=code)
    return Traffic(rng.choice(NUMBERED))


def draw_groups(
    rng: Random, names: Sequence[str], known: Sequence[str], lists: Sequence[str], cidrs: Sequence[Cidr], *, ipv6: bool
) -> dict[str, SecurityGroup]:
    """Draw the groups of a lab; *known* are the names that rules may refer to."""
    return {
        name: SecurityGroup(
            name,
            ingress=_rules(rng, Direction.INGRESS, draw_peers(rng, known, lists, cidrs, rng.randint(0, 5))),
            egress=_open_egress(ipv6=ipv6)
            if rng.random() < 0.45
            else _rules(rng, Direction.EGRESS, draw_peers(rng, known, lists, cidrs, rng.randint(0, 4))),
        )
        for name in names
    }


def draw_peers(
    rng: Random, groups: Sequence[str], lists: Sequence[str], cidrs: Sequence[Cidr], count: int
) -> list[Peer]:
    """Draw rules' other sides."""
    found: list[Peer] = []
    for _ in range(count):
        kind = rng.random()
        if kind < 0.2:
            found.append(GroupRef(rng.choice(groups)))
        elif kind < 0.3 and lists:
            found.append(PrefixListRef(rng.choice(lists)))
        else:
            found.append(rng.choice(cidrs))
    return found


def draw_prefix_lists(rng: Random, names: Sequence[str], cidrs: Sequence[Cidr]) -> dict[str, PrefixList]:
    """Draw up to as many prefix lists as there are names, each of one family."""
    found = {}
    for name in names[: rng.randint(0, len(names))]:
        family = rng.choice([each.version for each in cidrs])
        entries = list(dict.fromkeys(each for each in cidrs if each.version == family))
        found[name] = PrefixList(name, 5, tuple(rng.sample(entries, min(len(entries), rng.randint(0, 3)))))
    return found


def draw_acls(rng: Random, names: Sequence[str], cidrs: Sequence[Cidr], *, ipv6: bool) -> dict[str, NetworkAcl]:
    """Draw ACLs; most end by allowing the rest."""
    return {name: NetworkAcl(name, *(_entries(rng, cidrs, ipv6=ipv6) for _ in Direction)) for name in names}


def draw_entry(rng: Random, number: int, cidrs: Sequence[Cidr]) -> AclEntry:
    """Draw one entry of an ACL."""
    return AclEntry(number, draw_traffic(rng), rng.choice(cidrs), rng.random() < 0.5)


def _entries(rng: Random, cidrs: Sequence[Cidr], *, ipv6: bool) -> tuple[AclEntry, ...]:
    numbers = sorted(rng.sample(_ENTRY_NUMBERS, rng.choice((0, 0, 0, 1, 2, 3))))
    found = [draw_entry(rng, number, cidrs) for number in numbers]
    if rng.random() < 0.85:
        found.append(AclEntry(32001, Traffic(None), EVERYWHERE[4], allow=True))
        found += [AclEntry(32002, Traffic(None), EVERYWHERE[6], allow=True)] if ipv6 else []
    return tuple(found)


def _rules(rng: Random, direction: Direction, peers: Sequence[Peer]) -> tuple[Rule, ...]:
    rules = {each.properties: each for each in (Rule("", direction, draw_traffic(rng), peer) for peer in peers)}
    return tuple(rules.values())


def _open_egress(*, ipv6: bool) -> tuple[Rule, ...]:
    """Return what AWS gives a new group."""
    return tuple(Rule("", Direction.EGRESS, Traffic(None), EVERYWHERE[each]) for each in ((4, 6) if ipv6 else (4,)))
