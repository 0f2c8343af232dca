"""Ground for tests of the kernel room: namespaces of one's own, a table of rules, a small plan."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address, ip_interface, ip_network
from itertools import count

from netlab.kernel import machine, netns
from netlab.plan.nouns import (
    Chain,
    Device,
    FilterRule,
    IpSet,
    Link,
    Match,
    Namespace,
    Neighbour,
    NftExpr,
    NftRawRule,
    NftTable,
    Plan,
    PolicyRule,
    Route,
    Table,
    Target,
    kernel_name,
)

_NUMBERS = count()

ACCEPT, DROP, RETURN = Target("ACCEPT"), Target("DROP"), Target("RETURN")


def fresh_lab() -> str:
    """Return a lab's name that no other test has."""
    return f"test-{os.getpid()}-{next(_NUMBERS)}"


@contextmanager
def namespaces(*names: str) -> Iterator[list[str]]:
    """Make namespaces for a test, and delete them; yields the kernel's names."""
    lab = fresh_lab()
    try:
        for name in names:
            netns.create(kernel_name(lab, name))
        yield [kernel_name(lab, name) for name in names]
    finally:
        machine.take_down(lab)


def match(name: str, **options: str) -> Match:
    """Spell a match: underscores for dashes."""
    return Match(name, tuple((key.replace("_", "-"), value) for key, value in options.items()))


def target(name: str, **options: str) -> Target:
    """Spell a target: underscores for dashes."""
    return Target(name, tuple((key.replace("_", "-"), value) for key, value in options.items()))


SETS = (
    IpSet("s4", "hash:net", 4, None, frozenset({"198.51.100.0/24", "203.0.113.7"})),
    IpSet("s6", "hash:net", 6, None, frozenset({"2001:db8:1::/48"})),
    IpSet("t4", "hash:ip", 4, 600, None),
    IpSet("t6", "hash:ip", 6, 600, None),
)


def every_rule(family: int) -> tuple[FilterRule, ...]:
    """Return a rule of every kind that netlab writes; needs SETS and a chain ``c1``."""
    net = ip_network("198.51.100.0/24" if family == 4 else "2001:db8::/32")
    host = ip_network("203.0.113.7/32" if family == 4 else "2001:db8::7/128")
    icmp, kind, number = ("icmp", "icmp-type", 1) if family == 4 else ("icmp6", "icmpv6-type", 58)
    return (
        FilterRule(ACCEPT, "+ingress RULE sgr-1", 6, net, None, "inst", "vpc", (match("tcp", dport="22"),)),
        FilterRule(ACCEPT, 'odd "comment" it\'s', 6, net, host, matches=(match("tcp", dport="22:25", sport="!80"),)),
        FilterRule(DROP, "-ingress NO_RULE", 17, None, host, "c0", "", (match("udp", dport="53"),)),
        FilterRule(DROP, in_interface="c2", out_interface="c20"),
        FilterRule(Target("c1"), source=net, destination=net),
        FilterRule(Target("c1", goto=True), source=host),
        FilterRule(
            target("NFLOG", nflog_prefix="-ingress NO_RULE", nflog_group="1"), matches=(match("dscp", dscp="0x3d"),)
        ),
        FilterRule(ACCEPT, matches=(match("conntrack", ctstate="RELATED,ESTABLISHED"),)),
        FilterRule(ACCEPT, matches=(match("conntrack", ctstate="INVALID,UNTRACKED"),)),
        FilterRule(
            ACCEPT, protocol=6, matches=(match("conntrack", ctproto="6", ctorigdstport="22:80", ctdir="ORIGINAL"),)
        ),
        FilterRule(target("CONNMARK", set_xmark="0x1/0x3")),
        FilterRule(target("CONNMARK", set_mark="0x1")),
        FilterRule(target("MARK", set_xmark="0x10/0x10")),
        FilterRule(target("MARK", or_mark="0x10")),
        FilterRule(RETURN, matches=(match("connmark", mark="0x1/0x1"),)),
        FilterRule(RETURN, matches=(match("mark", mark="!0x1/0x1"),)),
        FilterRule(ACCEPT, matches=(match("set", match_set=f"s{family} src"),)),
        FilterRule(ACCEPT, matches=(match("set", match_set=f"!s{family} dst"),)),
        FilterRule(target("SET", add_set=f"t{family} dst", exist="", timeout="600")),
        FilterRule(ACCEPT, protocol=number, matches=(match(icmp, **{kind: "8/0" if family == 4 else "128/0"}),)),
        FilterRule(ACCEPT, protocol=number, matches=(match(icmp, **{kind: "3" if family == 4 else "1"}),)),
        FilterRule(DROP, matches=(match("connlimit", connlimit_above="1000", connlimit_mask="0"),)),
        FilterRule(ACCEPT, matches=(match("limit", limit="10/second", limit_burst="20"),)),
        FilterRule(ACCEPT, matches=(match("length", length="1501:"),)),
        FilterRule(ACCEPT, protocol=6, matches=(match("tcp", tcp_flags="SYN,RST,ACK,FIN SYN"),)),
        FilterRule(ACCEPT, protocol=132),
        FilterRule(ACCEPT, protocol=47),
        FilterRule(ACCEPT, protocol=253),
        FilterRule(ACCEPT, matches=(match("u32", u32="0x0>>0x16&0x3c@0x0=0x0:0xff"),)),
    )


def every_table(family: int) -> tuple[Table, ...]:
    """Return a filter, a mangle and a raw table with every kind of rule, and policies."""
    hop = target("TTL", ttl_inc="1") if family == 4 else target("HL", hl_inc="1")
    return (
        Table(
            family,
            "filter",
            (
                Chain("c1", (FilterRule(RETURN),)),
                Chain("all", every_rule(family)),
                Chain("INPUT", policy="DROP"),
                Chain("FORWARD", (FilterRule(Target("all")),), "DROP"),
            ),
        ),
        Table(family, "mangle", (Chain("PREROUTING", (FilterRule(hop),), "ACCEPT"),)),
        Table(family, "raw", (Chain("PREROUTING", (FilterRule(target("CT", notrack=""), protocol=33),), "ACCEPT"),)),
    )


NFT = NftTable(
    "ip",
    "igw",
    """
    map private_of { type ipv4_addr : ipv4_addr; elements = { 203.0.113.1 : 10.0.0.1, 203.0.113.2 : 10.0.0.2 }; }
    set alive { typeof ct id ; flags dynamic,timeout; timeout 30s; }
    chain before { type filter hook prerouting priority raw; policy accept; ip daddr @private_of counter accept; }
    """,
    (
        NftRawRule(
            "before",
            (
                NftExpr("payload", (("dreg", 1), ("base", 2), ("offset", 20), ("len", 4))),
                NftExpr("lookup", (("set", "private_of"), ("sreg", 1), ("dreg", 1))),
            ),
        ),
    ),
)


def small_plan(lab: str) -> Plan:
    """Return a plan of an instance, its card and a router, with something of everything."""
    ec2 = Namespace(
        "ec2",
        (
            Device("lo"),
            Device("eth0", (ip_interface("10.0.1.10/24"), ip_interface("2001:db8::10/64")), "02:00:00:00:00:01", 9001),
        ),
        (("ipv4/conf/all/rp_filter", "0"),),
        (
            Route(ip_network("0.0.0.0/0"), "eth0", ip_address("10.0.1.1")),
            Route(ip_network("::/0"), "eth0", ip_address("fe80::1")),
        ),
        neighbours=(Neighbour("eth0", ip_address("10.0.1.1"), "02:00:00:00:00:02"),),
    )
    card = Namespace(
        "ec2:eth0",
        (Device("inst", (), "02:00:00:00:00:02", 9001), Device("vpc", (), "", 9001)),
        (
            ("ipv4/ip_forward", "1"),
            ("ipv4/conf/inst/proxy_arp", "1"),
            ("netfilter/nf_conntrack_udp_timeout", "33"),
        ),
        (
            Route(ip_network("10.0.1.10/32"), "inst"),
            Route(ip_network("0.0.0.0/0"), "vpc"),
            Route(ip_network("::/0"), "vpc"),
            Route(ip_network("198.51.100.0/24"), "vpc", ip_address("fe80::9")),
            Route(ip_network("203.0.113.0/24"), kind="blackhole", table=100),
        ),
        (PolicyRule(100, 100, 4, ip_network("10.0.1.0/24")), PolicyRule(101, 100, 6, None, "inst")),
        (Neighbour("inst", ip_address("2001:db8::1"), proxy=True),),
        SETS,
        (*every_table(4), *every_table(6)),
        (NFT,),
    )
    vpc = Namespace(":vpc", (Device("lo", (ip_interface("169.254.169.253/32"),)), Device("c0"), Device("void")))
    links = (Link(("ec2", "eth0"), ("ec2:eth0", "inst")), Link(("ec2:eth0", "vpc"), (":vpc", "c0")))
    return Plan(lab, {each.name: each for each in (ec2, card, vpc)}, links)
