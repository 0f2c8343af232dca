"""
On which line of a JSON text a part of it stands, and which keys stand there twice.

Both are sought when a message asks for them, so that a file about which there is nothing to say is read at full speed.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from collections.abc import Iterator

from netlab.formats.yaml_reader import Path

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[][{},]')
_SPACE = re.compile(r"[ \t\r\n]*")


class JsonLines:
    """The lines of a text that is JSON; each list or object in it is gone through at most once."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._decode = json.JSONDecoder().raw_decode
        self._breaks: list[int] | None = None  # where lines end
        self._parts: dict[int, dict[str | int, int]] = {}  # where the parts of the thing at a place begin

    def line(self, path: Path) -> int:
        """Return the line of a path, counted from 1, or of the nearest part around it."""
        if self._breaks is None:
            self._breaks = [match.start() for match in re.finditer("\n", self._text)]
        at = self._skip(0)
        for step in path:
            parts = self._parts_of(at)
            if step not in parts:
                break
            at = parts[step]
        return bisect_left(self._breaks, at) + 1

    def _parts_of(self, at: int) -> dict[str | int, int]:
        if at not in self._parts:
            self._parts[at] = self._go_through(at) if self._text[at] in "{[" else {}
        return self._parts[at]

    def _go_through(self, at: int) -> dict[str | int, int]:
        parts: dict[str | int, int] = {}
        is_object = self._text[at] == "{"
        at = self._skip(at + 1)
        while self._text[at] not in "]}":
            key: str | int = len(parts)
            if is_object:
                key, at = self._decode(self._text, at)
                at = self._skip(self._skip(at) + 1)  # over the colon
            parts[key] = at
            at = self._skip(self._decode(self._text, at)[1])
            if self._text[at] == ",":
                at = self._skip(at + 1)
        return parts

    def _skip(self, at: int) -> int:
        match = _SPACE.match(self._text, at)
        return at if match is None else match.end()


def keys_twice(text: str) -> Iterator[tuple[Path, int, int]]:
    """Yield each key of a JSON text that stands in its object already: the path to it, its line and the first one's."""
    path: list[str | int] = []
    objects: list[dict[str, int] | None] = []  # the keys and lines of those that are open; None = a list
    line, at, is_key = 1, 0, False
    for token in _TOKEN.finditer(text):
        line += text.count("\n", at, token.start())
        at = token.start()
        match token[0]:
            case "{" | "[" as opened:
                is_key = opened == "{"
                objects.append({} if is_key else None)
                path.append("" if is_key else 0)
            case "}" | "]":
                objects.pop()
                path.pop()
            case ",":
                is_key = objects[-1] is not None
                path[-1] = path[-1] if isinstance(path[-1], str) else path[-1] + 1
            case word if is_key and (keys := objects[-1]) is not None:
                name = path[-1] = str(json.loads(word))
                if name in keys:
                    yield tuple(path), line, keys[name]
                keys.setdefault(name, line)
                is_key = False
