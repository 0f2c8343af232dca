"""The terminal: colour where it is one, plain text where it is a pipe."""

from __future__ import annotations

import sys
from collections.abc import Iterator
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


class Progress:
    """Says on a terminal what is being done, in one line that goes away; elsewhere only the title, once."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._shown = sys.stderr.isatty()

    def __call__(self, text: str) -> None:
        """Say what is done now."""
        if self._shown:
            click.echo(f"\r\x1b[2K{self._title}: {text}"[: 8 + 72], err=True, nl=False)

    def stop(self) -> None:
        """Make the line go away."""
        if self._shown:
            click.echo("\r\x1b[2K", err=True, nl=False)
            self._shown = False


@contextmanager
def progress(title: str) -> Iterator[Progress]:
    """Show progress while the body runs."""
    shown = Progress(title)
    if sys.stderr.isatty():
        shown("…")
    else:
        click.echo(title, err=True)
    try:
        yield shown
    finally:
        shown.stop()
