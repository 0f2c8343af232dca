"""
The nodes in what `terraform show -json` prints: whatever carries security groups, known by the attributes that hold
them, in the values or, before apply, in the configuration.

What carries none and is no part of the ground is noted.
"""

from __future__ import annotations

from collections.abc import Iterator

from netlab.formats.import_facts import FoundInterface, FoundNode, GroupKey
from netlab.formats.import_kinds import kind_of
from netlab.formats.import_words import ipv4, ipv6, items, mapping, parse_whole, text_of, truth
from netlab.formats.terraform_network import HANDLED
from netlab.formats.terraform_plan import Resource
from netlab.formats.terraform_references import Found
from netlab.formats.terraform_words import Groups, State

_GROUP_KEYS = ("vpc_security_group_ids", "security_group_ids", "security_groups")
_SUBNET_KEYS = ("subnet_id", "subnet_ids", "subnets", "vpc_zone_identifier")
_SILENT = {"aws_vpc_security_group_rules_exclusive", "aws_vpc_security_group_vpc_association"}
_INSTANCES = {"aws_instance", "aws_spot_instance_request"}


def read_nodes(state: State, handled: set[str]) -> None:
    """Read every resource that carries security groups; *handled* are the types that were read already."""
    for resource in state.plan.resources.values():
        if resource.data or resource.kind in {*handled, *HANDLED, *_SILENT}:
            continue
        groups = _groups(state, resource)
        if not groups.found and not groups.lost and resource.kind not in {*_INSTANCES, "aws_network_interface"}:
            state.facts.note(state.place(resource), f"{resource.kind}: netlab does not model it")
            continue
        for reference in groups.lost:
            state.cannot(resource, "one of its security groups", reference)
        if groups.lost and not groups.found:
            continue
        key = state.key(resource)
        node = FoundNode(key, kind_of(resource.kind), state.plain_address(resource), state.place(resource))
        node.interfaces[_interface_key(resource, key)] = _interface(state, resource, groups.found, node.kind)
        state.facts.nodes[key] = node
    _attach(state)
    _add_groups(state)
    _add_public_addresses(state)


def _interface_key(resource: Resource, key: str) -> str:
    return text_of(resource.values.get("primary_network_interface_id")) or key


def _groups(state: State, resource: Resource) -> Groups:
    """Return the groups of a resource, wherever in it they stand."""
    ids = list(_ids(resource, resource.values))
    found = Found()
    if not ids or _is_late(resource.unknown) or not resource.unknown:
        for expression in _expressions(state.plan.expressions(resource), _names(resource)):
            found += state.plan.follow(resource, expression)
    return state.groups_of(ids, found)


def _names(resource: Resource) -> tuple[str, ...]:
    """Return the attributes that hold groups: those of an instance that are names stand for its default VPC alone."""
    if resource.kind in _INSTANCES and (
        resource.values.get("vpc_security_group_ids") or "vpc_security_group_ids" in resource.unknown
    ):
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


def _is_late(unknown: object) -> bool:
    """Tell whether some group is known only after apply."""
    if isinstance(unknown, dict):
        return any(
            (key in _GROUP_KEYS and value not in (False, [], None)) or (key not in _GROUP_KEYS and _is_late(value))
            for key, value in unknown.items()
        )
    return isinstance(unknown, list) and any(_is_late(each) for each in unknown)


def _expressions(written: object, names: tuple[str, ...]) -> Iterator[object]:
    """Yield the expressions of every attribute that holds groups, also within blocks."""
    for key, value in mapping(written).items():
        if key in names:
            yield value
            continue
        for each in items(value):
            if isinstance(each, dict) and not {"references", "constant_value"} & each.keys():
                yield from _expressions(each, names)


def _interface(state: State, resource: Resource, groups: tuple[GroupKey, ...], kind: str) -> FoundInterface:
    values = resource.values
    subnets = _subnets(state, resource)
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


def _subnets(state: State, resource: Resource) -> list[str]:
    """Return the keys of a node's subnets, wherever in it they stand."""
    for name in _SUBNET_KEYS:
        found = state.things(resource, name)
        if found:
            return found
    for name, value in resource.values.items():
        blocks = [each for each in items(value) if isinstance(each, dict)]
        written = items(state.plan.expressions(resource).get(name))
        for index, block in enumerate(blocks):
            expressions = mapping(written[index]) if index < len(written) else {}
            for key in _SUBNET_KEYS:
                known = [text for each in items(block.get(key)) if (text := text_of(each))]
                late = state.plan.follow(resource, expressions[key]).addresses if key in expressions else ()
                if known or late:
                    return known or [state.key_of(each) for each in late]
    return []


def _wants_public(state: State, resource: Resource, kind: str, subnet: str) -> bool:
    """Tell whether a node gets a public address before that is known."""
    said = resource.values.get("associate_public_ip_address")
    if said is not None:
        return truth(said, default=False)
    if kind == "load-balancer":
        return not truth(resource.values.get("internal"), default=False)
    if not state.plan.is_plan:
        return False
    if kind not in {"instance", "launch-template"}:
        return False
    known = state.facts.subnets.get(subnet)
    return known.public if known is not None else True


def _attach(state: State) -> None:
    """Put interfaces that are attached to an instance onto it."""
    wanted: list[tuple[str, str, int]] = []
    for resource in state.plan.of_kind("aws_network_interface_attachment"):
        index = parse_whole(resource.values.get("device_index")) or 1
        wanted.append((state.thing(resource, "network_interface_id"), state.thing(resource, "instance_id"), index))
    for resource in state.plan.of_kind(*_INSTANCES):
        written = items(state.plan.expressions(resource).get("network_interface"))
        for number, block in enumerate(map(mapping, items(resource.values.get("network_interface")))):
            key = text_of(block.get("network_interface_id"))
            if not key and number < len(written):
                found = state.plan.follow(resource, mapping(written[number]).get("network_interface_id"))
                key = next(iter(map(state.key_of, found.addresses)), "")
            wanted.append((key, state.key(resource), parse_whole(block.get("device_index")) or 0))
    for interface, instance, index in wanted:
        node, attached = state.facts.nodes.get(instance), state.facts.nodes.get(interface)
        if node is None or attached is None or node is attached:
            continue
        del state.facts.nodes[interface]
        if index == 0:
            node.interfaces.clear()
        for each in attached.interfaces.values():
            each.index = index
            node.interfaces[each.key] = each


def _add_groups(state: State) -> None:
    """Give interfaces the groups that aws_network_interface_sg_attachment attaches."""
    for resource in state.plan.of_kind("aws_network_interface_sg_attachment"):
        groups = state.groups(resource, "security_group_id")
        target = state.thing(resource, "network_interface_id")
        found = state.facts.interface(target)
        if found is None and target in state.facts.nodes:
            found = next(iter(state.facts.nodes[target].interfaces.values()), None)
        if found is None or groups.lost:
            state.tell(resource, "attaches a group to an interface, which cannot be told before apply")
        else:
            found.groups = tuple(dict.fromkeys((*found.groups, *groups.found)))


def _add_public_addresses(state: State) -> None:
    """Give nodes the Elastic IPs that are associated with them."""
    for resource in state.plan.of_kind("aws_eip", "aws_eip_association"):
        for name in ("instance", "instance_id", "network_interface", "network_interface_id"):
            node = state.facts.nodes.get(state.thing(resource, name))
            for each in () if node is None else list(node.interfaces.values())[:1]:
                each.public = each.public or ipv4(resource.values.get("public_ip"))
                each.wants_public = True
