"""Doors: the interfaces of a running lab where packets enter and leave, each with a tap and a way to send."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass

from netlab.kernel.taps import Originator, Tap, device_facts, local_addresses
from netlab.model.addresses import Address
from netlab.model.places import VPC_ROUTER, Station
from netlab.model.topology import Lab
from netlab.plan.nouns import INTERNET, VPC, card_name, kernel_name

_INSIDE_MTU = 9001
_ETHERTYPE = {4: b"\x08\x00", 6: b"\x86\xdd"}


@dataclass(frozen=True, slots=True)
class Door:
    """
    One door.

    Attributes:
        owned: Its node's addresses, packed: a packet to one of them that comes in here has arrived.
        send: Sends a packet, IP header first, to an address. Raises OSError as the kernel answers.
    """

    station: Station
    tap: Tap
    owned: frozenset[bytes]
    mtu: int
    send: Callable[[bytes, Address], None]

    @property
    def name(self) -> str:
        """The station's."""
        return str(self.station)


def open_doors(lab: Lab, stack: ExitStack) -> Iterator[Door]:
    """
    Open every door of a running lab: instances' interfaces, hosts, the VPC's router; *stack* closes what it uses.

    Raises:
        KernelError: A namespace or a device is not there.
    """
    for each in lab.interfaces():
        peer = (card_name(each.node, each.name), "inst")
        # An instance takes what is for any address of its own, whichever interface it comes in by.
        owned = tuple(address for own in lab.instances[each.node].interfaces for address in own.addresses)
        yield _open_door(lab, stack, Station(each.node, each.name), peer, owned)
    for index, host in enumerate(lab.hosts.values()):
        yield _open_door(lab, stack, Station(host.name, "eth0"), (INTERNET, f"h{index}"), host.addresses)
    router = kernel_name(lab.name, VPC)
    originator = Originator(router)
    stack.callback(originator.close)
    served = local_addresses(router)
    tap = Tap(router, destinations=sorted(served, key=lambda each: (each.version, each.packed)))
    stack.callback(tap.close)
    yield Door(VPC_ROUTER, tap, frozenset(each.packed for each in served), _INSIDE_MTU, originator.send)


def _open_door(lab: Lab, stack: ExitStack, station: Station, peer: tuple[str, str], owned: tuple[Address, ...]) -> Door:
    """Open the door of a station whose neighbour on the link is *peer*: a namespace's short name, a device."""
    namespace = kernel_name(lab.name, station.node)
    facts = device_facts(namespace, station.interface)
    head = device_facts(kernel_name(lab.name, peer[0]), peer[1]).mac + facts.mac
    tap = Tap(namespace, station.interface)
    stack.callback(tap.close)

    def send(packet: bytes, destination: Address) -> None:
        tap.send(head + _ETHERTYPE[destination.version] + packet)

    return Door(station, tap, frozenset(each.packed for each in owned), facts.mtu, send)
