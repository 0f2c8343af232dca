"""The terminal: colour where it is one, plain text where it is a pipe."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.console import Console

lab_option = click.option(
    "--lab", "lab_name", metavar="NAME", help="Which running lab; not needed where only one runs."
)
json_option = click.option("--json", "as_json", is_flag=True, help="One JSON document instead of text.")


def console() -> Console:
    """Return a console on standard output; 80 columns where it is no terminal."""
    from rich.console import Console  # noqa: PLC0415 - `--help` does without

    return Console(highlight=False, width=None if sys.stdout.isatty() else 80, soft_wrap=not sys.stdout.isatty())


@contextmanager
def progress(title: str) -> Iterator[Callable[[str], None]]:
    """Show on a terminal what is being done; elsewhere, say the title once."""
    if not sys.stderr.isatty():
        click.echo(title, err=True)
        yield lambda _: None
        return
    from rich.console import Console  # noqa: PLC0415

    with Console(stderr=True).status(title) as status:
        yield lambda text: status.update(f"{title}: {text}")
