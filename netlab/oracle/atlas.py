"""
Where addresses are, and which way a packet for one goes from a subnet. Built once per version of a lab.

Knows no rule and no connection.
"""

from __future__ import annotations

from enum import Enum
from ipaddress import IPv4Address, IPv6Address, ip_network

from netlab.model.addresses import Address, Cidr, contains
from netlab.model.packets import Packet
from netlab.model.places import is_vpc_local
from netlab.model.rules import Direction
from netlab.model.topology import Host, Interface, Lab, NatGateway, Subnet
from netlab.oracle.flows import is_icmp

BASE_SERVED: tuple[Address, ...] = (
    IPv4Address("169.254.169.253"),
    IPv4Address("169.254.169.254"),
    IPv4Address("169.254.169.123"),
    IPv6Address("fd00:ec2::253"),
    IPv6Address("fd00:ec2::254"),
    IPv6Address("fd00:ec2::123"),
)
"""What every VPC serves: resolver, instance metadata, time."""

_ALSO_EXEMPT: tuple[Address, ...] = (
    IPv4Address("169.254.169.250"),  # Windows licence activation
    IPv4Address("169.254.169.251"),
    IPv4Address("169.254.170.2"),  # ECS task metadata
)
_UNCARRIED: tuple[Cidr, ...] = tuple(
    ip_network(each)
    for each in (
        "0.0.0.0/8", "127.0.0.0/8", "224.0.0.0/4", "255.255.255.255/32", "::/128", "::1/128", "fe80::/10", "ff00::/8",
    )
)  # fmt: skip
_NEIGHBOUR_DISCOVERY = range(133, 138)  # RFC 4861


def is_uncarried(address: Address) -> bool:
    """
    Tell whether no network carries packets to or from an address: it means everybody, or is not beyond its own link.

    Source:
        VPC User Guide, "Subnet CIDR blocks": neither broadcast nor multicast; RFC 6890.
    """
    return any(contains(each, address) for each in _UNCARRIED)


class Way(Enum):
    """Where a packet goes that neither an interface nor a NAT gateway takes."""

    ROUTER = "the VPC itself serves the address"
    IGW = "the internet gateway"
    NOWHERE = "no route"


Hop = Interface | NatGateway | Way


class Atlas:
    """
    The places of a lab's addresses.

    Attributes:
        public: Private IPv4 address to the public one, of interfaces and NAT gateways.
        private: The same, the other way.
        resolvers: Addresses at which the VPC's resolver answers.
    """

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self._owners: dict[Address, Interface] = {
            address: interface for interface in lab.interfaces() for address in interface.addresses
        }
        self._hosts: dict[Address, Host] = {address: host for host in lab.hosts.values() for address in host.addresses}
        self.gateways: dict[Address, NatGateway] = {
            gateway.ip: gateway for gateway in lab.nat_gateways.values() if gateway.ip is not None
        }
        self.public: dict[Address, IPv4Address] = {
            each.ipv4[0]: each.public_ip for each in lab.interfaces() if each.public_ip is not None and each.ipv4
        }
        self.public |= {ip: gateway.public_ip for ip, gateway in self.gateways.items()}
        self.private: dict[Address, Address] = {public: own for own, public in self.public.items()}
        base_plus_two = lab.vpc.cidr.network_address + 2
        self.resolvers: frozenset[Address] = frozenset({base_plus_two, BASE_SERVED[0], BASE_SERVED[3]})
        routers = {subnet.cidr.network_address + 1 for subnet in lab.subnets.values()}
        self.served: frozenset[Address] = frozenset({*BASE_SERVED, base_plus_two, *routers})
        self._exempt = self.served | set(_ALSO_EXEMPT)

    def owner(self, address: Address) -> Interface | None:
        """Return the interface that has this private address."""
        return self._owners.get(address)

    def host(self, address: Address) -> Host | None:
        """Return the internet host that has this address."""
        return self._hosts.get(address)

    def subnet(self, interface: Interface) -> Subnet:
        """Return an interface's subnet."""
        return self.lab.subnets[interface.subnet]

    def is_exempt(self, packet: Packet, direction: Direction | None = None) -> bool:
        """
        Tell whether neither security groups nor ACLs look at a packet: by address, whatever its ports.

        Args:
            direction: At a card, where the other end's address counts: an instance with the source of a service is an
                impostor, whom the source check stops. None = at an ACL, where either does.

        Source:
            VPC User Guide, "Control traffic to your AWS resources using security groups", the traffic never filtered.
        """
        ends = {None: (packet.src, packet.dst), Direction.INGRESS: (packet.src,), Direction.EGRESS: (packet.dst,)}
        if not self._exempt.isdisjoint(ends[direction]):
            return True
        return packet.family == 6 and is_icmp(packet) and packet.icmp_type in _NEIGHBOUR_DISCOVERY

    def next_hop(self, subnet: Subnet | None, address: Address) -> Hop:
        """
        Find where the router sends a packet for an address.

        Args:
            subnet: Where the packet comes from; None = from a gateway or the router itself, which know only the VPC.

        Source:
            VPC User Guide, route tables: the longest prefix; traffic within a subnet is local. What is link-local
            does not leave the VPC.
        """
        if address in self.served:
            return Way.ROUTER
        if subnet is None or is_vpc_local(address):
            return self._local(address)
        if any(contains(own, address) for own in (subnet.cidr, subnet.ipv6_cidr) if own is not None):
            return self._local(address)
        candidates: list[tuple[int, int, Hop]] = [
            (route.cidr.prefixlen, 1, self.lab.interface(route.node, route.interface))
            for route in subnet.routes
            if contains(route.cidr, address)
        ]
        local = self._vpc_network(address)
        if local is not None:
            candidates.append((local.prefixlen, 0, self._local(address)))
        candidates.append((-1, 0, self._outward(subnet, address)))
        return max(candidates, key=lambda each: each[:2])[2]

    def is_through_nat(self, interface: Interface, remote: Address) -> bool:
        """Tell whether an interface's traffic with a remote address goes through a NAT gateway."""
        subnet = self.subnet(interface)
        return subnet.nat is not None and isinstance(self.next_hop(subnet, remote), NatGateway)

    def forwarding_interface(self, came_by: Interface, address: Address) -> Interface:
        """
        Return the interface by which an instance forwards a packet for an address.

        That is its own route table's word, whatever the packet came by: the interface in whose IPv4 subnet the address
        is, else the primary one. For IPv6 an instance has single addresses and no subnet: the first one that has any.

        Source:
            EC2 User Guide, "Configure your instance": the primary interface has the default route; ip-route(8).
        """
        mine = self.lab.instances[came_by.node].interfaces
        if address.version == 6:
            return next((each for each in mine if each.ipv6), came_by)
        on_link = (each for each in mine if each.ipv4 and contains(self.subnet(each).cidr, address))
        return next(on_link, mine[0])

    def _local(self, address: Address) -> Hop:
        return self._owners.get(address, Way.NOWHERE)

    def _outward(self, subnet: Subnet, address: Address) -> Hop:
        if address.version == 4 and subnet.nat is not None:
            return self.lab.nat_gateways[subnet.nat]
        return Way.IGW if subnet.internet else Way.NOWHERE

    def _vpc_network(self, address: Address) -> Cidr | None:
        networks = (self.lab.vpc.cidr, self.lab.vpc.ipv6_cidr)
        return next((each for each in networks if each is not None and contains(each, address)), None)
