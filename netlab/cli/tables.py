"""Tables for `netlab show`: what a card is told and has counted, and what it remembers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from netlab.model.rules import PROTOCOL_NAMES
from netlab.model.topology import Lab
from netlab.model.wire import Entry

if TYPE_CHECKING:
    from rich.console import RenderableType

    from netlab.live import Card


def flows_table(lab: Lab, node: str, entries: Sequence[Entry]) -> RenderableType:
    """Return the connection tables of an instance's cards."""
    from rich import box  # noqa: PLC0415 - `--help` does without
    from rich.table import Table  # noqa: PLC0415

    del lab
    table = Table(title=f"connections that the cards of {node} remember", title_justify="left", box=box.SIMPLE_HEAD)
    for heading in ("card", "opened by", "flow", "state", "class"):
        table.add_column(heading, overflow="fold")
    table.add_column("left", justify="right", no_wrap=True)
    for entry in entries:
        kind = "tracked" if entry.tracked else "untracked"
        opener = "instance" if entry.opened_by.value == "egress" else "peer"
        table.add_row(entry.interface, opener, flow_text(entry), entry.state, kind, duration(entry.left_s))
    if not entries:
        table.caption = "none"
    return table


def flow_text(entry: Entry) -> str:
    """Return an entry's flow in netlab's notation."""
    name = PROTOCOL_NAMES.get(entry.protocol, str(entry.protocol))
    if entry.dport is not None:
        return f"{name} {_end(entry.src, entry.sport)} > {_end(entry.dst, entry.dport)}"
    number = f" id {entry.sport}" if entry.sport is not None else ""
    return f"{name} {entry.src} > {entry.dst}{number}"


def _end(address: object, port: int | None) -> str:
    return f"[{address}]:{port}" if ":" in str(address) else f"{address}:{port}"


def duration(seconds: float) -> str:
    """Return seconds as people read them: ``5d 0h``, ``2m 59s``, ``12s``."""
    whole = int(seconds)
    if whole >= 86_400:
        return f"{whole // 86_400}d {whole % 86_400 // 3600}h"
    if whole >= 3600:
        return f"{whole // 3600}h {whole % 3600 // 60}m"
    return f"{whole // 60}m {whole % 60}s" if whole >= 60 else f"{whole}s"


def rules_tables(lab: Lab, cards: Sequence[Card]) -> list[RenderableType]:
    """Return one table a card: its chains, with counters and the SG rule behind each."""
    from rich import box  # noqa: PLC0415 - `--help` does without
    from rich.table import Table  # noqa: PLC0415

    behind = {rule.id: rule for group in lab.groups.values() for rule in (*group.ingress, *group.egress)}
    tables: list[RenderableType] = []
    for card in cards:
        title = f"card {card.label}: groups {', '.join(card.groups)}"
        table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
        table.add_column("packets", justify="right", no_wrap=True)
        table.add_column("chain", overflow="fold")
        table.add_column("iptables rule", overflow="fold")
        table.add_column("SG rule behind it", overflow="fold")
        for each in card.rules:
            rule = behind.get(each.rule)
            name = f"IPv6 {each.chain}" if each.family == 6 else each.chain
            table.add_row(str(each.packets), name, each.spec, f"{rule.id}: {rule}" if rule is not None else each.tag)
        tables.append(table)
    return tables


def cards_json(cards: Sequence[Card]) -> list[dict[str, Any]]:
    """Return the cards as plain data."""
    return [asdict(card) for card in cards]


def entries_json(entries: Sequence[Entry]) -> list[dict[str, Any]]:
    """Return connection table entries as plain data."""
    return [
        {**asdict(entry), "src": str(entry.src), "dst": str(entry.dst), "opened_by": entry.opened_by.value}
        for entry in entries
    ]
