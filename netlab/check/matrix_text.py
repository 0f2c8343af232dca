"""
A matrix as a grid of at most 80 columns: places that fare alike share a row, traffic is a column.

    from visitor       tcp/443  tcp/5432  icmp/8
      front            +1       -in       -in
      store            -igw     -igw      -igw

Where that would be too long to read, what was delivered is listed instead, and what was lost is counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import islice
from textwrap import wrap

from netlab.check.grid import NOT_ASKED, Column, Grid, alike_sources, class_name, faces_from, grid_of
from netlab.check.listing import WIDTH, delivered_lines, wrapped
from netlab.check.matrix import Cell, Matrix
from netlab.check.samples import sample_words
from netlab.check.stand_ins import stand_in_words
from netlab.check.words import question_words
from netlab.model.rules import Rule, Traffic
from netlab.model.topology import Lab
from netlab.model.verdicts import Seen

MOST_LINES = 100
"""Lines up to which a grid is drawn, and beyond as long as a list would be no shorter."""

_MOST_LISTED = 10  # rules that nobody can use, for one reason
_GLUE = "\u00a0"  # lines do not break at it
_LABEL = 26  # columns of a row's label
_GATES = {
    "-in": "lost at the card of the instance it went to, ingress",
    "-out": "lost at the card of the instance it came from, egress",
    "-check": "lost at a card's source/dest check",
    "-full": "lost at a card whose connection table was full",
    "-acl": "lost at a network ACL",
    "-route": "lost in the VPC's router: no route",
    "-igw": "lost at the internet gateway: no public address",
    "-nat": "lost at a NAT gateway",
    "-mtu": "lost for its size",
    "-inet": "lost on the internet: nobody there, or not the sender's address",
    NOT_ASKED: "not asked",
    "!": "broken: no gate says what became of it",
    "?": "the two minds disagree",
    "+": "delivered; no rule had to admit it",
}
_CARD_PARTS = {"ingress": "-in", "egress": "-out", "source-dest-check": "-check", "allowance": "-full"}
_OTHERS = {"acl": "-acl", "vpc": "-route", "igw": "-igw", "nat": "-nat", "mtu": "-mtu", "internet": "-inet"}


def matrix_lines(matrix: Matrix, lab: Lab) -> Iterator[str]:
    """Yield the lines of a matrix: the grid, what its marks and names stand for, and how many of what there are."""
    rules = _numbered_rules(matrix)
    grid = grid_of(matrix, partial(mark, rules=rules), _fits)
    listed = [*_listed(matrix, grid)]
    most = max(MOST_LINES, len(listed))
    drawn = [*islice(_grid_lines(grid), most + 1)]
    yield from (*drawn, *_legend(lab, grid, rules)) if len(drawn) <= most else listed
    for each in matrix.stand_ins:
        yield from wrapped(stand_in_words(each))
    if matrix.cells:
        yield ""
    for cell in matrix.cells:
        if not cell.ok:
            status = "DISAGREE" if cell.disagreement else "BROKEN"
            text = f"{status:<10}{question_words(cell.question)}: {cell.disagreement or cell.detail}"
            yield from wrapped(text, "", " " * 10)
    yield from _untried_lines(matrix)
    counted = Counter(cell.seen.value for cell in matrix.cells)
    counts = ", ".join(f"{count:,} {word}" for word, count in sorted(counted.items()))
    yield f"{matrix.lab}: {len(matrix.places)} places, {len(matrix.cells):,} questions: {counts or 'none to ask'}"


def mark(cell: Cell, rules: dict[str, int]) -> str:
    """Return what stands in the grid for an answer: ``+3`` (by the third rule), ``-in`` (lost there) …"""
    if cell.disagreement:
        return "?"
    if cell.seen is Seen.BROKEN:
        return "!"
    verdict = cell.verdict
    if cell.seen is Seen.DELIVERED:
        return f"+{rules.get(verdict.rule or '', '')}"
    words = (verdict.gate or "").split()
    if words[:1] == ["card"]:
        return _CARD_PARTS.get(words[-1], "-")
    return _OTHERS.get(words[0], "-") if words else "-"


def _numbered_rules(matrix: Matrix) -> dict[str, int]:
    named = (cell.verdict.rule for cell in matrix.cells if cell.seen is Seen.DELIVERED and cell.verdict.rule)
    return {rule: number for number, rule in enumerate(dict.fromkeys(named), 1)}


def _listed(matrix: Matrix, grid: Grid) -> Iterator[str]:
    """Yield what was delivered, and where the rest was lost."""
    yield "delivered:"
    yield from delivered_lines(matrix, grid.classes)
    lost = Counter(mark(cell, {}) for cell in matrix.cells if cell.ok and cell.seen is not Seen.DELIVERED)
    yield "everything else:"
    for each, count in lost.most_common():
        yield from wrapped(f"{count:,} {_GATES.get(each, 'lost')}", "  ", " " * 6)
    yield ""
    yield from _classes_named(grid)
    yield "too long for a grid; --json has every answer"


def _grid_lines(grid: Grid) -> Iterator[str]:
    for block in _blocks(grid):
        yield from _block_lines(grid, block)
        yield ""


def _fits(samples: Sequence[Traffic]) -> bool:
    return sum(_column_width(sample_words(sample)) for sample in samples) <= WIDTH - _LABEL


def _blocks(grid: Grid) -> Iterator[list[Column]]:
    """Yield columns, as many at a time as fit."""
    block: list[Column] = []
    width = _LABEL
    for column in grid.columns:
        size = _column_width(_column_name(grid, column))
        if block and width + size > WIDTH:
            yield block
            block, width = [], _LABEL
        block.append(column)
        width += size
    if block:
        yield block


def _block_lines(grid: Grid, block: list[Column]) -> Iterator[str]:
    names = [_column_name(grid, column) for column in block]
    head = "".join(f"{name:<{_column_width(name)}}" for name in names)
    for sources in alike_sources(grid, block):
        rows: dict[tuple[str, ...], list[str]] = {}
        for name, faces in faces_from(grid, block, sources):
            for family, marks in zip(grid.families, faces, strict=True):
                if set(marks) != {NOT_ASKED}:
                    more = " (IPv6)" if family == 6 and len(grid.families) > 1 else ""
                    rows.setdefault(marks, []).append(f"{name}{more}")
        if rows:
            yield from _labelled([*map(class_name, sources)], head, f"from{_GLUE}")
        for marks, targets in rows.items():
            line = "".join(f"{each:<{_column_width(name)}}" for each, name in zip(marks, names, strict=True))
            yield from _labelled(targets, line, "  ")


def _labelled(names: list[str], line: str, first: str) -> Iterator[str]:
    """Yield a row: its names, on more lines where they need that, above where one is too long; what stands beside."""
    indent = " " * (len(first) - len(first.lstrip(" ")))
    others = f"{indent}  "
    whole = [each.replace(" ", _GLUE) for each in names]
    label = ", ".join([f"{first.lstrip(' ')}{whole[0]}", *whole[1:]])
    beside = max(map(len, label.split(" "))) + len(others) < _LABEL
    lines = wrap(
        label,
        _LABEL - 1 if beside else WIDTH,
        initial_indent=indent,
        subsequent_indent=others,
        break_long_words=False,
        break_on_hyphens=False,
    )
    above, below = ([], lines) if beside else (lines, [""])
    text = [*above, f"{below[0]:<{_LABEL}}{line}", *below[1:]]
    yield from (each.replace(_GLUE, " ").rstrip() for each in text)


def _legend(lab: Lab, grid: Grid, rules: dict[str, int]) -> Iterator[str]:
    groups = {rule.id: (group.name, rule) for group in lab.groups.values() for rule in (*group.ingress, *group.egress)}
    for rule_id, number in rules.items():
        group, rule = groups.get(rule_id, ("", None))
        yield from wrapped(f"{f'+{number}':<6}{rule_id}{_rule_words(group, rule)}", "", " " * 8)
    used = {each for pattern in grid.pairs.values() for row in pattern for each in row}
    for each, text in _GATES.items():
        if each in used:
            yield f"{each:<7} {text}" if len(each) > 5 else f"{each:<6}{text}"
    for column in grid.columns:
        if len(column) > 1:
            yield from _named(_column_name(grid, column), [sample_words(grid.samples[index]) for index in column])
    yield from _classes_named(grid)


def _classes_named(grid: Grid) -> Iterator[str]:
    for members in grid.classes:
        if len(members) > 1:
            yield from _named(class_name(members), members)


def _untried_lines(matrix: Matrix) -> Iterator[str]:
    by_reason: dict[str, list[str]] = {}
    for each in matrix.untried:
        by_reason.setdefault(each.why, []).append(str(each.clause))
    for why, said in by_reason.items():
        more = f"; and {len(said) - _MOST_LISTED:,} more" if len(said) > _MOST_LISTED else ""
        yield from wrapped(f"nobody here can use, since {why}: {'; '.join(said[:_MOST_LISTED])}{more}", "", "  ")


def _rule_words(group: str, rule: Rule | None) -> str:
    return "" if rule is None else f": {group} {rule.direction.value} {rule}"


def _named(name: str, members: Sequence[str]) -> Iterator[str]:
    yield from wrapped(f"{name} = {', '.join(members)}", "", "  ")


def _column_name(grid: Grid, column: Column) -> str:
    return class_name([sample_words(grid.samples[index]) for index in column])


def _column_width(name: str) -> int:
    return max(len(name), 6) + 2
