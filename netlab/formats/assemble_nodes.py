"""Nodes of an imported lab: what carries security groups becomes an instance; groups that nothing carries get one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address

from netlab.formats.assemble_land import Land
from netlab.formats.import_facts import Facts
from netlab.formats.import_found import FoundInterface, FoundNode, FoundRoute
from netlab.formats.import_words import Names
from netlab.model.addresses import Address, contains
from netlab.model.topology import Host, Instance, Interface, Subnet, SubnetRoute

HOST = "internet-host"
HOST_ADDRESSES = (IPv4Address("198.51.100.7"), IPv6Address("2001:db8:ffff::7"))


def put_nodes(
    facts: Facts, land: Land, group_name: Callable[[str], str | None], groups: tuple[str, ...], *, furnish: bool
) -> tuple[dict[str, Instance], dict[str, Host]]:
    """
    Put the nodes on the ground, and give *land* the routes that lead to them.

    Args:
        group_name: The lab's name of a group, by the key of the files.
        groups: Every group of the lab; with *furnish* each that no interface has gets an instance of its name.
    """
    names = Names((HOST,))
    instances: dict[str, Instance] = {}
    owners: dict[str, tuple[str, str]] = {}
    for node in facts.nodes.values():
        name = names.give(f"{node.kind}-{node.name}", node.kind, node.key)
        instance = _instance(facts, land, group_name, node, name)
        if instance is None:
            continue
        instances[name] = instance
        land.places["instances", name] = node.place
        owners[node.key] = (name, "eth0")
        inside = [each for each in _in_order(node) if land.is_inside(each)]
        owners |= {each.key: (name, f"eth{number}") for number, each in enumerate(inside)}
    _lead_routes(facts, land, owners)
    hosts = {}
    if furnish:
        carried = {
            each for instance in instances.values() for eth in instance.interfaces for each in eth.security_groups
        }
        for group in groups:
            if group not in carried and land.spare:
                name = names.give(group, "group", group)
                public = None if land.spare in land.without_public else next(land.publics)
                own = Interface(name, "eth0", True, land.spare, public_ip=public, security_groups=(group,))
                instances[name] = Instance(name, (own,))
        hosts[HOST] = Host(HOST, _host_addresses(land, instances))
    return instances, hosts


def _host_addresses(land: Land, instances: dict[str, Instance]) -> tuple[Address, ...]:
    taken = {each.public_ip for instance in instances.values() for each in instance.interfaces}
    taken |= {nat.public_ip for nat in land.nats.values()}
    ipv4, ipv6 = HOST_ADDRESSES
    while ipv4 in taken:
        ipv4 += 1
    if land.vpc.ipv6_cidr is None:
        return (ipv4,)
    while contains(land.vpc.ipv6_cidr, ipv6):
        ipv6 += 1 << 64
    return (ipv4, ipv6)


def _in_order(node: FoundNode) -> list[FoundInterface]:
    return sorted(node.interfaces.values(), key=lambda each: each.index)


def _instance(
    facts: Facts, land: Land, group_name: Callable[[str], str | None], node: FoundNode, name: str
) -> Instance | None:
    interfaces: list[Interface] = []
    for found in _in_order(node):
        if not land.is_inside(found):
            land.leave_out(facts, found.place, f"interface {facts.called(found.key)} of {name}", found.vpc)
            continue
        groups = []
        for each in found.groups:
            known = group_name(each.key)
            if known is not None:
                groups.append(known)
            elif each.foreign:
                facts.note(found.place, f"{name} has {each.key}, a group {each.foreign}")
            else:
                facts.wrong(found.place, f"{name} has {each.key}, a security group that is in none of the files")
        if found.groups and not groups:
            continue
        subnet = land.subnet_of(found) or land.subnets.get(land.spare)
        if subnet is not None:
            if land.subnet_of(found) is None:
                named = f"stands in {facts.called(found.subnet)}, which the lab does not have"
                facts.note(
                    found.place, f"{name} {named if found.subnet else 'names no subnet'}: put into {subnet.name}"
                )
            interfaces.append(
                _interface(facts, land, found, subnet, name, len(interfaces), tuple(dict.fromkeys(groups)))
            )
    return Instance(name, tuple(interfaces)) if interfaces else None


def _interface(
    facts: Facts, land: Land, found: FoundInterface, subnet: Subnet, node: str, number: int, groups: tuple[str, ...]
) -> Interface:
    ipv4 = tuple(each for each in found.ipv4 if contains(subnet.cidr, each))
    ipv6 = tuple(each for each in found.ipv6 if subnet.ipv6_cidr is not None and contains(subnet.ipv6_cidr, each))
    for address in (*found.ipv4, *found.ipv6):
        if address.version == 6 and subnet.ipv6_cidr is None:
            facts.note(found.place, f"address {address} of {node}: its subnet in the lab, {subnet.name}, has no IPv6")
        elif address not in {*ipv4, *ipv6}:
            facts.note(found.place, f"address {address} of {node} lies outside its subnet in the lab, {subnet.name}")
    if found.ipv4 and not found.ipv6 and subnet.ipv6_cidr is not None:
        facts.note(found.place, f"{node} has no IPv6 address: netlab gives it one, as its subnet has IPv6")
    own: tuple[Address, ...] = (*ipv4, *ipv6)
    for address in own:
        network = subnet.cidr if address.version == 4 else subnet.ipv6_cidr
        if network is not None and address in {*(network[index] for index in range(4)), network[-1]}:
            facts.wrong(found.place, f"{address} is reserved in subnet {subnet.name}'s {network}")
        land.claim(facts, found.place, address, f"{node}/eth{number}")
    land.claim_public(facts, found.place, found.public, f"{node}/eth{number}")
    land.places["instances", node, "interfaces", f"eth{number}"] = found.place
    public = found.public or (next(land.publics) if found.wants_public and subnet.internet else None)
    return Interface(
        node=node,
        name=f"eth{number}",
        primary=number == 0,
        subnet=subnet.name,
        ipv4=ipv4,
        ipv6=ipv6,
        public_ip=None if subnet.name in land.without_public else public,
        security_groups=groups,
        connection_tracking=found.tracking,
        source_dest_check=found.source_dest_check,
    )


def _lead_routes(facts: Facts, land: Land, owners: dict[str, tuple[str, str]]) -> None:
    """Give subnets the routes that lead to instances."""
    for key, table in land.tables.items():
        name = land.names[key]
        for route in table.routes:
            if route.kind not in {"interface", "instance"}:
                continue
            if route.target in owners and not _may_have(land.subnets[name], route):
                facts.note(
                    route.place, f"the route to {route.cidr} leads to {route.target}: {name} has another way in the lab"
                )
                continue
            if route.target not in owners:
                facts.note(route.place, f"the route to {route.cidr} leads to {route.target}, which is not in the lab")
                continue
            one = SubnetRoute(route.cidr, *owners[route.target])
            land.subnets[name] = replace(land.subnets[name], routes=(*land.subnets[name].routes, one))


def _may_have(subnet: Subnet, route: FoundRoute) -> bool:
    taken = {each.cidr for each in subnet.routes}
    return route.cidr not in taken and not (route.cidr.prefixlen == 0 and (subnet.internet or subnet.nat is not None))
