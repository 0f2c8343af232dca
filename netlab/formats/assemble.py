"""
Facts to a Lab: which VPC is meant, the groups, lists and rules under names that a lab takes.

The ground (networks) is laid in assemble_ground.py, nodes are put on it in assemble_nodes.py. A lab has one VPC; what
is of another is noted. What AWS fills in (rule ids, addresses) is left to `control.completed`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from ipaddress import IPv4Network

from netlab.errors import LabFileError
from netlab.formats.assemble_facts import join_facts
from netlab.formats.assemble_ground import lay_ground
from netlab.formats.assemble_land import Land
from netlab.formats.assemble_nodes import put_nodes
from netlab.formats.import_facts import Facts
from netlab.formats.import_found import DEFAULT_OF_VPC, FoundGroup, FoundList, FoundRule, GroupKey, ListKey
from netlab.formats.import_words import Names, plain_name
from netlab.formats.words import is_group_id, is_kept_for_ids
from netlab.model.addresses import Cidr
from netlab.model.rules import Direction, GroupRef, Peer, PrefixList, PrefixListRef, Rule, SecurityGroup
from netlab.model.topology import DEFAULT_GROUP, Lab


@dataclass(slots=True)
class Keys:
    """Under which name a lab has the groups and prefix lists of files, by key."""

    groups: dict[str, str] = field(default_factory=dict)
    lists: dict[str, str] = field(default_factory=dict)

    def group(self, key: str) -> str | None:
        """Return a group's name; None where the lab does not have it."""
        return DEFAULT_GROUP if key == DEFAULT_OF_VPC else self.groups.get(key)


def assemble(facts: Facts, name: str, *, furnish: bool, cidr: IPv4Network | None = None) -> tuple[Lab, Land]:
    """
    Make a lab of what was read.

    Args:
        furnish: Give every group without an interface an instance, and the lab a host on the internet.
        cidr: The VPC's network where the files do not give it.

    Returns:
        The lab, and the ground it stands on.

    Raises:
        LabFileError: The files hold mistakes; all of them are in it.
    """
    join_facts(facts)
    vpc = chosen_vpc(facts)
    groups = _groups_of(facts, vpc)
    keys = _names(facts, groups)
    rules = {group.key: _rules(facts, keys, group) for group in groups}
    spare = len(_uncarried(facts, keys, vpc)) if furnish else None
    land = lay_ground(facts, vpc, _peers(rules), spare, cidr)
    instances, hosts = put_nodes(facts, land, keys.group, tuple(dict.fromkeys(keys.groups.values())), furnish=furnish)
    _check_ids(facts, groups)
    if facts.mistakes:
        raise LabFileError(tuple(dict.fromkeys(facts.mistakes)))
    found_lists = {keys.lists[key]: found for key, found in _known_lists(facts).items()}
    land.places |= {("prefix_lists", name): found.place for name, found in found_lists.items()}
    land.places |= {("groups", keys.groups[group.key]): group.place for group in reversed(groups)}
    lab = Lab(
        name=name,
        vpc=land.vpc,
        subnets=land.subnets,
        groups={keys.groups[group.key]: _group(keys, group, rules[group.key]) for group in groups},
        prefix_lists={name: _prefix_list(name, found) for name, found in found_lists.items()},
        acls=land.acls,
        nat_gateways=land.nats,
        instances=instances,
        hosts=hosts,
    )
    return lab, land


def _uncarried(facts: Facts, keys: Keys, vpc: str) -> set[str]:
    """Return the names of groups that no interface of the lab has."""
    carried = {
        keys.group(each.key)
        for node in facts.nodes.values()
        for interface in node.interfaces.values()
        for each in interface.groups
        if not vpc or interface.vpc in {"", vpc}
    }
    return {*keys.groups.values()} - {each for each in carried if each is not None}


def _check_ids(facts: Facts, groups: list[FoundGroup]) -> None:
    first: dict[str, FoundRule] = {}
    for rule in (rule for group in groups for rule in group.rules if rule.id):
        other = first.setdefault(rule.id, rule)
        if other.place != rule.place:
            facts.wrong(rule.place, f"'{rule.id}' is the id of the rule at {other.place.says('')} already")


def chosen_vpc(facts: Facts) -> str:
    """Return the key of the VPC that most interfaces are in, else most groups, else any; empty = none is known."""
    for counted in (
        Counter(each.vpc for node in facts.nodes.values() for each in node.interfaces.values()),
        Counter(group.vpc for group in facts.groups.values()),
        Counter(subnet.vpc for subnet in facts.subnets.values()),
        Counter(facts.vpcs),
    ):
        for other in {"", *facts.unknown} - facts.guessed.keys():
            del counted[other]
        if counted:
            return counted.most_common(1)[0][0]
    return ""


def _groups_of(facts: Facts, vpc: str) -> list[FoundGroup]:
    """Return the groups of the VPC; one that two files have under different keys once."""
    inside = []
    by_name: dict[str, FoundGroup] = {}
    for group in facts.groups.values():
        if vpc and group.vpc not in {"", vpc}:
            called = f"{facts.called(group.vpc)}; a lab has one VPC, here {facts.called(vpc)}"
            facts.note(group.place, f"group {group.name} is of {called}")
            continue
        other = by_name.setdefault(group.name, group)
        if other.place.file != group.place.file and _outline(facts, other) != _outline(facts, group):
            facts.wrong(group.place, f"defines group {group.name} otherwise than {other.place.file} does")
        inside.append(group)
    return inside


def _outline(facts: Facts, group: FoundGroup) -> Counter[object]:
    """Return a group's rules with the names of its peers, which two files may know by different keys."""
    return Counter(
        (rule.direction, rule.traffic, _peer_name(facts, rule.peer) if isinstance(rule.peer, GroupKey) else rule.peer)
        for rule in group.rules
    )


def _peer_name(facts: Facts, peer: GroupKey) -> str:
    return facts.groups[peer.key].name if peer.key in facts.groups else peer.key


def _names(facts: Facts, groups: list[FoundGroup]) -> Keys:
    """Give names: groups and prefix lists share one name space."""
    keys = Keys()
    names = Names(() if any(group.name == DEFAULT_GROUP for group in groups) else (DEFAULT_GROUP,))
    first: dict[str, FoundGroup] = {}
    for group in groups:
        other = first.setdefault(group.name, group)
        if other is not group and other.place.file != group.place.file:
            keys.groups[group.key] = keys.groups[other.key]
            continue
        kept = is_kept_for_ids(plain_name(group.name, "group"))
        name = names.give(f"group-{group.name}" if kept else group.name, "group", group.key)
        keys.groups[group.key] = name
        if name != group.name:
            facts.note(group.place, f"the name {group.name!r} is written {name}")
    for group in groups:  # rules may also name groups by their names
        keys.groups.setdefault(group.name, keys.groups[group.key])
    for key, found in _known_lists(facts).items():
        keys.lists[key] = names.give(found.name, "list", key)
        if keys.lists[key] != found.name:
            facts.note(found.place, f"the name {found.name!r} is written {keys.lists[key]}")
    return keys


def _known_lists(facts: Facts) -> dict[str, FoundList]:
    return {key: each for key, each in facts.lists.items() if each.entries is not None}


def _prefix_list(name: str, found: FoundList) -> PrefixList:
    entries = tuple(dict.fromkeys(found.entries or ()))
    return PrefixList(name, max(found.max_entries or len(entries), 1), entries)


def _group(keys: Keys, group: FoundGroup, rules: dict[Direction, tuple[Rule, ...]]) -> SecurityGroup:
    aws_id = group.key if is_group_id(group.key) else ""
    sides = rules[Direction.INGRESS], rules[Direction.EGRESS]
    return SecurityGroup(keys.groups[group.key], *sides, group.description, aws_id)


def _rules(facts: Facts, keys: Keys, group: FoundGroup) -> dict[Direction, tuple[Rule, ...]]:
    """Return a group's rules by direction, their peers under the lab's names."""
    kept: dict[tuple[Direction, object, Peer], Rule] = {}
    first: dict[tuple[Direction, object, Peer], FoundRule] = {}
    for found in group.rules:
        peer = _peer(facts, keys, found)
        if peer is None:
            continue
        rule = Rule(found.id, found.direction, found.traffic, peer, found.description)
        same = (found.direction, found.traffic, peer)
        if same not in kept or (found.id and not kept[same].id):
            kept[same] = rule
        elif not group.merges:
            facts.wrong(found.place, f"'{rule}' of {group.name} is the rule at {first[same].place.says('')} again")
        first.setdefault(same, found)
    return {each: tuple(rule for rule in kept.values() if rule.direction is each) for each in Direction}


def _peer(facts: Facts, keys: Keys, rule: FoundRule) -> Peer | None:
    """Return the peer of a rule under its name in the lab; None where the lab cannot have it (noted)."""
    peer = rule.peer
    if isinstance(peer, GroupKey):
        name = keys.group(peer.key)
        if name is not None:
            return GroupRef(name)
        lost = f"a rule on {rule.traffic} names {peer.key}"
        if peer.foreign:
            facts.note(rule.place, f"{lost}, a group {peer.foreign}")
        elif peer.key in facts.groups:
            facts.note(rule.place, f"{lost}, a group of {facts.groups[peer.key].vpc}")
        else:
            facts.wrong(rule.place, f"{lost}, a security group that is in none of the files")
        return None
    if isinstance(peer, ListKey):
        if peer.key in keys.lists:
            return PrefixListRef(keys.lists[peer.key])
        facts.note(rule.place, f"a rule on {rule.traffic} names {peer.key}, a prefix list whose entries are in no file")
        return None
    return peer


def _peers(rules: dict[str, dict[Direction, tuple[Rule, ...]]]) -> list[Cidr]:
    """Return every network that a rule names."""
    every = (rule.peer for sides in rules.values() for side in sides.values() for rule in side)
    return [peer for peer in every if not isinstance(peer, GroupRef | PrefixListRef)]
