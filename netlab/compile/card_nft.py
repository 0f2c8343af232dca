"""
A card's memory beside conntrack's: an nftables table, for what iptables cannot say.

- A UDP flow's entry admits packets only while it is in the set ``alive``: 30 s, or 180 s once more than one request
  and response were seen (the kernel's own criterion for a stream is another one).
- SCTP, UDP-Lite and DCCP are remembered by addresses and protocol (``pairs4``, ``pairs6``), as AWS does; conntrack
  would take their ports. An ICMP error about such a flow is known by the packet it quotes.
- The allowance counts the entries of both families.

``before`` runs before the filter table, ``after`` behind it on what it accepted. Neither depends on rules or groups,
so a change of those leaves the table, and what it remembers, alone.
"""

from __future__ import annotations

from netlab.compile import card_names as names
from netlab.compile.card_state import OTHER_S, scaled_s
from netlab.compile.rules import LOGS_PER_SECOND, nft_is_logged
from netlab.model.topology import Interface, Lab
from netlab.plan.nouns import LOG_GROUP, NftTable
from netlab.plan.tags import Tag

TABLE = "card"

PAIRS = {4: "pairs4", 6: "pairs6"}
"""The set of remembered pairs, by family: source and destination of the first packet, protocol."""

PORTLESS = (33, 132, 136)
"""Protocols that Linux tracks by port and AWS does not: DCCP, SCTP, UDP-Lite."""

_IS_PORTLESS = "meta l4proto { " + ", ".join(str(each) for each in PORTLESS) + " }"
_IS_TRACKED = f"ct mark & {names.ENTRY_TRACKED:#x} != 0x0"
_ABOUT_KNOWN = f"meta mark set meta mark | {names.QUOTES_BESIDE:#x}"
_KNOWN = f"meta mark set meta mark | {names.BESIDE:#x}"
_IP_FIELDS = {4: ("@nh,96,32", "@nh,128,32", "@nh,72,8"), 6: ("@nh,64,128", "@nh,192,128", "@nh,48,8")}
"""Source, destination and protocol in the IP header, by family: base, offset and length in bits."""

_QUOTED_FIELDS = {4: ("@th,160,32", "@th,192,32", "@th,136,8"), 6: ("@th,128,128", "@th,256,128", "@th,112,8")}
"""The same in the header that an ICMP error quotes, 8 bytes behind its own."""


def card_nft(lab: Lab, interface: Interface) -> NftTable:
    """Return the table of an interface's card."""
    tracking = interface.connection_tracking
    udp_s, stream_s = scaled_s(lab, tracking.udp_s), scaled_s(lab, tracking.udp_stream_s)
    parts = [
        *_sets(stream_s, scaled_s(lab, OTHER_S)),
        *_pair_chains(),
        *_udp_chains(udp_s, stream_s),
        *(() if interface.allowance is None else (_full_chain(),)),
        *_hooks(interface.allowance),
    ]
    return NftTable("inet", TABLE, "\n".join(parts))


def _sets(stream_s: int, other_s: int) -> list[str]:
    kinds = [("alive", "ct id", stream_s)]
    kinds += [(PAIRS[family], " . ".join(fields), other_s) for family, fields in _IP_FIELDS.items()]
    return [
        f"  set {name} {{ typeof {kind}; flags dynamic,timeout; timeout {seconds}s; size 65535; }}"
        for name, kind, seconds in kinds
    ]


def _pair_chains() -> list[str]:
    """
    Return the chains that recall and remember a pair of addresses, and recall the pair an ICMP error is about.

    A pair stands as its first packet had it; a card of an appliance sees that packet come and go.
    """
    remember, recall, recall_quoted = [], [], []
    for family, fields in _IP_FIELDS.items():
        where, pairs = f"meta nfproto ipv{family}", f"@{PAIRS[family]}"
        there, back = _both_ways(*fields)
        remember += [
            f"{where} {back} {pairs} update {pairs} {{ {back} }} return",
            f"{where} update {pairs} {{ {there} }}",
        ]
        recall += [f"{where} {key} {pairs} {_KNOWN}" for key in (there, back)]
        recall_quoted += [f"{where} {key} {pairs} {_ABOUT_KNOWN}" for key in _both_ways(*_QUOTED_FIELDS[family])]
    return [
        _chain("recall-pair", *recall),
        _chain("remember-pair", *remember),
        _chain("recall-quoted", *recall_quoted),
    ]


def _both_ways(source: str, destination: str, protocol: str) -> tuple[str, str]:
    return f"{source} . {destination} . {protocol}", f"{destination} . {source} . {protocol}"


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


def _hooks(allowance: int | None) -> list[str]:
    limit = () if allowance is None else (f"meta mark & {names.OPENS:#x} != 0x0 ct count over {allowance} goto full",)
    return [
        _chain(
            "before",
            "type filter hook forward priority -1; policy accept;",
            f"ct original protocol 17 {_IS_TRACKED} ct id != @alive ct mark set 0x0",
            f"{_IS_PORTLESS} goto recall-pair",
            "icmp type { 3, 4, 5, 11, 12 } goto recall-quoted",
            "icmpv6 type { 1, 2, 3, 4 } goto recall-quoted",
        ),
        _chain(
            "after",
            "type filter hook forward priority 1; policy accept;",
            *limit,
            f"meta l4proto 17 {_IS_TRACKED} goto datagram",
            f"{_IS_PORTLESS} meta mark & {names.OPENS | names.BESIDE:#x} != 0x0 goto remember-pair",
        ),
    ]


def _chain(name: str, *rules: str) -> str:
    return "\n".join([f"  chain {name} {{", *(f"    {rule}" for rule in rules), "  }"])
