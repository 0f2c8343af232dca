"""
What conntrack is shown in place of what a packet says, where it tells flows apart by more than AWS does.

- SCTP, UDP-Lite and DCCP are remembered by addresses and protocol; conntrack would take their ports. So it is shown
  another number instead, under which it knows addresses alone. The zone tells the protocols apart.
- A ping is remembered by addresses and id; conntrack would take its code, too. So it is shown code 0.

``disguise`` writes it, ``reveal`` takes it back behind conntrack; what was there stands in the packet's mark meanwhile.
Likewise in the packet that an ICMP error quotes. Checksums stay as they are: what they sum up comes back.

Source:
    aws-behaviour.md 2.1 and 2.9; Linux, net/netfilter/nf_conntrack_proto_icmp.c, icmp_pkt_to_tuple.
"""

from __future__ import annotations

from collections.abc import Iterator

PORTLESS = (33, 132, 136)
"""Protocols that Linux tracks by port and AWS does not: DCCP, SCTP, UDP-Lite. Also the zones of their entries."""

_PLAIN = 253
"""A number of which conntrack knows addresses alone. Source: RFC 3692, for experiments."""

_QUOTES, _CODED = 0x1000, 0x2000
"""In the mark of a disguised packet: beside the protocol, that it is what the packet quotes; beside a ping's code."""

_PROTOCOL = {4: "ip protocol", 6: "ip6 nexthdr"}
_ERRORS = {4: "icmp type { 3, 4, 5, 11, 12 }", 6: "icmpv6 type { 1, 2, 3, 4 }"}
_QUOTED_PROTOCOL = {4: "@th,136,8", 6: "@th,112,8"}
"""In an ICMP error, the protocol of the packet it quotes, whose header comes 8 bytes behind its own."""

_PING = {4: "@nh,0,8 0x45 icmp type 8", 6: "icmpv6 type 128"}
_QUOTED_PING = {4: "@th,64,8 0x45 @th,136,8 1 @th,224,8 8", 6: "@th,112,8 58 @th,384,8 128"}
_KIND, _QUOTED_KIND = {4: "@nh,160,16", 6: "@nh,320,16"}, {4: "@th,224,16", 6: "@th,384,16"}
"""Where a ping has its type and code, and a quoted one; IP headers have no options there."""

_PING_KIND = {4: 8 << 8, 6: 128 << 8}
_CODES = range(1, 256)


def disguise(families: tuple[int, ...], *, portless: bool) -> list[str]:
    """
    Return the maps and the chains of nftables that disguise and reveal, each chain at a hook of its own.

    Args:
        portless: Show conntrack another protocol in the place of PORTLESS.
    """
    pairs = [pair for family in families for pair in _no_code(family)]
    if portless:
        pairs += [pair for family in families for pair in _other_protocol(family)]
    return [
        *(text for family in families for text in _maps(family)),
        _hooked("disguise", -299, [hide for hide, _ in pairs]),
        _hooked("reveal", -199, [reveal for _, reveal in pairs]),
    ]


def _other_protocol(family: int) -> Iterator[tuple[str, str]]:
    """Yield a rule for every protocol, its own and the quoted one, and the rule that takes it back."""
    for bit, found, field in (
        (0, "", _PROTOCOL[family]),
        (_QUOTES, f"{_ERRORS[family]} ", _QUOTED_PROTOCOL[family]),
    ):
        for protocol in PORTLESS:
            mark = f"{bit | protocol:#x}"
            shown = f"meta mark set {mark} ct zone set {protocol} {field} set {_PLAIN}"
            back = f"meta nfproto ipv{family} meta mark {mark} {field} set {protocol} meta mark set 0x0"
            yield f"{found}{field} {protocol} {shown} accept", f"{back} accept"


def _no_code(family: int) -> Iterator[tuple[str, str]]:
    """Yield the rule for pings with a code, themselves and quoted, and the rule that takes it back."""
    quoted = f"{_ERRORS[family]} {_QUOTED_PING[family]}"
    for found, at in ((_PING[family], _KIND[family]), (quoted, _QUOTED_KIND[family])):
        shown = f"meta mark set {at} map @coded{family} {at} set {_PING_KIND[family]:#x}"
        back = f"meta mark & {_CODED:#x} != 0x0 {at} set meta mark map @kind{family} meta mark set 0x0"
        yield f"{found} {at} != {_PING_KIND[family]:#x} {shown} accept", f"{found} {back} accept"


def _maps(family: int) -> tuple[str, str]:
    """Return the map from a ping's type and code to the mark that tells the code, and the one back."""
    pairs = [(f"{_PING_KIND[family] | code:#x}", f"{_CODED | code:#x}") for code in _CODES]
    there = ", ".join(f"{kind} : {mark}" for kind, mark in pairs)
    back = ", ".join(f"{mark} : {kind}" for kind, mark in pairs)
    return (
        f"  map coded{family} {{ typeof {_KIND[family]} : meta mark; elements = {{ {there} }}; }}",
        f"  map kind{family} {{ typeof meta mark : {_KIND[family]}; elements = {{ {back} }}; }}",
    )


def _hooked(name: str, priority: int, rules: list[str]) -> str:
    hook = f"type filter hook prerouting priority {priority}; policy accept;"
    return "\n".join([f"  chain {name} {{", *(f"    {rule}" for rule in (hook, *rules)), "  }"])
