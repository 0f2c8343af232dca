"""What a card remembers, for how long, and what a change does to it: aws-behaviour.md 2.1, 2.3, 2.4, 2.5, 2.7, 2.8."""

from dataclasses import replace
from ipaddress import ip_address

import pytest
from oracle_labs import ALL_OUT, bare_lab, interface, lab_of, lines, paper, probe, verdict_of, with_interface

from netlab.model.changes import AclEntryRequest, AddAclEntry, RemoveAclEntry
from netlab.model.network import Network
from netlab.model.places import Station
from netlab.model.rules import Direction
from netlab.model.stories import Fields
from netlab.model.topology import ConnectionTracking, Lab
from netlab.model.verdicts import Seen
from netlab.model.wire import Departure
from netlab.oracle.paper import PaperWire
from netlab.oracle.tracker import rounded_timer_s

SSH_OPEN = "ingress tcp/22 from 0.0.0.0/0; egress all to 0.0.0.0/0"
SSH_NARROW = "ingress tcp/22 from 198.51.100.7/32; egress all to 0.0.0.0/0"
OUT_ONLY = ALL_OUT
LOST = "card ec2 ingress NO_RULE"

# rules of ec2                                                                  ; opening               ; class
CLASSES = """
ingress tcp/22 from 0.0.0.0/0, egress all to 0.0.0.0/0                          ; laptop ec2 tcp/22     ; UNTRACKED
ingress tcp/22 from 0.0.0.0/0, egress tcp/all to 0.0.0.0/0                      ; laptop ec2 tcp/22     ; UNTRACKED
ingress tcp/22 from 0.0.0.0/0, egress tcp/1-65535 to 0.0.0.0/0                  ; laptop ec2 tcp/22     ; RULE
ingress tcp/22 from 0.0.0.0/0, egress udp/all to 0.0.0.0/0                      ; laptop ec2 tcp/22     ; RULE
ingress tcp/22 from 0.0.0.0/0, egress all to 0.0.0.0/1, egress all to 128.0.0.0/1 ; laptop ec2 tcp/22   ; RULE
ingress tcp/22 from world, egress all to 0.0.0.0/0                              ; laptop ec2 tcp/22     ; RULE
ingress tcp/22 from 0.0.0.0/0, egress all to world                              ; laptop ec2 tcp/22     ; RULE
ingress tcp/22 from 0.0.0.0/0, egress all to ::/0                               ; laptop ec2 tcp/22     ; RULE
ingress tcp/22 from 0.0.0.0/0                                                   ; laptop ec2 tcp/22     ; RULE
ingress tcp/22 from 198.51.100.7/32, egress all to 0.0.0.0/0                    ; laptop ec2 tcp/22     ; RULE
ingress tcp/22 from 10.0.0.0/8, ingress tcp/22 from 0.0.0.0/0, egress all to 0.0.0.0/0 ; laptop ec2 tcp/22 ; UNTRACKED
ingress tcp/22 from ::/0, egress all to ::/0                                    ; laptop ec2 tcp/22 6   ; UNTRACKED
ingress tcp/22 from ::/0, egress all to 0.0.0.0/0                               ; laptop ec2 tcp/22 6   ; RULE
ingress udp/53 from 0.0.0.0/0, egress all to 0.0.0.0/0                          ; laptop ec2 udp/53     ; UNTRACKED
ingress udp/53 from 0.0.0.0/0, egress udp/all to 0.0.0.0/0                      ; laptop ec2 udp/53     ; UNTRACKED
ingress icmp/all from 0.0.0.0/0, egress all to 0.0.0.0/0                        ; laptop ec2 icmp/8     ; RULE
ingress all from 0.0.0.0/0, egress all to 0.0.0.0/0                             ; laptop ec2 icmp/8     ; RULE
ingress all from 0.0.0.0/0, egress all to 0.0.0.0/0                             ; laptop ec2 gre        ; RULE
ingress all from 0.0.0.0/0, egress all to 0.0.0.0/0                             ; laptop ec2 tcp/9      ; UNTRACKED
egress all to 0.0.0.0/0                                                         ; ec2 www tcp/443       ; RULE
ingress all from 0.0.0.0/0, egress tcp/443 to 0.0.0.0/0                         ; ec2 www tcp/443       ; UNTRACKED
ingress tcp/all from 0.0.0.0/0, egress tcp/443 to 0.0.0.0/0                     ; ec2 www tcp/443       ; UNTRACKED
ingress tcp/1024-65535 from 0.0.0.0/0, egress all to 0.0.0.0/0                  ; ec2 www tcp/443       ; RULE
"""


@pytest.mark.parametrize("line", lines(CLASSES))
def test_a_flow_is_tracked_unless_it_is_open_both_ways(line: str) -> None:
    """Untracked: a /0 rule admits it, and a /0 rule for every port the answers; TCP and UDP only, family by family."""
    rules, words, wanted = (part.strip() for part in line.split(";"))
    flow = probe(paper(rules.replace(",", ";")), words)

    assert flow.verdict.reason.name == wanted
    assert bool(flow.network.flows("ec2")) == (wanted == "RULE")


def test_the_class_is_decided_on_the_rules_of_all_groups() -> None:
    """One group opens the way in, another the way out."""
    net = paper({"in": "ingress tcp/22 from 0.0.0.0/0", "out": "egress all to 0.0.0.0/0"})

    assert verdict_of(probe(net, "laptop ec2 tcp/22")) == "UNTRACKED in-in-1"
    net.attach("ec2", "in")
    assert verdict_of(probe(net, "laptop ec2 tcp/22")) == "RULE in-in-1"


def test_a_flow_through_a_nat_gateway_is_always_tracked() -> None:
    """Fully open rules do not make it untracked; beside it, a flow within the VPC is."""
    net = paper({"web": ""}, members={"hidden": ("open",)})

    assert verdict_of(probe(net, "hidden www tcp/443")) == "RULE open-out-1"
    assert verdict_of(probe(net, "hidden far tcp/443")) == "UNTRACKED open-in-1"
    assert [entry.dport for entry in net.flows("hidden")] == [443]


def test_the_answer_comes_back_though_no_rule_lets_it_in() -> None:
    """A rule only needs to cover the opening's direction."""
    net = paper(OUT_ONLY)
    flow = probe(net, "ec2 www tcp/443")

    assert flow.seen is Seen.DELIVERED
    assert verdict_of(flow.reply()) == "TRACKED"
    assert verdict_of(probe(net, "www ec2 tcp/40000")) == LOST


def test_an_answer_must_come_from_where_the_flow_went() -> None:
    """Another port, another address, another protocol are no answer."""
    net = paper(OUT_ONLY)
    flow = probe(net, "ec2 www udp/53", Fields(sport=5000))

    assert verdict_of(flow.reply()) == "TRACKED"
    assert verdict_of(flow.reply(sport=54)) == LOST
    assert verdict_of(flow.reply(dport=5001)) == LOST
    assert verdict_of(probe(net, "laptop ec2 udp/5000", Fields(sport=53))) == LOST
    assert verdict_of(probe(net, "www ec2 tcp/5000", Fields(sport=53, flags="A"))) == LOST


def test_an_instance_opened_flow_stays_tracked_though_its_source_port_is_open_inwards() -> None:
    """The class is the originator's: revoking the ingress rule does not cut it."""
    net = paper("ingress tcp/1024-65535 from 0.0.0.0/0; egress all to 0.0.0.0/0")
    flow = probe(net, "ec2 www tcp/443", Fields(sport=40000))
    net.revoke("web", ingress="tcp/1024-65535 from 0.0.0.0/0")

    assert verdict_of(flow.reply()) == "TRACKED"


def test_replies_of_an_untracked_flow_pass_only_by_a_rule() -> None:
    """No state admits them."""
    net = paper(SSH_OPEN)
    flow = probe(net, "laptop ec2 tcp/22")

    assert verdict_of(flow.reply()) == "UNTRACKED web-out-1"
    net.revoke("web", egress="all to 0.0.0.0/0")
    assert verdict_of(flow.reply()) == "card ec2 egress NO_RULE"


@pytest.mark.parametrize(("rules", "wanted"), [(SSH_OPEN, LOST), (SSH_NARROW, "TRACKED")])
def test_revoking_cuts_an_untracked_flow_and_spares_a_tracked_one(rules: str, wanted: str) -> None:
    """The rule that admitted it is gone: for a new flow always, for an old one only where no state was kept."""
    net = paper(rules)
    flow = probe(net, "laptop ec2 tcp/22")
    net.revoke("web", ingress=rules.partition(";")[0].removeprefix("ingress "))

    assert verdict_of(flow.send()) == wanted
    assert verdict_of(probe(net, "laptop ec2 tcp/22")) == LOST


def test_a_ping_goes_on_after_its_rule_is_gone() -> None:
    """ICMP is always tracked, also when everything is open."""
    net = paper("ingress icmp/8 from 0.0.0.0/0; egress all to 0.0.0.0/0")
    flow = probe(net, "laptop ec2 icmp/8")
    net.revoke("web", ingress="icmp/8 from 0.0.0.0/0")

    assert verdict_of(flow.send()) == "TRACKED"
    assert verdict_of(flow.reply()) == "TRACKED"
    assert verdict_of(probe(net, "laptop ec2 icmp/8")) == LOST


def test_swapping_the_whole_set_of_groups_spares_tracked_flows() -> None:
    """Existing connections keep going on another group."""
    net = paper({"web": SSH_NARROW, "none": ""})
    net.attach("ec2", "web")
    flow = probe(net, "laptop ec2 tcp/22")
    net.attach("ec2", "none")

    assert verdict_of(flow.send()) == "TRACKED"
    assert verdict_of(probe(net, "laptop ec2 tcp/22")) == LOST


@pytest.mark.parametrize(("speaks", "wanted"), [(True, LOST), (False, "TRACKED")])
def test_a_swap_through_open_rules_cuts_who_spoke_meanwhile(*, speaks: bool, wanted: str) -> None:
    """A flow is converted by a packet: one that is silent while everything is open keeps its state."""
    net = paper({"web": SSH_NARROW, "none": ""})
    net.attach("ec2", "web")
    flow = probe(net, "laptop ec2 tcp/22")
    net.attach("ec2", "open")
    if speaks:
        assert verdict_of(flow.send()) == "UNTRACKED open-in-1"
    net.attach("ec2", "none")

    assert verdict_of(flow.send()) == wanted


def test_an_untracked_flow_is_judged_as_new_when_its_class_closes() -> None:
    """A packet in its middle is admitted by a rule, and from then on remembered."""
    net = paper(SSH_OPEN)
    flow = probe(net, "laptop ec2 tcp/22")
    net.revoke("web", egress="all to 0.0.0.0/0")

    assert verdict_of(flow.reply()) == "card ec2 egress NO_RULE"
    assert verdict_of(flow.send()) == "RULE web-in-1"
    assert verdict_of(flow.reply()) == "TRACKED"


def test_an_acl_cuts_every_flow_and_the_state_survives_it() -> None:
    """A deny stops a tracked flow at once; taken away again, the flow goes on."""
    net = paper(OUT_ONLY)
    flow = probe(net, "ec2 www tcp/443")
    entry = AclEntryRequest(1, "-1", None, None, "203.0.113.80/32", "deny")
    net.change(AddAclEntry("default", Direction.INGRESS, entry))

    assert verdict_of(flow.reply()) == "acl default ingress ACL 1"
    net.change(RemoveAclEntry("default", Direction.INGRESS, 1))
    assert verdict_of(flow.reply()) == "TRACKED"


def timed(scale: float = 1.0, **timers: int) -> Network:
    """Return a network whose ec2 only lets out, with timers of its own."""
    lab = with_interface(bare_lab(), "ec2", connection_tracking=ConnectionTracking(**timers))
    return paper(OUT_ONLY, replace(lab, scale=scale))


# opening           ; packets before the wait: > sent, < answered ; idle time at which it is forgotten
IDLE = """
ec2 www udp/53      ; >          ; 30
ec2 www udp/53      ; ><         ; 30
ec2 www udp/53      ; >>>        ; 30
ec2 www udp/53      ; ><<<       ; 30
ec2 www udp/53      ; >>><       ; 30
ec2 www udp/53      ; ><><       ; 180
ec2 www udp/53      ; ><><>      ; 180
ec2 www udp/53 6    ; ><><       ; 180
ec2 www icmp/8      ; ><><       ; 30
ec2 www gre         ; >          ; 600
ec2 www gre         ; ><><       ; 600
ec2 www sctp        ; ><         ; 600
ec2 www tcp/443     ; >          ; 432000
ec2 www tcp/443     ; ><         ; 432000
"""


@pytest.mark.parametrize("line", lines(IDLE))
def test_an_idle_flow_is_forgotten_when_its_timer_ends(line: str) -> None:
    """One second before, its answer still passes; at the time, no more."""
    words, packets, seconds = (part.strip() for part in line.split(";"))
    for early, wanted in ((1.0, "TRACKED"), (0.0, LOST)):
        net = timed()
        flow = probe(net, words)
        for packet in packets[1:]:
            sent = flow.send() if packet == ">" else flow.reply()
            assert sent.seen is Seen.DELIVERED
        net.wait(int(seconds) - early)

        assert verdict_of(flow.reply()) == wanted


@pytest.mark.parametrize(
    ("timers", "words", "answers", "seconds"),
    [
        ({"udp_s": 60}, "ec2 www udp/53", 1, 60),
        ({"udp_stream_s": 60}, "ec2 www udp/53", 3, 60),
        ({"tcp_established_s": 60}, "ec2 www tcp/443", 1, 60),
        ({"udp_s": 60}, "ec2 www icmp/8", 1, 30),
        ({"tcp_established_s": 60}, "ec2 www gre", 1, 600),
    ],
)
def test_the_timers_are_the_interface_s_own(timers: dict[str, int], words: str, answers: int, seconds: int) -> None:
    """Those for TCP, UDP and streams can be set; ICMP and other protocols have theirs."""
    for early, wanted in ((1.0, "TRACKED"), (0.0, LOST)):
        net = timed(**timers)
        flow = probe(net, words)
        for _ in range(answers):
            flow.send()
            flow.reply()
        net.wait(seconds - early)

        assert verdict_of(flow.reply()) == wanted


def test_either_side_renews_the_timer() -> None:
    """The window counts from the last packet, whoever sent it."""
    net = timed()
    flow = probe(net, "ec2 www gre")
    for _ in range(3):
        net.wait(599)
        assert verdict_of(flow.reply()) == "TRACKED"
    net.wait(599)

    assert verdict_of(flow.send()) == "TRACKED"


def test_after_its_timer_a_flow_begins_anew_by_a_rule() -> None:
    """A packet in its middle is judged as any other."""
    net = timed(tcp_established_s=60)
    flow = probe(net, "ec2 www tcp/443")
    net.wait(60)

    assert verdict_of(flow.reply()) == LOST
    assert verdict_of(flow.send()) == "RULE web-out-1"
    assert verdict_of(flow.reply()) == "TRACKED"


@pytest.mark.parametrize(
    ("timer", "scale", "wanted"),
    [
        (30, 1, 30),
        (30, 0.1, 30),
        (35, 0.1, 40),
        (10, 0.05, 20),
        (30, 0.001, 1000),
        (432_000, 0.1, 432_000),
        (180, 2, 180),
    ],
)
def test_a_scaled_timer_has_whole_seconds_and_at_least_one(timer: int, scale: float, wanted: float) -> None:
    """As the kernel keeps it; given back unscaled."""
    assert rounded_timer_s(timer, scale) == pytest.approx(wanted)


def test_the_scale_leaves_unscaled_times_alone() -> None:
    """On paper a timer that is whole after scaling ends when it would unscaled."""
    net = timed(scale=0.1)
    flow = probe(net, "ec2 www udp/53")
    net.wait(29)

    assert verdict_of(flow.reply()) == "TRACKED"
    net.wait(30)
    assert verdict_of(flow.reply()) == LOST


def limited(rules: str, allowance: int) -> Network:
    """Return a network whose ec2 may remember only so many flows."""
    return paper(rules, with_interface(bare_lab(), "ec2", allowance=allowance))


def test_at_the_allowance_a_new_entry_is_refused_in_both_directions() -> None:
    """What is remembered goes on; an expired entry makes room."""
    net = limited(f"ingress udp/53 from 198.51.100.0/24; {OUT_ONLY}", 2)
    first = probe(net, "ec2 www udp/53")
    probe(net, "laptop ec2 udp/53")

    assert verdict_of(probe(net, "ec2 www udp/53")) == "card ec2 allowance ALLOWANCE"
    assert verdict_of(probe(net, "laptop ec2 udp/53")) == "card ec2 allowance ALLOWANCE"
    assert verdict_of(first.reply()) == "TRACKED"
    net.wait(30)
    assert verdict_of(probe(net, "ec2 www udp/53")) == "RULE web-out-1"


def test_who_has_no_room_was_admitted_by_a_rule() -> None:
    """Both gates of the card speak, the allowance last."""
    (transit,) = probe(limited(OUT_ONLY, 0), "ec2 www udp/53").observation.transits

    assert [(each.gate, each.reason.name) for each in transit.passages] == [
        ("card ec2 egress", "RULE"),
        ("card ec2 allowance", "ALLOWANCE"),
    ]


def test_untracked_flows_need_no_room() -> None:
    """They neither count nor are refused; what no rule admits is denied by the rules, not by the allowance."""
    net = limited(SSH_OPEN, 1)
    assert verdict_of(probe(net, "ec2 www tcp/443")) == "RULE web-out-1"
    for _ in range(3):
        assert verdict_of(probe(net, "laptop ec2 tcp/22")) == "UNTRACKED web-in-1"

    assert verdict_of(probe(net, "laptop ec2 tcp/23")) == LOST
    assert verdict_of(probe(net, "ec2 www tcp/443")) == "card ec2 allowance ALLOWANCE"


# rules of ec2    ; probe                   ; flags ; verdict of the packet
SINGLE = """
narrow            ; laptop ec2 tcp/22       ; S     ; RULE web-in-1
narrow            ; laptop ec2 tcp/22       ; A     ; RULE web-in-1
narrow            ; laptop ec2 tcp/22       ; PA    ; RULE web-in-1
narrow            ; laptop ec2 tcp/22       ; SA    ; UNTRACKED web-in-1
narrow            ; laptop ec2 tcp/22       ; FA    ; UNTRACKED web-in-1
narrow            ; laptop ec2 tcp/22       ; R     ; UNTRACKED web-in-1
narrow            ; laptop ec2 tcp/22       ; RA    ; UNTRACKED web-in-1
narrow            ; laptop ec2 tcp/23       ; S     ; card ec2 ingress NO_RULE
narrow            ; laptop ec2 tcp/23       ; A     ; card ec2 ingress NO_RULE
narrow            ; laptop ec2 tcp/23       ; SA    ; card ec2 ingress NO_RULE
narrow            ; laptop ec2 tcp/23       ; R     ; card ec2 ingress NO_RULE
open              ; laptop ec2 tcp/22       ; A     ; UNTRACKED web-in-1
open              ; laptop ec2 tcp/22       ; SA    ; UNTRACKED web-in-1
"""


@pytest.mark.parametrize("line", lines(SINGLE))
def test_a_packet_of_no_known_flow_is_judged_by_the_rules(line: str) -> None:
    """One from a flow's middle begins an entry where its class is tracked; an answer to nothing leaves no memory."""
    rules, words, flags, wanted = (part.strip() for part in line.split(";"))
    net = paper(SSH_NARROW if rules == "narrow" else SSH_OPEN)

    assert verdict_of(probe(net, words, Fields(flags=flags))) == wanted


def test_both_sides_may_open_at_once() -> None:
    """The second SYN has the first one's addresses reversed: it belongs to the flow."""
    net = paper("egress tcp/179 to 203.0.113.80/32")
    flow = probe(net, "ec2 www tcp/179", Fields(flags="S", sport=179))

    assert verdict_of(flow.reply(flags="S")) == "TRACKED"
    assert verdict_of(flow.reply(flags="SA")) == "TRACKED"
    assert verdict_of(flow.send(flags="SA")) == "TRACKED"
    assert [entry.state for entry in net.flows("ec2")] == ["SYN_RECV"]


# rules of ec2                               ; the flow             ; verdict of an error about it, sent to ec2
ERRORS = """
egress all to 0.0.0.0/0                      ; ec2 www tcp/443      ; RELATED
egress all to 0.0.0.0/0                      ; ec2 www udp/53       ; RELATED
egress all to 0.0.0.0/0                      ; ec2 www icmp/8       ; RELATED
egress all to 0.0.0.0/0                      ; ec2 www gre          ; RELATED
egress all to ::/0                           ; ec2 www tcp/443 6    ; RELATED
ingress all from 203.0.113.80/32             ; www ec2 tcp/22       ; RELATED
ingress tcp/all from 0.0.0.0/0, egress all to 0.0.0.0/0 ; ec2 www tcp/443 ; card ec2 ingress NO_RULE
ingress all from 0.0.0.0/0, egress all to 0.0.0.0/0 ; ec2 www tcp/443     ; UNTRACKED web-in-1
"""


@pytest.mark.parametrize("line", lines(ERRORS))
def test_an_icmp_error_passes_with_the_flow_it_is_about(line: str) -> None:
    """About a remembered flow it passes; about an untracked one only by a rule."""
    rules, words, wanted = (part.strip() for part in line.split(";"))
    net = paper(rules.replace(",", ";"))
    flow = probe(net, words)
    kind = (3, 4) if flow.dialogue.first.family == 4 else (2, 0)

    assert verdict_of(net.error(flow, *kind, "www", "ec2")) == wanted


def test_an_icmp_error_about_nothing_is_lost_without_a_rule() -> None:
    """After the flow's timer it is about nothing; an ICMP rule admits it, and nothing is remembered of it."""
    net = paper(OUT_ONLY)
    flow = probe(net, "ec2 www udp/53")
    net.wait(30)

    assert verdict_of(net.error(flow, 3, 4, "www", "ec2")) == LOST
    net.authorize("web", ingress="icmp/3 from 0.0.0.0/0")
    assert verdict_of(net.error(flow, 3, 4, "www", "ec2")) == "UNTRACKED web-in-1"
    assert net.flows("ec2") == ()


def test_an_icmp_error_of_the_instance_s_own_goes_out_with_the_flow() -> None:
    """A port unreachable leaves though no egress rule admits it."""
    net = paper("ingress udp/53 from 203.0.113.80/32")
    flow = probe(net, "www ec2 udp/53")

    assert net.error(flow, 3, 3, "ec2", "www").seen is Seen.DELIVERED
    assert verdict_of(probe(net, "ec2 www icmp/3/3")) == "card ec2 egress NO_RULE"


def test_an_icmp_error_to_another_than_the_sender_is_related_to_nothing() -> None:
    """It must go to whom the quoted packet came from."""
    net = paper(OUT_ONLY)
    flow = probe(net, "ec2 www udp/53")
    error = net.error(flow, 3, 3, "www", "ec2").observation.deciding.sent
    quoted = replace(error.quoted, src=ip_address("3.95.203.192")) if error.quoted else None
    departure = Departure(Station("www", "eth0"), replace(error, quoted=quoted))

    assert net.wire.transmit([departure])[0].verdict.reason.name == "NO_RULE"
    assert net.wire.transmit([replace(departure, packet=error)])[0].verdict.reason.name == "RELATED"


# probe                                ; its verdict, though ec2 has no rule at all
EXEMPT = """
ec2 10.0.0.2 udp/53                    ; EXEMPT
ec2 10.0.0.2 tcp/53                    ; EXEMPT
ec2 10.0.0.2 tcp/9999                  ; EXEMPT
ec2 169.254.169.253 udp/53             ; EXEMPT
ec2 fd00:ec2::253 udp/53               ; EXEMPT
ec2 169.254.169.254 tcp/80             ; EXEMPT
ec2 fd00:ec2::254 tcp/80               ; EXEMPT
ec2 169.254.169.123 udp/123            ; EXEMPT
ec2 fd00:ec2::123 udp/123              ; EXEMPT
ec2 10.0.1.1 udp/67                    ; EXEMPT
ec2 10.0.1.1 icmp/8                    ; EXEMPT
10.0.0.2 ec2 udp/40000                 ; EXEMPT
169.254.169.254 ec2 tcp/40000          ; EXEMPT
ec2 169.254.169.250 tcp/1688           ; vpc route NO_ROUTE
ec2 169.254.170.2 tcp/80               ; vpc route NO_ROUTE
ec2 255.255.255.255 udp/67             ; vpc route NO_ROUTE
ec2 255.255.255.255 udp/68             ; vpc route NO_ROUTE
ec2 255.255.255.255 tcp/69             ; vpc route NO_ROUTE
ec2 224.0.0.251 udp/5353               ; vpc route NO_ROUTE
ec2 ff02::fb udp/5353                  ; vpc route NO_ROUTE
ec2 fe80:ec2::1 icmpv6/128             ; vpc route NO_ROUTE
ec2 127.0.0.1 tcp/80                   ; vpc route NO_ROUTE
ec2 223.255.255.255 udp/9              ; card ec2 egress NO_RULE
ec2 10.0.0.3 udp/53                    ; card ec2 egress NO_RULE
ec2 10.0.1.2 udp/53                    ; card ec2 egress NO_RULE
ec2 169.254.169.252 udp/53             ; card ec2 egress NO_RULE
ec2 peer udp/67                        ; card ec2 egress NO_RULE
ec2 fd00:ec2::252 udp/53               ; card ec2 egress NO_RULE
peer ec2 udp/68                        ; card ec2 ingress NO_RULE
"""


@pytest.mark.parametrize("line", lines(EXEMPT))
def test_some_traffic_is_never_filtered(line: str) -> None:
    """The VPC's own services, by address, in both directions; beside them everything is."""
    words, wanted = (part.strip() for part in line.split(";"))
    net = paper("")

    assert verdict_of(probe(net, words)) == wanted
    assert net.flows("ec2") == ()


def two_interfaces() -> Lab:
    """Return the lab, ec2 with a second interface in the same subnet."""
    lab = bare_lab()
    first = lab.instances["ec2"].primary
    second = interface("ec2", "public", "10.0.1.12", name="eth1")
    return replace(lab, instances={**lab.instances, "ec2": replace(lab.instances["ec2"], interfaces=(first, second))})


def test_each_interface_has_a_memory_of_its_own() -> None:
    """What eth0 remembers does not let anything in by eth1."""
    net = Network(PaperWire(lab_of(OUT_ONLY, two_interfaces(), {"ec2": ("web",)})))
    net.attach("ec2/eth1", "web")
    probe(net, "ec2 peer udp/53", Fields(sport=5000))

    assert verdict_of(probe(net, "peer ec2/eth1 udp/5000", Fields(sport=53))) == "card ec2/eth1 ingress NO_RULE"
    assert verdict_of(probe(net, "peer ec2 udp/5000", Fields(sport=53))) == "TRACKED"
    assert [entry.interface for entry in net.flows("ec2")] == ["ec2"]


def test_both_ends_remember_a_flow_each_for_itself() -> None:
    """Two cards, two entries, opened from opposite sides."""
    net = paper({"web": OUT_ONLY, "db": "ingress tcp/5432 from web"}, members={"peer": ("db",)})
    net.attach("ec2", "web")
    flow = probe(net, "ec2 peer tcp/5432")

    assert flow.seen is Seen.DELIVERED
    assert [entry.opened_by for entry in net.flows("ec2")] == [Direction.EGRESS]
    assert [entry.opened_by for entry in net.flows("peer")] == [Direction.INGRESS]
    assert net.remembers("ec2", flow)
    assert net.remembers("peer", flow)
    assert not net.remembers("far", flow)
