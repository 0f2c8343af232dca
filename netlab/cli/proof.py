"""`netlab check`: expectations and stories, on real packets or on paper. How they are shown is here too."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from netlab.check.outcomes import LabReport, RowReport, StoryReport
from netlab.cli.sources import apportioned
from netlab.cli.terminal import parameter_option, say
from netlab.errors import InputError
from netlab.model.network import Network
from netlab.model.topology import Lab

if TYPE_CHECKING:
    from netlab.formats import Replacement

Played = RowReport | StoryReport

_COLOURS = {"ok": "green", "FAILED": "red", "DISAGREE": "magenta", "BROKEN": "yellow"}

_MOST_NAMES = 20


@click.command(short_help="Play the expectations and stories of lab files; for CI.")
@click.option("--paper", is_flag=True, help="Ask the oracle alone: no root, no packets.")
@click.option("-k", "names", multiple=True, metavar="NAME", help="Only rows and stories whose words hold NAME.")
@click.option("--keep", is_flag=True, help="Leave a lab up in which something failed.")
@click.option("-v", "--verbose", is_flag=True, help="The trail of every packet, not only of failures.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document a lab, one a line.")
@click.option("--junit", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Write JUnit XML.")
@click.option(
    "--evidence",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Keep packets, records, counters.",
)
@click.option("--groups", multiple=True, metavar="FILE", help="Take the groups of a real file for the lab's own.")
@parameter_option
@click.argument("labs", nargs=-1, required=True, metavar="LAB...")
def check(
    labs: tuple[str, ...],
    names: tuple[str, ...],
    groups: tuple[str, ...],
    parameters: dict[str, str],
    junit: Path | None,
    evidence: Path | None,
    *,
    paper: bool,
    keep: bool,
    verbose: bool,
    as_json: bool,
) -> None:
    """
    Build a throw-away copy of each lab, ask its expectations, play its stories, take it down. Exit 1 if one failed.

    LAB is a file or the name of a built-in lab. With --groups the security groups of AWS JSON, CloudFormation or
    Terraform stand in place of the lab's own of the same name.
    """
    from netlab.check.play import has_any  # noqa: PLC0415 - `--help` does without

    if junit is not None:
        _try_to_write(junit)
    if evidence is not None and paper:
        raise InputError("check: found --paper and --evidence, wanted one of them: on paper there are no packets")
    loaded = _load(labs, groups, parameters)
    for name, (lab, replacement) in zip(labs, loaded, strict=True):
        if not lab.expectations and not lab.stories:
            raise InputError(f"{name}: found no expectation and no story, wanted something to check")
        warn(lab)
        if replacement is not None:
            _say_replaced(lab, replacement)
    if not any(has_any(lab, names) for lab, _ in loaded):
        raise InputError(f"-k {' '.join(names)}: no expectation or story holds that")
    reports = []
    if evidence is not None:
        from netlab.cli.evidence import write_versions  # noqa: PLC0415 - `--help` does without

        write_versions(evidence)
    for lab, replacement in loaded:
        with _playing(lab, paper=paper, keep=keep, evidence=evidence) as (network, watched):
            report = play_and_print(network, lab, names, verbose=verbose, silent=as_json, watched=watched)
            network.failed = not report.ok
            if keep and not paper and not report.ok:
                click.echo(f"netlab: {network.lab.name} is left up; netlab down {network.lab.name} ends it", err=True)
        reports.append(report)
        if as_json:
            from netlab.check.report import to_json  # noqa: PLC0415 - `--help` does without

            extra = {} if replacement is None else {"groups": asdict(replacement)}
            click.echo(json.dumps({**to_json(report), **extra}))
    if junit is not None:
        from netlab.check.junit import to_junit  # noqa: PLC0415

        junit.write_text(to_junit(reports), encoding="utf-8")
    sys.exit(0 if all(report.ok for report in reports) else 1)


def _load(
    labs: tuple[str, ...], groups: tuple[str, ...], parameters: dict[str, str]
) -> list[tuple[Lab, Replacement | None]]:
    """Return the labs, with the groups of files in them, and which those replaced."""
    import netlab  # noqa: PLC0415 - `--help` does without

    *own, for_groups = apportioned(parameters, *([name] for name in labs), groups)
    loaded = [netlab.load(name, parameters=each) for name, each in zip(labs, own, strict=True)]
    if not groups:
        return [(lab, None) for lab in loaded]
    return [netlab.replace_groups(lab, groups, for_groups) for lab in loaded]


def _say_replaced(lab: Lab, replacement: Replacement) -> None:
    """Print which groups were replaced, and which of the lab's or the files' were not."""
    said = (
        ("taken from --groups", replacement.replaced),
        ("in no file of --groups, so still the lab's own", replacement.own),
        ("of --groups that no interface of the lab has", replacement.added),
    )
    for what, names in said:
        if names:
            more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
            click.echo(f"netlab: {lab.name}: groups {what}: {', '.join(names[:_MOST_NAMES])}{more}", err=True)


def _try_to_write(path: Path) -> None:
    """Refuse a file that cannot be written before anything is played."""
    try:
        path.touch()
    except OSError as error:
        raise InputError(f"--junit {path}: cannot be written: {error.strerror}") from error


@contextmanager
def _playing(
    lab: Lab, *, paper: bool, keep: bool, evidence: Path | None
) -> Iterator[tuple[Network, Callable[[Iterator[Played]], Iterator[Played]]]]:
    """Hand over a network to play a lab on, and what its reports are to go through."""
    import netlab  # noqa: PLC0415 - `--help` does without

    if evidence is None:
        with netlab.paper(lab) if paper else netlab.running(lab, lockstep=True, keep_failed=keep) as network:
            yield network, iter
        return
    from netlab.cli.evidence import with_evidence  # noqa: PLC0415 - as above
    from netlab.live.evidence import gathering  # noqa: PLC0415
    from netlab.live.lab import throw_away  # noqa: PLC0415

    with throw_away(lab) as wire, gathering(wire) as gathered:
        network = netlab.in_lockstep(wire)
        yield network, lambda played: with_evidence(played, gathered, evidence / lab.name)
        wire.keep = keep and network.failed


def warn(lab: Lab) -> None:
    """Print a lab's warnings."""
    for warning in lab.warnings:
        click.echo(f"netlab: warning: {warning}", err=True)


def play_and_print(
    network: Network,
    lab: Lab,
    names: Iterable[str] = (),
    *,
    verbose: bool = False,
    silent: bool = False,
    watched: Callable[[Iterator[Played]], Iterator[Played]] = iter,
) -> LabReport:
    """Play a lab's expectations and stories, and print each as it comes; *watched* is what they go through."""
    from netlab.check import LockstepWire, play_lab  # noqa: PLC0415 - `--help` does without
    from netlab.check.text import row_lines, story_lines, summary_lines  # noqa: PLC0415

    rows: list[RowReport] = []
    stories: list[StoryReport] = []
    for each in watched(play_lab(network, lab, names)):
        if isinstance(each, RowReport):
            rows.append(each)
            lines = row_lines(each, verbose=verbose)
        else:
            stories.append(each)
            lines = story_lines(each, verbose=verbose)
        if not silent:
            print_coloured(lines)
    report = LabReport(lab.name, tuple(rows), tuple(stories))
    if not silent:
        print_coloured(summary_lines(report))
        left_out = network.wire.left_out if isinstance(network.wire, LockstepWire) else 0
        if left_out:
            say(f"({left_out} packets not compared with the oracle: too near a timer's edge)")
    return report


def print_coloured(lines: Iterable[str]) -> None:
    """Print lines, the status word each may begin with in its colour; plain where this is no terminal."""
    for line in lines:
        word, space, rest = line.lstrip().partition(" ")
        indent = line[: len(line) - len(line.lstrip())]
        colour = _COLOURS.get(word)
        say(f"{indent}{click.style(word, fg=colour, bold=True)}{space}{rest}" if colour else line)
