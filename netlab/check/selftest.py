"""
The two minds compared on this kernel: a fixed covering set first, then labs and stories drawn from a seed.

Knows neither mind, nor the clock, nor files: what builds a network, what completes a lab and what tells the time are
handed in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from itertools import groupby
from random import Random

from netlab.check.lockstep import LockstepWire
from netlab.check.outcomes import Outcome, Status
from netlab.check.play import play_expectations, play_story
from netlab.check.selftest_tally import Tally
from netlab.check.strategies_changes import draw_change
from netlab.check.strategies_labs import draw_lab
from netlab.check.strategies_stories import NOTHING_WANTED, draw_story
from netlab.check.strategies_traffic import draw_question
from netlab.check.words import row_words
from netlab.errors import RefusedError
from netlab.model.network import Flow, Network
from netlab.model.stories import ChangeStep, OpenStep, Step, Story
from netlab.model.topology import Lab
from netlab.model.verdicts import Seen

Running = Callable[[Lab], AbstractContextManager[Network]]

BULK = 3000
"""Flows opened side by side: bulk is where the number of verdicts comes from, stories are where the depth does."""

STORIES_A_LAB = 8
_PLAIN = 0.7  # of the flows in bulk; the others have flags, ports, sizes and addresses of their own


@dataclass(frozen=True, slots=True)
class Finding:
    """
    A step on which the minds differ, or that the kernel could not answer, or that came out otherwise than known.

    Attributes:
        lab: With the story as its only one.
        step: Its words.
        side_by_side: The story's openings were played at once; played one by one they may agree.
    """

    lab: Lab
    story: Story
    step: str
    status: Status
    detail: str
    side_by_side: bool = False


@dataclass(frozen=True, slots=True)
class Draws:
    """How much is drawn for each lab."""

    bulk: int = BULK
    stories: int = STORIES_A_LAB


@dataclass(frozen=True, slots=True)
class Case:
    """A drawn lab; ``bulk`` is a story whose openings are played side by side."""

    lab: Lab
    bulk: tuple[Step, ...]
    stories: tuple[Story, ...]


def play_covering(running: Running, labs: Iterable[Lab], tally: Tally) -> Iterator[Finding]:
    """Play labs whose rows and stories say what is right; whatever is not as they say is a finding."""
    for lab in labs:
        with running(lab) as network:
            for row in play_expectations(network, lab.expectations):
                if row.outcome.observation is not None:
                    tally.note(network.lab, row.outcome.observation)
            for story in lab.stories:
                yield from _play(network, lab, story, tally, lambda outcome: not outcome.ok)
            _note_lab(network, tally)


def draw_case(completed: Callable[[Lab], Lab], rng: Random, draws: Draws | None = None) -> Case:
    """Draw a lab and what is played on it."""
    draws = draws or Draws()
    lab = completed(draw_lab(rng, "drawn"))
    stories = tuple(
        draw_story(rng, lab, f"story {number}", rng.randint(3, 14)) for number in range(1, draws.stories + 1)
    )
    bulk_rng = Random(rng.getrandbits(32))  # noqa: S311 - too much for Hypothesis to keep record of
    return Case(lab, tuple(_draw_bulk(bulk_rng, lab, draws.bulk)), stories)


def play_case(running: Running, case: Case, tally: Tally) -> Iterator[Finding]:
    """Play what was drawn: many flows at once with changes between them, then the stories."""
    with running(case.lab) as network:
        yield from _play_bulk(network, case, tally)
        for story in case.stories:
            yield from _play(network, case.lab, story, tally, _is_difference)
        _note_lab(network, tally)


def differing(network: Network, story: Story) -> Story | None:
    """
    Return a story up to its first difference of the two minds, or packet that nobody claims.

    None = it shows none, or before that has a step that cannot be meant: no file could hold it.
    """
    for index, each in enumerate(play_story(network, story).steps):
        if _is_difference(each.outcome):
            return replace(story, steps=story.steps[: index + 1])
        if each.outcome.status is Status.BROKEN:
            break
    return None


def _is_difference(outcome: Outcome) -> bool:
    """Tell a difference from a step that cannot be meant: that one is BROKEN without anything being sent."""
    broken = outcome.status is Status.BROKEN and outcome.observation is not None
    return broken or outcome.status is Status.DISAGREE


def _note_lab(network: Network, tally: Tally) -> None:
    tally.labs += 1
    if isinstance(network.wire, LockstepWire):
        tally.verdicts += network.wire.compared
        tally.left_out += network.wire.left_out


def _play(
    network: Network, lab: Lab, story: Story, tally: Tally, is_finding: Callable[[Outcome], bool]
) -> Iterator[Finding]:
    """Play one story; its first step that is a finding ends it, for what follows may follow from it."""
    tally.stories += 1
    for index, report in enumerate(play_story(network, story).steps):
        outcome, step = report.outcome, report.step
        if outcome.observation is not None:
            tally.note(lab, outcome.observation)
        if isinstance(step, ChangeStep):
            tally.note_change(step.change, refused=bool(outcome.refused))
        if is_finding(outcome):
            cut = replace(story, steps=story.steps[: index + 1])
            detail = outcome.detail or "; ".join(outcome.complaints)
            yield Finding(lab, cut, row_words(step), outcome.status, detail)
            return


def _draw_bulk(rng: Random, lab: Lab, count: int) -> Iterator[Step]:
    """Yield many openings, something that changes, and as many openings again."""
    for number in range(count):
        if number == count // 2:
            yield ChangeStep(draw_change(rng, lab))
            yield ChangeStep(draw_change(rng, lab))
        yield OpenStep(f"f{number}", draw_question(rng, lab, plain=rng.random() < _PLAIN), NOTHING_WANTED)


def _play_bulk(network: Network, case: Case, tally: Tally) -> Iterator[Finding]:
    """Play openings side by side, as many as stand together; the first difference ends it."""
    network.reset()
    played: list[Step] = []
    for kind, group in groupby(case.bulk, key=type):
        members = list(group)
        if kind is OpenStep:
            openings = [step for step in members if isinstance(step, OpenStep)]
            flows = network.ask([step.question for step in openings])
            for step, flow in zip(openings, flows, strict=True):
                tally.note(network.lab, flow.observation)
                if _is_odd(flow):
                    story = Story("side by side", (*played, *openings[: openings.index(step) + 1]))
                    yield _bulk_finding(case.lab, story, step, flow)
                    return
        else:
            for change in members:
                _change(network, change, tally)
        played += members


def _is_odd(flow: Flow) -> bool:
    return bool(flow.observation.disagreement) or flow.observation.seen is Seen.BROKEN


def _bulk_finding(lab: Lab, story: Story, step: OpenStep, flow: Flow) -> Finding:
    disagreement = flow.observation.disagreement
    status = Status.DISAGREE if disagreement else Status.BROKEN
    return Finding(
        lab, story, row_words(step), status, disagreement or flow.observation.deciding.detail, side_by_side=True
    )


def _change(network: Network, step: Step, tally: Tally) -> None:
    if not isinstance(step, ChangeStep):
        return
    refused = False
    try:
        network.change(step.change)
    except RefusedError:
        refused = True
    tally.note_change(step.change, refused=refused)
