"""
What two real stacks would come to: the policy's verdict on an opening, and the answer of who is there.

A service that listens answers; a closed TCP port answers with RST, a closed UDP port with an ICMP error. The answer has
to find its way back: where it is lost, so is the conversation.
"""

from __future__ import annotations

from dataclasses import replace

from netlab.errors import InputError
from netlab.model.packets import ECHO_REPLY, ECHO_REQUEST, LEAST_SIZE, Packet
from netlab.model.places import VPC_ROUTER, Ends, Station
from netlab.model.rules import ICMP, ICMPV6, TCP, UDP
from netlab.model.stories import Question
from netlab.model.topology import SERVICE_PORTS
from netlab.model.verdicts import Seen, Transit
from netlab.model.wire import Departure
from netlab.oracle.atlas import BASE_SERVED
from netlab.oracle.path import Walk
from netlab.oracle.world import World

_METADATA = {BASE_SERVED[1], BASE_SERVED[4]}
_TIME = {BASE_SERVED[2], BASE_SERVED[5]}


def converse(world: World, now_s: float, ends: Ends, question: Question, sport: int) -> Transit:
    """
    Judge a conversation between a place's real stack and whatever answers at the other.

    Args:
        sport: The source port, or ICMP id, that the stack takes where the question leaves it open.

    Returns:
        The first packet's transit, ``seen`` as its sender sees it; where a later one was lost, that one's.

    Raises:
        InputError: Nothing would answer: neither TCP, nor UDP, nor an echo request.
    """
    first = _first(ends, question, sport)
    walk = Walk(world, now_s)
    opening = walk.start(Departure(ends.source_station, first))
    station, arrived = walk.arrived_at, walk.arrived
    if station is None or arrived is None:
        return opening
    answer, refuses = _answer(world, station, arrived)
    back = Walk(world, now_s).start(Departure(station, answer))
    if back.seen is not Seen.DELIVERED:
        return back
    if refuses:
        return replace(opening, seen=Seen.REFUSED)
    if first.protocol == TCP:
        last = Walk(world, now_s).start(Departure(ends.source_station, replace(first, flags="A")))
        if last.seen is not Seen.DELIVERED:
            return last
    return opening


def _first(ends: Ends, question: Question, sport: int) -> Packet:
    fields = question.fields
    number = fields.sport if fields.sport is not None else sport
    size = max(fields.size or 0, LEAST_SIZE)
    packet = Packet(fields.src or ends.source, ends.target, question.protocol, size=size, df=fields.df)
    if question.protocol in {TCP, UDP}:
        flags = "S" if question.protocol == TCP else ""
        dport = fields.dport if fields.dport is not None else question.dport
        return replace(packet, sport=number, dport=dport, flags=flags)
    if question.protocol in ECHO_REQUEST and question.icmp_type == ECHO_REQUEST[question.protocol]:
        return replace(packet, icmp_type=question.icmp_type, icmp_code=0, icmp_id=number)
    raise InputError(
        f"real: protocol {question.protocol} has no answer to wait for, wanted tcp, udp or an echo request"
    )


def _answer(world: World, station: Station, arrived: Packet) -> tuple[Packet, bool]:
    """Return what the far stack answers, and whether that is a refusal."""
    back = replace(arrived.answered(), size=LEAST_SIZE)
    if arrived.protocol in ECHO_REPLY:
        return replace(back, icmp_type=ECHO_REPLY[arrived.protocol]), False
    listens = _listens(world, station, arrived)
    if arrived.protocol == TCP:
        return replace(back, flags="SA" if listens else "RA"), not listens
    if listens:
        return back, False
    kind = (ICMP, 3, 3) if arrived.family == 4 else (ICMPV6, 1, 4)  # port unreachable: RFC 792, RFC 4443
    protocol, icmp_type, icmp_code = kind
    error = Packet(
        arrived.dst, arrived.src, protocol, icmp_type=icmp_type, icmp_code=icmp_code, quoted=arrived, size=LEAST_SIZE
    )
    return error, True


def _listens(world: World, station: Station, packet: Packet) -> bool:
    listening = (packet.protocol, packet.dport)
    if station == VPC_ROUTER:
        if packet.dst in world.atlas.resolvers:
            return listening in {(TCP, 53), (UDP, 53)}
        return (packet.dst in _METADATA and listening == (TCP, 80)) or (packet.dst in _TIME and listening == (UDP, 123))
    node = world.lab.instances.get(station.node) or world.lab.hosts[station.node]
    return any(listening in SERVICE_PORTS[service] for service in node.services)
