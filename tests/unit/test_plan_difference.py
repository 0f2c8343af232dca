"""The difference of two plans: what a change touches, and nothing else."""

from dataclasses import replace
from ipaddress import ip_interface, ip_network

import pytest

from netlab.plan.difference import NamespaceDifference, PlanDifference, SetChange, difference
from netlab.plan.nouns import (
    Chain,
    Device,
    FilterRule,
    IpSet,
    Link,
    Namespace,
    NftTable,
    Plan,
    PolicyRule,
    Route,
    Table,
    Target,
)

OFFICES = IpSet("offices", "hash:net", 4, None, frozenset({"198.51.100.0/24", "203.0.113.0/24"}))
PEERS = IpSet("peers", "hash:ip", 4, 600, None)
FILTER = Table(4, "filter", (Chain("FORWARD", (FilterRule(Target("ACCEPT")),), "DROP"),))
FILTER6 = replace(FILTER, family=6)
ALIVE = NftTable("inet", "card", "set alive { }")
CARD = Namespace(
    "ec2:eth0",
    (Device("inst"), Device("vpc")),
    sysctls=(("ipv4/ip_forward", "1"),),
    sets=(OFFICES, PEERS),
    tables=(FILTER, FILTER6),
    nft=(ALIVE,),
)
EC2 = Namespace("ec2", (Device("eth0"),))
PLAN = Plan("lab", {"ec2": EC2, "ec2:eth0": CARD}, (Link(("ec2", "eth0"), ("ec2:eth0", "inst")),))


def _with(card: Namespace) -> Plan:
    return replace(PLAN, namespaces={"ec2": EC2, "ec2:eth0": card})


def test_a_plan_differs_in_nothing_from_itself() -> None:
    """Nothing differs, and that is false."""
    found = difference(PLAN, _with(replace(CARD)))

    assert found == PlanDifference()
    assert not found


CHANGES = [
    (
        "a rule touches its table alone",
        replace(CARD, tables=(replace(FILTER, chains=(Chain("FORWARD", (), "DROP"),)), FILTER6)),
        NamespaceDifference("ec2:eth0", tables=(replace(FILTER, chains=(Chain("FORWARD", (), "DROP"),)),)),
    ),
    (
        "a table no longer planned becomes empty",
        replace(CARD, tables=(FILTER,)),
        NamespaceDifference("ec2:eth0", tables=(Table(6, "filter", ()),)),
    ),
    (
        "a membership touches its set alone",
        replace(CARD, sets=(replace(OFFICES, members=frozenset({"198.51.100.0/24", "192.0.2.0/24"})), PEERS)),
        NamespaceDifference(
            "ec2:eth0",
            sets_changed=(
                SetChange(
                    replace(OFFICES, members=frozenset({"198.51.100.0/24", "192.0.2.0/24"})),
                    frozenset({"192.0.2.0/24"}),
                    frozenset({"203.0.113.0/24"}),
                ),
            ),
        ),
    ),
    (
        "sets come and go",
        replace(CARD, sets=(PEERS, replace(OFFICES, name="homes"))),
        NamespaceDifference("ec2:eth0", sets_created=(replace(OFFICES, name="homes"),), sets_dropped=(OFFICES,)),
    ),
    (
        "a new value of a setting",
        replace(CARD, sysctls=(("ipv4/ip_forward", "0"),)),
        NamespaceDifference("ec2:eth0", sysctls=(("ipv4/ip_forward", "0"),)),
    ),
    (
        "an nftables table",
        replace(CARD, nft=(replace(ALIVE, script="set alive { } "),)),
        NamespaceDifference("ec2:eth0", nft=(replace(ALIVE, script="set alive { } "),)),
    ),
    ("an nftables table goes", replace(CARD, nft=()), NamespaceDifference("ec2:eth0", nft_dropped=(ALIVE,))),
]


@pytest.mark.parametrize(("card", "expected"), [row[1:] for row in CHANGES], ids=[row[0] for row in CHANGES])
def test_a_change_touches_only_what_differs(card: Namespace, expected: NamespaceDifference) -> None:
    """One line a kind of change; the other namespace is never in it."""
    found = difference(PLAN, _with(card))

    assert found.changed == (expected,)
    assert found
    assert not found.topology


def test_what_rules_fill_is_left_alone() -> None:
    """A set without planned members keeps its content, whatever the rest does."""
    found = difference(PLAN, _with(replace(CARD, sets=(OFFICES, replace(PEERS)))))

    assert not found


EVERYWHERE = ip_network("0.0.0.0/0")
WIRING = [
    ("a device", replace(CARD, devices=(Device("inst"),)), "ec2:eth0: devices"),
    ("an address", replace(CARD, devices=(Device("inst", (ip_interface("192.0.2.1/24"),)), Device("vpc"))), "devices"),
    ("a route", replace(CARD, routes=(Route(EVERYWHERE, "vpc"),)), "ec2:eth0: routes"),
    (
        "a set's type",
        replace(CARD, sets=(replace(OFFICES, kind="hash:ip"), PEERS)),
        "ec2:eth0: the type of set offices",
    ),
    ("a set's timeout", replace(CARD, sets=(OFFICES, replace(PEERS, timeout_s=60))), "ec2:eth0: the type of set peers"),
    ("a routing rule", replace(CARD, policy_rules=(PolicyRule(1, 1, 4),)), "ec2:eth0: policy_rules"),
]


@pytest.mark.parametrize(("card", "said"), [row[1:] for row in WIRING], ids=[row[0] for row in WIRING])
def test_other_wiring_is_another_topology(card: Namespace, said: str) -> None:
    """It is told in words."""
    assert said in " ".join(difference(PLAN, _with(card)).topology)
    assert difference(PLAN, PLAN).topology == ()


def test_the_order_of_wiring_does_not_count() -> None:
    """The same devices in another order are the same topology."""
    assert not difference(PLAN, _with(replace(CARD, devices=CARD.devices[::-1])))


def test_nodes_and_links_come_and_go_as_topology() -> None:
    """Each is told; the other way round, the opposite."""
    more = replace(PLAN, namespaces={**PLAN.namespaces, "db": Namespace("db")})

    assert difference(PLAN, more).topology == ("db: new",)
    assert difference(more, PLAN).topology == ("db: gone",)
    assert difference(PLAN, replace(PLAN, links=())).topology == ("links",)
