"""
The rules that stand inside Terraform's aws_security_group and aws_default_security_group.

In a plan a rule's groups may be known only after apply. Terraform then lists the rules without them, and the
configuration says which groups the rules of one direction refer to, all together: where several rules wait for groups
and the configuration does not part them, that is noted and not guessed.
"""

from __future__ import annotations

from collections.abc import Iterator

from netlab.errors import InputError
from netlab.formats.import_found import FoundPeer, FoundRule, GroupKey, ListKey
from netlab.formats.import_words import description_of, items, mapping, parse_cidr, parse_traffic_words, text_of, truth
from netlab.formats.terraform_plan import Resource
from netlab.formats.terraform_references import Found
from netlab.formats.terraform_words import State
from netlab.model.rules import Direction

_GROUPS = "security_groups"


def inline_rules(state: State, resource: Resource) -> Iterator[FoundRule]:
    """Yield a group's own rules."""
    for direction in Direction:
        side = direction.value
        written = state.plan.expressions(resource).get(side)
        listed = items(resource.values.get(side))
        if resource.values.get(side) is None and written is not None:
            listed = list(_constants(written))
            if not listed and resource.unknown.get(side) is True:
                state.tell(resource, f"its {side} rules are known only after apply")
        unknown = items(resource.unknown.get(side))
        waiting = [
            _waits(mapping(each), mapping(unknown[at]) if at < len(unknown) else {}) for at, each in enumerate(listed)
        ]
        for data, waits in zip(map(mapping, listed), waiting, strict=True):
            late = _late_groups(state, resource, written, data, sum(waiting)) if waits else ()
            yield from _rules(state, resource, direction, data, late)


def _constants(written: object) -> Iterator[dict[str, object]]:
    """Yield rules from the configuration alone: blocks with constants, or a constant list."""
    for each in items(written):
        data = mapping(each)
        if "constant_value" in data:
            yield from (mapping(item) for item in items(data["constant_value"]))
        elif "references" not in data:
            yield {key: mapping(value).get("constant_value") for key, value in data.items()}


def _waits(data: dict[str, object], unknown: dict[str, object]) -> bool:
    """Tell whether a rule has groups that are known only after apply."""
    late = unknown.get(_GROUPS)
    if late is True or (isinstance(late, list) and any(each is True for each in late)):
        return True
    if any(each is None for each in items(data.get(_GROUPS))):
        return True
    peers = ("cidr_blocks", "ipv6_cidr_blocks", "prefix_list_ids", _GROUPS)
    return not any(items(data.get(key)) for key in peers) and not truth(data.get("self"), default=False)


def _late_groups(
    state: State, resource: Resource, written: object, data: dict[str, object], waiting: int
) -> tuple[GroupKey, ...]:
    """Return the groups that a rule waits for; where they cannot be told, note it."""
    blocks = [mapping(each) for each in items(written) if not {"references", "constant_value"} & mapping(each).keys()]
    own = [each for each in blocks if _is_block_of(each, data)]
    expression: object = [each.get(_GROUPS) for each in own if each.get(_GROUPS)] if own else written
    found = state.plan.follow(resource, expression) if expression else Found()
    groups = state.groups_of([], Found(found.addresses))
    ports = f"{text_of(data.get('protocol'))} {text_of(data.get('from_port'))}-{text_of(data.get('to_port'))}"
    if groups.found and (own or waiting == 1 or len(groups.found) == 1):
        return groups.found
    among = ", ".join((*found.addresses, *found.lost)) or "nothing that the configuration tells"
    state.tell(resource, f"the groups of a rule on {ports} cannot be told before apply: among {among}")
    return ()


def _is_block_of(block: dict[str, object], data: dict[str, object]) -> bool:
    """Tell whether a rule's constants are those of a block."""
    for key in ("protocol", "from_port", "to_port", "description"):
        constant = mapping(block.get(key)).get("constant_value")
        if constant is not None and text_of(constant) != text_of(data.get(key)):
            return False
    return True


def _rules(
    state: State, resource: Resource, direction: Direction, data: dict[str, object], late: tuple[GroupKey, ...]
) -> Iterator[FoundRule]:
    place = state.place(resource, direction.value)
    description = description_of(data.get("description"))
    try:
        traffic = parse_traffic_words(data.get("protocol"), data.get("from_port"), data.get("to_port"))
        peers = list(_peers(state, resource, data))
    except InputError as error:
        state.facts.wrong(place, str(error))
        return
    for peer in dict.fromkeys((*peers, *late)):
        yield FoundRule(direction, traffic, peer, place, description)


def _peers(state: State, resource: Resource, data: dict[str, object]) -> Iterator[FoundPeer]:
    for key, family in (("cidr_blocks", 4), ("ipv6_cidr_blocks", 6)):
        for each in items(data.get(key)):
            if each is None:
                state.tell(resource, f"an address in {key} is known only after apply")
            else:
                yield parse_cidr(each, family)
    for each in items(data.get("prefix_list_ids")):
        if each is None:
            state.tell(resource, "a prefix list is known only after apply")
        else:
            yield ListKey(text_of(each))
    yield from state.groups_of([text_of(each) for each in items(data.get(_GROUPS)) if each], Found()).found
    if truth(data.get("self"), default=False):
        yield GroupKey(state.key(resource))
