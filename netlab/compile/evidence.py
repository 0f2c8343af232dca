"""
How routers speak of what they do: log records on NFLOG, and tags in comments, by which counters are read.

netlab's own packets are logged one by one; what else is dropped is logged a few times a second, and counted.
"""

from __future__ import annotations

from dataclasses import replace

from netlab.compile.rules import LOGS_PER_SECOND
from netlab.plan.nouns import LOG_GROUP, PROBE_DSCP, FilterRule, Match, Target
from netlab.plan.tags import Tag

PROBE = Match("dscp", (("dscp", f"{PROBE_DSCP:#04x}"),))
OTHERS = Match("dscp", (("dscp", f"!{PROBE_DSCP:#04x}"),))
SELDOM = Match("limit", (("limit", f"{LOGS_PER_SECOND}/sec"), ("limit-burst", str(LOGS_PER_SECOND))))

DROP = Target("DROP")
RETURN = Target("RETURN")


def log(tag: Tag) -> Target:
    """Return the target that puts a record with the tag on the log."""
    return Target("NFLOG", (("nflog-prefix", str(tag)), ("nflog-group", str(LOG_GROUP))))


def logged(rule: FilterRule, tag: Tag) -> FilterRule:
    """Return a rule that logs netlab's own among the packets of another rule."""
    return replace(rule, target=log(tag), comment="", matches=(*rule.matches, PROBE))


def passed(rule: FilterRule, tag: Tag) -> tuple[FilterRule, ...]:
    """Return the rules that log and then do what *rule* says, with the tag as its comment."""
    return (logged(rule, tag), replace(rule, comment=str(tag)))


def dropped(rule: FilterRule, tag: Tag) -> tuple[FilterRule, ...]:
    """Return the rules that log and then drop the packets that *rule* finds; its target is not looked at."""
    seldom = replace(rule, target=log(tag), comment="", matches=(*rule.matches, OTHERS, SELDOM))
    return (logged(rule, tag), seldom, replace(rule, target=DROP, comment=str(tag)))


def nft_drop(tag: Tag) -> str:
    """Return the same for IPv4 in nft's words: the body of a chain, one statement a line."""
    prefix = f'log prefix "{tag}" group {LOG_GROUP}'
    return (
        f"ip dscp {PROBE_DSCP:#04x} {prefix}\n"
        f"ip dscp != {PROBE_DSCP:#04x} limit rate {LOGS_PER_SECOND}/second {prefix}\n"
        f'counter drop comment "{tag}"\n'
    )
