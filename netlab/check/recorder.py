"""A wire that remembers what passed over another one, to tell it when a test fails."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence

from netlab.check.text import observation_lines
from netlab.check.words import change_words
from netlab.model.changes import Change
from netlab.model.places import Ends
from netlab.model.stories import Question
from netlab.model.topology import Lab
from netlab.model.verdicts import Transit
from netlab.model.wire import Departure, Entry, Observation, Wire

_MOST = 30
"""Packets and changes that are remembered; the last ones."""


class RecordingWire:
    """A wire, and what was done on it since `forget`."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._done: deque[tuple[str, Transit | None, Lab]] = deque(maxlen=_MOST)
        self._count = 0

    @property
    def lab(self) -> Lab:
        """The lab as it is now."""
        return self._wire.lab

    @property
    def now_s(self) -> float:
        """Unscaled seconds since the last reset."""
        return self._wire.now_s

    def transmit(self, departures: Sequence[Departure]) -> list[Transit]:
        """Send packets, and remember what came of each."""
        transits = self._wire.transmit(departures)
        for transit in transits:
            self._remember(str(transit.sent), transit)
        return transits

    def converse(self, ends: Ends, question: Question) -> Transit:
        """Let the kernels' own stacks talk, and remember what came of it."""
        transit = self._wire.converse(ends, question)
        self._remember(f"{transit.sent}, by the kernels' own stacks", transit)
        return transit

    def change(self, change: Change) -> None:
        """Carry out a change, and remember it."""
        self._wire.change(change)
        self._remember(change_words(change), None)

    def become(self, lab: Lab) -> None:
        """Change to what another lab says."""
        self._wire.become(lab)
        self._remember("changed to another lab", None)

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self._wire.wait(seconds)
        self._remember(f"wait {seconds:.12g}s", None)

    def flows(self, node: str) -> tuple[Entry, ...]:
        """Return the connection table of an instance's cards."""
        return self._wire.flows(node)

    def reset(self) -> None:
        """Start afresh; what was done stays remembered."""
        self._wire.reset()
        self._remember("reset", None)

    def forget(self) -> None:
        """Forget what was done."""
        self._done.clear()
        self._count = 0

    def lines(self) -> Iterator[str]:
        """Yield what was done, in order; each packet with its answer, reason and trail."""
        if self._count > len(self._done):
            yield f"({self._count - len(self._done)} earlier ones are left out)"
        for words, transit, lab in self._done:
            yield words
            if transit is not None:
                yield from (f"  {line}" for line in observation_lines(Observation((transit,)), lab))

    def last_lines(self) -> list[str]:
        """Return what came of the last packet; empty = none was sent."""
        for words, transit, lab in reversed(self._done):
            if transit is not None:
                return [words, *(f"  {line}" for line in observation_lines(Observation((transit,)), lab))]
        return []

    def _remember(self, words: str, transit: Transit | None) -> None:
        self._count += 1
        self._done.append((words, transit, self.lab))
