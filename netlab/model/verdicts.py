"""What the policy says of a packet, what was seen of it, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from netlab.model.packets import Packet
from netlab.model.rules import Direction
from netlab.model.topology import Interface


class Decision(Enum):
    """What the policy says."""

    ALLOW = "ALLOW"
    DENY = "DENY"


class Seen(Enum):
    """What the experiment saw."""

    DELIVERED = "delivered"
    LOST = "lost"
    REFUSED = "refused"
    BROKEN = "broken"


class Reason(Enum):
    """Why a gate decided as it did; the value is what reports say, and `why` says what it means at a gate."""

    RULE = "admitted by a rule; the connection is remembered"
    NO_RULE = "no rule admits it"
    TRACKED = "belongs to a remembered connection"
    RELATED = "an ICMP error about a remembered connection"
    UNTRACKED = "admitted by a rule; no state is kept"
    EXEMPT = "traffic that AWS never filters"
    ACL = "an entry of the network ACL says so"
    SPOOFED = "source or destination is not an address of the interface"
    ALLOWANCE = "the connection table is full"
    NO_ROUTE = "no route leads there"
    NO_PUBLIC_ADDRESS = "no public address belongs to it"
    MTU = "too big for the next link, and must not be fragmented"


def card_gate(interface: Interface, part: str) -> str:
    """Return the gate's name: part is ``ingress``, ``egress``, ``source-dest-check`` or ``allowance``."""
    return f"card {interface.label} {part}"


def acl_gate(acl: str, direction: Direction) -> str:
    """Return the gate's name."""
    return f"acl {acl} {direction.value}"


def nat_gate(name: str) -> str:
    """Return the gate's name."""
    return f"nat {name}"


VPC_ROUTE = "vpc route"
IGW = "igw"
INTERNET = "internet"
MTU_GATE = "mtu"


@dataclass(frozen=True, slots=True)
class Passage:
    """
    What one gate did with one packet.

    Attributes:
        gate: ``card ec2 ingress``, ``acl strict egress``, ``vpc route``, ``igw``, ``nat out``, ``internet``, ``mtu``.
        rule: Id of the SG rule that admitted it (RULE, UNTRACKED), the ACL entry's number as text (ACL), else None.
    """

    gate: str
    decision: Decision
    reason: Reason
    rule: str | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """
    The judgement on one packet: of the gate that denied it, else of the last card it passed.

    A packet that met no card (host to host, or a router's own) is ALLOW, EXEMPT, without a gate.
    """

    decision: Decision
    reason: Reason
    rule: str | None = None
    gate: str | None = None


def why(judged: Passage | Verdict) -> str:
    """Return a gate's reason in words that fit the gate and its decision."""
    if judged.reason is Reason.ACL:
        return f"the network ACL {'allows' if judged.decision is Decision.ALLOW else 'denies'} it"
    if judged.reason is Reason.NO_ROUTE and (judged.gate or "").startswith(nat_gate("")):
        return "no mapping: nobody inside asked for it, and it can begin none"
    return str(judged.reason.value)


def verdict_from_passages(passages: tuple[Passage, ...]) -> Verdict:
    """Sum up the gates on a packet's way, in order; only the last one can have denied it."""
    if passages and passages[-1].decision is Decision.DENY:
        last = passages[-1]
    else:
        cards = [each for each in passages if each.gate.startswith("card ")]
        if not cards:
            return Verdict(Decision.ALLOW, Reason.EXEMPT)
        last = cards[-1]
    return Verdict(last.decision, last.reason, last.rule, last.gate)


@dataclass(frozen=True, slots=True)
class Sight:
    """One place at which a packet was seen: ``laptop eth0``, ``card ec2 ingress``, ``ec2 eth0`` …"""

    at: str
    packet: Packet


@dataclass(frozen=True, slots=True)
class Transit:
    """
    One packet's way through the lab.

    Attributes:
        sent: As it left its sender.
        arrived: As it reached an interface that owns its destination; None = it did not.
        seen: DELIVERED, LOST or BROKEN (neither arrived nor claimed by a gate).
        passages: The gates that judged it, in order.
        trail: Where it was seen, in order, the sender's interface first.
        at_s: When it was sent: unscaled seconds since the story began (measured, or the paper clock).
        detail: For BROKEN, what went wrong.
        disagreement: How two minds differed about it (lockstep); empty = they agree, or only one was asked.
    """

    sent: Packet
    arrived: Packet | None
    seen: Seen
    passages: tuple[Passage, ...]
    trail: Sequence[Sight] = ()
    at_s: float = 0.0
    detail: str = ""
    disagreement: str = ""

    @property
    def verdict(self) -> Verdict:
        """The judgement on it."""
        return verdict_from_passages(self.passages)
