"""
The commands; the only room that prints and exits.

Exit codes (DESIGN.md 5.1): 0 as expected, 1 an expectation failed, 2 the user's input is wrong, 4 the machine lacks
something, 5 the kernel refused, 130 Ctrl-C.
"""

from __future__ import annotations

import sys

import click

import netlab
from netlab.cli import ask, change, doctor, proof, run, up
from netlab.errors import NetlabError

_SECTIONS: tuple[tuple[str, tuple[click.Command, ...]], ...] = (
    ("A running lab", (up.up, up.down, up.status, run.exec_, run.ssh)),
    ("Questions", (ask.probe, ask.show, ask.explain, ask.compile_)),
    ("Changes", (change.authorize, change.revoke, change.attach)),
    ("Proof", (proof.check, doctor.doctor)),
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


def main() -> None:
    """Run the command line; the one place where errors become exit codes."""
    try:
        code = cli.main(prog_name="netlab", standalone_mode=False)
    except click.exceptions.Abort:
        code = 130
    except KeyboardInterrupt:
        click.echo("netlab: interrupted", err=True)
        code = 130
    except click.ClickException as error:
        error.show()
        code = 2
    except NetlabError as error:
        click.echo("\n".join(f"netlab: {line}" for line in str(error).splitlines()), err=True)
        code = error.exit_code
    except BrokenPipeError:
        code = 141
    sys.exit(code or 0)
