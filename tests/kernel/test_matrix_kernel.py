"""The matrix and a change's impact on real packets: the kernel answers as the oracle does, in bulk."""

import os
import re
import shutil

import pytest

import netlab
from netlab.check.impact import compare, play_fates
from netlab.check.matrix import Matrix, ask_matrix, questions_of, rule_questions
from netlab.check.samples import samples_from_text
from netlab.check.stand_ins import furnished
from netlab.control import completed
from netlab.formats import parse_lab
from netlab.kernel.programs import run_inside
from netlab.model.places import resolve_ends
from netlab.model.topology import Lab
from netlab.model.verdicts import Seen
from netlab.plan.nouns import kernel_name

WIDE = """
name: NAME
vpc: {cidr: 10.0.0.0/16, ipv6_cidr: "2001:db8:0:100::/56"}
subnets:
  public: {cidr: 10.0.1.0/24, ipv6_cidr: "2001:db8:0:101::/64", internet: true}
  private: {cidr: 10.0.2.0/24, nat: out}
nat_gateways: {out: {subnet: public, public_ip: 203.0.113.99}}
security_groups:
  web:
    ingress: [{tcp: 443, from: 0.0.0.0/0, id: in-443}, {protocol: gre, from: web, id: in-gre},
              {icmp: 13, from: web, id: in-13}, {tcp: 49152, from: web, id: in-49152}]
  small: {ingress: [{udp: 53, from: 0.0.0.0/0, id: in-53}, {tcp: 22, from: 198.51.100.0/24, id: in-22}]}
instances:
  one: {subnet: public, public_ip: 203.0.113.1, security_groups: [web]}
  two: {subnet: public, public_ip: 203.0.113.2, security_groups: [small], conntrack_allowance: 4}
  many:
    interfaces:
      eth0: {subnet: private, security_groups: [web]}
      eth1: {subnet: private, security_groups: [small]}
hosts:
  laptop: {ip: [198.51.100.7, "2001:db8:ffff::7"]}
"""
PORTS = samples_from_text("tcp/443,tcp/49152,udp/53,icmp/8,icmp/13,icmpv6/128,gre,99")


def _lab(text: str = WIDE) -> Lab:
    return completed(parse_lab(text.replace("NAME", f"mx{os.getpid()}"), "wide.yaml"))


def _differences(one: Matrix, other: Matrix) -> list[str]:
    return [
        f"{mine.question}: {mine.seen} {mine.verdict}, {theirs.seen} {theirs.verdict}"
        for mine, theirs in zip(one.cells, other.cells, strict=True)
        if (mine.question, mine.seen, mine.verdict) != (theirs.question, theirs.seen, theirs.verdict)
    ]


@pytest.mark.parametrize("all_rules", [False, True])
def test_the_kernel_gives_the_matrix_that_paper_gives(*, all_rules: bool) -> None:
    """Every cell: seen, rule, gate, reason; NAT, both families, an allowance, protocols without ports."""
    lab = _lab()
    questions = tuple(rule_questions(lab) if all_rules else questions_of(lab, PORTS))
    with netlab.paper(lab) as network:
        on_paper = ask_matrix(network, questions)
    with netlab.running(lab) as network:
        in_kernel = ask_matrix(network, questions)

    assert _differences(in_kernel, on_paper) == []
    assert in_kernel.ok
    assert {cell.seen for cell in in_kernel.cells} == {Seen.DELIVERED, Seen.LOST}


def test_in_lockstep_every_packet_of_the_matrix_is_put_to_the_oracle() -> None:
    """None is left out, and none is judged differently."""
    lab = netlab.load("references")
    with netlab.running(lab, lockstep=True) as network:
        matrix = ask_matrix(network, rule_questions(lab))

    assert matrix.ok
    assert len(matrix.cells) == len(list(rule_questions(lab)))


def test_stand_ins_are_as_real_as_anybody() -> None:
    """On the internet and in the VPC, of both families, inside and just outside; in lockstep, as on paper."""
    rules = ["{tcp: 22, from: 203.0.113.128/25}", "{tcp: 22, from: 10.0.1.128/25}", '{tcp: 22, from: "2a00::/16"}',
             '{tcp: 22, from: "2001:db8:0:101:8000::/65"}', "{tcp: 22, from: 20.0.0.0/8}"]  # fmt: skip
    found = furnished(_lab(WIDE.replace("ingress: [{tcp: 443", f"ingress: [{', '.join(rules)}, {{tcp: 443")))
    lab = completed(found.labs[0])
    questions = tuple(rule_questions(lab, stand_ins=found.stand_ins))
    with netlab.paper(lab) as network:
        on_paper = ask_matrix(network, questions)
    with netlab.running(lab, lockstep=True) as network:
        in_kernel = ask_matrix(network, questions)
    delivered = (cell.question for cell in in_kernel.cells if cell.seen is Seen.DELIVERED)
    let_in = {each.source for each in delivered if (each.target, each.dport) == ("one", 22)}

    assert in_kernel.ok
    assert _differences(in_kernel, on_paper) == []
    assert {each.name for each in found.stand_ins if each.inside} - let_in == {"elsewhere-4"}
    assert {"near-203.0.113.128_25", "near-2a00.._16", "near-20.0.0.0_8"} & let_in == set()
    assert len([each for each in found.stand_ins if not each.inside]) == 5


def test_open_flows_live_through_a_change_as_on_paper() -> None:
    """What is tracked is kept, what is not is cut; in the kernel as on paper, and what is reached changes alike."""
    old = _lab()
    new = _lab(WIDE.replace("tcp: 443, from: 0.0.0.0/0", "tcp: 443, from: 192.0.2.0/24").replace("udp: 53", "udp: 54"))
    questions = tuple(questions_of(old, PORTS))
    found = []
    for play in (netlab.paper, netlab.running):
        with play(old) as network:
            before = ask_matrix(network, questions)
            fates = play_fates(network, new, [cell.question for cell in before.cells if cell.seen is Seen.DELIVERED])
        with play(new) as network:
            after = ask_matrix(network, questions)
        reached, cut = compare(before, after)
        found.append((fates, [each.question for each in reached], [each.question for each in cut]))

    on_paper, in_kernel = found
    assert in_kernel == on_paper
    assert {fate.kept for fate in in_kernel[0]} == {True, False}
    assert in_kernel[2]


def _open_or_closed(lab: Lab, source: str, address: str, ports: str) -> set[int]:
    """Return the ports of which an answer came back, as nmap sees it from inside a namespace."""
    argv = ["nmap", "-sS", "-Pn", "-n", "--max-retries", "1", "-p", ports, "-oG", "-", address]
    said = run_inside(kernel_name(lab.name, source), argv)
    return {int(port) for port, state in re.findall(r"(\d+)/(open|closed)/tcp", said) if state}


def test_nmap_inside_the_namespaces_agrees_with_the_matrix() -> None:
    """What is delivered answers nmap, by the instances' own stacks; what is lost leaves it without a word."""
    if shutil.which("nmap") is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("nmap: not found; get it with: apt-get install nmap")
    ports = (22, 443, 5432)
    lab = netlab.load("references")
    with netlab.running(lab) as network:
        matrix = ask_matrix(network, questions_of(lab, samples_from_text("tcp/22,tcp/443,tcp/5432")))
        answered = {
            (source, target, port)
            for source in ("web1", "one", "laptop", "db")
            for target in ("web1", "db", "two")
            if source != target
            for port in _open_or_closed(
                network.lab,
                source,
                str(resolve_ends(lab, source, target, 4).target),
                ",".join(map(str, ports)),
            )
        }
    delivered = {
        (cell.question.source, cell.question.target, cell.question.dport)
        for cell in matrix.cells
        if cell.seen is Seen.DELIVERED
        and cell.question.source in {"web1", "one", "laptop", "db"}
        and cell.question.target in {"web1", "db", "two"}
    }

    assert answered == delivered
    assert ("web1", "db", 5432) in answered
    assert ("one", "two", 22) in answered
