"""A namespace's connection table, as the kernel has it: listed and emptied. What a mark means is not known here."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

from pyroute2.netlink.exceptions import NetlinkError
from pyroute2.netlink.nfnetlink.nfctsocket import (
    IPS_ASSURED,
    IPS_SEEN_REPLY,
    TCP_CONNTRACK_TO_NAME,
    NFCTAttrTuple,
    NFCTSocket,
)

from netlab.errors import KernelError
from netlab.kernel.netns import entered


@dataclass(frozen=True, slots=True)
class ConntrackEntry:
    """
    One entry; addresses and ports are those of the original direction.

    Attributes:
        family: 4 or 6.
        protocol: IANA number.
        sport: None where the kernel tracks the protocol without ports; likewise ``dport``.
        icmp_id: Likewise ``icmp_type``, ``icmp_code``: for ICMP and ICMPv6; else None.
        state: TCP's (``SYN_SENT``, ``ESTABLISHED`` …); else empty.
        timeout_s: Until it expires.
        packets: Seen in the original and the reply direction; 0 where the namespace does not count.
        replied: A packet of the reply direction has been seen.
        assured: Kept even when the table is full.
        zone: 0 = none.
    """

    family: int
    protocol: int
    src: IPv4Address | IPv6Address
    dst: IPv4Address | IPv6Address
    sport: int | None
    dport: int | None
    icmp_id: int | None
    icmp_type: int | None
    icmp_code: int | None
    state: str
    mark: int
    timeout_s: int
    packets: tuple[int, int]
    replied: bool
    assured: bool
    zone: int = 0


def list_entries(namespace: str) -> tuple[ConntrackEntry, ...]:
    """
    Return every entry of the namespace (the kernel's name of it), both families.

    Raises:
        KernelError: The kernel refused.
    """
    with _conntrack(namespace, "listing the connection table") as conntrack:
        return tuple(_entry(message) for message in conntrack.dump())


def forget(namespace: str, entries: Iterable[ConntrackEntry]) -> None:
    """
    Forget entries; those that are gone already are fine. ICMP as such is not among them.

    Raises:
        KernelError: The kernel refused.
    """
    for each in entries:
        family = socket.AF_INET if each.family == 4 else socket.AF_INET6
        original = NFCTAttrTuple(family, str(each.src), str(each.dst), each.protocol, each.sport, each.dport)
        with _conntrack(namespace, "forgetting a connection", family) as conntrack:
            try:
                conntrack.entry("del", tuple_orig=original, zone=each.zone or None)
            except NetlinkError as error:
                if error.code != errno.ENOENT:
                    raise


def flush(namespace: str) -> None:
    """
    Forget every entry of the namespace.

    Raises:
        KernelError: The kernel refused.
    """
    with _conntrack(namespace, "emptying the connection table") as conntrack:
        conntrack.flush()


@contextmanager
def _conntrack(namespace: str, what: str, family: int = 0) -> Iterator[Any]:
    with entered(namespace):
        conntrack = NFCTSocket(nfgen_family=family)
        try:
            yield conntrack
        except (NetlinkError, OSError) as error:
            raise KernelError(f"{namespace}: {what}: {error}") from error
        finally:
            conntrack.close()


def _entry(message: Any) -> ConntrackEntry:
    original = message.get_attr("CTA_TUPLE_ORIG")
    addresses, proto = original.get_attr("CTA_TUPLE_IP"), original.get_attr("CTA_TUPLE_PROTO")
    family, icmp = (4, "ICMP") if message["nfgen_family"] == 2 else (6, "ICMPV6")
    status = message.get_attr("CTA_STATUS") or 0
    info = message.get_attr("CTA_PROTOINFO")
    tcp = info.get_attr("CTA_PROTOINFO_TCP") if info is not None else None
    counts = [message.get_attr(f"CTA_COUNTERS_{way}") for way in ("ORIG", "REPLY")]
    packets = [each.get_attr("CTA_COUNTERS_PACKETS") if each is not None else 0 for each in counts]
    return ConntrackEntry(
        family=family,
        protocol=proto.get_attr("CTA_PROTO_NUM"),
        src=ip_address(addresses.get_attr(f"CTA_IP_V{family}_SRC")),
        dst=ip_address(addresses.get_attr(f"CTA_IP_V{family}_DST")),
        sport=proto.get_attr("CTA_PROTO_SRC_PORT"),
        dport=proto.get_attr("CTA_PROTO_DST_PORT"),
        icmp_id=proto.get_attr(f"CTA_PROTO_{icmp}_ID"),
        icmp_type=proto.get_attr(f"CTA_PROTO_{icmp}_TYPE"),
        icmp_code=proto.get_attr(f"CTA_PROTO_{icmp}_CODE"),
        state=TCP_CONNTRACK_TO_NAME.get(tcp.get_attr("CTA_PROTOINFO_TCP_STATE"), "") if tcp is not None else "",
        mark=message.get_attr("CTA_MARK") or 0,
        timeout_s=message.get_attr("CTA_TIMEOUT") or 0,
        packets=(packets[0], packets[1]),
        replied=bool(status & IPS_SEEN_REPLY),
        assured=bool(status & IPS_ASSURED),
        zone=message.get_attr("CTA_ZONE") or 0,
    )
