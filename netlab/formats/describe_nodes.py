"""
What `aws ec2 describe-network-interfaces` and `describe-instances` print.

Source:
    EC2 API reference, NetworkInterface, Instance; aws-behaviour.md 12.3.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address

from netlab.errors import InputError
from netlab.formats.import_facts import Facts
from netlab.formats.import_found import FoundInterface, FoundNat, FoundNode, GroupKey
from netlab.formats.import_text import Document
from netlab.formats.import_words import ipv4, ipv6, items, mapping, name_tag, parse_whole, text_of, truth
from netlab.formats.yaml_reader import Path
from netlab.model.topology import ConnectionTracking

Data = dict[str, object]

_DESCRIPTIONS: tuple[tuple[str, str], ...] = (
    (r"ELB (?:app|net|gwy)/([^/]+)/", "load-balancer"),
    (r"ELB ([^/ ]+)$", "load-balancer"),
    (r"AWS Lambda VPC ENI-(.+?)(?:-[0-9a-f]{8}-[0-9a-f-]{27})?$", "function"),
    (r"VPC Endpoint Interface (\S+)", "endpoint"),
    (r"EFS mount target for (\S+)", "mount-target"),
    (r"arn:aws[\w-]*:ecs:\S*attachment/(\S+)", "service"),
    (r"ElastiCache (\S+)", "cache"),
    (r"Amazon EKS (\S+)", "cluster"),
)


def read_interface(document: Document, facts: Facts, path: Path, data: Data) -> None:
    """Read one interface; those of one instance, or of one balancer, make one node."""
    place = document.place(path)
    attachment = mapping(data.get("Attachment"))
    instance = text_of(attachment.get("InstanceId"))
    key = text_of(data.get("NetworkInterfaceId"))
    if not data.get("Groups"):
        _note_bare(document, facts, path, data)
        return
    kind, name = ("instance", instance) if instance else _kind_of_interface(data)
    node = facts.nodes.setdefault(instance or f"{kind} {name}", FoundNode(instance or key, kind, name, place))
    _add_interface(document, facts, path, data, node)


def _note_bare(document: Document, facts: Facts, path: Path, data: Data) -> None:
    """Note an interface without groups; that of a NAT gateway stands for the gateway."""
    place = document.place(path)
    key = text_of(data.get("NetworkInterfaceId"))
    public = ipv4(mapping(data.get("Association")).get("PublicIp"))
    description = text_of(data.get("Description"))
    if "nat" in text_of(data.get("InterfaceType")).lower() and public is not None:
        nat = description.rpartition(" ")[2] or key
        subnet, own = text_of(data.get("SubnetId")), ipv4(data.get("PrivateIpAddress"))
        facts.nats.setdefault(nat, FoundNat(nat, nat, place, subnet, public, own))
        return
    facts.note(place, f"interface {key} carries no security group{f' ({description})' if description else ''}")


def _kind_of_interface(data: Data) -> tuple[str, str]:
    """
    Tell what an interface without an instance belongs to, by its type and description.

    Source:
        EC2 User Guide, "Requester-managed network interfaces"; descriptions as AWS services write them.
    """
    description = text_of(data.get("Description"))
    key = text_of(data.get("NetworkInterfaceId"))
    for pattern, kind in _DESCRIPTIONS:
        if match := re.match(pattern, description):
            return kind, match[1] if match.groups() else key
    if description == "RDSNetworkInterface" or data.get("RequesterId") == "amazon-rds":
        return "database", key
    return "interface", name_tag(data.get("TagSet")) or key


def read_reservation(document: Document, facts: Facts, path: Path, data: Data) -> None:
    """Read the instances of one reservation."""
    for index, item in enumerate(items(data.get("Instances"))):
        read_instance(document, facts, (*path, "Instances", index), mapping(item))


def read_instance(document: Document, facts: Facts, path: Path, data: Data) -> None:
    """Read one instance and its interfaces."""
    place = document.place(path)
    key = text_of(data.get("InstanceId"))
    interfaces = items(data.get("NetworkInterfaces"))
    if not interfaces:
        state = text_of(mapping(data.get("State")).get("Name")) or "unknown"
        facts.note(place, f"instance {key} has no interface (its state is {state})")
        return
    name = name_tag(data.get("Tags")) or key
    node = facts.nodes.setdefault(key, FoundNode(key, "instance", name, place))
    node.name = name
    for index, item in enumerate(interfaces):
        _add_interface(document, facts, (*path, "NetworkInterfaces", index), mapping(item), node)


def _add_interface(document: Document, facts: Facts, path: Path, data: Data, node: FoundNode) -> None:
    place = document.place(path)
    key = text_of(data.get("NetworkInterfaceId"))
    addresses = sorted(map(mapping, items(data.get("PrivateIpAddresses"))), key=_is_secondary)
    own = [ipv4(each.get("PrivateIpAddress")) for each in addresses] or [ipv4(data.get("PrivateIpAddress"))]
    publics = [_public_ip(each) for each in addresses] or [_public_ip(data)]
    for number, public in enumerate(publics):
        if public is not None and number > 0:
            facts.note(place, f"public address {public} of a secondary private address: netlab maps the primary one")
    for prefixes in ("Ipv4Prefixes", "Ipv6Prefixes"):
        if data.get(prefixes):
            facts.note(place, f"{prefixes} of interface {key}: netlab has single addresses")
    interface = FoundInterface(
        key,
        place,
        subnet=text_of(data.get("SubnetId")),
        vpc=text_of(data.get("VpcId")),
        groups=tuple(
            GroupKey(text_of(mapping(each).get("GroupId")) or text_of(mapping(each).get("GroupName")))
            for each in items(data.get("Groups"))
        ),
        ipv4=tuple(each for each in own if each is not None),
        ipv6=tuple(
            each for item in items(data.get("Ipv6Addresses")) if (each := ipv6(mapping(item).get("Ipv6Address")))
        ),
        public=(publics[0] if publics else None) or _public_ip(data),
        source_dest_check=truth(data.get("SourceDestCheck"), default=True),
        tracking=_tracking(data),
        index=parse_whole(mapping(data.get("Attachment")).get("DeviceIndex")) or 0,
    )
    if interface.ipv6 and not interface.ipv4:
        facts.only_ipv6.add(key)
    known = facts.interfaces.get(key)
    if known is None:
        facts.put(node, interface)
    elif set(known.groups) != set(interface.groups):
        facts.wrong(place, f"gives interface {key} other security groups than {known.place.file} does")


def _is_secondary(address: Data) -> bool:
    return not truth(address.get("Primary"), default=False)


def _public_ip(data: Data) -> IPv4Address | None:
    return ipv4(mapping(data.get("Association")).get("PublicIp"))


def _tracking(data: Data) -> ConnectionTracking:
    found = mapping(data.get("ConnectionTrackingConfiguration")) or mapping(data.get("ConnectionTrackingSpecification"))
    usual = ConnectionTracking()
    return ConnectionTracking(
        _seconds(found, "TcpEstablishedTimeout", 60, 432_000) or usual.tcp_established_s,
        _seconds(found, "UdpTimeout", 30, 60) or usual.udp_s,
        _seconds(found, "UdpStreamTimeout", 60, 180) or usual.udp_stream_s,
    )


def _seconds(found: Data, key: str, least: int, most: int) -> int | None:
    seconds = parse_whole(found.get(key))
    if seconds is not None and not least <= seconds <= most:
        raise InputError(f"{key}: found {seconds}, wanted seconds from {least} to {most}")
    return seconds
