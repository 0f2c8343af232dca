"""
Security groups, their rules and prefix lists in what `terraform show -json` prints of a state or of a plan.

Source:
    Terraform AWS provider: aws_security_group, aws_default_security_group, aws_security_group_rule,
    aws_vpc_security_group_ingress_rule and …_egress_rule, aws_ec2_managed_prefix_list; aws-behaviour.md 12.5, 12.6.
"""

from __future__ import annotations

from collections.abc import Iterator

from netlab.errors import InputError
from netlab.formats.import_facts import Facts
from netlab.formats.import_found import DEFAULT_OF_VPC, FoundGroup, FoundList, FoundRule, GroupKey
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
)
from netlab.formats.terraform_follow import Aim
from netlab.formats.terraform_groups import Groups, group_of
from netlab.formats.terraform_inline import inline_rules
from netlab.formats.terraform_network import read_network
from netlab.formats.terraform_nodes import read_nodes
from netlab.formats.terraform_peers import OLD_RULE, may_have_peer, peers_of
from netlab.formats.terraform_plan import Plan, Resource
from netlab.formats.terraform_references import GROUP_KINDS, has_true
from netlab.formats.terraform_words import State
from netlab.model.rules import Direction

RULES = (OLD_RULE, "aws_vpc_security_group_ingress_rule", "aws_vpc_security_group_egress_rule")
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
        if resource.data and resource.kind == GROUP_KINDS[0]:
            outline = _group(state, resource)
            facts.outlines.setdefault(outline.key, outline)
    groups = [_group(state, resource) for resource in state.plan.of_kind(*GROUP_KINDS)]
    for resource, group in zip(state.plan.of_kind(*GROUP_KINDS), groups, strict=True):
        group.rules += inline_rules(state, resource)
    _drop_rules_that_go(state, groups)
    by_key = {group.key: group for group in groups}
    for resource in state.plan.of_kind(*RULES):
        _read_rule(state, resource, by_key)
    for group in groups:
        facts.add_group(group)
    read_network(state)
    read_nodes(state, {*GROUP_KINDS, *RULES, *LISTS})


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
            gone = {rule.properties for rule in _rules(state, old, Groups((GroupKey(group.key),)))}
            group.rules = [rule for rule in group.rules if rule.properties not in gone]


def _read_rule(state: State, resource: Resource, groups: dict[str, FoundGroup]) -> None:
    """Read a rule that is a resource of its own."""
    place = state.place(resource)
    keys = group_of(state, resource, "security_group_id", Aim.OWNER)
    if not keys.found:
        if not state.said(resource):
            state.tell(resource, f"the rule's group cannot be told{state.when}: it refers to nothing")
        return
    for each in keys.guesses:
        state.guess(resource, f"security_group_id: {each}")
    owner = keys.found[0]
    group = groups.get(owner.key) or next((each for each in groups.values() if _is_default(owner, each)), None)
    rules = list(_rules(state, resource, keys))
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


def _rules(state: State, resource: Resource, owner: Groups) -> Iterator[FoundRule]:
    """Yield the rules of a rule resource: one a peer."""
    values, place = resource.values, state.place(resource)
    old = resource.kind == OLD_RULE
    egress = values.get("type") == "egress" if old else resource.kind.endswith("egress_rule")
    direction = Direction.EGRESS if egress else Direction.INGRESS
    protocol = "protocol" if old else "ip_protocol"
    late = [name for name in (protocol, "from_port", "to_port") if has_true((resource.unknown or {}).get(name))]
    if late:
        state.tell(resource, f"what is known only after apply: {', '.join(late)}")
        return
    try:
        traffic = parse_traffic_words(values.get(protocol), values.get("from_port"), values.get("to_port"))
        peers = list(peers_of(state, resource, owner))
    except InputError as error:
        state.facts.wrong(place, str(error))
        return
    identity = rule_id_of(values.get("security_group_rule_id")) or ("" if old else rule_id_of(values.get("id")))
    if not peers and not state.said(resource):
        why = "its peer cannot be told before apply" if may_have_peer(state, resource) else "it names no peer"
        state.facts.note(place, f"a rule on {traffic}: {why}")
    for peer in peers:
        name = identity if len(peers) == 1 else ""
        yield FoundRule(direction, traffic, peer, place, description_of(values.get("description")), name)
