"""What a row or step wanted, held against what was seen."""

from __future__ import annotations

from netlab.check.outcomes import Outcome, Status
from netlab.model.rules import Rule
from netlab.model.stories import Wanted
from netlab.model.topology import Lab
from netlab.model.verdicts import Decision, Seen
from netlab.model.wire import Observation


def judge(lab: Lab, wanted: Wanted, observation: Observation) -> Outcome:
    """
    Hold an observation against what was wanted of it.

    A disagreement of the two minds fails whatever was seen; a broken experiment fails every expectation.
    """
    rule = rule_of(lab, observation.deciding.verdict.rule)
    if observation.disagreement:
        return Outcome(Status.DISAGREE, (), observation, rule, detail=observation.disagreement)
    if observation.seen is Seen.BROKEN:
        detail = observation.deciding.detail or "the packet vanished, and no gate claims it"
        return Outcome(Status.BROKEN, (), observation, rule, detail=detail)
    complaints = tuple(_complaints(lab, wanted, observation))
    return Outcome(Status.FAILED if complaints else Status.OK, complaints, observation, rule)


def rule_of(lab: Lab, rule_id: str | None) -> Rule | None:
    """Return the SG rule of that id; None where it is an ACL entry's, or none."""
    rules = (rule for group in lab.groups.values() for rule in (*group.ingress, *group.egress))
    return next((rule for rule in rules if rule.id == rule_id), None)


def normal_gate(lab: Lab, gate: str) -> str:
    """Return a gate's one name: ``card ec2/eth0 ingress`` is ``card ec2 ingress`` where eth0 is the primary."""
    words = gate.split()
    if len(words) == 3 and words[0] == "card":
        node, _, interface = words[1].partition("/")
        if node in lab.instances and lab.instances[node].primary.name == interface:
            words[1] = node
    return " ".join(words)


def _complaints(lab: Lab, wanted: Wanted, observation: Observation) -> list[str]:
    found = []
    verdict = observation.deciding.verdict
    if wanted.seen and wanted.seen != observation.seen.value:
        found.append(f"wanted {wanted.seen}, found {observation.seen.value}")
    if wanted.by:
        admitted = dict.fromkeys(
            passage.rule
            for transit in observation.transits
            for passage in transit.passages
            if passage.decision is Decision.ALLOW and passage.rule is not None and passage.gate.startswith("card ")
        )
        if wanted.by not in admitted:
            found.append(f"wanted admitted by {wanted.by}, found {', '.join(admitted) or 'no rule that admitted it'}")
    if wanted.at:
        dropped = verdict.gate if verdict.decision is Decision.DENY and verdict.gate else ""
        if normal_gate(lab, wanted.at) != normal_gate(lab, dropped):
            found.append(f"wanted dropped at {wanted.at}, found {dropped or 'no gate that dropped it'}")
    if wanted.reason and wanted.reason != verdict.reason.name:
        found.append(f"wanted reason {wanted.reason}, found {verdict.reason.name}")
    return found
