"""What a change alters, as lines of at most 80 columns: what fares alike shares a line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from netlab.check.clauses import Untried
from netlab.check.impact import Changed, Fate, Impact
from netlab.check.listing import wrapped
from netlab.check.matrix import Cell
from netlab.check.samples import sample_of, sample_words
from netlab.check.stand_ins import stand_in_words
from netlab.check.words import question_words
from netlab.model.stories import Question
from netlab.model.verdicts import Decision, Seen

_MOST_LISTED = 20


def impact_lines(impact: Impact) -> Iterator[str]:
    """Yield the lines of a change's impact."""
    for title, found in (("newly reached", impact.reached), ("newly cut", impact.cut)):
        if found:
            yield f"{title}:"
            yield from _listed((each.question, _change_words(each)) for each in found)
    for cell in impact.faults:
        yield from wrapped(f"no answer: {question_words(cell.question)}: {cell.disagreement or cell.detail}")
    if impact.fates is not None:
        yield from _fate_lines(impact.fates)
    yield from _untried_lines(impact.untried)
    for line in impact.settings:
        yield from wrapped(f"changed: {line}")
    said = {name for each in _told(impact) for name in (each.source, each.target)}
    for stand_in in impact.stand_ins:
        if stand_in.name in said:
            yield from wrapped(stand_in_words(stand_in))
    counts = f"{len(impact.reached)} newly reached, {len(impact.cut)} newly cut"
    if impact.untried:
        counts += f", {len(impact.untried)} changed but untried"
    counts += f", of {impact.asked:,} questions"
    yield from wrapped(f"{impact.old} to {impact.new}: {counts}")


def _told(impact: Impact) -> Iterator[Question]:
    """Yield the questions of which lines speak."""
    for found in (impact.reached, impact.cut, impact.faults, impact.fates or ()):
        yield from (each.question for each in found)


def _untried_lines(found: tuple[Untried, ...]) -> Iterator[str]:
    signs = {"added": "+ ", "removed": "- "}
    for each in found[:_MOST_LISTED]:
        what = "nobody asked about it" if each.by_choice else "nobody here can use it"
        yield from wrapped(f"changed, but {what}: {signs.get(each.change, '')}{each}")
    if len(found) > _MOST_LISTED:
        yield f"  and {len(found) - _MOST_LISTED:,} more; --json has them all"


def _fate_lines(fates: tuple[Fate, ...]) -> Iterator[str]:
    counted = Counter((each.kind, each.kept) for each in fates)
    for (kind, kept), count in sorted(counted.items(), key=lambda item: (item[0][1], item[0][0])):
        yield f"open flows, {kind}: {count} {'kept' if kept else 'cut'}"
        chosen = [each for each in fates if (each.kind, each.kept) == (kind, kept)]
        yield from _listed((each.question, _fate_words(each)) for each in chosen)


def _listed(found: Iterable[tuple[Question, str]]) -> Iterator[str]:
    """Yield one line for all that is said alike: traffic of one pair, then sources of one target."""
    by_pair: dict[tuple[str, str, int, str], list[str]] = {}
    for question, words in found:
        key = (question.source, question.target, question.family or 4, words)
        by_pair.setdefault(key, []).append(sample_words(sample_of(question)))
    by_target: dict[tuple[str, int, tuple[str, ...], str], list[str]] = {}
    for (source, target, family, words), traffic in by_pair.items():
        by_target.setdefault((target, family, tuple(traffic), words), []).append(source)
    for (target, family, alike, words), sources in by_target.items():
        ipv6 = " (IPv6)" if family == 6 else ""
        yield from wrapped(f"{', '.join(sources)} to {target} {', '.join(alike)}{ipv6}: {words}", "  ", " " * 6)


def _change_words(changed: Changed) -> str:
    return f"{_cell_words(changed.after)}; was {_cell_words(changed.before)}"


def _cell_words(cell: Cell | None) -> str:
    if cell is None:
        return "not there"
    verdict = cell.verdict
    if cell.seen is Seen.DELIVERED:
        return f"delivered by {verdict.rule}" if verdict.rule else "delivered"
    return f"lost at {verdict.gate}, {verdict.reason.name}" if verdict.gate else cell.seen.value


def _fate_words(fate: Fate) -> str:
    verdict = fate.verdict
    if fate.detail:
        return fate.detail
    what = "its answer" if fate.direction == "reply" else "its next packet"
    if verdict.decision is Decision.DENY:
        return f"{what} lost at {verdict.gate}, {verdict.reason.name}"
    by = f" by {verdict.rule}" if verdict.rule else ""
    return f"{verdict.reason.name}{by}"
