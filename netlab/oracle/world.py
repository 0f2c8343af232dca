"""A lab as it is now, and what its cards and NAT gateways remember; and what a gate on a packet's way said of it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from netlab.errors import InputError
from netlab.model.acls import NetworkAcl
from netlab.model.packets import Packet
from netlab.model.topology import Interface, Lab, NatGateway
from netlab.model.verdicts import Passage
from netlab.oracle.atlas import Atlas
from netlab.oracle.gateway import NatTable
from netlab.oracle.policy import Policy
from netlab.oracle.tracker import Tracker


@dataclass(frozen=True, slots=True)
class Judged:
    """
    A passage, with the packet as the gate saw it.

    Attributes:
        by: The card's interface, or the ACL; None at the other gates.
    """

    passage: Passage
    packet: Packet
    by: Interface | NetworkAcl | None = None


class World:
    """
    A lab as it is now, and what its cards and gateways remember.

    Attributes:
        nat_number: The port or ICMP id that a NAT gateway is to give the next flow; None = its own choice.
    """

    def __init__(self, lab: Lab) -> None:
        self.trackers: dict[tuple[str, str], Tracker] = {}
        self.nats: dict[str, NatTable] = {}
        self.nat_number: int | None = None
        self.learn(lab)

    def learn(self, lab: Lab) -> None:
        """Take over a changed lab; nothing is forgotten."""
        self.lab = lab
        self.atlas = Atlas(lab)
        self.policy = Policy(lab)

    def tracker(self, interface: Interface) -> Tracker:
        """Return the connection table of an interface's card."""
        place = (interface.node, interface.name)
        if place not in self.trackers:
            self.trackers[place] = Tracker(interface.connection_tracking, self.lab.scale)
        return self.trackers[place]

    def nat(self, gateway: NatGateway) -> NatTable:
        """Return what a NAT gateway remembers."""
        if gateway.ip is None:
            raise InputError(f"nat gateway {gateway.name}: found no private address, wanted a completed lab")
        if gateway.name not in self.nats:
            self.nats[gateway.name] = NatTable(gateway.ip, self.lab.scale)
        return self.nats[gateway.name]

    def edge_s(self) -> float:
        """Return how near the entries looked up since the last call were to their expiry; infinity = none were."""
        nearest = math.inf
        tables: list[Tracker | NatTable] = [*self.trackers.values(), *self.nats.values()]
        for table in tables:
            nearest = min(nearest, table.edge_s)
            table.edge_s = math.inf
        return nearest
