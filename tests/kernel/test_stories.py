"""
Story files, one theme each: what AWS does, as packets show it. Played on paper, and in the kernel in lockstep with it.

Whatever `netlab check` plays can be put into a file beside this one; it is found by its name.
"""

from collections import Counter
from pathlib import Path

import pytest

import netlab
from netlab.check import check_lab
from netlab.check.outcomes import LabReport
from netlab.check.text import row_lines, story_lines
from netlab.model.stories import ChangeStep
from netlab.model.verdicts import Reason

FILES = sorted(Path(__file__).with_name("stories").glob("*.yaml"))
_NAMES = [path.stem for path in FILES]


def _failures(report: LabReport) -> str:
    rows = [line for each in report.rows if not each.ok for line in row_lines(each)]
    return "\n".join([*rows, *(line for each in report.stories if not each.ok for line in story_lines(each))])


@pytest.mark.parametrize("path", FILES, ids=_NAMES)
def test_everything_comes_out_on_paper(path: Path) -> None:
    lab = netlab.load(path)

    with netlab.paper(lab) as net:
        assert _failures(check_lab(net, lab)) == ""


@pytest.mark.parametrize("path", FILES, ids=_NAMES)
def test_everything_comes_out_in_the_kernel_and_the_minds_agree(path: Path) -> None:
    lab = netlab.load(path)

    with netlab.running(lab, lockstep=True) as net:
        assert _failures(check_lab(net, lab)) == ""


def _played() -> list[LabReport]:
    reports = []
    for path in FILES:
        lab = netlab.load(path)
        with netlab.paper(lab) as net:
            reports.append(check_lab(net, lab))
    return reports


def test_the_stories_leave_no_reason_out() -> None:
    """Every reason a gate can have decides some packet."""
    found = Counter(
        passage.reason
        for report in _played()
        for outcome in (
            *(row.outcome for row in report.rows),
            *(step.outcome for story in report.stories for step in story.steps),
        )
        if outcome.observation is not None
        for transit in outcome.observation.transits
        for passage in transit.passages
    )

    assert {reason for reason in Reason if not found[reason]} == set()


def test_the_stories_leave_no_change_out() -> None:
    """Every kind of change occurs, accepted and refused."""
    steps = [
        step for path in FILES for story in netlab.load(path).stories for step in story.steps
        if isinstance(step, ChangeStep)
    ]  # fmt: skip
    kinds = {"Authorize", "Revoke", "Attach", "AddAclEntry", "RemoveAclEntry", "AddPrefix"}

    assert {type(step.change).__name__ for step in steps if not step.refused} == kinds | {"RemovePrefix"}
    assert {type(step.change).__name__ for step in steps if step.refused} >= kinds
