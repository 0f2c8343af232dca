"""A card's parts: order, names, classes, sets, timers. Pure."""

from dataclasses import replace
from ipaddress import ip_address, ip_network

import pytest

from netlab.compile.card import CardParts, compile_card, compile_endpoint
from netlab.compile.card_class import untracked_ports
from netlab.compile.card_exempt import exempt_addresses
from netlab.compile.card_names import (
    CHAIN_NAME_LENGTH,
    SET_NAME_LENGTH,
    group_set,
    prefix_list_set,
    rule_chain,
    shortened,
)
from netlab.model.addresses import cidr_from_text
from netlab.model.rules import (
    ALL_PORTS,
    TCP,
    UDP,
    Direction,
    GroupRef,
    Ports,
    PrefixList,
    PrefixListRef,
    Rule,
    SecurityGroup,
    Traffic,
)
from netlab.model.topology import ConnectionTracking, Instance, Interface, Lab, Subnet, Vpc
from netlab.plan.nouns import Chain, Namespace, Table
from netlab.plan.render import quote, render_namespace, render_nft, render_rule
from netlab.plan.tags import MAX_LOG_PREFIX, tag_from_text

IN, OUT = Direction.INGRESS, Direction.EGRESS
ALL4, ALL6 = cidr_from_text("0.0.0.0/0"), cidr_from_text("::/0")
LIST = PrefixListRef("offices")


def _tcp(direction: Direction, ports: Ports, peer: object = ALL4, number: int | None = TCP) -> Rule:
    traffic = Traffic(number, ports if number in {TCP, UDP} else None)
    return Rule(f"{direction.value}-{number}-{ports}", direction, traffic, peer)


@pytest.mark.parametrize(
    ("rules", "wanted"),
    [
        ([_tcp(IN, Ports(22, 22)), _tcp(OUT, ALL_PORTS, number=None)], [(22, 22)]),
        ([_tcp(IN, Ports(22, 22)), _tcp(OUT, ALL_PORTS)], [(22, 22)]),
        ([_tcp(IN, Ports(22, 22)), _tcp(OUT, Ports(0, 65534))], []),
        ([_tcp(IN, Ports(22, 22)), _tcp(OUT, Ports(1, 65535))], []),
        ([_tcp(IN, Ports(22, 22)), _tcp(OUT, ALL_PORTS, number=UDP)], []),
        ([_tcp(IN, Ports(22, 22)), _tcp(OUT, ALL_PORTS, ALL6)], []),
        ([_tcp(IN, Ports(22, 22)), _tcp(OUT, ALL_PORTS, cidr_from_text("0.0.0.0/1"))], []),
        ([_tcp(IN, Ports(22, 22)), _tcp(OUT, ALL_PORTS, LIST)], []),
        ([_tcp(IN, Ports(22, 22)), _tcp(OUT, ALL_PORTS, GroupRef("web"))], []),
        ([_tcp(IN, Ports(22, 22), cidr_from_text("10.0.0.0/8")), _tcp(OUT, ALL_PORTS)], []),
        ([_tcp(IN, Ports(22, 22), LIST), _tcp(OUT, ALL_PORTS)], []),
        ([_tcp(IN, Ports(22, 22))], []),
        ([_tcp(OUT, ALL_PORTS)], []),
        ([_tcp(IN, ALL_PORTS, number=None), _tcp(OUT, ALL_PORTS, number=None)], [(0, 65535)]),
        ([_tcp(IN, ALL_PORTS, number=1), _tcp(OUT, ALL_PORTS, number=None)], []),
        ([_tcp(IN, Ports(1, 5)), _tcp(IN, Ports(4, 9)), _tcp(IN, Ports(10, 11)), _tcp(OUT, ALL_PORTS)], [(1, 11)]),
        ([_tcp(IN, Ports(1, 5)), _tcp(IN, Ports(7, 9)), _tcp(OUT, ALL_PORTS)], [(1, 5), (7, 9)]),
        ([_tcp(IN, Ports(1, 9)), _tcp(IN, Ports(2, 3)), _tcp(OUT, ALL_PORTS)], [(1, 9)]),
    ],
)
def test_a_flow_is_untracked_where_both_directions_are_open(rules: list[Rule], wanted: list[tuple[int, int]]) -> None:
    """Open to the literal everywhere on its port, and all answers admitted, in its own family; on the pooled rules."""
    found = untracked_ports(rules, 4, IN, TCP)

    assert [(ports.first, ports.last) for ports in found] == wanted


def _lab(*rules: Rule, ipv6: bool = True, **interface: object) -> Lab:
    group = SecurityGroup(
        "web",
        tuple(each for each in rules if each.direction is IN),
        tuple(each for each in rules if each.direction is OUT),
    )
    card = Interface("ec2", "eth0", True, "public", (ip_address("10.0.1.10"), ip_address("10.0.1.11")))
    card = replace(card, ipv6=(ip_address("2001:db8:0:100::10"),) if ipv6 else (), security_groups=("web",))
    vpc = Vpc(ip_network("10.0.0.0/16"), ip_network("2001:db8:0:100::/56") if ipv6 else None)
    return Lab(
        "unit",
        vpc,
        {"public": Subnet("public", ip_network("10.0.1.0/24")), "other": Subnet("other", ip_network("10.0.7.0/24"))},
        {"web": group, "more": SecurityGroup("more")},
        {"offices": PrefixList("offices", 5, tuple(map(cidr_from_text, ("0.0.0.0/0", "203.0.113.9/32"))))},
        instances={"ec2": Instance("ec2", (replace(card, **interface),))},
    )


def _compiled(lab: Lab) -> CardParts:
    return compile_card(lab, lab.interface("ec2"))


def _table(parts: CardParts, name: str, family: int = 4) -> Table:
    return next(table for table in parts.tables if (table.name, table.family) == (name, family))


def _chain(table: Table, name: str) -> Chain:
    return next(chain for chain in table.chains if chain.name == name)


EVERY_KIND = (
    _tcp(IN, Ports(22, 22)), _tcp(OUT, ALL_PORTS, number=None), _tcp(IN, ALL_PORTS, LIST, UDP),
    _tcp(IN, ALL_PORTS, GroupRef("web"), None), _tcp(IN, ALL_PORTS, ALL6, 50),
)  # fmt: skip


@pytest.mark.parametrize("ipv6", [True, False])
def test_a_chain_stands_after_the_chains_it_leads_to(ipv6: bool) -> None:
    """So every driver can create them in order; names fit the kernel."""
    for table in _compiled(_lab(*EVERY_KIND, ipv6=ipv6)).tables:
        known: set[str] = {"ACCEPT", "DROP", "RETURN", "NFLOG", "MARK", "CONNMARK", "CT", "TTL", "HL"}
        for chain in table.chains:
            assert {rule.target.name for rule in chain.rules} <= known
            assert len(chain.name) <= CHAIN_NAME_LENGTH
            known.add(chain.name)


def test_every_comment_is_a_tag_and_every_tag_can_be_logged() -> None:
    """What is logged as a drop is dropped under the same tag, and what is logged as passed is accepted under it."""
    long_id = "a" * 40
    parts = _compiled(_lab(*EVERY_KIND, Rule(long_id, IN, Traffic(99), ALL4)))
    rules = [rule for table in parts.tables for chain in table.chains for rule in chain.rules]
    comments = {rule.comment for rule in rules if rule.comment}
    logged = {dict(rule.target.options)["nflog-prefix"] for rule in rules if rule.target.name == "NFLOG"}

    assert all(str(tag_from_text(text)) == text for text in comments | logged)
    assert max(map(len, logged)) <= MAX_LOG_PREFIX
    assert comments == {text for text in logged if " UNTRACKED " not in text}
    assert f"+ingress UNTRACKED {long_id}" in logged


def test_rules_stand_in_the_order_of_the_groups() -> None:
    """The first group of the interface comes first, whatever the lab's order is."""
    first, second = Rule("z", IN, Traffic(50), ALL4), Rule("a", IN, Traffic(51), ALL4)
    lab = _lab(security_groups=("more", "web"))
    groups = {"web": SecurityGroup("web", (second,)), "more": SecurityGroup("more", (first,))}
    table = _table(_compiled(replace(lab, groups=groups)), "filter")

    comments = [rule.comment for rule in _chain(table, "ingress").rules if " RULE " in rule.comment]
    assert comments == ["+ingress RULE z", "+ingress RULE a"]


def test_sets_hold_private_addresses_and_entries_by_family() -> None:
    """Secondary addresses too; a network that holds everything is split, for hash:net takes no /0."""
    sets = {each.name: each for each in _compiled(_lab(*EVERY_KIND)).sets}

    assert {name: each.members for name, each in sets.items() if not name.startswith("exempt")} == {
        "sg4:web": frozenset({"10.0.1.10", "10.0.1.11"}),
        "sg6:web": frozenset({"2001:db8:0:100::10"}),
        "pl4:offices": frozenset({"0.0.0.0/1", "128.0.0.0/1", "203.0.113.9"}),
        "pl6:offices": frozenset(),
    }
    assert {each.name for each in _compiled(_lab(*EVERY_KIND, ipv6=False)).sets} == {
        "exempt4", "sg4:web", "pl4:offices",
    }  # fmt: skip


def test_membership_touches_sets_alone() -> None:
    """Another member, another entry: tables and timers stay as they are."""
    lab = _lab(*EVERY_KIND)
    guest = Interface("guest", "eth0", True, "public", (ip_address("10.0.1.99"),), (), None, ("web",))
    more = replace(
        lab,
        instances={**lab.instances, "guest": Instance("guest", (guest,))},
        prefix_lists={"offices": PrefixList("offices", 5, (cidr_from_text("2001:db8::/32"),))},
    )
    before, after = _compiled(lab), _compiled(more)

    assert (before.tables, before.nft, before.sysctls) == (after.tables, after.nft, after.sysctls)
    assert before.sets != after.sets


def test_rules_touch_the_filter_table_alone() -> None:
    """Also where one class opens as another closes: one commit a family, and no memory is lost."""
    one = _compiled(_lab(_tcp(IN, Ports(22, 22)), _tcp(OUT, ALL_PORTS)))
    other = _compiled(_lab(_tcp(IN, Ports(80, 80)), _tcp(OUT, ALL_PORTS)))

    changed = {(table.family, table.name) for table in other.tables} - {
        (table.family, table.name) for table in other.tables if table in one.tables
    }
    assert changed == {(4, "filter")}
    assert (one.nft, one.sysctls, one.sets) == (other.nft, other.sysctls, other.sets)


@pytest.mark.parametrize(
    ("scale", "established", "stream", "alive", "generic"),
    [(1, "432000", "180", "30s", "600"), (0.1, "43200", "18", "3s", "60"), (0.001, "432", "1", "1s", "1")],
)
def test_timers_are_scaled_to_whole_seconds(
    scale: float, established: str, stream: str, alive: str, generic: str
) -> None:
    """At least one second each."""
    parts = _compiled(replace(_lab(), scale=scale))
    settings = dict(parts.sysctls)

    assert settings["netfilter/nf_conntrack_tcp_timeout_established"] == established
    assert settings["netfilter/nf_conntrack_tcp_timeout_unacknowledged"] == established
    assert settings["netfilter/nf_conntrack_udp_timeout"] == stream
    assert settings["netfilter/nf_conntrack_generic_timeout"] == generic
    assert f"update @alive {{ ct id timeout {alive} }}" in parts.nft[0].script


def test_timers_of_an_interface_are_its_own() -> None:
    """Three of them may be set."""
    parts = _compiled(_lab(connection_tracking=ConnectionTracking(60, 31, 61)))

    assert dict(parts.sysctls)["netfilter/nf_conntrack_tcp_timeout_established"] == "60"
    assert "update @alive { ct id timeout 31s }" in parts.nft[0].script
    assert "update @alive { ct id timeout 61s } return" in parts.nft[0].script


@pytest.mark.parametrize(("allowance", "limited"), [(None, False), (0, True), (1000, True)])
def test_an_allowance_is_counted_only_where_there_is_one(allowance: int | None, limited: bool) -> None:
    """It is in the table beside, so that changes of rules do not forget the count."""
    script = _compiled(_lab(allowance=allowance)).nft[0].script

    assert (f"ct count over {allowance} goto full" in script) == limited
    assert ("-allowance ALLOWANCE" in script) == limited


def test_what_is_never_filtered_is_known_by_address() -> None:
    """The VPC's resolver is base + 2; every subnet's router is base + 1; nothing else of them."""
    lab = _lab()

    assert [str(each) for each in exempt_addresses(lab, 4)] == [
        "10.0.0.2", "10.0.1.1", "10.0.7.1", "169.254.169.123", "169.254.169.250", "169.254.169.251",
        "169.254.169.253", "169.254.169.254", "169.254.170.2",
    ]  # fmt: skip
    assert [str(each) for each in exempt_addresses(lab, 6)] == [
        "fd00:ec2::123", "fd00:ec2::253", "fd00:ec2::254", "fe80:ec2::1",
    ]  # fmt: skip


def test_names_are_short_stable_and_apart() -> None:
    """A long name keeps its head and gets a digest; two that differ only in their tails stay two."""
    long_one, long_other = "g" * 50 + "1", "g" * 50 + "2"

    assert group_set("web", 4) == "sg4:web"
    assert prefix_list_set("web", 6) == "pl6:web"
    assert rule_chain("sgr-1", IN) == "in:sgr-1"
    assert rule_chain("sgr-1", OUT) == "out:sgr-1"
    assert group_set(long_one, 4) == group_set(long_one, 4) != group_set(long_other, 4)
    assert len(group_set(long_one, 4)) == SET_NAME_LENGTH
    assert len(rule_chain(long_one, OUT)) == CHAIN_NAME_LENGTH
    assert shortened("a b", 31) != shortened("a_b", 31)
    assert " " not in shortened("a b", 31)
    assert shortened("naïve", 31).isascii()


@pytest.mark.parametrize(
    ("check", "own"), [(True, ["10.0.1.10/32", "10.0.1.11/32"]), (False, None)], ids=["checked", "unchecked"]
)
def test_the_source_dest_check_knows_every_address(check: bool, own: list[str] | None) -> None:
    """Outward the source, inward the destination; without the check there is no such chain."""
    table = _table(_compiled(_lab(source_dest_check=check)), "filter")
    chains = {chain.name: chain for chain in table.chains}

    if own is None:
        assert not {"in-check", "out-check"} & chains.keys()
    else:
        assert [str(rule.source) for rule in chains["out-check"].rules[:-1]] == own
        assert [str(rule.destination) for rule in chains["in-check"].rules[:-1]] == own


def test_an_endpoint_drops_probes_and_an_appliance_only_its_own() -> None:
    """Hosts and instances alike; with any interface unchecked the node forwards what is not addressed to it."""
    checked, unchecked = (_lab(source_dest_check=value).interface("ec2") for value in (True, False))
    probe = "-m dscp --dscp 0x3d -j DROP"

    for interfaces, wanted in (
        ([], [probe]),
        ([checked], [probe]),
        ([unchecked], [f"-d 10.0.1.10/32 {probe}", f"-d 10.0.1.11/32 {probe}"]),
    ):
        (table,) = (each for each in compile_endpoint(interfaces) if each.family == 4)
        assert [render_rule(rule) for rule in _chain(table, "PREROUTING").rules] == wanted


def test_a_namespace_is_rendered_for_people() -> None:
    """Sets, both families' tables, nftables; in this order, each under its program's name."""
    parts = _compiled(_lab(*EVERY_KIND))
    text = render_namespace(Namespace("ec2:eth0", (), parts.sysctls, (), (), (), parts.sets, parts.tables, parts.nft))
    heads = [line for line in text.splitlines() if line.startswith("#")]

    assert heads == [
        "# ec2:eth0", "# ipset restore", "# iptables-legacy-restore", "# ip6tables-legacy-restore", "# nft -f",
    ]  # fmt: skip
    assert "add sg4:web 10.0.1.11" in text
    assert render_nft(parts.nft[0]).startswith("table inet card {\n  set alive")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("sgr-1", "sgr-1"), ("a_b", "a_b"), ("", '""'), ("a.b", '"a.b"'), ("a b", '"a b"'), ('a"b', '"a\\"b"'),
        ("a\\b", '"a\\\\b"'), ("it's", '"it\\\'s"'), ("+ingress", '"+ingress"'),
    ],
)  # fmt: skip
def test_texts_are_quoted_as_iptables_save_quotes_them(text: str, wanted: str) -> None:
    """Letters, digits, _ and - are bare; all else stands in double quotes, with backslashes where needed."""
    assert quote(text) == wanted
