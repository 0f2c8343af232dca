"""`netlab check`: what it says of success and failure, as text, JSON and JUnit, and what it leaves."""

import json
from xml.etree import ElementTree as ET

from netlab_machine import STATEFUL, Machine

_LAB = (
    STATEFUL.partition("expect:")[0]
    + """\
expect:
  - {from: laptop, to: ec2, tcp: 22, seen: delivered, by: sgr-ssh}
  - {from: laptop, to: ec2, tcp: 80, seen: SEEN}
stories:
  a story of one step:
    - {open: login, from: laptop, to: ec2, tcp: 22, seen: delivered}
"""
)
RIGHT, WRONG = _LAB.replace("SEEN", "lost"), _LAB.replace("SEEN", "delivered").replace("name: stateful", "name: wrong")


def test_success_and_failure(own: Machine) -> None:
    """As expected is exit 0; one row that is not makes it 1, and says what was expected and observed, and where."""
    right = own.netlab("check", own.write("right.yaml", RIGHT))
    wrong = own.netlab("check", own.write("wrong.yaml", WRONG))

    assert (right.code, right.err) == (0, "")
    assert "stateful: 2 of 2 expectations and 1 of 1 stories as expected\n" in right.out
    assert (wrong.code, wrong.err) == (1, "")
    assert "FAILED    laptop to ec2 tcp/80\n          expected   delivered\n          observed   lost\n" in wrong.out
    assert "dropped at card ec2 ingress\n" in wrong.out
    assert "wrong: 1 of 2 expectations and 1 of 1 stories as expected\n" in wrong.out
    assert own.traces() == []


def test_json_is_one_document_a_lab(own: Machine) -> None:
    """Each lab's document stands on a line of its own, with each row as it was written and as it was observed."""
    done = own.netlab("check", "--json", own.write("right.yaml", RIGHT), own.write("wrong.yaml", WRONG))
    right, wrong = (json.loads(line) for line in done.out.splitlines())

    assert (done.code, done.err) == (1, "")
    assert (right["lab"], right["ok"], wrong["lab"], wrong["ok"]) == ("stateful", True, "wrong", False)
    assert [row["ok"] for row in wrong["expect"]] == [True, False]
    assert wrong["expect"][1]["observed"]["seen"] == "lost"
    assert wrong["expect"][1]["observed"]["verdict"]["gate"] == "card ec2 ingress"
    assert [(story["name"], story["ok"], len(story["steps"])) for story in wrong["stories"]] == [
        ("a story of one step", True, 1)
    ]


def test_junit_is_what_ci_reads(own: Machine) -> None:
    """A case a row and a story, the failure told in it."""
    done = own.netlab("check", "--paper", "--junit", "report.xml", own.write("wrong.yaml", WRONG))
    cases = list(ET.parse(own.folder / "report.xml").getroot().iter("testcase"))  # noqa: S314 - our own file

    assert done.code == 1
    assert len(cases) == 3
    assert [case.get("name") for case in cases if case.find("failure") is not None] == ["laptop to ec2 tcp/80"]


def test_some_rows_by_name(own: Machine) -> None:
    """`-k` plays what holds the words, of rows and stories, case aside."""
    said = own.ok("check", own.write("right.yaml", RIGHT), "-k", "TCP/80")

    assert "stateful: 1 of 1 expectations as expected\n" in said
    assert "story" not in said


def test_a_failed_lab_may_stay(own: Machine) -> None:
    """`--keep` leaves a lab up in which something failed, says its name, and leaves none that passed."""
    done = own.netlab("check", "--keep", own.write("right.yaml", RIGHT), own.write("wrong.yaml", WRONG))
    name = done.only_line.split()[1]

    assert done.code == 1
    assert done.only_line == f"netlab: {name} is left up; netlab down {name} ends it"
    assert name.startswith("wrong")
    assert [lab["lab"] for lab in json.loads(own.ok("status", "--json"))["labs"]] == [name]
    assert own.ok("probe", "laptop", "ec2", "tcp/80").startswith("lost")
    assert own.ok("down", name) == f"{name} is down\n"
    assert own.traces() == []


def test_all_built_in_labs_are_true(own: Machine) -> None:
    """What comes with netlab passes on this kernel, both minds in agreement."""
    names = own.ok("up", "--list").split()
    done = own.netlab("check", *(name for name in names if name != "timeouts"))

    assert "stateful" in names
    assert done.code == 0, done.out
    assert own.traces() == []
