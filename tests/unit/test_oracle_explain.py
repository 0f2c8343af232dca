"""What an explanation says: the gates, the rules read and why, and what would help."""

import json
from ipaddress import ip_address

import pytest
from oracle_labs import (
    ALL_OUT,
    OPEN,
    bare_lab,
    lab_of,
    lines,
    question_of,
    with_acl,
    with_interface,
    with_rules,
    with_subnet,
)

from netlab.model.stories import Fields
from netlab.model.verdicts import Reason, Seen
from netlab.oracle.explain import explain

AWS_IN = "aws ec2 authorize-security-group-ingress --group-id web --ip-permissions"


def test_every_rule_that_was_read_says_why_it_matched_or_not() -> None:
    """Protocol first, then port, type and code, then peer."""
    rules = (
        "ingress udp/80 from 0.0.0.0/0; ingress tcp/22 from 0.0.0.0/0; ingress tcp/80-81 from 10.0.0.0/8; "
        "ingress tcp/80 from offices; ingress icmp/8/0 from 0.0.0.0/0"
    )
    answer = explain(lab_of(rules), question_of("laptop ec2 tcp/80"))
    card = answer.packets[0].gates[-1]

    assert [reading.why for reading in card.readings] == [
        "tcp is not udp",
        "port 80 is not in 22",
        "198.51.100.7 is not in 10.0.0.0/8",
        "matches",
        "tcp is not icmp",
    ]
    assert [reading.matches for reading in card.readings] == [False, False, False, True, False]
    assert answer.seen is Seen.DELIVERED
    assert answer.remedy is None


@pytest.mark.parametrize(
    ("rule", "words", "why"),
    [
        ("icmp/8/0", "laptop ec2 icmp/13", "type 13 is not 8"),
        ("icmp/8/1", "laptop ec2 icmp/8", "code 0 is not 1"),
        ("tcp/22", "laptop ec2 gre", "gre is not tcp"),
        ("50", "laptop ec2 99", "99 is not esp"),
    ],
)
def test_a_mismatch_names_what_differs(rule: str, words: str, why: str) -> None:
    """Of an ICMP rule the type or the code."""
    answer = explain(lab_of(f"ingress {rule} from 0.0.0.0/0"), question_of(words))

    assert [reading.why for reading in answer.packets[0].gates[-1].readings] == [why]


# probe                   ; the smallest rule ; as AWS's CLI takes it
REMEDIES = """
laptop ec2 tcp/80         ; tcp/80 from 198.51.100.7/32     ; IpProtocol=tcp,FromPort=80,ToPort=80,IpRanges=[{CidrIp=198.51.100.7/32}]
laptop ec2 udp/53 6       ; udp/53 from 2001:db8:f::7/128   ; IpProtocol=udp,FromPort=53,ToPort=53,Ipv6Ranges=[{CidrIpv6=2001:db8:f::7/128}]
laptop ec2 icmp/8         ; icmp/8/0 from 198.51.100.7/32   ; IpProtocol=icmp,FromPort=8,ToPort=0,IpRanges=[{CidrIp=198.51.100.7/32}]
laptop ec2 icmpv6/128     ; icmpv6/128/0 from 2001:db8:f::7/128 ; IpProtocol=icmpv6,FromPort=128,ToPort=0,Ipv6Ranges=[{CidrIpv6=2001:db8:f::7/128}]
laptop ec2 gre            ; gre from 198.51.100.7/32        ; IpProtocol=47,IpRanges=[{CidrIp=198.51.100.7/32}]
"""  # noqa: E501 - one line, one case


@pytest.mark.parametrize("line", lines(REMEDIES))
def test_a_lost_flow_is_told_the_smallest_rule_that_admits_it(line: str) -> None:
    """In netlab's notation and as AWS's command; and with it, the flow is delivered."""
    words, rule, permission = (part.strip() for part in line.split(";"))
    lab = lab_of("")
    remedy = explain(lab, question_of(words)).remedy

    assert remedy is not None
    assert (remedy.group, remedy.rule) == ("web", rule)
    assert remedy.aws == f"{AWS_IN} '{permission}'"
    assert explain(with_rules(lab, "web", f"ingress {rule}"), question_of(words)).seen is Seen.DELIVERED


def test_the_remedy_of_an_outbound_flow_is_an_egress_rule() -> None:
    """For the group of the sender."""
    remedy = explain(lab_of(""), question_of("ec2 www tcp/443")).remedy

    assert remedy is not None
    assert remedy.rule == "tcp/443 to 203.0.113.80/32"
    assert "authorize-security-group-egress" in remedy.aws


def test_what_no_rule_can_help_has_no_remedy() -> None:
    """A missing route, or an ACL."""
    lab = with_subnet(with_acl(bare_lab(), "mine", "ingress 90 deny tcp/22 0.0.0.0/0"), "public", acl="mine")
    route = explain(lab_of(OPEN), question_of("ec2 10.0.9.9 tcp/1"))
    acl = explain(lab_of(OPEN, lab), question_of("laptop ec2 tcp/22"))

    assert (route.verdict.reason, route.remedy) == (Reason.NO_ROUTE, None)
    assert (acl.verdict.reason, acl.remedy) == (Reason.ACL, None)
    assert [(each.name, each.matches) for each in acl.packets[0].gates[0].readings] == [("90", True)]


def test_the_text_shows_each_gate_and_what_it_read() -> None:
    """One line a gate, one a rule; an equals sign where it matches."""
    lab = with_subnet(with_acl(bare_lab(), "mine", "ingress 90 allow tcp/80 0.0.0.0/0"), "public", acl="mine")
    lost = list(explain(lab_of("ingress tcp/22 from 0.0.0.0/0", lab), question_of("laptop ec2 tcp/80")).lines())

    assert lost == [
        "198.51.100.7:49152 > 3.95.203.191:80 tcp S",
        "  + acl mine ingress: ALLOW ACL",
        "      = 90: allow tcp/80 0.0.0.0/0: matches",
        "  - card ec2 ingress: DENY NO_RULE, no rule admits it",
        "      ≠ web web-in-1: tcp/22 from 0.0.0.0/0: port 80 is not in 22",
        "lost: DENY NO_RULE",
        "would be admitted by web ingress tcp/80 from 198.51.100.7/32:",
        "  netlab authorize web ingress tcp/80 from 198.51.100.7/32",
        f"  {AWS_IN} 'IpProtocol=tcp,FromPort=80,ToPort=80,IpRanges=[{{CidrIp=198.51.100.7/32}}]'",
        "asked again on paper with that: lost at acl mine egress, ACL",
    ]


def test_the_text_says_where_there_is_nothing_to_read() -> None:
    """No rules, an answer that belongs to a flow, no gate at all."""
    empty = list(explain(lab_of(""), question_of("laptop ec2 tcp/80")).lines())
    tracked = list(explain(lab_of(ALL_OUT), question_of("ec2 www tcp/443")).lines())
    outside = list(explain(lab_of(ALL_OUT), question_of("laptop www tcp/443")).lines())

    assert "      no rules" in empty
    assert "  + card ec2 ingress: ALLOW TRACKED, belongs to a remembered connection" in tracked
    assert "delivered: ALLOW RULE by web-out-1" in tracked
    assert "  no gate on its way" in outside


def test_the_acl_s_final_deny_is_shown() -> None:
    """After all entries that do not match."""
    lab = with_subnet(with_acl(bare_lab(), "mine", "ingress 90 allow tcp/80 10.0.0.0/8"), "public", acl="mine")
    gate = explain(lab_of(OPEN, lab), question_of("laptop ec2 tcp/80")).packets[0].gates[0]

    assert [(each.name, each.why) for each in gate.readings] == [
        ("90", "198.51.100.7 is not in 10.0.0.0/8"),
        ("*", "matches"),
    ]


def test_a_spoofed_packet_needs_no_rules_to_be_read() -> None:
    """The gate before them denied it."""
    fields = Fields(src=ip_address("192.0.2.66"))
    gate = explain(lab_of(OPEN), question_of("ec2 peer tcp/22", fields)).packets[0].gates[0]

    assert (gate.passage.reason, gate.readings) == (Reason.SPOOFED, ())


def test_a_full_table_shows_the_rule_that_would_have_admitted() -> None:
    """The allowance is asked behind the rules, in the direction the packet went."""
    lab = lab_of(f"ingress tcp/22 from offices; {ALL_OUT}", with_interface(bare_lab(), "ec2", allowance=0))
    inward = explain(lab, question_of("laptop ec2 tcp/22")).packets[0].gates[-1]
    outward = explain(lab, question_of("ec2 laptop tcp/22")).packets[0].gates[-1]

    assert inward.passage.reason is outward.passage.reason is Reason.ALLOWANCE
    assert [each.name for each in inward.readings if each.matches] == ["web-in-1"]
    assert [each.name for each in outward.readings if each.matches] == ["web-out-1"]


def test_the_explanation_goes_into_json() -> None:
    """The same words as a probe's answer, and the readings."""
    answer = explain(lab_of("ingress tcp/22 from offices"), question_of("laptop ec2 tcp/80"))
    found = json.loads(json.dumps(answer.as_json()))

    gate = {"decision": "DENY", "reason": "NO_RULE", "rule": None, "gate": "card ec2 ingress"}
    assert found["seen"] == "lost"
    assert found["verdict"] == gate
    assert {key: found["packets"][0]["gates"][-1][key] for key in gate} == gate
    assert found["packets"][0]["gates"][-1]["readings"] == [
        {
            "name": "web-in-1",
            "text": "tcp/22 from offices",
            "group": "web",
            "matches": False,
            "why": "port 80 is not in 22",
        }
    ]
    assert found["remedy"]["rule"] == "tcp/80 from 198.51.100.7/32"
    assert explain(lab_of(OPEN), question_of("laptop ec2 tcp/80")).as_json()["remedy"] is None
