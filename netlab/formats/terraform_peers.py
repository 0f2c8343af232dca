"""
The peers of Terraform's rule resources, by ids or, before apply, by references.

aws_vpc_security_group_ingress_rule and …_egress_rule have exactly one peer. aws_security_group_rule may have many
networks and prefix lists; beside networks or ``self`` it can name no group, so a group is not looked for there: the
plan shows source_security_group_id as known only after apply even where it is to stay empty.

Source:
    Terraform AWS provider, the schemas of these resources: ExactlyOneOf, ConflictsWith, Computed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from netlab.formats.import_found import FoundPeer, GroupKey, ListKey
from netlab.formats.import_words import parse_cidr, truth
from netlab.formats.terraform_follow import Aim
from netlab.formats.terraform_groups import Groups, late_group, named_group, shown
from netlab.formats.terraform_plan import Resource
from netlab.formats.terraform_references import Found
from netlab.formats.terraform_words import State


@dataclass(frozen=True, slots=True)
class _Words:
    """What a type of rule calls its peers; ``networks`` with their families."""

    networks: dict[str, int]
    lists: str
    group: str


OLD_RULE = "aws_security_group_rule"
_OLD = _Words({"cidr_blocks": 4, "ipv6_cidr_blocks": 6}, "prefix_list_ids", "source_security_group_id")
_NEW = _Words({"cidr_ipv4": 4, "cidr_ipv6": 6}, "prefix_list_id", "referenced_security_group_id")


def peers_of(state: State, resource: Resource, owner: Groups) -> Iterator[FoundPeer]:
    """Yield the peers of a rule that belongs to *owner*; what cannot be told before apply is noted."""
    old = resource.kind == OLD_RULE
    words = _OLD if old else _NEW
    known = list(_known(state, resource, words, owner))
    yield from known
    if known and not old:
        return
    late = _late(state, resource, words)
    if len(late) > 1 and not old:
        state.tell(resource, f"which of {' and '.join(late)} its peer is cannot be told before apply")
        return
    networks = [name for name in late if name in words.networks]
    if networks or any(not isinstance(each, ListKey) for each in known):
        late.pop(words.group, None)
    for name in networks:
        yield from _networks(state, resource, name, words.networks[name])
    if words.lists in late:
        yield from _late_lists(state, resource, words.lists, late[words.lists])
    if words.group not in late:
        return
    if known or words.lists in late:
        among = ", ".join(late[words.group].sources)
        state.tell(resource, f"whether it names {among} beside a prefix list cannot be told before apply")
        return
    yield from _late_group(state, resource, words.group, owner, late[words.group])


def may_have_peer(state: State, resource: Resource) -> bool:
    """Tell whether a peer of a rule is written that is known only after apply."""
    words = _OLD if resource.kind == OLD_RULE else _NEW
    written = state.plan.expressions(resource)
    return any(
        each in written and state.is_late(resource, each) for each in (*words.networks, words.lists, words.group)
    )


def _known(state: State, resource: Resource, words: _Words, owner: Groups) -> Iterator[FoundPeer]:
    for name, family in words.networks.items():
        for each in state.texts(resource, name):
            yield parse_cidr(each, family)
    yield from map(ListKey, state.texts(resource, words.lists))
    if truth(resource.values.get("self"), default=False):
        yield GroupKey(owner.found[0].key)
    yield from (named_group(state, each) for each in state.texts(resource, words.group))


def _late(state: State, resource: Resource, words: _Words) -> dict[str, Found]:
    """Return the attributes that are written, and known only after apply, with what their references lead to."""
    written = state.plan.expressions(resource)
    names = (name for name in (*words.networks, words.lists, words.group) if name in written)
    found = {name: state.follow(resource, name, Aim.GROUP) for name in names}
    silent = resource.unknown is None
    return {name: each for name, each in found.items() if each.sources or (silent and each.literals)}


def _networks(state: State, resource: Resource, name: str, family: int) -> Iterator[FoundPeer]:
    """Yield the networks that the configuration gives where the document does not say what is unknown."""
    literals = state.literals(resource, name)
    for each in literals:
        yield parse_cidr(each, family)
    if not literals:
        sources = ", ".join(state.follow(resource, name).sources) or "what the plan does not tell"
        state.tell(resource, f"{name} comes from {sources} and is known only after apply")


def _late_lists(state: State, resource: Resource, name: str, found: Found) -> Iterator[FoundPeer]:
    several = name == _NEW.lists and len(found.sources) > 1
    for reference in found.sources if several else found.lost:
        state.tell(resource, f"{name} refers to {reference}, which cannot be followed")
    if not several:
        yield from (ListKey(each) for each in state.literals(resource, name) if each.startswith("pl-"))
        yield from (ListKey(state.key_of(each)) for each in found.addresses)


def _late_group(state: State, resource: Resource, name: str, owner: Groups, found: Found) -> Iterator[FoundPeer]:
    groups = late_group(state, resource, name, found)
    if groups.found == owner.found and {*groups.guesses} & {*owner.guesses}:
        state.tell(resource, f"{name} refers to {shown(state, groups.found[0])} or a sibling: which cannot be told")
        return
    for each in groups.guesses:
        state.guess(resource, f"{name}: {each}")
    yield from groups.found
