"""The VPC's router, with real packets: routes, ACLs at subnet borders, the MTU border, what the VPC itself serves."""

import socket
from collections.abc import Iterator

import pytest
from built_lab import OPEN_GROUP, BuiltLab, built, packet

from netlab.kernel import machine
from netlab.model.verdicts import Decision, Reason, Seen, Transit

LAB = f"""
name: routes
vpc: {{cidr: 10.0.0.0/16, ipv6_cidr: "2001:db8:0:100::/56"}}
subnets:
  public: {{cidr: 10.0.1.0/24, ipv6_cidr: "2001:db8:0:100::/64", internet: true, acl: strict}}
  lonely: {{cidr: 10.0.2.0/24, ipv6_cidr: "2001:db8:0:101::/64"}}
  guarded:
    cidr: 10.0.3.0/24
    ipv6_cidr: "2001:db8:0:102::/64"
    routes: {{10.0.2.0/24: guard, 0.0.0.0/0: guard, "2001:db8:0:101::/64": guard, "::/0": guard}}
  middle: {{cidr: 10.0.4.0/24, ipv6_cidr: "2001:db8:0:104::/64", internet: true, acl: middle}}
{OPEN_GROUP}
network_acls:
  strict:
    ingress:
      - {{rule: 300, protocol: all, from: 0.0.0.0/0, action: deny}}
      - {{rule: 100, tcp: 22, from: 0.0.0.0/0, action: allow}}
      - {{rule: 110, tcp: 1024-65535, from: 198.51.100.0/24, action: allow}}
      - {{rule: 120, icmp: 8, from: 0.0.0.0/0, action: allow}}
      - {{rule: 130, icmp: 3/4, from: 0.0.0.0/0, action: allow}}
      - {{rule: 140, protocol: 50, from: 10.0.0.0/8, action: allow}}
      - {{rule: 150, udp: 9, from: 0.0.0.0/0, action: allow}}
      - {{rule: 160, udp: 9, from: "2001:db8::/32", action: allow}}
      - {{rule: 170, icmpv6: 128/0, from: "::/0", action: allow}}
    egress:
      - {{rule: 90, udp: 7, to: 198.51.100.7/32, action: deny}}
      - {{rule: 100, protocol: all, to: 0.0.0.0/0, action: allow}}
      - {{rule: 200, udp: all, to: "::/0", action: allow}}
  middle:
    ingress:
      - {{rule: 100, protocol: all, from: 0.0.0.0/0, action: allow}}
      - {{rule: 110, protocol: all, from: "::/0", action: allow}}
    egress:
      - {{rule: 100, protocol: all, to: 0.0.0.0/0, action: allow}}
      - {{rule: 110, protocol: all, to: "::/0", action: allow}}
instances:
  ec2: {{subnet: public, ip: 10.0.1.10, public_ip: 203.0.113.10, security_groups: [open]}}
  mate: {{subnet: public, ip: 10.0.1.20, security_groups: [open]}}
  db: {{subnet: lonely, ip: 10.0.2.20, public_ip: 203.0.113.21, security_groups: [open]}}
  inner: {{subnet: guarded, ip: 10.0.3.30, security_groups: [open]}}
  guard: {{subnet: middle, ip: 10.0.4.40, public_ip: 203.0.113.40, security_groups: [open], source_dest_check: false}}
  both:
    interfaces:
      eth0: {{subnet: middle, ip: 10.0.4.50, public_ip: 203.0.113.50, security_groups: [open]}}
      eth1: {{subnet: public, ip: [10.0.1.50, 10.0.1.51], public_ip: 203.0.113.51, security_groups: [open]}}
hosts:
  laptop: {{ip: [198.51.100.7, "2001:db8:ffff::7"]}}
"""


@pytest.fixture(scope="module")
def lab() -> Iterator[BuiltLab]:
    with built(LAB) as running:
        yield running


def ipv6(lab: BuiltLab, node: str) -> str:
    return str(lab.lab.interface(node).ipv6[0])


def acls(transit: Transit) -> list[tuple[str, str | None]]:
    """Return the ACLs that judged a packet and the entry that decided, a denied one's with a minus."""
    return [
        (each.gate, each.rule if each.decision is Decision.ALLOW else f"-{each.rule}")
        for each in transit.passages
        if each.gate.startswith("acl ")
    ]


@pytest.mark.parametrize(
    ("protocol", "fields", "entry"),
    [
        (6, {"dport": 22, "flags": "S"}, "100"),
        (6, {"dport": 21, "flags": "S"}, "-300"),
        (6, {"dport": 23, "flags": "SA"}, "-300"),
        (6, {"dport": 1023, "flags": "A"}, "-300"),
        (6, {"dport": 1024, "flags": "A"}, "110"),
        (6, {"dport": 65535, "flags": "A"}, "110"),
        (17, {"dport": 22}, "-300"),
        (17, {"dport": 9, "size": 3000}, "150"),  # fragments are judged whole, once
        (17, {"dport": 10, "size": 3000}, "-300"),
        (1, {"icmp_type": 8, "icmp_code": 0, "icmp_id": 7}, "120"),
        (1, {"icmp_type": 0, "icmp_code": 0, "icmp_id": 7}, "-300"),
        (1, {"icmp_type": 13, "icmp_code": 0}, "-300"),
        (50, {}, "-300"),
    ],
)
def test_an_acl_judges_what_enters_a_subnet_by_its_lowest_matching_entry(
    lab: BuiltLab, protocol: int, fields: dict[str, object], entry: str
) -> None:
    """The entry that denies all has a higher number than those that allow, though it stands first in the file."""
    transit = lab.one("laptop", packet("198.51.100.7", "203.0.113.10", protocol, **fields))

    assert acls(transit) == [("acl strict ingress", entry)]
    assert transit.seen is (Seen.LOST if entry.startswith("-") else Seen.DELIVERED)


def test_an_acl_entry_for_an_icmp_error_takes_that_code_alone(lab: BuiltLab) -> None:
    about = packet("203.0.113.10", "198.51.100.7", 17)
    found = [
        acls(lab.one("laptop", packet("198.51.100.7", "203.0.113.10", 1, icmp_type=3, icmp_code=code, quoted=about)))
        for code in (3, 4, 5)
    ]

    assert found == [[("acl strict ingress", entry)] for entry in ("-300", "130", "-300")]


def test_an_acl_has_entries_of_both_families(lab: BuiltLab) -> None:
    """What no entry of a packet's family matches meets the final deny."""
    laptop, ec2 = "2001:db8:ffff::7", ipv6(lab, "ec2")
    found = [
        acls(lab.one("laptop", packet(laptop, ec2, 17))),
        acls(lab.one("laptop", packet(laptop, ec2, 17, dport=10))),
        acls(lab.one("laptop", packet(laptop, ec2, 17, size=3000))),
        acls(lab.one("laptop", packet(laptop, ec2, 58, icmp_type=128, icmp_code=0, icmp_id=7))),
        acls(lab.one("laptop", packet(laptop, ec2, 58, icmp_type=128, icmp_code=1))),
        acls(lab.one("ec2", packet(ec2, laptop, 6, flags="A"))),
    ]

    assert [(gate, entry) for ((gate, entry),) in found] == [
        ("acl strict ingress", "160"),
        ("acl strict ingress", "-*"),
        ("acl strict ingress", "160"),
        ("acl strict ingress", "170"),
        ("acl strict ingress", "-*"),
        ("acl strict egress", "-*"),
    ]


def test_an_acl_is_asked_at_the_border_of_a_subnet_and_not_inside(lab: BuiltLab) -> None:
    """Going out and coming in are judged apart, answers like everything else."""
    inside = lab.one("ec2", packet("10.0.1.10", "10.0.1.20", 17, dport=7))
    across = lab.one("ec2", packet("10.0.1.10", "10.0.2.20", 17, dport=7))
    answer = lab.one("db", packet("10.0.2.20", "10.0.1.10", 17, sport=7, dport=40000))
    denied = lab.one("ec2", packet("10.0.1.10", "198.51.100.7", 17, dport=7))
    by_public = lab.one("ec2", packet("10.0.1.10", "203.0.113.51", 17, dport=9))

    assert [acls(each) for each in (inside, across, answer, denied, by_public)] == [
        [],
        [("acl strict egress", "100"), ("acl default ingress", "100")],
        [("acl default egress", "100"), ("acl strict ingress", "-300")],
        [("acl strict egress", "-90")],
        [("acl strict egress", "100"), ("acl strict ingress", "150")],
    ]
    assert [each.seen.value for each in (inside, across, answer, denied, by_public)] == [
        "delivered", "delivered", "lost", "lost", "delivered",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("station", "source", "target", "asked"),
    [
        ("ec2", "10.0.1.10", "10.0.1.99", []),
        ("ec2", "10.0.1.10", "10.0.9.9", [("acl strict egress", "100")]),
        ("db", "10.0.2.20", "198.51.100.7", [("acl default egress", "100")]),
        ("db", "2001:db8:0:101::4", "2001:db8:ffff::7", [("acl default egress", "101")]),
        ("db", "2001:db8:0:101::4", "2001:db8:0:1ff::1", [("acl default egress", "101")]),
        ("ec2", "10.0.1.10", "169.254.169.250", []),
        ("ec2", "10.0.1.10", "169.254.1.1", [("acl strict egress", "100")]),
    ],
)
def test_where_no_route_leads_the_router_says_so_behind_the_acl(
    lab: BuiltLab, station: str, source: str, target: str, asked: list[tuple[str, str]]
) -> None:
    transit = lab.one(station, packet(source, target))

    assert (transit.seen, transit.verdict.gate, transit.verdict.reason) == (Seen.LOST, "vpc route", Reason.NO_ROUTE)
    assert acls(transit) == asked


def test_a_subnet_without_a_way_out_is_reached_from_the_internet_all_the_same(lab: BuiltLab) -> None:
    into = lab.one("laptop", packet("198.51.100.7", "203.0.113.21"))
    back = lab.one("db", packet("10.0.2.20", "198.51.100.7", sport=9, dport=40000))

    assert (into.seen, back.seen, back.verdict.gate) == (Seen.DELIVERED, Seen.LOST, "vpc route")


def test_a_subnets_route_leads_through_an_appliance(lab: BuiltLab) -> None:
    """The longest prefix decides: a route within the VPC beats `local`, the one for everything does not."""
    by_guard = lab.one("inner", packet("10.0.3.30", "10.0.2.20"))
    local = lab.one("inner", packet("10.0.3.30", "10.0.1.20"))
    out = lab.one("inner", packet("10.0.3.30", "198.51.100.7"))

    cards = [[each.gate for each in transit.passages if "card" in each.gate] for transit in (by_guard, local, out)]
    assert cards == [
        ["card inner egress", "card guard ingress", "card guard egress", "card db ingress"],
        ["card inner egress", "card mate ingress"],
        ["card inner egress", "card guard ingress", "card guard egress"],
    ]
    assert acls(by_guard) == [
        ("acl default egress", "100"),
        ("acl middle ingress", "100"),
        ("acl middle egress", "100"),
        ("acl default ingress", "100"),
    ]
    # The gateway translates only the appliance's own address.
    assert (by_guard.seen, local.seen) == (Seen.DELIVERED, Seen.DELIVERED)
    assert (out.seen, out.verdict.gate, out.verdict.reason) == (Seen.LOST, "igw", Reason.NO_PUBLIC_ADDRESS)


def test_an_ipv6_route_leads_through_an_appliance_too(lab: BuiltLab) -> None:
    """And out by it: the gateway translates no IPv6."""
    by_guard = lab.one("inner", packet(ipv6(lab, "inner"), ipv6(lab, "db")))
    local = lab.one("inner", packet(ipv6(lab, "inner"), ipv6(lab, "ec2")))
    out = lab.one("inner", packet(ipv6(lab, "inner"), "2001:db8:ffff::7"))

    cards = [[each.gate for each in transit.passages if "card" in each.gate] for transit in (by_guard, local, out)]
    assert cards == [
        ["card inner egress", "card guard ingress", "card guard egress", "card db ingress"],
        ["card inner egress", "card ec2 ingress"],
        ["card inner egress", "card guard ingress", "card guard egress"],
    ]
    assert [each.seen for each in (by_guard, local, out)] == [Seen.DELIVERED] * 3


@pytest.mark.parametrize(
    ("size", "df", "seen"),
    [
        (1472, True, Seen.DELIVERED),
        (1473, True, Seen.LOST),
        (1473, False, Seen.DELIVERED),
        (8973, False, Seen.DELIVERED),
    ],
)
def test_the_gateway_takes_1500_bytes_and_no_more_unfragmented(lab: BuiltLab, size: int, df: bool, seen: Seen) -> None:
    transit = lab.one("ec2", packet("10.0.1.10", "198.51.100.7", size=size, df=df))

    assert transit.seen is seen
    assert seen is Seen.DELIVERED or (transit.verdict.gate, transit.verdict.reason) == ("mtu", Reason.MTU)


def test_within_the_vpc_9001_bytes_pass_unfragmented(lab: BuiltLab) -> None:
    transits = [
        lab.one("ec2", packet("10.0.1.10", "10.0.2.20", size=8973, df=True)),
        lab.one("ec2", packet(ipv6(lab, "ec2"), ipv6(lab, "db"), size=8953)),
        lab.one("ec2", packet("10.0.1.10", "10.0.1.20", size=20_000)),
    ]

    assert [each.seen for each in transits] == [Seen.DELIVERED] * 3


def test_an_acl_is_asked_before_the_mtu(lab: BuiltLab) -> None:
    denied = lab.one("ec2", packet("10.0.1.10", "198.51.100.7", size=3000, df=True, dport=7))
    too_big = lab.one("ec2", packet("10.0.1.10", "198.51.100.7", size=3000, df=True, dport=8))

    assert (denied.verdict.gate, too_big.verdict.gate) == ("acl strict egress", "mtu")


def test_ipv6_packets_too_big_for_the_gateway_are_told(lab: BuiltLab) -> None:
    fits = lab.one("ec2", packet(ipv6(lab, "ec2"), "2001:db8:ffff::7", size=1452))
    too_big = lab.one("ec2", packet(ipv6(lab, "ec2"), "2001:db8:ffff::7", size=1453))

    assert (fits.seen, too_big.seen, too_big.verdict.gate) == (Seen.DELIVERED, Seen.LOST, "mtu")


def test_real_programs_learn_the_mtu_from_the_subnets_router(lab: BuiltLab) -> None:
    """The kernel's own error comes back through the card, from the router's address, and the socket knows."""
    with lab.socket("ec2", 4, socket.SOCK_DGRAM) as sending, lab.socket("ec2", 4, socket.SOCK_RAW, 1) as hearing:
        sending.setsockopt(socket.IPPROTO_IP, 10, 2)  # IP_MTU_DISCOVER, IP_PMTUDISC_DO
        sending.connect(("198.51.100.7", 9))
        sending.send(bytes(3000))
        error, (router, _) = hearing.recvfrom(2000)
        with pytest.raises(OSError, match="Message too long"):
            sending.send(bytes(3000))
        known = sending.getsockopt(socket.IPPROTO_IP, 14)  # IP_MTU

    assert (router, error[20:22], known) == ("10.0.1.1", b"\x03\x04", 1500)


def test_real_programs_learn_the_ipv6_mtu_too(lab: BuiltLab) -> None:
    with (
        lab.socket("ec2", 6, socket.SOCK_DGRAM) as sending,
        lab.socket("ec2", 6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6) as hearing,
    ):
        sending.setsockopt(socket.IPPROTO_IPV6, 23, 2)  # IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DO
        sending.connect(("2001:db8:ffff::7", 9))
        sending.send(bytes(3000))
        error = b""
        while error[:1] != b"\x02":
            error, (router, *_) = hearing.recvfrom(2000)
        with pytest.raises(OSError, match="Message too long"):
            sending.send(bytes(3000))

    assert router == "fd00:ec2::1"


@pytest.mark.parametrize(
    ("node", "family", "address"),
    [
        ("ec2", 4, "10.0.0.2"),
        ("ec2", 4, "169.254.169.254"),
        ("db", 4, "169.254.169.123"),
        ("db", 4, "169.254.169.253"),
        ("inner", 4, "10.0.0.2"),
        ("ec2", 6, "fd00:ec2::253"),
        ("db", 6, "fd00:ec2::254"),
        ("ec2", 4, "10.0.1.1"),
    ],
)
def test_a_program_in_the_router_serves_instances(lab: BuiltLab, node: str, family: int, address: str) -> None:
    """Also past an ACL that would deny it."""
    with (
        lab.socket(":vpc", family, socket.SOCK_DGRAM) as serving,
        lab.socket(node, family, socket.SOCK_DGRAM) as asking,
    ):
        serving.bind((address, 5353))
        asking.connect((address, 5353))
        asking.send(b"question")
        question, (asker, *_) = serving.recvfrom(100)
        serving.sendto(question.replace(b"question", b"answer"), (asker, asking.getsockname()[1]))

        assert asking.recv(100) == b"answer"


@pytest.mark.parametrize(
    ("asker", "target", "own"),
    [
        ("guard", "10.0.4.50", "10.0.4.50"),
        ("mate", "10.0.1.50", "10.0.1.50"),
        ("mate", "10.0.1.51", "10.0.1.51"),
        ("laptop", "203.0.113.50", "10.0.4.50"),
        ("laptop", "203.0.113.51", "10.0.1.50"),
    ],
)
def test_a_second_interface_answers_by_itself(lab: BuiltLab, asker: str, target: str, own: str) -> None:
    """A real program answers by the interface that has the address: the other's card would let it not."""
    with lab.socket("both", 4, socket.SOCK_DGRAM) as serving, lab.socket(asker, 4, socket.SOCK_DGRAM) as asking:
        serving.bind((own, 9))
        asking.connect((target, 9))
        asking.send(b"question")
        _, sender = serving.recvfrom(100)
        serving.sendto(b"answer", sender)

        assert asking.recv(100) == b"answer"


def test_an_instance_talks_within_its_subnet_by_arp_alone(lab: BuiltLab) -> None:
    """TCP between real stacks, whose only neighbour is the card."""
    with lab.socket("mate", 4, socket.SOCK_STREAM) as serving, lab.socket("ec2", 4, socket.SOCK_STREAM) as asking:
        serving.bind(("10.0.1.20", 8080))
        serving.listen(1)
        asking.connect(("10.0.1.20", 8080))
        answering, (asker, _) = serving.accept()
        with answering:
            answering.sendall(bytes(100_000))
            received = 0
            while received < 100_000:
                received += len(asking.recv(65536))

    assert asker == "10.0.1.10"


def test_the_lab_is_what_was_planned(lab: BuiltLab) -> None:
    assert machine.differences(lab.plan) == []
