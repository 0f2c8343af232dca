"""
The experiment: packets out, evidence back. A Prober holds a lab's taps and log readers open and follows packets by
their cookies until each has an end: its target saw it, or a gate says that it dropped it.

What is seen is turned into words in `evidence`.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from netlab.errors import BrokenError, InputError
from netlab.kernel.logs import LogRecord
from netlab.kernel.taps import Frame
from netlab.model.addresses import Address
from netlab.model.places import VPC_ROUTER, Ends, Station
from netlab.model.stories import Question
from netlab.model.topology import Lab
from netlab.model.verdicts import MTU_GATE, Decision, Passage, Reason, Transit
from netlab.model.wire import Departure
from netlab.plan.nouns import PROBE_DSCP, VPC, kernel_name
from netlab.probe.conversation import Conversation
from netlab.probe.cookies import Cookies
from netlab.probe.decoding import IpHead, destination, ip_head, is_fragment, traffic_class
from netlab.probe.doors import Door
from netlab.probe.encoding import encode
from netlab.probe.evidence import Clue, Followed, Said, clue_from_frame, said_by, transit_from_evidence
from netlab.probe.watch import Gate, Listener, Sighting, Watch

SILENCE_S = 0.6
"""So long without news, and what has no end yet is BROKEN."""

MOST_AT_ONCE = 512
_BUFFER_A_PACKET = 16_384  # of a log reader's buffer: several records at each gate, each a kilobyte and more


class Prober:
    """
    Follows packets through one running lab.

    Attributes:
        lab: As it is now; whoever changes its rules puts the new one here. Its topology stays.
    """

    def __init__(self, lab: Lab) -> None:
        """
        Open every tap and every log reader of the lab.

        Raises:
            KernelError: The lab does not run, or another process probes it.
        """
        self.lab = lab
        self._cookies = Cookies(os.urandom(4))
        self._count = 0
        self._prefixes: dict[tuple[str, str], Said | None] = {}
        self._fragments: dict[tuple[int, Address, Address], int] = {}
        self._watch = Watch(lab)
        self._batch_size = max(1, min(MOST_AT_ONCE, self._watch.buffer_size // _BUFFER_A_PACKET))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close every socket; an open one keeps a deleted namespace alive."""
        self._watch.close()

    @property
    def listener(self) -> Listener | None:
        """Told every record of every gate, as it is read; None = nobody is."""
        return self._watch.listener

    @listener.setter
    def listener(self, listener: Listener | None) -> None:
        self._watch.listener = listener

    def transmit(self, departures: Sequence[Departure], started: float) -> list[Transit]:
        """
        Send packets in this order and follow each to its end.

        Args:
            started: The monotonic clock when the story began.

        Returns:
            One Transit a packet, in the same order.

        Raises:
            InputError: A packet cannot be made, or nobody is at its station.
        """
        transits: list[Transit] = []
        with _on_one_processor():
            for first in range(0, len(departures), self._batch_size):
                batch = departures[first : first + self._batch_size]
                self._watch.forget()
                self._fragments.clear()
                under_way = dict(self._send(batch, started))
                self._follow(under_way)
                self._excuse(under_way)
                transits.extend(transit_from_evidence(each) for each in under_way.values())
        return transits

    def converse(self, ends: Ends, question: Question, started: float) -> Transit:
        """
        Let the kernels' own stacks talk, from the source's namespace.

        Args:
            started: The monotonic clock when the story began.

        Raises:
            InputError: The protocol has no stack that answers.
            KernelError: The kernel refused to open the conversation.
        """
        source = self._kernel(ends.source_station)
        target = None if ends.target_station is None else self._kernel(ends.target_station)
        self._watch.forget()
        conversation = Conversation(source, target, ends, question)
        at_s = (time.monotonic() - started) / self.lab.scale
        return conversation.transit(self._watch.fileno(), self._said, at_s)

    def _kernel(self, station: Station) -> str:
        return kernel_name(self.lab.name, VPC if station == VPC_ROUTER else station.node)

    # --- sending

    def _send(self, batch: Sequence[Departure], started: float) -> Iterator[tuple[int, Followed]]:
        for departure in batch:
            door = self._watch.doors.get(departure.station)
            if door is None:
                raise InputError(f"{departure.station}: nobody of lab {self.lab.name} sends there")
            number = self._count = self._count + 1
            packet = departure.packet
            pieces = encode(packet, self._cookies.cookie(number), ident=number, mtu=door.mtu)
            if len(pieces) == 1:
                length = len(pieces[0]) - (20 if packet.src.version == 4 else 40)
            else:
                length = sum(head.length for head in map(ip_head, pieces) if head is not None)
            followed = Followed(departure, (time.monotonic() - started) / self.lab.scale, length)
            try:
                for piece in pieces:
                    door.send(piece, packet.dst)
            except OSError as error:
                if error.errno == errno.EMSGSIZE:  # the sender's own kernel claims it
                    passage = Passage(MTU_GATE, Decision.DENY, Reason.MTU)
                    followed.clues.append(Clue(MTU_GATE, pieces[0], 0, 0, 0, passage))
                elif error.errno != errno.EPERM:  # dropped on its way out, and a gate says so
                    followed.trouble = f"{departure.station} could not send it: {error.strerror}"
            yield number, followed

    # --- following

    def _follow(self, under_way: dict[int, Followed]) -> None:
        """Read until every packet has its end, or nothing comes any more."""
        strays: list[Sighting] = []
        last_news = time.monotonic()
        while any(not each.has_ended for each in under_way.values()):
            left = last_news + SILENCE_S - time.monotonic()
            if left <= 0:
                break
            if self._read(left, under_way, strays):
                last_news = time.monotonic()
        self._read(0, under_way, strays)  # what came before the last packet's end has been written before it

    def _excuse(self, under_way: dict[int, Followed]) -> None:
        """Say of packets without an end that doors have lost frames, where they have: theirs may be among them."""
        unended = [each for each in under_way.values() if not each.has_ended]
        if unended and (doors := self._watch.lost()):
            for each in unended:
                each.trouble = f"{', '.join(doors)}: frames were lost, the socket's buffer was full"

    def _read(self, timeout_s: float, under_way: dict[int, Followed], strays: list[Sighting]) -> bool:
        """Read everything that waits; tell whether any of it was news."""
        waiting, news = list(strays), False
        strays.clear()
        try:
            waiting.extend(self._watch.read(timeout_s))
        except BrokenError as error:
            for followed in under_way.values():
                followed.trouble = followed.trouble or str(error)
        for sighting in waiting:
            data = _data(sighting)
            if not _is_probe(data):
                continue
            head = ip_head(data) if is_fragment(data) else None
            number = self._cookies.number(data) if head is None else self._fragment_of(data, head)
            if number in under_way:
                self._note(under_way[number], sighting, head)
                news = True
            elif number is None and head is not None and head.offset:
                strays.append(sighting)  # its first fragment is still to be read
        return news

    def _fragment_of(self, data: bytes, head: IpHead) -> int | None:
        """Return the number of the packet of a fragment: the first one has the cookie, and makes it known."""
        name = (head.ident, head.src, head.dst)
        if head.offset:
            return self._fragments.get(name)
        number = self._cookies.number(data)
        if number is not None:
            self._fragments[name] = number
        return number

    def _note(self, followed: Followed, sighting: Sighting, head: IpHead | None) -> None:
        """Add what was seen to what is known of a packet; *head* is a fragment's."""
        point, sight = sighting
        follows = head is not None and head.offset > 0
        if isinstance(point, Gate) and isinstance(sight, LogRecord):
            clue = self._clue(point, sight)
            if clue is None:
                followed.trouble = f"{point.namespace} logged it as {sight.prefix!r}, which no gate says"
            elif clue.denies or not follows:
                followed.clues.append(clue)
        elif isinstance(point, Door) and isinstance(sight, Frame):
            clue = clue_from_frame(point.name, sight.packet, time_us=sight.time_us, outgoing=sight.outgoing)
            if sight.outgoing or destination(sight.packet) not in point.owned:
                if not follows:
                    followed.clues.append(clue)
                return
            followed.pieces[0 if head is None else head.offset] = followed.length if head is None else head.length
            if not follows:
                followed.arrival = clue

    def _clue(self, gate: Gate, record: LogRecord) -> Clue | None:
        """Return the clue in a record; what a prefix says is read once."""
        place = (gate.namespace, record.prefix)
        if place not in self._prefixes:
            self._prefixes[place] = said_by(self.lab, *place)
        said = self._prefixes[place]
        if said is None:
            return None
        return Clue(said.passage.gate, record.payload, record.time_us, record.seq, said.step, said.passage)

    def _said(self) -> list[Clue]:
        """Return what gates say of packets that are not netlab's own."""
        clues = (
            self._clue(point, sight)
            for point, sight in self._watch.read(0)
            if isinstance(point, Gate) and isinstance(sight, LogRecord)
        )
        return [clue for clue in clues if clue is not None]


def _data(sighting: Sighting) -> bytes:
    sight = sighting[1]
    return sight.payload if isinstance(sight, LogRecord) else sight.packet


def _is_probe(data: bytes) -> bool:
    """Tell whether the packet itself carries netlab's mark, and not only one that it quotes."""
    return len(data) >= 20 and traffic_class(data) >> 2 == PROBE_DSCP


@contextmanager
def _on_one_processor() -> Iterator[None]:
    """Keep this thread on one processor: packets sent in order then meet every gate in order."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {sorted(allowed)[os.getpid() % len(allowed)]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)
