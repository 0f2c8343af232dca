"""Expectations and stories, played on any Network; what came of them, as data, JSON, plain lines and JUnit."""

from netlab.check.lockstep import Clocked, LockstepWire
from netlab.check.outcomes import LabReport, Outcome, RowReport, Status, StepReport, StoryReport
from netlab.check.play import check_lab, play_expectations, play_lab, play_story

__all__ = [
    "Clocked",
    "LabReport",
    "LockstepWire",
    "Outcome",
    "RowReport",
    "Status",
    "StepReport",
    "StoryReport",
    "check_lab",
    "play_expectations",
    "play_lab",
    "play_story",
]
