"""One change, carried out on a lab: the next lab, or a refusal. Nothing here knows how a change reaches a card."""

from __future__ import annotations

from typing import assert_never

from netlab.control.acls import add_entry, remove_entry
from netlab.control.groups import attach, authorize, revoke
from netlab.control.prefix_lists import add_prefix, remove_prefix
from netlab.model.changes import AddAclEntry, AddPrefix, Attach, Authorize, Change, RemoveAclEntry, RemovePrefix, Revoke
from netlab.model.topology import Lab


def apply(lab: Lab, change: Change) -> Lab:
    """
    Return the lab after a change; the given one stays as it is.

    Args:
        lab: A complete one.

    Raises:
        RefusedError: AWS's API would refuse it, as a whole.
        InputError: It names a node, an interface or a rule id that cannot be meant.
    """
    match change:
        case Authorize():
            return authorize(lab, change)
        case Revoke():
            return revoke(lab, change)
        case Attach():
            return attach(lab, change)
        case AddAclEntry():
            return add_entry(lab, change)
        case RemoveAclEntry():
            return remove_entry(lab, change)
        case AddPrefix():
            return add_prefix(lab, change)
        case RemovePrefix():
            return remove_prefix(lab, change)
        case _:
            assert_never(change)
