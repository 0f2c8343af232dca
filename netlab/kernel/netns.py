"""
Network namespaces: made, entered, listed, deleted. Names here are the kernel's (`plan.kernel_name`).

A name is a bind mount below /run/netns, as `ip netns` makes it. Nothing here forks: a namespace is made by a
short-lived thread. It knows nothing of devices and rules.
"""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from threading import Thread
from typing import TypeVar

from netlab.errors import KernelError, MachineError, NetlabError
from netlab.plan.nouns import PREFIX

T = TypeVar("T")

RUN = Path("/run/netns")
OWN = Path("/proc/thread-self/ns/net")

_CLONE_NEWNET = 0x40000000
_MS_BIND, _MS_REC, _MS_SHARED = 0x1000, 0x4000, 0x100000
_MNT_DETACH = 2
_UMOUNTS = 4  # `ip netns add` may have mounted /run/netns over itself since: then a name is mounted twice


@contextmanager
def entered(name: str) -> Iterator[None]:
    """
    Move the calling thread into a namespace, and back at the end; sockets opened inside stay there.

    Raises:
        KernelError: There is no such namespace.
    """
    own = os.open(OWN, os.O_RDONLY | os.O_CLOEXEC)
    try:
        _enter(name)
        yield
    finally:
        _libc_call("setns", own, _CLONE_NEWNET, about="the namespace come from")
        os.close(own)


def create(name: str) -> None:
    """
    Make a namespace; its ``lo`` is down.

    Raises:
        KernelError: The name is taken.
        MachineError: Not permitted.
    """
    path = RUN / name
    _share_run()
    try:
        path.touch(mode=0o444, exist_ok=False)
    except FileExistsError:
        raise KernelError(f"{name}: the namespace exists already") from None
    failures: list[KernelError | MachineError] = []
    maker = Thread(target=_make, args=(path, failures))
    maker.start()
    maker.join()
    if failures:
        path.unlink()
        raise failures[0]


def in_throw_away(act: Callable[[], T]) -> T:
    """
    Do something in a namespace that has no name and is gone afterwards.

    Raises:
        MachineError: Not permitted.
    """
    answers: list[T] = []
    failures: list[NetlabError] = []

    def work() -> None:
        try:
            _libc_call("unshare", _CLONE_NEWNET, about="a new network namespace")
            answers.append(act())
        except NetlabError as error:
            failures.append(error)

    worker = Thread(target=work)
    worker.start()
    worker.join()
    if failures:
        raise failures[0]
    return answers[0]


def ensure_absent(name: str) -> None:
    """Delete a namespace's name, if there is one; the namespace goes with its last process or socket."""
    path = RUN / name
    for _ in range(_UMOUNTS):
        if _libc().umount2(os.fsencode(path), _MNT_DETACH):
            break
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise KernelError(f"{name}: the namespace cannot be deleted: {error.strerror}") from error


def list_namespaces(lab: str = "") -> list[str]:
    """Return the kernel's names of netlab's namespaces, sorted; of one lab, or (empty) of all."""
    head = f"{PREFIX}:{lab}:" if lab else f"{PREFIX}:"
    try:
        found = [path.name for path in RUN.iterdir()]
    except FileNotFoundError:
        return []
    return sorted(name for name in found if name.startswith(head) and name.count(":") >= 2)


def identity(path: str | Path) -> tuple[int, int] | None:
    """Return what tells one namespace from all others, by a path to it; None where there is none any more."""
    try:
        found = Path(path).stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _make(path: Path, failures: list[KernelError | MachineError]) -> None:
    """Run in a thread of its own, which ends in the new namespace."""
    try:
        _libc_call("unshare", _CLONE_NEWNET, about="a new network namespace")
        _mount(str(OWN), path, _MS_BIND)
    except (KernelError, MachineError) as error:
        failures.append(error)


def _enter(name: str) -> None:
    try:
        target = os.open(RUN / name, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise KernelError(f"{name}: no such namespace") from error
    try:
        _libc_call("setns", target, _CLONE_NEWNET, about=name)
    finally:
        os.close(target)


def _share_run() -> None:
    """Make /run/netns a shared mount, as `ip netns` does, so that a deleted name is gone from every mount namespace."""
    with suppress(FileExistsError):
        try:
            RUN.mkdir(mode=0o755, parents=True)
        except PermissionError as error:
            raise MachineError(f"{RUN} cannot be written, wanted root", remedy="sudo") from error
    try:
        _mount("", RUN, _MS_SHARED | _MS_REC)
    except KernelError:
        _mount(str(RUN), RUN, _MS_BIND | _MS_REC)
        _mount("", RUN, _MS_SHARED | _MS_REC)


def _mount(source: str, target: Path, flags: int) -> None:
    paths = (os.fsencode(source), os.fsencode(target))
    _libc_call("mount", *paths, b"none", ctypes.c_ulong(flags), None, about=str(target))


def _libc_call(function: str, *arguments: object, about: str) -> None:
    if getattr(_libc(), function)(*arguments) == 0:
        return
    code = ctypes.get_errno()
    if code in {errno.EPERM, errno.EACCES}:
        raise MachineError(f"{function} of {about}: {os.strerror(code)}, wanted root", remedy="sudo")
    raise KernelError(f"{function} of {about}: {os.strerror(code)}")


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
