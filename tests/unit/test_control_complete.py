"""What a lab file leaves out, filled in; a file measured against AWS's quotas. aws-behaviour.md, parts 1.5 and 4."""

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

import pytest

from netlab.control import completed
from netlab.errors import InputError, RefusedError
from netlab.model.acls import AclEntry, NetworkAcl
from netlab.model.addresses import Cidr, cidr_from_text
from netlab.model.rules import (
    TCP,
    Direction,
    GroupRef,
    Peer,
    Ports,
    PrefixList,
    PrefixListRef,
    Rule,
    SecurityGroup,
    Traffic,
)
from netlab.model.topology import Instance, Interface, Lab, NatGateway, Subnet, SubnetRoute, Vpc

IN, OUT = Direction.INGRESS, Direction.EGRESS
V4, V6 = IPv4Network("10.0.0.0/16"), IPv6Network("2001:db8:0:100::/56")


def _rule(peer: Peer, port: int = 1, rule_id: str = "") -> Rule:
    return Rule(rule_id, IN, Traffic(TCP, Ports(port, port)), peer)


def _lab(*interfaces: Interface, cidr: str = "10.0.1.0/24", ipv6: bool = False) -> Lab:
    subnet = Subnet("a", IPv4Network(cidr), IPv6Network("2001:db8:0:101::/64") if ipv6 else None)
    instances = {each.node: Instance(each.node, (each,)) for each in interfaces}
    return Lab("unit", Vpc(V4, V6 if ipv6 else None), {"a": subnet}, instances=instances)


def _interface(node: str, *addresses: str) -> Interface:
    return Interface(node, "eth0", True, "a", tuple(map(IPv4Address, addresses)))


def _refusal(lab: Lab) -> tuple[str, str]:
    with pytest.raises(RefusedError) as caught:
        completed(lab)
    return caught.value.code, caught.value.message


def test_the_default_group_admits_its_members_in_and_everything_out() -> None:
    """Out to ::/0 only where the VPC has IPv6. Source: VPC User Guide, "Default security groups"."""
    only_v4, dual = completed(_lab()).groups["default"], completed(_lab(ipv6=True)).groups["default"]

    assert [f"{rule.id}: {rule}" for rule in only_v4.ingress] == ["default-in-1: all from default"]
    assert [f"{rule.id}: {rule}" for rule in only_v4.egress] == ["default-out-1: all to 0.0.0.0/0"]
    assert dual.ingress == only_v4.ingress
    assert [f"{rule.id}: {rule}" for rule in dual.egress] == [
        "default-out-1: all to 0.0.0.0/0",
        "default-out-2: all to ::/0",
    ]


def test_a_group_and_an_acl_named_default_stand_as_the_file_has_them() -> None:
    """They redefine the VPC's own."""
    lab = replace(_lab(), groups={"default": SecurityGroup("default")}, acls={"default": NetworkAcl("default")})

    assert completed(lab).groups == lab.groups
    assert completed(lab).acls == lab.acls


def test_the_default_acl_admits_everything_both_ways() -> None:
    """Entry 101 only where the VPC has IPv6. Source: VPC User Guide, "Default network ACL"."""
    only_v4, dual = completed(_lab()).acls["default"], completed(_lab(ipv6=True)).acls["default"]

    assert [str(entry) for entry in only_v4.ingress] == ["100 allow all 0.0.0.0/0"]
    assert [str(entry) for entry in dual.ingress] == ["100 allow all 0.0.0.0/0", "101 allow all ::/0"]
    assert (only_v4.ingress, dual.ingress) == (only_v4.egress, dual.egress)


def test_the_entries_of_an_acl_are_sorted_by_number() -> None:
    """Whatever their order in the file."""
    entries = tuple(AclEntry(number, Traffic(None), V4, allow=True) for number in (200, 100))
    lab = completed(replace(_lab(), acls={"strict": NetworkAcl("strict", entries, entries)}))

    assert [entry.number for entry in lab.acls["strict"].ingress] == [100, 200]
    assert [entry.number for entry in lab.acls["strict"].egress] == [100, 200]


def test_rule_ids_are_made_up_by_place_and_never_collide() -> None:
    """A made-up id steps aside for one the file gives, also in another group; long names are cut to fit."""
    peer = IPv4Network("0.0.0.0/0")
    web = SecurityGroup("web", tuple(_rule(peer, port, name) for port, name in enumerate(["", "mine", "", ""])))
    db = SecurityGroup("db", (_rule(peer, 1, "web-in-3"),))
    long = SecurityGroup("x" * 40, (_rule(peer),))
    twin = SecurityGroup("x" * 39 + "y", (_rule(peer),))
    lab = completed(replace(_lab(), groups={each.name: each for each in (web, db, long, twin)}))

    assert [rule.id for rule in lab.groups["web"].ingress] == ["web-in-1", "mine", "web-in-4", "web-in-5"]
    assert lab.groups["x" * 40].ingress[0].id == "x" * 35 + "-in-1"
    assert lab.groups["x" * 39 + "y"].ingress[0].id == "x" * 35 + "-in-2"


def test_interfaces_without_a_group_get_the_default_one() -> None:
    """Groups that are given stay, in their order, each once."""
    two = replace(_interface("two"), security_groups=("web", "default", "web"))
    lab = completed(replace(_lab(_interface("one"), two), groups={"web": SecurityGroup("web")}))

    assert [each.security_groups for each in lab.interfaces()] == [("default",), ("web", "default")]


def test_addresses_are_the_next_free_ones_from_the_subnets_base_plus_four() -> None:
    """In file order, instances before NAT gateways, stepping over what the file gives to anyone."""
    interfaces = [
        _interface("a"),
        _interface("b", "10.0.1.5"),
        _interface("c"),
        _interface("d", "10.0.1.9", "10.0.1.6"),
    ]
    nat = {"out": NatGateway("out", "a", IPv4Address("203.0.113.9"))}
    lab = completed(replace(_lab(*interfaces, ipv6=True), nat_gateways=nat))

    assert [[str(each) for each in interface.ipv4] for interface in lab.interfaces()] == [
        ["10.0.1.4"],
        ["10.0.1.5"],
        ["10.0.1.7"],
        ["10.0.1.9", "10.0.1.6"],
    ]
    assert [interface.ipv6 for interface in lab.interfaces()] == [
        (IPv6Address(f"2001:db8:0:101::{number}"),) for number in (4, 5, 6, 7)
    ]
    assert lab.nat_gateways["out"].ip == IPv4Address("10.0.1.8")


def test_a_nat_gateways_own_address_is_given_to_nobody_else() -> None:
    """An address that the file gives stays."""
    nat = {"out": NatGateway("out", "a", IPv4Address("203.0.113.9"), IPv4Address("10.0.1.4"))}
    lab = completed(replace(_lab(_interface("a")), nat_gateways=nat))

    assert lab.interface("a").ipv4 == (IPv4Address("10.0.1.5"),)
    assert lab.nat_gateways == nat


def test_a_subnet_gives_out_all_but_five_addresses() -> None:
    """The first four and the last of a /28 are reserved: eleven are left. Source: VPC User Guide, subnet sizing."""
    eleven = [_interface(f"n{number}") for number in range(11)]

    assert completed(_lab(*eleven, cidr="10.0.1.0/28")).interface("n10").ipv4 == (IPv4Address("10.0.1.14"),)
    assert _refusal(_lab(*eleven, _interface("n11"), cidr="10.0.1.0/28")) == (
        "InsufficientFreeAddressesInSubnet",
        "n11: The specified subnet 'a' does not have enough free addresses in 10.0.1.0/28.",
    )


def test_a_route_to_an_instance_leads_to_its_primary_interface() -> None:
    """Unless it names another; to nobody it is a mistake."""
    route = SubnetRoute(IPv4Network("10.9.0.0/16"), "nat", "")
    lab = _lab(_interface("nat"))
    subnet = replace(lab.subnets["a"], routes=(route,))

    assert completed(replace(lab, subnets={"a": subnet})).subnets["a"].routes == (replace(route, interface="eth0"),)
    with pytest.raises(InputError, match="other: no instance of that name"):
        completed(replace(lab, subnets={"a": replace(subnet, routes=(replace(route, node="other"),))}))


def test_a_prefix_list_cannot_have_the_default_groups_name() -> None:
    """Groups and lists share one name space, and the default group is always there."""
    lists = {name: PrefixList(name, 1) for name in ("default", "defaults")}

    assert completed(replace(_lab(), prefix_lists={"defaults": lists["defaults"]}))
    with pytest.raises(InputError, match="prefix list default"):
        completed(replace(_lab(), prefix_lists=lists))


def _hosts(count: int, family: int = 4) -> tuple[Cidr, ...]:
    return tuple(cidr_from_text(f"192.0.2.{n}/32" if family == 4 else f"2001:db8::{n}/128") for n in range(count))


@pytest.mark.parametrize(
    ("peers", "taken"),
    [
        ((*_hosts(60), *_hosts(60, 6)), True),
        (_hosts(61), False),
        (_hosts(61, 6), False),
        ((*_hosts(59), GroupRef("web")), True),
        ((*_hosts(60), GroupRef("web")), False),
        ((*_hosts(50), PrefixListRef("ten")), True),
        ((*_hosts(51), PrefixListRef("ten")), False),
        ((*_hosts(60, 6), PrefixListRef("ten")), True),
        ((*_hosts(51, 6), PrefixListRef("empty")), False),
        ((*_hosts(50, 6), PrefixListRef("empty")), True),
    ],
)
def test_a_file_may_give_a_group_sixty_rules_of_a_direction_and_family(peers: tuple[Peer, ...], taken: bool) -> None:
    """A reference counts in both families, a list by its max entries; a list without entries may become either."""
    lists = {"ten": PrefixList("ten", 10, (V4,)), "empty": PrefixList("empty", 10)}
    lab = replace(
        _lab(), groups={"web": SecurityGroup("web", tuple(_rule(peer) for peer in peers))}, prefix_lists=lists
    )
    if taken:
        assert len(completed(lab).groups["web"].ingress) == len(peers)
    else:
        assert _refusal(lab) == (
            "RulesPerSecurityGroupLimitExceeded",
            "web ingress: The maximum number of rules per security group has been reached.",
        )


def test_a_file_with_the_same_rule_twice_is_refused_as_the_call_would_be() -> None:
    """The same properties with another id and description are the same rule."""
    one, other = _rule(V4, 1, "a"), replace(_rule(V4, 1, "b"), description="b")
    lab = replace(_lab(), groups={"web": SecurityGroup("web", (one, other))})

    assert _refusal(lab)[0] == "InvalidParameterValue"
    assert completed(replace(_lab(), groups={"web": SecurityGroup("web", (one, _rule(V4, 2, "b")))}))


@pytest.mark.parametrize(("count", "code"), [(5, ""), (6, "SecurityGroupsPerInterfaceLimitExceeded")])
def test_a_file_may_give_an_interface_five_groups(count: int, code: str) -> None:
    """The sixth is one too many; a group that is nowhere is refused too."""
    names = tuple(f"g{number}" for number in range(count))
    lab = replace(
        _lab(replace(_interface("ec2"), security_groups=names)), groups={name: SecurityGroup(name) for name in names}
    )
    if code:
        assert _refusal(lab)[0] == code
    else:
        assert completed(lab).interface("ec2").security_groups == names
        assert _refusal(replace(lab, groups={}))[0] == "InvalidGroup.NotFound"


@pytest.mark.parametrize(("count", "taken"), [(19, True), (20, False)])
def test_a_file_may_give_an_acl_nineteen_entries_of_a_direction_and_family(count: int, taken: bool) -> None:
    """And the final deny is the twentieth."""
    families: tuple[Cidr, ...] = (V4, V6)
    entries = tuple(
        AclEntry(number * 2 + family, Traffic(None), cidr, allow=True)
        for number in range(1, count + 1)
        for family, cidr in enumerate(families)
    )
    lab = replace(_lab(), acls={"strict": NetworkAcl("strict", entries, entries[:2])})
    if taken:
        assert len(completed(lab).acls["strict"].ingress) == 2 * count
    else:
        assert _refusal(lab)[0] == "NetworkAclEntryLimitExceeded"


@pytest.mark.parametrize(
    ("prefix_list", "code"),
    [
        (PrefixList("one", 1, _hosts(1)), ""),
        (PrefixList("one", 1, _hosts(2)), "PrefixListMaxEntriesExceeded"),
        (PrefixList("most", 1000), ""),
        (PrefixList("more", 1001), "InvalidParameterValue"),
        (PrefixList("none", 0), "InvalidParameterValue"),
        (PrefixList("six", 2, _hosts(2, 6)), ""),
        (PrefixList("mixed", 2, (*_hosts(1), *_hosts(1, 6))), "InvalidParameterValue"),
    ],
)
def test_a_prefix_list_of_a_file_keeps_to_its_size_and_family(prefix_list: PrefixList, code: str) -> None:
    """One to a thousand entries, of one family."""
    lab = replace(_lab(), prefix_lists={prefix_list.name: prefix_list})
    if code:
        assert _refusal(lab)[0] == code
    else:
        assert completed(lab).prefix_lists == lab.prefix_lists
