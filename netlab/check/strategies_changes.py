"""Changes, drawn for a lab: of rules, groups, prefix lists, ACLs; some of them such as AWS refuses."""

from __future__ import annotations

from ipaddress import ip_network
from random import Random

from netlab.check.strategies_rules import draw_peers, draw_traffic
from netlab.model.addresses import EVERYWHERE, Cidr
from netlab.model.changes import (
    AclEntryRequest,
    AddAclEntry,
    AddPrefix,
    Attach,
    Authorize,
    Change,
    RemoveAclEntry,
    RemovePrefix,
    Revoke,
    RuleRequest,
)
from netlab.model.rules import ALL_PORTS, ICMP, ICMPV6, TCP, UDP, Direction, Peer, Rule, Traffic
from netlab.model.topology import Lab


def draw_change(rng: Random, lab: Lab) -> Change:
    """Draw a change; what it takes away mostly is there."""
    kind = rng.random()
    if kind < 0.3:
        return _revoke(rng, lab)
    if kind < 0.6:
        direction = rng.choice(list(Direction))
        return Authorize(_used_group(rng, lab), direction, (_some_rule(rng, lab),))
    if kind < 0.75:
        interface = rng.choice(list(lab.interfaces()))
        groups = rng.sample(list(lab.groups), rng.randint(0 if rng.random() < 0.1 else 1, min(3, len(lab.groups))))
        return Attach(interface.node, interface.name, tuple(groups))
    if kind < 0.88 or not lab.prefix_lists:
        return _of_an_acl(rng, lab)
    return _of_a_prefix_list(rng, lab)


def request_from_rule(traffic: Traffic, peer: Peer) -> RuleRequest:
    """Return a rule as it is asked for."""
    protocol, first, last = _spelled(traffic)
    return RuleRequest(protocol, first, last, str(peer))


def _used_group(rng: Random, lab: Lab) -> str:
    """Draw a group that an interface has."""
    return rng.choice(sorted({name for each in lab.interfaces() for name in each.security_groups}))


def _revoke(rng: Random, lab: Lab) -> Change:
    group = lab.groups[_used_group(rng, lab)]
    direction = rng.choice([each for each in Direction if group.rules(each)] or list(Direction))
    rules: list[Rule] = list(group.rules(direction))
    if rules and rng.random() < 0.9:
        rule = rng.choice(rules)
        return Revoke(group.name, direction, (request_from_rule(rule.traffic, rule.peer),))
    return Revoke(group.name, direction, (_some_rule(rng, lab),))


def _some_rule(rng: Random, lab: Lab) -> RuleRequest:
    if rng.random() < 0.4:  # what opens a class
        family = rng.choice((4, 6))
        traffic = rng.choice((Traffic(None), Traffic(TCP, ports=ALL_PORTS), Traffic(UDP, ports=ALL_PORTS)))
        return request_from_rule(traffic, EVERYWHERE[family])
    (peer,) = draw_peers(rng, list(lab.groups), list(lab.prefix_lists), _cidrs(lab), 1)
    request = request_from_rule(draw_traffic(rng), peer)
    if rng.random() < 0.05:
        return RuleRequest("tcp", 22, 21, request.peer)
    return request


def _of_an_acl(rng: Random, lab: Lab) -> Change:
    acl = rng.choice(list(lab.acls.values()))
    direction = rng.choice(list(Direction))
    numbers = [entry.number for entry in acl.entries(direction)]
    if numbers and rng.random() < 0.4:
        return RemoveAclEntry(acl.name, direction, rng.choice(numbers))
    protocol, first, last = _spelled(draw_traffic(rng))
    if first is None and protocol in {"tcp", "udp"}:
        first, last = 0, 65535
    number, action = rng.choice((2, 60, 120, 32000)), rng.choice(("allow", "deny"))
    entry = AclEntryRequest(number, protocol, first, last, str(rng.choice(_cidrs(lab))), action)
    return AddAclEntry(acl.name, direction, entry)


def _of_a_prefix_list(rng: Random, lab: Lab) -> Change:
    chosen = rng.choice(list(lab.prefix_lists.values()))
    if chosen.entries and rng.random() < 0.5:
        return RemovePrefix(chosen.name, str(rng.choice(chosen.entries)))
    return AddPrefix(chosen.name, str(rng.choice(_cidrs(lab))))


def _cidrs(lab: Lab) -> list[Cidr]:
    found: list[Cidr] = [EVERYWHERE[4], EVERYWHERE[6], lab.vpc.cidr]
    found += [ip_network(address) for each in lab.interfaces() for address in each.addresses]
    found += [ip_network(address) for host in lab.hosts.values() for address in host.addresses]
    return found


def _spelled(traffic: Traffic) -> tuple[str, int | None, int | None]:
    match traffic.protocol:
        case None:
            return "-1", None, None
        case 6 | 17 as protocol:
            ports = traffic.ports or ALL_PORTS
            return "tcp" if protocol == TCP else "udp", ports.first, ports.last
        case 1 | 58 as protocol:
            name = {ICMP: "icmp", ICMPV6: "icmpv6"}[protocol]
            kind = -1 if traffic.icmp_type is None else traffic.icmp_type
            return name, kind, -1 if traffic.icmp_code is None else traffic.icmp_code
        case protocol:
            return str(protocol), None, None
