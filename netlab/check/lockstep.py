"""
Lockstep: a wire made of two. Every packet goes through the kernel first, then to the oracle, its clock set to the
moment the kernel sent it; where the two decide differently, the transit says how.

    packet ─▶ kernel ─▶ transit, measured at 12.4 s
                 └────▶ oracle, its clock at 12.4 s ─▶ transit ─▶ same decision, reason, rule at every card?

Knows neither mind: both are wires to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Protocol

from netlab.model.addresses import Address
from netlab.model.changes import Change
from netlab.model.packets import Packet
from netlab.model.places import Ends
from netlab.model.rules import ICMP, ICMPV6
from netlab.model.stories import Question
from netlab.model.topology import Lab
from netlab.model.verdicts import Passage, Reason, Seen, Transit, Verdict
from netlab.model.wire import Departure, Entry, Wire

MARGIN_S = 0.3
"""Real seconds around a timer's edge within which the minds are not compared."""

_Key = tuple[int, frozenset[tuple[Address, int | None]]]


class Clocked(Wire, Protocol):
    """A wire whose clock is set from outside: the oracle."""

    def set_clock(self, now_s: float) -> None:
        """Set the clock, in unscaled seconds since the last reset."""

    def expect_number(self, number: int | None) -> None:
        """Tell which port or ICMP id a NAT gateway gives flows that begin from here on; None = its own choice."""

    def nearest_edge_s(self) -> float:
        """Return how far the last packet's entries were from expiring, in unscaled seconds; infinite without one."""


class LockstepWire:
    """
    A kernel's wire and the oracle's as one; what it answers is the kernel's.

    A flow with a packet too near to a timer's edge is left out from there on: the two may remember it differently.

    Attributes:
        compared: How many packets were compared since the beginning.
        left_out: How many were not.
    """

    def __init__(self, kernel: Wire, oracle: Clocked) -> None:
        self._kernel = kernel
        self._oracle = oracle
        self._doubtful: set[_Key] = set()
        self._real_talk = False
        self.compared = 0
        self.left_out = 0

    @property
    def lab(self) -> Lab:
        """The lab as it is now."""
        return self._kernel.lab

    @property
    def now_s(self) -> float:
        """The kernel's clock."""
        return self._kernel.now_s

    def transmit(self, departures: Sequence[Departure]) -> list[Transit]:
        """Send packets through the kernel, then put each to the oracle as it was sent."""
        transits = self._kernel.transmit(departures)
        return [
            self._put_to_oracle(departure, transit) for departure, transit in zip(departures, transits, strict=True)
        ]

    def converse(self, ends: Ends, question: Question) -> Transit:
        """
        Let the kernels' own stacks talk, and ask the oracle whether they could.

        Whether it was lost is compared, and else what cards said of the first packet: who listens, and how many packets
        it takes, the oracle cannot know.
        """
        transit = self._kernel.converse(ends, question)
        self._oracle.set_clock(transit.at_s)
        other = self._oracle.converse(ends, question)
        self._real_talk = True
        if transit.seen is Seen.BROKEN:
            return transit
        self.compared += 1
        if transit.seen is not Seen.LOST and other.seen is not Seen.LOST:
            return replace(transit, disagreement=_difference(transit, other))
        if transit.seen is other.seen:
            return transit
        said = [f"{name}: {each.seen.value}, {_verdict(each)}" for name, each in _named(transit, other)]
        return replace(transit, disagreement="; ".join(said))

    def change(self, change: Change) -> None:
        """Carry out a change in the kernel, then on paper; one that is refused changes neither."""
        self._kernel.change(change)
        self._oracle.set_clock(self._kernel.now_s)
        self._oracle.change(change)

    def become(self, lab: Lab) -> None:
        """Change both to what another lab says."""
        self._kernel.become(lab)
        self._oracle.set_clock(self._kernel.now_s)
        self._oracle.become(lab)

    def wait(self, seconds: float) -> None:
        """Let time pass in the kernel; the oracle's clock follows it."""
        self._kernel.wait(seconds)
        self._oracle.set_clock(self._kernel.now_s)

    def flows(self, node: str) -> tuple[Entry, ...]:
        """Return the kernel's connection table."""
        return self._kernel.flows(node)

    def table_disagreement(self, node: str) -> str:
        """Tell how the tracked flows that the two remember on *node* differ; empty = they do not."""
        if self._real_talk:
            return ""
        self._oracle.set_clock(self._kernel.now_s)
        ours, theirs = (self._comparable(wire.flows(node)) for wire in (self._kernel, self._oracle))
        parts = [
            *(f"kernel alone remembers {_entry(entry)}" for key, entry in ours.items() if key not in theirs),
            *(f"oracle alone remembers {_entry(entry)}" for key, entry in theirs.items() if key not in ours),
        ]
        return "; ".join(parts)

    def reset(self) -> None:
        """Start both afresh."""
        self._kernel.reset()
        self._oracle.reset()
        self._doubtful.clear()
        self._real_talk = False

    def _put_to_oracle(self, departure: Departure, transit: Transit) -> Transit:
        self._oracle.set_clock(transit.at_s)
        self._oracle.expect_number(_number_at_end(transit))
        (other,) = self._oracle.transmit([departure])
        keys = set(_keys(transit)) | set(_keys(other))
        near = self._oracle.nearest_edge_s() * self.lab.scale < MARGIN_S
        if transit.seen is Seen.BROKEN or near or keys & self._doubtful:
            self._doubtful |= keys
            self.left_out += 1
            return transit
        self.compared += 1
        return replace(transit, disagreement=_difference(transit, other))

    def _comparable(self, entries: tuple[Entry, ...]) -> dict[tuple[object, ...], Entry]:
        """Return the tracked entries by what identifies them, but for doubtful and nearly expired ones."""
        return {
            (each.interface, each.protocol, each.src, each.dst, each.sport, each.dport, each.opened_by): each
            for each in entries
            if each.tracked and each.left_s * self.lab.scale >= MARGIN_S and _entry_key(each) not in self._doubtful
        }


def _number_at_end(transit: Transit) -> int | None:
    """Return the source port or ICMP id with which a packet was seen last."""
    last = transit.trail[-1].packet if transit.trail else transit.sent
    return last.sport if last.sport is not None else last.icmp_id


def _difference(transit: Transit, other: Transit) -> str:
    """Return how two transits of one packet were judged differently, in one line; empty = they were not."""
    if transit.verdict != other.verdict:
        return "; ".join(f"{name}: {_verdict(each)}" for name, each in _named(transit, other))
    if _at_cards(transit) != _at_cards(other):
        said = ((name, ", ".join(map(_passage, _at_cards(each))) or "no card") for name, each in _named(transit, other))
        return "; ".join(f"{name}: {text}" for name, text in said)
    return ""


def _named(transit: Transit, other: Transit) -> tuple[tuple[str, Transit], tuple[str, Transit]]:
    return ("kernel", transit), ("oracle", other)


def _at_cards(transit: Transit) -> list[Passage]:
    """Return what cards said; of one that has no room only that, whatever admitted the packet before."""
    said = [passage for passage in transit.passages if passage.gate.startswith("card ")]
    if said and said[-1].reason is Reason.ALLOWANCE:
        card = said[-1].gate.removesuffix(" allowance")
        said = [each for each in said[:-1] if not each.gate.startswith(f"{card} ")] + said[-1:]
    return said


def _verdict(transit: Transit) -> str:
    return _passage(transit.verdict)


def _passage(judged: Passage | Verdict) -> str:
    parts = [judged.decision.value, judged.reason.name, judged.rule or "", f"at {judged.gate}" if judged.gate else ""]
    return " ".join(part for part in parts if part)


def _keys(transit: Transit) -> Iterator[_Key]:
    for packet in (transit.sent, transit.arrived):
        if packet is not None:
            yield _packet_key(packet)
            if packet.quoted is not None:
                yield _packet_key(packet.quoted)


def _packet_key(packet: Packet) -> _Key:
    if packet.icmp_id is not None:
        return _key(packet.protocol, (packet.src, packet.icmp_id), (packet.dst, packet.icmp_id))
    return _key(packet.protocol, (packet.src, packet.sport), (packet.dst, packet.dport))


def _key(protocol: int, one: tuple[Address, int | None], other: tuple[Address, int | None]) -> _Key:
    return protocol, frozenset({one, other})


def _entry_key(entry: Entry) -> _Key:
    other = entry.sport if entry.protocol in {ICMP, ICMPV6} else entry.dport
    return _key(entry.protocol, (entry.src, entry.sport), (entry.dst, other))


def _entry(entry: Entry) -> str:
    packet = Packet(entry.src, entry.dst, entry.protocol, sport=entry.sport, dport=entry.dport)
    return f"{packet} on {entry.interface}, opened by {entry.opened_by.value}"
