"""
A CloudFormation template's security groups, their rules and prefix lists, embedded and as resources of their own.

Source:
    CloudFormation template reference, AWS::EC2::SecurityGroup, SecurityGroupIngress, SecurityGroupEgress, PrefixList;
    aws-behaviour.md 12.4, 12.6.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from netlab.errors import InputError
from netlab.formats.cloudformation_attached import attach
from netlab.formats.cloudformation_exports import Exports
from netlab.formats.cloudformation_network import HANDLED, read_ground, read_routes
from netlab.formats.cloudformation_nodes import read_carriers, read_instances, read_interfaces
from netlab.formats.cloudformation_template import GROUP, Resource, Template
from netlab.formats.cloudformation_values import Values
from netlab.formats.cloudformation_words import Attribute, Blank, Unresolved
from netlab.formats.import_facts import Facts
from netlab.formats.import_found import FoundGroup, FoundList, FoundPeer, FoundRule, ListKey
from netlab.formats.import_text import Document
from netlab.formats.import_words import (
    description_of,
    items,
    mapping,
    parse_cidr,
    parse_traffic_words,
    parse_whole,
    text_of,
)
from netlab.formats.yaml_reader import Path
from netlab.model.addresses import EVERYWHERE
from netlab.model.rules import Direction, Traffic

_RULES = {
    "AWS::EC2::SecurityGroupIngress": Direction.INGRESS,
    "AWS::EC2::SecurityGroupEgress": Direction.EGRESS,
}
_LIST = "AWS::EC2::PrefixList"
_PEERS = (
    "CidrIp",
    "CidrIpv6",
    "SourcePrefixListId",
    "DestinationPrefixListId",
    "SourceSecurityGroupId",
    "SourceSecurityGroupName",
    "DestinationSecurityGroupId",
)


def is_template(tree: object) -> bool:
    """Tell whether data is a CloudFormation template."""
    resources = tree.get("Resources") if isinstance(tree, dict) else None
    return isinstance(resources, dict) and any("Type" in mapping(each) for each in resources.values())


def read_templates(documents: Sequence[Document], facts: Facts, parameters: Mapping[str, str]) -> set[str]:
    """
    Read templates, which may import each other's values, into *facts*.

    Returns:
        The names of the parameters that they take.
    """
    exports = Exports()
    stacks: dict[str, Template] = {}
    for document in documents:
        values = Values(mapping(document.tree), parameters, exported=exports.value)
        stacks[document.file] = Template(document, facts, values, stacks)
    for file, template in stacks.items():
        exports.add(file, template.values)
    for template in stacks.values():
        template.find_resources()
    for stage in _STAGES:
        for template in stacks.values():
            stage(template)
    return {name for template in stacks.values() for name in template.values.known}


def _read_groups(template: Template) -> None:
    template.each(_read_list, _LIST)
    template.each(_read_group, GROUP)


def _read_list(template: Template, resource: Resource) -> None:
    try:
        entries = [
            parse_cidr(mapping(each).get("Cidr")) for each in items(template.needed(resource.properties.get("Entries")))
        ]
        most = parse_whole(template.needed(resource.properties.get("MaxEntries"))) or 0
    except InputError as error:
        template.facts.wrong(template.place(resource), str(error))
        return
    name = template.text(resource, "PrefixListName") or resource.name
    key = template.key(resource.name)
    template.facts.lists[key] = FoundList(key, name, template.place(resource), most, entries)


def _read_group(template: Template, resource: Resource) -> None:
    key = template.key(resource.name)
    group = FoundGroup(
        key,
        template.text(resource, "GroupName") or resource.name,
        template.place(resource),
        vpc=template.vpc(resource),
        description=description_of(template.get(resource, "GroupDescription")),
    )
    for name, direction in (("SecurityGroupIngress", Direction.INGRESS), ("SecurityGroupEgress", Direction.EGRESS)):
        for path, item in _items(template, resource, name):
            rule = _rule(template, resource, path, item, direction)
            if rule is not None:
                group.rules.append(rule)
    template.facts.add_group(group)


def _items(template: Template, resource: Resource, name: str) -> Iterator[tuple[Path, dict[str, object]]]:
    """Yield the rules of a property, with their places; those that conditions leave out are not among them."""
    written = resource.properties.get(name)
    parts = enumerate(written) if isinstance(written, list) else [(None, written)]
    for index, part in parts:
        path: Path = (name,) if index is None else (name, index)
        resolved = template.values.resolve(part)
        if isinstance(resolved, Unresolved):
            template.facts.wrong(template.place(resource, *path), resolved.reason)
            continue
        for item in items(resolved):
            if isinstance(item, dict):
                yield path, item
            else:
                template.facts.wrong(template.place(resource, *path), "found no mapping, wanted a rule")


def _read_rules(template: Template) -> None:
    template.each(_read_rule, *_RULES)


def _read_rule(template: Template, resource: Resource) -> None:
    """Read a rule that is a resource of its own."""
    written = resource.properties.get("GroupId") or resource.properties.get("GroupName")
    rule = _rule(template, resource, (), template.values.resolve(resource.properties), _RULES[resource.kind])
    if written is None:
        problem = "found neither GroupId nor GroupName, wanted the security group that the rule belongs to"
        template.facts.wrong(template.place(resource), problem)
        return
    try:
        key = template.group(written)
    except InputError as error:
        template.facts.wrong(template.place(resource, "GroupId"), str(error))
        return
    if key.outside and rule is not None:
        template.facts.late_rules.append((key.key, rule))
    elif key.key not in template.facts.groups:
        template.facts.wrong(template.place(resource), f"{key.key} is a security group in none of the files")
    elif rule is not None:
        template.facts.groups[key.key].rules.append(rule)


def _rule(template: Template, resource: Resource, path: Path, item: object, direction: Direction) -> FoundRule | None:
    data = mapping(item)
    place = template.place(resource, *path)
    try:
        protocol = template.needed(data.get("IpProtocol"))
        every = text_of(protocol) == "-1"  # then no port is read
        first, last = (None if every else template.needed(data.get(key)) for key in ("FromPort", "ToPort"))
        traffic = parse_traffic_words(protocol, first, last)
        peer = _peer(template, data)
    except InputError as error:
        template.facts.wrong(place, str(error))
        return None
    return FoundRule(direction, traffic, peer, place, description_of(data.get("Description")))


def _peer(template: Template, data: Mapping[str, object]) -> FoundPeer:
    given = [key for key in _PEERS if data.get(key)] or [key for key in _PEERS if isinstance(data.get(key), Blank)]
    if len(given) != 1:
        found = " and ".join(given) or "no peer"
        raise InputError(f"found {found}, wanted exactly one of {', '.join(_PEERS[:2])}, a prefix list or a group")
    key, value = given[0], data[given[0]]
    if key in {"CidrIp", "CidrIpv6"}:
        return parse_cidr(template.needed(value), 4 if key == "CidrIp" else 6)
    if key.endswith("PrefixListId"):
        named = template.values.resolve(value)
        return ListKey(template.thing(named) if isinstance(named, Attribute) else text_of(template.needed(named)))
    return template.group(value, data.get("SourceSecurityGroupOwnerId"))


def _add_default_egress(template: Template) -> None:
    """
    Let groups out for which the template lists no outbound rule, embedded or not.

    Source:
        AWS::EC2::SecurityGroup, SecurityGroupEgress; that a separate rule too takes the default away:
        aws-cdk issues 987, 3355.
    """
    for resource in template.of_kind(GROUP):
        group = template.facts.groups.get(template.key(resource.name))
        if group is None or any(rule.direction is Direction.EGRESS for rule in group.rules):
            continue
        if any(mistake.where.startswith(f"Resources.{resource.name}.") for mistake in template.facts.mistakes):
            continue
        for family in (4, 6):
            group.rules.append(FoundRule(Direction.EGRESS, Traffic(None), EVERYWHERE[family], group.place))


def _read_carriers(template: Template) -> None:
    read_carriers(template, {GROUP, _LIST, *_RULES, *HANDLED})


_STAGES: tuple[Callable[[Template], None], ...] = (
    _read_groups,
    _read_rules,
    _add_default_egress,
    read_ground,
    read_routes,
    read_interfaces,
    read_instances,
    _read_carriers,
    attach,
)
"""Each is done for all templates before the next, so that it does not matter in which of them something stands."""
