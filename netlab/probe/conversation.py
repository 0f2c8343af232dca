"""
Conversations: the kernels' own stacks talk, from an ordinary socket in the source's namespace.

What came of it is what the socket says. Where it says nothing, a gate's record of a dropped packet tells why; a
datagram that nobody answers is looked for where it should arrive. The socket's packets carry a mark by which gates
record them too where they pass: so the first one's way is known, and what a NAT gateway made of its source. By mark and
source a packet is known to be of this conversation, whoever else talks to the same port.
"""

from __future__ import annotations

import errno
import os
import select
import socket
import struct
import time
from collections.abc import Callable
from contextlib import ExitStack

from netlab.errors import BrokenError, InputError, KernelError
from netlab.kernel.netns import entered
from netlab.kernel.taps import Tap
from netlab.model.addresses import Address
from netlab.model.packets import ECHO_REPLY, ECHO_REQUEST, Packet
from netlab.model.places import Ends
from netlab.model.rules import ICMP, ICMPV6, TCP, UDP
from netlab.model.stories import Question
from netlab.model.verdicts import Seen, Sight, Transit
from netlab.plan.nouns import REAL_DSCP
from netlab.probe.decoding import packet_from_bytes, traffic_class
from netlab.probe.encoding import ones_complement
from netlab.probe.evidence import Clue, in_order

PATIENCE_S = 1.5
"""So long is waited for an answer: TCP says its SYN a second time in it."""

_TRAFFIC_CLASS = {4: (socket.IPPROTO_IP, socket.IP_TOS), 6: (socket.IPPROTO_IPV6, socket.IPV6_TCLASS)}
_RECVERR = {4: (socket.IPPROTO_IP, 11), 6: (socket.IPPROTO_IPV6, 25)}  # IP_RECVERR, IPV6_RECVERR
_REFUSALS = {
    errno.ECONNREFUSED, errno.ECONNRESET, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EACCES, errno.ENOPROTOOPT,
}  # fmt: skip
_DNS_PORT = 53


class Conversation:
    """
    One try to talk.

    Args:
        source: The kernel's name of the namespace that talks; ``target`` likewise, None = nobody is there.
    """

    def __init__(self, source: str, target: str | None, ends: Ends, question: Question) -> None:
        self._source, self._target = source, target
        self._ends, self._question = ends, question
        self._family = ends.source.version
        self._token = os.urandom(8).hex().encode()
        self._way: list[Clue] = []  # what gates said of the first packet
        self._sources: set[tuple[Address, int | None]] = (
            set()
        )  # what ours come from, as gates saw them: port or ICMP id
        self._drops: list[tuple[Clue, Packet]] = []  # not known to be ours, yet: a record may be read before another's
        if question.protocol in {ICMP, ICMPV6} and question.icmp_type == ECHO_REQUEST[question.protocol]:
            return
        if question.protocol not in {TCP, UDP}:
            raise InputError(
                "real: found a protocol whose packets nobody answers, wanted tcp, udp or an icmp echo request"
            )

    def transit(self, gates: int, said: Callable[[], list[Clue]], at_s: float) -> Transit:
        """
        Talk, and return what came of it.

        Args:
            gates: File descriptor that is readable when a gate has said something.
            said: Returns what gates have said since the last call.

        Raises:
            KernelError: The socket could not be opened as asked.
        """
        with ExitStack() as stack:
            sock = stack.enter_context(self._open())
            tap = None
            if self._target is not None and self._question.protocol != TCP:
                tap = Tap(self._target, everything=True)
                stack.callback(tap.close)
            error = self._begin(sock)
            sent = self._sent(sock)
            self._sources.add((sent.src, _number(sent)))
            if error:
                return self._broken(
                    sent, at_s, f"{self._source}: its own kernel does not send it: {os.strerror(error)}"
                )
            try:
                seen, clue = self._await(sock, gates, said, sent)
            except BrokenError as lost:
                return self._broken(sent, at_s, str(lost))
            if seen is None and tap is not None:
                if any(self._token in frame.packet for frame in tap.read()):
                    return self._settled(sent, Seen.DELIVERED, None, at_s, "it arrived; nobody answered or refused it")
                if tap.lost():
                    return self._broken(sent, at_s, f"{tap.name}: frames were lost, the socket's buffer was full")
        if seen is None:
            return self._broken(sent, at_s, "no answer came, and no gate says that it dropped anything of it")
        return self._settled(sent, seen, clue, at_s, "")

    def _open(self) -> socket.socket:
        fields = self._question.fields
        family = socket.AF_INET if self._family == 4 else socket.AF_INET6
        kind = {TCP: socket.SOCK_STREAM, UDP: socket.SOCK_DGRAM}.get(self._question.protocol, socket.SOCK_RAW)
        with entered(self._source):
            sock = socket.socket(family, kind | socket.SOCK_NONBLOCK, self._question.protocol)
        port = (fields.sport or 0) if kind != socket.SOCK_RAW else 0
        address = str(fields.src or self._ends.source)
        try:
            sock.setsockopt(*_RECVERR[self._family], 1)
            sock.setsockopt(*_TRAFFIC_CLASS[self._family], REAL_DSCP << 2)
            sock.bind((address, port))
        except OSError as error:
            sock.close()
            raise KernelError(f"{self._source}: talking from {address} port {port}: {error.strerror}") from error
        return sock

    def _begin(self, sock: socket.socket) -> int:
        """Send the first packet; return the error that came at once, 0 = none."""
        port = self._question.fields.dport or self._question.dport or 0
        if self._question.protocol in {ICMP, ICMPV6}:
            port = 0
        error = sock.connect_ex((str(self._ends.target), port))
        if error not in {0, errno.EINPROGRESS}:
            return error
        if self._question.protocol == TCP:
            return 0
        try:
            sock.send(self._datagram())
        except OSError as refused:
            return refused.errno or errno.EIO
        return 0

    def _datagram(self) -> bytes:
        if self._question.protocol == UDP:
            port = self._question.fields.dport or self._question.dport
            if port != _DNS_PORT:
                return self._token
            label = bytes((len(self._token),)) + self._token
            return struct.pack("!HHHHHH", 1, 0x0100, 1, 0, 0, 0) + label + struct.pack("!BHH", 0, 1, 1)
        kind, number = ECHO_REQUEST[self._question.protocol], self._echo_id
        blank = struct.pack("!BBHHH", kind, 0, 0, number, 1) + self._token
        checksum = ones_complement(blank) if self._family == 4 else 0  # the kernel writes ICMPv6's
        return struct.pack("!BBHHH", kind, 0, checksum, number, 1) + self._token

    @property
    def _echo_id(self) -> int:
        number = self._question.fields.sport
        return int.from_bytes(self._token[:2], "big") if number is None else number

    def _sent(self, sock: socket.socket) -> Packet:
        """Return the first packet, as the source's kernel made it."""
        question = self._question
        src, dst = question.fields.src or self._ends.source, self._ends.target
        if question.protocol in {ICMP, ICMPV6}:
            return Packet(
                src, dst, question.protocol, icmp_type=question.icmp_type, icmp_code=0, icmp_id=self._echo_id,
                size=len(self._token),
            )  # fmt: skip
        sport = int(sock.getsockname()[1])
        dport = question.fields.dport if question.fields.dport is not None else question.dport
        if question.protocol == TCP:
            return Packet(src, dst, TCP, sport, dport, "S", df=True)
        return Packet(src, dst, UDP, sport, dport, size=len(self._datagram()))

    def _await(
        self, sock: socket.socket, gates: int, said: Callable[[], list[Clue]], sent: Packet
    ) -> tuple[Seen | None, Clue | None]:
        """Wait for the answer, a refusal or a gate's word; None = nothing of it came."""
        poll = select.poll()
        poll.register(sock, select.POLLOUT if self._question.protocol == TCP else select.POLLIN)
        poll.register(gates, select.POLLIN)
        end = time.monotonic() + PATIENCE_S
        while (left := end - time.monotonic()) > 0:
            ready = {descriptor for descriptor, _ in poll.poll(left * 1000)}
            if sock.fileno() in ready and (seen := self._heard(sock)) is not None:
                self._learn(said(), sent)
                return seen, None
            if gates in ready and (drop := self._learn(said(), sent)) is not None:
                return Seen.LOST, drop
        return None, None

    def _learn(self, clues: list[Clue], sent: Packet) -> Clue | None:
        """Note what gates said of the first packet; return what says that one of this conversation was dropped."""
        for clue in clues:
            packet = packet_from_bytes(clue.data)
            if packet is None:
                continue
            if self._asks(packet, sent) and traffic_class(clue.data) >> 2 == REAL_DSCP:
                self._sources.add((packet.src, _number(packet)))
                heard = any((clue.at, clue.passage) == (each.at, each.passage) for each in self._way)
                if self._is_first(packet) and not heard:
                    self._way.append(clue)
                if clue.denies:
                    return clue
            elif clue.denies:
                self._drops.append((clue, packet))
        return next((clue for clue, packet in self._drops if self._concerns(packet, sent)), None)

    def _is_first(self, packet: Packet) -> bool:
        """Tell whether a packet of this conversation is its first one, or that once more."""
        if packet.icmp_type is not None:
            return packet.icmp_type == self._question.icmp_type
        if packet.protocol == TCP:
            return packet.opens_tcp
        return packet.dst in self._there

    def _heard(self, sock: socket.socket) -> Seen | None:
        error = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            return Seen.REFUSED if error in _REFUSALS else None
        if self._question.protocol == TCP:
            return Seen.DELIVERED
        try:
            answer = sock.recv(1 << 16)
        except BlockingIOError:
            return None
        except OSError as refused:
            return Seen.REFUSED if refused.errno in _REFUSALS else None
        if self._question.protocol == UDP:
            return Seen.DELIVERED
        if self._family == 4:
            answer = answer[(answer[0] & 0xF) * 4 :]
        is_reply = answer[0] == ECHO_REPLY[self._question.protocol] and self._token in answer
        return Seen.DELIVERED if is_reply else None

    def _asks(self, packet: Packet, sent: Packet) -> bool:
        """Tell whether a packet goes the way of this conversation's first one, whoever sent it."""
        return (packet.protocol, packet.icmp_type, packet.dport) == (
            sent.protocol,
            sent.icmp_type,
            sent.dport,
        ) and packet.dst in self._there

    def _concerns(self, packet: Packet, sent: Packet) -> bool:
        """Tell whether a dropped packet without our mark is an answer to this conversation, or an error about it."""
        if packet.quoted is not None:
            quoted = packet.quoted
            ours = self._asks(quoted, sent) and (quoted.src, _number(quoted)) in self._sources
            return ours or self._concerns(quoted, sent)
        back = packet.icmp_id if packet.sport is None else packet.dport
        return (
            (packet.protocol, packet.sport) == (sent.protocol, sent.dport)
            and packet.src in self._there
            and (packet.dst, back) in self._sources
        )

    @property
    def _there(self) -> set[Address]:
        return {self._ends.target, self._ends.target_own}

    def _settled(self, sent: Packet, seen: Seen, clue: Clue | None, at_s: float, detail: str) -> Transit:
        arrived = None
        trail = [Sight(str(self._ends.source_station), sent)]
        way = in_order(self._way if clue is None or clue in self._way else [clue])
        trail += [Sight(each.at, packet) for each in way if (packet := packet_from_bytes(each.data)) is not None]
        if seen is Seen.DELIVERED:
            arrived = Packet(
                self._ends.source_seen if sent.src == self._ends.source else sent.src, self._ends.target_own,
                sent.protocol, sent.sport, sent.dport, sent.flags, sent.icmp_type, sent.icmp_code, sent.icmp_id,
                size=sent.size, df=sent.df,
            )  # fmt: skip
            trail.append(Sight(str(self._ends.target_station or self._ends.target), arrived))
        passages = tuple(each.passage for each in way if each.passage is not None)
        return Transit(sent, arrived, seen, passages, tuple(trail), at_s, detail)

    def _broken(self, sent: Packet, at_s: float, detail: str) -> Transit:
        trail = (Sight(str(self._ends.source_station), sent),)
        return Transit(sent, None, Seen.BROKEN, (), trail, at_s, detail)


def _number(packet: Packet) -> int | None:
    """Return what a NAT gateway may change beside the source's address: the port, or an echo's id."""
    return packet.icmp_id if packet.sport is None else packet.sport
