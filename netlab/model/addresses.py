"""Addresses and networks: the standard library's words, and the few things netlab asks beyond them."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Cidr = IPv4Network | IPv6Network

EVERYWHERE: dict[int, Cidr] = {4: IPv4Network("0.0.0.0/0"), 6: IPv6Network("::/0")}
"""The network that holds every address, by family (4, 6)."""


def cidr_from_text(text: str) -> Cidr:
    """
    Read a network; host bits are cleared, as AWS clears them.

    Raises:
        ValueError: *text* is no network.

    Source:
        EC2 API, IpRange.
    """
    return ip_network(text, strict=False)


def address_from_text(text: str) -> Address | None:
    """Read an address; None where *text* is none."""
    try:
        return ip_address(text)
    except ValueError:
        return None


def contains(network: Cidr, address: Address) -> bool:
    """Tell whether *network* holds *address*; never across families."""
    return network.version == address.version and address in network


def is_everywhere(network: Cidr) -> bool:
    """Tell whether *network* is the literal ``0.0.0.0/0`` or ``::/0``."""
    return network.prefixlen == 0
