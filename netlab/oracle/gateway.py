"""
Address translation: the internet gateway's, one to one and without memory, and the NAT gateway's, many to one.

Both also rewrite the packet that an ICMP error quotes. A NAT gateway begins a mapping for a SYN, a datagram and an ICMP
query, and knows no other protocol; what belongs to no mapping is not translated, so it goes nowhere.

Source:
    VPC User Guide, "Internet gateways" and "NAT gateway basics" (TCP, UDP and ICMP; source ports 1024 to 65535; idle
    timeout 350 s).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from netlab.model.addresses import Address
from netlab.model.packets import Packet
from netlab.model.rules import ICMP, TCP, UDP
from netlab.oracle.atlas import Atlas
from netlab.oracle.flows import Key, can_open_nat, nat_answer_key, nat_key
from netlab.oracle.tcp import Outcome, TcpKind, TcpMemory, opened, step
from netlab.oracle.tracker import rounded_timer_s

NAT_IDLE_S = 350
FIRST_NAT_PORT, LAST_NAT_PORT = 1024, 65535


def leave_vpc(atlas: Atlas, packet: Packet) -> Packet | None:
    """Return a packet as the internet gateway sends it out; None = no public address belongs to its source."""
    if packet.family == 6:
        return packet
    public = atlas.public.get(packet.src)
    if public is None:
        return None
    quoted = packet.quoted
    if quoted is not None:
        quoted = replace(quoted, dst=atlas.public.get(quoted.dst, quoted.dst))
    return replace(packet, src=public, quoted=quoted)


def enter_vpc(atlas: Atlas, packet: Packet) -> Packet | None:
    """Return a packet as the internet gateway lets it in; None = nobody has its destination as a public address."""
    if packet.family == 6:
        return packet
    private = atlas.private.get(packet.dst)
    if private is None:
        return None
    quoted = packet.quoted
    if quoted is not None:
        quoted = replace(quoted, src=atlas.private.get(quoted.src, quoted.src))
    return replace(packet, dst=private, quoted=quoted)


@dataclass(slots=True)
class Mapping:
    """A flow through a NAT gateway: its first packet inside, and as it went on; for TCP, what is known of it."""

    inner: Packet
    outer: Packet
    expires_s: float
    tcp: TcpMemory | None = None


@dataclass(slots=True)
class NatTable:
    """
    What one NAT gateway remembers.

    Attributes:
        ip: Its private address, which the internet gateway maps to its public one.
        edge_s: How near the mappings looked up were to their expiry, then; set back by whoever reads it.
    """

    ip: Address
    scale: float = 1.0
    edge_s: float = math.inf
    _inner: dict[Key, Mapping] = field(default_factory=dict)  # by the inner packet's key
    _outer: dict[Key, Mapping] = field(default_factory=dict)  # by the key of answers to the outer packet

    def outward(self, packet: Packet, now_s: float, number: int | None = None) -> Packet | None:
        """
        Return a packet from the VPC as it goes on; None = it belongs to no mapping and can begin none.

        Args:
            number: The port or ICMP id to take for a new mapping, if it is free; None = the packet's own.
        """
        if packet.is_icmp_error:
            return self._error_outward(packet, now_s)
        if packet.protocol not in {ICMP, TCP, UDP}:
            return None
        key = nat_key(packet)
        if key is None:
            return None
        mapping = self._find(self._inner, key, now_s)
        outcome = self._carry(mapping, packet, reply=False)
        if outcome is Outcome.INVALID:
            return None
        if mapping is None or outcome is Outcome.REOPENED:
            if not can_open_nat(packet):
                return None
            mapping = self._map(packet, key, now_s, number)
            if mapping is None:
                return None
        self._renew(mapping, now_s)
        return replace(packet, src=self.ip, sport=mapping.outer.sport, icmp_id=mapping.outer.icmp_id)

    def inward(self, packet: Packet, now_s: float) -> Packet | None:
        """Return a packet from the internet as it goes on into the VPC; None = it answers nothing."""
        if packet.is_icmp_error:
            return self._error_inward(packet, now_s)
        key = nat_key(packet)
        mapping = self._find(self._outer, key, now_s) if key is not None else None
        if mapping is None or self._carry(mapping, packet, reply=True) in {Outcome.INVALID, Outcome.REOPENED}:
            return None
        self._renew(mapping, now_s)
        return replace(packet, dst=mapping.inner.src, dport=mapping.inner.sport, icmp_id=mapping.inner.icmp_id)

    def _carry(self, mapping: Mapping | None, packet: Packet, *, reply: bool) -> Outcome:
        """Return what a packet is to its mapping's connection; what is no part of it goes nowhere."""
        if mapping is None or mapping.tcp is None:
            return Outcome.CARRIED
        outcome, mapping.tcp = step(mapping.tcp, packet.flags, reply=reply)
        if outcome in {Outcome.ENDED, Outcome.REOPENED}:
            self._forget(mapping)
        return outcome

    def _error_outward(self, packet: Packet, now_s: float) -> Packet | None:
        """The quoted packet came from the internet: an answer, as it was inside."""
        quoted = packet.quoted
        key = nat_key(quoted) if quoted is not None else None
        mapping = self._find(self._inner, nat_answer_key(key), now_s) if key is not None else None
        if mapping is None or quoted is None:
            return None
        outer = mapping.outer
        quoted = replace(quoted, dst=self.ip, dport=outer.sport, icmp_id=outer.icmp_id)
        return replace(packet, src=self.ip, quoted=quoted)

    def _error_inward(self, packet: Packet, now_s: float) -> Packet | None:
        """The quoted packet went to the internet, as it was outside."""
        quoted = packet.quoted
        key = nat_key(quoted) if quoted is not None else None
        mapping = self._find(self._outer, nat_answer_key(key), now_s) if key is not None else None
        if mapping is None or quoted is None:
            return None
        inner = mapping.inner
        quoted = replace(quoted, src=inner.src, sport=inner.sport, icmp_id=inner.icmp_id)
        return replace(packet, dst=inner.src, quoted=quoted)

    def _map(self, packet: Packet, key: Key, now_s: float, wanted: int | None) -> Mapping | None:
        own = packet.sport if packet.sport is not None else packet.icmp_id
        first = FIRST_NAT_PORT if packet.protocol in {TCP, UDP} else 0
        for number in _numbers(own if wanted is None else wanted, first):
            outer = _with_number(replace(packet, src=self.ip), number)
            outer_key = nat_key(outer)
            if outer_key is not None and self._find(self._outer, nat_answer_key(outer_key), now_s) is None:
                tcp = opened(TcpKind.SYN) if packet.protocol == TCP else None
                mapping = Mapping(packet, outer, now_s, tcp)
                self._inner[key] = mapping
                self._outer[nat_answer_key(outer_key)] = mapping
                return mapping
        return None

    def _find(self, table: dict[Key, Mapping], key: Key, now_s: float) -> Mapping | None:
        mapping = table.get(key)
        if mapping is None:
            return None
        self.edge_s = min(self.edge_s, abs(mapping.expires_s - now_s))
        if mapping.expires_s > now_s:
            return mapping
        self._forget(mapping)
        return None

    def _forget(self, mapping: Mapping) -> None:
        inner, outer = nat_key(mapping.inner), nat_key(mapping.outer)
        if inner is not None and outer is not None:
            self._inner.pop(inner, None)
            self._outer.pop(nat_answer_key(outer), None)

    def _renew(self, mapping: Mapping, now_s: float) -> None:
        mapping.expires_s = now_s + rounded_timer_s(NAT_IDLE_S, self.scale)


def _numbers(wanted: int | None, first: int) -> Iterator[int | None]:
    """Yield the ports or ids to try, none below *first*; the wanted one before all others where it is none of those."""
    if wanted is None or wanted >= first:
        yield wanted
    if wanted is not None:
        yield from range(FIRST_NAT_PORT, LAST_NAT_PORT + 1)


def _with_number(packet: Packet, number: int | None) -> Packet:
    if packet.sport is not None:
        return replace(packet, sport=number)
    return replace(packet, icmp_id=number)
