"""Changes of security groups: their rules, and which interface has them. A call is taken as a whole, or refused."""

from __future__ import annotations

from dataclasses import replace

from netlab.control.ids import is_rule_id, made_up_id, rule_ids
from netlab.control.permissions import group_not_found, rule_from_request, spelled_by_aws
from netlab.control.quotas import check_groups, check_rules
from netlab.errors import InputError, RefusedError
from netlab.model.changes import Attach, Authorize, Revoke
from netlab.model.rules import Direction, Rule, SecurityGroup
from netlab.model.topology import Interface, Lab


def authorize(lab: Lab, change: Authorize) -> Lab:
    """
    Add rules to a group, behind those it has.

    Raises:
        RefusedError: AWS refuses one of them; then none is added.
        InputError: A rule's id cannot be one, or is taken.
    """
    group = _group(lab, change.group)
    wanted = _wanted(lab, change)
    old = group.rules(change.direction)
    known = {rule.properties for rule in old}
    for rule in wanted:
        if rule.properties in known:
            raise RefusedError(
                "InvalidPermission.Duplicate", f'the specified rule "{spelled_by_aws(rule)}" already exists'
            )
    check_rules(lab.prefix_lists, (*old, *wanted))
    return _with_rules(lab, group, change.direction, (*old, *_named(lab, change, wanted, len(old))))


def revoke(lab: Lab, change: Revoke) -> Lab:
    """
    Take rules out of a group, found by their properties; ids and descriptions asked for do not matter.

    Raises:
        RefusedError: AWS refuses one of them, or it is not there; then none is taken.
    """
    group = _group(lab, change.group)
    gone = {rule.properties for rule in _wanted(lab, change)}
    old = group.rules(change.direction)
    if gone - {rule.properties for rule in old}:
        raise RefusedError("InvalidPermission.NotFound", "The specified rule does not exist in this security group.")
    return _with_rules(lab, group, change.direction, tuple(rule for rule in old if rule.properties not in gone))


def attach(lab: Lab, change: Attach) -> Lab:
    """
    Replace the groups of an interface.

    Raises:
        InputError: There is no such instance or interface.
        RefusedError: A group is unknown, or there are none or too many.

    Source:
        EC2 API, ModifyNetworkInterfaceAttribute; for an empty list, terraform-provider-aws issue 524.
    """
    found = find_interface(lab, change.node, change.interface)
    if not change.groups:
        raise RefusedError("InvalidParameterCombination", "No attributes specified.")
    names = checked_groups(lab, change.groups)
    instance = lab.instances[change.node]
    interfaces = tuple(replace(each, security_groups=names) if each == found else each for each in instance.interfaces)
    return replace(lab, instances={**lab.instances, change.node: replace(instance, interfaces=interfaces)})


def checked_groups(lab: Lab, names: tuple[str, ...]) -> tuple[str, ...]:
    """
    Return the names of an interface's groups, each once.

    Raises:
        RefusedError: One is unknown, or there are too many.
    """
    for name in names:
        if name not in lab.groups:
            raise group_not_found(name)
    once = tuple(dict.fromkeys(names))
    check_groups(once)
    return once


def find_interface(lab: Lab, node: str, name: str) -> Interface:
    """
    Return an interface of an instance; without a name its primary one.

    Raises:
        InputError: There is none.
    """
    if node in lab.hosts:
        raise InputError(f"{node}: found a host on the internet, wanted an instance: only these have security groups")
    if node not in lab.instances:
        raise InputError(f"{node}: no instance of that name; there are {', '.join(lab.instances) or 'none'}")
    try:
        return lab.interface(node, name)
    except KeyError:
        have = ", ".join(each.name for each in lab.instances[node].interfaces)
        raise InputError(f"{node}: no interface {name!r}; it has {have}") from None


def twice_in_one_call() -> RefusedError:
    """Return AWS's refusal of a call that holds the same rule twice."""
    return RefusedError("InvalidParameterValue", "The same permission must not appear multiple times")


def _group(lab: Lab, name: str) -> SecurityGroup:
    if name not in lab.groups:
        raise group_not_found(name)
    return lab.groups[name]


def _wanted(lab: Lab, change: Authorize | Revoke) -> tuple[Rule, ...]:
    if not change.rules:
        raise RefusedError("MissingParameter", "The request must contain the parameter ipPermissions")
    wanted = tuple(rule_from_request(lab, change.group, change.direction, request) for request in change.rules)
    if len({rule.properties for rule in wanted}) < len(wanted):
        raise twice_in_one_call()
    return wanted


def _named(lab: Lab, change: Authorize, wanted: tuple[Rule, ...], before: int) -> tuple[Rule, ...]:
    taken = rule_ids(lab)
    for rule in wanted:
        if rule.id and not is_rule_id(rule.id):
            raise InputError(f"rule id {rule.id!r}: wanted letters, digits, '.', '_', '-', at most 40")
        if rule.id in taken:
            raise InputError(f"rule id {rule.id!r}: a rule of that id is already there")
        taken |= {rule.id} - {""}
    named = []
    for number, rule in enumerate(wanted, before + 1):
        name = rule.id or made_up_id(change.group, change.direction, number, taken)
        taken.add(name)
        named.append(replace(rule, id=name))
    return tuple(named)


def _with_rules(lab: Lab, group: SecurityGroup, direction: Direction, rules: tuple[Rule, ...]) -> Lab:
    group = replace(group, ingress=rules) if direction is Direction.INGRESS else replace(group, egress=rules)
    return replace(lab, groups={**lab.groups, group.name: group})
