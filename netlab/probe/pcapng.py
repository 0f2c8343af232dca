"""
Captures as pcapng, one interface a tap: Wireshark and tcpdump tell them apart by name. Pure.

Source:
    draft-ietf-opsawg-pcapng; LINKTYPE_ETHERNET.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

_SECTION, _INTERFACE, _PACKET = 0x0A0D0D0A, 1, 6
_LINKTYPE_ETHERNET = 1
_IF_NAME, _EPB_FLAGS, _SHB_USERAPPL = 2, 2, 4
_INBOUND, _OUTBOUND = 1, 2


@dataclass(frozen=True, slots=True)
class Captured:
    """
    One frame at one tap.

    Attributes:
        frame: From its Ethernet header on.
        outgoing: It left by the tap's device.
        time_us: When, in microseconds of the real-time clock.
    """

    tap: str
    frame: bytes
    outgoing: bool
    time_us: int


def pcapng_bytes(taps: Sequence[str], frames: Sequence[Captured]) -> bytes:
    """Return a whole file: every tap in this order, also one that saw nothing; frames by their time."""
    numbers = {tap: number for number, tap in enumerate(taps)}
    head = struct.pack("=IHHq", 0x1A2B3C4D, 1, 0, -1) + _option(_SHB_USERAPPL, b"netlab") + _end()
    blocks = [_block(_SECTION, head)]
    link = struct.pack("=HHI", _LINKTYPE_ETHERNET, 0, 0)
    blocks += [_block(_INTERFACE, link + _option(_IF_NAME, tap.encode()) + _end()) for tap in taps]
    for each in sorted(frames, key=lambda each: each.time_us):
        size = len(each.frame)
        fields = struct.pack("=IIIII", numbers[each.tap], each.time_us >> 32, each.time_us & 0xFFFFFFFF, size, size)
        way = struct.pack("=I", _OUTBOUND if each.outgoing else _INBOUND)
        blocks.append(_block(_PACKET, fields + _padded(each.frame) + _option(_EPB_FLAGS, way) + _end()))
    return b"".join(blocks)


def _block(kind: int, body: bytes) -> bytes:
    size = struct.pack("=I", len(body) + 12)
    return struct.pack("=I", kind) + size + body + size


def _option(code: int, value: bytes) -> bytes:
    return struct.pack("=HH", code, len(value)) + _padded(value)


def _end() -> bytes:
    return bytes(4)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
