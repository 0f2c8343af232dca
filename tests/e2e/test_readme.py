"""The README's own commands: every console block is run as it stands, and what it shows is what comes."""

import difflib
import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from netlab_machine import CHECKOUT, NETLAB, Machine

README = (CHECKOUT / "README.md").read_text(encoding="utf-8")
ANYTHING = "…"

_SHIM = """#!/bin/sh
exec "$@"
"""


@dataclass(frozen=True, slots=True)
class Command:
    """One command of a console block, and the lines shown below it."""

    line: int
    text: str
    shown: tuple[str, ...]


def blocks(kind: str) -> list[tuple[int, list[str]]]:
    """Return the README's blocks of one kind, each with the number of its first line."""
    found: list[tuple[int, list[str]]] = []
    inside: str | None = None
    for number, line in enumerate(README.splitlines(), 1):
        if line.startswith("```"):
            inside = line[3:].strip() if inside is None else None
            if inside == kind:
                found.append((number + 1, []))
        elif inside == kind:
            found[-1][1].append(line)
    return found


def commands(start: int, lines: list[str]) -> list[Command]:
    """Return the commands of a block; a line that ends in a backslash goes on in the next."""
    found: list[Command] = []
    going_on = False
    for number, line in enumerate(lines, start):
        if going_on:
            found[-1] = Command(found[-1].line, f"{found[-1].text}\n{line}", ())
        elif line.startswith("$ "):
            found.append(Command(number, line[2:], ()))
        else:
            assert found, f"README.md:{number}: a console block begins with a command"
            found[-1] = Command(found[-1].line, found[-1].text, (*found[-1].shown, line))
        going_on = line.endswith("\\") and (going_on or line.startswith("$ "))
    return found


def pattern(shown: tuple[str, ...]) -> str:
    """Return what output has to match: the lines shown; … alone in a line is any lines, within one any text."""
    parts = []
    for line in shown:
        if line.strip() == ANYTHING:
            parts.append(r"(?:.*\n)*?")
        else:
            parts.append(r"[^\n]*".join(re.escape(piece.rstrip()) for piece in line.split(ANYTHING)) + r"[ ]*\n")
    return "".join(parts)


def test_there_is_something_to_run() -> None:
    """The README shows its two commands, and at least one console block with output."""
    shown = [command for block in blocks("console") for command in commands(*block)]

    assert "sudo scripts/netlab up" in README
    assert "sudo scripts/test" in README
    assert any(command.shown for command in shown)


def test_console_blocks(own: Machine, tmp_path: Path) -> None:
    """Run in the order of the README, on one machine, beside the lab files that it shows."""
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "sudo").write_text(_SHIM, encoding="utf-8")  # the real one would forget this PATH
    (programs / "sudo").chmod(0o755)
    (programs / "netlab").symlink_to(NETLAB)
    for _, lines in blocks("yaml"):
        if match := re.fullmatch(r"name: (\S+)", lines[0]):
            own.write(f"{match[1]}.yaml", "\n".join(lines) + "\n")
    path = f"{programs}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    for block in blocks("console"):
        for command in commands(*block):
            done = own.run("bash", "-c", f"{command.text} 2>/dev/null", env={"PATH": path})
            wanted = pattern(command.shown)

            assert done.code == 0, f"README.md:{command.line}: $ {command.text}: exit {done.code}"
            if re.fullmatch(wanted, done.out if done.out.endswith("\n") or not done.out else f"{done.out}\n") is None:
                difference = difflib.unified_diff(command.shown, done.out.splitlines(), "README", "is", lineterm="")
                pytest.fail(f"README.md:{command.line}: $ {command.text}\n" + "\n".join(difference), pytrace=False)


def test_lab_files_of_the_readme_are_true(own: Machine) -> None:
    """Every lab file that the README shows passes on paper."""
    labs = [lines for _, lines in blocks("yaml") if lines[0].startswith("name: ")]

    assert labs
    for number, lines in enumerate(labs):
        done = own.netlab("check", "--paper", own.write(f"{number}.yaml", "\n".join(lines) + "\n"))

        assert done.code == 0, done
