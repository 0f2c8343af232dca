"""
The class of a flow: tracked, or open to all in both directions and therefore untracked.

A flow opened in a direction is untracked where a rule of that direction admits it from or to everywhere, and the
opposite direction admits every answer (peer everywhere, all ports). Decided per family on the pooled rules of the
interface. Source: EC2 User Guide, "Security group connection tracking"; aws-behaviour.md 2.1 and 2.9.
"""

from __future__ import annotations

from collections.abc import Iterable

from netlab.compile import card_names as names
from netlab.compile.rules import jump, matching
from netlab.model.addresses import is_everywhere
from netlab.model.rules import ALL_PORTS, TCP, UDP, Direction, GroupRef, Ports, PrefixListRef, Rule
from netlab.plan.nouns import Chain, FilterRule, Match, Target

UNTRACKED = "untracked"
"""The chain that forgets a flow's state."""


def class_chains(rules: tuple[Rule, ...], family: int) -> list[Chain]:
    """
    Return the chains that find packets of open classes, leaf first; none where every flow is tracked.

    They are ``class-in`` and ``class-out``. After them a packet that is to be judged by rules alone has BY_RULES
    in its mark, and its entry's mark is 0.
    """
    openings = {
        (direction, protocol): untracked_ports(rules, family, direction, protocol)
        for direction in Direction
        for protocol in (TCP, UDP)
    }
    if not any(openings.values()):
        return []
    forget = Chain(
        UNTRACKED,
        (
            jump("CONNMARK", ("set-xmark", "0x0/0xffffffff")),
            jump("MARK", ("set-xmark", f"{names.BY_RULES:#x}/{names.BY_RULES:#x}")),
        ),
    )
    return [forget, *(Chain(class_chain(each), tuple(_class_rules(openings, each))) for each in Direction)]


def class_chain(direction: Direction) -> str:
    """Return the name of the chain that finds untracked packets of one direction."""
    return f"class-{names.SIDE[direction]}"


def untracked_ports(rules: Iterable[Rule], family: int, direction: Direction, protocol: int) -> tuple[Ports, ...]:
    """Return the destination ports on which flows opened in *direction* are untracked: merged, sorted."""
    forward, backward = (_open_ports(rules, family, each, protocol) for each in (direction, direction.opposite))
    return _merged(forward) if ALL_PORTS in backward else ()


def _open_ports(rules: Iterable[Rule], family: int, direction: Direction, protocol: int) -> list[Ports]:
    return [
        rule.traffic.ports or ALL_PORTS
        for rule in rules
        if rule.direction is direction
        and rule.traffic.protocol in {None, protocol}
        and not isinstance(rule.peer, GroupRef | PrefixListRef)
        and rule.peer.version == family
        and is_everywhere(rule.peer)
    ]


def _merged(ranges: list[Ports]) -> tuple[Ports, ...]:
    merged: list[Ports] = []
    for each in sorted(ranges):
        if merged and each.first <= merged[-1].last + 1:
            merged[-1] = Ports(merged[-1].first, max(merged[-1].last, each.last))
        else:
            merged.append(each)
    return tuple(merged)


def _class_rules(openings: dict[tuple[Direction, int], tuple[Ports, ...]], here: Direction) -> list[FilterRule]:
    """
    Return the rules of one direction. A live entry says who opened the flow; else a bare SYN opens one, and any other
    packet may be of a flow opened by either side.
    """
    opened_here, opened_there = (
        names.ENTRY_TRACKED | (names.ENTRY_BY_INSTANCE if each is Direction.EGRESS else 0)
        for each in (here, here.opposite)
    )
    found: list[FilterRule] = []
    for protocol in (TCP, UDP):
        own, answers = openings[here, protocol], openings[here.opposite, protocol]
        found += [_to_untracked(protocol, "dport", ports, unless_entry=opened_there) for ports in own]
        if answers and protocol == TCP:
            syn = matching("tcp", ("tcp-flags", "SYN,ACK SYN"))
            forgotten = matching("connmark", ("mark", f"0x0/{names.ENTRY_TRACKED:#x}"))
            found.append(FilterRule(Target("RETURN"), protocol=TCP, matches=(syn, forgotten)))
        found += [_to_untracked(protocol, "sport", ports, unless_entry=opened_here) for ports in answers]
    return found


def _to_untracked(protocol: int, side: str, ports: Ports, *, unless_entry: int) -> FilterRule:
    wanted: tuple[Match, ...] = ()
    if ports != ALL_PORTS:
        wanted = (matching("tcp" if protocol == TCP else "udp", (side, port_text(ports))),)
    entry = matching("connmark", ("mark", f"!{unless_entry:#x}/{names.ENTRY_CLASS_BITS:#x}"))
    return FilterRule(Target(UNTRACKED, goto=True), protocol=protocol, matches=(*wanted, entry))


def port_text(ports: Ports) -> str:
    """Return a range in iptables' spelling."""
    return str(ports.first) if ports.first == ports.last else f"{ports.first}:{ports.last}"
