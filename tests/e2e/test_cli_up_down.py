"""`netlab up`, `down`, `status`: what they say, what they leave, and that status is true at every moment."""

import itertools
import json
import os
import pty
import re
import time

from netlab_machine import NETLAB, STATEFUL, Machine, wait_until

STATEFUL_NAMESPACES = [
    ":igw",
    ":internet",
    ":vpc",
    "ec2",
    "ec2:eth0",
    "laptop",
    "stranger",
    "www.alphavantage.co",
]


def test_up_without_argument_builds_the_article_and_proves_it(own: Machine) -> None:
    """Picture, nine rows, four stories, three suggestions; plain text in a pipe, progress on standard error."""
    done = own.netlab("up")

    assert (done.code, done.err) == (0, "netlab: building stateful\n")
    assert "ec2 10.0.1.10 = 3.95.203.191" in done.out
    assert "stateful: 9 of 9 expectations and 4 of 4 stories as expected\n" in done.out
    assert len(re.findall(r"^ok .*: (?:delivered|lost)$", done.out, re.MULTILINE)) == 9
    assert len(re.findall(r"^ok +story: ", done.out, re.MULTILINE)) == 4
    assert len(re.findall(r"^  sudo netlab ", done.out.partition("Try next:")[2], re.MULTILINE)) == 3
    assert "\x1b" not in done.out
    assert [line for line in done.out.splitlines() if len(line) > 80] == []


def test_every_row_names_its_rule_or_its_gate(article: Machine) -> None:
    """What `up` prints below a row is the gate, and the rule where one admitted it."""
    lines = article.ok("check", "stateful").splitlines()
    told = dict(itertools.pairwise(lines))

    assert "card ec2 ingress, sgr-ssh (tcp/22" in told["ok        laptop to ec2 tcp/22: delivered"]
    assert "card ec2 ingress: no rule admits it" in told["ok        laptop to ec2 tcp/80: lost"]


def test_up_on_a_terminal_shows_progress_and_colour(own: Machine) -> None:
    """The progress is one line that goes away; no line is wider than 80 columns; status words have colour."""
    master, slave = pty.openpty()
    pid = os.posix_spawnp(
        "nsenter",
        own.argv("env", "TERM=xterm", "COLUMNS=80", str(NETLAB), "up"),
        dict(os.environ),
        file_actions=[(os.POSIX_SPAWN_DUP2, slave, number) for number in (0, 1, 2)],
    )
    os.close(slave)
    said = b""
    try:
        while piece := os.read(master, 65536):
            said += piece
    except OSError:  # the other end is closed: the command has ended
        pass
    os.close(master)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    text = said.decode()
    shown = text.rpartition("\x1b[2K")[2]
    plain = re.sub(r"\x1b\[[0-9;]*m", "", shown)

    assert code == 0, text
    assert "netlab: building stateful: keys and certificates" in text
    assert "netlab: building" not in shown
    assert "\x1b[32m\x1b[1mok\x1b[0m" in shown
    assert [line for line in plain.splitlines() if len(line) > 80] == []


def test_up_again_says_so(article: Machine) -> None:
    """A second `up` with the same file does nothing and says so."""
    done = article.netlab("up")

    assert (done.code, done.out) == (0, "stateful is up already; nothing to do\n")


def test_up_with_changed_rules_applies_them_live(own: Machine) -> None:
    """An edited group is applied to the running lab, in place; what was changed is said. The topology is not."""
    without_proof = STATEFUL.partition("expect:")[0]
    own.ok("up", own.write("lab.yaml", without_proof))
    before = own.ok("probe", "laptop", "ec2", "tcp/443")
    identity = own.run("stat", "--format=%i", "/run/netns/netlab:stateful:ec2").out
    rule = "      - {tcp: 443, from: 0.0.0.0/0, id: sgr-web}\n    egress:"
    own.write("lab.yaml", without_proof.replace("    egress:", rule, 1))
    done = own.netlab("up", "lab.yaml")
    after = own.ok("probe", "laptop", "ec2", "tcp/443")

    assert (done.code, done.out.startswith("stateful is up; changed live:\n")) == (0, True), done
    assert "tcp/443 from 0.0.0.0/0" in done.out
    assert (before.split()[0], after.split()[0]) == ("lost", "delivered")
    assert identity == own.run("stat", "--format=%i", "/run/netns/netlab:stateful:ec2").out

    own.write("lab.yaml", without_proof.replace("stranger: {ip: 192.0.2.66}", "stranger: {ip: 192.0.2.67}"))
    refused = own.netlab("up", "lab.yaml")

    assert refused.code == 2
    assert "topology has changed" in refused.only_line
    assert "stranger" in refused.only_line
    assert "netlab down stateful" in refused.only_line
    assert after == own.ok("probe", "laptop", "ec2", "tcp/443")


def test_down_removes_everything(own: Machine) -> None:
    """Namespaces, processes, state and lock are gone."""
    own.ok("up", own.write("lab.yaml", STATEFUL.replace("name: stateful", "name: e2e-down").partition("expect:")[0]))
    up = own.traces("e2e-down")
    said = own.ok("down")

    assert [each for each in up if each.startswith("netns/")] == sorted(
        f"netns/netlab:e2e-down:{name}" for name in STATEFUL_NAMESPACES
    )
    assert [each for each in up if each.startswith("process")]
    assert (said, own.traces("e2e-down")) == ("e2e-down is down\n", [])


def test_down_takes_less_than_a_second(own: Machine) -> None:
    """The whole command, Python's start included; the best of three, since other tests run beside this one."""
    lab = own.write("lab.yaml", STATEFUL.partition("expect:")[0])
    times_s = []
    while len(times_s) < 3 and not any(took_s < 1.0 for took_s in times_s):
        own.ok("up", lab)
        began_s = time.monotonic()
        own.ok("down")
        times_s.append(time.monotonic() - began_s)

    assert min(times_s) < 1.0


def test_down_of_nothing(own: Machine) -> None:
    """Without any lab, or of a name that is none, `down` says so in one line and fails; `--all` is content."""
    nothing, unknown, everything = own.netlab("down"), own.netlab("down", "nolab"), own.netlab("down", "--all")

    assert (nothing.code, nothing.only_line) == (2, "netlab: no lab is running; begin with: sudo netlab up")
    assert (unknown.code, unknown.only_line) == (2, "netlab: lab 'nolab' is not running; no lab is running")
    assert (everything.code, everything.out) == (0, "no lab is running\n")
    assert own.traces() == []


def test_status_is_true_at_every_moment(own: Machine) -> None:
    """Nothing, busy while it is being built, up, changed by somebody's hand, busy while it goes, nothing."""

    def conditions() -> list[tuple[str, str]]:
        return [(lab["lab"], lab["condition"]) for lab in json.loads(own.ok("status", "--json"))["labs"]]

    assert (own.ok("status"), conditions()) == ("no lab is running\n", [])

    for _ in range(5):  # on a busy machine one look may take as long as the whole of `up`
        building = own.start("up")
        seen = []
        while building.poll() is None:
            seen.append(conditions())
        building.communicate()

        assert building.returncode == 0
        assert [each for each in seen[:-1] if each not in ([], [("stateful", "busy")])] == []
        if [("stateful", "busy")] in seen:
            break
        own.ok("down")

    assert [("stateful", "busy")] in seen

    status = json.loads(own.ok("status", "--json"))["labs"][0]

    assert (
        status["condition"],
        status["source"],
        status["namespaces"],
        status["differences"],
    ) == ("up", "stateful", STATEFUL_NAMESPACES, [])
    assert status["nodes"] == ["ec2", "laptop", "www.alphavantage.co", "stranger"]
    assert "stateful: up from stateful; 8 namespaces\n" in own.ok("status")

    own.run_in("stateful:ec2:eth0", "iptables-legacy", "-w", "-I", "FORWARD", "-j", "ACCEPT")

    assert conditions() == [("stateful", "changed")]
    assert "differs: ec2:eth0: table filter (IPv4): chain FORWARD" in own.ok("status")

    going = own.start("down")
    seen = []
    while going.poll() is None:
        seen.append(conditions())

    assert [each for each in seen if each not in ([], [("stateful", "busy")], [("stateful", "changed")])] == []
    assert (own.ok("status"), conditions()) == ("no lab is running\n", [])


def test_status_names_what_was_deleted_by_hand(own: Machine) -> None:
    """What runs is read from the kernel: a namespace that somebody deleted is missing, not up."""
    own.ok("up", own.write("lab.yaml", STATEFUL.partition("expect:")[0]))
    own.run("ip", "netns", "delete", "netlab:stateful:stranger")

    assert "stateful: changed" in own.ok("status")
    assert "differs: stranger: not found\n" in own.ok("status")
    assert own.ok("down") == "stateful is down\n"
    assert own.traces() == []


def test_two_labs_are_told_apart_by_name(own: Machine) -> None:
    """With two labs running, a command says which there are; with the name it works on the right one."""
    bare = STATEFUL.partition("expect:")[0]
    for name in ("one", "two"):
        own.ok("up", own.write(f"{name}.yaml", bare.replace("name: stateful", f"name: {name}")))
    own.ok("authorize", "--lab", "two", "web", "ingress", "tcp/443", "from", "0.0.0.0/0")
    which = own.netlab("probe", "laptop", "ec2", "tcp/443")

    assert (which.code, which.only_line) == (2, "netlab: running: one, two; say which, by its name")
    assert own.ok("probe", "--lab", "one", "laptop", "ec2", "tcp/443").startswith("lost")
    assert own.ok("probe", "--lab", "two", "laptop", "ec2", "tcp/443").startswith("delivered")

    assert own.ok("down", "one") == "one is down\n"
    assert own.ok("down", "--all") == "two is down\n"


def test_down_waits_for_whoever_builds(own: Machine) -> None:
    """`down NAME` while `up` is at work ends with nothing there, whichever of the two was first."""
    building = own.start("up")
    wait_until(lambda: "netlab/.locks/stateful" in own.traces(), "up holds its lock")
    done = own.netlab("down", "stateful")
    building.communicate()

    assert (done.code, done.out, building.returncode) == (0, "stateful is down\n", 0)
    assert own.traces() == []
