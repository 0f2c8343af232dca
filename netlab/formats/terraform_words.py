"""What attributes of Terraform's resources name: groups, lists and things, by ids or, before apply, by references."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from netlab.formats.import_facts import DEFAULT_OF_VPC, Facts, GroupKey, Unknown
from netlab.formats.import_places import Place
from netlab.formats.import_text import Document
from netlab.formats.import_words import items, text_of
from netlab.formats.terraform_plan import Plan, Resource
from netlab.formats.terraform_references import Found, first_reference


@dataclass(frozen=True, slots=True)
class Groups:
    """The groups that an attribute names, and the references that cannot be followed."""

    found: tuple[GroupKey, ...]
    lost: tuple[str, ...] = ()


@dataclass(slots=True)
class State:
    """
    A state or plan while it is being read.

    Attributes:
        default_groups: Ids of VPCs' default groups that no resource of the file is.
    """

    document: Document
    plan: Plan
    facts: Facts
    default_groups: set[str] = field(default_factory=set)
    _told: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        own = {text_of(each.values.get("id")) for each in self.plan.resources.values()}
        for each in self.plan.resources.values():
            self.default_groups |= {text_of(each.values.get("default_security_group_id"))} - own

    @property
    def file(self) -> str:
        """The file's name."""
        return self.document.file

    @property
    def when(self) -> str:
        """What messages say behind what cannot be told: a plan's ids are known only after apply, a state's are."""
        return " before apply" if self.plan.is_plan else ""

    def place(self, resource: Resource, side: str = "") -> Place:
        """Return the place of a resource, or of one *side* of its rules: its address."""
        if not side:
            return self.document.place(resource.path, resource.address)
        return self.document.place((*resource.path, "values", side), f"{resource.address} {side}")

    def key(self, resource: Resource) -> str:
        """Return the key of what a resource makes: its id, or its address before apply."""
        return text_of(resource.values.get("id")) or f"{self.file}#{resource.address}"

    def plain_address(self, resource: Resource) -> str:
        """Return how an unnamed thing is called: its resource's name, with module and index where there are any."""
        modules = "".join(f"{name}{index}." for name, index in resource.module)
        return f"{modules}{resource.name}{resource.index}".replace('"', "").replace("[", "-").replace("]", "")

    def said(self, resource: Resource) -> bool:
        """Tell whether something of this resource has been noted already."""
        return resource.address in self._told

    def tell(self, resource: Resource, text: str) -> None:
        """Note something about a resource."""
        self._told.add(resource.address)
        self.facts.note(self.place(resource), text)

    def cannot(self, resource: Resource, name: str, reference: str) -> None:
        """Note a reference to a group that cannot be followed; one to a group that is not there is a mistake."""
        if reference.startswith(("aws_security_group.", "aws_default_security_group.")):
            self._told.add(resource.address)
            self.facts.wrong(
                self.place(resource),
                f"{name} refers to {reference}, a security group that is in none of the files",
            )
        else:
            self.tell(resource, f"{name} refers to {reference}, which cannot be followed to a group{self.when}")

    def texts(self, resource: Resource, name: str) -> list[str]:
        """Return what is known of an attribute, as a list of texts."""
        return [text for each in items(resource.values.get(name)) if (text := text_of(each))]

    def is_unknown(self, resource: Resource, name: str) -> bool:
        """Tell whether an attribute, or a part of it, is known only after apply."""
        if any(each is None for each in items(resource.values.get(name))):
            return True
        return name not in resource.values or resource.values[name] is None

    def follow(self, resource: Resource, name: str) -> Found:
        """Return what the configuration says of an attribute that is known only after apply."""
        expression = self.plan.expressions(resource).get(name)
        if expression is None or not self.is_unknown(resource, name):
            return Found()
        return self.plan.follow(resource, expression)

    def known_texts(self, resource: Resource, name: str) -> list[str]:
        """Return an attribute's texts; those of it that come only after apply are noted."""
        texts = self.texts(resource, name)
        found = self.follow(resource, name)
        for address in (*found.addresses, *found.lost):
            self.tell(resource, f"{name} comes from {address} and is known only after apply")
        return [*texts, *(each for each in found.literals if each not in texts and "/" in each)]

    def thing(self, resource: Resource, name: str) -> str:
        """Return the key of the one thing that an attribute names; empty where it cannot be told."""
        known = self.texts(resource, name)
        found = [self.key_of(each) for each in self.follow(resource, name).addresses]
        return next(iter((*known, *found)), "")

    def vpc(self, resource: Resource) -> str:
        """Return the key of the VPC that a resource says it is of; empty where it does not, or cannot be followed."""
        known = self.texts(resource, "vpc_id")
        expression = self.plan.expressions(resource).get("vpc_id")
        if known or expression is None:
            return known[0] if known else ""
        found = [each for each in self.follow(resource, "vpc_id").addresses if self._is_vpc(each)]
        own = [each for each in self.plan.beside(resource) if self._is_vpc(each)]
        reference = first_reference(expression)
        if not found and len(own) == 1 and reference.startswith("local."):
            found = own  # a local value is left out of the document; here it can only mean this one
        if not found:
            lost = f"vpc_id refers to {reference}, which cannot be followed{self.when}"
            self.facts.note(self.place(resource), f"{lost}: taken to be the lab's VPC")
        return self.key_of(found[0]) if found else ""

    def kind_at(self, address: str) -> str:
        """Return the type of the resource at an address; empty where there is none."""
        return self.plan.resources[address].kind if address in self.plan.resources else ""

    def _is_vpc(self, address: str) -> bool:
        return self.kind_at(address) in {"aws_vpc", "aws_default_vpc"}

    def unknown(self, name: str, why: str) -> str:
        """Return the key of something that is referred to by a name and cannot be told."""
        key = f"{self.file}#?{name}"
        self.facts.unknown[key] = Unknown(name, why)
        return key

    def things(self, resource: Resource, name: str) -> list[str]:
        """Return the keys of the things that a list names."""
        found = [self.key_of(each) for each in self.follow(resource, name).addresses]
        return list(dict.fromkeys([*self.texts(resource, name), *found]))

    def key_of(self, address: str) -> str:
        """Return the key of the resource at an address."""
        resource = self.plan.resources.get(address)
        return f"{self.file}#{address}" if resource is None else self.key(resource)

    def lists(self, resource: Resource, name: str) -> list[str]:
        """Return the keys of the prefix lists that an attribute names."""
        found = self.follow(resource, name)
        for reference in found.lost:
            self.tell(resource, f"{name} refers to {reference}, which cannot be followed")
        literals = [each for each in found.literals if each.startswith("pl-")]
        return list(dict.fromkeys([*self.texts(resource, name), *literals, *map(self.key_of, found.addresses)]))

    def groups(self, resource: Resource, name: str) -> Groups:
        """Return the security groups that an attribute names."""
        found = self.follow(resource, name)
        return self.groups_of(self.texts(resource, name), found)

    def groups_of(self, ids: list[str], found: Found) -> Groups:
        """Return the security groups of known ids and of followed references."""
        literals = [each for each in found.literals if each.rpartition("/")[2].startswith("sg-")]
        keys = [self._named_group(each) for each in (*ids, *literals)]
        lost = list(found.lost)
        for address in found.addresses:
            key = self._group_at(address)
            if key is None:
                lost.append(address)
            else:
                keys.append(key)
        return Groups(tuple(dict.fromkeys(keys)), tuple(lost))

    def _named_group(self, text: str) -> GroupKey:
        """Return the group of an id, which may have an account before it, or be that of a VPC's default group."""
        account, slash, key = text.rpartition("/")
        if key in self.default_groups:
            return GroupKey(DEFAULT_OF_VPC)
        return GroupKey(key, f"of account {account}" if slash else "", outside=key.startswith("sg-"))

    def _group_at(self, address: str) -> GroupKey | None:
        """Return the group that a resource is, or that comes with it; None where neither is so."""
        resource = self.plan.resources.get(address)
        if resource is None:
            return None
        if resource.kind in {"aws_security_group", "aws_default_security_group"}:
            return GroupKey(self.key(resource), outside=resource.data)
        if resource.kind in {"aws_vpc", "aws_default_vpc"}:
            return GroupKey(text_of(resource.values.get("default_security_group_id")) or DEFAULT_OF_VPC)
        return None

    def peers(self, resource: Resource, name: str) -> Iterator[GroupKey]:
        """Yield the groups that an attribute names as peers; what cannot be told is noted."""
        groups = self.groups(resource, name)
        for reference in groups.lost:
            self.cannot(resource, name, reference)
        yield from groups.found
