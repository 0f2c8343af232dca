"""
YAML 1.2 text to plain data, with the line of everything in it.

Only text, booleans and nothing (``null``) are told apart; numbers stay text as they were written, so that 22:25, 022
and 1.10 reach their readers unmangled. What the data means is not known here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

Path = tuple[str | int, ...]
"""Where something stands: keys, and positions in lists counted from 0."""

_NOTHING = {"", "~", "null", "Null", "NULL"}
_BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_BARE_IPV6 = re.compile(r"[{,\[]\s*(?:[\w-]+:\s+)?(::[0-9A-Fa-f:./]*)")
_MOST_DEPTH = 20
_MOST_REPEATED = 100_000
TOO_MANY_REPEATS = f"found aliases that write out more than {_MOST_REPEATED:,} values, wanted fewer"


class Repeats:
    """Counts the values that aliases write out again: a few lines may come to more than any memory holds."""

    def __init__(self) -> None:
        self._seen: set[int] = set()
        self._count = 0

    def are_too_many(self, node: Node) -> bool:
        """Tell whether that is so when *node* is read (once more)."""
        self._count += id(node) in self._seen
        self._seen.add(id(node))
        return self._count > _MOST_REPEATED


@dataclass(slots=True)
class Reading:
    """
    What was read: the data, the line of each part of it, and what is wrong with the text.

    Attributes:
        tree: Mappings, lists, text, booleans, None.
        lines: Counted from 1; of a mapping's entry, that of its key.
        wrong: (where, line, text).
    """

    tree: object = None
    lines: dict[Path, int] = field(default_factory=dict)
    wrong: list[tuple[Path, int, str]] = field(default_factory=list)
    repeats: Repeats = field(default_factory=Repeats)


def read_yaml(text: str) -> Reading:
    """Read one YAML document; a text that is none has no tree and says why in ``wrong``."""
    reading = Reading()
    yaml = YAML(typ="safe", pure=True)
    try:
        node = yaml.compose(text)
    except MarkedYAMLError as error:
        line = error.problem_mark.line if error.problem_mark is not None else 0
        reading.wrong.append(((), line + 1, _complaint(error, text, line)))
    except YAMLError as error:
        first = str(error).splitlines()[0]
        reading.wrong.append(((), 0, f"this is not YAML: {first}"))
    else:
        if node is not None:
            reading.tree = _data(reading, (), node, node.start_mark.line + 1, ())
    too_large = [each for each in reading.wrong if each[2] == TOO_MANY_REPEATS]
    if too_large:  # then nothing else that was read is worth a word
        reading.tree, reading.wrong = None, too_large[:1]
    return reading


def _complaint(error: MarkedYAMLError, text: str, line: int) -> str:
    problem = str(error.problem or error.context or "it cannot be read").replace("\n", " ")
    lines = text.splitlines()
    source = lines[line] if line < len(lines) else ""
    if bare := _BARE_IPV6.search(source):
        return f'in braces and brackets YAML wants quotes around {bare[1]}: "{bare[1]}"'
    if "\\t" in problem or "\t" in source[: len(source) - len(source.lstrip())]:
        return "this is not YAML: found a tab, wanted spaces before the first word of a line"
    return f"this is not YAML: {problem}"


def _data(reading: Reading, path: Path, node: Node, line: int, above: tuple[Node, ...]) -> object:
    reading.lines[path] = line
    if node in above or len(above) > _MOST_DEPTH:
        deep = "in itself" if node in above else "deeper"
        reading.wrong.append((path, line, f"found data nested {deep}, wanted at most {_MOST_DEPTH} levels"))
        return None
    if reading.repeats.are_too_many(node):
        reading.wrong.append(((), line, TOO_MANY_REPEATS))
        return None
    above = (*above, node)
    if isinstance(node, MappingNode):
        return _mapping(reading, path, node, above)
    if isinstance(node, SequenceNode):
        return [
            _data(reading, (*path, index), item, item.start_mark.line + 1, above)
            for index, item in enumerate(node.value)
        ]
    return _scalar(reading, path, node, line)


def _mapping(reading: Reading, path: Path, node: MappingNode, above: tuple[Node, ...]) -> dict[str, object]:
    data: dict[str, object] = {}
    for key, value in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, ScalarNode):
            reading.wrong.append((path, line, "found a list or mapping as a key, wanted a word"))
            continue
        name = str(key.value)
        if name in data:
            first = reading.lines[(*path, name)]
            reading.wrong.append(((*path, name), line, f"stands here a second time, first in line {first}"))
            continue
        data[name] = _data(reading, (*path, name), value, line, above)
    return data


def _scalar(reading: Reading, path: Path, node: Node, line: int) -> str | bool | None:
    tag = str(node.tag)
    if tag.startswith("!"):
        reading.wrong.append((path, line, f"found the tag {tag}, wanted a plain value"))
    value = str(node.value)
    if getattr(node, "style", None) is not None:
        return value
    return None if value in _NOTHING else _BOOLEANS.get(value, value)
