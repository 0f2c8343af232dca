"""Packets, as both minds see them: what a gate can look at, no more."""

from __future__ import annotations

from dataclasses import dataclass, replace

from netlab.model.addresses import Address
from netlab.model.rules import ICMP, ICMPV6, PROTOCOL_NAMES, TCP, UDP

ECHO_REQUEST = {ICMP: 8, ICMPV6: 128}
ECHO_REPLY = {ICMP: 0, ICMPV6: 129}
ECHO_TYPES = {ICMP: {0, 8}, ICMPV6: {128, 129}}
ICMP_COUNTERPARTS: dict[int, dict[int | None, int]] = {
    ICMP: {8: 0, 0: 8, 13: 14, 14: 13, 15: 16, 16: 15, 17: 18, 18: 17},
    ICMPV6: {128: 129, 129: 128},
}
"""Questions and answers, by each other."""

ERROR_TYPES = {ICMP: {3, 4, 5, 11, 12}, ICMPV6: {1, 2, 3, 4}}
"""ICMP types that quote the packet they are about."""

LEAST_SIZE = 16
"""Payload bytes that every packet of netlab's own carries: by them it is recognised on its way."""


@dataclass(frozen=True, slots=True)
class Packet:
    """
    One IP packet.

    Attributes:
        sport: For TCP and UDP; else None.
        flags: TCP's, as letters in the order ``FSRPAU``: ``S``, ``SA``, ``A``, ``PA``, ``FA``, ``R``; else empty.
        icmp_id: Identifier of an ICMP echo; else None.
        quoted: For an ICMP error, the packet it is about, as it was where the error was made.
        size: Bytes behind the TCP, UDP or ICMP header (behind the IP header for other protocols).
        df: Must not be fragmented. Always so in IPv6 (a sender there may still fragment itself).
        seq: TCP's sequence number; no gate looks at it, both minds ignore it.
        ack: TCP's acknowledgement number; likewise.
    """

    src: Address
    dst: Address
    protocol: int
    sport: int | None = None
    dport: int | None = None
    flags: str = ""
    icmp_type: int | None = None
    icmp_code: int | None = None
    icmp_id: int | None = None
    quoted: Packet | None = None
    size: int = 0
    df: bool = False
    seq: int = 0
    ack: int = 0

    @property
    def family(self) -> int:
        """4 or 6."""
        return self.src.version

    @property
    def is_icmp_error(self) -> bool:
        """Tell whether the packet is an ICMP error."""
        return self.protocol in ERROR_TYPES and self.icmp_type in ERROR_TYPES[self.protocol]

    @property
    def opens_tcp(self) -> bool:
        """Tell whether the packet is a TCP SYN without ACK."""
        return self.protocol == TCP and "S" in self.flags and "A" not in self.flags

    @property
    def length(self) -> int:
        """Bytes of the whole IP packet, before any fragmentation."""
        transport = {TCP: 20, UDP: 8, ICMP: 8, ICMPV6: 8}.get(self.protocol, 0)
        return (20 if self.family == 4 else 40) + transport + self.size

    def answered(self) -> Packet:
        """Return the packet with both ends exchanged: addresses, ports; nothing else changes."""
        return replace(self, src=self.dst, dst=self.src, sport=self.dport, dport=self.sport)

    def __str__(self) -> str:
        """Return netlab's notation: ``198.51.100.7:40001 > 3.95.203.191:22 tcp S``."""
        if self.sport is not None:
            ends = f"{_end(self.src, self.sport)} > {_end(self.dst, self.dport)}"
        else:
            ends = f"{self.src} > {self.dst}"
        name = PROTOCOL_NAMES.get(self.protocol, str(self.protocol))
        if self.flags:
            name = f"{name} {self.flags}"
        if self.icmp_type is not None:
            name = f"{name} {self.icmp_type}/{self.icmp_code or 0}"
        if self.quoted is not None:
            name = f"{name} about [{self.quoted}]"
        return f"{ends} {name}"


def _end(address: Address, port: int | None) -> str:
    return f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}"
