"""
The matrix: who reaches whom, every ordered pair of places, asked in bulk through `Network.ask`.

Each cell asks what a row of ``expect:`` asks, and comes to what that row would come to: alone, with empty memories. So
questions that would meet in a connection table are asked in different rounds, with a reset between.
"""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import permutations

from netlab.check.clauses import Untried, untried_json
from netlab.check.samples import Samples, fits_family, question_from_sample
from netlab.check.stand_ins import StandIn, stand_ins_json
from netlab.model.network import FIRST_PORT, Flow, Network
from netlab.model.packets import ECHO_TYPES, ICMP_COUNTERPARTS
from netlab.model.places import Place, parse_place
from netlab.model.rows import row_data
from netlab.model.rules import ICMP, ICMPV6, TCP, UDP, Traffic
from netlab.model.stories import Expectation, Fields, Question, Wanted
from netlab.model.topology import Lab
from netlab.model.verdicts import Decision, Seen, Verdict

AT_ONCE = 4096
"""Questions asked in one breath; what is known of each packet's way is let go between."""

_FAMILIES = (4, 6)
_AS_ROW = Fields(sport=FIRST_PORT)
_ICMP_OF = {4: ICMP, 6: ICMPV6}

Progress = Callable[[int, int], None]
"""Told how many questions are answered, and how many there are."""


@dataclass(frozen=True, slots=True)
class Cell:
    """
    One question and its answer.

    Attributes:
        detail: What went wrong, where it is BROKEN.
        disagreement: How the two minds differ; empty = they do not, or one alone was asked.
    """

    question: Question
    seen: Seen
    verdict: Verdict
    detail: str = ""
    disagreement: str = ""

    @property
    def ok(self) -> bool:
        """Tell whether it is an answer: neither broken nor disagreed about."""
        return self.seen is not Seen.BROKEN and not self.disagreement

    @property
    def row(self) -> Expectation:
        """The row of ``expect:`` that expects just this."""
        denied = self.verdict.decision is Decision.DENY
        by = self.verdict.rule if not denied and self.seen is Seen.DELIVERED else None
        at = self.verdict.gate if denied else None
        return Expectation(self.question, Wanted(self.seen.value, by or "", at or "", self.verdict.reason.name))


@dataclass(frozen=True, slots=True)
class Matrix:
    """
    Every answer, in the order asked: by source, target, family, traffic.

    Attributes:
        places: In the order of the lab: instances (further interfaces as NODE/ENI), then hosts.
        untried: What the lab's groups and ACLs say, and no question tried.
    """

    lab: str
    places: tuple[str, ...]
    cells: tuple[Cell, ...]
    stand_ins: tuple[StandIn, ...] = ()
    untried: tuple[Untried, ...] = ()

    @property
    def ok(self) -> bool:
        """Tell whether every cell is an answer."""
        return all(cell.ok for cell in self.cells)


def places_of(lab: Lab) -> tuple[str, ...]:
    """Return where packets begin and end: every interface of every instance, then the hosts."""
    return (*(each.label for each in lab.interfaces()), *lab.hosts)


def questions_of(lab: Lab, samples: Iterable[Traffic], stand_ins: Sequence[StandIn] = ()) -> Iterator[Question]:
    """Yield the question of every sample, family and ordered pair of places that share the family."""
    samples = tuple(samples)
    for source, target, families in _pairs(lab, stand_ins):
        for family in families:
            for sample in samples:
                if fits_family(sample, family):
                    yield question_from_sample(source.text, target.text, sample, family)


def rule_questions(lab: Lab, *others: Lab, stand_ins: Sequence[StandIn] = ()) -> Iterator[Question]:
    """
    Yield the questions at the edges of every rule, and just outside: of each pair, what its two ends' rules name.

    Args:
        others: Labs whose rules count too, where they have the pair; for what differs between them.
        stand_ins: Of the labs: each is asked about those alone whom its network matters to; its own rules do not count.
    """
    known = {each.name for each in stand_ins}
    labs = [(Samples(each), {name: parse_place(each, name) for name in places_of(each)}) for each in (lab, *others)]
    for source, target, families in _pairs(lab, stand_ins):
        found: dict[Traffic, None] = {}
        for samples, places in labs:
            if source.text in places and target.text in places:
                ends = (None if each.text in known else places[each.text].interface for each in (source, target))
                found |= dict.fromkeys(samples.between(*ends))
        for family in families:
            for sample in found:
                if fits_family(sample, family):
                    yield question_from_sample(source.text, target.text, sample, family)


def ask_matrix(network: Network, questions: Iterable[Question], progress: Progress = lambda *_: None) -> Matrix:
    """Ask questions in bulk, each as if it stood alone."""
    lab, asked = network.lab, tuple(questions)
    cells: list[Cell | None] = [None] * len(asked)
    known: dict[Verdict, Verdict] = {}
    done = 0
    with _uncollected():
        for turn in rounds(lab, asked):
            network.reset()
            for begin in range(0, len(turn), AT_ONCE):
                batch = turn[begin : begin + AT_ONCE]
                flows = network.ask([as_row_asks(asked[index]) for index in batch], acknowledge=False)
                for index, flow in zip(batch, flows, strict=True):
                    cells[index] = _cell(asked[index], flow, known)
                done += len(batch)
                progress(done, len(asked))
    return Matrix(lab.name, places_of(lab), tuple(cell for cell in cells if cell is not None))


def rounds(lab: Lab, questions: Sequence[Question]) -> Iterator[list[int]]:
    """Yield the questions' places in rounds within which none meets another's state, nor fills a card's allowance."""
    meet: Counter[object] = Counter()
    turns: list[list[int]] = []
    room = {each.label: each.allowance for each in lab.interfaces() if each.allowance is not None}
    for index, question in enumerate(questions):
        key = _shared_state(lab, question)
        turn = meet[key] if key is not None else 0
        cards = [name for name in (question.source, question.target) if name in room]
        turn = max([turn, *(meet[name] // max(room[name] or 0, 1) for name in cards)])
        meet.update(cards)
        if key is not None:
            meet[key] = turn + 1
        while len(turns) <= turn:
            turns.append([])
        turns[turn].append(index)
    yield from turns


def as_row_asks(question: Question) -> Question:
    """Return a question with the source port that a row standing alone has."""
    if question.protocol in {TCP, UDP}:
        return Question(
            question.source, question.target, question.protocol, question.dport, family=question.family, fields=_AS_ROW
        )
    return question


def matrix_json(matrix: Matrix) -> dict[str, object]:
    """Return what `netlab matrix --json` prints; each cell is a row of ``expect:``."""
    counted = Counter(cell.seen.value for cell in matrix.cells)
    return {
        "lab": matrix.lab,
        "places": list(matrix.places),
        "asked": len(matrix.cells),
        "delivered": counted["delivered"],
        "lost": counted["lost"],
        "cells": [cell_json(cell) for cell in matrix.cells],
        "stand_ins": stand_ins_json(matrix.stand_ins),
        "untried": untried_json(matrix.untried),
        "ok": matrix.ok,
    }


def cell_json(cell: Cell) -> dict[str, object]:
    """Return a cell as the row of ``expect:`` that it is; what is wrong with it beside."""
    extra = {"detail": cell.detail, "disagreement": cell.disagreement}
    return {**row_data(cell.row), **{key: value for key, value in extra.items() if value}}


@contextmanager
def _uncollected() -> Iterator[None]:
    """Keep the collector of reference cycles away: there are none here, and its looking takes a third of the time."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _cell(question: Question, flow: Flow, known: dict[Verdict, Verdict]) -> Cell:
    deciding = flow.observation.deciding
    verdict = deciding.verdict
    detail = deciding.detail if deciding.seen is Seen.BROKEN else ""
    return Cell(question, deciding.seen, known.setdefault(verdict, verdict), detail, flow.observation.disagreement)


def _pairs(lab: Lab, stand_ins: Sequence[StandIn]) -> Iterator[tuple[Place, Place, tuple[int, ...]]]:
    places = [parse_place(lab, name) for name in places_of(lab)]
    has = {place.text: {family for family in _FAMILIES if place.own(family) is not None} for place in places}
    has |= {each.name: {each.address.version} for each in stand_ins}
    asked = {each.name: each.of for each in stand_ins}
    for source, target in permutations(places, 2):
        one, two = source.text, target.text
        if two not in asked.get(one, {two}) or one not in asked.get(two, {one}):
            continue
        if source.interface is None or target.interface is None or source.interface.node != target.interface.node:
            shared = has[one] & has[two]
            yield source, target, tuple(family for family in _FAMILIES if family in shared)


def _shared_state(lab: Lab, question: Question) -> object:
    """Return what a question is remembered by that another's packets could meet; None = nothing."""
    protocol, kind = question.protocol, (0, 0)
    ends: object = frozenset({question.source, question.target})
    if protocol in {TCP, UDP}:
        return (protocol, ends, question.family) if question.dport == FIRST_PORT else None
    if protocol == _ICMP_OF[question.family or 4]:
        if question.icmp_type in ECHO_TYPES[protocol]:
            return None
        of_it = question.icmp_type or 0
        other = ICMP_COUNTERPARTS[protocol].get(of_it)
        kind = (of_it, question.icmp_code or 0) if other is None else (min(of_it, other), 0)
    source = parse_place(lab, question.source).interface
    gateway = lab.subnets[source.subnet].nat if source is not None and question.family == 4 else None
    if gateway is not None and question.target in lab.hosts:
        ends = (f"nat {gateway}", question.target)
    return (protocol, kind, ends, question.family)
