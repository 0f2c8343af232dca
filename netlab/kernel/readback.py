"""
Wiring read back: what a namespace has of the planned devices, addresses, routes, rules and neighbours, and what else.

It changes nothing. Routes and addresses that the kernel makes itself (connected networks, link-local ones) do not
count.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from ipaddress import ip_address, ip_interface, ip_network
from typing import Any

from pyroute2 import IPRoute

from netlab.kernel.links import FAR, PROTO_STATIC, ROUTE_KINDS, opened
from netlab.plan.nouns import Namespace, Neighbour, PolicyRule, Route

_CLONED = 0x200  # RTM_F_CLONED: what the kernel learned of a path, its MTU
_UNIVERSE = 0
_NUD_PERMANENT = 0x80
_NTF_PROXY = 8
_OWN_RULES = {0, 32766, 32767}
_KINDS = {number: name for name, number in ROUTE_KINDS.items()}


def list_differences(namespace: str, planned: Namespace) -> list[str]:
    """Return one line for each part of the wiring that is not as planned."""
    with opened(namespace) as netlink:
        links = {link.get("ifname"): link for link in netlink.get_links()}
        names = {link["index"]: name for name, link in links.items()}
        wanted = {f"{address} on {device.name}" for device in planned.devices for address in device.addresses}
        parts = (
            ("device", _devices(planned, links), _planned_devices(planned, links)),
            ("address", set(_addresses(netlink, names, wanted)), wanted),
            ("route", set(_routes(netlink, names)), {_route_words(route) for route in planned.routes}),
            ("routing rule", set(_rules(netlink)), {_rule_words(rule) for rule in planned.policy_rules}),
            ("neighbour", set(_neighbours(netlink, names)), {_neighbour_words(each) for each in planned.neighbours}),
        )
    return [line for part in parts for line in _compare(*part)]


def _compare(kind: str, found: set[str], wanted: set[str]) -> Iterator[str]:
    yield from (f"{kind} {each}: not found" for each in sorted(wanted - found))
    yield from (f"{kind} {each}: found, not wanted" for each in sorted(found - wanted))


def _devices(planned: Namespace, links: dict[str, Any]) -> set[str]:
    """Return the devices in the words of the plan: what it leaves open is not said."""
    open_ends = {device.name + FAR for device in planned.devices}
    return {_device_words(name, link) for name, link in links.items() if name != "lo" and name not in open_ends}


def _planned_devices(planned: Namespace, links: dict[str, Any]) -> set[str]:
    wanted = set()
    for device in planned.devices:
        if device.name == "lo":
            continue
        link = links.get(device.name)
        mtu = device.mtu or (link.get("mtu") if link else 0)
        mac = device.mac.lower() or (link.get("address") if link else "")
        wanted.add(f"{device.name} mtu {mtu} mac {mac} up")
    return wanted


def _device_words(name: str, link: Any) -> str:
    return f"{name} mtu {link.get('mtu')} mac {link.get('address')} {'up' if link['flags'] & 1 else 'down'}"


def _addresses(netlink: IPRoute, names: dict[int, str], planned: set[str]) -> Iterator[str]:
    """Yield the addresses that are planned, and all others but those of narrow scope, which the kernel makes itself."""
    for each in netlink.get_addr():
        address = ip_interface(f"{each.get('local') or each.get('address')}/{each['prefixlen']}")
        words = f"{address} on {names.get(each['index'], '?')}"
        if each["scope"] == _UNIVERSE or words in planned:
            yield words


def _routes(netlink: IPRoute, names: dict[int, str]) -> Iterator[str]:
    for each in netlink.get_routes():
        if each["proto"] != PROTO_STATIC or each["flags"] & _CLONED:
            continue
        everywhere = "0.0.0.0" if each["family"] == socket.AF_INET else "::"
        via = each.get("via")
        yield _words(
            ip_network(f"{each.get('dst') or everywhere}/{each['dst_len']}"),
            each.get("gateway") or (via["addr"] if via else None),
            names.get(each.get("oif") or 0, "") if _KINDS.get(each["type"]) == "unicast" else "",
            _KINDS.get(each["type"], str(each["type"])),
            each.get("table") or each["table"],
        )


def _route_words(route: Route) -> str:
    return _words(route.destination, route.gateway, route.device, route.kind, route.table)


def _words(destination: object, gateway: object, device: str, kind: str, table: int) -> str:
    by = f"by {ip_address(str(gateway))} on" if gateway else "on"
    return f"{kind} {destination} {by} {device or 'nothing'} in table {table}"


def _rules(netlink: IPRoute) -> Iterator[str]:
    for family in (socket.AF_INET, socket.AF_INET6):
        for each in netlink.get_rules(family=family):
            priority = each.get("priority") or 0
            if priority not in _OWN_RULES:
                source = f"{each.get('src')}/{each['src_len']}" if each.get("src") else "all"
                table = each.get("table") or each["table"]
                yield f"{priority} from {source} in by {each.get('iifname') or 'any'} to table {table}"


def _rule_words(rule: PolicyRule) -> str:
    return f"{rule.priority} from {rule.source or 'all'} in by {rule.in_interface or 'any'} to table {rule.table}"


def _neighbours(netlink: IPRoute, names: dict[int, str]) -> Iterator[str]:
    for family in (socket.AF_INET, socket.AF_INET6):
        for each in netlink.get_neighbours(family):
            if each["state"] & _NUD_PERMANENT:
                yield f"{each.get('dst')} is {each.get('lladdr')} on {names.get(each['ifindex'], '?')}"
        # Flags are asked of the kernel only where pyroute2 does not take them for a filter of its own.
        for each in netlink.neigh("dump", family=family, flags=_NTF_PROXY, dump_filter=lambda _: True):
            yield f"{each.get('dst')} answered for on {names.get(each['ifindex'], '?')}"


def _neighbour_words(neighbour: Neighbour) -> str:
    said = "answered for" if neighbour.proxy else f"is {neighbour.mac.lower()}"
    return f"{neighbour.address} {said} on {neighbour.device}"
