"""What is asked of a rule: packets at its edges, and near misses just outside."""

import pytest

from netlab.check.samples import edges, first_samples, fits_family, sample_words, samples_from_text
from netlab.control import completed
from netlab.errors import InputError
from netlab.formats import parse_lab
from netlab.model.notation import parse_traffic
from netlab.model.rules import PROTOCOL_NUMBERS, Ports, Traffic

EDGES = """
tcp/22        ; tcp/22 tcp/21 tcp/23 udp/22
udp/22        ; udp/22 udp/21 udp/23 tcp/22
tcp/1         ; tcp/1 tcp/2 udp/1
tcp/65535     ; tcp/65535 tcp/65534 udp/65535
tcp/8000-8080 ; tcp/8000 tcp/8080 tcp/7999 tcp/8081 udp/8000
tcp/0-10      ; tcp/1 tcp/10 tcp/11 udp/1
tcp/all       ; tcp/1 tcp/65535 udp/1
udp/1-65535   ; udp/1 udp/65535 tcp/1
icmp/8        ; icmp/8 icmp/7 icmp/9
icmp/3/4      ; icmp/3/4 icmp/2/4 icmp/4/4 icmp/3/5
icmp/0        ; icmp/0 icmp/1
icmp/255      ; icmp/255 icmp/254
icmp/8/255    ; icmp/8/255 icmp/7/255 icmp/9/255
icmp/all      ; icmp/8
icmpv6/128    ; icmpv6/128 icmpv6/127 icmpv6/129
icmpv6/129    ; icmpv6/129 icmpv6/128
icmpv6/138    ; icmpv6/138 icmpv6/139
icmpv6/all    ; icmpv6/128
gre           ; gre 48
50            ; esp
51            ; ah 52
49            ; 49
255           ; 255
all           ; tcp/1 tcp/65535 udp/1 udp/65535 icmp/8 icmpv6/128 gre
"""


def _traffic(text: str) -> Traffic:
    protocol, first, last = parse_traffic(text)
    number = None if protocol == "-1" else PROTOCOL_NUMBERS.get(protocol) or int(protocol)
    if number in {6, 17}:
        return Traffic(number, Ports(first or 0, last or 0))
    if number in {1, 58}:
        kind, code = (None if each == -1 else each for each in (first, last))
        return Traffic(number, None, kind, code)
    return Traffic(number)


@pytest.mark.parametrize("case", EDGES.strip().splitlines())
def test_a_rule_is_asked_at_its_edges_and_just_outside(case: str) -> None:
    """Inside first; no port 0, no IPv6 extension header, no neighbour discovery, nothing twice."""
    rule, wanted = (part.strip() for part in case.split(";"))
    found = [sample_words(each) for each in edges(_traffic(rule))]

    assert wanted.split() == found


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("tcp/22", "tcp/22"),
        (" tcp/22 , udp/53,tcp/22,", "tcp/22 udp/53"),
        ("icmp/8,icmp/3/4,icmpv6/128", "icmp/8 icmp/3/4 icmpv6/128"),
        ("gre,50", "gre esp"),
    ],
)
def test_ports_are_read_once_each_in_the_order_written(text: str, wanted: str) -> None:
    """As probe and explain take traffic, with commas between."""
    assert wanted.split() == [sample_words(each) for each in samples_from_text(text)]


@pytest.mark.parametrize("text", ["", " , ", "tcp/22-23", "tcp/all", "all", "tcp/65536", "ssh"])
def test_what_is_no_one_packets_traffic_is_refused(text: str) -> None:
    """A range, everything, a port too big, a word: one line, before anything is built."""
    with pytest.raises(InputError):
        samples_from_text(text)


@pytest.mark.parametrize(
    ("text", "families"),
    [("tcp/22", (4, 6)), ("icmp/8", (4,)), ("icmpv6/128", (6,)), ("gre", (4, 6)), ("43", (4,)), ("45", (4, 6))],
)
def test_icmp_belongs_to_its_family(text: str, families: tuple[int, ...]) -> None:
    """ICMP goes by IPv4 alone, ICMPv6 by IPv6 alone, IPv6's extension headers by IPv4 alone, all else by both."""
    (sample,) = samples_from_text(text)

    assert families == tuple(each for each in (4, 6) if fits_family(sample, each))


def test_without_a_choice_each_rules_first_packet_is_asked() -> None:
    """Of attached groups alone; where every rule says all, a ping."""
    text = """
name: few
vpc: {cidr: 10.0.0.0/16}
subnets: {one: {cidr: 10.0.1.0/24}}
security_groups:
  used: {ingress: [{udp: 53, from: 0.0.0.0/0}, {tcp: 80-90, from: 0.0.0.0/0}, {tcp: 22, from: 0.0.0.0/0}]}
  idle: {ingress: [{tcp: 99, from: 0.0.0.0/0}]}
instances: {ec2: {subnet: one, security_groups: [used]}}
"""
    lab = completed(parse_lab(text, "few.yaml"))
    plain = completed(parse_lab(text.replace("[used]", "[default]"), "few.yaml"))

    assert [sample_words(each) for each in first_samples(lab)] == ["tcp/22", "tcp/80", "udp/53"]
    assert [sample_words(each) for each in first_samples(plain)] == ["icmp/8"]
