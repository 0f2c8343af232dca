"""
What would have admitted a packet that no rule admits: the smallest rule, in netlab's notation and in AWS's.

Source:
    AWS CLI reference, authorize-security-group-ingress and -egress, --ip-permissions.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_network

from netlab.model.changes import Authorize
from netlab.model.notation import parse_rule
from netlab.model.packets import Packet
from netlab.model.rules import (
    ICMP,
    ICMPV6,
    PROTOCOL_NAMES,
    TCP,
    UDP,
    Direction,
    Ports,
    Rule,
    SecurityGroup,
    Traffic,
)
from netlab.model.topology import Interface, Lab
from netlab.oracle.policy import remote_of


@dataclass(frozen=True, slots=True)
class Remedy:
    """
    The smallest rule that would admit what was lost.

    Attributes:
        group: The first one of the interface.
        rule: In netlab's notation.
        aws: The same as a command for AWS's CLI; a group whose id is not known has a placeholder there.
    """

    group: str
    direction: Direction
    rule: str
    aws: str

    @property
    def change(self) -> Authorize:
        """The same as a change of the lab."""
        return Authorize(self.group, self.direction, (parse_rule(self.rule, self.direction),))

    def lines(self) -> list[str]:
        """Return what to say of it."""
        words = f"{self.group} {self.direction.value} {self.rule}"
        return [f"would be admitted by {words}:", f"  netlab authorize {words}", f"  {self.aws}"]

    def as_json(self) -> dict[str, object]:
        """Return it as data for JSON."""
        return {"group": self.group, "direction": self.direction.value, "rule": self.rule, "aws": self.aws}


def remedy_for(lab: Lab, interface: Interface, direction: Direction, packet: Packet) -> Remedy:
    """Return what would make an interface's card admit a packet."""
    rule = smallest_rule(direction, packet)
    group = lab.groups[interface.security_groups[0]]
    return Remedy(group.name, direction, str(rule), _aws_command(group, rule))


def smallest_rule(direction: Direction, packet: Packet) -> Rule:
    """Return the rule that admits packets like this one, from or to this one address, and nothing else."""
    return Rule("", direction, smallest_traffic(packet), ip_network(remote_of(packet, direction)))


def smallest_traffic(packet: Packet) -> Traffic:
    """Return the traffic that packets like this one are of, and nothing else is."""
    protocol = packet.protocol
    if protocol in {TCP, UDP}:
        port = packet.dport or 0
        return Traffic(protocol, ports=Ports(port, port))
    if protocol in {ICMP, ICMPV6}:
        return Traffic(protocol, icmp_type=packet.icmp_type, icmp_code=packet.icmp_code or 0)
    return Traffic(protocol)


def _aws_command(group: SecurityGroup, rule: Rule) -> str:
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
    known = group.aws_id or f"'<id of {group.name}>'"
    return f"aws ec2 authorize-security-group-{rule.direction.value} --group-id {known} --ip-permissions '{words}'"
