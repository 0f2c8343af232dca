"""
The grid of a matrix: what each pair of places comes to, with places and traffic that fare alike put together.

How it is drawn is for matrix_text.py to say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from netlab.check.matrix import Cell, Matrix
from netlab.check.samples import sample_of, sample_order
from netlab.model.rules import Traffic

NOT_ASKED = "."

EACH_OTHER = "each other"
"""How the other places of a class are called."""

Column = tuple[int, ...]
"""Samples that share a column, by their number."""

Class = tuple[str, ...]
"""Places that fare alike; the first one names them."""

Faces = tuple[tuple[str, ...], ...]
"""What a pair comes to: marks by family, then by sample or column."""

_Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Grid:
    """
    What is drawn.

    Attributes:
        columns: Samples that fare alike everywhere, together.
        classes: Places that fare alike, together.
        pairs: The marks of every ordered pair, by family and sample.
    """

    columns: tuple[Column, ...]
    samples: tuple[Traffic, ...]
    families: tuple[int, ...]
    classes: tuple[Class, ...]
    pairs: dict[_Pair, Faces]


def grid_of(matrix: Matrix, mark: Callable[[Cell], str], fits: Callable[[Sequence[Traffic]], bool]) -> Grid:
    """
    Return the grid of a matrix.

    Args:
        mark: What stands for an answer.
        fits: Tells whether samples have room for a column each.
    """
    samples = tuple(sorted({sample_of(cell.question) for cell in matrix.cells}, key=sample_order))
    families = tuple(sorted({cell.question.family or 4 for cell in matrix.cells}))
    at = {sample: index for index, sample in enumerate(samples)}
    marks: dict[_Pair, list[list[str]]] = {}
    for cell in matrix.cells:
        question = cell.question
        rows = marks.setdefault((question.source, question.target), [[NOT_ASKED] * len(samples) for _ in families])
        rows[families.index(question.family or 4)][at[sample_of(question)]] = mark(cell)
    interned: dict[Faces, Faces] = {}
    pairs: dict[_Pair, Faces] = {}
    for pair, rows in marks.items():
        faces = tuple(map(tuple, rows))
        pairs[pair] = interned.setdefault(faces, faces)
    columns = tuple((index,) for index in range(len(samples))) if fits(samples) else _columns(samples, list(interned))
    return Grid(columns, samples, families, _classes(matrix.places, pairs), pairs)


def alike_sources(grid: Grid, block: Sequence[Column]) -> Iterator[list[Class]]:
    """Yield classes whose packets fare alike in some columns, together: to all others, and to each other."""
    groups: list[list[Class]] = []
    for each in grid.classes:
        home = next((group for group in groups if all(_send_alike(grid, block, one, each) for one in group)), None)
        if home is None:
            groups.append([each])
        else:
            home.append(each)
    yield from groups


def faces_from(grid: Grid, block: Sequence[Column], sources: Sequence[Class]) -> Iterator[tuple[str, Faces]]:
    """Yield what packets from sources that fare alike come to, by the target's name; ``each other`` last."""
    for target in grid.classes:
        faces = None if target in sources else _faces(grid, block, sources[0], target)
        if faces is not None:
            yield class_name(target), faces
    inner = _among(grid, block, sources)
    if inner is not None:
        yield EACH_OTHER, inner


def class_name(members: Sequence[str]) -> str:
    """Return how places or samples that fare alike are called: the first one's name, and how many more there are."""
    return members[0] if len(members) == 1 else f"{members[0]} +{len(members) - 1}"


def _faces(grid: Grid, block: Sequence[Column], source: Class, target: Class) -> Faces | None:
    """Return what packets between two classes come to, in some columns; None where they are not asked about."""
    pair = (source[0], target[0] if source != target else target[-1])
    rows = grid.pairs.get(pair)
    return None if rows is None else tuple(tuple(marks[column[0]] for column in block) for marks in rows)


def _among(grid: Grid, block: Sequence[Column], sources: Sequence[Class]) -> Faces | None:
    """Return what packets come to between places of classes that fare alike."""
    return _faces(grid, block, sources[0], sources[1] if len(sources) > 1 else sources[0])


def _send_alike(grid: Grid, block: Sequence[Column], one: Class, two: Class) -> bool:
    there, back = _faces(grid, block, one, two), _faces(grid, block, two, one)
    if there != back or any(len(each) > 1 and _faces(grid, block, each, each) != there for each in (one, two)):
        return False
    others = (each for each in grid.classes if each not in {one, two})
    return all(_faces(grid, block, one, each) == _faces(grid, block, two, each) for each in others)


def _columns(samples: Sequence[Traffic], faces: list[Faces]) -> tuple[Column, ...]:
    """Return the samples that fare alike everywhere, together."""
    alike: dict[tuple[str, ...], list[int]] = {}
    for index in range(len(samples)):
        alike.setdefault(tuple(marks[index] for each in faces for marks in each), []).append(index)
    return tuple(map(tuple, alike.values()))


def _classes(places: Sequence[str], pairs: dict[_Pair, Faces]) -> tuple[Class, ...]:
    """Put places together that fare alike with every other one, both ways, and with each other."""
    classes: list[list[str]] = []
    for place in places:
        home = next((each for each in classes if _are_alike(each[0], place, places, pairs)), None)
        if home is None:
            classes.append([place])
        else:
            home.append(place)
    return tuple(map(tuple, classes))


def _are_alike(one: str, two: str, places: Sequence[str], pairs: dict[_Pair, Faces]) -> bool:
    if pairs.get((one, two)) != pairs.get((two, one)):
        return False
    return all(
        pairs.get((one, each)) == pairs.get((two, each)) and pairs.get((each, one)) == pairs.get((each, two))
        for each in places
        if each not in {one, two}
    )
