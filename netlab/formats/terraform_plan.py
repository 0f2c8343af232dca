"""
What `terraform show -json` prints: its resources, and what an attribute refers to that is known only after apply.

In a plan before apply new things have no ids; which belongs to which stands only in the configuration's references.
They are followed through variables, outputs and modules to the resources' addresses. What resources mean is not known
here.

Source:
    Terraform, "JSON Output Format" (format_version 1.x), and what `terraform show -json` prints.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from netlab.formats.import_words import items, mapping, text_of
from netlab.formats.terraform_references import (
    MODULE,
    RESOURCE,
    Calls,
    Found,
    Own,
    longest,
    split_modules,
    texts_in,
)
from netlab.formats.yaml_reader import Path

_OWN_INDEX = ("each.key", "each.value", "count.index")
_MOST_DEPTH = 30
_ROOTS = {"var", "local", "module", "each", "count", "path", "terraform", "self"}


@dataclass(frozen=True, slots=True)
class Resource:
    """
    One instance of a resource.

    Attributes:
        address: With module and index: ``module.app.aws_instance.web[0]``.
        path: The way to it in the document.
        values: What is known of it; in a plan without what is known only after apply.
        unknown: ``after_unknown`` of a plan.
    """

    address: str
    kind: str
    name: str
    module: Calls
    index: str
    path: Path
    values: dict[str, object]
    unknown: dict[str, object]
    data: bool = False


@dataclass(slots=True)
class Plan:
    """The document, its resources by address, in its order."""

    tree: dict[str, object]
    resources: dict[str, Resource] = field(default_factory=dict)
    _stems: dict[str, list[str]] = field(default_factory=dict)  # addresses by those without index
    _modules: dict[Calls, list[str]] = field(default_factory=dict)  # addresses by module
    _configured: dict[tuple[str, ...], dict[str, dict[str, object]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        unknown = {}
        for change in map(mapping, items(self.tree.get("resource_changes"))):
            unknown[text_of(change.get("address"))] = mapping(mapping(change.get("change")).get("after_unknown"))
        for top in (("planned_values",), ("values",), ("prior_state", "values")):
            module: dict[str, object] = self.tree
            for key in (*top, "root_module"):
                module = mapping(module.get(key))
            self._collect(module, (*top, "root_module"), unknown, only_data=len(top) > 1)
        for each in self.resources.values():
            self._stems.setdefault(each.address.removesuffix(each.index), []).append(each.address)
            self._modules.setdefault(each.module, []).append(each.address)

    def _collect(
        self, module: dict[str, object], way: Path, unknown: dict[str, dict[str, object]], *, only_data: bool
    ) -> None:
        for at, each in enumerate(map(mapping, items(module.get("resources")))):
            data = each.get("mode") == "data"
            address = text_of(each.get("address"))
            if address in self.resources or (only_data and not data):
                continue
            calls, rest = split_modules(address)
            match = RESOURCE.fullmatch(rest)
            if match is None:
                continue
            self.resources[address] = Resource(
                address,
                text_of(each.get("type")) or match[2],
                match[3],
                calls,
                match[4],
                (*way, "resources", at),
                mapping(each.get("values")),
                unknown.get(address, {}),
                data,
            )
        for at, child in enumerate(map(mapping, items(module.get("child_modules")))):
            self._collect(child, (*way, "child_modules", at), unknown, only_data=only_data)

    @property
    def is_plan(self) -> bool:
        """Tell whether this is a plan, not a state."""
        return "planned_values" in self.tree

    def of_kind(self, *kinds: str) -> Iterator[Resource]:
        """Yield the resources of some types, data sources not among them."""
        return (each for each in self.resources.values() if each.kind in kinds and not each.data)

    def beside(self, resource: Resource) -> list[str]:
        """Return the addresses of a resource's module."""
        return self._modules.get(resource.module, [])

    def gone(self) -> Iterator[tuple[str, dict[str, object]]]:
        """Yield type and old values of what the plan deletes, replaces or changes."""
        for change in map(mapping, items(self.tree.get("resource_changes"))):
            before = mapping(change.get("change")).get("before")
            if isinstance(before, dict) and "no-op" not in items(mapping(change.get("change")).get("actions")):
                yield text_of(change.get("type")), before

    def expressions(self, resource: Resource) -> dict[str, object]:
        """Return the configuration's expressions of a resource; empty in a state."""
        return mapping(self._written(resource).get("expressions"))

    def _written(self, resource: Resource) -> dict[str, object]:
        address = f"{'data.' if resource.data else ''}{resource.kind}.{resource.name}"
        return self._resources_of(resource.module).get(address, {})

    def _resources_of(self, calls: Calls) -> dict[str, dict[str, object]]:
        """Return the configuration's resources of a module, by their addresses in it."""
        names = tuple(name for name, _ in calls)
        if names not in self._configured:
            written = map(mapping, items(self._module(calls).get("resources")))
            self._configured[names] = {text_of(each.get("address")): each for each in written}
        return self._configured[names]

    def _module(self, calls: Calls) -> dict[str, object]:
        module = mapping(mapping(self.tree.get("configuration")).get("root_module"))
        for name, _ in calls:
            module = mapping(mapping(mapping(module.get("module_calls")).get(name)).get("module"))
        return module

    def follow(self, resource: Resource, expression: object) -> Found:
        """Return the resources that an expression of *resource* refers to."""
        written = self._written(resource)
        repeated = written.get("for_each_expression") or written.get("count_expression")
        siblings = self._stems[resource.address.removesuffix(resource.index)]
        return self._expression(expression, resource.module, Own(resource.index, len(siblings)), repeated, 0)

    def _expression(self, expression: object, calls: Calls, own: Own, repeated: object, depth: int) -> Found:
        found = Found()
        if depth > _MOST_DEPTH:
            return Found(lost=("a reference without end",))
        if isinstance(expression, list):
            for each in expression:
                found += self._expression(each, calls, own, repeated, depth + 1)
            return found
        data = mapping(expression)
        if "constant_value" in data:
            found += Found(literals=tuple(texts_in(data["constant_value"])))
        references = [text_of(each) for each in items(data.get("references"))]
        indexed = any(each.startswith(_OWN_INDEX) for each in references)
        for reference in longest(references):
            if reference.startswith(_OWN_INDEX):
                if reference.startswith("each.value") and repeated is not None:
                    all_of_it = self._expression(repeated, calls, Own(), None, depth + 1)
                    found += self._one_of(all_of_it, own)
                continue
            one = self._reference(reference, calls, depth + 1)
            found += self._one_of(one, own) if indexed and own.index else one
        if "references" not in data and "constant_value" not in data:
            for value in data.values():
                found += self._expression(value, calls, own, repeated, depth + 1)
        return found

    def _one_of(self, found: Found, own: Own) -> Found:
        """Return, of several resources, the one that belongs to an index: by that index, name or place."""
        if len(found.addresses) < 2:
            return found
        same = tuple(each for each in found.addresses if each.endswith(own.index) or f"{own.index}." in each)
        if len(same) == 1:
            return Found(same)
        key = own.index.strip("[]").strip('"')
        named = tuple(each for each in found.addresses if split_modules(each)[1].partition(".")[2] == key)
        if len(named) == 1:
            return Found(named)
        if key.isdecimal() and int(key) < len(found.order) == own.count:
            return Found((found.order[int(key)],))
        return Found(lost=(f"one of {', '.join(found.addresses)}",))

    def _reference(self, reference: str, calls: Calls, depth: int) -> Found:
        root = reference.partition(".")[0]
        if root == "var":
            return self._variable(re.split(r"[.\[]", reference.removeprefix("var."))[0], calls, depth)
        if root == "module":
            return self._output(reference, calls, depth)
        if root == "local":
            return self._local(reference, calls)
        if root in _ROOTS:
            return Found()
        match = RESOURCE.fullmatch(reference)
        if match is None:
            return Found(lost=(reference,))
        prefix = "".join(f"module.{name}{index}." for name, index in calls)
        stem = f"{prefix}{match[1] or ''}{match[2]}.{match[3]}"
        found = tuple(self._stems.get(stem, ()))
        if match[4]:
            found = tuple(each for each in found if each == stem + match[4])
        if not found and self._is_written(f"{match[1] or ''}{match[2]}.{match[3]}", calls):
            return Found()  # it is there, but none of it is made: count is 0, or no key is given
        return Found(found, order=found[:1]) if found else Found(lost=(reference,))

    def _is_written(self, address: str, calls: Calls) -> bool:
        return address in self._resources_of(calls)

    def _variable(self, name: str, calls: Calls, depth: int) -> Found:
        if not calls:
            value = mapping(mapping(self.tree.get("variables")).get(name)).get("value")
            return Found(literals=tuple(texts_in(value))) if value is not None else Found(lost=(f"var.{name}",))
        outer, (call, index) = calls[:-1], calls[-1]
        written = mapping(mapping(self._module(outer).get("module_calls")).get(call))
        given = mapping(written.get("expressions")).get(name)
        if given is not None:
            repeated = written.get("for_each_expression") or written.get("count_expression")
            return self._expression(given, outer, Own(index, len(self._ways(outer, call, ""))), repeated, depth)
        default = mapping(mapping(self._module(calls).get("variables")).get(name)).get("default")
        return Found(literals=tuple(texts_in(default)))

    def _output(self, reference: str, calls: Calls, depth: int) -> Found:
        match = MODULE.match(reference)
        if match is None:
            return Found(lost=(reference,))
        output = re.split(r"[.\[]", reference[match.end() :])[0]
        written = mapping(mapping(self._module(calls).get("module_calls")).get(match[1]))
        expression = mapping(mapping(mapping(written.get("module")).get("outputs")).get(output)).get("expression")
        if not output:  # of module.sg[each.key].id nothing but the module's name is left
            groups = [each for way in self._ways(calls, match[1], match[2]) for each in self._groups_in(way)]
            return Found(tuple(groups)) if groups else Found(lost=(reference,))
        if expression is None:
            return Found(lost=(reference,))
        found = Found()
        for way in self._ways(calls, match[1], match[2]):
            found += self._expression(expression, way, Own(), None, depth)
        return found

    def _ways(self, calls: Calls, name: str, index: str) -> list[Calls]:
        """Return the ways to the instances of a module call; all of them where no index is given."""
        if index:
            return [(*calls, (name, index))]
        ways = {each[: len(calls) + 1]: None for each in self._modules if each[: len(calls)] == calls}
        return [way for way in ways if len(way) > len(calls) and way[-1][0] == name] or [(*calls, (name, ""))]

    def _local(self, reference: str, calls: Calls) -> Found:
        """Follow a local value, which the document leaves out, as far as it can only mean one group."""
        groups = self._groups_in(calls)
        return Found(groups) if len(groups) == 1 else Found(lost=(reference,))

    def _groups_in(self, calls: Calls) -> tuple[str, ...]:
        """Return the addresses of a module's own security groups."""
        every = (self.resources[each] for each in self._modules.get(calls, ()))
        return tuple(each.address for each in every if each.kind == "aws_security_group" and not each.data)
