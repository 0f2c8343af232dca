"""Conversations: real sockets talk through real namespaces, and what came of it is told."""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

import pytest
from probe_ground import Ground, running_ground

from netlab.errors import InputError, KernelError
from netlab.kernel.netns import entered
from netlab.model.places import resolve_ends
from netlab.model.questions import question_from_key
from netlab.model.stories import NO_FIELDS, Fields
from netlab.model.verdicts import Reason, Seen, Transit
from netlab.probe import Prober

ADDRESS = {4: "10.0.1.10", 6: "2001:db8:1:1::10"}
FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}


@pytest.fixture(scope="module")
def ground() -> Iterator[Ground]:
    """A lab of the module's own."""
    with running_ground() as made:
        yield made


@pytest.fixture
def prober(ground: Ground) -> Iterator[Prober]:
    """All its taps and log readers."""
    with Prober(ground.lab) as opened:
        yield opened


def _talk(
    prober: Prober, key: str, value: int, family: int = 4, *, target: str = "ec2", fields: Fields = NO_FIELDS
) -> Transit:
    question = question_from_key("laptop", target, key, value, family, fields, real=True)
    return prober.converse(resolve_ends(prober.lab, "laptop", target, family), question, time.monotonic())


@contextmanager
def _listening(ground: Ground, family: int, kind: socket.SocketKind, port: int) -> Iterator[socket.socket]:
    with entered(ground.name("ec2")):
        sock = socket.socket(FAMILIES[family], kind)
    with sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((ADDRESS[family], port))
        if kind is socket.SOCK_STREAM:
            sock.listen()
        yield sock


@pytest.mark.parametrize("family", [4, 6])
def test_a_tcp_connection_is_made(ground: Ground, prober: Prober, family: int) -> None:
    """Delivered = connected."""
    with _listening(ground, family, socket.SOCK_STREAM, 22):
        transit = _talk(prober, "tcp", 22, family)

    assert transit.seen is Seen.DELIVERED
    assert [sight.at for sight in transit.trail] == [
        "laptop eth0",
        "acl default ingress",
        "card ec2 ingress",
        "ec2 eth0",
    ]
    assert (transit.verdict.gate, transit.verdict.reason, transit.verdict.rule) == (
        "card ec2 ingress",
        Reason.RULE,
        "sgr-ssh",
    )
    assert transit.arrived == transit.sent


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize(("key", "port"), [("tcp", 22), ("udp", 8)])
def test_a_closed_port_refuses(prober: Prober, key: str, port: int, family: int) -> None:
    """A RST, or port unreachable, came back."""
    transit = _talk(prober, key, port, family)

    assert transit.seen is Seen.REFUSED
    assert transit.arrived is None


@pytest.mark.parametrize("family", [4, 6])
def test_what_a_gate_drops_is_lost_there(prober: Prober, family: int) -> None:
    """The gate's record names it, at once: no time-out is waited for."""
    transit = _talk(prober, "tcp", 23, family)

    assert transit.seen is Seen.LOST
    assert (transit.verdict.gate, transit.verdict.reason) == ("card ec2 ingress", Reason.NO_RULE)
    assert [sight.at for sight in transit.trail] == ["laptop eth0", "acl default ingress", "card ec2 ingress"]


def test_silence_that_nobody_claims_is_broken(prober: Prober) -> None:
    """The gateway swallows port 99 without a word."""
    transit = _talk(prober, "tcp", 99)

    assert transit.seen is Seen.BROKEN
    assert "no answer came" in transit.detail


def test_a_datagram_is_answered(ground: Ground, prober: Prober) -> None:
    """Delivered = answered."""

    def answer(sock: socket.socket) -> None:
        data, peer = sock.recvfrom(100)
        sock.sendto(data, peer)

    with _listening(ground, 4, socket.SOCK_DGRAM, 7) as sock:
        server = Thread(target=answer, args=(sock,))
        server.start()
        transit = _talk(prober, "udp", 7)
        server.join()

    assert (transit.seen, transit.detail) == (Seen.DELIVERED, "")


def test_a_datagram_that_nobody_answers_was_seen_arriving(ground: Ground, prober: Prober) -> None:
    """It is not lost: no gate dropped it. The detail says what is known."""
    with _listening(ground, 4, socket.SOCK_DGRAM, 9):
        transit = _talk(prober, "udp", 9)

    assert (transit.seen, transit.detail) == (Seen.DELIVERED, "it arrived; nobody answered or refused it")


@pytest.mark.parametrize(("key", "value", "family"), [("icmp", 8, 4), ("icmpv6", 128, 6)])
def test_a_ping_is_answered(prober: Prober, key: str, value: int, family: int) -> None:
    """By the instance's own kernel."""
    transit = _talk(prober, key, value, family, fields=Fields(sport=77))

    assert transit.seen is Seen.DELIVERED
    assert transit.sent.icmp_id == 77


def test_the_source_port_can_be_asked_for(prober: Prober) -> None:
    """And is the one of the packet."""
    transit = _talk(prober, "tcp", 23, fields=Fields(sport=40123))

    assert transit.sent.sport == 40123
    assert transit.trail[-1].packet.sport == 40123


def test_a_conversation_has_its_time_in_the_story(prober: Prober) -> None:
    """In unscaled seconds since the story began, as single packets have."""
    question = question_from_key("laptop", "ec2", "tcp", 23, 4, NO_FIELDS, real=True)
    transit = prober.converse(resolve_ends(prober.lab, "laptop", "ec2", 4), question, time.monotonic() - 5)

    assert 5 <= transit.at_s < 10


@pytest.mark.parametrize(("key", "value"), [("icmp", 3), ("icmp", 0), ("protocol", 47)])
def test_what_no_stack_answers_cannot_be_real(prober: Prober, key: str, value: int) -> None:
    """A ping, TCP and UDP can."""
    with pytest.raises(InputError, match="real: found a protocol whose packets nobody answers"):
        _talk(prober, key, value)


def test_an_address_that_is_not_the_sources_cannot_talk(prober: Prober) -> None:
    """Its kernel has no such address."""
    with pytest.raises(KernelError, match="Cannot assign requested address"):
        _talk(prober, "tcp", 22, fields=Fields(src=prober.lab.instances["ec2"].primary.ipv4[0]))
