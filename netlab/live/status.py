"""What runs, as the kernel shows it at this moment, and where it differs from what it should be. Changes nothing."""

from __future__ import annotations

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
        condition: ``up``, ``changed`` (it differs from what it should be), ``busy`` (a command is building, changing
            or ending it), ``half-built`` (one was cut short).
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
    known = state.read(name)
    condition, differences = _condition(name, known)
    namespaces = tuple(sorted(machine.running_labs().get(name, ())))
    if not namespaces and not state.folder(name).exists() and not state.is_locked(name):
        return None
    source, lab = (known.source, known.now) if known else ("", None)
    return LabStatus(name, condition, source, namespaces, differences, lab)


def _condition(name: str, known: State | None) -> tuple[str, tuple[str, ...]]:
    if known is None or not known.complete:
        return ("busy" if state.is_locked(name) else "half-built"), ()
    try:
        differences = tuple(machine.differences(compile_lab(known.now)))
    except KernelError as error:  # what is being taken down goes away while it is read
        differences = (str(error),)
    if not differences:
        return "up", ()
    if state.is_locked(name) or state.read(name) != known:
        return "busy", ()
    return "changed", differences
