"""SG rules and their iptables spelling: card_rules.txt, one line a case."""

from ipaddress import ip_network
from pathlib import Path

import pytest

from netlab.compile.card_rules import rule_matches
from netlab.model.notation import parse_rule
from netlab.model.rules import ICMP, ICMPV6, TCP, UDP, Direction, GroupRef, Ports, PrefixListRef, Rule, Traffic
from netlab.plan.render import render_rule

TABLE = Path(__file__).with_name("card_rules.txt").read_text(encoding="utf-8")
CASES = [
    (line_number, rule.strip(), wanted.strip())
    for line_number, line in enumerate(TABLE.splitlines(), start=1)
    if line and not line.startswith("#")
    for rule, _, wanted in [line.partition(";")]
]
PREFIX_LISTS = {"offices"}


def _rule(text: str) -> Rule:
    word, _, rest = text.partition(" ")
    asked = parse_rule(rest, Direction(word))
    numbers = {"tcp": TCP, "udp": UDP, "icmp": ICMP, "icmpv6": ICMPV6, "-1": None}
    number = numbers[asked.protocol] if asked.protocol in numbers else int(asked.protocol)
    match number:
        case 6 | 17:
            traffic = Traffic(number, Ports(asked.from_port, asked.to_port))
        case 1 | 58:
            kind, code = (None if each == -1 else each for each in (asked.from_port, asked.to_port))
            traffic = Traffic(number, None, kind, code)
        case _:
            traffic = Traffic(number)
    if asked.peer in PREFIX_LISTS:
        return Rule("sgr-1", Direction(word), traffic, PrefixListRef(asked.peer))
    if asked.peer.isalpha():
        return Rule("sgr-1", Direction(word), traffic, GroupRef(asked.peer))
    return Rule("sgr-1", Direction(word), traffic, ip_network(asked.peer))


@pytest.mark.parametrize(("line", "rule", "wanted"), CASES, ids=[f"{line}: {rule}" for line, rule, _ in CASES])
def test_a_rule_is_spelled_as_in_the_table(line: int, rule: str, wanted: str) -> None:
    """Each finds exactly its packets, carries its tag, and leads to its own chain."""
    family, _, spelled = wanted.partition(" ")
    found = rule_matches(_rule(rule), int(family))

    if spelled == "-":
        assert found is None, f"line {line}"
    else:
        word = rule.split(maxsplit=1)[0]
        side = {"ingress": "in", "egress": "out"}[word]
        tail = f'-m comment --comment "+{word} RULE sgr-1" -g {side}:sgr-1'
        assert found is not None
        assert render_rule(found) == f"{spelled} {tail}".lstrip(), f"line {line}"


def test_the_table_lacks_no_kind() -> None:
    """Every peer kind, both directions and families, every protocol with fields of its own, occur."""
    rules = [_rule(text) for _, text, _ in CASES]

    assert {type(rule.peer).__name__ for rule in rules} == {"IPv4Network", "IPv6Network", "GroupRef", "PrefixListRef"}
    assert {rule.direction for rule in rules} == set(Direction)
    assert {wanted[0] for _, _, wanted in CASES} == {"4", "6"}
    assert {None, 0, 1, 6, 17, 58} <= {rule.traffic.protocol for rule in rules}
