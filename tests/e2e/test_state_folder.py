"""What commands leave on disk between them: nobody's folder but their own, readable or left aside, locks apart."""

import subprocess
import sys
from contextlib import ExitStack

import pytest
from netlab_machine import CHECKOUT, PATIENCE_S, STATEFUL, Machine

BARE = STATEFUL.partition("expect:")[0]


def _named(lab: str) -> str:
    return BARE.replace("name: stateful", f"name: {lab}")


@pytest.mark.parametrize("name", ["{folder}/x", "../..{folder}/x", "..", ".", "", "a/b", ".locks", "-x", "a" * 300])
def test_down_touches_no_folder_but_a_labs(own: Machine, name: str) -> None:
    """A name that is none is refused, also where a file beside it looks like its lock; only our own folder tempts."""
    name = name.format(folder=own.folder)
    (own.folder / "x").mkdir()
    (own.folder / "x.lock").touch()
    done = own.netlab("down", "--", name)

    assert (done.code, (own.folder / "x").is_dir()) == (2, True), done
    assert "found no lab's name" in done.only_line


def test_names_that_end_like_locks(own: Machine) -> None:
    """The labs `a` and `a.lock` run side by side, and each goes alone."""
    for name in ("a.lock", "a", "state"):
        own.ok("up", own.write(f"{name}.yaml", _named(name)))

    assert own.ok("status").count(": up from ") == 3
    assert own.ok("down", "a") == "a is down\n"
    assert own.ok("status").count(": up from ") == 2
    assert own.ok("down", "--all") == "a.lock is down\nstate is down\n"
    assert own.traces() == []


_DAMAGES = {
    "cut short": "truncate --size=-9 state",
    "empty": "truncate --size=0 state",
    "another format": "sed -i '1s/state [0-9]*/state 0/' state",
    "another shape": "sed -i '1s/state \\([0-9]*\\) [0-9a-f]*/state \\1 0123456789abcdef/' state",
    "an older netlab's": "sed -i 1d state",
    "one byte": "printf '\\377' | dd of=state bs=1 seek=400 conv=notrunc",
    "text": "echo 'I am no pickle' > state",
    "a pickle of nothing": "printf 'X\\377\\377\\377\\377' > state",
    "a folder": "rm state; mkdir state",
}


def test_a_damaged_state_stops_neither_status_nor_down(own: Machine) -> None:
    """Whatever the file holds: `status` says half-built, a question says so in one line, `up` and `down` work."""
    lab = own.write("lab.yaml", BARE)
    own.ok("up", lab)
    own.run("cp", "/run/netlab/stateful/state", str(own.folder))
    for name, damage in _DAMAGES.items():
        own.run("rm", "-rf", "/run/netlab/stateful/state")
        own.run("cp", str(own.folder / "state"), "/run/netlab/stateful/state")

        assert own.ok("status").startswith("stateful: up"), name
        assert own.run("sh", "-c", f"cd /run/netlab/stateful && {damage}").code == 0, name
        assert own.ok("status") == "stateful: half-built; 8 namespaces\n", name
        assert own.netlab("probe", "--lab", "stateful", "laptop", "ec2", "tcp/22").code == 2, name
    own.ok("up", lab)

    assert own.ok("status").startswith("stateful: up")

    own.run("sh", "-c", "echo damaged > /run/netlab/stateful/state")

    assert own.ok("down") == "stateful is down\n"
    assert own.traces() == []


def test_down_all_sweeps_locks_that_nobody_holds(own: Machine) -> None:
    """A killed command's lock goes; one that is held stays, and so does a running lab's."""
    own.run("mkdir", "-p", "/run/netlab/.locks")
    own.run("touch", "/run/netlab/.locks/killed", "/run/netlab/.locks/held")
    with ExitStack() as stack:
        holder = _holding(own, stack, "--exclusive", "held")

        assert own.ok("down", "--all") == "no lab is running\n"
        assert own.traces() == ["netlab/.locks/held"]

        holder.communicate()

    assert own.ok("down", "--all") == "no lab is running\n"
    assert own.traces() == []


def test_who_looks_is_not_ended_by_down(own: Machine) -> None:
    """While somebody looks into a lab's namespaces `down` waits; while it goes, nobody looks into them."""
    own.ok("up", own.write("lab.yaml", BARE))
    with ExitStack() as stack:
        looking = _holding(own, stack, "--shared", "stateful")

        assert own.ok("status").startswith("stateful: up"), "two may look"

        going = own.start("down")
        with pytest.raises(subprocess.TimeoutExpired):
            going.wait(timeout=1.5)
        looking.communicate()

        assert (going.communicate(timeout=PATIENCE_S)[0], going.returncode) == ("stateful is down\n", 0)
    own.ok("up", "lab.yaml")
    with ExitStack() as stack:
        _holding(own, stack, "--exclusive", "stateful")

        assert own.ok("status").startswith("stateful: busy")
    assert own.ok("status").startswith("stateful: up")


def test_status_beside_down(own: Machine) -> None:
    """Commands that only read live through a `down` at any moment of theirs."""
    own.ok("up", own.write("lab.yaml", BARE))
    readers = [own.start("status", "--json") for _ in range(6)]
    own.ok("down")
    codes = [(reader.communicate(timeout=PATIENCE_S)[1], reader.returncode) for reader in readers]

    assert codes == [("", 0)] * 6


_CUT_SHORT = """
import os, sys
from netlab.live import lab
from netlab.model.changes import Authorize
from netlab.model.notation import parse_rule
from netlab.model.rules import Direction

with lab.attached("stateful") as wire:
    def die(_):
        os._exit(9)
    if sys.argv[1] == "before":
        intend = wire._intend
        wire._intend = lambda words: (intend(words), die(words))
    else:
        wire._remember = die
    rule = parse_rule("tcp/443 from web", Direction.INGRESS)
    wire.change(Authorize("web", Direction.INGRESS, (rule,)))
"""


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("then", [("authorize", "web", "ingress", "tcp/80", "from", "web"), ("up", "lab.yaml")])
def test_a_change_that_was_killed_is_brought_to_its_end(own: Machine, moment: str, then: tuple[str, ...]) -> None:
    """Killed before or after the kernel's part, with a set that is new: `status` says so, the next command mends it."""
    own.ok("up", own.write("lab.yaml", BARE))
    killed = own.run("env", f"--chdir={CHECKOUT}", sys.executable, "-c", _CUT_SHORT, moment)

    assert killed.code == 9, killed
    assert own.ok("status").startswith("stateful: changed")
    assert "differs: a change of it was cut short" in own.ok("status")

    said = own.ok(*then)

    assert own.ok("status").startswith("stateful: up"), said
    assert "443" in own.ok("show", "ec2", "rules")
    assert "nothing changes" not in said
    assert ("differs from its file" in said) == (then[0] == "up")


def test_an_up_that_was_killed_while_it_changed(own: Machine) -> None:
    """The same `up` again ends with the file in the kernel, and says what was changed."""
    own.ok("up", own.write("lab.yaml", BARE))
    rule = "      - {tcp: 443, from: web, id: sgr-peers}\n    egress:"
    own.write("lab.yaml", BARE.replace("    egress:", rule, 1))
    killed = own.run("env", f"--chdir={CHECKOUT}", sys.executable, "-c", _UP_CUT_SHORT, str(own.folder / "lab.yaml"))

    assert killed.code == 9, killed

    said = own.ok("up", "lab.yaml")

    assert "changed live:\n" in said
    assert "tcp/443 from web" in said
    assert own.ok("status").startswith("stateful: up")
    assert own.ok("up", "lab.yaml") == "stateful is up already; nothing to do\n"


_UP_CUT_SHORT = """
import os, sys, netlab
from netlab.kernel import machine
from netlab.live import lab

class Dies(lab.LiveWire):
    def become(self, words):
        self._remember = lambda _: os._exit(9)
        super().become(words)

lab.LiveWire = Dies
with lab.bring_up(netlab.load(sys.argv[1]), "lab.yaml"):
    pass
"""


def _holding(own: Machine, stack: ExitStack, how: str, lab: str) -> subprocess.Popen[str]:
    """Hold a lab's lock until the standard input ends."""
    script = f"exec flock {how} /run/netlab/.locks/{lab} sh -c 'echo held; exec cat'"
    holder = subprocess.Popen(
        own.argv("sh", "-c", script), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    )
    stack.callback(lambda: holder.poll() is None and holder.communicate())
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"

    return holder
