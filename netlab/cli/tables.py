"""What `netlab show` prints: what a card is told and has counted, and what it remembers. Lines, at most 80 columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from netlab.model.rules import PROTOCOL_NAMES, Direction, Rule
from netlab.model.topology import Lab
from netlab.model.wire import Entry

if TYPE_CHECKING:
    from netlab.live.show import Card, CardRule

_OTHERS = (
    ("belong to a remembered connection", "TRACKED"),
    ("never filtered by AWS", "EXEMPT"),
    ("dropped: no rule admits them", "NO_RULE"),
)
_WIDTH = 80
_COUNT = 9


def flows_lines(node: str, entries: Sequence[Entry]) -> Iterator[str]:
    """Yield the connection tables of an instance's cards."""
    many = len({each.interface for each in entries}) > 1
    yield f"connections that the {'cards' if many else 'card'} of {node} remember{'' if many else 's'}"
    if not entries:
        yield "  none"
        return
    rows = [("card", "opened by", "class", "left", "state", "flow")]
    for each in sorted(entries, key=lambda each: (each.interface, not each.tracked, -each.left_s)):
        opener = "instance" if each.opened_by.value == "egress" else "peer"
        kind = "tracked" if each.tracked else "untracked"
        rows.append((each.interface, opener, kind, duration(each.left_s), each.state, flow_text(each)))
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    for row in rows:
        head = "  ".join(f"{text:<{width}}" for text, width in zip(row, widths, strict=False))
        yield from _folded(f"  {head}  ", row[5])


def flow_text(entry: Entry) -> str:
    """Return an entry's flow in netlab's notation."""
    name = PROTOCOL_NAMES.get(entry.protocol, str(entry.protocol))
    if entry.dport is not None:
        return f"{name} {_end(entry.src, entry.sport)} > {_end(entry.dst, entry.dport)}"
    number = f" id {entry.sport}" if entry.sport is not None else ""
    return f"{name} {entry.src} > {entry.dst}{number}"


def duration(seconds: float) -> str:
    """Return seconds as people read them: ``5d 0h``, ``2m 59s``, ``12s``."""
    whole = int(seconds)
    if whole >= 86_400:
        return f"{whole // 86_400}d {whole % 86_400 // 3600}h"
    if whole >= 3600:
        return f"{whole // 3600}h {whole % 3600 // 60}m"
    return f"{whole // 60}m {whole % 60}s" if whole >= 60 else f"{whole}s"


def summary_lines(lab: Lab, card: Card) -> Iterator[str]:
    """Yield the SG rules of a card in the order they are asked, with what each has admitted, and what none did."""
    behind = {rule.id: rule for group in lab.groups.values() for rule in (*group.ingress, *group.egress)}
    yield f"card {card.label}: groups {', '.join(card.groups)}"
    for direction in Direction:
        yield f"{'packets':>{_COUNT}}  {direction.value}"
        admitted: dict[str, int] = {}
        for each in card.rules:
            rule = behind.get(each.rule)
            if each.chain == direction.value and rule is not None:
                admitted[rule.id] = admitted.get(rule.id, 0) + each.packets
        for name, packets in admitted.items():
            yield from _folded(f"{packets:>{_COUNT}}  ", f"{name}: {behind[name]}")
        for text, reason in _OTHERS:
            packets = sum(
                each.packets
                for each in card.rules
                if each.tag in {f"+{direction.value} {reason}", f"-{direction.value} {reason}"}
            )
            yield f"{packets:>{_COUNT}}  {text}"


def rules_lines(lab: Lab, card: Card) -> Iterator[str]:
    """Yield a card's chains in the order packets meet them, with counters, and the SG rule behind each rule."""
    behind = {rule.id: rule for group in lab.groups.values() for rule in (*group.ingress, *group.egress)}
    yield f"card {card.label}: groups {', '.join(card.groups)}"
    for family in sorted({each.family for each in card.rules}):
        chains: dict[str, list[CardRule]] = {}
        for each in card.rules:
            if each.family == family:
                chains.setdefault(each.chain, []).append(each)
        for name in _met_in_order(chains):
            yield ""
            yield f"{'packets':>{_COUNT}}  chain {name}" + (" (IPv6)" if family == 6 else "")
            for each in chains[name]:
                yield from _rule_lines(each, behind.get(each.rule))


def _rule_lines(each: CardRule, rule: Rule | None) -> Iterator[str]:
    yield from _folded(f"{each.packets:>{_COUNT}}  ", each.spec)
    if rule is not None:
        yield f"{'':{_COUNT}}    = {rule.id}: {rule}"
    elif each.tag:
        yield f"{'':{_COUNT}}    = {each.tag}"


def _met_in_order(chains: dict[str, list[CardRule]]) -> list[str]:
    """Return the chains' names, each after one that leads to it."""
    found: list[str] = []

    def follow(name: str) -> None:
        if name in found or name not in chains:
            return
        found.append(name)
        for each in chains[name]:
            follow(each.spec.rpartition(" ")[2])

    for name in ("FORWARD", *chains):
        follow(name)
    return found


def _folded(head: str, text: str) -> Iterator[str]:
    yield from wrap(
        text, _WIDTH, initial_indent=head, subsequent_indent=" " * (len(head) + 2), break_on_hyphens=False
    ) or [head.rstrip()]


def _end(address: object, port: int | None) -> str:
    return f"[{address}]:{port}" if ":" in str(address) else f"{address}:{port}"


def cards_json(cards: Sequence[Card]) -> list[dict[str, Any]]:
    """Return the cards as plain data."""
    return [asdict(card) for card in cards]


def entries_json(entries: Sequence[Entry]) -> list[dict[str, Any]]:
    """Return connection table entries as plain data."""
    return [
        {**asdict(entry), "src": str(entry.src), "dst": str(entry.dst), "opened_by": entry.opened_by.value}
        for entry in entries
    ]
