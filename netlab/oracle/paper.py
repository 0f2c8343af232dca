"""
PaperWire: a lab's packets carried on paper, by the oracle's judgement alone, with a clock that can be turned.

It keeps what cards and NAT gateways remember between packets; nothing else here decides anything.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import cycle

from netlab.control import apply
from netlab.errors import InputError
from netlab.model.changes import Change
from netlab.model.places import Ends
from netlab.model.stories import Question
from netlab.model.topology import Interface, Lab
from netlab.model.verdicts import Transit
from netlab.model.wire import Departure, Entry
from netlab.oracle.conversation import converse
from netlab.oracle.path import Walk
from netlab.oracle.tracker import Record, Tracker
from netlab.oracle.world import World

_STACK_PORTS = range(32768, 49152)


class PaperWire:
    """
    A lab on paper; implements `model.wire.Wire`.

    Args:
        lab: A completed one.
        observe: Called with each packet's walk, when it has ended.
    """

    def __init__(self, lab: Lab, observe: Callable[[Walk], None] | None = None) -> None:
        self._first_lab = lab
        self._observe = observe
        self.reset()

    @property
    def lab(self) -> Lab:
        """The lab as it is now, changes included."""
        return self._world.lab

    @property
    def now_s(self) -> float:
        """Unscaled seconds since the last `reset`."""
        return self._now_s

    def transmit(self, departures: Sequence[Departure]) -> list[Transit]:
        """
        Send packets in this order, all at the present time.

        Raises:
            InputError: A station is none of the lab's.
        """
        self._world.edge_s()
        transits = [self._carry(departure) for departure in departures]
        self._edge_s = self._world.edge_s()
        return transits

    def converse(self, ends: Ends, question: Question) -> Transit:
        """
        Judge what the kernels' own stacks would come to: an opening, and the answer of who is there.

        Raises:
            InputError: The question's protocol has no answer to wait for.
        """
        self._world.edge_s()
        transit = converse(self._world, self._now_s, ends, question, next(self._ports))
        self._edge_s = self._world.edge_s()
        return transit

    def change(self, change: Change) -> None:
        """
        Carry out a change; what is remembered stays remembered.

        Raises:
            RefusedError: As AWS would; then nothing has changed.
        """
        self._world.learn(apply(self._world.lab, change))

    def become(self, lab: Lab) -> None:
        """Take over another lab of the same topology; what is remembered stays remembered."""
        self._world.learn(lab)

    def wait(self, seconds: float) -> None:
        """Turn the clock on."""
        self._now_s += seconds

    def set_clock(self, now_s: float) -> None:
        """Set the clock to an absolute time, in unscaled seconds."""
        self._now_s = now_s

    def expect_number(self, number: int | None) -> None:
        """
        Tell which port or ICMP id a NAT gateway gives flows that begin from here on; None = its own choice.

        Which one it takes where the sender's own is taken, nothing decides.
        """
        self._world.nat_number = number

    def nearest_edge_s(self) -> float:
        """
        Return how far the entries that the last packets looked at were from their expiry, in unscaled seconds.

        Infinity where it looked at none. Both sides count: 0.1 s left, and expired 0.1 s ago.
        """
        return self._edge_s

    def flows(self, node: str) -> tuple[Entry, ...]:
        """
        Return the connection table of all cards of an instance.

        Raises:
            InputError: There is no such instance.
        """
        if node not in self.lab.instances:
            raise InputError(f"flows of {node!r}: found no such instance, wanted {', '.join(self.lab.instances)}")
        return tuple(
            _entry(interface, record, self._now_s)
            for interface in self.lab.instances[node].interfaces
            for record in self._live(interface)
        )

    def reset(self) -> None:
        """Go back to the lab as it was first, with empty memories and the clock at 0."""
        self._world = World(self._first_lab)
        self._now_s = 0.0
        self._edge_s = math.inf
        self._ports: Iterator[int] = cycle(_STACK_PORTS)

    def _carry(self, departure: Departure) -> Transit:
        walk = Walk(self._world, self._now_s)
        transit = walk.start(departure)
        if self._observe is not None:
            self._observe(walk)
        return transit

    def _live(self, interface: Interface) -> Iterator[Record]:
        tracker: Tracker = self._world.tracker(interface)
        return tracker.live(self._now_s)


def _entry(interface: Interface, record: Record, now_s: float) -> Entry:
    first = record.first
    return Entry(
        interface=interface.label,
        protocol=first.protocol,
        src=first.src,
        dst=first.dst,
        sport=first.icmp_id or first.sport,
        dport=first.dport,
        opened_by=record.opened_by,
        tracked=True,
        state=record.tcp.state.value if record.tcp is not None else "",
        left_s=record.expires_s - now_s,
    )
