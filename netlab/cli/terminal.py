"""The terminal: colour where it is one, plain text where it is a pipe."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from netlab.errors import InputError

if TYPE_CHECKING:
    from rich.console import Console

lab_option = click.option(
    "--lab", "lab_name", metavar="NAME", help="Which running lab; not needed where only one runs."
)
_WIDTH = 79  # in the last column some terminals begin a new line

json_option = click.option("--json", "as_json", is_flag=True, help="One JSON document instead of text.")


def _parameters_from_words(_: click.Context, __: click.Parameter, words: tuple[str, ...]) -> dict[str, str]:
    """Return the parameters that ``NAME=VALUE`` words give."""
    parameters = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise InputError(f"--parameter {word!r}: wanted NAME=VALUE")
        parameters[name] = value
    return parameters


parameter_option = click.option(
    "--parameter",
    "parameters",
    multiple=True,
    metavar="NAME=VALUE",
    callback=_parameters_from_words,
    help="A template's parameter, or an export.",
)


def console() -> Console:
    """Return a console on standard output; 80 columns where it is no terminal."""
    from rich.console import Console  # noqa: PLC0415 - `--help` does without

    # Without emoji and markup: ":100:" is part of an address.
    return Console(
        emoji=False,
        markup=False,
        highlight=False,
        width=None if sys.stdout.isatty() else 80,
        soft_wrap=not sys.stdout.isatty(),
    )


def say(text: str = "") -> None:
    """Print a line; a reader who has gone (``| head``) ends the printing, not the work."""
    try:
        click.echo(text)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class Progress:
    """Says on a terminal what is being done, in one line that goes away; elsewhere only the title, once."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._terminal = sys.stderr.isatty()
        self._said = False

    def __call__(self, text: str) -> None:
        """Say what is done now."""
        if self._terminal:
            click.echo(f"\r\x1b[2K{f'{self._title}: {text}'[:_WIDTH]}", err=True, nl=False)
        elif not self._said:
            click.echo(self._title, err=True)
        self._said = True

    def stop(self) -> None:
        """Make the line go away."""
        if self._terminal and self._said:
            click.echo("\r\x1b[2K", err=True, nl=False)
        self._terminal, self._said = False, True


@contextmanager
def progress(title: str) -> Iterator[Progress]:
    """Show progress while the body runs, from the first time it says something."""
    shown = Progress(title)
    try:
        yield shown
    finally:
        shown.stop()
