"""What came of a lab as JSON, as plain lines and as JUnit: the same facts in the lab file's notation. DESIGN.md 5.5."""

from __future__ import annotations

import json
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network, IPv6Address
from xml.etree import ElementTree as ET

import pytest

from netlab.check import LabReport, Outcome, RowReport, Status, StepReport, StoryReport
from netlab.check.junit import to_junit
from netlab.check.report import observed_json, to_json
from netlab.check.text import lab_lines, observation_lines, row_lines, story_lines
from netlab.check.words import row_words
from netlab.model.changes import (
    AclEntryRequest,
    AddAclEntry,
    AddPrefix,
    Attach,
    Authorize,
    Change,
    RemoveAclEntry,
    RemovePrefix,
    Revoke,
    RuleRequest,
)
from netlab.model.packets import Packet
from netlab.model.rows import row_data
from netlab.model.rules import TCP, UDP, Direction, Ports, Rule, SecurityGroup, Traffic
from netlab.model.stories import (
    NO_FIELDS,
    ChangeStep,
    ErrorStep,
    Expectation,
    Fields,
    OpenStep,
    PacketStep,
    Question,
    Step,
    Story,
    TableStep,
    WaitStep,
    Wanted,
)
from netlab.model.topology import Lab, Vpc
from netlab.model.verdicts import Decision, Passage, Reason, Seen, Sight, Transit, why
from netlab.model.wire import Observation

IN, OUT = Direction.INGRESS, Direction.EGRESS
SSH = Rule("sgr-ssh", IN, Traffic(TCP, Ports(22, 22)), IPv4Network("0.0.0.0/0"))
LAB = Lab("unit", Vpc(IPv4Network("10.0.0.0/16")), {}, groups={"web": SecurityGroup("web", (SSH,))})
PACKET = Packet(IPv4Address("198.51.100.7"), IPv4Address("203.0.113.10"), TCP, 40000, 22, "S")
TRAIL = (Sight("laptop eth0", PACKET), Sight("card ec2 ingress", replace(PACKET, dst=IPv4Address("10.0.1.10"))))
ADMITTED = Passage("card ec2 ingress", Decision.ALLOW, Reason.UNTRACKED, "sgr-ssh")
DROPPED = Passage("card ec2 ingress", Decision.DENY, Reason.NO_RULE)
BY_ACL = Passage("acl strict ingress", Decision.DENY, Reason.ACL, "100")


def _seen(seen: Seen, *passages: Passage, detail: str = "", disagreement: str = "") -> Observation:
    arrived = PACKET if seen is Seen.DELIVERED else None
    return Observation((Transit(PACKET, arrived, seen, passages, TRAIL, 0.0, detail, disagreement),))


DELIVERED, LOST = _seen(Seen.DELIVERED, ADMITTED), _seen(Seen.LOST, DROPPED)


def _row(port: int, seen: str) -> Expectation:
    return Expectation(Question("laptop", "ec2", TCP, port), Wanted(seen))


def _rule(protocol: str, first: int | None, last: int | None, peer: str = "web") -> RuleRequest:
    return RuleRequest(protocol, first, last, peer)


def _authorize(*rules: RuleRequest) -> ChangeStep:
    return ChangeStep(Authorize("web", IN, rules))


def _question(**changes: object) -> Expectation:
    return Expectation(replace(Question("a", "b", TCP, 22), **changes), Wanted("lost"))  # type: ignore[arg-type]


IPV6 = IPv6Address("2001:db8::1")
FIELDS = Fields("SA", 1, 2, IPv4Address("192.0.2.1"), 3000, df=True)
ROWS: list[tuple[Expectation | Step, dict[str, object], str]] = [
    # row or step                                ; as the lab file has it ; in one line
    (_question(), {"from": "a", "to": "b", "tcp": 22, "seen": "lost"}, "a to b tcp/22"),
    (
        _question(protocol=UDP, family=6),
        {"from": "a", "to": "b", "udp": 22, "family": 6, "seen": "lost"},
        "a to b udp/22 (IPv6)",
    ),
    (_question(real=True), {"from": "a", "to": "b", "tcp": 22, "real": True, "seen": "lost"}, "a to b tcp/22 (real)"),
    (
        _question(protocol=1, dport=None, icmp_type=8, icmp_code=0, family=4),
        {"from": "a", "to": "b", "icmp": 8, "seen": "lost"},
        "a to b icmp/8",
    ),
    (
        _question(protocol=58, dport=None, icmp_type=1, icmp_code=4, family=6),
        {"from": "a", "to": "b", "icmpv6": "1/4", "seen": "lost"},
        "a to b icmpv6/1/4",
    ),
    (_question(protocol=47, dport=None), {"from": "a", "to": "b", "protocol": "gre", "seen": "lost"}, "a to b gre"),
    (_question(protocol=99, dport=None), {"from": "a", "to": "b", "protocol": 99, "seen": "lost"}, "a to b 99"),
    (
        Expectation(Question("a", "b", TCP, 22), Wanted("lost", "x", "igw", "MTU")),
        {"from": "a", "to": "b", "tcp": 22, "seen": "lost", "by": "x", "at": "igw", "reason": "MTU"},
        "a to b tcp/22",
    ),
    (
        OpenStep("f", Question("a", "b", TCP, 22), Wanted("lost")),
        {"open": "f", "from": "a", "to": "b", "tcp": 22, "seen": "lost"},
        "open f: a to b tcp/22",
    ),
    (PacketStep("f", False, NO_FIELDS, Wanted("lost")), {"send": "f", "seen": "lost"}, "send f"),
    (PacketStep("f", True, NO_FIELDS, Wanted("lost")), {"reply": "f", "seen": "lost"}, "reply f"),
    (
        PacketStep("f", True, FIELDS, Wanted("lost")),
        {
            "reply": "f",
            "flags": "SA",
            "sport": 1,
            "dport": 2,
            "src": "192.0.2.1",
            "size": 3000,
            "df": True,
            "seen": "lost",
        },
        "reply f (flags SA, sport 1, dport 2, src 192.0.2.1, size 3000, df)",
    ),
    (
        ErrorStep("f", 3, 4, "a", "b", Wanted("lost")),
        {"error": "f", "type": "3/4", "from": "a", "to": "b", "seen": "lost"},
        "error f: 3/4 from a to b",
    ),
    (WaitStep(31), {"wait": "31s"}, "wait 31s"),
    (WaitStep(0.5), {"wait": "0.5s"}, "wait 0.5s"),
    (WaitStep(4320000), {"wait": "4320000s"}, "wait 4320000s"),
    (
        TableStep("ec2", ("a", "b"), ("c",)),
        {"table": "ec2", "holds": ["a", "b"], "lacks": ["c"]},
        "table ec2 holds a, b; lacks c",
    ),
    (TableStep("ec2", (), ("c",)), {"table": "ec2", "lacks": ["c"]}, "table ec2 lacks c"),
    (
        _authorize(_rule("tcp", 22, 22)),
        {"authorize": "web", "ingress": {"tcp": 22, "from": "web"}},
        "authorize web ingress tcp/22 from web",
    ),
    (
        ChangeStep(Revoke("web", OUT, (RuleRequest("-1", None, None, "0.0.0.0/0", "d", "i"),)), "X"),
        {
            "revoke": "web",
            "egress": {"protocol": "all", "to": "0.0.0.0/0", "description": "d", "id": "i"},
            "refused": "X",
        },
        "revoke web egress all to 0.0.0.0/0",
    ),
    (
        _authorize(_rule("6", 8000, 8080), _rule("udp", 0, 65535)),
        {"authorize": "web", "ingress": [{"tcp": "8000-8080", "from": "web"}, {"udp": "all", "from": "web"}]},
        "authorize web ingress tcp/8000-8080 from web and udp/all from web",
    ),
    (
        _authorize(_rule("icmp", 8, -1)),
        {"authorize": "web", "ingress": {"icmp": 8, "from": "web"}},
        "authorize web ingress icmp/8 from web",
    ),
    (
        _authorize(_rule("icmp", 3, 4)),
        {"authorize": "web", "ingress": {"icmp": "3/4", "from": "web"}},
        "authorize web ingress icmp/3/4 from web",
    ),
    (
        _authorize(_rule("58", -1, -1)),
        {"authorize": "web", "ingress": {"icmpv6": "all", "from": "web"}},
        "authorize web ingress icmpv6/all from web",
    ),
    (
        _authorize(_rule("50", None, None)),
        {"authorize": "web", "ingress": {"protocol": "esp", "from": "web"}},
        "authorize web ingress esp from web",
    ),
    (
        _authorize(_rule("99", None, None)),
        {"authorize": "web", "ingress": {"protocol": 99, "from": "web"}},
        "authorize web ingress 99 from web",
    ),
    (
        _authorize(_rule("x", 1, None)),
        {"authorize": "web", "ingress": {"protocol": "x", "from": "web"}},
        "authorize web ingress x from web",
    ),
    (
        _authorize(_rule("tcp", 22, None)),
        {"authorize": "web", "ingress": {"tcp": "22-", "from": "web"}},
        "authorize web ingress tcp/22- from web",
    ),
]
CHANGES: list[tuple[Change, dict[str, object], str]] = [
    (Attach("ec2", "", ("a", "b")), {"attach": "ec2", "security_groups": ["a", "b"]}, "attach ec2 a, b"),
    (Attach("ec2", "eth1", ()), {"attach": "ec2/eth1", "security_groups": []}, "attach ec2/eth1 no group"),
    (
        AddAclEntry("strict", IN, AclEntryRequest(50, "tcp", 22, 22, "0.0.0.0/0", "deny")),
        {"acl": "strict", "add": {"ingress": {"rule": 50, "tcp": 22, "from": "0.0.0.0/0", "action": "deny"}}},
        "acl strict add ingress 50 deny tcp/22 0.0.0.0/0",
    ),
    (
        RemoveAclEntry("strict", OUT, 50),
        {"acl": "strict", "remove": {"egress": {"rule": 50}}},
        "acl strict remove egress 50",
    ),
    (AddPrefix("offices", "c"), {"prefix_list": "offices", "add": "c"}, "prefix list offices add c"),
    (RemovePrefix("offices", "c"), {"prefix_list": "offices", "remove": "c"}, "prefix list offices remove c"),
]


@pytest.mark.parametrize(
    ("row", "data", "words"), [*ROWS, *((ChangeStep(change), data, words) for change, data, words in CHANGES)]
)
def test_a_row_or_step_is_repeated_in_the_lab_files_notation(
    row: Expectation | Step, data: dict[str, object], words: str
) -> None:
    """As the file's keys for JSON, and in one line for messages."""
    assert row_data(row) == data
    assert list(row_data(row)) == list(data)
    assert row_words(row) == words


OBSERVED = {
    "seen": "delivered",
    "verdict": {"decision": "ALLOW", "reason": "UNTRACKED", "rule": "sgr-ssh", "gate": "card ec2 ingress"},
    "passages": [{"decision": "ALLOW", "reason": "UNTRACKED", "rule": "sgr-ssh", "gate": "card ec2 ingress"}],
    "trail": [
        {"at": "laptop eth0", "packet": "198.51.100.7:40000 > 203.0.113.10:22 tcp S"},
        {"at": "card ec2 ingress", "packet": "198.51.100.7:40000 > 10.0.1.10:22 tcp S"},
    ],
}


def test_an_observation_says_what_was_seen_by_which_rule_and_where() -> None:
    """What went wrong and how minds differ is there only where there is something to say."""
    broken = _seen(Seen.BROKEN, detail="it vanished")
    disputed = _seen(Seen.DELIVERED, ADMITTED, disagreement="kernel: …; oracle: …")

    assert observed_json(DELIVERED) == OBSERVED
    assert observed_json(disputed) == {**OBSERVED, "disagreement": "kernel: …; oracle: …"}
    assert observed_json(broken)["detail"] == "it vanished"


STORY = Story("SSH <is> open", (OpenStep("a", Question("laptop", "ec2", TCP, 22), Wanted("delivered")), WaitStep(1)))
GOOD_STORY = StoryReport(
    STORY,
    (
        StepReport(STORY.steps[0], Outcome(Status.OK, (), DELIVERED, SSH)),
        StepReport(STORY.steps[1], Outcome(Status.OK)),
    ),
)
REFUSAL = ChangeStep(Authorize("db", IN, (_rule("tcp", 1, 1),)))
BAD_STORY = StoryReport(
    Story("refused", (REFUSAL,)),
    (
        StepReport(
            REFUSAL,
            Outcome(
                Status.FAILED,
                ("wanted accepted, found refused: InvalidGroup.NotFound",),
                refused="InvalidGroup.NotFound",
                detail="The security group 'db' does not exist",
            ),
        ),
    ),
)
GOOD_ROW = RowReport(_row(22, "delivered"), Outcome(Status.OK, (), DELIVERED, SSH))
BAD_ROW = RowReport(_row(80, "delivered"), Outcome(Status.FAILED, ("wanted delivered, found lost",), LOST))
BROKEN_ROW = RowReport(_row(7, "lost"), Outcome(Status.BROKEN, detail="no packet left"))
DISPUTED_ROW = RowReport(
    _row(8, "lost"), Outcome(Status.DISAGREE, (), LOST, detail="kernel: DENY NO_RULE; oracle: ALLOW RULE sgr-ssh")
)
GOOD = LabReport("unit", (GOOD_ROW,), (GOOD_STORY,))
BAD = LabReport("unit", (GOOD_ROW, BAD_ROW, BROKEN_ROW, DISPUTED_ROW), (GOOD_STORY, BAD_STORY))


def test_a_lab_is_one_document_with_each_row_and_step_repeated() -> None:
    """The shape of `netlab check --json`."""
    found = json.loads(json.dumps(to_json(GOOD)))

    assert found == {
        "lab": "unit",
        "expect": [
            {
                "from": "laptop",
                "to": "ec2",
                "tcp": 22,
                "seen": "delivered",
                "observed": OBSERVED,
                "status": "ok",
                "ok": True,
            }
        ],
        "stories": [
            {
                "name": "SSH <is> open",
                "ok": True,
                "steps": [
                    {
                        "open": "a",
                        "from": "laptop",
                        "to": "ec2",
                        "tcp": 22,
                        "seen": "delivered",
                        "observed": OBSERVED,
                        "status": "ok",
                        "ok": True,
                    },
                    {"wait": "1s", "observed": {}, "status": "ok", "ok": True},
                ],
            }
        ],
        "ok": True,
    }


def test_a_failed_row_or_step_says_in_json_what_was_wrong() -> None:
    """Complaints, details, disagreements and refusals stand under ``observed``."""
    found = to_json(BAD)
    observed = [row["observed"] for row in found["expect"]]
    step = found["stories"][1]["steps"][0]

    assert observed[1]["complaints"] == ["wanted delivered, found lost"]
    assert observed[2] == {"detail": "no packet left"}
    assert observed[3]["disagreement"] == "kernel: DENY NO_RULE; oracle: ALLOW RULE sgr-ssh"
    assert [row["status"] for row in found["expect"]] == ["ok", "FAILED", "BROKEN", "DISAGREE"]
    assert (step["observed"]["refused"], step["ok"], found["ok"]) == ("InvalidGroup.NotFound", False, False)


def test_a_table_says_in_json_what_it_holds_and_lacks() -> None:
    """Of the flows that were asked for."""
    step = TableStep("ec2", ("a", "b"), ("c",))
    story = StoryReport(Story("s", (step,)), (StepReport(step, Outcome(Status.FAILED, ("x",), held=("a", "c"))),))
    found = to_json(LabReport("unit", (), (story,)))

    assert found["stories"][0]["steps"][0]["observed"] == {"holds": ["a", "c"], "lacks": ["b"], "complaints": ["x"]}


def _lines(text: str) -> list[str]:
    return text.strip("\n").splitlines()


def test_a_row_as_expected_is_told_in_two_lines() -> None:
    """What was seen; and the gate, the rule behind it or the reason."""
    assert list(row_lines(GOOD_ROW)) == _lines("""
ok        laptop to ec2 tcp/22: delivered
          card ec2 ingress, sgr-ssh (tcp/22 from 0.0.0.0/0): no state is kept
""")
    lost = RowReport(_row(80, "lost"), Outcome(Status.OK, (), LOST))
    assert list(row_lines(lost)) == _lines("""
ok        laptop to ec2 tcp/80: lost
          card ec2 ingress: no rule admits it
""")
    by_acl = RowReport(_row(80, "lost"), Outcome(Status.OK, (), _seen(Seen.LOST, BY_ACL)))
    assert list(row_lines(by_acl)) == _lines("""
ok        laptop to ec2 tcp/80: lost
          acl strict ingress, entry 100: the network ACL denies it
""")
    no_card = RowReport(_row(80, "delivered"), Outcome(Status.OK, (), _seen(Seen.DELIVERED)))
    assert list(row_lines(no_card)) == _lines("""
ok        laptop to ec2 tcp/80: delivered
          no card is on the way
""")


def test_a_failed_row_shows_expected_and_observed_gate_reason_and_trail() -> None:
    """In the same notation, below each other."""
    assert list(row_lines(BAD_ROW)) == _lines("""
FAILED    laptop to ec2 tcp/80
          expected   delivered
          observed   lost
          dropped at card ec2 ingress
          reason     NO_RULE: no rule admits it
          trail      laptop eth0: 198.51.100.7:40000 > 203.0.113.10:22 tcp S
                     card ec2 ingress: 198.51.100.7:40000 > 10.0.1.10:22 tcp S
""")


def test_what_expected_and_observed_do_not_show_is_said_besides() -> None:
    """Seen as wanted, but by another rule than the one that was named."""
    row = Expectation(Question("laptop", "ec2", TCP, 22), Wanted("delivered", "sgr-web"))
    complaint = "wanted admitted by sgr-web, found sgr-ssh"
    lines = list(row_lines(RowReport(row, Outcome(Status.FAILED, (complaint,), DELIVERED, SSH))))

    assert lines[1:7] == _lines("""
          expected   delivered, by sgr-web
          observed   delivered
          passed     card ec2 ingress
          rule       sgr-ssh (tcp/22 from 0.0.0.0/0)
          reason     UNTRACKED: admitted by a rule; no state is kept
          because    wanted admitted by sgr-web, found sgr-ssh
""")


def test_a_broken_and_a_disputed_row_show_what_went_wrong() -> None:
    """The experiment's words, or both minds'."""
    assert list(row_lines(BROKEN_ROW)) == _lines("""
BROKEN    laptop to ec2 tcp/7
          expected   lost
          observed   nothing
          because    no packet left
""")
    assert list(row_lines(DISPUTED_ROW))[:6] == _lines("""
DISAGREE  laptop to ec2 tcp/8
          expected   lost
          observed   lost
          dropped at card ec2 ingress
          reason     NO_RULE: no rule admits it
          because    kernel: DENY NO_RULE; oracle: ALLOW RULE sgr-ssh
""")


def test_a_story_is_told_step_by_step_below_its_name() -> None:
    """Its status is that of the first step that is not ok."""
    assert list(story_lines(GOOD_STORY)) == _lines("""
ok        story: SSH <is> open
  ok        open a: laptop to ec2 tcp/22: delivered
            card ec2 ingress, sgr-ssh (tcp/22 from 0.0.0.0/0): no state is kept
  ok        wait 1s
""")
    assert list(story_lines(BAD_STORY)) == _lines("""
FAILED    story: refused
  FAILED    authorize db ingress tcp/1 from web
            expected   accepted
            observed   refused: InvalidGroup.NotFound: The security group 'db'
                         does not exist
""")


@pytest.mark.parametrize(
    ("step", "outcome", "expected", "observed"),
    [
        (replace(REFUSAL, refused="X"), Outcome(Status.FAILED, ("c",)), "refused: X", "accepted"),
        (REFUSAL, Outcome(Status.BROKEN, detail="d"), "accepted", "not carried out"),
        (
            TableStep("e", ("a",), ("b",)),
            Outcome(Status.FAILED, ("c",), held=("b",)),
            "holds a; lacks b",
            "holds b; lacks a",
        ),
        (TableStep("e", ("a",), ()), Outcome(Status.BROKEN, detail="d"), "holds a", "nothing"),
        (WaitStep(1), Outcome(Status.BROKEN, detail="d"), "time passes", "nothing"),
        (
            OpenStep("a", Question("a", "b", TCP, 1), Wanted("delivered", "r", "igw", "MTU")),
            Outcome(Status.FAILED, ("c",), Observation((*DELIVERED.transits, *LOST.transits))),
            "delivered, by r, at igw, reason MTU",
            "lost, packet 2 of the opening",
        ),
    ],
)
def test_every_kind_of_step_tells_what_was_expected_and_observed(
    step: Step, outcome: Outcome, expected: str, observed: str
) -> None:
    """Also those that send nothing."""
    lines = list(row_lines(StepReport(step, outcome)))

    assert lines[1] == f"          expected   {expected}"
    assert lines[2] == f"          observed   {observed}"


def test_an_expected_refusal_gives_the_message_of_aws() -> None:
    """The code in the first line, its text in the second."""
    step = replace(REFUSAL, refused="InvalidGroup.NotFound")
    outcome = Outcome(Status.OK, refused="InvalidGroup.NotFound", detail="The security group 'db' does not exist")

    assert list(row_lines(StepReport(step, outcome))) == _lines("""
ok        authorize db ingress tcp/1 from web: refused: InvalidGroup.NotFound
          The security group 'db' does not exist
""")


def test_a_lab_ends_with_how_many_were_as_expected() -> None:
    """Only what was played is counted."""
    only_rows, nothing = LabReport("unit", (GOOD_ROW,), ()), LabReport("unit", (), ())

    assert list(lab_lines(BAD))[-1] == "unit: 1 of 4 expectations and 1 of 2 stories as expected"
    assert list(lab_lines(only_rows))[-1] == "unit: 1 of 1 expectations as expected"
    assert list(lab_lines(nothing)) == ["unit: nothing as expected"]


def test_the_trail_of_what_went_well_is_told_when_asked_for() -> None:
    """And not otherwise."""
    assert "trail" not in "\n".join(lab_lines(GOOD))
    assert "\n".join(lab_lines(GOOD, verbose=True)).count("trail") == 2


def test_no_line_is_longer_than_eighty_columns() -> None:
    """Also with IPv6 addresses, long names and words without end."""
    packet = Packet(
        IPv6Address("2001:db8:0:101:abcd:ef01:2345:6789"), IPv6Address("2001:db8:0:102:abcd::1"), TCP, 40000, 22
    )
    sight = Sight("card an-instance-with-a-very-long-name-of-40-ch ingress", packet)
    transit = Transit(packet, None, Seen.LOST, (DROPPED,), (sight, sight))
    name = "x" * 100
    row = Expectation(Question(name, "y" * 40, TCP, 22), Wanted("delivered"))
    report = RowReport(row, Outcome(Status.FAILED, (f"wanted {name}",), Observation((transit,))))
    lines = [*row_lines(report), *story_lines(StoryReport(Story(name + " " + name, ()), ()))]

    assert max(map(len, lines)) <= 80


def test_a_probes_answer_is_told_with_gate_rule_reason_and_trail() -> None:
    """`netlab probe` has no expectation to hold it against."""
    assert list(observation_lines(DELIVERED, LAB)) == _lines("""
delivered
  gate       card ec2 ingress
  rule       sgr-ssh (tcp/22 from 0.0.0.0/0)
  reason     UNTRACKED: admitted by a rule; no state is kept
  trail      laptop eth0: 198.51.100.7:40000 > 203.0.113.10:22 tcp S
             card ec2 ingress: 198.51.100.7:40000 > 10.0.1.10:22 tcp S
""")
    assert list(observation_lines(_seen(Seen.LOST, BY_ACL), LAB))[:4] == _lines("""
lost
  gate       acl strict ingress
  rule       entry 100
  reason     ACL: the network ACL denies it
""")
    assert list(observation_lines(_seen(Seen.BROKEN, detail="it vanished"), LAB))[:2] == _lines("""
broken
  broken     it vanished
""")
    assert "  disagree   both sides" in list(
        observation_lines(_seen(Seen.LOST, DROPPED, disagreement="both sides"), LAB)
    )
    assert list(observation_lines(_seen(Seen.DELIVERED), LAB))[1] == "  gate       none on its way"


REASONS = [
    # gate              ; decision     ; reason        ; what reports say
    ("acl strict ingress", Decision.DENY, Reason.ACL, "the network ACL denies it"),
    ("acl strict ingress", Decision.ALLOW, Reason.ACL, "the network ACL allows it"),
    ("nat out", Decision.DENY, Reason.NO_ROUTE, "no mapping: nobody inside asked for it, and it can begin none"),
    ("vpc route", Decision.DENY, Reason.NO_ROUTE, "no route leads there"),
    ("card nat-1 egress", Decision.DENY, Reason.NO_RULE, "no rule admits it"),
]  # fmt: skip


@pytest.mark.parametrize(("gate", "decision", "reason", "said"), REASONS)
def test_a_reason_is_said_in_words_that_fit_its_gate(gate: str, decision: Decision, reason: Reason, said: str) -> None:
    """A NAT gateway that drops has no mapping, whatever routes there are; an ACL's entry allows as well as denies."""
    passage = Passage(gate, decision, reason)
    told = " ".join(" ".join(observation_lines(_seen(Seen.LOST, passage), LAB)).split())

    assert why(passage) == said
    assert f"{reason.name}: {said}" in told or decision is Decision.ALLOW


def test_junit_has_a_case_for_each_row_and_story() -> None:
    """Failures and disagreements are failures, what is broken is an error; their text is that of the lines."""
    root = ET.fromstring(to_junit([GOOD, BAD]))  # noqa: S314 - its own output
    good, bad = root.findall("testsuite")
    cases = {case.get("name"): case for case in bad.findall("testcase")}

    assert (good.get("tests"), good.get("failures"), good.get("errors")) == ("2", "0", "0")
    assert (bad.get("tests"), bad.get("failures"), bad.get("errors")) == ("6", "3", "1")
    assert [case.get("name") for case in good] == ["laptop to ec2 tcp/22", "SSH <is> open"]
    assert [case.get("classname") for case in good] == ["unit.expect", "unit.stories"]
    assert [[child.tag for child in case] for case in bad] == [[], ["failure"], ["error"], ["failure"], [], ["failure"]]
    failure = cases["laptop to ec2 tcp/80"][0]
    assert failure.get("message") == "wanted delivered, found lost"
    assert failure.text == "\n".join(row_lines(BAD_ROW))
    assert cases["laptop to ec2 tcp/7"][0].get("message") == "no packet left"
    assert cases["refused"][0].get("message") == (
        "authorize db ingress tcp/1 from web: wanted accepted, found refused: InvalidGroup.NotFound"
    )
