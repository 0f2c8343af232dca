"""
What an attribute refers to that is known only after apply.

In a plan before apply new things have no ids; which belongs to which stands only in the configuration's references.
They are followed through variables, outputs and modules to the resources' addresses. A list of references is all that
the document keeps of an expression: not its functions, conditions and arithmetic, nor which reference is the index of
which. So little can be told for certain; the rest is lost, or a guess, which whoever follows has to tell.

Source:
    Terraform, "JSON Output Format": "Expression Representation".
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from enum import Enum, auto

from netlab.formats.import_words import items, mapping, text_of
from netlab.formats.terraform_plan import Plan, Resource
from netlab.formats.terraform_references import (
    DEFAULT_GROUP,
    GROUP_KINDS,
    MODULE,
    MOST_DEPTH,
    RESOURCE,
    Calls,
    Found,
    Scope,
    at_key,
    key_of_index,
    longest,
    plain_texts,
    step_into,
)
from netlab.formats.terraform_values import OWN, VARIABLE, value_at, value_of_variable

_ELSEWHERE = {"each", "count", "path", "terraform", "self"}


class Aim(Enum):
    """What is looked for, and so how much may be guessed."""

    THING = auto()
    GROUP = auto()
    OWNER = auto()
    """The group that a rule belongs to: a local value is taken for the only group of its module."""


@dataclass(frozen=True, slots=True)
class Follower:
    """Follows the references of a plan."""

    plan: Plan
    aim: Aim
    _seen: dict[tuple[str, Calls], Found] = field(default_factory=dict)  # by reference, and the module it stands in

    def follow(self, resource: Resource, expression: object) -> Found:
        """Return what an expression of a resource refers to."""
        return self.expression(expression, self.plan.scope(resource), 0)

    def expression(self, expression: object, scope: Scope, depth: int) -> Found:
        """Follow an expression, or all those of a block or a list."""
        if depth > MOST_DEPTH:
            return Found(lost=("a reference without end",))
        data = mapping(expression)
        if "references" in data:
            return self._references([text_of(each) for each in items(data["references"])], scope, depth)
        if "constant_value" in data:
            return Found(literals=tuple(plain_texts(data["constant_value"])))
        found = Found()
        for each in expression if isinstance(expression, list) else data.values():
            if isinstance(each, dict | list):
                found += self.expression(each, scope, depth + 1)
        return found

    def _references(self, references: list[str], scope: Scope, depth: int) -> Found:
        kept = longest(references)
        own = [each for each in kept if OWN.match(each)]
        others = [(each, self._reference(each, scope, depth)) for each in kept if each not in own]
        lists = [each for each, one in others if own and self._is_list(each, one, scope)]
        key = self._key(own[0], scope, depth) if len(set(own)) == 1 and len(own) == len(lists) else None
        found = Found()
        for reference, one in others:
            found += self._instance(reference, one, own[0], key, scope) if own and len(one.addresses) > 1 else one
        for each in () if lists else dict.fromkeys(own):
            found += self._each_value(each, scope, depth)
        switches = tuple(each for each in kept if (each not in own or not lists) and self._is_switch(each, scope))
        return found + Found(switches=switches) if switches else found

    def _is_list(self, reference: str, found: Found, scope: Scope) -> bool:
        """Tell whether a reference leads to several things, of which an index may choose one, or may do so."""
        known = value_at(self.plan, reference, scope)
        return len(found.addresses) > 1 or bool(found.lost) or isinstance(known and known.value, dict | list)

    def _is_switch(self, reference: str, scope: Scope) -> bool:
        """Tell whether a reference is to a value that names nothing, but may choose."""
        known = value_at(self.plan, reference, scope)
        text = "" if known is None else text_of(known.value)
        return bool(text) and not text.startswith(("sg-", "pl-"))

    def _instance(self, reference: str, found: Found, own: str, key: str | None, scope: Scope) -> Found:
        """
        Return, of several resources, the one of a key.

        That is a guess where the key may have been altered on the way: the document does not keep arithmetic.
        """
        same = () if key is None else at_key(found.addresses, key)
        if own == "count.index" and key is not None and key.isdecimal():
            if len(same) != 1 and int(key) < len(found.order) == scope.count:
                same = (found.order[int(key)],)
            elif self.aim is not Aim.THING and len(found.addresses) != scope.count:
                same = ()
        if len(same) != 1:
            return replace(found, addresses=(), order=(), lost=(*found.lost, f"one of {', '.join(found.addresses)}"))
        exact = own == "each.key" or (own != "count.index" and "constant_value" in mapping(scope.repeated))
        guess = () if exact else (f"{reference} is taken at {own} as it stands",)
        return replace(found, addresses=same, order=same, guesses=(*found.guesses, *guess))

    def _key(self, own: str, scope: Scope, depth: int) -> str | None:
        """Return the key that an index of a resource's own comes to; None where that cannot be told."""
        known = value_at(self.plan, own, scope, depth)
        return None if known is None or isinstance(known.value, bool) else text_of(known.value) or None

    def _each_value(self, own: str, scope: Scope, depth: int) -> Found:
        """Follow ``each.value``, where it is no index, into what for_each goes through."""
        known = value_at(self.plan, own, scope, depth)
        if known is not None:
            return Found(literals=tuple(plain_texts(known.value)))
        if not own.startswith("each.value") or scope.repeated is None:
            return Found()
        found = self.expression(scope.repeated, Scope(scope.module), depth + 1)
        written = longest([text_of(each) for each in items(mapping(scope.repeated).get("references"))])
        key = key_of_index(scope.index) if len(written) == 1 and scope.index else None
        return self._instance(written[0], found, own, key, scope) if len(found.addresses) > 1 else found

    def _reference(self, reference: str, scope: Scope, depth: int) -> Found:
        place = (reference, scope.module)
        if place not in self._seen:
            self._seen[place] = self._lead(reference, scope, depth)
        return self._seen[place]

    def _lead(self, reference: str, scope: Scope, depth: int) -> Found:
        root = reference.partition(".")[0]
        if root == "var":
            return self._variable(reference, scope, depth)
        if root == "module":
            return self._output(reference, scope.module, depth)
        if root == "local":
            return self._local(reference, scope.module)
        return Found() if root in _ELSEWHERE else self._resource(reference, scope.module)

    def _resource(self, reference: str, calls: Calls) -> Found:
        match = RESOURCE.fullmatch(reference)
        if match is None:
            return Found(lost=(reference,))
        prefix = "".join(f"module.{name}{index}." for name, index in calls)
        own = f"{match[1] or ''}{match[2]}.{match[3]}"
        found = tuple(self.plan.instances(prefix + own))
        if match[4]:
            found = tuple(each for each in found if each == prefix + own + match[4])
        if match[5] == DEFAULT_GROUP:
            found = tuple(each + DEFAULT_GROUP for each in found)
        if not found and own in self.plan.blocks(calls):
            return Found()  # it is there, but none of it is made: count is 0, or no key is given
        return Found(found, order=found[:1]) if found else Found(lost=(reference,))

    def _variable(self, reference: str, scope: Scope, depth: int) -> Found:
        match = VARIABLE.fullmatch(reference)
        if match is None:
            return Found(lost=(reference,))
        whole = value_of_variable(self.plan, match[1], scope.module, depth)
        if whole is not None:
            part = step_into(whole.value, match[2])
            return Found() if part is None else Found(literals=tuple(plain_texts(part.value)))
        if not scope.module:
            return Found(lost=(reference,))
        call = self.plan.call(scope.module[:-1], scope.module[-1][0])
        given = mapping(call.get("expressions")).get(match[1])
        return _part(self.expression(given, self.plan.call_scope(scope.module), depth + 1), match[2])

    def _output(self, reference: str, calls: Calls, depth: int) -> Found:
        match = MODULE.match(reference)
        if match is None:
            return Found(lost=(reference,))
        behind = reference[match.end() :]
        name = re.split(r"[.\[]", behind)[0]
        ways = [(*calls, (match[1], match[2]))] if match[2] else self.plan.ways(calls, match[1])
        outputs = mapping(self.plan.module(ways[0]).get("outputs"))
        expression = mapping(outputs.get(name)).get("expression")
        if name and expression is None:
            return Found(lost=(reference,))
        found = Found()
        for way in ways:  # of module.sg[each.key].id nothing but the module's name is left
            found += (
                _part(self.expression(expression, Scope(way), depth + 1), behind.removeprefix(name))
                if name
                else self._some_output(reference, outputs, way, depth)
            )
        return found

    def _some_output(self, reference: str, outputs: dict[str, object], way: Calls, depth: int) -> Found:
        """Return the only group that any output of a module can give."""
        every = self.expression([mapping(each).get("expression") for each in outputs.values()], Scope(way), depth + 1)
        groups = tuple(each for each in every.addresses if self._is_group(each))
        if self.aim is Aim.OWNER and (every.lost or len(groups) != 1):
            return self._local(reference, way)
        if self.aim is Aim.THING or every.lost or len(groups) != 1:
            return Found(lost=(reference,))
        return Found(groups, order=groups)

    def _is_group(self, address: str) -> bool:
        resource = self.plan.resources.get(address)
        return address.endswith(DEFAULT_GROUP) or (resource is not None and resource.kind in GROUP_KINDS)

    def _local(self, reference: str, calls: Calls) -> Found:
        """Follow a local value, which the document leaves out."""
        groups = self.plan.groups_in(calls)
        if self.aim is not Aim.OWNER or len(groups) != 1:
            return Found(lost=(reference,))
        guess = f"{reference} is taken to be {groups[0]}, the only group of its module"
        return Found(groups, order=groups, guesses=(guess,))


def _part(found: Found, steps: str) -> Found:
    """Return, of several resources, the one at ``["name"]``, ``.name`` or ``[0]``; all where not one alone is there."""
    key = key_of_index(steps).removeprefix(".")
    same = at_key(found.addresses, key) if key else ()
    if len(found.addresses) < 2 or len(same) != 1:
        return found
    guess = (f"the one at {steps} is taken to be {same[0]}",) if key.isdecimal() else ()
    return replace(found, addresses=same, order=same, guesses=(*found.guesses, *guess))
