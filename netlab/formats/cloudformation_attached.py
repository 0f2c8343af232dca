"""Where a CloudFormation template puts its nodes, and the interfaces and Elastic IPs it attaches to them."""

from __future__ import annotations

from netlab.formats.cloudformation_template import SUBNET, Resource, Template
from netlab.formats.import_words import items, mapping, parse_whole, text_of

_SUBNET_KEYS = ("SubnetId", "SubnetIds", "Subnets", "VPCZoneIdentifier", "SubnetMappings")
_SUBNET_GROUP_KEYS = ("DBSubnetGroupName", "CacheSubnetGroupName", "SubnetGroupName", "ClusterSubnetGroupName")
_GROUP_OF_SUBNETS = "SubnetGroup"  # the types that are one end so


def is_used(resource: Resource) -> bool:
    """Tell whether a resource that carries no groups says where others stand."""
    return resource.kind.endswith(_GROUP_OF_SUBNETS) and "SubnetIds" in resource.properties


def subnets_of(template: Template, resource: Resource, holder: dict[str, object]) -> list[str]:
    """Return the keys of the subnets that a mapping within a resource names, itself or by a group of subnets."""
    named = _named(template, resource, holder)
    if named:
        return named
    for key in _SUBNET_GROUP_KEYS:
        name = template.thing(holder.get(key))
        stack = template.stack_of(name)
        group = _group_of_subnets(stack, name)
        if group is not None:
            return _named(stack, group, group.properties)
        if name:
            return [name]
    return []


def _named(template: Template, resource: Resource, holder: dict[str, object]) -> list[str]:
    for key in _SUBNET_KEYS:
        named = [mapping(each).get("SubnetId", each) for each in items(template.values.resolve(holder.get(key)))]
        if named:
            return [found for each in named if (found := template.sited(resource, each, SUBNET))]
    return []


def launched_into(template: Template, resource: Resource) -> list[str]:
    """Return the keys of the subnets into which Auto Scaling groups launch what a resource describes."""
    for group in template.of_kind("AWS::AutoScaling::AutoScalingGroup"):
        mixed = mapping(mapping(template.get(group, "MixedInstancesPolicy")).get("LaunchTemplate"))
        templates = (template.get(group, "LaunchTemplate"), mixed.get("LaunchTemplateSpecification"))
        named = [group.properties.get("LaunchConfigurationName")]
        named += [mapping(each).get("LaunchTemplateId") for each in templates]
        if template.key(resource.name) in (template.thing(each) for each in named if each):
            return subnets_of(template, group, group.properties)
    return []


def _group_of_subnets(template: Template, name: str) -> Resource | None:
    """Return the group of subnets of a key, or of the name that it says it has."""
    groups = [each for each in template.resources.values() if is_used(each)]
    keys = {template.key(each.name): each for each in groups}
    return keys.get(name) or next(
        (each for each in groups for key in _SUBNET_GROUP_KEYS if name and text_of(template.get(each, key)) == name),
        None,
    )


def attach(template: Template) -> None:
    """Attach what resources of their own attach; what cannot be told is noted."""
    template.each(_attach_interface, "AWS::EC2::NetworkInterfaceAttachment")
    template.each(_attach_address, "AWS::EC2::EIP", "AWS::EC2::EIPAssociation")


def _attach_interface(template: Template, resource: Resource) -> None:
    node = template.facts.nodes.get(template.thing(resource.properties.get("InstanceId")))
    attached = template.thing(resource.properties.get("NetworkInterfaceId"))
    if node is None:
        template.lost(resource, "InstanceId", "the instance of an interface")
    elif attached not in template.facts.nodes:
        template.lost(resource, "NetworkInterfaceId", f"an interface of {node.name}")
    else:
        for each in template.facts.nodes.pop(attached).interfaces.values():
            each.index = parse_whole(template.text(resource, "DeviceIndex")) or len(node.interfaces)
            template.facts.put(node, each)


def _attach_address(template: Template, resource: Resource) -> None:
    for name in ("InstanceId", "NetworkInterfaceId"):
        if name in resource.properties:
            _give_public_address(template, resource, name)


def _give_public_address(template: Template, resource: Resource, name: str) -> None:
    key = template.thing(resource.properties[name])
    node = template.facts.nodes.get(key)
    if node is not None and node.interfaces:
        min(node.interfaces.values(), key=lambda each: each.index).wants_public = True
        return
    found = template.facts.interfaces.get(key)
    if found is None:
        template.lost(resource, name, "who has an Elastic IP")
    else:
        found.wants_public = True
