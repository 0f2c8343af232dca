"""What the cards of an instance are told, and what their rules have counted."""

from __future__ import annotations

from dataclasses import dataclass

from netlab.kernel.counters import list_chains
from netlab.live.wire import LiveWire
from netlab.plan.nouns import card_name, kernel_name
from netlab.plan.tags import tag_from_text


@dataclass(frozen=True, slots=True)
class CardRule:
    """
    One rule of a card.

    Attributes:
        spec: In iptables' spelling, without ``-A CHAIN`` and without its comment.
        tag: What it decides (``+ingress RULE sgr-ssh``); empty = it decides nothing.
        rule: Id of the SG rule behind it; empty = none.
    """

    family: int
    chain: str
    packets: int
    spec: str
    tag: str
    rule: str


@dataclass(frozen=True, slots=True)
class Card:
    """The filter table of one interface's card, in the kernel's order."""

    label: str
    groups: tuple[str, ...]
    rules: tuple[CardRule, ...]


def cards_of(wire: LiveWire, node: str) -> tuple[Card, ...]:
    """Return the cards of an instance, with the counters as they are now."""
    families = (4, 6) if wire.lab.has_ipv6 else (4,)
    cards = []
    for interface in wire.lab.instances[node].interfaces:
        namespace = kernel_name(wire.lab.name, card_name(node, interface.name))
        rules = []
        for family in families:
            for chain in list_chains(namespace, family):
                for each in chain.rules:
                    tag = tag_from_text(each.comment)
                    rule = (tag.rule if tag is not None else each.comment) or ""
                    spec = each.text.replace(f'-m comment --comment "{each.comment}" ', "")
                    spec = spec.replace(f"-m comment --comment {each.comment} ", "")
                    rules.append(CardRule(family, chain.name, each.packets, spec, each.comment, rule))
        cards.append(Card(interface.label, interface.security_groups, tuple(rules)))
    return tuple(cards)
