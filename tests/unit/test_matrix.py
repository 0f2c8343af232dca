"""The matrix: each cell is what a row standing alone would come to; the grid says the same in 80 columns."""

import json
from dataclasses import replace
from itertools import combinations

import pytest

import netlab
from netlab.check.listing import traffic_words
from netlab.check.matrix import (
    AT_ONCE,
    Cell,
    Matrix,
    ask_matrix,
    matrix_json,
    places_of,
    questions_of,
    rounds,
    rule_questions,
)
from netlab.check.matrix_text import mark, matrix_lines
from netlab.check.play import play_expectations
from netlab.check.samples import samples_from_text
from netlab.cli.matrix import MOST_QUESTIONS, counted
from netlab.control import completed
from netlab.errors import InputError
from netlab.formats import parse_lab
from netlab.model.stories import Question
from netlab.model.topology import Lab
from netlab.model.verdicts import Decision, Reason, Seen, Verdict

WIDE = """
name: wide
vpc: {cidr: 10.0.0.0/16, ipv6_cidr: "2001:db8:0:100::/56"}
subnets:
  public: {cidr: 10.0.1.0/24, ipv6_cidr: "2001:db8:0:101::/64", internet: true}
  private: {cidr: 10.0.2.0/24, nat: out}
nat_gateways: {out: {subnet: public, public_ip: 203.0.113.99}}
security_groups:
  web:
    ingress: [{tcp: 443, from: 0.0.0.0/0, id: in-443}, {protocol: gre, from: web, id: in-gre},
              {icmp: 13, from: web, id: in-13}, {tcp: 49152, from: web, id: in-49152}]
  small: {ingress: [{udp: 53, from: 0.0.0.0/0, id: in-53}]}
instances:
  one: {subnet: public, public_ip: 203.0.113.1, security_groups: [web]}
  two: {subnet: public, security_groups: [web]}
  many:
    interfaces:
      eth0: {subnet: private, security_groups: [web]}
      eth1: {subnet: private, security_groups: [small], conntrack_allowance: 2}
hosts:
  laptop: {ip: [198.51.100.7, "2001:db8:ffff::7"]}
  old: {ip: 198.51.100.8}
"""
PORTS = samples_from_text("tcp/443,tcp/49152,udp/53,icmp/8,icmp/13,icmpv6/128,gre,99")


@pytest.fixture(scope="module")
def wide() -> Lab:
    """A lab with all that can come between questions: NAT, an allowance, both families, two cards on a node."""
    return completed(parse_lab(WIDE, "wide.yaml"))


def _matrix(lab: Lab, *, all_rules: bool = False) -> Matrix:
    with netlab.paper(lab) as network:
        return ask_matrix(network, rule_questions(lab) if all_rules else questions_of(lab, PORTS))


def test_every_ordered_pair_is_asked_in_every_family_both_ends_have(wide: Lab) -> None:
    """A node's two cards are two places, which are not asked about each other."""
    pairs = {(cell.source, cell.target, cell.family) for cell in questions_of(wide, PORTS)}

    assert places_of(wide) == ("one", "two", "many", "many/eth1", "laptop", "old")
    assert ("many", "many/eth1", 4) not in pairs
    assert {("laptop", "one", 4), ("laptop", "one", 6), ("one", "old", 4), ("old", "laptop", 4)} <= pairs
    assert not {("one", "old", 6), ("old", "laptop", 6)} & pairs


@pytest.mark.parametrize("name", [*netlab.built_in_labs(), "wide"])
@pytest.mark.parametrize("all_rules", [False, True])
def test_each_cell_is_a_row_that_holds_when_it_stands_alone(name: str, wide: Lab, *, all_rules: bool) -> None:
    """The law of the matrix: nothing asked before or beside a cell has any part in it."""
    lab = wide if name == "wide" else netlab.load(name)
    matrix = _matrix(lab, all_rules=all_rules)
    with netlab.paper(lab) as network:
        reports = play_expectations(network, [cell.row for cell in matrix.cells])

    assert matrix.cells
    assert [report.outcome.complaints for report in reports if not report.ok] == []


def test_questions_that_share_state_are_in_different_rounds(wide: Lab) -> None:
    """By addresses alone: other protocols, queries without an id; by ports that swap; by one NAT gateway."""
    questions = tuple(questions_of(wide, PORTS))
    turn_of = {questions[index]: turn for turn, indexes in enumerate(rounds(wide, questions)) for index in indexes}

    def turns(protocol: int, *pairs: tuple[str, str]) -> list[int]:
        return [
            turn
            for (source, target) in pairs
            for each, turn in turn_of.items()
            if (each.source, each.target, each.protocol, each.family) == (source, target, protocol, 4)
        ]

    assert len(questions) == len(turn_of)
    for protocol in (47, 99):
        assert sorted(turns(protocol, ("one", "two"), ("two", "one"))) == [0, 1]
        assert len(set(turns(protocol, ("many", "old"), ("many/eth1", "old")))) == 2
    assert {0} == set(turns(17, ("one", "two"), ("two", "one")))


def test_a_round_never_fills_a_cards_allowance(wide: Lab) -> None:
    """A row alone finds the card's connection table empty."""
    questions = tuple(questions_of(wide, PORTS))
    for indexes in rounds(wide, questions):
        there = [each for each in indexes if "many/eth1" in {questions[each].source, questions[each].target}]

        assert len(there) <= 2


def test_all_rules_ask_each_end_what_its_own_rules_name(wide: Lab) -> None:
    """A rule is asked of those who have it, and not of others."""
    asked = {(each.target, each.protocol, each.dport) for each in rule_questions(wide) if each.source == "old"}

    assert {("one", 6, 442), ("one", 6, 443), ("one", 6, 444), ("one", 17, 443), ("many/eth1", 17, 53)} <= asked
    assert not {("many/eth1", 6, 443), ("one", 17, 53)} & asked


def test_all_rules_of_two_labs_ask_both_the_same(wide: Lab) -> None:
    """What only one lab's rules name is asked of the other too."""
    other = completed(parse_lab(WIDE.replace("tcp: 443", "tcp: 8443"), "wide.yaml"))

    assert set(rule_questions(wide, other)) == set(rule_questions(other, wide))
    assert set(rule_questions(wide)) < set(rule_questions(wide, other))


def test_progress_is_told_to_the_end(wide: Lab) -> None:
    """Of all questions, in steps that never go back."""
    told: list[tuple[int, int]] = []
    with netlab.paper(wide) as network:
        matrix = ask_matrix(network, questions_of(wide, PORTS), lambda done, asked: told.append((done, asked)))

    assert told == sorted(told)
    assert told[-1] == (len(matrix.cells), len(matrix.cells))
    assert len(matrix.cells) < AT_ONCE


MARKS = [
    (Seen.DELIVERED, Decision.ALLOW, "card ec2 ingress", "in-443", "+7"),
    (Seen.DELIVERED, Decision.ALLOW, None, None, "+"),
    (Seen.LOST, Decision.DENY, "card ec2 ingress", None, "-in"),
    (Seen.LOST, Decision.DENY, "card ec2 egress", None, "-out"),
    (Seen.LOST, Decision.DENY, "card ec2/eth1 source-dest-check", None, "-check"),
    (Seen.LOST, Decision.DENY, "card ec2 allowance", None, "-full"),
    (Seen.LOST, Decision.DENY, "acl strict ingress", "100", "-acl"),
    (Seen.LOST, Decision.DENY, "vpc route", None, "-route"),
    (Seen.LOST, Decision.DENY, "igw", None, "-igw"),
    (Seen.LOST, Decision.DENY, "nat out", None, "-nat"),
    (Seen.LOST, Decision.DENY, "mtu", None, "-mtu"),
    (Seen.LOST, Decision.DENY, "internet", None, "-inet"),
    (Seen.BROKEN, Decision.ALLOW, "card ec2 ingress", "in-443", "!"),
]


@pytest.mark.parametrize(("seen", "decision", "gate", "rule", "wanted"), MARKS)
def test_a_mark_says_by_which_rule_or_where(
    seen: Seen, decision: Decision, gate: str | None, rule: str | None, wanted: str
) -> None:
    """Each gate has its own; a broken answer is none."""
    cell = Cell(Question("a", "b", 6, 443), seen, Verdict(decision, Reason.RULE, rule, gate))

    assert wanted == mark(cell, {"in-443": 7})
    assert mark(replace(cell, disagreement="kernel: so; oracle: otherwise"), {}) == "?"


@pytest.mark.parametrize("name", [*netlab.built_in_labs(), "wide"])
@pytest.mark.parametrize("all_rules", [False, True])
def test_the_grid_fits_eighty_columns_and_tells_every_cell(name: str, wide: Lab, *, all_rules: bool) -> None:
    """Every mark it uses is explained."""
    lab = wide if name == "wide" else netlab.load(name)
    matrix = _matrix(lab, all_rules=all_rules)
    lines = list(matrix_lines(matrix, lab))
    rules = {cell.verdict.rule for cell in matrix.cells if cell.seen is Seen.DELIVERED and cell.verdict.rule}
    gates = {mark(cell, {}) for cell in matrix.cells if cell.seen is not Seen.DELIVERED}

    assert max(map(len, lines)) <= 80
    for each in rules | gates:
        assert any(line.startswith(each) or f"{each}:" in line for line in lines), each


def _ring(count: int, name: str = "g") -> Lab:
    """Return a lab of as many groups, each of which lets the next one in, at ten ports."""
    text = "name: ring\nvpc: {cidr: 10.0.0.0/16}\nsubnets: {one: {cidr: 10.0.1.0/24, internet: true}}\n"
    text += "hosts: {laptop: {ip: 198.51.100.7}}\nsecurity_groups:\n"
    for number in range(count):
        rules = ", ".join(f"{{tcp: {port}, from: {name}{(number + 1) % count}}}" for port in range(8000, 8010))
        text += f"  {name}{number}: {{ingress: [{rules}]}}\n"
    text += "instances:\n"
    for number in range(count):
        own = f"subnet: one, public_ip: 203.0.113.{number + 1}, security_groups: [{name}{number}]"
        text += f"  {name}{number}: {{{own}}}\n"
    return completed(parse_lab(text, "ring.yaml"))


def _lines(lab: Lab) -> list[str]:
    with netlab.paper(lab) as network:
        samples = samples_from_text(",".join(f"tcp/{port}" for port in range(8000, 8010)))
        return list(matrix_lines(ask_matrix(network, questions_of(lab, samples)), lab))


def test_what_is_too_long_for_a_grid_is_listed() -> None:
    """Only what was delivered, pairs that fare alike together; what was lost once, by its gate. A small one is not."""
    small, large = _lines(_ring(3)), _lines(_ring(20))

    assert max(map(len, [*small, *large])) <= 80
    assert "delivered:" not in small
    assert "from g0                   tcp/8000  tcp/8001  tcp/8002  tcp/8003  tcp/8004" in small
    assert large[:3] == [
        "delivered:",
        "  g0 to g19 tcp/8000-8009: by g19-in-1, g19-in-2, g19-in-3 and 7 more rules",
        "  every other place to laptop tcp/8000-8009: by g0-out-1, g1-out-1, g2-out-1 and",
    ]
    assert "  3,800 lost at the card of the instance it went to, ingress" in large
    assert "too long for a grid; --json has every answer" in large
    assert len(large) < 40
    assert large[-1] == "ring: 21 places, 4,200 questions: 400 delivered, 3,800 lost"


ALIKE = """
name: alike
vpc: {cidr: 10.0.0.0/16}
subnets: {one: {cidr: 10.0.1.0/24}}
security_groups:
  x: {ingress: [{tcp: 80, from: z}], egress: []}
  y: {egress: []}
  z: {egress: [{tcp: 80, to: 0.0.0.0/0}]}
instances:
  x: {subnet: one, security_groups: [x]}
  y: {subnet: one, security_groups: [y]}
  z: {subnet: one, security_groups: [z]}
"""


def test_sources_that_fare_alike_share_a_block() -> None:
    """To all others, and to each other; that they are reached otherwise does not matter."""
    lab = completed(parse_lab(ALIKE))
    with netlab.paper(lab) as network:
        lines = list(matrix_lines(ask_matrix(network, questions_of(lab, samples_from_text("tcp/80"))), lab))

    assert lines[:6] == [
        "from x, y                 tcp/80",
        "  z, each other           -out",
        "from z                    tcp/80",
        "  x                       +1",
        "  y                       -in",
        "",
    ]


def test_long_names_are_not_cut() -> None:
    """They stand above what is said of them, whole."""
    name = "instance-of-a-very-long-name-indeed-it-is"[:38]
    lines = _lines(_ring(3, name))

    assert max(map(len, lines)) <= 80
    assert f"from {name}0" in lines
    assert f"  {name}1" in lines or any(f"{name}1," in line for line in lines)
    assert "                          tcp/8000  tcp/8001  tcp/8002  tcp/8003  tcp/8004" in lines


TRAFFIC = [
    ("tcp/22", "tcp/22"),
    ("tcp/22,tcp/23", "tcp/22, tcp/23"),
    ("tcp/24,tcp/22,tcp/23,udp/25", "tcp/22-24, udp/25"),
    ("tcp/22,tcp/23,tcp/24,tcp/26,icmp/8,icmp/9,gre", "icmp/8, icmp/9, tcp/22-24, tcp/26, gre"),
]


@pytest.mark.parametrize(("asked", "words"), TRAFFIC)
def test_ports_in_a_row_are_a_range(asked: str, words: str) -> None:
    """Three or more, each of which was asked about."""
    assert traffic_words(samples_from_text(asked)) == words


def test_places_that_fare_alike_share_a_row() -> None:
    """Two members of the default group do; who has another group does not."""
    lab = netlab.load("references")
    with netlab.paper(lab) as network:
        lines = list(matrix_lines(ask_matrix(network, questions_of(lab, samples_from_text("tcp/5432"))), lab))

    assert "one +1 = one, two" in lines
    assert any(line.split() == ["each", "other", "+3"] or line.split()[:2] == ["each", "other"] for line in lines)
    assert any(line.startswith("from batch ") for line in lines)


def test_an_answer_that_is_none_is_told_and_is_not_ok(wide: Lab) -> None:
    """Broken and disagreeing cells stand below the grid, each with what went wrong."""
    allow = Verdict(Decision.ALLOW, Reason.RULE, "in-443", "card one ingress")
    good = Cell(Question("old", "one", 6, 443, family=4), Seen.DELIVERED, allow)
    broken = replace(good, question=Question("two", "one", 6, 443, family=4), seen=Seen.BROKEN, detail="it vanished")
    torn = replace(good, question=Question("one", "two", 6, 443, family=4), disagreement="kernel: so; oracle: not so")

    assert Matrix("wide", places_of(wide), (good,)).ok
    for cell, status, text in ((broken, "BROKEN", "it vanished"), (torn, "DISAGREE", "kernel: so; oracle: not so")):
        matrix = Matrix("wide", places_of(wide), (good, cell))

        assert not matrix.ok
        assert any(line.startswith(status) and text in line for line in matrix_lines(matrix, wide))
        assert matrix_json(matrix)["ok"] is False


def test_json_has_each_cell_as_a_row_of_expect(wide: Lab) -> None:
    """It can be put into a lab file as it is, and holds there."""
    found = json.loads(json.dumps(matrix_json(_matrix(wide))))
    rows = [cell for cell in found["cells"] if cell["to"] == "one" and cell["from"] == "old" and "tcp" in cell]
    text = WIDE + "expect: " + json.dumps(rows)
    lab = completed(parse_lab(text, "again.yaml"))
    with netlab.paper(lab) as network:
        reports = play_expectations(network, lab.expectations)

    assert found["asked"] == len(found["cells"]) == found["delivered"] + found["lost"]
    assert [(row["seen"], row.get("by")) for row in rows] == [("delivered", "in-443"), ("lost", None)]
    assert all(report.ok for report in reports)


def test_no_two_questions_of_a_matrix_are_the_same(wide: Lab) -> None:
    """Each is asked once."""
    for lab in (wide, netlab.load("ipv6")):
        questions = list(rule_questions(lab))

        assert len(questions) == len(set(questions))
        assert not any(one == other for one, other in combinations(questions_of(lab, PORTS), 2))


def test_more_questions_than_fit_into_memory_are_refused() -> None:
    """One too many; as many as fit are taken."""
    question = Question("a", "b", 6, 443)

    assert len(counted([question] * MOST_QUESTIONS)) == MOST_QUESTIONS
    with pytest.raises(InputError, match="more than 1,000,000 questions"):
        counted([question] * (MOST_QUESTIONS + 1))
