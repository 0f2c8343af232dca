"""
TCP as a connection table sees it: states, and what each packet does to them. Sequence numbers are not looked at.

AWS publishes no state machine; this is Linux's, as far as it shows on verdicts and timers.

Source:
    Linux net/netfilter/nf_conntrack_proto_tcp.c, tcp_conntracks and nf_conntrack_tcp_packet.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum


class TcpState(Enum):
    """A connection's state, in conntrack's words."""

    SYN_SENT = "SYN_SENT"
    SYN_RECV = "SYN_RECV"
    ESTABLISHED = "ESTABLISHED"
    FIN_WAIT = "FIN_WAIT"
    CLOSE_WAIT = "CLOSE_WAIT"
    LAST_ACK = "LAST_ACK"
    TIME_WAIT = "TIME_WAIT"
    CLOSE = "CLOSE"
    SYN_SENT2 = "SYN_SENT2"


class TcpKind(Enum):
    """What a packet's flags make of it."""

    SYN = "syn"
    SYN_ACK = "synack"
    FIN = "fin"
    ACK = "ack"
    RST = "rst"


class Outcome(Enum):
    """
    What a packet is to the connection whose addresses and ports it has.

    CARRIED moves it on and renews its timer, IGNORED does neither, ENDED forgets it behind the packet, REOPENED
    forgets it before the packet, which is judged as a new one's, and INVALID is no part of it.
    """

    CARRIED = "carried"
    IGNORED = "ignored"
    ENDED = "ended"
    REOPENED = "reopened"
    INVALID = "invalid"


@dataclass(frozen=True, slots=True)
class TcpMemory:
    """
    What is remembered of a connection beside its timer.

    Attributes:
        answered: A packet of the reply direction has been seen.
        closing: A FIN has been seen.
        last: The last packet: its kind, and whether it went in the reply direction.
        simultaneous: Both sides sent a SYN.
    """

    state: TcpState
    last: tuple[TcpKind, bool]
    answered: bool = False
    closing: bool = False
    simultaneous: bool = False


_VALID = {"S", "SU", "SA", "R", "RA", "FA", "FAU", "A", "AU"}

_SS, _SR, _ES, _FW, _CW, _LA, _TW, _CL, _S2 = TcpState
_IG, _IV = Outcome.IGNORED, Outcome.INVALID

_MOVES: dict[tuple[bool, TcpKind], tuple[TcpState | Outcome, ...]] = {
    # reply, kind            SYN_SENT SYN_RECV ESTAB FIN_WAIT CLOSE_WAIT LAST_ACK TIME_WAIT CLOSE SYN_SENT2
    (False, TcpKind.SYN): (_SS, _IG, _IG, _IG, _IG, _IG, _SS, _SS, _S2),
    (False, TcpKind.SYN_ACK): (_IV, _SR, _IV, _IV, _IV, _IV, _IV, _IV, _SR),
    (False, TcpKind.FIN): (_IV, _FW, _FW, _LA, _LA, _LA, _TW, _CL, _IV),
    (False, TcpKind.ACK): (_IV, _ES, _ES, _CW, _CW, _TW, _TW, _CL, _IV),
    (False, TcpKind.RST): (_CL, _CL, _CL, _CL, _CL, _CL, _CL, _CL, _CL),
    (True, TcpKind.SYN): (_S2, _IV, _IV, _IV, _IV, _IV, _SS, _IV, _S2),
    (True, TcpKind.SYN_ACK): (_SR, _IG, _IG, _IG, _IG, _IG, _IG, _IG, _SR),
    (True, TcpKind.FIN): (_IV, _FW, _FW, _LA, _LA, _LA, _TW, _CL, _IV),
    (True, TcpKind.ACK): (_IG, _SR, _ES, _CW, _CW, _TW, _TW, _CL, _IG),
    (True, TcpKind.RST): (_CL, _CL, _CL, _CL, _CL, _CL, _CL, _CL, _CL),
}
_COLUMN = {state: number for number, state in enumerate(TcpState)}


def kind_of(flags: str) -> TcpKind | None:
    """Return what flags make of a packet; None = no sender sends that (no flag at all, ``SF``, a bare ``F`` …)."""
    if flags.replace("P", "") not in _VALID:
        return None
    if "R" in flags:
        return TcpKind.RST
    if "S" in flags:
        return TcpKind.SYN_ACK if "A" in flags else TcpKind.SYN
    return TcpKind.FIN if "F" in flags else TcpKind.ACK


def opened(kind: TcpKind) -> TcpMemory:
    """Return the memory of a connection whose first packet is this: a SYN, or an ACK from its middle."""
    return TcpMemory(_SS if kind is TcpKind.SYN else _ES, (kind, False))


def step(memory: TcpMemory, flags: str, *, reply: bool) -> tuple[Outcome, TcpMemory]:
    """Return what a packet is to a connection, and the connection's memory behind it."""
    kind = kind_of(flags)
    if kind is None:
        return Outcome.INVALID, memory
    found = _MOVES[reply, kind][_COLUMN[memory.state]]
    behind = replace(memory, last=(kind, reply), answered=memory.answered or reply)
    if found is _IV:
        return Outcome.INVALID, memory
    if found is _IG:
        if kind is TcpKind.SYN_ACK and memory.last == (TcpKind.SYN, not reply):
            return Outcome.CARRIED, replace(behind, state=_SR, closing=False)  # it answers a SYN that was ignored
        return Outcome.IGNORED, behind
    if found is _SS and memory.state in {_TW, _CL}:
        if memory.closing or memory.last == (TcpKind.RST, reply):
            return Outcome.REOPENED, memory
        return Outcome.IGNORED, behind
    if found is _SS and not behind.answered:
        return Outcome.IGNORED, behind  # a SYN sent again would keep an entry alive that nobody answers
    if kind is TcpKind.RST and not memory.answered:
        return Outcome.ENDED, behind
    return Outcome.CARRIED, _moved(behind, found, kind, reply=reply)


def _moved(memory: TcpMemory, found: TcpState | Outcome, kind: TcpKind, *, reply: bool) -> TcpMemory:
    state = found if isinstance(found, TcpState) else memory.state
    if state is _SR and reply and kind is TcpKind.ACK and memory.simultaneous:
        state = _ES
    return replace(
        memory,
        state=state,
        closing=memory.closing or state is _FW,
        simultaneous=memory.simultaneous or state is _S2,
    )
