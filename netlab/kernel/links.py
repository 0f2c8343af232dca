"""
Wiring: devices, addresses, routes, routing rules, neighbours; over one netlink socket a namespace.

A planned device in which no link ends (other than ``lo``) leads nowhere: a pair whose far end, NAME-far, stands
unused in the same namespace (not every kernel has dummy devices).

The two ends of a pair must not have the same index, as they easily have in two fresh namespaces: the kernel then takes
them for one device, and may leave it without carrier for a second. So one end of each gets an index that the kernel
does not give by itself.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from netlab.errors import KernelError
from netlab.kernel.netns import RUN, entered
from netlab.plan.nouns import Device, Namespace, Neighbour, Plan, PolicyRule, Route, kernel_name

NODAD = 0x02
"""IFA_F_NODAD: the address is usable at once, nobody is asked whether it is taken."""

PROTO_STATIC = 4
"""RTPROT_STATIC: tells netlab's routes from the kernel's own."""

FAR = "-far"
"""Ends the name of the unused end of a device that leads nowhere."""

_FIRST_INDEX = 10_000
_SCOPE_LINK = 253
_NTF_PROXY = 8

ROUTE_KINDS = {"unicast": 1, "blackhole": 6, "unreachable": 7, "prohibit": 8}


@contextmanager
def opened(namespace: str) -> Iterator[IPRoute]:
    """Open a netlink socket in a namespace; the thread is back in its own namespace while it is used."""
    with entered(namespace):
        netlink = IPRoute()
    try:
        yield netlink
    except NetlinkError as error:
        raise KernelError(f"{namespace}: {_text(error)}") from error
    finally:
        netlink.close()


def create_links(plan: Plan) -> None:
    """
    Create all veth pairs of a lab, each end in its namespace; they are down.

    Raises:
        KernelError: The kernel refused one.
    """
    linked = {end for link in plan.links for end in (link.one, link.other)}
    with opened(kernel_name(plan.lab, next(iter(plan.namespaces)))) as netlink:
        for index, link in enumerate(plan.links, start=_FIRST_INDEX):
            with _told(f"link {'/'.join(link.one)} to {'/'.join(link.other)}"):
                _create(netlink, _end(plan, *link.one) | {"index": index}, _end(plan, *link.other))
        for name, namespace in plan.namespaces.items():
            for device in namespace.devices:
                if device.name != "lo" and (name, device.name) not in linked:
                    with _told(f"device {name}/{device.name}"):
                        _create(netlink, _end(plan, name, device.name), _end(plan, name, device.name + FAR))


def configure(namespace: str, wanted: Namespace) -> None:
    """
    Bring a namespace's devices up and give them their addresses, neighbours, routes and routing rules.

    Raises:
        KernelError: The kernel refused something; the message says what.
    """
    with opened(namespace) as netlink:
        with entered(namespace):
            indexes = {name: index for index, name in socket.if_nameindex()}
        for device in wanted.devices:
            with _told(f"{namespace}: device {device.name}"):
                _configure_device(netlink, device, indexes)
        for neighbour in wanted.neighbours:
            with _told(f"{namespace}: neighbour {neighbour.address} on {neighbour.device}"):
                netlink.neigh("add", **_neighbour(neighbour, indexes))
        for route in wanted.routes:
            with _told(f"{namespace}: route {route.destination} by {route.gateway or 'link'} {route.device}".rstrip()):
                netlink.route("add", **_route(route, indexes))
        for rule in wanted.policy_rules:
            with _told(f"{namespace}: routing rule {rule.priority}"):
                netlink.rule("add", **_policy_rule(rule))


def _end(plan: Plan, name: str, device_name: str) -> dict[str, Any]:
    """Return what netlink wants to know of one end of a link, but for the file of its namespace."""
    device = next((each for each in plan.namespaces[name].devices if each.name == device_name), Device(device_name))
    wanted: dict[str, Any] = {"ifname": device_name, "namespace": kernel_name(plan.lab, name)}
    if device.mac:
        wanted["address"] = device.mac
    if device.mtu:
        wanted["mtu"] = device.mtu
    return wanted


def _create(netlink: IPRoute, here: dict[str, Any], there: dict[str, Any]) -> None:
    files = []
    try:
        for end in (here, there):
            files.append(os.open(RUN / end.pop("namespace"), os.O_RDONLY | os.O_CLOEXEC))
            end["net_ns_fd"] = files[-1]
        netlink.link("add", kind="veth", peer=there, **here)
    finally:
        for file in files:
            os.close(file)


def _configure_device(netlink: IPRoute, device: Device, indexes: dict[str, int]) -> None:
    index = indexes[device.name]
    netlink.link("set", index=index, state="up")
    for address in device.addresses:
        flags = {} if address.version == 4 else {"flags": NODAD}
        netlink.addr("add", index=index, address=str(address.ip), prefixlen=address.network.prefixlen, **flags)


def _neighbour(neighbour: Neighbour, indexes: dict[str, int]) -> dict[str, Any]:
    wanted = {"dst": str(neighbour.address), "ifindex": indexes[neighbour.device]}
    if neighbour.proxy:
        return {**wanted, "family": _family(neighbour.address.version), "flags": _NTF_PROXY}
    return {**wanted, "lladdr": neighbour.mac, "state": "permanent"}


def _route(route: Route, indexes: dict[str, int]) -> dict[str, Any]:
    version = route.destination.version
    wanted: dict[str, Any] = {
        "dst": str(route.destination),
        "family": _family(version),
        "proto": PROTO_STATIC,
        "table": route.table,
        "type": ROUTE_KINDS[route.kind],
    }
    if route.device:
        wanted["oif"] = indexes[route.device]
    if route.gateway is None:
        return wanted | ({"scope": _SCOPE_LINK} if version == 4 and route.kind == "unicast" else {})
    wanted["flags"] = ["onlink"]
    if route.gateway.version == version:
        return wanted | {"gateway": str(route.gateway)}
    return wanted | {"via": {"family": _family(route.gateway.version), "addr": str(route.gateway)}}


def _policy_rule(rule: PolicyRule) -> dict[str, Any]:
    wanted: dict[str, Any] = {"priority": rule.priority, "table": rule.table, "family": _family(rule.family)}
    if rule.source is not None:
        wanted |= {"src": str(rule.source.network_address), "src_len": rule.source.prefixlen}
    if rule.in_interface:
        wanted["iifname"] = rule.in_interface
    return wanted


def _family(version: int) -> int:
    return int(socket.AF_INET if version == 4 else socket.AF_INET6)


@contextmanager
def _told(asked: str) -> Iterator[None]:
    """Put what was asked before the kernel's answer."""
    try:
        yield
    except NetlinkError as error:
        raise KernelError(f"{asked}: {_text(error)}") from error
    except KeyError as error:
        raise KernelError(f"{asked}: no such device: {error}") from error


def _text(error: NetlinkError) -> str:
    return os.strerror(error.code) if error.code else str(error)
