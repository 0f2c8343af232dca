"""
The text of a real file to plain data: JSON, or YAML with CloudFormation's short tags. What the data means is not known
here.

Numbers of YAML stay text as they were written; a short tag becomes what it stands for: ``!Ref X`` is ``{"Ref": "X"}``.
A key that stands twice in one mapping is a mistake: whoever deploys the file would lose one of the two unseen.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from netlab.errors import LabFileError, Mistake
from netlab.formats.import_places import Place
from netlab.formats.import_words import items
from netlab.formats.json_lines import JsonLines, keys_twice
from netlab.formats.yaml_reader import TOO_MANY_REPEATS, Path, Repeats

_NOTHING = {"", "~", "null", "Null", "NULL"}
_BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_MOST_DEPTH = 100


@dataclass(slots=True)
class Document:
    """
    One file's data.

    Attributes:
        line_of: Tells the line of a path, counted from 1.
        mistakes: Keys that stand twice; of their values the data has one.
    """

    file: str
    tree: object
    line_of: Callable[[Path], int]
    mistakes: tuple[Mistake, ...] = ()

    def place(self, path: Path, where: str = "") -> Place:
        """Return where something stands; *where* is what messages call that, if not by its path."""
        return Place(self.file, path, where, self.line_of)


def _twice(file: str, path: Path, line: int, first: int) -> Mistake:
    return Place(file, path, line_of=lambda _: line).says(f"stands here a second time, first in line {first}")


def read_document(text: str, file: str) -> Document:
    """
    Read a file's text.

    Raises:
        LabFileError: It is neither JSON nor YAML.
    """
    text = text.removeprefix("\ufeff")
    return _read_json(text, file) if text.lstrip()[:1] in {"{", "["} else _read_yaml(text, file)


def _read_json(text: str, file: str) -> Document:
    doubled: list[int] = []

    def data_of(pairs: list[tuple[str, object]]) -> dict[str, object]:
        data = dict(pairs)
        if len(data) < len(pairs):
            doubled.append(len(pairs) - len(data))
        return data

    try:
        tree = json.loads(text, object_pairs_hook=data_of)
    except json.JSONDecodeError as error:
        ended = error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated string")
        problem = "the text ends too early" if ended else f"{error.msg} (column {error.colno})"
        raise LabFileError((Mistake(file, error.lineno, "", f"this is not JSON: {problem}"),)) from error
    except RecursionError as error:
        raise LabFileError((Mistake(file, 0, "", "this is not JSON: it is nested too deep"),)) from error
    twice = keys_twice(text) if doubled else ()
    return Document(file, tree, JsonLines(text).line, tuple(_twice(file, *each) for each in twice))


def _read_yaml(text: str, file: str) -> Document:
    yaml = YAML(typ="safe", pure=True)
    try:
        node = yaml.compose(text)
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark is not None else 0
        problem = str(error.problem or error.context or "it cannot be read").replace("\n", " ")
        raise LabFileError((Mistake(file, line, "", f"this is neither JSON nor YAML: {problem}"),)) from error
    except (YAMLError, RecursionError) as error:
        problem = str(error).splitlines()[0]
        raise LabFileError((Mistake(file, 0, "", f"this is neither JSON nor YAML: {problem}"),)) from error
    if node is None:
        raise LabFileError((Mistake(file, 0, "", "found an empty file, wanted JSON or a template"),))
    reader = _YamlReader(file)
    tree = reader.data(node, (), node.start_mark.line + 1)
    return Document(file, tree, reader.line, tuple(reader.twice.values()))


class _YamlReader:
    """Turns YAML's nodes into plain data, remembers their lines, and which keys stand twice, by position."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.lines: dict[Path, int] = {}
        self.twice: dict[int, Mistake] = {}
        self.repeats = Repeats()

    def line(self, path: Path) -> int:
        """Return the line of a path, or of the nearest part around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 0)

    def data(self, node: Node, path: Path, line: int) -> object:
        """Return a node's data."""
        problem = TOO_MANY_REPEATS if self.repeats.are_too_many(node) else ""
        if len(path) > _MOST_DEPTH:
            problem = f"found data nested deeper, or in itself, wanted at most {_MOST_DEPTH} levels"
        if problem:
            raise LabFileError((Mistake(self.file, line, "", problem),))
        self.lines.setdefault(path, line)
        tag = str(node.tag)
        short = tag.removeprefix("!") if tag.startswith("!") else ""
        name = short if short in {"", "Ref", "Condition"} else f"Fn::{short}"
        plain = self._plain(node, (*path, name) if name else path, text=bool(name))
        if not name:
            return plain
        if name == "Fn::GetAtt" and isinstance(plain, str):
            plain = plain.split(".", 1)
        return {name: plain}

    def _plain(self, node: Node, path: Path, *, text: bool) -> object:
        if isinstance(node, SequenceNode):
            return [self.data(item, (*path, at), item.start_mark.line + 1) for at, item in enumerate(node.value)]
        if isinstance(node, MappingNode):
            return self._mapping(node, path)
        value = str(node.value)
        if text or getattr(node, "style", None) is not None:
            return value
        return None if value in _NOTHING else _BOOLEANS.get(value, value)

    def _mapping(self, node: MappingNode, path: Path) -> dict[str, object]:
        """Return a mapping's data; its own keys go before those that it merges (``<<``)."""
        data: dict[str, object] = {}
        first: dict[str, int] = {}
        merges = [value for key, value in node.value if key.value == "<<"]
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, ScalarNode):
                raise LabFileError((Mistake(self.file, line, "", "found a list as a key, wanted a word"),))
            name = str(key.value)
            if name in first:
                self.twice.setdefault(key.start_mark.index, _twice(self.file, (*path, name), line, first[name]))
            elif name != "<<":
                first[name] = line
                data[name] = self.data(value, (*path, name), line)
        for value in merges:
            for each in items(self.data(value, path, value.start_mark.line + 1)):
                data = {**each, **data} if isinstance(each, dict) else data
        return data
