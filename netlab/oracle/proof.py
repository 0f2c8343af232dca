"""The smallest rules and ACL entries that let a lost flow through, proved by asking again, on paper, with them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from netlab.control import apply
from netlab.errors import RefusedError
from netlab.model.acls import NetworkAcl
from netlab.model.network import Network
from netlab.model.rules import Direction
from netlab.model.stories import Question
from netlab.model.topology import Interface, Lab
from netlab.model.verdicts import Reason, Seen, Verdict
from netlab.oracle.acl_remedy import AclRemedy, acl_remedy_for
from netlab.oracle.paper import PaperWire
from netlab.oracle.path import Walk
from netlab.oracle.remedy import Remedy, remedy_for
from netlab.oracle.world import Judged

_MOST = 8  # a card and an ACL at each end, both ways


@dataclass(frozen=True, slots=True)
class Proof:
    """What a flow came to when it was asked again."""

    seen: Seen
    verdict: Verdict

    def __str__(self) -> str:
        at = f" at {self.verdict.gate}" if self.verdict.gate and self.seen is Seen.LOST else ""
        return f"{self.seen.value}{at}, {self.verdict.reason.name}"


def proved_remedies(
    lab: Lab, question: Question, lost: Judged | None
) -> tuple[tuple[Remedy | AclRemedy, ...], Proof | None]:
    """
    Return the smallest rules and ACL entries that let a flow through, or as far as they can; and what it comes to then.

    Args:
        lost: The gate that denied it; None = it got through.
    """
    remedies: list[Remedy | AclRemedy] = []
    proof: Proof | None = None
    while lost is not None and (remedy := _remedy(lab, lost)) is not None and len(remedies) < _MOST:
        try:
            lab = apply(lab, remedy.change)
        except RefusedError:
            break  # a quota: nothing more fits there
        remedies.append(remedy)
        walks: list[Walk] = []
        flow = Network(PaperWire(lab, walks.append)).open_question(replace(question, real=False))
        proof = Proof(flow.seen, flow.verdict)
        lost = walks[-1].judged[-1] if flow.seen is Seen.LOST else None
    return tuple(remedies), proof


def _remedy(lab: Lab, lost: Judged) -> Remedy | AclRemedy | None:
    leaves = lost.passage.gate.endswith(f" {Direction.EGRESS.value}")
    direction = Direction.EGRESS if leaves else Direction.INGRESS
    if lost.passage.reason is Reason.NO_RULE and isinstance(lost.by, Interface):
        return remedy_for(lab, lost.by, direction, lost.packet)
    if lost.passage.reason is Reason.ACL and isinstance(lost.by, NetworkAcl):
        return acl_remedy_for(lost.by, direction, lost.packet)
    return None
