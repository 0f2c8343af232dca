"""Machines for the end-to-end tests."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from netlab_machine import Machine, machine


@pytest.fixture(autouse=True, scope="session")
def _root() -> None:
    """Without root there is no machine to make; in CI that is a failure."""
    if os.geteuid() != 0:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("root is needed: namespaces are made")


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Machine]:
    """Hand over a machine without any lab."""
    with machine(tmp_path) as made:
        yield made


@pytest.fixture(scope="session")
def article(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """Hand over a machine on which the lab `stateful` is up; who changes it takes `own`."""
    with machine(tmp_path_factory.mktemp("article")) as made:
        made.ok("up")
        yield made
