"""What was delivered, as lines of at most 80 columns: pairs that fare alike share a line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from textwrap import wrap

from netlab.check.grid import EACH_OTHER, Class, class_name
from netlab.check.matrix import Matrix
from netlab.check.samples import sample_of, sample_order, sample_words
from netlab.model.rules import PROTOCOL_NAMES, Traffic
from netlab.model.verdicts import Seen

WIDTH = 80

_Pair = tuple[str, str, int]  # names of classes, family

_MOST_RULES = 3  # that one line names
_FEW = 3  # names that are shorter than "every other place"


def wrapped(text: str, first: str = "", others: str = "  ") -> list[str]:
    """Return a text in lines of 80 columns, and what the first one and the others begin with."""
    return wrap(text, WIDTH, initial_indent=first, subsequent_indent=others, break_on_hyphens=False)


def delivered_lines(matrix: Matrix, classes: Sequence[Class]) -> Iterator[str]:
    """
    Yield who reaches whom: first sources that reach the same share a line, then targets of the same sources.

    Args:
        classes: Places that fare alike; one of each speaks for all.
    """
    traffic, rules = _delivered(matrix, classes)
    by_target: dict[tuple[str, int, str, str], list[str]] = {}
    for (source, target, family), samples in traffic.items():
        own = source if target == EACH_OTHER else ""
        by_target.setdefault((target, family, traffic_words(samples), own), []).append(source)
    by_sources: dict[tuple[tuple[str, ...], int, str], list[str]] = {}
    for (target, family, words, _), sources in by_target.items():
        by_sources.setdefault((tuple(sources), family, words), []).append(target)
    every = {class_name(each) for each in classes}
    for (senders, family, words), targets in by_sources.items():
        by = dict.fromkeys(rule for one in senders for two in targets for rule in rules[one, two, family])
        names = " to ".join(_names(every, some, others) for some, others in ((senders, targets), (targets, senders)))
        ipv6 = " (IPv6)" if family == 6 else ""
        yield from wrapped(f"{names} {words}{ipv6}{_by(list(by))}", "  ", " " * 6)


def _delivered(
    matrix: Matrix, classes: Sequence[Class]
) -> tuple[dict[_Pair, list[Traffic]], dict[_Pair, dict[str, None]]]:
    """Return what gets from one class to another in a family, and by which rules."""
    home = {place: each for each in classes for place in each}
    traffic: dict[_Pair, list[Traffic]] = {}
    rules: dict[_Pair, dict[str, None]] = {}
    for cell in matrix.cells:
        question = cell.question
        source, target = home[question.source], home[question.target]
        speaks = (question.source, question.target) == (source[0], target[0 if source != target else -1])
        if speaks and cell.seen is Seen.DELIVERED and cell.ok:
            name = EACH_OTHER if source == target else class_name(target)
            pair = (class_name(source), name, question.family or 4)
            traffic.setdefault(pair, []).append(sample_of(question))
            rules.setdefault(pair, {}).update({cell.verdict.rule: None} if cell.verdict.rule else {})
    return traffic, rules


def traffic_words(samples: Sequence[Traffic]) -> str:
    """Return samples in a few words: ``tcp/22, tcp/8000-8009, icmp/8``; a range has been asked about as a whole."""
    words = []
    ordered = sorted(samples, key=sample_order)
    runs = groupby(enumerate(ordered), key=lambda each: (each[1].protocol, _port(each[1]) - each[0]))
    for (protocol, _), run in runs:
        alike = [sample for _, sample in run]
        if len(alike) > 2 and alike[0].ports is not None:
            words.append(f"{PROTOCOL_NAMES[protocol or 0]}/{_port(alike[0])}-{_port(alike[-1])}")
        else:
            words += [sample_words(each) for each in alike]
    return ", ".join(words)


def _port(sample: Traffic) -> int:
    return 0 if sample.ports is None else sample.ports.first


def _names(every: set[str], names: Sequence[str], others: Sequence[str]) -> str:
    return "every other place" if len(names) > _FEW and {*names, *others} == every else ", ".join(names)


def _by(rules: list[str]) -> str:
    if not rules:
        return ""
    more = f" and {len(rules) - _MOST_RULES} more rules" if len(rules) > _MOST_RULES else ""
    return f": by {', '.join(rules[:_MOST_RULES])}{more}"
