"""The ground of an imported lab while it is being laid, and what stands where on it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import IPv4Address

from netlab.formats.import_facts import Facts
from netlab.formats.import_found import FoundInterface, FoundTable
from netlab.formats.import_places import Place
from netlab.model.acls import NetworkAcl
from netlab.model.addresses import Address, contains
from netlab.model.topology import NatGateway, Subnet, Vpc


@dataclass(slots=True)
class Land:
    """
    The ground, and what stands where.

    Attributes:
        vpc_known: The VPC's network is in the files.
        names: Of subnets, by the key of the files.
        spare: Name of the made-up subnet; empty = there is none.
        made_up: Subnets that no file describes, by key, with the place that refers to them first.
        without_public: Names of subnets that reach the internet by IPv6 alone: nothing there has a public address.
        tables: The route table of each subnet, by the subnet's key.
        places: Where parts of the lab stand in the files, by a field of Lab, a name, and parts within.
    """

    key: str
    vpc: Vpc
    vpc_known: bool
    subnets: dict[str, Subnet] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    spare: str = ""
    made_up: dict[str, Place] = field(default_factory=dict)
    without_public: set[str] = field(default_factory=set)
    acls: dict[str, NetworkAcl] = field(default_factory=dict)
    nats: dict[str, NatGateway] = field(default_factory=dict)
    tables: dict[str, FoundTable] = field(default_factory=dict)
    publics: Iterator[IPv4Address] = field(default_factory=lambda: iter(()))
    owners: dict[Address, str] = field(default_factory=dict)
    places: dict[tuple[str, ...], Place] = field(default_factory=dict)

    def subnet_of(self, interface: FoundInterface) -> Subnet | None:
        """Return the subnet an interface stands in by the files; None where it is unknown."""
        name = self.names.get(interface.subnet)
        return None if name is None else self.subnets[name]

    def claim(self, facts: Facts, place: Place, address: Address | None, owner: str) -> None:
        """Give an address to its owner; one that two have is a mistake."""
        if address is not None and self.owners.setdefault(address, owner) != owner:
            facts.wrong(place, f"{address} is {self.owners[address]}'s already")

    def claim_public(self, facts: Facts, place: Place, address: IPv4Address | None, owner: str) -> None:
        """Give a public address to its owner; it has to be one on the internet."""
        if address is None:
            return
        special = address.is_multicast or address.is_loopback or address.is_unspecified or address.is_link_local
        if special or contains(self.vpc.cidr, address):
            facts.wrong(place, f"{address} is no public address")
        self.claim(facts, place, address, owner)

    def is_inside(self, interface: FoundInterface) -> bool:
        """Tell whether an interface is of the lab's VPC, as far as is known."""
        return self.has(interface.vpc)

    def has(self, vpc: str) -> bool:
        """Tell whether a VPC is the lab's, as far as is known."""
        return vpc in {"", self.key} or not self.key

    def leave_out(self, facts: Facts, place: Place, what: str, vpc: str) -> None:
        """Note that the lab does not have a thing, as it is of another VPC."""
        here = f", here {facts.called(self.key)}"
        facts.note(place, f"{what} is of {facts.called(vpc)}; a lab has one VPC{here}")
