"""
The gateways between the VPC and the internet: the internet gateway (``:igw``), and NAT gateways (``:nat:NAME``).

The internet gateway translates one address to one address, both ways, and remembers nothing: whatever the packet, a
bare SYN-ACK or a fragment, its address is looked up. An ICMP error carries the packet it is about; the address in there
is translated too, which nft has no words for (`_translate_inner`). IPv6 passes as it is.

From outside nothing comes in from the VPC's own addresses: who has them is inside, and groups are known by them.

A NAT gateway is Linux's own source NAT, with connections, in a namespace with one link: all comes and goes by that. It
knows TCP, UDP and ICMP and nothing else.

Source:
    VPC User Guide, "Internet gateways", "NAT gateway basics"; RFC 5508, section 4.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address

from netlab.compile.card_state import scaled_s
from netlab.compile.disguise import disguise_at_nat
from netlab.compile.evidence import DROP, dropped, nft_drop
from netlab.compile.names import (
    OUTSIDE_MTU,
    SERVICE_NETWORKS,
    default_routes,
    families,
    far_neighbours,
    far_route,
    lone_devices,
    mac,
    nat_device,
)
from netlab.compile.routers import ROUTER_SYSCTLS, deaf_filter_table, deaf_tables, device_sysctls, mangle_table
from netlab.model.addresses import Cidr
from netlab.model.topology import Lab, NatGateway
from netlab.plan.nouns import (
    IGW,
    INTERNET,
    VPC,
    FilterRule,
    Namespace,
    NftExpr,
    NftRawRule,
    NftTable,
    Table,
    nat_name,
)
from netlab.plan.tags import Tag

PUBLIC_OF, PRIVATE_OF = "public_of", "private_of"
"""The gateway's two maps, by private and by public address."""

NAT_IDLE_S = 350
"""Source: VPC User Guide, "NAT gateway basics"."""

_TCP_STATES = (
    "syn_sent", "syn_recv", "established", "fin_wait", "close_wait", "last_ack", "time_wait", "close",
    "max_retrans", "unacknowledged",
)  # fmt: skip
"""Of a NAT gateway one time is known, for all of them."""

_INNER_SOURCE, _INNER_DESTINATION, _INNER_CHECKSUM = 20, 24, 18
"""Offsets in an ICMP error of fields of the packet it is about (RFC 792: 8 bytes, then its IP header)."""

_SPOOFED = Tag("igw", drop=True, reason="SPOOFED")

_TRANSPORT_HEADER, _INTERNET_CHECKSUM = 2, 1


def compile_igw(lab: Lab) -> Namespace:
    """Compile the namespace ``:igw``."""
    versions = families(lab)
    inside: tuple[Cidr | None, ...] = (lab.vpc.cidr, lab.vpc.ipv6_cidr)
    return Namespace(
        IGW,
        devices=lone_devices(IGW, ("vpc", "inet"), OUTSIDE_MTU),
        sysctls=(*ROUTER_SYSCTLS, *device_sysctls("vpc", "inet")),
        routes=(*(far_route(cidr, "vpc") for cidr in inside if cidr is not None), *default_routes("inet", versions)),
        neighbours=(
            *far_neighbours("vpc", mac(VPC, "igw"), versions),
            *far_neighbours("inet", mac(INTERNET, "igw"), versions),
        ),
        tables=tuple(table for family in (4, 6) for table in (mangle_table(family), _filter(lab, family))),
        nft=(_translation(lab),),
    )


def public_addresses(lab: Lab) -> tuple[tuple[IPv4Address, IPv4Address], ...]:
    """Return every private address that has a public one, and that."""
    pairs = [(each.ipv4[0], each.public_ip) for each in lab.interfaces() if each.public_ip is not None]
    pairs += [(each.ip, each.public_ip) for each in lab.nat_gateways.values() if each.ip is not None]
    return tuple(pairs)


def _own_networks(lab: Lab, family: int) -> tuple[Cidr, ...]:
    """Return the networks that only the VPC's own packets come from."""
    own = lab.vpc.cidr if family == 4 else lab.vpc.ipv6_cidr
    return () if own is None else (own, SERVICE_NETWORKS[family])


def _filter(lab: Lab, family: int) -> Table:
    """Return the filter table; IPv4's packets have been judged by then, where they are translated."""
    networks = _own_networks(lab, family) if family == 6 else ()
    found = (FilterRule(DROP, source=network, in_interface="inet") for network in networks)
    return deaf_filter_table(family, forward=tuple(rule for each in found for rule in dropped(each, _SPOOFED)))


def _translation(lab: Lab) -> NftTable:
    pairs = public_addresses(lab)
    own = ", ".join(str(network) for network in _own_networks(lab, 4))
    script = f"""\
{_map(PUBLIC_OF, pairs)}
{_map(PRIVATE_OF, ((public, private) for private, public in pairs))}
chain error_from_vpc {{
}}
chain error_to_vpc {{
}}
chain spoofed {{
{nft_drop(_SPOOFED)}}}
chain hairpin {{
icmp type {{ 3, 4, 5, 11, 12 }} jump error_to_vpc
ip daddr set ip daddr map @{PRIVATE_OF}
accept
}}
chain prerouting {{
type filter hook prerouting priority -300; policy drop;
iifname "inet" ip saddr {{ {own} }} jump spoofed
iifname "inet" icmp type {{ 3, 4, 5, 11, 12 }} jump error_to_vpc
iifname "vpc" icmp type {{ 3, 4, 5, 11, 12 }} jump error_from_vpc
iifname "inet" ip daddr set ip daddr map @{PRIVATE_OF} accept
iifname "vpc" ip saddr set ip saddr map @{PUBLIC_OF} jump hairpin
{nft_drop(Tag("igw", drop=True, reason="NO_PUBLIC_ADDRESS"))}}}
"""
    raw_rules = (
        _translate_inner("error_from_vpc", _INNER_DESTINATION, PUBLIC_OF),
        _translate_inner("error_to_vpc", _INNER_SOURCE, PRIVATE_OF),
    )
    return NftTable("ip", "igw", script, raw_rules)


def _map(name: str, pairs: Iterable[tuple[IPv4Address, IPv4Address]]) -> str:
    elements = ", ".join(f"{key} : {value}" for key, value in pairs)
    return f"map {name} {{\ntype ipv4_addr : ipv4_addr\n{f'elements = {{ {elements} }}' if elements else ''}\n}}"


def _translate_inner(chain: str, offset: int, name: str) -> NftRawRule:
    """
    Return a rule that looks up an address of the quoted packet in a map and replaces it there.

    The quoted header's checksum is mended. The ICMP message's own stays right, for it sums up both.
    """
    field: tuple[tuple[str, int], ...] = (("base", _TRANSPORT_HEADER), ("offset", offset), ("len", 4))
    checksum = (("csum_type", _INTERNET_CHECKSUM), ("csum_offset", _INNER_CHECKSUM))
    return NftRawRule(
        chain,
        (
            NftExpr("payload", (("dreg", 1), *field)),
            NftExpr("lookup", (("set", name), ("sreg", 1), ("dreg", 1))),
            NftExpr("payload", (("sreg", 1), *field, *checksum)),
        ),
    )


def compile_nat(lab: Lab, gateway: NatGateway) -> Namespace:
    """Compile the namespace of a NAT gateway."""
    name = nat_name(gateway.name)
    idle_s = scaled_s(lab, NAT_IDLE_S)
    timers = (*(f"tcp_timeout_{state}" for state in _TCP_STATES), "udp_timeout", "udp_timeout_stream", "icmp_timeout")
    return Namespace(
        name,
        devices=lone_devices(name, ("vpc",), OUTSIDE_MTU),
        sysctls=(
            *ROUTER_SYSCTLS,
            *device_sysctls("vpc"),
            ("netfilter/nf_conntrack_tcp_be_liberal", "1"),
            ("netfilter/nf_conntrack_tcp_ignore_invalid_rst", "1"),
            ("netfilter/nf_conntrack_checksum", "0"),  # the kernel sums UDP-Lite up as if it were UDP
            ("netfilter/nf_conntrack_tcp_loose", "0"),  # nothing but a SYN opens a flow
            *((f"netfilter/nf_conntrack_{timer}", str(idle_s)) for timer in timers),
        ),
        routes=default_routes("vpc", (4,)),
        neighbours=far_neighbours("vpc", mac(VPC, nat_device(lab, gateway.name)), (4,)),
        tables=deaf_tables(),
        nft=(_source_nat(gateway),),
    )


def _source_nat(gateway: NatGateway) -> NftTable:
    """Return the table that translates what the VPC sends, and drops what nobody asked for."""
    shown = "\n".join(disguise_at_nat())
    script = f"""\
{shown}
chain unasked {{
{nft_drop(Tag(f"nat/{gateway.name}", drop=True, reason="NO_ROUTE"))}}}
chain forward {{
type filter hook forward priority 0; policy accept;
ip daddr {gateway.ip} jump unasked
ip protocol != {{ icmp, tcp, udp }} jump unasked
ct state invalid jump unasked
}}
chain postrouting {{
type nat hook postrouting priority 100; policy accept;
meta l4proto {{ tcp, udp }} snat to {gateway.ip}:1024-65535
snat to {gateway.ip}
}}
"""
    # iptables-nft takes every table called `nat` for its own.
    return NftTable("ip", "nat_gateway", script)
