"""How much AWS takes of a thing. Source: VPC User Guide, "Amazon VPC quotas"; defaults, none of them raised."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sized
from ipaddress import IPv4Network, IPv6Network
from typing import assert_never

from netlab.errors import RefusedError
from netlab.model.acls import AclEntry
from netlab.model.rules import GroupRef, PrefixList, PrefixListRef, Rule

RULES_PER_GROUP = 60
"""In each direction, IPv4 and IPv6 counted apart."""

GROUPS_PER_INTERFACE = 5

ENTRIES_PER_ACL = 20
"""In each direction, IPv4 and IPv6 counted apart; the final deny is one of them."""

ENTRIES_PER_PREFIX_LIST = 1000


def check_rules(lists: Mapping[str, PrefixList], rules: Iterable[Rule]) -> None:
    """
    Refuse more rules of one direction than a group may have.

    Raises:
        RefusedError: In one family they weigh too much.
    """
    rules = tuple(rules)
    for family in (4, 6):
        count = sum(weight(lists, rule, family) for rule in rules)
        if count > RULES_PER_GROUP:
            raise RefusedError(
                "RulesPerSecurityGroupLimitExceeded",
                "The maximum number of rules per security group has been reached.",
                f"Found {count} for IPv{family}, wanted at most {RULES_PER_GROUP}.",
            )


def weight(lists: Mapping[str, PrefixList], rule: Rule, family: int) -> int:
    """
    Return what a rule counts in a family: a group reference one in both, a prefix list its ``max_entries``.

    A list without an entry has shown no family yet: it counts in both.
    """
    match rule.peer:
        case IPv4Network() | IPv6Network():
            return int(rule.peer.version == family)
        case GroupRef():
            return 1
        case PrefixListRef():
            chosen = lists[rule.peer.name]
            return chosen.max_entries if family_of(chosen) in {family, None} else 0
        case _:
            assert_never(rule.peer)


def family_of(prefix_list: PrefixList) -> int | None:
    """Return the family of a list; None where it has never had an entry."""
    return prefix_list.family or None


def check_groups(names: Sized) -> None:
    """
    Refuse more groups than an interface may have.

    Raises:
        RefusedError: There are more than five.
    """
    if len(names) > GROUPS_PER_INTERFACE:
        raise RefusedError(
            "SecurityGroupsPerInterfaceLimitExceeded",
            "The maximum number of security groups per interface has been reached.",
            f"Found {len(names)}, wanted at most {GROUPS_PER_INTERFACE}.",
        )


def check_entries(entries: Iterable[AclEntry]) -> None:
    """
    Refuse more entries of one direction than an ACL may have.

    Raises:
        RefusedError: In one family there are more than nineteen beside the final deny.
    """
    entries = tuple(entries)
    for family in (4, 6):
        count = sum(entry.cidr.version == family for entry in entries) + 1
        if count > ENTRIES_PER_ACL:
            raise RefusedError(
                "NetworkAclEntryLimitExceeded",
                "The maximum number of network acl entries has been reached.",
                f"Found {count} for IPv{family}, the final deny among them, wanted at most {ENTRIES_PER_ACL}.",
            )


def check_prefixes(prefix_list: PrefixList) -> None:
    """
    Refuse a prefix list that holds more than it may, or entries of two families.

    Raises:
        RefusedError: It does.
    """
    if not 1 <= prefix_list.max_entries <= ENTRIES_PER_PREFIX_LIST:
        raise RefusedError(
            "InvalidParameterValue",
            f"Must specify a max size between 1 and {ENTRIES_PER_PREFIX_LIST}",
            f"(found {prefix_list.max_entries})",
        )
    if len(prefix_list.entries) > prefix_list.max_entries:
        raise RefusedError(
            "PrefixListMaxEntriesExceeded",
            f"The prefix list ({prefix_list.name}) may hold at most {prefix_list.max_entries} entries.",
            f"Found {len(prefix_list.entries)}.",
        )
    family = family_of(prefix_list)
    for entry in prefix_list.entries:
        if entry.version != family:
            raise RefusedError(
                "InvalidParameterValue",
                f"The CIDR {entry} is not of the address family of the prefix list ({prefix_list.name}): IPv{family}.",
            )
