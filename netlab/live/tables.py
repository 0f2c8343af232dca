"""From the kernel's connection table to the card's: what AWS would remember, and for how long."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

from netlab.compile.card_names import ENTRY_BY_INSTANCE, ENTRY_TRACKED, STREAM
from netlab.compile.card_state import scaled_s
from netlab.kernel.conntrack import ConntrackEntry
from netlab.model.packets import ECHO_TYPES
from netlab.model.rules import TCP, UDP, Direction
from netlab.model.topology import Interface, Lab
from netlab.model.wire import Entry

_MOST_IPV4 = 0xFFFFFFFF

_ECHO_TYPES = {kind for kinds in ECHO_TYPES.values() for kind in kinds}

_LAST_SECOND_S = 0.5
"""What is said to be left where the kernel says 0."""


def entry_from_conntrack(lab: Lab, interface: Interface, raw: ConntrackEntry) -> Entry | None:
    """
    Return what an entry of the card's namespace means; None = its time as AWS counts it is over.

    The kernel tells whole seconds, rounded down: 0 is an entry's last second, below that it is over.
    """
    left_s = raw.timeout_s
    if raw.protocol == UDP and raw.mark & STREAM != STREAM:
        # The kernel's timer runs at the stream's length for both; the shorter one is the card's own set.
        tracking = interface.connection_tracking
        left_s -= scaled_s(lab, tracking.udp_stream_s) - scaled_s(lab, tracking.udp_s)
    if left_s < 0:
        return None
    tracked = bool(raw.mark & ENTRY_TRACKED)
    by_instance = bool(raw.mark & ENTRY_BY_INSTANCE) if tracked else raw.src in interface.addresses
    ports = (raw.sport, raw.dport) if raw.protocol in {TCP, UDP} else (None, None)  # GRE has keys in their place
    if raw.icmp_type in _ECHO_TYPES:
        ports = (raw.icmp_id, None)
    return Entry(
        interface=interface.label,
        protocol=raw.protocol,
        src=raw.src,
        dst=raw.dst,
        sport=ports[0],
        dport=ports[1],
        opened_by=Direction.EGRESS if by_instance else Direction.INGRESS,
        tracked=tracked,
        state=raw.state,
        left_s=max(left_s, _LAST_SECOND_S) / lab.scale,
    )


def takes_room_in_vain(lab: Lab, interface: Interface, raw: ConntrackEntry) -> bool:
    """Tell whether an entry counts in the kernel and to AWS is none: its time is over, or its flow untracked."""
    if raw.protocol not in {TCP, UDP}:
        return False
    return not raw.mark & ENTRY_TRACKED or entry_from_conntrack(lab, interface, raw) is None


def entry_from_pair(lab: Lab, interface: Interface, parts: tuple[int, ...], expires_s: int) -> Entry:
    """Return what a pair of addresses means that a card remembers beside conntrack (ports ignored)."""
    source, destination, protocol = parts
    width = IPv4Address if max(source, destination) <= _MOST_IPV4 else IPv6Address
    src = width(source)
    return Entry(
        interface=interface.label,
        protocol=protocol,
        src=src,
        dst=width(destination),
        sport=None,
        dport=None,
        opened_by=Direction.EGRESS if src in interface.addresses else Direction.INGRESS,
        tracked=True,
        state="",
        left_s=max(expires_s, _LAST_SECOND_S) / lab.scale,
    )
