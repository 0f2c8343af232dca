"""
What the rules say, state aside: pooled per interface, matched against packets. Built once per version of a lab.

Source:
    VPC User Guide, "Security group rules" and "Network ACLs"; EC2 API, IpPermission.
"""

from __future__ import annotations

from dataclasses import dataclass

from netlab.model.acls import AclEntry, NetworkAcl
from netlab.model.addresses import Address, Cidr, contains, is_everywhere
from netlab.model.packets import Packet
from netlab.model.rules import ALL_PORTS, ICMP, ICMPV6, TCP, UDP, Direction, GroupRef, PrefixListRef, Rule, Traffic
from netlab.model.topology import Interface, Lab

_ICMP_FAMILY = {ICMP: 4, ICMPV6: 6}


def traffic_matches(traffic: Traffic, packet: Packet) -> bool:
    """
    Tell whether a packet is of the traffic a rule speaks of: protocol, destination port, ICMP type and code.

    ``icmp`` never speaks of IPv6, nor ``icmpv6`` of IPv4.
    """
    protocol = traffic.protocol
    if protocol is None:
        return True
    if protocol != packet.protocol:
        return False
    if traffic.ports is not None:
        return packet.dport in traffic.ports
    if protocol in _ICMP_FAMILY:
        return (
            packet.family == _ICMP_FAMILY[protocol]
            and traffic.icmp_type in {None, packet.icmp_type}
            and traffic.icmp_code in {None, packet.icmp_code or 0}
        )
    return True


@dataclass(frozen=True, slots=True)
class PooledRule:
    """
    A rule as one interface has it.

    Attributes:
        group: Through which group.
        networks: Its peer, where that is a CIDR or a prefix list; else ().
        members: Its peer, where that is a group: every private address of the members, never a public one.
    """

    rule: Rule
    group: str
    networks: tuple[Cidr, ...]
    members: frozenset[Address]

    def has_peer(self, remote: Address) -> bool:
        """Tell whether the rule's peer holds an address."""
        return remote in self.members or any(contains(network, remote) for network in self.networks)

    def admits(self, packet: Packet, remote: Address) -> bool:
        """Tell whether the rule admits a packet whose other side is *remote*."""
        return traffic_matches(self.rule.traffic, packet) and self.has_peer(remote)


def remote_of(packet: Packet, direction: Direction) -> Address:
    """Return the packet's other side, seen from the card."""
    return packet.src if direction is Direction.INGRESS else packet.dst


def deciding_entry(acl: NetworkAcl, direction: Direction, packet: Packet) -> AclEntry | None:
    """Return the entry with the lowest number that matches; None = the final deny of everything."""
    remote = remote_of(packet, direction)
    for entry in acl.entries(direction):
        if contains(entry.cidr, remote) and traffic_matches(entry.traffic, packet):
            return entry
    return None


class Policy:
    """The rules of a lab, by interface."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._members: dict[str, frozenset[Address]] = {}
        self._pooled: dict[tuple[str, str, Direction], tuple[PooledRule, ...]] = {}
        self._open: dict[tuple[str, str, Direction, int], tuple[Traffic, ...]] = {}

    def pooled(self, interface: Interface, direction: Direction) -> tuple[PooledRule, ...]:
        """Return the rules of all groups of an interface: in the order of its groups, then of the file."""
        place = (interface.node, interface.name, direction)
        if place not in self._pooled:
            groups = [self._lab.groups[name] for name in interface.security_groups]
            rules = (self._pool(rule, group.name) for group in groups for rule in group.rules(direction))
            self._pooled[place] = tuple(rules)
        return self._pooled[place]

    def admitting(self, interface: Interface, direction: Direction, packet: Packet) -> Rule | None:
        """Return the first rule that admits a packet, whatever is remembered of its flow."""
        remote = remote_of(packet, direction)
        for pooled in self.pooled(interface, direction):
            if pooled.admits(packet, remote):
                return pooled.rule
        return None

    def is_open_flow(
        self, interface: Interface, opened_by: Direction, protocol: int, family: int, dport: int | None
    ) -> bool:
        """
        Tell whether a flow is of an untracked class: open to everyone, and so is every answer to it.

        Args:
            opened_by: Which way its first packet goes.
            dport: Of its first packet.

        Source:
            EC2 User Guide, "Security group connection tracking", untracked connections. Only a literal /0 counts.
        """
        if protocol not in {TCP, UDP}:
            return False
        asked = self._open_traffic(interface, opened_by, family)
        if not any(each.protocol in {None, protocol} and _has_port(each, dport) for each in asked):
            return False
        answers = self._open_traffic(interface, opened_by.opposite, family)
        return any(each.protocol in {None, protocol} and each.ports in {None, ALL_PORTS} for each in answers)

    def _open_traffic(self, interface: Interface, direction: Direction, family: int) -> tuple[Traffic, ...]:
        place = (interface.node, interface.name, direction, family)
        if place not in self._open:
            self._open[place] = tuple(
                each.rule.traffic
                for each in self.pooled(interface, direction)
                if not isinstance(each.rule.peer, GroupRef | PrefixListRef)
                and is_everywhere(each.rule.peer)
                and each.rule.peer.version == family
            )
        return self._open[place]

    def _pool(self, rule: Rule, group: str) -> PooledRule:
        peer = rule.peer
        if isinstance(peer, GroupRef):
            return PooledRule(rule, group, (), self._addresses(peer.name))
        if isinstance(peer, PrefixListRef):
            return PooledRule(rule, group, self._lab.prefix_lists[peer.name].entries, frozenset())
        return PooledRule(rule, group, (peer,), frozenset())

    def _addresses(self, group: str) -> frozenset[Address]:
        if group not in self._members:
            members = self._lab.members(group)
            self._members[group] = frozenset(address for each in members for address in each.addresses)
        return self._members[group]


def _has_port(traffic: Traffic, port: int | None) -> bool:
    return traffic.ports is None or port in traffic.ports
