"""Where Terraform puts nodes, and what resources of their own attach to them: interfaces, groups, Elastic IPs."""

from __future__ import annotations

from dataclasses import replace

from netlab.formats.import_found import FoundInterface
from netlab.formats.import_words import ipv4, items, mapping, parse_whole, text_of
from netlab.formats.terraform_groups import group_of
from netlab.formats.terraform_plan import Resource
from netlab.formats.terraform_references import first_reference, has_true
from netlab.formats.terraform_words import State

INSTANCES = {"aws_instance", "aws_spot_instance_request"}
_SUBNETS = {"aws_subnet", "aws_default_subnet"}
_SUBNET_KEYS = ("subnet_id", "subnet_ids", "subnets", "vpc_zone_identifier")
_SUBNET_GROUP_KEYS = (
    "db_subnet_group_name",
    "subnet_group_name",
    "cluster_subnet_group_name",
    "neptune_subnet_group_name",
    "replication_subnet_group_id",
)
_GROUP_OF_SUBNETS = "_subnet_group"  # the types that are one end so


def is_used(resource: Resource) -> bool:
    """Tell whether a resource that carries no groups says where others stand."""
    return resource.kind.endswith(_GROUP_OF_SUBNETS)


def subnets_of(state: State, resource: Resource) -> list[str]:
    """Return the keys of a node's subnets, wherever in it they stand, or of those of its group of subnets."""
    found = _own(state, resource)
    for name in _SUBNET_GROUP_KEYS:
        found = found or _of_group(state, resource, name, state.plan.expressions(resource).get(name))
    return found


def _own(state: State, resource: Resource) -> list[str]:
    """Return the keys of the subnets that a resource names itself."""
    written = state.plan.expressions(resource)
    for name in _SUBNET_KEYS:
        expression = written.get(name) if _may_be_late(resource, name) else None
        found = _named(state, resource, name, resource.values.get(name), expression)
        if found:
            return found
    for name, value in resource.values.items():
        blocks = [each for each in items(value) if isinstance(each, dict)]
        expressions = items(written.get(name)) if _may_be_late(resource, name) else []
        for index, block in enumerate(blocks):
            inner = mapping(expressions[index]) if index < len(expressions) else {}
            for key in _SUBNET_KEYS:
                found = _named(state, resource, key, block.get(key), inner.get(key))
                if found:
                    return found
    return []


def _may_be_late(resource: Resource, name: str) -> bool:
    """Tell whether an attribute, or a part of it, is known only after apply, as far as the document says."""
    return resource.unknown is None or has_true(resource.unknown.get(name))


def _named(state: State, resource: Resource, name: str, value: object, expression: object) -> list[str]:
    """Return the keys of the subnets that an attribute names; what cannot be followed is an unknown one."""
    known = [text for each in items(value) if (text := text_of(each))]
    if expression is None or (value is not None and None not in items(value)):
        return known
    found = state.lead(resource, expression)
    late = [state.key_of(each) for each in found.addresses if state.kind_at(each) in _SUBNETS]
    state.guesses(resource, name, replace(found, switches=()))
    reference = first_reference(expression)
    if not late and not known and reference:
        late = [state.unknown(reference, f"{name} refers to it, which cannot be followed{state.when}")]
    return list(dict.fromkeys((*known, *late)))


def _of_group(state: State, resource: Resource, name: str, expression: object) -> list[str]:
    """Return the keys of the subnets of the group of subnets that an attribute names."""
    known = text_of(resource.values.get(name))
    addresses = () if known or expression is None else state.lead(resource, expression).addresses
    for group in state.plan.resources.values():
        ids = {text_of(group.values.get("name")), text_of(group.values.get("id"))}
        if is_used(group) and (group.address in addresses or (known and known in ids)):
            return _own(state, group)
    called = known or first_reference(expression)
    return [state.unknown(called, f"the {name} is in no file")] if called else []


def launched_into(state: State, resource: Resource) -> list[str]:
    """Return the keys of the subnets into which Auto Scaling groups launch what a resource describes."""
    for group in state.plan.of_kind("aws_autoscaling_group"):
        written = items(state.plan.expressions(group).get("launch_template"))
        blocks = list(map(mapping, items(group.values.get("launch_template"))))
        keys = {state.thing(group, "launch_configuration"), *(text_of(each.get("id")) for each in blocks)}
        for each in written:
            keys |= {state.key_of(found) for found in state.lead(group, mapping(each).get("id")).addresses}
        if state.key(resource) in keys:
            return subnets_of(state, group)
    return []


def attach(state: State) -> None:
    """Attach what resources of their own attach; what cannot be told is noted."""
    _attach_interfaces(state)
    for resource in state.plan.of_kind("aws_network_interface_sg_attachment"):
        _attach_group(state, resource)
    for resource in state.plan.of_kind("aws_eip", "aws_eip_association"):
        _give_public_address(state, resource)


def _attach_interfaces(state: State) -> None:
    """Put interfaces that are attached to an instance onto it."""
    wanted: list[tuple[Resource, str, str, int]] = []
    for resource in state.plan.of_kind("aws_network_interface_attachment"):
        index = parse_whole(resource.values.get("device_index")) or 1
        interface = state.thing(resource, "network_interface_id")
        wanted.append((resource, interface, state.thing(resource, "instance_id"), index))
    for resource in state.plan.of_kind(*INSTANCES):
        written = items(state.plan.expressions(resource).get("network_interface"))
        for number, block in enumerate(map(mapping, items(resource.values.get("network_interface")))):
            key = text_of(block.get("network_interface_id"))
            if not key and number < len(written):
                found = state.lead(resource, mapping(written[number]).get("network_interface_id"))
                key = next(iter(map(state.key_of, found.addresses)), "")
            wanted.append((resource, key, state.key(resource), parse_whole(block.get("device_index")) or 0))
    for resource, interface, instance, index in wanted:
        node, attached = state.facts.nodes.get(instance), state.facts.nodes.get(interface)
        if node is None or attached is None:
            if node is None or interface not in node.interfaces:
                _say_apart(state, resource, interface, instance)
            continue
        if node is attached:
            continue
        del state.facts.nodes[interface]
        if index == 0:
            node.interfaces.clear()
        for each in attached.interfaces.values():
            each.index = index
            state.facts.put(node, each)


def _say_apart(state: State, resource: Resource, interface: str, instance: str) -> None:
    named = [state.facts.absent(each) for each in (interface, instance) if each and each not in state.facts.nodes]
    lost = "; ".join(named) or f"one of them cannot be told{state.when}"
    state.tell(resource, f"an interface that is attached to an instance is left out: {lost}")


def _attach_group(state: State, resource: Resource) -> None:
    """Give an interface the group that is attached to it."""
    groups = group_of(state, resource, "security_group_id")
    target = state.thing(resource, "network_interface_id")
    found = _interface_of(state, target)
    for each in groups.guesses:
        state.guess(resource, f"security_group_id: {each}")
    if not groups.found and not state.said(resource):
        state.tell(resource, f"the group that it attaches cannot be told{state.when}")
    if found is not None:
        found.groups = tuple(dict.fromkeys((*found.groups, *groups.found)))
        return
    lost = f"interface {state.facts.absent(target)}" if target else f"its interface cannot be told{state.when}"
    state.tell(resource, f"attaches a group that is left out: {lost}")


def _give_public_address(state: State, resource: Resource) -> None:
    """Give a node the Elastic IP that is associated with it."""
    names = ("instance", "instance_id", "network_interface", "network_interface_id")
    keys = [key for name in names if (key := state.thing(resource, name))]
    found = next(filter(None, (_interface_of(state, key) for key in keys)), None)
    if found is not None:
        found.public = found.public or ipv4(resource.values.get("public_ip"))
        found.wants_public = True
    elif keys and not any(_is_gateways(gateway, keys) for gateway in state.plan.of_kind("aws_nat_gateway")):
        state.tell(resource, f"an Elastic IP is left out: {state.facts.absent(keys[0])}")


def _is_gateways(gateway: Resource, keys: list[str]) -> bool:
    return text_of(gateway.values.get("network_interface_id")) in keys


def _interface_of(state: State, key: str) -> FoundInterface | None:
    """Return the interface of a key, or the first one of a node's."""
    node = state.facts.nodes.get(key)
    return state.facts.interfaces.get(key) if node is None else next(iter(node.interfaces.values()), None)
