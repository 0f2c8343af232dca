"""The experiment: what is sent through real namespaces comes back as a transit, with its reason and its trail."""

import os
import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_address

import pytest
from probe_ground import Ground, running_ground

from netlab.errors import InputError, KernelError
from netlab.model.packets import Packet
from netlab.model.places import VPC_ROUTER, Station
from netlab.model.verdicts import Decision, Passage, Reason, Seen, Transit
from netlab.model.wire import Departure
from netlab.probe import Prober

LAPTOP, EC2, DB = (Station(name, "eth0") for name in ("laptop", "ec2", "db"))
HOST, INSTANCE, OTHER, RESOLVER = map(ip_address, ("198.51.100.7", "10.0.1.10", "10.0.2.10", "10.0.0.2"))
HOST6, INSTANCE6, OTHER6 = map(ip_address, ("2001:db8:2::7", "2001:db8:1:1::10", "2001:db8:1:2::10"))
SYN = Packet(HOST, INSTANCE, 6, 40000, 22, "S", size=16)
SYN6 = Packet(HOST6, INSTANCE6, 6, 40000, 22, "S", size=16)


@pytest.fixture(scope="module")
def ground() -> Iterator[Ground]:
    """A lab of the module's own; its gates keep no state."""
    with running_ground() as made:
        yield made


@pytest.fixture(scope="module")
def prober(ground: Ground) -> Iterator[Prober]:
    """All its taps and log readers."""
    with Prober(ground.lab) as opened:
        yield opened


def _transit(prober: Prober, station: Station, packet: Packet) -> Transit:
    (transit,) = prober.transmit([Departure(station, packet)], time.monotonic())
    return transit


INTO = ["laptop eth0", "acl default ingress", "card ec2 ingress"]
ACROSS = ["ec2 eth0", "card ec2 egress", "acl default egress", "acl default ingress", "card db ingress"]

CASES: list[tuple[str, Station, Packet, Seen, str, str | None, list[str]]] = [
    ("a rule admits it", LAPTOP, SYN, Seen.DELIVERED, "RULE", "sgr-ssh", [*INTO, "ec2 eth0"]),
    ("no rule admits it", LAPTOP, replace(SYN, dport=23), Seen.LOST, "NO_RULE", None, INTO),
    ("a rule admits it, IPv6", LAPTOP, SYN6, Seen.DELIVERED, "RULE", "sgr-ssh", [*INTO, "ec2 eth0"]),
    ("no rule admits it, IPv6", LAPTOP, replace(SYN6, dport=21), Seen.LOST, "NO_RULE", None, INTO),
    (
        "an echo",
        LAPTOP,
        Packet(HOST, INSTANCE, 1, icmp_type=8, icmp_code=0, icmp_id=9, size=16),
        Seen.DELIVERED,
        "UNTRACKED",
        "sgr-icmp",
        [*INTO, "ec2 eth0"],
    ),
    (
        "an error about a connection",
        LAPTOP,
        Packet(HOST, INSTANCE, 1, icmp_type=3, icmp_code=1, quoted=SYN.answered(), size=16),
        Seen.DELIVERED,
        "UNTRACKED",
        "sgr-icmp",
        [*INTO, "ec2 eth0"],
    ),
    (
        "an error, IPv6",
        LAPTOP,
        Packet(HOST6, INSTANCE6, 58, icmp_type=1, icmp_code=4, quoted=SYN6.answered(), size=16),
        Seen.DELIVERED,
        "UNTRACKED",
        "sgr-icmp",
        [*INTO, "ec2 eth0"],
    ),
    (
        "the answer",
        EC2,
        replace(SYN.answered(), flags="SA"),
        Seen.DELIVERED,
        "RULE",
        "sgr-out",
        ["ec2 eth0", "card ec2 egress", "acl default egress", "laptop eth0"],
    ),
    (
        "dropped on its way out",
        EC2,
        Packet(INSTANCE, HOST, 6, 40000, 25, "S", size=16),
        Seen.LOST,
        "NO_RULE",
        None,
        ["ec2 eth0", "card ec2 egress"],
    ),
    (
        "through two cards",
        EC2,
        Packet(INSTANCE, OTHER, 17, 1, 2, size=16),
        Seen.DELIVERED,
        "RULE",
        "sgr-udp",
        [*ACROSS, "db eth0"],
    ),
    (
        "through two cards, IPv6, dropped at the second",
        EC2,
        Packet(INSTANCE6, OTHER6, 6, 1, 2, "S", size=16),
        Seen.LOST,
        "NO_RULE",
        None,
        ACROSS,
    ),
    (
        "to what the VPC serves",
        EC2,
        Packet(INSTANCE, RESOLVER, 17, 1, 53, size=16),
        Seen.DELIVERED,
        "RULE",
        "sgr-out",
        ["ec2 eth0", "card ec2 egress", "vpc"],
    ),
    (
        "from what the VPC serves",
        VPC_ROUTER,
        Packet(RESOLVER, INSTANCE, 17, 53, 1, size=16),
        Seen.DELIVERED,
        "RULE",
        "sgr-udp",
        ["vpc", "card ec2 ingress", "ec2 eth0"],
    ),
    (
        "another protocol",
        LAPTOP,
        Packet(HOST, INSTANCE, 47, size=16),
        Seen.DELIVERED,
        "TRACKED",
        None,
        [*INTO, "ec2 eth0"],
    ),
    (
        "in fragments",
        LAPTOP,
        Packet(HOST, INSTANCE, 17, 1, 2, size=5000),
        Seen.DELIVERED,
        "RULE",
        "sgr-udp",
        [*INTO, "ec2 eth0"],
    ),
    (
        "in fragments, IPv6",
        EC2,
        Packet(INSTANCE6, OTHER6, 17, 1, 2, size=20000),
        Seen.DELIVERED,
        "RULE",
        "sgr-udp",
        [*ACROSS, "db eth0"],
    ),
    (
        "too big for its own link",
        LAPTOP,
        Packet(HOST, INSTANCE, 17, 1, 2, size=1473, df=True),
        Seen.LOST,
        "MTU",
        None,
        ["laptop eth0", "mtu"],
    ),
    (
        "just fitting its own link",
        LAPTOP,
        Packet(HOST, INSTANCE, 17, 1, 2, size=1472, df=True),
        Seen.DELIVERED,
        "RULE",
        "sgr-udp",
        [*INTO, "ec2 eth0"],
    ),
]


@pytest.mark.parametrize(("station", "packet", "seen", "reason", "rule", "trail"), [each[1:] for each in CASES],
                         ids=[each[0] for each in CASES])  # fmt: skip
def test_a_packet_is_followed_to_its_end(
    prober: Prober, station: Station, packet: Packet, seen: Seen, reason: str, rule: str | None, trail: list[str]
) -> None:
    """It arrives as it was sent, or the gate that dropped it says so; every gate on the way is named in order."""
    transit = _transit(prober, station, packet)

    assert [sight.at for sight in transit.trail] == trail
    assert (transit.seen, transit.detail) == (seen, "")
    assert (transit.verdict.reason.name, transit.verdict.rule) == (reason, rule)
    assert transit.arrived == (packet if seen is Seen.DELIVERED else None)
    assert {sight.packet for sight in transit.trail} == {packet}


@pytest.mark.parametrize(("dport", "seen"), [(98, Seen.LOST), (99, Seen.BROKEN), (100, Seen.LOST)])
def test_what_vanishes_without_a_word_is_broken(prober: Prober, dport: int, seen: Seen) -> None:
    """The gateway swallows port 99: that is no verdict. Its neighbours are dropped by a gate that says so."""
    transit = _transit(prober, LAPTOP, replace(SYN, dport=dport))

    assert transit.seen is seen
    assert ("it vanished: last seen at laptop eth0" in transit.detail) == (seen is Seen.BROKEN)


def test_what_a_door_has_lost_has_not_vanished() -> None:
    """Its tap had no room: the detail says so of what has no end, and no more once there is room again."""
    packets = [replace(SYN, sport=1024 + number) for number in range(50)]
    with running_ground() as ground, Prober(ground.lab) as prober:
        assert prober.transmit([Departure(LAPTOP, replace(SYN, dport=99))], time.monotonic())[0].seen is Seen.BROKEN
        _shrink(prober, Station("ec2", "eth0"))
        transits = prober.transmit([Departure(LAPTOP, packet) for packet in packets], time.monotonic())
        (after,) = prober.transmit([Departure(LAPTOP, replace(SYN, dport=99))], time.monotonic())

    assert {transit.seen for transit in transits} == {Seen.DELIVERED, Seen.BROKEN}
    broken = {transit.detail for transit in transits if transit.seen is Seen.BROKEN}
    assert broken == {"ec2 eth0: frames were lost, the socket's buffer was full"}
    assert "it vanished" in after.detail


def _shrink(prober: Prober, station: Station) -> None:
    """Leave a door's tap room for a frame or two."""
    with socket.socket(fileno=os.dup(prober._watch.doors[station].tap.fileno())) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)


def test_many_packets_come_back_in_the_order_sent(prober: Prober) -> None:
    """More than one batch, delivered and lost side by side; each finds its own."""
    packets = [replace(SYN, sport=1024 + number, dport=22 + number % 2) for number in range(1300)]
    transits = prober.transmit([Departure(LAPTOP, packet) for packet in packets], time.monotonic())

    assert [transit.sent for transit in transits] == packets
    assert [transit.seen for transit in transits] == [Seen.DELIVERED, Seen.LOST] * 650
    assert [transit.arrived for transit in transits if transit.arrived] == packets[::2]


def test_a_transit_knows_every_gate_it_passed(prober: Prober) -> None:
    """The passages are those of the records, in order."""
    transit = _transit(prober, LAPTOP, SYN)

    assert transit.passages == (
        Passage("acl default ingress", Decision.ALLOW, Reason.ACL, "100"),
        Passage("card ec2 ingress", Decision.ALLOW, Reason.RULE, "sgr-ssh"),
    )


def test_time_is_counted_from_the_storys_begin(prober: Prober, monkeypatch: pytest.MonkeyPatch) -> None:
    """In seconds before scaling: at a tenth of the time, ten times as many."""
    monkeypatch.setattr(prober, "lab", replace(prober.lab, scale=0.1))
    (transit,) = prober.transmit([Departure(LAPTOP, SYN)], time.monotonic() - 5)

    assert 50 <= transit.at_s < 100


def test_nobody_sends_from_an_unknown_station(prober: Prober) -> None:
    """And the prober goes on."""
    with pytest.raises(InputError, match="nobody eth0: nobody of lab"):
        _transit(prober, Station("nobody", "eth0"), SYN)
    assert _transit(prober, LAPTOP, SYN).seen is Seen.DELIVERED


def test_two_probers_cannot_listen_at_once() -> None:
    """The second is refused in words, and opens nothing; once the first has closed, another may."""
    with running_ground() as ground:
        with Prober(ground.lab) as first:
            with pytest.raises(KernelError, match="another process reads it already"):
                Prober(ground.lab)
            assert _transit(first, LAPTOP, SYN).seen is Seen.DELIVERED
        with Prober(ground.lab) as second:
            assert _transit(second, LAPTOP, SYN).seen is Seen.DELIVERED
