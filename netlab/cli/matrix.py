"""`netlab matrix`: who reaches whom, every ordered pair, on real packets or on paper."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

import click

from netlab.cli.proof import warn
from netlab.cli.terminal import Progress, json_option, parameter_option
from netlab.errors import InputError
from netlab.model.stories import Question
from netlab.model.topology import Lab

if TYPE_CHECKING:
    from netlab.check.stand_ins import Furnished, StandIn

LOCKSTEP_UP_TO = 20_000
"""Questions up to which the oracle is asked too, unless told otherwise."""

MOST_QUESTIONS = 1_000_000

_QUIET_S = 1.0


@click.command(short_help="Who reaches whom: every pair of places, on real packets.")
@click.option("--ports", metavar="LIST", help="What to ask, as in tcp/22,tcp/443,icmp/8 (default: what rules name).")
@click.option(
    "--all-rules",
    is_flag=True,
    help="Ask at the edges of every rule and just outside, also from networks that nobody is in.",
)
@click.option("--paper", is_flag=True, help="Ask the oracle alone: no root, no packets.")
@click.option(
    "--lockstep/--no-lockstep",
    default=None,
    help=f"Put every packet to the oracle too (default: up to {LOCKSTEP_UP_TO:,} questions).",
)
@json_option
@parameter_option
@click.argument("files", nargs=-1, required=True, metavar="LAB")
def matrix(
    files: tuple[str, ...],
    parameters: dict[str, str],
    ports: str | None,
    *,
    all_rules: bool,
    paper: bool,
    lockstep: bool | None,
    as_json: bool,
) -> None:
    """
    Build a throw-away copy of LAB and ask every ordered pair of its places, by IPv4 and, where both have it, IPv6.

    LAB is a lab file, a built-in lab, or real files of AWS, CloudFormation and Terraform: one, several, or a folder.
    Each answer is what a row of `expect:` would come to, with its rule or the gate that dropped it.
    """
    import netlab  # noqa: PLC0415 - `--help` does without
    from netlab.check.clauses import carried_clauses  # noqa: PLC0415
    from netlab.check.matrix import ask_matrix, matrix_json, questions_of, rule_questions  # noqa: PLC0415
    from netlab.check.matrix_text import matrix_lines  # noqa: PLC0415
    from netlab.check.samples import first_samples, samples_from_text  # noqa: PLC0415
    from netlab.check.stand_ins import representatives  # noqa: PLC0415
    from netlab.check.untried import untried  # noqa: PLC0415

    if ports is not None and all_rules:
        raise InputError("matrix: found --ports and --all-rules, wanted one of them")
    samples = () if ports is None else samples_from_text(ports)
    words = netlab.load(*files, parameters=parameters)
    warn(words)
    said = carried_clauses(words) if all_rules else ()
    words, stand_ins = _furnished(words) if all_rules else (words, ())
    if all_rules:
        questions = counted(rule_questions(words, stand_ins=stand_ins))
    else:
        questions = counted(questions_of(words, samples or first_samples(words)))
    both = len(questions) <= LOCKSTEP_UP_TO if lockstep is None else lockstep
    progress = Answered(f"netlab: {words.name}")
    try:
        with netlab.paper(words) if paper else netlab.running(words, lockstep=both, progress=progress.build) as network:
            found = replace(ask_matrix(network, questions, progress), lab=words.name, stand_ins=stand_ins)
    finally:
        progress.stop()
    found = replace(found, untried=untried(words, found.cells, said, representatives(stand_ins)))
    if as_json:
        click.echo(json.dumps(matrix_json(found)))
    else:
        click.echo("\n".join(matrix_lines(found, words)))
    sys.exit(0 if found.ok else 1)


def _furnished(lab: Lab) -> tuple[Lab, tuple[StandIn, ...]]:
    """Put somebody into the networks that rules name and nobody is in."""
    from netlab.check.stand_ins import furnished  # noqa: PLC0415 - `--help` does without
    from netlab.control import completed  # noqa: PLC0415

    found = furnished(lab)
    warn_of_left_out(found)
    return completed(found.labs[0]), found.stand_ins


def warn_of_left_out(found: Furnished) -> None:
    """Print which networks are not asked about, since there are too many."""
    if found.left_out:
        names = f"{', '.join(map(str, found.left_out[:3]))}{' …' if len(found.left_out) > 3 else ''}"
        click.echo(f"netlab: warning: {len(found.left_out)} networks that rules name are not asked: {names}", err=True)


def counted(questions: Iterable[Question]) -> tuple[Question, ...]:
    """Return questions, unless they are more than fit into memory with their answers."""
    found = tuple(islice(questions, MOST_QUESTIONS + 1))
    if len(found) > MOST_QUESTIONS:
        raise InputError(f"found more than {MOST_QUESTIONS:,} questions, wanted fewer: choose some by --ports")
    return found


class Answered:
    """Says on a terminal what is built and how many questions are answered, once it has taken longer than a second."""

    def __init__(self, title: str) -> None:
        self._shown = Progress(title)
        self._since = time.monotonic()
        self._terminal = sys.stderr.isatty()

    def __call__(self, done: int, asked: int) -> None:
        """Say how far it is."""
        self._say(f"{done:,} of {asked:,} questions")

    def build(self, what: str) -> None:
        """Say what is being built."""
        self._say(f"building {what}")

    def stop(self) -> None:
        """Make the line go away."""
        if self._terminal:
            self._shown.stop()

    def _say(self, text: str) -> None:
        if self._terminal and time.monotonic() - self._since > _QUIET_S:
            self._shown(text)
