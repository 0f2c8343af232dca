"""
How routers speak of what they do: log records on NFLOG, and tags in comments, by which counters are read.

netlab's own packets are logged one by one; what else is dropped is logged a few times a second, and counted.
"""

from __future__ import annotations

from dataclasses import replace

from netlab.compile.names import UNCARRIED
from netlab.compile.rules import LOGS_PER_SECOND, is_logged, nft_is_logged
from netlab.plan.nouns import LOG_GROUP, PROBE_DSCP, Chain, FilterRule, Match, Target
from netlab.plan.tags import Tag

PROBE = Match("dscp", (("dscp", f"{PROBE_DSCP:#04x}"),))
"""Netlab's own packets."""

LOGGED, OTHERS = is_logged(), is_logged(negated=True)
SELDOM = Match("limit", (("limit", f"{LOGS_PER_SECOND}/sec"), ("limit-burst", str(LOGS_PER_SECOND))))

DROP = Target("DROP")
RETURN = Target("RETURN")


def log(tag: Tag) -> Target:
    """Return the target that puts a record with the tag on the log."""
    return Target("NFLOG", (("nflog-prefix", str(tag)), ("nflog-group", str(LOG_GROUP))))


def logged(rule: FilterRule, tag: Tag) -> FilterRule:
    """Return a rule that logs netlab's own among the packets of another rule."""
    return replace(rule, target=log(tag), comment="", matches=(*rule.matches, LOGGED))


def passed(rule: FilterRule, tag: Tag) -> tuple[FilterRule, ...]:
    """Return the rules that log and then do what *rule* says, with the tag as its comment."""
    return (logged(rule, tag), replace(rule, comment=str(tag)))


def dropped(rule: FilterRule, tag: Tag) -> tuple[FilterRule, ...]:
    """Return the rules that log and then drop the packets that *rule* finds; its target is not looked at."""
    seldom = replace(rule, target=log(tag), comment="", matches=(*rule.matches, OTHERS, SELDOM))
    return (logged(rule, tag), seldom, replace(rule, target=DROP, comment=str(tag)))


def uncarried(
    family: int, chain: str, tag: Tag, *, in_interface: str = "", from_them: bool = False
) -> tuple[Chain, tuple[FilterRule, ...]]:
    """
    Return a chain and the rules that lead to it: it claims logged packets to addresses that no network carries.

    The kernel drops these itself, and says nothing. Others are left to it, neighbour discovery among them.

    Args:
        from_them: Packets from such addresses, not to them.
    """
    rules = (
        FilterRule(
            Target(chain, goto=True),
            source=network if from_them else None,
            destination=None if from_them else network,
            in_interface=in_interface,
            matches=(LOGGED,),
        )
        for network in UNCARRIED[family]
    )
    return Chain(chain, (FilterRule(log(tag)), FilterRule(DROP, comment=str(tag)))), tuple(rules)


def nft_drop(tag: Tag) -> str:
    """Return the same for IPv4 in nft's words: the body of a chain, one statement a line."""
    prefix = f'log prefix "{tag}" group {LOG_GROUP}'
    return (
        f"{nft_is_logged('ip')} {prefix}\n"
        f"{nft_is_logged('ip', negated=True)} limit rate {LOGS_PER_SECOND}/second {prefix}\n"
        f'counter drop comment "{tag}"\n'
    )
