"""
What `terraform show -json` prints: its resources, and what the configuration writes of them.

What resources mean is not known here; expressions are followed in terraform_follow.py.

Source:
    Terraform, "JSON Output Format" (format_version 1.x), and what `terraform show -json` prints.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from netlab.formats.import_words import items, mapping, text_of
from netlab.formats.terraform_references import RESOURCE, Calls, Scope, leaves_out, split_modules
from netlab.formats.yaml_reader import Path


@dataclass(frozen=True, slots=True)
class Resource:
    """
    One instance of a resource.

    Attributes:
        address: With module and index: ``module.app.aws_instance.web[0]``.
        path: The way to it in the document.
        values: What is known of it; in a plan without what is known only after apply.
        unknown: ``after_unknown`` of a plan; None = the document does not say what is known only after apply.
    """

    address: str
    kind: str
    name: str
    module: Calls
    index: str
    path: Path
    values: dict[str, object]
    unknown: dict[str, object] | None
    data: bool = False

    @property
    def block(self) -> str:
        """The address without index: of what the configuration writes once, for all instances."""
        return self.address.removesuffix(self.index)


@dataclass(slots=True)
class Plan:
    """The document, its resources by address, in its order."""

    tree: dict[str, object]
    resources: dict[str, Resource] = field(default_factory=dict)
    _stems: dict[str, list[str]] = field(default_factory=dict)  # addresses by those without index
    _modules: dict[Calls, list[str]] = field(default_factory=dict)  # addresses by module
    _ways: dict[tuple[Calls, str], list[Calls]] = field(default_factory=dict)  # modules by the call that makes them
    _written: dict[tuple[str, ...], dict[str, object]] = field(default_factory=dict)
    _configured: dict[tuple[str, ...], dict[str, dict[str, object]]] = field(default_factory=dict)
    _own: dict[tuple[Calls, str, str, bool], dict[str, object]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        unknown: dict[str, dict[str, object]] = {}
        for change in map(mapping, items(self.tree.get("resource_changes"))):
            what = mapping(change.get("change"))
            if "after_unknown" in what:
                unknown[text_of(change.get("address"))] = mapping(what["after_unknown"])
        for top in (("planned_values",), ("values",), ("prior_state", "values")):
            module: dict[str, object] = self.tree
            for key in (*top, "root_module"):
                module = mapping(module.get(key))
            self._collect(module, (*top, "root_module"), unknown, only_data=len(top) > 1)
        for each in list(self.resources.values()):
            if each.unknown is not None and leaves_out(self.expressions(each), each.values, each.unknown):
                self.resources[each.address] = replace(each, unknown=None)
            self._stems.setdefault(each.block, []).append(each.address)
            self._modules.setdefault(each.module, []).append(each.address)
        ways = {calls[: at + 1]: None for calls in self._modules for at in range(len(calls))}
        for way in ways:
            self._ways.setdefault((way[:-1], way[-1][0]), []).append(way)

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
                unknown.get(address),
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

    def instances(self, stem: str) -> list[str]:
        """Return the addresses of a resource's instances by its own address, which has modules but no index."""
        return self._stems.get(stem, [])

    def groups_in(self, calls: Calls) -> tuple[str, ...]:
        """Return the addresses of a module's own security groups."""
        every = (self.resources[each] for each in self._modules.get(calls, ()))
        return tuple(each.address for each in every if each.kind == "aws_security_group" and not each.data)

    def ways(self, calls: Calls, name: str) -> list[Calls]:
        """Return the ways to the instances of a module call in a module."""
        return self._ways.get((calls, name)) or [(*calls, (name, ""))]

    def expressions(self, resource: Resource) -> dict[str, object]:
        """Return the configuration's expressions of a resource; empty in a state."""
        return mapping(self._block(resource).get("expressions"))

    def scope(self, resource: Resource) -> Scope:
        """Return where a resource's expressions stand."""
        return Scope(
            resource.module, resource.index, len(self.instances(resource.block)) or 1, _repeated(self._block(resource))
        )

    def call_scope(self, calls: Calls) -> Scope:
        """Return where the arguments of the call that makes a module stand."""
        outer, (name, index) = calls[:-1], calls[-1]
        return Scope(outer, index, len(self.ways(outer, name)), _repeated(self.call(outer, name)))

    def _block(self, resource: Resource) -> dict[str, object]:
        key = (resource.module, resource.kind, resource.name, resource.data)
        if key not in self._own:
            address = f"{'data.' if resource.data else ''}{resource.kind}.{resource.name}"
            self._own[key] = self.blocks(resource.module).get(address, {})
        return self._own[key]

    def blocks(self, calls: Calls) -> dict[str, dict[str, object]]:
        """Return the configuration's resources of a module, by their addresses in it."""
        names = tuple(name for name, _ in calls)
        if names not in self._configured:
            written = map(mapping, items(self.module(calls).get("resources")))
            self._configured[names] = {text_of(each.get("address")): each for each in written}
        return self._configured[names]

    def call(self, calls: Calls, name: str) -> dict[str, object]:
        """Return what the configuration writes of a module call in a module."""
        return mapping(mapping(self.module(calls).get("module_calls")).get(name))

    def module(self, calls: Calls) -> dict[str, object]:
        """Return what the configuration writes of a module."""
        if not calls:
            return mapping(mapping(self.tree.get("configuration")).get("root_module"))
        names = tuple(name for name, _ in calls)
        if names not in self._written:
            self._written[names] = mapping(self.call(calls[:-1], names[-1]).get("module"))
        return self._written[names]


def _repeated(written: dict[str, object]) -> object:
    """Return the for_each or count expression of a resource or call; None where it has none."""
    return written.get("for_each_expression", written.get("count_expression"))
