"""
Whole labs, drawn: subnets, groups, references, lists, ACLs, interfaces, gateways, hosts; few addresses and ports, so
that rules and packets meet.

Everything is drawn from a `random.Random` that is handed in: a seeded one for `netlab selftest`, Hypothesis's own in
the tests. A drawn lab is as a file gives it; `control.completed` fills in the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from random import Random

from netlab.check.strategies_rules import draw_acls, draw_groups, draw_prefix_lists
from netlab.model.acls import DEFAULT_ACL
from netlab.model.addresses import Address, Cidr
from netlab.model.topology import (
    DEFAULT_GROUP,
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

GROUPS = ("g1", "g2", "g3", "g4")
LISTS = ("near", "far")
ACLS = ("strict", DEFAULT_ACL)
APPLIANCE_CIDRS = ("198.51.100.0/24", "192.0.2.0/24", "10.0.9.0/24")

_QUICK_SCALE = 1 / 60  # UDP's 30 s and TCP's least 60 s are one second each


def draw_lab(rng: Random, name: str) -> Lab:
    """Draw a lab; its rules have no ids yet."""
    ipv6 = rng.random() < 0.6
    subnets = _subnets(rng, ipv6=ipv6)
    instances = _instances(rng, subnets, ipv6=ipv6)
    hosts = _hosts(rng, ipv6=ipv6)
    nat_gateways = _nat_gateways(rng, subnets)
    cidrs = _cidrs(subnets, instances, hosts, ipv6=ipv6)
    prefix_lists = draw_prefix_lists(rng, LISTS, cidrs)
    # The kernel counts a datagram's flow as long as a stream's: with an allowance nothing may expire. (A known gap.)
    limited = any(each.allowance is not None for node in instances.values() for each in node.interfaces)
    return Lab(
        name,
        Vpc(IPv4Network("10.0.0.0/16"), IPv6Network("2001:db8:0:100::/56") if ipv6 else None),
        _routed(rng, _through_nat(rng, subnets, nat_gateways), instances, nat_gateways),
        groups=draw_groups(rng, GROUPS, (*GROUPS, DEFAULT_GROUP), tuple(prefix_lists), cidrs, ipv6=ipv6),
        prefix_lists=prefix_lists,
        acls=draw_acls(rng, ACLS, cidrs, ipv6=ipv6),
        nat_gateways=nat_gateways,
        instances=instances,
        hosts=hosts,
        scale=_QUICK_SCALE if rng.random() < 0.12 and not limited else 1.0,
    )


def _subnets(rng: Random, *, ipv6: bool) -> dict[str, Subnet]:
    found = {}
    for number in range(1, rng.randint(1, 3) + 1):
        name = f"net{number}"
        network6 = IPv6Network(f"2001:db8:0:10{number}::/64") if ipv6 and rng.random() < 0.9 else None
        found[name] = Subnet(
            name,
            IPv4Network(f"10.0.{number}.0/24"),
            network6,
            internet=rng.random() < 0.7,
            acl=rng.choice(ACLS),
        )
    return found


def _nat_gateways(rng: Random, subnets: Mapping[str, Subnet]) -> dict[str, NatGateway]:
    homes = [name for name, subnet in subnets.items() if subnet.internet]
    if len(subnets) < 2 or not homes or rng.random() < 0.5:
        return {}
    home = rng.choice(homes)
    own = subnets[home].cidr.network_address + 200
    return {"out": NatGateway("out", home, IPv4Address("203.0.113.99"), own)}


def _through_nat(rng: Random, subnets: Mapping[str, Subnet], gateways: Mapping[str, NatGateway]) -> dict[str, Subnet]:
    """Lead some subnets without internet through a NAT gateway."""
    homes = {gateway.subnet for gateway in gateways.values()}
    return {
        name: replace(subnet, internet=False, nat=rng.choice(list(gateways)))
        if gateways and name not in homes and rng.random() < 0.7
        else subnet
        for name, subnet in subnets.items()
    }


def _instances(rng: Random, subnets: Mapping[str, Subnet], *, ipv6: bool) -> dict[str, Instance]:
    found: dict[str, Instance] = {}
    number = 10
    for node in ("i1", "i2", "i3", "i4")[: rng.randint(1, 4)]:
        interfaces = []
        for eni in ("eth0", "eth1")[: 2 if rng.random() < 0.25 else 1]:
            interfaces.append(_interface(rng, subnets, node, eni, number, ipv6=ipv6))
            number += 1
        found[node] = Instance(node, tuple(interfaces))
    return found


def _interface(
    rng: Random, subnets: Mapping[str, Subnet], node: str, name: str, number: int, *, ipv6: bool
) -> Interface:
    subnet = subnets[rng.choice(list(subnets))]
    own4 = [IPv4Address(int(subnet.cidr.network_address) + number)]
    own6: list[IPv6Address] = []
    if ipv6 and subnet.ipv6_cidr is not None:
        own6.append(IPv6Address(int(subnet.ipv6_cidr.network_address) + number))
    if rng.random() < 0.2:
        own4.append(IPv4Address(int(subnet.cidr.network_address) + 100 + number))
        own6 += [IPv6Address(int(each) + 256) for each in own6]
    return Interface(
        node=node,
        name=name,
        primary=name == "eth0",
        subnet=subnet.name,
        ipv4=tuple(own4),
        ipv6=tuple(own6),
        public_ip=IPv4Address(f"3.95.203.{number}") if rng.random() < 0.6 else None,
        security_groups=tuple(rng.sample((*GROUPS, DEFAULT_GROUP), rng.randint(1, 3))),
        connection_tracking=ConnectionTracking(60, 60, 120) if rng.random() < 0.2 else ConnectionTracking(),
        allowance=rng.randint(1, 3) if rng.random() < 0.12 else None,
        source_dest_check=rng.random() < 0.85,
    )


def _hosts(rng: Random, *, ipv6: bool) -> dict[str, Host]:
    laptop: list[Address] = [IPv4Address("198.51.100.7")]
    server: list[Address] = [IPv4Address("203.0.113.80")]
    if ipv6:
        laptop.append(IPv6Address("2001:db8:ffff::7"))
        server.append(IPv6Address("2001:db8:fffe::80"))
    hosts = {"laptop": Host("laptop", tuple(laptop))}
    if rng.random() < 0.8:
        hosts["server"] = Host("server", tuple(server), spoof=rng.random() < 0.5)
    return hosts


def _routed(
    rng: Random,
    subnets: Mapping[str, Subnet],
    instances: Mapping[str, Instance],
    gateways: Mapping[str, NatGateway],
) -> dict[str, Subnet]:
    """
    Give a subnet a route to an appliance in another subnet; that one has no such route, or packets would circle.

    None of its interfaces is there, and no NAT gateway: its own packets could come back to it by that way.
    """
    appliances = [each for node in instances.values() for each in node.interfaces if not each.source_dest_check]
    if not appliances or rng.random() < 0.3:
        return dict(subnets)
    appliance = rng.choice(appliances)
    taken = {each.subnet for each in instances[appliance.node].interfaces}
    taken |= {each.subnet for each in gateways.values()}
    names = [name for name in subnets if name not in taken]
    if not names:
        return dict(subnets)
    name = rng.choice(names)
    cidrs = rng.sample(APPLIANCE_CIDRS, rng.randint(1, 2))
    routes = tuple(SubnetRoute(ip_network(cidr), appliance.node, appliance.name) for cidr in cidrs)
    return {**subnets, name: replace(subnets[name], routes=routes)}


def _cidrs(
    subnets: Mapping[str, Subnet], instances: Mapping[str, Instance], hosts: Mapping[str, Host], *, ipv6: bool
) -> tuple[Cidr, ...]:
    """Return the networks that rules of this lab speak of: everything, halves, subnets, single addresses."""
    texts = ["0.0.0.0/0", "0.0.0.0/0", "0.0.0.0/1", "128.0.0.0/1", "10.0.0.0/16", "198.51.100.0/24", "3.95.203.0/24"]
    if ipv6:
        texts += ["::/0", "::/0", "2001:db8:0:100::/56", "2001:db8:ffff::/48"]
    found: list[Cidr] = [ip_network(text) for text in texts]
    for subnet in subnets.values():
        found += [each for each in (subnet.cidr, subnet.ipv6_cidr) if each is not None]
    addresses = [address for node in instances.values() for each in node.interfaces for address in each.addresses]
    addresses += [address for host in hosts.values() for address in host.addresses]
    return (*found, *(ip_network(address) for address in addresses))
