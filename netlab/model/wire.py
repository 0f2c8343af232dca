"""
Wire: carries single packets through a lab, and knows nothing of flows.

`live` is a wire in the kernel, `oracle.paper` one on paper, `check.lockstep` makes one of two. Network (network.py)
turns flows into packets on any of them, so a flow becomes the same packets everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from netlab.model.addresses import Address
from netlab.model.changes import Change
from netlab.model.packets import Packet
from netlab.model.places import Ends, Station
from netlab.model.rules import Direction
from netlab.model.stories import Question
from netlab.model.topology import Lab
from netlab.model.verdicts import Seen, Transit


@dataclass(frozen=True, slots=True)
class Departure:
    """A packet about to leave a station."""

    station: Station
    packet: Packet


@dataclass(frozen=True, slots=True)
class Entry:
    """
    One entry of a card's connection table.

    Attributes:
        interface: Label of the card's interface (``ec2``, ``ec2/eth1``).
        src: Of the flow's first packet, as the card saw it; likewise the other fields.
        sport: Source port, or the ICMP echo id; None where the protocol has neither.
        opened_by: EGRESS = the instance opened it.
        tracked: Its state admits packets. False = the kernel remembers it, but nothing is admitted by it.
        state: TCP's state in conntrack's word (``SYN_SENT``, ``ESTABLISHED`` …); else ``""``.
        left_s: Seconds until it expires, unscaled.
    """

    interface: str
    protocol: int
    src: Address
    dst: Address
    sport: int | None
    dport: int | None
    opened_by: Direction
    tracked: bool
    state: str
    left_s: float


class Wire(Protocol):
    """Carries packets through one lab, in the kernel or on paper."""

    @property
    def lab(self) -> Lab:
        """The lab as it is now, changes included."""

    @property
    def now_s(self) -> float:
        """Unscaled seconds since the last `reset`."""

    def transmit(self, departures: Sequence[Departure]) -> list[Transit]:
        """Send packets in this order, follow each; one Transit a packet, in the same order."""

    def converse(self, ends: Ends, question: Question) -> Transit:
        """Let the kernels' own stacks talk (``real``); ``seen`` may be REFUSED."""

    def change(self, change: Change) -> None:
        """
        Carry out a change at once and on every card it concerns.

        Raises:
            RefusedError: As AWS would; then nothing has changed.
        """

    def become(self, lab: Lab) -> None:
        """Change at once to what another lab of the same name and topology says; what is remembered stays."""

    def wait(self, seconds: float) -> None:
        """Let unscaled seconds pass."""

    def flows(self, node: str) -> tuple[Entry, ...]:
        """Return the connection table of all cards of an instance."""

    def reset(self) -> None:
        """Go back to the lab as it was first: its rules, groups, lists and ACLs; empty memories; clock at 0."""


@dataclass(frozen=True, slots=True)
class Observation:
    """
    What was seen of one step: one packet, or the up to three of a TCP handshake.

    Attributes:
        transits: In the order sent, at least one; none is sent after one that was not delivered.
    """

    transits: tuple[Transit, ...]

    @property
    def deciding(self) -> Transit:
        """The first packet that was not delivered; where all were, the first of all."""
        return next((each for each in self.transits if each.seen is not Seen.DELIVERED), self.transits[0])

    @property
    def seen(self) -> Seen:
        """DELIVERED where all packets were."""
        return self.deciding.seen

    @property
    def disagreement(self) -> str:
        """How two minds differed, empty = they did not."""
        return next((each.disagreement for each in self.transits if each.disagreement), "")
