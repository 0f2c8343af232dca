"""Laws of `control`: a refusal changes nothing, completing twice is completing once, order and names do not matter."""

from dataclasses import replace
from ipaddress import IPv4Network, IPv6Network

from hypothesis import given
from hypothesis import strategies as st

from netlab.control import apply, completed, difference
from netlab.errors import InputError
from netlab.model.acls import NetworkAcl
from netlab.model.addresses import cidr_from_text
from netlab.model.changes import (
    AclEntryRequest,
    AddAclEntry,
    AddPrefix,
    Attach,
    Authorize,
    Change,
    RemoveAclEntry,
    RemovePrefix,
    Revoke,
    RuleRequest,
)
from netlab.model.rules import TCP, Direction, GroupRef, Ports, PrefixList, Rule, SecurityGroup, Traffic
from netlab.model.topology import Instance, Interface, Lab, Subnet, Vpc

GROUPS = ("web", "db", "default")
CIDRS = ("0.0.0.0/0", "10.0.0.0/8", "10.1.2.3/8", "::/0", "2001:db8::/32", "10.0.0.1", "x/8")

directions = st.sampled_from(Direction)
groups = st.sampled_from((*GROUPS, "nobody"))
lists = st.sampled_from(("offices", "nowhere"))
acls = st.sampled_from(("strict", "default", "nothing"))
numbers = st.sampled_from((None, -1, 0, 22, 65535, 65536))
protocols = st.sampled_from(("tcp", "UDP", "6", "icmp", "58", "-1", "47", "x", "256"))
cidrs = st.sampled_from(CIDRS)
requests = st.builds(RuleRequest, protocols, numbers, numbers, st.sampled_from((*GROUPS, "self", "offices", *CIDRS)))
entries = st.builds(
    AclEntryRequest,
    st.integers(0, 4),
    protocols,
    numbers,
    numbers,
    cidrs,
    st.sampled_from(("allow", "deny", "permit")),
)
calls = st.lists(requests, max_size=2).map(tuple)
changes: st.SearchStrategy[Change] = st.one_of(
    st.builds(Authorize, groups, directions, calls),
    st.builds(Revoke, groups, directions, calls),
    st.builds(
        Attach,
        st.sampled_from(("ec2", "nobody")),
        st.sampled_from(("", "eth9")),
        st.lists(groups, max_size=6).map(tuple),
    ),
    st.builds(AddAclEntry, acls, directions, entries),
    st.builds(RemoveAclEntry, acls, directions, st.integers(0, 101)),
    st.builds(AddPrefix, lists, cidrs),
    st.builds(RemovePrefix, lists, cidrs),
)


def _file(names: tuple[str, ...] = ("web", "db"), *, ipv6: bool = False) -> Lab:
    """Return a lab as a file gives it: nothing is filled in."""
    return Lab(
        "laws",
        Vpc(IPv4Network("10.0.0.0/16"), IPv6Network("2001:db8:0:100::/56") if ipv6 else None),
        {"a": Subnet("a", IPv4Network("10.0.1.0/24"))},
        groups={name: SecurityGroup(name) for name in names},
        prefix_lists={"offices": PrefixList("offices", 2)},
        acls={"strict": NetworkAcl("strict")},
        instances={"ec2": Instance("ec2", (Interface("ec2", "eth0", True, "a"),))},
    )


def _after(lab: Lab, some: list[Change]) -> Lab:
    """Carry out what is taken of some changes."""
    for change in some:
        try:
            lab = apply(lab, change)
        except InputError:
            continue
    return lab


@given(st.lists(changes, max_size=12), changes)
def test_a_change_is_taken_or_nothing_has_changed(before: list[Change], change: Change) -> None:
    """A refusal leaves the lab equal to what it was; what is taken leaves a lab that is complete."""
    lab = _after(completed(_file()), before)
    copy = replace(lab, groups=dict(lab.groups), prefix_lists=dict(lab.prefix_lists), acls=dict(lab.acls))
    try:
        after = apply(lab, change)
    except InputError:
        after = lab

    assert lab == copy
    assert completed(after) == after


@given(st.lists(changes, max_size=12))
def test_rule_ids_stay_unique_through_any_changes(some: list[Change]) -> None:
    """Whatever is added and taken away, no id is worn by two rules."""
    lab = _after(completed(_file()), some)
    ids = [rule.id for group in lab.groups.values() for rule in (*group.ingress, *group.egress)]

    assert "" not in ids
    assert len(ids) == len(set(ids))


@given(st.lists(changes, max_size=8), st.lists(changes, max_size=8))
def test_the_difference_is_empty_exactly_between_equal_labs(some: list[Change], others: list[Change]) -> None:
    """Whatever changed is said; where nothing is said, nothing changed."""
    lab = completed(_file())
    old, new = _after(lab, some), _after(lab, others)

    assert difference(old, new).is_empty == (old == new)


rules = st.builds(
    Rule,
    st.just(""),
    st.just(Direction.INGRESS),
    st.builds(Traffic, st.just(TCP), st.builds(Ports, st.integers(1, 3), st.integers(3, 5))),
    st.one_of(st.sampled_from([cidr_from_text(each) for each in CIDRS[:5]]), st.just(GroupRef("web"))),
)


@given(st.lists(rules, max_size=10, unique_by=lambda rule: rule.properties), st.booleans())
def test_completing_twice_is_completing_once(some: list[Rule], ipv6: bool) -> None:
    """What is complete comes back equal."""
    lab = _file(ipv6=ipv6)
    lab = completed(replace(lab, groups={"web": SecurityGroup("web", tuple(some))}))

    assert completed(lab) == lab


@given(st.permutations(GROUPS), st.lists(requests, max_size=6))
def test_the_order_of_groups_does_not_matter_to_what_is_taken(order: list[str], some: list[RuleRequest]) -> None:
    """The same calls are taken, and store the same rules, in whatever order the file names its groups."""
    calls_made: list[Change] = [Authorize("web", Direction.INGRESS, (request,)) for request in some]
    one = _after(completed(_file()), calls_made)
    other = _after(completed(_file(tuple(name for name in order if name != "default"))), calls_made)

    assert one.groups == other.groups


@given(st.lists(requests, max_size=6))
def test_the_names_of_groups_do_not_matter_to_what_is_taken(some: list[RuleRequest]) -> None:
    """A group of another name takes the same calls; only the name in ids and references differs."""
    asked = [request for request in some if request.peer not in {"web", "zoo", "db"}]
    one = _after(completed(_file(("web",))), [Authorize("web", Direction.INGRESS, (each,)) for each in asked])
    other = _after(completed(_file(("zoo",))), [Authorize("zoo", Direction.INGRESS, (each,)) for each in asked])

    assert [str(rule).replace("web", "zoo") for rule in one.groups["web"].ingress] == [
        str(rule) for rule in other.groups["zoo"].ingress
    ]
