"""`netlab selftest`, the command: what it prints, and how it ends."""

from pathlib import Path

import pytest
from agreement_ground import covering_labs
from click.testing import CliRunner

from netlab.check.selftest_tally import Tally
from netlab.cli.selftest import selftest
from netlab.model.stories import ChangeStep
from netlab.model.verdicts import Reason


def test_the_selftest_says_what_was_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The seed to repeat it, verdicts by driver, what occurred; no wider than a terminal; exit 0, and no file left."""
    monkeypatch.chdir(tmp_path)
    ended = CliRunner().invoke(selftest, ["--seed", "3", "--seconds", "1"])
    lines = ended.stdout.splitlines()

    assert ended.exit_code == 0, ended.output
    assert lines[0] == "netlab selftest --seed 3 --seconds 1"
    assert [line.split()[:3] for line in lines if "agree" in line][:2] == [
        ["covering", "set", "python-iptables"],
        ["covering", "set", "iptables-nft"],
    ]
    assert all(any(line.startswith(reason.name) for line in lines) for reason in Reason)
    assert lines[-1] == "no disagreement"
    assert max(map(len, lines)) <= 80
    assert list(tmp_path.iterdir()) == []


def test_what_does_not_occur_is_missed() -> None:
    """An empty tally lacks everything; a change that was counted is not missing any more."""
    tally = Tally()
    lacking = tally.missing()
    steps = [step for lab in covering_labs() for story in lab.stories for step in story.steps]
    changes = [step for step in steps if isinstance(step, ChangeStep)]
    for step in changes:
        tally.note_change(step.change, refused=bool(step.refused))

    assert {"reason RELATED", "protocol gre", "peer self", "change attach", "change refused"} <= set(lacking)
    assert [each for each in tally.missing() if each.startswith("change")] == []
