"""
Measures netlab from outside, as `scripts/bench` starts it: commands against their limits, then two comparisons.

Exit 1 where a median is over its limit. Processor time stands beside the clock's, since on a busy machine only the
former is netlab's own.
"""

from __future__ import annotations

import os
import platform
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from importlib import resources
from pathlib import Path
from statistics import median

from bench_matrix import PORTS, beside_mininet, beside_nmap, matrix_rows

import netlab
from netlab.compile import compile_lab
from netlab.kernel import machine, netns
from netlab.kernel.programs import run_here, run_inside
from netlab.kernel.xtables import driver_by_name
from netlab.plan.nouns import Namespace, Plan, card_name, kernel_name
from netlab.plan.render import render_nft, render_set, render_table

NETLAB = Path(__file__).with_name("netlab")
NAME = f"bench-{os.getpid()}"
RUNS = 7
FEW_RUNS = 3
RULES = 50


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a command: the clock's and the processors' seconds, and the most memory any process of it held."""

    wall_s: float
    cpu_s: float
    peak_mb: float


def main(arguments: Sequence[str]) -> int:
    """Print the tables; return the exit code."""
    runs = int(arguments[0]) if arguments else RUNS
    print(f"netlab {netlab.__version__}, {_machine()}\n")
    with tempfile.TemporaryDirectory() as folder:
        lab_file = Path(folder) / "lab.yaml"
        lab_file.write_text(_stateful_by_our_name(), encoding="utf-8")
        try:
            ok = _commands(lab_file, runs)
            ok &= _proof(Path(folder), runs)
            _comparisons(Path(folder), runs)
        finally:
            for lab in (NAME, f"{NAME}.x"):
                machine.take_down(lab)
            subprocess.run([NETLAB, "down", NAME], capture_output=True, check=False)
    return 0 if ok else 1


def _commands(lab_file: Path, runs: int) -> bool:
    rounds = {
        "netlab --help": (["--help"], 0.3),
        "netlab up stateful": (["up", str(lab_file)], 3.0),
        "netlab probe": (["probe", "--lab", NAME, "laptop", "ec2", "tcp/22"], 1.0),
        "netlab exec": (["exec", "--lab", NAME, "ec2", "--", "true"], None),
        "netlab down": (["down", NAME], 1.0),
    }
    taken: dict[str, list[Run]] = {title: [] for title in rounds}
    for number in range(runs + 1):  # round by round, so that what else the machine does meets all alike
        for title, (words, _) in rounds.items():
            run = _run([str(NETLAB), *words])
            if number:  # the first one warms up
                taken[title].append(run)
    print(f"{'median of ' + str(runs):<24}{'clock':>9}{'best':>9}{'worst':>9}{'processor':>11}{'limit':>9}")
    ok = True
    for title, (_, limit) in rounds.items():
        clock = [run.wall_s for run in taken[title]]
        cpu = median(run.cpu_s for run in taken[title])
        row = f"{title:<24}{median(clock):>7.2f} s{min(clock):>7.2f} s{max(clock):>7.2f} s{cpu:>9.2f} s"
        ok &= _verdict(row, median(clock), limit, "s")
    peaks = [run.peak_mb for run in taken["netlab up stateful"]]
    row = f"{'memory of up':<24}{median(peaks):>6.0f} MB{min(peaks):>6.0f} MB{max(peaks):>6.0f} MB{'':>11}"
    return _verdict(row, median(peaks), 150, "MB") and ok


def _proof(folder: Path, runs: int) -> bool:
    few = min(runs, FEW_RUNS)
    print(f"\n{'median of ' + str(few):<46}{'clock':>9}{'':>15}{'limit':>9}")

    def report(title: str, value: float, limit: float, unit: str) -> bool:
        return _verdict(f"{title:<46}{value:>7.2f} {unit}{'':>15}", value, limit, unit)

    ok = matrix_rows(folder, few, report)
    print(beside_nmap(folder))
    print(beside_mininet(folder))
    run = _run([str(NETLAB), "matrix", str(folder / "nodes100.yaml"), "--ports", PORTS])
    title = "matrix of 100 nodes, the whole command"
    print(f"{title:<46}{run.wall_s:>7.2f} s{run.cpu_s:>9.2f} s")
    return _verdict(f"{'its memory':<46}{run.peak_mb:>6.0f} MB{'':>15}", run.peak_mb, 500, "MB") and ok


def _verdict(row: str, value: float, limit: float | None, unit: str) -> bool:
    if limit is None:
        print(row)
        return True
    ok = value < limit
    print(f"{row}{limit:>{8 - len(unit)}g} {unit}{'' if ok else '  MISSED'}")
    return ok


def _run(argv: list[str]) -> Run:
    started = time.monotonic()
    with tempfile.TemporaryFile() as said:
        child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=said, stderr=said)
        _, status, usage = os.wait4(child.pid, 0)
        wall_s = time.monotonic() - started
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            said.seek(0)
            raise SystemExit(f"{' '.join(argv)}: exit {child.returncode}\n{said.read().decode(errors='replace')}")
    return Run(wall_s, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def _comparisons(folder: Path, runs: int) -> None:
    print(f"\n{'side by side, median of ' + str(runs):<46}{'clock':>9}{'ratio':>9}")
    plan = replace(compile_lab(netlab.load("stateful")), lab=f"{NAME}.x")
    _compare(
        "namespaces, links and rules of stateful",
        {"netlab": lambda: machine.build(plan), "ip, sysctl, *-restore, nft": lambda: _build_by_commands(plan)},
        lambda: machine.take_down(plan.lab),
        runs,
    )
    card = _card_of_many_rules(folder)
    namespace = kernel_name(NAME, card.name)
    netns.create(namespace)
    run_inside(namespace, ["ipset", "restore"], "".join(render_set(each) for each in card.sets))
    _compare(
        f"a card of {RULES} rules, replaced and read back",
        {
            title: partial(driver_by_name(name).replace, namespace, card.tables)
            for title, name in (("python-iptables", "iptc"), ("iptables-legacy-restore", "legacy"))
        },
        lambda: None,
        runs,
    )


def _compare(title: str, ways: dict[str, Callable[[], None]], undo: Callable[[], None], runs: int) -> None:
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(runs + 1):
        for name, act in ways.items():
            started = time.monotonic()
            act()
            if number:
                taken[name].append(time.monotonic() - started)
            undo()
    print(title)
    first = median(next(iter(taken.values())))
    for name, seconds in taken.items():
        print(f"  {name:<44}{median(seconds) * 1000:>6.0f} ms{median(seconds) / first:>9.2f}")


def _build_by_commands(plan: Plan) -> None:
    """Build as a shell script would: an `ip` for each thing, a restore for each family. Raw nft rules are left out."""
    for name in plan.namespaces:
        _ip("netns", "add", kernel_name(plan.lab, name))
    for link in plan.links:
        (here, device), (there, peer) = link.one, link.other
        far = ["peer", "name", peer, "netns", kernel_name(plan.lab, there)]
        _ip("link", "add", device, "netns", kernel_name(plan.lab, here), "type", "veth", *far)
    for name, namespace in plan.namespaces.items():
        with netns.entered(kernel_name(plan.lab, name)):
            _configure_by_commands(namespace)
            _fill_by_commands(namespace)


def _configure_by_commands(namespace: Namespace) -> None:
    present = {name for _, name in socket.if_nameindex()}
    for device in namespace.devices:
        if device.name not in present:  # in no link: it leads nowhere
            _ip("link", "add", device.name, "type", "veth", "peer", "name", f"{device.name}-far")
        mac = ["address", device.mac] if device.mac else []
        mtu = ["mtu", str(device.mtu)] if device.mtu else []
        _ip("link", "set", device.name, *mac, *mtu, "up")
        for address in device.addresses:
            _ip("addr", "add", str(address), "dev", device.name, *(["nodad"] if address.version == 6 else []))
    settings = [f"net/{path}={value}" for path, value in namespace.sysctls]
    subprocess.run(["sysctl", "-eqw", *settings], capture_output=True, check=False)
    for neighbour in namespace.neighbours:
        words = ["proxy", str(neighbour.address)] if neighbour.proxy else [str(neighbour.address)]
        _ip("neigh", "add", *words, *(["lladdr", neighbour.mac] if neighbour.mac else []), "dev", neighbour.device)
    for route in namespace.routes:
        words = [] if route.kind == "unicast" else [route.kind]
        words.append(str(route.destination))
        if route.gateway is not None:
            words += ["via", "inet" if route.gateway.version == 4 else "inet6", str(route.gateway)]
        if route.device:
            words += ["dev", route.device, *(["onlink"] if route.gateway is not None else [])]
        _ip(f"-{route.destination.version}", "route", "add", *words, "table", str(route.table))


def _fill_by_commands(namespace: Namespace) -> None:
    texts = {
        ("ipset", "restore"): "".join(render_set(each) for each in namespace.sets),
        ("iptables-legacy-restore",): "".join(render_table(each) for each in namespace.tables if each.family == 4),
        ("ip6tables-legacy-restore",): "".join(render_table(each) for each in namespace.tables if each.family == 6),
        ("nft", "-f", "-"): "".join(render_nft(each) for each in namespace.nft),
    }
    for argv, text in texts.items():
        if text:
            run_here("bench", argv, text)


def _ip(*words: str) -> None:
    run_here("bench", ["ip", *words])


def _card_of_many_rules(folder: Path) -> Namespace:
    rules = "".join(f"      - {{tcp: {1000 + number}, from: 198.51.{number}.0/24}}\n" for number in range(RULES))
    lab_file = folder / "many.yaml"
    lab_file.write_text(
        f"name: {NAME}\nvpc: {{cidr: 10.0.0.0/16}}\nsubnets:\n  one: {{cidr: 10.0.1.0/24}}\n"
        f"security_groups:\n  many:\n    ingress:\n{rules}"
        "instances:\n  ec2: {subnet: one, security_groups: [many]}\n",
        encoding="utf-8",
    )
    return compile_lab(netlab.load(lab_file)).namespaces[card_name("ec2", "eth0")]


def _stateful_by_our_name() -> str:
    text = resources.files("netlab.labs").joinpath("stateful.yaml").read_text(encoding="utf-8")
    return re.sub(r"(?m)^name: .*$", f"name: {NAME}", text)


def _machine() -> str:
    cores, load = len(os.sched_getaffinity(0)), os.getloadavg()[0]
    when = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
    return f"{cores} cores, Linux {platform.release()}, Python {platform.python_version()}\n{when}, load {load:.1f}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
