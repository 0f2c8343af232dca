"""Authorize, revoke and attach: what AWS stores, and what it refuses. aws-behaviour.md, parts 1.1–1.6, 4 and 5."""

import re
from dataclasses import replace
from ipaddress import IPv4Network, IPv6Network

import pytest

from netlab.control import apply, completed
from netlab.errors import InputError, RefusedError
from netlab.model.changes import Attach, Authorize, Revoke, RuleRequest
from netlab.model.notation import parse_rule
from netlab.model.rules import Direction, PrefixList, SecurityGroup
from netlab.model.topology import Host, Instance, Interface, Lab, Subnet, Vpc

IN, OUT = Direction.INGRESS, Direction.EGRESS
SIX_GROUPS = ("web", "db", "g1", "g2", "g3", "g4")


def _lab() -> Lab:
    """Return a lab with groups, a list of three addresses at most, an instance of two interfaces and a host."""
    interfaces = (Interface("ec2", "eth0", True, "public"), Interface("ec2", "eth1", False, "public"))
    lab = Lab(
        "unit",
        Vpc(IPv4Network("10.0.0.0/16"), IPv6Network("2001:db8:0:100::/56")),
        {"public": Subnet("public", IPv4Network("10.0.1.0/24"))},
        groups={name: SecurityGroup(name) for name in SIX_GROUPS},
        prefix_lists={"offices": PrefixList("offices", 3, (IPv4Network("198.51.100.0/24"),))},
        instances={"ec2": Instance("ec2", interfaces)},
        hosts={"laptop": Host("laptop", ())},
    )
    lab = completed(lab)
    lab = apply(lab, Authorize("web", IN, (parse_rule("tcp/443 from 10.0.0.0/16", IN),)))
    return apply(lab, Authorize("web", IN, (parse_rule("all from 192.0.2.0/24", IN),)))


LAB = _lab()


def _request(protocol: str, first: int | None, last: int | None, peer: str, description: str = "") -> RuleRequest:
    return RuleRequest(protocol, first, last, peer, description)


def _refusal(change: Authorize | Revoke | Attach) -> tuple[str, str]:
    with pytest.raises(RefusedError) as caught:
        apply(LAB, change)
    return caught.value.code, caught.value.message


STORED = [
    # protocol, from, to, peer                      ; as stored
    ("tcp", 22, 22, "0.0.0.0/0", "tcp/22 from 0.0.0.0/0"),
    ("TCP", 22, 22, "0.0.0.0/0", "tcp/22 from 0.0.0.0/0"),
    ("6", 22, 22, "0.0.0.0/0", "tcp/22 from 0.0.0.0/0"),
    ("17", 53, 53, "0.0.0.0/0", "udp/53 from 0.0.0.0/0"),
    ("tcp", 0, 65535, "0.0.0.0/0", "tcp/all from 0.0.0.0/0"),
    ("tcp", 65535, 65535, "0.0.0.0/0", "tcp/65535 from 0.0.0.0/0"),
    ("udp", 8000, 8080, "::/0", "udp/8000-8080 from ::/0"),
    ("udp", 8000, 8080, "::0/0", "udp/8000-8080 from ::/0"),
    ("tcp", 22, 22, "100.68.0.18/18", "tcp/22 from 100.68.0.0/18"),
    ("tcp", 22, 22, "2001:DB8::1/32", "tcp/22 from 2001:db8::/32"),
    ("tcp", 22, 22, "192.0.2.1/32", "tcp/22 from 192.0.2.1/32"),
    ("1", 8, -1, "0.0.0.0/0", "icmp/8 from 0.0.0.0/0"),
    ("icmp", 8, 8, "0.0.0.0/0", "icmp/8/8 from 0.0.0.0/0"),
    ("icmp", 3, 4, "0.0.0.0/0", "icmp/3/4 from 0.0.0.0/0"),
    ("icmp", 255, 255, "0.0.0.0/0", "icmp/255/255 from 0.0.0.0/0"),
    ("icmp", -1, -1, "0.0.0.0/0", "icmp/all from 0.0.0.0/0"),
    ("icmp", -1, 4, "0.0.0.0/0", "icmp/all from 0.0.0.0/0"),
    ("icmp", 8, -1, "::/0", "icmp/8 from ::/0"),
    ("58", 128, 0, "::/0", "icmpv6/128/0 from ::/0"),
    ("icmpv6", None, None, "::/0", "icmpv6/all from ::/0"),
    ("icmpv6", None, None, "0.0.0.0/0", "icmpv6/all from 0.0.0.0/0"),
    ("-1", None, None, "0.0.0.0/0", "all from 0.0.0.0/0"),
    ("-1", -1, -1, "0.0.0.0/0", "all from 0.0.0.0/0"),
    ("-1", 22, 22, "0.0.0.0/0", "all from 0.0.0.0/0"),
    ("50", None, None, "0.0.0.0/0", "esp from 0.0.0.0/0"),
    ("gre", 22, 70000, "0.0.0.0/0", "gre from 0.0.0.0/0"),
    ("0", None, None, "0.0.0.0/0", "0 from 0.0.0.0/0"),
    ("255", None, None, "0.0.0.0/0", "255 from 0.0.0.0/0"),
    ("tcp", 22, 22, "self", "tcp/22 from web"),
    ("tcp", 22, 22, "db", "tcp/22 from db"),
    ("tcp", 22, 22, "offices", "tcp/22 from offices"),
]


@pytest.mark.parametrize(("protocol", "first", "last", "peer", "stored"), STORED)
def test_a_rule_is_stored_normalised(
    protocol: str, first: int | None, last: int | None, peer: str, stored: str
) -> None:
    """Protocol, ports and peer are stored as AWS reads them back, behind the rules that were there."""
    lab = apply(LAB, Authorize("web", IN, (_request(protocol, first, last, peer),)))

    assert [str(rule) for rule in lab.groups["web"].ingress[2:]] == [stored]
    assert lab.groups["web"].ingress[:2] == LAB.groups["web"].ingress


BAD = "InvalidParameterValue"
BOTH = "Invalid value for portRange. Must specify both from and to ports with"
REFUSED = [
    # protocol, from, to, peer                      ; code, message
    ("tcp", None, 22, "0.0.0.0/0", BAD, f"{BOTH} TCP/UDP."),
    ("udp", 22, None, "0.0.0.0/0", BAD, f"{BOTH} TCP/UDP."),
    ("icmp", None, None, "0.0.0.0/0", BAD, f"{BOTH} ICMP."),
    ("icmp", 8, None, "0.0.0.0/0", BAD, f"{BOTH} ICMP."),
    ("tcp", 22, 21, "0.0.0.0/0", BAD, "Invalid TCP/UDP port range (22:21)"),
    ("tcp", 22, 65536, "0.0.0.0/0", "InvalidPermission.Malformed", "TCP/UDP port (65536) out of range"),
    ("tcp", -1, 22, "0.0.0.0/0", "InvalidPermission.Malformed", "TCP/UDP port (-1) out of range"),
    ("icmp", 256, 0, "0.0.0.0/0", BAD, "ICMP type (256) out of range"),
    ("icmp", 8, 65535, "0.0.0.0/0", BAD, "ICMP code (65535) out of range"),
    ("icmpv6", -2, None, "::/0", BAD, "ICMP type (-2) out of range"),
    ("x", 1, 1, "0.0.0.0/0", BAD, "Invalid value 'x' for IP protocol. Unknown protocol."),
    ("256", None, None, "0.0.0.0/0", BAD, "Invalid value '256' for IP protocol. Unknown protocol."),
    ("-2", None, None, "0.0.0.0/0", BAD, "Invalid value '-2' for IP protocol. Unknown protocol."),
    (
        "",
        1,
        1,
        "0.0.0.0/0",
        BAD,
        "Invalid value 'null' for protocol. VPC security group rules must specify protocols explicitly.",
    ),
    ("tcp", 22, 22, "10.0.0.0/33", BAD, "CIDR block 10.0.0.0/33 is malformed"),
    ("tcp", 22, 22, "10.0.a.0/24", BAD, "CIDR block 10.0.a.0/24 is malformed"),
    ("tcp", 22, 22, "10.0.0.1", BAD, "CIDR block 10.0.0.1 is malformed"),
    ("tcp", 22, 22, "10.0.0.300", BAD, "CIDR block 10.0.0.300 is malformed"),
    ("tcp", 22, 22, "2001:db8::1", BAD, "CIDR block 2001:db8::1 is malformed"),
    ("tcp", 22, 22, "10.0.0.0/255.0.0.0", BAD, "CIDR block 10.0.0.0/255.0.0.0 is malformed"),
    ("tcp", 22, 22, "nobody", "InvalidGroup.NotFound", "The security group 'nobody' does not exist"),
    ("tcp", 22, 22, "pl-0", "InvalidPrefixListID.NotFound", "The prefix list (pl-0) does not exist."),
    (
        "tcp",
        22,
        22,
        "",
        "MissingParameter",
        "The request must contain exactly one of: cidrIp, cidrIpv6, prefixListId, or referencedGroupId",
    ),
    (
        "tcp",
        443,
        443,
        "10.0.0.0/16",
        "InvalidPermission.Duplicate",
        'the specified rule "peer: 10.0.0.0/16, TCP, from port: 443, to port: 443, ALLOW" already exists',
    ),
    (
        "6",
        443,
        443,
        "10.0.77.1/16",
        "InvalidPermission.Duplicate",
        'the specified rule "peer: 10.0.0.0/16, TCP, from port: 443, to port: 443, ALLOW" already exists',
    ),
    (
        "-1",
        0,
        0,
        "192.0.2.0/24",
        "InvalidPermission.Duplicate",
        'the specified rule "peer: 192.0.2.0/24, ALL, ALLOW" already exists',
    ),
]


@pytest.mark.parametrize(("protocol", "first", "last", "peer", "code", "message"), REFUSED)
def test_a_rule_is_refused_with_the_code_and_text_of_aws(
    protocol: str, first: int | None, last: int | None, peer: str, code: str, message: str
) -> None:
    """Whatever is wrong with one rule of a call, the call is refused as a whole."""
    good = _request("tcp", 1, 1, "0.0.0.0/0")
    change = Authorize("web", IN, (good, _request(protocol, first, last, peer)))

    assert (code, message) == _refusal(change)
    assert len(apply(LAB, Authorize("web", IN, (good,))).groups["web"].ingress) == 3


def test_a_description_does_not_make_another_rule_but_a_port_network_or_direction_does() -> None:
    """Duplicates are told by protocol, ports and peer alone, in one direction of one group."""
    same = _request("tcp", 443, 443, "10.0.0.0/16", "another description")

    assert _refusal(Authorize("web", IN, (same,)))[0] == "InvalidPermission.Duplicate"
    assert apply(LAB, Authorize("web", OUT, (same,)))
    assert apply(LAB, Authorize("db", IN, (same,)))
    assert apply(LAB, Authorize("web", IN, (replace(same, to_port=444),)))
    assert apply(LAB, Authorize("web", IN, (replace(same, peer="10.0.0.0/17"),)))
    assert apply(LAB, Authorize("web", IN, (replace(same, protocol="udp"),)))


def test_a_call_with_the_same_rule_twice_is_refused_also_in_two_spellings() -> None:
    """The permission is the same once it is normalised."""
    rules = (_request("tcp", 1, 1, "10.0.0.0/8"), _request("6", 1, 1, "10.9.9.9/8", "same"))

    assert _refusal(Authorize("web", IN, rules)) == (BAD, "The same permission must not appear multiple times")
    assert _refusal(Revoke("web", IN, rules)) == (BAD, "The same permission must not appear multiple times")
    assert apply(LAB, Authorize("web", IN, (rules[0], replace(rules[1], to_port=2))))


@pytest.mark.parametrize("kind", [Authorize, Revoke])
def test_an_unknown_group_and_an_empty_call_are_refused(kind: type[Authorize | Revoke]) -> None:
    """Both before any rule is looked at."""
    assert _refusal(kind("nobody", IN, (_request("x", 1, 1, ""),)))[0] == "InvalidGroup.NotFound"
    assert _refusal(kind("web", IN, ()))[0] == "MissingParameter"


@pytest.mark.parametrize(("length", "text", "taken"), [(255, "a", True), (256, "a", False), (1, "é", False)])
def test_a_description_has_at_most_255_of_the_characters_aws_takes(length: int, text: str, taken: bool) -> None:
    """AWS's set: letters, digits, space and some punctuation."""
    change = Authorize("web", IN, (_request("tcp", 1, 1, "0.0.0.0/0", text * length),))
    if taken:
        assert apply(LAB, change).groups["web"].ingress[-1].description == text * length
    else:
        assert _refusal(change)[0] == BAD


def test_revoke_takes_a_rule_by_its_properties_in_any_spelling() -> None:
    """The rule goes, the other one stays, whatever description or id the call names."""
    request = RuleRequest("6", 443, 443, "10.0.3.4/16", "not its description", "not-its-id")
    lab = apply(LAB, Revoke("web", IN, (request,)))

    assert [str(rule) for rule in lab.groups["web"].ingress] == ["all from 192.0.2.0/24"]


@pytest.mark.parametrize(
    "rule", ["tcp/444 from 10.0.0.0/16", "udp/443 from 10.0.0.0/16", "tcp/443 from 10.0.0.0/17", "tcp/443 from db"]
)
def test_revoking_a_rule_that_is_not_there_is_refused_whole(rule: str) -> None:
    """The near misses of a rule are other rules; a call that names one beside a real one takes neither."""
    real = parse_rule("tcp/443 from 10.0.0.0/16", IN)
    refusal = ("InvalidPermission.NotFound", "The specified rule does not exist in this security group.")

    assert _refusal(Revoke("web", IN, (real, parse_rule(rule, IN)))) == refusal
    assert _refusal(Revoke("web", OUT, (real,))) == refusal
    assert apply(LAB, Revoke("web", IN, (real,)))


def test_new_rules_get_the_next_free_id_of_their_group_and_direction() -> None:
    """Made-up ids count on, an id that was asked for is kept, and no live id is given twice."""
    asked = RuleRequest("tcp", 1, 1, "0.0.0.0/0", id="web-in-5")
    rules = tuple(_request("tcp", port, port, "0.0.0.0/0") for port in (2, 3, 4))
    lab = apply(LAB, Authorize("web", IN, (rules[0], asked, *rules[1:])))
    lab = apply(lab, Revoke("web", IN, (rules[0],)))
    lab = apply(lab, Authorize("web", IN, (rules[0],)))

    assert [rule.id for rule in lab.groups["web"].ingress] == [
        "web-in-1",
        "web-in-2",
        "web-in-5",
        "web-in-6",
        "web-in-7",
        "web-in-8",
    ]


@pytest.mark.parametrize("rule_id", ["web-in-1", "with space", "x" * 41])
def test_an_id_that_is_taken_or_cannot_be_one_is_the_users_mistake(rule_id: str) -> None:
    """Ids are netlab's own, so AWS has no code for them."""
    with pytest.raises(InputError, match="rule id") as caught:
        apply(LAB, Authorize("db", IN, (RuleRequest("tcp", 1, 1, "0.0.0.0/0", id=rule_id),)))

    assert not isinstance(caught.value, RefusedError)
    assert apply(LAB, Authorize("db", IN, (RuleRequest("tcp", 1, 1, "0.0.0.0/0", id="x" * 40),)))


@pytest.mark.parametrize(
    ("peers", "more", "taken"),
    [
        (["192.0.2.{}/32"] * 60, "198.51.100.1/32", False),
        (["192.0.2.{}/32"] * 59, "198.51.100.1/32", True),
        (["192.0.2.{}/32"] * 60, "2001:db8::/64", True),
        (["192.0.2.{}/32"] * 60, "self", False),
        (["192.0.2.{}/32"] * 59, "self", True),
        (["2001:db8::{}/128"] * 60, "self", False),
        (["2001:db8::{}/128"] * 59, "self", True),
        (["192.0.2.{}/32"] * 58, "offices", False),
        (["192.0.2.{}/32"] * 57, "offices", True),
        (["2001:db8::{}/128"] * 60, "offices", True),
    ],
)
def test_a_group_takes_sixty_rules_of_a_direction_and_family(peers: list[str], more: str, taken: bool) -> None:
    """A group reference counts once in both families, a prefix list its max entries in its own."""
    requests = tuple(_request("tcp", 1, 1, peer.format(number)) for number, peer in enumerate(peers))
    lab = apply(LAB, Authorize("db", IN, requests))
    change = Authorize("db", IN, (_request("tcp", 1, 1, more),))
    if taken:
        assert len(apply(lab, change).groups["db"].ingress) == len(peers) + 1
    else:
        with pytest.raises(RefusedError) as caught:
            apply(lab, change)

        assert caught.value.code == "RulesPerSecurityGroupLimitExceeded"
    assert apply(lab, replace(change, direction=OUT))


def test_attach_replaces_the_groups_of_one_interface() -> None:
    """The primary one where none is named; the other keeps its groups."""
    primary = apply(LAB, Attach("ec2", "", ("web", "db", "web"))).instances["ec2"]
    second = apply(LAB, Attach("ec2", "eth1", SIX_GROUPS[:5])).instances["ec2"]

    assert [each.security_groups for each in primary.interfaces] == [("web", "db"), ("default",)]
    assert [each.security_groups for each in second.interfaces] == [("default",), SIX_GROUPS[:5]]


@pytest.mark.parametrize(
    ("groups", "code"),
    [
        ((), "InvalidParameterCombination"),
        (("web", "nobody"), "InvalidGroup.NotFound"),
        (SIX_GROUPS, "SecurityGroupsPerInterfaceLimitExceeded"),
    ],
)
def test_attach_refuses_no_group_unknown_groups_and_more_than_five(groups: tuple[str, ...], code: str) -> None:
    """An interface keeps at least one group and at most five."""
    assert _refusal(Attach("ec2", "", groups))[0] == code


@pytest.mark.parametrize(("node", "interface"), [("nobody", ""), ("laptop", ""), ("ec2", "eth2")])
def test_attach_to_what_has_no_groups_is_the_users_mistake(node: str, interface: str) -> None:
    """An unknown node, a host on the internet, an unknown interface: no AWS code, one line."""
    with pytest.raises(InputError) as caught:
        apply(LAB, Attach(node, interface, ("web",)))

    assert not isinstance(caught.value, RefusedError)
    assert "\n" not in str(caught.value)


IN_ONE_LINE = [
    # as typed                    ; refused with
    ("foo from 0.0.0.0/0", ("InvalidParameterValue", "Invalid value 'foo' for IP protocol. Unknown protocol.")),
    ("foo/22 from 0.0.0.0/0", ("InvalidParameterValue", "Invalid value 'foo' for IP protocol. Unknown protocol.")),
    ("256 from 0.0.0.0/0", ("InvalidParameterValue", "Invalid value '256' for IP protocol. Unknown protocol.")),
    (
        "tcp from 0.0.0.0/0",
        ("InvalidParameterValue", "Invalid value for portRange. Must specify both from and to ports with TCP/UDP."),
    ),
    (
        "17 from 0.0.0.0/0",
        ("InvalidParameterValue", "Invalid value for portRange. Must specify both from and to ports with TCP/UDP."),
    ),
    (
        "icmp from 0.0.0.0/0",
        ("InvalidParameterValue", "Invalid value for portRange. Must specify both from and to ports with ICMP."),
    ),
    (
        "from 0.0.0.0/0",
        (
            "InvalidParameterValue",
            "Invalid value 'null' for protocol. VPC security group rules must specify protocols explicitly.",
        ),
    ),
]


@pytest.mark.parametrize(("typed", "refusal"), IN_ONE_LINE)
def test_a_rule_in_one_line_is_refused_as_aws_refuses_it(typed: str, refusal: tuple[str, str]) -> None:
    """Its notation lets through what AWS has a code for: an unknown protocol or none, and ports that are missing."""
    assert _refusal(Authorize("web", IN, (parse_rule(typed, IN),))) == refusal


@pytest.mark.parametrize("typed", ["udp/53", "gre", "icmp/8", "icmpv6", "ALL", "50"])
def test_a_rule_in_one_line_that_aws_takes(typed: str) -> None:
    """The near misses: ports, a type, or a protocol that has neither."""
    apply(_lab(), Authorize("web", IN, (parse_rule(f"{typed} from 203.0.113.0/24", IN),)))


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("tcp/22", "wanted TRAFFIC from PEER"),
        ("tcp/22 0.0.0.0/0", "wanted TRAFFIC from PEER"),
        ("foo to 0.0.0.0/0", "found 'to', wanted 'from' in ingress"),
        ("tcp/http from 0.0.0.0/0", "'tcp/http': wanted "),
        ("foo/bar from 0.0.0.0/0", "'foo/bar': wanted "),
    ],
)
def test_a_rule_whose_form_is_wrong_is_told_the_notation(typed: str, said: str) -> None:
    """No request can be made of it, so AWS has nothing to refuse."""
    with pytest.raises(InputError, match=re.escape(said)) as caught:
        parse_rule(typed, IN)

    assert not isinstance(caught.value, RefusedError)
