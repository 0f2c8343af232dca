"""Reports as JSON, in the shape of DESIGN.md 5.5: each row and step repeated as the lab file has it."""

from __future__ import annotations

from typing import Any

from netlab.check.outcomes import LabReport, Outcome, RowReport, Status, StepReport, StoryReport
from netlab.model.rows import row_data
from netlab.model.stories import TableStep
from netlab.model.verdicts import Passage, Verdict
from netlab.model.wire import Observation


def to_json(report: LabReport) -> dict[str, Any]:
    """Return what `netlab check --json` prints of one lab."""
    return {
        "lab": report.lab,
        "expect": [_row(row) for row in report.rows],
        "stories": [_story(story) for story in report.stories],
        "ok": report.ok,
    }


def observed_json(observation: Observation) -> dict[str, object]:
    """
    Return what `netlab probe --json` prints, and what stands under ``observed``.

    ``verdict``, ``passages`` and ``trail`` are those of the first packet that was not delivered, else of the first
    of all. ``detail`` and ``disagreement`` are there only where there is something to say.
    """
    deciding = observation.deciding
    found: dict[str, object] = {
        "seen": observation.seen.value,
        "verdict": _verdict(deciding.verdict),
        "passages": [_verdict(passage) for passage in deciding.passages],
        "trail": [{"at": sight.at, "packet": str(sight.packet)} for sight in deciding.trail],
    }
    extra = {"detail": deciding.detail, "disagreement": observation.disagreement}
    return found | {key: value for key, value in extra.items() if value}


def _row(report: RowReport | StepReport) -> dict[str, object]:
    row = report.row if isinstance(report, RowReport) else report.step
    observed = _observed(report.outcome)
    if isinstance(row, TableStep):
        asked = (*row.holds, *row.lacks)
        held = report.outcome.held
        observed |= {"holds": list(held), "lacks": [name for name in asked if name not in held]}
    return {**row_data(row), "observed": observed, "status": report.outcome.status.value, "ok": report.ok}


def _story(report: StoryReport) -> dict[str, object]:
    return {"name": report.story.name, "ok": report.ok, "steps": [_row(step) for step in report.steps]}


def _observed(outcome: Outcome) -> dict[str, object]:
    found = {} if outcome.observation is None else observed_json(outcome.observation)
    says = "disagreement" if outcome.status is Status.DISAGREE else "detail"
    extra = {"refused": outcome.refused, says: outcome.detail, "complaints": list(outcome.complaints)}
    return found | {key: value for key, value in extra.items() if value}


def _verdict(verdict: Verdict | Passage) -> dict[str, object]:
    return {
        "decision": verdict.decision.value,
        "reason": verdict.reason.name,
        "rule": verdict.rule,
        "gate": verdict.gate,
    }
