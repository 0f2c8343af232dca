"""What AWS never filters, as addresses. Source: VPC User Guide, "Security groups"; aws-behaviour.md 2.8."""

from __future__ import annotations

from ipaddress import ip_address

from netlab.model.addresses import Address
from netlab.model.topology import Lab

_SERVICES = (
    "169.254.169.254", "fd00:ec2::254",  # instance metadata
    "169.254.169.253", "fd00:ec2::253",  # the resolver
    "169.254.169.123", "fd00:ec2::123",  # time
    "169.254.169.250", "169.254.169.251",  # Windows licence activation
    "169.254.170.2",  # ECS task metadata
    "fe80:ec2::1",  # the router
)  # fmt: skip


def exempt_addresses(lab: Lab, family: int) -> tuple[Address, ...]:
    """Return the addresses whose traffic no security group and no network ACL filters, sorted."""
    found: set[Address] = {ip_address(each) for each in _SERVICES}
    found.add(lab.vpc.cidr.network_address + 2)
    found.update(subnet.cidr.network_address + 1 for subnet in lab.subnets.values())
    return tuple(sorted((each for each in found if each.version == family), key=int))
