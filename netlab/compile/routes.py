"""
Where a subnet's packets go: AWS's route tables as Linux's routing rules.

In AWS the longest prefix decides between a subnet's own routes and ``local``, which stands for the whole VPC;
neighbours in a subnet reach each other without. In Linux four tables stand for that, asked one after the other: the
subnet's own interfaces (where one of its routes could lead elsewhere), its routes that lie within the VPC, the VPC's
interfaces one by one (``main``), then the subnet's other routes. What none of them knows goes to the void.

Source:
    VPC User Guide, "Route tables", route priority.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from ipaddress import ip_network

from netlab.compile.names import (
    OUTSIDE_MTU,
    SERVICE_NETWORKS,
    VOID,
    card_device,
    default_routes,
    families,
    far_route,
    nat_device,
)
from netlab.model.addresses import EVERYWHERE, Cidr
from netlab.model.topology import Lab, Subnet
from netlab.plan.nouns import PolicyRule, Route

_OWN_TABLE, _WITHIN_TABLE, _BEYOND_TABLE, _VOID_TABLE, _NAT_TABLE = 1000, 2000, 3000, 4000, 5000
_PRIORITIES = {_OWN_TABLE: 900, _WITHIN_TABLE: 1000, _BEYOND_TABLE: 33000}  # the kernel's `main` has 32766
_NAT_PRIORITY, _VOID_PRIORITY = 1000, 34000


class Border(Enum):
    """What a packet crosses on the first step of its way."""

    NONE = "it stays in the subnet"
    SUBNET = "it leaves the subnet"
    GATEWAY = f"it leaves the VPC, where packets are at most {OUTSIDE_MTU} bytes"


def leaving(lab: Lab, subnet: Subnet, family: int) -> tuple[tuple[Cidr, Border], ...]:
    """Return what a subnet's packets cross, by destination; the first that holds it counts, the last is /0."""
    vpc, own = (lab.vpc.cidr, subnet.cidr) if family == 4 else (lab.vpc.ipv6_cidr, subnet.ipv6_cidr)
    within = [(cidr, _border(subnet, into)) for cidr, into, _ in _own_routes(lab, subnet, family, within=True)]
    beyond = [(cidr, _border(subnet, into)) for cidr, into, _ in _own_routes(lab, subnet, family, within=False)]
    own_ways = [] if own is None else [(own, Border.NONE)]
    local = [(SERVICE_NETWORKS[family], Border.SUBNET), *([] if vpc is None else [(vpc, Border.SUBNET)])]
    ways: list[tuple[Cidr, Border]] = [*own_ways, *within, *local, *beyond]
    if not beyond or beyond[-1][0].prefixlen:
        ways.append((EVERYWHERE[family], Border.GATEWAY if default_device(lab, subnet, family) else Border.SUBNET))
    return tuple(ways)


def default_device(lab: Lab, subnet: Subnet, family: int) -> str:
    """Return the device of ``:vpc`` for what no other route of the subnet leads to; empty = none."""
    if family == 4 and subnet.nat is not None:
        return nat_device(lab, subnet.nat)
    return "igw" if subnet.internet and family in families(lab) else ""


def compile_subnet_routes(lab: Lab, devices: dict[str, tuple[str, ...]]) -> tuple[Route, ...]:
    """Return the routes of all subnets, each in its tables, and the one to the void."""
    routes: list[Route] = []
    for index, name in enumerate(devices):
        subnet = lab.subnets[name]
        for family in families(lab):
            routes += _subnet_routes(lab, subnet, index, family)
    routes += [Route(EVERYWHERE[family], VOID, table=_VOID_TABLE) for family in families(lab)]
    return (*routes, *_nat_routes(lab))


def compile_policy_rules(lab: Lab, devices: dict[str, tuple[str, ...]]) -> tuple[PolicyRule, ...]:
    """
    Return the rules that lead packets to their subnet's tables by the device they come in by.

    Args:
        devices: By subnet, those of ``:vpc`` that lead into it.
    """
    rules: list[PolicyRule] = []
    tables = {(route.table, route.destination.version) for route in compile_subnet_routes(lab, devices)}
    for index, own in enumerate(devices.values()):
        for base, priority in _PRIORITIES.items():
            rules += [
                PolicyRule(priority, base + index, family, in_interface=device)
                for family in families(lab)
                if (base + index, family) in tables
                for device in own
            ]
    rules += [PolicyRule(_VOID_PRIORITY, _VOID_TABLE, family) for family in families(lab)]
    if lab.nat_gateways:
        rules.append(PolicyRule(_NAT_PRIORITY, _NAT_TABLE, 4, in_interface="igw"))
    return tuple(rules)


def _nat_routes(lab: Lab) -> tuple[Route, ...]:
    """Return routes to NAT gateways for what the internet gateway hands in; nothing in the VPC sends to their own."""
    return tuple(
        far_route(ip_network(gateway.ip), nat_device(lab, gateway.name), _NAT_TABLE)
        for gateway in lab.nat_gateways.values()
        if gateway.ip is not None
    )


def _subnet_routes(lab: Lab, subnet: Subnet, index: int, family: int) -> tuple[Route, ...]:
    within = _own_routes(lab, subnet, family, within=True)
    beyond = _own_routes(lab, subnet, family, within=False)
    routes = list(_neighbour_routes(lab, subnet, index, family)) if within else []
    routes += [far_route(cidr, device, _WITHIN_TABLE + index) for cidr, _, device in within]
    routes += [far_route(cidr, device, _BEYOND_TABLE + index) for cidr, _, device in beyond]
    device = default_device(lab, subnet, family)
    if device and (not beyond or beyond[-1][0].prefixlen):
        routes += default_routes(device, (family,), _BEYOND_TABLE + index)
    return tuple(routes)


def _neighbour_routes(lab: Lab, subnet: Subnet, index: int, family: int) -> Iterator[Route]:
    """Yield routes to a subnet's own interfaces; the rest of it is void."""
    for interface in lab.interfaces():
        if interface.subnet == subnet.name:
            for address in interface.ipv4 if family == 4 else interface.ipv6:
                yield far_route(ip_network(address), card_device(lab, interface), _OWN_TABLE + index)
    own = subnet.cidr if family == 4 else subnet.ipv6_cidr
    if own is not None:
        yield Route(own, VOID, table=_OWN_TABLE + index)


def _own_routes(lab: Lab, subnet: Subnet, family: int, *, within: bool) -> tuple[tuple[Cidr, str, str], ...]:
    """Return destination, the subnet it leads into, and the device; the longest prefix first."""
    found = []
    for route in subnet.routes:
        if route.cidr.version == family and _is_within(lab, route.cidr) is within:
            interface = lab.interface(route.node, route.interface)
            found.append((route.cidr, interface.subnet, card_device(lab, interface)))
    return tuple(sorted(found, key=lambda each: -each[0].prefixlen))


def _is_within(lab: Lab, cidr: Cidr) -> bool:
    if cidr.version == 4:
        return cidr.subnet_of(lab.vpc.cidr)
    return lab.vpc.ipv6_cidr is not None and cidr.subnet_of(lab.vpc.ipv6_cidr)


def _border(subnet: Subnet, into: str) -> Border:
    return Border.NONE if into == subnet.name else Border.SUBNET
