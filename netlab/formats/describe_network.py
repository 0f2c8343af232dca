"""
What `aws ec2 describe-…` prints about the ground: VPCs, subnets, route tables, network ACLs, NAT gateways.

Source:
    EC2 API reference, the Describe actions; aws-behaviour.md part 6.
"""

from __future__ import annotations

from netlab.errors import InputError
from netlab.formats.import_facts import Facts
from netlab.formats.import_found import FoundAcl, FoundNat, FoundRoute, FoundSubnet, FoundTable, FoundVpc
from netlab.formats.import_places import Place
from netlab.formats.import_text import Document
from netlab.formats.import_words import (
    ipv4,
    ipv4_cidr,
    ipv6_cidr,
    items,
    mapping,
    name_tag,
    parse_cidr,
    parse_traffic_words,
    parse_whole,
    text_of,
    truth,
)
from netlab.formats.yaml_reader import Path
from netlab.model.acls import AclEntry
from netlab.model.rules import Direction

Data = dict[str, object]

LAST_ENTRY = 32766
"""The highest number of an ACL entry; those above are the final denies, which netlab has by itself."""


def read_vpc(document: Document, facts: Facts, path: Path, data: Data) -> None:
    """Read one VPC of describe-vpcs."""
    place = document.place(path)
    key = text_of(data.get("VpcId"))
    try:
        cidr = ipv4_cidr(data.get("CidrBlock"))
        ipv6 = ipv6_cidr(_ipv6_block(data))
    except InputError as error:
        facts.wrong(place, str(error))
        return
    facts.vpcs.setdefault(key, FoundVpc(key, cidr, place, ipv6))
    for each in items(data.get("CidrBlockAssociationSet")):
        other = text_of(mapping(each).get("CidrBlock"))
        if other and other != str(cidr):
            facts.note(place, f"secondary network {other} of {key}: a lab's VPC has one IPv4 network")


def read_subnet(document: Document, facts: Facts, path: Path, data: Data) -> None:
    """Read one subnet of describe-subnets."""
    place = document.place(path)
    key = text_of(data.get("SubnetId"))
    if truth(data.get("Ipv6Native"), default=False) and not data.get("CidrBlock"):
        facts.leave_out_subnet(key, place)
        return
    try:
        found = FoundSubnet(
            key,
            name_tag(data.get("Tags")) or key,
            ipv4_cidr(data.get("CidrBlock")),
            place,
            vpc=text_of(data.get("VpcId")),
            ipv6=ipv6_cidr(_ipv6_block(data)),
            public=truth(data.get("MapPublicIpOnLaunch"), default=False),
        )
    except InputError as error:
        facts.wrong(place, str(error))
        return
    facts.subnets.setdefault(key, found)


def _ipv6_block(data: Data) -> str:
    for each in items(data.get("Ipv6CidrBlockAssociationSet")):
        state = mapping(mapping(each).get("Ipv6CidrBlockState")).get("State", "associated")
        if state == "associated":
            return text_of(mapping(each).get("Ipv6CidrBlock"))
    return ""


def read_table(document: Document, facts: Facts, path: Path, data: Data) -> None:
    """Read one route table of describe-route-tables."""
    table = FoundTable(text_of(data.get("RouteTableId")), document.place(path), text_of(data.get("VpcId")))
    for each in map(mapping, items(data.get("Associations"))):
        if truth(each.get("Main"), default=False):
            table.main = True
        elif each.get("SubnetId"):
            table.subnets.append(text_of(each["SubnetId"]))
    for index, each in enumerate(map(mapping, items(data.get("Routes")))):
        route = _route(facts, document.place((*path, "Routes", index)), each)
        if route is not None:
            table.routes.append(route)
    facts.tables.setdefault(table.key, table)


def _route(facts: Facts, place: Place, data: Data) -> FoundRoute | None:
    destination = text_of(data.get("DestinationCidrBlock")) or text_of(data.get("DestinationIpv6CidrBlock"))
    if data.get("GatewayId") == "local":
        return None
    if not destination:
        facts.note(place, "a route to a prefix list: netlab routes to networks")
        return None
    if data.get("State") == "blackhole":
        facts.note(place, f"the route to {destination} leads nowhere (blackhole)")
        return None
    return route_to(facts, place, destination, data)


def route_to(facts: Facts, place: Place, destination: str, data: Data) -> FoundRoute | None:
    """Return a route by the target that describe output and CloudFormation name alike; None where it has no model."""
    try:
        cidr = parse_cidr(destination)
    except InputError as error:
        facts.wrong(place, str(error))
        return None
    for key, kind in (("NatGatewayId", "nat"), ("NetworkInterfaceId", "interface"), ("InstanceId", "instance")):
        if data.get(key):
            return FoundRoute(cidr, kind, text_of(data[key]), place)
    gateway = text_of(data.get("GatewayId"))
    if gateway and not gateway.startswith(("vgw-", "vpce-")):
        return FoundRoute(cidr, "internet", gateway, place)
    target = next((text_of(value) for key, value in data.items() if key.endswith("Id") and value), "nothing known")
    facts.note(place, f"the route to {destination} leads to {target}")
    return None


def read_acl(document: Document, facts: Facts, path: Path, data: Data) -> None:
    """Read one ACL of describe-network-acls."""
    key = text_of(data.get("NetworkAclId"))
    acl = FoundAcl(
        key,
        name_tag(data.get("Tags")) or key,
        document.place(path),
        text_of(data.get("VpcId")),
        truth(data.get("IsDefault"), default=False),
    )
    acl.subnets += [text_of(mapping(each).get("SubnetId")) for each in items(data.get("Associations"))]
    for index, each in enumerate(map(mapping, items(data.get("Entries")))):
        place = document.place((*path, "Entries", index))
        try:
            number = parse_whole(each.get("RuleNumber")) or 0
            if number <= LAST_ENTRY:
                entry = acl_entry(number, each.get("Protocol"), each, text_of(each.get("RuleAction")))
                acl.entries[Direction.EGRESS if truth(each.get("Egress"), default=False) else Direction.INGRESS] += [
                    entry
                ]
        except InputError as error:
            facts.wrong(place, str(error))
    facts.acls.setdefault(key, acl)


def acl_entry(number: int, protocol: object, data: Data, action: str) -> AclEntry:
    """Return an ACL entry of the API's words, which are also CloudFormation's."""
    ports, icmp = mapping(data.get("PortRange")), mapping(data.get("IcmpTypeCode") or data.get("Icmp"))
    first, last = (icmp.get("Type"), icmp.get("Code")) if icmp else (ports.get("From"), ports.get("To"))
    if text_of(protocol) in {"6", "17", "tcp", "udp"} and first is None and last is None:
        first, last = 0, 65535
    if text_of(protocol) in {"1", "icmp"} and first is None:
        first, last = -1, -1
    cidr = parse_cidr(data.get("CidrBlock") or data.get("Ipv6CidrBlock"))
    if not 1 <= number <= LAST_ENTRY:
        raise InputError(f"entry {number}: wanted a number from 1 to {LAST_ENTRY}")
    if action not in {"allow", "deny"}:
        raise InputError(f"entry {number}: found {action or 'no action'}, wanted allow or deny")
    return AclEntry(number, parse_traffic_words(protocol, first, last), cidr, action == "allow")


def read_nat(document: Document, facts: Facts, path: Path, data: Data) -> None:
    """Read one gateway of describe-nat-gateways."""
    place = document.place(path)
    key = text_of(data.get("NatGatewayId"))
    if data.get("State") in {"deleted", "deleting", "failed"}:
        facts.note(place, f"NAT gateway {key} is {data['State']}")
        return
    addresses = [mapping(each) for each in items(data.get("NatGatewayAddresses"))]
    first = addresses[0] if addresses else {}
    public = ipv4(first.get("PublicIp"))
    if public is None:
        facts.note(place, f"NAT gateway {key} has no public address: netlab has public ones only")
        return
    name = name_tag(data.get("Tags")) or key
    subnet = text_of(data.get("SubnetId"))
    facts.nats[key] = FoundNat(key, name, place, subnet, public, ipv4(first.get("PrivateIp")))
