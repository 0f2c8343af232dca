"""A CloudFormation template while it is being read: the resources that are created, and the keys of things."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from netlab.errors import InputError
from netlab.formats.cloudformation_values import Values
from netlab.formats.cloudformation_words import Attribute, Blank, Unresolved, name_of, unresolved
from netlab.formats.import_facts import Facts, Unknown
from netlab.formats.import_found import DEFAULT_OF_VPC, GroupKey
from netlab.formats.import_places import Place
from netlab.formats.import_text import Document
from netlab.formats.import_words import items, mapping, text_of, truth
from netlab.formats.words import shown
from netlab.formats.yaml_reader import Path

GROUP = "AWS::EC2::SecurityGroup"
VPC = "AWS::EC2::VPC"
SUBNET = "AWS::EC2::Subnet"
MADE_UP_IPV6 = "2001:db8:0:100::/56"
"""What a VPC gets where the template asks AWS for a network."""

_ELSEWHERE = ("AWS::CloudFormation::", "Custom::")  # what these make cannot be told by their types
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

    def stack_of(self, key: str) -> Template:
        """Return the template that makes a thing; this one where none does."""
        return self.stacks.get(key.rpartition("#")[0], self)

    def resource_of(self, key: str) -> Resource | None:
        """Return the resource that makes a thing; None = it is of no template."""
        file, _, name = key.rpartition("#")
        return self.stacks[file].resources.get(name) if file in self.stacks else None

    def get(self, resource: Resource, name: str) -> object:
        """Return what a property comes to; may be known only after deployment."""
        return self.values.resolve(resource.properties.get(name))

    def known(self, resource: Resource, value: object, *path: str | int) -> object:
        """Return what a value, at a place in a resource, comes to; None where it cannot be known, which is noted."""
        resolved = self.values.resolve(value)
        reason = unresolved(resolved)
        if reason and not isinstance(resolved, Blank):
            self.facts.note(self.place(resource, *path), reason)
        return None if reason else resolved

    def text(self, resource: Resource, name: str) -> str:
        """Return a property as text; empty where it is not there, or cannot be known, which is noted."""
        return text_of(self.known(resource, resource.properties.get(name), name))

    def flag(self, resource: Resource, name: str) -> bool:
        """Tell whether a property is true; one that cannot be known is not, which is noted."""
        return truth(self.known(resource, resource.properties.get(name), name), default=False)

    def needed(self, value: object) -> object:
        """
        Return a value that has to be known, with all of its parts.

        Raises:
            InputError: It is not.
        """
        resolved = self.values.resolve(value)
        parts = resolved.values() if isinstance(resolved, dict) else items(resolved)
        reason = next(filter(None, map(unresolved, (resolved, *parts))), "")
        if reason:
            raise InputError(reason)
        return resolved

    def thing(self, value: object) -> str:
        """Return the key of the thing that a value names; what cannot be told has one too, by which it is unknown."""
        resolved = self.values.resolve(value)
        if isinstance(resolved, Attribute) and resolved.file in self.stacks:
            return self.stacks[resolved.file].key_of(replace(resolved, file=""))
        return self.key_of(resolved)

    def key_of(self, value: object) -> str:
        """Return the key of the thing that a value of this template comes to."""
        if isinstance(value, Attribute) and self._is_itself(value):
            return self.key(value.resource)
        reason = unresolved(value)
        if not reason:
            return text_of(value)
        if isinstance(value, Attribute) and value.resource in self.left_out:
            reason = f"{value.resource} is not created, its condition does not hold"
        name = name_of(value)
        key = self.key(f"?{name or reason}")
        self.facts.unknown[key] = Unknown(name or "what is unknown", reason)
        return key

    def _is_itself(self, attribute: Attribute) -> bool:
        """Tell whether an attribute is the id of its resource."""
        named = self.resources.get(attribute.resource)
        if named is None or attribute.name == "Ref":
            return named is not None
        return named.kind.startswith("AWS::EC2::") and attribute.name.endswith("Id")

    def sited(self, resource: Resource, value: object, kind: str) -> str:
        """Return the key of the VPC or subnet that a value names; what is known to be something else is a mistake."""
        key = self.thing(value)
        named = self.resource_of(key)
        if named is None or named.kind == kind or not named.kind.startswith("AWS::") or _is_elsewhere(named):
            return key
        self.facts.wrong(self.place(resource), f"found {named.name}, an {named.kind}, wanted an {kind}")
        return ""

    def vpc(self, resource: Resource) -> str:
        """Return the key of the VPC that a resource says it is of; empty where it does not say."""
        return self.sited(resource, resource.properties.get("VpcId"), VPC)

    def lost(self, resource: Resource, name: str, what: str) -> None:
        """Note that a property names what no file describes, so that the resource says nothing."""
        key = self.thing(resource.properties.get(name))
        absent = self.facts.absent(key) if key else "found nothing"
        self.facts.note(self.place(resource), f"{what} cannot be told: {absent}")

    def group(self, value: object, owner: object = None) -> GroupKey:
        """
        Return the security group that a value names, by id or name.

        Raises:
            InputError: It cannot be known, or names something else.
        """
        resolved = self.values.resolve(value)
        if isinstance(resolved, Attribute):
            return self.group_of(resolved)
        if unresolved(resolved):
            raise InputError(unresolved(resolved))
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
        if not name:
            raise InputError("found nothing, wanted a security group")
        if self._by_name is None:
            self._by_name = {text_of(self.get(each, "GroupName")): each.name for each in self.of_kind(GROUP)}
        if name in self._by_name:
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


def _is_elsewhere(resource: Resource) -> bool:
    return resource.kind.startswith(_ELSEWHERE)
