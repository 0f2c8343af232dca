"""
Chains with their counters, as people read them and as bulk questions count by them. What a comment means is not known
here.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from netlab.kernel.saved import SavedChain, comment_from_text
from netlab.kernel.xtables import driver

TABLE = "filter"


@dataclass(frozen=True, slots=True)
class RuleListing:
    """
    A rule of a chain.

    Attributes:
        comment: Its tag; empty = none.
        text: The rule in iptables' spelling, without ``-A CHAIN``.
    """

    packets: int
    octets: int
    comment: str
    text: str


@dataclass(frozen=True, slots=True)
class ChainListing:
    """
    A chain.

    Attributes:
        family: 4 or 6.
        policy: Empty for one that is not built in; ``packets`` and ``octets`` are those the policy decided.
    """

    family: int
    name: str
    policy: str
    packets: int
    octets: int
    rules: tuple[RuleListing, ...]


def list_chains(namespace: str, family: int | None = None) -> tuple[ChainListing, ...]:
    """
    Return the chains of the filter table in the kernel's order; of both families, unless one is named.

    Raises:
        KernelError: There is no such namespace.
    """
    families = (4, 6) if family is None else (family,)
    return tuple(_listing(each, chain) for each in families for chain in driver().save(namespace, each, TABLE).values())


def counters(namespace: str) -> dict[str, int]:
    """Return how many packets the rules of each comment matched, both families together."""
    counted: Counter[str] = Counter()
    for chain in list_chains(namespace):
        for rule in chain.rules:
            if rule.comment:
                counted[rule.comment] += rule.packets
    return dict(counted)


def _listing(family: int, chain: SavedChain) -> ChainListing:
    rules = (RuleListing(each.packets, each.octets, comment_from_text(each.text), each.text) for each in chain.rules)
    return ChainListing(family, chain.name, chain.policy, chain.packets, chain.octets, tuple(rules))
