"""
From a rule as asked for to what AWS stores: protocol, ports and peer, checked and normalised, or refused.

Knows nothing of groups' contents: duplicates and quotas are for groups.py and quotas.py.
"""

from __future__ import annotations

import re

from netlab.errors import RefusedError
from netlab.model.addresses import Cidr, address_from_text, cidr_from_text
from netlab.model.changes import RuleRequest
from netlab.model.rules import (
    ICMP,
    ICMPV6,
    PROTOCOL_NAMES,
    PROTOCOL_NUMBERS,
    TCP,
    UDP,
    Direction,
    GroupRef,
    Peer,
    Ports,
    PrefixListRef,
    Rule,
    Traffic,
)
from netlab.model.topology import Lab

EVERY_PROTOCOL = {"-1", "all"}

_DESCRIPTION = re.compile(r"[a-zA-Z0-9 ._\-:/()#,@\[\]+=&;{}!$*]{0,255}")


def rule_from_request(lab: Lab, group: str, direction: Direction, request: RuleRequest) -> Rule:
    """
    Return the rule a request asks for, as AWS stores it; its id is the request's, perhaps empty.

    Raises:
        RefusedError: AWS refuses it.

    Source:
        EC2 API, IpPermission, IpRange, AuthorizeSecurityGroupIngress; messages as reported in public issues.
    """
    traffic = traffic_from_request(request.protocol, request.from_port, request.to_port)
    peer = peer_from_text(lab, group, request.peer)
    if _DESCRIPTION.fullmatch(request.description) is None:
        text = "less than 256 characters from the following set: a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*"
        raise RefusedError("InvalidParameterValue", f"Invalid rule description. Valid descriptions are strings {text}")
    return Rule(request.id, direction, traffic, peer, request.description)


def traffic_from_request(protocol: str, first: int | None, last: int | None) -> Traffic:
    """
    Return the traffic of a security group's rule.

    Args:
        first: AWS's FromPort: a port, or the ICMP type.
        last: AWS's ToPort: a port, or the ICMP code.

    Raises:
        RefusedError: AWS refuses it.
    """
    number = protocol_number(protocol)
    if number in {TCP, UDP}:
        return Traffic(number, ports=_ports(first, last))
    if number in {ICMP, ICMPV6}:
        if number == ICMP and (first is None or last is None):
            raise RefusedError("InvalidParameterValue", _both_needed("ICMP"))
        return icmp_traffic(number, first, last)
    return Traffic(number)


def protocol_number(text: str) -> int | None:
    """
    Return the IANA number of a protocol as asked for; None = every protocol.

    Raises:
        RefusedError: There is none, or it is unknown.
    """
    name = text.strip().lower()
    if not name:
        text = "VPC security group rules must specify protocols explicitly."
        raise RefusedError("InvalidParameterValue", f"Invalid value 'null' for protocol. {text}")
    if name in EVERY_PROTOCOL:
        return None
    number = int(name) if name.isascii() and name.isdecimal() else PROTOCOL_NUMBERS.get(name)
    if number is None or number > 255:
        raise RefusedError("InvalidParameterValue", f"Invalid value '{text}' for IP protocol. Unknown protocol.")
    return number


def icmp_traffic(protocol: int, kind: int | None, code: int | None) -> Traffic:
    """
    Return the traffic of an ICMP type and code; -1 and None = all of them.

    Raises:
        RefusedError: One of them is out of range.
    """
    for name, value in (("type", kind), ("code", code)):
        if value is not None and not -1 <= value <= 255:
            raise RefusedError("InvalidParameterValue", f"ICMP {name} ({value}) out of range")
    if kind is None or kind == -1:
        return Traffic(protocol)
    return Traffic(protocol, icmp_type=kind, icmp_code=None if code == -1 else code)


def peer_from_text(lab: Lab, group: str, text: str) -> Peer:
    """
    Return the peer that a rule of *group* names.

    Raises:
        RefusedError: It is no network, and there is no such group or prefix list.
    """
    if not text:
        wanted = "cidrIp, cidrIpv6, prefixListId, or referencedGroupId"
        raise RefusedError("MissingParameter", f"The request must contain exactly one of: {wanted}")
    if text == "self":
        return GroupRef(group)
    if text in lab.groups:
        return GroupRef(text)
    if text in lab.prefix_lists:
        return PrefixListRef(text)
    if "/" in text or ":" in text or address_from_text(text) is not None or re.match(r"[0-9]+(\.|$)", text):
        return cidr_from_request(text)
    if text.startswith("pl-"):
        raise RefusedError("InvalidPrefixListID.NotFound", f"The prefix list ({text}) does not exist.")
    raise group_not_found(text)


def cidr_from_request(text: str) -> Cidr:
    """
    Return a network with its host bits cleared; its length must be written, also that of a single host.

    Raises:
        RefusedError: It is malformed.

    Source:
        EC2 API, IpRange; VPC User Guide, "Security group rules".
    """
    if re.fullmatch(r"[0-9A-Fa-f.:]+/[0-9]{1,3}", text):
        try:
            return cidr_from_text(text)
        except ValueError:
            pass
    raise RefusedError("InvalidParameterValue", f"CIDR block {text} is malformed")


def group_not_found(name: str) -> RefusedError:
    """Return AWS's refusal of a group that is not there."""
    return RefusedError("InvalidGroup.NotFound", f"The security group '{name}' does not exist")


def spelled_by_aws(rule: Rule) -> str:
    """Return a rule as AWS's message about duplicates spells it: ``peer: 10.0.0.0/16, TCP, from port: 443, …``."""
    traffic = rule.traffic
    what = "ALL" if traffic.protocol is None else PROTOCOL_NAMES.get(traffic.protocol, str(traffic.protocol)).upper()
    if traffic.ports is not None:
        what += f", from port: {traffic.ports.first}, to port: {traffic.ports.last}"
    elif traffic.protocol in {ICMP, ICMPV6}:
        kind, code = ("ALL" if each is None else each for each in (traffic.icmp_type, traffic.icmp_code))
        what += f", type: {kind}, code: {code}"
    return f"peer: {rule.peer}, {what}, ALLOW"


def _ports(first: int | None, last: int | None) -> Ports:
    if first is None or last is None:
        raise RefusedError("InvalidParameterValue", _both_needed("TCP/UDP"))
    for port in (first, last):
        if not 0 <= port <= 65535:
            raise RefusedError("InvalidPermission.Malformed", f"TCP/UDP port ({port}) out of range")
    if first > last:
        raise RefusedError("InvalidParameterValue", f"Invalid TCP/UDP port range ({first}:{last})")
    return Ports(first, last)


def _both_needed(protocols: str) -> str:
    return f"Invalid value for portRange. Must specify both from and to ports with {protocols}."
