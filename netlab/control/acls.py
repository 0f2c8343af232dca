"""Changes of network ACLs, entry by entry."""

from __future__ import annotations

from dataclasses import replace

from netlab.control.permissions import cidr_from_request, icmp_traffic, protocol_number, traffic_from_request
from netlab.control.quotas import check_entries
from netlab.errors import RefusedError
from netlab.model.acls import AclEntry, NetworkAcl
from netlab.model.addresses import Cidr
from netlab.model.changes import AclEntryRequest, AddAclEntry, RemoveAclEntry
from netlab.model.rules import ICMP, ICMPV6, TCP, UDP, Direction, Traffic
from netlab.model.topology import Lab

LAST_NUMBER = 32766


def add_entry(lab: Lab, change: AddAclEntry) -> Lab:
    """
    Add an entry to an ACL.

    Raises:
        RefusedError: AWS refuses it.
    """
    acl = _acl(lab, change.acl)
    entry = entry_from_request(change.entry)
    old = acl.entries(change.direction)
    if any(each.number == entry.number for each in old):
        raise RefusedError(
            "NetworkAclEntryAlreadyExists", f"The network acl entry identified by {entry.number} already exists."
        )
    check_entries((*old, entry))
    return _with_entries(lab, acl, change.direction, (*old, entry))


def remove_entry(lab: Lab, change: RemoveAclEntry) -> Lab:
    """
    Take an entry out of an ACL, by its number.

    Raises:
        RefusedError: There is no such entry or ACL, or the number is the final deny's.
    """
    acl = _acl(lab, change.acl)
    check_number(change.number)
    old = acl.entries(change.direction)
    left = tuple(entry for entry in old if entry.number != change.number)
    if len(left) == len(old):
        raise RefusedError(
            "InvalidNetworkAclEntry.NotFound", f"The network acl entry identified by {change.number} does not exist."
        )
    return _with_entries(lab, acl, change.direction, left)


def entry_from_request(request: AclEntryRequest) -> AclEntry:
    """
    Return the entry a request asks for, as AWS stores it.

    Raises:
        RefusedError: AWS refuses it.

    Source:
        EC2 API, CreateNetworkAclEntry.
    """
    check_number(request.number)
    action = request.action.strip().lower()
    if action not in {"allow", "deny"}:
        raise RefusedError("InvalidParameterValue", f"Invalid value '{request.action}' for ruleAction.")
    cidr = cidr_from_request(request.cidr)
    return AclEntry(request.number, _traffic(request, cidr), cidr, action == "allow")


def check_number(number: int) -> None:
    """
    Refuse a number that is no entry's: 32767 and up are AWS's own.

    Raises:
        RefusedError: It is none.
    """
    if not 1 <= number <= LAST_NUMBER:
        raise RefusedError(
            "InvalidParameterValue", f"Invalid value '{number}' for ruleNumber. Must be between 1 and {LAST_NUMBER}."
        )


def _traffic(request: AclEntryRequest, cidr: Cidr) -> Traffic:
    number = protocol_number(request.protocol)
    first, last = request.from_port, request.to_port
    if number in {TCP, UDP}:
        if first is None or last is None:
            raise _missing("portRange.from" if first is None else "portRange.to")
        return traffic_from_request(request.protocol, first, last)
    if number == ICMPV6 and cidr.version == 4:
        return Traffic(number)
    if number in {ICMP, ICMPV6}:
        if first is None or last is None:
            raise _missing("icmpTypeCode.type" if first is None else "icmpTypeCode.code")
        return icmp_traffic(number, first, last)
    return Traffic(number)


def _missing(parameter: str) -> RefusedError:
    return RefusedError("MissingParameter", f"The request must contain the parameter {parameter}")


def _acl(lab: Lab, name: str) -> NetworkAcl:
    if name not in lab.acls:
        raise RefusedError("InvalidNetworkAclID.NotFound", f"The networkAcl ID '{name}' does not exist")
    return lab.acls[name]


def _with_entries(lab: Lab, acl: NetworkAcl, direction: Direction, entries: tuple[AclEntry, ...]) -> Lab:
    entries = tuple(sorted(entries, key=lambda entry: entry.number))
    acl = replace(acl, ingress=entries) if direction is Direction.INGRESS else replace(acl, egress=entries)
    return replace(lab, acls={**lab.acls, acl.name: acl})
