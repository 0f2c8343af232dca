"""What has changed from one lab to the next: what a running lab can take on, and what it cannot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, fields
from typing import TypeVar

from netlab.model.acls import AclEntry, NetworkAcl
from netlab.model.rules import Direction, PrefixList, Rule, SecurityGroup
from netlab.model.topology import (
    ConnectionTracking,
    Host,
    Instance,
    Interface,
    Lab,
    NatGateway,
    Subnet,
    SubnetRoute,
    Vpc,
)

_Noun = Vpc | Subnet | Instance | Interface | Host | NatGateway
_Key = TypeVar("_Key")
_NOTHING: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class LabDifference:
    """
    The difference of two labs, a line each: ``web: + ingress tcp/80 from 0.0.0.0/0``.

    Attributes:
        topology: What cannot change under a running lab: networks, nodes, addresses, services, timers.
        policy: What can: groups, prefix lists, ACLs, and where they are attached.
    """

    topology: tuple[str, ...]
    policy: tuple[str, ...]

    @property
    def is_empty(self) -> bool:
        """Tell whether the two labs are the same network."""
        return not self.topology and not self.policy


def difference(old: Lab, new: Lab) -> LabDifference:
    """Compare two complete labs; expectations, stories, warnings and the order of names do not matter."""
    return LabDifference(tuple(_topology(old, new)), tuple(_policy(old, new)))


def _topology(old: Lab, new: Lab) -> Iterator[str]:
    yield from _changed("lab", "name", old.name, new.name)
    yield from _changed("timers", "scale", old.scale, new.scale)
    yield from _fields("vpc", old.vpc, new.vpc)
    yield from _each("subnet", old.subnets, new.subnets, ignored={"acl"})
    yield from _each("nat gateway", old.nat_gateways, new.nat_gateways)
    yield from _each("instance", old.instances, new.instances, ignored={"interfaces"})
    for name in _common(old.instances, new.instances):
        yield from _interfaces(old.instances[name], new.instances[name])
    yield from _each("host", old.hosts, new.hosts)


def _interfaces(old: Instance, new: Instance) -> Iterator[str]:
    before, after = ([each.name for each in instance.interfaces] for instance in (old, new))
    if before != after:
        yield from _changed(old.name, "interfaces", tuple(before), tuple(after))
        return
    for one, other in zip(old.interfaces, new.interfaces, strict=True):
        yield from _fields(one.label, one, other, ignored={"security_groups"})


def _policy(old: Lab, new: Lab) -> Iterator[str]:
    for name in (*old.groups, *(name for name in new.groups if name not in old.groups)):
        yield from _group(name, old.groups.get(name), new.groups.get(name))
    for name in (*old.prefix_lists, *(name for name in new.prefix_lists if name not in old.prefix_lists)):
        yield from _prefix_list(name, old.prefix_lists.get(name), new.prefix_lists.get(name))
    for name in (*old.acls, *(name for name in new.acls if name not in old.acls)):
        yield from _acl(name, old.acls.get(name), new.acls.get(name))
    for name in _common(old.subnets, new.subnets):
        yield from _changed(f"subnet {name}", "acl", old.subnets[name].acl, new.subnets[name].acl)
    attached = {(each.node, each.name): each for each in old.interfaces()}
    for interface in new.interfaces():
        before = attached.get((interface.node, interface.name))
        if before is not None:
            label, groups = interface.label, interface.security_groups
            yield from _changed(label, "security groups", before.security_groups, groups)


def _group(name: str, old: SecurityGroup | None, new: SecurityGroup | None) -> Iterator[str]:
    yield from _existence(f"security group {name}", old, new)
    old, new = old or SecurityGroup(name), new or SecurityGroup(name)
    if old.description != new.description:
        yield f"{name}: another description"
    for direction in Direction:
        before = {rule.properties: rule for rule in old.rules(direction)}
        after = {rule.properties: rule for rule in new.rules(direction)}
        yield from (f"{name}: - {direction.value} {rule}" for key, rule in before.items() if key not in after)
        yield from (f"{name}: + {direction.value} {rule}" for key, rule in after.items() if key not in before)
        for key in _common(before, after):
            yield from _same_rule(f"{name}: {direction.value} {after[key]}", before[key], after[key])
        if [key for key in before if key in after] != [key for key in after if key in before]:
            yield f"{name}: {direction.value} rules in another order"


def _same_rule(subject: str, old: Rule, new: Rule) -> Iterator[str]:
    yield from _changed(subject, "id", old.id, new.id)
    if old.description != new.description:
        yield f"{subject}: another description"


def _prefix_list(name: str, old: PrefixList | None, new: PrefixList | None) -> Iterator[str]:
    yield from _existence(f"prefix list {name}", old, new)
    if old is not None and new is not None:
        yield from _changed(name, "max entries", old.max_entries, new.max_entries)
    before, after = old.entries if old else (), new.entries if new else ()
    yield from (f"{name}: - {entry}" for entry in before if entry not in after)
    yield from (f"{name}: + {entry}" for entry in after if entry not in before)
    if before != after and sorted(map(str, before)) == sorted(map(str, after)):
        yield f"{name}: entries in another order"


def _acl(name: str, old: NetworkAcl | None, new: NetworkAcl | None) -> Iterator[str]:
    yield from _existence(f"acl {name}", old, new)
    for direction in Direction:
        before: tuple[AclEntry, ...] = old.entries(direction) if old else ()
        after: tuple[AclEntry, ...] = new.entries(direction) if new else ()
        yield from (f"acl {name}: - {direction.value} {entry}" for entry in before if entry not in after)
        yield from (f"acl {name}: + {direction.value} {entry}" for entry in after if entry not in before)


def _existence(subject: str, old: object | None, new: object | None) -> Iterator[str]:
    if old is None:
        yield f"{subject}: added"
    if new is None:
        yield f"{subject}: removed"


def _each(
    kind: str, old: Mapping[str, _Noun], new: Mapping[str, _Noun], ignored: AbstractSet[str] = _NOTHING
) -> Iterator[str]:
    for name in (*old, *(name for name in new if name not in old)):
        yield from _existence(f"{kind} {name}", old.get(name), new.get(name))
        if name in old and name in new:
            yield from _fields(f"{kind} {name}", old[name], new[name], ignored)


def _fields(subject: str, old: _Noun, new: _Noun, ignored: AbstractSet[str] = _NOTHING) -> Iterator[str]:
    for each in fields(old):
        if each.name not in ignored:
            words = each.name.replace("_", " ")
            yield from _changed(subject, words, getattr(old, each.name), getattr(new, each.name))


def _changed(subject: str, field: str, old: object, new: object) -> Iterator[str]:
    if old != new:
        yield f"{subject}: {field}: {_text(old)} -> {_text(new)}"


def _text(value: object) -> str:
    match value:
        case None | () | "":
            return "none"
        case bool():
            return "yes" if value else "no"
        case tuple():
            return ", ".join(_text(each) for each in value)
        case SubnetRoute():
            return f"{value.cidr} via {value.node}/{value.interface}"
        case ConnectionTracking():
            return ", ".join(f"{each.name.removesuffix('_s')} {getattr(value, each.name)} s" for each in fields(value))
        case _:
            return str(value)


def _common(old: Mapping[_Key, object], new: Mapping[_Key, object]) -> list[_Key]:
    return [key for key in old if key in new]
