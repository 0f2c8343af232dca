"""`netlab schema`: the JSON Schemas of the lab file and of what commands print with --json."""

from __future__ import annotations

from importlib import resources

import click

NAMES = ("lab", "check", "probe", "explain", "matrix", "diff")


@click.command(short_help="The JSON Schema of the lab file, or of a report.")
@click.argument("name", type=click.Choice(NAMES), default="lab")
def schema(name: str) -> None:
    """
    Print a JSON Schema: of the lab file, or of what a command prints with --json.

    With it, editors complete a lab file and tell mistakes while you write:

    \b
    netlab schema lab > lab.schema.json
    and as the first line of the lab file:
    # yaml-language-server: $schema=lab.schema.json
    """  # noqa: D301 - click's mark for a block that is not wrapped
    file = resources.files("netlab.formats").joinpath("schemas", f"{name}.json")
    click.echo(file.read_text(encoding="utf-8"), nl=False)
