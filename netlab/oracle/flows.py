"""
What makes two packets one flow: the keys under which connection tables and NAT gateways remember them.

At a card TCP and UDP go by addresses and ports, pings by addresses and id, ICMP's other questions and answers by
addresses and the question's type, its other messages by addresses, type and code, and everything else by addresses and
protocol alone. An ICMP error belongs to the flow of the packet it is about, and is none itself. Knows nothing of time
or rules.

Source:
    EC2 User Guide, "Security group connection tracking"; aws-behaviour.md 2.9. RFC 792 and RFC 3022 for NAT.
"""

from __future__ import annotations

from netlab.model.addresses import Address
from netlab.model.packets import ECHO_REQUEST, ECHO_TYPES, ICMP_COUNTERPARTS, Packet
from netlab.model.rules import ICMP, ICMPV6, TCP, UDP
from netlab.oracle.tcp import TcpKind, kind_of

Key = tuple[int, Address, Address, int, int]
"""Protocol, source, destination, and two numbers: ports, an ICMP id, what else ICMP goes by, or zeros."""

_COUNTERPARTS = ICMP_COUNTERPARTS[ICMP]
_QUESTIONS = {8, 13, 15, 17}
_FAMILY = {ICMP: 4, ICMPV6: 6}


def is_icmp(packet: Packet) -> bool:
    """Tell whether the packet is of its own family's ICMP."""
    return _FAMILY.get(packet.protocol) == packet.family


def flow_key(packet: Packet) -> Key | None:
    """Return the key of a packet at a card; None = an ICMP error, which belongs to the flow it is about."""
    if packet.protocol in {TCP, UDP}:
        return (packet.protocol, packet.src, packet.dst, packet.sport or 0, packet.dport or 0)
    if not is_icmp(packet):
        return (packet.protocol, packet.src, packet.dst, 0, 0)
    if packet.is_icmp_error and packet.quoted is not None:
        return None
    kind = packet.icmp_type or 0
    if kind in ECHO_TYPES[packet.protocol]:
        return (packet.protocol, packet.src, packet.dst, packet.icmp_id or 0, 0)
    other = ICMP_COUNTERPARTS[packet.protocol].get(kind)
    kind, code = (kind, packet.icmp_code or 0) if other is None else (min(kind, other), 0)
    return (packet.protocol, packet.src, packet.dst, -kind, code)  # below every id


def answer_key(key: Key) -> Key:
    """Return the key that packets in the other direction of the same flow have."""
    protocol, src, dst, one, two = key
    return (protocol, dst, src, two, one) if protocol in {TCP, UDP} else (protocol, dst, src, one, two)


def can_open(packet: Packet) -> bool:
    """
    Tell whether a packet of no known flow can begin one at a card; a TCP flow may also be picked up in its middle.

    A SYN-ACK, FIN or RST without its connection cannot; nor can an ICMP error about a packet.

    Source:
        Linux net/netfilter/nf_conntrack_proto_tcp.c, what is NEW and what INVALID. AWS says nothing.
    """
    if packet.protocol == TCP:
        return kind_of(packet.flags) in {TcpKind.SYN, TcpKind.ACK}
    return flow_key(packet) is not None


def nat_key(packet: Packet) -> Key | None:
    """
    Return the key of a packet at a NAT gateway; None = it is none that can be translated.

    There ICMP goes by type and code too; a ping's code makes no difference, its answer's is 0.
    """
    if packet.protocol in {TCP, UDP}:
        return flow_key(packet)
    if packet.protocol != ICMP or packet.icmp_type is None or packet.icmp_type not in _COUNTERPARTS:
        return None
    code = 0 if packet.icmp_type == ECHO_REQUEST[ICMP] else packet.icmp_code or 0
    return (packet.protocol, packet.src, packet.dst, packet.icmp_id or 0, packet.icmp_type << 8 | code)


def nat_answer_key(key: Key) -> Key:
    """Return the key that answers have there."""
    protocol, src, dst, one, two = key
    if protocol in {TCP, UDP}:
        return answer_key(key)
    return (protocol, dst, src, one, _COUNTERPARTS[two >> 8] << 8 | two & 0xFF)


def can_open_nat(packet: Packet) -> bool:
    """Tell whether a packet of no known flow can begin one at a NAT gateway: a SYN, a datagram, an ICMP question."""
    if packet.protocol == TCP:
        return kind_of(packet.flags) is TcpKind.SYN
    return packet.protocol == UDP or packet.icmp_type in _QUESTIONS
