"""
The state folder: what a running lab leaves on disk between two commands, and the lock that keeps them apart.

    /run/netlab/.locks/LAB      held by the command that works on the lab
    /run/netlab/LAB/state       the lab as it was first, and as it is now
    /run/netlab/LAB/nodes/NODE  files that the node's programs see
    /run/netlab/LAB/log         what its services say

It is a convenience: what runs is read from the kernel, and `down` works without it.
"""

from __future__ import annotations

import fcntl
import os
import pickle
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import get_args, get_type_hints

from netlab.errors import InputError, MachineError
from netlab.model.topology import Lab

ROOT = Path("/run/netlab")
_LOCKS = ".locks"  # no lab has this name

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,239}")  # one component of a path, and never "." or ".."

_FORMAT = 2

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
        pending: What a change that is under way leads to; where no command is at work, it was cut short. None = none.
    """

    first: Lab
    now: Lab
    source: str
    complete: bool
    pending: Lab | None = None


def is_name(lab: str) -> bool:
    """Tell whether a lab can have this name; only then is it safe in a path."""
    return _NAME.fullmatch(lab) is not None


def folder(lab: str) -> Path:
    """
    Return a lab's state folder.

    Raises:
        InputError: No lab can have this name.
    """
    return ROOT / _checked(lab)


def write(lab: str, state: State) -> None:
    """Write the state, at once or not at all."""
    place = folder(lab)
    place.mkdir(mode=0o755, parents=True, exist_ok=True)
    fresh = place / "state.new"
    body = pickle.dumps(state)
    fresh.write_bytes(_seal(body) + body)
    fresh.chmod(0o644)  # `explain` needs no root
    fresh.replace(place / "state")


def read(lab: str) -> State | None:
    """Return the state; None where there is none, or none that this netlab can read: damaged, or another version's."""
    try:
        found = (folder(lab) / "state").read_bytes()
    except OSError:
        return None
    length = len(_seal(b""))
    seal, body = found[:length], found[length:]
    if seal != _seal(body):
        return None
    try:
        state = pickle.loads(body)  # noqa: S301 - root wrote it, for root alone
    except (pickle.UnpicklingError, ImportError, AttributeError, LookupError, TypeError, ValueError):
        return None  # an enumeration that has lost a word, say
    return state if isinstance(state, State) else None


def remove(lab: str) -> None:
    """Remove the state folder; none is fine."""
    shutil.rmtree(folder(lab), ignore_errors=True)


def names() -> tuple[str, ...]:
    """Return the labs that have a state, sorted."""
    return tuple(sorted(path.parent.name for path in ROOT.glob("*/state") if is_name(path.parent.name)))


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
        (ROOT / _LOCKS).mkdir(mode=0o755, parents=True, exist_ok=True)
        descriptor = _take(lab)
    except PermissionError as error:
        raise MachineError("root is needed to work on a running lab", remedy="sudo netlab …") from error
    try:
        yield
    finally:
        if not folder(lab).exists():
            _lock_path(lab).unlink(missing_ok=True)
        os.close(descriptor)


@contextmanager
def looking(lab: str) -> Iterator[bool]:
    """
    Keep commands from beginning to work on the lab while the body looks at it; False = one is at work already.

    Whoever looks goes into the lab's namespaces, where `down` would end it.
    """
    descriptor = _shared(_lock_path(lab))
    try:
        yield descriptor is not None
    finally:
        if descriptor is not None:
            os.close(descriptor)


def has_lock(lab: str) -> bool:
    """Tell whether a command is at work on the lab, or was when it was killed."""
    return _lock_path(lab).exists()


def is_locked(lab: str) -> bool:
    """Tell whether a command is at work on the lab at this moment; without a lock file, or the right to it, no."""
    with looking(lab) as free:
        return not free


def sweep() -> None:
    """Remove the locks that killed commands left, of labs that have no state."""
    for path in (ROOT / _LOCKS).glob("*"):
        if is_name(path.name) and not folder(path.name).exists() and not is_locked(path.name):
            with suppress(InputError), locked(path.name):  # which removes it at the end
                pass


def _seal(body: bytes) -> bytes:
    """Return what stands before a pickle: whose it is and its checksum, of one length for all."""
    return f"netlab state {_FORMAT} {_shape()} {sha256(body).hexdigest()}\n".encode()


@cache
def _shape() -> str:
    """Return a checksum of the fields that a state is made of: a pickle fits no other classes, and does not say so."""
    seen: dict[str, str] = {}

    def visit(kind: object) -> None:
        for part in get_args(kind):
            visit(part)
        if (
            not (isinstance(kind, type) and is_dataclass(kind))
            or (name := f"{kind.__module__}.{kind.__qualname__}") in seen
        ):
            return
        hints = get_type_hints(kind)
        seen[name] = ", ".join(f"{each.name}: {hints[each.name]}" for each in fields(kind))
        for each in fields(kind):
            visit(hints[each.name])

    visit(State)
    return sha256(repr(sorted(seen.items())).encode()).hexdigest()[:16]


def _shared(path: Path) -> int | None:
    """Return a descriptor that holds a lock for looking; None = somebody is at work."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:  # none is at work, or it is not ours to know
        return os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


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
    return ROOT / _LOCKS / _checked(lab)


def _checked(lab: str) -> str:
    if not is_name(lab):
        raise InputError(f"lab {lab!r}: found no lab's name, wanted letters, digits, . _ - (the first no . and no -)")
    return lab
