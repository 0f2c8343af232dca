"""
A lab's life: built, found again by the next command, taken down.

What runs is read from the kernel; the state folder only adds what a kernel does not know (the lab's words).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import count

from netlab.compile import compile_lab
from netlab.control import difference
from netlab.errors import InputError
from netlab.kernel import features, machine
from netlab.live import state
from netlab.live.down import take_down
from netlab.live.find import known_state, need_root, pick
from netlab.live.programs import refresh_metadata, start_services
from netlab.live.state import State
from netlab.live.uninterrupted import undone, uninterrupted
from netlab.live.wire import LiveWire
from netlab.model.topology import Lab

Progress = Callable[[str], None]

_COPIES = count(1)


def _silent(_: str) -> None:
    """Say nothing."""


def missing_features() -> tuple[features.Missing, ...]:
    """Return what the machine lacks; empty = nothing."""
    return tuple(features.missing())


@dataclass(frozen=True, slots=True)
class BroughtUp:
    """
    What `bring_up` did.

    Attributes:
        outcome: ``built``, ``same`` (it was up already) or ``changed`` (live).
        lines: What was changed; for ``same``, how the lab differs from its file by now.
    """

    outcome: str
    lines: tuple[str, ...]
    wire: LiveWire


@contextmanager
def bring_up(lab: Lab, source: str, progress: Progress = _silent) -> Iterator[BroughtUp]:
    """
    Build a lab, or bring the running one to what its file says now; holds its lock.

    An error or a Ctrl-C while it is being built, or by the caller right after, takes it down again; until the caller
    is done with it, it does not count as whole.

    Raises:
        InputError: It runs, and its topology has changed.
        MachineError: The machine lacks something.
        KernelError: The kernel refused; nothing is left behind.
    """
    need_root()
    with state.locked(lab.name):
        known = state.read(lab.name)
        if known is not None and known.complete and lab.name in machine.running_labs():
            memory = _Memory(known)
            with _wire_of(memory) as wire:
                yield _bring_to(wire, memory, difference(known.now, lab).policy, lab, source)
            return
        features.require()
        whole = False
        with undone(lambda: None if whole else take_down(lab.name)):
            _build(lab, source, progress)
            with LiveWire(lab, lab) as wire:
                yield BroughtUp("built", (), wire)
            state.write(lab.name, State(lab, lab, source, complete=True))
            whole = True


def _build(lab: Lab, source: str, progress: Progress) -> None:
    if lab.name in machine.running_labs():
        progress("taking down what a cut-short attempt left")
        machine.take_down(lab.name)
    state.remove(lab.name)
    state.write(lab.name, State(lab, lab, source, complete=False))
    machine.build(compile_lab(lab), progress)
    start_services(lab, progress)


@dataclass(slots=True)
class _Memory:
    """What the state folder knows of a running lab, kept true while it changes."""

    known: State

    def intend(self, lab: Lab | None) -> None:
        """A change to this begins; None: it was taken back."""
        self._keep(replace(self.known, pending=lab))

    def remember(self, lab: Lab) -> None:
        """The lab is like this now."""
        self._keep(replace(self.known, now=lab, pending=None))
        refresh_metadata(lab)

    def settle(self) -> None:
        """Bring a change to its end that was cut short, wherever it was; none is fine."""
        if (lab := self.known.pending) is None:
            return
        with uninterrupted():
            machine.change(compile_lab(self.known.now), compile_lab(lab))
            self.remember(lab)

    def put(self, lab: Lab, source: str) -> None:
        """The lab is like its file."""
        self._keep(State(lab, self.known.now, source, complete=True))

    def _keep(self, known: State) -> None:
        state.write(known.first.name, known)
        self.known = known


def _wire_of(memory: _Memory) -> LiveWire:
    memory.settle()
    return LiveWire(memory.known.first, memory.known.now, intend=memory.intend, remember=memory.remember)


def _bring_to(wire: LiveWire, memory: _Memory, changes: tuple[str, ...], lab: Lab, source: str) -> BroughtUp:
    """Change a lab that runs; *changes*: what that alters, said as it was before a cut-short change was settled."""
    known = memory.known
    since_file = difference(known.first, lab)
    if since_file.topology:
        topology = "; ".join(since_file.topology)
        raise InputError(
            f"lab {lab.name} is up and its topology has changed ({topology}); run first: netlab down {lab.name}"
        )
    if not since_file.policy:
        if known.first != lab:  # expectations or stories
            memory.put(lab, source)
        return BroughtUp("same", difference(known.now, lab).policy, wire)
    wire.become(lab)
    memory.put(lab, source)
    return BroughtUp("changed", changes, wire)


@contextmanager
def attached(name: str | None) -> Iterator[LiveWire]:
    """
    Work on a running lab: holds its lock, and remembers what changes.

    Raises:
        InputError: There is no such lab.
    """
    need_root()
    name = pick(name)
    with state.locked(name), _wire_of(_Memory(known_state(name))) as wire:
        yield wire


@contextmanager
def throw_away(lab: Lab, progress: Progress = _silent) -> Iterator[LiveWire]:
    """Build a copy of a lab under a name of its own, for this process; it is gone at the end, also after an error."""
    need_root()
    features.require()
    copy = replace(lab, name=f"{lab.name}.{os.getpid()}-{next(_COPIES)}")
    with state.locked(copy.name):
        started = False

        def before_real() -> None:
            nonlocal started
            if not started:
                start_services(copy)
                started = True

        keep = False
        with undone(lambda: None if keep else take_down(copy.name)):
            machine.build(compile_lab(copy), progress)
            with LiveWire(copy, copy, remember=refresh_metadata, before_real=before_real) as wire:
                yield wire
            if wire.keep:
                state.write(copy.name, State(copy, wire.lab, "", complete=True))
                keep = True
