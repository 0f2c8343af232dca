"""A namespace's connection table: listed with every field, and emptied."""

import os
import socket
from collections.abc import Iterator
from ipaddress import ip_address
from itertools import count

import pytest
from probe_ground import run

from netlab.errors import KernelError
from netlab.kernel.conntrack import flush, forget, list_entries
from netlab.kernel.netns import create, ensure_absent, entered

_NUMBERS = count()
_RULES = """*filter
-A OUTPUT -m conntrack --ctstate NEW,ESTABLISHED -j CONNMARK --set-mark 3
COMMIT
"""


@pytest.fixture
def namespace() -> Iterator[str]:
    """A namespace that tracks what it sends to itself, counts packets, and marks every entry with 3."""
    name = f"netlab:ct-{os.getpid()}-{next(_NUMBERS)}:one"
    create(name)
    try:
        run(["ip", "-n", name, "link", "set", "lo", "up"])
        for tool in ("iptables-legacy-restore", "ip6tables-legacy-restore"):
            run(["ip", "netns", "exec", name, tool, "-w"], _RULES)
        settings = ["nf_conntrack_acct=1", "nf_conntrack_udp_timeout=41", "nf_conntrack_tcp_timeout_established=900"]
        run(["ip", "netns", "exec", name, "sysctl", "-qw", *(f"net.netfilter.{each}" for each in settings)])
        yield name
    finally:
        ensure_absent(name)


def _datagram(namespace: str, address: str) -> int:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with entered(namespace), socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.bind((address, 0))
        sock.sendto(b"hello", (address, sock.getsockname()[1]))
        return int(sock.getsockname()[1])


@pytest.mark.parametrize(("address", "family"), [("127.0.0.1", 4), ("::1", 6)])
def test_a_datagram_leaves_an_entry(namespace: str, address: str, family: int) -> None:
    """With addresses, ports, mark, counter and the time that is left."""
    port = _datagram(namespace, address)
    (entry,) = list_entries(namespace)

    assert (entry.family, entry.protocol) == (family, 17)
    assert (entry.src, entry.dst) == (ip_address(address), ip_address(address))
    assert (entry.sport, entry.dport, entry.icmp_id) == (port, port, None)
    assert (entry.state, entry.mark, entry.packets, entry.replied) == ("", 3, (1, 0), False)
    assert 35 <= entry.timeout_s <= 41


def test_a_tcp_connection_has_a_state(namespace: str) -> None:
    """As conntrack names it; both directions are counted."""
    with entered(namespace):
        server = socket.create_server(("127.0.0.1", 0))
        client = socket.create_connection(server.getsockname())
    with server, client:
        (entry,) = list_entries(namespace)

        assert (entry.protocol, entry.state, entry.replied, entry.assured) == (6, "ESTABLISHED", True, True)
        assert (entry.sport, entry.dport) == (client.getsockname()[1], server.getsockname()[1])
        assert (entry.packets, entry.mark) == ((2, 1), 3)
        assert 890 <= entry.timeout_s <= 900


@pytest.mark.parametrize(("tool", "kind"), [("127.0.0.1", 8), ("::1", 128)])
def test_a_ping_has_an_id(namespace: str, tool: str, kind: int) -> None:
    """Instead of ports."""
    family, protocol = (socket.AF_INET6, 58) if ":" in tool else (socket.AF_INET, 1)
    checksum = 0xFFFF - ((kind << 8) + 0x1234 + 1)  # the kernel writes ICMPv6's itself
    echo = bytes((kind, 0)) + checksum.to_bytes(2, "big") + b"\x12\x34\x00\x01"
    with entered(namespace), socket.socket(family, socket.SOCK_RAW, protocol) as sock:
        sock.sendto(echo, (tool, 0))
    (entry,) = list_entries(namespace)

    assert (entry.protocol, entry.icmp_id, entry.icmp_type, entry.icmp_code) == (protocol, 0x1234, kind, 0)
    assert (entry.sport, entry.dport) == (None, None)


def test_an_emptied_table_is_empty(namespace: str) -> None:
    """Both families are forgotten; new entries come as before. An empty one may be emptied again."""
    _datagram(namespace, "127.0.0.1")
    _datagram(namespace, "::1")
    assert len(list_entries(namespace)) == 2

    flush(namespace)
    assert list_entries(namespace) == ()

    flush(namespace)
    _datagram(namespace, "127.0.0.1")
    assert len(list_entries(namespace)) == 1


def test_single_entries_are_forgotten(namespace: str) -> None:
    """Of either family; others stay, and what is gone already is no error."""
    _datagram(namespace, "127.0.0.1")
    _datagram(namespace, "::1")
    port = _datagram(namespace, "127.0.0.1")
    gone = [entry for entry in list_entries(namespace) if entry.sport != port]
    forget(namespace, gone)

    assert [entry.sport for entry in list_entries(namespace)] == [port]
    forget(namespace, gone)
    assert len(list_entries(namespace)) == 1


def test_an_absent_namespace_is_named() -> None:
    """The message says which."""
    with pytest.raises(KernelError, match="netlab:ct-absent:one"):
        list_entries("netlab:ct-absent:one")
