"""
The VPC's router: the namespace ``:vpc``.

Its devices lead to the cards (``c0`` …), to NAT gateways (``n0`` …), to the internet gateway (``igw``) and nowhere
(``void``). It keeps no connections, but puts fragments together, so that an ACL judges whole packets. The addresses
that the VPC itself serves are its own, so that programs can listen there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address, IPv4Interface, IPv6Address, IPv6Interface, ip_interface

from netlab.compile.acl import compile_acl_gates, compile_exempt_set
from netlab.compile.evidence import DROP, PROBE, RETURN, dropped
from netlab.compile.names import (
    ERROR_SOURCE_IPV6,
    INSIDE_MTU,
    OUTSIDE_MTU,
    SERVICE_NETWORKS,
    VOID,
    VOID_MTU,
    card_device,
    families,
    far_neighbours,
    far_route,
    mac,
    nat_device,
)
from netlab.compile.routers import ROUTER_SYSCTLS, device_sysctls, mangle_table
from netlab.compile.routes import compile_policy_rules, compile_subnet_routes
from netlab.model.addresses import Address
from netlab.model.topology import Lab, Subnet
from netlab.plan.nouns import (
    IGW,
    VPC,
    Chain,
    Device,
    FilterRule,
    Match,
    Namespace,
    Neighbour,
    Route,
    Table,
    Target,
    card_name,
    nat_name,
)
from netlab.plan.tags import Tag

SERVED: dict[int, tuple[Address, ...]] = {
    4: tuple(IPv4Address(f"169.254.169.{last}") for last in (123, 253, 254)),
    6: tuple(IPv6Address(f"fd00:ec2::{last}") for last in (123, 253, 254)),
}
"""Time, resolver, instance metadata, in every VPC. Source: EC2 User Guide, instance metadata and time."""

VOID_CHAIN = "no-route"


def compile_vpc(lab: Lab) -> Namespace:
    """Compile the namespace ``:vpc``."""
    own = _devices_by_subnet(lab)
    devices = _devices(lab)
    return Namespace(
        VPC,
        devices=devices,
        sysctls=(*ROUTER_SYSCTLS, *device_sysctls(*(device.name for device in devices if device.name != "lo"))),
        routes=(*_interface_routes(lab), *compile_subnet_routes(lab, own)),
        policy_rules=compile_policy_rules(lab, own),
        neighbours=_neighbours(lab),
        sets=tuple(compile_exempt_set(lab, family) for family in (4, 6)),
        tables=tuple(table for family in (4, 6) for table in _tables(lab, family, own)),
    )


def router_of(subnet: Subnet) -> IPv4Address:
    """Return the address of a subnet's router. Source: VPC User Guide, "Subnet CIDR blocks"."""
    return subnet.cidr[1]


def _devices_by_subnet(lab: Lab) -> dict[str, tuple[str, ...]]:
    devices: dict[str, tuple[str, ...]] = dict.fromkeys(lab.subnets, ())
    for interface in lab.interfaces():
        devices[interface.subnet] += (card_device(lab, interface),)
    for gateway in lab.nat_gateways.values():
        devices[gateway.subnet] += (nat_device(lab, gateway.name),)
    return devices


def _devices(lab: Lab) -> tuple[Device, ...]:
    routers = [router_of(subnet) for subnet in lab.subnets.values()]
    served: list[Address] = [lab.vpc.cidr[2], *routers, *(each for family in families(lab) for each in SERVED[family])]
    devices = [Device("lo", _hosts(served))]
    for interface in lab.interfaces():
        # The router's address on the way back is the source of its own errors.
        own: list[Address] = [router_of(lab.subnets[interface.subnet]), *([ERROR_SOURCE_IPV6] if lab.has_ipv6 else [])]
        name = card_device(lab, interface)
        devices.append(Device(name, _hosts(own), mac(VPC, name), INSIDE_MTU))
    for gateway in lab.nat_gateways:
        name = nat_device(lab, gateway)
        devices.append(Device(name, (), mac(VPC, name), OUTSIDE_MTU))
    devices.append(Device("igw", (), mac(VPC, "igw"), OUTSIDE_MTU))
    devices.append(Device(VOID, (), mac(VPC, VOID), VOID_MTU))
    return tuple(devices)


def _hosts(addresses: Sequence[Address]) -> tuple[IPv4Interface | IPv6Interface, ...]:
    return tuple(ip_interface(address) for address in addresses)


def _interface_routes(lab: Lab) -> tuple[Route, ...]:
    """Return what AWS calls ``local``: a route to every interface; the rest of the VPC's own networks is void."""
    routes = [
        far_route(ip_interface(address).network, card_device(lab, interface))
        for interface in lab.interfaces()
        for address in interface.addresses
    ]
    routes += [Route(SERVICE_NETWORKS[family], VOID) for family in families(lab)]
    routes.append(Route(lab.vpc.cidr, VOID))
    if lab.vpc.ipv6_cidr is not None:
        routes.append(Route(lab.vpc.ipv6_cidr, VOID))
    return tuple(routes)


def _neighbours(lab: Lab) -> tuple[Neighbour, ...]:
    versions = families(lab)
    found = list(far_neighbours("igw", mac(IGW, "vpc"), versions))
    for interface in lab.interfaces():
        far = mac(card_name(interface.node, interface.name), "vpc")
        found += far_neighbours(card_device(lab, interface), far, versions)
    for gateway in lab.nat_gateways:
        found += far_neighbours(nat_device(lab, gateway), mac(nat_name(gateway), "vpc"), (4,))
    return tuple(found)


def _tables(lab: Lab, family: int, own: dict[str, tuple[str, ...]]) -> tuple[Table, ...]:
    gates = compile_acl_gates(lab, family, own)
    # A rule that finds nothing: that there is one makes the kernel put fragments together, without conntrack.
    whole = FilterRule(RETURN, in_interface="lo", matches=(Match("socket"),))
    prerouting = (whole, *gates.prerouting)
    mangle = mangle_table(family, chains=gates.chains, prerouting=prerouting, forward=gates.forward)
    return (mangle, _filter(lab, family))


def _filter(lab: Lab, family: int) -> Table:
    void = Chain(VOID_CHAIN, dropped(FilterRule(DROP), Tag("route", drop=True, reason="NO_ROUTE")))
    # The VPC's own stack never answers netlab's packets.
    silent = FilterRule(DROP, matches=(PROBE,))
    return Table(
        family,
        "filter",
        (
            void,
            Chain("INPUT", (silent,), "ACCEPT"),
            Chain("FORWARD", (FilterRule(Target(VOID_CHAIN), out_interface=VOID), *_circles(lab, family)), "ACCEPT"),
            Chain("OUTPUT", (FilterRule(Target(VOID_CHAIN), out_interface=VOID),), "ACCEPT"),
        ),
    )


def _circles(lab: Lab, family: int) -> Iterator[FilterRule]:
    """Yield rules for interfaces to which a route of their own subnet leads: nothing goes back to where it is from."""
    for interface in lab.interfaces():
        mine = (interface.node, interface.name)
        if all((route.node, route.interface) != mine for route in lab.subnets[interface.subnet].routes):
            continue
        device = card_device(lab, interface)
        for address in interface.ipv4 if family == 4 else interface.ipv6:
            own = ip_interface(address).network
            yield FilterRule(RETURN, destination=own, in_interface=device, out_interface=device)
        yield FilterRule(Target(VOID_CHAIN), in_interface=device, out_interface=device)
