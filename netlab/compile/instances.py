"""
Instances and their cards: the wiring of their namespaces. What a card decides stands in `card.py`.

An instance knows what an EC2 instance knows: its addresses, its subnet as one link, the router ``.1`` and
``fe80:ec2::1``. Its card answers ARP for everybody else on that link. A card leads whatever comes from the VPC to the
instance, and whatever comes from the instance to the VPC, whatever its address: to judge that is for its rules.
"""

from __future__ import annotations

from ipaddress import IPv4Interface, IPv6Interface, ip_interface

from netlab.compile.names import (
    INSIDE_MTU,
    ROUTER_IPV6,
    card_device,
    default_routes,
    families,
    far_neighbours,
    lone_devices,
    mac,
)
from netlab.compile.routers import ENDPOINT_SYSCTLS, FORWARDING_SYSCTLS, ROUTER_SYSCTLS, device_sysctls
from netlab.compile.vpc import router_of
from netlab.model.addresses import EVERYWHERE
from netlab.model.topology import Instance, Interface, Lab
from netlab.plan.nouns import (
    VPC,
    Device,
    IpSet,
    Link,
    Namespace,
    Neighbour,
    NftTable,
    PolicyRule,
    Route,
    Table,
    card_name,
)

_INWARD_TABLE, _INWARD_PRIORITY = 100, 100
_ENI_TABLE, _ENI_PRIORITY = 100, 100


def compile_instance(lab: Lab, instance: Instance, *, tables: tuple[Table, ...]) -> Namespace:
    """Compile an instance's own namespace, with the tables handed over."""
    names = [interface.name for interface in instance.interfaces]
    forwards = any(not interface.source_dest_check for interface in instance.interfaces)
    routes, rules = _instance_routes(lab, instance)
    return Namespace(
        instance.name,
        devices=(Device("lo"), *(_eni(lab, interface) for interface in instance.interfaces)),
        sysctls=(*ENDPOINT_SYSCTLS, *(FORWARDING_SYSCTLS if forwards else ()), *device_sysctls(*names)),
        routes=routes,
        policy_rules=rules,
        neighbours=tuple(
            Neighbour(interface.name, ROUTER_IPV6, mac(card_name(instance.name, interface.name), "inst"))
            for interface in instance.interfaces
            if interface.ipv6
        ),
        tables=tables,
    )


def compile_card_namespace(
    lab: Lab,
    interface: Interface,
    *,
    sysctls: tuple[tuple[str, str], ...],
    sets: tuple[IpSet, ...],
    tables: tuple[Table, ...],
    nft: tuple[NftTable, ...],
) -> Namespace:
    """Compile a card's namespace: its wiring here, its rules as handed over."""
    name = card_name(interface.node, interface.name)
    versions = families(lab)
    own = (*ROUTER_SYSCTLS, *device_sysctls("inst", "vpc"), *_ARP_SYSCTLS)
    return Namespace(
        name,
        devices=lone_devices(name, ("inst", "vpc"), INSIDE_MTU),
        sysctls=tuple({**dict(own), **dict(sysctls)}.items()),
        routes=(*default_routes("vpc", versions), *default_routes("inst", versions, _INWARD_TABLE)),
        policy_rules=tuple(
            PolicyRule(_INWARD_PRIORITY, _INWARD_TABLE, version, in_interface="vpc") for version in versions
        ),
        neighbours=(
            *far_neighbours("inst", mac(interface.node, interface.name), versions),
            *far_neighbours("vpc", mac(VPC, card_device(lab, interface)), versions),
        ),
        sets=sets,
        tables=tables,
        nft=nft,
    )


def compile_interface_links(lab: Lab, interface: Interface) -> tuple[Link, ...]:
    """Return the links from an instance to its card, and from there to the VPC."""
    card = card_name(interface.node, interface.name)
    return (
        Link((interface.node, interface.name), (card, "inst")),
        Link((card, "vpc"), (VPC, card_device(lab, interface))),
    )


_ARP_SYSCTLS = (("ipv4/conf/inst/proxy_arp", "1"), ("ipv4/neigh/inst/proxy_delay", "0"))
"""The card answers for everybody, at once."""


def _eni(lab: Lab, interface: Interface) -> Device:
    length = lab.subnets[interface.subnet].cidr.prefixlen
    addresses: list[IPv4Interface | IPv6Interface] = [IPv4Interface(f"{each}/{length}") for each in interface.ipv4]
    addresses += [IPv6Interface(each) for each in interface.ipv6]  # EC2 hands out single ones
    return Device(interface.name, tuple(addresses), mac(interface.node, interface.name), INSIDE_MTU)


def _instance_routes(lab: Lab, instance: Instance) -> tuple[tuple[Route, ...], tuple[PolicyRule, ...]]:
    """
    Return the default routes by the primary interface; of several, each has a table for its own addresses.

    So an answer leaves by the interface whose address it has, also to somebody in the subnet of another one.
    """
    routes = list(_eni_routes(lab, instance.primary, 254))
    if not instance.primary.ipv6:
        second = next((each for each in instance.interfaces if each.ipv6), None)
        routes += [] if second is None else [_ipv6_default(second, 254)]
    rules: list[PolicyRule] = []
    for index, interface in enumerate(instance.interfaces if len(instance.interfaces) > 1 else ()):
        table = _ENI_TABLE + index
        subnet = lab.subnets[interface.subnet].cidr
        routes += [Route(subnet, interface.name, table=table), *_eni_routes(lab, interface, table)]
        rules += [
            PolicyRule(_ENI_PRIORITY, table, address.version, source=ip_interface(address).network)
            for address in interface.addresses
        ]
    return tuple(routes), tuple(rules)


def _eni_routes(lab: Lab, interface: Interface, table: int) -> tuple[Route, ...]:
    router = router_of(lab.subnets[interface.subnet])
    ipv4 = Route(EVERYWHERE[4], interface.name, router, table=table)
    return (ipv4, _ipv6_default(interface, table)) if interface.ipv6 else (ipv4,)


def _ipv6_default(interface: Interface, table: int) -> Route:
    return Route(EVERYWHERE[6], interface.name, ROUTER_IPV6, table=table)
