"""Rows and steps as the lab file has them, as data for JSON: ``{"from": "laptop", "to": "ec2", "tcp": 22, …}``."""

from __future__ import annotations

from typing import assert_never

from netlab.check.words import protocol_key
from netlab.model.changes import (
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
from netlab.model.rules import ICMP, ICMPV6, PROTOCOL_NAMES, TCP, UDP, Direction
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


def row_json(row: Expectation | Step) -> dict[str, object]:
    """Return a row or step in the lab file's keys; what is left out there is left out here."""
    match row:
        case Expectation():
            return {**_question(row.question), **_wanted(row.wanted)}
        case OpenStep():
            return {"open": row.flow, **_question(row.question), **_wanted(row.wanted)}
        case PacketStep():
            return {"reply" if row.reply else "send": row.flow, **_fields(row.fields), **_wanted(row.wanted)}
        case ErrorStep():
            kind = f"{row.icmp_type}/{row.icmp_code}"
            return {"error": row.flow, "type": kind, "from": row.source, "to": row.target, **_wanted(row.wanted)}
        case ChangeStep():
            return {**_change(row.change), **({"refused": row.refused} if row.refused else {})}
        case WaitStep():
            return {"wait": f"{row.seconds:.12g}s"}
        case TableStep():
            parts = (("holds", row.holds), ("lacks", row.lacks))
            return {"table": row.node, **{word: list(names) for word, names in parts if names}}
        case _:
            assert_never(row)


def _question(question: Question) -> dict[str, object]:
    row: dict[str, object] = {"from": question.source, "to": question.target}
    if question.protocol in {TCP, UDP}:
        row[PROTOCOL_NAMES[question.protocol]] = question.dport
    elif question.protocol in {ICMP, ICMPV6}:
        code = question.icmp_code or 0
        row[PROTOCOL_NAMES[question.protocol]] = f"{question.icmp_type}/{code}" if code else question.icmp_type
    else:
        row["protocol"] = PROTOCOL_NAMES.get(question.protocol, question.protocol)
    if question.family is not None and question.protocol not in {ICMP, ICMPV6}:
        row["family"] = question.family
    row |= _fields(question.fields)
    if question.real:
        row["real"] = True
    return row


def _fields(fields: Fields) -> dict[str, object]:
    row: dict[str, object] = {
        "flags": fields.flags or None,
        "sport": fields.sport,
        "dport": fields.dport,
        "src": None if fields.src is None else str(fields.src),
        "size": fields.size,
        "df": fields.df or None,
    }
    return {key: value for key, value in row.items() if value is not None}


def _wanted(wanted: Wanted) -> dict[str, object]:
    row = {"seen": wanted.seen, "by": wanted.by, "at": wanted.at, "reason": wanted.reason}
    return {key: value for key, value in row.items() if value}


def _change(change: Change) -> dict[str, object]:
    match change:
        case Authorize() | Revoke():
            verb = "authorize" if isinstance(change, Authorize) else "revoke"
            rules = [_rule(rule, change.direction) for rule in change.rules]
            return {verb: change.group, change.direction.value: rules[0] if len(rules) == 1 else rules}
        case Attach():
            node = f"{change.node}/{change.interface}" if change.interface else change.node
            return {"attach": node, "security_groups": list(change.groups)}
        case AddAclEntry():
            entry = change.entry
            key, value = protocol_key(entry.protocol, entry.from_port, entry.to_port)
            preposition = _preposition(change.direction)
            row = {"rule": entry.number, key: value, preposition: entry.cidr, "action": entry.action}
            return {"acl": change.acl, "add": {change.direction.value: row}}
        case RemoveAclEntry():
            return {"acl": change.acl, "remove": {change.direction.value: {"rule": change.number}}}
        case AddPrefix():
            return {"prefix_list": change.prefix_list, "add": change.cidr}
        case RemovePrefix():
            return {"prefix_list": change.prefix_list, "remove": change.cidr}
        case _:
            assert_never(change)


def _rule(rule: RuleRequest, direction: Direction) -> dict[str, object]:
    key, value = protocol_key(rule.protocol, rule.from_port, rule.to_port)
    row: dict[str, object] = {key: value, _preposition(direction): rule.peer}
    extra = {"description": rule.description, "id": rule.id}
    return row | {key: value for key, value in extra.items() if value}


def _preposition(direction: Direction) -> str:
    return "from" if direction is Direction.INGRESS else "to"
