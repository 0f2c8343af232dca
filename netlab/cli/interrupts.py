"""
Ctrl-C and its kin: whatever ends a command from outside does so by an exception, so that what it began is undone.

``scripts/netlab`` starts us with these signals held back; they come in here as soon as we can answer them.
"""

from __future__ import annotations

import signal
import time
from types import FrameType

from netlab.live.uninterrupted import SIGNALS

DEAF_S = 2.0
"""So long after a signal no other is heard: people press Ctrl-C more than once, and undoing is not to be cut short."""


class Interrupted(KeyboardInterrupt):
    """The command is to end; ``number`` is the signal's."""

    def __init__(self, number: int) -> None:
        self.number = number
        super().__init__(signal.Signals(number).name)

    @property
    def exit_code(self) -> int:
        """What a shell calls an end by this signal."""
        return 128 + self.number


def listen() -> None:
    """Let signals end the command from now on; those that whoever started us ignores stay ignored."""
    last_s = float("-inf")

    def interrupt(number: int, _: FrameType | None) -> None:
        nonlocal last_s
        if time.monotonic() - last_s < DEAF_S:
            return
        last_s = time.monotonic()
        raise Interrupted(number)

    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, interrupt)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


def stop_listening() -> None:
    """Ignore signals from now on: all is done, and Python's own end takes a moment."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
