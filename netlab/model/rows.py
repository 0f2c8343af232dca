"""Rows and steps as plain data, as a lab file has them: ``{"from": "laptop", "to": "ec2", "tcp": 22, …}``."""

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
from netlab.model.rules import ICMP, ICMPV6, PROTOCOL_NAMES, PROTOCOL_NUMBERS, TCP, Direction
from netlab.model.stories import (
    ChangeStep,
    ErrorStep,
    Expectation,
    Fields,
    OpenStep,
    PacketStep,
    Question,
    Step,
    TableStep,
    WaitStep,
    Wanted,
)

Data = dict[str, object]


def row_data(step: Expectation | Step) -> Data:
    """Return a row of ``expect:`` or a story's step in the lab file's keys; what may be left out there is left out."""
    match step:
        case Expectation():
            return {**_question(step.question), **_wanted(step.wanted)}
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
            return {"wait": f"{plain_number(step.seconds)}s"}
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
            key, code = "icmp" if question.protocol == ICMP else "icmpv6", question.icmp_code
            data[key] = f"{question.icmp_type}/{code}" if code else question.icmp_type
        case protocol:
            data["protocol"] = PROTOCOL_NAMES.get(protocol, protocol)
    if question.family is not None and question.protocol not in {ICMP, ICMPV6}:
        data["family"] = question.family
    data |= _fields(question.fields)
    return data | ({"real": True} if question.real else {})


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
            return {word: change.group, change.direction.value: rules[0] if len(rules) == 1 else rules}
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
    """
    Return the protocol key of a request and its value; nothing where the request names none.

    What only AWS may judge, as it may a spelling, is left as it is.
    """
    if not protocol:
        return {}
    if protocol != protocol.strip().lower():
        return {"protocol": protocol}
    key, value = protocol_key(protocol, first, last)
    if key != "protocol" and first is None:
        return {protocol: None} if protocol == key else {"protocol": protocol}
    return {key: value}


def protocol_key(text: str, first: int | None, last: int | None) -> tuple[str, int | str]:
    """Return a protocol as the lab file has it: ``("tcp", 22)``, ``("icmp", "3/4")``, ``("protocol", 99)``."""
    name = text.strip().lower()
    number = int(name) if name.isdecimal() else PROTOCOL_NUMBERS.get(name)
    name = PROTOCOL_NAMES.get(number, name) if number is not None else name
    match name:
        case "tcp" | "udp":
            if (first, last) == (0, 65535):
                return name, "all"
            one_port = first is not None and first == last
            return name, first if one_port and first is not None else f"{_text(first)}-{_text(last)}"
        case "icmp" | "icmpv6":
            if first is None or first == -1:
                return name, "all"
            return name, first if last in {None, -1} else f"{first}/{last}"
        case "-1" | "all":
            return "protocol", "all"
        case _:
            return "protocol", int(name) if name.isdecimal() else name


def _text(port: int | None) -> str:
    return "" if port is None else str(port)


def plain_number(value: float) -> int | float | str:
    """Return a number as files have it: whole where it is, and never with an exponent."""
    if value == int(value):
        return int(value)
    return format(Decimal(repr(value)), "f") if "e" in repr(value) else value
