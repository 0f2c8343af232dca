"""Rows and steps in one line of netlab's notation: ``laptop to ec2 tcp/22``, ``reply quote``, ``wait 31s``."""

from __future__ import annotations

from collections.abc import Iterator
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
from netlab.model.rows import protocol_key
from netlab.model.rules import PROTOCOL_NAMES, Direction
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
)


def row_words(row: Expectation | Step) -> str:
    """Return a row or step in one line, without what it wants."""
    match row:
        case Expectation():
            return question_words(row.question)
        case OpenStep():
            return f"open {row.flow}: {question_words(row.question)}"
        case PacketStep():
            return f"{'reply' if row.reply else 'send'} {row.flow}{_in_brackets(_field_words(row.fields))}"
        case ErrorStep():
            return f"error {row.flow}: {row.icmp_type}/{row.icmp_code} from {row.source} to {row.target}"
        case ChangeStep():
            return change_words(row.change)
        case WaitStep():
            return f"wait {row.seconds:.12g}s"
        case TableStep():
            parts = (("holds", row.holds), ("lacks", row.lacks))
            return f"table {row.node} " + "; ".join(f"{word} {', '.join(names)}" for word, names in parts if names)
        case _:
            assert_never(row)


def question_words(question: Question) -> str:
    """Return ``laptop to ec2 tcp/22``, and in brackets what is fixed beyond that."""
    name = PROTOCOL_NAMES.get(question.protocol, str(question.protocol))
    if question.dport is not None:
        name += f"/{question.dport}"
    elif question.icmp_type is not None:
        name += f"/{question.icmp_type}" + (f"/{question.icmp_code}" if question.icmp_code else "")
    extra = [*_field_words(question.fields)]
    if question.family is not None and question.icmp_type is None:
        extra.append(f"IPv{question.family}")
    if question.real:
        extra.append("real")
    return f"{question.source} to {question.target} {name}{_in_brackets(extra)}"


def change_words(change: Change) -> str:
    """Return ``revoke web ingress tcp/22 from 0.0.0.0/0``."""
    match change:
        case Authorize() | Revoke():
            verb = "authorize" if isinstance(change, Authorize) else "revoke"
            rules = " and ".join(_rule_words(rule, change.direction) for rule in change.rules) or "nothing"
            return f"{verb} {change.group} {change.direction.value} {rules}"
        case Attach():
            node = f"{change.node}/{change.interface}" if change.interface else change.node
            return f"attach {node} {', '.join(change.groups) or 'no group'}"
        case AddAclEntry():
            return f"acl {change.acl} add {change.direction.value} {_entry_words(change.entry)}"
        case RemoveAclEntry():
            return f"acl {change.acl} remove {change.direction.value} {change.number}"
        case AddPrefix():
            return f"prefix list {change.prefix_list} add {change.cidr}"
        case RemovePrefix():
            return f"prefix list {change.prefix_list} remove {change.cidr}"
        case _:
            assert_never(change)


def _rule_words(rule: RuleRequest, direction: Direction) -> str:
    preposition = "from" if direction is Direction.INGRESS else "to"
    return f"{_traffic_words(rule.protocol, rule.from_port, rule.to_port)} {preposition} {rule.peer}"


def _entry_words(entry: AclEntryRequest) -> str:
    traffic = _traffic_words(entry.protocol, entry.from_port, entry.to_port)
    return f"{entry.number} {entry.action} {traffic} {entry.cidr}"


def _traffic_words(protocol: str, first: int | None, last: int | None) -> str:
    key, value = protocol_key(protocol, first, last)
    return str(value) if key == "protocol" else f"{key}/{value}"


def _field_words(fields: Fields) -> Iterator[str]:
    if fields.flags:
        yield f"flags {fields.flags}"
    for name, value in (
        ("sport", fields.sport),
        ("dport", fields.dport),
        ("src", fields.src),
        ("size", fields.size),
    ):
        if value is not None:
            yield f"{name} {value}"
    if fields.df:
        yield "df"


def _in_brackets(words: Iterator[str] | list[str]) -> str:
    inside = ", ".join(words)
    return f" ({inside})" if inside else ""
