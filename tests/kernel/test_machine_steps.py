"""
A change, step by step: packets are sent, and the change is cut short, before and behind every single step of it.

A step is what the kernel does at once: the commit of tables, or a line of `ipset restore`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import pytest
from built_lab import BuiltLab, built, packet
from kernel_ground import ACCEPT, fresh_lab, match, small_plan

from netlab.compile import compile_lab
from netlab.control import completed
from netlab.formats import parse_lab
from netlab.kernel import ipsets, machine
from netlab.kernel.programs import run_inside
from netlab.kernel.xtables import Driver, driver
from netlab.plan.nouns import Chain, FilterRule, IpSet, Plan, Table, kernel_name

OLD, NEW = (
    f"""
name: steps
vpc: {{cidr: 10.0.0.0/16, ipv6_cidr: "2001:db8:0:100::/56"}}
subnets: {{a: {{cidr: 10.0.1.0/24, ipv6_cidr: "2001:db8:0:101::/64"}}}}
security_groups:
  one: {{}}
  two: {{}}
  guard:
    ingress: [{rules}]
instances:
  ec2: {{subnet: a, ip: 10.0.1.10, ipv6: "2001:db8:0:101::10", security_groups: [guard]}}
  x: {{subnet: a, ip: 10.0.1.20, ipv6: "2001:db8:0:101::20", security_groups: [{x}]}}
  y: {{subnet: a, ip: 10.0.1.30, ipv6: "2001:db8:0:101::30", security_groups: [{y}]}}
"""
    for rules, x, y in (
        ("{udp: 5000, from: one}, {udp: 5001, from: two}, {udp: 5002, from: two}", "one", "two"),
        ("{udp: 5000, from: two}, {udp: 5003, from: two}", "two", "one"),
    )
)

# Who sends to which port, and what both the old and the new rules say of it.
BOTH_SAY = [
    ("x", 5000, True),
    ("x", 5001, False),
    ("x", 5002, False),
    ("y", 5003, False),
    ("x", 4999, False),
]

HOSTS = {4: {"ec2": "10.0.1.10", "x": "10.0.1.20", "y": "10.0.1.30"}}
HOSTS[6] = {name: f"2001:db8:0:101::{text.rpartition('.')[2]}" for name, text in HOSTS[4].items()}


@dataclass(frozen=True)
class SteppedDriver:
    """A driver that says before and behind each commit that it is there."""

    real: Driver
    at_step: Callable[[], None]

    def replace(self, namespace: str, tables: Sequence[Table]) -> None:
        """Commit tables one by one."""
        for table in tables:
            self.at_step()
            self.real.replace(namespace, [table])
        self.at_step()


def _stepped(monkeypatch: pytest.MonkeyPatch, at_step: Callable[[], None]) -> None:
    """Have *at_step* called before and behind every step of a change."""

    def run_line_by_line(namespace: str, argv: Sequence[str], text: str = "") -> str:
        said = ""
        for line in text.splitlines(keepends=True) or [""]:
            at_step()
            said += run_inside(namespace, argv, line)
        at_step()
        return said

    stepped = SteppedDriver(driver(), at_step)
    monkeypatch.setattr(machine, "driver", lambda: stepped)
    monkeypatch.setattr(ipsets, "run_inside", run_line_by_line)


def _arrivals(lab: BuiltLab, number: int) -> list[tuple[str, int, int, bool]]:
    """Send each packet of BOTH_SAY, as a flow of its own; who, where, which family, and whether it arrived."""
    found = []
    for family, hosts in HOSTS.items():
        for name, port, _ in BOTH_SAY:
            sent = packet(hosts[name], hosts["ec2"], sport=20000 + number, dport=port)
            found.append((name, port, family, lab.one(name, sent).arrived is not None))
    return found


def test_rules_and_members_that_change_together_change_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """At no moment is there a packet that arrives though both deny it, or that is lost though both admit it."""
    said = [(name, port, family, arrives) for family in HOSTS for name, port, arrives in BOTH_SAY]
    found: list[list[tuple[str, int, int, bool]]] = []
    with built(OLD) as lab:
        new = compile_lab(replace(completed(parse_lab(NEW, "new.yaml")), name=lab.lab.name))
        found.append(_arrivals(lab, 0))
        with monkeypatch.context() as patched:
            _stepped(patched, lambda: found.append(_arrivals(lab, len(found))))
            machine.change(lab.plan, new)
        left = machine.differences(new)

    assert len(found) > 10
    assert found == [said] * len(found)
    assert left == []


OFFICES = IpSet("offices", "hash:ip", 4, None, frozenset({"192.0.2.1", "192.0.2.2"}))
HOMES = IpSet("homes", "hash:ip", 4, None, frozenset({"192.0.2.7"}))


def _plans(lab: str) -> tuple[Plan, Plan]:
    """Return two plans between which sets come, go and change, with the rules that name them."""

    def made(*sets: IpSet) -> Plan:
        plan = small_plan(lab)
        card = plan.namespaces["ec2:eth0"]
        rules = tuple(
            FilterRule(ACCEPT, each.name, matches=(match("set", match_set=f"{each.name} src"),)) for each in sets
        )
        table = Table(4, "filter", (Chain("FORWARD", rules, "DROP"),))
        others = tuple(each for each in card.tables if (each.family, each.name) != (4, "filter"))
        changed = replace(card, sets=(*card.sets, *sets), tables=(table, *others))
        return replace(plan, namespaces={**plan.namespaces, card.name: changed})

    others = replace(OFFICES, members=frozenset({"192.0.2.2", "192.0.2.3"}))
    return made(OFFICES, replace(HOMES, name="yards")), made(HOMES, others)


class CutShort(BaseException):
    """Stands for a killed process."""


@pytest.mark.parametrize("again", ["on", "back"])
def test_a_change_that_was_cut_short_can_be_made_again_or_undone(monkeypatch: pytest.MonkeyPatch, again: str) -> None:
    """Wherever it was cut: the same change once more, or the opposite, leaves the kernel as planned."""
    old, new = _plans(fresh_lab())
    before, after = (old, new) if again == "on" else (new, old)
    left: list[list[str]] = []
    try:
        machine.build(old)
        while _cut_short(monkeypatch, old, new, len(left)):
            machine.change(before, after)
            left.append(machine.differences(after))
            machine.change(new, old)
    finally:
        machine.take_down(old.lab)

    assert len(left) > 10
    assert left == [[]] * len(left)


def _cut_short(monkeypatch: pytest.MonkeyPatch, old: Plan, new: Plan, steps: int) -> bool:
    """Change, but stop after so many steps; false where the change was done by then."""
    taken = 0

    def stop() -> None:
        nonlocal taken
        taken += 1
        if taken > steps:
            raise CutShort

    with monkeypatch.context() as patched:
        _stepped(patched, stop)
        try:
            machine.change(old, new)
        except CutShort:
            return True
    return False


def test_a_change_needs_no_set_to_be_as_it_was() -> None:
    """A set to be created that is there with other members takes the planned ones, though a rule names it."""
    old, new = _plans(fresh_lab())
    try:
        machine.build(old)
        card = kernel_name(old.lab, "ec2:eth0")
        ipsets.create(card, [replace(HOMES, members=frozenset({"203.0.113.9"}))])
        run_inside(card, ["iptables-legacy", "-w", "-A", "FORWARD", "-m", "set", "--match-set", "homes", "src"])
        machine.change(old, new)
        left = machine.differences(new)
    finally:
        machine.take_down(old.lab)

    assert left == []
