"""
A machine of one's own to run `netlab` on as a user does: no other lab is there, so that tests run side by side.

It is a mount namespace with its own /run/netns and /run/netlab, and a network namespace as its "host". Everything
else is the real machine, and every command is a real process.
"""

import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

CHECKOUT = Path(__file__).resolve().parents[2]
NETLAB = CHECKOUT / "scripts" / "netlab"
STATEFUL = (CHECKOUT / "netlab" / "labs" / "stateful.yaml").read_text(encoding="utf-8")
QUOTE_URL = "https://www.alphavantage.co/query?function=GLOBAL_QUOTE&symbol={}&apikey=demo"

PATIENCE_S = 60.0

# In a chroot "/" is no mount; a step through its own mount namespace then leads to the one that is.
_SETUP = """
set -e
mount --make-rslave / 2>/dev/null || nsenter --mount=/proc/self/ns/mnt mount --make-rslave /
umount --recursive --lazy /run/netns 2>/dev/null || true
mkdir -p /run/netns /run/netlab
mount -t tmpfs none /run/netns
mount -t tmpfs none /run/netlab
mount -t sysfs none /sys
ip link set lo up
echo ready
exec cat
"""


@dataclass(frozen=True, slots=True)
class Done:
    """What a command left: its exit code, what it said on standard output and on standard error."""

    code: int
    out: str
    err: str

    @property
    def only_line(self) -> str:
        """Standard error, where that is one line."""
        assert self.err.endswith("\n"), self
        assert self.err.count("\n") == 1, self

        return self.err.rstrip("\n")


@dataclass(slots=True)
class Machine:
    """
    A machine to run commands on; made and given back by `machine`.

    Attributes:
        folder: Where commands are run.
    """

    folder: Path
    _holder: subprocess.Popen[str]
    _started: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def names(self) -> Path:
        """The folder of the machine's namespaces, seen from outside."""
        return Path(f"/proc/{self._holder.pid}/root/run/netns")

    def argv(self, *words: str) -> list[str]:
        """Return the command line that runs *words* on this machine."""
        inside = ["nsenter", f"--target={self._holder.pid}", "--mount", "--net", "--root"]
        return [*inside, "env", f"--chdir={self.folder}", *words]

    def run(self, *words: str, stdin: str = "", env: dict[str, str] | None = None) -> Done:
        """Run a program to its end."""
        done = subprocess.run(
            self.argv(*words),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
            env={**os.environ, **(env or {})},
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def run_in(self, namespace: str, *words: str) -> Done:
        """Run a program of the machine in a namespace; not by `ip netns exec`, which fails in a chroot."""
        return self.run("nsenter", f"--net=/run/netns/netlab:{namespace}", *words)

    def netlab(self, *words: str, stdin: str = "") -> Done:
        """Run `netlab` to its end."""
        return self.run(str(NETLAB), *words, stdin=stdin)

    def ok(self, *words: str) -> str:
        """Run `netlab`, which is to succeed, and return what it prints."""
        done = self.netlab(*words)

        assert done.code == 0, done
        return done.out

    def as_nobody(self, *words: str) -> Done:
        """Run `netlab` to its end as a user without any right; wherever the checkout is, that user can read it."""
        self.run("mount", "--bind", str(CHECKOUT), "/mnt")
        user = ("env", "--chdir=/", "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all")
        return self.run(*user, "/mnt/scripts/netlab", *words, env={"PYTHONPATH": "/mnt"})

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start `netlab`, in a process group of its own; it is ended with the machine."""
        process = subprocess.Popen(
            self.argv(str(NETLAB), *words),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._started.append(process)
        return process

    def write(self, name: str, text: str) -> str:
        """Write a file into the folder; return its name."""
        (self.folder / name).write_text(text, encoding="utf-8")
        return name

    def traces(self, *labs: str) -> list[str]:
        """Return all that there is of any lab: namespaces and state of all; processes of those named."""
        there = Path(f"/proc/{self._holder.pid}/root/run")
        found = [f"netns/{path.name}" for path in (there / "netns").iterdir()]
        found += [f"netlab/{path.name}" for path in (there / "netlab").iterdir() if path.name != ".locks"]
        found += [f"netlab/.locks/{path.name}" for path in (there / "netlab" / ".locks").glob("*")]
        return sorted(found) + [f"process {pid}" for lab in labs for pid in processes_of(lab)]

    def close(self) -> None:
        """Take everything down, and give the machine back."""
        for process in self._started:
            if process.poll() is None:
                process.kill()
            process.communicate()
        try:
            if self.traces():
                self.netlab("down", "--all")
        finally:
            self._holder.communicate()

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Make a machine."""
        holder = subprocess.Popen(
            ["unshare", "--mount", "--net", "--propagation=unchanged", "sh", "-c", _SETUP],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert holder.stdout is not None
        assert holder.stdout.readline() == "ready\n"

        return cls(folder, holder)


@contextmanager
def machine(folder: Path) -> Iterator[Machine]:
    """Make a machine for the body."""
    made = Machine.open(folder)
    try:
        yield made
    finally:
        made.close()


def processes_of(lab: str) -> list[int]:
    """Return the processes, of all the machine, that see files of a lab or were started with its name."""
    needle = re.compile(rf"/{re.escape(lab)}(/|\.lock)|:{re.escape(lab)}:".encode())
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            text = (entry / "cmdline").read_bytes() + (entry / "mountinfo").read_bytes()
        except OSError:
            continue  # it has ended
        if needle.search(text):
            found.append(int(entry.name))
    return found


def wait_until(holds: Callable[[], bool], what: str, timeout_s: float = 20.0) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < deadline, f"{what}: still not so after {timeout_s} s"
