"""Laws of security groups, on paper; that a refusal changes nothing also in the kernel."""

from collections.abc import Mapping
from dataclasses import replace
from random import Random

from agreement_ground import covering_labs, from_file, in_lockstep
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import netlab
from netlab.check.strategies_changes import draw_change, request_from_rule
from netlab.check.strategies_labs import draw_lab
from netlab.check.strategies_rules import draw_peers, draw_traffic
from netlab.check.strategies_traffic import draw_question
from netlab.compile import compile_lab
from netlab.control import apply
from netlab.errors import RefusedError
from netlab.kernel import machine
from netlab.model.addresses import EVERYWHERE
from netlab.model.changes import Attach, Authorize, Revoke, RuleRequest
from netlab.model.network import Network
from netlab.model.rules import Direction, GroupRef, Rule, SecurityGroup
from netlab.model.stories import Question
from netlab.model.topology import Interface, Lab
from netlab.model.verdicts import Decision, Verdict

QUESTIONS = 40

randoms = st.randoms(use_true_random=False)
on_paper = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))

REFUSED = (
    Authorize("web", Direction.INGRESS, (RuleRequest("tcp", 80, 80, "0.0.0.0/0"),)),
    Authorize("web", Direction.INGRESS, (RuleRequest("tcp", 1, 1, "0.0.0.0/0"), RuleRequest("tcp", 2, 1, "0.0.0.0/0"))),
    Revoke("web", Direction.EGRESS, (RuleRequest("tcp", 80, 80, "0.0.0.0/0"),)),
    Attach("ec2", "", ("web", "nobody")),
    Attach("ec2", "", ()),
)


def _questions(rng: Random, lab: Lab) -> list[Question]:
    return [draw_question(rng, lab) for _ in range(QUESTIONS)]


def _first_verdicts(lab: Lab, questions: list[Question]) -> list[Verdict]:
    """Return the verdict on each question's first packet, asked of empty memories."""
    verdicts = []
    with netlab.paper(lab) as network:
        for question in questions:
            network.reset()
            verdicts.append(network.open_question(question).observation.transits[0].verdict)
    return verdicts


def _decisions(lab: Lab, questions: list[Question]) -> list[Decision]:
    return [verdict.decision for verdict in _first_verdicts(lab, questions)]


@given(randoms)
@on_paper
def test_adding_a_rule_never_turns_allow_into_deny(rng: Random) -> None:
    """Rules only allow: with one more, a first packet that was let through still is."""
    lab = from_file(draw_lab(rng, "laws"))
    questions = _questions(rng, lab)
    cidrs = [lab.vpc.cidr, *EVERYWHERE.values(), *(subnet.cidr for subnet in lab.subnets.values())]
    (peer,) = draw_peers(rng, list(lab.groups), list(lab.prefix_lists), cidrs, 1)
    request = request_from_rule(draw_traffic(rng), peer)
    change = Authorize(rng.choice(list(lab.groups)), rng.choice(list(Direction)), (request,))
    try:
        more = apply(lab, change)
    except RefusedError:
        more = lab
    before, after = _decisions(lab, questions), _decisions(more, questions)

    assert [
        (question, change)
        for question, one, other in zip(questions, before, after, strict=True)
        if (one, other) == (Decision.ALLOW, Decision.DENY)
    ] == []


def _in_other_order(lab: Lab, rng: Random) -> Lab:
    """Shuffle the rules of groups, and the groups of interfaces."""

    def shuffled(interface: Interface) -> Interface:
        names = interface.security_groups
        return replace(interface, security_groups=tuple(rng.sample(names, len(names))))

    groups = {
        name: replace(
            group,
            ingress=tuple(rng.sample(group.ingress, len(group.ingress))),
            egress=tuple(rng.sample(group.egress, len(group.egress))),
        )
        for name, group in lab.groups.items()
    }
    instances = {
        name: replace(instance, interfaces=tuple(map(shuffled, instance.interfaces)))
        for name, instance in lab.instances.items()
    }
    return replace(lab, groups=groups, instances=instances)


@given(randoms)
@on_paper
def test_the_order_of_rules_and_groups_does_not_matter(rng: Random) -> None:
    """In whatever order they stand, decision and reason are the same; only which rule is named may differ."""
    lab = from_file(draw_lab(rng, "laws"))
    questions = _questions(rng, lab)
    one, other = _first_verdicts(lab, questions), _first_verdicts(_in_other_order(lab, rng), questions)

    assert [replace(each, rule=None) for each in one] == [replace(each, rule=None) for each in other]


def _renamed(lab: Lab, names: Mapping[str, str]) -> Lab:
    """Give groups other names, and their rules other ids."""

    def rule(each: Rule) -> Rule:
        peer = GroupRef(names[each.peer.name]) if isinstance(each.peer, GroupRef) else each.peer
        return replace(each, id=f"x{each.id}", peer=peer)

    def group(each: SecurityGroup) -> SecurityGroup:
        return replace(
            each,
            name=names[each.name],
            ingress=tuple(map(rule, each.ingress)),
            egress=tuple(map(rule, each.egress)),
        )

    def interface(each: Interface) -> Interface:
        return replace(each, security_groups=tuple(names[name] for name in each.security_groups))

    instances = {
        name: replace(each, interfaces=tuple(map(interface, each.interfaces))) for name, each in lab.instances.items()
    }
    return replace(lab, groups={names[name]: group(each) for name, each in lab.groups.items()}, instances=instances)


@given(randoms)
@on_paper
def test_the_names_of_groups_and_rules_do_not_matter(rng: Random) -> None:
    """With other names the verdicts are the same, and name the same rules by their other names."""
    lab = from_file(draw_lab(rng, "laws"))
    questions = _questions(rng, lab)
    names = {name: name if name == "default" else f"{name[::-1]}.other" for name in lab.groups}
    one, other = _first_verdicts(lab, questions), _first_verdicts(_renamed(lab, names), questions)
    ids = {rule.id for group in lab.groups.values() for way in Direction for rule in group.rules(way)}

    assert [replace(each, rule=f"x{each.rule}") if each.rule in ids else each for each in one] == other


@given(randoms)
@on_paper
def test_after_a_refusal_nothing_has_changed_on_paper(rng: Random) -> None:
    """Neither the lab nor what its cards remember."""
    lab = from_file(draw_lab(rng, "laws"))
    with netlab.paper(lab) as network:
        network.ask(_questions(rng, lab))
        for _ in range(30):
            before = _state(network)
            try:
                network.change(draw_change(rng, lab))
            except RefusedError:
                assert _state(network) == before


def test_after_a_refusal_nothing_has_changed_in_the_kernel() -> None:
    """The rules are as planned before, and flows are still remembered; what is not refused does change something."""
    lab = covering_labs()[0]
    with in_lockstep(lab) as network:
        plan = compile_lab(network.lab)
        network.open("laptop", "ec2", tcp=443)
        before = network.lab, _remembered(network)
        codes = []
        for change in REFUSED:
            try:
                network.change(change)
            except RefusedError as refusal:
                codes.append(refusal.code)
        after = network.lab, _remembered(network)
        differences = machine.differences(plan)
        network.authorize("web", ingress="tcp/81 from 0.0.0.0/0")
        changed = machine.differences(plan)

    assert len(codes) == len(REFUSED)
    assert before == after
    assert before[1]
    assert differences == []
    assert changed != []


def _state(network: Network) -> object:
    return network.lab, [network.flows(node) for node in network.lab.instances]


def _remembered(network: Network) -> list[object]:
    return [(each.src, each.dst, each.sport, each.tracked) for each in network.flows("ec2")]
