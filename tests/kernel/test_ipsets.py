"""ipsets: filled as planned, changed by members, never without a member of both lists, emptied of what rules put in."""

from dataclasses import replace

import pytest
from kernel_ground import SETS, namespaces

from netlab.errors import KernelError
from netlab.kernel import ipsets
from netlab.kernel.programs import run_inside
from netlab.plan.difference import SetChange
from netlab.plan.nouns import IpSet

OFFICES = IpSet("offices", "hash:net", 4, None, frozenset({"198.51.100.0/24", "203.0.113.7/32"}))


NAMING = ["iptables-legacy", "-w", "-A", "FORWARD", "-m", "set", "--match-set", "offices", "src", "-j", "ACCEPT"]


def _changed(wanted: IpSet, old: IpSet) -> SetChange:
    was, becomes = old.members or frozenset(), wanted.members or frozenset()
    return SetChange(wanted, becomes - was, was - becomes)


def test_sets_of_both_families_and_kinds_are_as_planned() -> None:
    """Whatever spelling a member has: an address is a network of one."""
    with namespaces("card") as [card]:
        ipsets.create(card, (*SETS, OFFICES))

        assert ipsets.list_differences(card, (*SETS, OFFICES)) == []


CHANGES = [
    ("one more", {"198.51.100.0/24", "203.0.113.7/32", "192.0.2.0/24"}),
    ("one less", {"198.51.100.0/24"}),
    ("others", {"192.0.2.0/24", "192.0.2.128/25"}),
    ("none", set[str]()),
]


@pytest.mark.parametrize("members", [row[1] for row in CHANGES], ids=[row[0] for row in CHANGES])
def test_a_membership_changes_without_touching_the_set(members: set[str]) -> None:
    """The set keeps its number, so that rules go on naming it."""
    wanted = replace(OFFICES, members=frozenset(members))
    with namespaces("card") as [card]:
        ipsets.create(card, [OFFICES])
        run_inside(card, NAMING)
        ipsets.change(card, [_changed(wanted, OFFICES)])

        assert ipsets.list_differences(card, [wanted]) == []
        assert "--match-set offices src" in run_inside(card, ["iptables-legacy-save"])


def test_a_set_is_destroyed_only_when_no_rule_names_it() -> None:
    """The refusal says which, and leaves it whole."""
    with namespaces("card") as [card]:
        ipsets.create(card, [OFFICES])
        run_inside(card, NAMING)
        with pytest.raises(KernelError, match=r"offices|in use"):
            ipsets.destroy(card, [OFFICES])
        still_there = ipsets.list_differences(card, [OFFICES])
        run_inside(card, ["iptables-legacy", "-w", "-F"])
        ipsets.destroy(card, [OFFICES])

        assert still_there == []
        assert ipsets.list_differences(card, [OFFICES]) == ["set offices: not found"]


def test_what_rules_fill_is_kept_by_changes_and_emptied_on_demand() -> None:
    """A set without planned members does not differ, whatever it holds; `clear` touches no other."""
    dynamic = IpSet("peers", "hash:ip", 4, 600, None)
    with namespaces("card") as [card]:
        ipsets.create(card, [OFFICES, dynamic])
        run_inside(card, ["ipset", "add", "peers", "192.0.2.1"])
        before = (ipsets.list_differences(card, [OFFICES, dynamic]), "add peers" in run_inside(card, ["ipset", "save"]))
        ipsets.clear(card, [OFFICES, dynamic])

        assert before == ([], True)
        assert "add peers" not in run_inside(card, ["ipset", "save"])
        assert ipsets.list_differences(card, [OFFICES, dynamic]) == []


DIFFERENCES = [
    ("ipset add offices 192.0.2.0/24", "set offices: 192.0.2.0/24 found, not wanted"),
    ("ipset del offices 203.0.113.7", "set offices: 203.0.113.7/32 not found"),
    ("ipset create mine hash:ip", "set mine: found, not wanted"),
    ("ipset destroy offices", "set offices: not found"),
]


@pytest.mark.parametrize(("command", "said"), DIFFERENCES)
def test_what_someone_else_changes_is_told(command: str, said: str) -> None:
    """One line a difference."""
    with namespaces("card") as [card]:
        ipsets.create(card, [OFFICES])
        run_inside(card, command.split())

        assert said in ipsets.list_differences(card, [OFFICES])


@pytest.mark.parametrize(
    "before", [None, *(row[1] for row in CHANGES)], ids=["not there", *(row[0] for row in CHANGES)]
)
def test_a_set_is_ensured_whatever_it_was(before: set[str] | None) -> None:
    """A rule that names it goes on naming it; nothing else is left, and a second time changes nothing."""
    with namespaces("card") as [card]:
        if before is not None:
            ipsets.create(card, [replace(OFFICES, members=frozenset(before))])
            run_inside(card, NAMING)
        ipsets.ensure(card, [OFFICES])
        once = ipsets.list_differences(card, [OFFICES])
        ipsets.ensure(card, [OFFICES])

        assert once == ipsets.list_differences(card, [OFFICES]) == []
        assert ("--match-set offices src" in run_inside(card, ["iptables-legacy-save"])) == (before is not None)


def test_ensuring_keeps_what_rules_filled() -> None:
    """A set without planned members is made once, and then left alone."""
    dynamic = IpSet("peers", "hash:ip", 4, 600, None)
    with namespaces("card") as [card]:
        ipsets.ensure(card, [dynamic])
        run_inside(card, ["ipset", "add", "peers", "192.0.2.1"])
        ipsets.ensure(card, [dynamic])

        assert "add peers 192.0.2.1" in run_inside(card, ["ipset", "save"])


def test_a_set_of_another_type_is_not_taken_for_the_planned_one() -> None:
    """The refusal has the line; the set stays as it was."""
    with namespaces("card") as [card]:
        ipsets.create(card, [OFFICES])
        with pytest.raises(KernelError, match="create offices hash:ip"):
            ipsets.ensure(card, [replace(OFFICES, kind="hash:ip", members=frozenset())])

        assert ipsets.list_differences(card, [OFFICES]) == []


def test_changing_and_destroying_twice_is_as_good_as_once() -> None:
    """What was added, removed or destroyed already is none of it an error."""
    wanted = replace(OFFICES, members=frozenset({"192.0.2.0/24"}))
    with namespaces("card") as [card]:
        ipsets.create(card, [OFFICES])
        for _ in range(2):
            ipsets.change(card, [_changed(wanted, OFFICES)])
        changed = ipsets.list_differences(card, [wanted])
        for _ in range(2):
            ipsets.destroy(card, [wanted])

        assert changed == []
        assert run_inside(card, ["ipset", "list", "-n"]) == ""


def test_a_refused_member_is_named() -> None:
    """The kernel's answer has only a line number; ours has the line."""
    with namespaces("card") as [card], pytest.raises(KernelError, match=r"add offices 198\.51\.100\.0/33"):
        ipsets.create(card, [replace(OFFICES, members=frozenset({"198.51.100.0/33"}))])
