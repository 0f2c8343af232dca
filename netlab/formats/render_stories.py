"""Expectations and stories to plain data, as a lab file has them."""

from __future__ import annotations

from decimal import Decimal
from typing import assert_never

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
from netlab.model.rules import ICMP, TCP, Direction
from netlab.model.stories import (
    ChangeStep,
    ErrorStep,
    Expectation,
    Fields,
    OpenStep,
    PacketStep,
    Question,
    Step,
    Story,
    TableStep,
    WaitStep,
    Wanted,
)

Data = dict[str, object]


def expectation_data(row: Expectation) -> Data:
    """Return a row of ``expect:``."""
    return {**_question(row.question), **_wanted(row.wanted)}


def story_data(story: Story) -> list[Data]:
    """Return a story's steps."""
    return [_step(step) for step in story.steps]


def _step(step: Step) -> Data:
    match step:
        case OpenStep():
            return {"open": step.flow, **_question(step.question), **_wanted(step.wanted)}
        case PacketStep():
            return {"reply" if step.reply else "send": step.flow, **_fields(step.fields), **_wanted(step.wanted)}
        case ErrorStep():
            kind = f"{step.icmp_type}/{step.icmp_code}"
            ends = {"from": step.source, "to": step.target}
            return {"error": step.flow, "type": kind, **ends, **_wanted(step.wanted)}
        case ChangeStep():
            return _change(step.change) | ({"refused": step.refused} if step.refused else {})
        case WaitStep():
            return {"wait": plain_number(step.seconds)}
        case TableStep():
            flows = (("holds", step.holds), ("lacks", step.lacks))
            return {"table": step.node, **{key: list(names) for key, names in flows if names}}
        case _:
            assert_never(step)


def _question(question: Question) -> Data:
    data: Data = {"from": question.source, "to": question.target}
    match question.protocol:
        case 6 | 17:
            data["tcp" if question.protocol == TCP else "udp"] = question.dport
        case 1 | 58:
            data["icmp" if question.protocol == ICMP else "icmpv6"] = f"{question.icmp_type}/{question.icmp_code or 0}"
        case protocol:
            data["protocol"] = protocol
    if question.family is not None:
        data["family"] = question.family
    if question.real:
        data["real"] = True
    return data | _fields(question.fields)


def _fields(fields: Fields) -> Data:
    every = {
        "flags": fields.flags or None,
        "sport": fields.sport,
        "dport": fields.dport,
        "src": None if fields.src is None else str(fields.src),
        "size": fields.size,
        "df": fields.df or None,
    }
    return {key: value for key, value in every.items() if value is not None}


def _wanted(wanted: Wanted) -> Data:
    every = {"seen": wanted.seen, "by": wanted.by, "at": wanted.at, "reason": wanted.reason}
    return {key: value for key, value in every.items() if value}


def _change(change: Change) -> Data:
    match change:
        case Authorize() | Revoke():
            word = "authorize" if isinstance(change, Authorize) else "revoke"
            rules = [_rule(rule, change.direction) for rule in change.rules]
            return {word: change.group, change.direction.value: rules}
        case Attach():
            node = f"{change.node}/{change.interface}" if change.interface else change.node
            return {"attach": node, "security_groups": list(change.groups)}
        case AddAclEntry():
            return {"acl": change.acl, "add": {change.direction.value: _entry(change.entry, change.direction)}}
        case RemoveAclEntry():
            return {"acl": change.acl, "remove": {change.direction.value: {"rule": change.number}}}
        case AddPrefix():
            return {"prefix_list": change.prefix_list, "add": change.cidr}
        case RemovePrefix():
            return {"prefix_list": change.prefix_list, "remove": change.cidr}
        case _:
            assert_never(change)


def _rule(rule: RuleRequest, direction: Direction) -> Data:
    data = _traffic(rule.protocol, rule.from_port, rule.to_port) | _peer(rule.peer, direction)
    extra = {"description": rule.description, "id": rule.id}
    return data | {key: value for key, value in extra.items() if value}


def _entry(entry: AclEntryRequest, direction: Direction) -> Data:
    traffic = _traffic(entry.protocol, entry.from_port, entry.to_port)
    return {"rule": entry.number, **traffic, **_peer(entry.cidr, direction), "action": entry.action}


def _peer(peer: str, direction: Direction) -> Data:
    return {"from" if direction is Direction.INGRESS else "to": peer} if peer else {}


def _traffic(protocol: str, first: int | None, last: int | None) -> Data:
    """Return the protocol key of a request and its value; nothing where the request names none."""
    if not protocol:
        return {}
    if protocol in {"tcp", "udp"} and first is not None:
        return {protocol: first if first == last else f"{first}-{last}"}
    if protocol in {"icmp", "icmpv6"} and first is not None:
        return {protocol: "all" if first == last == -1 else first if last == -1 else f"{first}/{last}"}
    if protocol in {"tcp", "udp", "icmp", "icmpv6"}:
        return {protocol: None}
    return {"protocol": protocol}


def plain_number(value: float) -> int | float | str:
    """Return a number as files have it: whole where it is, and never with an exponent."""
    if value == int(value):
        return int(value)
    return format(Decimal(repr(value)), "f") if "e" in repr(value) else value
