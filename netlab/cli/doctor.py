"""`netlab doctor`: what this machine has and lacks, and how to get it."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import click

from netlab.cli.terminal import json_option

_NAMESAKE = "ipspace's netlab (PyPI: networklab) installs a command of the same name"


@click.command(short_help="What this machine has, lacks, and how to get it.")
@json_option
def doctor(as_json: bool) -> None:
    """Look at the machine: root, programs, kernel features; exit 4 if something is missing."""
    import json  # noqa: PLC0415 - `--help` does without

    from netlab.live.lab import missing_features  # noqa: PLC0415

    missing = missing_features()
    others = _namesakes()
    if as_json:
        rows = [{"what": each.what, "why": each.why, "remedy": each.remedy} for each in missing]
        click.echo(json.dumps({"missing": rows, "namesakes": others, "ok": not missing}))
        sys.exit(4 if missing else 0)
    for each in missing:
        click.echo(f"missing  {each.what}: {each.why}")
        if each.remedy:
            click.echo(f"         get it with: {each.remedy}")
    for path in others:
        click.echo(f"note     {path} is another netlab: {_NAMESAKE}")
    if not missing:
        click.echo("all there: root, programs, kernel features")
    sys.exit(4 if missing else 0)


def _namesakes() -> list[str]:
    """Return every other `netlab` on the PATH that is not this one's."""
    found = []
    for folder in os.get_exec_path():
        path = shutil.which("netlab", path=folder)
        if path is not None and not _is_ours(Path(path)):
            found.append(path)
    return found


def _is_ours(path: Path) -> bool:
    try:
        text = path.read_bytes()[:4096]
    except OSError:
        return False
    return b"netlab: run from its checkout" in text or b"netlab.cli" in text
