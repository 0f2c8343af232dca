"""
LiveWire: single packets through a lab in the kernel. It joins what the rooms below can do, and judges nothing.

A change is compiled anew and carried out as the difference of two plans, so only the cards it concerns are touched.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Self

from netlab.compile import compile_lab
from netlab.control import apply
from netlab.errors import KernelError
from netlab.kernel import machine
from netlab.kernel.conntrack import forget, list_entries
from netlab.live.tables import entry_from_conntrack, takes_room_in_vain
from netlab.live.uninterrupted import uninterrupted
from netlab.model.changes import Change
from netlab.model.places import Ends
from netlab.model.stories import Question
from netlab.model.topology import Lab
from netlab.model.verdicts import Transit
from netlab.model.wire import Departure, Entry
from netlab.plan.nouns import Plan, card_name, kernel_name
from netlab.probe import Prober
from netlab.probe.watch import Listener


class LiveWire:
    """
    A wire in the kernel; the lab's namespaces exist already.

    Args:
        first: The lab that `reset` goes back to.
        now: The lab as it is in the kernel.
        intend: Called with the lab before every change, and with None where the kernel refused and it was taken back.
        remember: Called with the lab after every change that was carried out.
        before_real: Called before the kernels' own stacks are to talk, so that services are there.

    Attributes:
        keep: A throw-away lab is to stay.
    """

    def __init__(
        self,
        first: Lab,
        now: Lab,
        *,
        intend: Callable[[Lab | None], None] = lambda _: None,
        remember: Callable[[Lab], None] = lambda _: None,
        before_real: Callable[[], None] = lambda: None,
    ) -> None:
        self._first, self._lab = first, now
        self._plan = compile_lab(now)
        self._intend, self._remember, self._before_real = intend, remember, before_real
        self._prober: Prober | None = None
        self._listener: Listener | None = None
        self.keep = False
        self._started = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of sockets; the lab stays."""
        if self._prober is not None:
            self._prober.close()
            self._prober = None

    @property
    def lab(self) -> Lab:
        """The lab as it is now."""
        return self._lab

    @property
    def plan(self) -> Plan:
        """What is in the kernel."""
        return self._plan

    @property
    def now_s(self) -> float:
        """Unscaled seconds since the last reset."""
        return (time.monotonic() - self._started) / self._lab.scale

    def transmit(self, departures: Sequence[Departure]) -> list[Transit]:
        """Send packets in this order, follow each; one Transit a packet, in the same order."""
        self._make_room()
        return self._probe().transmit(departures, self._started)

    def converse(self, ends: Ends, question: Question) -> Transit:
        """Let the kernels' own stacks talk."""
        self._before_real()
        self._make_room()
        return self._probe().converse(ends, question, self._started)

    def change(self, change: Change) -> None:
        """
        Carry out a change.

        Raises:
            RefusedError: As AWS would; nothing has changed then.
            KernelError: The kernel refused.
        """
        self.become(apply(self._lab, change))

    def become(self, lab: Lab) -> None:
        """
        Change the kernel to what another lab says; their topologies are the same. A Ctrl-C comes in afterwards.

        Raises:
            KernelError: The kernel refused; what of it was done is taken back.
        """
        plan = compile_lab(lab)
        with uninterrupted():
            self._intend(lab)
            try:
                machine.change(self._plan, plan)
            except KernelError:
                with suppress(KernelError):  # else it stays intended, and the next command tries again
                    machine.change(plan, self._plan)
                    self._intend(None)
                raise
            if self._prober is not None:
                self._prober.lab = lab
            self._lab, self._plan = lab, plan
            self._remember(lab)

    def listen(self, listener: Listener) -> None:
        """Have every record of every gate told, as it is read."""
        self._listener = listener
        if self._prober is not None:
            self._prober.listener = listener

    def wait(self, seconds: float) -> None:
        """Let unscaled seconds pass."""
        time.sleep(seconds * self._lab.scale)

    def flows(self, node: str) -> tuple[Entry, ...]:
        """Return the connection tables of an instance's cards."""
        found: list[Entry] = []
        for interface in self._lab.instances[node].interfaces:
            namespace = kernel_name(self._plan.lab, card_name(node, interface.name))
            entries = (entry_from_conntrack(self._lab, interface, raw) for raw in list_entries(namespace))
            found.extend(entry for entry in entries if entry is not None)
        return tuple(found)

    def reset(self) -> None:
        """Go back to the first lab, with empty memories and the clock at 0."""
        if self._lab != self._first:
            self.become(self._first)
        machine.forget(self._plan)
        self._started = time.monotonic()

    def _make_room(self) -> None:
        """Let cards with an allowance forget what counts in the kernel alone; nobody's packets are under way."""
        for interface in self._lab.interfaces():
            if interface.allowance is None:
                continue
            namespace = kernel_name(self._plan.lab, card_name(interface.node, interface.name))
            forget(
                namespace,
                [each for each in list_entries(namespace) if takes_room_in_vain(self._lab, interface, each)],
            )

    def _probe(self) -> Prober:
        if self._prober is None:
            self._prober = Prober(self._lab)
            self._prober.listener = self._listener
        return self._prober
