"""
Terraform's addresses and references: where a module or resource is, and what references came to.

What the document holds is not known here; terraform_plan.py follows references through it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from netlab.formats.import_words import mapping

MODULE = re.compile(r"""module\.([A-Za-z0-9_-]+)((?:\["(?:[^"\\]|\\.)*"\]|\[\d+\])?)(?:\.|$)""")
RESOURCE = re.compile(r"""(data\.)?([a-z][a-z0-9_]*)\.([A-Za-z0-9_-]+)((?:\["(?:[^"\\]|\\.)*"\]|\[\d+\])?)(.*)""")

Calls = tuple[tuple[str, str], ...]
"""The way to a module: each call's name, and its index as text (``["a"]``, ``[0]``, or empty)."""


@dataclass(frozen=True, slots=True)
class Found:
    """
    What references came to.

    Attributes:
        addresses: Of resources, in the configuration's order.
        literals: Values that stand in the configuration or its variables.
        lost: References that cannot be followed.
        order: Where each reference led to one resource: all of these, also those that come again.
    """

    addresses: tuple[str, ...] = ()
    literals: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    order: tuple[str, ...] = ()

    def __add__(self, other: Found) -> Found:
        return Found(
            tuple(dict.fromkeys((*self.addresses, *other.addresses))),
            tuple(dict.fromkeys((*self.literals, *other.literals))),
            tuple(dict.fromkeys((*self.lost, *other.lost))),
            (*self.order, *other.order),
        )


@dataclass(frozen=True, slots=True)
class Own:
    """Which of its siblings a resource or module is: its index, and how many of them there are."""

    index: str = ""
    count: int = 1


def split_modules(address: str) -> tuple[Calls, str]:
    """Split a resource's address into the way to its module, and the rest."""
    calls: list[tuple[str, str]] = []
    while match := MODULE.match(address):
        calls.append((match[1], match[2]))
        address = address[match.end() :]
    return tuple(calls), address


def first_reference(expression: object) -> str:
    """Return the first thing that an expression refers to, as messages name it; empty where there is none."""
    return next(texts_in(mapping(expression).get("references")), "")


def longest(references: list[str]) -> list[str]:
    """Return references without those that another one only begins with (``a.b.id`` comes with ``a.b``)."""
    return [
        each
        for each in references
        if not any(other != each and other.startswith((f"{each}.", f"{each}[")) for other in references)
    ]


def texts_in(value: object) -> Iterator[str]:
    """Yield every text in a value."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from texts_in(each)
    elif isinstance(value, str) and value:
        yield value
