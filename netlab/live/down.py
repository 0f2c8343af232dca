"""A lab's end: taken down by what the kernel shows, also half-built, also when its state is gone."""

from __future__ import annotations

from dataclasses import replace

from netlab.kernel import labs
from netlab.live import state
from netlab.live.find import need_root, pick_any
from netlab.live.uninterrupted import uninterrupted

__all__ = ["sweep", "take_down", "take_down_named"]

sweep = state.sweep


def take_down(name: str) -> None:
    """
    End a lab's programs and remove its namespaces and its state; nothing of it is there is fine.

    Once begun it goes to its end; a Ctrl-C comes in afterwards.
    """
    need_root()
    with uninterrupted():
        known = state.read(name)
        if known is not None:  # who looks meanwhile, or finds us killed, is not to take it for whole
            state.write(name, replace(known, complete=False))
        if name in labs.running_labs():
            labs.take_down(name)
        state.remove(name)


def take_down_named(name: str | None) -> str:
    """
    Take down the lab a command means, also a half-built one; waits for a command that is at work on it.

    Returns:
        Its name.

    Raises:
        InputError: There is none of that name, none at all, or more than one to choose from.
    """
    need_root()
    name = pick_any(name)
    with state.locked(name):
        take_down(name)
    return name
