"""
A card's memory beside its rules: timers, and the nftables tables for what iptables cannot say.

- A UDP flow's entry admits packets only while it is in the set ``alive``: 30 s, or 180 s once more than one request
  and response were seen (the kernel's own criterion for a stream is another one).
- SCTP, UDP-Lite and DCCP are remembered by addresses and protocol, as AWS does; the kernel would take their ports.
- The allowance counts entries of both families.

``before`` runs before the filter table, ``after`` behind it on what it accepted. Neither depends on rules or groups,
so a change of those leaves them, and what they remember, alone.
"""

from __future__ import annotations

from netlab.compile import card_names as names
from netlab.model.topology import Interface, Lab
from netlab.plan.nouns import LOG_GROUP, PROBE_DSCP, NftTable
from netlab.plan.tags import Tag

PORTLESS = (33, 132, 136)
"""Protocols that Linux tracks by port and AWS does not: DCCP, SCTP, UDP-Lite."""

OTHER_S = 600
"""AWS's timer of every protocol but TCP, UDP and ICMP. Source: aws-behaviour.md 2.4."""

_TCP_S = {
    "syn_sent": 120, "syn_recv": 60, "fin_wait": 120, "close_wait": 60, "last_ack": 30, "time_wait": 120, "close": 10,
}  # fmt: skip
_ICMP_S = 30


def card_sysctls(lab: Lab, interface: Interface) -> tuple[tuple[str, str], ...]:
    """Return the settings of a card's namespace: forwarding without a word of its own, and conntrack's timers."""
    devices = ("all", "default", names.INSIDE, names.OUTSIDE)
    return (
        ("ipv4/ip_forward", "1"),
        *((("ipv6/conf/all/forwarding", "1"),) if lab.has_ipv6 else ()),
        *((f"ipv4/conf/{device}/{key}", "0") for device in devices for key in ("rp_filter", "send_redirects")),
        ("netfilter/nf_conntrack_acct", "1"),  # what `show flows` prints
        ("netfilter/nf_conntrack_log_invalid", "0"),
        ("netfilter/nf_conntrack_tcp_loose", "1"),  # mid-stream packets open an entry where a rule admits them
        ("netfilter/nf_conntrack_tcp_be_liberal", "1"),  # no window checks
        ("netfilter/nf_conntrack_tcp_ignore_invalid_rst", "1"),  # likewise
        *((f"netfilter/nf_conntrack_{name}", str(value)) for name, value in _timers(lab, interface)),
    )


def scaled_s(lab: Lab, seconds: float) -> int:
    """Return a timer as the kernel gets it: scaled, whole seconds, at least 1."""
    return max(1, round(seconds * lab.scale))


def card_nft(lab: Lab, interface: Interface) -> NftTable:
    """Return the table that keeps a card's UDP timers, its memory of port-less protocols and its allowance."""
    udp_s = scaled_s(lab, interface.connection_tracking.udp_s)
    stream_s = scaled_s(lab, interface.connection_tracking.udp_stream_s)
    parts = [_sets(stream_s, scaled_s(lab, OTHER_S)), _BEFORE, _udp_chains(udp_s, stream_s)]
    if interface.allowance is not None:
        parts.append(_full_chain())
    parts.append(_after(interface.allowance))
    return NftTable("inet", "card", "\n".join(parts))


def _timers(lab: Lab, interface: Interface) -> list[tuple[str, int]]:
    tracking = interface.connection_tracking
    # Unanswered data, retransmissions and mid-stream pick-ups would shorten an established flow's time to theirs.
    long_ones = ("established", "unacknowledged", "max_retrans")
    seconds: dict[str, float] = {f"tcp_timeout_{state}": tracking.tcp_established_s for state in long_ones}
    seconds |= {f"tcp_timeout_{state}": value for state, value in _TCP_S.items()}
    # Both at the stream's: the set `alive` keeps the shorter one, by AWS's criterion.
    seconds |= dict.fromkeys(("udp_timeout", "udp_timeout_stream"), tracking.udp_stream_s)
    seconds |= dict.fromkeys(("icmp_timeout", "icmpv6_timeout"), _ICMP_S)
    seconds |= dict.fromkeys(("generic_timeout", "gre_timeout", "gre_timeout_stream"), OTHER_S)
    return [(name, scaled_s(lab, value)) for name, value in seconds.items()]


def _sets(stream_s: int, other_s: int) -> str:
    return f"""\
  set alive {{ typeof ct id; flags dynamic,timeout; timeout {stream_s}s; size 65535; }}
  set pairs4 {{ type ipv4_addr . ipv4_addr . inet_proto; flags dynamic,timeout; timeout {other_s}s; size 65535; }}
  set pairs6 {{ type ipv6_addr . ipv6_addr . inet_proto; flags dynamic,timeout; timeout {other_s}s; size 65535; }}"""


_PROTOCOLS = "{ " + ", ".join(str(each) for each in PORTLESS) + " }"
_SEEN = f"meta mark set meta mark | {names.BY_ADDRESSES:#x}"
_TRACKED = f"ct mark & {names.ENTRY_TRACKED:#x} == {names.ENTRY_TRACKED:#x}"

_BEFORE = f"""\
  chain before {{
    type filter hook forward priority -1; policy accept;
    ct original protocol 17 {_TRACKED} ct id != @alive ct mark set 0x0
    meta l4proto {_PROTOCOLS} goto recall
  }}
  chain recall {{
    iifname "{names.INSIDE}" ip saddr . ip daddr . meta l4proto @pairs4 {_SEEN}
    iifname "{names.INSIDE}" ip6 saddr . ip6 daddr . meta l4proto @pairs6 {_SEEN}
    iifname "{names.OUTSIDE}" ip daddr . ip saddr . meta l4proto @pairs4 {_SEEN}
    iifname "{names.OUTSIDE}" ip6 daddr . ip6 saddr . meta l4proto @pairs6 {_SEEN}
  }}
  chain remember {{
    iifname "{names.INSIDE}" update @pairs4 {{ ip saddr . ip daddr . meta l4proto }}
    iifname "{names.INSIDE}" update @pairs6 {{ ip6 saddr . ip6 daddr . meta l4proto }}
    iifname "{names.OUTSIDE}" update @pairs4 {{ ip daddr . ip saddr . meta l4proto }}
    iifname "{names.OUTSIDE}" update @pairs6 {{ ip6 daddr . ip6 saddr . meta l4proto }}
  }}"""


def _udp_chains(udp_s: int, stream_s: int) -> str:
    """Return the chains that count the datagrams of both sides, up to two, and set the flow's time accordingly."""
    return f"""\
  chain stamp {{
    ct mark & {names.STREAM:#x} == {names.STREAM:#x} update @alive {{ ct id timeout {stream_s}s }} return
    update @alive {{ ct id timeout {udp_s}s }}
  }}
  chain opener {{
    {_count(names.OPENER_FIRST, names.OPENER_AGAIN)}
    goto stamp
  }}
  chain answer {{
    {_count(names.ANSWER_FIRST, names.ANSWER_AGAIN)}
    goto stamp
  }}
  chain datagram {{
    iifname "{names.INSIDE}" ct mark & {names.ENTRY_BY_INSTANCE:#x} != 0x0 goto opener
    iifname "{names.OUTSIDE}" ct mark & {names.ENTRY_BY_INSTANCE:#x} == 0x0 goto opener
    goto answer
  }}"""


def _count(first: int, again: int) -> str:
    return f"""\
ct mark & {first:#x} != 0x0 ct mark set ct mark | {again:#x}
    ct mark set ct mark | {first:#x}"""


def _full_chain() -> str:
    tag = Tag("allowance", True, "ALLOWANCE")
    log = f'log prefix "{tag}" group {LOG_GROUP}'
    return f"""\
  chain full {{
    ct mark set 0x0
    ip dscp {PROBE_DSCP:#x} {log}
    ip6 dscp {PROBE_DSCP:#x} {log}
    ip dscp != {PROBE_DSCP:#x} limit rate 100/second burst 100 packets {log}
    ip6 dscp != {PROBE_DSCP:#x} limit rate 100/second burst 100 packets {log}
    counter drop comment "{tag}"
  }}"""


def _after(allowance: int | None) -> str:
    opens, remembered = names.OPENS, names.OPENS | names.BY_ADDRESSES
    limit = "" if allowance is None else f"    meta mark & {opens:#x} != 0x0 ct count over {allowance} goto full\n"
    return f"""\
  chain after {{
    type filter hook forward priority 1; policy accept;
{limit}    meta l4proto 17 {_TRACKED} goto datagram
    meta l4proto {_PROTOCOLS} meta mark & {remembered:#x} != 0x0 goto remember
  }}"""
