"""`netlab authorize`, `revoke` and `attach`: changes to the running lab."""

from __future__ import annotations

from collections.abc import Iterator

import click

from netlab.cli.terminal import lab_option
from netlab.model.changes import Attach, Authorize, Change, Revoke
from netlab.model.notation import parse_rule
from netlab.model.rules import Direction
from netlab.model.topology import Lab

_DIRECTION = click.Choice([each.value for each in Direction])
_RULE = "RULE is (tcp|udp)/(PORT|A-B|all), icmp[v6]/(all|TYPE[/CODE]), all or a protocol; then from or to and a peer."


def _carry_out(lab_name: str | None, change: Change) -> None:
    from netlab.control import difference  # noqa: PLC0415 - `--help` does without
    from netlab.live.lab import attached  # noqa: PLC0415

    with attached(lab_name) as wire:
        before = wire.lab
        wire.change(change)
        for line in difference(before, wire.lab).policy or ("nothing changes",):
            click.echo(f"{wire.lab.name}: {line}")
        for warning in _warnings(wire.lab, change):
            click.echo(f"netlab: warning: {warning}", err=True)


def _warnings(lab: Lab, change: Change) -> Iterator[str]:
    """Yield what AWS takes without a word, and a user may not have meant."""
    if isinstance(change, Attach):
        for name in dict.fromkeys(each for each in change.groups if change.groups.count(each) > 1):
            yield f"{name}: stands there more than once; AWS takes a set, it is attached once"
    if not isinstance(change, Authorize):
        return
    for request, rule in zip(
        change.rules, lab.groups[change.group].rules(change.direction)[-len(change.rules) :], strict=True
    ):
        if rule.is_void:
            yield f"{rule}: no packet can match it; AWS takes it all the same"
        if "/" in request.peer and request.peer.partition("/")[0].lower() != str(rule.peer).partition("/")[0]:
            yield f"{request.peer}: host bits are cleared: {rule.peer}"


@click.command(short_help="Add a rule to a group of the running lab.", epilog=_RULE)
@lab_option
@click.argument("group")
@click.argument("direction", type=_DIRECTION)
@click.argument("rule", nargs=-1, required=True)
def authorize(lab_name: str | None, group: str, direction: str, rule: tuple[str, ...]) -> None:
    """
    Add a rule to a group; live, on every card that has the group.

    \b
    netlab authorize web ingress tcp/443 from 0.0.0.0/0
    """  # noqa: D301 - click's mark for a block that is not wrapped
    request = parse_rule(" ".join(rule), Direction(direction))
    _carry_out(lab_name, Authorize(group, Direction(direction), (request,)))


@click.command(short_help="Take a rule out of a group of the running lab.", epilog=_RULE)
@lab_option
@click.argument("group")
@click.argument("direction", type=_DIRECTION)
@click.argument("rule", nargs=-1, required=True)
def revoke(lab_name: str | None, group: str, direction: str, rule: tuple[str, ...]) -> None:
    """
    Take a rule out of a group, found by what it says; live.

    \b
    netlab revoke web ingress tcp/22 from 0.0.0.0/0
    """  # noqa: D301
    request = parse_rule(" ".join(rule), Direction(direction))
    _carry_out(lab_name, Revoke(group, Direction(direction), (request,)))


@click.command(short_help="Replace the groups of an instance.")
@lab_option
@click.argument("node", metavar="NODE[/ENI]")
@click.argument("groups", nargs=-1, required=True, metavar="GROUP...")
def attach(lab_name: str | None, node: str, groups: tuple[str, ...]) -> None:
    """Replace the security groups of an interface, by default of the primary one; live."""
    name, _, interface = node.partition("/")
    _carry_out(lab_name, Attach(name, interface, groups))
