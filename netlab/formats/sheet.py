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
    """
    The file, its mistakes and its warnings.

    Attributes:
        void: Places that were complained about so that nothing more is to be said of them.
    """

    file: str
    reading: Reading
    mistakes: list[Mistake] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    void: set[Path] = field(default_factory=set)

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
        """Note a mistake, unless it only follows from one that was noted."""
        if any(path[:length] in self.void for length in range(1, len(path) + 1)):
            return
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
        """
        Read a mapping into its model; None where it is none.

        Where parts of it do not fit, all of them are noted, and the rest is returned, so that it is looked at too.
        """
        data = self.get(path)
        if data is None:
            data = {}
        if not isinstance(data, dict):
            self.wrong(path, f"found {shown(data)}, wanted a mapping (key: value)")
            return None
        try:
            return model.model_validate(data)
        except ValidationError as error:
            kept = dict(data)
            void = set()
            for each in error.errors(include_url=False, include_context=False):
                key = str(each["loc"][0])
                void |= {(*path, name) for name in self._misfit(model, path, each["loc"], each["type"], each["input"])}
                kept.pop(key, None)
                if key in model.required():
                    kept[key] = model.nothing(key)
            self.void |= void
            return model.model_validate(kept)

    def _misfit(
        self, model: type[Shape], path: Path, loc: tuple[int | str, ...], kind: str, found: object
    ) -> tuple[str, ...]:
        """Note one part that does not fit; return the keys of which enough is said with that."""
        key = str(loc[0])
        place = (*path, *loc)
        if kind == "extra_forbidden":
            hint = suggestion(key, model.key_names())
            self.wrong(place, f"is no key here{hint}")
            return (key, *(each for each in model.key_names() if f"'{each}'" in hint))
        if kind == "missing":
            self.wrong(place, f"is missing, wanted {model.wanted(key)}")
        else:
            self.wrong(place, f"found {shown(found)}, wanted {model.wanted(key)}")
        return (key,)


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
