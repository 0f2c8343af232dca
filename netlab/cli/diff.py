"""`netlab diff`: what a change opens and closes, and which open connections it cuts."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from netlab.cli.matrix import LOCKSTEP_UP_TO, Answered, counted, warn_of_left_out
from netlab.cli.proof import warn
from netlab.cli.sources import apportioned
from netlab.cli.terminal import json_option, parameter_option
from netlab.errors import InputError
from netlab.model.stories import Question
from netlab.model.topology import Lab

if TYPE_CHECKING:
    from netlab.check.impact import Fate
    from netlab.check.matrix import Matrix
    from netlab.check.stand_ins import Furnished, StandIn


@click.command(short_help="What a change opens, closes and cuts; exit 1 if anything.")
@click.option("--flows", is_flag=True, help="Open flows under OLD, change it live to NEW: which are cut?")
@click.option("--ports", metavar="LIST", help="What to ask, as in tcp/22,icmp/8 (default: the edges of every rule).")
@click.option("--paper", is_flag=True, help="Ask the oracle alone: no root, no packets.")
@json_option
@parameter_option
@click.argument("old")
@click.argument("new")
def diff(
    old: str, new: str, parameters: dict[str, str], ports: str | None, *, flows: bool, paper: bool, as_json: bool
) -> None:
    """
    Ask every pair of places in both labs the same questions, and say what is newly reached and newly cut.

    OLD and NEW are lab files, built-in labs, or real files of AWS, CloudFormation and Terraform, or folders of these.
    Where no place lies in a network that a rule names, a stand-in is put into both. Exit 1 if anything changed, a rule
    that nobody here can use included, so that CI can hold a merge.
    """
    import netlab  # noqa: PLC0415 - `--help` does without
    from netlab.check.impact import Impact, compare, impact_json, untried_changes  # noqa: PLC0415
    from netlab.check.impact_text import impact_lines  # noqa: PLC0415
    from netlab.check.settings import differing_settings  # noqa: PLC0415

    own = apportioned(parameters, [old], [new])
    before, after = (netlab.load(lab, parameters=each) for lab, each in zip((old, new), own, strict=True))
    for lab in (before, after):
        warn(lab)
    if flows:
        _need_same_topology(before, after)
    before, after, furnished = _furnished(before, after)
    stand_ins = furnished.stand_ins
    asked = _questions(before, after, ports, stand_ins), _questions(after, before, ports, stand_ins)
    one, fates = _ask(before, after if flows else None, asked[0], paper=paper)
    other, _ = _ask(after, None, asked[1], paper=paper)
    reached, cut = compare(one, other)
    faults = tuple(cell for cell in (*one.cells, *other.cells) if not cell.ok)
    untried = untried_changes((before, one), (after, other), furnished)
    settings = differing_settings(before, after)
    impact = Impact(old, new, len({*asked[0], *asked[1]}), reached, cut, fates, faults, stand_ins, untried, settings)
    click.echo(json.dumps(impact_json(impact)) if as_json else "\n".join(impact_lines(impact)))
    sys.exit(0 if impact.is_empty else 1)


def _furnished(old: Lab, new: Lab) -> tuple[Lab, Lab, Furnished]:
    """Put the same stand-ins into both labs; those first whose networks make a difference."""
    from netlab.check.impact import differing  # noqa: PLC0415 - `--help` does without
    from netlab.check.stand_ins import furnished  # noqa: PLC0415
    from netlab.control import completed  # noqa: PLC0415
    from netlab.model.rules import GroupRef  # noqa: PLC0415

    clauses = (*differing(old, new), *differing(new, old))
    found = furnished(old, new, first=[each.peer for each in clauses if not isinstance(each.peer, GroupRef)])
    warn_of_left_out(found)
    before, after = (completed(lab) for lab in found.labs)
    return before, after, found


def _questions(lab: Lab, other: Lab, ports: str | None, stand_ins: Sequence[StandIn]) -> tuple[Question, ...]:
    """Return what is asked of a lab; of a pair that both labs have, the same is asked of both."""
    from netlab.check.matrix import questions_of, rule_questions  # noqa: PLC0415 - `--help` does without
    from netlab.check.samples import samples_from_text  # noqa: PLC0415

    if ports is not None:
        return counted(questions_of(lab, samples_from_text(ports), stand_ins))
    return counted(rule_questions(lab, other, stand_ins=stand_ins))


def _ask(
    lab: Lab, then: Lab | None, questions: tuple[Question, ...], *, paper: bool
) -> tuple[Matrix, tuple[Fate, ...] | None]:
    """Return a lab's answers; with *then*, also what becomes of flows open in it when it changes to that."""
    import netlab  # noqa: PLC0415 - `--help` does without
    from netlab.check.impact import play_fates  # noqa: PLC0415
    from netlab.check.matrix import ask_matrix  # noqa: PLC0415
    from netlab.model.verdicts import Seen  # noqa: PLC0415

    progress = Answered(f"netlab: {lab.name}")
    both = len(questions) <= LOCKSTEP_UP_TO
    try:
        with netlab.paper(lab) if paper else netlab.running(lab, lockstep=both, progress=progress.build) as network:
            found = replace(ask_matrix(network, questions, progress), lab=lab.name)
            open_ones = [cell.question for cell in found.cells if cell.seen is Seen.DELIVERED]
            fates = None if then is None else play_fates(network, then, open_ones, progress)
    finally:
        progress.stop()
    return found, fates


def _need_same_topology(old: Lab, new: Lab) -> None:
    from netlab.control import difference  # noqa: PLC0415 - `--help` does without

    changes = difference(old, replace(new, name=old.name)).topology
    if changes:
        more = f"; and {len(changes) - 3} more" if len(changes) > 3 else ""
        raise InputError(f"--flows: the topology differs, so no flow lives on: {'; '.join(changes[:3])}{more}")
