"""
Log records: what the gates of one namespace say of the packets they judge, read from netfilter's log netlink (NFLOG).

One reader a namespace; the kernel lets no second one listen on the same group. What a record means is not known here
(`plan.tags`).
"""

from __future__ import annotations

import contextlib
import errno
import socket
import struct
import sys
from collections.abc import Iterator
from typing import NamedTuple

from netlab.errors import BrokenError, KernelError
from netlab.kernel.netns import entered
from netlab.plan.nouns import LOG_GROUP

COPY_RANGE = 256
"""Bytes of a packet that a record holds: two IP headers, two transport headers and a cookie at least."""

BUFFER_SIZE = 32 << 20

_NETLINK_NETFILTER = 12
_SO_RCVBUFFORCE = 33
_NLMSG_ERROR = 2
_REQUEST_ACK = 0x5  # NLM_F_REQUEST | NLM_F_ACK
_MSG_PACKET, _MSG_CONFIG = 4 << 8, 4 << 8 | 1  # NFNL_SUBSYS_ULOG
_CFG_CMD, _CFG_MODE, _CFG_BUFFER, _CFG_THRESHOLD, _CFG_FLAGS = 1, 2, 3, 5, 6
_CMD_BIND, _COPY_PACKET, _FLAG_SEQ = 1, 2, 1

_HEADER = struct.Struct("=IHHII")  # struct nlmsghdr
_ATTRIBUTE = struct.Struct("=HH")  # struct nlattr
_MESSAGE_HEAD = 20  # struct nlmsghdr and struct nfgenmsg
_PREFIX_AT = _MESSAGE_HEAD + 8  # behind the packet's own header attribute, where there is a prefix
_TIMESTAMP, _PAYLOAD, _PREFIX, _SEQ_KIND = 3, 9, 10, 12  # NFULA_…
_SEQ, _TIME = struct.Struct("!I"), struct.Struct("!QQ")


class LogRecord(NamedTuple):
    """
    One record; a tuple, since there are hundreds of thousands in a matrix.

    Attributes:
        payload: The packet from its IP header on, COPY_RANGE bytes at most.
        seq: Counts the records of this namespace.
        time_us: When the packet reached the gate, in microseconds of the real-time clock; 0 = the kernel did not say.
    """

    prefix: str
    payload: bytes
    seq: int
    time_us: int


class LogReader:
    """Reads the records of one namespace; ``buffer_size`` is what the kernel really granted."""

    def __init__(self, namespace: str, group: int = LOG_GROUP) -> None:
        """
        Begin to listen.

        Args:
            namespace: The kernel's name of it.

        Raises:
            KernelError: It cannot be entered, or someone else reads its records already.
        """
        self.namespace = namespace
        self._layouts: dict[bytes, _Layout] = {}
        self._next_seq: int | None = 0  # None = records were lost: any number may follow
        with entered(namespace):
            self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_NETFILTER)
        try:
            self.buffer_size = size_buffer(self._socket)
            self._bind(group)
        except BaseException:
            self._socket.close()
            raise

    def fileno(self) -> int:
        """Return the file descriptor, readable when a record waits."""
        return self._socket.fileno()

    def close(self) -> None:
        """Stop listening."""
        self._socket.close()

    def read(self) -> list[LogRecord]:
        """
        Return the records that wait, oldest first; never blocks.

        Raises:
            BrokenError: Records were lost. What waited is thrown away; the next call begins afresh.
        """
        records: list[LogRecord] = []
        try:
            for data in self._datagrams():
                records.extend(_records(data, self._layouts))
        except OSError as error:
            if error.errno != errno.ENOBUFS:
                raise KernelError(f"{self.namespace}: reading log records: {error.strerror}") from error
            self._forget()
            raise BrokenError(f"{self.namespace}: log records were lost, the socket's buffer was full") from error
        for record in records:
            if self._next_seq not in {None, record.seq}:
                self._forget()
                raise BrokenError(f"{self.namespace}: log records are missing before number {record.seq}")
            self._next_seq = record.seq + 1
        return records

    def discard(self) -> None:
        """Throw away what waits, also the memory of records lost before."""
        while True:
            try:
                for data in self._datagrams():
                    for record in _records(data, self._layouts):
                        self._next_seq = None if self._next_seq is None else record.seq + 1
            except OSError as error:
                if error.errno == errno.ENOBUFS:
                    self._next_seq = None
                    continue
                raise KernelError(f"{self.namespace}: reading log records: {error.strerror}") from error
            return

    def _forget(self) -> None:
        self.discard()
        self._next_seq = None

    def _datagrams(self) -> Iterator[bytes]:
        while True:
            try:
                yield self._socket.recv(1 << 16, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return

    def _bind(self, group: int) -> None:
        attributes = b"".join(
            (
                _attribute(_CFG_CMD, struct.pack("=B", _CMD_BIND)),
                _attribute(_CFG_MODE, struct.pack("!IBx", COPY_RANGE, _COPY_PACKET)),
                _attribute(_CFG_BUFFER, struct.pack("!I", 2 * COPY_RANGE)),
                _attribute(_CFG_THRESHOLD, struct.pack("!I", 1)),
                _attribute(_CFG_FLAGS, struct.pack("!H", _FLAG_SEQ)),
            )
        )
        body = struct.pack("!BBH", socket.AF_UNSPEC, 0, group) + attributes
        self._socket.send(_HEADER.pack(16 + len(body), _MSG_CONFIG, _REQUEST_ACK, 1, 0) + body)
        while True:
            data = self._socket.recv(1 << 16)
            _, kind, _, _, _ = _HEADER.unpack_from(data)
            if kind == _NLMSG_ERROR:  # also the acknowledgement; records may come before it
                break
        (code,) = struct.unpack_from("=i", data, 16)
        if code in {-errno.EPERM, -errno.EBUSY}:
            raise KernelError(f"{self.namespace}: log group {group}: another process reads it already")
        if code:
            raise KernelError(f"{self.namespace}: log group {group}: {errno.errorcode.get(-code, -code)}")


def size_buffer(sock: socket.socket, size: int = BUFFER_SIZE) -> int:
    """Give a socket a big receive buffer, as big as this process may; return what it got."""
    with contextlib.suppress(PermissionError):  # in a user namespace: the host's limit holds
        sock.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, size)
        return sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size)
    return sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)


def _attribute(kind: int, value: bytes) -> bytes:
    return _ATTRIBUTE.pack(4 + len(value), kind) + value + bytes(-len(value) % 4)


def _records(data: bytes, layouts: dict[bytes, _Layout]) -> Iterator[LogRecord]:
    start = 0
    while start + _MESSAGE_HEAD <= len(data):
        length, kind, _, _, _ = _HEADER.unpack_from(data, start)
        if kind == _MSG_PACKET:
            yield _record(data[start : start + length], layouts)
        start += (length + 3) & ~3


def _record(message: bytes, layouts: dict[bytes, _Layout]) -> LogRecord:
    """Read a record; messages of one length that begin alike have their attributes at the same places."""
    behind = _PREFIX_AT + int.from_bytes(message[_PREFIX_AT : _PREFIX_AT + 2], sys.byteorder)
    layout = layouts.get(message[:4] + message[_PREFIX_AT:behind])
    if layout is None or not layout.fits(message):
        layout = _layout(message)
        layouts[message[:4] + message[_PREFIX_AT:behind]] = layout
    seq = time_us = 0
    if layout.seq:
        (seq,) = _SEQ.unpack_from(message, layout.seq + 4)
    if layout.time:
        seconds, micros = _TIME.unpack_from(message, layout.time + 4)
        time_us = seconds * 1_000_000 + micros
    payload = message[layout.payload + 4 : layout.end] if layout.payload else b""
    return LogRecord(layout.prefix, payload, seq, time_us)


class _Layout(NamedTuple):
    """Where in a message its attributes begin; 0 = it has none of that kind."""

    prefix: str
    payload: int
    end: int  # of the payload
    seq: int
    time: int
    heads: tuple[tuple[int, bytes], ...]  # by them another message is known to have the same

    def fits(self, message: bytes) -> bool:
        """Tell whether the attributes of another message are where this one's are."""
        return all(message.startswith(head, at) for at, head in self.heads)


def _layout(message: bytes) -> _Layout:
    found: dict[int, tuple[int, int]] = {}
    start = _MESSAGE_HEAD
    while start + 4 <= len(message):
        length, kind = _ATTRIBUTE.unpack_from(message, start)
        if length < 4:
            break
        found[kind] = (start, start + length)
        start += (length + 3) & ~3
    at, end = found.get(_PREFIX, (0, 0))
    prefix = message[at + 4 : end].rstrip(b"\0").decode("ascii", "replace") if at else ""
    payload, payload_end = found.get(_PAYLOAD, (0, 0))
    seq, time = found.get(_SEQ_KIND, (0, 0))[0], found.get(_TIMESTAMP, (0, 0))[0]
    heads = tuple((place, message[place : place + 4]) for place in (payload, seq, time) if place)
    return _Layout(prefix, payload, payload_end, seq, time, heads)
