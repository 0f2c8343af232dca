"""
Reports as plain lines of at most 80 columns. The first word of a row's line is its status; colours are the CLI's.

    ok      laptop to ec2 tcp/80: lost
            card ec2 ingress: no rule admits it
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from textwrap import wrap

from netlab.check.judge import rule_of
from netlab.check.outcomes import LabReport, Outcome, RowReport, Status, StepReport, StoryReport
from netlab.check.words import row_words
from netlab.model.rules import Rule
from netlab.model.stories import ChangeStep, Expectation, OpenStep, Step, TableStep, WaitStep, Wanted
from netlab.model.topology import Lab
from netlab.model.verdicts import Decision, Reason, Seen, Sight, Verdict, why
from netlab.model.wire import Observation

WIDTH = 80

_STATUS = 10  # columns of the status word
_LABEL = 11  # columns of ``expected``, ``observed`` …


def lab_lines(report: LabReport, *, verbose: bool = False) -> Iterator[str]:
    """Yield the lines of a lab's report; *verbose*: with every packet's trail, not only those of failures."""
    for row in report.rows:
        yield from row_lines(row, verbose=verbose)
    for story in report.stories:
        yield from story_lines(story, verbose=verbose)
    yield from summary_lines(report)


def row_lines(report: RowReport | StepReport, *, indent: int = 0, verbose: bool = False) -> Iterator[str]:
    """Yield the lines of one row or step: what was seen, by which rule or at which gate, and why."""
    row = report.row if isinstance(report, RowReport) else report.step
    outcome = report.outcome
    head = f"{outcome.status.value:<{_STATUS}}{row_words(row)}"
    came_to = _came_to(row, outcome)
    yield from _wrapped(f"{head}: {came_to}" if came_to and outcome.ok else head, indent, indent + _STATUS)
    if outcome.ok:
        yield from _explained(outcome, indent + _STATUS, verbose=verbose)
    else:
        yield from _failed(row, outcome, indent + _STATUS)


def story_lines(report: StoryReport, *, verbose: bool = False) -> Iterator[str]:
    """Yield the lines of one story, each step below its name."""
    yield from _wrapped(f"{report.status.value:<{_STATUS}}story: {report.story.name}", 0, _STATUS)
    for step in report.steps:
        yield from row_lines(step, indent=2, verbose=verbose)


def summary_lines(report: LabReport) -> Iterator[str]:
    """Yield the closing line: how many rows and stories came out as expected."""
    parts = []
    for many, played in (("expectations", report.rows), ("stories", report.stories)):
        if played:
            parts.append(f"{sum(each.ok for each in played)} of {len(played)} {many}")
    yield from _wrapped(f"{report.lab}: {' and '.join(parts) or 'nothing'} as expected", 0, 2)


def observation_lines(observation: Observation, lab: Lab) -> Iterator[str]:
    """Yield the lines of what was seen of one flow or packet (`netlab probe`): the answer, why, and its trail."""
    deciding = observation.deciding
    yield observation.seen.value
    if observation.seen is Seen.BROKEN:
        yield from _labelled("broken", deciding.detail or "the packet vanished, and no gate claims it", 2)
    else:
        verdict = deciding.verdict
        yield from _labelled("gate", verdict.gate or "none on its way", 2)
        rule = rule_of(lab, verdict.rule)
        if rule is not None or verdict.rule is not None:
            yield from _labelled("rule", _rule_text(verdict, rule), 2)
        yield from _labelled("reason", f"{verdict.reason.name}: {why(verdict)}", 2)
    if observation.disagreement:
        yield from _labelled("disagree", observation.disagreement, 2)
    yield from _trail(deciding.trail, 2)


def _came_to(row: Expectation | Step, outcome: Outcome) -> str:
    if outcome.observation is not None:
        return outcome.observation.seen.value
    match row:
        case ChangeStep():
            return f"refused: {outcome.refused}" if outcome.refused else "done"
        case _:
            return ""


def _explained(outcome: Outcome, indent: int, *, verbose: bool) -> Iterator[str]:
    if outcome.refused and outcome.detail:
        yield from _wrapped(outcome.detail, indent, indent + 2)
    if outcome.observation is not None:
        yield from _wrapped(_because(outcome.observation, outcome.rule), indent, indent + 2)
        if verbose:
            yield from _trail(outcome.observation.deciding.trail, indent)


def _because(observation: Observation, rule: Rule | None) -> str:
    verdict = observation.deciding.verdict
    if verdict.gate is None:
        return "no card is on the way" if verdict.reason is Reason.EXEMPT else why(verdict)
    if verdict.rule is None:
        return f"{verdict.gate}: {why(verdict)}"
    return f"{verdict.gate}, {_rule_text(verdict, rule)}: {why(verdict).removeprefix('admitted by a rule; ')}"


def _rule_text(verdict: Verdict, rule: Rule | None) -> str:
    if rule is not None:
        return f"{rule.id} ({rule})"
    return f"entry {verdict.rule}" if verdict.reason is Reason.ACL else f"{verdict.rule}"


def _failed(row: Expectation | Step, outcome: Outcome, indent: int) -> Iterator[str]:
    """Yield what was expected and what was observed, side by side and in the same notation."""
    yield from _labelled("expected", _expected(row), indent)
    yield from _labelled("observed", _observed(row, outcome), indent)
    observation = outcome.observation
    if observation is not None and observation.seen is not Seen.BROKEN:
        verdict = observation.deciding.verdict
        dropped = verdict.decision is Decision.DENY
        yield from _labelled("dropped at" if dropped else "passed", verdict.gate or "no gate", indent)
        if verdict.rule is not None:
            yield from _labelled("rule", _rule_text(verdict, outcome.rule), indent)
        yield from _labelled("reason", f"{verdict.reason.name}: {why(verdict)}", indent)
    for text in _becauses(row, outcome):
        yield from _labelled("because", text, indent)
    if observation is not None:
        yield from _trail(observation.deciding.trail, indent)


def _becauses(row: Expectation | Step, outcome: Outcome) -> tuple[str, ...]:
    """Return what expected and observed, side by side, do not show."""
    if outcome.status is not Status.FAILED:
        return (outcome.detail,) if outcome.detail else ()
    if outcome.observation is None or isinstance(row, ChangeStep | TableStep | WaitStep):
        return ()
    return outcome.complaints if row.wanted.seen == outcome.observation.seen.value else ()


def _expected(row: Expectation | Step) -> str:
    match row:
        case ChangeStep():
            return f"refused: {row.refused}" if row.refused else "accepted"
        case TableStep():
            parts = (("holds", row.holds), ("lacks", row.lacks))
            return "; ".join(f"{word} {', '.join(names)}" for word, names in parts if names)
        case WaitStep():
            return "time passes"
        case _:
            return _wanted(row.wanted)


def _wanted(wanted: Wanted) -> str:
    parts = [wanted.seen]
    parts += [f"by {wanted.by}"] if wanted.by else []
    parts += [f"at {wanted.at}"] if wanted.at else []
    parts += [f"reason {wanted.reason}"] if wanted.reason else []
    return ", ".join(part for part in parts if part)


def _observed(row: Expectation | Step, outcome: Outcome) -> str:
    match row:
        case ChangeStep():
            if outcome.refused:
                return f"refused: {outcome.refused}: {outcome.detail}"
            return "not carried out" if outcome.status is Status.BROKEN else "accepted"
        case TableStep() if outcome.status is not Status.BROKEN:
            lacks = [name for name in (*row.holds, *row.lacks) if name not in outcome.held]
            parts = (("holds", outcome.held), ("lacks", lacks))
            return "; ".join(f"{word} {', '.join(names)}" for word, names in parts if names)
        case _:
            if outcome.observation is None:
                return "nothing"
            many = len(outcome.observation.transits)
            opening = isinstance(row, Expectation | OpenStep) and many > 1
            lost = outcome.observation.seen is not Seen.DELIVERED
            which = f", packet {many} of the opening" if opening and lost else ""
            return outcome.observation.seen.value + which


def _trail(trail: Sequence[Sight], indent: int) -> Iterator[str]:
    for number, sight in enumerate(trail):
        yield from _labelled("trail" if number == 0 else "", f"{sight.at}: {sight.packet}", indent)


def _labelled(label: str, text: str, indent: int) -> Iterator[str]:
    yield from _wrapped(f"{label:<{_LABEL}}{text}", indent, indent + _LABEL + 2)


def _wrapped(text: str, first: int, others: int) -> Iterator[str]:
    yield from wrap(
        text,
        WIDTH,
        initial_indent=" " * first,
        subsequent_indent=" " * others,
        break_on_hyphens=False,
    )
