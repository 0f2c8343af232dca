"""
What makes two packets one flow: the keys under which connection tables and NAT gateways remember them.

TCP and UDP go by addresses and ports, ICMP queries by addresses, id and type, everything else by addresses and
protocol alone. Knows nothing of time or rules.

Source:
    EC2 User Guide, "Security group connection tracking"; RFC 792 and RFC 4443 for queries and their answers.
"""

from __future__ import annotations

from netlab.model.addresses import Address
from netlab.model.packets import Packet
from netlab.model.rules import ICMP, ICMPV6, TCP, UDP
from netlab.oracle.tcp import TcpKind, kind_of

Key = tuple[int, Address, Address, int, int]
"""Protocol, source, destination, and two numbers: ports, or an ICMP query's id and type, or zeros."""

_ANSWERS = {ICMP: {8: 0, 13: 14, 15: 16, 17: 18}, ICMPV6: {128: 129, 139: 140}}
_COUNTERPARTS = {
    protocol: {**answers, **{answer: query for query, answer in answers.items()}}
    for protocol, answers in _ANSWERS.items()
}
_FAMILY = {ICMP: 4, ICMPV6: 6}


def is_icmp(packet: Packet) -> bool:
    """Tell whether the packet is of its own family's ICMP."""
    return _FAMILY.get(packet.protocol) == packet.family


def flow_key(packet: Packet) -> Key | None:
    """Return the key of a packet as it goes; None = it belongs to no flow: an ICMP error, or a notice."""
    if packet.protocol in {TCP, UDP}:
        return (packet.protocol, packet.src, packet.dst, packet.sport or 0, packet.dport or 0)
    if not is_icmp(packet):
        return (packet.protocol, packet.src, packet.dst, 0, 0)
    if packet.icmp_type not in _COUNTERPARTS[packet.protocol]:
        return None
    return (packet.protocol, packet.src, packet.dst, packet.icmp_id or 0, packet.icmp_type)


def answer_key(key: Key) -> Key:
    """Return the key that packets in the other direction of the same flow have."""
    protocol, src, dst, one, two = key
    if protocol in {TCP, UDP}:
        return (protocol, dst, src, two, one)
    if _FAMILY.get(protocol) == src.version:
        return (protocol, dst, src, one, _COUNTERPARTS[protocol][two])
    return (protocol, dst, src, one, two)


def can_open(packet: Packet) -> bool:
    """
    Tell whether a packet of no known flow can begin one; a TCP flow may also be picked up in its middle.

    An answer without its question cannot: a SYN-ACK, FIN or RST, an echo reply; nor can an ICMP error.

    Source:
        Linux net/netfilter/nf_conntrack_proto_tcp.c and _icmp.c, what is NEW and what INVALID. AWS says nothing.
    """
    if packet.protocol == TCP:
        return kind_of(packet.flags) in {TcpKind.SYN, TcpKind.ACK}
    if is_icmp(packet):
        return packet.icmp_type in _ANSWERS[packet.protocol]
    return True
