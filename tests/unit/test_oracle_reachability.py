"""What an explanation proves by asking again, and what Reachability Analyzer would call a loss."""

import json
from dataclasses import replace
from ipaddress import ip_address
from typing import Any

import pytest
from oracle_labs import ALL_OUT, OPEN, bare_lab, lab_of, question_of, with_acl, with_interface, with_rules, with_subnet

from netlab.model.stories import Fields
from netlab.model.topology import Lab
from netlab.model.verdicts import Seen
from netlab.oracle.explain import explain


def _strict(entries: str) -> Lab:
    return lab_of(OPEN, with_subnet(with_acl(bare_lab(), "strict", entries), "public", acl="strict"))


CASES: list[tuple[str, Lab, str, dict[str, Any]]] = [
    ("no rule at all", lab_of(""), "laptop ec2 tcp/80", {"ExplanationCode": "SG_HAS_NO_RULES", "Direction": "ingress"}),
    (
        "rules, and none that admits",
        lab_of("ingress tcp/22 from 0.0.0.0/0"),
        "laptop ec2 tcp/80",
        {"ExplanationCode": "ENI_SG_RULES_MISMATCH", "Direction": "ingress", "NetworkInterface": {"Id": "ec2"}},
    ),
    (
        "on the way out",
        lab_of("egress tcp/22 to 0.0.0.0/0"),
        "ec2 www tcp/443",
        {"ExplanationCode": "ENI_SG_RULES_MISMATCH", "Direction": "egress", "SecurityGroups": [{"Id": "web"}]},
    ),
    (
        "an entry of an ACL",
        _strict("ingress 90 deny tcp/22-25 198.51.100.0/24"),
        "laptop ec2 tcp/22",
        {
            "ExplanationCode": "SUBNET_ACL_RESTRICTION",
            "Acl": {"Id": "strict"},
            "AclRule": {
                "Cidr": "198.51.100.0/24", "Egress": False, "Protocol": "tcp", "RuleAction": "deny", "RuleNumber": 90,
                "PortRange": {"From": 22, "To": 25},
            },
        },
    ),
    (
        "an ACL's final deny",
        _strict("ingress 90 allow tcp/23 0.0.0.0/0"),
        "laptop ec2 tcp/22",
        {
            "ExplanationCode": "SUBNET_ACL_RESTRICTION",
            "AclRule": {
                "Cidr": "0.0.0.0/0", "Egress": False, "Protocol": "all", "RuleAction": "deny", "RuleNumber": 32767,
            },
        },
    ),
    (
        "no route",
        lab_of(OPEN),
        "ec2 10.0.9.9 tcp/1",
        {"ExplanationCode": "NO_ROUTE_TO_DESTINATION", "Destination": {"Id": "10.0.9.9"}},
    ),
    (
        "out without a public address",
        with_interface(lab_of(OPEN), "ec2", public_ip=None),
        "ec2 www tcp/443",
        {"ExplanationCode": "IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS", "Direction": "egress", "Address": "10.0.1.10"},
    ),
    (
        "in without a public address",
        with_interface(lab_of(OPEN), "ec2", public_ip=None),
        "laptop ec2 tcp/22",
        {"ExplanationCode": "IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS", "Direction": "ingress", "Address": "10.0.1.10"},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("lab", "words", "wanted"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_a_loss_has_the_analyzers_code(lab: Lab, words: str, wanted: dict[str, Any]) -> None:
    """In its shapes, with the lab's names as ids."""
    found = json.loads(json.dumps(explain(lab, question_of(words)).as_json()))["reachability_analyzer"]
    (said,) = found["Explanations"]

    assert found["NetworkPathFound"] is False
    assert {key: said[key] for key in wanted} == wanted


def test_a_spoofed_packet_is_the_source_dest_checks() -> None:
    """Of the interface that has the check."""
    question = question_of("ec2 peer tcp/22", Fields(src=ip_address("192.0.2.66")))
    (said,) = explain(lab_of(OPEN), question).as_json()["reachability_analyzer"]["Explanations"]  # type: ignore[index]

    assert said == {"ExplanationCode": "ENI_SOURCE_DEST_CHECK_RESTRICTION", "NetworkInterface": {"Id": "ec2"}}


def test_what_the_analyzer_has_no_word_for_has_no_code() -> None:
    """A full connection table, and an address on the internet that nobody has; and a path that is found."""
    full = with_interface(lab_of(f"ingress tcp/22 from offices; {ALL_OUT}"), "ec2", allowance=0)
    for lab, words, found in (
        (full, "laptop ec2 tcp/22", False),
        (lab_of(OPEN), "ec2 192.0.2.200 tcp/22", False),
        (lab_of(OPEN), "laptop ec2 tcp/22", True),
    ):
        said = explain(lab, question_of(words)).as_json()["reachability_analyzer"]

        assert said == {"NetworkPathFound": found, "Explanations": []}


def test_the_smallest_rule_is_proved_by_asking_again() -> None:
    """With it the flow is delivered, and the text says that this was on paper."""
    answer = explain(lab_of(""), question_of("laptop ec2 tcp/80"))

    assert answer.proof is not None
    assert answer.proof.seen is Seen.DELIVERED
    assert list(answer.lines())[-1] == "asked again on paper with that: delivered, RULE"


def test_rules_are_named_gate_after_gate() -> None:
    """The sender's egress first, then the receiver's ingress; together they let it through."""
    lab = with_interface(lab_of(""), "far", security_groups=("web",))
    answer = explain(lab, question_of("ec2 far tcp/5432"))
    with_both = lab
    for remedy in answer.remedies:
        with_both = with_rules(with_both, remedy.group, f"{remedy.direction.value} {remedy.rule}")

    assert [(each.direction.value, each.rule) for each in answer.remedies] == [
        ("egress", "tcp/5432 to 10.0.2.10/32"),
        ("ingress", "tcp/5432 from 10.0.1.10/32"),
    ]
    assert list(answer.lines())[-1] == "asked again on paper with them: delivered, RULE"
    assert explain(with_both, question_of("ec2 far tcp/5432")).seen is Seen.DELIVERED


def test_where_the_next_gate_is_no_rules_business_the_proof_says_so() -> None:
    """The rule admits the packet, and it is lost behind: at the internet gateway."""
    lab = with_interface(lab_of(""), "ec2", public_ip=None)
    answer = explain(lab, question_of("ec2 www tcp/443"))

    assert len(answer.remedies) == 1
    assert list(answer.lines())[-2:] == [
        "asked again on paper with that: lost at igw, NO_PUBLIC_ADDRESS",
        "no rule of a group helps at igw: no public address belongs to it",
    ]


def test_a_rule_that_a_quota_refuses_is_not_named() -> None:
    """Sixty rules are all a group may have; one fewer leaves room."""
    full = "; ".join(f"ingress tcp/{port} from 10.0.0.0/8" for port in range(1000, 1060))
    lab = lab_of(full)
    room = replace(lab, groups={**lab.groups, "web": replace(lab.groups["web"], ingress=lab.groups["web"].ingress[1:])})

    assert explain(lab, question_of("laptop ec2 tcp/80")).remedies == ()
    assert len(explain(room, question_of("laptop ec2 tcp/80")).remedies) == 1
