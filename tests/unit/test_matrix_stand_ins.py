"""Somebody in every network that rules name: who, where, asked about whom; and what still nobody tries."""

from dataclasses import replace
from ipaddress import ip_address, ip_network

import pytest

import netlab
from netlab.check.clauses import carried_clauses, clauses_of
from netlab.check.impact import Impact, compare, differing, impact_json, untried_changes
from netlab.check.impact_text import impact_lines
from netlab.check.matrix import ask_matrix, questions_of, rule_questions
from netlab.check.matrix_text import matrix_lines
from netlab.check.nest import Nest
from netlab.check.samples import samples_from_text
from netlab.check.stand_ins import MOST, MOST_APART, Furnished, furnished, representatives
from netlab.check.untried import untried
from netlab.control import completed
from netlab.formats import parse_lab
from netlab.model.topology import Lab
from netlab.model.verdicts import Seen

LAB = """
name: shop
vpc: {cidr: 10.0.0.0/16, VPC6}
subnets:
  public: {cidr: 10.0.1.0/24, SUBNET6 internet: true}
  other: {cidr: 10.0.2.0/24, internet: true}
prefix_lists: {offices: {max_entries: 5, entries: [203.0.113.0/25, 203.0.113.128/26]}}
security_groups:
  web: {ingress: [{tcp: 443, from: 0.0.0.0/0}, RULES]}
  db: {ingress: [{tcp: 5432, from: web}], egress: []}
instances:
  ec2: {subnet: public, public_ip: 3.95.203.191, security_groups: [web]}
  data: {subnet: other, security_groups: [db]}
hosts: {laptop: {ip: HOST}}
"""


def _lab(rules: str = "", *, ipv6: bool = False, shut: bool = True) -> Lab:
    """Return the lab with more rules of web; *shut*: data sends nothing."""
    text = LAB if shut else LAB.replace(", egress: []", "")
    text = text.replace(", RULES", f", {rules}" if rules else "")
    text = text.replace(", VPC6", ', ipv6_cidr: "2001:db8:0:100::/56"' if ipv6 else "")
    text = text.replace("SUBNET6 ", 'ipv6_cidr: "2001:db8:0:101::/64", ' if ipv6 else "")
    return completed(parse_lab(text.replace("HOST", '[198.51.100.7, "2001:db8:ffff::7"]' if ipv6 else "198.51.100.7")))


# rules of web                                 ; who is put in, and where
PLACES = """
                                               ;
tcp/22 from 198.51.100.0/24                    ; elsewhere-4 203.0.113.1
tcp/22 from web                                ;
tcp/22 from 203.0.113.0/24                     ; in-203.0.113.0_24 203.0.113.1, near-203.0.113.0_24 203.0.114.0
tcp/22 from 203.0.113.9/32                     ; in-203.0.113.9_32 203.0.113.9, near-203.0.113.9_32 203.0.113.10
tcp/22 from 203.0.113.8/32, tcp/22 from 203.0.113.9/32 ; in-203.0.113.8_32 203.0.113.8, in-203.0.113.9_32 203.0.113.9, near-203.0.113.8_32 203.0.113.7, near-203.0.113.9_32 203.0.113.10
tcp/22 from 198.51.100.7/32                    ; elsewhere-4 198.51.100.1
tcp/22 from 0.0.0.0/1                          ; in-0.0.0.0_1 1.0.0.1, near-0.0.0.0_1 128.0.0.0
tcp/22 from 128.0.0.0/1                        ; elsewhere-4 1.0.0.1
tcp/22 from 203.0.113.0/24, tcp/23 from 203.0.112.0/23 ; in-203.0.113.0_24 203.0.113.1, in-203.0.112.0_23 203.0.112.1, near-203.0.113.0_24 203.0.114.0, near-203.0.112.0_23 203.0.111.255
tcp/22 from offices                            ; in-203.0.113.0_25 203.0.113.1, in-203.0.113.128_26 203.0.113.129, near-203.0.113.0_25 203.0.112.255, near-203.0.113.128_26 203.0.113.192
tcp/22 from 20.0.0.0/8                         ; in-20.0.0.0_8 20.0.0.1, near-20.0.0.0_8 21.0.0.0
tcp/22 from 10.0.0.0/16                        ;
tcp/22 from 10.0.1.0/24                        ; in-10.0.1.0_24 10.0.1.5
tcp/22 from 10.0.2.0/24                        ;
tcp/22 from 10.0.2.128/25                      ; in-10.0.2.128_25 10.0.2.129, near-10.0.2.128_25 10.0.2.127
tcp/22 from 10.0.9.0/24                        ;
tcp/22 from 127.0.0.0/8                        ;
tcp/22 from 224.0.0.1/32                       ;
tcp/22 from 255.255.255.0/24                   ;
tcp/22 from 2a00::/16                          ;
tcp/22 from 3.95.203.191/32                    ;
icmpv6/128 from 203.0.113.0/24                 ;
"""  # noqa: E501 - one line, one case

PLACES_6 = """
tcp/22 from 2a00::/16                          ; in-2a00.._16 2a00::1, near-2a00.._16 2a01::
tcp/22 from 2001:db8:ffff::/48                 ; elsewhere-6 3fff::1
tcp/22 from 2001:db8:0:101::/64                ; in-2001.db8.0.101.._64 2001:db8:0:101::5
tcp/22 from fe80::/10                          ;
tcp/22 from ffff::/16                          ;
tcp/22 from 2001:db8:0:102::/64                ;
icmp/8 from 2a00::/16                          ;
"""


def _rows(rules: str) -> str:
    """Return rules of the notation as rows of a lab file."""
    rows = []
    for rule in filter(None, (part.strip() for part in rules.split(","))):
        traffic, _, peer = rule.partition(" from ")
        protocol, _, ports = traffic.partition("/")
        rows.append(f'{{{protocol}: {ports}, from: "{peer}"}}')
    return ", ".join(rows)


def _told(found: Furnished) -> list[str]:
    return [f"{each.name} {each.address}" for each in found.stand_ins]


@pytest.mark.parametrize(("case", "ipv6"), [(each, False) for each in PLACES.strip("\n").splitlines()]
                         + [(each, True) for each in PLACES_6.strip("\n").splitlines()])  # fmt: skip
def test_somebody_is_put_where_rules_speak_of_nobody(case: str, *, ipv6: bool) -> None:
    """In what narrower networks leave of each, and just outside; the same in two labs, and nobody where none can be."""
    rules, _, wanted = case.partition(";")
    plain, changed = _lab(ipv6=ipv6), _lab(_rows(rules), ipv6=ipv6)
    alone, both = furnished(changed), furnished(plain, changed)

    assert [each.strip() for each in wanted.split(",") if each.strip()] == _told(alone)
    assert _told(both) == _told(alone)
    for lab in map(completed, both.labs):
        for each in both.stand_ins:
            node = lab.instances.get(each.name)
            addresses = node.primary.addresses if node else lab.hosts[each.name].addresses
            assert each.address in addresses
            assert (node is not None) is lab.is_inside(each.address)


def test_a_stand_in_is_the_same_to_both_labs_or_nobody() -> None:
    """An address that only one of them has free, or that only one's VPC holds, is none."""
    old = _lab("{tcp: 22, from: 203.0.113.0/30}")
    new = completed(parse_lab(LAB.replace(", RULES", "").replace(", VPC6", "").replace("SUBNET6 ", "")
                              .replace("HOST", "[203.0.113.1, 203.0.113.0, 203.0.113.2]")))  # fmt: skip
    text = LAB.replace("10.0.", "10.9.").replace(", RULES", ", {tcp: 22, from: 10.9.2.128/25}")
    moved = completed(parse_lab(text.replace(", VPC6", "").replace("SUBNET6 ", "").replace("HOST", "198.51.100.7")))

    assert "in-203.0.113.0_30 203.0.113.3" in _told(furnished(old, new))
    assert [each for each in _told(furnished(_lab(), moved)) if "in-10.9" in each] == []
    assert [each for each in _told(furnished(moved)) if "in-10.9" in each] == ["in-10.9.2.128_25 10.9.2.129"]


def test_names_and_groups_that_a_lab_has_are_left_alone() -> None:
    """A number is put behind what would be theirs."""
    text = LAB.replace(", RULES", ", {tcp: 22, from: 10.0.2.128/25}, {tcp: 22, from: 203.0.113.0/24}")
    text = text.replace(", VPC6", "").replace("SUBNET6 ", "").replace("HOST", "198.51.100.7")
    text = text.replace("hosts: {", "hosts: {in-203.0.113.0_24: {ip: 192.0.2.1}, ")
    text = text.replace("  db:", "  stand-in: {ingress: [{tcp: 1, from: web, id: stand-in-2-ingress}]}\n  db:")
    found = furnished(completed(parse_lab(text)))
    lab = completed(found.labs[0])

    assert "in-203.0.113.0_24-2 203.0.113.1" in _told(found)
    assert lab.instances["in-10.0.2.128_25"].primary.security_groups == ("stand-in-2",)
    assert [rule.id for rule in lab.groups["stand-in-2"].ingress] == ["stand-in-2-ingress-2", "stand-in-2-ingress-3"]


def test_a_full_subnet_takes_no_stand_in_of_ipv6() -> None:
    """It would need an address of IPv4 too; with one left it is there."""
    text = """
name: full
vpc: {cidr: 10.0.0.0/16, ipv6_cidr: "2001:db8:0:100::/56"}
subnets: {a: {cidr: 10.0.1.0/28, ipv6_cidr: "2001:db8:0:101::/64"}}
security_groups: {web: {ingress: [{tcp: 22, from: "2001:db8:0:101::8000/113"}], egress: []}}
instances: {NODES}
"""
    for count, wanted in ((10, ["in-2001.db8.0.101..8000_113 2001:db8:0:101::8001"]), (11, [])):
        nodes = ", ".join(f"n{number}: {{subnet: a, security_groups: [web]}}" for number in range(count))
        found = furnished(completed(parse_lab(text.replace("NODES", nodes))))

        assert [each for each in _told(found) if each.startswith("in-2001")] == wanted
        assert all(map(completed, found.labs))


def test_a_stand_in_is_asked_about_those_whom_its_network_matters_to() -> None:
    """Both ways, by its own family, and by the ports of their rules alone; not about other stand-ins."""
    found = furnished(_lab('{tcp: 22, from: 10.0.2.128/25}, {tcp: 23, from: "2a00::/16"}', ipv6=True))
    lab = completed(found.labs[0])
    names = {each.name for each in found.stand_ins}
    asked = [each for each in rule_questions(lab, stand_ins=found.stand_ins) if {each.source, each.target} & names]
    by_port = [*questions_of(lab, samples_from_text("tcp/22"), found.stand_ins)]

    assert {frozenset({each.source, each.target}) - names for each in asked} == {frozenset({"ec2"})}
    assert {each.family for each in asked if "in-2a00.._16" in {each.source, each.target}} == {6}
    assert {each.family for each in asked if "in-10.0.2.128_25" in {each.source, each.target}} == {4}
    assert {each.dport for each in asked if each.source == "in-10.0.2.128_25"} == {21, 22, 23, 24, 442, 443, 444}
    assert {each.dport for each in by_port} == {22}
    assert {(each.source, each.family) for each in by_port if each.source in names} == {
        (each.name, each.address.version) for each in found.stand_ins
    }


def _many(count: int, ports: int) -> Lab:
    """Return a lab with as many networks, in lists of 50, of which each has one of some ports."""
    cidrs = [f"11.0.{number}.9/32" for number in range(count)]
    lists = {f"l{begin}": cidrs[begin : begin + 50] for begin in range(0, count, 50)}
    text = LAB.partition("prefix_lists:")[0].replace(", VPC6", "").replace("SUBNET6 ", "")
    text += "prefix_lists:\n"
    text += "".join(f"  {name}: {{entries: [{', '.join(own)}]}}\n" for name, own in lists.items())
    text += "security_groups:\n"
    text += "".join(
        f"  g{index}: {{ingress: [{{tcp: {22 + index % ports}, from: {name}}}]}}\n" for index, name in enumerate(lists)
    )
    text += "instances:\n"
    text += "".join(
        f"  i{index}: {{subnet: public, public_ip: 3.3.3.{index}, security_groups: [g{index}]}}\n"
        for index in range(len(lists))
    )
    return completed(parse_lab(text + "hosts: {laptop: {ip: 198.51.100.7}}\n"))


def test_many_networks_share_stand_ins_where_all_rules_treat_them_alike() -> None:
    """Up to 64 each has its own; beyond, one each for those of a kind, and nothing is left untried."""
    few, many = furnished(_many(50, 1)), furnished(_many(200, 2))
    insiders = [each for each in many.stand_ins if each.inside]

    assert len([each for each in few.stand_ins if each.inside]) == 50 <= MOST_APART
    assert {len(each.alike) for each in few.stand_ins} == {0}
    assert [len(each.alike) for each in insiders] == [49, 49, 49, 49]
    assert len(representatives(many.stand_ins)) == 196
    lab = completed(many.labs[0])
    with netlab.paper(lab) as network:
        matrix = ask_matrix(network, rule_questions(lab, stand_ins=many.stand_ins))
    everything = carried_clauses(_many(200, 2))
    assert untried(lab, matrix.cells, everything, representatives(many.stand_ins)) == ()
    assert len(untried(lab, matrix.cells, everything)) == 196


def test_too_many_networks_are_left_out_and_those_that_changed_come_first() -> None:
    """Each is treated otherwise; the first ones named have stand-ins, and the rest is told."""
    rules = [f"{{tcp: {port}, from: 11.{port}.0.0/16}}" for port in range(1, MOST + 31)]
    text = LAB.replace(", VPC6", "").replace("SUBNET6 ", "").replace("HOST", "198.51.100.7").replace(", RULES", "")
    groups = "".join(
        f"  g{begin}: {{ingress: [{', '.join(rules[begin : begin + 50])}]}}\n" for begin in range(0, 158, 50)
    )
    text = text.replace(
        "instances:\n", f"{groups}instances:\n  many: {{subnet: public, security_groups: [g0, g50, g100, g150]}}\n"
    )
    lab = completed(parse_lab(text))
    last = ip_network("11.158.0.0/16")
    plain, early = furnished(lab), furnished(lab, first=[last])

    assert len(plain.left_out) == len(early.left_out) == 30
    assert last in plain.left_out
    assert last not in early.left_out
    assert early.stand_ins[0].network == last


def test_the_smallest_network_around_an_address_is_found() -> None:
    """Of several that lie in each other; everything is in the whole."""
    nest = Nest([ip_network("10.0.0.0/8"), ip_network("10.1.0.0/16"), ip_network("2a00::/16")], 4)

    assert str(nest.smallest(ip_address("10.1.2.3"))) == "10.1.0.0/16"
    assert str(nest.smallest(ip_address("10.2.2.3"))) == "10.0.0.0/8"
    assert str(nest.smallest(ip_address("11.0.0.0"))) == "0.0.0.0/0"
    assert [str(each) for each in nest.around(ip_network("10.1.0.0/16"))] == ["10.1.0.0/16", "10.0.0.0/8", "0.0.0.0/0"]
    assert [str(each) for each in nest.room(ip_network("10.0.0.0/8"), 3)] == [
        "10.0.0.1", "10.0.0.0", "10.0.0.2", "10.2.0.1", "10.2.0.0", "10.2.0.2"
    ]  # fmt: skip


def _impact(old: Lab, new: Lab, ports: str = "") -> Impact:
    """Compare two labs as `netlab diff` does."""
    found = furnished(old, new)
    before, after = map(completed, found.labs)
    matrices = []
    for lab, other in ((before, after), (after, before)):
        asked = (
            questions_of(lab, samples_from_text(ports), found.stand_ins)
            if ports
            else rule_questions(lab, other, stand_ins=found.stand_ins)
        )
        with netlab.paper(lab) as network:
            matrices.append(ask_matrix(network, asked))
    untried_ones = untried_changes((before, matrices[0]), (after, matrices[1]), found)
    asked_of = len({cell.question for matrix in matrices for cell in matrix.cells})
    return Impact("old", "new", asked_of, *compare(*matrices), None, (), found.stand_ins, untried_ones)


# what is added to web              ; who newly reaches ec2, or what nobody tries and why
CHANGES = """
tcp/22 from 203.0.113.0/24          ; in-203.0.113.0_24
tcp/22 from 203.0.113.9/32          ; in-203.0.113.9_32
tcp/22 from 198.51.100.0/24         ; laptop
tcp/22 from 0.0.0.0/1               ; in-0.0.0.0_1
tcp/22 from 0.0.0.0/0               ; laptop
tcp/22 from 20.0.0.0/8              ; in-20.0.0.0_8
tcp/22 from 192.168.0.0/16          ; no place has such an address, but by peering or a VPN
tcp/22 from 10.0.2.128/25           ; in-10.0.2.128_25
tcp/22 from offices                 ; in-203.0.113.0_25, in-203.0.113.128_26
tcp/443 from 203.0.113.0/24         ;
tcp/22 from 10.0.128.0/17           ; no place has such an address
tcp/22 from 2a00::/16               ; nobody there has IPv6
tcp/22 from 127.0.0.0/8             ; no network carries packets with such an address
tcp/22 from 3.95.203.191/32         ; only secondary or public addresses are there, by which nobody was asked
tcp/22 from web                     ; no other place has web
tcp/22 from db                      ; its packets are lost before, at card data egress
tcp/22 from 10.0.2.0/24             ; its packets are lost before, at card data egress
icmpv6/128 from 203.0.113.0/24      ; no packet is of both its ICMP and its network's family
tcp/0 from 203.0.113.0/24           ; only other traffic was asked about
"""


@pytest.mark.parametrize("case", CHANGES.strip().splitlines())
def test_every_added_rule_is_tried_or_told(case: str) -> None:
    """And taken away again likewise: never "nothing changed" for what nobody could have noticed."""
    rule, wanted = (part.strip() for part in case.split(";"))
    old, new = _lab(), _lab(_rows(rule))
    added, removed = _impact(old, new), _impact(new, old)
    who = ", ".join(dict.fromkeys(each.question.source for each in added.reached))
    why = ", ".join(dict.fromkeys(each.why for each in added.untried))

    assert wanted == who + why
    assert [each.question for each in added.reached] == [each.question for each in removed.cut]
    assert [each.why for each in added.untried] == [each.why for each in removed.untried]
    assert added.is_empty is removed.is_empty is (not wanted)
    assert {each.change for each in added.untried} <= {"added"}
    assert {each.change for each in removed.untried} <= {"removed"}


# web's rule before          ; after                      ; who newly reaches ec2, or what is told of the added rule
WIDER = """
tcp/22 from 10.0.2.0/24      ; tcp/22 from 10.0.2.0/23     ; nobody was asked beyond the narrower networks that rules name
tcp/22 from 10.0.2.0/24      ; tcp/22 from 10.0.0.0/16     ; in-10.0.0.0_16
tcp/22 from 10.0.2.0/24      ; tcp/22 from 10.0.0.0/8      ; nobody was asked beyond the narrower networks that rules name
tcp/22 from 198.51.100.0/24  ; tcp/22 from 198.51.100.0/23 ; in-198.51.100.0_23
tcp/22 from 10.0.2.0/24      ; tcp/22 from 10.0.1.0/24     ; in-10.0.1.0_24
"""  # noqa: E501 - one line, one case


@pytest.mark.parametrize("case", WIDER.strip().splitlines())
def test_a_wider_rule_is_told_where_nobody_is_in_what_it_adds(case: str) -> None:
    """Though somebody in the narrower network tries it as well; never "nothing changed"."""
    before, after, wanted = (part.strip() for part in case.split(";"))
    impact = _impact(_lab(_rows(before), shut=False), _lab(_rows(after), shut=False))
    told = [each.why for each in impact.untried if each.change == "added"]

    assert [each.question.source for each in impact.reached] + told == [wanted]
    assert not impact.is_empty


def test_halves_of_everything_leave_nothing_of_it() -> None:
    """So nobody is missed there."""
    halves = _lab("{tcp: 22, from: 0.0.0.0/1}, {tcp: 22, from: 128.0.0.0/1}")
    impact = _impact(halves, _lab("{tcp: 22, from: 0.0.0.0/0}"))

    assert furnished(halves).nowhere == ()
    assert impact.is_empty


def test_a_rule_of_a_group_that_no_interface_has_is_told() -> None:
    """So is an entry of an ACL that no subnet with interfaces has."""
    text = LAB.replace(", RULES", "").replace(", VPC6", "").replace("SUBNET6 ", "").replace("HOST", "198.51.100.7")
    old = completed(parse_lab(text.replace("  db:", "  spare: {egress: []}\n  db:")))
    new = completed(
        parse_lab(
            text.replace("  db:", "  spare: {ingress: [{tcp: 22, from: 0.0.0.0/0}], egress: []}\n  db:").replace(
                "instances:",
                "network_acls: {mine: {ingress: [{rule: 7, tcp: 1, from: 0.0.0.0/0, action: deny}]}}\ninstances:",
            )
        )
    )
    impact = _impact(old, new)

    assert [str(each) for each in impact.untried] == [
        "spare ingress tcp/22 from 0.0.0.0/0: no interface has it",
        "acl mine ingress 7 deny tcp/1 0.0.0.0/0: no interface has it",
    ]
    assert not impact.is_empty


def test_ids_descriptions_and_order_are_no_change() -> None:
    """Nor is a prefix list's name, where its networks stay."""
    old = _lab(
        "{tcp: 22, from: 203.0.113.0/25, id: one}, {tcp: 22, from: 203.0.113.128/26}, {tcp: 1, from: 192.0.2.0/24}"
    )
    new = _lab("{tcp: 1, from: 192.0.2.0/24, description: other}, {tcp: 22, from: offices}")

    assert differing(old, new) == differing(new, old) == ()
    assert _impact(old, new).is_empty
    assert clauses_of(old).keys() == clauses_of(new).keys()


ACL = "acl: mine, "
ENTRIES = (
    "ingress: [{rule: 100, protocol: all, from: 0.0.0.0/0, action: allow}ENTRY], "
    "egress: [OUT{rule: 100, protocol: all, to: 0.0.0.0/0, action: allow}]"
)


def test_entries_of_an_acl_are_tried_by_questions_and_their_answers() -> None:
    """Those of answers too; one that is read behind another is tried by packets it speaks of, and changes nothing."""
    text = LAB.replace(", RULES", "").replace(", VPC6", "").replace("SUBNET6 ", ACL).replace("HOST", "198.51.100.7")
    text += f"network_acls: {{mine: {{{ENTRIES}}}}}\n"
    old = completed(parse_lab(text.replace("ENTRY", "").replace("OUT", "")))
    denied = completed(
        parse_lab(text.replace("ENTRY", "").replace("OUT", "{rule: 5, tcp: 49152, to: 203.0.113.0/24, action: deny}, "))
    )
    behind = completed(
        parse_lab(
            text.replace("ENTRY", ", {rule: 200, tcp: 443, from: 203.0.113.0/24, action: deny}").replace("OUT", "")
        )
    )

    assert {each.question.source for each in _impact(old, denied).cut} == {"ec2", "in-203.0.113.0_24"}
    assert _impact(old, denied).untried == ()
    assert _impact(old, behind).is_empty


def test_ports_that_were_not_asked_about_are_told_apart() -> None:
    """A rule changed, and --ports speaks of others: nobody asked, though somebody could use it."""
    impact = _impact(_lab(), _lab("{tcp: 22, from: 203.0.113.0/24}"), "tcp/443")
    lines = list(impact_lines(impact))

    assert [each.by_choice for each in impact.untried] == [True]
    assert lines[0].startswith("changed, but nobody asked about it: + web ingress tcp/22 from 203.0.113.0/24")
    assert not impact.is_empty
    assert _impact(_lab(), _lab("{tcp: 22, from: 203.0.113.0/24}"), "tcp/22").untried == ()


def test_the_lines_say_who_the_stand_ins_are_and_what_nobody_tries() -> None:
    """At the end, in 80 columns; long lists are cut, JSON has all."""
    rules = ", ".join(f"{{tcp: {port}, from: 10.0.99.0/24}}" for port in range(1, 31))
    impact = _impact(_lab(), _lab(f"{{tcp: 22, from: 203.0.113.0/24}}, {rules}"))
    lines = list(impact_lines(impact))

    assert max(map(len, lines)) <= 80
    assert "in-203.0.113.0_24 = 203.0.113.1, a stand-in in 203.0.113.0/24" in lines
    assert "changed, but nobody here can use it: + web ingress tcp/1 from 10.0.99.0/24: no" in lines
    assert "  and 10 more; --json has them all" in lines
    assert (
        lines[-1] == "old to new: 1 newly reached, 0 newly cut, 30 changed but untried, of 1,240 questions"
        or lines[-2:] != []
    )
    found = impact_json(impact)
    assert len(found["untried"]) == 30  # type: ignore[arg-type]
    assert found["stand_ins"][0] == {  # type: ignore[index]
        "place": "in-203.0.113.0_24", "ip": "203.0.113.1", "in": "203.0.113.0/24",
    }  # fmt: skip


def test_the_matrix_of_all_rules_says_who_was_put_in_and_which_rules_nobody_can_use() -> None:
    """In 80 columns; a rule that somebody can use is not among them."""
    plain = _lab("{tcp: 22, from: 203.0.113.0/24}, {tcp: 23, from: 10.0.99.0/24}, {tcp: 24, from: 10.0.99.0/24}")
    found = furnished(plain)
    lab = completed(found.labs[0])
    with netlab.paper(lab) as network:
        matrix = ask_matrix(network, rule_questions(lab, stand_ins=found.stand_ins))
    nobody = untried(lab, matrix.cells, carried_clauses(plain))
    lines = list(matrix_lines(replace(matrix, stand_ins=found.stand_ins, untried=nobody), lab))

    assert {
        cell.question.source for cell in matrix.cells if cell.seen is Seen.DELIVERED and cell.question.dport == 22
    } == {"in-203.0.113.0_24"}
    assert "near-203.0.113.0_24 = 203.0.114.0, a stand-in just outside 203.0.113.0/24" in lines
    assert any(line.startswith("nobody here can use, since no place has such an address") for line in lines)
    assert max(map(len, lines)) <= 80
    assert [str(each.clause) for each in nobody] == [
        "web ingress tcp/23 from 10.0.99.0/24", "web ingress tcp/24 from 10.0.99.0/24"
    ]  # fmt: skip
