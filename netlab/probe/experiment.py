"""
The experiment: packets out, evidence back. A Prober holds a lab's taps and log readers open and follows packets by
their cookies until each has an end: its target saw it, or a gate says that it dropped it.

What is seen is turned into words in `evidence`.
"""

from __future__ import annotations

import errno
import os
import select
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from netlab.errors import BrokenError, InputError
from netlab.kernel.logs import LogReader, LogRecord
from netlab.kernel.netns import list_namespaces
from netlab.kernel.taps import Frame
from netlab.model.addresses import Address
from netlab.model.places import VPC_ROUTER, Ends, Station
from netlab.model.stories import Question
from netlab.model.topology import Lab
from netlab.model.verdicts import MTU_GATE, Decision, Passage, Reason, Transit
from netlab.model.wire import Departure
from netlab.plan.nouns import PROBE_DSCP, VPC, card_name, kernel_name
from netlab.probe.conversation import Conversation
from netlab.probe.cookies import Cookies
from netlab.probe.decoding import IpHead, destination, ip_head, is_fragment, packet_from_bytes
from netlab.probe.doors import Door, open_doors
from netlab.probe.encoding import encode
from netlab.probe.evidence import Clue, Followed, clue_from_frame, clue_from_record, transit_from_evidence

SILENCE_S = 0.6
"""So long without news, and what has no end yet is BROKEN."""

MOST_AT_ONCE = 512
_BUFFER_A_PACKET = 16_384  # of a log reader's buffer: several records at each gate, each a kilobyte and more


@dataclass(frozen=True, slots=True)
class _Gate:
    """A namespace whose gates speak; ``namespace`` is its short name."""

    namespace: str
    reader: LogReader


_Point = _Gate | Door


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
        self._fragments: dict[tuple[int, Address, Address], int] = {}
        self._doors: dict[Station, Door] = {}
        self._points: dict[int, _Point] = {}
        with ExitStack() as stack:
            self._poll = select.epoll()
            stack.callback(self._poll.close)
            for namespace in self._gate_namespaces():
                self._watch(stack, _Gate(namespace, LogReader(self._kernel(namespace))))
            for door in open_doors(self.lab, stack):
                self._doors[door.station] = door
                self._watch(stack, door)
            self._stack = stack.pop_all()
        buffers = [point.reader.buffer_size for point in self._points.values() if isinstance(point, _Gate)]
        self._batch_size = max(1, min(MOST_AT_ONCE, *(size // _BUFFER_A_PACKET for size in buffers)))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close every socket; an open one keeps a deleted namespace alive."""
        self._stack.close()

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
                self._forget()
                under_way = dict(self._send(batch, started))
                self._follow(under_way)
                transits.extend(transit_from_evidence(each) for each in under_way.values())
        return transits

    def converse(self, ends: Ends, question: Question, started: float | None = None) -> Transit:
        """
        Let the kernels' own stacks talk, from the source's namespace.

        Args:
            started: The monotonic clock when the story began; None = now.

        Raises:
            InputError: The protocol has no stack that answers.
            KernelError: The kernel refused to open the conversation.
        """
        at_s = 0.0 if started is None else (time.monotonic() - started) / self.lab.scale
        source = self._kernel(_namespace(ends.source_station))
        target = None if ends.target_station is None else self._kernel(_namespace(ends.target_station))
        self._forget()
        conversation = Conversation(source, target, ends, question)
        return conversation.transit(self._poll.fileno(), self._dropped, at_s)

    # --- opening

    def _kernel(self, namespace: str) -> str:
        return kernel_name(self.lab.name, namespace)

    def _gate_namespaces(self) -> list[str]:
        head = self._kernel("")
        routers = [name.removeprefix(head) for name in list_namespaces(self.lab.name)]
        cards = [card_name(each.node, each.name) for each in self.lab.interfaces()]
        return [*cards, *(name for name in routers if name.startswith(":"))]

    def _watch(self, stack: ExitStack, point: _Point) -> None:
        if isinstance(point, _Gate):
            stack.callback(point.reader.close)
        descriptor = point.reader.fileno() if isinstance(point, _Gate) else point.tap.fileno()
        self._points[descriptor] = point
        self._poll.register(descriptor, select.EPOLLIN)

    # --- sending

    def _send(self, batch: Sequence[Departure], started: float) -> Iterator[tuple[int, Followed]]:
        for departure in batch:
            door = self._doors.get(departure.station)
            if door is None:
                raise InputError(f"{departure.station}: nobody of lab {self.lab.name} sends there")
            number = self._count = self._count + 1
            packet = departure.packet
            pieces = encode(packet, self._cookies.cookie(number), ident=number, mtu=door.mtu)
            length = sum(head.length for head in map(ip_head, pieces) if head is not None)
            followed = Followed(departure, (time.monotonic() - started) / self.lab.scale, length)
            try:
                for piece in pieces:
                    door.send(piece, packet.dst)
            except OSError as error:
                if error.errno == errno.EMSGSIZE:  # the sender's own kernel claims it
                    passage = Passage(MTU_GATE, Decision.DENY, Reason.MTU)
                    followed.clues.append(Clue(MTU_GATE, pieces[0], 0, 0, 0, passage))
                else:
                    followed.trouble = f"{departure.station} could not send it: {error.strerror}"
            yield number, followed

    # --- following

    def _forget(self) -> None:
        """Throw away what came since the last experiment."""
        self._fragments.clear()
        while ready := self._poll.poll(0, len(self._points)):
            for descriptor, _ in ready:
                point = self._points[descriptor]
                if isinstance(point, _Gate):
                    point.reader.discard()
                else:
                    point.tap.read()

    def _follow(self, under_way: dict[int, Followed]) -> None:
        """Read until every packet has its end, or nothing comes any more."""
        strays: list[tuple[_Point, Frame | LogRecord]] = []
        last_news = time.monotonic()
        while any(not each.has_ended for each in under_way.values()):
            left = last_news + SILENCE_S - time.monotonic()
            if left <= 0:
                break
            if self._read_all(left, under_way, strays):
                last_news = time.monotonic()
        self._read_all(0, under_way, strays)  # what came before the last packet's end has been written before it

    def _read_all(
        self, timeout_s: float, under_way: dict[int, Followed], strays: list[tuple[_Point, Frame | LogRecord]]
    ) -> bool:
        """Read everything that waits; tell whether any of it was news."""
        waiting, news = list(strays), False
        strays.clear()
        for descriptor, _ in self._poll.poll(timeout_s, len(self._points)):
            point = self._points[descriptor]
            try:
                found = point.reader.read() if isinstance(point, _Gate) else point.tap.read()
            except BrokenError as error:
                for each in under_way.values():
                    each.trouble = each.trouble or str(error)
                return True
            waiting.extend((point, each) for each in found)
        for point, sight in waiting:
            data = sight.payload if isinstance(sight, LogRecord) else sight.packet
            if not _is_probe(data):
                continue
            head = ip_head(data) if is_fragment(data) else None
            number = self._cookies.number(data) if head is None else self._fragment_of(data, head)
            if number in under_way:
                _note(self.lab, under_way[number], point, sight, head)
                news = True
            elif number is None and head is not None and head.offset:
                strays.append((point, sight))  # its first fragment is still to be read
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

    def _dropped(self) -> list[Clue]:
        """Return what gates say to have dropped that is not netlab's own."""
        clues = []
        for descriptor, _ in self._poll.poll(0, len(self._points)):
            point = self._points[descriptor]
            if not isinstance(point, _Gate):
                point.tap.read()
                continue
            for record in point.reader.read():
                clue = clue_from_record(
                    self.lab, point.namespace, record.prefix, record.payload, time_us=record.time_us, seq=record.seq
                )
                if clue is not None and clue.denies and packet_from_bytes(record.payload) is not None:
                    clues.append(clue)
        return clues


def _note(lab: Lab, followed: Followed, point: _Point, sight: Frame | LogRecord, head: IpHead | None) -> None:
    """Add what was seen at a point to what is known of a packet; *head* is a fragment's."""
    follows = head is not None and head.offset > 0
    if isinstance(point, _Gate) and isinstance(sight, LogRecord):
        clue = clue_from_record(lab, point.namespace, sight.prefix, sight.payload, time_us=sight.time_us, seq=sight.seq)
        if clue is None:
            followed.trouble = f"{point.namespace} logged it as {sight.prefix!r}, which no gate says"
        elif clue.denies or not follows:
            followed.clues.append(clue)
    elif isinstance(point, Door) and isinstance(sight, Frame):
        clue = clue_from_frame(str(point.station), sight.packet, time_us=sight.time_us, outgoing=sight.outgoing)
        if sight.outgoing or destination(sight.packet) not in point.owned:
            if not follows:
                followed.clues.append(clue)
            return
        followed.pieces[0 if head is None else head.offset] = followed.length if head is None else head.length
        if not follows:
            followed.arrival = clue


def _namespace(station: Station) -> str:
    return VPC if station == VPC_ROUTER else station.node


def _is_probe(data: bytes) -> bool:
    """Tell whether the packet itself carries netlab's mark, and not only one that it quotes."""
    if len(data) < 20:
        return False
    traffic_class = data[1] if data[0] >> 4 == 4 else (data[0] << 4 | data[1] >> 4) & 0xFF
    return traffic_class >> 2 == PROBE_DSCP


@contextmanager
def _on_one_processor() -> Iterator[None]:
    """Keep this thread on one processor: packets sent in order then meet every gate in order."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {sorted(allowed)[os.getpid() % len(allowed)]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)
