"""
A card's settings: forwarding without a word of its own, and conntrack's timers, scaled.

What netfilter's rules cannot say about time is in card_nft.py.
"""

from __future__ import annotations

from netlab.compile import card_names as names
from netlab.model.topology import Interface, Lab

OTHER_S = 600
"""AWS's timer of every protocol but TCP, UDP and ICMP. Source: aws-behaviour.md 2.4."""

_TCP_S = {
    "syn_sent": 120, "syn_recv": 60, "fin_wait": 120, "close_wait": 60, "last_ack": 30, "time_wait": 120, "close": 10,
}  # fmt: skip
"""Not published by AWS: Linux's defaults. Source: Linux, Documentation/networking/nf_conntrack-sysctl.rst."""

ICMP_S = 30
"""Not published either. Source: aws-behaviour.md 2.4; kept by the set ``alive`` (card_nft.py)."""


def card_sysctls(lab: Lab, interface: Interface) -> tuple[tuple[str, str], ...]:
    """Return the settings of a card's namespace, paths below ``net/``."""
    devices = ("all", "default", names.INSIDE, names.OUTSIDE)
    return (
        ("ipv4/ip_forward", "1"),
        *((("ipv6/conf/all/forwarding", "1"),) if lab.has_ipv6 else ()),
        *((f"ipv4/conf/{device}/{key}", "0") for device in devices for key in ("rp_filter", "send_redirects")),
        ("netfilter/nf_conntrack_acct", "1"),  # what `show flows` prints
        ("netfilter/nf_conntrack_checksum", "0"),  # no judge of checksums; disguise.py changes what errors quote
        ("netfilter/nf_conntrack_log_invalid", "0"),
        ("netfilter/nf_conntrack_tcp_loose", "1"),  # mid-stream packets open an entry where a rule admits them
        ("netfilter/nf_conntrack_tcp_be_liberal", "1"),  # no window checks
        ("netfilter/nf_conntrack_tcp_ignore_invalid_rst", "1"),  # likewise
        *((f"netfilter/nf_conntrack_{name}", str(value)) for name, value in _timers(lab, interface)),
    )


def scaled_s(lab: Lab, seconds: float) -> int:
    """Return a timer as the kernel gets it: scaled, whole seconds, at least 1."""
    return max(1, round(seconds * lab.scale))


def _timers(lab: Lab, interface: Interface) -> list[tuple[str, int]]:
    tracking = interface.connection_tracking
    seconds: dict[str, float] = {f"tcp_timeout_{state}": value for state, value in _TCP_S.items()}
    seconds["tcp_timeout_established"] = tracking.tcp_established_s
    # Unanswered data and retransmissions would shorten any state's time to theirs.
    seconds |= dict.fromkeys(("tcp_timeout_unacknowledged", "tcp_timeout_max_retrans"), max(seconds.values()))
    # Both at the stream's: the set `alive` (card_nft.py) keeps the shorter one, by AWS's criterion.
    seconds |= dict.fromkeys(("udp_timeout", "udp_timeout_stream"), tracking.udp_stream_s)
    seconds |= dict.fromkeys(("icmp_timeout", "icmpv6_timeout"), ICMP_S)  # of what disguise.py leaves alone
    seconds |= dict.fromkeys(("generic_timeout", "gre_timeout", "gre_timeout_stream"), OTHER_S)
    return [(name, scaled_s(lab, value)) for name, value in seconds.items()]
