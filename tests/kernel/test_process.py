"""Programs in a node: what they see, what they cannot reach, how they end, and that the host stays as it is."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from netlab.errors import KernelError, MachineError
from netlab.kernel import netns, process


@dataclass
class Node:
    """A network namespace and a view for it; ``namespace`` of ``other`` is one that must not be reached."""

    namespace: str
    other: str
    folder: Path
    view: process.View

    def run(self, *argv: str, env: dict[str, str] | None = None, stdin: bytes = b"") -> tuple[int, str, str]:
        """Run a program; its exit code, output and errors."""
        with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            given.write(stdin)
            given.seek(0)
            code = process.run(self.namespace, self.view, argv, env, stdin=given, stdout=out, stderr=err)
            texts = [(stream.seek(0), stream.read().decode())[1] for stream in (out, err)]
        return code, texts[0], texts[1]

    def shell(self, script: str) -> tuple[int, str, str]:
        """Run a shell script."""
        return self.run("sh", "-c", script)


@pytest.fixture
def node() -> Iterator[Node]:
    folder = Path(tempfile.mkdtemp(prefix="netlab-process-"))
    name = f"netlab:process.{os.getpid()}"
    names = (f"{name}:ec2", f"{name}:card")
    for path in ("etc/deep", "home", "keys"):
        (folder / path).mkdir(parents=True)
    (folder / "etc/hostname").write_text("ec2\n")
    (folder / "etc/deep/new.conf").write_text("new\n")
    (folder / "keys/key").write_text("secret\n")
    (folder / "etc/keys").mkdir()
    view = process.View("ec2", folder / "etc", {"/etc/keys": folder / "keys"}, {"/root": folder / "home"})
    try:
        for each in names:
            netns.create(each)
        yield Node(*names, folder, view)
    finally:
        wanted = {netns.identity(netns.RUN / each) for each in names}
        for pid in [int(path.name) for path in Path("/proc").iterdir() if path.name.isdecimal()]:
            if netns.identity(f"/proc/{pid}/ns/net") in wanted:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        for each in names:
            netns.ensure_absent(each)
        shutil.rmtree(folder)


@pytest.mark.parametrize(
    ("argv", "code"),
    [
        (["true"], 0),
        (["false"], 1),
        (["sh", "-c", "exit 200"], 200),
        (["sh", "-c", "kill -TERM $$"], 128 + 15),
        (["sh", "-c", "kill -KILL $$"], 128 + 9),
        (["sh", "-c", "kill -INT $$"], 128 + 2),
        (["/nonesuch"], 127),
        (["/etc/hostname"], 126),
    ],
)
def test_the_exit_code_is_the_programs(node: Node, argv: list[str], code: int) -> None:
    """As a shell has it: 128 and the number for a signal."""
    assert node.run(*argv)[0] == code


def test_an_unknown_command_is_said_in_one_line(node: Node) -> None:
    """With the node's name and the command's."""
    assert node.run("nonesuch", "--flag") == (127, "", "ec2: nonesuch: command not found\n")


def test_arguments_arrive_unchanged(node: Node) -> None:
    """No shell stands between."""
    words = ["a b", "", "$HOME", "it's", "*", "-v", "x;y", "ü", "https://h/?a=b&c=d"]

    assert node.run("printf", "%s|", *words) == (0, "|".join(words) + "|", "")


def test_standard_streams_are_the_callers(node: Node) -> None:
    """Input, output and errors, each its own."""
    assert node.run("sh", "-c", "cat; echo no >&2", stdin=b"yes") == (0, "yes", "no\n")


def test_the_environment_is_the_nodes(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the caller's comes along but the terminal's kind."""
    monkeypatch.setenv("SECRET", "caller's")
    monkeypatch.setenv("TERM", "vt100")
    _, out, _ = node.run("env", env={"EXTRA": "1"})

    assert dict(line.split("=", 1) for line in out.splitlines()) == {
        **process.ENVIRONMENT,
        "TERM": "vt100",
        "EXTRA": "1",
    }


def test_the_environment_of_the_views_first_process_is_the_nodes(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root inside reads /proc/1/environ: nothing of the caller's stands there, of `run` and of `start`."""
    monkeypatch.setenv("SECRET", "caller's")
    _, shown, _ = node.run("cat", "/proc/1/environ")
    (pid,) = process.start(
        [process.Daemon("server", node.namespace, ("sleep", "1000"), node.folder / "log", view=node.view)]
    )
    of_daemon = Path(f"/proc/{pid}/environ").read_text(encoding="utf-8")

    wanted = {f"{name}={text}" for name, text in process.ENVIRONMENT.items()}
    assert set(shown.split("\0")) - {""} == wanted
    assert set(of_daemon.split("\0")) - {""} == wanted


@pytest.mark.parametrize(
    ("script", "out"),
    [
        ("hostname", "ec2"),
        ("cat /etc/hostname", "ec2"),
        ("cat /etc/deep/new.conf", "new"),
        ("cat /etc/keys/key", "secret"),
        ("pwd", "/root"),
        ("ls /sys/class/net", "lo"),
        ("ls /tmp", ""),
        ("ls /run", "lock\nsshd\nutmp"),
        ("echo $$", "2"),
        ("echo /proc/[0-9]*", "/proc/1 /proc/2"),  # the first process and the shell
        ("echo x > /dev/null; head -c1 /dev/zero | wc -c", "1"),
        ("test -e /etc/passwd && echo the machine", "the machine"),
    ],
)
def test_a_view_has_files_and_processes_of_its_own(node: Node, script: str, out: str) -> None:
    """Over the machine's files, which are there too."""
    assert node.shell(script) == (0, f"{out}\n" if out else "", "")


@pytest.mark.parametrize(
    "path",
    ["/x", "/etc/x", "/etc/hostname", "/etc/keys/x", "/usr/x", "/var/lib/x", "/sys/x", "/proc/sys/kernel/hostname"],
)
def test_the_machines_files_cannot_be_changed(node: Node, path: str) -> None:
    """Nor the lab's own that are not the user's."""
    assert node.shell(f"echo > {path}")[0] != 0


@pytest.mark.parametrize(
    "path",
    ["/root/x", "/tmp/x", "/run/x", "/var/tmp/x", "/dev/shm/x", "/proc/sys/net/ipv4/ip_forward"],  # noqa: S108
)
def test_what_is_the_nodes_own_can_be_changed(node: Node, path: str) -> None:
    """And the machine's file of that name stays as it was."""
    before = Path(path).read_text(encoding="utf-8") if Path(path).exists() else None

    assert node.shell(f"echo 1 > {path}") == (0, "", "")
    assert before == (Path(path).read_text(encoding="utf-8") if Path(path).exists() else None)


def test_the_home_folder_stays_from_one_program_to_the_next(node: Node) -> None:
    """It lies in the state folder; /tmp, where nothing else was said, is new each time."""
    node.shell("echo kept > /root/file; echo lost > /tmp/file")

    assert node.shell("cat /root/file; ls /tmp") == (0, "kept\n", "")
    assert (node.folder / "home/file").read_text() == "kept\n"


ESCAPES = [
    "ls /run/netns",
    "ls /var/run/netns",
    "umount /run",
    "umount /proc",
    "umount -l /etc",
    "mount -t tmpfs none /mnt",
    "mount -o remount,rw /",
    "unshare --mount true",
    "nsenter --net=/proc/1/ns/net --mount=/proc/1/ns/mnt true",
    "nsenter --target 1 --mount true",
    "mknod /root/disk b 8 0",
    "mknod /root/null c 1 3",
    "dd if=/dev/vda of=/dev/null count=1",
    "dd if=/dev/sda of=/dev/null count=1",
    "ls /proc/1/task/1/root/run/netns",
    'date --set "$(date)"',
    "echo h > /proc/sysrq-trigger",
    "dd if=/proc/kcore of=/dev/null count=1",
    "ip netns list | grep .",
    "ls /proc/$OUTSIDE",
]


@pytest.mark.parametrize("script", ESCAPES)
def test_root_inside_cannot_get_out(node: Node, script: str) -> None:
    """No way leads to the machine, to another namespace, or to the card's rules."""
    assert node.run("sh", "-c", script, env={"OUTSIDE": str(os.getpid())})[0] != 0


def test_root_inside_rules_its_own_network(node: Node) -> None:
    """Addresses and rules of its own namespace, which no other one sees."""
    own = "iptables-legacy -w"
    script = f"ip addr add 192.0.2.1/32 dev lo && {own} -A INPUT -s 192.0.2.9 -j DROP && {own} -S INPUT"

    assert node.shell(script)[:2] == (0, "-P INPUT ACCEPT\n-A INPUT -s 192.0.2.9/32 -j DROP\n")
    with netns.entered(node.other):
        seen = subprocess.run(["iptables-legacy", "-w", "-S", "INPUT"], capture_output=True, text=True, check=True)
    assert seen.stdout == "-P INPUT ACCEPT\n"


def test_a_folder_can_be_hidden(node: Node) -> None:
    """It is there, and empty; without that it is seen."""
    home = node.folder / "home"
    (home / "file").touch()
    open_view = process.View("ec2", node.view.etc, folders={"/root": home, "/mnt": home})
    for view, seen in ((open_view, "file\n"), (replace(open_view, hidden=("/mnt",)), "")):
        assert replace(node, view=view).shell("ls /mnt") == (0, seen, "")


def test_what_a_program_leaves_running_ends_with_it(node: Node) -> None:
    """Its process ids are gone as a whole."""
    node.shell("sleep 1000 & echo")
    wanted = netns.identity(netns.RUN / node.namespace)
    left = [
        path for path in Path("/proc").iterdir() if path.name.isdecimal() and netns.identity(path / "ns/net") == wanted
    ]

    assert left == []


CALLER = """
import sys
from pathlib import Path
from netlab.kernel.process import View, run
view = View("ec2", Path(sys.argv[2]))
sys.exit(run(sys.argv[1], view, ["sh", "-c", sys.argv[3]]))
"""


def _caller(node: Node, script: str) -> subprocess.Popen[bytes]:
    argv = [sys.executable, "-c", CALLER, node.namespace, str(node.view.etc), script]
    return subprocess.Popen(argv, stdout=subprocess.PIPE, start_new_session=True)


def _ready(caller: subprocess.Popen[bytes]) -> None:
    assert caller.stdout is not None
    assert caller.stdout.readline() == b"ready\n"


def test_ctrl_c_reaches_the_program_and_its_exit_code_comes_back(node: Node) -> None:
    """The terminal sends it to all of us; only the program acts on it."""
    with _caller(node, "trap 'echo caught; exit 33' INT; echo ready; while :; do sleep 0.01; done") as caller:
        _ready(caller)
        os.killpg(caller.pid, signal.SIGINT)

        assert caller.communicate()[0] == b"caught\n"
    assert caller.returncode == 33


def test_ctrl_c_ends_a_program_that_says_nothing_of_it(node: Node) -> None:
    """As it would in a shell: 130."""
    with _caller(node, "echo ready; exec sleep 1000") as caller:
        _ready(caller)
        os.killpg(caller.pid, signal.SIGINT)

        assert caller.wait() == 130


def test_sigterm_to_the_caller_is_passed_on(node: Node) -> None:
    """Also to a program that is not of its session any more."""
    with _caller(node, "trap 'exit 44' TERM; echo ready; while :; do sleep 0.01; done") as caller:
        _ready(caller)
        caller.terminate()

        assert caller.wait() == 44


def test_a_killed_caller_takes_its_program_along(node: Node) -> None:
    """Nothing is left in the namespace: the pipe that the program holds closes."""
    with _caller(node, "echo ready; exec sleep 1000") as caller:
        _ready(caller)
        caller.kill()

        assert caller.communicate()[0] == b""


def _daemon(node: Node, *argv: str, ports: tuple[tuple[int, int], ...] = (), view: bool = False) -> process.Daemon:
    return process.Daemon(
        "server", node.namespace, argv, node.folder / "log" / "server", ports, view=node.view if view else None
    )


SERVER = """
import socket, time
with socket.create_server(("0.0.0.0", 7000)) as tcp, socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as udp:
    udp.bind(("::", 7001))
    print("up", flush=True)
    tcp.accept()
"""


@pytest.mark.parametrize("view", [False, True])
def test_a_daemon_runs_in_its_namespace_and_is_waited_for(node: Node, *, view: bool) -> None:
    """With and without a view; it has no terminal and its own session, and its output goes to the log."""
    daemon = _daemon(node, "python3", "-c", SERVER, ports=((6, 7000), (17, 7001)), view=view)
    (pid,) = process.start([daemon])
    process.wait_listening([daemon], [pid])

    assert netns.identity(f"/proc/{pid}/ns/net") == netns.identity(netns.RUN / node.namespace)
    assert os.getsid(pid) != os.getsid(0)
    assert (netns.identity(f"/proc/{pid}/ns/mnt") == netns.identity("/proc/self/ns/mnt")) is not view
    assert process.log_tail(daemon.log) == "up"


@pytest.mark.parametrize(("view", "kept"), [(False, "00000000000004c0"), (True, "00000000a0843dfb")])
def test_a_daemon_has_few_of_roots_capabilities(node: Node, *, view: bool, kept: str) -> None:
    """Without a view, where it sees the machine's files: setgid, setuid, net_bind_service."""
    (pid,) = process.start([_daemon(node, "sleep", "1000", view=view)])
    text = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    status = dict(line.split(":\t", 1) for line in text.splitlines())

    assert [status[f"Cap{name}"] for name in ("Inh", "Prm", "Eff", "Bnd", "Amb")] == [
        "0" * 16,
        kept,
        kept,
        kept,
        "0" * 16,
    ]
    assert status["NoNewPrivs"] == ("0" if view else "1")


def test_a_daemon_that_ends_at_once_is_reported_with_its_last_words(node: Node) -> None:
    """Also where it listened before on one port of two."""
    daemon = _daemon(node, "sh", "-c", "echo first; echo no luck; exit 1", ports=((6, 7000),))
    pids = process.start([daemon])

    with pytest.raises(KernelError, match=r"server in .*: ended at once: no luck"):
        process.wait_listening([daemon], pids)


def test_a_daemon_that_does_not_listen_is_reported_in_time(node: Node) -> None:
    """It runs, but not on that port."""
    daemon = _daemon(node, "python3", "-c", SERVER, ports=((6, 7002),))
    pids = process.start([daemon])
    process.wait_listening([_daemon(node, ports=((6, 7000),))], pids)

    with pytest.raises(KernelError, match="still not ready"):
        process.wait_listening([daemon], pids, timeout_s=0.05)


@pytest.mark.parametrize("view", [False, True])
def test_a_missing_server_is_the_machines_fault(node: Node, *, view: bool) -> None:
    """It is found out before `start` returns."""
    with pytest.raises(MachineError, match="server: nonesuch: command not found"):
        process.start([_daemon(node, "nonesuch", view=view)])


def test_a_namespace_that_does_not_exist_is_named(node: Node) -> None:
    """Neither a daemon nor a program starts anywhere else instead."""
    daemon = process.Daemon("server", f"{node.namespace}.not", ("true",), node.folder / "log")

    with pytest.raises(KernelError, match=r"server in .*not: .*No such file or directory"):
        process.start([daemon])
    assert process.run(daemon.namespace, node.view, ["true"], stderr=subprocess.DEVNULL) == 125


def test_a_deleted_namespace_is_free_though_programs_of_another_run(node: Node) -> None:
    """A view keeps no hold on namespaces that it does not show: their devices go when their names go."""
    (pid,) = process.start([_daemon(node, "sleep", "1000", view=True)])
    mounts = Path(f"/proc/{pid}/mountinfo").read_text(encoding="utf-8")

    assert " nsfs " not in mounts
    assert " overlay " in mounts
