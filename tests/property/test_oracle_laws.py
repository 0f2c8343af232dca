"""Laws of what AWS decides, on random rules, packets and changes."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address, ip_network

from hypothesis import given
from hypothesis import strategies as st

from netlab.control import completed
from netlab.model.network import Network
from netlab.model.rules import (
    ICMP,
    ICMPV6,
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
from netlab.model.stories import Question
from netlab.model.topology import Host, Instance, Interface, Lab, Subnet, Vpc
from netlab.model.verdicts import Decision, Reason, Seen
from netlab.oracle.paper import PaperWire
from netlab.oracle.tcp import Outcome, TcpKind, opened, step

PORTS = (0, 1, 22, 80, 443, 65535)
NETWORKS = ("0.0.0.0/0", "10.0.0.0/8", "10.0.1.0/24", "198.51.100.7/32", "198.51.100.0/25", "::/0", "2001:db8:f::/48")
PLACES = ("laptop", "www", "ec2", "peer")

ports = st.tuples(st.sampled_from(PORTS), st.sampled_from(PORTS)).map(lambda pair: Ports(min(pair), max(pair)))
traffic = st.one_of(
    st.just(Traffic(None)),
    st.builds(Traffic, st.sampled_from([TCP, UDP]), ports),
    st.builds(
        Traffic,
        st.sampled_from([ICMP, ICMPV6]),
        icmp_type=st.sampled_from([8, 13, 3, 128]),
        icmp_code=st.sampled_from([None, 0, 4]),
    ),
    st.builds(Traffic, st.sampled_from([47, 50, 132])),
)
peers = st.one_of(
    st.sampled_from([ip_network(text) for text in NETWORKS]),
    st.sampled_from([GroupRef("a"), GroupRef("b"), PrefixListRef("offices")]),
)
rule_bodies = st.lists(st.tuples(traffic, peers), max_size=4, unique=True)
groups = st.fixed_dictionaries({name: st.tuples(rule_bodies, rule_bodies) for name in ("a", "b")})
questions = st.builds(
    lambda source, target, what, family: Question(
        source, target, what[0], dport=what[1], icmp_type=what[2], icmp_code=what[3], family=family
    ),
    st.sampled_from(PLACES),
    st.sampled_from(PLACES),
    st.sampled_from(
        [(TCP, port, None, None) for port in PORTS]
        + [(UDP, port, None, None) for port in PORTS]
        + [(ICMP, None, 8, 0), (ICMP, None, 3, 4), (ICMP, None, 13, 0), (47, None, None, None), (50, None, None, None)]
    ),
    st.just(4),
)

Bodies = dict[str, tuple[list[tuple[Traffic, object]], list[tuple[Traffic, object]]]]


def lab_of(bodies: Bodies, *, mine: tuple[str, ...] = ("a", "b")) -> Lab:
    """Return a lab: ec2 with both groups, peer with the second, two hosts."""
    found = {}
    for name, (ingress, egress) in bodies.items():
        both = []
        for way, rules in ((Direction.INGRESS, ingress), (Direction.EGRESS, egress)):
            both.append(tuple(Rule(f"{name}-{way.value}-{n}", way, *body) for n, body in enumerate(rules)))  # type: ignore[arg-type]
        found[name] = SecurityGroup(name, *both)
    network = ip_network("10.0.1.0/24")
    ec2 = Interface("ec2", "eth0", True, "s", (ip_address("10.0.1.10"),), (), ip_address("3.95.203.191"), mine)
    peer = Interface("peer", "eth0", True, "s", (ip_address("10.0.1.20"),), (), ip_address("3.95.203.192"), ("b",))
    return completed(
        Lab(
            "laws",
            Vpc(ip_network("10.0.0.0/16")),
            {"s": Subnet("s", network, internet=True)},
            groups=found,
            prefix_lists={"offices": PrefixList("offices", 3, (ip_network("198.51.100.0/24"),))},
            instances={"ec2": Instance("ec2", (ec2,)), "peer": Instance("peer", (peer,))},
            hosts={
                "laptop": Host("laptop", (ip_address("198.51.100.7"),)),
                "www": Host("www", (ip_address("203.0.113.80"),)),
            },
        )
    )


def first_decision(lab: Lab, question: Question) -> Decision:
    """Return the decision on a flow's first packet, with empty memories."""
    flow = Network(PaperWire(lab)).open_question(question)
    assert flow.observation is not None
    return flow.observation.transits[0].verdict.decision


@given(groups, questions, st.sampled_from(["a", "b"]), st.sampled_from([0, 1]), traffic, peers)
def test_adding_a_rule_never_denies_what_was_allowed(
    bodies: Bodies, question: Question, group: str, way: int, what: Traffic, peer: object
) -> None:
    """There are only allow rules."""
    more = {name: (list(ingress), list(egress)) for name, (ingress, egress) in bodies.items()}
    if (what, peer) not in more[group][way]:
        more[group][way].append((what, peer))

    if first_decision(lab_of(bodies), question) is Decision.ALLOW:
        assert first_decision(lab_of(more), question) is Decision.ALLOW


@given(groups, questions)
def test_the_order_of_groups_and_rules_does_not_matter(bodies: Bodies, question: Question) -> None:
    """Only the name of the rule that admits may change."""
    turned = {name: (ingress[::-1], egress[::-1]) for name, (ingress, egress) in reversed(bodies.items())}

    assert first_decision(lab_of(bodies), question) is first_decision(lab_of(turned, mine=("b", "a")), question)


@given(groups, questions)
def test_an_admitting_rule_is_one_of_the_lab_s_and_a_denial_has_a_gate(bodies: Bodies, question: Question) -> None:
    """No decision without a reason."""
    lab = lab_of(bodies)
    flow = Network(PaperWire(lab)).open_question(question)
    known = {rule.id for group in lab.groups.values() for rule in (*group.ingress, *group.egress)}

    assert (flow.verdict.rule in known) == (flow.verdict.reason in {Reason.RULE, Reason.UNTRACKED})
    assert flow.verdict.gate is not None or flow.verdict.reason is Reason.EXEMPT
    assert (flow.verdict.decision is Decision.ALLOW) == (flow.seen is Seen.DELIVERED)


@given(groups, questions)
def test_a_tracked_flow_outlives_its_rules(bodies: Bodies, question: Question) -> None:
    """What both cards remember goes on, both ways, when every group is empty."""
    lab = lab_of(bodies)
    net = Network(PaperWire(lab))
    flow = net.open_question(question)
    assert flow.observation is not None
    passages = [each for transit in flow.observation.transits for each in transit.passages if "card" in each.gate]
    tracked = all(each.reason in {Reason.RULE, Reason.TRACKED} for each in passages)
    if flow.seen is Seen.DELIVERED and tracked and passages and question.icmp_type != 13:
        net.wire._world.learn(replace(lab, groups={name: SecurityGroup(name) for name in lab.groups}))  # type: ignore[attr-defined]

        assert flow.send().seen is Seen.DELIVERED
        assert flow.reply().seen is Seen.DELIVERED


@given(
    st.lists(st.tuples(st.sampled_from(["S", "SA", "A", "PA", "FA", "R", "RA", "F", ""]), st.booleans()), max_size=12)
)
def test_every_tcp_packet_has_an_outcome(packets: list[tuple[str, bool]]) -> None:
    """No walk through the states falls off the table; an invalid packet changes nothing."""
    memory = opened(TcpKind.SYN)
    for flags, reply in packets:
        outcome, behind = step(memory, flags, reply=reply)
        if outcome in {Outcome.INVALID, Outcome.REOPENED}:
            assert behind == memory
        memory = behind
