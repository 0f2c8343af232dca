"""
Network: what stories, the matrix and users' own tests are played on. It turns flows into packets, which any Wire
carries, and knows nothing of how they travel.

A flow is played from both ends by netlab: TCP opens with SYN, SYN-ACK and ACK, each sent as a real endpoint would,
from the addresses that arrived. Where a packet was lost its answer is made from the addresses it would have had.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import cycle

from netlab.errors import InputError
from netlab.model.addresses import Address
from netlab.model.changes import Attach, Authorize, Change, Revoke
from netlab.model.notation import parse_rule, parse_traffic
from netlab.model.packets import ECHO_REPLY, ECHO_REQUEST, ECHO_TYPES, LEAST_SIZE, Packet
from netlab.model.places import Ends, parse_place, resolve_ends
from netlab.model.rules import ICMP, ICMPV6, PROTOCOL_NUMBERS, TCP, UDP, Direction
from netlab.model.stories import NO_FIELDS, Fields, Question
from netlab.model.topology import Lab
from netlab.model.verdicts import Seen, Sight, Transit, Verdict
from netlab.model.wire import Departure, Entry, Observation, Wire

FIRST_PORT, LAST_PORT = 49152, 65535
"""Source ports and ICMP ids of netlab's own flows: IANA's dynamic range (RFC 6335)."""

_ISN = (1000, 5000)  # initial sequence numbers of the opening side and the other


@dataclass(slots=True)
class Flow:
    """
    A flow that was opened; ``seen``, ``verdict`` and ``trail`` are those of its opening.

    Attributes:
        ends: Its addresses, as both sides know them.
        observation: What its opening came to.
    """

    network: Network
    question: Question
    ends: Ends
    first: Packet
    observation: Observation | None = None
    last: dict[bool, tuple[Packet, Packet]] = field(default_factory=dict)  # by `reply`: as sent, as it arrived
    next_seq: dict[bool, int] = field(default_factory=lambda: {False: _ISN[0], True: _ISN[1]})

    @property
    def seen(self) -> Seen:
        """What the opening came to."""
        return self.opened.seen

    @property
    def verdict(self) -> Verdict:
        """The verdict on the opening's deciding packet."""
        return self.opened.deciding.verdict

    @property
    def trail(self) -> tuple[Sight, ...]:
        """Where the opening's deciding packet was seen."""
        return self.opened.deciding.trail

    @property
    def opened(self) -> Observation:
        """
        What was seen of the opening.

        Raises:
            InputError: The flow has not been opened yet.
        """
        if self.observation is None:
            raise InputError("the flow has not been opened yet")
        return self.observation

    def send(self, fields: Fields = NO_FIELDS) -> Sent:
        """Send one more packet in the original direction."""
        return self.network.packet(self, reply=False, fields=fields)

    def reply(self, fields: Fields = NO_FIELDS) -> Sent:
        """Send one more packet in the reply direction."""
        return self.network.packet(self, reply=True, fields=fields)


@dataclass(frozen=True, slots=True)
class Sent:
    """What came of one packet; the same words as a Flow's."""

    observation: Observation

    @property
    def seen(self) -> Seen:
        """DELIVERED, LOST or BROKEN."""
        return self.observation.seen

    @property
    def verdict(self) -> Verdict:
        """The verdict on it."""
        return self.observation.deciding.verdict

    @property
    def trail(self) -> tuple[Sight, ...]:
        """Where it was seen."""
        return self.observation.deciding.trail


class Network:
    """
    A lab to play on, over a wire: ``open send reply error change wait flows ask``, and shorthands for changes.

    Attributes:
        failed: Set by whoever plays on it and did not see what was expected.
    """

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.failed = False
        self._ports = _fresh_ports()

    @property
    def lab(self) -> Lab:
        """The lab as it is now."""
        return self.wire.lab

    def open(
        self,
        source: str,
        target: str,
        *,
        tcp: int | None = None,
        udp: int | None = None,
        icmp: int | str | None = None,
        icmpv6: int | str | None = None,
        protocol: int | str | None = None,
        family: int | None = None,
        real: bool = False,
        fields: Fields = NO_FIELDS,
    ) -> Flow:
        """
        Open a flow between two places; exactly one protocol keyword.

        Args:
            tcp: Destination port; likewise ``udp``.
            icmp: Type (``8``), or type and code (``"3/4"``); likewise ``icmpv6``.
            protocol: Number or IANA name.

        Raises:
            InputError: A place is unknown, or there is not exactly one protocol.
        """
        keys = (("tcp", tcp), ("udp", udp), ("icmp", icmp), ("icmpv6", icmpv6), ("protocol", protocol))
        given = {name: value for name, value in keys if value is not None}
        if len(given) != 1:
            raise InputError(
                f"open: found {', '.join(given) or 'no protocol'}, wanted one of tcp udp icmp icmpv6 protocol"
            )
        ((name, value),) = given.items()
        return self.open_question(question_from_key(source, target, name, value, family, fields, real=real))

    def open_question(self, question: Question) -> Flow:
        """Open the flow a question asks for."""
        return self.ask([question])[0]

    def ask(self, questions: Sequence[Question]) -> list[Flow]:
        """Open many flows at once, packet by packet side by side; one Flow a question, in order."""
        flows = [self._prepare(question) for question in questions]
        played: list[list[Transit]] = [[] for _ in flows]
        for index, flow in enumerate(flows):
            if flow.question.real:
                played[index].append(self.wire.converse(flow.ends, flow.question))
        alive = [index for index, flow in enumerate(flows) if not flow.question.real]
        for number in range(3):
            wanted = [(index, self._opening(flows[index], number)) for index in alive]
            going = [(index, departure) for index, departure in wanted if departure is not None]
            transits = self.wire.transmit([departure for _, departure in going]) if going else []
            alive = []
            for (index, _), transit in zip(going, transits, strict=True):
                played[index].append(transit)
                self._remember(flows[index], transit, reply=number == 1)
                if transit.seen is Seen.DELIVERED:
                    alive.append(index)
        for flow, transits in zip(flows, played, strict=True):
            flow.observation = Observation(tuple(transits))
        return flows

    def packet(self, flow: Flow, *, reply: bool, fields: Fields = NO_FIELDS) -> Sent:
        """
        Send one more packet of a flow: TCP data with ACK, a datagram, an echo request or reply, or one packet.

        Raises:
            InputError: It is a reply, and nobody is at the flow's target to send it.
        """
        departure = self._next(flow, reply=reply, fields=fields)
        (transit,) = self.wire.transmit([departure])
        self._remember(flow, transit, reply=reply)
        return Sent(Observation((transit,)))

    def error(self, flow: Flow, icmp_type: int, icmp_code: int, source: str, target: str) -> Sent:
        """
        Send an ICMP error from *source* about the last packet of the flow that *target* sent.

        Raises:
            InputError: A place is unknown, nobody is at *source*, or *target* is neither end of the flow.
        """
        place, about = parse_place(self.lab, source), parse_place(self.lab, target)
        replying = about.station == flow.ends.target_station
        if not replying and about.station != flow.ends.source_station:
            raise InputError(f"error: {target} is neither end of the flow")
        if place.station is None:
            raise InputError(f"error: nobody in the lab is at {source}")
        sent, arrived = self._last_sent(flow, reply=replying)
        quoted = sent if place.inside == about.inside else arrived
        own = place.own(quoted.family)
        if own is None:
            raise InputError(f"error: {source} has no IPv{quoted.family} address")
        protocol = ICMP if quoted.family == 4 else ICMPV6
        packet = Packet(
            own, quoted.src, protocol, icmp_type=icmp_type, icmp_code=icmp_code, quoted=quoted, size=LEAST_SIZE
        )
        (transit,) = self.wire.transmit([Departure(place.station, packet)])
        return Sent(Observation((transit,)))

    def change(self, change: Change) -> None:
        """
        Carry out a change.

        Raises:
            RefusedError: As AWS would; nothing has changed then.
        """
        self.wire.change(change)

    def authorize(self, group: str, *, ingress: str = "", egress: str = "") -> None:
        """Add one rule, in netlab's notation (``tcp/22 from 0.0.0.0/0``)."""
        direction, words = _one_direction(ingress, egress)
        self.change(Authorize(group, direction, (parse_rule(words, direction),)))

    def revoke(self, group: str, *, ingress: str = "", egress: str = "") -> None:
        """Take one rule away, in netlab's notation."""
        direction, words = _one_direction(ingress, egress)
        self.change(Revoke(group, direction, (parse_rule(words, direction),)))

    def attach(self, node: str, *groups: str) -> None:
        """Replace the groups of an interface (``NODE`` or ``NODE/ENI``)."""
        name, _, interface = node.partition("/")
        self.change(Attach(name, interface, groups))

    def wait(self, seconds: float) -> None:
        """Let seconds pass (scaled by the lab's ``timers.scale`` in the kernel)."""
        self.wire.wait(seconds)

    def flows(self, node: str) -> tuple[Entry, ...]:
        """Return the connection table of an instance's cards."""
        return self.wire.flows(node)

    def remembers(self, node: str, flow: Flow) -> bool:
        """Tell whether a card of *node* holds an entry for the flow whose state admits its packets."""
        sent, arrived = self._last_sent(flow, reply=False)
        forms = {_tuple_of(packet) for one in (sent, arrived) for packet in (one, one.answered())}
        return any(
            entry.tracked and (entry.protocol, entry.src, entry.dst, entry.sport, entry.dport) in forms
            for entry in self.flows(node)
        )

    def reset(self) -> None:
        """Start afresh: the lab as it was first, empty memories, clock at 0."""
        self.wire.reset()
        self._ports = _fresh_ports()

    # --- from flows to packets

    def _prepare(self, question: Question) -> Flow:
        ends = resolve_ends(self.lab, question.source, question.target, question.family)
        fields = question.fields
        packet = Packet(fields.src or ends.source, ends.target, question.protocol, size=_size(fields), df=fields.df)
        match question.protocol:
            case 6 | 17:
                sport = fields.sport if fields.sport is not None else next(self._ports)
                dport = fields.dport if fields.dport is not None else question.dport
                packet = replace(packet, sport=sport, dport=dport)
            case 1 | 58:
                echo = question.icmp_type in ECHO_TYPES[question.protocol]
                number = fields.sport if fields.sport is not None else next(self._ports)
                packet = replace(
                    packet,
                    icmp_type=question.icmp_type,
                    icmp_code=question.icmp_code or 0,
                    icmp_id=number if echo else None,
                )
        return Flow(self, question, ends, packet)

    def _opening(self, flow: Flow, number: int) -> Departure | None:
        """Return the opening's packet *number* (0, 1, 2), None = there is no such packet."""
        flags = flow.question.fields.flags
        if flow.question.protocol != TCP or flags:
            if number:
                return None
            return Departure(
                flow.ends.source_station, self._numbered(flow, replace(flow.first, flags=flags), reply=False)
            )
        if number == 1:
            return self._next(flow, reply=True, fields=Fields(flags="SA"))
        first = replace(flow.first, flags="S" if number == 0 else "A")
        return Departure(flow.ends.source_station, self._numbered(flow, first, reply=False))

    def _next(self, flow: Flow, *, reply: bool, fields: Fields) -> Departure:
        if reply:
            station = flow.ends.target_station
            if station is None:
                raise InputError(f"reply: nobody in the lab is at {flow.question.target}")
            _, arrived = self._last_sent(flow, reply=False)
            packet = arrived.answered()
        else:
            station = flow.ends.source_station
            packet = flow.first
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
        if packet.icmp_id is not None:
            kind = ECHO_REPLY if reply else ECHO_REQUEST
            number = fields.sport if fields.sport is not None else packet.icmp_id
            packet = replace(packet, icmp_type=kind[packet.protocol], icmp_code=0, icmp_id=number)
        return Departure(station, self._numbered(flow, packet, reply=reply))

    def _numbered(self, flow: Flow, packet: Packet, *, reply: bool) -> Packet:
        if packet.protocol != TCP:
            return packet
        ack = flow.next_seq[not reply] if "A" in packet.flags or "R" in packet.flags else 0
        packet = replace(packet, seq=flow.next_seq[reply], ack=ack)
        flow.next_seq[reply] += packet.size + sum(flag in packet.flags for flag in "SF")
        return packet

    def _last_sent(self, flow: Flow, *, reply: bool) -> tuple[Packet, Packet]:
        """Return the last packet of one direction: as sent, and as it arrived or would have."""
        if reply in flow.last:
            return flow.last[reply]
        ends, first = flow.ends, flow.first
        arrived = replace(first, src=first.src if first.src != ends.source else ends.source_seen, dst=ends.target_own)
        return (arrived.answered(), first.answered()) if reply else (first, arrived)

    def _remember(self, flow: Flow, transit: Transit, *, reply: bool) -> None:
        if transit.arrived is not None:
            flow.last[reply] = (transit.sent, transit.arrived)
        elif reply not in flow.last:
            _, arrived = self._last_sent(flow, reply=reply)
            flow.last[reply] = (transit.sent, arrived)


def question_from_key(
    source: str,
    target: str,
    key: str,
    value: int | str,
    family: int | None = None,
    fields: Fields = NO_FIELDS,
    *,
    real: bool = False,
) -> Question:
    """
    Make a question of a protocol key (``tcp udp icmp icmpv6 protocol``) and its value.

    Raises:
        InputError: The value does not fit the key.
    """
    number = PROTOCOL_NUMBERS.get(key)
    if number in {TCP, UDP}:
        port = _number(key, value, 65535)
        return Question(source, target, number, dport=port, family=family, fields=fields, real=real)
    if number in {ICMP, ICMPV6}:
        kind, _, code = str(value).partition("/")
        return Question(
            source,
            target,
            number,
            icmp_type=_number(key, kind, 255),
            icmp_code=_number(key, code or "0", 255),
            family=family or (4 if number == ICMP else 6),
            fields=fields,
            real=real,
        )
    name, _, _ = parse_traffic(str(value))
    return Question(source, target, _number(key, name, 255), family=family, fields=fields, real=real)


def _number(key: str, value: int | str, most: int) -> int:
    try:
        number = int(value)
    except ValueError:
        number = -1
    if not 0 <= number <= most:
        raise InputError(f"{key}: found {value!r}, wanted a number from 0 to {most}")
    return number


def _size(fields: Fields) -> int:
    return max(fields.size or 0, LEAST_SIZE)


def _fresh_ports() -> Iterator[int]:
    return cycle(range(FIRST_PORT, LAST_PORT + 1))


def _tuple_of(packet: Packet) -> tuple[int, Address, Address, int | None, int | None]:
    sport = packet.icmp_id if packet.icmp_id is not None else packet.sport
    return (packet.protocol, packet.src, packet.dst, sport, packet.dport)


def _one_direction(ingress: str, egress: str) -> tuple[Direction, str]:
    if bool(ingress) == bool(egress):
        raise InputError("a change of rules takes either ingress= or egress=")
    return (Direction.INGRESS, ingress) if ingress else (Direction.EGRESS, egress)
