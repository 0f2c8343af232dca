"""
Why a flow fares as it does: each gate in order, the rules it read, why each did or did not match; and what would help.

Plain data; `Explanation.lines` renders it as text, `Explanation.as_json` as what JSON takes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace

from netlab.model.acls import NetworkAcl
from netlab.model.addresses import Address, contains
from netlab.model.network import Network
from netlab.model.packets import Packet
from netlab.model.rules import ICMP, ICMPV6, PROTOCOL_NAMES, Direction, Traffic
from netlab.model.stories import Question
from netlab.model.topology import Interface, Lab
from netlab.model.verdicts import Decision, Passage, Reason, Seen, Verdict, why
from netlab.oracle.acl_remedy import AclRemedy
from netlab.oracle.paper import PaperWire
from netlab.oracle.path import Walk
from netlab.oracle.policy import Policy, PooledRule, remote_of, traffic_matches
from netlab.oracle.proof import Proof, proved_remedies
from netlab.oracle.reachability import reachability_json
from netlab.oracle.remedy import Remedy
from netlab.oracle.world import Judged

_READ = {Reason.RULE, Reason.UNTRACKED, Reason.NO_RULE, Reason.ALLOWANCE}


@dataclass(frozen=True, slots=True)
class Reading:
    """
    One rule, or ACL entry, that a gate read.

    Attributes:
        name: The rule's id, or the entry's number; ``*`` = the final deny.
        text: In netlab's notation.
        group: Of a rule; empty for an ACL's entry.
        why: ``matches``, or what does not.
    """

    name: str
    text: str
    group: str
    matches: bool
    why: str


@dataclass(frozen=True, slots=True)
class GateReading:
    """What one gate did with one packet, and what it read; () = it needed to read nothing."""

    passage: Passage
    packet: Packet
    readings: tuple[Reading, ...] = ()


@dataclass(frozen=True, slots=True)
class PacketReading:
    """One packet of the flow's opening, and its gates in order."""

    packet: Packet
    gates: tuple[GateReading, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """
    An answer, and all that led to it.

    Attributes:
        remedies: The smallest rules and ACL entries that would let it through, gate after gate; () = none can, or it
            got through.
        proof: What the flow came to when it was asked again with them.
        reachability: The same in the words of AWS's Reachability Analyzer.
    """

    question: Question
    seen: Seen
    verdict: Verdict
    packets: tuple[PacketReading, ...]
    remedies: tuple[Remedy | AclRemedy, ...] = ()
    proof: Proof | None = None
    reachability: Mapping[str, object] = field(default_factory=dict)

    @property
    def remedy(self) -> Remedy | AclRemedy | None:
        """The first of the remedies, for the gate that denied it; None where there is none."""
        return self.remedies[0] if self.remedies else None

    def lines(self) -> Iterator[str]:
        """Yield the explanation as lines of text."""
        for packet in self.packets:
            yield str(packet.packet)
            if not packet.gates:
                yield "  no gate on its way"
            for gate in packet.gates:
                yield from _gate_lines(gate)
        rule = f" by {self.verdict.rule}" if self.verdict.rule else ""
        yield f"{self.seen.value}: {self.verdict.decision.value} {self.verdict.reason.name}{rule}"
        for remedy in self.remedies:
            yield from remedy.lines()
        if self.proof is not None:
            yield f"asked again on paper with {'that' if len(self.remedies) == 1 else 'them'}: {self.proof}"
        yield from self._beyond_rules()

    def _beyond_rules(self) -> Iterator[str]:
        """Yield where it is lost for good, if no rule of a group can help there."""
        last = self.proof or self
        if last.seen is Seen.LOST and last.verdict.reason is not Reason.NO_RULE:
            yield f"no rule of a group helps at {last.verdict.gate}: {why(last.verdict)}"

    def as_json(self) -> dict[str, object]:
        """Return the explanation in the words of ``netlab probe --json``, with each packet's gates and readings."""
        proof = self.proof
        return {
            "seen": self.seen.value,
            "verdict": _judgement(self.verdict),
            "packets": [
                {"packet": str(each.packet), "gates": [_gate_json(gate) for gate in each.gates]}
                for each in self.packets
            ],
            "remedy": None if self.remedy is None else self.remedy.as_json(),
            "remedies": [each.as_json() for each in self.remedies],
            "proof": None if proof is None else {"seen": proof.seen.value, "verdict": _judgement(proof.verdict)},
            "reachability_analyzer": dict(self.reachability),
        }


def explain(lab: Lab, question: Question) -> Explanation:
    """
    Explain how a flow would fare in a lab, with empty connection tables.

    Raises:
        InputError: A place of the question is unknown.
    """
    walks: list[Walk] = []
    flow = Network(PaperWire(lab, walks.append)).open_question(replace(question, real=False))
    policy = Policy(lab)
    packets = tuple(
        PacketReading(walk.trail[0].packet, tuple(_read(policy, judged) for judged in walk.judged)) for walk in walks
    )
    lost = walks[-1].judged[-1] if walks and flow.seen is Seen.LOST else None
    remedies, proof = proved_remedies(lab, question, lost)
    said = reachability_json(lab, lost)
    return Explanation(question, flow.seen, flow.verdict, packets, remedies, proof, said)


def _judgement(judged: Passage | Verdict) -> dict[str, object]:
    return {
        "decision": judged.decision.value,
        "reason": judged.reason.name,
        "rule": judged.rule,
        "gate": judged.gate,
    }


def _gate_json(gate: GateReading) -> dict[str, object]:
    readings = [asdict(reading) for reading in gate.readings]
    return {**_judgement(gate.passage), "packet": str(gate.packet), "readings": readings}


def _gate_lines(gate: GateReading) -> Iterator[str]:
    passage = gate.passage
    sign = "+" if passage.decision is Decision.ALLOW else "-"
    words = "" if passage.reason is Reason.ACL else f", {why(passage)}"
    yield f"  {sign} {passage.gate}: {passage.decision.value} {passage.reason.name}{words}"
    for reading in gate.readings:
        owner = f"{reading.group} " if reading.group else ""
        yield f"      {'=' if reading.matches else '≠'} {owner}{reading.name}: {reading.text}: {reading.why}"
    if not gate.readings and passage.reason is Reason.NO_RULE:
        yield "      no rules"


def _read(policy: Policy, judged: Judged) -> GateReading:
    passage, packet = judged.passage, judged.packet
    readings: tuple[Reading, ...] = ()
    if isinstance(judged.by, NetworkAcl):
        readings = _read_acl(judged.by, _direction(passage), packet)
    elif isinstance(judged.by, Interface) and passage.reason in _READ:
        direction = _direction(passage, judged.by, packet)
        remote = remote_of(packet, direction)
        pooled = policy.pooled(judged.by, direction)
        readings = tuple(_reading(each, packet, remote) for each in pooled)
    return GateReading(passage, packet, readings)


def _direction(passage: Passage, interface: Interface | None = None, packet: Packet | None = None) -> Direction:
    for direction in Direction:
        if passage.gate.endswith(f" {direction.value}"):
            return direction
    own = packet is not None and interface is not None and packet.src in interface.addresses
    return Direction.EGRESS if own else Direction.INGRESS


def _reading(pooled: PooledRule, packet: Packet, remote: Address) -> Reading:
    rule = pooled.rule
    why = _mismatch(rule.traffic, packet)
    if not why and not pooled.has_peer(remote):
        why = f"{remote} is not in {rule.peer}"
    return Reading(rule.id, str(rule), pooled.group, not why, why or "matches")


def _read_acl(acl: NetworkAcl, direction: Direction, packet: Packet) -> tuple[Reading, ...]:
    remote = remote_of(packet, direction)
    readings = []
    for entry in acl.entries(direction):
        why = _mismatch(entry.traffic, packet)
        if not why and not contains(entry.cidr, remote):
            why = f"{remote} is not in {entry.cidr}"
        text = f"{'allow' if entry.allow else 'deny'} {entry.traffic} {entry.cidr}"
        readings.append(Reading(str(entry.number), text, "", not why, why or "matches"))
        if not why:
            return tuple(readings)
    return (*readings, Reading("*", "deny all", "", matches=True, why="matches"))


def _mismatch(traffic: Traffic, packet: Packet) -> str:
    """Return what of a packet is not what a rule speaks of; empty = it is."""
    if traffic_matches(traffic, packet):
        return ""
    name = PROTOCOL_NAMES.get(packet.protocol, str(packet.protocol))
    if traffic.protocol != packet.protocol:
        return f"{name} is not {str(traffic).partition('/')[0]}"
    if traffic.ports is not None:
        return f"port {packet.dport} is not in {traffic.ports}"
    if traffic.protocol in {ICMP, ICMPV6} and traffic.icmp_type != packet.icmp_type:
        return f"type {packet.icmp_type} is not {traffic.icmp_type}"
    return f"code {packet.icmp_code or 0} is not {traffic.icmp_code}"
