"""What a card does to packets: aws-behaviour.md 2, each case on a real kernel, with its positive beside it."""

from collections.abc import Iterator
from dataclasses import replace
from threading import Thread

import pytest
from card_bench import MEMBER, OWN, Bench, card_bench, lab_with, packet
from scapy.layers.inet import IP, fragment

from netlab.kernel import conntrack
from netlab.model.addresses import address_from_text
from netlab.model.packets import Packet
from netlab.model.rules import ICMP, ICMPV6, TCP, UDP, Direction
from netlab.model.topology import ConnectionTracking

IN, OUT = Direction.INGRESS, Direction.EGRESS
SCTP, ESP = 132, 50


@pytest.fixture
def bench() -> Iterator[Bench]:
    with card_bench() as found:
        yield found


def test_a_rule_admits_what_it_says_and_its_neighbours_are_dropped(bench: Bench) -> None:
    """Each packet is named by its rule; the next port, protocol, type, network and family are not admitted."""
    bench.load(
        lab_with(
            "ssh: ingress tcp/22-23 from 198.51.100.0/24",
            "names: ingress udp/53 from 198.51.100.7/32",
            "ping: ingress icmp/8/0 from 0.0.0.0/0",
            "quench: ingress icmp/255/3 from 0.0.0.0/0",
            "hop: ingress 0 from 198.51.100.7/32",
            "esp: ingress 50 from 198.51.100.7/32",
            "six: ingress tcp/443 from 2001:db8:ff::/48",
            "ping6: ingress icmpv6/128 from ::/0",
        )
    )
    neighbour = address_from_text("198.51.101.7")
    table = [
        (packet(IN, TCP, (22, 4000), "S"), "+ingress RULE ssh"),
        (packet(IN, TCP, (23, 4000), "S"), "+ingress RULE ssh"),
        (packet(IN, TCP, (21, 4000), "S"), "-ingress NO_RULE"),
        (packet(IN, TCP, (24, 4000), "S"), "-ingress NO_RULE"),
        (packet(IN, UDP, (22, 4000)), "-ingress NO_RULE"),
        (packet(IN, TCP, (22, 4000), "S", far=neighbour), "-ingress NO_RULE"),
        (packet(IN, UDP, (53, 4000)), "+ingress RULE names"),
        (packet(IN, UDP, (54, 4000)), "-ingress NO_RULE"),
        (packet(IN, ICMP, icmp_type=8, icmp_code=0, icmp_id=7), "+ingress RULE ping"),
        (packet(IN, ICMP, icmp_type=8, icmp_code=1, icmp_id=8), "-ingress NO_RULE"),
        (packet(IN, ICMP, icmp_type=255, icmp_code=3), "+ingress RULE quench"),
        (packet(IN, ICMP, icmp_type=255, icmp_code=4), "-ingress NO_RULE"),
        (packet(IN, ICMP, icmp_type=254, icmp_code=3), "-ingress NO_RULE"),
        (packet(IN, 0), "+ingress RULE hop"),
        (packet(IN, ESP), "+ingress RULE esp"),
        (packet(IN, 51), "-ingress NO_RULE"),
        (packet(IN, TCP, (443, 4000), "S", family=6), "+ingress RULE six"),
        (packet(IN, TCP, (22, 4000), "S", family=6), "-ingress NO_RULE"),
        (packet(IN, TCP, (443, 4000), "S"), "-ingress NO_RULE"),
        (packet(IN, ICMPV6, icmp_type=128, icmp_code=0, icmp_id=7), "+ingress RULE ping6"),
        (packet(IN, ICMPV6, icmp_type=129, icmp_code=0, icmp_id=9), "-ingress NO_RULE"),
        (packet(OUT, TCP, (4000, 80), "S"), "-egress NO_RULE"),
    ]

    assert [(str(each), bench.send(_way(each), each)) for each, _ in table] == [
        (str(each), [tag]) for each, tag in table
    ]


@pytest.mark.parametrize("family", [4, 6])
def test_the_answer_passes_by_state_in_both_directions(bench: Bench, family: int) -> None:
    """A reply needs no rule of its own; an answer from another port is none."""
    everywhere = "0.0.0.0/0" if family == 4 else "::/0"
    bench.load(lab_with(f"web: egress tcp/443 to {everywhere}", f"ssh: ingress tcp/22 from {everywhere}"))
    opened = packet(OUT, TCP, (4000, 443), "S", family=family)
    asked = packet(IN, TCP, (22, 5000), "S", family=family)

    assert bench.send(OUT, opened) == ["+egress RULE web"]
    assert bench.send(IN, replace(opened.answered(), flags="SA")) == ["+ingress TRACKED"]
    assert bench.send(OUT, replace(opened, flags="A")) == ["+egress TRACKED"]
    assert bench.send(IN, replace(opened.answered(), flags="SA", sport=444)) == ["-ingress NO_RULE"]
    assert bench.send(IN, asked) == ["+ingress RULE ssh"]
    assert bench.send(OUT, replace(asked.answered(), flags="SA")) == ["+egress TRACKED"]


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("protocol", [TCP, UDP])
def test_a_flow_open_both_ways_leaves_no_state(bench: Bench, family: int, protocol: int) -> None:
    """Open to all inbound and all out: untracked; revoking the rule cuts it at once. The other family is tracked."""
    name, everywhere = {TCP: "tcp", UDP: "udp"}[protocol], {4: "0.0.0.0/0", 6: "::/0"}
    inbound = [f"in{each}: ingress {name}/22 from {everywhere[each]}" for each in (4, 6)]
    outbound = f"out: egress all to {everywhere[family]}"
    first = packet(IN, protocol, (22, 5000), "S" if protocol == TCP else "", family=family)
    second = replace(first, flags="A" if protocol == TCP else "")
    other = packet(IN, protocol, (22, 5000), first.flags, family=10 - family)
    bench.load(lab_with(*inbound, outbound))

    assert bench.send(IN, first) == [f"+ingress UNTRACKED in{family}"]
    assert bench.send(OUT, replace(second.answered(), flags="SA" if protocol == TCP else "")) == [
        "+egress UNTRACKED out"
    ]
    assert bench.send(IN, second) == [f"+ingress UNTRACKED in{family}"]
    assert bench.send(IN, other) == [f"+ingress RULE in{10 - family}"]
    assert bench.send(OUT, replace(other.answered(), flags="SA" if protocol == TCP else "")) == ["+egress TRACKED"]
    assert [entry.mark & 1 for entry in conntrack.list_entries(bench.card) if entry.family == family] == [0]
    bench.change(lab_with(outbound))
    assert bench.send(IN, second) == ["-ingress NO_RULE"]
    assert bench.send(IN, replace(other, flags=second.flags)) == ["+ingress TRACKED"]


def test_a_swap_through_open_groups_cuts_flows_that_spoke_and_spares_the_silent(bench: Bench) -> None:
    """The class belongs to packets: a tracked flow that sends one while all is open is forgotten."""
    narrow = lab_with("ssh: ingress tcp/22 from 198.51.100.0/24")
    wide = lab_with("all: ingress all from 0.0.0.0/0", "out: egress all to 0.0.0.0/0")
    nothing = lab_with("web: ingress tcp/80 from 198.51.100.0/24")
    spoke, silent = (packet(IN, TCP, (22, port), "S") for port in (5000, 5001))
    bench.load(narrow)
    assert [bench.send(IN, each) for each in (spoke, silent)] == [["+ingress RULE ssh"]] * 2
    assert [bench.send(OUT, replace(each.answered(), flags="SA")) for each in (spoke, silent)] == [
        ["+egress TRACKED"]
    ] * 2
    bench.change(wide)
    assert bench.send(IN, replace(spoke, flags="A")) == ["+ingress UNTRACKED all"]
    bench.change(nothing)

    assert bench.send(IN, replace(spoke, flags="A")) == ["-ingress NO_RULE"]
    assert bench.send(OUT, replace(spoke.answered(), flags="A")) == ["-egress NO_RULE"]
    assert bench.send(IN, replace(silent, flags="A")) == ["+ingress TRACKED"]


def test_a_flow_the_instance_opened_stays_tracked_under_an_open_inbound_range(bench: Bench) -> None:
    """The class is that of the live entry's originator: 40000 is not this flow's destination port."""
    opened = packet(OUT, TCP, (40000, 443), "S")
    everything_out = "out: egress all to 0.0.0.0/0"
    bench.load(lab_with(everything_out))
    assert bench.send(OUT, opened) == ["+egress RULE out"]
    bench.change(lab_with(everything_out, "high: ingress tcp/1024-65535 from 0.0.0.0/0"))

    assert bench.send(IN, replace(opened.answered(), flags="SA")) == ["+ingress TRACKED"]
    assert bench.send(IN, packet(IN, TCP, (40000, 443 + 1), "S")) == ["+ingress UNTRACKED high"]
    bench.change(lab_with(everything_out))
    assert bench.send(IN, replace(opened.answered(), flags="PA")) == ["+ingress TRACKED"]


def test_an_entry_reopened_from_the_other_side_has_the_new_originator(bench: Bench) -> None:
    """An untracked flow that becomes tracked belongs to whoever sends first then, whatever conntrack remembers."""
    first = packet(IN, TCP, (22, 5000), "S")
    bench.load(lab_with("ssh: ingress tcp/22 from 0.0.0.0/0", "out: egress all to 0.0.0.0/0"))
    assert bench.send(IN, first) == ["+ingress UNTRACKED ssh"]
    assert bench.send(OUT, replace(first.answered(), flags="SA")) == ["+egress UNTRACKED out"]
    bench.change(lab_with("back: egress tcp/5000 to 198.51.100.0/24"))
    assert bench.send(OUT, replace(first.answered(), flags="A")) == ["+egress RULE back"]
    bench.change(lab_with("ssh: ingress tcp/22 from 0.0.0.0/0", "out: egress all to 0.0.0.0/0"))

    # Opened outward to port 5000: untracked only if ingress admitted all answers, and it admits only port 22.
    assert bench.send(OUT, replace(first.answered(), flags="A")) == ["+egress TRACKED"]


def test_an_icmp_error_passes_for_a_tracked_flow_only(bench: Bench) -> None:
    """About a tracked flow it is RELATED; about an untracked or an unknown one it needs a rule."""
    tracked, untracked = packet(OUT, TCP, (4000, 443), "S"), packet(IN, TCP, (22, 5000), "S")
    unknown = packet(OUT, TCP, (4001, 443), "S")
    rules = ("ssh: ingress tcp/22 from 0.0.0.0/0", "out: egress tcp/all to 0.0.0.0/0")
    bench.load(lab_with(*rules))
    assert bench.send(OUT, tracked) == ["+egress RULE out"]
    assert bench.send(IN, untracked) == ["+ingress UNTRACKED ssh"]
    about = [_error(each) for each in (tracked, replace(untracked.answered(), flags="SA"), unknown)]

    assert [bench.send(IN, each) for each in about] == [
        ["+ingress RELATED"], ["-ingress NO_RULE"], ["-ingress NO_RULE"],
    ]  # fmt: skip
    bench.change(lab_with(*rules, "errors: ingress icmp/3 from 0.0.0.0/0"))
    assert [bench.send(IN, each) for each in about] == [
        ["+ingress RELATED"], ["+ingress UNTRACKED errors"], ["+ingress UNTRACKED errors"],
    ]  # fmt: skip


def test_ping_is_always_tracked(bench: Bench) -> None:
    """Its rule gone, a running ping goes on; a new one does not begin."""
    ping = packet(IN, ICMP, icmp_type=8, icmp_code=0, icmp_id=7)
    pong = replace(ping.answered(), icmp_type=0)
    bench.load(lab_with("all: ingress all from 0.0.0.0/0", "out: egress all to 0.0.0.0/0"))
    assert bench.send(IN, ping) == ["+ingress RULE all"]
    assert bench.send(OUT, pong) == ["+egress TRACKED"]
    bench.change(lab_with())

    assert bench.send(IN, ping) == ["+ingress TRACKED"]
    assert bench.send(OUT, pong) == ["+egress TRACKED"]
    assert bench.send(IN, replace(ping, icmp_id=8)) == ["-ingress NO_RULE"]


def test_mid_stream_packets_are_judged_by_the_rules_and_may_open(bench: Bench) -> None:
    """An ACK opens where a rule admits it; what conntrack calls INVALID is admitted without state."""
    bench.load(lab_with("ssh: ingress tcp/22 from 198.51.100.0/24"))

    assert bench.send(IN, packet(IN, TCP, (22, 5000), "PA")) == ["+ingress RULE ssh"]
    assert bench.send(OUT, packet(OUT, TCP, (22, 5000), "A")) == ["+egress TRACKED"]
    assert bench.send(IN, packet(IN, TCP, (80, 5000), "PA")) == ["-ingress NO_RULE"]
    assert bench.send(IN, packet(IN, TCP, (22, 5001), "SA")) == ["+ingress UNTRACKED ssh"]
    assert bench.send(OUT, packet(OUT, TCP, (22, 5001), "A")) == ["-egress NO_RULE"]


@pytest.mark.parametrize(
    ("flags", "tag"), [("A", "RULE"), ("FA", "UNTRACKED"), ("R", "UNTRACKED"), ("SA", "UNTRACKED")]
)
def test_a_flow_that_was_untracked_is_taken_up_as_any_mid_stream_one(bench: Bench, flags: str, tag: str) -> None:
    """Conntrack has followed it all the time, and does not call its FIN or RST INVALID."""
    opened = packet(IN, TCP, (22, 5000), "S")
    bench.load(lab_with("ssh: ingress tcp/22 from 0.0.0.0/0", "out: egress all to 0.0.0.0/0"))
    assert bench.send(IN, opened) == ["+ingress UNTRACKED ssh"]
    assert bench.send(OUT, replace(opened.answered(), flags="SA")) == ["+egress UNTRACKED out"]
    assert bench.send(IN, replace(opened, flags="A")) == ["+ingress UNTRACKED ssh"]
    bench.change(lab_with("some: egress tcp/5000 to 198.51.100.0/24"))

    assert bench.send(OUT, replace(opened.answered(), flags=flags)) == [f"+egress {tag} some"]
    assert bench.send(IN, replace(opened, flags="PA")) == ["+ingress TRACKED" if tag == "RULE" else "-ingress NO_RULE"]


def test_what_conntrack_calls_invalid_is_judged_by_the_rules(bench: Bench) -> None:
    """Data before the SYN-ACK: the flow's state does not admit it, nor is it lost by it."""
    opened = packet(IN, TCP, (22, 5000), "S")
    data = replace(opened, flags="PA")
    bench.load(lab_with("ssh: ingress tcp/22 from 198.51.100.0/24"))
    assert bench.send(IN, opened) == ["+ingress RULE ssh"]
    assert bench.send(IN, data) == ["+ingress UNTRACKED ssh"]
    bench.change(lab_with())

    assert bench.send(IN, data) == ["-ingress NO_RULE"]
    assert bench.send(OUT, replace(opened.answered(), flags="SA")) == ["+egress TRACKED"]
    assert bench.send(IN, data) == ["+ingress TRACKED"]


def test_a_simultaneous_open_belongs_to_the_flow(bench: Bench) -> None:
    """The second SYN has the first one's addresses and ports, reversed."""
    bench.load(lab_with("out: egress tcp/443 to 0.0.0.0/0"))
    opened = packet(OUT, TCP, (4000, 443), "S")

    assert bench.send(OUT, opened) == ["+egress RULE out"]
    assert bench.send(IN, opened.answered()) == ["+ingress TRACKED"]


def test_a_udp_flow_lives_its_time_by_the_count_of_exchanges(bench: Bench) -> None:
    """One request and response: the short timer, though conntrack's entry is still there. Two: the long one."""
    timers = ConnectionTracking(udp_s=30, udp_stream_s=180)
    rules = "dns: egress udp/53 to 198.51.100.0/24"
    bench.load(lab_with(rules, scale=0.05, connection_tracking=timers))  # 2 s and 9 s
    single, stream = (packet(OUT, UDP, (port, 53)) for port in (4000, 4001))
    for each in (single, stream, stream):
        bench.send(OUT, each)
        bench.send(IN, each.answered())
    bench.change(lab_with())
    bench.wait_until(lambda: _alive(bench) == 1)

    assert len(conntrack.list_entries(bench.card)) == 2
    assert bench.send(IN, single.answered()) == ["-ingress NO_RULE"]
    assert bench.send(OUT, single) == ["-egress NO_RULE"]
    assert bench.send(IN, stream.answered()) == ["+ingress TRACKED"]
    bench.change(lab_with(rules))
    assert bench.send(OUT, single) == ["+egress RULE dns"]
    assert bench.send(IN, single.answered()) == ["+ingress TRACKED"]
    bench.wait_until(lambda: _alive(bench) == 1)  # one exchange again: the short timer again
    assert bench.send(IN, stream.answered()) == ["+ingress TRACKED"]


def test_an_error_about_an_expired_udp_flow_is_not_related(bench: Bench) -> None:
    """Conntrack would still relate it."""
    bench.load(lab_with("dns: egress udp/53 to 198.51.100.0/24", scale=0.05))
    opened = packet(OUT, UDP, (4000, 53))
    assert bench.send(OUT, opened) == ["+egress RULE dns"]
    assert bench.send(IN, _error(opened)) == ["+ingress RELATED"]
    bench.wait_until(lambda: _alive(bench) == 0)

    assert len(conntrack.list_entries(bench.card)) == 1
    assert bench.send(IN, _error(opened)) == ["-ingress NO_RULE"]


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("protocol", [33, 47, ESP, 89, SCTP, 136])
def test_other_protocols_are_remembered_by_address_and_protocol(bench: Bench, protocol: int, family: int) -> None:
    """The answer passes from any port; another protocol does not; after the timer nothing does."""
    network = "198.51.100.0/24" if family == 4 else "2001:db8:ff::/48"
    bench.load(lab_with(f"other: egress {protocol} to {network}", scale=1 / 600))  # 1 s
    opened = packet(OUT, protocol, family=family)
    other = packet(IN, 46, family=family)
    assert bench.send(IN, opened.answered()) == ["-ingress NO_RULE"]
    assert bench.send(OUT, opened) == ["+egress RULE other"]
    bench.change(lab_with())

    assert bench.send(IN, opened.answered()) == ["+ingress TRACKED"]
    assert bench.send(OUT, opened) == ["+egress TRACKED"]
    assert bench.send(IN, other) == ["-ingress NO_RULE"]
    assert bench.send(IN, _error(opened)) == ["+ingress RELATED"]
    assert bench.send(IN, _error(other.answered())) == ["-ingress NO_RULE"]
    assert bench.send(OUT, _error(opened.answered())) == ["+egress RELATED"]
    bench.wait_until(lambda: not _remembered(bench))
    assert bench.send(IN, opened.answered()) == ["-ingress NO_RULE"]


@pytest.mark.parametrize("family", [4, 6])
def test_each_protocol_between_two_addresses_is_a_flow_of_its_own(bench: Bench, family: int) -> None:
    """Also the one whose number conntrack is shown in place of those it would know ports of."""
    bench.load(lab_with(f"out: egress all to {'198.51.100.0/24' if family == 4 else '2001:db8:ff::/48'}"))
    protocols = (33, SCTP, 136, 253)
    for number, protocol in enumerate(protocols):
        for each in protocols[number:]:
            assert bench.send(IN, packet(IN, each, family=family)) == ["-ingress NO_RULE"]
        assert bench.send(OUT, packet(OUT, protocol, family=family)) == ["+egress RULE out"]
        assert bench.send(IN, packet(IN, protocol, family=family)) == ["+ingress TRACKED"]


def test_the_allowance_counts_tracked_flows_of_both_families(bench: Bench) -> None:
    """At the limit a new entry is refused; untracked flows and live ones pass; room comes back, also after changes."""
    rules = ("ssh: ingress tcp/22 from 198.51.100.0/24", "six: ingress tcp/22 from 2001:db8:ff::/48")
    opening = ("web: ingress tcp/80 from 0.0.0.0/0", "out: egress tcp/all to 0.0.0.0/0")
    lab = lab_with(*rules, *opening, allowance=2)
    four, six = (packet(IN, TCP, (22, 5000), "S", family=family) for family in (4, 6))
    third = packet(IN, TCP, (22, 5001), "S")
    bench.load(lab)

    assert bench.send(IN, packet(IN, TCP, (80, 5000), "S")) == ["+ingress UNTRACKED web"]
    assert bench.send(IN, four) == ["+ingress RULE ssh"]
    assert bench.send(IN, six) == ["+ingress RULE six"]
    assert bench.send(IN, third) == ["+ingress RULE ssh", "-allowance ALLOWANCE"]
    bench.change(lab)
    assert bench.send(IN, third) == ["+ingress RULE ssh", "-allowance ALLOWANCE"]
    assert bench.send(IN, replace(third, dport=80)) == ["+ingress UNTRACKED web"]
    assert bench.send(OUT, replace(four.answered(), flags="R")) == ["+egress TRACKED"]  # a refusal ends the flow
    # The kernel counts a flow that has ended for up to two jiffies more.
    bench.wait_until(lambda: bench.send(IN, third) == ["+ingress RULE ssh"])
    assert bench.send(IN, replace(third, sport=5002)) == ["+ingress RULE ssh", "-allowance ALLOWANCE"]


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("order", [slice(None), slice(None, None, -1)], ids=["in order", "first one last"])
def test_fragments_are_judged_as_one_packet(bench: Bench, family: int, order: slice) -> None:
    """One record for the whole, whatever piece comes first; the pieces go on."""
    network = "198.51.100.0/24" if family == 4 else "2001:db8:ff::/48"
    bench.load(lab_with(f"big: ingress udp/53 from {network}"))

    assert bench.send(IN, packet(IN, UDP, (53, 4000), size=4000, family=family), order=order) == ["+ingress RULE big"]
    assert len(bench.arrived) == 3
    assert bench.send(IN, packet(IN, UDP, (54, 4000), size=4000, family=family), order=order) == ["-ingress NO_RULE"]


def test_fragments_of_another_maker_are_judged_whole_when_the_first_comes_last(bench: Bench) -> None:
    """Scapy's, of eight bytes: the ports, and nothing more, are in the one that comes last; by rule and by state."""
    bench.load(lab_with("big: ingress udp/53 from 198.51.100.0/24"))
    backwards = slice(None, None, -1)
    question = packet(IN, UDP, (53, 4000), size=64)

    assert bench.send(IN, question, order=backwards, cut=_crumbs) == ["+ingress RULE big"]
    assert bench.send(OUT, question.answered(), order=backwards, cut=_crumbs) == ["+egress TRACKED"]
    assert bench.send(IN, replace(question, dport=54), order=backwards, cut=_crumbs) == ["-ingress NO_RULE"]
    assert bench.send(IN, replace(question, dport=54), cut=_crumbs) == ["-ingress NO_RULE"]


def _crumbs(whole: bytes) -> list[bytes]:
    return [bytes(each) for each in fragment(IP(whole), fragsize=8)]


def test_the_interface_takes_and_gives_only_its_own_addresses(bench: Bench) -> None:
    """Source/dest check, both ways and families; switched off, the rules alone decide."""
    rules = ("in4: ingress all from 0.0.0.0/0", "out4: egress udp/all to 0.0.0.0/0")
    bench.load(lab_with(*rules))
    # What comes in for an address that is not routed to the instance would go back out: judged before that.
    leaving, coming = packet(OUT, UDP, (4000, 53), own=MEMBER), packet(IN, UDP, (53, 4000), own=MEMBER)

    assert bench.send(OUT, leaving) == ["-source-dest-check SPOOFED"]
    assert bench.send(IN, coming) == ["-source-dest-check SPOOFED"]
    assert bench.send(OUT, packet(OUT, UDP, (4000, 53), own=MEMBER, family=4)) == ["-source-dest-check SPOOFED"]
    assert bench.send(OUT, packet(OUT, UDP, (4000, 53))) == ["+egress UNTRACKED out4"]
    bench.change(lab_with(*rules, source_dest_check=False))
    assert bench.send(OUT, leaving) == ["+egress UNTRACKED out4"]


def test_what_aws_never_filters_passes_without_rules_and_state(bench: Bench) -> None:
    """The resolver, metadata, time and the router, both ways; their neighbours do not."""
    bench.load(lab_with())
    exempt = ["10.0.0.2", "10.0.1.1", "169.254.169.123", "169.254.169.253", "169.254.169.254", "fd00:ec2::253"]
    neighbours = ["10.0.0.3", "10.0.1.2", "169.254.169.252", "169.254.169.255", "fd00:ec2::252"]

    for text in exempt:
        far = address_from_text(text)
        assert bench.send(OUT, packet(OUT, UDP, (4000, 53), far=far, family=far.version)) == ["+egress EXEMPT"]
        assert bench.send(IN, packet(IN, UDP, (4000, 53), far=far, family=far.version)) == ["+ingress EXEMPT"]
    for text in neighbours:
        far = address_from_text(text)
        assert bench.send(OUT, packet(OUT, UDP, (4000, 53), far=far, family=far.version)) == ["-egress NO_RULE"]
    assert {entry.mark for entry in conntrack.list_entries(bench.card)} == {0}


def test_groups_and_prefix_lists_match_by_their_members_live(bench: Bench) -> None:
    """A member's private address matches, a stranger's does not; a list may hold everything."""
    rules = ("friends: ingress tcp/22 from friends", "offices: ingress udp/all from offices")
    stranger, friend = packet(IN, TCP, (22, 4000), "S"), packet(IN, TCP, (22, 4000), "S", far=MEMBER)
    call = packet(IN, UDP, (53, 4000))
    bench.load(lab_with(*rules, lists={"offices": ["203.0.113.0/24"]}))

    assert bench.send(IN, friend) == ["+ingress RULE friends"]
    assert bench.send(IN, stranger) == ["-ingress NO_RULE"]
    assert bench.send(IN, call) == ["-ingress NO_RULE"]
    bench.change(lab_with(*rules, lists={"offices": ["203.0.113.0/24", "198.51.100.7/32"]}))
    assert bench.send(IN, call) == ["+ingress RULE offices"]
    bench.change(lab_with(*rules, lists={"offices": ["0.0.0.0/0"]}))
    assert bench.send(IN, replace(call, src=address_from_text("192.0.2.9"))) == ["+ingress RULE offices"]


def test_the_card_is_no_hop(bench: Bench) -> None:
    """The TTL arrives as it was sent."""
    bench.load(lab_with("in4: ingress all from 0.0.0.0/0", "in6: ingress all from ::/0"))
    for family, offset in ((4, 8), (6, 7)):
        bench.send(IN, packet(IN, UDP, (53, 4000), family=family))

        assert bench.arrived[0][offset] == 64


def test_the_first_rule_of_several_is_named(bench: Bench) -> None:
    """In the order of the group's list."""
    one, other = "one: ingress tcp/22 from 198.51.100.0/24", "other: ingress tcp/all from 0.0.0.0/0"
    bench.load(lab_with(one, other))
    assert bench.send(IN, packet(IN, TCP, (22, 4000), "S")) == ["+ingress RULE one"]
    bench.change(lab_with(other, one))
    assert bench.send(IN, packet(IN, TCP, (22, 4001), "S")) == ["+ingress RULE other"]


def test_a_change_of_rules_is_one_moment(bench: Bench) -> None:
    """
    What old and new rules both admit is never lost, what neither admits never passes, while one class opens as
    another closes, over and over.
    """
    wide = lab_with("ssh: ingress tcp/22 from 0.0.0.0/0", "out: egress all to 0.0.0.0/0")
    narrow = lab_with("web: ingress tcp/80 from 0.0.0.0/0", "some: ingress tcp/20-30 from 198.51.100.0/24")
    bench.load(wide)
    admitted, denied = packet(IN, TCP, (22, 5000), "PA"), packet(IN, TCP, (443, 5000), "PA")
    changes = Thread(target=lambda: [bench.change(lab) for _ in range(20) for lab in (narrow, wide)])
    changes.start()
    sent = arrived = leaked = 0
    while changes.is_alive():
        now = bench.pour(IN, [admitted, denied], times=200)
        sent += now
        found = [int.from_bytes(data[22:24], "big") for data in bench.poured(IN, now)]
        arrived, leaked = arrived + found.count(22), leaked + found.count(443)
    changes.join()
    leaked += len(bench.poured(IN, 1))

    assert sent > 1000
    assert (arrived, leaked) == (sent, 0)


def _way(each: Packet) -> Direction:
    return OUT if each.src == OWN else IN


def _error(about: Packet) -> Packet:
    """Return a port unreachable, from the other end, about a packet of one end's."""
    kind = (ICMP, 3, 3) if about.family == 4 else (ICMPV6, 1, 4)
    return Packet(about.dst, about.src, kind[0], icmp_type=kind[1], icmp_code=kind[2], quoted=about, size=16)


def _alive(bench: Bench) -> int:
    return bench.run(bench.card, "nft", "list", "set", "inet", "card", "alive").count("expires")


def _remembered(bench: Bench) -> bool:
    return any(entry.mark & 1 for entry in conntrack.list_entries(bench.card))
