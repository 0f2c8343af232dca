"""
A CloudFormation template's nodes: whatever carries security groups, known by the keys that hold them.

What carries none and is no part of the ground is noted.
"""

from __future__ import annotations

from collections.abc import Iterator

from netlab.errors import InputError
from netlab.formats.cloudformation_template import Resource, Template
from netlab.formats.cloudformation_values import unresolved
from netlab.formats.import_facts import FoundInterface, FoundNode, GroupKey
from netlab.formats.import_kinds import kind_of
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
_SUBNET_KEYS = ("SubnetId", "SubnetIds", "Subnets", "VPCZoneIdentifier", "SubnetMappings")
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


def read_attachments(template: Template) -> None:
    """Attach interfaces that are attached separately; give nodes that have an Elastic IP a public address."""
    template.each(_attach, "AWS::EC2::NetworkInterfaceAttachment")
    template.each(_give_public_address, "AWS::EC2::EIP", "AWS::EC2::EIPAssociation")


def _read_interface(template: Template, resource: Resource) -> None:
    node = _node(template, resource)
    node.interfaces[node.key] = _interface(template, resource, (), resource.properties, node.kind, node.key)


def _read_carrier(template: Template, resource: Resource) -> None:
    found = [] if resource.kind.startswith(_WITHOUT_GROUPS) else list(_carriers(template, resource))
    if not found:
        template.facts.note(template.place(resource), f"{resource.kind} {resource.name}: netlab does not model it")
        return
    node = _node(template, resource)
    path, holder = found[0]
    interface = _interface(template, resource, path, holder, node.kind, node.key)
    for path, holder in found[1:]:
        interface.groups = tuple(dict.fromkeys((*interface.groups, *_groups(template, resource, path, holder))))
    node.interfaces[node.key] = interface


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
    subnets = _subnets(template, holder) or _subnets(template, resource.properties)
    if len(subnets) > 1:
        template.facts.note(place, f"{resource.name} stands in {len(subnets)} subnets: netlab puts it into the first")
    subnet = subnets[0] if subnets else ""
    addresses = [mapping(each) for each in items(template.values.resolve(holder.get("PrivateIpAddresses")))]
    addresses.sort(key=lambda each: not truth(each.get("Primary"), default=False))
    own = [holder.get("PrivateIpAddress"), *(each.get("PrivateIpAddress") for each in addresses)]
    return FoundInterface(
        key,
        place,
        subnet=subnet,
        groups=_groups(template, resource, path, holder),
        ipv4=tuple(dict.fromkeys(each for item in own if (each := ipv4(template.values.resolve(item))))),
        wants_public=_wants_public(template, resource, holder, kind, subnet),
        source_dest_check=truth(
            template.values.resolve(holder.get("SourceDestCheck", resource.properties.get("SourceDestCheck"))),
            default=True,
        ),
        index=parse_whole(text_of(template.values.resolve(holder.get("DeviceIndex")))) or 0,
    )


def _subnets(template: Template, holder: dict[str, object]) -> list[str]:
    for key in _SUBNET_KEYS:
        found = items(template.values.resolve(holder.get(key)))
        keys = [mapping(each).get("SubnetId", each) for each in found]
        if keys:
            return [each for each in (template.thing(key) for key in keys) if each]
    return []


def _wants_public(template: Template, resource: Resource, holder: dict[str, object], kind: str, subnet: str) -> bool:
    """Tell whether a node gets a public address: it says so, or its subnet does, or nothing is known of that."""
    said = template.values.resolve(holder.get("AssociatePublicIpAddress"))
    if said is not None and not unresolved(said):
        return truth(said, default=False)
    if kind == "load-balancer":
        return template.text(resource, "Scheme") != "internal"
    if kind not in {"instance", "launch-template"}:
        return False
    known = template.facts.subnets.get(subnet)
    return known.public if known is not None else True


def _read_instance(template: Template, resource: Resource) -> None:
    node = _node(template, resource)
    listed = items(template.values.resolve(resource.properties.get("NetworkInterfaces")))
    if not listed:
        node.interfaces[node.key] = _interface(template, resource, (), resource.properties, node.kind, node.key)
    for index, item in enumerate(map(mapping, listed)):
        path = ("NetworkInterfaces", index)
        attached = template.facts.nodes.pop(template.thing(item.get("NetworkInterfaceId")), None)
        if attached is not None:
            for each in attached.interfaces.values():
                each.index = parse_whole(text_of(item.get("DeviceIndex"))) or index
                node.interfaces[each.key] = each
            continue
        key = f"{node.key} {index}"
        node.interfaces[key] = _interface(template, resource, path, item, node.kind, key)


def _attach(template: Template, resource: Resource) -> None:
    node = template.facts.nodes.get(template.thing(resource.properties.get("InstanceId")))
    attached = template.thing(resource.properties.get("NetworkInterfaceId"))
    if node is not None and attached in template.facts.nodes:
        for each in template.facts.nodes.pop(attached).interfaces.values():
            each.index = parse_whole(template.text(resource, "DeviceIndex")) or len(node.interfaces)
            node.interfaces[each.key] = each


def _give_public_address(template: Template, resource: Resource) -> None:
    for key in ("InstanceId", "NetworkInterfaceId"):
        node = template.facts.nodes.get(template.thing(resource.properties.get(key)))
        if node is not None and node.interfaces:
            min(node.interfaces.values(), key=lambda each: each.index).wants_public = True
