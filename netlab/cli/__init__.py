"""
The commands; the only room that prints and exits.

Exit codes (DESIGN.md 5.1): 0 as expected, 1 an expectation failed, 2 the user's input is wrong, 4 the machine lacks
something, 5 the kernel refused, 130 Ctrl-C.
"""

from __future__ import annotations

import os
import sys
import traceback
from contextlib import suppress
from typing import NoReturn

import click

import netlab
from netlab.cli import ask, change, diff, doctor, import_, matrix, proof, run, schema, selftest, up
from netlab.cli.interrupts import Interrupted, listen, stop_listening
from netlab.errors import NetlabError

_SECTIONS: tuple[tuple[str, tuple[click.Command, ...]], ...] = (
    ("A running lab", (up.up, up.down, up.status, run.exec_, run.ssh)),
    ("Questions", (ask.probe, ask.show, ask.explain, ask.compile_)),
    ("Changes", (change.authorize, change.revoke, change.attach)),
    ("Proof", (proof.check, matrix.matrix, diff.diff, selftest.selftest)),
    ("Files and machine", (import_.import_, schema.schema, doctor.doctor)),
)


class Commands(click.Group):
    """The group of all commands; its help lists them by what they are for."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands section by section."""
        del ctx
        width = max(len(command.name or "") for _, commands in _SECTIONS for command in commands)
        for title, commands in _SECTIONS:
            with formatter.section(title):
                formatter.write_dl(
                    [(f"{command.name:<{width}}", command.get_short_help_str(66)) for command in commands]
                )


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80})
@click.version_option(netlab.__version__, prog_name="netlab")
def cli() -> None:
    """
    A piece of AWS on one Linux kernel: see, prove and test what a security group does to real packets.

    Begin with: sudo netlab up
    """


for _, _commands in _SECTIONS:
    for _command in _commands:
        cli.add_command(_command)


def main() -> NoReturn:
    """Run the command line; the one place where errors become exit codes."""
    try:
        listen()
        code = _run()
    except Interrupted as interrupt:
        code = _said("interrupted", interrupt.exit_code)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        code = 2
    except click.ClickException as error:
        code = _said(_usage(error), 2)
    except NetlabError as error:
        code = _said(str(error), error.exit_code)
    except BrokenPipeError:
        code = 141
    except Exception:  # noqa: BLE001 - the last line: a bug of netlab's, not the user's
        traceback.print_exc()
        code = _said("this is a bug of netlab; please report the lines above", 5)
    _end(code)


def _end(code: int) -> NoReturn:
    """End at once: what Python clears up, the kernel does in a tenth of the time; signals have nothing to undo now."""
    stop_listening()
    for stream in (sys.stdout, sys.stderr):
        with suppress(BrokenPipeError, AttributeError):  # closed, or not there from the start
            stream.flush()
    os._exit(code)


def _run() -> int:
    """Run a command, or answer a shell that completes a line. Click's own way swallows what a signal's number was."""
    if "_NETLAB_COMPLETE" in os.environ:
        return cli.main(prog_name="netlab", standalone_mode=False) or 0
    try:
        with cli.make_context("netlab", sys.argv[1:]) as context:
            return cli.invoke(context) or 0
    except click.exceptions.Exit as done:
        return done.exit_code
    except SystemExit as done:  # how a command says its code
        return done.code if isinstance(done.code, int) else 0


def _said(text: str, code: int) -> int:
    click.echo("\n".join(f"netlab: {line}" for line in text.splitlines()), err=True)
    return code


def _usage(error: click.ClickException) -> str:
    """Return what is wrong with a command line, in one line."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    path = context.command_path.removeprefix("netlab").strip() if context is not None else ""
    text = " ".join(error.format_message().split()).rstrip(".").replace(". Did you mean", "; did you mean")
    head = f"{path}: " if path else ""
    mark = "" if text.endswith("?") else ";"
    return f"{head}{text[:1].lower()}{text[1:]}{mark} see: {' '.join(filter(None, ('netlab', path, '--help')))}"
