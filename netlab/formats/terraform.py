"""
Security groups, their rules and prefix lists in what `terraform show -json` prints of a state or of a plan.

Source:
    Terraform AWS provider: aws_security_group, aws_default_security_group, aws_security_group_rule,
    aws_vpc_security_group_ingress_rule and …_egress_rule, aws_ec2_managed_prefix_list; aws-behaviour.md 12.5, 12.6.
"""

from __future__ import annotations

from collections.abc import Iterator

from netlab.errors import InputError
from netlab.formats.import_facts import (
    DEFAULT_OF_VPC,
    Facts,
    FoundGroup,
    FoundList,
    FoundPeer,
    FoundRule,
    GroupKey,
    ListKey,
)
from netlab.formats.import_text import Document
from netlab.formats.import_words import (
    description_of,
    items,
    mapping,
    parse_cidr,
    parse_traffic_words,
    parse_whole,
    rule_id_of,
    text_of,
    truth,
)
from netlab.formats.terraform_inline import inline_rules
from netlab.formats.terraform_network import read_network
from netlab.formats.terraform_nodes import read_nodes
from netlab.formats.terraform_plan import Plan, Resource
from netlab.formats.terraform_words import State
from netlab.model.rules import Direction

GROUPS = ("aws_security_group", "aws_default_security_group")
RULES = ("aws_security_group_rule", "aws_vpc_security_group_ingress_rule", "aws_vpc_security_group_egress_rule")
LISTS = ("aws_ec2_managed_prefix_list", "aws_ec2_managed_prefix_list_entry")


def is_terraform(tree: object) -> bool:
    """Tell whether data is what `terraform show -json` prints."""
    return isinstance(tree, dict) and "format_version" in tree and ({"values", "planned_values"} & tree.keys() != set())


def read_terraform(document: Document, facts: Facts) -> None:
    """Read a state or a plan into *facts*."""
    state = State(document, Plan(mapping(document.tree)), facts)
    major = text_of(mapping(document.tree).get("format_version")).partition(".")[0]
    if major not in {"0", "1"}:
        facts.wrong(document.place(("format_version",)), f"found format {major}, wanted 0.x or 1.x")
        return
    _read_lists(state)
    for resource in state.plan.resources.values():
        if resource.data and resource.kind == GROUPS[0]:
            outline = _group(state, resource)
            facts.outlines.setdefault(outline.key, outline)
    groups = [_group(state, resource) for resource in state.plan.of_kind(*GROUPS)]
    for resource, group in zip(state.plan.of_kind(*GROUPS), groups, strict=True):
        group.rules += inline_rules(state, resource)
    _drop_rules_that_go(state, groups)
    by_key = {group.key: group for group in groups}
    for resource in state.plan.of_kind(*RULES):
        _read_rule(state, resource, by_key)
    for group in groups:
        facts.add_group(group)
    read_network(state)
    read_nodes(state, {*GROUPS, *RULES, *LISTS})


def _group(state: State, resource: Resource) -> FoundGroup:
    values = resource.values
    default = resource.kind == "aws_default_security_group"
    prefix = text_of(values.get("name_prefix")).rstrip("-_. ")
    named = text_of(values.get("name")) or ("default" if default else prefix or state.plain_address(resource))
    return FoundGroup(
        state.key(resource),
        named,
        state.place(resource),
        vpc=state.vpc(resource),
        description=description_of(values.get("description")),
        merges=True,
    )


def _read_lists(state: State) -> None:
    data = [each for each in state.plan.resources.values() if each.data and "prefix_list" in each.kind]
    for resource in (*state.plan.of_kind(LISTS[0]), *data):
        place = state.place(resource)
        values = resource.values
        written = items(values.get("entry")) or items(values.get("entries")) or items(values.get("cidr_blocks"))
        try:
            entries = [parse_cidr(mapping(each).get("cidr", each)) for each in written]
            most = parse_whole(values.get("max_entries")) or 0
        except InputError as error:
            state.facts.wrong(place, str(error))
            continue
        key = state.key(resource)
        found = FoundList(key, text_of(values.get("name")) or resource.name, place, most, entries)
        state.facts.lists.setdefault(key, found)
    for resource in state.plan.of_kind(LISTS[1]):
        found_list = state.facts.lists.get(state.thing(resource, "prefix_list_id"))
        if found_list is None:
            state.facts.note(state.place(resource), "an entry of a prefix list that is not in the file")
            continue
        try:
            found_list.entries = [*(found_list.entries or ()), parse_cidr(resource.values.get("cidr"))]
        except InputError as error:
            state.facts.wrong(state.place(resource), str(error))


def _drop_rules_that_go(state: State, groups: list[FoundGroup]) -> None:
    """
    Take out of groups the rules of rule resources that the plan deletes or changes.

    The provider reads such rules back into the group's own ingress and egress, which a plan carries over.
    """
    by_key = {group.key: group for group in groups}
    for kind, before in state.plan.gone():
        if kind not in RULES:
            continue
        group = by_key.get(text_of(before.get("security_group_id")))
        old = Resource("", kind, "", (), "", (), before, {})
        if group is not None:
            gone = {rule.properties for rule in _rules(state, old, group.key)}
            group.rules = [rule for rule in group.rules if rule.properties not in gone]


def _read_rule(state: State, resource: Resource, groups: dict[str, FoundGroup]) -> None:
    """Read a rule that is a resource of its own."""
    place = state.place(resource)
    keys = state.groups(resource, "security_group_id")
    for reference in keys.lost:
        state.cannot(resource, "security_group_id", reference)
    if keys.lost:
        return
    if len(keys.found) != 1:
        among = ", ".join(each.key for each in keys.found) or "nothing"
        state.facts.note(place, f"the rule's group cannot be told{state.when}: it refers to {among}")
        return
    owner = keys.found[0]
    group = groups.get(owner.key) or next((each for each in groups.values() if _is_default(owner, each)), None)
    rules = list(_rules(state, resource, owner.key))
    if group is not None:
        group.rules += rules
    elif owner.outside and not owner.foreign:
        state.facts.late_rules += [(owner.key, rule) for rule in rules]
    elif owner.foreign:
        state.facts.note(place, f"a rule of {owner.key}, a group {owner.foreign}")
    else:
        state.facts.wrong(place, f"a rule of {owner.key}, a security group that is in none of the files")


def _is_default(key: GroupKey, group: FoundGroup) -> bool:
    return key.key == DEFAULT_OF_VPC and group.name == "default"


def _rules(state: State, resource: Resource, owner: str) -> Iterator[FoundRule]:
    """Yield the rules of a rule resource: one a peer."""
    values, place = resource.values, state.place(resource)
    old = resource.kind == "aws_security_group_rule"
    egress = values.get("type") == "egress" if old else resource.kind.endswith("egress_rule")
    direction = Direction.EGRESS if egress else Direction.INGRESS
    try:
        protocol = values.get("protocol") if old else values.get("ip_protocol")
        traffic = parse_traffic_words(protocol, values.get("from_port"), values.get("to_port"))
        peers = list(_old_peers(state, resource, owner) if old else _new_peers(state, resource))
    except InputError as error:
        state.facts.wrong(place, str(error))
        return
    identity = rule_id_of(values.get("security_group_rule_id")) or ("" if old else rule_id_of(values.get("id")))
    if not peers and not state.said(resource):
        problem = "is known only after apply" if state.plan.is_plan else "is not there"
        state.facts.note(place, f"the peer of a rule on {traffic} {problem}")
    for peer in peers:
        name = identity if len(peers) == 1 else ""
        yield FoundRule(direction, traffic, peer, place, description_of(values.get("description")), name)


def _old_peers(state: State, resource: Resource, owner: str) -> Iterator[FoundPeer]:
    values = resource.values
    for key, family in (("cidr_blocks", 4), ("ipv6_cidr_blocks", 6)):
        for each in state.known_texts(resource, key):
            yield parse_cidr(each, family)
    for each in state.lists(resource, "prefix_list_ids"):
        yield ListKey(each)
    if truth(values.get("self"), default=False):
        yield GroupKey(owner)
    yield from state.peers(resource, "source_security_group_id")


def _new_peers(state: State, resource: Resource) -> Iterator[FoundPeer]:
    for key, family in (("cidr_ipv4", 4), ("cidr_ipv6", 6)):
        for each in state.known_texts(resource, key):
            yield parse_cidr(each, family)
    for each in state.lists(resource, "prefix_list_id"):
        yield ListKey(each)
    yield from state.peers(resource, "referenced_security_group_id")
