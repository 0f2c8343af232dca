"""
Network ACLs: chains of ``:vpc``'s mangle table, one table and so one commit for both directions.

An ACL is asked where a packet crosses the border of a subnet, and keeps no state. Leaving is judged in PREROUTING: the
kernel looks whether a packet is too big for its next link before it comes to FORWARD, and the ACL comes before that.
Where a packet goes is known by then all the same, for a subnet's routes are few and fixed. Entering is judged in
FORWARD, behind the router's decision. Fragments have been put together by then (`vpc.py`).

    PREROUTING -i c0 → subnet-out:public → acl-out:strict → (too big for the gateway? → log; the kernel drops it)
    FORWARD    -o c0 → subnet-in:public  → acl-in:strict

Source:
    VPC User Guide, "Network ACLs"; EC2 API, CreateNetworkAclEntry.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from netlab.compile.card_exempt import exempt_addresses
from netlab.compile.card_names import SIDE, exempt_set
from netlab.compile.card_rules import icmp_matches, plain_protocol
from netlab.compile.evidence import RETURN, dropped, logged, passed
from netlab.compile.names import OUTSIDE_MTU, chain_name
from netlab.compile.routes import Border, leaving
from netlab.model.acls import AclEntry, NetworkAcl
from netlab.model.rules import ALL_PORTS, ICMP, TCP, UDP, Direction, Traffic
from netlab.model.topology import Lab, Subnet
from netlab.plan.nouns import Chain, FilterRule, IpSet, Match, Target
from netlab.plan.tags import Tag


@dataclass(frozen=True, slots=True)
class AclGates:
    """
    The ACLs' part of ``:vpc``.

    Attributes:
        chains: Each behind the chains it jumps to.
        prerouting: Rules for the built-in chain; likewise ``forward``.
    """

    chains: tuple[Chain, ...]
    prerouting: tuple[FilterRule, ...]
    forward: tuple[FilterRule, ...]


def compile_acl_gates(lab: Lab, family: int, devices: dict[str, tuple[str, ...]]) -> AclGates:
    """
    Compile all ACLs of a VPC for one family.

    Args:
        devices: By subnet, those of ``:vpc`` that lead into it.
    """
    subnets = [lab.subnets[name] for name, own in devices.items() if own]
    used = [lab.acls[name] for name in dict.fromkeys(subnet.acl for subnet in subnets)]
    chains = [_acl_chain(acl, direction, family) for acl in used for direction in Direction]
    prerouting, forward = [], []
    for subnet in subnets:
        leave, enter = chain_name("subnet", subnet.name, "out"), chain_name("subnet", subnet.name, "in")
        chains.append(Chain(leave, _leaving_rules(lab, subnet, family)))
        chains.append(Chain(enter, _entering_rules(subnet, devices[subnet.name])))
        prerouting += [FilterRule(Target(leave), in_interface=device) for device in devices[subnet.name]]
        forward += [FilterRule(Target(enter), out_interface=device) for device in devices[subnet.name]]
    return AclGates(tuple(chains), tuple(prerouting), tuple(forward))


def compile_exempt_set(lab: Lab, family: int) -> IpSet:
    """Return the set of addresses that no ACL judges."""
    return IpSet(exempt_set(family), "hash:ip", family, members=frozenset(map(str, exempt_addresses(lab, family))))


def compile_traffic(traffic: Traffic, family: int) -> FilterRule | None:
    """
    Return what finds an entry's packets, addresses aside; ICMP of the other family has no type and code.

    None = there are no such packets in the family.
    """
    protocol: int | None = traffic.protocol
    matches: tuple[Match, ...] = ()
    match traffic.protocol:
        case 6 | 17 if traffic.ports is not None and traffic.ports != ALL_PORTS:
            name = {TCP: "tcp", UDP: "udp"}[traffic.protocol]
            first, last = traffic.ports.first, traffic.ports.last
            matches = (Match(name, (("dport", str(first) if first == last else f"{first}:{last}"),)),)
        case 1 | 58 if (traffic.protocol == ICMP) == (family == 4):
            matches = icmp_matches(traffic)
        case int() as number:
            found = plain_protocol(number, family)
            if found is None:
                return None
            protocol, matches = found
    return FilterRule(RETURN, protocol=protocol, matches=matches)


def _acl_chain(acl: NetworkAcl, direction: Direction, family: int) -> Chain:
    rules = list(_exemptions(family))
    for entry in acl.entries(direction):
        if entry.cidr.version == family:
            rules += _entry_rules(acl.name, entry, direction, family)
    rules += dropped(FilterRule(RETURN), _tag(acl.name, direction, "*", drop=True))
    return Chain(chain_name("acl", acl.name, SIDE[direction]), tuple(rules))


def _entry_rules(acl: str, entry: AclEntry, direction: Direction, family: int) -> tuple[FilterRule, ...]:
    rule = compile_traffic(entry.traffic, family)
    if rule is None:
        return ()
    if entry.cidr.prefixlen:
        ingress = direction is Direction.INGRESS
        rule = replace(rule, source=entry.cidr) if ingress else replace(rule, destination=entry.cidr)
    tag = _tag(acl, direction, str(entry.number), drop=not entry.allow)
    return passed(rule, tag) if entry.allow else dropped(rule, tag)


def _tag(acl: str, direction: Direction, number: str, *, drop: bool) -> Tag:
    return Tag(f"acl/{acl}/{direction.value}", drop, "ACL", number)


def _leaving_rules(lab: Lab, subnet: Subnet, family: int) -> tuple[FilterRule, ...]:
    ask = Target(chain_name("acl", subnet.acl, "out"))
    rules: list[FilterRule] = []
    for cidr, border in leaving(lab, subnet, family):
        everything = cidr.prefixlen == 0
        found = FilterRule(RETURN, destination=None if everything else cidr)
        if border is not Border.NONE:
            rules.append(replace(found, target=ask))
        if border is Border.GATEWAY:
            rules.append(logged(_too_big(found, family), Tag("mtu", drop=True, reason="MTU")))
        if not everything:
            rules.append(found)
    return tuple(rules)


def _too_big(found: FilterRule, family: int) -> FilterRule:
    """Narrow a rule to packets that the kernel will not send on to the gateway."""
    size = Match("length", (("length", f"{OUTSIDE_MTU + 1}:65535"),))
    unfragmentable = (Match("u32", (("u32", "0x4&0x4000=0x4000"),)),) if family == 4 else ()
    return replace(found, matches=(size, *unfragmentable))


def _entering_rules(subnet: Subnet, devices: tuple[str, ...]) -> tuple[FilterRule, ...]:
    return (
        *(FilterRule(RETURN, in_interface=device) for device in devices),
        FilterRule(Target(chain_name("acl", subnet.acl, "in"))),
    )


def _exemptions(family: int) -> tuple[FilterRule, ...]:
    sets = [f"{exempt_set(family)} {side}" for side in ("src", "dst")]
    return tuple(FilterRule(RETURN, matches=(Match("set", (("match-set", each),)),)) for each in sets)
