"""`netlab probe`, `show`, `explain`, `compile`: questions about a lab."""

from __future__ import annotations

import json
import sys

import click

from netlab.cli.terminal import json_option, lab_option, parameter_option
from netlab.errors import InputError
from netlab.model.network import Network
from netlab.model.notation import parse_probe
from netlab.model.rules import TCP
from netlab.model.stories import Question
from netlab.model.topology import Lab
from netlab.model.verdicts import Seen


def _question(source: str, target: str, words: str, *, real: bool = False, family: int | None = None) -> Question:
    protocol, dport, icmp_type, icmp_code = parse_probe(words)
    if protocol in {1, 58}:
        family = 4 if protocol == 1 else 6
    return Question(source, target, protocol, dport, icmp_type, icmp_code, family, real=real)


@click.command(short_help="Ask one question with real packets: does it get there, and why?")
@lab_option
@json_option
@click.option("--real", is_flag=True, help="Let the kernels' own stacks talk; then a closed port is refused.")
@click.option("-6", "ipv6", is_flag=True, help="By IPv6, where both ends have both.")
@click.argument("source", metavar="SRC")
@click.argument("target", metavar="DST")
@click.argument("traffic", metavar="RULE-LIKE")
def probe(
    lab_name: str | None, source: str, target: str, traffic: str, *, as_json: bool, real: bool, ipv6: bool
) -> None:
    """
    Open one flow between two places of the running lab, and follow every packet of it.

    \b
    netlab probe laptop ec2 tcp/22
    netlab probe ec2 www.alphavantage.co icmp/8
    """  # noqa: D301 - click's mark for a block that is not wrapped
    from netlab.check.report import observed_json  # noqa: PLC0415 - `--help` does without
    from netlab.check.text import observation_lines  # noqa: PLC0415
    from netlab.live.lab import attached  # noqa: PLC0415

    question = _question(source, target, traffic, real=real, family=6 if ipv6 else None)
    with attached(lab_name) as wire:
        network = Network(wire)
        flow = network.open_question(question)
        if flow.seen is Seen.DELIVERED and question.protocol == TCP and not real:
            flow.send(flags="R")  # a probe leaves no connection behind
        observation = flow.observation
        if as_json:
            click.echo(json.dumps(observed_json(observation)))
        else:
            for line in observation_lines(observation, wire.lab):
                click.echo(line)
    sys.exit(1 if observation.seen is Seen.BROKEN else 0)


@click.command(short_help="The cards of an instance: rules with counters, live connections.")
@lab_option
@json_option
@click.argument("node")
@click.argument("what", type=click.Choice(["rules", "flows"]), required=False)
def show(lab_name: str | None, node: str, what: str | None, *, as_json: bool) -> None:
    """
    Show the cards of an instance: their SG rules with what each has admitted, and their connection table with class and
    time left.

    With `rules`, the chains that netfilter is told, with counters and the SG rule behind each; with `flows`, the
    connection table alone.
    """
    from netlab.cli.tables import (  # noqa: PLC0415 - `--help` does without
        cards_json,
        entries_json,
        flows_lines,
        rules_lines,
        summary_lines,
    )
    from netlab.live.lab import attached  # noqa: PLC0415
    from netlab.live.show import cards_of  # noqa: PLC0415

    with attached(lab_name) as wire:
        _need_instance(wire.lab, node)
        cards = cards_of(wire, node) if what != "flows" else ()
        entries = wire.flows(node) if what != "rules" else ()
    if as_json:
        click.echo(json.dumps({"node": node, "rules": cards_json(cards), "flows": entries_json(entries)}))
        return
    for card in cards:
        lines = rules_lines if what == "rules" else summary_lines
        click.echo("\n".join(lines(wire.lab, card)) + "\n")
    if what != "rules":
        click.echo("\n".join(flows_lines(node, entries)))


def _need_instance(lab: Lab, node: str) -> None:
    if node not in lab.instances:
        known = ", ".join(lab.instances)
        found = "a host" if node in lab.hosts else "none of that name"
        raise InputError(f"instance {node!r}: found {found}, wanted one with a card: {known or 'there is none'}")


def _lab(files: tuple[str, ...], parameters: dict[str, str], running: str | None) -> Lab:
    """Return the lab that files are, or a built-in one; without any, a running lab as it is now."""
    import netlab  # noqa: PLC0415 - `--help` does without

    if files:
        return netlab.load(*files, parameters=parameters)
    if parameters:
        raise InputError("--parameter: found no LAB, wanted a template")
    from netlab.live.find import running_lab  # noqa: PLC0415

    return running_lab(running)


@click.command(short_help="Why a packet gets there or not, gate by gate, on paper. No root.")
@json_option
@click.option("-6", "ipv6", is_flag=True, help="By IPv6, where both ends have both.")
@click.argument("source", metavar="SRC")
@click.argument("target", metavar="DST")
@click.argument("traffic", metavar="RULE-LIKE")
@click.argument("files", nargs=-1, metavar="[LAB]")
@lab_option
@parameter_option
def explain(
    source: str,
    target: str,
    traffic: str,
    files: tuple[str, ...],
    lab_name: str | None,
    parameters: dict[str, str],
    *,
    as_json: bool,
    ipv6: bool,
) -> None:
    """
    Read the oracle's verdict aloud: each gate, the rules it read, why each did or did not match.

    LAB is a lab file, a built-in lab, or real files of AWS, CloudFormation and Terraform: one, several, or a folder;
    without it, the running lab (--lab says which).

    \b
    netlab explain stranger ec2 tcp/80 stateful
    """  # noqa: D301
    from netlab.oracle.explain import explain as explained  # noqa: PLC0415 - `--help` does without

    explanation = explained(
        _lab(files, parameters, lab_name), _question(source, target, traffic, family=6 if ipv6 else None)
    )
    if as_json:
        click.echo(json.dumps(explanation.as_json()))
        return
    for line in explanation.lines():
        click.echo(line)


@click.command("compile", short_help="The iptables-save text that a lab becomes. No root.")
@parameter_option
@click.argument("lab")
@click.argument("node", required=False)
def compile_(lab: str, node: str | None, parameters: dict[str, str]) -> None:
    """Print what netfilter is told: of every card, of one instance's, or of the whole wiring (vpc, igw, internet)."""
    import netlab  # noqa: PLC0415 - `--help` does without
    from netlab.compile import compile_lab  # noqa: PLC0415
    from netlab.plan.render import render_namespace  # noqa: PLC0415

    words = netlab.load(lab, parameters=parameters)
    plan = compile_lab(words)
    names = [name for name in plan.namespaces if node is None or name.split(":")[0] == node or name == f":{node}"]
    if not names:
        raise InputError(f"node {node!r}: the lab has none of that name; it has {', '.join(words.instances)}")
    click.echo("\n".join(f"# {name}\n{render_namespace(plan.namespaces[name])}" for name in names).rstrip())
