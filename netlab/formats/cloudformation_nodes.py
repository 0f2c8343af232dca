"""
A CloudFormation template's nodes: whatever carries security groups, known by the keys that hold them.

What carries none and is no part of the ground is noted.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address

from netlab.errors import InputError
from netlab.formats.cloudformation_attached import is_used, launched_into, subnets_of
from netlab.formats.cloudformation_template import Resource, Template
from netlab.formats.import_found import FoundInterface, FoundNode, GroupKey
from netlab.formats.import_kinds import LAUNCHERS, kind_of
from netlab.formats.import_words import ipv4, items, mapping, parse_whole, text_of, truth
from netlab.formats.yaml_reader import Path

_INSTANCE, _INTERFACE = "AWS::EC2::Instance", "AWS::EC2::NetworkInterface"
_GROUP_KEYS = {
    "SecurityGroupIds",
    "SecurityGroups",
    "SecurityGroup",
    "SecurityGroupId",
    "VpcSecurityGroupIds",
    "VPCSecurityGroups",
    "GroupSet",
    "Groups",
    "SecurityGroupIdList",
    "CacheSecurityGroupIds",
    "EC2SecurityGroupIds",
    "Ec2SecurityGroupIds",
    "InstanceSecurityGroupIds",
    "AdditionalMasterSecurityGroups",
    "AdditionalSlaveSecurityGroups",
    "EmrManagedMasterSecurityGroup",
    "EmrManagedSlaveSecurityGroup",
    "ServiceAccessSecurityGroup",
}
_WITHOUT_GROUPS = ("AWS::IAM::", "AWS::Cognito::", "AWS::CloudFormation::", "Custom::")  # people's groups; parameters
_NEVER = 12  # levels deeper than any property that holds groups


def read_interfaces(template: Template) -> None:
    """Read the interfaces that are resources of their own."""
    template.each(_read_interface, _INTERFACE)


def read_instances(template: Template) -> None:
    """Read the instances, with the interfaces they name."""
    template.each(_read_instance, _INSTANCE)


def read_carriers(template: Template, handled: set[str]) -> None:
    """Read every other resource that carries security groups; *handled* are the types that were read already."""
    kinds = {each.kind for each in template.resources.values()}
    template.each(_read_carrier, *(kinds - {_INSTANCE, _INTERFACE, *handled}))


def _read_interface(template: Template, resource: Resource) -> None:
    node = _node(template, resource)
    template.facts.put(node, _interface(template, resource, (), resource.properties, node.kind, node.key))


def _read_carrier(template: Template, resource: Resource) -> None:
    found = [] if resource.kind.startswith(_WITHOUT_GROUPS) else list(_carriers(template, resource))
    if not found and is_used(resource):
        return
    if not found:
        named = f"{resource.kind} {resource.name}".lstrip()
        template.facts.note(template.place(resource), f"{named}: netlab does not model it")
        return
    node = _node(template, resource)
    path, holder = found[0]
    interface = _interface(template, resource, path, holder, node.kind, node.key)
    for path, holder in found[1:]:
        interface.groups = tuple(dict.fromkeys((*interface.groups, *_groups(template, resource, path, holder))))
    template.facts.put(node, interface)


def _node(template: Template, resource: Resource) -> FoundNode:
    key = template.key(resource.name)
    node = FoundNode(key, kind_of(resource.kind), resource.name, template.place(resource))
    template.facts.nodes[key] = node
    return node


def _carriers(template: Template, resource: Resource) -> Iterator[tuple[Path, dict[str, object]]]:
    """Yield every mapping within a resource's properties that holds security groups, outer ones first."""
    waiting: list[tuple[Path, object]] = [((), resource.properties)]
    while waiting:
        path, value = waiting.pop(0)
        resolved = template.values.resolve(value) if path and isinstance(value, dict) and len(value) == 1 else value
        if isinstance(resolved, dict):
            if any(_is_group_list(template, key, resolved[key]) for key in _GROUP_KEYS & resolved.keys()):
                yield path, resolved
            if len(path) < _NEVER:
                waiting += [((*path, key), item) for key, item in resolved.items() if key not in _GROUP_KEYS]
        elif isinstance(resolved, list) and len(path) < _NEVER:
            waiting += [((*path, index), item) for index, item in enumerate(resolved)]


def _is_group_list(template: Template, key: str, value: object) -> bool:
    """Tell whether a value names groups: nothing does not, nor do mappings (users, of another kind of group)."""
    resolved = template.values.resolve(value)
    if key == "Groups" and not all(_looks_like_group(template, each) for each in items(resolved)):
        return False
    return bool(items(resolved)) and not any(isinstance(each, dict) for each in items(resolved))


def _looks_like_group(template: Template, value: object) -> bool:
    try:
        key = template.group(value).key
    except InputError:
        return False
    return key in template.facts.groups or key.startswith("sg-")


def _groups(template: Template, resource: Resource, path: Path, holder: dict[str, object]) -> tuple[GroupKey, ...]:
    found: dict[GroupKey, None] = {}
    for key in sorted(_GROUP_KEYS & holder.keys(), key=list(holder).index):
        resolved = template.values.resolve(holder[key])
        if isinstance(resolved, str) and "," in resolved:
            resolved = resolved.split(",")
        for each in items(resolved):
            try:
                found[template.group(each)] = None
            except InputError as error:
                template.facts.wrong(template.place(resource, *path, key), str(error))
    return tuple(found)


def _interface(
    template: Template, resource: Resource, path: Path, holder: dict[str, object], kind: str, key: str
) -> FoundInterface:
    """Return the interface that a mapping describes; what it lacks is looked for in the resource's own properties."""
    place = template.place(resource, *path)
    subnets = subnets_of(template, resource, holder) or subnets_of(template, resource, resource.properties)
    if kind in LAUNCHERS:
        subnets = subnets or launched_into(template, resource)
    if len(subnets) > 1:
        template.facts.note(place, f"{resource.name} stands in {len(subnets)} subnets: netlab puts it into the first")
    subnet = subnets[0] if subnets else ""
    checked = holder.get("SourceDestCheck", resource.properties.get("SourceDestCheck"))
    return FoundInterface(
        key,
        place,
        subnet=subnet,
        groups=_groups(template, resource, path, holder),
        ipv4=_addresses(template, resource, path, holder),
        wants_public=_wants_public(template, resource, path, holder, kind, subnet),
        source_dest_check=truth(template.known(resource, checked, *path, "SourceDestCheck"), default=True),
        index=_index(template, resource, holder.get("DeviceIndex"), *path),
    )


def _addresses(
    template: Template, resource: Resource, path: Path, holder: dict[str, object]
) -> tuple[IPv4Address, ...]:
    """Return an interface's own addresses, the primary one first."""
    listed = items(template.known(resource, holder.get("PrivateIpAddresses"), *path, "PrivateIpAddresses"))
    ordered = sorted(map(mapping, listed), key=lambda each: not truth(each.get("Primary"), default=False))
    written = [holder.get("PrivateIpAddress"), *(each.get("PrivateIpAddress") for each in ordered)]
    known = (ipv4(template.known(resource, each, *path, "PrivateIpAddress")) for each in written)
    return tuple(dict.fromkeys(each for each in known if each is not None))


def _index(template: Template, resource: Resource, value: object, *path: str | int) -> int:
    return parse_whole(text_of(template.known(resource, value, *path, "DeviceIndex"))) or 0


def _wants_public(
    template: Template, resource: Resource, path: Path, holder: dict[str, object], kind: str, subnet: str
) -> bool:
    """Tell whether a node gets a public address: it says so, or its subnet does; a default subnet does."""
    said = template.known(resource, holder.get("AssociatePublicIpAddress"), *path, "AssociatePublicIpAddress")
    if said is not None:
        return truth(said, default=False)
    if kind == "load-balancer":
        return template.text(resource, "Scheme") != "internal"
    if kind == "instance" and not subnet:
        return True
    known = template.facts.subnets.get(subnet)
    return kind in {"instance", *LAUNCHERS} and known is not None and known.public


def _read_instance(template: Template, resource: Resource) -> None:
    node = _node(template, resource)
    listed = items(template.values.resolve(resource.properties.get("NetworkInterfaces")))
    if not listed:
        template.facts.put(node, _interface(template, resource, (), resource.properties, node.kind, node.key))
    for index, item in enumerate(map(mapping, listed)):
        path = ("NetworkInterfaces", index)
        own = template.thing(item.get("NetworkInterfaceId"))
        attached = template.facts.nodes.pop(own, None)
        if attached is not None:
            for each in attached.interfaces.values():
                each.index = _index(template, resource, item.get("DeviceIndex"), *path) or index
                template.facts.put(node, each)
        elif own:
            absent = f"interface {template.facts.absent(own)}"
            template.facts.note(template.place(resource, *path), f"{absent}: {resource.name} goes without it")
        else:
            key = f"{node.key} {index}"
            template.facts.put(node, _interface(template, resource, path, item, node.kind, key))
