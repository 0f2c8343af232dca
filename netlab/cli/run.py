"""`netlab exec` and `netlab ssh`: programs inside the lab."""

from __future__ import annotations

import sys

import click

from netlab.cli.terminal import lab_option

_TAIL = "netlab.command"


class _WithCommand(click.Command):
    """A command whose words behind ``--`` are another program's, and arrive as they are."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Set the other program's words aside."""
        own, tail = (args[: args.index("--")], args[args.index("--") + 1 :]) if "--" in args else (args, [])
        ctx.meta[_TAIL] = tuple(tail)
        return super().parse_args(ctx, own)

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """Return the usage line's words."""
        return [*super().collect_usage_pieces(ctx), "[-- CMD...]"]


@click.command("exec", cls=_WithCommand, short_help="Run a program in an instance or host.")
@lab_option
@click.argument("node")
@click.pass_context
def exec_(context: click.Context, lab_name: str | None, node: str) -> None:
    """
    Run a program in an instance or a host; without one, a shell.

    It sees the node's own network, name, resolver and trust store, and its exit code is passed on.

    \b
    netlab exec ec2 -- curl -s https://www.alphavantage.co/
    """  # noqa: D301 - click's mark for a block that is not wrapped
    from netlab.live.find import need_root, running_lab  # noqa: PLC0415 - `--help` does without
    from netlab.live.programs import exec_in  # noqa: PLC0415

    need_root()
    sys.exit(exec_in(running_lab(lab_name), node, context.meta[_TAIL]))


@click.command(cls=_WithCommand, short_help="Log in to an instance, by real SSH from the internet.")
@lab_option
@click.option("--from", "host", metavar="HOST", help="Internet host to come from (default: the first).")
@click.argument("node")
@click.pass_context
def ssh(context: click.Context, lab_name: str | None, host: str | None, node: str) -> None:
    """
    Log in to an instance with real OpenSSH, from an internet host through the gateway; or run one command there.

    Each word behind -- arrives as one argument; for a line of shell: -- sh -c 'echo $HOME; exit 3'.

    \b
    netlab ssh ec2
    netlab ssh --from stranger ec2 -- curl -s "https://www.alphavantage.co/"
    """  # noqa: D301
    from netlab.live.find import need_root, running_lab  # noqa: PLC0415
    from netlab.live.programs import ssh_to  # noqa: PLC0415

    need_root()
    sys.exit(ssh_to(running_lab(lab_name), node, context.meta[_TAIL], host))
