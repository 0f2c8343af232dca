"""
The traps of the ground that the kernel room stands on: each reproduced where it can be, and held closed.

The plain library is used here as its examples do, in namespaces of the test; in a process of its own where it would
harm this one.
"""

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from ipaddress import ip_address, ip_interface, ip_network
from pathlib import Path
from threading import Event, Thread

import pytest
from kernel_ground import ACCEPT, DROP, fresh_lab, match, namespaces, target

from netlab.errors import KernelError
from netlab.kernel import machine, netns, sysctl
from netlab.kernel.programs import run_inside
from netlab.kernel.xtables import driver_by_name
from netlab.plan.nouns import (
    Chain,
    Device,
    FilterRule,
    Link,
    Namespace,
    Neighbour,
    Plan,
    Route,
    Table,
    Target,
    kernel_name,
)

iptc_driver = driver_by_name("iptc")

_SO_RCVBUFFORCE = 33


def _forward(*rules: FilterRule, family: int = 4) -> Table:
    return Table(family, "filter", (Chain("FORWARD", rules, "ACCEPT"),))


def _listed(namespace: str, family: int = 4, table: str = "filter", chain: str = "FORWARD") -> list[str]:
    return [rule.text for rule in iptc_driver.save(namespace, family, table)[chain].rules]


def _run_alone(program: str, namespace: str) -> subprocess.CompletedProcess[str]:
    """Run a program text in a process of its own, with a memory allocator that spoils what is freed."""
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program, namespace],
        env={**os.environ, "MALLOC_PERTURB_": "165", "PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_1_a_table_object_is_bound_to_the_namespace_it_was_opened_in() -> None:
    """Plain python-iptables writes into the namespace it was in before; the driver into the one it is told."""
    import iptc  # noqa: PLC0415 - its libraries are found by the driver, which is loaded above

    rule = FilterRule(ACCEPT, "meant for the second")
    with namespaces("first", "second") as [first, second]:
        with netns.entered(first):
            table = iptc.Table("filter", autocommit=False)
            table.refresh()
        with netns.entered(second):
            plain = iptc.Rule()
            plain.create_target("ACCEPT")
            table.append_entry("FORWARD", plain.rule)
            table.commit()

        assert (len(_listed(first)), len(_listed(second))) == (1, 0)
        iptc_driver.replace(second, [_forward(rule)])

        assert (len(_listed(first)), len(_listed(second))) == (1, 1)


SCRATCH = """
import sys
from kernel_ground import FilterRule, match, target
from netlab.kernel.xtables import driver_by_name
from netlab.plan.nouns import Chain, Table
for number in range(20):
    prefix = f"-ingress NO_RULE {number}" + "x" * 30
    rules = tuple(
        FilterRule(target("NFLOG", nflog_prefix=f"{prefix}{each}", nflog_group="1"), f"c{number}.{each}")
        for each in range(10)
    )
    for family in (4, 6):
        for table in ("filter", "raw"):
            chain = "OUTPUT"
            driver_by_name("iptc").replace(sys.argv[1], [Table(family, table, (Chain(chain, rules, "ACCEPT"),))])
"""


def test_2_scratch_space_of_extensions_lives_as_long_as_they_do() -> None:
    """Many log targets with prefixes, in several tables, with a memory allocator that spoils what is freed."""
    with namespaces("card") as [card]:
        done = _run_alone(SCRATCH, card)

        assert (done.returncode, done.stderr) == (0, "")
        assert '"-ingress NO_RULE 19' in _listed(card, chain="OUTPUT")[0]


def test_3_notrack_keeps_its_flag() -> None:
    """Plain python-iptables stores `-j CT`, which does nothing; the driver what was meant, in both spellings."""
    import iptc  # noqa: PLC0415 - as above

    raw = Table(
        4,
        "raw",
        (Chain("PREROUTING", (FilterRule(Target("NOTRACK")), FilterRule(target("CT", notrack=""))), "ACCEPT"),),
    )
    with namespaces("plain", "card") as [plain, card]:
        with netns.entered(plain):
            table = iptc.Table("raw", autocommit=False)
            table.refresh()
            rule = iptc.Rule()
            rule.create_target("NOTRACK")
            table.append_entry("PREROUTING", rule.rule)
            table.commit()
        iptc_driver.replace(card, [raw])

        assert _listed(plain, table="raw", chain="PREROUTING") == ["-j CT"]
        assert _listed(card, table="raw", chain="PREROUTING") == ["-j CT --notrack"] * 2


def test_3_a_ruleset_that_is_not_what_was_meant_is_an_error() -> None:
    """An extension that quietly stores something else is found out by reading back."""
    meant, other = FilterRule(ACCEPT, "meant"), FilterRule(DROP, "other")

    class Careless(type(iptc_driver)):  # type: ignore[misc]
        def _entry(self, table: Table, _: FilterRule, local: dict[FilterRule, object]) -> object:
            return super()._entry(table, other, local)

    with namespaces("card") as [card]:
        with pytest.raises(
            KernelError, match=r"card: table filter \(IPv4\): chain FORWARD rule 1: found .*other.*DROP"
        ):
            Careless().replace(card, [_forward(meant)])
        iptc_driver.replace(card, [_forward(meant)])


def test_4_icmpv6_is_written_by_number() -> None:
    """Rule6 does not know the name that iptables prints."""
    import iptc  # noqa: PLC0415 - as above

    with pytest.raises(ValueError, match="ipv6-icmp"):
        iptc.Rule6().protocol = "ipv6-icmp"
    with namespaces("card") as [card]:
        iptc_driver.replace(card, [_forward(FilterRule(ACCEPT, protocol=58), family=6)])

        assert _listed(card, 6) == ["-p ipv6-icmp -j ACCEPT"]


STDOUT = """
import os, sys
from kernel_ground import ACCEPT, FilterRule, match
from netlab.kernel import netns
from netlab.kernel.xtables import driver_by_name
driver_by_name("iptc")
import iptc
from netlab.kernel.iptc_entries import build_entry
with netns.entered(sys.argv[1]):
    rule = FilterRule(ACCEPT, protocol=6, matches=(match("tcp", dport="22"),))
    build_entry(rule, 4, frozenset())
    plain = iptc.Rule()
    plain.protocol = "tcp"
    matched = plain.create_match("tcp")
    matched.dport = "22"
    os.close(1)
    try:
        matched.final_check()
    except OSError:
        print("plain", file=sys.stderr, end=" ")
    build_entry(rule, 4, frozenset())
    print("held", file=sys.stderr, end="")
"""


def test_5_standard_output_is_left_alone() -> None:
    """Checking a plain match needs file descriptor 1; building an entry does not."""
    with namespaces("card") as [card]:
        done = _run_alone(STDOUT, card)

        assert done.stderr == "plain held"


def test_6_a_rule_is_built_once_for_all_namespaces() -> None:
    """The third namespace with the same rules starts no program and builds nothing: it is one commit a table."""
    rules = tuple(FilterRule(ACCEPT, f"r{n}", 6, matches=(match("tcp", dport=str(n)),)) for n in range(1, 51))
    with namespaces("a", "b", "c") as names:
        for name in names:
            iptc_driver.replace(name, [_forward(*rules)])

        assert [len(_listed(name)) for name in names] == [50, 50, 50]


def test_6_a_commit_replaces_the_table_atomically() -> None:
    """What both the old and the new rules accept is never lost, however often they alternate."""
    lab = fresh_lab()
    plan = _pair(lab)
    kept = FilterRule(ACCEPT, "kept", 17, matches=(match("udp", dport="9"),))
    tables = [Table(4, "filter", (Chain("INPUT", (FilterRule(DROP, f"{n}", 6), kept), "DROP"),)) for n in (1, 2)]
    try:
        machine.build(plan)
        a, b = (kernel_name(lab, name) for name in "ab")
        iptc_driver.replace(b, tables[:1])
        arrived = _count_datagrams(a, b, lambda number: iptc_driver.replace(b, [tables[number % 2]]))

        assert arrived[0] == arrived[1] > 100
        assert iptc_driver.save(b, 4, "filter")["INPUT"].packets == 0
    finally:
        machine.take_down(lab)


def _pair(lab: str) -> Plan:
    nodes = [
        Namespace(name, (Device("lo"), Device("eth0", (ip_interface(address),))))
        for name, address in (("a", "192.0.2.1/24"), ("b", "192.0.2.2/24"))
    ]
    return Plan(lab, {each.name: each for each in nodes}, (Link(("a", "eth0"), ("b", "eth0")),))


def _count_datagrams(a: str, b: str, change: Callable[[int], None]) -> tuple[int, int]:
    """Send from *a* to *b* while something changes 200 times; return how many were sent and how many came."""
    with netns.entered(b):
        receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        receiver.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, 1 << 26)
        receiver.bind(("192.0.2.2", 9))
    with netns.entered(a):
        sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    done, sent = Event(), 0

    def keep_changing() -> None:
        for number in range(200):
            change(number)
        done.set()

    changer = Thread(target=keep_changing)
    with sender, receiver:
        sender.sendto(b"", ("192.0.2.2", 9))
        receiver.recv(1)
        changer.start()
        while not done.is_set():
            sender.sendto(b"x", ("192.0.2.2", 9))
            sent += 1
        changer.join()
        receiver.settimeout(2)
        came = 0
        while came < sent and receiver.recv(1):
            came += 1
    return sent, came


def test_7_the_legacy_tables_are_not_those_of_nf_tables() -> None:
    """Each driver's listing shows its own rules alone."""
    table = _forward(FilterRule(ACCEPT, "one"))
    with namespaces("legacy", "nft") as [legacy, nft]:
        iptc_driver.replace(legacy, [table])
        driver_by_name("nft").replace(nft, [table])

        assert "one" in run_inside(legacy, ["iptables-legacy-save"])
        assert "one" not in run_inside(legacy, ["iptables-nft-save"])
        assert "one" in run_inside(nft, ["iptables-nft-save"])
        assert "one" not in run_inside(nft, ["iptables-legacy-save"])


def test_building_rules_opens_no_other_table() -> None:
    """Plain targets open all five tables of the namespace, NAT and so conntrack with them."""
    rules = (FilterRule(Target("own")), FilterRule(target("MARK", set_mark="1")), FilterRule(DROP))
    with namespaces("card") as [card]:
        iptc_driver.replace(card, [Table(4, "filter", (Chain("own"), Chain("FORWARD", rules, "DROP")))])
        with netns.entered(card):
            opened = Path("/proc/thread-self/net/ip_tables_names").read_text(encoding="ascii").split()

        assert opened == ["filter"]


@pytest.mark.parametrize("family", [4, 6])
def test_a_rule_compares_the_whole_name_of_a_device(family: int) -> None:
    """python-iptables compares the lowest bit of each letter in IPv6: `a2` would match a rule for `a0`."""
    lab = fresh_lab()
    plan = _pair_of_two_links(lab)
    counted = Table(
        family,
        "filter",
        (
            Chain(
                "INPUT",
                tuple(FilterRule(target("MARK", set_mark="1"), n, in_interface=n) for n in ("a0", "a2")),
                "ACCEPT",
            ),
        ),
    )
    try:
        machine.build(plan)
        a, b = (kernel_name(lab, name) for name in "ab")
        iptc_driver.replace(b, [counted])
        with (
            netns.entered(a),
            socket.socket(socket.AF_INET if family == 4 else socket.AF_INET6, socket.SOCK_DGRAM) as udp,
        ):
            udp.sendto(b"x", ("192.0.2.2" if family == 4 else "2001:db8::2", 9))
        rules = iptc_driver.save(b, family, "filter")["INPUT"].rules

        assert rules[1].packets > 0
        assert rules[0].packets == 0
    finally:
        machine.take_down(lab)


def _pair_of_two_links(lab: str) -> Plan:
    near = Namespace("a", (Device("lo"), Device("a2", (ip_interface("192.0.2.1/24"), ip_interface("2001:db8::1/64")))))
    far = Namespace(
        "b", (Device("lo"), Device("a2", (ip_interface("192.0.2.2/24"), ip_interface("2001:db8::2/64"))), Device("a0"))
    )
    return Plan(lab, {"a": near, "b": far}, (Link(("a", "a2"), ("b", "a2")),))


@pytest.mark.parametrize("destination", ["0.0.0.0/0", "::/0"])
def test_11_a_default_route_needs_no_gateway(destination: str) -> None:
    """It is on the link itself, in both families."""
    lab = fresh_lab()
    plan = _pair(lab)
    routed = Namespace("a", plan.namespaces["a"].devices, routes=(Route(ip_network(destination), "eth0"),))
    plan = Plan(lab, {**plan.namespaces, "a": routed}, plan.links)
    try:
        machine.build(plan)

        assert machine.differences(plan) == []
    finally:
        machine.take_down(lab)


def test_16_the_size_of_conntrack_is_the_hosts() -> None:
    """It is read-only inside a namespace; a timer is not."""
    tracking = _forward(FilterRule(ACCEPT, matches=(match("conntrack", ctstate="ESTABLISHED"),)))
    with namespaces("card") as [card]:
        iptc_driver.replace(card, [tracking])
        with netns.entered(card):
            sysctl.apply_all(card, [("netfilter/nf_conntrack_udp_timeout", "31")])
            with pytest.raises(KernelError, match="net/netfilter/nf_conntrack_max"):
                sysctl.apply_all(card, [("netfilter/nf_conntrack_max", "100")])

            assert sysctl.list_differences([("netfilter/nf_conntrack_udp_timeout", "31")]) == []


@pytest.mark.parametrize(
    ("length", "taken"), [(27, True), (28, True), (29, False)], ids=["one less", "the longest", "one more"]
)
def test_21_chain_names_have_28_characters_at_most(length: int, taken: bool) -> None:
    """A longer one is refused, and nothing has changed."""
    name = "n" * length
    table = Table(4, "filter", (Chain(name), Chain("FORWARD", (FilterRule(Target(name)),), "DROP")))
    with namespaces("card") as [card]:
        if not taken:
            with pytest.raises(KernelError, match=name):
                iptc_driver.replace(card, [table])
        else:
            iptc_driver.replace(card, [table])

        assert (iptc_driver.list_differences(card, [table]) == []) is taken


@pytest.mark.parametrize("value", ["0", "1", "2"])
def test_22_settings_that_a_namespace_inherits_are_set(value: str) -> None:
    """Whatever the host has, the planned value stands, and another one is told."""
    with namespaces("card") as [card], netns.entered(card):
        sysctl.apply_all(card, [("ipv4/conf/default/rp_filter", value)])

        assert sysctl.list_differences([("ipv4/conf/default/rp_filter", value)]) == []
        assert sysctl.list_differences([("ipv4/conf/default/rp_filter", "7")]) == [
            f"sysctl net/ipv4/conf/default/rp_filter: found {value}, wanted 7"
        ]


def test_22_a_setting_that_does_not_exist_is_an_error() -> None:
    """It is named, with the value that was wanted."""
    with (
        namespaces("card") as [card],
        netns.entered(card),
        pytest.raises(KernelError, match="net/ipv4/nothing: no such"),
    ):
        sysctl.apply_all(card, [("ipv4/nothing", "1")])


def test_23_a_lab_can_be_built_again_at_once() -> None:
    """Under the same names, while the kernel still clears up the old ones."""
    lab = fresh_lab()
    plan = _pair(lab)
    try:
        for _ in range(5):
            machine.build(plan)
            machine.take_down(lab)

        assert netns.list_namespaces(lab) == []
    finally:
        machine.take_down(lab)


def test_24_a_router_without_an_address_needs_permanent_neighbours() -> None:
    """An on-link gateway outside every network of the device, known by a permanent entry, carries packets."""
    lab = fresh_lab()
    gateway, mac = ip_address("198.51.100.1"), "02:00:00:00:00:0b"
    a = Namespace(
        "a",
        (Device("eth0", (ip_interface("192.0.2.1/32"),)),),
        routes=(Route(ip_network("203.0.113.0/24"), "eth0", gateway),),
        neighbours=(Neighbour("eth0", gateway, mac),),
    )
    b = Namespace("b", (Device("lo", (ip_interface("203.0.113.9/32"),)), Device("eth0", (), mac)))
    try:
        machine.build(Plan(lab, {"a": a, "b": b}, (Link(("a", "eth0"), ("b", "eth0")),)))
        with netns.entered(kernel_name(lab, "b")):
            receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            receiver.bind(("203.0.113.9", 9))
        receiver.settimeout(2)
        with receiver, netns.entered(kernel_name(lab, "a")), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"here", ("203.0.113.9", 9))

            assert receiver.recv(9) == b"here"
    finally:
        machine.take_down(lab)
