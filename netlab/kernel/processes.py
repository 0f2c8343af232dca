"""
The processes of namespaces, found in /proc by the network namespace they are in, and ended. Whoever started them, and
whatever other namespaces they have: only that one counts. It never ends the calling process.
"""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

from netlab.errors import KernelError
from netlab.kernel.netns import RUN, identity

PROC = Path("/proc")

TERM_S = 0.1
"""How long a program may take to end by itself before it is killed."""

KILL_S = 2.0
_ROUNDS = 5  # a process may have started another one meanwhile


def list_processes(namespaces: Iterable[str]) -> list[int]:
    """Return the processes whose network namespace is one of those named, sorted."""
    wanted = {identity(RUN / name) for name in namespaces} - {None}
    return sorted(pid for pid in _pids() if wanted and identity(PROC / str(pid) / "ns/net") in wanted)


def end_processes(namespaces: Iterable[str]) -> None:
    """
    End every process of some namespaces: asked first, killed if it does not go.

    Raises:
        KernelError: One is still there.
    """
    names = list(namespaces)
    for _ in range(_ROUNDS):
        found = list_processes(names)
        if not found:
            return
        _end(found)
    raise KernelError(f"processes {', '.join(map(str, found))}: found running, wanted ended")


def _pids() -> Iterator[int]:
    own = os.getpid()
    for path in PROC.iterdir():
        if path.name.isdigit() and int(path.name) != own:
            yield int(path.name)


def _end(pids: list[int]) -> None:
    with ExitStack() as stack:
        alive = []
        for pid in pids:
            with suppress(ProcessLookupError):
                file = os.pidfd_open(pid)
                stack.callback(os.close, file)
                alive.append(file)
        for stop, patience_s in ((signal.SIGTERM, TERM_S), (signal.SIGKILL, KILL_S)):
            for file in alive:
                with suppress(ProcessLookupError):
                    signal.pidfd_send_signal(file, stop)
            alive = _wait(alive, patience_s)


def _wait(files: list[int], patience_s: float) -> list[int]:
    """Wait until processes have ended; return those that have not in time."""
    deadline = time.monotonic() + patience_s
    poll = select.poll()
    for file in files:
        poll.register(file, select.POLLIN)
    left = set(files)
    while left and (rest_s := deadline - time.monotonic()) > 0:
        for file, _ in poll.poll(rest_s * 1000):
            poll.unregister(file)
            left.discard(file)
    return sorted(left)
