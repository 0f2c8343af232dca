"""
What a change alters: pairs newly reached and newly cut, and what becomes of flows that are open while it happens.

Both are found by asking: the matrices of the two labs side by side, and flows played across the change.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from netlab.check.clauses import Clause, Untried, clauses_of, untried_json
from netlab.check.matrix import AT_ONCE, Cell, Matrix, Progress, as_row_asks, cell_json, rounds
from netlab.check.stand_ins import Furnished, StandIn, representatives, stand_ins_json
from netlab.check.untried import untried
from netlab.model.network import Flow, Network, Sent
from netlab.model.packets import ECHO_TYPES
from netlab.model.rows import row_data
from netlab.model.stories import NO_FIELDS, Expectation, Question, Wanted
from netlab.model.topology import Lab
from netlab.model.verdicts import Decision, Reason, Seen, Verdict

_CLASSES = {
    frozenset({Reason.RULE}): "tracked",
    frozenset({Reason.UNTRACKED}): "untracked",
    frozenset({Reason.RULE, Reason.UNTRACKED}): "tracked at one end",
}

_IN_PART = "nobody was asked beyond the narrower networks that rules name"


@dataclass(frozen=True, slots=True)
class Changed:
    """One question answered otherwise; None = a lab has not both places."""

    before: Cell | None
    after: Cell | None

    @property
    def question(self) -> Question:
        """What was asked."""
        cell = self.after or self.before
        if cell is None:
            raise LookupError("a change without a cell")
        return cell.question


@dataclass(frozen=True, slots=True)
class Fate:
    """
    What became of a flow that was open when the lab changed.

    Attributes:
        kind: ``tracked``, ``untracked``, ``tracked at one end`` or ``never filtered``, when it was opened.
        direction: Of the packet that decided: ``send`` or ``reply``; ``open`` where the flow did not open again.
        verdict: On that packet: the first one lost, else the first one sent after the change.
        detail: What went wrong, where the experiment broke or the minds differ.
    """

    question: Question
    kind: str
    kept: bool
    direction: str
    verdict: Verdict
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Impact:
    """
    Everything a change alters.

    Attributes:
        asked: How many questions were put to both labs.
        fates: Of the open flows; None = not asked for.
        faults: Cells that are no answers, of either lab.
        stand_ins: Who was put into both labs.
        untried: What groups and ACLs say in one of the labs alone, and no question tried.
        settings: What else differs, a line each: groups of an interface, timers, an ACL of a subnet ….
    """

    old: str
    new: str
    asked: int
    reached: tuple[Changed, ...]
    cut: tuple[Changed, ...]
    fates: tuple[Fate, ...] | None = None
    faults: tuple[Cell, ...] = ()
    stand_ins: tuple[StandIn, ...] = ()
    untried: tuple[Untried, ...] = ()
    settings: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Tell whether nothing changed, everything asked was answered, and everything that differs was asked about."""
        fates = self.fates or ()
        return not (self.reached or self.cut or self.faults or self.untried or self.settings) and all(
            each.kept for each in fates
        )


def compare(old: Matrix, new: Matrix) -> tuple[tuple[Changed, ...], tuple[Changed, ...]]:
    """Return what is newly reached and what newly cut, in the order asked; a place that is not there is not reached."""
    before = {cell.question: cell for cell in old.cells}
    after = {cell.question: cell for cell in new.cells}
    asked = dict.fromkeys((*after, *before))
    changed = [Changed(before.get(each), after.get(each)) for each in asked]
    reached = tuple(each for each in changed if _delivered(each.after) and not _delivered(each.before))
    cut = tuple(each for each in changed if _delivered(each.before) and not _delivered(each.after))
    return reached, cut


def differing(one: Lab, other: Lab) -> tuple[Clause, ...]:
    """Return what the groups and ACLs of one lab say, and not those of the other."""
    said = clauses_of(other)
    return tuple(each for each in clauses_of(one) if each not in said)


def untried_changes(old: tuple[Lab, Matrix], new: tuple[Lab, Matrix], found: Furnished) -> tuple[Untried, ...]:
    """
    Return which differences of what two labs say no question tried, or none beyond what narrower networks cover.

    Args:
        old: As it was asked, with its answers; likewise *new*.
        found: Who was put into both.
    """
    instead = representatives(found.stand_ins)
    unasked = {*found.nowhere, *found.left_out}
    every: list[Untried] = []
    for change, (lab, matrix), (other, _) in (("removed", old, new), ("added", new, old)):
        clauses = differing(lab, other)
        told = {each.clause: each for each in untried(lab, matrix.cells, clauses, instead)}
        part = {each: Untried(each, _IN_PART) for each in clauses if each.peer in unasked}
        every += [replace((part | told)[each], change=change) for each in clauses if each in part or each in told]
    return tuple(every)


def play_fates(
    network: Network, new: Lab, questions: Sequence[Question], progress: Progress = lambda *_: None
) -> tuple[Fate, ...]:
    """
    Open flows in a lab as it was first, change it to what *new* says while they are open, and send both ways on each.

    Args:
        questions: Those that get through before.
    """
    fates: dict[int, Fate] = {}
    for turn in rounds(network.lab, questions):
        for begin in range(0, len(turn), AT_ONCE):
            batch = turn[begin : begin + AT_ONCE]
            network.reset()
            flows = network.ask([as_row_asks(questions[index]) for index in batch])
            network.become(new)
            pairs = list(zip(batch, flows, strict=True))
            opened = [pair for pair in pairs if _is_fine(pair[1])]
            for (index, _), fate in zip(opened, _fates(network, [flow for _, flow in opened]), strict=True):
                fates[index] = fate
            fates |= {index: _unopened(flow) for index, flow in pairs if not _is_fine(flow)}
            progress(len(fates), len(questions))
    network.reset()
    return tuple(fates[index] for index in sorted(fates))


def impact_json(impact: Impact) -> dict[str, object]:
    """Return what `netlab diff --json` prints; ``reached`` and ``cut`` are rows of ``expect:`` of the new lab."""
    found: dict[str, object] = {
        "old": impact.old,
        "new": impact.new,
        "asked": impact.asked,
        "reached": [_changed_json(each) for each in impact.reached],
        "cut": [_changed_json(each) for each in impact.cut],
    }
    if impact.fates is not None:
        found["flows"] = [_fate_json(each) for each in impact.fates]
    if impact.faults:
        found["faults"] = [cell_json(each) for each in impact.faults]
    found |= {"stand_ins": stand_ins_json(impact.stand_ins), "untried": untried_json(impact.untried)}
    found["settings"] = list(impact.settings)
    return found | {"changed": not impact.is_empty}


def _delivered(cell: Cell | None) -> bool:
    return cell is not None and cell.seen is Seen.DELIVERED


def _fates(network: Network, flows: list[Flow]) -> Iterator[Fate]:
    """Send on open flows, then answer on those that still can; yield what came of each."""
    sent = network.packets(flows, reply=False)
    alive = [
        index
        for index, flow in enumerate(flows)
        if sent[index].seen is Seen.DELIVERED and _has_answer(flow) and not sent[index].observation.disagreement
    ]
    replies = dict(zip(alive, network.packets([flows[index] for index in alive], reply=True), strict=True))
    for index, flow in enumerate(flows):
        decides_reply = index in replies and not _is_fine(replies[index])
        yield _fate(flow, "reply" if decides_reply else "send", replies[index] if decides_reply else sent[index])


def _fate(flow: Flow, direction: str, sent: Sent) -> Fate:
    question = replace(flow.dialogue.question, fields=NO_FIELDS)
    return Fate(question, _class_of(flow), _is_fine(sent), direction, sent.observation.deciding.verdict, _trouble(sent))


def _unopened(flow: Flow) -> Fate:
    """Say of a flow that got through before that it did not open again: what would become of it is not known."""
    question = replace(flow.dialogue.question, fields=NO_FIELDS)
    verdict = flow.observation.deciding.verdict
    why = _trouble(flow) or f"{flow.seen.value} at {verdict.gate or 'the sender'}, {verdict.reason.name}"
    return Fate(question, _class_of(flow), False, "open", verdict, f"it got through, and did not open again: {why}")


def _trouble(sent: Sent | Flow) -> str:
    broken = sent.observation.deciding.detail if sent.seen is Seen.BROKEN else ""
    return sent.observation.disagreement or broken


def _class_of(flow: Flow) -> str:
    """Return how the cards on its way took a flow's first packet."""
    first = flow.observation.transits[0]
    return _CLASSES.get(
        frozenset(each.reason for each in first.passages if each.gate.startswith("card ")), "never filtered"
    )


def _is_fine(sent: Sent | Flow) -> bool:
    return sent.seen is Seen.DELIVERED and not sent.observation.disagreement


def _has_answer(flow: Flow) -> bool:
    question = flow.dialogue.question
    return question.protocol not in ECHO_TYPES or question.icmp_type in ECHO_TYPES[question.protocol]


def _changed_json(changed: Changed) -> dict[str, object]:
    after, before = ({} if each is None else cell_json(each) for each in (changed.after, changed.before))
    row = after or {**row_data(Expectation(changed.question, Wanted())), "seen": "absent"}
    was = {key: before[key] for key in ("seen", "by", "at", "reason", "detail", "disagreement") if key in before}
    return {**row, "was": was or {"seen": "absent"}}


def _fate_json(fate: Fate) -> dict[str, object]:
    denied = fate.verdict.decision is Decision.DENY
    found = {
        **row_data(Expectation(fate.question, Wanted())),
        "class": fate.kind,
        "flow": "kept" if fate.kept else "cut",
        "packet": fate.direction,
        "reason": fate.verdict.reason.name,
        "at" if denied else "gate": fate.verdict.gate,
        "by": None if denied else fate.verdict.rule,
        "detail": fate.detail,
    }
    return {key: value for key, value in found.items() if value not in {None, ""}}
