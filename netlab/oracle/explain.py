"""
Why a flow fares as it does: each gate in order, the rules it read, why each did or did not match; and what would help.

Plain data, and `Explanation.lines`, which renders it as text.

Source:
    AWS CLI reference, authorize-security-group-ingress and -egress, --ip-permissions.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from ipaddress import ip_network

from netlab.model.acls import NetworkAcl
from netlab.model.addresses import Address, contains
from netlab.model.network import Network
from netlab.model.packets import Packet
from netlab.model.rules import ICMP, ICMPV6, PROTOCOL_NAMES, TCP, UDP, Direction, Ports, Rule, Traffic
from netlab.model.stories import Question
from netlab.model.topology import Interface, Lab
from netlab.model.verdicts import Decision, Passage, Reason, Seen, Verdict
from netlab.oracle.paper import PaperWire
from netlab.oracle.path import Walk
from netlab.oracle.policy import Policy, PooledRule, remote_of, traffic_matches
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
class Remedy:
    """
    The smallest rule that would admit what was lost.

    Attributes:
        group: The first one of the interface.
        rule: In netlab's notation.
        aws: The same as a command for AWS's CLI; the group goes by its name.
    """

    group: str
    direction: Direction
    rule: str
    aws: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """
    An answer, and all that led to it.

    Attributes:
        remedy: Where no rule admitted the packet that was lost; else None.
    """

    question: Question
    seen: Seen
    verdict: Verdict
    packets: tuple[PacketReading, ...]
    remedy: Remedy | None = None

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
        if self.remedy is not None:
            yield f"would be admitted by {self.remedy.group} {self.remedy.direction.value} {self.remedy.rule}:"
            yield f"  netlab authorize {self.remedy.group} {self.remedy.direction.value} {self.remedy.rule}"
            yield f"  {self.remedy.aws}"


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
    return Explanation(question, flow.seen, flow.verdict, packets, _remedy(lost) if lost is not None else None)


def _gate_lines(gate: GateReading) -> Iterator[str]:
    passage = gate.passage
    sign = "+" if passage.decision is Decision.ALLOW else "-"
    why = "" if passage.reason is Reason.ACL else f", {passage.reason.value}"
    yield f"  {sign} {passage.gate}: {passage.decision.value} {passage.reason.name}{why}"
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


def _remedy(lost: Judged) -> Remedy | None:
    if lost.passage.reason is not Reason.NO_RULE or not isinstance(lost.by, Interface):
        return None
    direction, packet = _direction(lost.passage), lost.packet
    rule = smallest_rule(direction, packet)
    group = lost.by.security_groups[0]
    return Remedy(group, direction, str(rule), _aws_command(group, rule))


def smallest_rule(direction: Direction, packet: Packet) -> Rule:
    """Return the rule that admits packets like this one, from or to this one address, and nothing else."""
    protocol = packet.protocol
    if protocol in {TCP, UDP}:
        port = packet.dport or 0
        traffic = Traffic(protocol, ports=Ports(port, port))
    elif protocol in {ICMP, ICMPV6}:
        traffic = Traffic(protocol, icmp_type=packet.icmp_type, icmp_code=packet.icmp_code or 0)
    else:
        traffic = Traffic(protocol)
    return Rule("", direction, traffic, ip_network(remote_of(packet, direction)))


def _aws_command(group: str, rule: Rule) -> str:
    traffic = rule.traffic
    protocol = traffic.protocol if traffic.protocol is not None else -1
    named = protocol in {TCP, UDP, ICMP, ICMPV6}
    permission = [f"IpProtocol={PROTOCOL_NAMES[protocol] if named else protocol}"]
    if traffic.ports is not None:
        permission += [f"FromPort={traffic.ports.first}", f"ToPort={traffic.ports.last}"]
    elif traffic.icmp_type is not None:
        permission += [f"FromPort={traffic.icmp_type}", f"ToPort={traffic.icmp_code}"]
    ipv6 = ":" in str(rule.peer)
    permission.append(f"Ipv6Ranges=[{{CidrIpv6={rule.peer}}}]" if ipv6 else f"IpRanges=[{{CidrIp={rule.peer}}}]")
    words = ",".join(permission)
    return f"aws ec2 authorize-security-group-{rule.direction.value} --group-id {group} --ip-permissions '{words}'"
