"""Rule ids that netlab makes up, where neither AWS nor the user gave one."""

from __future__ import annotations

import re
from collections.abc import Collection

from netlab.model.rules import Direction
from netlab.model.topology import Lab

MAX_LENGTH = 40


def made_up_id(group: str, direction: Direction, number: int, taken: Collection[str]) -> str:
    """Return ``web-in-2`` for the second ingress rule of ``web``, or the next number that is free."""
    word = "in" if direction is Direction.INGRESS else "out"
    while True:
        suffix = f"-{word}-{number}"
        candidate = group[: MAX_LENGTH - len(suffix)] + suffix
        if candidate not in taken:
            return candidate
        number += 1


def rule_ids(lab: Lab) -> set[str]:
    """Return every rule id of a lab."""
    return {rule.id for group in lab.groups.values() for rule in (*group.ingress, *group.egress) if rule.id}


def is_rule_id(text: str) -> bool:
    """Tell whether *text* can be a rule's id."""
    return re.fullmatch(rf"[A-Za-z0-9._-]{{1,{MAX_LENGTH}}}", text) is not None
