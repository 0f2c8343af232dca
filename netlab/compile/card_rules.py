"""
One rule of a security group in netfilter's words: what it matches, and the chain that names it.

What becomes of an admitted packet is card_filter's business.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network

from netlab.compile import card_names as names
from netlab.compile.card_class import port_text
from netlab.compile.rules import goto, log_probe, matching
from netlab.model.rules import ALL_PORTS, ICMP, ICMPV6, TCP, UDP, Direction, GroupRef, PrefixListRef, Rule, Traffic
from netlab.plan.nouns import Chain, FilterRule, Match, Target
from netlab.plan.tags import Tag

AH = 51
_MATCH_NAMES = {TCP: "tcp", UDP: "udp"}


@dataclass(frozen=True, slots=True)
class _Side:
    """A rule's other side: a network, or a set; the ICMP type 255 and protocol 0 need matches of their own."""

    network: IPv4Network | IPv6Network | None = None
    matches: tuple[Match, ...] = ()


def rule_matches(rule: Rule, family: int) -> FilterRule | None:
    """
    Return the rule by which *rule* finds its packets, leading to its chain; None = it can match none of the family.

    An ``icmp`` rule matches no IPv6 packet, an ``icmpv6`` rule no IPv4 packet. Source: aws-behaviour.md 1.3.
    """
    side = _peer(rule, family)
    traffic = _traffic(rule.traffic, family)
    if side is None or traffic is None:
        return None
    protocol, matches = traffic
    ingress = rule.direction is Direction.INGRESS
    return FilterRule(
        Target(names.rule_chain(rule.id, rule.direction), goto=True),
        comment=str(Tag(rule.direction.value, False, "RULE", rule.id)),
        protocol=protocol,
        source=side.network if ingress else None,
        destination=None if ingress else side.network,
        matches=(*side.matches, *matches),
    )


def rule_chain(rule: Rule, keep: str) -> Chain:
    """Return the chain that logs a probe with the rule's id, with or without state, and goes on to *keep*."""
    part = rule.direction.value
    by_rules, with_state = (
        matching("mark", ("mark", f"{value:#x}/{names.BY_RULES:#x}")) for value in (names.BY_RULES, 0)
    )
    return Chain(
        names.rule_chain(rule.id, rule.direction),
        (
            log_probe(Tag(part, False, "UNTRACKED", rule.id), by_rules),
            log_probe(Tag(part, False, "RULE", rule.id), with_state),
            goto(keep),
        ),
    )


def _peer(rule: Rule, family: int) -> _Side | None:
    side = "src" if rule.direction is Direction.INGRESS else "dst"
    match rule.peer:
        case GroupRef(name):
            return _Side(matches=(_set_match(names.group_set(name, family), side),))
        case PrefixListRef(name):
            return _Side(matches=(_set_match(names.prefix_list_set(name, family), side),))
        case network:
            if network.version != family:
                return None
            return _Side(network if network.prefixlen else None)


def _set_match(name: str, side: str) -> Match:
    return matching("set", ("match-set", f"{name} {side}"))


def _traffic(traffic: Traffic, family: int) -> tuple[int | None, tuple[Match, ...]] | None:
    """Return the protocol and matches of *traffic*; None = there are no such packets in the family."""
    match traffic.protocol:
        case None:
            return None, ()
        case 1 | 58 as protocol:
            return (protocol, icmp_matches(traffic)) if protocol == (ICMP if family == 4 else ICMPV6) else None
        case 6 | 17 as protocol:
            ports = traffic.ports or ALL_PORTS
            if ports == ALL_PORTS:
                return protocol, ()
            return protocol, (matching(_MATCH_NAMES[protocol], ("dport", port_text(ports))),)
        case protocol:
            return plain_protocol(protocol, family)


def plain_protocol(protocol: int, family: int) -> tuple[int | None, tuple[Match, ...]] | None:
    """
    Return what finds a protocol without ports and types; None = there are no such packets in the family.

    Source:
        Linux, net/ipv6/netfilter/ip6_tables.c, ip6_packet_match: it looks behind extension headers, AH among them.
    """
    if protocol == 0:  # `-p 0` means any protocol; in IPv6 it heads a chain of extensions, and is never a packet's own
        return (None, (matching("u32", ("u32", "0x6&0xff=0x0")),)) if family == 4 else None
    if protocol == AH and family == 6:
        return None, (matching("u32", ("u32", f"0x4>>0x8&0xff={AH:#x}")),)
    return protocol, ()


def icmp_matches(traffic: Traffic) -> tuple[Match, ...]:
    """
    Return the match of type and code, each exactly.

    Source:
        Linux, net/ipv4/netfilter/ip_tables.c, icmp_type_code_match: there the type 255 means any.
    """
    if traffic.icmp_type is None:
        return ()
    if traffic.protocol == ICMP and traffic.icmp_type == 255:
        code = "" if traffic.icmp_code is None else f"&&0x0>>0x16&0x3c@0x0>>0x10&0xff={traffic.icmp_code:#x}"
        return (matching("u32", ("u32", f"0x0>>0x16&0x3c@0x0>>0x18=0xff{code}")),)
    text = str(traffic.icmp_type) + ("" if traffic.icmp_code is None else f"/{traffic.icmp_code}")
    if traffic.protocol == ICMP:
        return (matching("icmp", ("icmp-type", text)),)
    return (matching("icmp6", ("icmpv6-type", text)),)
