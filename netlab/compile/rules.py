"""Short ways to write plan's rules: matches, targets, and the log records by which a gate speaks of probe packets."""

from __future__ import annotations

from netlab.plan.nouns import LOG_GROUP, PROBE_DSCP, REAL_DSCP, FilterRule, Match, Target
from netlab.plan.tags import Tag

LOGS_PER_SECOND = 100
"""Of drops of packets that are no probes; beyond that the counters tell."""

_LOGGED_TOS = f"{REAL_DSCP << 2:#x}/{~((PROBE_DSCP ^ REAL_DSCP) << 2 | 0x3) & 0xFF:#x}"  # whatever the two ECN bits say


def matching(name: str, *options: tuple[str, str]) -> Match:
    """Return a match."""
    return Match(name, options)


def jump(name: str, *options: tuple[str, str], matches: tuple[Match, ...] = (), comment: str = "") -> FilterRule:
    """Return a rule that jumps to a target or chain."""
    return FilterRule(Target(name, options), comment=comment, matches=matches)


def goto(chain: str, *matches: Match, protocol: int | None = None, comment: str = "") -> FilterRule:
    """Return a rule that goes to a chain and does not come back."""
    return FilterRule(Target(chain, goto=True), comment=comment, protocol=protocol, matches=matches)


def is_logged(*, negated: bool = False) -> Match:
    """Return the match of packets that gates log one by one: probes, and real ones whose way is to be told."""
    return matching("tos", ("tos", f"!{_LOGGED_TOS}" if negated else _LOGGED_TOS))


def nft_is_logged(ip: str, *, negated: bool = False) -> str:
    """Return the same in nft's words; *ip* is ``ip`` or ``ip6``."""
    return f"{ip} dscp {'!= ' if negated else ''}{{ {REAL_DSCP:#x}, {PROBE_DSCP:#x} }}"


def log_probe(tag: Tag, *matches: Match) -> FilterRule:
    """Return the rule that logs a probe packet, and no other."""
    return jump("NFLOG", *_nflog(tag), matches=(is_logged(), *matches))


def log_and_accept(tag: Tag) -> tuple[FilterRule, ...]:
    """Return the rules that log probes and accept all."""
    return (log_probe(tag), jump("ACCEPT", comment=str(tag)))


def log_and_drop(tag: Tag) -> tuple[FilterRule, ...]:
    """Return the rules that log probes, and others up to a rate, and drop all; the drop's counter tells the rest."""
    rate = matching("limit", ("limit", f"{LOGS_PER_SECOND}/sec"), ("limit-burst", str(LOGS_PER_SECOND)))
    other = jump("NFLOG", *_nflog(tag), matches=(is_logged(negated=True), rate))
    return (log_probe(tag), other, jump("DROP", comment=str(tag)))


def _nflog(tag: Tag) -> tuple[tuple[str, str], ...]:
    return (("nflog-prefix", str(tag)), ("nflog-group", str(LOG_GROUP)))
