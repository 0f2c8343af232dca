"""Networks of one family that lie in each other: the smallest around an address, and the room that each leaves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv6Address

from netlab.model.addresses import EVERYWHERE, Address, Cidr

_FAMILIAR: tuple[Address, ...] = (
    IPv4Address("198.51.100.1"), IPv4Address("203.0.113.1"), IPv6Address("2001:db8:ffff::1"), IPv6Address("3fff::1"),
)  # fmt: skip
"""Documentation's addresses: readers know them for what they are. Source: RFC 5737, RFC 3849, RFC 9637."""


class Nest:
    """
    The networks, and the one of every address.

    Args:
        networks: Of one family; others are left out.
    """

    def __init__(self, networks: Iterable[Cidr], family: int) -> None:
        everywhere = EVERYWHERE[family]
        own = {each for each in networks if each.version == family} | {everywhere}
        self._bits = everywhere.max_prefixlen
        self._known = {(each.prefixlen, int(each.network_address)): each for each in own}
        self._lengths = sorted({each.prefixlen for each in own}, reverse=True)
        self._around = {each: self._smallest(int(each.network_address), each.prefixlen) for each in own - {everywhere}}
        self._within: dict[Cidr, list[Cidr]] = {each: [] for each in own}
        for each in sorted(self._around):
            self._within[self._around[each]].append(each)

    def smallest(self, address: Address) -> Cidr:
        """Return the smallest network that holds an address."""
        return self._smallest(int(address), self._bits + 1)

    def around(self, network: Cidr) -> Iterator[Cidr]:
        """Yield a network, and then every larger one that holds it."""
        yield network
        while network in self._around:
            network = self._around[network]
            yield network

    def room(self, network: Cidr, reach: int, starts: Iterable[Address] = ()) -> Iterator[Address]:
        """
        Yield addresses that no smaller network holds: well known ones, then the first few of each gap.

        Args:
            reach: How many of each gap.
            starts: Where to look too, as if a gap began there.
        """
        kind, last = type(network.network_address), int(network.broadcast_address)
        yield from (each for each in _FAMILIAR if each.version == network.version and self.smallest(each) == network)
        ends = (int(each.broadcast_address) for each in self._within[network])
        for gap in (int(network.network_address), *(end + 1 for end in ends), *map(int, starts)):
            inside = int(network.network_address) <= gap <= last and self.smallest(kind(gap)) == network
            for number in (gap + 1, gap, *range(gap + 2, gap + reach)) if inside else ():
                if number <= last and self.smallest(kind(number)) == network:
                    yield kind(number)

    def _smallest(self, number: int, below: int) -> Cidr:
        keys = ((each, number >> self._bits - each << self._bits - each) for each in self._lengths if each < below)
        return next(self._known[key] for key in keys if key in self._known)
