"""
Evidence: from what gates logged and taps saw of one packet to its Transit. Pure; it knows no socket.

A gate's records come numbered within its namespace, and every clue has the kernel's time. Clues of one microsecond
are put in the order in which gates stand on a packet's way.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple, overload

from netlab.model.packets import Packet
from netlab.model.rules import Direction
from netlab.model.topology import Lab
from netlab.model.verdicts import (
    IGW,
    INTERNET,
    MTU_GATE,
    VPC_ROUTE,
    Decision,
    Passage,
    Reason,
    Seen,
    Sight,
    Transit,
    acl_gate,
    card_gate,
    nat_gate,
)
from netlab.model.wire import Departure
from netlab.plan.tags import Tag, tag_from_text
from netlab.probe.decoding import decode

_ROUTER_GATES = {"route": VPC_ROUTE, "mtu": MTU_GATE, "igw": IGW, "internet": INTERNET}
_ESSENCE = 256  # what a log record holds of a packet; a tap sees all of it
_WAY = (
    "leaving",
    "egress",
    "acl-egress",
    "route",
    "mtu",
    "nat",
    "igw",
    "internet",
    "acl-ingress",
    "ingress",
    "arriving",
)


class Clue(NamedTuple):
    """
    One place at which a packet was seen; a tuple, since a matrix makes hundreds of thousands.

    Attributes:
        at: The gate's name, or the station's.
        data: The packet there, from its IP header on; perhaps cut short.
        seq: Of the record within its namespace; 0 for a tap.
        step: Index of the place on a packet's way, for clues of the same time.
        passage: What the gate did; None at a station.
    """

    at: str
    data: bytes
    time_us: int
    seq: int
    step: int
    passage: Passage | None = None

    @property
    def denies(self) -> bool:
        """Tell whether the packet died here."""
        return self.passage is not None and self.passage.decision is Decision.DENY


class Said(NamedTuple):
    """What a log prefix says: what the gate did, and where it stands on a packet's way."""

    passage: Passage
    step: int


@dataclass(slots=True)
class Followed:
    """
    One packet under way.

    Attributes:
        at_s: When it was sent, as Transit has it.
        length: Bytes behind its IP header, all fragments together.
        clues: In the order they were read.
        pieces: Of its fragments that reached the destination: offset, length.
        arrival: The packet, or its first fragment, as it reached an interface that owns its destination.
        trouble: Why it can prove nothing; empty = nothing is wrong.
    """

    departure: Departure
    at_s: float
    length: int
    clues: list[Clue] = field(default_factory=list)
    pieces: dict[int, int] = field(default_factory=dict)
    arrival: Clue | None = None
    trouble: str = ""

    @property
    def is_complete(self) -> bool:
        """Tell whether all of it has arrived."""
        return self.arrival is not None and sum(self.pieces.values()) >= self.length

    @property
    def has_ended(self) -> bool:
        """Tell whether nothing more is to come of it."""
        return bool(self.trouble) or self.is_complete or any(clue.denies for clue in reversed(self.clues))


def gate_from_tag(lab: Lab, namespace: str, tag: Tag) -> str:
    """
    Return the gate's name for a tag that was read in a namespace (its short name).

    Raises:
        LookupError: No gate of the lab is called so.
    """
    kind, _, rest = tag.part.partition("/")
    if kind == "acl":
        name, _, direction = rest.partition("/")
        return acl_gate(name, Direction(direction))
    if kind == "nat":
        return nat_gate(rest)
    if kind in _ROUTER_GATES:
        return _ROUTER_GATES[kind]
    node, _, interface = namespace.partition(":")
    return card_gate(lab.interface(node, interface), tag.part)


def said_by(lab: Lab, namespace: str, prefix: str) -> Said | None:
    """Return what a gate's log prefix says; None = it is no tag of a gate of this lab."""
    tag = tag_from_text(prefix)
    if tag is None:
        return None
    try:
        gate, reason = gate_from_tag(lab, namespace, tag), Reason[tag.reason]
    except (LookupError, ValueError):
        return None
    decision = Decision.DENY if tag.drop else Decision.ALLOW
    kind, _, rest = tag.part.partition("/")
    place = f"acl-{rest.rpartition('/')[2]}" if kind == "acl" else kind
    step = _WAY.index(place) if place in _WAY else 0
    return Said(Passage(gate, decision, reason, tag.rule or None), step)


def clue_from_frame(station: str, data: bytes, *, time_us: int, outgoing: bool) -> Clue:
    """Return the clue in a frame that a tap saw."""
    return Clue(station, data, time_us, 0, _WAY.index("leaving" if outgoing else "arriving"))


class Trail(Sequence[Sight]):
    """Where a packet was seen; read from the bytes only when somebody looks, which in bulk few do."""

    __slots__ = ("_clues", "_sent", "_sights", "_station")

    def __init__(self, station: str, sent: Packet, clues: Sequence[Clue]) -> None:
        self._station, self._sent, self._clues = station, sent, clues
        self._sights: tuple[Sight, ...] | None = None

    def _read(self) -> tuple[Sight, ...]:
        if self._sights is None:
            self._sights = (Sight(self._station, self._sent), *_sights(self._clues, self._sent))
        return self._sights

    @overload
    def __getitem__(self, index: int) -> Sight: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[Sight, ...]: ...

    def __getitem__(self, index: int | slice) -> Sight | tuple[Sight, ...]:
        return self._read()[index]

    def __len__(self) -> int:
        return len(self._read())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and self._read() == tuple(other)

    def __hash__(self) -> int:
        return hash(self._read())


def transit_from_evidence(followed: Followed) -> Transit:
    """Sum up what is known of a packet; without an end that a gate or its target claims it is BROKEN."""
    sent, station = followed.departure.packet, str(followed.departure.station)
    clues = in_order(followed.clues)
    denied = bool(clues) and clues[-1].denies
    arrival = followed.arrival if followed.is_complete else None
    trail = Trail(station, sent, clues if arrival is None else [*clues, arrival])
    arrived = None if arrival is None else next((sight.packet for sight in _sights((arrival,), sent)), None)
    detail = followed.trouble
    if not detail and denied == (arrived is not None):
        detail = _contradiction(trail, clues, arrived)
    seen = Seen.BROKEN if detail else Seen.LOST if denied else Seen.DELIVERED
    return Transit(
        sent=sent,
        arrived=arrived,
        seen=seen,
        passages=tuple([clue.passage for clue in clues if clue.passage is not None]),
        trail=trail,
        at_s=followed.at_s,
        detail=detail,
    )


def _contradiction(trail: Sequence[Sight], clues: list[Clue], arrived: Packet | None) -> str:
    denied = bool(clues) and clues[-1].denies
    if denied and arrived is not None:
        return f"{trail[-1].at} saw it arrive, though {clues[-1].at} says that it dropped it"
    if not denied and arrived is None:
        return f"it vanished: last seen at {trail[-1].at}, and no gate says that it dropped it"
    return ""


def in_order(clues: list[Clue]) -> list[Clue]:
    """Put clues in the order of the way; a gate speaks once for all fragments, and what denies ends the way."""
    key = _by_time if all(clue.time_us for clue in clues) else _by_step  # older kernels do not always say when
    ordered: list[Clue] = []
    for clue in sorted(clues, key=key):
        before = ordered[-1] if ordered else None
        if before is not None and (before.at, before.passage) == (clue.at, clue.passage):
            continue
        ordered.append(clue)
        if clue.denies:
            break
    return ordered


def _by_time(clue: Clue) -> tuple[bool, int, int, int]:
    return clue.denies, clue.time_us, clue.step, clue.seq


def _by_step(clue: Clue) -> tuple[bool, int, int]:
    return clue.denies, clue.step, clue.seq


def _sights(clues: Sequence[Clue], sent: Packet) -> Iterator[Sight]:
    """Yield what was seen at each place; mostly it is the same everywhere, and then read once."""
    known: dict[bytes, Packet] = {}
    for clue in clues:
        # Without what changes on the way and no Packet holds: IPv4's TTL and checksum, IPv6's hop limit.
        essence = clue.data[12:_ESSENCE] if sent.src.version == 4 else clue.data[8:_ESSENCE]
        packet = known.get(essence)
        if packet is None:
            found = decode(clue.data)
            if found is None:
                continue
            packet = known[essence] = _as_sent(found[0], sent)
        yield Sight(clue.at, packet)


def _as_sent(packet: Packet, sent: Packet) -> Packet:
    """Give a packet what a fragment or an IPv6 header cannot say of the whole."""
    df = sent.df if packet.src.version == 6 else packet.df
    return packet if (packet.size, packet.df) == (sent.size, df) else replace(packet, size=sent.size, df=df)
