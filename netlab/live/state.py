"""
The state folder: what a running lab leaves on disk between two commands, and the lock that keeps them apart.

    /run/netlab/LAB.lock        held by the command that works on the lab
    /run/netlab/LAB/state       the lab as it was first, and as it is now
    /run/netlab/LAB/nodes/NODE  files that the node's programs see
    /run/netlab/LAB/log         what its services say

It is a convenience: what runs is read from the kernel, and `down` works without it.
"""

from __future__ import annotations

import fcntl
import os
import pickle
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from netlab.errors import InputError, MachineError
from netlab.model.topology import Lab

ROOT = Path("/run/netlab")

PATIENCE_S = 20.0
"""How long a command waits for another one that works on the same lab."""


@dataclass(frozen=True, slots=True)
class State:
    """
    A running lab, as the last finished command left it.

    Attributes:
        first: As the file had it; what `reset` goes back to.
        now: With the changes made since.
        source: The file's path, or a built-in lab's name.
        complete: False while it is being built, or where that was cut short.
    """

    first: Lab
    now: Lab
    source: str
    complete: bool


def folder(lab: str) -> Path:
    """Return a lab's state folder."""
    return ROOT / lab


def write(lab: str, state: State) -> None:
    """Write the state, at once or not at all."""
    place = folder(lab)
    place.mkdir(mode=0o755, parents=True, exist_ok=True)
    fresh = place / "state.new"
    fresh.write_bytes(pickle.dumps(state))
    fresh.chmod(0o644)  # `explain` needs no root
    fresh.replace(place / "state")


def read(lab: str) -> State | None:
    """Return the state; None where there is none, or none that this netlab can read."""
    try:
        state = pickle.loads((folder(lab) / "state").read_bytes())  # noqa: S301 - root wrote it, for root alone
    except (OSError, pickle.UnpicklingError, AttributeError, ImportError, EOFError, TypeError):
        return None
    return state if isinstance(state, State) else None


def remove(lab: str) -> None:
    """Remove the state folder; none is fine."""
    shutil.rmtree(folder(lab), ignore_errors=True)


def names() -> tuple[str, ...]:
    """Return the labs that have a state, sorted."""
    return tuple(sorted(path.parent.name for path in ROOT.glob("*/state")))


@contextmanager
def locked(lab: str) -> Iterator[None]:
    """
    Hold the lab's lock; the kernel lets go of it when the process ends, however it ends.

    Its file stays as long as the lab's folder does.

    Raises:
        MachineError: We are not root.
        InputError: Another command has been working on the lab for `PATIENCE_S`.
    """
    try:
        ROOT.mkdir(mode=0o755, parents=True, exist_ok=True)
        descriptor = _take(lab)
    except PermissionError as error:
        raise MachineError("root is needed to work on a running lab", remedy="sudo netlab …") from error
    try:
        yield
    finally:
        if not folder(lab).exists():
            _lock_path(lab).unlink(missing_ok=True)
        os.close(descriptor)


def has_lock(lab: str) -> bool:
    """Tell whether a command is at work on the lab, or was when it was killed."""
    return _lock_path(lab).exists()


def is_locked(lab: str) -> bool:
    """Tell whether a command is at work on the lab at this moment; without a lock file, or the right to it, no."""
    try:
        descriptor = os.open(_lock_path(lab), os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(descriptor)


def _take(lab: str) -> int:
    """Return the descriptor that holds the lock."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        descriptor = os.open(_lock_path(lab), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_at(_lock_path(lab), descriptor):  # else who held it has removed it
                return descriptor
        except BlockingIOError as error:
            if time.monotonic() > deadline:
                os.close(descriptor)
                raise InputError(f"lab {lab}: another netlab command is working on it") from error
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)
        time.sleep(0.02)


def _is_at(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _lock_path(lab: str) -> Path:
    return ROOT / f"{lab}.lock"
