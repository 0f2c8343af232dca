"""Captures: taps at every device of instances, cards, the internet gateway and hosts, which see all traffic."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from netlab.kernel.taps import Tap
from netlab.model.topology import Lab
from netlab.plan.nouns import IGW, card_name, kernel_name
from netlab.probe.pcapng import Captured


class Capture:
    """
    Everything that passes a running lab's devices, from the beginning on.

    Attributes:
        taps: Their names, as a packet going out meets them: ``ec2 eth0``, ``card ec2 inst``, ``card ec2 vpc``, ``igw
            vpc``, ``igw inet``, ``laptop eth0``.
    """

    def __init__(self, lab: Lab) -> None:
        """
        Open every tap.

        Raises:
            KernelError: A namespace or a device is not there.
        """
        self._open: dict[str, Tap] = {}
        with ExitStack() as stack:
            for name, namespace, device in _points(lab):
                tap = Tap(kernel_name(lab.name, namespace), device, everything=True)
                stack.callback(tap.close)
                self._open[name] = tap
            self._stack = stack.pop_all()
        self.taps = tuple(self._open)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close every tap."""
        self._stack.close()

    def collect(self) -> tuple[Captured, ...]:
        """Return the frames seen since the last call."""
        return tuple(
            Captured(name, frame.link + frame.packet, frame.outgoing, frame.time_us)
            for name, tap in self._open.items()
            for frame in tap.read()
        )

    def lost(self) -> dict[str, int]:
        """Return how many frames found no room since the last call, by tap; those that lost none are left out."""
        found = {name: tap.lost() for name, tap in self._open.items()}
        return {name: number for name, number in found.items() if number}


def _points(lab: Lab) -> Iterator[tuple[str, str, str]]:
    """Yield name, short namespace and device of every tap."""
    for each in lab.interfaces():
        card = card_name(each.node, each.name)
        yield f"{each.node} {each.name}", each.node, each.name
        yield f"card {each.label} inst", card, "inst"
        yield f"card {each.label} vpc", card, "vpc"
    yield "igw vpc", IGW, "vpc"
    yield "igw inet", IGW, "inet"
    for host in lab.hosts:
        yield f"{host} eth0", host, "eth0"
