"""The machine: whole plans, built, changed, told apart, taken down; and nothing beside them."""

import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from kernel_ground import ACCEPT, DROP, fresh_lab, match, small_plan

from netlab.errors import KernelError
from netlab.kernel import counters, features, machine, netns, processes
from netlab.kernel.programs import run_inside
from netlab.plan.nouns import Chain, FilterRule, IpSet, Namespace, Plan, Table, kernel_name


@pytest.fixture
def plan() -> Iterator[Plan]:
    """Yield the plan of a lab that is not built; it is taken down at the end."""
    made = small_plan(fresh_lab())
    yield made
    machine.take_down(made.lab)


def _with_card(plan: Plan, card: Namespace) -> Plan:
    return replace(plan, namespaces={**plan.namespaces, card.name: card})


def _host_state() -> str:
    commands = ("ip addr", "ip route", "ip rule", "iptables-legacy-save", "iptables-nft-save", "nft list ruleset")
    found = [subprocess.run(each.split(), capture_output=True, text=True, check=False).stdout for each in commands]
    return "\n".join(line for text in found for line in text.splitlines() if not line.startswith("#"))


def test_what_is_built_is_as_planned_and_running(plan: Plan) -> None:
    """Every part of it is read back."""
    machine.build(plan)

    assert machine.differences(plan) == []
    assert machine.running_labs()[plan.lab] == [":vpc", "ec2", "ec2:eth0"]


def test_progress_is_told_in_order(plan: Plan) -> None:
    """Namespaces, links, then each namespace."""
    said: list[str] = []
    machine.build(plan, said.append)

    assert said == ["3 namespaces", "2 links", "ec2", "ec2:eth0", ":vpc"]


@pytest.mark.parametrize("moment", range(5))
@pytest.mark.parametrize("stop", [KeyboardInterrupt, KernelError])
def test_a_build_that_is_stopped_leaves_nothing_behind(plan: Plan, moment: int, stop: type[BaseException]) -> None:
    """At any moment; and the next build works."""
    told: list[str] = []

    def stop_there(_: str) -> None:
        told.append(_)
        if len(told) > moment:
            raise stop

    with pytest.raises(stop):
        machine.build(plan, stop_there)

    assert netns.list_namespaces(plan.lab) == []
    machine.build(plan)

    assert machine.differences(plan) == []


def test_a_half_built_lab_is_taken_down(plan: Plan) -> None:
    """Also names without a namespace behind them, as a killed build may leave."""
    netns.create(kernel_name(plan.lab, "ec2"))
    (netns.RUN / kernel_name(plan.lab, ":vpc")).touch()
    found = machine.running_labs()[plan.lab]
    machine.take_down(plan.lab)

    assert found == [":vpc", "ec2"]
    assert plan.lab not in machine.running_labs()


def test_a_lab_is_built_once(plan: Plan) -> None:
    """A second build is refused, and the first stays as it is."""
    machine.build(plan)
    with pytest.raises(KernelError, match="found its namespaces"):
        machine.build(plan)

    assert machine.differences(plan) == []


def test_the_host_is_not_touched(plan: Plan) -> None:
    """Addresses, routes, rules of the host: the same before, while, and after."""
    before = _host_state()
    machine.build(plan)
    meanwhile = _host_state()
    machine.take_down(plan.lab)

    assert before == meanwhile == _host_state()


def test_a_change_reaches_only_what_differs(plan: Plan) -> None:
    """Rules, sets, settings; the counters of a table that does not change go on."""
    card = plan.namespaces["ec2:eth0"]
    rule = FilterRule(ACCEPT, "new", matches=(match("set", match_set="homes src"),))
    changed = replace(
        card,
        sysctls=tuple((path, "44" if path.endswith("udp_timeout") else value) for path, value in card.sysctls),
        sets=(*card.sets[:3], IpSet("homes", "hash:ip", 4, None, frozenset({"192.0.2.1"}))),
        tables=tuple(
            replace(table, chains=(Chain("FORWARD", (rule,), "DROP"),))
            if (table.family, table.name) == (4, "filter")
            else table
            for table in card.tables
            if (table.family, table.name) != (6, "filter")
        ),
    )
    machine.build(plan)
    machine.change(plan, _with_card(plan, changed))

    assert machine.differences(_with_card(plan, changed)) == []
    assert machine.differences(plan) != []
    machine.change(_with_card(plan, changed), plan)

    assert machine.differences(plan) == []


def test_a_change_of_nothing_does_nothing(plan: Plan) -> None:
    """Not even a commit: a table that someone emptied stays empty."""
    machine.build(plan)
    run_inside(kernel_name(plan.lab, "ec2:eth0"), ["iptables-legacy", "-w", "-t", "raw", "-F"])
    machine.change(plan, replace(plan))

    assert machine.differences(plan) == [
        "ec2:eth0: table raw (IPv4): chain PREROUTING: found 0 rules, wanted 1",
    ]


def test_another_topology_is_refused_and_changes_nothing(plan: Plan) -> None:
    """The message says what differs."""
    machine.build(plan)
    more = replace(plan, namespaces={**plan.namespaces, "db": Namespace("db")})
    with pytest.raises(KernelError, match="topology: db: new"):
        machine.change(plan, more)

    assert machine.differences(plan) == []


def test_a_missing_and_a_foreign_namespace_are_told(plan: Plan) -> None:
    """By their names."""
    machine.build(plan)
    netns.ensure_absent(kernel_name(plan.lab, "ec2"))
    netns.create(kernel_name(plan.lab, "other"))

    assert machine.differences(plan)[:2] == [f"{kernel_name(plan.lab, 'other')}: found, not wanted", "ec2: not found"]


def _start(namespace: str, program: str) -> subprocess.Popen[str]:
    with netns.entered(namespace):
        started = subprocess.Popen(["sh", "-c", program], stdout=subprocess.PIPE, text=True)
    assert started.stdout is not None
    assert started.stdout.readline() == "ready\n"
    return started


@pytest.mark.parametrize(
    ("program", "ended_by"),
    [
        ("echo ready; exec sleep 60", signal.SIGTERM),
        ("trap '' TERM; echo ready; while :; do read -r _ </dev/zero || :; done", signal.SIGKILL),
        ("exec unshare -pf --mount-proc sh -c 'echo ready; sleep 60'", None),
    ],
    ids=["goes when asked", "does not go", "in namespaces of its own"],
)
def test_taking_down_ends_every_process_of_the_lab(plan: Plan, program: str, ended_by: signal.Signals | None) -> None:
    """Asked first, then killed; quickly; and a process beside the lab lives on."""
    machine.build(plan)
    beside = fresh_lab()
    netns.create(kernel_name(beside, "x"))
    inside, outside = (
        _start(kernel_name(plan.lab, "ec2"), program),
        _start(kernel_name(beside, "x"), "echo ready; exec sleep 60"),
    )
    try:
        began = time.monotonic()
        machine.take_down(plan.lab)
        took_s = time.monotonic() - began

        assert inside.wait(5) == (-ended_by if ended_by else inside.returncode)
        assert outside.poll() is None
        assert processes.list_processes([kernel_name(beside, "x")]) == [outside.pid]
        assert took_s < 0.9
        assert netns.list_namespaces(plan.lab) == []
    finally:
        machine.take_down(beside)
        for process in (inside, outside):
            process.wait(5)
            assert process.stdout is not None
            process.stdout.close()


def test_taking_down_nothing_is_no_error() -> None:
    """It is tolerant, and says nothing."""
    machine.take_down(fresh_lab())


def test_forgetting_empties_every_memory_and_no_rule(plan: Plan) -> None:
    """What rules put into sets is gone, what was planned is there."""
    machine.build(plan)
    card = kernel_name(plan.lab, "ec2:eth0")
    run_inside(card, ["ipset", "add", "t4", "192.0.2.1"])
    before = run_inside(card, ["ipset", "save", "t4"])
    machine.forget(plan)

    assert "192.0.2.1" in before
    assert "192.0.2.1" not in run_inside(card, ["ipset", "save", "t4"])
    assert machine.differences(plan) == []


def test_counters_come_back_by_comment_and_by_chain(plan: Plan) -> None:
    """Both families together by comment, each by itself by chain."""
    rules = (FilterRule(DROP, "-egress NO_RULE", 17), FilterRule(ACCEPT, "+egress RULE a", 6))
    node = replace(
        plan.namespaces["ec2"],
        tables=tuple(Table(family, "filter", (Chain("OUTPUT", rules, "ACCEPT"),)) for family in (4, 6)),
    )
    machine.build(_with_card(plan, node))
    name = kernel_name(plan.lab, "ec2")
    with netns.entered(name):
        subprocess.run(["dig", "+tries=1", "+timeout=1", "@10.0.1.1", "x"], capture_output=True, check=False)
    [listed] = [chain for chain in counters.list_chains(name, 4) if chain.name == "OUTPUT"]

    assert counters.counters(name)["-egress NO_RULE"] > 0
    assert counters.counters(name)["+egress RULE a"] == 0
    assert (listed.policy, listed.rules[0].comment, listed.rules[0].text.split()[:2]) == (
        "ACCEPT",
        "-egress NO_RULE",
        ["-p", "udp"],
    )
    assert listed.rules[0].packets > 0


def test_this_machine_has_what_netlab_needs() -> None:
    """A machine that lacks something cannot run these tests: it is told what, and how to get it."""
    assert features.missing() == []


def test_trying_features_leaves_nothing_behind() -> None:
    """No rule of the host, no device."""
    before = _host_state()
    features.require()

    assert _host_state() == before
