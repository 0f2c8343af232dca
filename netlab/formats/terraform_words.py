"""What attributes of Terraform's resources name: groups and other things, by ids or, before apply, by references."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from netlab.formats.import_facts import Facts, Unknown
from netlab.formats.import_places import Place
from netlab.formats.import_text import Document
from netlab.formats.import_words import items, mapping, text_of
from netlab.formats.terraform_follow import Aim, Follower
from netlab.formats.terraform_plan import Plan, Resource
from netlab.formats.terraform_references import (
    Found,
    first_reference,
    has_true,
    plain_texts,
)
from netlab.formats.terraform_values import known_value


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
    _followers: dict[Aim, Follower] = field(default_factory=dict)

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

    def lost(self, resource: Resource, name: str, what: str) -> None:
        """Note that an attribute names what is in no file, or cannot be followed to it."""
        key = self.thing(resource, name)
        reference = first_reference(self.plan.expressions(resource).get(name)) or "nothing"
        absent = self.facts.absent(key) if key else f"{name} refers to {reference}"
        self.tell(resource, f"{what} cannot be told{self.when}: {absent}")

    def texts(self, resource: Resource, name: str) -> list[str]:
        """Return what is known of an attribute, as a list of texts."""
        return [text for each in items(resource.values.get(name)) if (text := text_of(each))]

    def is_late(self, resource: Resource, name: str) -> bool:
        """Tell whether an attribute, or a part of it, is known only after apply; a known null is not."""
        if resource.unknown is not None:
            return has_true(resource.unknown.get(name))
        values = resource.values
        return name not in values or any(each is None for each in items(values[name]))

    def follow(self, resource: Resource, name: str, aim: Aim = Aim.THING) -> Found:
        """Return what the configuration says of an attribute that is known only after apply."""
        expression = self.plan.expressions(resource).get(name)
        return self.lead(resource, expression, aim) if expression and self.is_late(resource, name) else Found()

    def lead(self, resource: Resource, expression: object, aim: Aim = Aim.THING) -> Found:
        """Return what an expression of a resource refers to."""
        return self._followers.setdefault(aim, Follower(self.plan, aim)).follow(resource, expression)

    def literals(self, resource: Resource, name: str) -> list[str]:
        """Return what the configuration gives an attribute where the document does not say what is unknown."""
        expression = self.plan.expressions(resource).get(name)
        if resource.unknown is not None or expression is None or not self.is_late(resource, name):
            return []
        known = known_value(self.plan, expression, self.plan.scope(resource))
        texts = [] if known is None else list(plain_texts(known.value))
        if texts and "constant_value" not in mapping(expression):
            self.guess(resource, f"{name} is taken as it stands in a variable")
        return texts

    def guess(self, resource: Resource, text: str) -> None:
        """Note, once for all instances of a resource, what is taken to be so though the file does not say it."""
        first = self.plan.resources[self.plan.instances(resource.block)[0]]
        self.facts.note(self.document.place(first.path, resource.block), f"a guess: {text}")

    def guesses(self, resource: Resource, name: str, found: Found) -> None:
        """Note what was guessed when an attribute was followed to several things."""
        for each in found.guesses:
            self.guess(resource, f"{name}: {each}")
        if found.addresses and found.switches:
            self.guess(resource, f"{name}: {', '.join(found.switches)} is taken not to choose among them")

    def thing(self, resource: Resource, name: str) -> str:
        """Return the key of the one thing that an attribute names; empty where it cannot be told."""
        things = self.things(resource, name)
        if len(things) > 1:
            self.guess(resource, f"{name} is taken to be the first of {len(things)} that it may be")
        return next(iter(things), "")

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
        found = self.follow(resource, name)
        self.guesses(resource, name, replace(found, switches=()))
        return list(dict.fromkeys([*self.texts(resource, name), *map(self.key_of, found.addresses)]))

    def key_of(self, address: str) -> str:
        """Return the key of the resource at an address."""
        resource = self.plan.resources.get(address)
        return f"{self.file}#{address}" if resource is None else self.key(resource)
