"""
From words to bytes: a Packet as it goes on the wire.

Scapy makes each *shape* (everything but addresses, ports, numbers) once; its bytes are then patched for every packet
(making each through Scapy is a hundred times slower). Scapy is imported when the first packet is made.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import NamedTuple

from netlab.model.packets import Packet
from netlab.model.rules import ICMP, ICMPV6, TCP, UDP
from netlab.probe.cookies import COOKIE_SIZE
from netlab.probe.headers import CHECKSUM_AT, crc32c, own_header_size

_IPV6_FRAGMENT = 44
_TRANSPORT_SIZE = {TCP: 20, UDP: 8, ICMP: 8, ICMPV6: 8}


class Shape(NamedTuple):
    """
    What packets that differ only in addresses, ports and numbers have in common.

    Attributes:
        quote_size: Bytes that an ICMP error quotes, before its payload.
    """

    family: int
    protocol: int
    flags: str
    icmp_type: int | None
    icmp_code: int
    size: int
    df: bool
    quote_size: int


def encode(packet: Packet, cookie: bytes, *, ident: int, mtu: int) -> list[bytes]:
    """
    Return the packet's bytes, IP header first; more than one where it leaves in fragments.

    Args:
        cookie: Its first COOKIE_SIZE bytes of payload; in an ICMP error they stand behind the quoted headers.
        ident: Tells its fragments from those of other packets; only the low 16 bits count in IPv4.
        mtu: Of the sender's device. A packet that must not be fragmented is returned whole all the same.

    Raises:
        InputError: It is bigger than an IP packet can be.
    """
    whole = _whole(packet, cookie, ident)
    if len(whole) <= mtu or packet.df:
        return [whole]
    return _fragments_ipv4(whole, mtu) if packet.family == 4 else _fragments_ipv6(whole, ident, mtu)


def ones_complement(data: bytes | bytearray) -> int:
    """
    Return the Internet checksum of *data* (RFC 1071), whose checksum field is zero.

    The ones' complement sum of 16-bit words is the number's remainder by 65535: one division of a long integer.
    """
    number = int.from_bytes(data, "big") << (8 * (len(data) % 2))
    return 0xFFFF - (number % 0xFFFF or (0xFFFF if number else 0))


def _whole(packet: Packet, cookie: bytes, ident: int) -> bytes:
    quoted, family = packet.quoted, packet.src.version
    quote_size = 0 if quoted is None else _headers_size(quoted)
    data = bytearray(
        _shape(
            Shape(
                family,
                packet.protocol,
                packet.flags,
                packet.icmp_type,
                packet.icmp_code or 0,
                packet.size,
                packet.df,
                quote_size,
            )
        )
    )
    start = 20 if family == 4 else 40
    if family == 4:
        data[4:6] = struct.pack("!H", ident & 0xFFFF)
        data[12:20] = packet.src.packed + packet.dst.packed
    else:
        data[8:40] = packet.src.packed + packet.dst.packed
    match packet.protocol:
        case 6:
            data[start : start + 12] = struct.pack("!HHII", packet.sport, packet.dport, packet.seq, packet.ack)
        case 17:
            data[start : start + 4] = struct.pack("!HH", packet.sport, packet.dport)
        case 1 | 58 if packet.icmp_id is not None:
            data[start + 4 : start + 6] = struct.pack("!H", packet.icmp_id)
    payload = start + _TRANSPORT_SIZE.get(packet.protocol, own_header_size(packet.protocol))
    if quoted is not None:
        data[payload : payload + quote_size] = _whole(quoted, bytes(COOKIE_SIZE), ident)[:quote_size]
    data[payload + quote_size : payload + quote_size + COOKIE_SIZE] = cookie
    _seal(data, packet, start)
    return bytes(data)


def _seal(data: bytearray, packet: Packet, start: int) -> None:
    """Write the checksums."""
    if packet.family == 4:
        data[10:12] = bytes(2)
        data[10:12] = struct.pack("!H", ones_complement(data[:20]))
    if packet.protocol not in CHECKSUM_AT:
        return
    at = start + CHECKSUM_AT[packet.protocol]
    if packet.protocol == 132:
        data[at : at + 4] = bytes(4)
        data[at : at + 4] = struct.pack("<I", crc32c(data[start:]))
        return
    data[at : at + 2] = bytes(2)
    pseudo = b""
    if packet.protocol != ICMP:
        pseudo = packet.src.packed + packet.dst.packed + struct.pack("!IHH", len(data) - start, 0, packet.protocol)
    checksum = ones_complement(pseudo + data[start:])
    data[at : at + 2] = struct.pack("!H", checksum or (0xFFFF if packet.protocol in {UDP, 136} else 0))


@lru_cache(maxsize=4096)
def _shape(shape: Shape) -> bytes:
    from netlab.probe.shapes import bytes_from_shape  # noqa: PLC0415 - it imports Scapy: only where packets are made

    return bytes_from_shape(shape)


def _headers_size(packet: Packet) -> int:
    own = own_header_size(packet.protocol)
    return (20 if packet.family == 4 else 40) + _TRANSPORT_SIZE.get(packet.protocol, own)


def _fragments_ipv4(whole: bytes, mtu: int) -> list[bytes]:
    header, payload = whole[:20], whole[20:]
    step = (mtu - 20) // 8 * 8
    fragments = []
    for start in range(0, len(payload), step):
        piece = payload[start : start + step]
        more = 0x2000 if start + step < len(payload) else 0
        head = bytearray(header)
        head[2:4] = struct.pack("!H", 20 + len(piece))
        head[6:8] = struct.pack("!H", more | start // 8)
        head[10:12] = bytes(2)
        head[10:12] = struct.pack("!H", ones_complement(head))
        fragments.append(bytes(head) + piece)
    return fragments


def _fragments_ipv6(whole: bytes, ident: int, mtu: int) -> list[bytes]:
    header, payload = whole[:40], whole[40:]
    step = (mtu - 48) // 8 * 8
    fragments = []
    for start in range(0, len(payload), step):
        piece = payload[start : start + step]
        more = 1 if start + step < len(payload) else 0
        head = bytearray(header)
        head[4:6] = struct.pack("!H", 8 + len(piece))
        head[6] = _IPV6_FRAGMENT
        extension = struct.pack("!BBHI", header[6], 0, start | more, ident & 0xFFFFFFFF)
        fragments.append(bytes(head) + extension + piece)
    return fragments
