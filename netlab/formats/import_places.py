"""Where things stand in real files, for messages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from netlab.errors import Mistake
from netlab.formats.sheet import one_line
from netlab.formats.yaml_reader import Path


def _no_line(_: Path) -> int:
    return 0


@dataclass(frozen=True, slots=True)
class Place:
    """
    Where something stands. There are many places and few messages, so words and line are made for messages alone.

    Attributes:
        path: The way to it in the file's data.
        where: A resource's address, where messages are to name that; else they name the path.
        line_of: Tells the line of a path; 0 = it knows none.
    """

    file: str
    path: Path = ()
    where: str = ""
    line_of: Callable[[Path], int] = field(default=_no_line, compare=False, repr=False)

    def says(self, text: str) -> Mistake:
        """Return a mistake, or a remark, about this place."""
        steps = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in self.path)
        where = self.where or steps.lstrip(".")
        return Mistake(self.file, self.line_of(self.path), one_line(where), one_line(text))
