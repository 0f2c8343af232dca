"""
What templates that are imported together export to each other: ``Outputs`` with an ``Export``.

Source:
    CloudFormation User Guide, "Fn::ImportValue", "Outputs".
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from netlab.formats.cloudformation_values import Values
from netlab.formats.cloudformation_words import Attribute, Unresolved
from netlab.formats.import_words import mapping, text_of


@dataclass(slots=True)
class Exports:
    """Exported values by name: the file of the template, its values, and what it writes there."""

    _offers: dict[str, list[tuple[str, Values, object]]] = field(default_factory=dict)

    def add(self, file: str, values: Values) -> None:
        """Add what a template exports; an output whose condition does not hold is not there."""
        for output in map(mapping, values.section("Outputs").values()):
            name = values.resolve(mapping(output.get("Export")).get("Name"))
            condition = text_of(output.get("Condition"))
            holds = values.condition(condition) if condition else True
            if isinstance(name, str) and holds is not False:
                written = holds if isinstance(holds, Unresolved) else output.get("Value")
                self._offers.setdefault(name, []).append((file, values, written))

    def value(self, name: str) -> object:
        """Return what a template exports under a name; None = none does."""
        offers = self._offers.get(name, [])
        if len(offers) > 1:
            files = " and ".join(file for file, *_ in offers)
            return Unresolved(f"export {name} is one of {files}; give it with --parameter {name}=VALUE")
        for file, values, written in offers:
            self._offers[name] = [(file, values, Unresolved(f"export {name} refers to itself"))]
            found = values.resolve(written)
            self._offers[name] = offers
            return Unresolved(f"export {name} of {file} has no value") if found is None else _of_file(found, file)
        return None


def _of_file(value: object, file: str) -> object:
    """Return a value with the file of the template whose attributes it names."""
    match value:
        case Attribute():
            return replace(value, file=value.file or file)
        case Unresolved():
            return replace(value, parts=tuple(_of_file(part, file) for part in value.parts))
        case _:
            return value
