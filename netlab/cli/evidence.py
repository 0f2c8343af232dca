"""`netlab check --evidence DIR`: what is kept of each row and story, one folder each."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from netlab.check.outcomes import RowReport, StoryReport

if TYPE_CHECKING:
    from netlab.live.evidence import Evidence, GateRecord

_LONGEST_NAME = 60


def with_evidence(
    played: Iterable[RowReport | StoryReport], evidence: Evidence, folder: Path
) -> Iterator[RowReport | StoryReport]:
    """
    Pass on what is played, and keep for each row and story, in a folder of its own below *folder*:

    ``packets.pcapng`` (every tap, by name), ``records.json`` (what the gates said), ``counters.json`` (before and
    after), ``report.txt`` (what `netlab check` prints of it, with every trail, and what the taps lost).
    """
    folder.mkdir(parents=True, exist_ok=True)
    before = evidence.counters()
    for number, report in enumerate(played, 1):
        after = evidence.counters()
        home = folder / f"{number:02}-{_file_name(report)}"
        home.mkdir(exist_ok=True)
        (home / "packets.pcapng").write_bytes(evidence.packets())
        _write_json(home / "records.json", [_record(each) for each in evidence.records()])
        _write_json(home / "counters.json", {"before": before, "after": after})
        lines = [*_report_lines(report), *_lost_lines(evidence.lost())]
        (home / "report.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
        before = after
        yield report


def write_versions(folder: Path) -> None:
    """Write ``versions.json``: the kernel and the tools that made the evidence."""
    import netlab  # noqa: PLC0415 - it imports this room's commands
    from netlab.live.evidence import versions  # noqa: PLC0415 - `--help` does without

    folder.mkdir(parents=True, exist_ok=True)
    _write_json(folder / "versions.json", {"netlab": netlab.__version__, **versions()})


def _record(record: GateRecord) -> dict[str, object]:
    return {**asdict(record), "packet": record.packet.hex()}


def _report_lines(report: RowReport | StoryReport) -> Iterator[str]:
    from netlab.check.text import row_lines, story_lines  # noqa: PLC0415 - as above

    if isinstance(report, RowReport):
        yield from row_lines(report, verbose=True)
    else:
        yield from story_lines(report, verbose=True)


def _lost_lines(lost: dict[str, int]) -> Iterator[str]:
    for tap, frames in lost.items():
        yield f"packets.pcapng: frames of {tap} were lost, the socket's buffer was full: {frames}"


def _file_name(report: RowReport | StoryReport) -> str:
    from netlab.check.words import row_words  # noqa: PLC0415 - as above

    words = row_words(report.row) if isinstance(report, RowReport) else report.story.name
    return re.sub(r"[^A-Za-z0-9.]+", "-", words).strip("-.")[:_LONGEST_NAME]


def _write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
