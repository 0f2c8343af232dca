"""What runs, as the kernel shows it at this moment, and where it differs from what it should be. Changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from netlab.compile import compile_lab
from netlab.errors import KernelError
from netlab.kernel import machine
from netlab.live import state
from netlab.live.find import running_names
from netlab.live.state import State
from netlab.model.topology import Lab


@dataclass(frozen=True, slots=True)
class LabStatus:
    """
    One lab as it is.

    Attributes:
        condition: ``up``, ``changed`` (it differs from what it should be), ``busy`` (a command is at work on it),
            ``half-built`` (one that built or ended it was cut short).
        source: File or built-in lab it came from; empty = not known.
        namespaces: Short names, sorted.
        differences: A line each.
        lab: As it is now; None = not known.
    """

    name: str
    condition: str
    source: str
    namespaces: tuple[str, ...]
    differences: tuple[str, ...]
    lab: Lab | None


def status() -> tuple[LabStatus, ...]:
    """Return what runs, sorted by name."""
    found = (_status_of(name) for name in running_names())
    return tuple(each for each in found if each is not None)


def _status_of(name: str) -> LabStatus | None:
    """Return one lab's status; None = it has gone since."""
    condition, differences = _condition(name)
    known = state.read(name)
    namespaces = tuple(sorted(machine.running_labs().get(name, ())))
    if not namespaces and not state.folder(name).exists() and not state.is_locked(name):
        return None
    source, lab = (known.source, known.now) if known else ("", None)
    return LabStatus(name, condition, source, namespaces, differences, lab)


def _condition(name: str) -> tuple[str, tuple[str, ...]]:
    with state.looking(name) as free:  # what looks into its namespaces is in the way of who takes it down
        if not free:
            return "busy", ()
        known = state.read(name)
        if known is None or not known.complete:
            return "half-built", ()
        differences = tuple(_differences(known))
    return ("changed" if differences else "up"), differences


def _differences(known: State) -> Iterator[str]:
    if known.pending is not None:
        yield f"a change of it was cut short; the next netlab up or change of {known.now.name} brings it to its end"
    try:
        yield from machine.differences(compile_lab(known.pending or known.now))
    except KernelError as error:  # somebody else's hand takes away what is read
        yield str(error)
