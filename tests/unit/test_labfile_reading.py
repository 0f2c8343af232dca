"""What a lab file means: each part as the words of the model."""

# ruff: noqa: E501 (one case, one line)

from dataclasses import replace
from ipaddress import ip_address, ip_network

import pytest

from netlab.formats import parse_lab, render_lab
from netlab.model.changes import (
    AclEntryRequest,
    AddAclEntry,
    AddPrefix,
    Attach,
    Authorize,
    RemoveAclEntry,
    RemovePrefix,
    Revoke,
    RuleRequest,
)
from netlab.model.rules import Direction, GroupRef, PrefixListRef
from netlab.model.stories import (
    ChangeStep,
    ErrorStep,
    Fields,
    OpenStep,
    PacketStep,
    Question,
    Step,
    TableStep,
    WaitStep,
    Wanted,
)
from netlab.model.topology import ConnectionTracking, Host, Interface, Lab, NatGateway, SubnetRoute

HEAD = """\
name: small
vpc: {cidr: 10.0.0.0/16, ipv6_cidr: "2001:db8:0:100::/56"}
subnets: {public: {cidr: 10.0.1.0/24, ipv6_cidr: "2001:db8:0:101::/64", internet: true}}
prefix_lists: {offices: {max_entries: 3, entries: [198.51.100.0/24]}, six: {entries: ["2001:db8::/32"]}}
network_acls: {strict: {}}
instances:
  ec2: {subnet: public, public_ip: 3.95.203.191, security_groups: [web]}
  pair: {interfaces: {eth0: {subnet: public}, eth1: {subnet: public}}}
hosts: {laptop: {ip: [198.51.100.7, "2001:db8:ffff::7"]}}
"""


def _rules(ingress: str) -> Lab:
    return parse_lab(f"{HEAD}security_groups:\n  web: {{ingress: [{ingress}]}}\n")


def _story(*steps: str) -> tuple[Step, ...]:
    lines = "".join(f"    - {step}\n" for step in steps)
    lab = parse_lab(f"{HEAD}security_groups: {{web: {{}}}}\nstories:\n  one:\n{lines}")
    return tuple(replace(step, line=0) for step in lab.stories[0].steps)


RULES = [
    ("{tcp: 22, from: 10.0.0.0/8}", "tcp/22 from 10.0.0.0/8"),
    ('{tcp: "22", from: 10.0.0.0/8}', "tcp/22 from 10.0.0.0/8"),
    ("{tcp: 022, from: 10.0.0.0/8}", "tcp/22 from 10.0.0.0/8"),
    ("{tcp: 22-23, from: 10.0.0.0/8}", "tcp/22-23 from 10.0.0.0/8"),
    ("{tcp: 0-65535, from: 10.0.0.0/8}", "tcp/all from 10.0.0.0/8"),
    ("{udp: all, from: self}", "udp/all from web"),
    ("{udp: 53, from: default}", "udp/53 from default"),
    ("{udp: 53, from: offices}", "udp/53 from offices"),
    ("{icmp: all, from: 0.0.0.0/0}", "icmp/all from 0.0.0.0/0"),
    ("{icmp: 8, from: 0.0.0.0/0}", "icmp/8 from 0.0.0.0/0"),
    ("{icmp: 3/4, from: 0.0.0.0/0}", "icmp/3/4 from 0.0.0.0/0"),
    ('{icmpv6: 128, from: "::/0"}', "icmpv6/128 from ::/0"),
    ('{protocol: all, from: "::0/0"}', "all from ::/0"),
    ('{protocol: "-1", from: 0.0.0.0/0}', "all from 0.0.0.0/0"),
    ("{protocol: GRE, from: 0.0.0.0/0}", "gre from 0.0.0.0/0"),
    ("{protocol: 50, from: 0.0.0.0/0}", "esp from 0.0.0.0/0"),
    ("{protocol: 99, from: 0.0.0.0/0}", "99 from 0.0.0.0/0"),
]


@pytest.mark.parametrize(("written", "meant"), RULES)
def test_a_rule_means_what_the_notation_says(written: str, meant: str) -> None:
    """Every protocol key and every kind of peer."""
    lab = _rules(written)

    assert [str(rule) for rule in lab.groups["web"].ingress] == [meant]
    assert lab.warnings == ()


def test_peers_are_told_apart_by_name() -> None:
    """A group's name, one's own, a prefix list's."""
    lab = _rules("{tcp: 1, from: self}, {tcp: 1, from: default}, {tcp: 1, from: offices}")

    assert [rule.peer for rule in lab.groups["web"].ingress] == [
        GroupRef("web"),
        GroupRef("default"),
        PrefixListRef("offices"),
    ]


@pytest.mark.parametrize(
    ("vpc", "egress", "meant"),
    [
        ("{cidr: 10.0.0.0/16}", "", ["all to 0.0.0.0/0"]),
        ('{cidr: 10.0.0.0/16, ipv6_cidr: "2001:db8::/56"}', "", ["all to 0.0.0.0/0", "all to ::/0"]),
        ('{cidr: 10.0.0.0/16, ipv6_cidr: "2001:db8::/56"}', "egress: []", []),
        ("{cidr: 10.0.0.0/16}", "egress: [{tcp: 1, to: self}]", ["tcp/1 to web"]),
    ],
)
def test_egress_left_out_is_everything_and_an_empty_one_nothing(vpc: str, egress: str, meant: list[str]) -> None:
    """As AWS gives it to a new group. Source: VPC User Guide, security group rules."""
    lab = parse_lab(
        f"name: x\nvpc: {vpc}\nsubnets: {{a: {{cidr: 10.0.1.0/24}}}}\nsecurity_groups: {{web: {{{egress}}}}}\n"
    )

    assert [str(rule) for rule in lab.groups["web"].egress] == meant
    assert lab.groups["web"].ingress == ()


WARNINGS = [
    ("{tcp: 22, from: 10.1.2.3/8}", ["lab.yaml:11: web ingress: from: 10.1.2.3/8 has host bits set, 10.0.0.0/8 is meant"]),
    ("{tcp: 22, from: 10.0.0.0/8}", []),
    ('{icmp: 8, from: "::/0"}', ["lab.yaml:11: web ingress: icmp with an IPv6 peer matches nothing; IPv6 has icmpv6"]),
    ("{icmp: 8, from: six}", ["lab.yaml:11: web ingress: icmp with an IPv6 peer matches nothing; IPv6 has icmpv6"]),
    ("{icmp: 8, from: offices}", []),
    ("{icmpv6: 128, from: 0.0.0.0/0}", ["lab.yaml:11: web ingress: icmpv6 with an IPv4 peer matches nothing; IPv4 has icmp"]),
    ("{icmpv6: 128, from: self}", []),
]  # fmt: skip


@pytest.mark.parametrize(("written", "said"), WARNINGS)
def test_what_is_read_otherwise_than_written_is_warned_of(written: str, said: list[str]) -> None:
    """Host bits are cleared, as AWS clears them; ICMP of the other family matches nothing."""
    assert list(_rules(written).warnings) == said


ROUNDED = [
    # scale; udp timer of the third card; what is said
    ("1", 30, None),
    ("2", 30, None),
    ("0.1", 30, None),
    ("0.5", 30, None),
    ("0.05", 30, "icmp 30 s becomes 2 s (40 s unscaled); udp 30 s becomes 2 s (40 s unscaled)"),
    (
        "0.01",
        60,
        (
            "icmp 30 s becomes 1 s (100 s unscaled); udp 30 s becomes 1 s (100 s unscaled); "
            "udp_stream 180 s becomes 2 s (200 s unscaled); udp 60 s becomes 1 s (100 s unscaled)"
        ),
    ),
]


@pytest.mark.parametrize(("scale", "udp_s", "said"), ROUNDED)
def test_a_factor_that_makes_timers_uneven_is_warned_of(scale: str, udp_s: int, said: str | None) -> None:
    """The kernel's timers are whole seconds, at least 1. One line a lab has each timer once, however many cards."""
    lab = parse_lab(
        "name: x\nvpc: {cidr: 10.0.0.0/16}\nsubnets: {a: {cidr: 10.0.1.0/24}}\n"
        "instances: {i: {subnet: a}, j: {subnet: a},"
        f" k: {{subnet: a, connection_tracking: {{udp: {udp_s}}}}}}}\ntimers: {{scale: {scale}}}\n"
    )

    wanted = (
        [f"lab.yaml:5: timers: scale: {scale} leaves no whole seconds, at least 1, of each: {said}"] if said else []
    )
    assert (lab.scale, list(lab.warnings)) == (float(scale), wanted)


def test_an_instance_has_one_interface_of_its_own_keys_or_those_written_out() -> None:
    """What is left out stays empty: completing it is not the reader's business."""
    lab = parse_lab(
        f"{HEAD}security_groups: {{web: {{}}}}\n".replace(
            "eth1: {subnet: public}",
            'eth1: {subnet: public, ip: [10.0.1.8, 10.0.1.9], ipv6: "2001:db8:0:101::8", source_dest_check: false, '
            "conntrack_allowance: 5, connection_tracking: {udp: 60}}",
        )
    )

    assert lab.instances["ec2"].interfaces == (
        Interface(
            "ec2",
            "eth0",
            primary=True,
            subnet="public",
            public_ip=lab.instances["ec2"].primary.public_ip,
            security_groups=("web",),
        ),
    )
    assert lab.interface("pair", "eth0") == Interface("pair", "eth0", primary=True, subnet="public")
    second = lab.interface("pair", "eth1")
    assert [str(each) for each in second.addresses] == ["10.0.1.8", "10.0.1.9", "2001:db8:0:101::8"]
    assert (second.primary, second.source_dest_check, second.allowance) == (False, False, 5)
    assert second.connection_tracking == ConnectionTracking(432_000, 60, 180)


def test_subnets_lead_to_gateways_and_to_instances() -> None:
    """Routes name an interface, the primary one where the file names none."""
    lab = parse_lab(
        "name: x\nvpc: {cidr: 10.0.0.0/16}\nsubnets:\n"
        "  a: {cidr: 10.0.1.0/24, nat: out, routes: {192.0.2.0/24: nva, 198.51.100.0/24: nva/eth1}}\n"
        "  b: {cidr: 10.0.2.0/24, internet: true}\n"
        "nat_gateways: {out: {subnet: b, public_ip: 203.0.113.99}}\n"
        "instances: {nva: {interfaces: {eth0: {subnet: a}, eth1: {subnet: b}}}}\n"
    )

    assert lab.subnets["a"].routes == (
        SubnetRoute(ip_network("192.0.2.0/24"), "nva", "eth0"),
        SubnetRoute(ip_network("198.51.100.0/24"), "nva", "eth1"),
    )
    assert (lab.subnets["a"].nat, lab.subnets["a"].internet, lab.subnets["a"].acl) == ("out", False, "default")
    assert (lab.subnets["b"].nat, lab.subnets["b"].internet) == (None, True)
    gateway = lab.nat_gateways["out"]
    assert gateway == NatGateway("out", "b", gateway.public_ip, None)
    assert str(gateway.public_ip) == "203.0.113.99"


def test_hosts_have_addresses_of_either_family() -> None:
    """One or a list."""
    lab = parse_lab(f"{HEAD}security_groups: {{web: {{}}}}\n")
    addresses = (ip_address("198.51.100.7"), ip_address("2001:db8:ffff::7"))

    assert lab.hosts == {"laptop": Host("laptop", addresses, (), spoof=False)}


def test_acl_entries_are_sorted_by_number() -> None:
    """The lowest decides, wherever it stands in the file."""
    lab = parse_lab(
        "name: x\nvpc: {cidr: 10.0.0.0/16}\nsubnets: {a: {cidr: 10.0.1.0/24}}\nnetwork_acls:\n  strict:\n    ingress:\n"
        "      - {rule: 200, tcp: 22, from: 0.0.0.0/0, action: deny}\n"
        '      - {rule: 100, protocol: all, from: "::/0", action: allow}\n'
    )

    assert [str(entry) for entry in lab.acls["strict"].ingress] == ["100 allow all ::/0", "200 deny tcp/22 0.0.0.0/0"]
    assert lab.acls["strict"].egress == ()


IN, OUT = Direction.INGRESS, Direction.EGRESS
OPEN = "{open: f, from: ec2, to: laptop, tcp: 443, seen: delivered}"
DELIVERED = Wanted("delivered")
STEPS: list[tuple[str, Step]] = [
    ("{open: g, from: ec2, to: laptop, udp: 53, family: 6, seen: lost, at: card ec2 egress, reason: NO_RULE}", OpenStep("g", Question("ec2", "laptop", 17, dport=53, family=6), Wanted("lost", "", "card ec2 egress", "NO_RULE"))),
    ("{open: g, from: ec2, to: laptop, icmp: 8, seen: delivered}", OpenStep("g", Question("ec2", "laptop", 1, icmp_type=8, icmp_code=0, family=4), DELIVERED)),
    ("{open: g, from: ec2, to: laptop, icmpv6: 1/4, seen: delivered}", OpenStep("g", Question("ec2", "laptop", 58, icmp_type=1, icmp_code=4, family=6), DELIVERED)),
    ("{open: g, from: ec2, to: laptop, protocol: gre, seen: delivered}", OpenStep("g", Question("ec2", "laptop", 47), DELIVERED)),
    ('{open: g, from: laptop, to: "ec2:public", tcp: 22, real: true, seen: refused}', OpenStep("g", Question("laptop", "ec2:public", 6, dport=22, real=True), Wanted("refused"))),
    ("{send: f, flags: AS, sport: 1, dport: 2, src: 192.0.2.1, size: 9000, df: true, seen: lost}", PacketStep("f", reply=False, fields=Fields("SA", 1, 2, ip_address("192.0.2.1"), 9000, df=True), wanted=Wanted("lost"))),
    ("{reply: f, seen: delivered, reason: TRACKED}", PacketStep("f", reply=True, fields=Fields(), wanted=Wanted("delivered", reason="TRACKED"))),
    ("{error: f, type: 3/4, from: laptop, to: ec2, seen: delivered}", ErrorStep("f", 3, 4, "laptop", "ec2", DELIVERED)),
    ("{error: f, type: 11, from: 10.0.0.2, to: ec2, seen: delivered}", ErrorStep("f", 11, 0, "10.0.0.2", "ec2", DELIVERED)),
    ("{reply: f, seen: lost, at: card pair/eth0 ingress}", PacketStep("f", reply=True, fields=Fields(), wanted=Wanted("lost", at="card pair ingress"))),
    ("{reply: f, seen: lost, at: card pair/eth1 ingress}", PacketStep("f", reply=True, fields=Fields(), wanted=Wanted("lost", at="card pair/eth1 ingress"))),
    ("{authorize: web, ingress: {tcp: 22-25, from: 10.0.0.9/8, description: d, id: i}}", ChangeStep(Authorize("web", IN, (RuleRequest("tcp", 22, 25, "10.0.0.9/8", "d", "i"),)))),
    ("{authorize: web, egress: [{udp: all, to: self}, {icmp: all, to: offices}]}", ChangeStep(Authorize("web", OUT, (RuleRequest("udp", 0, 65535, "self"), RuleRequest("icmp", -1, -1, "offices"))))),
    ('{revoke: default, ingress: {protocol: all, from: "::/0"}}', ChangeStep(Revoke("default", IN, (RuleRequest("-1", None, None, "::/0"),)))),
    ("{revoke: web, ingress: {protocol: gre, from: self}}", ChangeStep(Revoke("web", IN, (RuleRequest("47", None, None, "self"),)))),
    ("{authorize: web, ingress: {tcp: 22-21, from: x}, refused: A.B}", ChangeStep(Authorize("web", IN, (RuleRequest("tcp", 22, 21, "x"),)), "A.B")),
    ("{authorize: no, ingress: {tcp: ~}, refused: A.B}", ChangeStep(Authorize("no", IN, (RuleRequest("tcp", None, None, ""),)), "A.B")),
    ("{authorize: web, ingress: {icmp: 8/300, from: web}, refused: A.B}", ChangeStep(Authorize("web", IN, (RuleRequest("icmp", 8, 300, "web"),)), "A.B")),
    ("{attach: ec2, security_groups: [web, default]}", ChangeStep(Attach("ec2", "", ("web", "default")))),
    ("{attach: pair/eth1, security_groups: [default]}", ChangeStep(Attach("pair", "eth1", ("default",)))),
    ("{acl: strict, add: {egress: {rule: 50, tcp: 22, to: 0.0.0.0/0, action: deny}}}", ChangeStep(AddAclEntry("strict", OUT, AclEntryRequest(50, "tcp", 22, 22, "0.0.0.0/0", "deny")))),
    ("{acl: default, remove: {ingress: {rule: 100}}}", ChangeStep(RemoveAclEntry("default", IN, 100))),
    ("{prefix_list: offices, add: 192.0.2.0/24}", ChangeStep(AddPrefix("offices", "192.0.2.0/24"))),
    ("{prefix_list: offices, remove: 192.0.2.0/24}", ChangeStep(RemovePrefix("offices", "192.0.2.0/24"))),
    ("{wait: 31s}", WaitStep(31)),
    ("{wait: 31}", WaitStep(31)),
    ("{wait: 500ms}", WaitStep(0.5)),
    ("{wait: 2m}", WaitStep(120)),
    ("{wait: 1h}", WaitStep(3600)),
    ("{table: ec2, holds: [f]}", TableStep("ec2", ("f",))),
    ("{table: pair, lacks: [f]}", TableStep("pair", (), ("f",))),
]  # fmt: skip


@pytest.mark.parametrize(("written", "meant"), STEPS)
def test_a_step_means(written: str, meant: Step) -> None:
    """Every kind of step, with every key it takes."""
    assert _story(OPEN, written)[1] == meant


def test_steps_and_rows_know_their_lines() -> None:
    """So that a failed one can be found in the file."""
    lab = parse_lab(
        f"{HEAD}security_groups: {{web: {{}}}}\nexpect:\n  - {{from: ec2, to: laptop, tcp: 1, seen: lost}}\n"
        f"stories:\n  one:\n    - {OPEN}\n    - {{wait: 1}}\n"
    )

    assert [row.line for row in lab.expectations] == [12]
    assert [(story.name, story.line, [step.line for step in story.steps]) for story in lab.stories] == [
        ("one", 14, [15, 16])
    ]


def test_what_yaml_once_took_for_something_else_is_text() -> None:
    """YAML 1.2: `no` is a word, 22:25 no number in base sixty, 1.10 not 1.1; and anchors may be used."""
    lab = parse_lab(
        "name: 1.10\nvpc: {cidr: 10.0.0.0/16}\nsubnets: {no: &s {cidr: 10.0.1.0/24}, on: {cidr: 10.0.2.0/24}}\n"
        "security_groups:\n  yes: {ingress: [&ssh {tcp: 22, from: 0.0.0.0/0, description: 22:25}]}\n"
        "  other: {ingress: [*ssh]}\n"
    )

    assert (lab.name, list(lab.subnets), list(lab.groups)) == ("1.10", ["no", "on"], ["yes", "other"])
    assert lab.groups["yes"].ingress == lab.groups["other"].ingress
    assert lab.groups["yes"].ingress[0].description == "22:25"


def test_empty_sections_are_sections_without_anything() -> None:
    """As they are when all of one has been commented out."""
    lab = parse_lab(
        "name: x\nvpc: {cidr: 10.0.0.0/16}\nsubnets: {a: {cidr: 10.0.1.0/24}}\nhosts:\ninstances:\nexpect:\nstories:\n"
    )

    assert (lab.hosts, lab.instances, lab.expectations, lab.stories) == ({}, {}, (), ())


def test_a_written_lab_is_read_again_without_a_warning() -> None:
    """Host bits are gone from what is written."""
    lab = _rules("{tcp: 22, from: 10.1.2.3/8}")

    assert parse_lab(render_lab(lab)).warnings == ()
