"""
The values that stand in a Terraform document: constants, variables, and what for_each and count make of them.

The document keeps a reference, not what is done to it: ``var.ports`` may stand for ``sort(var.ports)``. So a value that
is no constant is to be noted as a guess by whoever takes it as it stands.
"""

from __future__ import annotations

import re

from netlab.formats.import_words import items, mapping, text_of
from netlab.formats.terraform_plan import Plan
from netlab.formats.terraform_references import MOST_DEPTH, Calls, Known, Scope, key_of_index, longest, step_into

OWN = re.compile(r"(each\.key|each\.value|count\.index)(.*)")
VARIABLE = re.compile(r"var\.([A-Za-z0-9_-]+)(.*)")


def known_value(plan: Plan, expression: object, scope: Scope, depth: int = 0) -> Known | None:
    """Return the value of a constant, or of the one value of the document that an expression refers to."""
    data = mapping(expression)
    if "constant_value" in data:
        return Known(data["constant_value"])
    references = longest([text_of(each) for each in items(data.get("references"))])
    return value_at(plan, references[0], scope, depth + 1) if len(references) == 1 else None


def value_at(plan: Plan, reference: str, scope: Scope, depth: int = 0) -> Known | None:
    """Return the value that a reference leads to; None where it does not stand in the document."""
    if depth > MOST_DEPTH:
        return None
    if match := VARIABLE.fullmatch(reference):
        whole = value_of_variable(plan, match[1], scope.module, depth)
        return None if whole is None else step_into(whole.value, match[2])
    match = OWN.fullmatch(reference)
    if match is None or not scope.index:
        return None
    key = key_of_index(scope.index)
    if match[1] != "each.value":
        return Known(key)
    through = known_value(plan, scope.repeated, Scope(scope.module), depth)
    if through is None:
        return None
    if isinstance(through.value, dict) and key in through.value:
        return step_into(through.value[key], match[2])
    is_member = isinstance(through.value, list) and key in map(text_of, through.value)
    return Known(key) if is_member and not match[2] else None


def value_of_variable(plan: Plan, name: str, calls: Calls, depth: int = 0) -> Known | None:
    """Return the value of a variable of a module; None where it comes of other things."""
    if not calls:
        variables = mapping(plan.tree.get("variables"))
        return Known(mapping(variables[name]).get("value")) if name in variables else None
    given = mapping(plan.call(calls[:-1], calls[-1][0]).get("expressions"))
    if name in given:
        return known_value(plan, given[name], plan.call_scope(calls), depth)
    return Known(mapping(mapping(plan.module(calls).get("variables")).get(name)).get("default"))
