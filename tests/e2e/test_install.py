"""`scripts/install` in a checkout of the test's own, whose pip only says that it was called."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"
NOBODY = 65534
PIP = """#!/bin/sh
here=$(dirname "$0")/../..
[ "$1" = install ] || exit 0
echo called >>"$here/calls"
dd if="$here/gate" bs=1 count=1 of=/dev/null 2>/dev/null
"""
"""Its `install` waits for one byte from the gate, a pipe."""


@dataclass(frozen=True)
class Checkout:
    """A checkout; ``gate`` is the pipe's descriptor."""

    folder: Path
    gate: int

    def install(self) -> subprocess.Popen[str]:
        """Begin to install, as nobody."""
        argv = [self.folder / "scripts/install"]
        if os.geteuid() != 0:
            return subprocess.Popen(argv, stderr=subprocess.PIPE, text=True)
        return subprocess.Popen(argv, stderr=subprocess.PIPE, text=True, user=NOBODY, group=NOBODY, extra_groups=[])

    def let_pip_go_on(self) -> None:
        """Let every call go on: there are three things to install."""
        os.write(self.gate, bytes(9))


@pytest.fixture
def checkout() -> Iterator[Checkout]:
    """A checkout that belongs to nobody, so that nothing of the machine can be changed from it."""
    folder = Path(tempfile.mkdtemp(prefix="netlab-install-"))
    gate = -1
    try:
        for name in ("scripts", ".venv/bin"):
            (folder / name).mkdir(parents=True)
        shutil.copy(SCRIPTS / "install", folder / "scripts")
        (folder / "pyproject.toml").write_text("[project]\n")
        for name in ("build", "requirements"):
            (folder / f"scripts/{name}.lock").write_text("thing==1\n")
        (folder / ".venv/.requirements.lock").write_text("thing==0\n")
        (folder / ".venv/bin/pip").write_text(PIP)
        (folder / ".venv/bin/pip").chmod(0o755)
        os.mkfifo(folder / "gate")
        gate = os.open(folder / "gate", os.O_RDWR)
        if os.geteuid() == 0:
            for path in (folder, *folder.rglob("*")):
                os.chown(path, NOBODY, NOBODY)
        yield Checkout(folder, gate)
    finally:
        if gate >= 0:
            os.close(gate)
        shutil.rmtree(folder)


def _said(process: subprocess.Popen[str]) -> str:
    assert process.stderr is not None
    return process.stderr.readline()


def test_a_second_call_waits_for_the_first_and_finds_its_work_done(checkout: Checkout) -> None:
    """Two first calls at once: pip is called once for each of the three things to install."""
    with checkout.install() as first:
        assert "installing Python packages of scripts/build.lock" in _said(first)
        with checkout.install() as second:
            said = _said(second)
            checkout.let_pip_go_on()
            first.communicate()
            assert second.communicate()[1] == ""

    assert said == "netlab: waiting for another scripts/install of this checkout\n"
    assert (first.returncode, second.returncode) == (0, 0)
    assert (checkout.folder / "calls").read_text() == "called\n" * 3


def test_a_call_alone_does_not_wait(checkout: Checkout) -> None:
    """Nor does the next one, which has nothing to do."""
    said = []
    for _ in range(2):
        checkout.let_pip_go_on()
        with checkout.install() as process:
            said.append(process.communicate()[1])
        assert process.returncode == 0

    assert [text.count("installing Python packages") for text in said] == [2, 0]
    assert "waiting" not in said[0]
    assert said[1] == ""
