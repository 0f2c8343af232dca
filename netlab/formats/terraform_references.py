"""
Terraform's addresses and references: where a module or resource is, and what references came to.

What the document holds is not known here; terraform_follow.py follows references through it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest

from netlab.formats.import_words import items, mapping, text_of

MODULE = re.compile(r"""module\.([A-Za-z0-9_-]+)((?:\["(?:[^"\\]|\\.)*"\]|\[\d+\])?)(?:\.|$)""")
RESOURCE = re.compile(r"""(data\.)?([a-z][a-z0-9_]*)\.([A-Za-z0-9_-]+)((?:\["(?:[^"\\]|\\.)*"\]|\[\d+\])?)(.*)""")
GROUP_KINDS = ("aws_security_group", "aws_default_security_group")
DEFAULT_GROUP = ".default_security_group_id"
"""What stands behind a VPC's address where its default group is meant."""

MOST_DEPTH = 30
"""So many references after each other are followed."""

_STEP = re.compile(r"""\.([A-Za-z0-9_-]+)|\["((?:[^"\\]|\\.)*)"\]|\[(\d+)\]""")

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
        guesses: What was taken to be so though the document does not say it.
        switches: Variables beside the addresses that may choose among them.
    """

    addresses: tuple[str, ...] = ()
    literals: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    order: tuple[str, ...] = ()
    guesses: tuple[str, ...] = ()
    switches: tuple[str, ...] = ()

    def __add__(self, other: Found) -> Found:
        if self == _NOTHING:
            return other
        return Found(
            tuple(dict.fromkeys((*self.addresses, *other.addresses))),
            tuple(dict.fromkeys((*self.literals, *other.literals))),
            tuple(dict.fromkeys((*self.lost, *other.lost))),
            (*self.order, *other.order),
            tuple(dict.fromkeys((*self.guesses, *other.guesses))),
            tuple(dict.fromkeys((*self.switches, *other.switches))),
        )

    @property
    def sources(self) -> tuple[str, ...]:
        """What the references lead to, and those that lead nowhere."""
        return (*self.addresses, *self.lost)


_NOTHING = Found()


@dataclass(frozen=True, slots=True)
class Scope:
    """
    Where an expression stands.

    Attributes:
        module: The module in which it is written.
        index: That of the resource or module call it is written for; empty = it has none.
        count: How many siblings have an index there, itself among them.
        repeated: The for_each or count expression that makes them; None = there is none.
    """

    module: Calls = ()
    index: str = ""
    count: int = 1
    repeated: object = None


@dataclass(frozen=True, slots=True)
class Known:
    """A value that stands in the document, which may be None."""

    value: object


def split_modules(address: str) -> tuple[Calls, str]:
    """Split a resource's address into the way to its module, and the rest."""
    calls: list[tuple[str, str]] = []
    while match := MODULE.match(address):
        calls.append((match[1], match[2]))
        address = address[match.end() :]
    return tuple(calls), address


def first_reference(expression: object) -> str:
    """Return the first thing that an expression refers to, as messages name it; empty where there is none."""
    return next(plain_texts(mapping(expression).get("references")), "")


def key_of_index(index: str) -> str:
    """Return the key in an index: ``a`` of ``["a"]``, ``0`` of ``[0]``."""
    return index.strip("[]").removeprefix('"').removesuffix('"')


def at_key(addresses: tuple[str, ...], key: str) -> tuple[str, ...]:
    """Return the one address whose own index, or else that of a module around it, is a key; empty = not one alone."""
    every = {each: _keys(each) for each in addresses}
    for level in range(max(map(len, every.values()), default=0)):
        same = tuple(each for each, keys in every.items() if keys[level : level + 1] == [key])
        if len(same) == 1:
            return same
    return ()


def _keys(address: str) -> list[str]:
    """Return the keys of a resource and of the modules it is in, from inside."""
    calls, rest = split_modules(address)
    match = RESOURCE.fullmatch(rest)
    return [key_of_index(match[4] if match else ""), *(key_of_index(index) for _, index in reversed(calls))]


def longest(references: list[str]) -> list[str]:
    """Return references without those that another one only begins with (``a.b.id`` comes with ``a.b``)."""
    return [
        each
        for each in references
        if not any(other != each and other.startswith((f"{each}.", f"{each}[")) for other in references)
    ]


def step_into(value: object, steps: str) -> Known | None:
    """Return what stands in a value at ``.name``, ``["name"]`` and ``[0]``; None where nothing stands there."""
    at = 0
    while at < len(steps):
        match = _STEP.match(steps, at)
        if match is None:
            return None
        name = match[1] or match[2] or ""
        if isinstance(value, dict) and name in value:
            value = value[name]
        elif isinstance(value, list) and match[3] and int(match[3]) < len(value):
            value = value[int(match[3])]
        else:
            return None
        at = match.end()
    return Known(value)


def plain_texts(value: object) -> Iterator[str]:
    """Yield a text, or the texts of a list; what is built of several things has none."""
    yield from (text for each in items(value) if (text := text_of(each)))


def leaves_out(written: dict[str, object], values: dict[str, object], unknown: dict[str, object]) -> bool:
    """
    Tell whether an attribute that refers to something is neither known nor said to be unknown, also within blocks.

    Terraform writes a known null as one, so that its plans leave out nothing; those that were made otherwise, or cut
    down, do not say what is known only after apply.
    """
    for name, expression in written.items():
        if name not in values:
            if name not in unknown and refers(expression):
                return True
        elif unknown.get(name) is not True:
            blocks = zip_longest(items(expression), items(values[name]), items(unknown.get(name)))
            for block, value, late in blocks:
                if isinstance(value, dict) and leaves_out(_block(block), value, mapping(late)):
                    return True
    return False


def _block(expression: object) -> dict[str, object]:
    """Return the attributes that a block writes; of an expression there are none."""
    written = mapping(expression)
    return {} if {"references", "constant_value"} & written.keys() else written


def refers(expression: object) -> bool:
    """Tell whether an expression of the configuration, or a block, refers to something."""
    if isinstance(expression, list):
        return any(map(refers, expression))
    written = mapping(expression)
    return bool(written.get("references")) or any(map(refers, written.values()))


def has_true(value: object) -> bool:
    """Tell whether something in *value*, an ``after_unknown``, is known only after apply."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return any(has_true(each) for each in value)
    return value is True
