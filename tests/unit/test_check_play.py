"""Rows and stories on a network whose answers are laid down: what is ok, what fails, what is broken. DESIGN.md 5.3."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network

import pytest

from netlab.check import Status, check_lab, play_expectations, play_lab, play_story
from netlab.check.judge import normal_gate
from netlab.errors import BrokenError, InputError, RefusedError
from netlab.model.changes import Authorize, Change, RuleRequest
from netlab.model.network import Network
from netlab.model.packets import Packet
from netlab.model.places import Ends
from netlab.model.rules import TCP, UDP, Direction, Ports, Rule, SecurityGroup, Traffic
from netlab.model.stories import (
    NO_FIELDS,
    ChangeStep,
    ErrorStep,
    Expectation,
    OpenStep,
    PacketStep,
    Question,
    Step,
    Story,
    TableStep,
    WaitStep,
    Wanted,
)
from netlab.model.topology import Host, Instance, Interface, Lab, Subnet, Vpc
from netlab.model.verdicts import Decision, Passage, Reason, Seen, Sight, Transit
from netlab.model.wire import Departure, Entry

SSH = Rule("sgr-ssh", Direction.INGRESS, Traffic(TCP, Ports(22, 22)), IPv4Network("0.0.0.0/0"))
INTERFACES = (
    Interface("ec2", "eth0", True, "a", (IPv4Address("10.0.1.10"),), public_ip=IPv4Address("203.0.113.10")),
    Interface("ec2", "eth1", False, "a", (IPv4Address("10.0.1.11"),)),
)
LAB = Lab(
    "unit",
    Vpc(IPv4Network("10.0.0.0/16")),
    {"a": Subnet("a", IPv4Network("10.0.1.0/24"), internet=True)},
    groups={"web": SecurityGroup("web", (SSH,))},
    instances={"ec2": Instance("ec2", INTERFACES)},
    hosts={"laptop": Host("laptop", (IPv4Address("198.51.100.7"),))},
)

ADMITTED = Passage("card ec2 ingress", Decision.ALLOW, Reason.RULE, "sgr-ssh")
TRACKED = Passage("card ec2 ingress", Decision.ALLOW, Reason.TRACKED)
DROPPED = Passage("card ec2 ingress", Decision.DENY, Reason.NO_RULE)


class ScriptedWire:
    """
    A wire on which port 22 is admitted by a rule, 53 is remembered, 13 vanishes, 7 cannot be asked, 8 disagrees and
    all else is dropped. It takes no change of the group ``db``, and remembers what was admitted.
    """

    def __init__(self) -> None:
        self.lab = LAB
        self.now_s = 0.0
        self.resets = 0
        self.changes: list[Change] = []
        self.entries: list[Entry] = []

    def transmit(self, departures: Sequence[Departure]) -> list[Transit]:
        """Answer each packet by its lower port."""
        return [self._transit(departure) for departure in departures]

    def _transit(self, departure: Departure) -> Transit:
        packet = departure.packet
        port = min(packet.sport or 0, packet.dport or 0)
        trail = (Sight(str(departure.station), packet),)
        if port == 7:
            raise BrokenError("port 7: the kernel took no packet")
        if port == 13:
            return Transit(packet, None, Seen.BROKEN, (), trail)
        if port in {22, 53, 8}:
            self.entries.append(
                Entry(
                    "ec2", packet.protocol, packet.src, packet.dst, packet.sport, packet.dport,
                    Direction.INGRESS, tracked=port == 53, state="", left_s=30.0,
                )
            )  # fmt: skip
            passed = TRACKED if port == 53 else ADMITTED
            said = "kernel: ALLOW; oracle: DENY" if port == 8 else ""
            arrived = replace(packet, dst=IPv4Address("10.0.1.10")) if str(packet.dst) == "203.0.113.10" else packet
            return Transit(packet, arrived, Seen.DELIVERED, (passed,), trail, disagreement=said)
        return Transit(packet, None, Seen.LOST, (DROPPED,), trail)

    def converse(self, ends: Ends, question: Question) -> Transit:
        """Refuse the connection, as a closed port does."""
        (transit,) = self.transmit([Departure(ends.source_station, _packet(ends, question))])
        return replace(transit, seen=Seen.REFUSED)

    def change(self, change: Change) -> None:
        """Take it, or refuse it."""
        if isinstance(change, Authorize) and change.group == "db":
            raise RefusedError("InvalidGroup.NotFound", "The security group 'db' does not exist")
        if isinstance(change, Authorize) and change.group == "bad":
            raise InputError("bad: no such thing")
        self.changes.append(change)

    def wait(self, seconds: float) -> None:
        """Turn the clock."""
        self.now_s += seconds

    def flows(self, node: str) -> tuple[Entry, ...]:
        """Return what was admitted."""
        return tuple(entry for entry in self.entries if entry.interface == node)

    def reset(self) -> None:
        """Forget."""
        self.now_s = 0.0
        self.resets += 1
        self.entries.clear()


def _packet(ends: Ends, question: Question) -> Packet:
    return Packet(ends.source, ends.target, question.protocol, sport=49152, dport=question.dport)


def _question(port: int, protocol: int = TCP, *, real: bool = False) -> Question:
    return Question("laptop", "ec2", protocol, dport=port, real=real)


def _row(port: int, seen: str, by: str = "", at: str = "", reason: str = "", *, real: bool = False) -> Expectation:
    return Expectation(_question(port, real=real), Wanted(seen, by, at, reason))


def _open(flow: str, port: int, seen: str, protocol: int = TCP) -> OpenStep:
    return OpenStep(flow, _question(port, protocol), Wanted(seen))


def _authorize(group: str, refused: str = "") -> ChangeStep:
    return ChangeStep(Authorize(group, Direction.INGRESS, (RuleRequest("tcp", 1, 1, "0.0.0.0/0"),)), refused)


@pytest.mark.parametrize(
    ("row", "status", "complaints"),
    [
        (_row(22, "delivered"), Status.OK, ()),
        (_row(22, "lost"), Status.FAILED, ("wanted lost, found delivered",)),
        (_row(80, "lost"), Status.OK, ()),
        (_row(80, "delivered"), Status.FAILED, ("wanted delivered, found lost",)),
        (_row(22, "delivered", by="sgr-ssh"), Status.OK, ()),
        (_row(22, "delivered", by="sgr-web"), Status.FAILED, ("wanted admitted by sgr-web, found sgr-ssh",)),
        (
            _row(53, "delivered", by="sgr-ssh"),
            Status.FAILED,
            ("wanted admitted by sgr-ssh, found no rule that admitted it",),
        ),
        (_row(80, "lost", at="card ec2 ingress"), Status.OK, ()),
        (_row(80, "lost", at="card ec2/eth0 ingress"), Status.OK, ()),
        (
            _row(80, "lost", at="card ec2/eth1 ingress"),
            Status.FAILED,
            ("wanted dropped at card ec2/eth1 ingress, found card ec2 ingress",),
        ),
        (
            _row(22, "delivered", at="card ec2 ingress"),
            Status.FAILED,
            ("wanted dropped at card ec2 ingress, found no gate that dropped it",),
        ),
        (_row(80, "lost", reason="NO_RULE"), Status.OK, ()),
        (_row(80, "lost", reason="ACL"), Status.FAILED, ("wanted reason ACL, found NO_RULE",)),
        (_row(53, "delivered", reason="TRACKED"), Status.OK, ()),
        (_row(22, "refused", real=True), Status.OK, ()),
        (_row(22, "delivered", real=True), Status.FAILED, ("wanted delivered, found refused",)),
        (_row(13, "lost"), Status.BROKEN, ()),
        (_row(13, "delivered"), Status.BROKEN, ()),
        (_row(7, "lost"), Status.BROKEN, ()),
        (_row(8, "delivered"), Status.DISAGREE, ()),
        (_row(8, "lost"), Status.DISAGREE, ()),
    ],
)
def test_a_row_is_held_against_what_was_seen(row: Expectation, status: Status, complaints: tuple[str, ...]) -> None:
    """Broken fails every expectation, a disagreement fails whatever was seen, each complaint names both sides."""
    (report,) = play_expectations(Network(ScriptedWire()), [row])

    assert (report.outcome.status, report.outcome.complaints) == (status, complaints)
    assert report.ok == (status is Status.OK)


def test_what_went_wrong_is_said_where_a_row_is_broken_or_disputed() -> None:
    """The gate's silence, the error's text, both minds' words."""
    rows = [_row(13, "lost"), _row(7, "lost"), _row(8, "delivered"), _row(22, "delivered")]
    reports = play_expectations(Network(ScriptedWire()), rows)

    assert [report.outcome.detail for report in reports] == [
        "the packet vanished, and no gate claims it",
        "port 7: the kernel took no packet",
        "kernel: ALLOW; oracle: DENY",
        "",
    ]
    assert [report.outcome.rule for report in reports] == [None, None, SSH, SSH]


@pytest.mark.parametrize(
    ("gate", "normal"),
    [
        ("card ec2/eth0 ingress", "card ec2 ingress"),
        ("card ec2 ingress", "card ec2 ingress"),
        ("card ec2/eth1 egress", "card ec2/eth1 egress"),
        ("card other/eth0 ingress", "card other/eth0 ingress"),
        ("acl strict ingress", "acl strict ingress"),
        ("vpc route", "vpc route"),
        ("", ""),
    ],
)
def test_the_card_of_a_primary_interface_has_one_name(gate: str, normal: str) -> None:
    """With or without the interface's name; no other gate changes."""
    assert normal_gate(LAB, gate) == normal


def test_each_row_and_each_story_starts_afresh() -> None:
    """The network is reset once before each."""
    wire = ScriptedWire()
    play_expectations(Network(wire), [_row(22, "delivered"), _row(80, "lost")])
    play_story(Network(wire), Story("s", (_open("a", 22, "delivered"), _open("b", 22, "delivered"))))

    assert wire.resets == 3


def _statuses(*steps: Step) -> list[Status]:
    report = play_story(Network(ScriptedWire()), Story("s", steps))
    return [step.outcome.status for step in report.steps]


OK, FAILED, BROKEN = Status.OK, Status.FAILED, Status.BROKEN


def test_a_story_sends_and_answers_the_flows_it_opened() -> None:
    """A step that fails does not end the story; one about a flow that was never opened is broken."""
    packets = [PacketStep(flow, reply, NO_FIELDS, Wanted("delivered")) for flow in "ab" for reply in (False, True)]

    assert _statuses(_open("a", 22, "lost"), *packets) == [FAILED, OK, OK, BROKEN, BROKEN]
    assert _statuses(_open("a", 22, "delivered"), _open("b", 80, "lost"), *packets) == [OK, OK, OK, OK, FAILED, FAILED]
    assert _statuses(_open("a", 7, "lost"), packets[0], _open("a", 22, "delivered"), packets[0]) == [
        BROKEN,
        BROKEN,
        OK,
        OK,
    ]


def test_an_error_step_speaks_of_a_flow_and_its_ends() -> None:
    """From a place that cannot send, or about a third one, it is broken."""

    def error(source: str, target: str) -> ErrorStep:
        return ErrorStep("a", 3, 4, source, target, Wanted("lost"))

    assert _statuses(_open("a", 22, "delivered"), error("laptop", "ec2")) == [OK, OK]
    assert _statuses(_open("a", 22, "delivered"), error("laptop", "ec2/eth1")) == [OK, BROKEN]
    assert _statuses(_open("a", 22, "delivered"), error("192.0.2.1", "ec2")) == [OK, BROKEN]
    assert _statuses(error("laptop", "ec2")) == [BROKEN]


@pytest.mark.parametrize(
    ("step", "status", "complaints"),
    [
        (_authorize("web"), OK, ()),
        (
            _authorize("web", "InvalidGroup.NotFound"),
            FAILED,
            ("wanted refused: InvalidGroup.NotFound, found accepted",),
        ),
        (_authorize("db", "InvalidGroup.NotFound"), OK, ()),
        (_authorize("db"), FAILED, ("wanted accepted, found refused: InvalidGroup.NotFound",)),
        (
            _authorize("db", "InvalidPermission.Duplicate"),
            FAILED,
            ("wanted refused: InvalidPermission.Duplicate, found refused: InvalidGroup.NotFound",),
        ),
        (_authorize("bad"), BROKEN, ()),
        (_authorize("bad", "InvalidGroup.NotFound"), BROKEN, ()),
    ],
)
def test_a_refusal_is_a_verdict(step: ChangeStep, status: Status, complaints: tuple[str, ...]) -> None:
    """It is right where just that code was expected; what the user got wrong otherwise is broken."""
    (report,) = play_story(Network(ScriptedWire()), Story("s", (step,))).steps

    assert (report.outcome.status, report.outcome.complaints) == (status, complaints)


def test_a_wait_lets_time_pass() -> None:
    """As many seconds as it says, before the next step."""
    wire = ScriptedWire()

    assert play_story(Network(wire), Story("s", (WaitStep(31.0), WaitStep(0.5)))).ok
    assert wire.now_s == 31.5


@pytest.mark.parametrize(
    ("holds", "lacks", "status", "complaints"),
    [
        (("udp",), ("ssh", "web"), OK, ()),
        ((), (), OK, ()),
        (("ssh",), (), FAILED, ("wanted ec2 to hold ssh, found it lacks it",)),
        (("udp",), ("udp",), FAILED, ("wanted ec2 to lack udp, found it holds it",)),
        (("nothing",), (), BROKEN, ()),
    ],
)
def test_a_table_must_hold_and_lack_flows(
    holds: tuple[str, ...], lacks: tuple[str, ...], status: Status, complaints: tuple[str, ...]
) -> None:
    """Only what admits packets counts: the untracked flow of port 22 is not held."""
    opened = (_open("udp", 53, "delivered", UDP), _open("ssh", 22, "delivered"), _open("web", 80, "lost"))
    report = play_story(Network(ScriptedWire()), Story("s", (*opened, TableStep("ec2", holds, lacks))))

    assert (report.steps[-1].outcome.status, report.steps[-1].outcome.complaints) == (status, complaints)
    assert report.ok == (status is OK)
    assert report.status is status


STORIES = (
    Story("SSH stays open", (_open("a", 22, "delivered"),)),
    Story("web is lost", (_open("a", 80, "delivered"),)),
)
WHOLE = replace(LAB, expectations=(_row(22, "delivered"), _row(80, "lost")), stories=STORIES)


@pytest.mark.parametrize(
    ("names", "rows", "stories", "ok"),
    [
        ((), 2, 2, False),
        (("ssh",), 0, 1, True),
        (("tcp/22",), 1, 0, True),
        (("LAPTOP", "web"), 2, 1, False),
        (("tcp/80",), 1, 0, True),
    ],
)
def test_a_lab_is_played_whole_or_where_words_match(names: tuple[str, ...], rows: int, stories: int, ok: bool) -> None:
    """Rows by their notation, stories by their name, case aside; it is ok where all that was played is."""
    report = check_lab(Network(ScriptedWire()), WHOLE, names)

    assert (report.lab, len(report.rows), len(report.stories), report.ok) == ("unit", rows, stories, ok)


def test_a_name_that_nothing_has_is_the_users_mistake() -> None:
    """Nothing played would otherwise look like success."""
    with pytest.raises(InputError, match="no expectation or story holds 'nobody'"):
        check_lab(Network(ScriptedWire()), WHOLE, ["nobody"])


def test_what_is_played_is_reported_one_by_one() -> None:
    """So that progress can be shown: after the first answer only the first row was asked."""
    wire = ScriptedWire()
    first = next(play_lab(Network(wire), WHOLE))

    assert first.ok
    assert wire.resets == 1
