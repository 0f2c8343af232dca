"""What a lab file expects: rows that stand alone, and stories of steps. Words only; `check` plays them."""

from __future__ import annotations

from dataclasses import dataclass

from netlab.model.addresses import Address
from netlab.model.changes import Change


@dataclass(frozen=True, slots=True)
class Fields:
    """
    What a step fixes of the packet as it is sent; None = netlab's choice.

    Attributes:
        flags: Exactly that one TCP packet, no handshake (``S``, ``SA``, ``A``, ``R`` …); empty = as usual.
        sport: Source port, or the ICMP echo id.
        src: Source address.
        size: Payload bytes.
    """

    flags: str = ""
    sport: int | None = None
    dport: int | None = None
    src: Address | None = None
    size: int | None = None
    df: bool = False


NO_FIELDS = Fields()


@dataclass(frozen=True, slots=True)
class Question:
    """
    One flow to try: what a row, an ``open`` step and ``netlab probe`` ask.

    Attributes:
        source: A place: node, ``NODE/ENI``, ``NODE:public`` or an address.
        target: Likewise.
        protocol: IANA number.
        dport: For TCP and UDP; else None.
        icmp_type: For ICMP and ICMPv6; else None. ``icmp_code`` likewise.
        family: 4 or 6 where the asker insists; None = the one both ends have, IPv4 first.
        real: Let the kernels' own stacks talk.
    """

    source: str
    target: str
    protocol: int
    dport: int | None = None
    icmp_type: int | None = None
    icmp_code: int | None = None
    family: int | None = None
    fields: Fields = NO_FIELDS
    real: bool = False


@dataclass(frozen=True, slots=True)
class Wanted:
    """
    What a row or step expects; empty = does not matter.

    Attributes:
        seen: ``delivered``, ``lost`` or ``refused``; empty only where nothing is sent.
        by: Id of an SG rule that admitted it at some gate.
        at: The gate that dropped it.
        reason: Name of a Reason.
    """

    seen: str = ""
    by: str = ""
    at: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Expectation:
    """A row of ``expect:``; ``line`` is its line in the file, 0 = none."""

    question: Question
    wanted: Wanted
    line: int = 0


@dataclass(frozen=True, slots=True)
class OpenStep:
    """``open: FLOW``."""

    flow: str
    question: Question
    wanted: Wanted
    line: int = 0


@dataclass(frozen=True, slots=True)
class PacketStep:
    """``send: FLOW`` (``reply`` False) or ``reply: FLOW`` (True)."""

    flow: str
    reply: bool
    fields: Fields
    wanted: Wanted
    line: int = 0


@dataclass(frozen=True, slots=True)
class ErrorStep:
    """``error: FLOW``: an ICMP error from ``source`` about the last packet of the flow that ``target`` sent."""

    flow: str
    icmp_type: int
    icmp_code: int
    source: str
    target: str
    wanted: Wanted
    line: int = 0


@dataclass(frozen=True, slots=True)
class ChangeStep:
    """Any change; ``refused`` = the AWS code expected, empty = it is to be accepted."""

    change: Change
    refused: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)
class WaitStep:
    """``wait:``, in seconds before scaling."""

    seconds: float
    line: int = 0


@dataclass(frozen=True, slots=True)
class TableStep:
    """``table:``: flows that the cards of a node must and must not remember."""

    node: str
    holds: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()
    line: int = 0


Step = OpenStep | PacketStep | ErrorStep | ChangeStep | WaitStep | TableStep


@dataclass(frozen=True, slots=True)
class Story:
    """A story: its steps in order, from the file's state, with a clock at 0."""

    name: str
    steps: tuple[Step, ...]
    line: int = 0
