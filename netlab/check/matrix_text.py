"""
A matrix as a grid of at most 80 columns: places that fare alike share a row, traffic is a column.

    from visitor       tcp/443  tcp/5432  icmp/8
      front            +1       -in       -in
      store            -igw     -igw      -igw
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from textwrap import wrap

from netlab.check.matrix import Cell, Matrix
from netlab.check.samples import sample_of, sample_order, sample_words
from netlab.check.words import question_words
from netlab.model.rules import Rule, Traffic
from netlab.model.topology import Lab
from netlab.model.verdicts import Seen

WIDTH = 80

_LABEL = 26  # columns of a row's label
_NOT_ASKED = "."
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
    "!": "broken: no gate says what became of it",
    "?": "the two minds disagree",
    "+": "delivered; no rule had to admit it",
}
_CARD_PARTS = {"ingress": "-in", "egress": "-out", "source-dest-check": "-check", "allowance": "-full"}
_OTHERS = {"acl": "-acl", "vpc": "-route", "igw": "-igw", "nat": "-nat", "mtu": "-mtu", "internet": "-inet"}

_Pair = tuple[str, str]
_Pattern = tuple[tuple[str, ...], ...]  # by family, by column


@dataclass(frozen=True, slots=True)
class Grid:
    """
    What is drawn.

    Attributes:
        columns: Samples that fare alike everywhere, together.
        classes: Places that fare alike, together; the first one names them.
        patterns: Of every ordered pair: its marks, by family and sample.
    """

    columns: tuple[tuple[int, ...], ...]
    samples: tuple[Traffic, ...]
    families: tuple[int, ...]
    classes: tuple[tuple[str, ...], ...]
    patterns: dict[_Pair, _Pattern]


def matrix_lines(matrix: Matrix, lab: Lab) -> Iterator[str]:
    """Yield the lines of a matrix: the grid, what its marks and names stand for, and how many of what there are."""
    rules = _numbered_rules(matrix)
    grid = _grid(matrix, rules)
    for block in _blocks(grid):
        yield from _block_lines(grid, block)
        yield ""
    yield from _legend(matrix, lab, grid, rules)
    for cell in matrix.cells:
        if not cell.ok:
            status = "DISAGREE" if cell.disagreement else "BROKEN"
            text = f"{status:<10}{question_words(cell.question)}: {cell.disagreement or cell.detail}"
            yield from _wrapped(text, "", " " * 10)
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


def _grid(matrix: Matrix, rules: dict[str, int]) -> Grid:
    samples = tuple(sorted({sample_of(cell.question) for cell in matrix.cells}, key=sample_order))
    families = tuple(sorted({cell.question.family or 4 for cell in matrix.cells}))
    at = {sample: index for index, sample in enumerate(samples)}
    marks: dict[_Pair, list[list[str]]] = {}
    for cell in matrix.cells:
        question = cell.question
        rows = marks.setdefault((question.source, question.target), [[_NOT_ASKED] * len(samples) for _ in families])
        rows[families.index(question.family or 4)][at[sample_of(question)]] = mark(cell, rules)
    interned: dict[_Pattern, _Pattern] = {}
    patterns: dict[_Pair, _Pattern] = {}
    for pair, rows in marks.items():
        pattern = tuple(map(tuple, rows))
        patterns[pair] = interned.setdefault(pattern, pattern)
    return Grid(_columns(samples, list(interned)), samples, families, _classes(matrix.places, patterns), patterns)


def _columns(samples: Sequence[Traffic], patterns: list[_Pattern]) -> tuple[tuple[int, ...], ...]:
    """Return the samples' places, one by one where they fit; else those together that fare alike everywhere."""
    single = tuple((index,) for index in range(len(samples)))
    if sum(_column_width(sample_words(sample)) for sample in samples) <= WIDTH - _LABEL:
        return single
    alike: dict[tuple[str, ...], list[int]] = {}
    for index in range(len(samples)):
        alike.setdefault(tuple(marks[index] for pattern in patterns for marks in pattern), []).append(index)
    return tuple(map(tuple, alike.values()))


def _classes(places: Sequence[str], patterns: dict[_Pair, _Pattern]) -> tuple[tuple[str, ...], ...]:
    """Put places together that fare alike with every other one, both ways, and with each other."""
    classes: list[list[str]] = []
    for place in places:
        home = next((each for each in classes if _are_alike(each[0], place, places, patterns)), None)
        if home is None:
            classes.append([place])
        else:
            home.append(place)
    return tuple(map(tuple, classes))


def _are_alike(one: str, two: str, places: Sequence[str], patterns: dict[_Pair, _Pattern]) -> bool:
    if patterns.get((one, two)) != patterns.get((two, one)):
        return False
    return all(
        patterns.get((one, each)) == patterns.get((two, each))
        and patterns.get((each, one)) == patterns.get((each, two))
        for each in places
        if each not in {one, two}
    )


def _blocks(grid: Grid) -> Iterator[list[tuple[int, ...]]]:
    """Yield columns, as many at a time as fit."""
    block: list[tuple[int, ...]] = []
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


def _block_lines(grid: Grid, block: list[tuple[int, ...]]) -> Iterator[str]:
    names = [_column_name(grid, column) for column in block]
    head = "".join(f"{name:<{_column_width(name)}}" for name in names)
    for source in grid.classes:
        rows: dict[tuple[str, ...], list[str]] = {}
        for target in grid.classes:
            pair = (source[0], target[0]) if source != target else (source[0], source[-1])
            if pair not in grid.patterns:
                continue
            for index, family in enumerate(grid.families):
                marks = tuple(grid.patterns[pair][index][column[0]] for column in block)
                if set(marks) != {_NOT_ASKED}:
                    name = "each other" if source == target else _class_name(target)
                    rows.setdefault(marks, []).append(
                        f"{name} (IPv6)" if family == 6 and len(grid.families) > 1 else name
                    )
        if rows:
            yield from _labelled(f"from {_class_name(source)}", head, "")
        for marks, targets in rows.items():
            line = "".join(f"{each:<{_column_width(name)}}" for each, name in zip(marks, names, strict=True))
            yield from _labelled(", ".join(targets), line, "  ")


def _labelled(label: str, line: str, indent: str) -> Iterator[str]:
    """Yield a row: its label, on more lines where it needs them, and what stands beside it."""
    first, *others = wrap(
        label, _LABEL - 1, initial_indent=indent, subsequent_indent=indent + "  ", break_on_hyphens=False
    )
    yield f"{first:<{_LABEL}}{line}".rstrip()
    yield from others


def _legend(matrix: Matrix, lab: Lab, grid: Grid, rules: dict[str, int]) -> Iterator[str]:
    groups = {rule.id: (group.name, rule) for group in lab.groups.values() for rule in (*group.ingress, *group.egress)}
    for rule_id, number in rules.items():
        group, rule = groups.get(rule_id, ("", None))
        yield from _wrapped(f"{f'+{number}':<6}{rule_id}{_rule_words(group, rule)}", "", " " * 8)
    used = {each for pattern in grid.patterns.values() for row in pattern for each in row}
    for each, text in _GATES.items():
        if each in used:
            yield f"{each:<7} {text}" if len(each) > 5 else f"{each:<6}{text}"
    for column in grid.columns:
        if len(column) > 1:
            yield from _named(_column_name(grid, column), [sample_words(grid.samples[index]) for index in column])
    for members in grid.classes:
        if len(members) > 1:
            yield from _named(_class_name(members), members)
    if matrix.cells:
        yield ""


def _rule_words(group: str, rule: Rule | None) -> str:
    return "" if rule is None else f": {group} {rule.direction.value} {rule}"


def _named(name: str, members: Sequence[str]) -> Iterator[str]:
    yield from _wrapped(f"{name} = {', '.join(members)}", "", "  ")


def _class_name(members: Sequence[str]) -> str:
    return members[0] if len(members) == 1 else f"{members[0]} +{len(members) - 1}"


def _column_name(grid: Grid, column: tuple[int, ...]) -> str:
    return _class_name([sample_words(grid.samples[index]) for index in column])


def _column_width(name: str) -> int:
    return max(len(name), 6) + 2


def _wrapped(text: str, first: str, others: str) -> list[str]:
    return wrap(text, WIDTH, initial_indent=first, subsequent_indent=others, break_on_hyphens=False)
