"""
What a lab file leaves out and AWS or netlab fills in: rule ids, the default group and ACL, groups, addresses.

Also where a file as a whole is measured against AWS's quotas, as the calls that would build it are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from netlab.control.groups import checked_groups, find_interface, twice_in_one_call
from netlab.control.ids import made_up_id, rule_ids
from netlab.control.quotas import check_entries, check_prefixes, check_rules
from netlab.errors import InputError, RefusedError
from netlab.model.acls import DEFAULT_ACL, AclEntry, NetworkAcl
from netlab.model.addresses import EVERYWHERE, Address
from netlab.model.rules import Direction, GroupRef, Rule, SecurityGroup, Traffic
from netlab.model.topology import DEFAULT_GROUP, Instance, Interface, Lab, NatGateway, Subnet

_RESERVED = 4  # the network's own address, the router, the resolver, one for the future: VPC User Guide, subnet sizing


Place = tuple[str, ...]
"""A part of a lab: a field of Lab, a name, and parts within: ``("groups", "web", "ingress")``."""


@dataclass(frozen=True, slots=True)
class LabRefusal:
    """One thing of a lab that AWS would not take: where it stands, how messages name that, and the refusal."""

    place: Place
    subject: str
    refused: RefusedError

    @property
    def error(self) -> RefusedError:
        """The refusal as the call that would build that part gets it."""
        message = ": ".join(part for part in (self.subject, self.refused.message) if part)
        return RefusedError(self.refused.code, message, self.refused.found)


def completed(lab: Lab) -> Lab:
    """
    Return the lab with everything filled in; a complete one comes back equal.

    Raises:
        RefusedError: AWS would not take what the file says: a quota, a rule twice, an unknown group, a full subnet.
        InputError: A prefix list has the default group's name, or a route names no instance.
    """
    lab, refused = _filled(lab)
    if refused:
        raise refused[0].error
    return lab


def refusals(lab: Lab) -> tuple[LabRefusal, ...]:
    """
    Return everything of a lab, completed or not, that AWS would not take; `completed` raises the first of it.

    Raises:
        InputError: A prefix list has the default group's name, or a route names no instance.
    """
    return _filled(lab)[1]


def _filled(lab: Lab) -> tuple[Lab, tuple[LabRefusal, ...]]:
    if DEFAULT_GROUP in lab.prefix_lists:
        raise InputError(f"prefix list {DEFAULT_GROUP}: found the name of the VPC's default group, wanted another")
    notes = _Notes()
    lab = replace(lab, groups=_groups(lab), acls=_acls(lab, notes), subnets=_subnets(lab))
    for name, prefix_list in lab.prefix_lists.items():
        with notes.about(("prefix_lists", name)):
            check_prefixes(prefix_list)
    _check_groups(lab, notes)
    free = _Free(lab)
    instances = {name: _instance(lab, free, instance, notes) for name, instance in lab.instances.items()}
    gateways = {name: _gateway(lab, free, gateway, notes) for name, gateway in lab.nat_gateways.items()}
    return replace(lab, instances=instances, nat_gateways=gateways), tuple(notes.refused)


@dataclass(slots=True)
class _Notes:
    """What was refused so far."""

    refused: list[LabRefusal] = field(default_factory=list)

    @contextmanager
    def about(self, place: Place, subject: str = "") -> Iterator[None]:
        """Note a refusal, and of which part of the lab it speaks; what is refused is left as it is."""
        try:
            yield
        except RefusedError as error:
            self.refused.append(LabRefusal(place, subject, error))


class _Free:
    """Hands out the next free address of a subnet, each once."""

    def __init__(self, lab: Lab) -> None:
        self.first: dict[IPv4Network | IPv6Network, int] = {}  # below it none is free
        self.taken: set[Address] = {address for interface in lab.interfaces() for address in interface.addresses}
        self.taken |= {gateway.ip for gateway in lab.nat_gateways.values() if gateway.ip is not None}

    def ipv4(self, subnet: Subnet) -> IPv4Address:
        """Return the next IPv4 address."""
        return IPv4Address(self._next(subnet, subnet.cidr))

    def ipv6(self, subnet: Subnet, network: IPv6Network) -> IPv6Address:
        """Return the next IPv6 address."""
        return IPv6Address(self._next(subnet, network))

    def _next(self, subnet: Subnet, network: IPv4Network | IPv6Network) -> int:
        first = self.first.get(network, int(network.network_address) + _RESERVED)
        for number in range(first, int(network.broadcast_address)):
            address = type(network.network_address)(number)
            if address not in self.taken:
                self.taken.add(address)
                self.first[network] = number + 1
                return number
        raise RefusedError(
            "InsufficientFreeAddressesInSubnet",
            f"The specified subnet '{subnet.name}' does not have enough free addresses in {network}.",
        )


def _groups(lab: Lab) -> Mapping[str, SecurityGroup]:
    groups = dict(lab.groups)
    groups.setdefault(DEFAULT_GROUP, _default_group(lab))
    taken = rule_ids(lab)
    return {
        name: replace(
            group,
            ingress=_named(group, Direction.INGRESS, taken),
            egress=_named(group, Direction.EGRESS, taken),
        )
        for name, group in groups.items()
    }


def _default_group(lab: Lab) -> SecurityGroup:
    """Return a VPC's default group. Source: VPC User Guide, "Default security groups"."""
    families = (4, 6) if lab.has_ipv6 else (4,)
    return SecurityGroup(
        DEFAULT_GROUP,
        ingress=(Rule("", Direction.INGRESS, Traffic(None), GroupRef(DEFAULT_GROUP)),),
        egress=tuple(Rule("", Direction.EGRESS, Traffic(None), EVERYWHERE[family]) for family in families),
        description="default VPC security group",
    )


def _named(group: SecurityGroup, direction: Direction, taken: set[str]) -> tuple[Rule, ...]:
    named = []
    for number, rule in enumerate(group.rules(direction), 1):
        name = rule.id or made_up_id(group.name, direction, number, taken)
        taken.add(name)
        named.append(rule if rule.id else replace(rule, id=name))
    return tuple(named)


def _acls(lab: Lab, notes: _Notes) -> Mapping[str, NetworkAcl]:
    acls = {name: _sorted(acl) for name, acl in lab.acls.items()}
    acls.setdefault(DEFAULT_ACL, _default_acl(lab))
    for acl in acls.values():
        for direction in Direction:
            with notes.about(("acls", acl.name, direction.value), f"acl {acl.name} {direction.value}"):
                check_entries(acl.entries(direction))
    return acls


def _default_acl(lab: Lab) -> NetworkAcl:
    """Return a VPC's default ACL. Source: VPC User Guide, "Default network ACL"."""
    numbers = ((100, 4), (101, 6)) if lab.has_ipv6 else ((100, 4),)
    entries = tuple(AclEntry(number, Traffic(None), EVERYWHERE[family], allow=True) for number, family in numbers)
    return NetworkAcl(DEFAULT_ACL, entries, entries)


def _sorted(acl: NetworkAcl) -> NetworkAcl:
    both = (sorted(acl.entries(direction), key=lambda entry: entry.number) for direction in Direction)
    ingress, egress = (tuple(entries) for entries in both)
    return replace(acl, ingress=ingress, egress=egress)


def _subnets(lab: Lab) -> Mapping[str, Subnet]:
    return {
        name: replace(
            subnet,
            routes=tuple(
                replace(route, interface=find_interface(lab, route.node, route.interface).name)
                for route in subnet.routes
            ),
        )
        for name, subnet in lab.subnets.items()
    }


def _check_groups(lab: Lab, notes: _Notes) -> None:
    for group in lab.groups.values():
        for direction in Direction:
            rules = group.rules(direction)
            place = ("groups", group.name, direction.value)
            with notes.about(place, f"{group.name} {direction.value}"):
                if len({rule.properties for rule in rules}) < len(rules):
                    raise twice_in_one_call()
                check_rules(lab.prefix_lists, rules)


def _instance(lab: Lab, free: _Free, instance: Instance, notes: _Notes) -> Instance:
    return replace(instance, interfaces=tuple(_interface(lab, free, each, notes) for each in instance.interfaces))


def _interface(lab: Lab, free: _Free, interface: Interface, notes: _Notes) -> Interface:
    subnet = lab.subnets[interface.subnet]
    groups, ipv4, ipv6 = interface.security_groups or (DEFAULT_GROUP,), interface.ipv4, interface.ipv6
    place = ("instances", interface.node, "interfaces", interface.name)
    with notes.about((*place, "security_groups"), interface.label):
        groups = checked_groups(lab, groups)
    with notes.about(place, interface.label):
        ipv4 = ipv4 or (free.ipv4(subnet),)
        if not ipv6 and subnet.ipv6_cidr is not None:
            ipv6 = (free.ipv6(subnet, subnet.ipv6_cidr),)
    return replace(interface, security_groups=groups, ipv4=ipv4, ipv6=ipv6)


def _gateway(lab: Lab, free: _Free, gateway: NatGateway, notes: _Notes) -> NatGateway:
    if gateway.ip is not None:
        return gateway
    address = None
    with notes.about(("nat_gateways", gateway.name), f"nat gateway {gateway.name}"):
        address = free.ipv4(lab.subnets[gateway.subnet])
    return replace(gateway, ip=address)
