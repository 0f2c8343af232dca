"""What came of rows, steps, stories and labs. Words only: how they look is for report.py, text.py and junit.py."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from netlab.model.rules import Rule
from netlab.model.stories import Expectation, Step, Story
from netlab.model.wire import Observation


class Status(Enum):
    """How a row or step came out; the value is what reports say."""

    OK = "ok"
    FAILED = "FAILED"
    DISAGREE = "DISAGREE"
    BROKEN = "BROKEN"


@dataclass(frozen=True, slots=True)
class Outcome:
    """
    What came of one row or step.

    Attributes:
        complaints: What was found and what was wanted, a line each; empty = as expected.
        observation: What was seen; None where nothing was sent.
        rule: The SG rule that the verdict names, as it was then.
        refused: AWS's code, where a change was refused; ``detail`` has its message.
        held: For a table, the flows asked for that it holds, in the order asked.
        detail: What went wrong in the experiment, or how the minds differ.
    """

    status: Status
    complaints: tuple[str, ...] = ()
    observation: Observation | None = None
    rule: Rule | None = None
    refused: str = ""
    held: tuple[str, ...] = ()
    detail: str = ""

    @property
    def ok(self) -> bool:
        """Tell whether it came out as expected."""
        return self.status is Status.OK


@dataclass(frozen=True, slots=True)
class RowReport:
    """A row of ``expect:`` and what came of it."""

    row: Expectation
    outcome: Outcome

    @property
    def ok(self) -> bool:
        """Tell whether it came out as expected."""
        return self.outcome.ok


@dataclass(frozen=True, slots=True)
class StepReport:
    """A step of a story and what came of it."""

    step: Step
    outcome: Outcome

    @property
    def ok(self) -> bool:
        """Tell whether it came out as expected."""
        return self.outcome.ok


@dataclass(frozen=True, slots=True)
class StoryReport:
    """A story and what came of its steps, all of them."""

    story: Story
    steps: tuple[StepReport, ...]

    @property
    def ok(self) -> bool:
        """Tell whether every step came out as expected."""
        return all(step.ok for step in self.steps)

    @property
    def status(self) -> Status:
        """The status of the first step that is not ok."""
        return next((step.outcome.status for step in self.steps if not step.ok), Status.OK)


@dataclass(frozen=True, slots=True)
class LabReport:
    """Everything that was played of a lab; ``lab`` is its name."""

    lab: str
    rows: tuple[RowReport, ...]
    stories: tuple[StoryReport, ...]

    @property
    def ok(self) -> bool:
        """Tell whether everything came out as expected."""
        return all(row.ok for row in self.rows) and all(story.ok for story in self.stories)
