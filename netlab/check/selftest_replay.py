"""A finding as a lab that `netlab check` replays: smaller, and its steps want what paper says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace

from netlab.check.outcomes import Outcome
from netlab.check.play import play_story
from netlab.check.selftest import Finding, Running, differing
from netlab.check.selftest_shrink import shrink
from netlab.errors import InputError
from netlab.model.stories import ChangeStep, ErrorStep, OpenStep, PacketStep, Step, Story, TableStep, WaitStep, Wanted
from netlab.model.topology import Lab
from netlab.model.verdicts import Seen


def smallest(
    running: Running, completed: Callable[[Lab], Lab], finding: Finding, is_late: Callable[[], bool]
) -> tuple[Lab, Story]:
    """
    Return the smallest lab and story that still show what was found, or the given ones where they do not again.

    Args:
        completed: Completes a candidate; raises InputError where it is no lab that a file could hold.
    """

    def trial(lab: Lab, stories: Iterator[Story]) -> Story | None:
        with suppress(InputError, KeyError):  # a candidate that lacks what something else names
            candidate = completed(replace(lab, expectations=(), stories=()))
            with running(candidate) as network:
                found = (differing(network, story) for story in stories if not is_late())
                return next((story for story in found if story is not None), None)
        return None

    lab, story = shrink(finding.lab, finding.story, trial, is_late)
    return completed(replace(lab, expectations=(), stories=())), story


def as_file(paper: Running, lab: Lab, story: Story) -> Lab:
    """Return a lab with this one story, which wants of every step what paper says of it."""
    lab = replace(lab, name="disagreement", expectations=(), stories=())
    with paper(lab) as network:
        told = play_story(network, story)
    steps = tuple(_wanting(each.step, each.outcome) for each in told.steps)
    return replace(lab, stories=(replace(story, steps=steps),))


def _wanting(step: Step, outcome: Outcome) -> Step:
    match step:
        case OpenStep() | PacketStep() | ErrorStep():
            return replace(step, wanted=_wanted(outcome))
        case ChangeStep():
            return replace(step, refused=outcome.refused)
        case TableStep():
            names = (*step.holds, *step.lacks)
            lacks = tuple(name for name in names if name not in outcome.held)
            return replace(step, holds=outcome.held, lacks=lacks)
        case WaitStep():
            return step


def _wanted(outcome: Outcome) -> Wanted:
    observation = outcome.observation
    if observation is None or observation.seen is not Seen.DELIVERED:
        return Wanted(seen="lost")
    return Wanted(seen="delivered")
