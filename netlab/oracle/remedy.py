"""
What would have admitted a packet that no rule admits: the smallest rule, in netlab's notation and in AWS's.

Source:
    AWS CLI reference, authorize-security-group-ingress and -egress, --ip-permissions.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_network

from netlab.model.packets import Packet
from netlab.model.rules import ICMP, ICMPV6, PROTOCOL_NAMES, TCP, UDP, Direction, Ports, Rule, Traffic
from netlab.model.topology import Interface
from netlab.oracle.policy import remote_of


@dataclass(frozen=True, slots=True)
class Remedy:
    """
    The smallest rule that would admit what was lost.

    Attributes:
        group: The first one of the interface.
        rule: In netlab's notation.
        aws: The same as a command for AWS's CLI; the group goes by its name.
    """

    group: str
    direction: Direction
    rule: str
    aws: str


def remedy_for(interface: Interface, direction: Direction, packet: Packet) -> Remedy:
    """Return what would make an interface's card admit a packet."""
    rule = smallest_rule(direction, packet)
    group = interface.security_groups[0]
    return Remedy(group, direction, str(rule), _aws_command(group, rule))


def smallest_rule(direction: Direction, packet: Packet) -> Rule:
    """Return the rule that admits packets like this one, from or to this one address, and nothing else."""
    protocol = packet.protocol
    if protocol in {TCP, UDP}:
        port = packet.dport or 0
        traffic = Traffic(protocol, ports=Ports(port, port))
    elif protocol in {ICMP, ICMPV6}:
        traffic = Traffic(protocol, icmp_type=packet.icmp_type, icmp_code=packet.icmp_code or 0)
    else:
        traffic = Traffic(protocol)
    return Rule("", direction, traffic, ip_network(remote_of(packet, direction)))


def _aws_command(group: str, rule: Rule) -> str:
    traffic = rule.traffic
    protocol = traffic.protocol if traffic.protocol is not None else -1
    named = protocol in {TCP, UDP, ICMP, ICMPV6}
    permission = [f"IpProtocol={PROTOCOL_NAMES[protocol] if named else protocol}"]
    if traffic.ports is not None:
        permission += [f"FromPort={traffic.ports.first}", f"ToPort={traffic.ports.last}"]
    elif traffic.icmp_type is not None:
        permission += [f"FromPort={traffic.icmp_type}", f"ToPort={traffic.icmp_code}"]
    ipv6 = ":" in str(rule.peer)
    permission.append(f"Ipv6Ranges=[{{CidrIpv6={rule.peer}}}]" if ipv6 else f"IpRanges=[{{CidrIp={rule.peer}}}]")
    words = ",".join(permission)
    return f"aws ec2 authorize-security-group-{rule.direction.value} --group-id {group} --ip-permissions '{words}'"
