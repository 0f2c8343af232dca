"""Two wires as one: what is put to both, what counts as a disagreement, and when the two are not compared."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network

import pytest

from netlab.check import LockstepWire, Status, play_story
from netlab.errors import RefusedError
from netlab.model.changes import Change, RemovePrefix
from netlab.model.network import Network
from netlab.model.packets import Packet
from netlab.model.places import Ends, Station, resolve_ends
from netlab.model.rules import ICMP, UDP, Direction
from netlab.model.stories import OpenStep, Question, Story, TableStep, Wanted
from netlab.model.topology import Host, Instance, Interface, Lab, Subnet, Vpc
from netlab.model.verdicts import Decision, Passage, Reason, Seen, Transit
from netlab.model.wire import Departure, Entry

A, B, C = IPv4Address("198.51.100.7"), IPv4Address("10.0.1.10"), IPv4Address("198.51.100.8")
LAB = Lab(
    "unit",
    Vpc(IPv4Network("10.0.0.0/16")),
    {"a": Subnet("a", IPv4Network("10.0.1.0/24"), internet=True)},
    instances={"ec2": Instance("ec2", (Interface("ec2", "eth0", True, "a", (B,)),))},
    hosts={"laptop": Host("laptop", (A,))},
)
STATION = Station("laptop", "eth0")
ALLOWED = Passage("card ec2 ingress", Decision.ALLOW, Reason.RULE, "sgr-1")
DENIED = Passage("card ec2 ingress", Decision.DENY, Reason.NO_RULE)
OUT = Passage("card web egress", Decision.ALLOW, Reason.RULE, "sgr-out")
WEB = "card web egress"
BEHIND = "ALLOW RULE sgr-1 at card ec2 ingress"
CHANGE = RemovePrefix("offices", "192.0.2.0/24")


class CountingWire:
    """A wire that judges every packet alike, and keeps what it was asked; its clock can be set."""

    def __init__(self, *passages: Passage, lab: Lab = LAB, at_s: float = 0.0) -> None:
        self.lab = lab
        self.passages = passages
        self.seen = Seen.LOST if passages and passages[-1].decision is Decision.DENY else Seen.DELIVERED
        self.now_s = at_s
        self.edge_s = math.inf
        self.entries: tuple[Entry, ...] = ()
        self.refuses = False
        self.log: list[str] = []

    def transmit(self, departures: Sequence[Departure]) -> list[Transit]:
        """Judge, and note the time."""
        self.log += [f"packet at {self.now_s}" for _ in departures]
        return [self._transit(departure.packet) for departure in departures]

    def converse(self, ends: Ends, question: Question) -> Transit:
        """Judge likewise."""
        self.log.append(f"talk at {self.now_s}")
        return self._transit(Packet(ends.source, ends.target, question.protocol, sport=1, dport=question.dport))

    def change(self, change: Change) -> None:
        """Take it or refuse it."""
        if self.refuses:
            raise RefusedError("Code", "message")
        self.log.append(f"change at {self.now_s}: {type(change).__name__}")

    def wait(self, seconds: float) -> None:
        """Turn the clock, a little too far."""
        self.now_s += seconds + 0.125
        self.log.append(f"wait {seconds}")

    def flows(self, node: str) -> tuple[Entry, ...]:
        """Return what it was given."""
        self.log.append(f"flows of {node}")
        return self.entries

    def reset(self) -> None:
        """Note it."""
        self.log.append("reset")

    def set_clock(self, now_s: float) -> None:
        """Set the clock."""
        self.now_s = now_s

    def expect_number(self, number: int | None) -> None:
        """Do without."""

    def nearest_edge_s(self) -> float:
        """Return what it was given."""
        return self.edge_s

    def _transit(self, packet: Packet) -> Transit:
        arrived = packet if self.seen is not Seen.LOST else None
        return Transit(packet, arrived, self.seen, self.passages, at_s=self.now_s)


def _packet(source: IPv4Address = A, sport: int = 40000) -> Packet:
    return Packet(source, B, UDP, sport=sport, dport=53)


def _send(wire: LockstepWire, packet: Packet | None = None) -> Transit:
    (transit,) = wire.transmit([Departure(STATION, packet or _packet())])
    return transit


@pytest.mark.parametrize(
    ("kernel", "oracle", "said"),
    [
        ((ALLOWED,), (ALLOWED,), ""),
        ((DENIED,), (DENIED,), ""),
        ((), (), ""),
        (
            (ALLOWED,),
            (DENIED,),
            "kernel: ALLOW RULE sgr-1 at card ec2 ingress; oracle: DENY NO_RULE at card ec2 ingress",
        ),
        (
            (ALLOWED,),
            (replace(ALLOWED, reason=Reason.UNTRACKED),),
            "kernel: ALLOW RULE sgr-1 at card ec2 ingress; oracle: ALLOW UNTRACKED sgr-1 at card ec2 ingress",
        ),
        (
            (ALLOWED,),
            (replace(ALLOWED, rule="sgr-2"),),
            "kernel: ALLOW RULE sgr-1 at card ec2 ingress; oracle: ALLOW RULE sgr-2 at card ec2 ingress",
        ),
        (
            (DENIED,),
            (replace(DENIED, gate="card ec2 egress"),),
            "kernel: DENY NO_RULE at card ec2 ingress; oracle: DENY NO_RULE at card ec2 egress",
        ),
        (
            (OUT, ALLOWED),
            (replace(OUT, reason=Reason.TRACKED, rule=None), ALLOWED),
            f"kernel: ALLOW RULE sgr-out at {WEB}, {BEHIND}; oracle: ALLOW TRACKED at {WEB}, {BEHIND}",
        ),
        ((), (ALLOWED,), "kernel: ALLOW EXEMPT; oracle: ALLOW RULE sgr-1 at card ec2 ingress"),
    ],
)
def test_the_minds_agree_where_decision_reason_and_rule_are_the_same_at_every_card(
    kernel: tuple[Passage, ...], oracle: tuple[Passage, ...], said: str
) -> None:
    """The answer is the kernel's; a difference is said in one line, with both sides."""
    wire = LockstepWire(CountingWire(*kernel), CountingWire(*oracle))
    transit = _send(wire)

    assert transit.passages == kernel
    assert transit.disagreement == said
    assert (wire.compared, wire.left_out) == (1, 0)


def test_gates_that_only_one_side_mentions_while_passing_do_not_matter() -> None:
    """ACLs and gateways may be left out where they let a packet through."""
    acl = Passage("acl strict ingress", Decision.ALLOW, Reason.ACL, "100")

    assert _send(LockstepWire(CountingWire(acl, ALLOWED), CountingWire(ALLOWED))).disagreement == ""


def test_the_oracle_is_asked_at_the_moment_the_kernel_measured() -> None:
    """Never at the sum of waits; changes and resets go to both, waits only move the oracle's clock."""
    kernel, oracle = CountingWire(ALLOWED, at_s=1.5), CountingWire(ALLOWED)
    wire = LockstepWire(kernel, oracle)
    wire.reset()
    _send(wire)
    wire.wait(31)
    _send(wire)
    wire.change(CHANGE)

    assert oracle.log == ["reset", "packet at 1.5", "packet at 32.625", "change at 32.625: RemovePrefix"]
    assert wire.now_s == 32.625
    assert wire.lab == LAB


def test_a_change_that_the_kernel_side_refuses_never_reaches_the_oracle() -> None:
    """So nothing has changed on either side."""
    kernel, oracle = CountingWire(), CountingWire()
    kernel.refuses = True
    with pytest.raises(RefusedError):
        LockstepWire(kernel, oracle).change(CHANGE)

    assert (kernel.log, oracle.log) == ([], [])


@pytest.mark.parametrize(
    ("edge_s", "scale", "is_compared"),
    [
        (0.29, 1.0, False),
        (0.31, 1.0, True),
        (2.9, 0.1, False),
        (3.1, 0.1, True),
        (math.inf, 1.0, True),
        (0.0, 1.0, False),
    ],
)
def test_a_packet_near_a_timers_edge_is_not_compared(edge_s: float, scale: float, is_compared: bool) -> None:
    """Within 0.3 seconds of real time: in a lab ten times as fast, 3 of its own."""
    kernel, oracle = CountingWire(ALLOWED, lab=replace(LAB, scale=scale)), CountingWire(DENIED)
    oracle.edge_s = edge_s

    assert bool(_send(LockstepWire(kernel, oracle)).disagreement) == is_compared


def test_a_flow_that_was_near_an_edge_is_left_out_from_there_on() -> None:
    """Its answers too, another flow not; after a reset it is compared again."""
    oracle = CountingWire(DENIED)
    wire = LockstepWire(CountingWire(ALLOWED), oracle)
    oracle.edge_s = 0.1
    _send(wire)
    oracle.edge_s = math.inf

    assert _send(wire).disagreement == ""
    assert _send(wire, _packet().answered()).disagreement == ""
    assert _send(wire, Packet(C, A, ICMP, icmp_type=3, icmp_code=4, quoted=_packet())).disagreement == ""
    assert _send(wire, _packet(sport=40001)).disagreement != ""
    assert (wire.compared, wire.left_out) == (1, 4)
    wire.reset()
    assert _send(wire).disagreement != ""


def test_the_echo_of_a_doubtful_ping_is_doubtful_another_ping_not() -> None:
    """Both ways carry one identifier."""
    ping = Packet(A, B, ICMP, icmp_type=8, icmp_code=0, icmp_id=7)
    oracle = CountingWire(DENIED)
    wire = LockstepWire(CountingWire(ALLOWED), oracle)
    oracle.edge_s = 0.1
    _send(wire, ping)
    oracle.edge_s = math.inf

    assert _send(wire, replace(ping.answered(), icmp_type=0)).disagreement == ""
    assert _send(wire, replace(ping, icmp_id=8)).disagreement != ""


def test_a_broken_packet_is_not_compared_but_the_oracle_hears_of_it() -> None:
    """It fails by itself; the oracle's memory must not fall behind."""
    kernel, oracle = CountingWire(), CountingWire(DENIED)
    kernel.seen = Seen.BROKEN
    transit = _send(LockstepWire(kernel, oracle))

    assert (transit.seen, transit.disagreement) == (Seen.BROKEN, "")
    assert oracle.log == ["packet at 0.0"]


@pytest.mark.parametrize(
    ("kernel", "oracle", "said"),
    [
        (Seen.DELIVERED, Seen.DELIVERED, ""),
        (Seen.REFUSED, Seen.DELIVERED, ""),
        (Seen.LOST, Seen.LOST, ""),
        (Seen.BROKEN, Seen.LOST, ""),
        (Seen.REFUSED, Seen.LOST, "kernel: refused, ALLOW EXEMPT; oracle: lost, ALLOW EXEMPT"),
        (Seen.LOST, Seen.DELIVERED, "kernel: lost, ALLOW EXEMPT; oracle: delivered, ALLOW EXEMPT"),
    ],
)
def test_a_real_conversation_is_compared_by_whether_it_was_lost(kernel: Seen, oracle: Seen, said: str) -> None:
    """Who listens, the oracle cannot know."""
    one, other = CountingWire(), CountingWire()
    one.seen, other.seen = kernel, oracle
    question = Question("laptop", "10.0.1.10", UDP, dport=53)
    transit = LockstepWire(one, other).converse(resolve_ends(LAB, "laptop", "10.0.1.10", None), question)

    assert (transit.seen, transit.disagreement) == (kernel, said)


ENTRY = Entry("ec2", UDP, A, B, 40000, 53, Direction.INGRESS, tracked=True, state="", left_s=30.0)
WORDS = "198.51.100.7:40000 > 10.0.1.10:53 udp on ec2, opened by ingress"


@pytest.mark.parametrize(
    ("kernel", "oracle", "said"),
    [
        ((), (), ""),
        ((ENTRY,), (replace(ENTRY, left_s=29.0, state="x"),), ""),
        ((ENTRY,), (), f"kernel alone remembers {WORDS}"),
        ((), (ENTRY,), f"oracle alone remembers {WORDS}"),
        ((replace(ENTRY, tracked=False),), (), ""),
        ((replace(ENTRY, left_s=0.2),), (), ""),
        (
            (ENTRY,),
            (replace(ENTRY, opened_by=Direction.EGRESS),),
            f"kernel alone remembers {WORDS}; oracle alone remembers {WORDS.replace('by ingress', 'by egress')}",
        ),
    ],
)
def test_tables_are_compared_by_their_tracked_entries(
    kernel: tuple[Entry, ...], oracle: tuple[Entry, ...], said: str
) -> None:
    """Times left and TCP's states are not compared, nor what admits nothing, nor what is about to expire."""
    one, other = CountingWire(), CountingWire()
    one.entries, other.entries = kernel, oracle
    wire = LockstepWire(one, other)

    assert wire.flows("ec2") == kernel
    assert wire.table_disagreement("ec2") == said


def test_the_table_is_not_compared_for_doubtful_flows_nor_after_a_real_conversation() -> None:
    """What the kernels' own stacks opened, the oracle has not seen packet by packet."""
    kernel, oracle = CountingWire(ALLOWED), CountingWire(ALLOWED)
    kernel.entries = (ENTRY,)
    wire = LockstepWire(kernel, oracle)
    oracle.edge_s = 0.1
    _send(wire)
    assert wire.table_disagreement("ec2") == ""

    wire.reset()
    assert wire.table_disagreement("ec2") != ""

    wire.converse(resolve_ends(LAB, "laptop", "10.0.1.10", None), Question("laptop", "10.0.1.10", UDP, dport=53))
    assert wire.table_disagreement("ec2") == ""


def test_a_table_step_disagrees_where_the_two_remember_differently() -> None:
    """Whatever it holds and lacks."""
    kernel, oracle = CountingWire(ALLOWED), CountingWire(ALLOWED)
    story = Story(
        "s",
        (
            OpenStep("a", Question("laptop", "10.0.1.10", UDP, dport=53), Wanted("delivered")),
            TableStep("ec2", (), ("a",)),
        ),
    )
    assert play_story(Network(LockstepWire(kernel, oracle)), story).status is Status.OK

    kernel.entries = (replace(ENTRY, sport=1),)
    report = play_story(Network(LockstepWire(kernel, oracle)), story)

    assert report.status is Status.DISAGREE
    assert "kernel alone remembers 198.51.100.7:1 > 10.0.1.10:53 udp" in report.steps[-1].outcome.detail
