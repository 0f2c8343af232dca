"""
From bytes to words: what passed a tap or stands in a log record, as a Packet.

It reads what netlab sends, whole or a first fragment, and real programs' packets as far as Packet has words.
Nothing is checked but what is needed to read on. No Scapy here: it is asked thousands of times a second.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address

from netlab.model.addresses import Address
from netlab.model.packets import ECHO_TYPES, ERROR_TYPES, LEAST_SIZE, Packet
from netlab.model.rules import ICMP, ICMPV6, TCP, UDP
from netlab.probe.cookies import COOKIE_SIZE, is_cookie
from netlab.probe.headers import own_header_size

_FLAGS = tuple("".join(letter for bit, letter in enumerate("FSRPAU") if bits >> bit & 1) for bits in range(64))
_IPV6_FRAGMENT = 44
_TRANSPORT_SIZE = {TCP: 20, UDP: 8, ICMP: 8, ICMPV6: 8}


@dataclass(frozen=True, slots=True)
class IpHead:
    """
    What an IP header says.

    Attributes:
        start: Where the transport header, or a fragment's piece of the payload, begins.
        length: Bytes from there to the packet's end, by the header; a log record may hold fewer.
        offset: Of a fragment, in bytes; 0 = whole or the first.
        more: Further fragments follow.
        ident: Of a fragment; in IPv4 of any packet.
    """

    src: Address
    dst: Address
    protocol: int
    start: int
    length: int
    offset: int
    more: bool
    ident: int
    df: bool

    @property
    def is_fragment(self) -> bool:
        """Tell whether it is not a whole packet."""
        return self.more or self.offset > 0


def decode(data: bytes) -> tuple[Packet, bytes] | None:
    """
    Read one of netlab's own packets and its cookie.

    None = it is none, or a fragment that is not the first. The first fragment's ``size`` is what it holds itself.
    IPv6 has no bit for ``df``: it is False.
    """
    head = ip_head(data)
    if head is None or head.offset:
        return None
    packet = _transport(data, head)
    if packet is None:
        return None
    at = _payload_at(head.start, packet)
    return (packet, data[at : at + COOKIE_SIZE]) if is_cookie(data, at) else None


def packet_from_bytes(data: bytes) -> Packet | None:
    """Read any packet; None = it is a fragment that is not the first, or too short to read."""
    head = ip_head(data)
    return None if head is None or head.offset else _transport(data, head)


def ip_head(data: bytes) -> IpHead | None:
    """Read the IP header; None = there is none."""
    version = data[0] >> 4 if data else 0
    if version == 4 and len(data) >= 20:
        total, ident, fragment = struct.unpack_from("!HHH", data, 2)
        start = (data[0] & 0xF) * 4
        return IpHead(
            src=_address(data[12:16]),
            dst=_address(data[16:20]),
            protocol=data[9],
            start=start,
            length=total - start,
            offset=(fragment & 0x1FFF) * 8,
            more=bool(fragment & 0x2000),
            ident=ident,
            df=bool(fragment & 0x4000),
        )
    if version == 6 and len(data) >= 40:
        (length,) = struct.unpack_from("!H", data, 4)
        protocol, start, offset, ident = data[6], 40, 0, 0
        if protocol == _IPV6_FRAGMENT and len(data) >= 48:
            protocol, _, offset, ident = struct.unpack_from("!BBHI", data, 40)
            start, length = 48, length - 8
        src, dst = _address(data[8:24]), _address(data[24:40])
        return IpHead(src, dst, protocol, start, length, offset & 0xFFF8, bool(offset & 1), ident, df=False)
    return None


def is_fragment(data: bytes) -> bool:
    """Tell whether these bytes are not a whole packet's; they hold an IP header."""
    if data[0] >> 4 == 4:
        return bool((data[6] << 8 | data[7]) & 0x3FFF)
    return data[6] == _IPV6_FRAGMENT


def destination(data: bytes) -> bytes:
    """Return where a packet goes, as its IP header has it."""
    return data[16:20] if data[0] >> 4 == 4 else data[24:40]


def traffic_class(data: bytes) -> int:
    """Return the byte of an IP header that holds the DSCP, above two bits."""
    return data[1] if data[0] >> 4 == 4 else (data[0] << 4 | data[1] >> 4) & 0xFF


def _transport(data: bytes, head: IpHead) -> Packet | None:
    at, size = head.start, head.length - _TRANSPORT_SIZE.get(head.protocol, 0)
    if len(data) < at + _TRANSPORT_SIZE.get(head.protocol, 0):
        return None
    match head.protocol:
        case 6:
            sport, dport, seq, ack, offset, bits = struct.unpack_from("!HHIIBB", data, at)
            size = head.length - (offset >> 4) * 4
            return Packet(
                head.src,
                head.dst,
                TCP,
                sport,
                dport,
                _FLAGS[bits & 0x3F],
                size=max(size, 0),
                df=head.df,
                seq=seq,
                ack=ack,
            )
        case 17:
            sport, dport = struct.unpack_from("!HH", data, at)
            return Packet(head.src, head.dst, UDP, sport, dport, size=size, df=head.df)
        case 1 | 58:
            return _icmp(data, head, size)
        case _:
            behind = own_header_size(head.protocol) + LEAST_SIZE
            size = LEAST_SIZE if size <= behind else size
            return Packet(head.src, head.dst, head.protocol, size=size, df=head.df)


def _icmp(data: bytes, head: IpHead, size: int) -> Packet:
    kind, code, number = (
        data[head.start],
        data[head.start + 1],
        int.from_bytes(data[head.start + 4 : head.start + 6], "big"),
    )
    quoted = None
    if kind in ERROR_TYPES[head.protocol] and not is_cookie(data, head.start + 8):
        inner = data[head.start + 8 :]
        quoted = packet_from_bytes(inner)
        if quoted is not None:
            size -= _payload_at(_inner_start(inner), quoted)
    return Packet(
        head.src,
        head.dst,
        head.protocol,
        icmp_type=kind,
        icmp_code=code,
        icmp_id=number if kind in ECHO_TYPES[head.protocol] else None,
        quoted=quoted,
        size=max(size, 0),
        df=head.df,
    )


def _inner_start(data: bytes) -> int:
    head = ip_head(data)
    return head.start if head is not None else 0


def _payload_at(start: int, packet: Packet) -> int:
    """Return where the payload begins, behind what an ICMP error quotes."""
    at = start + _TRANSPORT_SIZE.get(packet.protocol, own_header_size(packet.protocol))
    if packet.quoted is not None:
        at += _payload_at(20 if packet.family == 4 else 40, packet.quoted)
    return at


@lru_cache(maxsize=65536)
def _address(packed: bytes) -> Address:
    return IPv4Address(packed) if len(packed) == 4 else IPv6Address(packed)
