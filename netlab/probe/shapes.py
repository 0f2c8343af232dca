"""
Shapes of packets, made by Scapy: whole packets with addresses, ports, numbers and payload still zero.

Importing this module imports Scapy, a fifth of a second: only `encoding` does, when the first packet is made.
"""

from __future__ import annotations

import struct

from netlab.errors import InputError
from netlab.model.packets import ECHO_TYPES, ERROR_TYPES, LEAST_SIZE
from netlab.model.rules import ICMP
from netlab.plan.nouns import PROBE_DSCP
from netlab.probe.encoding import Shape
from netlab.probe.headers import own_header
from netlab.probe.scapy_packets import Raw, inet, inet6

_NEXT_HOP_MTU = 1400  # what a "packet too big" of netlab's own announces


def bytes_from_shape(shape: Shape) -> bytes:
    """
    Make a packet of this shape.

    Raises:
        InputError: It is bigger than an IP packet can be.
    """
    traffic_class = PROBE_DSCP << 2
    if shape.family == 4:
        flags = "DF" if shape.df else 0
        head = inet.IP(src="0.0.0.0", dst="0.0.0.0", id=0, tos=traffic_class, flags=flags, proto=shape.protocol)
    else:
        head = inet6.IPv6(src="::", dst="::", tc=traffic_class, nh=shape.protocol)
    try:
        return bytes(head / _layer(shape))
    except struct.error as error:
        raise InputError(f"size: found {shape.size}, wanted an IP packet of at most 65535 bytes") from error


def _layer(shape: Shape) -> object:
    kind, code = shape.icmp_type, shape.icmp_code
    payload = bytes(shape.quote_size + max(shape.size, LEAST_SIZE))
    match shape.protocol:
        case 6:
            return inet.TCP(sport=0, dport=0, flags=shape.flags, window=0xFFFF) / Raw(payload)
        case 17:
            return inet.UDP(sport=0, dport=0) / Raw(payload)
        case 1 if kind in ECHO_TYPES[ICMP] | ERROR_TYPES[ICMP]:
            mtu = {"nexthopmtu": _NEXT_HOP_MTU} if (kind, code) == (3, 4) else {}
            return inet.ICMP(type=kind, code=code, **mtu) / Raw(payload)
        case 1:  # Scapy's layers for the other types have fields of their own behind the first eight bytes
            return Raw(bytes((kind or 0, code)) + bytes(6) + payload)
        case 58:
            rest = struct.pack("!I", _NEXT_HOP_MTU if kind == 2 else 0)
            return inet6.ICMPv6Unknown(type=kind, code=code, msgbody=rest + payload)
        case _:
            header = own_header(shape.protocol)
            return Raw(header + payload[: max(LEAST_SIZE, shape.size - len(header))])
