"""
On which line of a JSON text a part of it stands.

It is sought when a message asks for it, so that a file about which there is nothing to say is read at full speed.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_left

from netlab.formats.yaml_reader import Path

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
