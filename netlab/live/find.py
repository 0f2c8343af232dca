"""Which labs there are, and which one a command means. Changes nothing."""

from __future__ import annotations

import os

from netlab.errors import InputError, MachineError
from netlab.kernel.labs import running_labs
from netlab.live import state
from netlab.live.state import State
from netlab.model.topology import Lab


def need_root() -> None:
    """
    Check that we may touch the kernel.

    Raises:
        MachineError: We are not root.
    """
    if os.geteuid() != 0:
        raise MachineError("root is needed: netlab builds network namespaces", remedy="sudo netlab …")


def running_names() -> tuple[str, ...]:
    """Return the names of all labs of which there is anything, in the kernel or in the state folder, sorted."""
    return tuple(sorted({*_in_kernel(), *state.names()}))


def whole_names() -> tuple[str, ...]:
    """Return the names of the labs that were built to the end, sorted; throw-away labs are not among them."""
    return tuple(name for name in sorted(_in_kernel()) if _is_complete(name))


def pick(name: str | None) -> str:
    """
    Find the running lab that a command means; throw-away labs of other commands count only by name.

    Raises:
        InputError: There is none of that name, none at all, or more than one to choose from.
    """
    return _only(name, whole_names())


def pick_any(name: str | None) -> str:
    """
    Find the lab that `down` means: also one that was cut short, where no other is whole and nobody works on it.

    Raises:
        InputError: As `pick`.
    """
    candidates = whole_names() or tuple(each for each in running_names() if not state.is_locked(each))
    if name is not None and state.has_lock(name):
        return name
    return _only(name, candidates)


def known_state(name: str) -> State:
    """
    Return the state of a running lab.

    Raises:
        InputError: It was cut short, or its state is gone.
    """
    known = state.read(name)
    if known is None or not known.complete:
        raise InputError(f"lab {name}: it is only half-built; take it down with: sudo netlab down {name}")
    return known


def running_lab(name: str | None) -> Lab:
    """
    Return a running lab as it is now.

    Raises:
        InputError: There is no such lab, or it is only half-built.
    """
    return known_state(pick(name)).now


def _in_kernel() -> list[str]:
    """Return the labs of which the kernel shows anything; what somebody else named like a lab is none."""
    return [name for name in running_labs() if state.is_name(name)]


def _is_complete(name: str) -> bool:
    known = state.read(name)
    return known is not None and known.complete


def _only(name: str | None, candidates: tuple[str, ...]) -> str:
    said = f"running: {', '.join(candidates)}" if candidates else "no lab is running"
    if name is not None:
        if name not in running_names():
            raise InputError(f"lab {name!r} is not running; {said}")
        return name
    if len(candidates) != 1:
        hint = "say which, by its name" if candidates else "begin with: sudo netlab up"
        raise InputError(f"{said}; {hint}")
    return candidates[0]
