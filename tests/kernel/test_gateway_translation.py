"""The internet gateway and NAT gateways, with real packets: who is translated, what is dropped and why."""

import socket
from collections.abc import Iterator
from threading import Thread

import pytest
from built_lab import OPEN_GROUP, BuiltLab, built, packet

from netlab.kernel import machine
from netlab.kernel.conntrack import list_entries
from netlab.model.packets import Packet
from netlab.model.verdicts import Reason, Seen
from netlab.plan.nouns import IGW, INTERNET, VPC, kernel_name, nat_name

LAB = f"""
name: gateways
vpc: {{cidr: 10.0.0.0/16, ipv6_cidr: "2001:db8:0:100::/56"}}
subnets:
  public: {{cidr: 10.0.1.0/24, ipv6_cidr: "2001:db8:0:100::/64", internet: true}}
  private: {{cidr: 10.0.2.0/24, nat: out}}
{OPEN_GROUP}
nat_gateways:
  out: {{subnet: public, public_ip: 203.0.113.99, ip: 10.0.1.5}}
instances:
  ec2: {{subnet: public, ip: [10.0.1.10, 10.0.1.11], public_ip: 203.0.113.10, security_groups: [open]}}
  two: {{subnet: public, ip: 10.0.1.20, public_ip: 203.0.113.20, security_groups: [open]}}
  db: {{subnet: private, ip: 10.0.2.20, security_groups: [open]}}
  dc: {{subnet: private, ip: 10.0.2.30, security_groups: [open]}}
hosts:
  laptop: {{ip: [198.51.100.7, "2001:db8:ffff::7"]}}
  liar: {{ip: 198.51.100.8, spoof: true}}
"""


@pytest.fixture(scope="module")
def lab() -> Iterator[BuiltLab]:
    with built(LAB) as running:
        yield running


def seen_ends(found: Packet | None) -> tuple[str, str] | None:
    return None if found is None else (str(found.src), str(found.dst))


@pytest.mark.parametrize("flags", ["S", "SA", "A", "PA", "FA", "R"])
def test_every_tcp_packet_is_translated_both_ways_asked_for_or_not(lab: BuiltLab, flags: str) -> None:
    """1:1 without memory: a bare SYN-ACK, FIN or RST too."""
    into = lab.one("laptop", packet("198.51.100.7", "203.0.113.10", 6, flags=flags))
    out = lab.one("two", packet("10.0.1.20", "198.51.100.7", 6, flags=flags))

    assert seen_ends(into.arrived) == ("198.51.100.7", "10.0.1.10")
    assert seen_ends(out.arrived) == ("203.0.113.20", "198.51.100.7")


@pytest.mark.parametrize("protocol", [17, 47, 50, 132])
def test_every_protocol_is_translated_and_so_are_fragments(lab: BuiltLab, protocol: int) -> None:
    into = lab.one("laptop", packet("198.51.100.7", "203.0.113.10", protocol, size=3000))
    out = lab.one("ec2", packet("10.0.1.10", "198.51.100.7", protocol, size=3000))

    assert seen_ends(into.arrived) == ("198.51.100.7", "10.0.1.10")
    assert seen_ends(out.arrived) == ("203.0.113.10", "198.51.100.7")


def test_hairpin_both_addresses_are_translated(lab: BuiltLab) -> None:
    """From one instance to another's public address: out to the gateway and back, also to its own."""
    there = lab.one("ec2", packet("10.0.1.10", "203.0.113.20", 6, flags="SA"))
    back_to_itself = lab.one("ec2", packet("10.0.1.10", "203.0.113.10", 6, flags="A"))

    assert seen_ends(there.arrived) == ("203.0.113.10", "10.0.1.20")
    assert seen_ends(back_to_itself.arrived) == ("203.0.113.10", "10.0.1.10")


@pytest.mark.parametrize(("icmp_type", "code"), [(3, 3), (3, 4), (11, 0), (12, 0)])
def test_the_packet_in_an_icmp_error_is_translated(lab: BuiltLab, icmp_type: int, code: int) -> None:
    """In errors from the internet its source, in errors from the VPC its destination, in a hairpin both."""
    kind = {"icmp_type": icmp_type, "icmp_code": code}
    from_internet = lab.one(
        "laptop",
        packet("198.51.100.7", "203.0.113.10", 1, quoted=packet("203.0.113.10", "198.51.100.7", 6, flags="SA"), **kind),
    )
    from_vpc = lab.one(
        "ec2",
        packet("10.0.1.10", "198.51.100.7", 1, quoted=packet("198.51.100.7", "10.0.1.10", 6, flags="SA"), **kind),
    )
    hairpin = lab.one("two", packet("10.0.1.20", "203.0.113.10", 1, quoted=packet("203.0.113.10", "10.0.1.20"), **kind))

    assert [seen_ends(each.arrived and each.arrived.quoted) for each in (from_internet, from_vpc, hairpin)] == [
        ("10.0.1.10", "198.51.100.7"),
        ("198.51.100.7", "203.0.113.10"),
        ("10.0.1.10", "203.0.113.20"),
    ]


def test_real_stacks_take_the_translated_errors(lab: BuiltLab) -> None:
    """So every checksum is right: a refused datagram comes back as an error to the socket that sent it."""
    for source, target in (("ec2", "198.51.100.7"), ("laptop", "203.0.113.10"), ("db", "198.51.100.7")):
        with lab.socket(source, 4, socket.SOCK_DGRAM) as asking:
            asking.connect((target, 9))
            asking.send(b"anybody there?")
            with pytest.raises(ConnectionRefusedError):
                asking.recv(100)


@pytest.mark.parametrize(
    ("client", "server", "own", "target", "family"),
    [
        ("ec2", "laptop", "198.51.100.7", "198.51.100.7", 4),
        ("db", "laptop", "198.51.100.7", "198.51.100.7", 4),  # by the NAT gateway
        ("laptop", "ec2", "10.0.1.10", "203.0.113.10", 4),
        ("two", "ec2", "10.0.1.10", "203.0.113.10", 4),
        ("ec2", "laptop", "2001:db8:ffff::7", "2001:db8:ffff::7", 6),
    ],
)
def test_a_megabyte_goes_both_ways_over_tcp(
    lab: BuiltLab, client: str, server: str, own: str, target: str, family: int
) -> None:
    """Real stacks with all their offloads, 9001 bytes a packet at one end and 1500 at the other."""
    size = 1_000_000
    with (
        lab.socket(server, family, socket.SOCK_STREAM) as serving,
        lab.socket(client, family, socket.SOCK_STREAM) as asking,
    ):
        serving.bind((own, 0))
        serving.listen(1)
        asking.connect((target, serving.getsockname()[1]))
        answering, _ = serving.accept()
        with answering:
            answering.settimeout(3.0)
            found = [_received(one, other, size) for one, other in ((asking, answering), (answering, asking))]

    assert found == [size, size]


def _received(sending: socket.socket, receiving: socket.socket, size: int) -> int:
    worker = Thread(target=sending.sendall, args=(bytes(size),))
    worker.start()
    count = 0
    while count < size:
        count += len(receiving.recv(65536))
    worker.join()
    return count


@pytest.mark.parametrize(
    ("station", "source", "target"),
    [
        ("ec2", "10.0.1.11", "198.51.100.7"),  # a secondary address has no public one
        ("liar", "198.51.100.8", "10.0.1.10"),  # nobody on the internet reaches a private address
        ("liar", "198.51.100.8", "10.0.2.20"),
    ],
)
def test_without_a_public_address_nothing_passes(lab: BuiltLab, station: str, source: str, target: str) -> None:
    transit = lab.one(station, packet(source, target))

    assert (transit.seen, transit.verdict.gate, transit.verdict.reason) == (
        Seen.LOST,
        "igw",
        Reason.NO_PUBLIC_ADDRESS,
    )


def test_ipv6_passes_untouched(lab: BuiltLab) -> None:
    into = lab.one("laptop", packet("2001:db8:ffff::7", str(lab.lab.interface("ec2").ipv6[0]), 6, flags="R"))

    assert seen_ends(into.arrived) == ("2001:db8:ffff::7", str(lab.lab.interface("ec2").ipv6[0]))


@pytest.mark.parametrize(
    ("station", "source", "seen", "reason"),
    [
        ("laptop", "198.51.100.7", Seen.DELIVERED, None),
        ("laptop", "198.51.100.8", Seen.LOST, Reason.SPOOFED),
        ("laptop", "203.0.113.20", Seen.LOST, Reason.SPOOFED),
        ("liar", "198.51.100.7", Seen.DELIVERED, None),
    ],
)
def test_only_a_host_that_may_spoof_sends_from_other_addresses(
    lab: BuiltLab, station: str, source: str, seen: Seen, reason: Reason | None
) -> None:
    transit = lab.one(station, packet(source, "203.0.113.10"))

    assert transit.seen is seen
    assert reason is None or (transit.verdict.gate, transit.verdict.reason) == ("internet", reason)


def test_an_unknown_host_is_claimed_by_the_internet(lab: BuiltLab) -> None:
    lost = [
        lab.one("ec2", packet("10.0.1.10", "192.0.2.1")),
        lab.one("laptop", packet("198.51.100.7", "192.0.2.1")),
        lab.one("laptop", packet("2001:db8:ffff::7", "2001:db8:aaaa::1")),
    ]

    assert [(each.verdict.gate, each.verdict.reason) for each in lost] == [("internet", Reason.NO_ROUTE)] * 3


def test_nat_gateway_lets_answers_back_and_nothing_else(lab: BuiltLab) -> None:
    out = lab.one("db", packet("10.0.2.20", "198.51.100.7", 6, flags="S", sport=50001, dport=80))
    assert out.arrived is not None
    assert str(out.arrived.src) == "203.0.113.99"
    assert 1024 <= (out.arrived.sport or 0) <= 65535

    answer = lab.one("laptop", packet("198.51.100.7", "203.0.113.99", 6, flags="SA", sport=80, dport=out.arrived.sport))
    stranger = lab.one("liar", packet("198.51.100.8", "203.0.113.99", 6, flags="SA", sport=80, dport=out.arrived.sport))

    assert seen_ends(answer.arrived) == ("198.51.100.7", "10.0.2.20")
    assert (stranger.seen, stranger.verdict.gate) == (Seen.LOST, "nat out")


def test_nat_gateway_sends_from_high_ports_alone(lab: BuiltLab) -> None:
    low = lab.one("db", packet("10.0.2.20", "198.51.100.7", sport=53, dport=53))

    assert low.arrived is not None
    assert (low.arrived.sport or 0) >= 1024


def test_nat_gateway_keeps_flows_with_one_source_port_apart(lab: BuiltLab) -> None:
    first = lab.one("db", packet("10.0.2.20", "198.51.100.7", sport=50002))
    second = lab.one("dc", packet("10.0.2.30", "198.51.100.7", sport=50002))

    assert first.arrived is not None
    assert second.arrived is not None
    assert first.arrived.sport == 50002
    assert second.arrived.sport not in {None, 50002}


@pytest.mark.parametrize("protocol", [47, 50, 99, 132])
def test_nat_gateway_knows_tcp_udp_and_icmp_alone(lab: BuiltLab, protocol: int) -> None:
    """Neither out nor in; a datagram beside it passes."""
    out = lab.one("db", packet("10.0.2.20", "198.51.100.7", protocol))
    back = lab.one("laptop", packet("198.51.100.7", "203.0.113.99", protocol))
    datagram = lab.one("db", packet("10.0.2.20", "198.51.100.7"))

    assert [each.verdict.gate for each in (out, back)] == ["nat out", "nat out"]
    assert datagram.seen is Seen.DELIVERED


def test_nat_gateway_translates_pings_and_errors_about_them(lab: BuiltLab) -> None:
    ping = lab.one("db", packet("10.0.2.20", "198.51.100.7", 1, icmp_type=8, icmp_code=0, icmp_id=77))
    assert ping.arrived is not None

    error = lab.one("laptop", packet("198.51.100.7", "203.0.113.99", 1, icmp_type=11, icmp_code=0, quoted=ping.arrived))

    assert seen_ends(error.arrived and error.arrived.quoted) == ("10.0.2.20", "198.51.100.7")


@pytest.mark.parametrize("life", [1, 2, 64, 254, 255])
def test_packets_arrive_with_the_life_they_were_sent_with(lab: BuiltLab, life: int) -> None:
    """Card, router and gateways take no hop from it, not even the last one."""
    for family, target in ((4, "198.51.100.7"), (6, "2001:db8:ffff::7")):
        level, ttl, wanted = (
            (socket.IPPROTO_IP, socket.IP_TTL, 12)  # IP_RECVTTL
            if family == 4
            else (socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, socket.IPV6_RECVHOPLIMIT)
        )
        with (
            lab.socket("laptop", family, socket.SOCK_DGRAM) as there,
            lab.socket("ec2", family, socket.SOCK_DGRAM) as here,
        ):
            there.bind((target, 0))
            there.setsockopt(level, wanted, 1)
            here.setsockopt(level, ttl, life)
            here.sendto(b"hello", there.getsockname()[:2])
            _, ancillary, _, _ = there.recvmsg(100, 100)

        assert [int.from_bytes(data[:4], "little") for _, _, data in ancillary] == [life]


def test_the_lab_is_what_was_planned_and_its_routers_remember_nothing(lab: BuiltLab) -> None:
    lab.one("ec2", packet("10.0.1.10", "198.51.100.7"))
    lab.one("db", packet("10.0.2.20", "198.51.100.7"))

    assert machine.differences(lab.plan) == []
    assert [list_entries(kernel_name(lab.lab.name, name)) for name in (VPC, IGW, INTERNET)] == [(), (), ()]
    assert list_entries(kernel_name(lab.lab.name, nat_name("out"))) != ()
