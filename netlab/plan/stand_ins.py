"""
Stand-ins: sets under other names, for a change in which rules and members change together.

A kernel commits tables and fills sets one after the other; between the two, new members would meet old rules. So the
new members come in stand-ins, the new rules name these, and are written once more when the sets themselves are filled.
Pure; `kernel` carries it out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import blake2s

from netlab.plan.difference import NamespaceDifference
from netlab.plan.nouns import FilterRule, IpSet, Match, Table

_OPTION = "match-set"


@dataclass(frozen=True, slots=True)
class StandIns:
    """
    What is between the old and the new.

    Attributes:
        sets: With the members that sets have when the change is done.
        tables: All tables of the change, stand-ins named in place of the sets that change.
        resumed: Those of the tables that are to be written again, as planned.
    """

    sets: tuple[IpSet, ...]
    tables: tuple[Table, ...]
    resumed: tuple[Table, ...]


def stand_in(wanted: IpSet) -> IpSet:
    """Return a set like another one, under a name that no plan has."""
    return replace(wanted, name=f"stand-in:{blake2s(wanted.name.encode(), digest_size=8).hexdigest()}")


def stand_ins(differing: NamespaceDifference) -> StandIns:
    """Return the stand-ins a change of one namespace needs; none where no changed table names a changed set."""
    named = {name for table in differing.tables for name in _names(table)}
    changed = [each.new for each in differing.sets_changed if each.new.name in named]
    names = {each.name: stand_in(each).name for each in changed}
    return StandIns(
        sets=tuple(stand_in(each) for each in changed),
        tables=tuple(_renamed(table, names) for table in differing.tables),
        resumed=tuple(table for table in differing.tables if not names.keys().isdisjoint(_names(table))),
    )


def _names(table: Table) -> set[str]:
    """Return the sets whose members a table's rules ask for."""
    return {
        _set_name(value)
        for chain in table.chains
        for rule in chain.rules
        for match in rule.matches
        for option, value in match.options
        if option == _OPTION
    }


def _renamed(table: Table, names: Mapping[str, str]) -> Table:
    if names.keys().isdisjoint(_names(table)):
        return table
    chains = (replace(chain, rules=tuple(_renamed_rule(rule, names) for rule in chain.rules)) for chain in table.chains)
    return replace(table, chains=tuple(chains))


def _renamed_rule(rule: FilterRule, names: Mapping[str, str]) -> FilterRule:
    return replace(rule, matches=tuple(_renamed_match(match, names) for match in rule.matches))


def _renamed_match(match: Match, names: Mapping[str, str]) -> Match:
    if not any(option == _OPTION for option, _ in match.options):
        return match
    return replace(
        match, options=tuple((option, _renamed_value(option, value, names)) for option, value in match.options)
    )


def _renamed_value(option: str, value: str, names: Mapping[str, str]) -> str:
    if option != _OPTION:
        return value
    name = _set_name(value)
    return value.replace(name, names.get(name, name), 1)


def _set_name(value: str) -> str:
    """Return the set of ``NAME src`` or ``!NAME src``."""
    return value.removeprefix("!").split()[0]
