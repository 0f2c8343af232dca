"""
One card's judgement on one packet: what is never filtered, source/dest check, state and class, rules, allowance.

Choices where AWS is silent: an ICMP error about a remembered flow passes whatever the rules; a packet that cannot be
part of any connection (flows.can_open, tcp.Outcome.INVALID) is judged by the rules alone and leaves no memory.

Source:
    EC2 User Guide, "Security group connection tracking"; "Elastic network interfaces", source/destination checking.
"""

from __future__ import annotations

from netlab.model.packets import Packet
from netlab.model.rules import Direction
from netlab.model.topology import Interface
from netlab.model.verdicts import Decision, Passage, Reason, card_gate
from netlab.oracle.atlas import Atlas
from netlab.oracle.flows import can_open
from netlab.oracle.policy import Policy, remote_of
from netlab.oracle.tcp import Outcome
from netlab.oracle.tracker import Record, Tracker


def judge(
    atlas: Atlas,
    policy: Policy,
    tracker: Tracker,
    interface: Interface,
    direction: Direction,
    packet: Packet,
    now_s: float,
) -> tuple[Passage, ...]:
    """
    Decide whether a card lets a packet pass.

    Args:
        tracker: The card's own; it remembers the packet.
        direction: Seen from the instance.

    Returns:
        What its gates say, at least one; the last one decides. Only a full table speaks behind a rule that admitted.
    """
    gate = card_gate(interface, direction.value)
    if atlas.is_exempt(packet, direction):
        return (Passage(gate, Decision.ALLOW, Reason.EXEMPT),)
    own = packet.src if direction is Direction.EGRESS else packet.dst
    if interface.source_dest_check and own not in interface.addresses:
        return (Passage(card_gate(interface, "source-dest-check"), Decision.DENY, Reason.SPOOFED),)
    if is_about_remembered(tracker, packet, now_s):
        return (Passage(gate, Decision.ALLOW, Reason.RELATED),)
    keeps_state = can_open(packet)
    record = tracker.find(packet, now_s)
    if record is not None:
        outcome, tcp = tracker.outcome(record, packet)
        if outcome is Outcome.INVALID:
            keeps_state = False
        elif outcome is Outcome.REOPENED or is_untracked(atlas, policy, interface, direction, packet, record):
            tracker.forget(record)
        else:
            tracker.carry(record, packet, outcome, tcp, now_s)
            return (Passage(gate, Decision.ALLOW, Reason.TRACKED),)
    rule = policy.admitting(interface, direction, packet)
    if rule is None:
        return (Passage(gate, Decision.DENY, Reason.NO_RULE),)
    if not keeps_state or is_untracked(atlas, policy, interface, direction, packet, None):
        return (Passage(gate, Decision.ALLOW, Reason.UNTRACKED, rule.id),)
    admitted = Passage(gate, Decision.ALLOW, Reason.RULE, rule.id)
    if interface.allowance is not None and tracker.taken(now_s) >= interface.allowance:
        return (admitted, Passage(card_gate(interface, "allowance"), Decision.DENY, Reason.ALLOWANCE))
    tracker.add(packet, direction, now_s)
    return (admitted,)


def is_about_remembered(tracker: Tracker, packet: Packet, now_s: float) -> bool:
    """Tell whether a packet is an ICMP error, sent to the sender of a packet (no error) of a live entry's flow."""
    quoted = packet.quoted
    if not packet.is_icmp_error or quoted is None or quoted.src != packet.dst or quoted.is_icmp_error:
        return False
    return tracker.find(quoted, now_s) is not None


def is_untracked(
    atlas: Atlas,
    policy: Policy,
    interface: Interface,
    direction: Direction,
    packet: Packet,
    record: Record | None,
) -> bool:
    """
    Tell whether a packet's flow is, by the rules as they are now, of a class whose connections are not tracked.

    The class is the originator's: of the live entry, or of a SYN. Of any other packet either side may have been it.

    Source:
        EC2 User Guide, "Security group connection tracking": untracked and automatically tracked connections.
    """
    protocol, family = packet.protocol, packet.family
    if record is not None:
        first = record.first
        untracked = policy.is_open_flow(interface, record.opened_by, protocol, family, first.dport)
    else:
        untracked = policy.is_open_flow(interface, direction, protocol, family, packet.dport) or (
            not packet.opens_tcp and policy.is_open_flow(interface, direction.opposite, protocol, family, packet.sport)
        )
    return untracked and not atlas.is_through_nat(interface, remote_of(packet, direction))
