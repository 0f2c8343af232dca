"""What a change alters: pairs newly reached and newly cut, and the fate of flows open across it."""

import json

import pytest

import netlab
from netlab.check.impact import Impact, compare, impact_json, play_fates
from netlab.check.impact_text import impact_lines
from netlab.check.matrix import Cell, ask_matrix, questions_of, rule_questions
from netlab.check.samples import samples_from_text
from netlab.check.settings import differing_settings
from netlab.control import completed
from netlab.formats import parse_lab
from netlab.model.stories import Question
from netlab.model.topology import Lab
from netlab.model.verdicts import Decision, Reason, Seen, Verdict

OLD = """
name: shop
vpc: {cidr: 10.0.0.0/16}
subnets: {public: {cidr: 10.0.1.0/24, internet: true}}
security_groups:
  web:
    ingress: [{tcp: 443, from: 0.0.0.0/0, id: open-443}, {tcp: 22, from: 198.51.100.0/24, id: office-22},
              {icmp: 8, from: 0.0.0.0/0, id: ping}, {udp: 53, from: 0.0.0.0/0, id: open-53}]
instances:
  ec2: {subnet: public, public_ip: 3.95.203.191, security_groups: [web]}
hosts:
  office: {ip: 198.51.100.7}
  stranger: {ip: 192.0.2.66}
"""
NEW = OLD.replace("tcp: 443, from: 0.0.0.0/0", "tcp: 443, from: 198.51.100.0/24").replace("tcp: 22", "tcp: 2222")
PORTS = samples_from_text("tcp/443,tcp/22,tcp/2222,icmp/8,udp/53")


def _lab(text: str) -> Lab:
    return completed(parse_lab(text, "shop.yaml"))


def _impact(old: Lab, new: Lab, *, flows: bool = False) -> Impact:
    questions = tuple(questions_of(old, PORTS))
    with netlab.paper(old) as network:
        one = ask_matrix(network, questions)
        reached = [cell.question for cell in one.cells if cell.seen is Seen.DELIVERED]
        fates = play_fates(network, new, reached) if flows else None
    with netlab.paper(new) as network:
        other = ask_matrix(network, questions_of(new, PORTS))
    return Impact("old", "new", len(questions), *compare(one, other), fates)


def _short(question: Question) -> tuple[str, str, int, int | None]:
    return (question.source, question.target, question.protocol, question.dport)


def test_a_change_is_told_by_what_it_opens_and_closes() -> None:
    """A rule narrowed cuts those outside; one moved to another port cuts the old and reaches the new."""
    impact = _impact(_lab(OLD), _lab(NEW))

    assert {_short(each.question) for each in impact.reached} == {("office", "ec2", 6, 2222)}
    assert {_short(each.question) for each in impact.cut} == {("stranger", "ec2", 6, 443), ("office", "ec2", 6, 22)}
    assert not impact.is_empty


def test_nothing_changed_is_told_too() -> None:
    """The same lab twice, and one whose rule is only called otherwise."""
    for new in (OLD, OLD.replace("open-443", "world-443")):
        impact = _impact(_lab(OLD), _lab(new), flows=True)

        assert impact.is_empty
        assert impact_json(impact)["changed"] is False
        assert impact.fates
        assert all(each.kept for each in impact.fates)


def test_a_place_that_comes_or_goes_is_reached_or_cut() -> None:
    """What is not there is not reached."""
    more = OLD.replace("hosts:", "hosts:\n  friend: {ip: 203.0.113.5}")
    came, went = _impact(_lab(OLD), _lab(more)), _impact(_lab(more), _lab(OLD))

    assert not came.cut
    assert not went.reached
    assert {_short(each.question) for each in came.reached} == {_short(each.question) for each in went.cut}
    assert ("friend", "ec2", 6, 443) in {_short(each.question) for each in came.reached}
    assert all(each.before is None for each in came.reached)
    assert impact_json(went)["cut"][0]["seen"] == "absent"  # type: ignore[index]


FATES = [
    ("office", "ec2", 6, 443, "untracked", True, "RULE"),
    ("stranger", "ec2", 6, 443, "untracked", False, "NO_RULE"),
    ("office", "ec2", 6, 22, "tracked", True, "TRACKED"),
    ("stranger", "ec2", 17, 53, "untracked", True, "UNTRACKED"),
    ("stranger", "ec2", 1, None, "tracked", True, "TRACKED"),
    ("ec2", "stranger", 6, 443, "tracked", True, "TRACKED"),
]


@pytest.mark.parametrize(("source", "target", "protocol", "port", "kind", "kept", "reason"), FATES)
def test_each_open_flow_has_its_fate(
    source: str, target: str, protocol: int, port: int | None, kind: str, kept: bool, reason: str
) -> None:
    """What is remembered lives on without its rule; what is not is cut at once, unless a rule still admits it."""
    impact = _impact(_lab(OLD), _lab(NEW), flows=True)
    (fate,) = [each for each in impact.fates or () if _short(each.question) == (source, target, protocol, port)]

    assert (fate.kind, fate.kept, fate.verdict.reason.name) == (kind, kept, reason)


def test_an_answer_that_is_lost_cuts_the_flow() -> None:
    """A network ACL that lets requests in and answers no more out."""
    text = OLD.replace("internet: true", "internet: true, acl: strict") + (
        "network_acls:\n  strict:\n    ingress: [{rule: 100, protocol: all, from: 0.0.0.0/0, action: allow}]\n"
        "    egress: [{rule: 100, protocol: all, to: 0.0.0.0/0, action: allow}]\n"
    )
    new = text.replace("{rule: 100, protocol: all, to:", "{rule: 100, tcp: 1-1023, to:")
    impact = _impact(_lab(text), _lab(new), flows=True)
    (fate,) = [each for each in impact.fates or () if _short(each.question) == ("office", "ec2", 6, 443)]

    assert (fate.kept, fate.direction, fate.verdict.gate) == (False, "reply", "acl strict egress")


def test_the_lines_fit_and_put_alike_together() -> None:
    """Two sources of one change share a line; no line is longer than 80 columns."""
    impact = _impact(_lab(OLD), _lab(OLD.replace("{tcp: 443, from: 0.0.0.0/0, id: open-443}, ", "")), flows=True)
    lines = list(impact_lines(impact))

    assert max(map(len, lines)) <= 80
    assert any(line.startswith("  office, stranger to ec2 tcp/443: lost at card ec2 ingress") for line in lines)
    assert "open flows, untracked: 2 cut" in lines
    assert lines[-1] == "old to new: 0 newly reached, 2 newly cut, of 30 questions"


def test_json_names_what_was_and_what_is() -> None:
    """Rows of ``expect:`` of the new lab, and beside each what the old one came to."""
    found = json.loads(json.dumps(impact_json(_impact(_lab(OLD), _lab(NEW), flows=True))))

    assert found["reached"][0] == {
        "from": "office",
        "to": "ec2",
        "tcp": 2222,
        "family": 4,
        "seen": "delivered",
        "by": "office-22",
        "reason": "RULE",
        "was": {"seen": "lost", "at": "card ec2 ingress", "reason": "NO_RULE"},
    }
    assert {"kept", "cut"} == {each["flow"] for each in found["flows"]}
    assert found["changed"] is True


def test_a_cell_that_is_no_answer_counts_as_a_change() -> None:
    """A broken experiment never passes for "nothing changed"."""
    verdict = Verdict(Decision.ALLOW, Reason.RULE, "open-443", "card ec2 ingress")
    broken = Cell(Question("office", "ec2", 6, 443, family=4), Seen.BROKEN, verdict, "it vanished")
    impact = Impact("old", "new", 1, (), (), None, (broken,))

    assert not impact.is_empty
    assert "no answer: office to ec2 tcp/443 (IPv4): it vanished" in list(impact_lines(impact))


def test_edges_of_both_labs_rules_are_asked() -> None:
    """A port that only the new lab opens is asked of the old one as well."""
    old, new = _lab(OLD), _lab(NEW)
    asked = {_short(each) for each in rule_questions(old, new)}

    assert ("stranger", "ec2", 6, 2222) in asked
    assert ("stranger", "ec2", 6, 2223) in asked


def test_a_flow_that_does_not_open_again_is_not_passed_over() -> None:
    """What was to be played across the change was not: nobody knows what would have become of it."""
    old, new = _lab(OLD), _lab(NEW)
    shut = [each for each in questions_of(old, PORTS) if _short(each) == ("stranger", "ec2", 6, 22)]
    with netlab.paper(old) as network:
        (fate,) = play_fates(network, new, shut)

    assert (fate.kept, fate.direction) == (False, "open")
    assert fate.detail == "it got through, and did not open again: lost at card ec2 ingress, NO_RULE"
    assert not Impact("old", "new", 1, (), (), (fate,)).is_empty


SETTINGS = [
    ("security_groups: [web]}", "security_groups: [web, default]}", "ec2: security_groups: web to default, web"),
    ("security_groups: [web]}", "security_groups: [web], conntrack_allowance: 9}", "ec2: allowance: none to 9"),
    ("security_groups: [web]}", "security_groups: [web], source_dest_check: false}",
     "ec2: source_dest_check: yes to no"),
    ("security_groups: [web]}", "security_groups: [web], connection_tracking: {udp: 60}}",
     "ec2: connection_tracking: tcp_established_s 432000 udp_s 30 udp_stream_s 180 to tcp"),
    ("internet: true}", "internet: true, routes: {10.9.0.0/16: ec2}}", "subnet public: routes: "),
    ("internet: true}", "internet: false}", "subnet public: internet: yes to no"),
]  # fmt: skip


@pytest.mark.parametrize(("before", "after", "line"), SETTINGS)
def test_what_decides_beside_rules_is_a_change_too(before: str, after: str, line: str) -> None:
    """Whether a question shows it or not; the same lab has none."""
    old, new = _lab(OLD), _lab(OLD.replace(before, after))
    (found,) = differing_settings(old, new)

    assert found.startswith(line)
    assert differing_settings(old, old) == ()
    assert not Impact("old", "new", 1, (), (), settings=(found,)).is_empty
