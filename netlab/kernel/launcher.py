"""
The program that puts other programs into a lab: network namespace, own files, own process ids, then exec.

Run by process.py as ``python -I -S launcher.py run|start DESCRIPTOR``, with JSON to be read from the descriptor. It
imports no netlab, so that it starts in milliseconds and forks alone, without threads. What becomes pid 1 of a view
reaps, and passes signals on.
"""

# Importing pathlib takes longer than laying out a view.
# ruff: noqa: PTH102, PTH109, PTH110, PTH112, PTH123, PTH211

from __future__ import annotations

import ctypes
import errno
import json
import os
import signal
import stat
import sys
from contextlib import suppress
from typing import Any, NoReturn

_NEWNS, _NEWUTS, _NEWIPC, _NEWPID, _NEWNET = 0x20000, 0x4000000, 0x8000000, 0x20000000, 0x40000000
_RDONLY, _NOSUID, _NODEV, _NOEXEC, _REMOUNT, _BIND, _MOVE = 1, 2, 4, 8, 32, 4096, 8192
_REC, _PRIVATE = 16384, 1 << 18
_DETACH, _AT_FDCWD, _AT_RECURSIVE, _SYS_MOUNT_SETATTR = 2, -100, 0x8000, 442
_PR_SET_PDEATHSIG, _PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS = 1, 24, 38

_KEPT = (
    0, 1, 3, 4, 5, 6, 7, 8,  # chown dac_override fowner fsetid kill setgid setuid setpcap
    10, 11, 12, 13,          # net_bind_service net_broadcast net_admin net_raw
    18, 23, 29, 31,          # sys_chroot sys_nice audit_write setfcap
)  # fmt: skip
"""Root's capabilities inside: its own network, not the machine: no mounting, no entering of namespaces, no devices."""

_KEPT_BY_SERVERS = (6, 7, 10)  # setgid setuid net_bind_service
"""Root's capabilities where the machine's files are seen: to take a low port, and then be somebody else."""

_NODES = (("null", 3), ("zero", 5), ("full", 7), ("random", 8), ("urandom", 9))
_SEALED_IN_PROC = ("bus", "fs", "irq", "sysrq-trigger")
_FRESH = (("/run", 755), ("/var/log", 755), ("/var/tmp", 1777), ("/tmp", 1777))  # noqa: S108 - the view's own
_PASSED_ON = (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
_FROM_TERMINAL = (signal.SIGINT, signal.SIGQUIT)

_libc = ctypes.CDLL(None, use_errno=True)

Job = dict[str, Any]


def main() -> NoReturn:
    """Do what the command line says."""
    mode, descriptor = sys.argv[1:]
    what = json.loads(_read_all(int(descriptor)))
    if mode == "run":
        _run(what)
    _start(what)


def _run(job: Job) -> NoReturn:
    """Run one program in the foreground; end as it ends."""
    _call("prctl", _PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
    failures, out = os.pipe()
    init = _fork_into_view(job, out, daemon=False)
    os.close(out)
    for number in _FROM_TERMINAL:
        signal.signal(number, signal.SIG_IGN)
    for number in _PASSED_ON:
        signal.signal(number, lambda number, _: _kill(init, number))
    failure = _read_all(failures).rstrip()
    code = _await(init)
    if failure:
        kind, _, text = failure.partition(" ")
        sys.stderr.write(f"{job['name']}: {text.rstrip()}\n")
        code = {"missing": 127, "denied": 126}.get(kind, 125)
    sys.stderr.flush()
    os._exit(code)


def _start(jobs: list[Job]) -> NoReturn:
    """Start daemons side by side; print each one's pid or failure, as JSON, once all are started or have failed."""
    pipes = []
    for job in jobs:
        answers, out = os.pipe()
        if os.fork() == 0:
            os.setsid()
            _redirect(job["log"])
            _guarded(out, lambda job=job, out=out: _become_daemon(job, out))
        os.close(out)
        pipes.append(answers)
    sys.stdout.write(json.dumps([_read_all(answers) for answers in pipes]))
    sys.stdout.flush()
    os._exit(0)


def _become_daemon(job: Job, out: int) -> NoReturn:
    if job["view"] is None:
        _enter_network(job["netns"])
        _drop_capabilities(_KEPT_BY_SERVERS)
        _call("prctl", _PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        os.write(out, f"pid {os.getpid()}\n".encode())
        _exec(job, out)
    init = _fork_into_view(job, out, daemon=True)
    os.write(out, f"pid {init}\n".encode())
    os._exit(0)


def _fork_into_view(job: Job, out: int, *, daemon: bool) -> int:
    """Fork pid 1 of a new view; its failures go to *out*, which closes when its program has begun."""
    try:
        _enter_network(job["netns"])
        _call("unshare", _NEWNS | _NEWUTS | _NEWIPC | _NEWPID)
    except OSError as error:
        _give_up(out, error)
    init = os.fork()
    if init == 0:
        _guarded(out, lambda: _init(job, out, daemon=daemon))
    return init


def _init(job: Job, out: int, *, daemon: bool) -> NoReturn:
    """Be pid 1: lay out the view, start the program, reap until it ends."""
    if not daemon:
        _call("prctl", _PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    _lay_out(job["view"])
    _drop_capabilities(_KEPT)
    program = os.fork()
    if program == 0:
        _guarded(out, lambda: _exec(job, out))
    os.close(out)
    for number in _FROM_TERMINAL:
        signal.signal(number, signal.SIG_IGN)
    for number in _PASSED_ON:
        signal.signal(number, lambda number, _: _kill(program, number))
    os._exit(_await(program))


def _exec(job: Job, out: int) -> NoReturn:
    for number in (*_FROM_TERMINAL, *_PASSED_ON, signal.SIGPIPE, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    os.set_inheritable(out, False)  # the other end reads an end of file when the program has begun
    name = job["argv"][0]
    try:
        os.execvpe(name, job["argv"], job["env"])  # noqa: S606 - an argument list, no shell
    except (FileNotFoundError, NotADirectoryError):
        os.write(out, f"missing {name}: command not found\n".encode())
    except PermissionError:
        os.write(out, f"denied {name}: permission denied\n".encode())
    os._exit(127)


# --- the view


def _lay_out(view: Job) -> None:
    """Turn this mount namespace into what a node sees; whatever is the machine's becomes read-only or is gone."""
    _own_root()
    terminal = _open_terminal()
    _let_go_of_namespaces()
    _seal("/")
    _mount("overlay", "/etc", "overlay", _RDONLY, f"lowerdir={_escaped(view['etc'])}:/etc")
    for target, source in view["sealed"].items():
        _mount(source, target, None, _BIND)
    for target, source in view["folders"].items():
        _mount(source, target, None, _BIND)
        _mount(None, target, None, _REMOUNT | _BIND | _NOSUID | _NODEV)
    _lay_out_dev(terminal)
    for target in view["hidden"]:
        _mount("none", target, "tmpfs", _RDONLY | _NOSUID | _NODEV, "mode=700")
    for target, mode in _FRESH:
        if target not in view["folders"] and os.path.isdir(target):
            _mount("none", target, "tmpfs", _NOSUID | _NODEV, f"mode={mode}")
    for name in ("sshd", "lock"):  # sshd locks its unprivileged half into the first
        os.mkdir(f"/run/{name}", 0o755)
    for path in ("/run/utmp", "/var/log/wtmp", "/var/log/lastlog"):  # without them a login complains
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o644))
    _mount("sysfs", "/sys", "sysfs", _RDONLY | _NOSUID | _NODEV | _NOEXEC)
    _lay_out_proc()
    hostname = view["hostname"].encode()[:64]
    _call("sethostname", hostname, len(hostname))
    os.umask(0o022)
    os.chdir("/root" if "/root" in view["folders"] else "/")


def _own_root() -> None:
    """Make "/" a mount of ours, from which nothing spreads; in a chroot it is none at first."""
    try:
        _mount("none", "/", None, _REC | _PRIVATE)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
    else:
        return
    here = os.open("/", os.O_PATH | os.O_CLOEXEC)
    namespace = os.open("/proc/self/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
    _call("setns", namespace, _NEWNS)  # also moves us to the namespace's true root
    _mount("none", "/", None, _REC | _PRIVATE)
    os.fchdir(here)
    path = os.getcwd()
    _mount(path, path, None, _BIND | _REC)
    os.chroot(path)
    os.chdir("/")
    os.close(namespace)
    os.close(here)


def _open_terminal() -> int | None:
    """Return a handle on the terminal that we read from, as this mount namespace knows it; None = there is none."""
    try:
        return os.open(os.ttyname(0), os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return None


def _let_go_of_namespaces() -> None:
    """Give up our copies of named namespaces: nobody inside finds them, and they can be deleted while we run."""
    with open("/proc/self/mountinfo", encoding="utf-8") as lines:
        mounts = [line.split() for line in lines]
    for fields in reversed(mounts):
        if fields[fields.index("-") + 1] == "nsfs":
            with suppress(OSError):  # one that is hidden beneath another goes with it
                _call("umount2", os.fsencode(_unescaped(fields[4])), _DETACH)


def _lay_out_dev(terminal: int | None) -> None:
    _mount("none", "/dev", "tmpfs", _NOSUID | _NOEXEC, "mode=755")
    for name, minor in _NODES:
        _make_node(name, os.makedev(1, minor))
    _make_node("tty", os.makedev(5, 0))
    for name, target in (("fd", "self/fd"), ("stdin", "self/fd/0"), ("stdout", "self/fd/1"), ("stderr", "self/fd/2")):
        os.symlink(f"/proc/{target}", f"/dev/{name}")
    for name in ("pts", "shm"):
        os.mkdir(f"/dev/{name}", 0o755)
    _mount("devpts", "/dev/pts", "devpts", _NOSUID | _NOEXEC, "newinstance,ptmxmode=0666,mode=0620,gid=5")
    os.symlink("pts/ptmx", "/dev/ptmx")
    _mount("none", "/dev/shm", "tmpfs", _NOSUID | _NODEV, "mode=1777")  # noqa: S108 - the view's own
    if terminal is not None:  # where ttyname finds a terminal that is not of our own devpts
        os.close(os.open("/dev/console", os.O_CREAT | os.O_WRONLY, 0o600))
        _mount(f"/proc/self/fd/{terminal}", "/dev/console", None, _BIND)
        os.close(terminal)


def _make_node(name: str, device: int) -> None:
    before = os.umask(0)
    os.mknod(f"/dev/{name}", 0o666 | stat.S_IFCHR, device)
    os.umask(before)


def _lay_out_proc() -> None:
    """Mount /proc for our own process ids; of its settings only the network namespace's own can be written."""
    _mount("proc", "/proc", "proc", _NOSUID | _NODEV | _NOEXEC)
    _mount("/proc/sys", "/proc/sys", None, _BIND)
    _mount("/proc/sys/net", "/proc/sys/net", None, _BIND)
    _mount(None, "/proc/sys", None, _REMOUNT | _BIND | _RDONLY | _NOSUID | _NODEV | _NOEXEC)
    for name in _SEALED_IN_PROC:
        if os.path.exists(path := f"/proc/{name}"):
            _mount(path, path, None, _BIND)
            _mount(None, path, None, _REMOUNT | _BIND | _RDONLY | _NOSUID | _NODEV | _NOEXEC)


def _seal(path: str) -> None:
    """Make a mount and all below it read-only."""
    attributes = (ctypes.c_uint64 * 4)(_RDONLY, 0, 0, 0)
    size = ctypes.c_size_t(ctypes.sizeof(attributes))
    _call("syscall", _SYS_MOUNT_SETATTR, _AT_FDCWD, path.encode(), _AT_RECURSIVE, ctypes.byref(attributes), size)


def _drop_capabilities(but: tuple[int, ...]) -> None:
    for number in range(64):
        if number not in but:
            with suppress(OSError):  # beyond the last one this kernel knows
                _call("prctl", _PR_CAPBSET_DROP, number, 0, 0, 0)
    kept = sum(1 << number for number in but)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    low, high = kept & 0xFFFFFFFF, kept >> 32
    _call("capset", ctypes.byref(header), ctypes.byref((ctypes.c_uint32 * 6)(low, low, 0, high, high, 0)))


# --- processes


def _guarded(out: int, body: Any) -> NoReturn:
    """Run a forked process's part; whatever goes wrong is reported, and the process ends here."""
    try:
        body()
    except OSError as error:
        _give_up(out, error)
    os._exit(125)


def _give_up(out: int, error: OSError) -> NoReturn:
    where = f" {error.filename}" if error.filename else ""
    os.write(out, f"refused{where}: {error.strerror}\n".encode())
    os._exit(125)


def _redirect(log: str) -> None:
    """Point standard input at nothing, output and errors at the log."""
    for descriptor, path, flags in (
        (0, os.devnull, os.O_RDONLY),
        (1, log, os.O_WRONLY | os.O_CREAT | os.O_APPEND),
    ):
        opened = os.open(path, flags, 0o600)
        os.dup2(opened, descriptor)
        os.close(opened)
    os.dup2(1, 2)


def _await(pid: int) -> int:
    """Reap whatever ends until *pid* does; return its exit code as a shell would have it."""
    while True:
        ended, status = os.waitpid(-1, 0)
        if ended == pid:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code


def _kill(pid: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def _read_all(descriptor: int) -> str:
    with open(descriptor, encoding="utf-8", errors="replace") as stream:
        return stream.read()


# --- the C library


def _enter_network(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    _call("setns", descriptor, _NEWNET)
    os.close(descriptor)


def _mount(source: str | None, target: str, kind: str | None, flags: int, options: str | None = None) -> None:
    texts = [None if text is None else os.fsencode(text) for text in (source, target, kind, options)]
    _call("mount", *texts[:3], ctypes.c_ulong(flags), texts[3], about=target)


def _call(name: str, *arguments: object, about: str | None = None) -> None:
    if getattr(_libc, name)(*arguments) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{name}: {os.strerror(code)}", about)


def _escaped(path: str) -> str:
    """Return a path as overlay's options take it."""
    return path.replace("\\", "\\\\").replace(":", "\\:").replace(",", "\\,")


def _unescaped(path: str) -> str:
    """Return a path as it is, from the spelling of mountinfo."""
    return path.replace("\\040", " ").replace("\\011", "\t").replace("\\012", "\n").replace("\\134", "\\")


if __name__ == "__main__":
    main()
