"""Log records of one namespace: what a gate says is read, whole and in order, or the loss of it is."""

import os
import socket
from collections.abc import Iterator
from itertools import count

import pytest
from probe_ground import run

from netlab.errors import BrokenError, KernelError
from netlab.kernel.logs import COPY_RANGE, LogReader
from netlab.kernel.netns import create, ensure_absent, entered

_NUMBERS = count()


@pytest.fixture
def namespace() -> Iterator[str]:
    """A namespace that logs every UDP datagram to its port 7, by both families."""
    name = f"netlab:logs-{os.getpid()}-{next(_NUMBERS)}:one"
    create(name)
    try:
        run(["ip", "-n", name, "link", "set", "lo", "up"])
        rule = '-A OUTPUT -p udp --dport 7 -j NFLOG --nflog-group 1 --nflog-prefix "+egress RULE sgr-1"'
        for tool in ("iptables-legacy-restore", "ip6tables-legacy-restore"):
            run(["ip", "netns", "exec", name, tool, "-w"], f"*filter\n{rule}\nCOMMIT\n")
        yield name
    finally:
        ensure_absent(name)


def _send(namespace: str, payload: bytes, *, port: int = 7, address: str = "127.0.0.1", times: int = 1) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with entered(namespace), socket.socket(family, socket.SOCK_DGRAM) as sock:
        for _ in range(times):
            sock.sendto(payload, (address, port))


def test_a_record_holds_the_prefix_and_the_packet(namespace: str) -> None:
    """What the rule logs is there at once, numbered; what it does not log is not."""
    reader = LogReader(namespace)
    try:
        _send(namespace, b"first")
        _send(namespace, b"another port", port=8)
        _send(namespace, b"second")
        records = reader.read()

        assert [record.prefix for record in records] == ["+egress RULE sgr-1"] * 2
        assert [record.payload[28:] for record in records] == [b"first", b"second"]
        assert [record.seq for record in records] == [0, 1]
        assert reader.read() == []
    finally:
        reader.close()


def test_both_families_speak_on_one_reader(namespace: str) -> None:
    """A packet's family is told by its own header."""
    reader = LogReader(namespace)
    try:
        _send(namespace, b"four")
        _send(namespace, b"six", address="::1")

        assert [record.payload[0] >> 4 for record in reader.read()] == [4, 6]
    finally:
        reader.close()


def test_a_record_holds_the_beginning_of_a_long_packet(namespace: str) -> None:
    """The rest is not needed, and would fill the buffer."""
    reader = LogReader(namespace)
    try:
        _send(namespace, bytes(1000))
        (record,) = reader.read()

        assert len(record.payload) == COPY_RANGE
    finally:
        reader.close()


def test_only_one_may_listen(namespace: str) -> None:
    """A second reader is told so, and does not disturb the first; when that is gone, it may."""
    first = LogReader(namespace)
    try:
        with pytest.raises(KernelError, match=f"{namespace}: log group 1: another process reads it already"):
            LogReader(namespace)
        _send(namespace, b"still there")

        assert len(first.read()) == 1
    finally:
        first.close()
    LogReader(namespace).close()


def test_an_absent_namespace_is_named() -> None:
    """The message says which."""
    with pytest.raises(KernelError, match="netlab:logs-absent:one"):
        LogReader("netlab:logs-absent:one")


def test_lost_records_are_never_silence(namespace: str) -> None:
    """A buffer that overflows breaks the experiment; the next one begins afresh."""
    reader = LogReader(namespace)
    try:
        reader._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        _send(namespace, b"flood", times=200)
        with pytest.raises(BrokenError, match=f"{namespace}: log records were lost"):
            reader.read()
        _send(namespace, b"afterwards")

        assert [record.payload[28:] for record in reader.read()] == [b"afterwards"]
    finally:
        reader.close()


def test_what_was_thrown_away_is_not_missed(namespace: str) -> None:
    """`discard` forgets what waits, also what found no room, and reading goes on behind it."""
    reader = LogReader(namespace)
    try:
        reader._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        _send(namespace, b"flood", times=200)
        reader.discard()
        _send(namespace, b"afterwards")

        assert [record.payload[28:] for record in reader.read()] == [b"afterwards"]
    finally:
        reader.close()
