"""`netlab selftest`: the two minds compared on this kernel, with every driver that carries the rules into it."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import click

from netlab.cli.terminal import Progress, progress
from netlab.errors import BrokenError
from netlab.model.topology import Lab

if TYPE_CHECKING:
    from netlab.check.selftest import Finding
    from netlab.check.selftest_tally import Tally
    from netlab.model.network import Network

DRIVERS = {"iptc": "python-iptables", "nft": "iptables-nft", "legacy": "iptables-legacy"}
"""The drivers, and what each is made of; without NETLAB_DRIVER the first two are compared."""

_VARIABLE = "NETLAB_DRIVER"
_SHRINK_S = 60.0
_MOST_FINDINGS = 3
_COVERING, _RANDOM = "covering set", "random labs"


@dataclass(slots=True)
class _Part:
    """One part of the selftest with one driver."""

    name: str
    driver: str
    tally: Tally
    findings: list[Finding] = field(default_factory=list)


@click.command(short_help="Compare the two minds on this kernel.")
@click.option("--seed", type=int, metavar="N", help="Draw the same labs again; left out: others each time.")
@click.option("--seconds", type=click.FloatRange(min=0), default=20.0, show_default=True, help="Of random labs.")
def selftest(seed: int | None, seconds: float) -> None:
    """
    Compare the two minds on this kernel: what AWS decides, and what the kernel does. Exit 1 if they differ.

    First a covering set in which everything occurs, then random labs, packets and changes, with both drivers. What
    differs is made as small as it gets and written as a lab file for netlab check.
    """
    from netlab.live.find import need_root  # noqa: PLC0415 - `--help` does without

    need_root()
    if seed is None:
        seed = int.from_bytes(os.urandom(3), "big")
    click.echo(f"netlab selftest --seed {seed} --seconds {seconds:g}\n")
    began = time.monotonic()
    with progress("comparing the two minds") as say:
        parts = list(_parts(seed, seconds, say))
    click.echo("\n".join(_report(parts, time.monotonic() - began)))
    _need_everything(parts)
    findings = [(part.driver, each) for part in parts for each in part.findings]
    for number, (driver, finding) in enumerate(findings[:_MOST_FINDINGS], 1):
        _write(finding, driver, Path(f"netlab-selftest-{seed}-{number}.yaml"))
    click.echo("" if findings else "\nno disagreement")
    sys.exit(1 if findings else 0)


def _parts(seed: int, seconds: float, say: Progress) -> Iterator[_Part]:
    """Play all parts, one after the other."""
    from netlab.check.selftest import play_covering  # noqa: PLC0415 - `--help` does without
    from netlab.check.selftest_labs import COVERING  # noqa: PLC0415
    from netlab.check.selftest_tally import Tally  # noqa: PLC0415
    from netlab.control import completed  # noqa: PLC0415
    from netlab.formats import parse_lab  # noqa: PLC0415

    drivers = [os.environ[_VARIABLE]] if os.environ.get(_VARIABLE) else ["iptc", "nft"]
    labs = [completed(parse_lab(text, name)) for name, text in COVERING.items()]
    for name in (_COVERING, _RANDOM):
        for driver in drivers:
            say(f"{name}, {DRIVERS.get(driver, driver)}")
            part = _Part(name, driver, Tally())
            with _using(driver):
                if name == _COVERING:
                    part.findings += play_covering(_in_lockstep, labs, part.tally)
                else:
                    _play_random(part, seed, time.monotonic() + seconds / len(drivers))
            yield part


def _play_random(part: _Part, seed: int, end: float) -> None:
    from netlab.check.selftest import draw_case, play_case  # noqa: PLC0415 - `--help` does without

    number = 0
    while time.monotonic() < end and len(part.findings) < _MOST_FINDINGS:
        number += 1
        rng = Random(f"{seed}.{part.driver}.{number}")  # noqa: S311 - to be repeated, not to be secret
        part.findings += play_case(_in_lockstep, draw_case(_as_from_file, rng), part.tally)


# --- what is told


def _report(parts: list[_Part], took_s: float) -> Iterator[str]:
    """Yield what was compared, how fast, and what occurred how often; at most 80 columns."""
    for part in parts:
        said = {0: "agree", 1: "1 disagreement"}.get(len(part.findings), f"{len(part.findings)} disagreements")
        tally = part.tally
        counts = f"{tally.labs:>4} labs {tally.verdicts:>9,} verdicts"
        yield f"{part.name:<13}{DRIVERS.get(part.driver, part.driver):<16}{counts}  {said}"
    verdicts, left_out = (sum(getattr(part.tally, name) for part in parts) for name in ("verdicts", "left_out"))
    yield f"\n{verdicts:,} verdicts compared in {took_s:.1f} s, {verdicts / took_s:,.0f} a second"
    if left_out:
        yield f"{left_out:,} packets were too near to a timer's edge to compare"
    yield ""
    columns = [
        list(_column(title, [getattr(part.tally, name) for part in parts]))
        for title, name in (("reason", "reasons"), ("protocol", "protocols"), ("peer", "peers"), ("change", "changes"))
    ]
    widths = [max(map(len, column)) for column in columns]
    for row in zip_longest(*columns, fillvalue=""):
        yield "  ".join(f"{text:<{width}}" for text, width in zip(row, widths, strict=True)).rstrip()


def _column(title: str, counters: list[dict[str, int]]) -> Iterator[str]:
    total: dict[str, int] = {}
    for counter in counters:
        for name, count in counter.items():
            total[name] = total.get(name, 0) + count
    width = max(map(len, [title, *total]))
    number = max((len(_short(count)) for count in total.values()), default=1)
    yield title
    for name, count in sorted(total.items(), key=lambda each: -each[1]):
        yield f"{name:<{width}} {_short(count):>{number}}"


def _short(count: int) -> str:
    return str(count) if count < 10_000 else f"{count // 1000}k"


def _need_everything(parts: list[_Part]) -> None:
    """
    Check that everything occurred in the covering set.

    Raises:
        BrokenError: Something did not, though nothing cut it short.
    """
    for part in parts:
        missing = part.tally.missing()
        if part.name == _COVERING and missing and not part.findings:
            raise BrokenError(f"selftest: the covering set lacks {', '.join(missing)}; wanted all of them to occur")


def _write(finding: Finding, driver: str, path: Path) -> None:
    """Shrink what was found, write it as a lab file, and say how to replay it."""
    from netlab.check.selftest_replay import as_file, smallest  # noqa: PLC0415 - `--help` does without
    from netlab.formats import render_lab  # noqa: PLC0415

    click.echo(f"\n{finding.status.value}: {finding.step}\n  {finding.detail}")
    end = time.monotonic() + _SHRINK_S
    with _using(driver), progress("making it smaller"):
        lab, story = smallest(_in_lockstep, _as_from_file, finding, lambda: time.monotonic() > end)
    path.write_text(render_lab(as_file(_on_paper, lab, story)), encoding="utf-8")
    click.echo(f"  replay it with: sudo {_VARIABLE}={driver} netlab check {path}")


# --- what is handed in


def _in_lockstep(lab: Lab) -> AbstractContextManager[Network]:
    import netlab  # noqa: PLC0415 - `--help` does without

    return netlab.running(lab, lockstep=True)


def _on_paper(lab: Lab) -> AbstractContextManager[Network]:
    import netlab  # noqa: PLC0415

    return netlab.paper(lab)


def _as_from_file(lab: Lab) -> Lab:
    """Complete a lab by way of the file that would hold it."""
    from netlab.control import completed  # noqa: PLC0415 - `--help` does without
    from netlab.formats import parse_lab, render_lab  # noqa: PLC0415

    return completed(parse_lab(render_lab(lab), f"{lab.name}.yaml"))


@contextmanager
def _using(driver: str) -> Iterator[None]:
    """Let the kernel's rules be written by one driver."""
    before = os.environ.get(_VARIABLE)
    os.environ[_VARIABLE] = driver
    try:
        yield
    finally:
        os.environ.pop(_VARIABLE)
        if before is not None:
            os.environ[_VARIABLE] = before
