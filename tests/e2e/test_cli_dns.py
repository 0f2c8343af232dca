"""The VPC's resolver, asked as a program asks it, through cards and router."""

import pytest
from netlab_machine import Machine

LAB = """
name: names
vpc: {cidr: 10.0.0.0/16, ipv6_cidr: "2001:db8:0:100::/56"}
subnets:
  a: {cidr: 10.0.1.0/24, ipv6_cidr: "2001:db8:0:100::/64", internet: true}
instances:
  ec2: {subnet: a, public_ip: 3.95.203.191}
hosts: {laptop: {ip: 198.51.100.7}}
expect: [{from: ec2, to: laptop, tcp: 80, seen: delivered}]
"""
ONE_FAMILY = LAB.replace(', ipv6_cidr: "2001:db8:0:100::/56"', "").replace(', ipv6_cidr: "2001:db8:0:100::/64"', "")


@pytest.mark.parametrize(
    ("text", "addresses"),
    [
        (LAB, ("10.0.0.2", "169.254.169.253", "fd00:ec2::253")),
        (ONE_FAMILY, ("10.0.0.2", "169.254.169.253")),
    ],
    ids=["two families", "one family"],
)
def test_the_resolver_answers_by_udp_and_tcp_and_cards_remember_nothing(
    own: Machine, text: str, addresses: tuple[str, ...]
) -> None:
    """At each of its addresses; what is never filtered is in no connection table, other traffic is."""
    own.ok("up", own.write("lab.yaml", text))
    questions = [(address, way) for address in addresses for way in ("+notcp", "+tcp")]
    answers = [
        own.ok("exec", "ec2", "--", "dig", "+short", "+tries=1", way, f"@{at}", "laptop") for at, way in questions
    ]

    assert answers == ["198.51.100.7\n"] * len(questions)
    assert own.ok("show", "ec2", "flows").splitlines()[1:] == ["  none"]
    own.ok("probe", "ec2", "laptop", "udp/9")
    assert " tracked " in own.ok("show", "ec2", "flows")
