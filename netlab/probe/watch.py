"""The watch over a running lab: the log readers of its gates and the taps of its doors, read together."""

from __future__ import annotations

import select
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass

from netlab.kernel.logs import LogReader, LogRecord
from netlab.kernel.netns import list_namespaces
from netlab.kernel.taps import Frame
from netlab.model.places import Station
from netlab.model.topology import Lab
from netlab.plan.nouns import card_name, kernel_name
from netlab.probe.doors import Door, open_doors


@dataclass(frozen=True, slots=True)
class Gate:
    """A namespace whose gates speak; ``namespace`` is its short name."""

    namespace: str
    reader: LogReader


Listener = Callable[[str, LogRecord], None]
"""Told a gate's namespace, by its short name, and a record of it."""

Sighting = tuple[Gate, LogRecord] | tuple[Door, Frame]
"""What was seen, and where."""


class Watch:
    """
    Every gate and every door of a lab.

    Attributes:
        doors: By station.
        buffer_size: The smallest of the readers' buffers, in bytes.
        listener: Told every record that is read; None = nobody is.
    """

    def __init__(self, lab: Lab) -> None:
        """
        Open every socket.

        Raises:
            KernelError: The lab does not run, or another process watches it.
        """
        self.doors: dict[Station, Door] = {}
        self.listener: Listener | None = None
        self._points: dict[int, Gate | Door] = {}
        with ExitStack() as stack:
            self._poll = select.epoll()
            stack.callback(self._poll.close)
            gates = [_open_gate(lab, namespace, stack) for namespace in _gate_namespaces(lab)]
            for gate in gates:
                self._add(gate.reader.fileno(), gate)
            for door in open_doors(lab, stack):
                self.doors[door.station] = door
                self._add(door.tap.fileno(), door)
            self._stack = stack.pop_all()
        self.buffer_size = min(gate.reader.buffer_size for gate in gates)

    def close(self) -> None:
        """Close every socket."""
        self._stack.close()

    def fileno(self) -> int:
        """Return a file descriptor, readable when something was seen."""
        return self._poll.fileno()

    def forget(self) -> None:
        """Throw away what was seen and not read."""
        while ready := self._poll.poll(0, len(self._points)):
            for descriptor, _ in ready:
                point = self._points[descriptor]
                if isinstance(point, Gate):
                    point.reader.discard()
                else:
                    point.tap.read()
        self.lost()

    def read(self, timeout_s: float) -> Iterator[Sighting]:
        """
        Yield what was seen; wait so long for the first of it.

        Raises:
            BrokenError: A gate's records were lost.
        """
        for descriptor, _ in self._poll.poll(timeout_s, len(self._points)):
            point = self._points[descriptor]
            if isinstance(point, Gate):
                for record in point.reader.read():
                    if self.listener is not None:
                        self.listener(point.namespace, record)
                    yield point, record
            else:
                for frame in point.tap.read():
                    yield point, frame

    def lost(self) -> tuple[str, ...]:
        """Return the names of doors that had no room for frames since the last call, or since `forget`."""
        return tuple(door.name for door in self.doors.values() if door.tap.lost())

    def _add(self, descriptor: int, point: Gate | Door) -> None:
        self._points[descriptor] = point
        self._poll.register(descriptor, select.EPOLLIN)


def _gate_namespaces(lab: Lab) -> list[str]:
    """Return the short names of the cards and of every router: theirs begin with a colon."""
    head = kernel_name(lab.name, "")
    running = [name.removeprefix(head) for name in list_namespaces(lab.name)]
    cards = [card_name(each.node, each.name) for each in lab.interfaces()]
    return [*cards, *(name for name in running if name.startswith(":"))]


def _open_gate(lab: Lab, namespace: str, stack: ExitStack) -> Gate:
    reader = LogReader(kernel_name(lab.name, namespace))
    stack.callback(reader.close)
    return Gate(namespace, reader)
