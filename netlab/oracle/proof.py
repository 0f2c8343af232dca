"""The smallest rules that let a lost flow through, proved by asking again, on paper, with each of them in place."""

from __future__ import annotations

from dataclasses import dataclass, replace

from netlab.control import apply
from netlab.errors import RefusedError
from netlab.model.changes import Authorize
from netlab.model.network import Network
from netlab.model.notation import parse_rule
from netlab.model.rules import Direction
from netlab.model.stories import Question
from netlab.model.topology import Interface, Lab
from netlab.model.verdicts import Reason, Seen, Verdict
from netlab.oracle.paper import PaperWire
from netlab.oracle.path import Walk
from netlab.oracle.remedy import Remedy, remedy_for
from netlab.oracle.world import Judged

_MOST = 4  # a card at each end, both ways


@dataclass(frozen=True, slots=True)
class Proof:
    """What a flow came to when it was asked again."""

    seen: Seen
    verdict: Verdict

    def __str__(self) -> str:
        at = f" at {self.verdict.gate}" if self.verdict.gate and self.seen is Seen.LOST else ""
        return f"{self.seen.value}{at}, {self.verdict.reason.name}"


def proved_remedies(lab: Lab, question: Question, lost: Judged | None) -> tuple[tuple[Remedy, ...], Proof | None]:
    """
    Return the smallest rules that let a flow through, or as far as rules can; and what it comes to with them.

    Args:
        lost: The gate that denied it; None = it got through.
    """
    remedies: list[Remedy] = []
    proof: Proof | None = None
    while lost is not None and (remedy := _remedy(lost)) is not None and len(remedies) < _MOST:
        request = parse_rule(remedy.rule, remedy.direction)
        try:
            lab = apply(lab, Authorize(remedy.group, remedy.direction, (request,)))
        except RefusedError:
            break  # a quota: no further rule fits there
        remedies.append(remedy)
        walks: list[Walk] = []
        flow = Network(PaperWire(lab, walks.append)).open_question(replace(question, real=False))
        proof = Proof(flow.seen, flow.verdict)
        lost = walks[-1].judged[-1] if flow.seen is Seen.LOST else None
    return tuple(remedies), proof


def _remedy(lost: Judged) -> Remedy | None:
    if lost.passage.reason is not Reason.NO_RULE or not isinstance(lost.by, Interface):
        return None
    leaves = lost.passage.gate.endswith(f" {Direction.EGRESS.value}")
    return remedy_for(lost.by, Direction.EGRESS if leaves else Direction.INGRESS, lost.packet)
