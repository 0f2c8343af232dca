"""
The nodes in what `terraform show -json` prints: whatever carries security groups, known by the attributes that hold
them, in the values or, before apply, in the configuration.

What carries none and is no part of the ground is noted.
"""

from __future__ import annotations

from collections.abc import Iterator

from netlab.formats.import_found import FoundInterface, FoundNode, GroupKey
from netlab.formats.import_kinds import LAUNCHERS, kind_of
from netlab.formats.import_words import ipv4, ipv6, items, mapping, text_of, truth
from netlab.formats.terraform_attached import INSTANCES, attach, is_used, launched_into, subnets_of
from netlab.formats.terraform_follow import Aim
from netlab.formats.terraform_groups import Groups, groups_listed
from netlab.formats.terraform_network import HANDLED
from netlab.formats.terraform_plan import Resource
from netlab.formats.terraform_references import Found, has_true
from netlab.formats.terraform_words import State

_GROUP_KEYS = ("vpc_security_group_ids", "security_group_ids", "security_groups")
_SILENT = {"aws_vpc_security_group_rules_exclusive", "aws_vpc_security_group_vpc_association"}


def read_nodes(state: State, handled: set[str]) -> None:
    """Read every resource that carries security groups; *handled* are the types that were read already."""
    others = {*handled, *HANDLED, *_SILENT}
    for resource in state.plan.resources.values():
        if resource.data or resource.kind in others or is_used(resource):
            continue
        groups = _groups(state, resource)
        if not groups.found and not groups.lost and resource.kind not in {*INSTANCES, "aws_network_interface"}:
            state.facts.note(state.place(resource), f"{resource.kind}: netlab does not model it")
            continue
        if groups.lost and not groups.found:
            continue
        key = state.key(resource)
        node = FoundNode(key, kind_of(resource.kind), state.plain_address(resource), state.place(resource))
        state.facts.put(node, _interface(state, resource, groups.found, node.kind))
        state.facts.nodes[key] = node
    attach(state)


def _interface_key(resource: Resource, key: str) -> str:
    return text_of(resource.values.get("primary_network_interface_id")) or key


def _groups(state: State, resource: Resource) -> Groups:
    """Return the groups of a resource, wherever in it they stand."""
    ids = list(_ids(resource, resource.values))
    found = Found()
    written = state.plan.expressions(resource)
    unknown: list[object] | None = None if resource.unknown is None else [resource.unknown]
    for expression in _late(written, _names(resource), [resource.values], unknown):
        found += state.lead(resource, expression, Aim.GROUP)
    return groups_listed(state, resource, "one of its security groups", ids, found)


def _names(resource: Resource) -> tuple[str, ...]:
    """Return the attributes that hold groups: those of an instance that are names stand for its default VPC alone."""
    wanted = "vpc_security_group_ids"
    if resource.kind in INSTANCES and (resource.values.get(wanted) or wanted in (resource.unknown or ())):
        return tuple(each for each in _GROUP_KEYS if each != "security_groups")
    return _GROUP_KEYS


def _ids(resource: Resource, values: dict[str, object]) -> Iterator[str]:
    names = _names(resource)
    for key, value in values.items():
        if key in names:
            yield from (text for each in items(value) if (text := text_of(each)))
            continue
        for each in items(value):
            if isinstance(each, dict):
                yield from _ids(resource, each)


def _late(
    written: object, names: tuple[str, ...], values: list[object], unknown: list[object] | None
) -> Iterator[object]:
    """
    Yield the expressions of the attributes that hold groups known only after apply, also within blocks.

    Args:
        values: What is known of the resource, or of its blocks of one name.
        unknown: What of them is known only after apply; None = the document does not say.
    """
    for key, value in mapping(written).items():
        inside = [part for each in values for part in items(mapping(each).get(key))]
        late = [part for each in unknown or () for part in items(each if each is True else mapping(each).get(key))]
        if key in names:
            absent = not any(key in mapping(each) for each in values) or None in inside
            if has_true(late) or (unknown is None and absent):
                yield value
            continue
        for each in items(value):
            if isinstance(each, dict) and not {"references", "constant_value"} & each.keys():
                yield from _late(each, names, inside, None if unknown is None else late)


def _interface(state: State, resource: Resource, groups: tuple[GroupKey, ...], kind: str) -> FoundInterface:
    values = resource.values
    subnets = subnets_of(state, resource)
    if kind in LAUNCHERS:
        subnets = subnets or launched_into(state, resource)
    if len(subnets) > 1:
        state.facts.note(state.place(resource), f"it stands in {len(subnets)} subnets: netlab puts it into the first")
    own = [values.get("private_ip"), *items(values.get("private_ips")), *items(values.get("secondary_private_ips"))]
    public = ipv4(values.get("public_ip")) if kind in {"instance", "interface"} else None
    return FoundInterface(
        _interface_key(resource, state.key(resource)),
        state.place(resource),
        subnet=subnets[0] if subnets else "",
        groups=groups,
        ipv4=tuple(dict.fromkeys(each for item in own if (each := ipv4(item)))),
        ipv6=tuple(own6 for item in items(values.get("ipv6_addresses")) if (own6 := ipv6(item))),
        public=public,
        wants_public=public is None and _wants_public(state, resource, kind, subnets[0] if subnets else ""),
        source_dest_check=truth(values.get("source_dest_check"), default=True),
    )


def _said_public(state: State, resource: Resource) -> str:
    """Return what a node says of a public address, itself or in the block that holds its groups; empty = nothing."""
    name = "associate_public_ip_address"
    said = text_of(resource.values.get(name))
    written = [mapping(each) for each in items(state.plan.expressions(resource).get("network_interfaces"))]
    for at, block in enumerate(map(mapping, items(resource.values.get("network_interfaces")))):
        expressions = written[at] if at < len(written) else {}
        if not said and (any(block.get(key) for key in _GROUP_KEYS) or expressions.keys() & {*_GROUP_KEYS}):
            said = text_of(block.get(name))
    return said


def _wants_public(state: State, resource: Resource, kind: str, subnet: str) -> bool:
    """Tell whether a node gets a public address before that is known."""
    if said := _said_public(state, resource):
        return truth(said, default=False)
    if kind == "load-balancer":
        return not truth(resource.values.get("internal"), default=False)
    if kind == "instance" and not subnet:
        return state.plan.is_plan  # a default subnet gives one
    known = state.facts.subnets.get(subnet)
    return state.plan.is_plan and kind in {"instance", *LAUNCHERS} and known is not None and known.public
