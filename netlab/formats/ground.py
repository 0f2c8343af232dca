"""
The ground that instances and hosts of a lab file stand on: networks, and who has which address.

Every address of the file is claimed here once, so that no two things have the same one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Network

from netlab.formats.sheet import Sheet
from netlab.formats.traffic import read_network
from netlab.formats.words import parse_address, parse_known
from netlab.formats.yaml_reader import Path
from netlab.model.addresses import Address, Cidr, contains
from netlab.model.topology import (
    Subnet,
    Vpc,
)

LEAST_PREFIX, MOST_PREFIX = 16, 28
"""How long AWS lets the IPv4 prefix of a VPC or subnet be. Source: VPC User Guide, subnet CIDR blocks."""

MOST_PREFIX_6 = 120


@dataclass(slots=True)
class Ground:
    """
    What instances stand on, as far as it could be read.

    Attributes:
        vpc: None = it is wrong, so nothing is compared with it.
        owners: Who has an address, by address.
    """

    vpc: Vpc | None
    subnets: dict[str, Subnet] = field(default_factory=dict)
    subnet_names: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    owners: dict[Address, str] = field(default_factory=dict)


def read_private_address(
    sheet: Sheet, path: Path, text: str, ground: Ground, owner: str, subnet: str, family: int
) -> Address | None:
    """Read a private address, which must be free and of its subnet."""
    address = sheet.take(path, parse_address, text)
    if address is None:
        return None
    if address.version != family:
        sheet.wrong(path, f"found the IPv{address.version} address {address}, wanted IPv{family}")
        return None
    known = ground.subnets.get(subnet)
    if known is not None:
        network: Cidr | None = known.cidr if family == 4 else known.ipv6_cidr
        if network is None:
            sheet.wrong(path, f"found {address}, but subnet {subnet} has no ipv6_cidr")
        elif not contains(network, address):
            sheet.wrong(path, f"{address} is outside subnet {subnet}'s {network}")
        elif address in {network[0], network[1], network[2], network[3], network[-1]}:
            sheet.wrong(path, f"{address} is reserved: AWS keeps the first four addresses of {network} and the last")
    claim(sheet, path, address, ground, owner)
    return address


def read_public_address(sheet: Sheet, path: Path, text: str, ground: Ground, owner: str) -> IPv4Address | None:
    """Read an IPv4 address on the internet, which must be free."""
    address = sheet.take(path, parse_address, text)
    if address is None:
        return None
    if not isinstance(address, IPv4Address):
        sheet.wrong(path, f"found {address}, wanted an IPv4 address")
        return None
    if is_on_internet(sheet, path, address, ground):
        claim(sheet, path, address, ground, owner)
    return address


def is_on_internet(sheet: Sheet, path: Path, address: Address, ground: Ground) -> bool:
    """Tell whether an address can be one on the internet; where not, note why."""
    networks = () if ground.vpc is None else (ground.vpc.cidr, ground.vpc.ipv6_cidr)
    inside = next((each for each in networks if each is not None and contains(each, address)), None)
    if inside is not None:
        sheet.wrong(path, f"{address} lies in the VPC's {inside}, wanted an address on the internet")
    elif address.is_multicast or address.is_loopback or address.is_unspecified or address.is_link_local:
        sheet.wrong(path, f"{address} is no address of one host on the internet")
    else:
        return True
    return False


def claim(sheet: Sheet, path: Path, address: Address, ground: Ground, owner: str) -> None:
    """Give an address to its owner; where it has one already, note whose it is."""
    if address in ground.owners:
        sheet.wrong(path, f"{address} is {ground.owners[address]}'s already")
    ground.owners.setdefault(address, owner)


def read_known(sheet: Sheet, path: Path, word: str, known: tuple[str, ...] | list[str], what: str) -> str | None:
    """Return a name if it is known; else None, and the mistake is noted."""
    return sheet.take(path, lambda each: parse_known(each, known, what), word)


def read_ipv4_network(sheet: Sheet, path: Path, text: str) -> IPv4Network | None:
    """Read the IPv4 network of a VPC or subnet."""
    cidr = read_network(sheet, path, text)
    if cidr is None:
        return None
    if not isinstance(cidr, IPv4Network):
        sheet.wrong(path, f"found {cidr}, wanted an IPv4 network")
        return None
    if not LEAST_PREFIX <= cidr.prefixlen <= MOST_PREFIX:
        sheet.wrong(path, f"found {cidr}, wanted a prefix from /{LEAST_PREFIX} to /{MOST_PREFIX}, as AWS does")
    return cidr


def read_ipv6_network(sheet: Sheet, path: Path, text: str | None) -> IPv6Network | None:
    """Read the IPv6 network of a VPC or subnet; None where there is none."""
    cidr = None if text is None else read_network(sheet, path, text)
    if cidr is None:
        return None
    if not isinstance(cidr, IPv6Network) or cidr.prefixlen > MOST_PREFIX_6:
        sheet.wrong(path, f"found {cidr}, wanted an IPv6 network, as in 2001:db8:0:100::/56")
        return None
    return cidr
