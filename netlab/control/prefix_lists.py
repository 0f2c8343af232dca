"""
Changes of prefix lists.

Source:
    EC2 API, ModifyManagedPrefixList. ``InvalidPrefixListModification`` as terraform-provider-aws handles it
    (vpc_managed_prefix_list_entry.go), ``PrefixListMaxEntriesExceeded`` as users of the API report it.
"""

from __future__ import annotations

from dataclasses import replace

from netlab.control.permissions import cidr_from_request
from netlab.control.quotas import check_prefixes
from netlab.errors import RefusedError
from netlab.model.changes import AddPrefix, RemovePrefix
from netlab.model.rules import PrefixList
from netlab.model.topology import Lab


def add_prefix(lab: Lab, change: AddPrefix) -> Lab:
    """
    Add an entry to a prefix list.

    Raises:
        RefusedError: There is no such list, it is full or of the other family, or has the entry already.
    """
    old = _list(lab, change.prefix_list)
    cidr = cidr_from_request(change.cidr)
    if cidr in old.entries:
        raise RefusedError(
            "InvalidPrefixListModification", f"The entry {cidr} already exists in the prefix list ({old.name})."
        )
    new = replace(old, entries=(*old.entries, cidr), declared_family=old.family)
    check_prefixes(new)
    new = replace(new, declared_family=0)
    return replace(lab, prefix_lists={**lab.prefix_lists, old.name: new})


def remove_prefix(lab: Lab, change: RemovePrefix) -> Lab:
    """
    Take an entry out of a prefix list.

    Raises:
        RefusedError: There is no such list or entry.
    """
    old = _list(lab, change.prefix_list)
    cidr = cidr_from_request(change.cidr)
    if cidr not in old.entries:
        raise RefusedError(
            "InvalidPrefixListModification", f"The entry {cidr} in the prefix list ({old.name}) does not exist."
        )
    kept = tuple(entry for entry in old.entries if entry != cidr)
    new = replace(old, entries=kept, declared_family=0 if kept else old.family)
    return replace(lab, prefix_lists={**lab.prefix_lists, old.name: new})


def _list(lab: Lab, name: str) -> PrefixList:
    if name not in lab.prefix_lists:
        raise RefusedError("InvalidPrefixListID.NotFound", f"The prefix list ({name}) does not exist.")
    return lab.prefix_lists[name]
