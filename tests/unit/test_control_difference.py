"""What changed between two labs, in lines: what a running lab can take on, and what it cannot."""

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network
from typing import Any

import pytest

from netlab.control import apply, completed, difference
from netlab.model.acls import NetworkAcl
from netlab.model.changes import AclEntryRequest, AddAclEntry, AddPrefix, Attach, Authorize, Change, Revoke
from netlab.model.notation import parse_rule
from netlab.model.rules import Direction, PrefixList, SecurityGroup
from netlab.model.stories import Story
from netlab.model.topology import (
    ConnectionTracking,
    Host,
    Instance,
    Interface,
    Lab,
    NatGateway,
    Subnet,
    SubnetRoute,
    Vpc,
)

IN = Direction.INGRESS
SSH = parse_rule("tcp/22 from 0.0.0.0/0", IN)
TIMERS = "tcp_established 432000 s, udp 30 s, udp_stream 180 s"
WEB = parse_rule("tcp/80 from 0.0.0.0/0", IN)


def _lab() -> Lab:
    interfaces = (Interface("ec2", "eth0", True, "public"), Interface("ec2", "eth1", False, "public"))
    lab = completed(
        Lab(
            "unit",
            Vpc(IPv4Network("10.0.0.0/16")),
            {"public": Subnet("public", IPv4Network("10.0.1.0/24"), internet=True)},
            groups={"web": SecurityGroup("web"), "db": SecurityGroup("db")},
            prefix_lists={"offices": PrefixList("offices", 9)},
            acls={"strict": NetworkAcl("strict")},
            instances={"ec2": Instance("ec2", interfaces)},
            hosts={"laptop": Host("laptop", (IPv4Address("198.51.100.7"),))},
        )
    )
    return apply(lab, Authorize("web", IN, (SSH,)))


LAB = _lab()


@pytest.mark.parametrize(
    ("change", "lines"),
    [
        (Authorize("web", IN, (WEB,)), ("web: + ingress tcp/80 from 0.0.0.0/0",)),
        (Revoke("web", IN, (SSH,)), ("web: - ingress tcp/22 from 0.0.0.0/0",)),
        (Attach("ec2", "", ("web", "db")), ("ec2: security groups: default -> web, db",)),
        (Attach("ec2", "eth1", ("db",)), ("ec2/eth1: security groups: default -> db",)),
        (AddPrefix("offices", "198.51.100.0/24"), ("offices: + 198.51.100.0/24",)),
        (
            AddAclEntry("strict", IN, AclEntryRequest(100, "tcp", 22, 22, "0.0.0.0/0", "allow")),
            ("acl strict: + ingress 100 allow tcp/22 0.0.0.0/0",),
        ),
    ],
)
def test_what_a_change_does_is_a_line_of_the_policy(change: Change, lines: tuple[str, ...]) -> None:
    """And the way back has the opposite sign, or the opposite arrow."""
    new = apply(LAB, change)
    found, back = difference(LAB, new), difference(new, LAB)

    assert (found.topology, found.policy) == ((), lines)
    assert (back.topology, len(back.policy)) == ((), len(lines))


def _with_rule(**changes: Any) -> Lab:
    (rule,) = LAB.groups["web"].ingress
    return replace(LAB, groups={**LAB.groups, "web": SecurityGroup("web", (replace(rule, **changes),))})


def _without_web() -> Lab:
    return replace(LAB, groups={name: group for name, group in LAB.groups.items() if name != "web"})


def _in_other_order() -> tuple[Lab, Lab]:
    old = apply(LAB, Authorize("web", IN, (WEB,)))
    group = old.groups["web"]
    return old, replace(old, groups={**old.groups, "web": replace(group, ingress=group.ingress[::-1])})


@pytest.mark.parametrize(
    ("old", "new", "lines"),
    [
        (LAB, _with_rule(id="sgr-ssh"), ("web: ingress tcp/22 from 0.0.0.0/0: id: web-in-1 -> sgr-ssh",)),
        (LAB, _with_rule(description="log in"), ("web: ingress tcp/22 from 0.0.0.0/0: another description",)),
        (LAB, _without_web(), ("security group web: removed", "web: - ingress tcp/22 from 0.0.0.0/0")),
        (_without_web(), LAB, ("security group web: added", "web: + ingress tcp/22 from 0.0.0.0/0")),
        (*_in_other_order(), ("web: ingress rules in another order",)),
        (
            LAB,
            replace(LAB, groups={**LAB.groups, "db": SecurityGroup("db", description="x")}),
            ("db: another description",),
        ),
        (
            LAB,
            replace(LAB, prefix_lists={"offices": PrefixList("offices", 10)}),
            ("offices: max entries: 9 -> 10",),
        ),
        (LAB, replace(LAB, prefix_lists={}), ("prefix list offices: removed",)),
        (
            LAB,
            replace(LAB, subnets={"public": replace(LAB.subnets["public"], acl="strict")}),
            ("subnet public: acl: default -> strict",),
        ),
    ],
)
def test_what_a_file_changes_of_the_policy_is_said_in_lines(old: Lab, new: Lab, lines: tuple[str, ...]) -> None:
    """Groups, lists, ACLs and where they are attached can change under a running lab."""
    found = difference(old, new)

    assert (found.topology, found.policy) == ((), lines)


def _subnet(**changes: Any) -> Lab:
    return replace(LAB, subnets={"public": replace(LAB.subnets["public"], **changes)})


def _eth1(**changes: Any) -> Lab:
    instance = LAB.instances["ec2"]
    interfaces = (instance.interfaces[0], replace(instance.interfaces[1], **changes))
    return replace(LAB, instances={"ec2": replace(instance, interfaces=interfaces)})


@pytest.mark.parametrize(
    ("new", "line"),
    [
        (replace(LAB, name="other"), "lab: name: unit -> other"),
        (replace(LAB, scale=0.1), "timers: scale: 1.0 -> 0.1"),
        (replace(LAB, vpc=Vpc(IPv4Network("10.0.0.0/8"))), "vpc: cidr: 10.0.0.0/16 -> 10.0.0.0/8"),
        (_subnet(internet=False), "subnet public: internet: yes -> no"),
        (_subnet(nat="out"), "subnet public: nat: none -> out"),
        (
            _subnet(routes=(SubnetRoute(IPv4Network("10.9.0.0/16"), "ec2", "eth0"),)),
            "subnet public: routes: none -> 10.9.0.0/16 via ec2/eth0",
        ),
        (replace(LAB, hosts={}), "host laptop: removed"),
        (
            replace(LAB, hosts={"laptop": replace(LAB.hosts["laptop"], services=("http", "dns"))}),
            "host laptop: services: none -> http, dns",
        ),
        (
            replace(LAB, nat_gateways={"out": NatGateway("out", "public", IPv4Address("203.0.113.9"))}),
            "nat gateway out: added",
        ),
        (
            replace(LAB, instances={"ec2": replace(LAB.instances["ec2"], services=("ssh",))}),
            "instance ec2: services: none -> ssh",
        ),
        (_eth1(ipv4=(IPv4Address("10.0.1.77"),)), "ec2/eth1: ipv4: 10.0.1.5 -> 10.0.1.77"),
        (_eth1(allowance=10), "ec2/eth1: allowance: none -> 10"),
        (
            _eth1(connection_tracking=ConnectionTracking(udp_s=60)),
            f"ec2/eth1: connection tracking: {TIMERS} -> {TIMERS.replace('udp 30', 'udp 60')}",
        ),
        (_eth1(name="eth2"), "ec2: interfaces: eth0, eth1 -> eth0, eth2"),
    ],
)
def test_what_cannot_change_under_a_running_lab_is_topology(new: Lab, line: str) -> None:
    """Networks, nodes, interfaces, addresses, services, timers."""
    found = difference(LAB, new)

    assert (found.topology, found.policy) == ((line,), ())
    assert not found.is_empty


def test_expectations_stories_warnings_and_the_order_of_names_are_no_difference() -> None:
    """They are no part of the network."""
    groups = dict(reversed(list(LAB.groups.items())))

    assert difference(LAB, replace(LAB, groups=groups, stories=(Story("s", ()),), warnings=("w",))).is_empty
