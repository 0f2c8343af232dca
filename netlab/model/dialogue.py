"""
Dialogue: one flow as the packets that both its ends send. It knows nothing of how they travel.

TCP opens with SYN, SYN-ACK and ACK, each sent as a real endpoint would, from the addresses that arrived. Where a packet
was lost, its answer is made from the addresses it would have had.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from netlab.errors import InputError
from netlab.model.addresses import Address
from netlab.model.packets import ECHO_TYPES, ICMP_COUNTERPARTS, LEAST_SIZE, Packet
from netlab.model.places import Ends
from netlab.model.rules import TCP, UDP
from netlab.model.stories import Fields, Question
from netlab.model.verdicts import Transit
from netlab.model.wire import Departure

IPV6_EXTENSIONS = frozenset({0, 43, 44, 59, 60})
"""Numbers of extension headers that only lead to a protocol, and of none at all. Source: RFC 8200, section 4."""

OPENING_PACKETS = 3
"""The most packets that an opening has: TCP's."""

_ISN = (1000, 5000)  # initial sequence numbers of the opening side and the other


def first_packet(question: Question, ends: Ends, number: int) -> Packet:
    """
    Return a flow's first packet, TCP's flags aside; *number* is its port or echo id unless the question has one.

    Raises:
        InputError: In IPv6, the number is no protocol's.
    """
    fields, protocol = question.fields, question.protocol
    if protocol in IPV6_EXTENSIONS and ends.target.version == 6:
        raise InputError(f"protocol: found {protocol}, in IPv6 an extension header, wanted what stands behind one")
    ports = protocol in {TCP, UDP}
    icmp = protocol in ECHO_TYPES
    number = fields.sport if fields.sport is not None else number
    return Packet(
        fields.src or ends.source,
        ends.target,
        protocol,
        sport=number if ports else None,
        dport=(fields.dport if fields.dport is not None else question.dport) if ports else None,
        icmp_type=question.icmp_type if icmp else None,
        icmp_code=(question.icmp_code or 0) if icmp else None,
        icmp_id=number if icmp and question.icmp_type in ECHO_TYPES[protocol] else None,
        size=_size(fields),
        df=fields.df,
    )


@dataclass(slots=True)
class Dialogue:
    """
    A flow's packets.

    Attributes:
        first: The first one, TCP's flags aside.
        last: By whether it was a reply: the last packet as sent, and as it arrived; None = it did not.
    """

    question: Question
    ends: Ends
    first: Packet
    last: dict[bool, tuple[Packet, Packet | None]] = field(default_factory=dict)
    next_seq: dict[bool, int] = field(default_factory=lambda: {False: _ISN[0], True: _ISN[1]})

    def opening(self, number: int) -> Departure | None:
        """Return the opening's packet *number* (0, 1, 2); None = there is no such packet."""
        flags = self.question.fields.flags
        if self.question.protocol != TCP or flags:
            if number:
                return None
            first = replace(self.first, flags=flags) if flags else self.first
            return Departure(self.ends.source_station, self._numbered(first, reply=False))
        if number == 1:
            return self.next(reply=True, fields=Fields(flags="SA"))
        packet = self._numbered(self.first, reply=False, flags="S" if number == 0 else "A")
        return Departure(self.ends.source_station, packet)

    def next(self, *, reply: bool, fields: Fields) -> Departure:
        """
        Return one more packet: TCP data with ACK, a datagram, an echo request or reply, or one packet.

        Raises:
            InputError: It is a reply, and nobody is at the flow's target to send it.
        """
        station, packet = self.ends.source_station, self.first
        if reply:
            if self.ends.target_station is None:
                raise InputError(f"reply: nobody in the lab is at {self.question.target}")
            station, packet = self.ends.target_station, _answer_to(self.last_sent(reply=False)[1])
        packet = replace(
            packet,
            src=fields.src or packet.src,
            sport=fields.sport if fields.sport is not None and packet.sport is not None else packet.sport,
            dport=fields.dport if fields.dport is not None and packet.dport is not None else packet.dport,
            flags=(fields.flags or "PA") if packet.protocol == TCP else "",
            size=_size(fields),
            df=fields.df,
            seq=0,
            ack=0,
        )
        if packet.icmp_id is not None and fields.sport is not None:
            packet = replace(packet, icmp_id=fields.sport)
        return Departure(station, self._numbered(packet, reply=reply))

    def last_sent(self, *, reply: bool) -> tuple[Packet, Packet]:
        """Return the last packet of one direction: as sent, and as it arrived or would have."""
        if reply in self.last:
            sent, arrived = self.last[reply]
            return (sent, arrived) if arrived is not None else (sent, self._would_arrive(reply=reply))
        arrived = self._would_arrive(reply=False)
        return (_answer_to(arrived), _answer_to(self.first)) if reply else (self.first, arrived)

    def remember(self, transit: Transit, *, reply: bool) -> None:
        """Take note of what came of a packet."""
        if transit.arrived is not None:
            self.last[reply] = (transit.sent, transit.arrived)
        elif reply not in self.last:
            self.last[reply] = (transit.sent, None)

    @property
    def tuples(self) -> set[tuple[int, Address, Address, int | None, int | None]]:
        """What a connection table may know the flow by: protocol, addresses, source port or echo id, port."""
        sent, arrived = self.last_sent(reply=False)
        return {_tuple_of(packet) for one in (sent, arrived) for packet in (one, one.answered())}

    def _would_arrive(self, *, reply: bool) -> Packet:
        """Return the first packet of a direction as it arrives, if nothing stops it."""
        if reply:
            return _answer_to(self.first)
        ends, first = self.ends, self.first
        return replace(first, src=first.src if first.src != ends.source else ends.source_seen, dst=ends.target_own)

    def _numbered(self, packet: Packet, *, reply: bool, flags: str = "") -> Packet:
        """Give a TCP packet its numbers, and flags where it is to have others."""
        if packet.protocol != TCP:
            return packet
        flags = flags or packet.flags
        ack = self.next_seq[not reply] if "A" in flags or "R" in flags else 0
        packet = replace(packet, flags=flags, seq=self.next_seq[reply], ack=ack)
        self.next_seq[reply] += packet.size + ("S" in flags) + ("F" in flags)
        return packet


def error_about(quoted: Packet, source: Address, icmp_type: int, icmp_code: int) -> Packet:
    """Return the ICMP error that *source* sends about a packet."""
    protocol = 1 if quoted.family == 4 else 58
    return Packet(
        source, quoted.src, protocol, icmp_type=icmp_type, icmp_code=icmp_code, quoted=quoted, size=LEAST_SIZE
    )


def _answer_to(packet: Packet) -> Packet:
    """Return what the other end sends back: to an ICMP question its answer, with code 0."""
    kind = ICMP_COUNTERPARTS.get(packet.protocol, {}).get(packet.icmp_type)
    answer = packet.answered()
    return answer if kind is None else replace(answer, icmp_type=kind, icmp_code=0)


def _size(fields: Fields) -> int:
    return max(fields.size or 0, LEAST_SIZE)


def _tuple_of(packet: Packet) -> tuple[int, Address, Address, int | None, int | None]:
    return (packet.protocol, packet.src, packet.dst, packet.icmp_id or packet.sport, packet.dport)
