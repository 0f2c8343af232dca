"""Plays rows and stories on a Network; knows nothing of how packets travel, nor of how reports look."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import assert_never

from netlab.check.judge import judge
from netlab.check.lockstep import LockstepWire
from netlab.check.outcomes import LabReport, Outcome, RowReport, Status, StepReport, StoryReport
from netlab.check.words import row_words
from netlab.errors import BrokenError, InputError, RefusedError
from netlab.model.network import Flow, Network
from netlab.model.stories import (
    ChangeStep,
    ErrorStep,
    Expectation,
    OpenStep,
    PacketStep,
    Step,
    Story,
    TableStep,
    WaitStep,
)
from netlab.model.topology import Lab


def check_lab(network: Network, lab: Lab, names: Iterable[str] = ()) -> LabReport:
    """
    Play a lab's expectations and stories.

    Args:
        names: Only rows and stories whose words hold one of these, case aside; none = all.

    Raises:
        InputError: There are names, and nothing holds one.
    """
    names = tuple(names)
    played = list(play_lab(network, lab, names))
    if names and not played:
        raise InputError(f"lab {lab.name}: no expectation or story holds {' or '.join(map(repr, names))}")
    rows = tuple(each for each in played if isinstance(each, RowReport))
    return LabReport(lab.name, rows, tuple(each for each in played if isinstance(each, StoryReport)))


def play_lab(network: Network, lab: Lab, names: Iterable[str] = ()) -> Iterator[RowReport | StoryReport]:
    """Yield what came of each row, then of each story, as it is played; names as in `check_lab`."""
    wanted = tuple(name.lower() for name in names)
    for row in lab.expectations:
        if _is_wanted(row_words(row), wanted):
            yield _play_row(network, row)
    for story in lab.stories:
        if _is_wanted(story.name, wanted):
            yield play_story(network, story)


def play_expectations(network: Network, rows: Iterable[Expectation]) -> tuple[RowReport, ...]:
    """Play rows; each starts with the lab as it was first, and empty memories."""
    return tuple(_play_row(network, row) for row in rows)


def play_story(network: Network, story: Story) -> StoryReport:
    """Play a story to its end, from the lab as it was first, also where a step fails."""
    network.reset()
    flows: dict[str, Flow] = {}
    return StoryReport(story, tuple(StepReport(step, _play_step(network, flows, step)) for step in story.steps))


def has_any(lab: Lab, names: Iterable[str] = ()) -> bool:
    """Tell whether a lab has rows or stories of such names; names as in `check_lab`."""
    wanted = tuple(name.lower() for name in names)
    words = (*(row_words(row) for row in lab.expectations), *(story.name for story in lab.stories))
    return any(_is_wanted(each, wanted) for each in words)


def _is_wanted(words: str, names: tuple[str, ...]) -> bool:
    return not names or any(name in words.lower() for name in names)


def _play_row(network: Network, row: Expectation) -> RowReport:
    network.reset()
    try:
        observation = network.open_question(row.question).observation
    except (InputError, BrokenError) as error:
        return RowReport(row, Outcome(Status.BROKEN, detail=str(error)))
    return RowReport(row, judge(network.lab, row.wanted, observation))


def _play_step(network: Network, flows: dict[str, Flow], step: Step) -> Outcome:
    try:
        return _outcome(network, flows, step)
    except (InputError, BrokenError) as error:
        return Outcome(Status.BROKEN, detail=str(error))


def _outcome(network: Network, flows: dict[str, Flow], step: Step) -> Outcome:
    match step:
        case OpenStep():
            flow = flows[step.flow] = network.open_question(step.question)
            return judge(network.lab, step.wanted, flow.observation)
        case PacketStep():
            sent = network.packet(_flow(flows, step.flow), reply=step.reply, fields=step.fields)
            return judge(network.lab, step.wanted, sent.observation)
        case ErrorStep():
            flow = _flow(flows, step.flow)
            sent = network.error(flow, step.icmp_type, step.icmp_code, step.source, step.target)
            return judge(network.lab, step.wanted, sent.observation)
        case ChangeStep():
            return _change(network, step)
        case WaitStep():
            network.wait(step.seconds)
            return Outcome(Status.OK)
        case TableStep():
            return _table(network, flows, step)
        case _:
            assert_never(step)


def _flow(flows: dict[str, Flow], name: str) -> Flow:
    if name not in flows:
        raise InputError(f"flow {name}: it was never opened")
    return flows[name]


def _change(network: Network, step: ChangeStep) -> Outcome:
    try:
        network.change(step.change)
    except RefusedError as refusal:
        right = refusal.code == step.refused
        complaint = (
            f"wanted {f'refused: {step.refused}' if step.refused else 'accepted'}, found refused: {refusal.code}"
        )
        return Outcome(
            Status.OK if right else Status.FAILED,
            () if right else (complaint,),
            refused=refusal.code,
            detail=refusal.message,
        )
    if step.refused:
        return Outcome(Status.FAILED, (f"wanted refused: {step.refused}, found accepted",))
    return Outcome(Status.OK)


def _table(network: Network, flows: dict[str, Flow], step: TableStep) -> Outcome:
    asked = (*step.holds, *step.lacks)
    held = tuple(name for name in asked if network.remembers(step.node, _flow(flows, name)))
    if isinstance(network.wire, LockstepWire):
        disagreement = network.wire.table_disagreement(step.node)
        if disagreement:
            return Outcome(Status.DISAGREE, held=held, detail=disagreement)
    complaints = (
        *(f"wanted {step.node} to hold {name}, found it lacks it" for name in step.holds if name not in held),
        *(f"wanted {step.node} to lack {name}, found it holds it" for name in step.lacks if name in held),
    )
    return Outcome(Status.FAILED if complaints else Status.OK, complaints, held=held)
