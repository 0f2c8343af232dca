"""The wiring of a plan: whole, pure IPv4 where the VPC is, stable, and free of connection tracking in routers."""

import re
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

import pytest

from netlab.compile import compile_lab
from netlab.compile.gateway import compile_igw
from netlab.compile.names import chain_name, mac
from netlab.compile.routes import Border, leaving
from netlab.control import apply, completed
from netlab.model.changes import AclEntryRequest, AddAclEntry
from netlab.model.rules import Direction
from netlab.model.topology import Host, Instance, Interface, Lab, NatGateway, Subnet, SubnetRoute, Vpc
from netlab.plan.difference import difference
from netlab.plan.nouns import IGW, INTERNET, VPC, FilterRule, Namespace, Plan

BUILT_IN_TARGETS = {"ACCEPT", "DROP", "RETURN", "NFLOG", "MARK", "CONNMARK", "TTL", "HL", "CT", "SET"}
ROUTERS = (VPC, IGW, INTERNET)


def interface(node: str, subnet: str, name: str = "eth0", **more: object) -> Interface:
    return Interface(node, name, name == "eth0", subnet, **more)  # type: ignore[arg-type]


def lab(*, ipv6: bool = True) -> Lab:
    """Return a lab with all there is: two ENIs, an appliance, a NAT gateway, both kinds of hosts."""

    def six(text: str) -> IPv6Network | None:
        return IPv6Network(text) if ipv6 else None

    routes = (
        SubnetRoute(IPv4Network("10.0.2.0/24"), "guard", "eth0"),
        SubnetRoute(IPv4Network("192.0.2.0/24"), "guard", "eth0"),
        SubnetRoute(IPv4Network("10.0.3.128/25"), "guard", "eth0"),
        *([SubnetRoute(IPv6Network("2001:db8:0:102::/64"), "guard", "eth0")] if ipv6 else []),
    )
    subnets = (
        Subnet("public", IPv4Network("10.0.1.0/24"), six("2001:db8:0:101::/64"), internet=True),
        Subnet("private", IPv4Network("10.0.2.0/24"), six("2001:db8:0:102::/64"), nat="out"),
        Subnet("guarded", IPv4Network("10.0.3.0/24"), six("2001:db8:0:103::/64"), internet=True, routes=routes),
        Subnet("lonely", IPv4Network("10.0.4.0/24")),
    )
    instances = (
        Instance("ec2", (interface("ec2", "public", public_ip=IPv4Address("203.0.113.10")),)),
        Instance("two", (interface("two", "private"), interface("two", "lonely", "eth1"))),
        Instance("guard", (interface("guard", "public", source_dest_check=False),)),
        Instance("inner", (interface("inner", "guarded"),)),
    )
    hosts = (
        Host("laptop", (IPv4Address("198.51.100.7"), IPv6Address("2001:db8:ffff::7"))),
        Host("liar", (IPv4Address("198.51.100.8"),), spoof=True),
    )
    return completed(
        Lab(
            "wired",
            Vpc(IPv4Network("10.0.0.0/16"), six("2001:db8:0:100::/56")),
            {subnet.name: subnet for subnet in subnets},
            nat_gateways={"out": NatGateway("out", "public", IPv4Address("203.0.113.99"))},
            instances={instance.name: instance for instance in instances},
            hosts={host.name: host for host in hosts},
        )
    )


def rules(namespace: Namespace) -> Iterator[FilterRule]:
    for table in namespace.tables:
        for chain in table.chains:
            yield from chain.rules


@pytest.fixture(scope="module")
def plan() -> Plan:
    return compile_lab(lab())


def test_every_end_of_a_link_is_a_device_of_its_namespace_and_in_one_link_alone(plan: Plan) -> None:
    ends = [end for link in plan.links for end in (link.one, link.other)]
    devices = {(name, device.name) for name, namespace in plan.namespaces.items() for device in namespace.devices}

    assert len(ends) == len(set(ends))
    assert devices - set(ends) == {(name, "lo") for name in plan.namespaces} | {(VPC, "void"), (INTERNET, "void")}
    assert set(ends) <= devices


def test_a_namespace_speaks_of_its_own_devices_alone(plan: Plan) -> None:
    for namespace in plan.namespaces.values():
        own = {device.name for device in namespace.devices} | {""}
        named = {route.device for route in namespace.routes} | {each.device for each in namespace.neighbours}
        named |= {rule.in_interface for rule in namespace.policy_rules}
        named |= {name for rule in rules(namespace) for name in (rule.in_interface, rule.out_interface)}

        assert named <= own, namespace.name


def test_every_chain_stands_behind_those_it_jumps_to(plan: Plan) -> None:
    for namespace in plan.namespaces.values():
        for table in namespace.tables:
            seen = set(BUILT_IN_TARGETS)
            for chain in table.chains:
                assert {rule.target.name for rule in chain.rules} <= seen, (namespace.name, table.name, chain.name)
                assert len(chain.name) <= 28
                seen.add(chain.name)


def test_the_other_end_of_every_link_is_known_by_its_true_mac(plan: Plan) -> None:
    macs = {(name, device.name): device.mac for name, each in plan.namespaces.items() for device in each.devices}
    far = {link.one: link.other for link in plan.links} | {link.other: link.one for link in plan.links}
    known = [(name, each) for name, namespace in plan.namespaces.items() for each in namespace.neighbours]

    assert known
    for name, neighbour in known:
        assert neighbour.mac == macs[far[name, neighbour.device]], (name, neighbour)
    for name in ROUTERS:
        gateways = {(route.device, route.gateway) for route in plan.namespaces[name].routes if route.gateway}
        assert gateways <= {(each.device, each.address) for each in plan.namespaces[name].neighbours}


@pytest.mark.parametrize("name", ROUTERS)
def test_routers_have_nothing_that_would_start_connection_tracking(plan: Plan, name: str) -> None:
    namespace = plan.namespaces[name]
    words = {match.name for rule in rules(namespace) for match in rule.matches}
    words |= {rule.target.name for rule in rules(namespace)}

    assert not words & {"conntrack", "connmark", "connlimit", "state", "CT", "CONNMARK"}
    assert not any(re.search(r"\bct\b|\bnat hook\b|masquerade", table.script) for table in namespace.nft)
    assert "type nat hook" in plan.namespaces[":nat:out"].nft[0].script


def test_a_vpc_without_ipv6_has_none_inside_but_its_internet_has() -> None:
    namespaces = compile_lab(lab(ipv6=False)).namespaces
    inside = [each for name, each in namespaces.items() if name not in {INTERNET, "laptop", "liar"}]

    for namespace in inside:
        addresses = [address for device in namespace.devices for address in device.addresses]
        addresses += [route.destination for route in namespace.routes]
        assert {address.version for address in addresses} == {4}, namespace.name
        assert {each.address.version for each in namespace.neighbours} <= {4}
        assert {rule.family for rule in namespace.policy_rules} <= {4}
    assert {route.destination.version for route in namespaces[INTERNET].routes} == {4, 6}


def test_every_address_of_an_interface_has_its_route_to_its_card(plan: Plan) -> None:
    found = lab()
    routes = {route.destination: route.device for route in plan.namespaces[VPC].routes if route.table == 254}

    for index, each in enumerate(found.interfaces()):
        assert {routes[ip_network(address)] for address in each.addresses} == {f"c{index}"}
    assert routes[ip_network("10.0.0.0/16")] == routes[ip_network("2001:db8:0:100::/56")] == "void"


def test_answers_of_one_of_several_interfaces_leave_by_it(plan: Plan) -> None:
    """Also to somebody in the subnet of another one."""
    two = plan.namespaces["two"]

    for interface in lab().instances["two"].interfaces:
        tables = {rule.table for rule in two.policy_rules if rule.source in map(ip_network, interface.addresses)}
        assert {route.device for route in two.routes if route.table in tables} == {interface.name}
    assert len(two.policy_rules) == sum(len(each.addresses) for each in lab().instances["two"].interfaces)
    assert {route.device for route in two.routes if route.table == 254} == {"eth0"}
    assert plan.namespaces["ec2"].policy_rules == ()


def test_only_an_appliance_forwards(plan: Plan) -> None:
    assert ("ipv4/ip_forward", "1") in plan.namespaces["guard"].sysctls
    assert ("ipv4/ip_forward", "1") not in plan.namespaces["ec2"].sysctls


@pytest.mark.parametrize(
    ("subnet", "target", "border"),
    [
        ("public", "10.0.1.99", Border.NONE),
        ("public", "10.0.2.1", Border.SUBNET),
        ("public", "10.0.255.255", Border.SUBNET),
        ("public", "10.1.0.0", Border.GATEWAY),
        ("public", "2001:db8:0:101::1", Border.NONE),
        ("public", "2001:db8:0:102::1", Border.SUBNET),
        ("public", "2001:db8:0:200::1", Border.GATEWAY),
        ("private", "198.51.100.7", Border.GATEWAY),  # by the NAT gateway
        ("private", "2001:db8:ffff::7", Border.SUBNET),  # to nowhere
        ("guarded", "10.0.3.1", Border.NONE),
        ("guarded", "10.0.3.200", Border.NONE),  # neighbours need no route
        ("guarded", "192.0.2.9", Border.SUBNET),  # to the appliance
        ("guarded", "192.0.3.9", Border.GATEWAY),
        ("lonely", "192.0.2.9", Border.SUBNET),
        ("lonely", "10.0.4.9", Border.NONE),
        ("public", "169.254.169.254", Border.SUBNET),
    ],
)
def test_what_a_packet_crosses_is_known_from_its_destination(subnet: str, target: str, border: Border) -> None:
    found, address = lab(), ip_address(target)
    ways = leaving(found, found.subnets[subnet], address.version)

    assert next(way for cidr, way in ways if address in cidr) is border


def test_a_route_to_an_appliance_in_the_same_subnet_crosses_nothing() -> None:
    found = lab()
    own = replace(found.subnets["public"], routes=(SubnetRoute(IPv4Network("0.0.0.0/0"), "guard", "eth0"),))

    assert leaving(found, own, 4)[-1] == (IPv4Network("0.0.0.0/0"), Border.NONE)
    assert leaving(found, found.subnets["public"], 4)[-1] == (IPv4Network("0.0.0.0/0"), Border.GATEWAY)


def test_the_gateway_maps_public_addresses_and_without_any_none() -> None:
    found = lab()
    with_some = compile_igw(found).nft[0].script
    with_none = compile_igw(replace(found, instances={}, nat_gateways={})).nft[0].script

    assert "203.0.113.10 : 10.0.1.4" in with_some
    assert "elements" not in with_none


def test_a_change_of_an_acl_touches_one_table_of_the_router_a_family() -> None:
    found = lab()
    request = AclEntryRequest(50, "tcp", 22, 22, "0.0.0.0/0", "deny")
    changed = apply(found, AddAclEntry("default", Direction.INGRESS, request))
    found_difference = difference(compile_lab(found), compile_lab(changed))

    assert not difference(compile_lab(found), compile_lab(found))
    assert [each.name for each in found_difference.changed] == [VPC]
    assert [(each.family, each.name) for each in found_difference.changed[0].tables] == [(4, "mangle")]


def test_mac_addresses_are_stable_local_and_each_its_own(plan: Plan) -> None:
    macs = [device.mac for each in plan.namespaces.values() for device in each.devices if device.name != "lo"]

    assert len(macs) == len(set(macs))
    assert all(re.fullmatch(r"02(:[0-9a-f]{2}){5}", each) for each in macs)
    assert mac("ec2", "eth0") == "02:f6:52:b8:36:41"


@pytest.mark.parametrize("name", ["a", "x" * 40, "x" * 39 + "y", "Sub.net_1-b"])
def test_chain_names_fit_and_stay_apart(name: str) -> None:
    found = {
        chain_name(kind, each, part) for kind in ("acl", "subnet") for each in (name, "z") for part in ("in", "out")
    }

    assert len(found) == 8
    assert max(map(len, found)) <= 28
