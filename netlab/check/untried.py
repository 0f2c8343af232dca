"""
What groups and ACLs say that no question tried, and why: nobody is where it speaks of, or no packet gets so far.

A clause is tried where a packet that it speaks of came to its gate, whatever else admits that packet.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from netlab.check.clauses import Clause, Untried
from netlab.check.matrix import Cell
from netlab.check.named import NOBODY, PRIVATE
from netlab.check.samples import holds, sample_of
from netlab.check.stand_ins import addresses_of
from netlab.model.addresses import Cidr, contains
from netlab.model.network import FIRST_PORT
from netlab.model.places import Place, parse_place
from netlab.model.rules import TCP, Direction, GroupRef, Ports, Traffic
from netlab.model.topology import Interface, Lab
from netlab.model.verdicts import IGW, INTERNET, MTU_GATE, VPC_ROUTE, Seen, acl_gate, card_gate


def untried(
    lab: Lab, cells: Iterable[Cell], clauses: Iterable[Clause], instead: Mapping[Cidr, Cidr] | None = None
) -> tuple[Untried, ...]:
    """
    Return which of a lab's clauses no question tried, in their order.

    Args:
        lab: As it was asked.
        instead: Networks that were asked about in the place of others, by those others.
    """
    clauses = tuple(clauses)
    watch = _Watch(lab, clauses, instead or {})
    for cell in cells:
        if not watch.left:
            break
        watch.see(cell)
    return tuple(watch.judged(each) for each in clauses if each in watch.left)


_ANSWER = Traffic(TCP, Ports(FIRST_PORT, FIRST_PORT))
"""What answers TCP's opening."""


class _Watch:
    """Looks at cells, and forgets each clause that one of them tried."""

    def __init__(self, lab: Lab, clauses: Iterable[Clause], instead: Mapping[Cidr, Cidr]) -> None:
        self._lab = lab
        self._instead = instead
        self._places: dict[str, Place] = {}
        self.left: dict[Clause, None] = {}
        self._by_owner: dict[tuple[str, Direction], list[Clause]] = {}
        for each in clauses:
            self.left[each] = None
            self._by_owner.setdefault((each.owner, each.direction), []).append(each)
        self._otherwise: set[Clause] = set()
        self._before: dict[Clause, str] = {}

    def see(self, cell: Cell) -> None:
        """Look at a cell from both ends."""
        source, target = self._place(cell.question.source), self._place(cell.question.target)
        if source.interface is not None:
            self._see(cell, source.interface, target, Direction.EGRESS)
        if target.interface is not None:
            self._see(cell, target.interface, source, Direction.INGRESS)

    def judged(self, clause: Clause) -> Untried:
        """Say why nothing tried a clause."""
        if clause in self._before:
            return Untried(clause, f"its packets are lost before, at {self._before[clause]}")
        if clause in self._otherwise:
            return Untried(clause, "only other traffic was asked about", by_choice=True)
        return Untried(clause, _nobody(self._lab, clause))

    def _see(self, cell: Cell, interface: Interface, other: Place, direction: Direction) -> None:
        sample = sample_of(cell.question)
        before = _lost_before(self._lab, cell, interface, other, direction)
        for name in interface.security_groups:
            for clause in self._spoken_of(name, direction, other, cell):
                self._note(clause, sample, before)
        if other.interface is None or other.interface.subnet != interface.subnet:
            acl = f"acl {self._lab.subnets[interface.subnet].acl}"
            before = _lost_before_acl(before, cell, interface, direction)
            for clause in self._spoken_of(acl, direction, other, cell):
                self._note(clause, sample, before)
            if sample.protocol == TCP and _is_answered(self._lab, cell, interface, direction):
                for clause in self._spoken_of(acl, direction.opposite, other, cell):
                    self._note(clause, _ANSWER, "")

    def _spoken_of(self, owner: str, direction: Direction, other: Place, cell: Cell) -> list[Clause]:
        """Return what is left of an owner's clauses that speak of the other end."""
        own = self._by_owner.get((owner, direction), [])
        return [each for each in own if each in self.left and self._is_peer(each, other, cell.question.family or 4)]

    def _note(self, clause: Clause, sample: Traffic, before: str) -> None:
        if not holds(clause.traffic, sample):
            self._otherwise.add(clause)
        elif before:
            self._before.setdefault(clause, before)
        else:
            del self.left[clause]

    def _is_peer(self, clause: Clause, place: Place, family: int) -> bool:
        if isinstance(clause.peer, GroupRef):
            return place.interface is not None and clause.peer.name in place.interface.security_groups
        address = place.own(family)
        return address is not None and contains(self._instead.get(clause.peer, clause.peer), address)

    def _place(self, name: str) -> Place:
        if name not in self._places:
            self._places[name] = parse_place(self._lab, name)
        return self._places[name]


def _lost_before(lab: Lab, cell: Cell, interface: Interface, other: Place, direction: Direction) -> str:
    """Return the gate where a packet was lost before it came to an interface's card; empty = it came there."""
    gate = cell.verdict.gate or ""
    if cell.seen is not Seen.LOST:
        return ""
    before = {card_gate(interface, "source-dest-check")}
    if direction is Direction.INGRESS:
        before = {IGW, INTERNET, acl_gate(lab.subnets[interface.subnet].acl, Direction.INGRESS)}
        sender = other.interface
        if sender is not None:
            before |= {card_gate(sender, part) for part in ("egress", "source-dest-check", "allowance")}
            before |= {VPC_ROUTE, MTU_GATE, acl_gate(lab.subnets[sender.subnet].acl, Direction.EGRESS)}
    return gate if gate in before else ""


def _lost_before_acl(before: str, cell: Cell, interface: Interface, direction: Direction) -> str:
    """Return the same for the subnet's ACL: what comes in meets it before the card, what leaves behind."""
    if direction is Direction.INGRESS:
        return "" if before.startswith("acl ") and before.endswith(" ingress") else before
    gate = cell.verdict.gate or ""
    cards = {card_gate(interface, part) for part in ("egress", "source-dest-check", "allowance")}
    return gate if cell.seen is Seen.LOST and gate in cards else ""


def _is_answered(lab: Lab, cell: Cell, interface: Interface, direction: Direction) -> bool:
    """Tell whether the answer to TCP's opening came to the ACL of the interface's subnet; no other answer is sent."""
    return cell.seen is Seen.DELIVERED or (
        cell.verdict.gate == acl_gate(lab.subnets[interface.subnet].acl, direction.opposite)
    )


def _nobody(lab: Lab, clause: Clause) -> str:
    """Say why nobody is where a clause speaks of."""
    own = [each for each in lab.interfaces() if clause.owner in _owners(lab, each)]
    if not own:
        return "no interface has it"
    if clause.is_void:
        return "no packet is of both its ICMP and its network's family"
    if isinstance(clause.peer, GroupRef):
        return f"no other place has {clause.peer}"
    if not any(address.version == clause.peer.version for each in own for address in each.addresses):
        return f"nobody there has IPv{clause.peer.version}"
    network = clause.peer
    if any(contains(each, network.network_address) and each.prefixlen <= network.prefixlen for each in NOBODY):
        return "no network carries packets with such an address"
    if any(each is not None and contains(network, each) for each in addresses_of(lab)):
        return "only secondary or public addresses are there, by which nobody was asked"
    far = not lab.is_inside(network.network_address)
    if far and any(contains(each, network.network_address) and each.prefixlen <= network.prefixlen for each in PRIVATE):
        return "no place has such an address, but by peering or a VPN"
    return "no place has such an address"


def _owners(lab: Lab, interface: Interface) -> tuple[str, ...]:
    return (*interface.security_groups, f"acl {lab.subnets[interface.subnet].acl}")
