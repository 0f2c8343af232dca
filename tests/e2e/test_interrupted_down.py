"""A take-down that is interrupted goes to its end all the same: the signal counts afterwards."""

import signal
import subprocess
import time

import pytest
from netlab_machine import PATIENCE_S, STATEFUL, Machine

BARE = STATEFUL.partition("expect:")[0]
ONE_ROW = BARE + "expect:\n  - {from: laptop, to: ec2, tcp: 22, seen: delivered}\n"

SIGNALS = [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]


def signal_as_it_goes(own: Machine, command: subprocess.Popen[str], number: signal.Signals) -> tuple[int, str]:
    """Send a signal when the first of a lab's eight namespaces has gone; return the exit code and what was said."""
    most = now = 0
    deadline = time.monotonic() + PATIENCE_S
    while most < 8 or now == most:
        now = sum(path.name.startswith("netlab:") for path in own.names.iterdir())
        most = max(most, now)

        assert time.monotonic() < deadline
        assert command.poll() is None or most == 8

    command.send_signal(number)
    return command.wait(timeout=PATIENCE_S), command.communicate()[1]


@pytest.mark.parametrize(("number", "code"), SIGNALS * 2)
def test_check_is_interrupted_while_it_takes_down(own: Machine, number: signal.Signals, code: int) -> None:
    """Nothing of the throw-away lab stays, and the command says how it ended (0: the signal came when all was done)."""
    checking = own.start("check", own.write("lab.yaml", ONE_ROW))
    found, said = signal_as_it_goes(own, checking, number)

    assert found in {0, code}, said
    assert own.traces() == []


@pytest.mark.parametrize(("number", "code"), SIGNALS)
def test_down_is_interrupted(own: Machine, number: signal.Signals, code: int) -> None:
    """The same for the take-down that a user asked for."""
    own.ok("up", own.write("lab.yaml", BARE))
    found, said = signal_as_it_goes(own, own.start("down"), number)

    assert found in {0, code}, said
    assert own.traces() == []
