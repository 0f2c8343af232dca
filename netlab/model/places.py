"""
Where a flow begins and ends: from the words of a lab file to addresses, as each end knows them.

A *station* is an interface at which netlab can put a packet on the wire and take one off: an instance's,
a host's ``eth0``, or the VPC's router, which answers for what the VPC itself serves.
"""

from __future__ import annotations

from dataclasses import dataclass

from netlab.errors import InputError
from netlab.model.addresses import Address, address_from_text
from netlab.model.topology import Host, Interface, Lab


@dataclass(frozen=True, slots=True)
class Station:
    """An interface where packets enter and leave; the VPC's router is ``Station("", "vpc")``."""

    node: str
    interface: str

    def __str__(self) -> str:
        return f"{self.node} {self.interface}".strip()


VPC_ROUTER = Station("", "vpc")


@dataclass(frozen=True, slots=True)
class Place:
    """
    An end of a flow, as written.

    Attributes:
        interface: Where it is an instance's.
        host: Where it is on the internet and somebody there has it.
        address: Where an address was written.
        public: ``NODE:public``, or an instance's public address.
        inside: It is in the VPC.
    """

    text: str
    inside: bool
    interface: Interface | None = None
    host: Host | None = None
    address: Address | None = None
    public: bool = False

    @property
    def station(self) -> Station | None:
        """Where its packets leave; None = nobody is there."""
        if self.interface is not None:
            return Station(self.interface.node, self.interface.name)
        if self.host is not None:
            return Station(self.host.name, "eth0")
        return VPC_ROUTER if self.inside else None

    def own(self, family: int) -> Address | None:
        """Return the address by which the place knows itself."""
        if self.address is not None and not (self.public and self.interface is not None):
            return self.address if self.address.version == family else None
        mine: tuple[Address, ...] = ()
        if self.interface is not None:
            mine = self.interface.addresses
        elif self.host is not None:
            mine = self.host.addresses
        return next((each for each in mine if each.version == family), None)

    def from_internet(self, family: int) -> Address | None:
        """Return the address by which the internet knows the place; its own where it has no public one."""
        if family == 4 and self.interface is not None and self.interface.public_ip is not None:
            primary = self.interface.ipv4[0] if self.interface.ipv4 else None
            if self.own(4) == primary:
                return self.interface.public_ip
        return self.own(family)


@dataclass(frozen=True, slots=True)
class Ends:
    """
    The addresses of a flow's first packet, seen from both ends.

    Attributes:
        source: What the packet leaves with.
        source_seen: What the target sees as its source, if it arrives.
        target: What the packet is sent to.
        target_own: What it is addressed to when it arrives.
        crosses_igw: One end is on the internet, or the target's public address is meant.
    """

    source_station: Station
    target_station: Station | None
    source: Address
    source_seen: Address
    target: Address
    target_own: Address
    crosses_igw: bool


def parse_place(lab: Lab, text: str) -> Place:
    """
    Find what a place's words mean in a lab.

    Raises:
        InputError: There is no such node or interface.
    """
    if (address := address_from_text(text)) is not None:
        if (interface := lab.interface_of(address)) is not None:
            return Place(text, inside=True, interface=interface, address=address)
        if (interface := lab.interface_of_public(address)) is not None:
            return Place(text, inside=True, interface=interface, address=address, public=True)
        host = lab.host_of(address)
        inside = host is None and (lab.is_inside(address) or is_vpc_local(address))
        return Place(text, inside=inside, host=host, address=address)
    name, colon, suffix = text.partition(":")
    if colon and suffix != "public":
        raise InputError(f"place {text!r}: found ':{suffix}', wanted ':public'")
    name, _, eni = name.partition("/")
    if name in lab.instances:
        try:
            interface = lab.interface(name, eni)
        except KeyError:
            have = ", ".join(each.name for each in lab.instances[name].interfaces)
            raise InputError(f"place {text!r}: {name} has no interface {eni!r}, it has {have}") from None
        if colon and interface.public_ip is None:
            raise InputError(f"place {text!r}: {interface.label} has no public_ip")
        return Place(text, inside=True, interface=interface, public=bool(colon))
    if name in lab.hosts and not eni:
        return Place(text, inside=False, host=lab.hosts[name])
    known = ", ".join([*lab.instances, *lab.hosts])
    raise InputError(f"place {text!r}: no instance or host of that name, nor an address; there are {known}")


def resolve_ends(lab: Lab, source: str, target: str, family: int | None) -> Ends:
    """
    Find the addresses a flow between two places has.

    Args:
        family: 4 or 6 to insist; None = the one both have, IPv4 first.

    Raises:
        InputError: A place is unknown, the two share no family, or nobody is at the source to send.
    """
    one, two = parse_place(lab, source), parse_place(lab, target)
    for version in (4, 6) if family is None else (family,):
        own, other = one.own(version), two.own(version)
        if own is not None and other is not None:
            break
    else:
        which = "an address family" if family is None else f"IPv{family}"
        raise InputError(f"{source} and {target}: they do not share {which}")
    station = one.station
    if station is None:
        raise InputError(f"place {source!r}: nobody in the lab has that address, so nothing can be sent from it")
    hairpin = two.public and version == 4
    crosses = one.inside != two.inside or hairpin
    return Ends(
        source_station=station,
        target_station=two.station,
        source=own,
        source_seen=_seen_outside(lab, one, own) if crosses and one.inside else own,
        target=two.from_internet(version) or other if two.inside and (hairpin or not one.inside) else other,
        target_own=other,
        crosses_igw=crosses,
    )


def is_vpc_local(address: Address) -> bool:
    """Tell whether the address is link-local or of ``fd00:ec2::/32``: what a VPC serves from its own ranges."""
    return address.is_link_local or (address.version == 6 and int(address) >> 96 == 0xFD000EC2)


def _seen_outside(lab: Lab, place: Place, own: Address) -> Address:
    outside = place.from_internet(own.version) or own
    if outside == own and own.version == 4 and place.interface is not None:
        nat = lab.subnets[place.interface.subnet].nat
        if nat is not None:
            return lab.nat_gateways[nat].public_ip
    return outside
