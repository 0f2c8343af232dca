"""
Clauses: what groups and network ACLs say, in parts of one network each, so that two labs' can be told apart.

A rule that names a prefix list is one clause an entry. Ids, descriptions and the order of a group's rules say nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from netlab.model.addresses import Cidr
from netlab.model.rules import Direction, GroupRef, PrefixListRef, Rule, Traffic
from netlab.model.topology import Lab


@dataclass(frozen=True, slots=True)
class Clause:
    """
    One thing that a group or an ACL says.

    Attributes:
        owner: The group, or ``acl NAME``.
        number: Of an ACL's entry; 0 = it is a group's.
        allow: What an ACL's entry does; a group's rules only allow.
        prefix_list: Through which a rule names the network; empty = it does so itself.
    """

    owner: str
    direction: Direction
    traffic: Traffic
    peer: Cidr | GroupRef
    number: int = 0
    allow: bool = True
    prefix_list: str = field(default="", compare=False)

    @property
    def words(self) -> str:
        """The rule or entry, without whose it is."""
        if self.number:
            return f"{self.number} {'allow' if self.allow else 'deny'} {self.traffic} {self.peer}"
        through = f" ({self.prefix_list})" if self.prefix_list else ""
        return f"{Rule('', self.direction, self.traffic, self.peer)}{through}"

    @property
    def is_void(self) -> bool:
        """Tell whether no packet can match: ICMP of the other family."""
        return Rule("", self.direction, self.traffic, self.peer).is_void

    def __str__(self) -> str:
        return f"{self.owner} {self.direction.value} {self.words}"


@dataclass(frozen=True, slots=True)
class Untried:
    """
    A clause that no question tried.

    Attributes:
        why: Nobody is where it speaks of, or no packet gets so far.
        by_choice: Somebody is there, and was asked about other traffic only.
        change: ``added``, ``removed``; empty = it is not told as a change.
    """

    clause: Clause
    why: str
    by_choice: bool = False
    change: str = ""

    def __str__(self) -> str:
        return f"{self.clause}: {self.why}"


def clauses_of(lab: Lab) -> dict[Clause, None]:
    """Return everything that a lab's groups and ACLs say, in the order of the lab."""
    found: dict[Clause, None] = {}
    for name in lab.groups:
        found |= dict.fromkeys(group_clauses(lab, name))
    for name in lab.acls:
        found |= dict.fromkeys(acl_clauses(lab, name))
    return found


def carried_clauses(lab: Lab) -> tuple[Clause, ...]:
    """Return what is said of any interface of a lab."""
    groups = dict.fromkeys(name for each in lab.interfaces() for name in each.security_groups)
    acls = dict.fromkeys(lab.subnets[each.subnet].acl for each in lab.interfaces())
    found = (*(group_clauses(lab, name) for name in groups), *(acl_clauses(lab, name) for name in acls))
    return tuple(dict.fromkeys(each for clauses in found for each in clauses))


def group_clauses(lab: Lab, name: str) -> Iterator[Clause]:
    """Yield what a group says."""
    group = lab.groups[name]
    for rule in (*group.ingress, *group.egress):
        if isinstance(rule.peer, PrefixListRef):
            for entry in lab.prefix_lists[rule.peer.name].entries:
                yield Clause(name, rule.direction, rule.traffic, entry, prefix_list=rule.peer.name)
        else:
            yield Clause(name, rule.direction, rule.traffic, rule.peer)


def acl_clauses(lab: Lab, name: str) -> Iterator[Clause]:
    """Yield what a network ACL says."""
    for direction in Direction:
        for entry in lab.acls[name].entries(direction):
            yield Clause(f"acl {name}", direction, entry.traffic, entry.cidr, entry.number, entry.allow)


def untried_json(found: Iterable[Untried]) -> list[dict[str, object]]:
    """Return untried clauses as data for JSON."""
    return [
        {
            **({"change": each.change} if each.change else {}),
            "owner": each.clause.owner,
            "direction": each.clause.direction.value,
            "rule": each.clause.words,
            "why": each.why,
        }
        for each in found
    ]
