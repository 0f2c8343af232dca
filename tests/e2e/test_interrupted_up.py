"""`up` ended from outside, at any moment: by Ctrl-C it leaves nothing; by kill -9, the next `down` leaves nothing."""

import signal
import subprocess
import time
from collections.abc import Iterator

import pytest
from netlab_machine import PATIENCE_S, STATEFUL, Machine, machine

MOMENTS = [0.0, 0.12, 0.25, 0.37, 0.5, 0.62, 0.75, 0.83, 0.91, 0.97]
"""Parts of the time that `up` takes, from its first step to its last."""

SIGNALS = [(signal.SIGINT, 130, part) for part in MOMENTS] + [(signal.SIGTERM, 143, part) for part in (0.3, 0.6, 0.9)]

_QUICK = STATEFUL.partition("stories:")[0]


@pytest.fixture(scope="module")
def up_s(tmp_path_factory: pytest.TempPathFactory) -> Iterator[float]:
    """Hand over how long `up` takes here and now."""
    with machine(tmp_path_factory.mktemp("calibration")) as made:
        lab = made.write("lab.yaml", _QUICK)
        began_s = time.monotonic()
        made.ok("up", lab)
        yield time.monotonic() - began_s


def begun(own: Machine, lab: str) -> subprocess.Popen[str]:
    """Start `up` of a lab of this name, which is found in its processes' files; return it when it has begun."""
    return own.start("up", own.write("lab.yaml", _QUICK.replace("name: stateful", f"name: {lab}")))


def let_run(process: subprocess.Popen[str], part: float, up_s: float) -> bool:
    """Let a command run for a part of the time it takes; True = it has not ended by itself."""
    try:
        process.wait(timeout=0.05 + part * (up_s - 0.05))
    except subprocess.TimeoutExpired:
        return True
    return False


@pytest.mark.parametrize(("number", "code", "part"), SIGNALS)
def test_interrupted(own: Machine, up_s: float, part: float, number: signal.Signals, code: int) -> None:
    """One line, the signal's exit code, and nothing left: no namespace, no process, no state. Twice is once."""
    lab = f"e2e-int-{number}-{int(part * 100)}"
    building = begun(own, lab)
    if not let_run(building, part, up_s):
        assert building.returncode == 0, "it was quicker than measured, and is whole"

        return
    building.send_signal(number)
    building.send_signal(number)
    out, err = building.communicate(timeout=PATIENCE_S)
    if building.returncode == 0:
        assert f"{lab}: 9 of 9 expectations" in out, "the signal came when all was done"

        return
    lines = [line for line in err.splitlines() if line != f"netlab: building {lab}"]

    assert (building.returncode, lines) == (code, ["netlab: interrupted"]), err
    assert own.traces(lab) == []
    assert own.ok("status") == "no lab is running\n"


@pytest.mark.parametrize(("part", "again"), [(part, bool(index % 2)) for index, part in enumerate(MOMENTS)])
def test_killed(own: Machine, up_s: float, part: float, again: bool) -> None:
    """After kill -9 `status` says so, `down` leaves nothing behind; without it, the next `up` works all the same."""
    lab = f"e2e-kill-{int(part * 100)}"
    building = begun(own, lab)
    if not let_run(building, part, up_s):
        assert building.returncode == 0

        return
    building.kill()
    building.communicate(timeout=PATIENCE_S)
    left = own.traces(lab)
    status = own.ok("status")

    if any(each.startswith("netns/") for each in left) and f"{lab}: up" not in status:
        assert f"{lab}: half-built" in status
        assert own.netlab("probe", "--lab", lab, "laptop", "ec2", "tcp/22").code == 2
    if again:
        said = own.netlab("up", "lab.yaml")

        assert (said.code, any(words in said.out for words in ("9 of 9 expectations", "is up already"))) == (0, True), (
            said
        )
        assert len([each for each in own.traces() if each.startswith("netns/")]) == 8
    done = own.netlab("down", lab)

    assert done.code == (0 if left or again else 2), (left, done)
    assert own.traces(lab) == []


def test_check_interrupted(own: Machine) -> None:
    """A throw-away lab of `check` goes the same way."""
    checking = own.start("check", "stateful")
    assert checking.stdout is not None
    checking.stdout.readline()  # its first row was played: the lab is there
    checking.send_signal(signal.SIGINT)
    checking.communicate(timeout=PATIENCE_S)

    assert checking.returncode == 130
    assert own.traces() == []


def test_a_shell_in_a_node_is_not_ended_by_ctrl_c(article: Machine) -> None:
    """Ctrl-C is the program's there: what it makes of it counts."""
    running = article.start("exec", "ec2", "--", "bash", "-c", "trap 'echo caught; exit 9' INT; echo ready; read")
    assert running.stdout is not None
    assert running.stdout.readline() == "ready\n"
    (shell,) = children_with("trap 'echo caught")
    subprocess.run(["kill", "-INT", str(shell), str(running.pid)], check=True)
    out = running.communicate(timeout=PATIENCE_S)[0]

    assert (running.returncode, out) == (9, "caught\n")


def children_with(words: str) -> list[int]:
    """Return the shells whose command line holds words, not those who started them."""
    found = subprocess.run(["pgrep", "--full", f"^bash -c {words}"], capture_output=True, text=True, check=False)
    return [int(line) for line in found.stdout.split()]
