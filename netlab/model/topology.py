"""
The lab: one VPC, its subnets, instances and gateways, and the hosts on the internet.

A Lab is complete: defaults are filled in, every rule has an id, every interface an address and a
group (`control.completed` sees to it). Where the file leaves something out that AWS or netlab fills in, the
field says what "left out" looks like before that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from netlab.model.acls import DEFAULT_ACL, NetworkAcl
from netlab.model.addresses import Address, Cidr, contains
from netlab.model.rules import TCP, UDP, PrefixList, SecurityGroup
from netlab.model.stories import Expectation, Story

DEFAULT_GROUP = "default"
SERVICE_PORTS: dict[str, tuple[tuple[int, int], ...]] = {
    "ssh": ((TCP, 22),),
    "http": ((TCP, 80),),
    "https": ((TCP, 443),),
    "quotes": ((TCP, 443),),
    "dns": ((UDP, 53), (TCP, 53)),
    "echo": ((UDP, 7), (TCP, 7)),
}
"""What a service of that name listens on: (protocol, port)."""


@dataclass(frozen=True, slots=True)
class Vpc:
    """The VPC's own networks."""

    cidr: IPv4Network
    ipv6_cidr: IPv6Network | None = None


@dataclass(frozen=True, slots=True)
class SubnetRoute:
    """A subnet's route to an instance's interface; ``interface`` is never empty in a complete lab."""

    cidr: Cidr
    node: str
    interface: str


@dataclass(frozen=True, slots=True)
class Subnet:
    """
    A subnet.

    Attributes:
        internet: Has a route for everything else to the internet gateway.
        nat: Name of the NAT gateway that its route for everything else (IPv4) leads to; None = none.
    """

    name: str
    cidr: IPv4Network
    ipv6_cidr: IPv6Network | None = None
    internet: bool = False
    acl: str = DEFAULT_ACL
    nat: str | None = None
    routes: tuple[SubnetRoute, ...] = ()


@dataclass(frozen=True, slots=True)
class ConnectionTracking:
    """An interface's idle timers, in seconds. Source: EC2 User Guide, connection tracking."""

    tcp_established_s: int = 432_000
    udp_s: int = 30
    udp_stream_s: int = 180


@dataclass(frozen=True, slots=True)
class Interface:
    """
    An elastic network interface (ENI).

    Attributes:
        node: Name of its instance.
        name: ``eth0`` …; the first of an instance is its primary one.
        ipv4: The primary private address, then the secondary ones; () = to be filled in.
        ipv6: () = to be filled in where the subnet has IPv6.
        public_ip: What the internet gateway maps to the primary private address.
        security_groups: In the file's order; () = to be filled in with the default group.
        allowance: Entries its connection table may hold; None = no limit.
    """

    node: str
    name: str
    primary: bool
    subnet: str
    ipv4: tuple[IPv4Address, ...] = ()
    ipv6: tuple[IPv6Address, ...] = ()
    public_ip: IPv4Address | None = None
    security_groups: tuple[str, ...] = ()
    connection_tracking: ConnectionTracking = ConnectionTracking()
    allowance: int | None = None
    source_dest_check: bool = True

    @property
    def addresses(self) -> tuple[Address, ...]:
        """Every private address: IPv4 first, each family's primary first."""
        return (*self.ipv4, *self.ipv6)

    @property
    def label(self) -> str:
        """How messages name it: ``ec2`` for the primary one, else ``ec2/eth1``."""
        return self.node if self.primary else f"{self.node}/{self.name}"


@dataclass(frozen=True, slots=True)
class Instance:
    """An instance; interfaces in the file's order, the primary first, at least one."""

    name: str
    interfaces: tuple[Interface, ...]
    services: tuple[str, ...] = ()

    @property
    def primary(self) -> Interface:
        """The primary interface."""
        return self.interfaces[0]


@dataclass(frozen=True, slots=True)
class Host:
    """
    A host on the internet; its one interface is ``eth0``.

    Attributes:
        addresses: At least one.
        spoof: May send from any address.
    """

    name: str
    addresses: tuple[Address, ...]
    services: tuple[str, ...] = ()
    spoof: bool = False


@dataclass(frozen=True, slots=True)
class NatGateway:
    """A public NAT gateway; ``ip`` is its private address, None = to be filled in."""

    name: str
    subnet: str
    public_ip: IPv4Address
    ip: IPv4Address | None = None


@dataclass(frozen=True, slots=True)
class Lab:
    """
    Everything the lab file says. Mappings are keyed by name, in the file's order; treat them as frozen.

    Attributes:
        scale: Factor on every timer and every wait; 0.1 = ten times shorter.
        warnings: What was read but changed or without effect, a line each.
    """

    name: str
    vpc: Vpc
    subnets: Mapping[str, Subnet]
    groups: Mapping[str, SecurityGroup] = field(default_factory=dict)
    prefix_lists: Mapping[str, PrefixList] = field(default_factory=dict)
    acls: Mapping[str, NetworkAcl] = field(default_factory=dict)
    nat_gateways: Mapping[str, NatGateway] = field(default_factory=dict)
    instances: Mapping[str, Instance] = field(default_factory=dict)
    hosts: Mapping[str, Host] = field(default_factory=dict)
    scale: float = 1.0
    expectations: tuple[Expectation, ...] = ()
    stories: tuple[Story, ...] = ()
    warnings: tuple[str, ...] = ()

    def interfaces(self) -> Iterator[Interface]:
        """Yield every interface of every instance, in the file's order."""
        for instance in self.instances.values():
            yield from instance.interfaces

    def interface(self, node: str, name: str = "") -> Interface:
        """
        Return one interface of an instance; without a name its primary one.

        Raises:
            KeyError: There is none.
        """
        for interface in self.instances[node].interfaces:
            if name in {"", interface.name}:
                return interface
        raise KeyError(f"{node}/{name}")

    def interface_of(self, address: Address) -> Interface | None:
        """Return the interface that has this private address."""
        return next((each for each in self.interfaces() if address in each.addresses), None)

    def interface_of_public(self, address: Address) -> Interface | None:
        """Return the interface whose public IPv4 address this is."""
        return next((each for each in self.interfaces() if each.public_ip == address), None)

    def host_of(self, address: Address) -> Host | None:
        """Return the internet host that has this address."""
        return next((host for host in self.hosts.values() if address in host.addresses), None)

    def is_inside(self, address: Address) -> bool:
        """Tell whether the address lies in the VPC's networks."""
        if self.vpc.ipv6_cidr is not None and contains(self.vpc.ipv6_cidr, address):
            return True
        return contains(self.vpc.cidr, address)

    def members(self, group: str) -> tuple[Interface, ...]:
        """Return the interfaces that have the group, in the file's order."""
        return tuple(each for each in self.interfaces() if group in each.security_groups)

    @property
    def has_ipv6(self) -> bool:
        """Tell whether the VPC has an IPv6 network."""
        return self.vpc.ipv6_cidr is not None
