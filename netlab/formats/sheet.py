"""
A lab file while it is being read: its data, and all that was found wrong with it so far.

Readers ask it for parts by their path, and hand it what they complain about; it knows the line and the words for the
place. It does not know what any part means.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from pydantic import ValidationError

from netlab.errors import InputError, Mistake
from netlab.formats.schema import Shape
from netlab.formats.words import shown, suggestion
from netlab.formats.yaml_reader import Path, Reading

S = TypeVar("S", bound=Shape)
V = TypeVar("V")
R = TypeVar("R")

_PREFIXES = {"network_acls": "acl ", "nat_gateways": "nat "}


@dataclass(slots=True)
class Sheet:
    """The file, its mistakes and its warnings."""

    file: str
    reading: Reading
    mistakes: list[Mistake] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def get(self, path: Path) -> object:
        """Return the data at a path; None where there is none."""
        data = self.reading.tree
        for step in path:
            if isinstance(data, dict):
                data = data.get(step)
            elif isinstance(data, list) and isinstance(step, int):
                data = data[step]
            else:
                return None
        return data

    def line(self, path: Path) -> int:
        """Return the line of a path, or of the nearest part around it."""
        while path and path not in self.reading.lines:
            path = path[:-1]
        return self.reading.lines.get(path, 0)

    def wrong(self, path: Path, text: str) -> None:
        """Note a mistake."""
        self.mistakes.append(Mistake(self.file, self.line(path), one_line(where(path)), one_line(text)))

    def warn(self, path: Path, text: str) -> None:
        """Note something that is read, but otherwise than written."""
        self.warnings.append(str(Mistake(self.file, self.line(path), one_line(where(path)), one_line(text))))

    def take(self, path: Path, read: Callable[[V], R], value: V) -> R | None:
        """Read a value; where it cannot be read, note why and return None."""
        try:
            return read(value)
        except InputError as error:
            self.wrong(path, str(error))
            return None

    def take_each(self, path: Path, read: Callable[[V], R], values: Iterable[V]) -> tuple[R, ...]:
        """Read each item of a list; those that cannot be read are noted and left out."""
        taken = [self.take((*path, index), read, value) for index, value in enumerate(values)]
        return tuple(each for each in taken if each is not None)

    def mapping(self, path: Path) -> dict[str, object]:
        """Return the mapping at a path; empty where nothing stands there."""
        data = self.get(path)
        if data is None:
            return {}
        if not isinstance(data, dict):
            self.wrong(path, f"found {shown(data)}, wanted a mapping (key: value)")
            return {}
        return data

    def rows(self, path: Path) -> range:
        """Return the positions of the list at a path; empty where nothing stands there."""
        data = self.get(path)
        if data is None:
            return range(0)
        if not isinstance(data, list):
            self.wrong(path, f"found {shown(data)}, wanted a list")
            return range(0)
        return range(len(data))

    def shape(self, model: type[S], path: Path) -> S | None:
        """Read a mapping into its model; where it does not fit, note everything about it that does not."""
        data = self.get(path)
        if data is None:
            data = {}
        if not isinstance(data, dict):
            self.wrong(path, f"found {shown(data)}, wanted a mapping (key: value)")
            return None
        try:
            return model.model_validate(data)
        except ValidationError as error:
            for each in error.errors(include_url=False, include_context=False):
                self._misfit(model, path, each["loc"], each["type"], each["input"])
            return None

    def _misfit(self, model: type[Shape], path: Path, loc: tuple[int | str, ...], kind: str, found: object) -> None:
        key = str(loc[0])
        place = (*path, *loc)
        if kind == "extra_forbidden":
            self.wrong(place, f"is no key here{suggestion(key, model.keys())}")
        elif kind == "missing":
            self.wrong(place, f"is missing, wanted {model.wanted(key)}")
        else:
            self.wrong(place, f"found {shown(found)}, wanted {model.wanted(key)}")


def one_line(text: str) -> str:
    """Return text with what would break its line, or a terminal, written out."""
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)


def where(path: Path) -> str:
    """Return a place in the file's own words: ``web ingress: tcp``, ``ec2: subnet``, ``story 'x', step 2: seen``."""
    match path:
        case ("expect", int(row), *rest):
            place = f"expect row {row + 1}"
        case ("stories", str(story), int(step), *rest):
            place = f"story '{story}', step {step + 1}"
        case ("stories", str(story), *rest):
            place = f"story '{story}'"
        case ("instances", str(name), "interfaces", str(interface), *rest):
            place = f"{name}/{interface}"
        case ("security_groups" | "network_acls" as section, str(name), "ingress" | "egress" as direction, *rest):
            place = f"{_PREFIXES.get(section, '')}{name} {direction}"
        case ("vpc" | "timers" as place, *rest):
            pass
        case (str(section), str(name), *rest):
            place = f"{_PREFIXES.get(section, '')}{name}"
        case _:
            return " ".join(str(step) for step in path)
    words = " ".join(str(step) for step in rest if isinstance(step, str))
    return f"{place}: {words}" if words else place
