"""
The filter table of a card: one family, one table, one commit.

Each direction has a chain (``ingress``, ``egress``) that follows aws-behaviour.md 2.9:

    never filtered → source/dest check → ICMP error about a remembered flow → class → remembered flow
    → the groups' rules, each leading to its own chain → log and drop

Conntrack follows every flow, but its state is honoured only where the entry is marked as tracked (card_names.py); so
the class can change with the rules in one commit, and an entry of an untracked flow admits nothing.
"""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_network

from netlab.compile import card_names as names
from netlab.compile.card_class import class_chain, class_chains
from netlab.compile.card_rules import rule_chain, rule_matches
from netlab.compile.routes import Border, leaving
from netlab.compile.rules import goto, jump, log_and_accept, log_and_drop, matching
from netlab.model.addresses import Cidr
from netlab.model.rules import ICMPV6, TCP, UDP, Direction, Rule
from netlab.model.topology import Interface, Lab
from netlab.plan.nouns import Chain, FilterRule, Match, Table, Target
from netlab.plan.tags import Tag

_Way = Cidr | None

NEIGHBOUR_DISCOVERY = (133, 134, 135, 136)
REDIRECT = 137

SPOOFED, MID_STREAM = "spoofed", "mid-stream"
_SPOOFED_TAG = Tag("source-dest-check", True, "SPOOFED")
_BY_RULES = ("set-xmark", f"{names.BY_RULES:#x}/{names.BY_RULES:#x}")
_TRACKED = matching("connmark", ("mark", f"{names.ENTRY_TRACKED:#x}/{names.ENTRY_TRACKED:#x}"))


def filter_table(lab: Lab, interface: Interface, family: int) -> Table:
    """Return the filter table of an interface's card."""
    if family == 6 and not lab.has_ipv6:
        spoofed = Chain(SPOOFED, log_and_drop(_SPOOFED_TAG))
        return Table(6, "filter", (spoofed, *_built_in(6, (goto(SPOOFED),))))
    rules = pooled_rules(lab, interface)
    classes = class_chains(rules, family)
    chains = [Chain(SPOOFED, log_and_drop(_SPOOFED_TAG)), _mid_stream_chain(), *classes]
    for direction in Direction:
        ways = _classed_ways(lab, interface, family) if classes else ()
        chains += _direction_chains(interface, rules, family, direction, ways)
    forward = (
        FilterRule(Target(direction.value, goto=True), in_interface=names.DEVICE[direction]) for direction in Direction
    )
    return Table(family, "filter", (*chains, *_built_in(family, tuple(forward))))


def pooled_rules(lab: Lab, interface: Interface) -> tuple[Rule, ...]:
    """Return the rules of all groups of an interface, in the order in which a verdict names them."""
    groups = [lab.groups[name] for name in interface.security_groups]
    return tuple(rule for group in groups for direction in Direction for rule in group.rules(direction))


def _built_in(family: int, forward: tuple[FilterRule, ...]) -> tuple[Chain, ...]:
    """Return the built-in chains: a card neither hears nor says anything but neighbour discovery."""
    spoken: tuple[FilterRule, ...] = ()
    if family == 6:
        spoken = tuple(
            FilterRule(Target("ACCEPT"), protocol=ICMPV6, matches=(matching("icmp6", ("icmpv6-type", str(kind))),))
            for kind in NEIGHBOUR_DISCOVERY
        )
    return (Chain("INPUT", spoken, "DROP"), Chain("FORWARD", forward, "DROP"), Chain("OUTPUT", spoken, "DROP"))


def _mid_stream_chain() -> Chain:
    """
    Return the chain that keeps state off TCP packets that open none: all but a SYN and an ACK.

    Conntrack calls them INVALID, unless it still follows the flow from a time when it was untracked.

    Source:
        Linux, net/netfilter/nf_conntrack_proto_tcp.c, tcp_conntracks and get_conntrack_index.
    """
    opens = (matching("tcp", ("tcp-flags", f"FIN,SYN,RST,ACK {flag}")) for flag in ("SYN", "ACK"))
    returns = (FilterRule(Target("RETURN"), protocol=TCP, matches=(each,)) for each in opens)
    return Chain(MID_STREAM, (*returns, jump("MARK", _BY_RULES)))


def _direction_chains(
    interface: Interface, rules: tuple[Rule, ...], family: int, direction: Direction, ways: tuple[_Way, ...]
) -> list[Chain]:
    """Return the chains of one direction, leaf first."""
    side = names.SIDE[direction]
    found = [(rule, wanted) for rule in rules if rule.direction is direction if (wanted := rule_matches(rule, family))]
    chains = [
        Chain(f"{side}-{reason.lower()}", log_and_accept(Tag(direction.value, False, reason)))
        for reason in ("EXEMPT", "RELATED", "TRACKED")
    ]
    chains.append(_keep_chain(direction))
    chains += [rule_chain(rule, f"{side}-keep") for rule, _ in found]
    if interface.source_dest_check:
        chains.append(_check_chain(interface, family, direction))
    steps = (
        *_exempt_rules(family, side),
        *((jump(f"{side}-check"),) if interface.source_dest_check else ()),
        *_state_rules(side, ways),
        *(wanted for _, wanted in found),
        *log_and_drop(Tag(direction.value, True, "NO_RULE")),
    )
    return [*chains, Chain(direction.value, steps)]


def _keep_chain(direction: Direction) -> Chain:
    """Return the chain an admitted packet ends in: it opens a remembered flow, unless it is judged by rules alone."""
    entry = names.ENTRY_TRACKED | (names.ENTRY_BY_INSTANCE if direction is Direction.EGRESS else 0)
    return Chain(
        f"{names.SIDE[direction]}-keep",
        (
            jump("ACCEPT", matches=(_mark(names.BY_RULES, names.BY_RULES),)),
            jump("CONNMARK", ("set-xmark", f"{entry:#x}/0xffffffff")),
            jump("MARK", ("set-xmark", f"{names.OPENS:#x}/{names.OPENS:#x}")),
            jump("ACCEPT"),
        ),
    )


def _check_chain(interface: Interface, family: int, direction: Direction) -> Chain:
    """Return the source/dest check: out, the source must be the interface's own; in, the destination."""
    own = [ip_network(address) for address in interface.addresses if address.version == family]
    ingress = direction is Direction.INGRESS
    passed = (
        FilterRule(Target("RETURN"), source=None if ingress else network, destination=network if ingress else None)
        for network in own
    )
    return Chain(f"{names.SIDE[direction]}-check", (*passed, goto(SPOOFED)))


def _exempt_rules(family: int, side: str) -> tuple[FilterRule, ...]:
    """The other end counts: an instance with the source of a service is as much an impostor as any."""
    far = "src" if side == names.SIDE[Direction.INGRESS] else "dst"
    found = [goto(f"{side}-exempt", matching("set", ("match-set", f"{names.exempt_set(family)} {far}")))]
    if family == 6:
        found += [
            goto(f"{side}-exempt", matching("icmp6", ("icmpv6-type", str(kind))), protocol=ICMPV6)
            for kind in (*NEIGHBOUR_DISCOVERY, REDIRECT)
        ]
    return tuple(found)


def _classed_ways(lab: Lab, interface: Interface, family: int) -> tuple[_Way, ...]:
    """
    Return the networks whose traffic has a class, None = any: what goes through a NAT gateway is always tracked.

    Source:
        EC2 User Guide, "Security group connection tracking", automatically tracked connections.
    """
    subnet = lab.subnets[interface.subnet]
    if family == 6 or subnet.nat is None:
        return (None,)
    return tuple(network for network, border in leaving(lab, subnet, family) if border is not Border.GATEWAY)


def _state_rules(side: str, ways: tuple[_Way, ...]) -> tuple[FilterRule, ...]:
    """Return the steps from the ICMP error about a remembered flow to the mark on what no entry can remember."""
    direction = next(each for each, short in names.SIDE.items() if short == side)
    steps = [
        goto(f"{side}-related", matching("conntrack", ("ctstate", "RELATED")), _TRACKED),
    ]
    ingress = direction is Direction.INGRESS
    for way in ways:
        found = FilterRule(
            Target(class_chain(direction)), source=way if ingress else None, destination=None if ingress else way
        )
        steps += [replace(found, protocol=protocol) for protocol in (TCP, UDP)]
    return (
        *steps,
        goto(f"{side}-tracked", _mark(0, names.BY_RULES), _TRACKED),
        FilterRule(Target(MID_STREAM), protocol=TCP),
        jump("MARK", _BY_RULES, matches=(matching("conntrack", ("ctstate", "INVALID,RELATED")),)),
    )


def _mark(value: int, mask: int) -> Match:
    return matching("mark", ("mark", f"{value:#x}/{mask:#x}"))
