"""`netlab import`: real files of AWS, CloudFormation and Terraform to a lab file."""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path

import click

from netlab.cli.terminal import Progress, parameter_option
from netlab.errors import InputError

_SLOW_FROM = 3_000_000  # bytes that take longer than a second


@click.command("import", short_help="AWS JSON, CloudFormation or Terraform to a lab file.")
@click.option("-o", "output", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Write it there.")
@parameter_option
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
def import_(files: tuple[str, ...], parameters: dict[str, str], output: Path | None) -> None:
    """
    Make one lab of what `aws ec2 describe-...` and `terraform show -json` print, and of CloudFormation templates.

    Without -o the lab file is printed. What netlab does not model is listed, each thing once, with its place.
    Groups that nothing carries get an instance of their name. A folder stands for the files in it.
    """
    import netlab  # noqa: PLC0415 - `--help` does without
    from netlab.formats import render_lab  # noqa: PLC0415

    shown = Progress("netlab: import")
    if sys.stderr.isatty() and (size := _size(files)) > _SLOW_FROM:
        shown(f"reading {size / 1e6:.0f} MB")
    try:
        lab, unmodelled = netlab.import_lab(files, parameters)
        text = render_lab(lab)
    finally:
        shown.stop()
    if output is None:
        click.echo(text, nl=False)
    else:
        try:
            output.write_text(text, encoding="utf-8")
        except OSError as error:
            raise InputError(f"{output}: cannot be written: {error.strerror}") from error
        rules = sum(len(group.ingress) + len(group.egress) for group in lab.groups.values())
        click.echo(f"{output}: {len(lab.groups)} security groups, {rules} rules, {len(lab.instances)} instances")
    for line in unmodelled:
        click.echo(f"netlab: not modelled: {line}", err=True)


def _size(files: tuple[str, ...]) -> int:
    """Return the bytes of files; what cannot be read has none here, and is told by who reads it."""
    size = 0
    for file in files:
        with suppress(OSError, ValueError):
            size += Path(file).stat().st_size
    return size
