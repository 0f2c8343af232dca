"""
The rules that stand inside Terraform's aws_security_group and aws_default_security_group.

In a plan a rule's peers may be known only after apply. Terraform then lists the rules without them, and the
configuration says what the rules of one direction refer to, mostly all together: where several rules wait for groups
and the configuration does not part them, that is noted and not guessed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from netlab.errors import InputError
from netlab.formats.import_found import FoundPeer, FoundRule, GroupKey, ListKey
from netlab.formats.import_words import description_of, items, mapping, parse_cidr, parse_traffic_words, text_of, truth
from netlab.formats.terraform_follow import Aim
from netlab.formats.terraform_groups import group_ids, groups_listed, groups_of, is_new, shown
from netlab.formats.terraform_plan import Resource
from netlab.formats.terraform_references import Found, has_true, plain_texts
from netlab.formats.terraform_values import known_value
from netlab.formats.terraform_words import State
from netlab.model.rules import Direction, Traffic

_GROUPS = "security_groups"
_LISTS = "prefix_list_ids"
_NETWORKS = {"cidr_blocks": 4, "ipv6_cidr_blocks": 6}
_TRAFFIC = {"protocol", "from_port", "to_port"}


@dataclass(frozen=True, slots=True)
class _Side:
    """The rules of one direction of a group, as the configuration writes them."""

    state: State
    resource: Resource
    direction: Direction
    written: object
    waiting: int  # rules whose groups are known only after apply


@dataclass(frozen=True, slots=True)
class _Inline:
    """
    A rule.

    Attributes:
        data: What is known of it.
        late: Which parts are known only after apply.
        block: Its own expressions; empty = it cannot be told which they are.
    """

    data: dict[str, object]
    late: frozenset[str]
    block: dict[str, object] = field(default_factory=dict)


def inline_rules(state: State, resource: Resource) -> Iterator[FoundRule]:
    """Yield a group's own rules."""
    for direction in Direction:
        written = state.plan.expressions(resource).get(direction.value)
        if written is not None and _is_unlisted(state, resource, direction.value):
            listed = list(_from_configuration(state, resource, direction.value, written))
        else:
            listed = list(_listed(resource, direction.value))
        side = _Side(state, resource, direction, written, sum(_GROUPS in each.late for each in listed))
        for each in listed:
            yield from _rules(side, each)


def _is_unlisted(state: State, resource: Resource, side: str) -> bool:
    """Tell whether the document lists no rules because they are known only after apply."""
    return resource.values.get(side) is None and state.is_late(resource, side)


def _listed(resource: Resource, side: str) -> Iterator[_Inline]:
    """Yield the rules that the document lists."""
    rules = [mapping(each) for each in items(resource.values.get(side))]
    unknown = [mapping(each) for each in items((resource.unknown or {}).get(side))]
    if resource.unknown is None or (has_true(unknown) and len(unknown) != len(rules)):
        yield from (_Inline(data, _late_by_absence(data)) for data in rules)
        return
    for at, data in enumerate(rules):
        late = (key for key, part in unknown[at].items() if has_true(part)) if len(unknown) == len(rules) else ()
        yield _Inline(data, frozenset(late))


def _late_by_absence(data: dict[str, object]) -> frozenset[str]:
    """Return the late parts of a rule where the document does not say: those that hold nulls, else its groups."""
    peers = (*_NETWORKS, _LISTS, _GROUPS)
    late = frozenset(key for key in peers if None in items(data.get(key)))
    if late or any(items(data.get(key)) for key in peers) or truth(data.get("self"), default=False):
        return late
    return frozenset({_GROUPS})


def _from_configuration(state: State, resource: Resource, side: str, written: object) -> Iterator[_Inline]:
    """Yield rules from the configuration alone: a constant list, or blocks."""
    found, scope = False, state.plan.scope(resource)
    for each in map(mapping, items(written)):
        if "constant_value" in each:
            found = True
            yield from (_Inline(mapping(item), frozenset()) for item in items(each["constant_value"]))
        elif "references" not in each and each:
            found = True
            known = {key: known_value(state.plan, expression, scope) for key, expression in each.items()}
            if any(known[key] and "constant_value" not in mapping(each[key]) for key in known):
                state.guess(resource, f"what its {side} rules take of variables is taken as it stands there")
            data = {key: value.value for key, value in known.items() if value is not None}
            yield _Inline(data, frozenset(each.keys() - data.keys()), each)
    if not found:
        state.tell(resource, f"its {side} rules are known only after apply")


def _rules(side: _Side, rule: _Inline) -> Iterator[FoundRule]:
    state, resource, data = side.state, side.resource, rule.data
    place = state.place(resource, side.direction.value)
    if rule.late & _TRAFFIC:
        state.tell(resource, f"the ports of a rule of its {side.direction.value} are known only after apply")
        return
    try:
        traffic = parse_traffic_words(data.get("protocol"), data.get("from_port"), data.get("to_port"))
        peers = [*_known_peers(state, resource, data), *_late_peers(side, rule, traffic)]
    except InputError as error:
        state.facts.wrong(place, str(error))
        return
    if not peers and not rule.late:
        state.tell(resource, f"a rule on {traffic} of its {side.direction.value}: it names no peer")
    for peer in dict.fromkeys(peers):
        yield FoundRule(side.direction, traffic, peer, place, description_of(data.get("description")))


def _known_peers(state: State, resource: Resource, data: dict[str, object]) -> Iterator[FoundPeer]:
    for key, family in _NETWORKS.items():
        yield from (parse_cidr(each, family) for each in items(data.get(key)) if each is not None)
    yield from (ListKey(text_of(each)) for each in items(data.get(_LISTS)) if each is not None)
    yield from groups_of(state, [text_of(each) for each in items(data.get(_GROUPS)) if each], Found()).found
    if truth(data.get("self"), default=False):
        yield GroupKey(state.key(resource))


def _late_peers(side: _Side, rule: _Inline, traffic: Traffic) -> Iterator[FoundPeer]:
    """Yield the peers that a rule waits for; where they cannot be told, that is noted."""
    state, resource = side.state, side.resource
    blocks = [mapping(each) for each in items(side.written)]
    own = [each for each in blocks if not {"references", "constant_value"} & each.keys() and _is_block_of(each, rule)]
    block = rule.block or (own[0] if len(own) == 1 else {})
    for name in sorted(rule.late & _NETWORKS.keys()):
        state.tell(resource, f"{name} of a rule on {traffic} is known only after apply")
    if _LISTS in rule.late:
        found = state.lead(resource, block.get(_LISTS))
        if found.lost or not found.addresses:
            state.tell(resource, f"{_LISTS} of a rule on {traffic} is known only after apply")
        yield from (ListKey(state.key_of(each)) for each in found.addresses)
    if _GROUPS not in rule.late:
        return
    together = [each.get(_GROUPS) for each in own] or side.written
    found = state.lead(resource, block.get(_GROUPS, together), Aim.GROUP)
    if _GROUPS in block:
        yield from groups_listed(state, resource, _GROUPS, list(plain_texts(rule.data.get(_GROUPS))), found).found
    else:
        yield from _some_groups(side, found, traffic)


def _some_groups(side: _Side, found: Found, traffic: Traffic) -> tuple[GroupKey, ...]:
    """Return the groups that a rule waits for, of what all rules of its direction refer to together."""
    state, resource = side.state, side.resource
    groups = groups_of(state, [], Found(found.addresses))
    new = tuple(each for each in groups.found if is_new(state, each)) or groups.found
    text = f"the groups of a rule on {traffic} cannot be told before apply"
    if not new or (side.waiting > 1 and (len(new) > 1 or found.lost)):
        among = ", ".join(found.sources) or "nothing that the configuration tells"
        state.tell(resource, f"{text}: among {among}")
        return ()
    unsure = (
        *found.lost,
        *(shown(state, each) for each in groups.found if each not in new),
        *group_ids(found.literals),
    )
    if unsure:
        state.tell(resource, f"{text}: {', '.join(unsure)} may be among them")
    if side.waiting > 1:
        state.guess(
            resource, f"{shown(state, new[0])} is the peer of all {side.direction.value} rules that wait for one"
        )
    state.guesses(resource, f"{side.direction.value} groups", replace(found, switches=()))
    return new


def _is_block_of(block: dict[str, object], rule: _Inline) -> bool:
    """Tell whether a rule's constants are those of a block."""
    for key in ("protocol", "from_port", "to_port", "description"):
        constant = mapping(block.get(key)).get("constant_value")
        if constant is not None and text_of(constant) != text_of(rule.data.get(key)):
            return False
    return True
