"""
The internet: the namespace ``:internet``, which routes between hosts and the VPC, and the hosts themselves.

It knows every address of the lab and no other, and lets a host send only from its own, unless the lab says `spoof`.
"""

from __future__ import annotations

from ipaddress import ip_interface

from netlab.compile.evidence import DROP, RETURN, dropped, uncarried
from netlab.compile.gateway import public_addresses
from netlab.compile.names import (
    OUTSIDE_MTU,
    VOID,
    VOID_MTU,
    chain_name,
    default_routes,
    far_neighbours,
    far_route,
    host_device,
    lone_devices,
    mac,
)
from netlab.compile.routers import (
    ENDPOINT_SYSCTLS,
    ROUTER_SYSCTLS,
    deaf_filter_table,
    device_sysctls,
    mangle_table,
)
from netlab.model.addresses import EVERYWHERE
from netlab.model.topology import Host, Lab
from netlab.plan.nouns import IGW, INTERNET, Chain, Device, FilterRule, Namespace, Route, Table, Target
from netlab.plan.tags import Tag

VOID_CHAIN = "no-route"

_BOTH = (4, 6)


def compile_internet(lab: Lab) -> Namespace:
    """Compile the namespace ``:internet``."""
    ports = [host_device(lab, name) for name in lab.hosts]
    names = ["igw", *ports]
    neighbours = list(far_neighbours("igw", mac(IGW, "inet"), _BOTH))
    for name, port in zip(lab.hosts, ports, strict=True):
        neighbours += far_neighbours(port, mac(name, "eth0"), _BOTH)
    return Namespace(
        INTERNET,
        devices=(
            *lone_devices(INTERNET, names, OUTSIDE_MTU),
            Device(VOID, (), mac(INTERNET, VOID), VOID_MTU),
        ),
        sysctls=(*ROUTER_SYSCTLS, *device_sysctls(*names, VOID)),
        routes=_routes(lab),
        neighbours=tuple(neighbours),
        tables=tuple(table for family in _BOTH for table in (_mangle(family), _filter(lab, family))),
    )


def compile_host(lab: Lab, host: Host, *, tables: tuple[Table, ...]) -> Namespace:
    """Compile a host's namespace, with the tables handed over."""
    addresses = tuple(ip_interface(address) for address in host.addresses)
    return Namespace(
        host.name,
        devices=(Device("lo"), Device("eth0", addresses, mac(host.name, "eth0"), OUTSIDE_MTU)),
        sysctls=(*ENDPOINT_SYSCTLS, *device_sysctls("eth0")),
        routes=default_routes("eth0", _BOTH),
        neighbours=far_neighbours("eth0", mac(INTERNET, host_device(lab, host.name)), _BOTH),
        tables=tables,
    )


def _routes(lab: Lab) -> tuple[Route, ...]:
    routes = [
        far_route(ip_interface(address).network, host_device(lab, host.name))
        for host in lab.hosts.values()
        for address in host.addresses
    ]
    routes += [far_route(ip_interface(public).network, "igw") for _, public in public_addresses(lab)]
    # Nobody on a real internet has a route to private addresses; here the gateway shall be the one to say so.
    routes.append(far_route(lab.vpc.cidr, "igw"))
    if lab.vpc.ipv6_cidr is not None:
        routes.append(far_route(lab.vpc.ipv6_cidr, "igw"))
    return (*routes, *(Route(EVERYWHERE[family], VOID) for family in _BOTH))


def _mangle(family: int) -> Table:
    nowhere = Tag("internet", drop=True, reason="NO_ROUTE")
    to_chain, to_them = uncarried(family, "to-nowhere", nowhere)
    from_chain, from_them = uncarried(family, "from-nowhere", nowhere, from_them=True)
    return mangle_table(family, chains=(to_chain, from_chain), prerouting=(*to_them, *from_them))


def _filter(lab: Lab, family: int) -> Table:
    void = Chain(VOID_CHAIN, dropped(FilterRule(DROP), Tag("internet", drop=True, reason="NO_ROUTE")))
    honest = [host for host in lab.hosts.values() if not host.spoof]
    chains = [void, *(_honest_chain(host, family) for host in honest)]
    forward = [
        FilterRule(Target(chain_name("host", host.name, "src")), in_interface=host_device(lab, host.name))
        for host in honest
    ]
    forward.append(FilterRule(Target(VOID_CHAIN), out_interface=VOID))
    return deaf_filter_table(family, chains=tuple(chains), forward=tuple(forward))


def _honest_chain(host: Host, family: int) -> Chain:
    """Return the chain that drops what a host sends from an address it does not have."""
    own = [
        FilterRule(RETURN, source=ip_interface(address).network)
        for address in host.addresses
        if address.version == family
    ]
    spoofed = dropped(FilterRule(DROP), Tag("internet", drop=True, reason="SPOOFED"))
    return Chain(chain_name("host", host.name, "src"), (*own, *spoofed))
