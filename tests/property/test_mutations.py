"""Faults planted in the compiler, one at a time: the covering set finds each, so the comparison can fail."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from agreement_ground import covering_labs, in_lockstep

from netlab.check.outcomes import Status
from netlab.check.selftest import play_covering
from netlab.check.selftest_tally import Tally
from netlab.compile import acl, card, card_class, card_filter, card_names, card_nft, disguise, gateway, routes
from netlab.compile.rules import goto, log_and_accept, matching
from netlab.model.addresses import EVERYWHERE
from netlab.model.rules import ALL_PORTS, Direction, Ports, Rule, Traffic
from netlab.model.topology import ConnectionTracking, Interface, Lab
from netlab.plan.nouns import Chain, FilterRule, IpSet, Table
from netlab.plan.tags import Tag

Real = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Fault:
    """
    A fault: one name of a module of the compiler stands for something else.

    Attributes:
        planted: Takes what was there, returns what is there now.
        lab: Where the covering set is to find it.
    """

    module: Any
    name: str
    planted: Callable[[Any], Any]
    lab: str = "covering"


def _rules_as(spoil: Callable[[Rule], Rule]) -> Callable[[Real], Real]:
    """Let the cards match other rules than the groups have."""
    return lambda real: lambda rule, family: real(spoil(rule), family)


def _traffic_as(spoil: Callable[[Traffic], Traffic]) -> Callable[[Real], Real]:
    return _rules_as(lambda rule: replace(rule, traffic=spoil(rule.traffic)))


def _one_port(ports: Ports | None) -> Ports | None:
    return ports if ports is None or ports == ALL_PORTS else Ports(ports.first, ports.first)


def _any_peer(rule: Rule) -> Rule:
    network = rule.peer
    return replace(rule, peer=EVERYWHERE[4]) if getattr(network, "version", 6) == 4 else rule


def _one_zone(real: Real) -> Real:
    """Let all ICMP messages with an id have the same."""
    return lambda family: (rule.replace("zone set icmp id", "zone set 1") for rule in real(family))


def _without_target(ending: str) -> Callable[[Real], Real]:
    """Leave out the state rules that lead to a chain of that ending."""
    return lambda real: (
        lambda *args, **kw: tuple(rule for rule in real(*args, **kw) if not rule.target.name.endswith(ending))
    )


def _before_state(make: Callable[[str], FilterRule]) -> Callable[[Real], Real]:
    """Put a rule before the state rules; it is told the side, ``in`` or ``out``."""
    return lambda real: lambda side, *args, **kw: (make(side), *real(side, *args, **kw))


def _sysctl(name: str, value: str) -> Callable[[Real], Real]:
    path = f"netfilter/nf_conntrack_{name}"
    return lambda real: lambda lab, interface: tuple({**dict(real(lab, interface)), path: value}.items())


def _interface_as(**changes: Any) -> Callable[[Real], Real]:
    """Let a function see an interface with other settings."""
    return lambda real: lambda lab, interface: real(lab, replace(interface, **changes))


def _frozen(key: Callable[..., Any]) -> Callable[[Real], Real]:
    """Let a function give what it gave first."""

    def planted(real: Real) -> Real:
        known: dict[Any, Any] = {}
        return lambda *args: known.setdefault(key(*args), real(*args))

    return planted


def _members(addresses: Callable[[Interface, int], list[Any]]) -> Callable[[Real], Real]:
    def planted(real: Real) -> Real:
        def group_set(lab: Lab, group: str, family: int) -> IpSet:
            found = [str(each) for member in lab.members(group) for each in addresses(member, family)]
            return replace(real(lab, group, family), members=frozenset(found))

        return group_set

    return planted


def _with_open_egress(real: Real) -> Real:
    return lambda tag: log_and_accept(Tag("egress", False, "RULE")) if tag.part == "egress" else real(tag)


def _reversed_acl(real: Real) -> Real:
    return lambda one, direction, family: real(
        replace(one, ingress=one.ingress[::-1], egress=one.egress[::-1]), direction, family
    )


def _forgetful(real: Real) -> Real:
    """Replace the card's own memory whenever a rule changes."""

    def card_memory(lab: Lab, interface: Interface) -> Any:
        table = real(lab, interface)
        return replace(table, script=f"{table.script}\n# {hash(card.pooled_rules(lab, interface))}")

    return card_memory


def _no_family_6(real: Real) -> Real:
    def filter_table(lab: Lab, interface: Interface, family: int) -> Table:
        return real(lab, replace(interface, security_groups=()) if family == 6 else interface, family)  # type: ignore[no-any-return]

    return filter_table


def _emptied_check(real: Real) -> Real:
    return lambda *args: Chain(real(*args).name, ())


def _first_group_only(real: Real) -> Real:
    return lambda lab, interface: real(lab, replace(interface, security_groups=interface.security_groups[:1]))


def _other_opener(real: Real) -> Real:
    def keep_chain(direction: Direction) -> Chain:
        chain, other = real(direction), real(direction.opposite)
        return replace(chain, rules=other.rules)

    return keep_chain


_INVALID = matching("conntrack", ("ctstate", "INVALID"))
_RELATED = matching("conntrack", ("ctstate", "RELATED"))

FAULTS = {
    # the rules
    "the egress gate lets everything out": Fault(card_filter, "log_and_drop", _with_open_egress),
    "IPv6 has no rules": Fault(card, "filter_table", _no_family_6),
    "a port range has no end": Fault(
        card_filter, "rule_matches", _traffic_as(lambda each: replace(each, ports=_one_port(each.ports)))
    ),
    "a rule's ports are all ports": Fault(
        card_filter,
        "rule_matches",
        _traffic_as(lambda each: replace(each, ports=None if each.ports is None else ALL_PORTS)),
    ),
    "an ICMP code does not matter": Fault(
        card_filter, "rule_matches", _traffic_as(lambda each: replace(each, icmp_code=None))
    ),
    "an ICMP type does not matter": Fault(
        card_filter, "rule_matches", _traffic_as(lambda each: replace(each, icmp_type=None, icmp_code=None))
    ),
    "a CIDR peer is everybody": Fault(card_filter, "rule_matches", _rules_as(_any_peer)),
    "only the first group counts": Fault(card_filter, "pooled_rules", _first_group_only),
    "the last rule that matches is named": Fault(
        card_filter, "pooled_rules", lambda real: lambda *args: real(*args)[::-1]
    ),
    # names of many addresses
    "a group's members never change": Fault(card, "_group_set", _frozen(lambda _, group, family: (group, family))),
    "a prefix list never changes": Fault(card, "_prefix_list_set", _frozen(lambda _, name, family: (name, family))),
    "members have no secondary addresses": Fault(
        card, "_group_set", _members(lambda each, family: list((each.ipv4 if family == 4 else each.ipv6)[:1]))
    ),
    "members have no IPv6": Fault(
        card, "_group_set", _members(lambda each, family: list(each.ipv4) if family == 4 else [])
    ),
    # state and class
    "state is forgotten at a change": Fault(card, "card_nft", _forgetful),
    "what is INVALID passes": Fault(
        card_filter, "_state_rules", _before_state(lambda side: goto(f"{side}-tracked", _INVALID))
    ),
    "state does not matter": Fault(card_filter, "_state_rules", _without_target("-tracked")),
    "state is honoured for an open class": Fault(card_filter, "class_chains", lambda _: lambda *_args: []),
    "half of the world is everywhere": Fault(
        card_class, "is_everywhere", lambda _: lambda network: network.prefixlen <= 1
    ),
    "an open rule of one family opens the other": Fault(
        card_class,
        "_open_ports",
        lambda real: lambda rules, _family, *args: [port for each in (4, 6) for port in real(rules, each, *args)],
    ),
    "who opened a flow does not matter to its class": Fault(
        card_class,
        "_to_untracked",
        lambda real: lambda *args, **_: real(*args, unless_entry=card_names.ENTRY_BY_INSTANCE),
    ),
    "the other side has opened every flow": Fault(card_filter, "_keep_chain", _other_opener),
    "a NAT gateway's flows have a class": Fault(card_filter, "_classed_ways", lambda _: lambda *_args: (None,)),
    "ICMP errors need a rule": Fault(card_filter, "_state_rules", _without_target("-related")),
    "ICMP errors about anything pass": Fault(
        card_filter, "_state_rules", _before_state(lambda side: goto(f"{side}-related", _RELATED))
    ),
    "conntrack's own ideas of ICMP hold": Fault(disguise, "_icmp", lambda _: lambda _family: iter(())),
    "every ICMP message is of one flow": Fault(disguise, "_icmp", _one_zone),
    "ICMP errors do not tell what they quote": Fault(
        disguise, "_icmp", lambda real: lambda family: (rule for rule in real(family) if "@th,64,8" not in rule)
    ),
    "nothing begins in the middle": Fault(card, "card_sysctls", _sysctl("tcp_loose", "0")),
    # timers and limits
    "TCP is remembered too long": Fault(
        card, "card_sysctls", _sysctl("tcp_timeout_established", "60"), "covering-timers"
    ),
    "other protocols are forgotten too soon": Fault(
        card, "card_sysctls", _sysctl("generic_timeout", "1"), "covering-timers"
    ),
    "a ping is remembered like other protocols": Fault(card_nft, "ICMP_S", lambda _: 600, "covering-timers"),
    "one exchange is a stream": Fault(card_names, "STREAM", lambda _: card_names.ANSWER_FIRST, "covering-timers"),
    "a stream is forgotten like a datagram": Fault(
        card, "card_nft", _interface_as(connection_tracking=ConnectionTracking(60, 60, 60)), "covering-timers"
    ),
    "the allowance does not matter": Fault(card, "card_nft", _interface_as(allowance=None), "covering-limits"),
    "the allowance is one more": Fault(card, "card_nft", _interface_as(allowance=3), "covering-limits"),
    # around the rules
    "nobody looks at whose address it is": Fault(card_filter, "_check_chain", _emptied_check),
    "what AWS serves is filtered": Fault(card, "exempt_addresses", lambda _: lambda *_args: ()),
    "an ACL's last entry comes first": Fault(acl, "_acl_chain", _reversed_acl),
    "an ACL's ports do not matter": Fault(
        acl,
        "compile_traffic",
        lambda real: lambda traffic, family: real(replace(traffic, ports=traffic.ports and ALL_PORTS), family),
    ),
    "an ACL's ICMP code does not matter": Fault(
        acl,
        "compile_traffic",
        lambda real: lambda traffic, family: real(replace(traffic, icmp_code=None), family),
    ),
    "ACLs are asked inside a subnet": Fault(acl, "_entering_rules", lambda real: lambda *args: real(*args[:-1], ())),
    "an instance has no public address": Fault(gateway, "public_addresses", lambda real: lambda lab: real(lab)[1:]),
    "every subnet leads to the internet": Fault(routes, "default_device", lambda _: lambda *_args: "igw"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_in_the_compiler_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel then does something else than the oracle says, at some step of the covering set."""
    fault = FAULTS[name]
    monkeypatch.setattr(fault.module, fault.name, fault.planted(getattr(fault.module, fault.name)))
    finding = next(play_covering(in_lockstep, covering_labs(fault.lab), Tally()), None)

    assert finding is not None, "not found"
    assert finding.status in {Status.DISAGREE, Status.BROKEN}, finding.detail
