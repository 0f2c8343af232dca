"""From the kernel's connection table to the card's: what AWS would remember, and for how long."""

from __future__ import annotations

from netlab.compile.card_exempt import exempt_addresses
from netlab.compile.card_names import ENTRY_BY_INSTANCE, ENTRY_TRACKED, ENTRY_TURNED, STREAM
from netlab.compile.card_state import ICMP_S, OTHER_S, scaled_s
from netlab.compile.disguise import PLAIN_NOTICE, PLAIN_PING, PORTLESS, icmp_id
from netlab.kernel.conntrack import ConntrackEntry
from netlab.model.rules import ICMP, ICMPV6, TCP, UDP, Direction
from netlab.model.topology import Interface, Lab
from netlab.model.wire import Entry

_LAST_SECOND_S = 0.5
"""What is said to be left where the kernel says 0."""


def entry_from_conntrack(lab: Lab, interface: Interface, raw: ConntrackEntry) -> Entry | None:
    """
    Return what an entry of the card's namespace means; None = AWS has none: its time is over, or it is never filtered.

    The kernel tells whole seconds, rounded down: 0 is an entry's last second, below that it is over.
    """
    left_s = raw.timeout_s
    if raw.protocol == UDP and raw.mark & STREAM != STREAM:
        # The kernel's timer runs at the stream's length for both; the shorter one is the card's own set.
        tracking = interface.connection_tracking
        left_s -= scaled_s(lab, tracking.udp_stream_s) - scaled_s(lab, tracking.udp_s)
    if is_icmp := _is_icmp(raw):
        left_s -= scaled_s(lab, OTHER_S) - scaled_s(lab, ICMP_S)
    if left_s < 0:
        return None
    tracked = bool(raw.mark & ENTRY_TRACKED)
    if not tracked and not {raw.src, raw.dst}.isdisjoint(exempt_addresses(lab, raw.family)):
        return None
    by_instance = bool(raw.mark & ENTRY_BY_INSTANCE) if tracked else raw.src in interface.addresses
    src, dst = raw.src, raw.dst
    ports = (raw.sport, raw.dport) if raw.protocol in {TCP, UDP} else (None, None)  # GRE has keys in their place
    if is_icmp:
        ports = (icmp_id(raw.zone) or None if raw.protocol == PLAIN_PING else None, None)
    if tracked and raw.mark & ENTRY_TURNED:
        # Conntrack goes by the packet it met first, AWS by the one that opened the flow it remembers.
        src, dst = dst, src
        ports = ports if is_icmp else ports[::-1]
    return Entry(
        interface=interface.label,
        protocol=_protocol(raw),
        src=src,
        dst=dst,
        sport=ports[0],
        dport=ports[1],
        opened_by=Direction.EGRESS if by_instance else Direction.INGRESS,
        tracked=tracked,
        state=raw.state,
        left_s=max(left_s, _LAST_SECOND_S) / lab.scale,
    )


def takes_room_in_vain(lab: Lab, interface: Interface, raw: ConntrackEntry) -> bool:
    """Tell whether an entry counts in the kernel and to AWS is none: its time is over, or its flow untracked."""
    if raw.protocol not in {TCP, UDP} and not _is_icmp(raw):
        return False
    return not raw.mark & ENTRY_TRACKED or entry_from_conntrack(lab, interface, raw) is None


def _is_icmp(raw: ConntrackEntry) -> bool:
    return raw.protocol in {PLAIN_PING, PLAIN_NOTICE}


def _protocol(raw: ConntrackEntry) -> int:
    """Return what conntrack was not shown."""
    if _is_icmp(raw):
        return ICMP if raw.family == 4 else ICMPV6
    return raw.zone if raw.zone in PORTLESS else raw.protocol
