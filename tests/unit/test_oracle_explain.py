"""What an explanation says: the gates, the rules read and why, and what would help."""

import json
from dataclasses import replace
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
from netlab.model.topology import Lab
from netlab.model.verdicts import Reason, Seen
from netlab.oracle.explain import explain
from netlab.oracle.remedy import Remedy

ACL_IN_AWS = "  aws ec2 create-network-acl-entry --network-acl-id '<id of mine>'"
TO_LAPTOP = "--cidr-block 198.51.100.7/32 --rule-action allow"
AWS_IN = "aws ec2 authorize-security-group-ingress --group-id '<id of web>' --ip-permissions"


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

    assert isinstance(remedy, Remedy)
    assert (remedy.group, remedy.rule) == ("web", rule)
    assert remedy.aws == f"{AWS_IN} '{permission}'"
    assert explain(with_rules(lab, "web", f"ingress {rule}"), question_of(words)).seen is Seen.DELIVERED


def test_the_remedy_of_an_outbound_flow_is_an_egress_rule() -> None:
    """For the group of the sender."""
    remedy = explain(lab_of(""), question_of("ec2 www tcp/443")).remedy

    assert isinstance(remedy, Remedy)
    assert remedy.rule == "tcp/443 to 203.0.113.80/32"
    assert "authorize-security-group-egress" in remedy.aws


def test_the_id_by_which_aws_knows_a_group_stands_in_its_command() -> None:
    """Where it is known; the name in the lab stays the one in netlab's own command."""
    lab = lab_of("")
    lab = replace(lab, groups={**lab.groups, "web": replace(lab.groups["web"], aws_id="sg-0a1b2c3d")})
    remedy = explain(lab, question_of("laptop ec2 tcp/80")).remedy

    assert isinstance(remedy, Remedy)
    assert remedy.group == "web"
    assert remedy.aws.startswith("aws ec2 authorize-security-group-ingress --group-id sg-0a1b2c3d --ip-permissions '")


def test_what_no_rule_can_help_has_no_remedy_and_says_so() -> None:
    """A missing route; what is delivered says nothing of the kind."""
    route = explain(lab_of(OPEN), question_of("ec2 10.0.9.9 tcp/1"))
    delivered = explain(lab_of(OPEN), question_of("laptop ec2 tcp/22"))

    assert (route.verdict.reason, route.remedies) == (Reason.NO_ROUTE, ())
    assert [*route.lines()][-1] == "no rule of a group helps at vpc route: no route leads there"
    assert "no rule of a group helps" not in "\n".join(delivered.lines())


def _behind_acl(entries: str) -> Lab:
    return lab_of(OPEN, with_subnet(with_acl(bare_lab(), "mine", entries), "public", acl="mine"))


OUT = "egress 100 allow all 0.0.0.0/0; egress 101 allow all ::/0"

# the ACL ; probe ; the entry ; as AWS's CLI takes it
ENTRIES = f"""
ingress 90 deny tcp/22 0.0.0.0/0; {OUT} | laptop ec2 tcp/22 | ingress: {{rule: 89, tcp: 22, from: 198.51.100.7/32, action: allow}} | --ingress --rule-number 89 --protocol tcp --port-range From=22,To=22 --cidr-block 198.51.100.7/32
ingress 90 allow tcp/80 0.0.0.0/0; {OUT} | laptop ec2 udp/53 | ingress: {{rule: 100, udp: 53, from: 198.51.100.7/32, action: allow}} | --ingress --rule-number 100 --protocol udp --port-range From=53,To=53 --cidr-block 198.51.100.7/32
{OUT} | laptop ec2 icmp/8 | ingress: {{rule: 100, icmp: 8/0, from: 198.51.100.7/32, action: allow}} | --ingress --rule-number 100 --protocol icmp --icmp-type-code Type=8,Code=0 --cidr-block 198.51.100.7/32
{OUT} | laptop ec2 icmpv6/128 | ingress: {{rule: 100, icmpv6: 128/0, from: "2001:db8:f::7/128", action: allow}} | --ingress --rule-number 100 --protocol 58 --icmp-type-code Type=128,Code=0 --ipv6-cidr-block 2001:db8:f::7/128
{OUT} | laptop ec2 gre | ingress: {{rule: 100, protocol: gre, from: 198.51.100.7/32, action: allow}} | --ingress --rule-number 100 --protocol 47 --cidr-block 198.51.100.7/32
ingress 32766 allow tcp/80 0.0.0.0/0; {OUT} | laptop ec2 gre | ingress: {{rule: 32765, protocol: gre, from: 198.51.100.7/32, action: allow}} | --ingress --rule-number 32765 --protocol 47 --cidr-block 198.51.100.7/32
ingress 100 allow tcp/22 0.0.0.0/0; egress 7 deny tcp/all 0.0.0.0/0 | laptop ec2 tcp/22 | egress: {{rule: 6, tcp: 1024-65535, to: 198.51.100.7/32, action: allow}} | --egress --rule-number 6 --protocol tcp --port-range From=1024,To=65535 --cidr-block 198.51.100.7/32
"""  # noqa: E501 - one line, one case


@pytest.mark.parametrize("line", lines(ENTRIES))
def test_a_loss_at_an_acl_is_told_the_smallest_entry_that_lets_it_through(line: str) -> None:
    """And that no rule of a group helps; proved by asking again. Answers get all ports that clients await them at."""
    entries, words, entry, command = (part.strip() for part in line.split("|"))
    answer = explain(_behind_acl(entries), question_of(words))
    said = list(answer.lines())
    direction = entry.partition(":")[0]

    assert answer.verdict.reason is Reason.ACL
    assert f"no rule of a group helps at acl mine {direction}; this entry would:" in said
    assert f"  {entry}" in said
    assert f"  aws ec2 create-network-acl-entry --network-acl-id '<id of mine>' {command} --rule-action allow" in said
    assert said[-1].startswith("asked again on paper with that: delivered")
    assert answer.as_json()["remedy"] == {
        "acl": "mine", "direction": direction, "entry": entry.partition(" ")[2],
        "aws": f"aws ec2 create-network-acl-entry --network-acl-id '<id of mine>' {command} --rule-action allow",
    }  # fmt: skip


def test_where_no_number_is_left_before_an_acl_s_denial_nothing_is_proposed() -> None:
    """Entry 1 denies; beside it, with entry 2, there is one."""
    first = explain(_behind_acl(f"ingress 1 deny all 0.0.0.0/0; {OUT}"), question_of("laptop ec2 tcp/22"))
    second = explain(_behind_acl(f"ingress 2 deny all 0.0.0.0/0; {OUT}"), question_of("laptop ec2 tcp/22"))

    assert first.remedies == ()
    assert [*first.lines()][-1] == "no rule of a group helps at acl mine ingress: the network ACL denies it"
    assert len(second.remedies) == 1


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
        "no rule of a group helps at acl mine egress; this entry would:",
        "  egress: {rule: 100, tcp: 1024-65535, to: 198.51.100.7/32, action: allow}",
        f"{ACL_IN_AWS} --egress --rule-number 100 --protocol tcp --port-range From=1024,To=65535 {TO_LAPTOP}",
        "asked again on paper with them: delivered, RULE",
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
