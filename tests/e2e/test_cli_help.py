"""Help texts: they fit a terminal, succeed, and are quick because nothing heavy is imported for them."""

import subprocess
import sys
from pathlib import Path

import pytest
from netlab_machine import NETLAB

from netlab.cli import cli

HEAVY = ("scapy", "iptc", "pyroute2", "pydantic", "rich", "ruamel", "trustme", "cryptography", "asyncio")


def run(*words: str) -> subprocess.CompletedProcess[str]:
    """Run `netlab`; no machine is needed for that."""
    return subprocess.run([str(NETLAB), *words], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("command", ["", *sorted(cli.commands)])
def test_help_fits_eighty_columns(command: str) -> None:
    """Every command has a help text of its own, at most 80 columns wide, on standard output, exit 0."""
    done = run(*command.split(), "--help")

    assert (done.returncode, done.stderr) == (0, "")
    assert f"Usage: netlab {command}".rstrip() in done.stdout
    assert [line for line in done.stdout.splitlines() if len(line) > 80] == []


def test_help_lists_every_command_of_the_design() -> None:
    """The commands, each with a line of its own that is not cut short."""
    text = run("--help").stdout

    for command in ("up", "down", "status", "exec", "ssh", "probe", "show", "authorize", "revoke", "attach", "check",
                    "explain", "compile", "doctor", "matrix", "diff", "import", "selftest"):  # fmt: skip
        assert f"\n  {command} " in text
    assert "..." not in text.partition("A running lab:")[2]


def test_help_imports_nothing_heavy() -> None:
    """`netlab --help` is to be there at once: no packet library, no netlink, no validation, no tables."""
    script = (
        "import sys, atexit; sys.argv = ['netlab', '--help']\n"
        "import os; os._exit = lambda code: sys.stderr.write('\\n'.join(sys.modules))\n"
        "from netlab.cli import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    loaded = {name.partition(".")[0] for name in done.stderr.split()}

    assert "click" in loaded
    assert loaded.intersection(HEAVY) == set()


def test_without_a_command_there_is_help_and_a_failure() -> None:
    """`netlab` alone shows what it can do, on standard error, exit 2."""
    done = run()

    assert (done.returncode, done.stdout) == (2, "")
    assert "sudo netlab up" in done.stderr


def test_the_short_option_for_help() -> None:
    """`-h` is `--help`, of `netlab` and of a command."""
    assert run("-h").stdout == run("--help").stdout
    assert run("probe", "-h").stdout == run("probe", "--help").stdout


def test_version() -> None:
    """`netlab --version` says its name and version."""
    assert run("--version").stdout.startswith("netlab, version ")


def test_the_folder_it_is_called_from_lends_no_code(tmp_path: Path) -> None:
    """Whoever writes a lab file beside a `netlab` folder, or a `json.py`, runs neither as root."""
    (tmp_path / "netlab").mkdir()
    (tmp_path / "json.py").write_text("raise SystemExit('a stranger')\n")
    done = subprocess.run([str(NETLAB), "--version"], capture_output=True, text=True, check=False, cwd=tmp_path)

    assert (done.returncode, done.stderr) == (0, "")
