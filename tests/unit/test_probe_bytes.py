"""Packets as bytes: what is written is read back, checksums are right, fragments come together."""

import struct
from dataclasses import replace
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import IP
from scapy.layers.inet6 import IPv6

from netlab.errors import InputError
from netlab.model.packets import ERROR_TYPES, LEAST_SIZE, Packet
from netlab.plan.nouns import PROBE_DSCP
from netlab.probe.cookies import Cookies
from netlab.probe.decoding import decode, ip_head, packet_from_bytes
from netlab.probe.encoding import encode, ones_complement
from netlab.probe.headers import crc32c

COOKIES = Cookies(b"test")
COOKIE = COOKIES.cookie(7)
HERE, THERE = ip_address("198.51.100.7"), ip_address("203.0.113.80")
HERE6, THERE6 = ip_address("2001:db8::7"), ip_address("2001:db8::80")
SYN = Packet(HERE, THERE, 6, 40000, 22, "S", size=16, seq=1000)
SYN6 = Packet(HERE6, THERE6, 6, 40000, 22, "S", size=16, seq=1000)

PACKETS = {
    "tcp, a bare SYN": SYN,
    "tcp, data with ACK, must not be fragmented": replace(SYN, flags="PA", ack=5001, size=100, df=True),
    "tcp over IPv6": replace(SYN6, flags="SA", ack=7),
    "udp": Packet(HERE, THERE, 17, 1, 65535, size=16),
    "udp, odd size": Packet(HERE, THERE, 17, 1, 2, size=17),
    "udp over IPv6": Packet(HERE6, THERE6, 17, 1, 2, size=33),
    "icmp echo request": Packet(HERE, THERE, 1, icmp_type=8, icmp_code=0, icmp_id=77, size=16),
    "icmp echo reply": Packet(HERE, THERE, 1, icmp_type=0, icmp_code=0, icmp_id=77, size=16),
    "icmp with a code of its own": Packet(HERE, THERE, 1, icmp_type=8, icmp_code=8, icmp_id=1, size=16),
    "icmp timestamp": Packet(HERE, THERE, 1, icmp_type=13, icmp_code=0, size=16),
    "icmp error about tcp": Packet(HERE, THERE, 1, icmp_type=3, icmp_code=4, quoted=SYN.answered(), size=16),
    "icmp error about udp": Packet(
        HERE, THERE, 1, icmp_type=11, icmp_code=0, quoted=Packet(THERE, HERE, 17, 1, 2, size=900), size=16
    ),
    "icmp error about an echo": Packet(
        HERE,
        THERE,
        1,
        icmp_type=3,
        icmp_code=1,
        quoted=Packet(THERE, HERE, 1, icmp_type=8, icmp_code=0, icmp_id=3, size=16),
        size=16,
    ),
    "icmp error about gre": Packet(
        HERE, THERE, 1, icmp_type=3, icmp_code=2, quoted=Packet(THERE, HERE, 47, size=100), size=16
    ),
    "icmp error that quotes nothing": Packet(HERE, THERE, 1, icmp_type=3, icmp_code=1, size=16),
    "icmpv6 echo request": Packet(HERE6, THERE6, 58, icmp_type=128, icmp_code=0, icmp_id=5, size=16),
    "icmpv6 packet too big": Packet(HERE6, THERE6, 58, icmp_type=2, icmp_code=0, quoted=SYN6.answered(), size=16),
    "icmpv6, another type": Packet(HERE6, THERE6, 58, icmp_type=135, icmp_code=0, size=16),
    **{f"protocol {number}": Packet(HERE, THERE, number, size=16) for number in (2, 33, 47, 50, 51, 132, 136, 253)},
    **{
        f"protocol {number} over IPv6": Packet(HERE6, THERE6, number, size=400)
        for number in (33, 47, 50, 51, 132, 136, 253)
    },
}


def _one(packet: Packet) -> bytes:
    (data,) = encode(packet, COOKIE, ident=9, mtu=9001)
    return data


@pytest.mark.parametrize("packet", PACKETS.values(), ids=PACKETS.keys())
def test_what_is_written_is_read_back(packet: Packet) -> None:
    """Every kind of packet comes back with every field, and its cookie."""
    data = _one(packet)

    assert decode(data) == (packet, COOKIE)
    assert COOKIES.number(data) == 7


@pytest.mark.parametrize("packet", PACKETS.values(), ids=PACKETS.keys())
def test_a_log_record_of_256_bytes_is_enough(packet: Packet) -> None:
    """What a gate logs of a packet is cut short; all that netlab reads is in it."""
    assert decode(_one(packet)[:256]) == (packet, COOKIE)


@pytest.mark.parametrize("packet", PACKETS.values(), ids=PACKETS.keys())
def test_checksums_are_those_that_scapy_computes(packet: Packet) -> None:
    """The bytes are patched after Scapy made them; Scapy, asked again, writes the same checksums."""
    data = _one(packet)
    again = (IP if packet.family == 4 else IPv6)(data)
    for name in ("chksum", "cksum"):
        for layer in (again, again.payload):
            if name in layer.fields and packet.quoted is None:
                layer.delfieldval(name)

    assert bytes(again) == data


@pytest.mark.parametrize("packet", PACKETS.values(), ids=PACKETS.keys())
def test_every_packet_carries_the_mark_of_netlab(packet: Packet) -> None:
    """The DSCP stands in the traffic class of both families; nothing else of that byte is set."""
    data = _one(packet)
    traffic_class = data[1] if packet.family == 4 else int.from_bytes(data[:2], "big") >> 4 & 0xFF

    assert traffic_class == PROBE_DSCP << 2


def test_the_table_lacks_no_kind_of_icmp_error() -> None:
    """TCP, UDP, ICMP and a protocol without ports are quoted; both families have errors."""
    errors = [packet for packet in PACKETS.values() if packet.is_icmp_error and packet.quoted is not None]

    assert {packet.quoted.protocol for packet in errors if packet.quoted} == {6, 17, 1, 47}
    assert {packet.protocol for packet in errors} == set(ERROR_TYPES)


PORTS = st.integers(0, 65535)
NUMBERS = st.integers(0, 2**32 - 1)


TCP_PACKETS = st.builds(
    Packet,
    src=st.ip_addresses(v=4),
    dst=st.ip_addresses(v=4),
    protocol=st.just(6),
    sport=PORTS,
    dport=PORTS,
    seq=NUMBERS,
    ack=NUMBERS,
    flags=st.sets(st.sampled_from("FSRPAU")).map(lambda flags: "".join(sorted(flags, key="FSRPAU".index))),
    size=st.integers(LEAST_SIZE, 60),
    df=st.booleans(),
)


@given(packet=TCP_PACKETS, number=st.integers(0, 2**64 - 1))
def test_any_tcp_packet_is_read_back(packet: Packet, number: int) -> None:
    """Whatever its fields are; and its IP header's and its own checksum sum up to nothing."""
    (data,) = encode(packet, COOKIES.cookie(number), ident=3, mtu=1500)

    pseudo = data[12:20] + struct.pack("!HH", 6, len(data) - 20)
    assert decode(data) == (packet, COOKIES.cookie(number))
    assert ones_complement(data[:20]) == 0
    assert ones_complement(pseudo + data[20:]) == 0


def test_a_udp_checksum_of_zero_is_written_as_ones() -> None:
    """Zero would say that there is no checksum (RFC 768), which IPv6 does not allow (RFC 8200)."""
    plain = Packet(HERE6, THERE6, 17, 1, 0, size=16)
    (checksum,) = struct.unpack_from("!H", _one(plain), 46)
    packet = replace(plain, dport=checksum)  # what is added to the sum is what it lacked

    assert _one(packet)[46:48] == b"\xff\xff"


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize(("size", "count"), [(1472 - 20, 1), (1473, 2), (4000, 3), (30000, 21)])
def test_above_the_senders_mtu_it_leaves_in_fragments(family: int, size: int, count: int) -> None:
    """Only the first can be read; all of them together are the whole."""
    ends = (HERE, THERE) if family == 4 else (HERE6, THERE6)
    packet = Packet(*ends, 17, 1, 2, size=size)
    pieces = encode(packet, COOKIE, ident=9, mtu=1500)
    heads = [head for head in map(ip_head, pieces) if head is not None]
    found = decode(pieces[0])

    assert len(pieces) == count
    assert max(map(len, pieces)) <= 1500
    assert found is not None
    assert found[1] == COOKIE
    assert [decode(piece) for piece in pieces[1:]] == [None] * (count - 1)
    assert sum(head.length for head in heads) == size + 8
    assert [head.more for head in heads] == [True] * (count - 1) + [False]
    assert {(head.ident, head.protocol) for head in heads} <= {(9, 17), (0, 17)}


def test_what_must_not_be_fragmented_stays_whole() -> None:
    """The sender's kernel is to refuse it, not netlab; the same without DF leaves in two."""
    packet = Packet(HERE, THERE, 17, 1, 2, size=1473, df=True)

    assert [len(piece) for piece in encode(packet, COOKIE, ident=9, mtu=1500)] == [1501]
    assert len(encode(replace(packet, df=False), COOKIE, ident=9, mtu=1500)) == 2


def test_a_packet_bigger_than_ip_allows_is_refused() -> None:
    """65507 bytes of UDP fit into IPv4, one more does not."""
    packet = Packet(HERE, THERE, 17, 1, 2, size=65507)

    assert len(encode(packet, COOKIE, ident=9, mtu=1500)) > 1
    with pytest.raises(InputError, match="size: found 65508, wanted"):
        encode(replace(packet, size=65508), COOKIE, ident=9, mtu=1500)


def test_a_strangers_packet_has_no_cookie_but_can_be_read() -> None:
    """A real program's packet is no probe; a gate's record of it is still legible."""
    data = bytes(IP(src="198.51.100.7", dst="203.0.113.80") / b"") + b""
    tcp = _one(SYN).replace(COOKIE, bytes(16))

    assert decode(tcp) is None
    assert packet_from_bytes(tcp) == SYN
    assert decode(data) is None
    assert decode(b"") is None
    assert decode(b"\x45\x00") is None


def test_another_probers_cookie_is_not_ours() -> None:
    """Two probers never take each other's packets for their own."""
    assert Cookies(b"else").number(_one(SYN)) is None
    assert COOKIES.number(_one(SYN)[:-1]) is None
    assert COOKIES.number(_one(SYN)) == 7


def test_crc32c_is_the_castagnoli_polynomial() -> None:
    """Source: RFC 3720, B.4."""
    assert crc32c(bytes(32)) == 0x8A9136AA
    assert crc32c(b"123456789") == 0xE3069283
