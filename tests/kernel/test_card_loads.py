"""The kernel takes a full card as it is rendered, and lists it back in the same words."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from card_bench import EXECUTABLE, Bench, card_bench, lab_with

from netlab.compile.card import CardParts, compile_card, compile_endpoint
from netlab.kernel.xtables import driver_by_name
from netlab.model.topology import Vpc
from netlab.plan.nouns import Table
from netlab.plan.render import render_set, render_table

EVERYTHING = lab_with(
    "ssh: ingress tcp/22 from 0.0.0.0/0",
    "range: ingress tcp/8000-8080 from 198.51.100.0/24",
    "names: ingress udp/53 from offices",
    "all-udp: ingress udp/all from ::/0",
    "ping: ingress icmp/8 from friends",
    "frag: ingress icmp/3/4 from 0.0.0.0/0",
    "odd: ingress icmp/255/1 from 0.0.0.0/0",
    "ping6: ingress icmpv6/128/0 from friends",
    "any6: ingress icmpv6/all from ::/0",
    "hop: ingress 0 from 0.0.0.0/0",
    "esp: ingress 50 from 198.51.100.7/32",
    "gre: ingress 47 from friends",
    "sctp: ingress 132 from 2001:db8:ff::/48",
    "dotted.id_with-everything.in.it.and.40.lon: ingress tcp/1 from 203.0.113.0/24",
    "self: ingress all from web",
    "out: egress all to 0.0.0.0/0",
    "out6: egress all to ::/0",
    "out-dns: egress udp/53 to offices",
    lists={"offices": ["198.51.100.0/24", "203.0.113.9/32", "2001:db8::/32"]},
    allowance=1000,
)
"""Every protocol, peer kind and target occurs."""


@pytest.fixture
def bench() -> Iterator[Bench]:
    with card_bench() as found:
        yield found


def _spelled(text: str) -> str:
    """Return a listing line without counts, and with protocols by number, which /etc/protocols names."""
    text = re.sub(r"\[\d+:\d+\]", "[0:0]", text)
    names = re.findall(r"^(\S+)\s+(\d+)\s", Path("/etc/protocols").read_text(encoding="utf-8"), re.MULTILINE)
    numbers = {name: number for name, number in names if number not in {"1", "6", "17", "58"}}
    return re.sub(r"-p (\S+)", lambda found: f"-p {numbers.get(found[1], found[1])}", text)


def _wanted(tables: list[Table]) -> list[str]:
    return sorted(line for table in tables for line in render_table(table).splitlines())


@pytest.mark.parametrize("family", [4, 6])
def test_a_full_card_is_listed_as_it_was_rendered(bench: Bench, family: int) -> None:
    """Nothing is spelled in another way, nothing left out, nothing added."""
    parts = bench.load(EVERYTHING)

    wanted = _wanted([table for table in parts.tables if table.family == family])
    assert sorted(map(_spelled, bench.saved(family))) == wanted


def test_sets_are_listed_as_they_were_rendered(bench: Bench) -> None:
    """Also members: single addresses are bare, networks have their length."""
    parts = bench.load(EVERYTHING)

    listed = [line for line in bench.run(bench.card, "ipset", "save").splitlines() if line.startswith("add")]
    assert sorted(listed) == sorted(line for each in parts.sets for line in render_set(each).splitlines()[1:])


@pytest.mark.parametrize("name", ["iptc", "legacy"])
def test_every_driver_loads_a_full_card(bench: Bench, name: str) -> None:
    """And finds what it wrote."""
    parts: CardParts = compile_card(EVERYTHING, EVERYTHING.interface("ec2"))
    for each in parts.sets:
        bench.run(bench.card, "ipset", "restore", text=render_set(each))
    driver = driver_by_name(name)
    driver.replace(bench.card, parts.tables)

    assert driver.list_differences(bench.card, parts.tables) == []
    for family in EXECUTABLE:
        wanted = _wanted([table for table in parts.tables if table.family == family])
        assert sorted(map(_spelled, bench.saved(family))) == wanted


def test_a_card_without_ipv6_drops_all_of_it(bench: Bench) -> None:
    """A VPC without IPv6 has no IPv6 rules, and no way for its packets."""
    lab = lab_with("all: ingress all from ::/0", ipv6=())
    parts = bench.load(replace(lab, vpc=Vpc(lab.vpc.cidr)))
    saved = [_spelled(line) for line in bench.saved(6)]

    assert sorted(saved) == _wanted([table for table in parts.tables if table.family == 6])
    assert [line for line in saved if line.startswith((":FORWARD DROP", "-A FORWARD"))] == [
        ":FORWARD DROP [0:0]", "-A FORWARD -g spoofed",
    ]  # fmt: skip


def test_an_endpoint_drops_probes_only(bench: Bench) -> None:
    """A forwarding appliance drops those to its own addresses, and lets others pass."""
    plain, appliance = lab_with(), lab_with(source_dest_check=False)
    for lab, wanted in (
        (plain, "-A PREROUTING -m dscp --dscp 0x3d -j DROP"),
        (appliance, "-A PREROUTING -d 10.0.1.10/32 -m dscp --dscp 0x3d -j DROP"),
    ):
        for table in compile_endpoint([lab.interface("ec2")]):
            bench.run(bench.instance, f"{EXECUTABLE[table.family]}-restore", text=render_table(table))

        saved = bench.run(bench.instance, "iptables-legacy-save", "-t", "raw")
        assert [line for line in saved.splitlines() if line.startswith("-A")] == [wanted]
