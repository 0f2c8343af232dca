"""`netlab up`, `down` and `status`."""

from __future__ import annotations

import json
import sys

import click

from netlab.cli.proof import play_and_print, warn
from netlab.cli.terminal import console, json_option, parameter_option, progress, say
from netlab.errors import InputError
from netlab.model.network import Network
from netlab.model.topology import Lab


@click.command(short_help="Build a lab and prove it on real packets.")
@click.option("--list", "list_labs", is_flag=True, help="List the built-in labs instead.")
@parameter_option
@click.argument("lab", required=False, default="stateful")
def up(lab: str, parameters: dict[str, str], *, list_labs: bool) -> None:
    """
    Build a lab from network namespaces and play its expectations and stories on it; without LAB, `stateful`.

    Again with the same file it only says so; with changed groups, rules, lists or ACLs it changes the running lab.
    """
    import netlab  # noqa: PLC0415 - `--help` does without
    from netlab.live.find import need_root  # noqa: PLC0415
    from netlab.live.lab import bring_up  # noqa: PLC0415

    if list_labs:
        for name in netlab.built_in_labs():
            say(name)
        return
    need_root()
    words = netlab.load(lab, parameters=parameters)
    warn(words)
    code = 0
    with progress(f"netlab: building {words.name}") as shown, bring_up(words, lab, shown) as brought:
        shown.stop()
        if brought.outcome == "built":
            from netlab.cli.picture import picture  # noqa: PLC0415 - `--help` does without

            console().print(picture(words))
            code = _proof(netlab.in_lockstep(brought.wire), words)
        elif brought.outcome == "same":
            say(f"{words.name} is up already; nothing to do")
            for line in brought.lines:
                say(f"  it differs from its file; netlab down and up would bring {line}")
        else:
            say(f"{words.name} is up; changed live:")
            for line in brought.lines:
                say(f"  {line}")
    sys.exit(code)  # not before: what leaves the block by an exception takes the lab down


def _proof(network: Network, lab: Lab) -> int:
    from netlab.live.find import whole_names  # noqa: PLC0415 - `--help` does without

    say()
    ok = True
    if lab.expectations or lab.stories:
        ok = play_and_print(network, lab).ok
        network.reset()  # what the last story changed is not the lab's
    else:
        say(f"{lab.name} is up; its file expects nothing, so nothing was proved")
    say("\nTry next:")
    for line in _suggestions(lab, only=not set(whole_names()) - {lab.name}):
        say(f"  {line}")
    return 0 if ok else 1


def _suggestions(lab: Lab, *, only: bool) -> list[str]:
    """Return three commands that make sense in this lab; *only*: no other runs, so that it need not be named."""
    node = next(iter(lab.instances), None)
    host = next(iter(lab.hosts), None)
    with_ssh = next((each.name for each in lab.instances.values() if "ssh" in each.services), None)
    quotes = next((each.name for each in lab.hosts.values() if "quotes" in each.services), None)
    at = "" if only else f"--lab {lab.name} "
    found = []
    if with_ssh and host and quotes:
        url = f"https://{quotes}/query?\\\nfunction=GLOBAL_QUOTE&symbol=IBM&apikey=demo"  # a shell joins the two lines
        found.append(f'sudo netlab ssh {at}{with_ssh} -- curl -s "{url}"')
    elif with_ssh and host:
        found.append(f"sudo netlab ssh {at}{with_ssh}")
    if node and host:
        found.append(f"sudo netlab probe {at}{list(lab.hosts)[-1]} {node} tcp/80")
    if node:
        found += [f"sudo netlab show {at}{node} rules", f"sudo netlab exec {at}{node}"]
    return found[:3] or [f"sudo netlab down {lab.name}"]


@click.command(short_help="Take a running lab down; nothing of it stays.")
@click.option("--all", "everything", is_flag=True, help="Every lab there is anything of.")
@click.argument("name", required=False)
def down(name: str | None, *, everything: bool) -> None:
    """End a lab's programs and delete its namespaces, whole or half-built; without NAME the one that runs."""
    from netlab.live.down import sweep, take_down_named  # noqa: PLC0415 - `--help` does without
    from netlab.live.find import need_root, running_names  # noqa: PLC0415

    need_root()
    if everything and name:
        raise InputError("down: found a NAME and --all, wanted one of them")
    names = running_names() if everything else (name,)
    for each in names:
        say(f"{take_down_named(each)} is down")
    if everything:
        sweep()
    if not names:
        say("no lab is running")


@click.command(short_help="What runs, and where it differs from what it should be.")
@json_option
def status(*, as_json: bool) -> None:
    """Read from the kernel what runs, and compare it with what was meant."""
    from netlab.live.find import need_root  # noqa: PLC0415 - `--help` does without
    from netlab.live.status import status as labs_status  # noqa: PLC0415

    need_root()
    labs = labs_status()
    if as_json:
        rows = [
            {
                "lab": each.name,
                "condition": each.condition,
                "source": each.source,
                "nodes": [*each.lab.instances, *each.lab.hosts] if each.lab else [],
                "namespaces": list(each.namespaces),
                "differences": list(each.differences),
            }
            for each in labs
        ]
        say(json.dumps({"labs": rows}))
        return
    for each in labs:
        source = f" from {each.source}" if each.source else ""
        say(f"{each.name}: {each.condition}{source}; {len(each.namespaces)} namespaces")
        if each.lab:
            say(f"  instances {', '.join(each.lab.instances) or '-'}; hosts {', '.join(each.lab.hosts) or '-'}")
        for line in each.differences:
            say(f"  differs: {line}")
    if not labs:
        say("no lab is running")
