"""
Network: what stories, the matrix and users' own tests are played on, over any Wire.

A flow is played from both ends by netlab (dialogue.py has its packets); whether a program listens does not matter.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import cycle
from typing import Unpack

from netlab.errors import InputError
from netlab.model.changes import Attach, Authorize, Change, Revoke
from netlab.model.dialogue import OPENING_PACKETS, Dialogue, error_about, first_packet
from netlab.model.notation import parse_rule
from netlab.model.places import Ends, parse_place, resolve_ends
from netlab.model.questions import PacketFields, fields_from_words, question_from_key
from netlab.model.rules import Direction
from netlab.model.stories import NO_FIELDS, Fields, Question
from netlab.model.topology import Lab
from netlab.model.verdicts import Seen, Sight, Transit, Verdict
from netlab.model.wire import Departure, Entry, Observation, Wire

FIRST_PORT, LAST_PORT = 49152, 65535
"""Source ports and ICMP ids of netlab's own flows: IANA's dynamic range (RFC 6335)."""


@dataclass(frozen=True, slots=True, repr=False)
class Sent:
    """What came of one packet, or of a flow's opening."""

    observation: Observation

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.observation.deciding.sent}: {self.seen.value}>"

    @property
    def seen(self) -> Seen:
        """DELIVERED, LOST or BROKEN; REFUSED only where the kernels' own stacks talked."""
        return self.observation.seen

    @property
    def verdict(self) -> Verdict:
        """The verdict on the deciding packet: ``decision reason rule gate``."""
        return self.observation.deciding.verdict

    @property
    def trail(self) -> tuple[Sight, ...]:
        """Where the deciding packet was seen."""
        return tuple(self.observation.deciding.trail)


@dataclass(frozen=True, slots=True, repr=False)
class Flow(Sent):
    """A flow that was opened; ``seen``, ``verdict`` and ``trail`` are those of its opening."""

    network: Network
    dialogue: Dialogue

    def send(self, **packet: Unpack[PacketFields]) -> Sent:
        """Send one more packet in the original direction; keywords fix its ``flags sport dport src size df``."""
        return self.network.packet(self, reply=False, fields=fields_from_words(**packet))

    def reply(self, **packet: Unpack[PacketFields]) -> Sent:
        """Send one more packet in the reply direction; keywords as in `send`."""
        return self.network.packet(self, reply=True, fields=fields_from_words(**packet))


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
        **packet: Unpack[PacketFields],
    ) -> Flow:
        """
        Open a flow between two places; exactly one protocol keyword.

        Args:
            tcp: Destination port; likewise ``udp``.
            icmp: Type (``8``), or type and code (``"3/4"``); likewise ``icmpv6``.
            protocol: Number or IANA name.
            packet: Fixes ``flags sport dport src size df`` of the first packet; with ``flags`` it is the only one.

        Raises:
            InputError: A place is unknown, or there is not exactly one protocol.
        """
        keys = (("tcp", tcp), ("udp", udp), ("icmp", icmp), ("icmpv6", icmpv6), ("protocol", protocol))
        given = {name: value for name, value in keys if value is not None}
        if len(given) != 1:
            found = ", ".join(given) or "no protocol"
            raise InputError(f"open: found {found}, wanted one of tcp udp icmp icmpv6 protocol")
        ((name, value),) = given.items()
        fields = fields_from_words(**packet)
        return self.open_question(question_from_key(source, target, name, value, family, fields, real=real))

    def open_question(self, question: Question) -> Flow:
        """Open the flow a question asks for."""
        return self.ask([question])[0]

    def ask(self, questions: Sequence[Question], *, acknowledge: bool = True) -> list[Flow]:
        """
        Open many flows at once, packet by packet side by side; one Flow a question, in order.

        Args:
            acknowledge: False = leave out the last ACK of TCP's opening. It has the addresses and ports of the SYN that
                arrived before it, so no gate can decide otherwise about it; a flow that is to go on needs it.
        """
        known: dict[tuple[str, str, int | None], Ends] = {}
        dialogues = [self._begin(question, known) for question in questions]
        played: list[list[Transit]] = [[] for _ in dialogues]
        for dialogue, transits in zip(dialogues, played, strict=True):
            if dialogue.question.real:
                transits.append(self.wire.converse(dialogue.ends, dialogue.question))
        alive = [index for index, dialogue in enumerate(dialogues) if not dialogue.question.real]
        for number in range(OPENING_PACKETS if acknowledge else OPENING_PACKETS - 1):
            wanted = [(index, dialogues[index].opening(number)) for index in alive]
            going = [(index, departure) for index, departure in wanted if departure is not None]
            alive = []
            for (index, _), transit in zip(going, self._transmit(each for _, each in going), strict=True):
                played[index].append(transit)
                dialogues[index].remember(transit, reply=number == 1)
                if transit.seen is Seen.DELIVERED:
                    alive.append(index)
        pairs = zip(dialogues, played, strict=True)
        return [Flow(Observation(tuple(transits)), self, dialogue) for dialogue, transits in pairs]

    def packet(self, flow: Flow, *, reply: bool, fields: Fields = NO_FIELDS) -> Sent:
        """
        Send one more packet of a flow: TCP data with ACK, a datagram, an echo request or reply, or one packet.

        Raises:
            InputError: It is a reply, and nobody is at the flow's target to send it.
        """
        return self.packets([flow], reply=reply, fields=fields)[0]

    def packets(self, flows: Sequence[Flow], *, reply: bool, fields: Fields = NO_FIELDS) -> list[Sent]:
        """Send one more packet of each of many flows, side by side; raises as `packet` does."""
        transits = self._transmit(flow.dialogue.next(reply=reply, fields=fields) for flow in flows)
        for flow, transit in zip(flows, transits, strict=True):
            flow.dialogue.remember(transit, reply=reply)
        return [Sent(Observation((transit,))) for transit in transits]

    def error(self, flow: Flow, icmp_type: int, icmp_code: int, source: str, target: str) -> Sent:
        """
        Send an ICMP error from *source* about the last packet of the flow that *target* sent.

        It quotes that packet with the addresses it had where *source* is: as it arrived, where that is the flow's other
        end (translated on the way even inside the VPC, through a gateway); else as in the VPC, or on the internet.

        Raises:
            InputError: A place is unknown, nobody is at *source*, or *target* is neither end of the flow.
        """
        place, about = parse_place(self.lab, source), parse_place(self.lab, target)
        ends = flow.dialogue.ends
        if about.station not in {ends.source_station, ends.target_station}:
            raise InputError(f"error: {target} is neither end of the flow")
        if place.station is None:
            raise InputError(f"error: nobody in the lab is at {source}")
        reply = about.station != ends.source_station
        sent, arrived = flow.dialogue.last_sent(reply=reply)
        other_end = ends.source_station if reply else ends.target_station
        quoted = arrived if place.station == other_end or place.inside != about.inside else sent
        own = place.own(quoted.family)
        if own is None:
            raise InputError(f"error: {source} has no IPv{quoted.family} address")
        packet = error_about(quoted, own, icmp_type, icmp_code)
        return Sent(Observation(tuple(self._transmit([Departure(place.station, packet)]))))

    def change(self, change: Change) -> None:
        """
        Carry out a change.

        Raises:
            RefusedError: As AWS would; nothing has changed then.
        """
        self.wire.change(change)

    def become(self, lab: Lab) -> None:
        """Change at once to what another lab says; the topology is the same, and what is remembered stays."""
        self.wire.become(replace(lab, name=self.lab.name))

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
        known_by = flow.dialogue.tuples
        return any(
            entry.tracked and (entry.protocol, entry.src, entry.dst, entry.sport, entry.dport) in known_by
            for entry in self.flows(node)
        )

    def reset(self) -> None:
        """Start afresh: the lab as it was first, empty memories, clock at 0."""
        self.wire.reset()
        self._ports = _fresh_ports()

    def _begin(self, question: Question, known: dict[tuple[str, str, int | None], Ends]) -> Dialogue:
        pair = (question.source, question.target, question.family)
        ends = known.get(pair)
        if ends is None:
            ends = known[pair] = resolve_ends(self.lab, *pair)
        return Dialogue(question, ends, first_packet(question, ends, next(self._ports)))

    def _transmit(self, departures: Iterator[Departure] | Sequence[Departure]) -> list[Transit]:
        waiting = list(departures)
        return self.wire.transmit(waiting) if waiting else []


def _fresh_ports() -> Iterator[int]:
    return cycle(range(FIRST_PORT, LAST_PORT + 1))


def _one_direction(ingress: str, egress: str) -> tuple[Direction, str]:
    if bool(ingress) == bool(egress):
        raise InputError("a change of rules takes either ingress= or egress=")
    return (Direction.INGRESS, ingress) if ingress else (Direction.EGRESS, egress)
