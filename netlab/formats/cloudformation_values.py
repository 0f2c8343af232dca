"""
The values of a CloudFormation template: parameters, conditions, mappings and intrinsic functions.

A value is text, true or false, a list, a mapping, nothing; or one of those of cloudformation_words.py. What resources
mean is not known here.

Source:
    CloudFormation User Guide, "Intrinsic function reference", "Pseudo parameters reference".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_network
from itertools import islice
from typing import TypeGuard

from netlab.formats.cloudformation_words import (
    Attribute,
    Blank,
    Unresolved,
    dynamic,
    held_elsewhere,
    joined,
    name_of,
    of_another_stack,
    unresolved,
    without_default,
)
from netlab.formats.import_words import items, mapping, text_of
from netlab.formats.words import shown

PSEUDO = {
    "AWS::AccountId": "123456789012",
    "AWS::Partition": "aws",
    "AWS::Region": "us-east-1",
    "AWS::StackId": "arn:aws:cloudformation:us-east-1:123456789012:stack/stack/1",
    "AWS::StackName": "stack",
    "AWS::URLSuffix": "amazonaws.com",
}
"""What pseudo parameters are where nobody says."""

_SUBSTITUTED = re.compile(r"\$\{([^!}][^}]*)\}")
_DYNAMIC = re.compile(r"\{\{resolve:([^{}]+)\}\}")
_OF_SSM = "AWS::SSM::Parameter::Value<"
_MOST_DEPTH = 60


@dataclass(slots=True)
class Values:
    """
    A template's values.

    Attributes:
        parameters: What the user gave; may also name exports, dynamic references without ``resolve:``, and attributes
            as ``Resource.Attribute``.
        attribute: Asks what an attribute of a resource is; None = the template does not tell.
        exported: Asks what another template exports under a name; None = none does.
    """

    template: Mapping[str, object]
    parameters: Mapping[str, str]
    attribute: Callable[[Attribute], object] = field(default=lambda _: None)
    exported: Callable[[str], object] = field(default=lambda _: None)
    known: set[str] = field(default_factory=set)
    _conditions: dict[str, object] = field(default_factory=dict)
    _depth: int = 0

    def __post_init__(self) -> None:
        self.known |= {*self.section("Parameters"), *PSEUDO}

    def section(self, name: str) -> dict[str, object]:
        """Return a section of the template; empty where there is none."""
        return mapping(self.template.get(name))

    def resolve(self, value: object) -> object:
        """Return what a value of the template comes to."""
        if self._depth > _MOST_DEPTH:
            return Unresolved("it refers to itself")
        self._depth += 1
        try:
            if isinstance(value, list):
                each = [self.resolve(item) for item in value]
                return [item for item in each if item is not None]
            found = self._function(value) if isinstance(value, dict) else value
            return self._told(found) if isinstance(found, str) else found
        finally:
            self._depth -= 1

    def _told(self, text: str) -> object:
        """Return a text with what the user gave for its dynamic references."""
        for name in _DYNAMIC.findall(text):
            self.known.add(name)
            if name not in self.parameters:
                return dynamic(name)
            text = text.replace(f"{{{{resolve:{name}}}}}", self.parameters[name])
        return text

    def _function(self, value: dict[str, object]) -> object:
        if len(value) == 1:
            ((name, argument),) = value.items()
            if name == "Ref":
                return self._ref(text_of(argument))
            if name == "Condition" and isinstance(argument, str) and argument in self.section("Conditions"):
                return self.condition(argument)
            function = _FUNCTIONS.get(name)
            if function is not None:
                return function(self, argument)
            if name.startswith("Fn::"):
                return Unresolved(f"netlab does not know {name}")
        return {key: self.resolve(item) for key, item in value.items()}

    def _ref(self, name: str) -> object:
        if name == "AWS::NoValue":
            return None
        if name in self.parameters and name in self.known:
            return self._parameter(name, self.parameters[name])
        if name in PSEUDO:
            return PSEUDO[name]
        declared = self.section("Parameters").get(name)
        if isinstance(declared, dict):
            if "Default" in declared and text_of(declared.get("Type")).startswith(_OF_SSM):
                return held_elsewhere(name, shown(declared["Default"]))
            if "Default" in declared:
                return self._parameter(name, declared["Default"])
            return without_default(name)
        if name in self.section("Resources"):
            return self._attribute(Attribute(name, "Ref"))
        return Unresolved(f"no parameter or resource is named {shown(name)}", name)

    def _parameter(self, name: str, value: object) -> object:
        kind = text_of(mapping(self.section("Parameters").get(name)).get("Type")).removeprefix(_OF_SSM)
        if kind.startswith(("CommaDelimitedList", "List<")):
            parts = value if isinstance(value, list) else [part.strip() for part in text_of(value).split(",")]
            return [Blank(name) if part == "" else part for part in parts]
        return text_of(value) or Blank(name)

    def _attribute(self, attribute: Attribute) -> object:
        given = attribute.parameter
        if given in self.parameters:
            self.known.add(given)
            return self.parameters[given]
        found = self.attribute(attribute)
        return attribute if found is None else found

    def condition(self, name: str) -> object:
        """Return whether a condition holds; Unresolved where that cannot be known."""
        conditions = self.section("Conditions")
        if name not in conditions:
            return Unresolved(f"no condition is named {shown(name)}")
        if name not in self._conditions:
            self._conditions[name] = Unresolved(f"condition {name} refers to itself")
            self._conditions[name] = self.resolve(conditions[name])
        return self._conditions[name]

    def get_att(self, argument: object) -> object:
        """``Fn::GetAtt``."""
        parts = argument if isinstance(argument, list) else text_of(argument).split(".", 1)
        words = [text_of(self.resolve(part)) for part in parts]
        if len(words) < 2 or not all(words):
            return Unresolved(f"Fn::GetAtt {shown(argument)}: wanted a resource and its attribute")
        if words[0] not in self.section("Resources"):
            return Unresolved(f"no resource is named {shown(words[0])}", words[0])
        return self._attribute(Attribute(words[0], ".".join(words[1:])))

    def sub(self, argument: object) -> object:
        """``Fn::Sub``."""
        text, extra = (argument[0], mapping(argument[1])) if _is_pair(argument) else (argument, {})
        parts: list[object] = []
        last = 0
        for match in _SUBSTITUTED.finditer(text_of(text)):
            name = match[1].strip()
            parts.append(text_of(text)[last : match.start()])
            if name in extra:
                parts.append(self.resolve(extra[name]))
            else:
                parts.append(self.get_att(name) if "." in name else self._ref(name))
            last = match.end()
        parts.append(text_of(text)[last:])
        return joined("", [part for part in parts if part != ""], str(text).replace("${!", "${"))

    def join(self, argument: object) -> object:
        """``Fn::Join``."""
        if not _is_pair(argument):
            return Unresolved("Fn::Join: wanted a delimiter and a list")
        listed = self.resolve(argument[1])
        return listed if isinstance(listed, Unresolved) else joined(text_of(argument[0]), items(listed), "")

    def select(self, argument: object) -> object:
        """``Fn::Select``."""
        if not _is_pair(argument):
            return Unresolved("Fn::Select wants an index and a list")
        index, listed = text_of(self.resolve(argument[0])), self.resolve(argument[1])
        if isinstance(listed, Unresolved | Attribute):
            return Unresolved(unresolved(listed), f"{name_of(listed)}-{index}")
        each = items(listed)
        if not index.isdecimal() or int(index) >= len(each):
            return Unresolved(f"Fn::Select: found {shown(index)}, the list has {len(each)} items, counted from 0")
        return each[int(index)]

    def split(self, argument: object) -> object:
        """``Fn::Split``."""
        if not _is_pair(argument):
            return Unresolved("Fn::Split: wanted a delimiter and a text")
        delimiter, whole = text_of(argument[0]), self.resolve(argument[1])
        if not delimiter:
            return Unresolved(f"Fn::Split: found {shown(argument[0])}, wanted a delimiter")
        if isinstance(whole, Unresolved) and whole.delimiter == delimiter:
            return list(whole.parts)
        return list(whole.split(delimiter)) if isinstance(whole, str) else whole

    def find_in_map(self, argument: object) -> object:
        """``Fn::FindInMap``; a fourth argument may say what is taken where there is no such entry."""
        found: object = self.section("Mappings")
        words = [self.resolve(each) for each in items(argument)[:3]]
        otherwise = mapping(next(iter(items(argument)[3:]), None))
        for word in words:
            if unresolved(word):
                return Unresolved(unresolved(word), name_of(word))
            if text_of(word) not in mapping(found):
                if "DefaultValue" in otherwise:
                    return self.resolve(otherwise["DefaultValue"])
                return Unresolved(f"Fn::FindInMap {', '.join(map(text_of, words))}: no such entry")
            found = mapping(found)[text_of(word)]
        return found

    def choose(self, argument: object) -> object:
        """``Fn::If``."""
        if not isinstance(argument, list) or len(argument) != 3:
            return Unresolved("Fn::If: wanted a condition and two values")
        holds = self.condition(text_of(argument[0]))
        if isinstance(holds, Unresolved):
            return holds
        return self.resolve(argument[1] if holds is True else argument[2])

    def equals(self, argument: object) -> object:
        """``Fn::Equals``."""
        if not _is_pair(argument):
            return Unresolved("Fn::Equals: wanted two values")
        one, other = (self.resolve(each) for each in argument)
        for each in (one, other):
            if isinstance(each, Unresolved):
                return each
        return one == other if isinstance(one, list) else text_of(one) == text_of(other)

    def logic(self, argument: object, name: str) -> object:
        """``Fn::And``, ``Fn::Or``, ``Fn::Not``."""
        each = [self.resolve(item) for item in items(argument)]
        if not each:
            return Unresolved(f"Fn::{name}: wanted conditions")
        unknown = next((item for item in each if isinstance(item, Unresolved)), None)
        if unknown is not None:
            return unknown
        holds = [item is True or text_of(item) == "true" for item in each]
        return not holds[0] if name == "Not" else (all(holds) if name == "And" else any(holds))

    def import_value(self, argument: object) -> object:
        """``Fn::ImportValue``: of another template; or the user gives the value as a parameter of the export's name."""
        name = self.resolve(argument)
        if not isinstance(name, str):
            return name
        self.known.add(name)
        if name in self.parameters:
            return self.parameters[name]
        found = self.exported(name)
        return of_another_stack(name) if found is None else found

    def cidr(self, argument: object) -> object:
        """``Fn::Cidr``."""
        if len(items(argument)) < 2:
            return Unresolved("Fn::Cidr: wanted a network and a number")
        block, count, *bits = (self.resolve(each) for each in items(argument))
        for each in (block, count):
            if not isinstance(each, str | int):
                return each if isinstance(each, Unresolved) else Unresolved("Fn::Cidr: its network is not known")
        try:
            whole = ip_network(text_of(block), strict=False)
            length = whole.max_prefixlen - int(text_of(bits[0] if bits else whole.max_prefixlen // 4))
            return [str(each) for each in islice(whole.subnets(new_prefix=length), int(text_of(count)))]
        except ValueError as error:
            return Unresolved(f"Fn::Cidr: {error}")

    def zones(self, argument: object) -> object:
        """``Fn::GetAZs``."""
        region = text_of(self.resolve(argument)) or text_of(self._ref("AWS::Region"))
        return [f"{region}{letter}" for letter in "abcdef"]

    def same(self, argument: object) -> object:
        """``Fn::Base64`` and other functions of text that no rule looks into."""
        return self.resolve(argument)


def _is_pair(argument: object) -> TypeGuard[list[object]]:
    return isinstance(argument, list) and len(argument) == 2


_FUNCTIONS: dict[str, Callable[[Values, object], object]] = {
    "Fn::GetAtt": Values.get_att,
    "Fn::Sub": Values.sub,
    "Fn::Join": Values.join,
    "Fn::Select": Values.select,
    "Fn::Split": Values.split,
    "Fn::FindInMap": Values.find_in_map,
    "Fn::If": Values.choose,
    "Fn::Equals": Values.equals,
    "Fn::And": lambda values, argument: values.logic(argument, "And"),
    "Fn::Or": lambda values, argument: values.logic(argument, "Or"),
    "Fn::Not": lambda values, argument: values.logic(argument, "Not"),
    "Fn::ImportValue": Values.import_value,
    "Fn::Cidr": Values.cidr,
    "Fn::GetAZs": Values.zones,
    "Fn::Base64": Values.same,
}
