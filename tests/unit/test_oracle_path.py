"""A packet's way: subnets, ACLs, gateways, routes, sizes, spoofing. aws-behaviour.md, parts 6 and 7."""

from dataclasses import replace
from ipaddress import ip_address, ip_network

import pytest
from oracle_labs import (
    ALL_OUT,
    OPEN,
    bare_lab,
    interface,
    lines,
    paper,
    probe,
    verdict_of,
    with_acl,
    with_interface,
    with_route,
    with_subnet,
)

from netlab.errors import InputError
from netlab.model.network import Network
from netlab.model.packets import Packet
from netlab.model.places import Station
from netlab.model.stories import Fields
from netlab.model.topology import Instance, Lab
from netlab.model.verdicts import Seen
from netlab.model.wire import Departure
from netlab.oracle.paper import PaperWire


def gates(flow: object) -> list[str]:
    """Return the gates a flow's first packet met, in order."""
    return [passage.gate for passage in flow.observation.transits[0].passages]  # type: ignore[attr-defined]


def sights(flow: object) -> list[str]:
    """Return where a flow's deciding packet was seen, in order."""
    return [sight.at for sight in flow.trail]  # type: ignore[attr-defined]


# probe                            ; the gates of its first packet, in order
WAYS = """
laptop www tcp/443                 ;
laptop ec2 tcp/22                  ; acl default ingress, card ec2 ingress
ec2 laptop tcp/22                  ; card ec2 egress, acl default egress
ec2 peer tcp/22                    ; card ec2 egress, card peer ingress
ec2 far tcp/22                     ; card ec2 egress, acl default egress, acl default ingress, card far ingress
ec2 far tcp/22 6                   ; card ec2 egress, acl default egress, acl default ingress, card far ingress
ec2 peer:public tcp/22             ; card ec2 egress, acl default egress, acl default ingress, card peer ingress
ec2 ec2:public tcp/22              ; card ec2 egress, acl default egress, acl default ingress, card ec2 ingress
ec2 10.0.0.2 udp/53                ; card ec2 egress
10.0.0.2 ec2 udp/5000              ; card ec2 ingress
hidden laptop udp/53               ; card hidden egress, acl default egress, acl default ingress, acl default egress
hidden far tcp/22                  ; card hidden egress, acl default egress, acl default ingress, card far ingress
"""


@pytest.mark.parametrize("line", lines(WAYS))
def test_a_packet_meets_the_gates_in_aws_s_order(line: str) -> None:
    """Security group and then ACL on the way out, ACL and then security group on the way in; no ACL in a subnet."""
    words, wanted = (part.strip() for part in line.split(";"))
    flow = probe(paper(OPEN), words)

    assert flow.seen is Seen.DELIVERED
    assert ", ".join(gates(flow)) == wanted


# probe                            ; what becomes of it
ROUTES = """
ec2 10.0.1.77 tcp/22               ; vpc route NO_ROUTE
ec2 10.0.2.77 tcp/22               ; vpc route NO_ROUTE
ec2 10.0.99.1 tcp/22               ; vpc route NO_ROUTE
ec2 2001:db8:0:1ff::1 tcp/22       ; vpc route NO_ROUTE
ec2 192.0.2.200 tcp/22             ; internet NO_ROUTE
ec2 2001:db8:e::1 tcp/22           ; internet NO_ROUTE
ec2 192.168.5.5 tcp/22             ; internet NO_ROUTE
ec2 169.254.1.1 tcp/22             ; vpc route NO_ROUTE
ec2 224.0.0.5 89                   ; vpc route NO_ROUTE
alone laptop tcp/22                ; vpc route NO_ROUTE
alone ec2 tcp/22                   ; UNTRACKED web-in-1
alone ec2:public tcp/22            ; vpc route NO_ROUTE
laptop alone tcp/22                ; igw NO_PUBLIC_ADDRESS
laptop 10.0.0.2 udp/53             ; igw NO_PUBLIC_ADDRESS
laptop 169.254.169.254 tcp/80      ; internet NO_ROUTE
laptop 192.0.2.200 tcp/22          ; internet NO_ROUTE
laptop 2001:db8:0:100::77 tcp/22   ; vpc route NO_ROUTE
laptop ec2 tcp/22 6                ; UNTRACKED web-in-2
laptop hidden tcp/22               ; igw NO_PUBLIC_ADDRESS
laptop 203.0.113.99 tcp/22         ; nat out NO_ROUTE
10.0.1.11 laptop tcp/22            ; igw NO_PUBLIC_ADDRESS
10.0.1.11 peer tcp/22              ; UNTRACKED open-in-1
hidden laptop tcp/22               ; RULE open-out-1
hidden 192.0.2.200 tcp/22          ; internet NO_ROUTE
"""


@pytest.mark.parametrize("line", lines(ROUTES))
def test_a_packet_goes_where_a_route_leads(line: str) -> None:
    """No route, no public address, nobody there: each is denied at a gate of its own."""
    words, wanted = (part.strip() for part in line.split(";"))

    assert verdict_of(probe(paper(OPEN), words)) == wanted


def test_the_internet_does_not_know_private_addresses() -> None:
    """Not even of an instance that has a public one."""
    net = paper(OPEN)
    packet = replace(probe(net, "laptop ec2 udp/9").dialogue.first, dst=ip_address("10.0.1.10"))
    (transit,) = net.wire.transmit([Departure(Station("laptop", "eth0"), packet)])

    assert (transit.verdict.gate, transit.verdict.reason.name) == ("igw", "NO_PUBLIC_ADDRESS")


def test_a_host_sends_from_its_own_address_only() -> None:
    """Unless it is said to spoof."""
    net = paper("ingress all from 198.51.100.7/32; ingress all from 192.0.2.66/32")
    stolen = Fields(src=ip_address("198.51.100.7"), flags="S")

    assert verdict_of(probe(net, "www ec2 tcp/22", stolen)) == "internet SPOOFED"
    assert verdict_of(probe(net, "liar ec2 tcp/22", stolen)) == "RULE web-in-1"
    assert verdict_of(probe(net, "liar ec2 tcp/22")) == "RULE web-in-2"


@pytest.mark.parametrize(
    ("words", "src", "wanted"),
    [
        ("liar ec2 tcp/22", "10.0.1.20", "igw SPOOFED"),
        ("liar ec2 tcp/22", "10.0.255.255", "igw SPOOFED"),
        ("liar ec2 tcp/22", "10.1.0.0", "UNTRACKED web-in-1"),
        ("liar ec2 tcp/22", "169.254.169.254", "igw SPOOFED"),
        ("liar ec2 tcp/22", "3.95.203.192", "UNTRACKED web-in-1"),
        ("liar ec2 tcp/22 6", "2001:db8:0:100::20", "igw SPOOFED"),
        ("liar ec2 tcp/22 6", "2001:db8:0:200::", "UNTRACKED web-in-2"),
        ("liar ec2 tcp/22 6", "fd00:ec2::254", "igw SPOOFED"),
        ("liar www tcp/22", "10.0.1.20", "EXEMPT"),
    ],
)
def test_nobody_outside_has_an_address_of_the_vpc_s_own(words: str, src: str, wanted: str) -> None:
    """Not even a host that may spoof, nor what the VPC itself serves: the gateway lets none in."""
    lab = bare_lab()
    liar = replace(lab.hosts["liar"], addresses=(ip_address("192.0.2.66"), ip_address("2001:db8:e::66")))
    net = paper(OPEN, replace(lab, hosts={**lab.hosts, "liar": liar}))

    assert verdict_of(probe(net, words, Fields(src=ip_address(src), flags="S"))) == wanted


@pytest.mark.parametrize(
    ("src", "check", "wanted"),
    [
        ("10.0.1.10", True, "UNTRACKED open-in-1"),
        ("10.0.1.11", True, "UNTRACKED open-in-1"),
        ("10.0.1.12", True, "card ec2 source-dest-check SPOOFED"),
        ("3.95.203.191", True, "card ec2 source-dest-check SPOOFED"),
        ("10.0.1.12", False, "UNTRACKED open-in-1"),
    ],
)
def test_an_interface_sends_from_its_own_addresses_only(src: str, *, check: bool, wanted: str) -> None:
    """Unless its source/dest check is off; secondary addresses are its own."""
    net = paper(ALL_OUT, with_interface(bare_lab(), "ec2", source_dest_check=check))

    assert verdict_of(probe(net, "ec2 peer tcp/22", Fields(src=ip_address(src), flags="S"))) == wanted


def appliance_lab(*, check: bool, subnet: str = "public") -> Lab:
    """Return the lab with an instance that other's packets for 192.168.0.0/16 are routed to."""
    lab = bare_lab()
    fw = interface("fw", subnet, "10.0.1.50" if subnet == "public" else "10.0.2.50", source_dest_check=check)
    lab = replace(lab, instances={**lab.instances, "fw": Instance("fw", (fw,))})
    return with_route(lab, "other", "10.0.1.0/24", "fw")


def test_a_route_to_an_appliance_leads_through_it() -> None:
    """It meets the packet at its card twice; the receiver sees the first sender."""
    flow = probe(paper(OPEN, appliance_lab(check=False)), "far ec2 tcp/22")

    assert flow.seen is Seen.DELIVERED
    assert sights(flow) == [
        "far eth0",
        "card far egress",
        "card fw ingress",
        "fw eth0",
        "card fw egress",
        "card ec2 ingress",
        "ec2 eth0",
    ]
    assert gates(flow) == [
        "card far egress",
        "acl default egress",
        "acl default ingress",
        "card fw ingress",
        "card fw egress",
        "card ec2 ingress",
    ]
    assert flow.observation is not None
    assert [str(each.arrived.src) for each in flow.observation.transits if each.arrived] == [
        "10.0.2.10",
        "10.0.1.10",
        "10.0.2.10",
    ]


@pytest.mark.parametrize(
    ("words", "out_by"),
    [
        ("ec2 198.51.100.7 udp/9", "fw"),
        ("ec2 alone udp/9", "fw"),
        ("ec2 far udp/9", "fw/eth1"),
        ("ec2 10.0.2.99 udp/9", "fw/eth1"),
        ("ec2 far udp/9 6", "fw/eth1"),
    ],
)
def test_an_appliance_forwards_by_its_own_routes(words: str, out_by: str) -> None:
    """The primary's default route, another's subnet on link; IPv6 by the first interface that has it."""
    fw = Instance(
        "fw",
        (
            interface("fw", "lonely", "10.0.4.50", source_dest_check=False),
            interface("fw", "other", "10.0.2.50", "2001:db8:0:101::50", name="eth1", source_dest_check=False),
        ),
    )
    lab = bare_lab()
    lab = replace(lab, instances={**lab.instances, "fw": fw})
    for cidr in ("0.0.0.0/0", "10.0.2.0/24", "10.0.4.0/24", "2001:db8:0:101::/64"):
        lab = with_route(lab, "public", cidr, "fw" if ":" not in cidr else "fw/eth1")
    found = [sight for sight in sights(probe(paper(OPEN, lab), words)) if sight.startswith("card fw")]

    assert found[1] == f"card {out_by} egress"


def test_an_appliance_with_source_dest_check_takes_nothing_of_others() -> None:
    """What is not addressed to it is dropped at its card; what is, arrives."""
    net = paper(OPEN, appliance_lab(check=True))

    assert verdict_of(probe(net, "far ec2 tcp/22")) == "card fw source-dest-check SPOOFED"
    assert probe(net, "far fw tcp/22").seen is Seen.DELIVERED


def test_the_longest_prefix_wins_and_a_subnet_s_own_traffic_is_local() -> None:
    """A route for everything does not catch the VPC, nor one for the VPC the subnet itself."""
    lab = appliance_lab(check=True)
    wide = with_route(lab, "public", "0.0.0.0/0", "fw")
    narrow = with_route(wide, "public", "198.51.100.7/32", "peer")

    assert verdict_of(probe(paper(OPEN, wide), "ec2 laptop tcp/22")) == "card fw source-dest-check SPOOFED"
    assert verdict_of(probe(paper(OPEN, wide), "ec2 alone tcp/22")) == "UNTRACKED open-in-1"
    assert verdict_of(probe(paper(OPEN, narrow), "ec2 laptop tcp/22")) == "card peer source-dest-check SPOOFED"
    own = with_route(lab, "public", "10.0.0.0/16", "fw")
    assert verdict_of(probe(paper(OPEN, own), "ec2 peer tcp/22")) == "UNTRACKED open-in-1"
    assert verdict_of(probe(paper(OPEN, own), "ec2 far tcp/22")) == "card fw source-dest-check SPOOFED"


def test_a_route_back_to_where_a_packet_comes_from_is_none() -> None:
    """An appliance in the subnet whose route leads to it can take packets, but not pass them on."""
    net = paper(OPEN, appliance_lab(check=False, subnet="other"))

    assert verdict_of(probe(net, "far ec2 tcp/22")) == "vpc route NO_ROUTE"
    assert probe(net, "far fw tcp/22").seen is Seen.DELIVERED


def test_a_packet_that_goes_round_is_broken() -> None:
    """Two appliances send it to and fro. No gate claims it: that is no verdict."""
    lab = with_interface(appliance_lab(check=False), "far", source_dest_check=False)
    round_about = with_route(with_route(lab, "other", "192.0.2.0/24", "fw"), "public", "192.0.2.0/24", "far")
    flow = probe(paper(OPEN, round_about), "far 192.0.2.1 tcp/22")

    assert flow.seen is Seen.BROKEN
    assert flow.observation is not None
    assert "circle by fw" in flow.observation.deciding.detail


# entries of the ACL of ec2's subnet                               ; probe               ; verdict
ACLS = """
ingress 100 allow all 0.0.0.0/0, egress 100 allow all 0.0.0.0/0    ; laptop ec2 tcp/22   ; UNTRACKED web-in-1
ingress 100 allow all 0.0.0.0/0                                    ; laptop ec2 tcp/22   ; acl mine egress ACL *
egress 100 allow all 0.0.0.0/0                                     ; laptop ec2 tcp/22   ; acl mine ingress ACL *
                                                                   ; laptop ec2 tcp/22   ; acl mine ingress ACL *
                                                                   ; ec2 laptop tcp/22   ; acl mine egress ACL *
                                                                   ; peer ec2 tcp/22     ; UNTRACKED web-in-1
                                                                   ; far ec2 tcp/22      ; acl mine ingress ACL *
                                                                   ; ec2 far tcp/22      ; acl mine egress ACL *
                                                                   ; ec2 10.0.0.2 udp/53 ; EXEMPT
                                                                   ; ec2 169.254.169.254 tcp/80 ; EXEMPT
                                                                   ; peer ec2:public tcp/22 ; acl mine egress ACL *
ingress 100 allow tcp/22 0.0.0.0/0                                 ; laptop ec2 udp/22   ; acl mine ingress ACL *
ingress 100 allow udp/22 0.0.0.0/0                                 ; laptop ec2 udp/22   ; UNTRACKED web-in-1
ingress 90 deny udp/22 0.0.0.0/0, ingress 100 allow all 0.0.0.0/0  ; laptop ec2 udp/22   ; acl mine ingress ACL 90
ingress 110 deny udp/22 0.0.0.0/0, ingress 100 allow all 0.0.0.0/0 ; laptop ec2 udp/22   ; UNTRACKED web-in-1
ingress 90 deny udp/22 198.51.100.8/32, ingress 100 allow all 0.0.0.0/0 ; laptop ec2 udp/22 ; UNTRACKED web-in-1
ingress 90 deny udp/22 198.51.100.7/32, ingress 100 allow all 0.0.0.0/0 ; laptop ec2 udp/22 ; acl mine ingress ACL 90
ingress 90 deny udp/20-21 0.0.0.0/0, ingress 100 allow all 0.0.0.0/0 ; laptop ec2 udp/22 ; UNTRACKED web-in-1
ingress 100 allow icmp/8/0 0.0.0.0/0                               ; laptop ec2 icmp/8   ; RULE web-in-1
ingress 100 allow icmp/8/0 0.0.0.0/0                               ; laptop ec2 icmp/8/1 ; acl mine ingress ACL *
ingress 100 allow icmp/13/0 0.0.0.0/0                              ; laptop ec2 icmp/8   ; acl mine ingress ACL *
ingress 100 allow gre 0.0.0.0/0                                    ; laptop ec2 gre      ; RULE web-in-1
ingress 100 allow all 0.0.0.0/0                                    ; laptop ec2 udp/22 6 ; acl mine ingress ACL *
ingress 101 allow all ::/0                                         ; laptop ec2 udp/22 6 ; UNTRACKED web-in-2
egress 101 allow udp/53 ::/0                                       ; ec2 laptop udp/53 6 ; UNTRACKED web-out-2
"""


@pytest.mark.parametrize("line", lines(ACLS))
def test_an_acl_judges_what_crosses_its_subnet_s_border(line: str) -> None:
    """The lowest number that matches decides; both directions by their own entries; nothing within the subnet."""
    entries, words, wanted = (part.strip() for part in line.split(";"))
    lab = with_subnet(with_acl(bare_lab(), "mine", entries.replace(",", ";")), "public", acl="mine")

    assert verdict_of(probe(paper(OPEN, lab), words)) == wanted


def test_an_acl_does_not_know_replies() -> None:
    """The answer of a tracked flow needs an entry of its own."""
    entries = "egress 100 allow tcp/443 0.0.0.0/0; ingress 100 allow tcp/32768-61000 0.0.0.0/0"
    lab = with_subnet(with_acl(bare_lab(), "mine", entries), "public", acl="mine")
    net = paper(ALL_OUT, lab)

    assert probe(net, "ec2 www tcp/443", Fields(sport=40000)).seen is Seen.DELIVERED
    assert verdict_of(probe(net, "ec2 www tcp/443", Fields(sport=20000))) == "acl mine ingress ACL *"


def test_aws_s_example_of_an_acl_and_a_group() -> None:
    """SSH from one host; hosts of the same subnet reach each other, others do not."""
    entries = "ingress 100 allow tcp/22 198.51.100.7/32; egress 100 allow tcp/1024-65535 198.51.100.7/32"
    lab = with_subnet(with_acl(bare_lab(), "mine", entries), "public", acl="mine")
    rules = {"web": f"ingress all from self; ingress tcp/22 from 198.51.100.7/32; {ALL_OUT}"}
    net = paper(rules, lab, {"peer": ("web",), "far": ("web",)})

    assert probe(net, "laptop ec2 tcp/22").seen is Seen.DELIVERED
    assert probe(net, "peer ec2 tcp/22").seen is Seen.DELIVERED
    assert verdict_of(probe(net, "www ec2 tcp/22")) == "acl mine ingress ACL *"
    assert verdict_of(probe(net, "far ec2 tcp/22")) == "acl mine ingress ACL *"


@pytest.mark.parametrize("flags", ["S", "SA", "A", "FA", "R", "RA"])
def test_the_internet_gateway_translates_every_packet(flags: str) -> None:
    """One to one, without memory: also what no connection tracking would know."""
    net = paper(OPEN)
    inward = probe(net, "laptop ec2 tcp/22", Fields(flags=flags)).observation
    outward = probe(net, "ec2 laptop tcp/22", Fields(flags=flags)).observation

    assert inward is not None
    assert outward is not None
    assert str(inward.deciding.arrived).startswith("198.51.100.7:")
    assert "> 10.0.1.10:22" in str(inward.deciding.arrived)
    assert str(outward.deciding.arrived).startswith("3.95.203.191:")


def test_the_internet_gateway_leaves_ipv6_alone() -> None:
    """An instance's IPv6 address is its public one."""
    flow = probe(paper(OPEN), "ec2 laptop tcp/22 6")

    assert flow.observation is not None
    assert str(flow.observation.deciding.arrived).startswith("[2001:db8:0:100::10]:")


def test_a_hairpin_shows_both_public_addresses() -> None:
    """From one instance to another's public address, and to its own."""
    net = paper(OPEN)
    other = probe(net, "ec2 peer:public udp/53").observation
    own = probe(net, "ec2 ec2:public udp/53").observation

    assert other is not None
    assert own is not None
    assert str(other.deciding.arrived).split(" udp")[0].startswith("3.95.203.191:")
    assert "> 10.0.1.20:53" in str(other.deciding.arrived)
    assert "> 10.0.1.10:53" in str(own.deciding.arrived)


def test_an_icmp_error_is_translated_inside_too() -> None:
    """The receiver finds the packet it sent, with the addresses it knows."""
    net = paper(OPEN)
    flow = probe(net, "ec2 www udp/53")
    inward = net.error(flow, 3, 4, "www", "ec2").observation.deciding.arrived
    flow = probe(net, "www ec2 udp/53")
    outward = net.error(flow, 3, 3, "ec2", "www").observation.deciding.arrived

    assert inward is not None
    assert outward is not None
    assert str(inward.quoted).startswith("10.0.1.10:")
    assert str(outward.src) == "3.95.203.191"
    assert "> 3.95.203.191:53" in str(outward.quoted)


@pytest.mark.parametrize(
    ("words", "source", "target", "quoted"),
    [
        ("ec2 peer:public udp/53 sport 700", "peer", "ec2", "3.95.203.191:700 > 10.0.1.20:53"),
        ("ec2 peer:public udp/53 sport 700", "far", "ec2", "10.0.1.10:700 > 3.95.203.192:53"),
        ("ec2 peer:public udp/53 sport 700", "ec2", "peer", "3.95.203.192:53 > 10.0.1.10:700"),
        ("hidden peer:public udp/53 sport 700", "peer", "hidden", "203.0.113.99:1024 > 10.0.1.20:53"),
        ("hidden peer:public udp/53 sport 700", "hidden", "peer", "3.95.203.192:53 > 10.0.3.10:700"),
        ("ec2 peer udp/53 sport 700", "peer", "ec2", "10.0.1.10:700 > 10.0.1.20:53"),
        ("ec2 laptop udp/53 sport 700", "laptop", "ec2", "3.95.203.191:700 > 198.51.100.7:53"),
        ("ec2 laptop udp/53 sport 700", "far", "ec2", "10.0.1.10:700 > 198.51.100.7:53"),
    ],
)
def test_an_icmp_error_quotes_the_packet_as_it_was_where_the_error_is_made(
    words: str, source: str, target: str, quoted: str
) -> None:
    """At the flow's other end: as it arrived, also where a gateway translated it between two places of the VPC."""
    words, _, sport = words.partition(" sport ")
    net = paper({"web": OPEN, "open": OPEN}, members={"hidden": ("open",)})
    flow = probe(net, words, Fields(sport=int(sport)))
    flow.reply()
    error = net.error(flow, 3, 3, source, target).observation.deciding

    assert str(error.sent.quoted).removesuffix(" udp") == quoted


def nat_net() -> Network:
    """Return a network whose hidden has a closed group that lets out."""
    return paper({"web": "", "out": ALL_OUT}, members={"hidden": ("out",)})


def arrived(flow: object) -> Packet:
    """Return what arrived of a flow's first packet."""
    packet = flow.observation.transits[0].arrived  # type: ignore[attr-defined]
    assert packet is not None
    return packet


def test_a_nat_gateway_lends_its_address_and_brings_the_answers_back() -> None:
    """Several flows, one public address, a source port each; the instance sees its own."""
    net = nat_net()
    first = probe(net, "hidden www udp/53", Fields(sport=700))
    second = probe(net, "hidden www udp/53", Fields(sport=701))

    assert str(arrived(first).src) == "203.0.113.99"
    assert 1024 <= (arrived(first).sport or 0) <= 65535
    assert arrived(first).sport != arrived(second).sport
    back = first.reply().observation.deciding.arrived
    assert back is not None
    assert str(back).startswith("203.0.113.80:53 > 10.0.3.10:700 ")


@pytest.mark.parametrize("words", ["hidden www tcp/443", "hidden www udp/53", "hidden www icmp/8"])
def test_only_answers_come_back_through_a_nat_gateway(words: str) -> None:
    """From whom the flow went to, while it is remembered: 350 idle seconds."""
    net = nat_net()
    flow = probe(net, words)

    assert flow.seen is Seen.DELIVERED
    assert flow.reply().seen is Seen.DELIVERED
    stranger = replace(arrived(flow).answered(), src=ip_address("198.51.100.7"))
    (transit,) = net.wire.transmit([Departure(Station("laptop", "eth0"), stranger)])
    assert transit.verdict.gate == "nat out"
    net.wait(349)
    assert flow.reply().verdict.gate != "nat out"
    net.wait(350)
    assert verdict_of(flow.reply()) == "nat out NO_ROUTE"


@pytest.mark.parametrize(
    ("words", "expected", "wanted"),
    [
        ("hidden www udp/53", None, 700 + 324),  # the first of the range
        ("hidden www udp/53", 2000, 2000),
        ("hidden www udp/53", 1023, 1024),
        ("hidden www icmp/8", None, 700),
        ("hidden www icmp/8", 5, 5),
    ],
)
def test_which_number_a_nat_gateway_takes_can_be_told(words: str, expected: int | None, wanted: int) -> None:
    """A kernel chooses one; an id may be any, a port is 1024 or more."""
    net = nat_net()
    assert isinstance(net.wire, PaperWire)
    net.wire.expect_number(expected)
    packet = arrived(probe(net, words, Fields(sport=700)))

    assert (packet.sport if packet.icmp_id is None else packet.icmp_id) == wanted


@pytest.mark.parametrize("words", ["hidden www gre", "hidden www esp", "hidden www sctp", "hidden www 253"])
def test_a_nat_gateway_knows_tcp_udp_and_icmp_alone(words: str) -> None:
    """Other protocols end there."""
    assert verdict_of(probe(nat_net(), words)) == "nat out NO_ROUTE"


def test_a_nat_gateway_takes_no_connection_from_its_middle() -> None:
    """After the idle time AWS answers with RST: the packet is lost."""
    net = nat_net()
    flow = probe(net, "hidden www tcp/443")
    net.wait(350)

    assert verdict_of(flow.send()) == "nat out NO_ROUTE"
    assert flow.send(flags="S").seen is Seen.DELIVERED


def test_a_nat_gateway_takes_the_next_port_where_one_is_taken() -> None:
    """Two instances with the same port to the same place do not meet."""
    lab = bare_lab()
    lab = replace(lab, instances={**lab.instances, "two": Instance("two", (interface("two", "private", "10.0.3.11"),))})
    net = paper("", lab)
    flows = [probe(net, f"{node} www udp/53", Fields(sport=5000)) for node in ("hidden", "two")]

    assert [arrived(flow).sport for flow in flows] == [5000, 1024]
    assert [str(flow.reply().observation.deciding.arrived).split(" ")[2] for flow in flows] == [
        "10.0.3.10:5000",
        "10.0.3.11:5000",
    ]


def test_icmp_errors_find_their_way_through_a_nat_gateway() -> None:
    """In: about what the instance sent. Out: about what it got. About nothing: lost."""
    net = nat_net()
    flow = probe(net, "hidden www udp/53", Fields(sport=700))
    flow.reply()
    inward = net.error(flow, 3, 4, "www", "hidden").observation.deciding.arrived
    outward = net.error(flow, 3, 3, "hidden", "www").observation.deciding.arrived

    assert inward is not None
    assert str(inward.quoted).startswith("10.0.3.10:700 > 203.0.113.80:53")
    assert outward is not None
    assert str(outward.src) == "203.0.113.99"
    assert str(outward.quoted).startswith(f"203.0.113.80:53 > 203.0.113.99:{arrived(flow).sport} ")
    net.wait(350)
    assert verdict_of(net.error(flow, 3, 4, "www", "hidden")) == "nat out NO_ROUTE"
    assert verdict_of(net.error(flow, 3, 3, "hidden", "www")) == "nat out NO_ROUTE"


def test_the_acl_of_a_nat_gateway_s_subnet_applies() -> None:
    """On the way in and out of it; beside it, traffic within the VPC is none of its business."""
    entries = "ingress 100 allow all 0.0.0.0/0; egress 90 deny udp/53 203.0.113.80/32; egress 100 allow all 0.0.0.0/0"
    lab = with_subnet(with_acl(bare_lab(), "mine", entries), "public", acl="mine")
    net = paper("", lab)

    assert verdict_of(probe(net, "hidden www udp/53")) == "acl mine egress ACL 90"
    assert probe(net, "hidden www udp/54").seen is Seen.DELIVERED


def test_a_nat_gateway_needs_a_way_out_itself() -> None:
    """In a subnet without a route to the internet gateway it leads nowhere."""
    lab = with_subnet(bare_lab(), "public", internet=False)

    assert verdict_of(probe(paper("", lab), "hidden www udp/53")) == "vpc route NO_ROUTE"


# probe                       ; payload ; df  ; verdict
SIZES = """
ec2 peer udp/9                ; 8973    ; df  ; UNTRACKED open-in-1
ec2 peer udp/9                ; 8974    ; df  ; mtu MTU
ec2 peer udp/9                ; 20000   ;     ; UNTRACKED open-in-1
ec2 laptop udp/9              ; 1472    ; df  ; UNTRACKED web-out-1
ec2 laptop udp/9              ; 1473    ; df  ; mtu MTU
ec2 laptop udp/9              ; 1473    ;     ; UNTRACKED web-out-1
ec2 laptop udp/9              ; 20000   ;     ; UNTRACKED web-out-1
ec2 laptop udp/9 6            ; 1452    ;     ; UNTRACKED web-out-2
ec2 laptop udp/9 6            ; 1453    ;     ; mtu MTU
ec2 laptop udp/9 6            ; 20000   ;     ; mtu MTU
ec2 peer:public udp/9         ; 1473    ; df  ; mtu MTU
ec2 far udp/9                 ; 1473    ; df  ; UNTRACKED open-in-1
hidden laptop udp/9           ; 1473    ; df  ; mtu MTU
hidden laptop udp/9           ; 1472    ; df  ; RULE open-out-1
laptop ec2 udp/9              ; 1472    ; df  ; UNTRACKED web-in-1
laptop ec2 udp/9              ; 1473    ; df  ; mtu MTU
laptop ec2 udp/9              ; 4000    ;     ; UNTRACKED web-in-1
laptop ec2 udp/9 6            ; 4000    ;     ; UNTRACKED web-in-2
"""


@pytest.mark.parametrize("line", lines(SIZES))
def test_a_packet_too_big_for_the_next_link_is_fragmented_or_lost(line: str) -> None:
    """9001 within the VPC, 1500 at the gateway; IPv6 is fragmented by its sender only."""
    words, size, df, wanted = (part.strip() for part in line.split(";"))

    assert verdict_of(probe(paper(OPEN), words, Fields(size=int(size), df=bool(df)))) == wanted


def test_a_denied_packet_is_seen_where_it_died_and_no_further() -> None:
    """An outbound one leaves the instance; an inbound one never reaches it."""
    net = paper("")

    assert sights(probe(net, "ec2 laptop tcp/22")) == ["ec2 eth0", "card ec2 egress"]
    assert sights(probe(net, "laptop ec2 tcp/22")) == ["laptop eth0", "card ec2 ingress"]
    assert sights(probe(net, "laptop peer tcp/22")) == ["laptop eth0", "card peer ingress", "peer eth0"]
    assert sights(probe(net, "peer 10.0.0.2 udp/53")) == ["peer eth0", "card peer egress", "vpc"]


@pytest.mark.parametrize("station", [Station("nobody", "eth0"), Station("ec2", "eth7")])
def test_a_station_must_be_the_lab_s(station: Station) -> None:
    """Anything else is a mistake of the caller."""
    net = paper(OPEN)
    packet = probe(net, "ec2 peer udp/9").dialogue.first

    with pytest.raises(InputError):
        net.wire.transmit([Departure(station, packet)])


def test_the_router_itself_knows_only_the_vpc() -> None:
    """What it serves answers inside; there is no way out for it."""
    net = paper(OPEN)

    assert verdict_of(probe(net, "10.0.0.2 laptop udp/5000")) == "vpc route NO_ROUTE"
    assert probe(net, "10.0.0.2 ec2 udp/5000").seen is Seen.DELIVERED


def test_a_lab_without_ipv6_is_as_well() -> None:
    """Nothing needs the second family."""
    lab = bare_lab()
    vpc = replace(lab.vpc, ipv6_cidr=None)
    subnets = {name: replace(subnet, ipv6_cidr=None) for name, subnet in lab.subnets.items()}
    lab = replace(lab, vpc=vpc, subnets=subnets)
    for node in ("ec2", "peer", "far"):
        lab = with_interface(lab, node, ipv6=())
    wire = PaperWire(paper("ingress tcp/22 from 198.51.100.0/24", lab).lab)

    assert probe(Network(wire), "laptop ec2 tcp/22").seen is Seen.DELIVERED
    assert ip_network("10.0.0.0/16") == wire.lab.vpc.cidr


# entries of the ACL of the NAT gateway's subnet ; probe   ; seen, and where it died
NAT_ACLS = """
ingress 90 deny udp/53 0.0.0.0/0                ; hidden www udp/53       ; acl mine ingress ACL 90
ingress 90 deny udp/700 203.0.113.80/32         ; hidden www udp/53       ; reply RULE
egress 90 deny udp/700 10.0.3.0/24              ; hidden www udp/53       ; reply acl mine egress ACL 90
ingress 90 deny udp/all 203.0.113.80/32         ; hidden www udp/53       ; reply acl mine ingress ACL 90
"""


@pytest.mark.parametrize("line", lines(NAT_ACLS))
def test_the_acl_of_a_nat_gateway_s_subnet_sees_both_sides_of_it(line: str) -> None:
    """The instance's address and port on one, the gateway's on the other; of answers too."""
    entries, words, wanted = (part.strip() for part in line.split(";"))
    every = "; ingress 100 allow all 0.0.0.0/0; egress 100 allow all 0.0.0.0/0"
    net = paper("", with_subnet(with_acl(bare_lab(), "mine", entries + every), "public", acl="mine"))
    flow = probe(net, words, Fields(sport=700))

    if wanted.startswith("reply"):
        assert flow.seen is Seen.DELIVERED
        wanted = wanted.removeprefix("reply ").replace("RULE", "TRACKED")
        assert verdict_of(flow.reply()) == wanted
    else:
        assert verdict_of(flow) == wanted


@pytest.mark.parametrize("words", ["hidden www icmp/9", "hidden www icmp/3/3", "hidden www icmp/0"])
def test_a_nat_gateway_translates_no_icmp_that_begins_nothing(words: str) -> None:
    """Notices, errors about nothing, answers to nothing; an echo request beside them goes."""
    assert verdict_of(probe(nat_net(), words)) == "nat out NO_ROUTE"
    assert probe(nat_net(), "hidden www icmp/8").seen is Seen.DELIVERED
