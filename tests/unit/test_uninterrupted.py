"""Signals and undoing: held back while something is undone, let in before and after, never lost."""

import signal
from collections.abc import Iterator

import pytest

from netlab.live.uninterrupted import undone, uninterrupted


class _SignalledError(Exception):
    """What the handler raises."""


@pytest.fixture(autouse=True)
def _raising() -> Iterator[None]:
    """Have SIGHUP raise, as the commands have it."""

    def handler(number: int, _: object) -> None:
        raise _SignalledError(number)

    before = signal.signal(signal.SIGHUP, handler)
    yield
    signal.signal(signal.SIGHUP, before)


def test_a_signal_comes_in_after_what_it_must_not_cut_short() -> None:
    """The body goes to its end; then the signal counts, and the next one at once."""
    done = []

    def work() -> None:
        with uninterrupted():
            signal.raise_signal(signal.SIGHUP)
            done.append("body")

    with pytest.raises(_SignalledError):
        work()

    assert done == ["body"]
    with pytest.raises(_SignalledError):
        signal.raise_signal(signal.SIGHUP)


def test_undone_whole_after_the_body() -> None:
    """A signal while it is undone comes in afterwards."""
    done = []

    def undo() -> None:
        signal.raise_signal(signal.SIGHUP)
        done.append("undone")

    with pytest.raises(_SignalledError), undone(undo):
        done.append("body")

    assert done == ["body", "undone"]


def test_a_signal_ends_the_body_and_is_undone() -> None:
    """A second one cannot stop the undoing."""
    done = []

    def undo() -> None:
        signal.raise_signal(signal.SIGHUP)
        done.append("undone")

    def work() -> None:
        signal.raise_signal(signal.SIGHUP)
        done.append("body")

    with pytest.raises(_SignalledError), undone(undo):
        work()

    assert done == ["undone"]


def test_without_a_signal_nothing_is_held_back_afterwards() -> None:
    """The mask is as before, also after errors of the body and of the undoing."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())

    def fails() -> None:
        raise ValueError

    with pytest.raises(ValueError), undone(fails):  # noqa: PT011 - its own
        raise LookupError

    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before
