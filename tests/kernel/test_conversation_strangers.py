"""Conversations beside others': only what gates say of a conversation's own packets tells what came of it."""

import socket
import time
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from threading import Thread

import pytest
from built_lab import BuiltLab, built

from netlab.model.places import resolve_ends
from netlab.model.questions import question_from_key
from netlab.model.stories import Fields
from netlab.model.verdicts import Seen, Transit

LAB = """
name: strangers
vpc: {cidr: 10.0.0.0/16}
subnets:
  public: {cidr: 10.0.1.0/24, internet: true}
  edge: {cidr: 10.0.2.0/24, internet: true, acl: narrow}
  private: {cidr: 10.0.3.0/24, nat: out}
nat_gateways:
  out: {subnet: edge, ip: 10.0.2.5, public_ip: 203.0.113.99}
network_acls:
  narrow:
    ingress:
      - {rule: 50, protocol: all, from: 198.51.100.9/32, action: deny}
      - {rule: 100, protocol: all, from: 0.0.0.0/0, action: allow}
    egress: [{rule: 100, protocol: all, to: 0.0.0.0/0, action: allow}]
security_groups:
  web: {ingress: [{udp: 5000, from: 198.51.100.7/32}, {icmp: 8, from: 198.51.100.7/32}]}
  open: {}
  shut: {egress: []}
instances:
  ec2: {subnet: public, ip: 10.0.1.10, public_ip: 3.95.203.191, security_groups: [web]}
  inner: {subnet: private, ip: 10.0.3.10, security_groups: [open]}
  other: {subnet: private, ip: 10.0.3.11, security_groups: [open]}
  mute: {subnet: private, ip: 10.0.3.12, security_groups: [shut]}
hosts:
  laptop: {ip: 198.51.100.7}
  stranger: {ip: 198.51.100.8}
  answerer: {ip: 198.51.100.9}
"""
HOME = {"laptop": "198.51.100.7", "stranger": "198.51.100.8", "answerer": "198.51.100.9"}
PORT = 5000


@pytest.fixture(scope="module")
def lab() -> Iterator[BuiltLab]:
    """A lab of the module's own."""
    with built(LAB) as found:
        yield found


def _talk(lab: BuiltLab, source: str, target: str, key: str = "udp", value: int = PORT, sport: int = 40001) -> Transit:
    question = question_from_key(source, target, key, value, 4, Fields(sport=sport), real=True)
    return lab.prober.converse(resolve_ends(lab.lab, source, target, 4), question, time.monotonic())


def _datagram(lab: BuiltLab, source: str, target: str, sport: int = 0) -> None:
    with lab.socket(source, 4, socket.SOCK_DGRAM) as sock:
        sock.bind(("0.0.0.0", sport))
        sock.sendto(b"stranger", (target, PORT))


def _heard(
    lab: BuiltLab, node: str, then: Callable[[socket.socket, tuple[str, int]], None], talk: Callable[[], Transit]
) -> Transit:
    """Talk, while somebody at *node* takes one datagram and does something then."""
    with lab.socket(node, 4, socket.SOCK_DGRAM) as sock:
        sock.bind(("0.0.0.0", PORT))

        def take() -> None:
            then(sock, sock.recvfrom(100)[1])

        taker = Thread(target=take)
        taker.start()
        try:
            return talk()
        finally:
            taker.join()


def test_a_strangers_packet_to_the_same_port_is_not_ours(lab: BuiltLab) -> None:
    """The stranger's is dropped while ours has arrived and nobody answers; alone, the stranger's own is lost."""
    transit = _heard(
        lab, "ec2", lambda *_: _datagram(lab, "stranger", "3.95.203.191"), lambda: _talk(lab, "laptop", "ec2")
    )

    assert (transit.seen, transit.detail) == (Seen.DELIVERED, "it arrived; nobody answered or refused it")
    assert _talk(lab, "stranger", "ec2").verdict.gate == "card ec2 ingress"


def test_a_strangers_ping_of_the_same_id_is_not_ours(lab: BuiltLab) -> None:
    """Its drop says nothing of ours; told apart by the address alone."""
    assert _talk(lab, "stranger", "ec2", "icmp", 8, 77).seen is Seen.LOST
    assert _talk(lab, "laptop", "ec2", "icmp", 8, 77).seen is Seen.DELIVERED


def test_a_packet_of_another_behind_the_same_nat_gateway_is_not_ours(lab: BuiltLab) -> None:
    """Its source is neither the sender's nor the gateway's, and it is dropped before it gets there."""

    def shut_out(_: socket.socket, __: tuple[str, int]) -> None:
        _datagram(lab, "mute", HOME["stranger"])

    transit = _heard(lab, "stranger", shut_out, lambda: _talk(lab, "inner", "stranger"))

    assert (transit.seen, transit.detail) == (Seen.DELIVERED, "it arrived; nobody answered or refused it")


def test_an_answer_that_dies_on_its_way_to_the_nat_gateway_is_ours(lab: BuiltLab) -> None:
    """Also where the gateway gave the flow another port, since another flow has the one it had."""
    with lab.socket("answerer", 4, socket.SOCK_DGRAM) as sock:
        sock.bind((HOME["answerer"], PORT))
        _datagram(lab, "other", HOME["answerer"], 40001)
        assert sock.recvfrom(100)[1] == ("203.0.113.99", 40001)
    ports = []

    def answer(sock: socket.socket, peer: tuple[str, int]) -> None:
        ports.append(peer[1])
        sock.sendto(b"answer", peer)

    transit = _heard(lab, "answerer", answer, lambda: _talk(lab, "inner", "answerer"))

    assert ports != [40001]
    assert (transit.seen, transit.verdict.gate, transit.verdict.rule) == (Seen.LOST, "acl narrow ingress", "50")
    assert transit.trail[-1].packet.dst == ip_address("10.0.2.5")


def test_an_answer_to_another_behind_the_same_nat_gateway_is_not_ours(lab: BuiltLab) -> None:
    """Both flows go from the gateway to one host's port; only the other's is answered, and that is dropped."""
    with lab.socket("answerer", 4, socket.SOCK_DGRAM) as sock:
        sock.bind((HOME["answerer"], PORT))
        _datagram(lab, "other", HOME["answerer"], 40002)
        others = sock.recvfrom(100)[1]
    transit = _heard(
        lab,
        "answerer",
        lambda sock, _: (sock.sendto(b"answer", others), None)[1],
        lambda: _talk(lab, "inner", "answerer", sport=40002),
    )

    assert (transit.seen, transit.detail) == (Seen.DELIVERED, "it arrived; nobody answered or refused it")
