"""
The door for programs: into a node's network namespace, and into what the node sees of files and processes.

It knows neither services nor labs. A lab's programs are found again by their network namespace alone.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from netlab.errors import KernelError, MachineError
from netlab.kernel.netns import RUN

LAUNCHER = Path(__file__).with_name("launcher.py")

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
ENVIRONMENT = {
    "PATH": PATH,
    "HOME": "/root",
    "USER": "root",
    "LOGNAME": "root",
    "SHELL": "/bin/bash",
    "LANG": "C.UTF-8",
}
"""
What a program finds in its environment inside, beside the caller's TERM; nothing else of the caller's.

The launcher has no other either: what becomes pid 1 of a view shows its own in /proc.
"""

_POLL_S = 0.002
_LISTEN = {6: (("tcp", "0A"), ("tcp6", "0A")), 17: (("udp", "07"), ("udp6", "07"))}


@dataclass(frozen=True, slots=True)
class View:
    """
    What a program sees in a node, apart from its network: the machine's files, read-only, and over them its own.

    It has its own process ids, hostname, /dev, /proc, /sys, /run, /tmp and /var/log. No file of the machine can be
    changed from inside, and root inside can reach no namespace but its own.

    Attributes:
        etc: A folder whose files stand over those of /etc, whether the machine has such ones or not.
        sealed: Folder inside → folder of the machine that is seen there instead, read-only.
        folders: Likewise, and it can be written.
        hidden: Folders that are to be empty inside; ``/run`` is anyway.
    """

    hostname: str
    etc: Path
    sealed: Mapping[str, Path] = field(default_factory=dict)
    folders: Mapping[str, Path] = field(default_factory=dict)
    hidden: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Daemon:
    """
    A program that stays.

    Attributes:
        name: For messages.
        namespace: The kernel's name of the network namespace.
        ports: What it is ready with: (protocol, port).
        view: None = it sees the machine's files, and only its network is the node's; of root's capabilities it has
            those to take a low port and to become another user.
    """

    name: str
    namespace: str
    argv: tuple[str, ...]
    log: Path
    ports: tuple[tuple[int, int], ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    view: View | None = None


def run(
    namespace: str,
    view: View,
    argv: Sequence[str],
    env: Mapping[str, str] | None = None,
    *,
    stdin: int | IO[bytes] | None = None,
    stdout: int | IO[bytes] | None = None,
    stderr: int | IO[bytes] | None = None,
) -> int:
    """
    Run a program in the foreground: terminal, standard streams, Ctrl-C and Ctrl-Z reach it as if it were ours.

    What it leaves running ends with it.

    Args:
        env: On top of `ENVIRONMENT`.

    Returns:
        Its exit code; 128 and the signal's number where one ended it; 127 = no such command (it was said on stderr).
    """
    inherited = {"TERM": os.environ["TERM"]} if "TERM" in os.environ else {}
    job = _job(view.hostname, namespace, argv, {**inherited, **(env or {})}, view)
    with _terminal_kept(), _signals_left_to_the_program() as children, _readable(job) as orders:
        process = subprocess.Popen(
            _command("run", orders), stdin=stdin, stdout=stdout, stderr=stderr, pass_fds=(orders,), env=ENVIRONMENT
        )
        children.append(process)
        return process.wait()


def start(daemons: Sequence[Daemon]) -> list[int]:
    """
    Start daemons side by side; they outlive the caller.

    Returns:
        Their pids, in order; of one with a view, the pid of its view's first process.

    Raises:
        MachineError: A program is missing.
        KernelError: The kernel refused one; others may have been started.
    """
    jobs = []
    for each in daemons:
        each.log.parent.mkdir(parents=True, exist_ok=True)
        jobs.append({**_job(each.name, each.namespace, each.argv, each.env, each.view), "log": str(each.log)})
    with _readable(jobs) as orders:
        done = subprocess.run(
            _command("start", orders),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            pass_fds=(orders,),
            env=ENVIRONMENT,
        )
    if done.returncode != 0:
        raise KernelError(f"starting programs: {_last_line(done.stderr.decode(errors='replace'))}")
    return [_pid(each, text) for each, text in zip(daemons, json.loads(done.stdout), strict=True)]


def wait_listening(daemons: Sequence[Daemon], pids: Sequence[int], timeout_s: float = 10.0) -> None:
    """
    Wait until every daemon listens on all of its ports.

    Raises:
        KernelError: One ended before that, or time ran out; with its log's last line.
    """
    deadline = time.monotonic() + timeout_s
    for daemon, pid in zip(daemons, pids, strict=True):
        wanted = set(daemon.ports)
        while not wanted <= _listening(pid, {protocol for protocol, _ in wanted}):
            if not is_alive(pid):
                raise KernelError(f"{daemon.name} in {daemon.namespace}: ended at once: {log_tail(daemon.log)}")
            if time.monotonic() > deadline:
                raise KernelError(f"{daemon.name} in {daemon.namespace}: still not ready: {log_tail(daemon.log)}")
            time.sleep(_POLL_S)


def is_alive(pid: int) -> bool:
    """Tell whether a process runs; one that only waits to be reaped does not."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return False
    return text.rpartition(")")[2].split()[0] not in {"Z", "X"}


def log_tail(log: Path) -> str:
    """Return the last line that was written to a log."""
    try:
        return _last_line(log.read_text(encoding="utf-8", errors="replace"))
    except FileNotFoundError:
        return "it said nothing"


def _job(
    name: str, namespace: str, argv: Sequence[str], env: Mapping[str, str], view: View | None
) -> dict[str, object]:
    return {
        "name": name,
        "netns": str(RUN / namespace),
        "argv": list(argv),
        "env": {**ENVIRONMENT, **env},
        "view": view
        and {
            "hostname": view.hostname,
            "etc": str(view.etc),
            "sealed": {target: str(source) for target, source in view.sealed.items()},
            "folders": {target: str(source) for target, source in view.folders.items()},
            "hidden": list(view.hidden),
        },
    }


def _command(mode: str, orders: int) -> list[str]:
    return [sys.executable, "-I", "-S", str(LAUNCHER), mode, str(orders)]


@contextmanager
def _readable(orders: object) -> Iterator[int]:
    """Put orders where a child can read them and its command line does not show them."""
    descriptor = os.memfd_create("orders")
    try:
        os.write(descriptor, json.dumps(orders).encode())
        os.lseek(descriptor, 0, os.SEEK_SET)
        yield descriptor
    finally:
        os.close(descriptor)


def _pid(daemon: Daemon, answer: str) -> int:
    """Read what the launcher says of one daemon: its pid, or a failure."""
    words = dict(line.partition(" ")[::2] for line in answer.splitlines())
    if "missing" in words:
        raise MachineError(f"{daemon.name}: {words['missing']}")
    refused = next((text for kind, text in words.items() if kind != "pid"), "" if "pid" in words else "no answer")
    if refused:
        raise KernelError(f"{daemon.name} in {daemon.namespace}: {refused}")
    return int(words["pid"])


def _listening(pid: int, protocols: set[int]) -> set[tuple[int, int]]:
    """Return what anybody listens on in the network namespace of a process."""
    found = set()
    for protocol in protocols:
        for table, state in _LISTEN[protocol]:
            with suppress(OSError):  # the process is gone, or the kernel has no IPv6
                lines = Path(f"/proc/{pid}/net/{table}").read_text(encoding="ascii").splitlines()[1:]
                rows = (line.split() for line in lines)
                found |= {(protocol, int(row[1].rpartition(":")[2], 16)) for row in rows if row[3] == state}
    return found


@contextmanager
def _signals_left_to_the_program() -> Iterator[list[subprocess.Popen[bytes]]]:
    """Ignore what the terminal sends to us and the program alike; pass on what is sent to us alone."""
    children: list[subprocess.Popen[bytes]] = []
    if threading.current_thread() is not threading.main_thread():
        yield children  # signals come to the main thread only
        return

    def pass_on(number: int, _: object) -> None:
        for child in children:
            child.send_signal(number)

    handlers: dict[int, object] = {signal.SIGINT: lambda *_: None, signal.SIGQUIT: lambda *_: None}
    handlers |= {signal.SIGTERM: pass_on, signal.SIGHUP: pass_on}
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}  # type: ignore[arg-type]
    try:
        yield children
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _terminal_kept() -> Iterator[None]:
    """Give the terminal back to us, with its settings, after a program that took it for itself (a shell does)."""
    try:
        settings, group = termios.tcgetattr(0), os.tcgetpgrp(0)
    except (OSError, termios.error):
        yield
        return
    try:
        yield
    finally:
        if group == os.getpgrp():
            blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTTOU})
            with suppress(OSError, termios.error):  # the terminal may have hung up
                os.tcsetpgrp(0, group)
                termios.tcsetattr(0, termios.TCSADRAIN, settings)
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"
