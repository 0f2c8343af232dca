"""The network on paper: its clock, its memory, refused changes, and conversations of real stacks."""

import math
from dataclasses import replace

import pytest
from oracle_labs import (
    ALL_OUT,
    OPEN,
    bare_lab,
    lab_of,
    lines,
    paper,
    probe,
    question_of,
    verdict_of,
    with_acl,
    with_subnet,
)

from netlab.errors import InputError, RefusedError
from netlab.model.network import Network
from netlab.model.rules import Direction
from netlab.model.stories import Fields
from netlab.model.topology import Instance, Lab
from netlab.model.verdicts import Seen
from netlab.oracle.paper import PaperWire
from netlab.oracle.path import Walk


def wire_of(rules: str) -> tuple[PaperWire, Network]:
    """Return a wire, and a network on it."""
    wire = PaperWire(lab_of(rules))
    return wire, Network(wire)


def test_the_clock_is_turned_by_waiting_or_set() -> None:
    """Packets are judged at the present time."""
    wire, net = wire_of(ALL_OUT)
    flow = probe(net, "ec2 www udp/53")
    net.wait(12.5)
    assert wire.now_s == 12.5
    wire.set_clock(29.9)

    assert verdict_of(flow.reply()) == "TRACKED"
    assert flow.reply().observation.deciding.at_s == 29.9
    wire.set_clock(29.9 + 30)
    assert verdict_of(flow.reply()) == "card ec2 ingress NO_RULE"


def test_the_nearest_edge_tells_how_close_a_verdict_was() -> None:
    """On either side of an expiry; infinity where no entry was looked at."""
    wire, net = wire_of(ALL_OUT)
    flow = probe(net, "ec2 www udp/53")
    assert wire.nearest_edge_s() == math.inf
    wire.set_clock(29.8)
    flow.reply()
    assert wire.nearest_edge_s() == pytest.approx(0.2)
    wire.set_clock(29.8 + 30.1)
    flow.reply()
    assert wire.nearest_edge_s() == pytest.approx(0.1)
    flow.reply()

    assert wire.nearest_edge_s() == math.inf


def test_a_refused_change_changes_nothing() -> None:
    """Neither the lab nor what is remembered."""
    wire, net = wire_of(ALL_OUT)
    flow = probe(net, "ec2 www udp/53")
    before, entries = wire.lab, net.flows("ec2")

    with pytest.raises(RefusedError):
        net.revoke("web", egress="tcp/1 to 10.0.0.0/8")
    assert wire.lab == before
    assert net.flows("ec2") == entries
    assert verdict_of(flow.reply()) == "TRACKED"


def test_a_reset_forgets_everything() -> None:
    """Rules, memory and clock are as at first."""
    wire, net = wire_of(ALL_OUT)
    first = wire.lab
    flow = probe(net, "ec2 www udp/53")
    net.authorize("web", ingress="tcp/22 from 0.0.0.0/0")
    net.wait(5)
    net.reset()

    assert (wire.lab, wire.now_s, net.flows("ec2")) == (first, 0, ())
    assert verdict_of(flow.reply()) == "card ec2 ingress NO_RULE"


def test_the_table_shows_what_is_remembered() -> None:
    """As the card saw the first packet, with what is left of its time."""
    net = paper(ALL_OUT)
    probe(net, "ec2 www tcp/443", Fields(sport=5000, flags="S"))
    probe(net, "ec2 www icmp/8", Fields(sport=77))
    probe(net, "ec2 www gre")
    net.wait(20)
    found = [
        (e.interface, e.protocol, str(e.src), str(e.dst), e.sport, e.dport, e.opened_by, e.tracked, e.state, e.left_s)
        for e in net.flows("ec2")
    ]

    out = Direction.EGRESS
    assert found == [
        ("ec2", 6, "10.0.1.10", "203.0.113.80", 5000, 443, out, True, "SYN_SENT", 100.0),
        ("ec2", 1, "10.0.1.10", "203.0.113.80", 77, None, out, True, "", 10.0),
        ("ec2", 47, "10.0.1.10", "203.0.113.80", None, None, out, True, "", 580.0),
    ]
    net.wait(11)
    assert [entry.protocol for entry in net.flows("ec2")] == [6, 47]
    assert net.flows("peer") == ()


def test_a_host_has_no_connection_table() -> None:
    """Asking for one is a mistake."""
    with pytest.raises(InputError, match="laptop"):
        paper(OPEN).flows("laptop")


def test_many_questions_are_answered_at_once() -> None:
    """Each flow as if it were asked alone."""
    net = paper("ingress tcp/22 from 198.51.100.0/24")
    flows = net.ask([question_of(f"laptop ec2 tcp/{port}") for port in range(20, 25)])

    assert [flow.seen for flow in flows] == [Seen.LOST, Seen.LOST, Seen.DELIVERED, Seen.LOST, Seen.LOST]


def test_walks_can_be_watched() -> None:
    """Each packet's walk is shown when it has ended."""
    walks: list[Walk] = []
    probe(Network(PaperWire(lab_of(OPEN), walks.append)), "laptop ec2 tcp/22")

    assert [len(walk.judged) for walk in walks] == [2, 2, 2]


def serving(rules: str) -> Lab:
    """Return the lab with ec2 serving SSH and names."""
    lab = bare_lab()
    ec2 = Instance("ec2", lab.instances["ec2"].interfaces, services=("ssh", "dns"))
    return lab_of(rules, replace(lab, instances={**lab.instances, "ec2": ec2}))


# rules of ec2                                         ; from, to, what              ; seen
REAL = """
ingress all from 0.0.0.0/0, egress all to 0.0.0.0/0    ; laptop ec2 tcp/22           ; delivered
ingress all from 0.0.0.0/0, egress all to 0.0.0.0/0    ; laptop ec2 tcp/80           ; refused
ingress all from 0.0.0.0/0, egress all to 0.0.0.0/0    ; laptop ec2 udp/53           ; delivered
ingress all from 0.0.0.0/0, egress all to 0.0.0.0/0    ; laptop ec2 udp/54           ; refused
ingress all from 0.0.0.0/0, egress all to 0.0.0.0/0    ; laptop ec2 icmp/8           ; delivered
ingress tcp/22 from 0.0.0.0/0                          ; laptop ec2 tcp/22           ; delivered
ingress tcp/22 from 0.0.0.0/0                          ; laptop ec2 tcp/80           ; lost
ingress tcp/80 from 0.0.0.0/0                          ; laptop ec2 tcp/80           ; refused
ingress udp/54 from 0.0.0.0/0                          ; laptop ec2 udp/54           ; refused
ingress udp/54 from 0.0.0.0/0, egress udp/all to 0.0.0.0/0 ; laptop ec2 udp/54       ; lost
egress all to 0.0.0.0/0                                ; ec2 www tcp/443             ; delivered
egress all to 0.0.0.0/0                                ; ec2 www tcp/80              ; refused
egress all to 0.0.0.0/0                                ; ec2 www udp/53              ; refused
egress all to 0.0.0.0/0                                ; ec2 192.0.2.200 tcp/80      ; lost
egress all to ::/0                                     ; ec2 www tcp/443 6           ; delivered
egress all to ::/0                                     ; ec2 www udp/443 6           ; refused
                                                       ; ec2 www tcp/443             ; lost
                                                       ; ec2 10.0.0.2 udp/53         ; delivered
                                                       ; ec2 10.0.0.2 tcp/53         ; delivered
                                                       ; ec2 10.0.0.2 tcp/80         ; refused
                                                       ; ec2 169.254.169.254 tcp/80  ; delivered
                                                       ; ec2 169.254.169.254 tcp/53  ; refused
                                                       ; ec2 169.254.169.123 udp/123 ; delivered
                                                       ; ec2 169.254.169.253 udp/123 ; refused
                                                       ; ec2 10.0.1.1 icmp/8         ; delivered
"""


@pytest.mark.parametrize("line", lines(REAL))
def test_a_real_conversation_needs_a_service_and_a_way_back(line: str) -> None:
    """A closed port refuses, if its answer comes back; what the policy denies is lost."""
    rules, words, wanted = (part.strip() for part in line.split(";"))
    net = Network(PaperWire(serving(rules.replace(",", ";"))))
    flow = net.open_question(replace(question_of(words), real=True))

    assert flow.seen.value == wanted


def test_a_real_conversation_is_lost_where_its_end_is() -> None:
    """The handshake's answer and its last packet count too."""
    entries = "ingress 100 allow all 0.0.0.0/0; egress 90 deny tcp/32768 0.0.0.0/0; egress 100 allow all 0.0.0.0/0"
    lab = with_subnet(with_acl(serving(OPEN), "mine", entries), "public", acl="mine")
    net = Network(PaperWire(lab))
    question = replace(question_of("laptop ec2 tcp/22"), real=True)

    assert verdict_of(net.open_question(question)) == "acl mine egress ACL 90"
    assert net.open_question(question).seen is Seen.DELIVERED


def test_a_real_question_must_have_an_answer_to_wait_for() -> None:
    """No stack answers a protocol nobody speaks."""
    with pytest.raises(InputError, match="real"):
        paper(OPEN).open_question(replace(question_of("laptop ec2 gre"), real=True))
