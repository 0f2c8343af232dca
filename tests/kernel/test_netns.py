"""Namespaces: made without a fork, entered by one thread at a time for itself, listed by name, deleted for good."""

import os
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from kernel_ground import fresh_lab, namespaces

from netlab.errors import KernelError
from netlab.kernel import netns
from netlab.plan.nouns import kernel_name


def test_a_namespace_exists_from_create_to_ensure_absent() -> None:
    """Its name is listed meanwhile, for its own lab and not for another."""
    lab = fresh_lab()
    name = kernel_name(lab, "ec2:eth0")
    netns.create(name)
    listed, elsewhere = netns.list_namespaces(lab), netns.list_namespaces(lab + "x")
    netns.ensure_absent(name)

    assert listed == [name]
    assert elsewhere == []
    assert netns.list_namespaces(lab) == []


def test_a_name_is_taken_once_and_free_again_at_once() -> None:
    """Creating is not tolerant, deleting is; a deleted name can be used again immediately."""
    with namespaces("a") as [name]:
        with pytest.raises(KernelError, match="exists already"):
            netns.create(name)
        for _ in range(20):
            netns.ensure_absent(name)
            netns.create(name)
        netns.ensure_absent(name)
        netns.ensure_absent(name)

        assert not (netns.RUN / name).exists()


def test_creating_starts_no_process() -> None:
    """A fork would cost twenty times as much."""
    with namespaces("a"), pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_entered_moves_the_thread_and_brings_it_back() -> None:
    """Also when something fails inside."""
    own = netns.identity(netns.OWN)
    with namespaces("a") as [name]:
        with netns.entered(name):
            inside = netns.identity(netns.OWN)
        with pytest.raises(RuntimeError), netns.entered(name):
            raise RuntimeError

        assert inside == netns.identity(netns.RUN / name)
        assert netns.identity(netns.OWN) == own


def test_two_threads_are_in_two_namespaces_at_once() -> None:
    """What one thread enters is nothing to the other."""
    meeting = Barrier(2)

    def look(name: str) -> tuple[int, int] | None:
        with netns.entered(name):
            meeting.wait(5)
            found = netns.identity(netns.OWN)
            meeting.wait(5)
        return found

    with namespaces("a", "b") as names, ThreadPoolExecutor(2) as threads:
        found = list(threads.map(look, names))

        assert found == [netns.identity(netns.RUN / name) for name in names]
        assert found[0] != found[1]


def test_an_absent_namespace_cannot_be_entered() -> None:
    """The message names it, and the thread stays where it was."""
    own = netns.identity(netns.OWN)
    with pytest.raises(KernelError, match="no such namespace"), netns.entered(kernel_name(fresh_lab(), "a")):
        pass

    assert netns.identity(netns.OWN) == own


def test_a_throw_away_namespace_has_no_name_and_is_not_ours() -> None:
    """What is done in it is done elsewhere, and an error comes out of it."""
    inside = netns.in_throw_away(lambda: netns.identity(netns.OWN))

    def fail() -> None:
        raise KernelError("no")

    with pytest.raises(KernelError, match="no"):
        netns.in_throw_away(fail)

    assert inside != netns.identity(netns.OWN)
