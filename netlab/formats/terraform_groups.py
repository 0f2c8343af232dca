"""The security groups that attributes of Terraform's resources name, by ids or, before apply, by references."""

from __future__ import annotations

from dataclasses import dataclass, replace

from netlab.formats.import_found import DEFAULT_OF_VPC, GroupKey
from netlab.formats.import_words import text_of
from netlab.formats.terraform_follow import Aim
from netlab.formats.terraform_plan import Resource
from netlab.formats.terraform_references import DEFAULT_GROUP, GROUP_KINDS, Found
from netlab.formats.terraform_words import State


@dataclass(frozen=True, slots=True)
class Groups:
    """The groups that an attribute names, the references that cannot be followed, and what was guessed."""

    found: tuple[GroupKey, ...] = ()
    lost: tuple[str, ...] = ()
    guesses: tuple[str, ...] = ()


def group_of(state: State, resource: Resource, name: str, aim: Aim = Aim.GROUP) -> Groups:
    """Return the one group that an attribute names; where that cannot be told, it is noted."""
    known = state.texts(resource, name)
    if known:
        return Groups((named_group(state, known[0]),))
    return late_group(state, resource, name, state.follow(resource, name, aim))


def late_group(state: State, resource: Resource, name: str, found: Found) -> Groups:
    """
    Return the one group that an attribute's references lead to; where that cannot be told, it is noted.

    Where the document says what is known only after apply, that is none of the groups whose ids are known.
    """
    groups = groups_of(state, state.literals(resource, name), replace(found, literals=()))
    if resource.unknown is not None:
        new = tuple(each for each in groups.found if is_new(state, each))
        if groups.found and not new:
            state.tell(resource, f"{name} is known only after apply, though it refers to {groups.found[0].key}")
        groups = replace(groups, found=new)
    for reference in groups.lost:
        state.cannot(resource, name, reference)
    if len(groups.found) > 1:
        among = ", ".join(shown(state, each) for each in groups.found)
        state.tell(resource, f"{name} refers to {among}: which of them cannot be told before apply")
    if groups.lost or len(groups.found) > 1:
        return Groups()
    return groups


def groups_listed(state: State, resource: Resource, name: str, ids: list[str], found: Found) -> Groups:
    """Return the groups of a list of them, the known *ids* among them; what cannot be told is noted."""
    given = group_ids(found.literals)
    if ids:  # a list that is partly known shows all that is known of it
        found = replace(found, literals=())
    elif given:
        state.guess(resource, f"{name}: {', '.join(given)} of the configuration is taken to be among them")
    state.guesses(resource, name, found)
    groups = groups_of(state, ids, found)
    for reference in groups.lost:
        state.cannot(resource, name, reference)
    return groups


def groups_of(state: State, ids: list[str], found: Found) -> Groups:
    """Return the security groups of known ids and of followed references."""
    keys = [named_group(state, each) for each in (*ids, *group_ids(found.literals))]
    lost = list(found.lost)
    for address in found.addresses:
        key = _group_at(state, address)
        if key is None:
            lost.append(address)
        else:
            keys.append(key)
    return Groups(tuple(dict.fromkeys(keys)), tuple(lost), found.guesses)


def shown(state: State, group: GroupKey) -> str:
    """Return how messages call a group: its id, or its address before apply."""
    return group.key.removeprefix(f"{state.file}#")


def is_new(state: State, group: GroupKey) -> bool:
    """Tell whether a group's id is known only after apply."""
    return group.key == DEFAULT_OF_VPC or group.key.startswith(f"{state.file}#")


def named_group(state: State, text: str) -> GroupKey:
    """Return the group of an id, which may have an account before it, or be that of a VPC's default group."""
    account, slash, key = text.rpartition("/")
    if key in state.default_groups:
        return GroupKey(DEFAULT_OF_VPC)
    return GroupKey(key, f"of account {account}" if slash else "", outside=key.startswith("sg-"))


def _group_at(state: State, address: str) -> GroupKey | None:
    """Return the group that a resource is, or that comes with it; None where neither is so."""
    resource = state.plan.resources.get(address.removesuffix(DEFAULT_GROUP))
    if resource is None or (resource.data and not resource.values.get("id")):
        return None
    if address.endswith(DEFAULT_GROUP):
        return GroupKey(text_of(resource.values.get("default_security_group_id")) or DEFAULT_OF_VPC)
    return GroupKey(state.key(resource), outside=resource.data) if resource.kind in GROUP_KINDS else None


def group_ids(texts: tuple[str, ...]) -> list[str]:
    """Return the texts that are ids of groups, also with an account before them."""
    return [each for each in texts if each.rpartition("/")[2].startswith("sg-")]
