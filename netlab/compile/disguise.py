"""
What conntrack is shown in place of what a packet says, where it remembers flows by something else than AWS does.

- SCTP, UDP-Lite and DCCP go by addresses and protocol in AWS; conntrack would take their ports. Shown is a number under
  which it knows addresses alone; the zone tells the protocols apart.
- Pings go by addresses and id, and an answer, too, may open a flow; conntrack would take their code, and know nothing
  of an answer without its question. Shown is another such number; the zone is the id.
- ICMP's other messages go by addresses, type and code, questions and answers by the question's type; conntrack would
  know nothing of most. Shown is yet another number; the zone is type and code. Errors that quote a packet are left
  alone: conntrack finds the flow that they are about.

``disguise`` writes it, ``reveal`` takes it back behind conntrack; what was there stands in the packet's mark meanwhile.
Likewise in the packet that an ICMP error quotes. No checksum is touched: what it sums up comes back.

A NAT gateway needs ICMP as it is, but for the code of pings: there it is shown code 0.

Source:
    aws-behaviour.md 2.1 and 2.9; Linux, net/netfilter/nf_conntrack_proto_icmp.c and nf_conntrack_proto_generic.c.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

PORTLESS = (33, 132, 136, 254, 255)
"""Protocols shown as a plain one, each in a zone of its number: DCCP, SCTP, UDP-Lite, and what ICMP is shown as."""

PLAIN_PING, PLAIN_NOTICE = 254, 255
"""What pings are shown as, and ICMP's other messages. Source: RFC 3692, for experiments; RFC 5237, reserved."""

_PLAIN = 253

_QUOTES, _CODED = 0x1000, 0x2000
"""In the mark of a disguised packet: beside a protocol, that it is what the packet quotes; beside a ping's code."""

_ICMP = {4: 1, 6: 58}
_ERRORS = {4: "icmp type { 3, 4, 5, 11, 12 }", 6: "icmpv6 type { 1, 2, 3, 4 }"}

_PROTOCOL, _QUOTED_PROTOCOL = {4: "@nh,72,8", 6: "@nh,48,8"}, {4: "@th,136,8", 6: "@th,112,8"}
"""Where a packet has its protocol, and in an ICMP error the one it quotes: its IP header follows 8 bytes of ICMP's."""

_QUOTES_IP = {4: "@th,64,4 4", 6: "@th,64,4 6"}
_PINGS = {4: "{ 0, 8 }", 6: "{ 128, 129 }"}
_QUESTIONS = {4: {13: 14, 15: 16, 17: 18}, 6: {}}
"""Types of other questions, and of their answers; a code makes no difference to them."""

_OTHERS = {4: "!= { 0, 3, 4, 5, 8, 11-18 }", 6: "!= { 1-4, 128, 129, 133-137 }"}
"""Without errors, and without neighbour discovery, which the kernel's own stack answers."""

_OWN = {
    4: ("icmp type", "icmp id", "@nh,0,8 0x45", "@nh,160,16"),
    6: ("ip6 nexthdr 58 icmpv6 type", "icmpv6 id", "", "@nh,320,16"),
}
_QUOTED = {
    4: ("@th,64,8 0x45 @th,136,8 1 @th,224,8", "@th,256,16", "", "@th,224,16"),
    6: ("@th,112,8 58 @th,384,8", "@th,416,16", "", "@th,384,16"),
}
"""
What is compared with an ICMP type, where the id is, what must hold for type and code to be at their place, and that:
the packet's own, and a quoted one's, whose IP header has no options.
"""

_NAT_PING, _NAT_QUOTED_PING = "@nh,0,8 0x45 icmp type 8", f"{_ERRORS[4]} @th,64,8 0x45 @th,136,8 1 @th,224,8 8"
_KIND, _QUOTED_KIND = "@nh,160,16", "@th,224,16"
"""Where an IPv4 ping has its type and code, and a quoted one."""

_PING_KIND = 8 << 8
_CODES = range(1, 256)


def disguise_at_card(families: tuple[int, ...]) -> list[str]:
    """Return the chains of nftables that show a card's conntrack flows as AWS has them, and take that back."""
    hide, reveal = ["meta l4proto { 6, 17 } accept"], ["meta mark 0x0 accept"]  # most packets are as they look
    for family in families:
        hide += [*_portless(family), *_icmp(family)]
        for bit, field in ((0, _PROTOCOL[family]), (_QUOTES, _QUOTED_PROTOCOL[family])):
            for protocol in (*PORTLESS, _ICMP[family]):
                found = f"meta nfproto ipv{family} meta mark {bit | protocol:#x}"
                reveal.append(f"{found} {field} set {protocol} meta mark set 0x0 accept")
    return _hooked(hide, reveal)


def disguise_at_nat() -> list[str]:
    """Return the maps and chains that show a NAT gateway's conntrack pings without their code, and give it back."""
    hide, reveal = [], []
    for found, at in ((_NAT_PING, _KIND), (_NAT_QUOTED_PING, _QUOTED_KIND)):
        hide.append(
            f"{found} {at} != {_PING_KIND:#x} meta mark set {at} map @coded {at} set {_PING_KIND:#x} accept",
        )
        coded = f"meta mark & {_CODED:#x} != 0x0"
        reveal.append(f"{found} {coded} {at} set meta mark map @kind meta mark set 0x0 accept")
    return [*_maps(), *_hooked(hide, reveal)]


def icmp_id(zone: int) -> int:
    """Return the id of an ICMP flow from its zone: nftables hands over the bytes as the packet has them."""
    return int.from_bytes(zone.to_bytes(2, sys.byteorder), "big")


def _portless(family: int) -> Iterator[str]:
    quoting = f"{_ERRORS[family]} {_QUOTES_IP[family]} "
    for bit, found, field in ((0, "", _PROTOCOL[family]), (_QUOTES, quoting, _QUOTED_PROTOCOL[family])):
        for protocol in PORTLESS:
            shown = f"meta mark set {bit | protocol:#x} ct zone set {protocol} {field} set {_PLAIN}"
            yield f"meta nfproto ipv{family} {found}{field} {protocol} {shown} accept"


def _icmp(family: int) -> Iterator[str]:
    for bit, field, before, (kind, number, plain, type_and_code) in (
        (0, _PROTOCOL[family], "", _OWN[family]),
        (_QUOTES, _QUOTED_PROTOCOL[family], f"{_ERRORS[family]} {_QUOTES_IP[family]} ", _QUOTED[family]),
    ):
        mark = f"meta mark set {bit | _ICMP[family]:#x}"
        yield f"{before}{kind} {_PINGS[family]} {mark} ct zone set {number} {field} set {PLAIN_PING} accept"
        for question, answer in _QUESTIONS[family].items():
            either = f"{{ {question}, {answer} }}"
            zone = int.from_bytes((question, 0), sys.byteorder)
            yield f"{before}{kind} {either} {mark} ct zone set {zone} {field} set {PLAIN_NOTICE} accept"
        found = f"{plain} {before}{kind} {_OTHERS[family]}"
        yield f"{found} {mark} ct zone set {type_and_code} {field} set {PLAIN_NOTICE} accept"
    quotes_nothing = f"{_OWN[family][2]} {_ERRORS[family]} @th,64,4 != {family} meta mark set {_ICMP[family]:#x}"
    yield f"{quotes_nothing} ct zone set {_OWN[family][3]} {_PROTOCOL[family]} set {PLAIN_NOTICE} accept"


def _maps() -> tuple[str, str]:
    """Return the map from a ping's type and code to the mark that tells the code, and the one back."""
    pairs = [(f"{_PING_KIND | code:#x}", f"{_CODED | code:#x}") for code in _CODES]
    there = ", ".join(f"{kind} : {mark}" for kind, mark in pairs)
    back = ", ".join(f"{mark} : {kind}" for kind, mark in pairs)
    return (
        f"  map coded {{ typeof {_KIND} : meta mark; elements = {{ {there} }}; }}",
        f"  map kind {{ typeof meta mark : {_KIND}; elements = {{ {back} }}; }}",
    )


def _hooked(hide: list[str], reveal: list[str]) -> list[str]:
    chains = []
    for name, priority, rules in (("disguise", -299, hide), ("reveal", -199, reveal)):
        hook = f"type filter hook prerouting priority {priority}; policy accept;"
        chains.append("\n".join([f"  chain {name} {{", *(f"    {rule}" for rule in (hook, *rules)), "  }"]))
    return chains
