"""
A card's memory beside conntrack's marks: an nftables table, for what iptables cannot say.

- A UDP flow's entry admits packets only while it is in the set ``alive``: 30 s, or 180 s once more than one request
  and response were seen (the kernel's own criterion for a stream is another one). Likewise ICMP's, for 30 s.
- What conntrack would remember by something else than AWS does is disguised before it (disguise.py).
- The allowance counts the entries of both families.

``before`` runs before the filter table, ``after`` behind it on what it accepted. None depends on rules or groups,
so a change of those leaves the table, and what it remembers, alone.
"""

from __future__ import annotations

from netlab.compile import card_names as names
from netlab.compile.card_state import ICMP_S, scaled_s
from netlab.compile.disguise import PLAIN_NOTICE, PLAIN_PING, disguise_at_card
from netlab.compile.rules import LOGS_PER_SECOND, nft_is_logged
from netlab.model.topology import Interface, Lab
from netlab.plan.nouns import LOG_GROUP, NftTable
from netlab.plan.tags import Tag

TABLE = "card"

_IS_TRACKED = f"ct mark & {names.ENTRY_TRACKED:#x} != 0x0"
_IS_ICMP = f"ct original protocol {{ {PLAIN_PING}, {PLAIN_NOTICE} }}"
_OPENS = f"meta mark & {names.OPENS:#x} != 0x0"


def card_nft(lab: Lab, interface: Interface) -> NftTable:
    """Return the table of an interface's card."""
    tracking = interface.connection_tracking
    udp_s, stream_s = scaled_s(lab, tracking.udp_s), scaled_s(lab, tracking.udp_stream_s)
    parts = [
        f"  set alive {{ typeof ct id; flags dynamic,timeout; timeout {stream_s}s; size 65535; }}",
        *disguise_at_card((4, 6) if lab.has_ipv6 else (4,)),
        *_udp_chains(udp_s, stream_s),
        *(() if interface.allowance is None else (_full_chain(),)),
        *_hooks(interface.allowance, scaled_s(lab, ICMP_S)),
    ]
    return NftTable("inet", TABLE, "\n".join(parts))


def _udp_chains(udp_s: int, stream_s: int) -> list[str]:
    """Return the chains that count both sides' datagrams, up to two, and set the flow's time accordingly."""
    by_instance = f"ct mark & {names.ENTRY_BY_INSTANCE:#x}"
    streams = f"ct mark & {names.STREAM:#x} == {names.STREAM:#x}"
    return [
        _chain(
            "keep-alive",
            f"{streams} update @alive {{ ct id timeout {stream_s}s }} return",
            f"update @alive {{ ct id timeout {udp_s}s }}",
        ),
        _chain("opener", *_count(names.OPENER_FIRST, names.OPENER_AGAIN), "goto keep-alive"),
        _chain("answer", *_count(names.ANSWER_FIRST, names.ANSWER_AGAIN), "goto keep-alive"),
        _chain(
            "datagram",
            f'iifname "{names.INSIDE}" {by_instance} != 0x0 goto opener',
            f'iifname "{names.OUTSIDE}" {by_instance} == 0x0 goto opener',
            "goto answer",
        ),
    ]


def _count(first: int, again: int) -> tuple[str, str]:
    return (f"ct mark & {first:#x} != 0x0 ct mark set ct mark | {again:#x}", f"ct mark set ct mark | {first:#x}")


def _full_chain() -> str:
    """Return the chain that drops a packet for which there is no room; its entry, if any, admits nothing."""
    tag = Tag("allowance", True, "ALLOWANCE")
    log = f'log prefix "{tag}" group {LOG_GROUP}'
    rate = f"limit rate {LOGS_PER_SECOND}/second burst {LOGS_PER_SECOND} packets"
    return _chain(
        "full",
        "ct mark set 0x0",
        *(f"{nft_is_logged(ip)} {log}" for ip in ("ip", "ip6")),
        *(f"{nft_is_logged(ip, negated=True)} {rate} {log}" for ip in ("ip", "ip6")),
        f'counter drop comment "{tag}"',
    )


def _hooks(allowance: int | None, icmp_s: int) -> list[str]:
    limit = () if allowance is None else (f"{_OPENS} ct count over {allowance} goto full",)
    return [
        _chain(
            "before",
            "type filter hook forward priority -1; policy accept;",
            f"ct original protocol 17 {_IS_TRACKED} ct id != @alive ct mark set 0x0",
            f"{_IS_ICMP} {_IS_TRACKED} ct id != @alive ct mark set 0x0",
        ),
        _chain(
            "after",
            "type filter hook forward priority 1; policy accept;",
            *limit,
            f"{_OPENS} ct direction reply ct mark set ct mark | {names.ENTRY_TURNED:#x}",
            "ct state related accept",  # an error renews nothing
            f"{_IS_ICMP} {_IS_TRACKED} update @alive {{ ct id timeout {icmp_s}s }}",
            f"meta l4proto 17 {_IS_TRACKED} goto datagram",
        ),
    ]


def _chain(name: str, *rules: str) -> str:
    return "\n".join([f"  chain {name} {{", *(f"    {rule}" for rule in rules), "  }"])
