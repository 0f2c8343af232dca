"""Reports as JUnit XML, as CI systems read it: a suite a lab, a case a row or story."""

from __future__ import annotations

from collections.abc import Iterable
from xml.etree import ElementTree as ET

from netlab.check.outcomes import LabReport, RowReport, Status, StoryReport
from netlab.check.text import row_lines, story_lines
from netlab.check.words import row_words


def to_junit(reports: Iterable[LabReport]) -> str:
    """
    Return the XML of some labs' reports.

    A failed or disagreeing row or story is a ``failure``, a broken one an ``error``; the text is what `netlab check`
    prints of it.
    """
    root = ET.Element("testsuites", name="netlab")
    for report in reports:
        suite = ET.SubElement(root, "testsuite", name=report.lab)
        cases = [_row_case(suite, report.lab, row) for row in report.rows]
        cases += [_story_case(suite, report.lab, story) for story in report.stories]
        suite.set("tests", str(len(cases)))
        suite.set("failures", str(sum(status in {Status.FAILED, Status.DISAGREE} for status in cases)))
        suite.set("errors", str(sum(status is Status.BROKEN for status in cases)))
        suite.set("skipped", "0")
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _row_case(suite: ET.Element, lab: str, report: RowReport) -> Status:
    case = ET.SubElement(suite, "testcase", classname=f"{lab}.expect", name=row_words(report.row))
    outcome = report.outcome
    return _result(case, outcome.status, "; ".join(outcome.complaints) or outcome.detail, row_lines(report))


def _story_case(suite: ET.Element, lab: str, report: StoryReport) -> Status:
    case = ET.SubElement(suite, "testcase", classname=f"{lab}.stories", name=report.story.name)
    bad = next((step for step in report.steps if not step.ok), None)
    message = "" if bad is None else f"{row_words(bad.step)}: {'; '.join(bad.outcome.complaints) or bad.outcome.detail}"
    return _result(case, report.status, message, story_lines(report))


def _result(case: ET.Element, status: Status, message: str, lines: Iterable[str]) -> Status:
    if status is not Status.OK:
        kind = "error" if status is Status.BROKEN else "failure"
        ET.SubElement(case, kind, type=status.value, message=message).text = "\n".join(lines)
    return status
