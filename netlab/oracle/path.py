"""
One packet's way through the lab, gate by gate, until it arrives or a gate denies it.

    instance ── card ── acl ── vpc route ── mtu ── (nat) ── igw ── internet ── host

The way in meets the same gates from the other side. An instance whose interface has no source/dest check is an
appliance: it forwards what is addressed to somebody else as its own routes say (atlas.py). With one interface the
packet meets that card twice, both times with the same addresses: where the card remembers the flow, it passes as part
of it.

Source:
    VPC User Guide, "Network ACLs" (order), "Internet gateways", "NAT gateway basics" (the ACL of its subnet applies),
    "Route tables"; EC2 User Guide, "Network MTU".
"""

from __future__ import annotations

from dataclasses import dataclass, field

from netlab.errors import InputError
from netlab.model.addresses import contains
from netlab.model.packets import Packet
from netlab.model.places import VPC_ROUTER, Station, is_vpc_local
from netlab.model.rules import Direction
from netlab.model.topology import Host, Interface, Lab, NatGateway, Subnet
from netlab.model.verdicts import (
    IGW,
    INTERNET,
    MTU_GATE,
    VPC_ROUTE,
    Decision,
    Passage,
    Reason,
    Seen,
    Sight,
    Transit,
    acl_gate,
    card_gate,
    nat_gate,
)
from netlab.model.wire import Departure
from netlab.oracle.atlas import Hop, Way, is_uncarried
from netlab.oracle.card import judge
from netlab.oracle.gateway import enter_vpc, leave_vpc
from netlab.oracle.policy import deciding_entry
from netlab.oracle.world import Judged, World

VPC_MTU, INTERNET_MTU = 9001, 1500
_MOST_FORWARDS = 8


@dataclass(slots=True)
class Walk:
    """
    A packet under way.

    Attributes:
        detail: Why it is BROKEN; empty = it is not.
    """

    world: World
    now_s: float
    judged: list[Judged] = field(default_factory=list)
    trail: list[Sight] = field(default_factory=list)
    arrived: Packet | None = None
    arrived_at: Station | None = None
    detail: str = ""
    _forwards: int = 0

    def start(self, departure: Departure) -> Transit:
        """
        Send a packet and follow it.

        Raises:
            InputError: The lab has no such station.
        """
        station, packet = departure.station, departure.packet
        lab = self.world.lab
        self.trail.append(Sight(str(station), packet))
        if station == VPC_ROUTER:
            self._route(packet, None)
        elif station.node in lab.instances:
            interface = _interface(lab, station)
            if self._fits(packet, VPC_MTU, at_sender=True) and self._is_carried(interface, packet):
                self._leave(interface, packet)
        elif station.node in lab.hosts:
            self._from_host(lab.hosts[station.node], packet)
        else:
            raise InputError(f"station {station}: found no such instance or host in lab {lab.name}")
        return self._transit(packet)

    def _transit(self, packet: Packet) -> Transit:
        passages = tuple(each.passage for each in self.judged)
        seen = Seen.BROKEN if self.detail else Seen.LOST
        if self.arrived is not None:
            seen = Seen.DELIVERED
        return Transit(packet, self.arrived, seen, passages, tuple(self.trail), self.now_s, self.detail)

    # --- inside the VPC

    def _leave(self, interface: Interface, packet: Packet) -> None:
        if self._passes_card(interface, Direction.EGRESS, packet):
            self._route(packet, self.world.atlas.subnet(interface), interface)

    def _route(self, packet: Packet, subnet: Subnet | None, sender: Interface | None = None) -> None:
        hop = self.world.atlas.next_hop(subnet, packet.dst)
        if hop == sender and sender is not None and packet.dst not in sender.addresses:
            self._deny(VPC_ROUTE, Reason.NO_ROUTE, packet)  # the subnet's route leads back to where it comes from
            return
        leaves = subnet is not None and not _stays(hop, packet, subnet)
        if subnet is not None and leaves and not self._passes_acl(subnet, Direction.EGRESS, packet):
            return
        match hop:
            case Interface():
                self._enter(hop, packet, subnet)
            case NatGateway():
                if self._fits(packet, INTERNET_MTU):
                    self._through_nat(hop, packet, subnet)
            case Way.ROUTER:
                self._arrive(VPC_ROUTER, packet)
            case Way.IGW:
                if self._fits(packet, INTERNET_MTU):
                    self._to_internet(packet)
            case Way.NOWHERE:
                self._deny(VPC_ROUTE, Reason.NO_ROUTE, packet)

    def _enter(self, interface: Interface, packet: Packet, origin: Subnet | None) -> None:
        """Bring a packet to an interface; *origin* None = from a gateway or the router."""
        subnet = self.world.atlas.subnet(interface)
        crosses = origin is None or origin.name != subnet.name
        if crosses and not self._passes_acl(subnet, Direction.INGRESS, packet):
            return
        if not self._passes_card(interface, Direction.INGRESS, packet):
            return
        station = Station(interface.node, interface.name)
        owner = self.world.atlas.owner(packet.dst)
        if owner is not None and owner.node == interface.node:
            self._arrive(station, packet)
            return
        if interface.source_dest_check:
            self._deny(card_gate(interface, "source-dest-check"), Reason.SPOOFED, packet)
            return
        self.trail.append(Sight(str(station), packet))
        self._forwards += 1
        if self._forwards > _MOST_FORWARDS:
            self.detail = f"{packet} goes round in a circle by {interface.label}"
        else:
            self._leave(self.world.atlas.forwarding_interface(interface, packet.dst), packet)

    # --- around it

    def _to_internet(self, packet: Packet) -> None:
        outside = leave_vpc(self.world.atlas, packet)
        if outside is None:
            self._deny(IGW, Reason.NO_PUBLIC_ADDRESS, packet)
        else:
            self._internet(outside)

    def _internet(self, packet: Packet) -> None:
        atlas = self.world.atlas
        host = atlas.host(packet.dst)
        if host is not None:
            self._arrive(Station(host.name, "eth0"), packet)
        elif packet.dst in atlas.private or self.world.lab.is_inside(packet.dst):
            self._from_internet(packet)
        else:
            self._deny(INTERNET, Reason.NO_ROUTE, packet)

    def _from_host(self, host: Host, packet: Packet) -> None:
        if not self._fits(packet, INTERNET_MTU, at_sender=True):
            return
        if is_uncarried(packet.src) or is_uncarried(packet.dst):
            self._deny(INTERNET, Reason.NO_ROUTE, packet)
        elif packet.src not in host.addresses and not host.spoof:
            self._deny(INTERNET, Reason.SPOOFED, packet)
        else:
            self._internet(packet)

    def _from_internet(self, packet: Packet) -> None:
        """Bring a packet to the gateway from outside, where nobody has an address of the VPC's own."""
        if self.world.lab.is_inside(packet.src) or is_vpc_local(packet.src):
            self._deny(IGW, Reason.SPOOFED, packet)
            return
        inside = enter_vpc(self.world.atlas, packet)
        if inside is None:
            self._deny(IGW, Reason.NO_PUBLIC_ADDRESS, packet)
            return
        gateway = self.world.atlas.gateways.get(inside.dst)
        if gateway is not None:
            self._back_through_nat(gateway, inside)
        else:
            self._route(inside, None)

    def _through_nat(self, gateway: NatGateway, packet: Packet, origin: Subnet | None) -> None:
        subnet = self.world.lab.subnets[gateway.subnet]
        crosses = origin is None or origin.name != subnet.name
        if crosses and not self._passes_acl(subnet, Direction.INGRESS, packet):
            return
        outside = self.world.nat(gateway).outward(packet, self.now_s, self.world.nat_number)
        if outside is None:
            self._deny(nat_gate(gateway.name), Reason.NO_ROUTE, packet)
        elif self._passes_acl(subnet, Direction.EGRESS, outside):
            if subnet.internet:
                self._to_internet(outside)
            else:
                self._deny(VPC_ROUTE, Reason.NO_ROUTE, outside)

    def _back_through_nat(self, gateway: NatGateway, packet: Packet) -> None:
        subnet = self.world.lab.subnets[gateway.subnet]
        if not self._passes_acl(subnet, Direction.INGRESS, packet):
            return
        inside = self.world.nat(gateway).inward(packet, self.now_s)
        if inside is None:
            self._deny(nat_gate(gateway.name), Reason.NO_ROUTE, packet)
            return
        owner = self.world.atlas.owner(inside.dst)
        crosses = owner is None or owner.subnet != subnet.name
        if crosses and not self._passes_acl(subnet, Direction.EGRESS, inside):
            return
        if owner is None:
            self._deny(VPC_ROUTE, Reason.NO_ROUTE, inside)
        else:
            self._enter(owner, inside, subnet)

    # --- gates

    def _passes_card(self, interface: Interface, direction: Direction, packet: Packet) -> bool:
        world = self.world
        self.trail.append(Sight(f"card {interface.label} {direction.value}", packet))
        tracker = world.tracker(interface)
        passages = judge(world.atlas, world.policy, tracker, interface, direction, packet, self.now_s)
        self.judged.extend(Judged(passage, packet, interface) for passage in passages)
        return passages[-1].decision is Decision.ALLOW

    def _passes_acl(self, subnet: Subnet, direction: Direction, packet: Packet) -> bool:
        if self.world.atlas.is_exempt(packet):
            return True
        acl = self.world.lab.acls[subnet.acl]
        entry = deciding_entry(acl, direction, packet)
        allows = entry is not None and entry.allow
        passage = Passage(
            acl_gate(acl.name, direction),
            Decision.ALLOW if allows else Decision.DENY,
            Reason.ACL,
            str(entry.number) if entry is not None else "*",
        )
        self.judged.append(Judged(passage, packet, acl))
        return allows

    def _fits(self, packet: Packet, mtu: int, *, at_sender: bool = False) -> bool:
        """Judge a packet's size; too big ones pass in fragments, where they may be fragmented there."""
        whole = packet.df or (packet.family == 6 and not at_sender)
        if whole and packet.length > mtu:
            self._deny(MTU_GATE, Reason.MTU, packet)
            return False
        return True

    def _is_carried(self, interface: Interface, packet: Packet) -> bool:
        """Judge addresses that no network carries: such a packet dies on the link, before any rule."""
        if is_uncarried(packet.dst) or (is_uncarried(packet.src) and not interface.source_dest_check):
            self._deny(VPC_ROUTE, Reason.NO_ROUTE, packet)
            return False
        if is_uncarried(packet.src):
            self._deny(card_gate(interface, "source-dest-check"), Reason.SPOOFED, packet)
            return False
        return True

    def _deny(self, gate: str, reason: Reason, packet: Packet) -> None:
        self.judged.append(Judged(Passage(gate, Decision.DENY, reason), packet))

    def _arrive(self, station: Station, packet: Packet) -> None:
        self.trail.append(Sight(str(station), packet))
        self.arrived, self.arrived_at = packet, station


def _interface(lab: Lab, station: Station) -> Interface:
    try:
        return lab.interface(station.node, station.interface)
    except KeyError:
        raise InputError(f"station {station}: {station.node} has no interface {station.interface!r}") from None


def _stays(hop: Hop, packet: Packet, subnet: Subnet) -> bool:
    """Tell whether a packet from a subnet does not cross its border."""
    if isinstance(hop, Interface | NatGateway):
        return hop.subnet == subnet.name
    own = (subnet.cidr, subnet.ipv6_cidr)
    return hop is Way.NOWHERE and any(contains(each, packet.dst) for each in own if each is not None)
