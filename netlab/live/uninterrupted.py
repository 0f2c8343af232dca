"""What is not to be cut short: the signals that end a command are held back meanwhile, and come in afterwards."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Hold signals back while the body runs; for the calling thread, and for what it starts."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def undone(undo: Callable[[], None]) -> Iterator[None]:
    """Run *undo* after the body, to its end, whatever ends the body and whenever a signal comes."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        try:  # a signal between the body and the next line's effect is an exception here, and undone below
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    finally:
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        try:
            undo()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
