"""Evidence: tags become gates, clues become the order of the way, and what nobody claims is broken."""

from dataclasses import replace
from ipaddress import ip_address, ip_network

import pytest

from netlab.model.packets import Packet
from netlab.model.places import Station
from netlab.model.topology import Instance, Interface, Lab, Subnet, Vpc
from netlab.model.verdicts import Decision, Passage, Reason, Seen
from netlab.model.wire import Departure
from netlab.plan.tags import tag_from_text
from netlab.probe.cookies import Cookies
from netlab.probe.encoding import encode
from netlab.probe.evidence import (
    Clue,
    Followed,
    clue_from_frame,
    gate_from_tag,
    said_by,
    transit_from_evidence,
)

LAB = Lab(
    "unit",
    Vpc(ip_network("10.0.0.0/16")),
    {"public": Subnet("public", ip_network("10.0.1.0/24"))},
    instances={
        "ec2": Instance(
            "ec2",
            (
                Interface("ec2", "eth0", primary=True, subnet="public"),
                Interface("ec2", "eth1", primary=False, subnet="public"),
            ),
        )
    },
)
PACKET = Packet(ip_address("198.51.100.7"), ip_address("10.0.1.10"), 17, 4000, 53, size=16)
DATA = encode(PACKET, Cookies(b"unit").cookie(1), ident=1, mtu=1500)[0]
LENGTH = len(DATA) - 20

TAGS = [
    ("ec2:eth0", "+ingress RULE sgr-ssh", "card ec2 ingress"),
    ("ec2:eth1", "+egress RULE sgr-ssh", "card ec2/eth1 egress"),
    ("ec2:eth0", "-source-dest-check SPOOFED", "card ec2 source-dest-check"),
    ("ec2:eth0", "-allowance ALLOWANCE", "card ec2 allowance"),
    (":vpc", "+acl/strict/ingress ACL 100", "acl strict ingress"),
    (":vpc", "-acl/strict.er/egress ACL *", "acl strict.er egress"),
    (":vpc", "-route NO_ROUTE", "vpc route"),
    (":vpc", "-mtu MTU", "mtu"),
    (":nat:out", "-nat/out NO_RULE", "nat out"),
    (":igw", "-igw NO_PUBLIC_ADDRESS", "igw"),
    (":internet", "-internet SPOOFED", "internet"),
]


@pytest.mark.parametrize(("namespace", "text", "gate"), TAGS, ids=[gate for _, _, gate in TAGS])
def test_a_tag_becomes_the_gates_name(namespace: str, text: str, gate: str) -> None:
    """The part of the tag and the namespace it was read in name the gate."""
    tag = tag_from_text(text)
    assert tag is not None

    assert gate_from_tag(LAB, namespace, tag) == gate


@pytest.mark.parametrize(
    ("namespace", "text"),
    [
        ("ec2:eth0", "no tag"),
        ("ec2:eth0", "+ingress"),
        ("ec2:eth0", "+ingress NO_SUCH_REASON"),
        ("ec2:eth7", "+ingress RULE sgr-ssh"),
        (":vpc", "+acl/strict/sideways ACL 1"),
    ],
)
def test_a_prefix_that_no_gate_writes_is_no_clue(namespace: str, text: str) -> None:
    """Neither an unknown word nor an unknown place is guessed at."""
    assert said_by(LAB, namespace, text) is None
    assert said_by(LAB, "ec2:eth0", "+ingress RULE sgr-ssh") is not None


def test_a_record_becomes_a_passage() -> None:
    """Decision, reason and rule come from the tag."""
    passed = said_by(LAB, "ec2:eth0", "+ingress UNTRACKED sgr-1")
    dropped = said_by(LAB, "ec2:eth0", "-ingress NO_RULE")

    assert passed is not None
    assert dropped is not None
    assert passed.passage == Passage("card ec2 ingress", Decision.ALLOW, Reason.UNTRACKED, "sgr-1")
    assert dropped.passage == Passage("card ec2 ingress", Decision.DENY, Reason.NO_RULE)


def _clue(namespace: str, text: str, *, time_us: int, seq: int = 0) -> Clue:
    said = said_by(LAB, namespace, text)
    assert said is not None
    return Clue(said.passage.gate, DATA, time_us, seq, said.step, said.passage)


def _followed(*clues: Clue, arrived: bool = False, trouble: str = "") -> Followed:
    followed = Followed(Departure(Station("laptop", "eth0"), PACKET), 1.5, LENGTH, list(clues), trouble=trouble)
    if arrived:
        followed.arrival = clue_from_frame("ec2 eth0", DATA, time_us=99, outgoing=False)
        followed.pieces[0] = LENGTH
    return followed


def test_clues_of_one_microsecond_stand_in_the_order_of_the_way() -> None:
    """Time decides, then the gate's place on the way, then the record's number."""
    transit = transit_from_evidence(
        _followed(
            _clue("ec2:eth0", "+ingress RULE sgr-2", time_us=7),
            _clue(":vpc", "+acl/a/ingress ACL 100", time_us=7, seq=2),
            _clue(":vpc", "+acl/b/egress ACL 100", time_us=7, seq=1),
            _clue("ec2:eth1", "+egress RULE sgr-1", time_us=6),
            arrived=True,
        )
    )

    wanted = ["card ec2/eth1 egress", "acl b egress", "acl a ingress", "card ec2 ingress"]
    assert [passage.gate for passage in transit.passages] == wanted
    assert [sight.at for sight in transit.trail] == ["laptop eth0", *wanted, "ec2 eth0"]
    assert transit.seen is Seen.DELIVERED
    assert transit.arrived == PACKET
    assert transit.verdict.rule == "sgr-2"
    assert transit.at_s == 1.5


def test_time_outranks_the_usual_way() -> None:
    """Through an appliance a packet enters one card and leaves it again."""
    transit = transit_from_evidence(
        _followed(
            _clue("ec2:eth0", "+egress RULE sgr-2", time_us=9),
            _clue("ec2:eth0", "+ingress RULE sgr-1", time_us=7),
            clue_from_frame("ec2 eth0", DATA, time_us=8, outgoing=False),
            clue_from_frame("ec2 eth0", DATA, time_us=9, outgoing=True),
            arrived=True,
        )
    )

    assert [sight.at for sight in transit.trail] == [
        "laptop eth0",
        "card ec2 ingress",
        "ec2 eth0",
        "card ec2 egress",
        "ec2 eth0",
    ]


def test_without_a_clock_the_usual_way_decides() -> None:
    """Where the kernel did not say when for one clue, the others' times cannot place it."""
    transit = transit_from_evidence(
        _followed(
            _clue("ec2:eth0", "+ingress RULE sgr-2", time_us=0),
            _clue("ec2:eth1", "+egress RULE sgr-1", time_us=6),
            arrived=True,
        )
    )

    assert [passage.gate for passage in transit.passages] == ["card ec2/eth1 egress", "card ec2 ingress"]


def test_what_a_gate_dropped_is_lost() -> None:
    """The drop ends the way, whatever its time stamp says."""
    transit = transit_from_evidence(
        _followed(
            _clue("ec2:eth0", "-ingress NO_RULE", time_us=5),
            _clue(":vpc", "+acl/a/ingress ACL 100", time_us=5),
        )
    )

    assert transit.seen is Seen.LOST
    assert transit.arrived is None
    assert (transit.verdict.gate, transit.verdict.reason) == ("card ec2 ingress", Reason.NO_RULE)


BROKEN = {
    "nobody claims it": (_followed(), "it vanished: last seen at laptop eth0"),
    "it passed a gate and was not seen again": (
        _followed(_clue("ec2:eth0", "+ingress RULE sgr-1", time_us=1)),
        "it vanished: last seen at card ec2 ingress",
    ),
    "it arrived though a gate dropped it": (
        _followed(_clue("ec2:eth0", "-ingress NO_RULE", time_us=1), arrived=True),
        "ec2 eth0 saw it arrive, though card ec2 ingress says that it dropped it",
    ),
    "the experiment itself failed": (_followed(arrived=True, trouble="records were lost"), "records were lost"),
    "a fragment is missing": (replace(_followed(arrived=True), length=LENGTH + 8), "it vanished"),
}


@pytest.mark.parametrize(("followed", "detail"), BROKEN.values(), ids=BROKEN.keys())
def test_what_cannot_be_proved_is_broken(followed: Followed, detail: str) -> None:
    """Never lost without a gate that says so, never delivered against one."""
    transit = transit_from_evidence(followed)

    assert transit.seen is Seen.BROKEN
    assert detail in transit.detail


def test_a_gate_speaks_once_for_all_fragments() -> None:
    """Two records of the same gate about two fragments are one passage."""
    twice = [_clue(":vpc", "+acl/a/ingress ACL 100", time_us=time, seq=time) for time in (1, 2)]
    transit = transit_from_evidence(_followed(*twice, arrived=True))

    assert len(transit.passages) == 1
