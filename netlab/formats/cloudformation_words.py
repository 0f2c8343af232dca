"""
What a value of a CloudFormation template may be beside text, truth, lists and mappings: what is known only after
deployment, and what cannot be known at all.
"""

from __future__ import annotations

from dataclasses import dataclass

from netlab.formats.import_words import text_of


@dataclass(frozen=True, slots=True)
class Attribute:
    """
    An attribute of a resource; ``Ref`` for the resource itself.

    Attributes:
        file: The template that exports it; empty = the one that names it.
    """

    resource: str
    name: str
    file: str = ""

    @property
    def parameter(self) -> str:
        """By which name a user may give its value."""
        return self.resource if self.name == "Ref" else f"{self.resource}.{self.name}"


@dataclass(frozen=True, slots=True)
class Unresolved:
    """
    A value that cannot be known: why, and what the template calls it (empty = nothing).

    Attributes:
        parts: What it is joined of by *delimiter*; each may be known by itself. Empty = it is not joined.
    """

    reason: str
    name: str = ""
    parts: tuple[object, ...] = ()
    delimiter: str = ""


@dataclass(frozen=True, slots=True)
class Blank:
    """The empty text of a parameter: empty text where that will do, a parameter to name where it will not."""

    parameter: str

    def __bool__(self) -> bool:
        return False


def joined(delimiter: str, parts: list[object], unchanged: str) -> object:
    """Join parts into a text; what is known only after deployment stays alone, or spoils the whole."""
    if len(parts) == 1:
        return parts[0].replace("${!", "${") if isinstance(parts[0], str) else parts[0]
    unknown = next((part for part in parts if isinstance(part, Unresolved)), None)
    late = next((part for part in parts if isinstance(part, Attribute)), None)
    if unknown is not None or late is not None:
        reason = unresolved(unknown or late)
        return Unresolved(reason, delimiter.join(map(name_of, parts)), tuple(parts), delimiter)
    return delimiter.join(map(text_of, parts)).replace("${!", "${") if parts else unchanged


def name_of(value: object) -> str:
    """Return what a value is called, as part of the name of what is made of it."""
    match value:
        case Unresolved(name=name):
            return name
        case Attribute() | Blank():
            return value.parameter
        case _:
            return text_of(value)


def unresolved(value: object) -> str:
    """Return why a value cannot be used as text; empty where it can."""
    match value:
        case Unresolved(reason):
            return reason
        case Attribute():
            return f"{value.parameter} is known only after deployment; {_give(value.parameter)}"
        case Blank(parameter):
            return f"parameter {parameter} is empty; {_give(parameter)}"
        case _:
            return ""


def without_default(parameter: str) -> Unresolved:
    """Return the value of a parameter that has none."""
    return Unresolved(f"parameter {parameter} has no default; {_give(parameter)}", parameter)


def of_another_stack(export: str) -> Unresolved:
    """Return the value of an export."""
    return Unresolved(f"export {export} is of another stack; {_give(export)}", export)


def held_elsewhere(parameter: str, path: str) -> Unresolved:
    """Return the value of a parameter that Systems Manager holds, under a path."""
    return Unresolved(f"parameter {parameter} is what {path} of Systems Manager holds; {_give(parameter)}", parameter)


def dynamic(reference: str) -> Unresolved:
    """Return the value of a dynamic reference."""
    return Unresolved(f"{reference} is known to AWS alone; {_give(reference)}", reference)


def _give(name: str) -> str:
    return f"give it with --parameter {name}=VALUE"
