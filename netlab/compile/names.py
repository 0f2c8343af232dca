"""
Names and numbers that several compilers agree on: devices, MAC addresses, chains, routing tables.

On every link but an instance's own, each end knows the other by the same two addresses, which nobody has: routes lead
to them, and a permanent neighbour entry says which MAC that is. So no router needs an address, ARP or neighbour
discovery on a link. This file must not know what a gate decides.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from netlab.compile.card_names import CHAIN_NAME_LENGTH, shortened
from netlab.model.addresses import EVERYWHERE, Address, Cidr
from netlab.model.topology import Interface, Lab
from netlab.plan.nouns import Device, Neighbour, Route

FAR_END: dict[int, Address] = {4: IPv4Address("169.254.0.1"), 6: IPv6Address("fe80::1")}
"""How a router's route names the other end of a link, by family."""

ROUTER_IPV6 = IPv6Address("fe80:ec2::1")
"""How an instance knows its router. Source: VPC User Guide, "Subnet CIDR blocks"."""

ERROR_SOURCE_IPV6 = IPv6Address("fd00:ec2::1")
"""From where the router tells that an IPv6 packet is too big: its own address cannot pass a card, being link-local."""

SERVICE_NETWORKS: dict[int, Cidr] = {4: IPv4Network("169.254.0.0/16"), 6: IPv6Network("fd00:ec2::/32")}
"""What a VPC serves lies in these, and nothing to them leaves it. Source: EC2 User Guide, instance metadata."""

UNCARRIED: dict[int, tuple[Cidr, ...]] = {
    4: tuple(IPv4Network(each) for each in ("0.0.0.0/8", "127.0.0.0/8", "224.0.0.0/4", "255.255.255.255/32")),
    6: tuple(IPv6Network(each) for each in ("::/128", "::1/128", "fe80::/10", "ff00::/8")),
}
"""
Addresses to and from which no network carries anything; the kernel drops such packets without a word.

Source: VPC User Guide, "Subnet CIDR blocks": neither broadcast nor multicast; RFC 6890.
"""

INSIDE_MTU, OUTSIDE_MTU = 9001, 1500
"""Source: EC2 User Guide, "Network MTU for your EC2 instance"."""

VOID = "void"
"""The device of a router to which everything goes that no route leads to; it leads nowhere."""

VOID_MTU = 65535
"""So that nothing is too big to be dropped for the right reason."""


def mac(namespace: str, device: str) -> str:
    """Return the MAC address of a device: locally administered, and always the same."""
    digest = sha256(f"{namespace} {device}".encode()).hexdigest()
    return ":".join(["02", *(digest[index : index + 2] for index in range(0, 10, 2))])


def families(lab: Lab) -> tuple[int, ...]:
    """Return the address families of the VPC."""
    return (4, 6) if lab.has_ipv6 else (4,)


def card_device(lab: Lab, interface: Interface) -> str:
    """Return the device of ``:vpc`` that leads to an interface's card: ``c0`` is the first interface's."""
    labels = [each.label for each in lab.interfaces()]
    return f"c{labels.index(interface.label)}"


def nat_device(lab: Lab, name: str) -> str:
    """Return the device of ``:vpc`` that leads to a NAT gateway: ``n0`` is the first one's."""
    return f"n{list(lab.nat_gateways).index(name)}"


def host_device(lab: Lab, name: str) -> str:
    """Return the device of ``:internet`` that leads to a host: ``h0`` is the first one's."""
    return f"h{list(lab.hosts).index(name)}"


def chain_name(kind: str, name: str, part: str) -> str:
    """Return ``KIND-PART:NAME``, shortened where the kernel would not take it."""
    return shortened(f"{kind}-{part}:{name}", CHAIN_NAME_LENGTH)


def lone_devices(namespace: str, names: Iterable[str], mtu: int) -> tuple[Device, ...]:
    """Return devices without addresses, and ``lo``: without that up, the kernel takes no address for a gateway's."""
    return (Device("lo"), *(Device(name, (), mac(namespace, name), mtu) for name in names))


def far_neighbours(device: str, far_mac: str, versions: tuple[int, ...]) -> tuple[Neighbour, ...]:
    """Return the entries by which one end of a link knows the other."""
    return tuple(Neighbour(device, FAR_END[version], far_mac) for version in versions)


def far_route(destination: Cidr, device: str, table: int = 254) -> Route:
    """Return a route to the other end of a link."""
    return Route(destination, device, FAR_END[destination.version], table=table)


def default_routes(device: str, versions: tuple[int, ...], table: int = 254) -> tuple[Route, ...]:
    """Return routes for everything to the other end of a link."""
    return tuple(far_route(EVERYWHERE[version], device, table) for version in versions)
