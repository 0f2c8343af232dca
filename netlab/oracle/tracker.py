"""
The connection table of one card: what it remembers, for how long, and which packets belong to it.

Time comes in as an argument, in unscaled seconds. Which packets may begin an entry, and which entries a change of rules
converts, is the card's business (card.py).

Source:
    EC2 User Guide, "Security group connection tracking": the idle timers; Linux's defaults where AWS publishes none.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

from netlab.model.packets import Packet
from netlab.model.rules import TCP, UDP, Direction
from netlab.model.topology import ConnectionTracking
from netlab.oracle.flows import Key, answer_key, flow_key, is_icmp
from netlab.oracle.tcp import Outcome, TcpMemory, TcpState, kind_of, opened, step

ICMP_S = 30
OTHER_S = 600

_TCP_S = {
    TcpState.SYN_SENT: 120,
    TcpState.SYN_SENT2: 120,
    TcpState.SYN_RECV: 60,
    TcpState.FIN_WAIT: 120,
    TcpState.CLOSE_WAIT: 60,
    TcpState.LAST_ACK: 30,
    TcpState.TIME_WAIT: 120,
    TcpState.CLOSE: 10,
}

_CLOSED = {TcpState.TIME_WAIT, TcpState.CLOSE}


def rounded_timer_s(timer_s: float, scale: float) -> float:
    """Return a timer as a kernel keeps it: whole seconds after scaling, at least one; given back unscaled."""
    return max(1, round(timer_s * scale)) / scale


@dataclass(slots=True)
class Record:
    """
    One entry.

    Attributes:
        first: The flow's first packet, as the card saw it.
        tcp: For TCP; else None.
        requests: Packets in the original direction; ``answers`` likewise in the other.
    """

    first: Packet
    opened_by: Direction
    key: Key
    tcp: TcpMemory | None
    expires_s: float = 0.0
    requests: int = 1
    answers: int = 0


@dataclass(slots=True)
class Tracker:
    """
    A card's connection table.

    Attributes:
        scale: The lab's; only the rounding of the timers depends on it.
        edge_s: How near the entries looked up were to their expiry, then; set back by whoever reads it.
    """

    timers: ConnectionTracking
    scale: float = 1.0
    edge_s: float = math.inf
    _records: dict[Key, Record] = field(default_factory=dict)  # by the keys of both directions

    def find(self, packet: Packet, now_s: float) -> Record | None:
        """Return the live entry a packet has the addresses of, in either direction."""
        key = flow_key(packet)
        record = self._records.get(key) if key is not None else None
        if record is None or self._is_live(record, now_s):
            return record
        self.forget(record)
        return None

    def outcome(self, record: Record, packet: Packet) -> tuple[Outcome, TcpMemory | None]:
        """Return what a packet is to an entry, and what TCP remembers behind it; the entry stays as it is."""
        if record.tcp is None:
            return Outcome.CARRIED, None
        return step(record.tcp, packet.flags, reply=flow_key(packet) != record.key)

    def carry(self, record: Record, packet: Packet, outcome: Outcome, tcp: TcpMemory | None, now_s: float) -> None:
        """Let a packet pass on its entry, with what `outcome` made of it."""
        record.tcp = tcp
        if flow_key(packet) == record.key:
            record.requests += 1
        else:
            record.answers += 1
        if outcome is Outcome.ENDED:
            self.forget(record)
        elif outcome is Outcome.CARRIED:
            record.expires_s = now_s + self._idle_s(record)

    def add(self, packet: Packet, direction: Direction, now_s: float) -> None:
        """Remember the flow that a packet begins."""
        key = flow_key(packet)
        kind = kind_of(packet.flags) if packet.protocol == TCP else None
        if key is None or (packet.protocol == TCP and kind is None):
            raise ValueError(f"{packet} cannot begin a flow")
        record = Record(packet, direction, key, opened(kind) if kind is not None else None)
        record.expires_s = now_s + self._idle_s(record)
        self._records[key] = self._records[answer_key(key)] = record

    def forget(self, record: Record) -> None:
        """Drop an entry."""
        for key in (record.key, answer_key(record.key)):
            if self._records.get(key) is record:
                del self._records[key]

    def live(self, now_s: float) -> Iterator[Record]:
        """Yield the live entries, the oldest first."""
        for key, record in list(self._records.items()):
            if key == record.key and self._is_live(record, now_s):
                yield record

    def taken(self, now_s: float) -> int:
        """
        Return how many entries an allowance counts: all but those of closed connections.

        Source:
            AWS What's New, November 2023, configurable idle timeouts: only what was not closed lingers.
        """
        return sum(1 for each in self.live(now_s) if each.tcp is None or each.tcp.state not in _CLOSED)

    def _is_live(self, record: Record, now_s: float) -> bool:
        self.edge_s = min(self.edge_s, abs(record.expires_s - now_s))
        return record.expires_s > now_s

    def _idle_s(self, record: Record) -> float:
        if record.tcp is not None:
            timer_s = _TCP_S.get(record.tcp.state, self.timers.tcp_established_s)
        elif record.first.protocol == UDP:
            # AWS's criterion for a stream: more than one request and response
            stream = record.requests > 1 and record.answers > 1
            timer_s = self.timers.udp_stream_s if stream else self.timers.udp_s
        else:
            timer_s = ICMP_S if is_icmp(record.first) else OTHER_S
        return rounded_timer_s(timer_s, self.scale)
