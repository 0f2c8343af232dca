"""
The difference of two plans: what a change alters in a running lab. Pure; `kernel` carries it out.

Rules, sets, nftables and sysctls can change while a lab runs; its wiring (namespaces, devices, routes) cannot.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from netlab.plan.nouns import IpSet, Namespace, NftTable, Plan, Table

_WIRING = ("devices", "routes", "policy_rules", "neighbours")


@dataclass(frozen=True, slots=True)
class SetChange:
    """What changes in the membership of an ipset that stays; ``new`` is what it becomes."""

    new: IpSet
    added: frozenset[str]
    removed: frozenset[str]


@dataclass(frozen=True, slots=True)
class NamespaceDifference:
    """
    What changes in one namespace; false when nothing does.

    Attributes:
        sysctls: New values; one that is no longer planned keeps its value.
        tables: As they become. A table no longer planned becomes empty.
        nft: As they become; ``nft_dropped`` are those no longer planned.
        wiring: What cannot change live, in words; also sets that keep their name and change their type or timeout,
            since rules hold the old one.
    """

    name: str
    sysctls: tuple[tuple[str, str], ...] = ()
    sets_created: tuple[IpSet, ...] = ()
    sets_dropped: tuple[IpSet, ...] = ()
    sets_changed: tuple[SetChange, ...] = ()
    tables: tuple[Table, ...] = ()
    nft: tuple[NftTable, ...] = ()
    nft_dropped: tuple[NftTable, ...] = ()
    wiring: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return any(getattr(self, each.name) for each in fields(self) if each.name != "name")


@dataclass(frozen=True, slots=True)
class PlanDifference:
    """What changes from one plan to another; false when nothing does. ``changed`` is in the new plan's order."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    links_changed: bool = False
    changed: tuple[NamespaceDifference, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.links_changed or self.changed)

    @property
    def topology(self) -> tuple[str, ...]:
        """What cannot change in a running lab, in words; empty = all can."""
        said = [f"{name}: new" for name in self.added]
        said += [f"{name}: gone" for name in self.removed]
        said += ["links"] if self.links_changed and not said else []
        return (*said, *(words for each in self.changed for words in each.wiring))


def difference(old: Plan, new: Plan) -> PlanDifference:
    """Compare two plans of one lab."""
    both = [name for name in new.namespaces if name in old.namespaces]
    compared = (_compare(old.namespaces[name], new.namespaces[name]) for name in both)
    return PlanDifference(
        added=tuple(name for name in new.namespaces if name not in old.namespaces),
        removed=tuple(name for name in old.namespaces if name not in new.namespaces),
        links_changed=set(old.links) != set(new.links),
        changed=tuple(each for each in compared if each),
    )


def _compare(old: Namespace, new: Namespace) -> NamespaceDifference:
    known = dict(old.sysctls)
    created, dropped, changed = _compare_sets(old.sets, new.sets)
    wiring = [each for each in _WIRING if set(getattr(old, each)) != set(getattr(new, each))]
    wiring += [f"the type of set {name}" for name in _retyped(old.sets, new.sets)]
    names = {(table.family, table.name) for table in new.nft}
    return NamespaceDifference(
        name=new.name,
        sysctls=tuple((path, value) for path, value in new.sysctls if known.get(path) != value),
        sets_created=created,
        sets_dropped=dropped,
        sets_changed=changed,
        tables=_compare_tables(old.tables, new.tables),
        nft=tuple(table for table in new.nft if table not in old.nft),
        nft_dropped=tuple(table for table in old.nft if (table.family, table.name) not in names),
        wiring=tuple(f"{new.name}: {each}" for each in wiring),
    )


def _compare_tables(old: tuple[Table, ...], new: tuple[Table, ...]) -> tuple[Table, ...]:
    names = {(table.family, table.name) for table in new}
    emptied = (Table(table.family, table.name, ()) for table in old if (table.family, table.name) not in names)
    return (*(table for table in new if table not in old), *emptied)


def _compare_sets(
    old: tuple[IpSet, ...], new: tuple[IpSet, ...]
) -> tuple[tuple[IpSet, ...], tuple[IpSet, ...], tuple[SetChange, ...]]:
    """Return the sets to create, to drop and to fill otherwise."""
    before, after = {each.name: each for each in old}, {each.name: each for each in new}
    changed = []
    for name in before.keys() & after.keys():
        was, becomes = before[name], after[name]
        if becomes.members is not None and was.members != becomes.members:
            members = was.members or frozenset()
            changed.append(SetChange(becomes, becomes.members - members, members - becomes.members))
    return (
        tuple(each for each in new if each.name not in before),
        tuple(each for each in old if each.name not in after),
        tuple(sorted(changed, key=lambda each: each.new.name)),
    )


def _retyped(old: tuple[IpSet, ...], new: tuple[IpSet, ...]) -> list[str]:
    types = {each.name: (each.kind, each.family, each.timeout_s) for each in old}
    now = {each.name: (each.kind, each.family, each.timeout_s) for each in new}
    return [name for name, kind in now.items() if types.get(name, kind) != kind]
