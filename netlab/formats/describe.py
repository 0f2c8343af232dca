"""
What `aws ec2 describe-…` prints: security groups and their rules, prefix lists, and which listing is which.

Interfaces and instances are in describe_nodes.py, the ground they stand on is in describe_network.py.

Source:
    EC2 API reference, the Describe actions; aws-behaviour.md 12.1 to 12.3.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from netlab.errors import InputError
from netlab.formats.describe_network import read_acl, read_nat, read_subnet, read_table, read_vpc
from netlab.formats.describe_nodes import read_instance, read_interface, read_reservation
from netlab.formats.import_facts import Facts
from netlab.formats.import_found import FoundGroup, FoundList, FoundPeer, FoundRule, GroupKey, ListKey
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
from netlab.formats.yaml_reader import Path
from netlab.model.rules import Direction

Data = dict[str, object]
Reader = Callable[[Document, Facts, Path, Data], None]

SIGNATURES: dict[str, str] = {
    "IpPermissions": "SecurityGroups",
    "SecurityGroupRuleId": "SecurityGroupRules",
    "NetworkInterfaceId": "NetworkInterfaces",
    "Instances": "Reservations",
    "RouteTableId": "RouteTables",
    "NetworkAclId": "NetworkAcls",
    "PrefixListId": "PrefixLists",
    "Cidr": "Entries",
    "InstanceId": "Instances",
    "NatGatewayId": "NatGateways",
    "SubnetId": "Subnets",
    "CidrBlockAssociationSet": "Vpcs",
}
"""By which key an item of a bare list (``--query``) is known, and the listing it comes from."""

_PAGING = {"NextToken", "ResponseMetadata"}


def describes(tree: object) -> bool:
    """Tell whether data is what a describe command prints."""
    return isinstance(tree, dict) and bool(READERS.keys() & tree.keys())


def read_describe(document: Document, facts: Facts) -> None:
    """Read what a describe command printed into *facts*."""
    for section, data in mapping(document.tree).items():
        reader = READERS.get(section)
        if reader is None:
            if section == "NextToken":
                facts.note(document.place((section,)), "the listing goes on behind this page, which is not in the file")
            elif section not in _PAGING:
                facts.note(document.place((section,)), "netlab does not model this")
            continue
        if not isinstance(data, list):
            facts.wrong(document.place((section,)), "found no list, wanted what `aws ec2 describe-…` prints")
            continue
        if section == "Entries":
            _read_entries(document, facts, data)
            continue
        for index, item in enumerate(data):
            path = (section, index)
            if not isinstance(item, dict):
                facts.wrong(document.place(path), "found no mapping, wanted what `aws ec2 describe-…` prints")
                continue
            try:
                reader(document, facts, path, item)
            except InputError as error:
                facts.wrong(document.place(path), str(error))


def _read_group(document: Document, facts: Facts, path: Path, data: Data) -> None:
    key = text_of(data.get("GroupId")) or text_of(data.get("GroupName"))
    place = document.place(path)
    if not key:
        facts.wrong(place, "found neither GroupId nor GroupName, wanted a security group")
        return
    group = FoundGroup(
        key,
        text_of(data.get("GroupName")) or key,
        place,
        vpc=text_of(data.get("VpcId")),
        description=description_of(data.get("Description")),
    )
    owner = text_of(data.get("OwnerId"))
    for section, direction in (("IpPermissions", Direction.INGRESS), ("IpPermissionsEgress", Direction.EGRESS)):
        for index, permission in enumerate(items(data.get(section))):
            where = (*path, section, index)
            group.rules += _permission(document, facts, where, direction, mapping(permission), owner, group.vpc)
    facts.add_group(group)


def _permission(
    document: Document, facts: Facts, path: Path, direction: Direction, data: Data, owner: str, vpc: str
) -> Iterator[FoundRule]:
    """Yield the rules of one IpPermission: one a peer."""
    place = document.place(path)
    try:
        traffic = parse_traffic_words(data.get("IpProtocol"), data.get("FromPort"), data.get("ToPort"))
    except InputError as error:
        facts.wrong(place, str(error))
        return
    for section in ("IpRanges", "Ipv6Ranges", "PrefixListIds", "UserIdGroupPairs"):
        for index, item in enumerate(items(data.get(section))):
            where = (*path, section, index)
            try:
                peer = _peer(section, mapping(item), owner, vpc)
            except InputError as error:
                facts.wrong(document.place(where), str(error))
                continue
            description = description_of(mapping(item).get("Description"))
            yield FoundRule(direction, traffic, peer, document.place(where), description)


def _peer(section: str, item: Data, owner: str, vpc: str) -> FoundPeer:
    if section == "IpRanges":
        return parse_cidr(item.get("CidrIp"), 4)
    if section == "Ipv6Ranges":
        return parse_cidr(item.get("CidrIpv6"), 6)
    if section == "PrefixListIds":
        return ListKey(text_of(item.get("PrefixListId")))
    return _group_key(item, owner, vpc)


def _group_key(item: Data, owner: str, vpc: str) -> GroupKey:
    key = text_of(item.get("GroupId")) or text_of(item.get("GroupName"))
    if not key:
        raise InputError("found no GroupId, wanted a security group")
    user, other, peering = (text_of(item.get(name)) for name in ("UserId", "VpcId", "VpcPeeringConnectionId"))
    foreign = ""
    if owner and user and user != owner:
        foreign = f"of account {user}"
    elif peering:
        foreign = f"behind {peering}"
    elif vpc and other and other != vpc:
        foreign = f"of {other}"
    return GroupKey(key, foreign)


def _read_rule(document: Document, facts: Facts, path: Path, data: Data) -> None:
    place = document.place(path)
    group = text_of(data.get("GroupId"))
    if not group:
        facts.wrong(place, "found no GroupId, wanted the group that the rule belongs to")
        return
    try:
        traffic = parse_traffic_words(data.get("IpProtocol"), data.get("FromPort"), data.get("ToPort"))
        peer = _flat_peer(data)
    except InputError as error:
        facts.wrong(place, str(error))
        return
    direction = Direction.EGRESS if truth(data.get("IsEgress"), default=False) else Direction.INGRESS
    identity = rule_id_of(data.get("SecurityGroupRuleId"))
    rule = FoundRule(direction, traffic, peer, place, description_of(data.get("Description")), identity)
    known = facts.listings.setdefault(group, {}).setdefault(rule.properties, rule)
    if known.id != identity:
        facts.wrong(place, f"rule {identity} is in the listing of {group} already, under another id")


def _flat_peer(data: Data) -> FoundPeer:
    for key, family in (("CidrIpv4", 4), ("CidrIpv6", 6)):
        if data.get(key):
            return parse_cidr(data[key], family)
    if data.get("PrefixListId"):
        return ListKey(text_of(data["PrefixListId"]))
    if data.get("ReferencedGroupInfo"):
        return _group_key(mapping(data["ReferencedGroupInfo"]), text_of(data.get("GroupOwnerId")), "")
    raise InputError("found no peer, wanted CidrIpv4, CidrIpv6, PrefixListId or ReferencedGroupInfo")


def _read_list(document: Document, facts: Facts, path: Path, data: Data) -> None:
    place = document.place(path)
    key = text_of(data.get("PrefixListId"))
    try:
        most = parse_whole(data.get("MaxEntries")) or 0
        entries = [parse_cidr(each) for each in items(data["Cidrs"])] if "Cidrs" in data else None
    except InputError as error:
        facts.wrong(place, str(error))
        return
    found = FoundList(key, text_of(data.get("PrefixListName")) or key, place, most, entries)
    known = facts.lists.setdefault(key, found)
    known.max_entries = known.max_entries or most
    known.entries = known.entries if entries is None else entries


def _read_entries(document: Document, facts: Facts, data: list[object]) -> None:
    """Read prefix list entries; of which list they are the file does not say."""
    entries = []
    for index, item in enumerate(data):
        try:
            entries.append(parse_cidr(mapping(item).get("Cidr")))
        except InputError as error:
            facts.wrong(document.place(("Entries", index)), str(error))
    facts.loose_entries.append((document.place(("Entries",)), entries))


READERS: dict[str, Reader] = {
    "SecurityGroups": _read_group,
    "SecurityGroupRules": _read_rule,
    "NetworkInterfaces": read_interface,
    "Reservations": read_reservation,
    "Instances": read_instance,
    "Subnets": read_subnet,
    "Vpcs": read_vpc,
    "RouteTables": read_table,
    "NetworkAcls": read_acl,
    "NatGateways": read_nat,
    "PrefixLists": _read_list,
    "Entries": _read_list,
}
"""How one item of each listing is read; the entries of a prefix list are read together."""
