"""
The rows of `scripts/bench` about proof: matrices, imports, and what a user would take otherwise: nmap asking the same
inside the same namespaces, and Mininet's pingall.

A run of the big matrix takes seconds, so few runs must do.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median

import netlab
from netlab.check.matrix import Matrix, ask_matrix, questions_of
from netlab.check.samples import samples_from_text
from netlab.kernel.programs import run_inside
from netlab.model.topology import Lab
from netlab.plan.nouns import kernel_name

NODES, FEW_NODES = 100, 10
PORTS = "tcp/22,tcp/80,tcp/443,tcp/3306,tcp/5000,tcp/5001,tcp/5432,tcp/8443,udp/53,icmp/8"
GROUPS, RULES = 500, 20

_SYSTEM_PYTHON = "/usr/bin/python3"  # where Debian puts Mininet's modules
_PINGALL = """
import sys, time
from mininet.net import Mininet
from mininet.nodelib import LinuxBridge
from mininet.topo import SingleSwitchTopo
net = Mininet(topo=SingleSwitchTopo(int(sys.argv[1])), switch=LinuxBridge, controller=None)
net.start()
net.waitConnected()
began = time.monotonic()
net.pingAll(timeout=1)
took = time.monotonic() - began
net.stop()
print(took)
"""

_GROUP_ID = {"references": ["aws_security_group.this.id", "aws_security_group.this"]}
_MODULE = {
    "outputs": {"id": {"expression": _GROUP_ID}},
    "variables": {"peer": {}},
    "resources": [
        {"address": "aws_security_group.this", "type": "aws_security_group", "name": "this"},
        {
            "address": "aws_vpc_security_group_ingress_rule.r",
            "type": "aws_vpc_security_group_ingress_rule",
            "name": "r",
            "count_expression": {"constant_value": RULES},
            "expressions": {
                "security_group_id": _GROUP_ID,
                "referenced_security_group_id": {"references": ["var.peer"]},
            },
        },
    ],
}
"""What a plan's configuration writes of each module: a group, and rules from the group it is given."""

Report = Callable[[str, float, float, str], bool]
"""Prints a row: what was measured, how much, the limit, the unit; tells whether the limit holds."""


def matrix_rows(folder: Path, runs: int, report: Report) -> bool:
    """Measure the big matrix and the big import; return whether every limit holds."""
    lab = _many_nodes(folder, NODES)
    questions = tuple(questions_of(lab, samples_from_text(PORTS)))
    taken = []
    for _ in range(runs):
        with netlab.running(lab) as network:
            taken.append(_timed(lambda: ask_matrix(network, questions)))
    with netlab.paper(lab) as network:
        on_paper = _timed(lambda: ask_matrix(network, questions))
    ok = report(f"matrix: {len(questions):,} questions in the kernel", median(taken), 15, "s")
    ok &= report("matrix --paper: per 5,000 verdicts", on_paper * 5000 / len(questions), 1, "s")
    big = _many_groups(folder)
    ok &= report(f"import: {GROUPS} groups, {GROUPS * RULES:,} rules", _timed(lambda: netlab.load(big)), 3, "s")
    plan = _many_modules(folder)
    ok &= report(f"import: a plan of {GROUPS} modules, as many rules", _timed(lambda: netlab.load(plan)), 3, "s")
    return ok


def beside_nmap(folder: Path) -> str:
    """Return a line about netlab and nmap asking TCP alone, every pair, inside the same namespaces."""
    if shutil.which("nmap") is None:
        return "nmap is not installed: nothing to compare with"
    lab = _many_nodes(folder, FEW_NODES)
    tcp = ",".join(each for each in PORTS.split(",") if each.startswith("tcp/"))
    questions = [each for each in questions_of(lab, samples_from_text(tcp)) if each.source in lab.instances]
    with netlab.running(lab) as network:
        ours = _timed(lambda: ask_matrix(network, questions))
        theirs = _timed(lambda: _nmap(network.lab, tcp.replace("tcp/", "")))
    count = len(questions)
    return (
        f"{count} questions: netlab {ours:.2f} s, with rule or gate; nmap {theirs:.2f} s, open or not; "
        f"ratio {theirs / ours:.1f}"
    )


def beside_mininet(folder: Path) -> str:
    """Return a line about netlab and Mininet (Debian: mininet, bridge-utils) sending a ping for every pair of hosts."""
    if not Path(_SYSTEM_PYTHON).exists() or shutil.which("mn") is None or shutil.which("brctl") is None:
        return "mininet is not installed: nothing to compare with"
    lab = _many_nodes(folder, FEW_NODES)
    questions = tuple(questions_of(lab, samples_from_text("icmp/8")))
    with netlab.running(lab) as network:
        ours = _timed(lambda: ask_matrix(network, questions))
    argv = ["unshare", "--net", "--mount", _SYSTEM_PYTHON, "-c", _PINGALL, str(FEW_NODES)]
    told = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    theirs = float(told.split()[-1])
    pairs, their_pairs = len(questions), FEW_NODES * (FEW_NODES - 1)
    mine, other = (each * 1000 for each in (ours / pairs, theirs / their_pairs))
    return f"a ping a pair: netlab {mine:.2f} ms, Mininet's pingall {other:.2f} ms; ratio {other / mine:.1f}"


def _nmap(lab: Lab, ports: str) -> None:
    """Scan from every instance every other place, as fast as nmap goes without giving up its answers."""
    for sender in lab.instances.values():
        targets = [str(each.primary.ipv4[0]) for each in lab.instances.values() if each.name != sender.name]
        targets += [str(host.addresses[0]) for host in lab.hosts.values()]
        argv = ["nmap", "-sS", "-Pn", "-n", "-T5", "--max-retries", "0", "-p", ports, *targets]
        run_inside(kernel_name(lab.name, sender.name), argv)


def _timed(act: Callable[[], Matrix | Lab | None]) -> float:
    started = time.monotonic()
    act()
    return time.monotonic() - started


def _many_nodes(folder: Path, count: int) -> Lab:
    groups = "".join(
        f"  g{number}:\n    ingress:\n"
        f"      - {{tcp: 22, from: g{(number + 1) % 10}}}\n      - {{tcp: 443, from: 10.0.0.0/16}}\n"
        f"      - {{tcp: 5432, from: self}}\n      - {{udp: 53, from: g{(number + 3) % 10}}}\n"
        "      - {icmp: 8, from: 10.0.1.0/24}\n"
        for number in range(10)
    )
    nodes = "".join(
        f"  n{number}: {{subnet: {'ab'[number % 2]}, security_groups: [g{number % 10}]}}\n"
        for number in range(count - 1)
    )
    file = folder / f"nodes{count}.yaml"
    file.write_text(
        f"name: bench-{os.getpid()}-{count}\nvpc: {{cidr: 10.0.0.0/16}}\n"
        "subnets:\n  a: {cidr: 10.0.1.0/24, internet: true}\n  b: {cidr: 10.0.2.0/24}\n"
        f"security_groups:\n{groups}instances:\n{nodes}hosts:\n  outside: {{ip: 198.51.100.7}}\n",
        encoding="utf-8",
    )
    return replace(netlab.load(file), warnings=())


def _many_groups(folder: Path) -> Path:
    groups = [
        {
            "GroupId": f"sg-{number:017x}",
            "GroupName": f"group-{number}",
            "Description": "one of many",
            "VpcId": "vpc-1",
            "IpPermissions": [
                {
                    "IpProtocol": "tcp",
                    "FromPort": 1000 + rule,
                    "ToPort": 1000 + rule,
                    "IpRanges": [{"CidrIp": f"10.{rule}.{number % 256}.0/24"}],
                }
                for rule in range(RULES)
            ],
            "IpPermissionsEgress": [],
        }
        for number in range(GROUPS)
    ]
    file = folder / "groups.json"
    file.write_text(json.dumps({"SecurityGroups": groups}), encoding="utf-8")
    return file


def _many_modules(folder: Path) -> Path:
    """Write a plan before apply: each module's rules are from the next module's group, by a variable of its call."""
    rule = "aws_vpc_security_group_ingress_rule"
    children, calls, changes = [], {}, []
    for number in range(GROUPS):
        module = f"module.m{number}"
        group = {"address": f"{module}.aws_security_group.this", "type": "aws_security_group", "name": "this"}
        resources: list[dict[str, object]] = [{**group, "values": {"name": f"group-{number}"}}]
        for at in range(RULES):
            values = {"ip_protocol": "tcp", "from_port": 1000 + at, "to_port": 1000 + at}
            resources.append({"address": f"{module}.{rule}.r[{at}]", "type": rule, "name": "r", "values": values})
        unknown = {"id": True, "security_group_id": True, "referenced_security_group_id": True}
        changes += [{"address": each["address"], "change": {"after_unknown": unknown}} for each in resources]
        children.append({"address": module, "resources": resources})
        other = f"module.m{(number + 1) % GROUPS}"
        calls[f"m{number}"] = {"expressions": {"peer": {"references": [f"{other}.id", other]}}, "module": _MODULE}
    plan = {
        "format_version": "1.2",
        "planned_values": {"root_module": {"child_modules": children}},
        "resource_changes": changes,
        "configuration": {"root_module": {"module_calls": calls}},
    }
    file = folder / "plan.json"
    file.write_text(json.dumps(plan), encoding="utf-8")
    return file
