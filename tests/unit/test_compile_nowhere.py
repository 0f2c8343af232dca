"""Packets that lead nowhere: to everybody, to nobody beyond the link, or back to where they come from."""

import pytest

from netlab.compile import compile_lab
from netlab.control import completed
from netlab.errors import InputError
from netlab.formats import parse_lab
from netlab.model.dialogue import first_packet
from netlab.model.places import resolve_ends
from netlab.model.stories import Question
from netlab.plan.nouns import Plan
from netlab.plan.render import render_rule

LAB = """
name: nowhere
vpc: {cidr: 10.0.0.0/16, ipv6_cidr: "2001:db8:0:100::/56"}
subnets:
  a: {cidr: 10.0.1.0/24, ipv6_cidr: "2001:db8:0:101::/64", routes: {192.0.2.0/24: near, 198.51.100.0/24: other}}
  b: {cidr: 10.0.2.0/24, ipv6_cidr: "2001:db8:0:102::/64"}
instances:
  near: {subnet: a, ip: [10.0.1.10, 10.0.1.11], ipv6: "2001:db8:0:101::10", source_dest_check: false}
  other: {subnet: b, ip: 10.0.2.10, ipv6: "2001:db8:0:102::10"}
hosts: {far: {ip: [203.0.113.80, "2001:db8:ffff::80"]}}
"""


@pytest.fixture(scope="module")
def plan() -> Plan:
    return compile_lab(completed(parse_lab(LAB, "lab.yaml")))


def _chain(plan: Plan, namespace: str, family: int, table: str, name: str) -> list[str]:
    tables = plan.namespaces[namespace].tables
    (found,) = [each for each in tables if (each.family, each.name) == (family, table)]
    (chain,) = [each for each in found.chains if each.name == name]
    return [render_rule(rule) for rule in chain.rules]


def test_nothing_goes_back_by_the_device_it_came_in_by_but_to_its_owner(plan: Plan) -> None:
    """Only where a route of the interface's own subnet leads to it: `near`, not `other`."""
    assert _chain(plan, ":vpc", 4, "filter", "FORWARD")[1:] == [
        "-d 10.0.1.10/32 -i c0 -o c0 -j RETURN",
        "-d 10.0.1.11/32 -i c0 -o c0 -j RETURN",
        "-i c0 -o c0 -j no-route",
    ]


@pytest.mark.parametrize(
    ("family", "network"),
    [(4, "224.0.0.0/4"), (4, "255.255.255.255/32"), (4, "127.0.0.0/8"), (6, "ff00::/8"), (6, "fe80::/10")],
)
def test_probes_to_everybody_are_claimed_before_the_kernel_drops_them(plan: Plan, family: int, network: str) -> None:
    """At the card of the sender, and on the internet; only probes and those whose way is asked."""
    marked = "-m tos --tos 0xf0/0xf8"
    card = _chain(plan, "near:eth0", family, "raw", "PREROUTING")

    assert f"-d {network} -i inst {marked} -g to-nowhere" in card
    assert f"-s {network} -i inst {marked} -g from-nowhere" in card
    assert f"-d {network} {marked} -g to-nowhere" in _chain(plan, ":internet", family, "mangle", "PREROUTING")


@pytest.mark.parametrize(("node", "claim"), [("near", "-route NO_ROUTE"), ("other", "-source-dest-check SPOOFED")])
def test_what_comes_from_everybody_is_spoofed_where_that_is_checked(plan: Plan, node: str, claim: str) -> None:
    """Else no route leads anywhere for it."""
    *_, drop = _chain(plan, f"{node}:eth0", 4, "raw", "from-nowhere")

    assert drop == f'-m comment --comment "{claim}" -j DROP'


@pytest.mark.parametrize("protocol", [0, 43, 44, 59, 60])
def test_an_extension_header_is_no_protocol_of_ipv6(protocol: int) -> None:
    """In IPv4 these are numbers like any other."""
    lab = completed(parse_lab(LAB, "lab.yaml"))
    question = Question("far", "other", protocol, family=6)

    with pytest.raises(InputError, match=f"protocol: found {protocol}, in IPv6 an extension header"):
        first_packet(question, resolve_ends(lab, "far", "other", 6), 1)
    assert first_packet(question, resolve_ends(lab, "far", "other", 4), 1).protocol == protocol
