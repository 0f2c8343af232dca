"""A CloudFormation template while it is being read: the resources that are created, and the keys of things."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from netlab.errors import InputError
from netlab.formats.cloudformation_values import Attribute, Unresolved, Values, unresolved
from netlab.formats.import_facts import DEFAULT_OF_VPC, Facts, GroupKey, Place
from netlab.formats.import_text import Document
from netlab.formats.import_words import items, mapping, text_of
from netlab.formats.words import shown
from netlab.formats.yaml_reader import Path

GROUP = "AWS::EC2::SecurityGroup"
VPC = "AWS::EC2::VPC"
MADE_UP_IPV6 = "2001:db8:0:100::/56"
"""What a VPC gets where the template asks AWS for a network."""

_CLASSIC_BALANCER = "AWS::ElasticLoadBalancing::LoadBalancer"
_ACCOUNT = re.compile(r"[0-9]{12}|amazon-elb")  # AWS's own for classic balancers is known by its name
_OF_ACCOUNT = re.compile(rf"({_ACCOUNT.pattern})/(.+)")


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource that is created."""

    name: str
    kind: str
    properties: dict[str, object]
    path: Path


@dataclass(slots=True)
class Template:
    """
    A template.

    Attributes:
        stacks: The templates of the import, by file; may name each other's resources, which are found after
            ``find_resources``.
        left_out: Resources whose condition does not hold.
    """

    document: Document
    facts: Facts
    values: Values
    stacks: Mapping[str, Template]
    resources: dict[str, Resource] = field(default_factory=dict)
    left_out: set[str] = field(default_factory=set)
    _by_name: dict[str, str] | None = None  # resources of groups that say their names

    def __post_init__(self) -> None:
        self.values.attribute = self._attribute

    def find_resources(self) -> None:
        """Find the resources that are created."""
        for name, data in self.values.section("Resources").items():
            path = ("Resources", name)
            condition = text_of(mapping(data).get("Condition"))
            holds = self.values.condition(condition) if condition else True
            if isinstance(holds, Unresolved):
                self.facts.wrong(self.document.place((*path, "Condition")), holds.reason)
            elif holds is True:
                kind = text_of(mapping(data).get("Type"))
                properties = self._properties(mapping(data).get("Properties"))
                self.resources[name] = Resource(name, kind, properties, (*path, "Properties"))
            else:
                self.left_out.add(name)

    def _properties(self, written: object) -> dict[str, object]:
        chosen = self.values.resolve(written) if isinstance(written, dict) and "Fn::If" in written else written
        return mapping(chosen)

    def of_kind(self, *kinds: str) -> Iterator[Resource]:
        """Yield the resources of some types, in the template's order."""
        return (each for each in self.resources.values() if each.kind in kinds)

    def each(self, read: Callable[[Template, Resource], None], *kinds: str) -> None:
        """Read the resources of some types; what is wrong with one of them is a mistake at its place."""
        for resource in self.of_kind(*kinds):
            try:
                read(self, resource)
            except InputError as error:
                self.facts.wrong(self.place(resource), str(error))

    def place(self, resource: Resource, *path: str | int) -> Place:
        """Return the place of a resource, or of something in its properties."""
        return self.document.place((*resource.path, *path) if path else resource.path[:-1])

    def key(self, name: str) -> str:
        """Return the key of what a resource makes."""
        return f"{self.document.file}#{name}"

    def resource_of(self, key: str) -> Resource | None:
        """Return the resource that makes a thing; None = it is of no template."""
        file, _, name = key.rpartition("#")
        return self.stacks[file].resources.get(name) if file in self.stacks else None

    def get(self, resource: Resource, name: str) -> object:
        """Return what a property comes to; may be known only after deployment."""
        return self.values.resolve(resource.properties.get(name))

    def text(self, resource: Resource, name: str) -> str:
        """Return a property as text; empty where it is not there, or cannot be known."""
        return text_of(self.get(resource, name))

    def needed(self, value: object) -> object:
        """
        Return a value that has to be known.

        Raises:
            InputError: It is not.
        """
        resolved = self.values.resolve(value)
        reason = unresolved(resolved)
        if reason:
            raise InputError(reason)
        return resolved

    def thing(self, value: object) -> str:
        """Return the key of the thing that a value names; empty where that cannot be known."""
        resolved = self.values.resolve(value)
        if isinstance(resolved, Attribute):
            stack = self.stacks.get(resolved.file, self)
            return stack.key(resolved.resource)
        return text_of(resolved)

    def things(self, value: object) -> list[str]:
        """Return the keys of the things that a list names."""
        resolved = self.values.resolve(value)
        if isinstance(resolved, str) and "," in resolved:
            resolved = resolved.split(",")
        return [key for each in items(resolved) if (key := self.thing(each))]

    def group(self, value: object, owner: object = None) -> GroupKey:
        """
        Return the security group that a value names, by id or name.

        Raises:
            InputError: It cannot be known, or names something else.
        """
        resolved = self.values.resolve(value)
        if isinstance(resolved, Attribute):
            return self.group_of(resolved)
        if isinstance(resolved, Unresolved):
            raise InputError(resolved.reason)
        name = text_of(resolved).strip()
        account = text_of(self.needed(owner))
        if qualified := _OF_ACCOUNT.fullmatch(name):
            account, name = qualified.groups()
        if account and not _ACCOUNT.fullmatch(account):
            raise InputError(f"found {shown(account)}, wanted an account: 12 digits")
        own = text_of(self.values.resolve({"Ref": "AWS::AccountId"}))
        if account not in {"", own}:
            known = name.startswith("sg-")  # ids are unique, names are not
            return GroupKey(name if known else f"{account}/{name}", f"of account {account}", outside=known)
        return self._named(name)

    def _named(self, name: str) -> GroupKey:
        if self._by_name is None:
            self._by_name = {self.text(each, "GroupName"): each.name for each in self.of_kind(GROUP)}
        if name and name in self._by_name:
            return GroupKey(self.key(self._by_name[name]))
        return GroupKey(DEFAULT_OF_VPC if name == "default" else name, outside=name.startswith("sg-"))

    def group_of(self, attribute: Attribute) -> GroupKey:
        """
        Return the security group that an attribute of a resource names.

        Raises:
            InputError: It names something else, or a resource that is not created.
        """
        if attribute.file in self.stacks:
            return self.stacks[attribute.file].group_of(replace(attribute, file=""))
        resource = self.resources.get(attribute.resource)
        if resource is None:
            raise InputError(f"{attribute.resource} is not created, its condition does not hold")
        if resource.kind == GROUP:
            return GroupKey(self.key(resource.name))
        if resource.kind == VPC and attribute.name == "DefaultSecurityGroup":
            return GroupKey(DEFAULT_OF_VPC)
        if resource.kind == _CLASSIC_BALANCER and attribute.name.startswith("SourceSecurityGroup"):
            own = items(self.get(resource, "SecurityGroups"))
            return self.group(own[0]) if own else GroupKey("amazon-elb-sg", "of account amazon-elb")
        raise InputError(unresolved(attribute))

    def _attribute(self, attribute: Attribute) -> object:
        """Return what the template itself tells of a resource's attribute."""
        data = mapping(self.values.section("Resources").get(attribute.resource))
        properties = mapping(data.get("Properties"))
        if data.get("Type") == VPC and attribute.name == "Ipv6CidrBlocks":
            return [MADE_UP_IPV6]
        if attribute.name in properties and attribute.name != "GroupId":
            return self.values.resolve(properties[attribute.name])
        return None
