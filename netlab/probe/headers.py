"""Least headers of protocols that Packet has no fields for: enough for a tracker that looks into them."""

from __future__ import annotations

import struct
from functools import cache

_PORT = 49151  # both ends of every flow have it, so an answer is of the same flow
_INNER = 61  # "any host internal protocol": behind AH nothing that anybody sends

CHECKSUM_AT = {1: 2, 6: 16, 17: 6, 33: 6, 58: 2, 132: 8, 136: 6}
"""Where in its header a protocol has its checksum."""

_OWN_HEADERS = {
    # DCCP request, its sequence number 48 bits; the service code ends it. Source: RFC 4340, 5.1 and 5.2.
    33: struct.pack("!HHBBHBBHI", _PORT, _PORT, 5, 0, 0, 0x01, 0, 0, 1) + struct.pack("!I", 0),
    # GRE version 0, carrying IPv4, without key. Source: RFC 2784.
    47: struct.pack("!HH", 0, 0x0800),
    # AH, no check value; as in IPv6 it is an extension header, what follows must be named. Source: RFC 4302.
    51: struct.pack("!BBHII", _INNER, 1, 0, 1, 1),
    # SCTP: INIT, and in it a parameter that receivers skip, of twenty bytes: the cookie. Source: RFC 9260, 3.3.2.
    132: struct.pack("!HHII", _PORT, _PORT, 0, 0)
    + struct.pack("!BBHIIHHI", 1, 0, 40, 1, 0xFFFF, 1, 1, 1)
    + struct.pack("!HH", 0x8FFF, 20),
    # UDP-Lite: its checksum covers the whole packet. Source: RFC 3828.
    136: struct.pack("!HHHH", _PORT, _PORT, 0, 0),
}


def own_header(protocol: int) -> bytes:
    """Return what stands before the cookie in a packet of this protocol; empty for most."""
    return _OWN_HEADERS.get(protocol, b"")


def own_header_size(protocol: int) -> int:
    """Return the size of what stands before the cookie."""
    return len(own_header(protocol))


def crc32c(data: bytes | bytearray) -> int:
    """Return SCTP's checksum of *data*, whose checksum field is zero. Source: RFC 9260, appendix A."""
    table = _crc_table()
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ table[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


@cache
def _crc_table() -> tuple[int, ...]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)  # noqa: PLW2901 - the remainder grows in place
        table.append(value)
    return tuple(table)
