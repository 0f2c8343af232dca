"""
The pytest fixture ``net``: a lab to play on in a test.

    @pytest.mark.netlab("lab.yaml")             # beside the test's file, or the name of a built-in lab
    def test_ssh_is_open(net):
        assert net.open("laptop", "ec2", tcp=22).seen is netlab.Seen.DELIVERED

Each test has a lab of its own, gone afterwards; with ``@pytest.mark.netlab("lab.yaml", scope="module")`` all tests of a
module share one, which every test finds as the file has it: rules, empty memories, clock at 0.

With ``parameters={"Name": "value"}`` a CloudFormation template's parameters get values.

``--netlab-paper`` plays on paper, without root. What a machine lacks skips the test, except in CI: there it fails. A
test that fails tells each packet it sent: what was seen of it, why, and where it went.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from netlab.check.recorder import RecordingWire
    from netlab.model.network import Network

_MARKER = (
    'netlab(lab, scope="test", parameters={}): the lab file whose network the fixture `net` hands over; scope: test or '
    "module; parameters: of a CloudFormation template"
)
_WANTED = 'wanted @pytest.mark.netlab("lab.yaml"), and scope="test" or "module", parameters={"Name": "value"}'

_RECORDER: pytest.StashKey[RecordingWire] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Offer ``--netlab-paper``."""
    group = parser.getgroup("netlab")
    group.addoption("--netlab-paper", action="store_true", help="play the fixture net on paper: no root, no packets")


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line("markers", _MARKER)


@dataclass(frozen=True, slots=True)
class Marked:
    """A test's marker: the lab, a file or a built-in lab's name; how many tests it is for; a template's parameters."""

    lab: Path | str
    scope: str
    parameters: tuple[tuple[str, str], ...]


class Networks:
    """The networks that a module's tests share, by lab file; gone at its end."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._found: dict[Marked, Network] = {}

    def shared(self, marked: Marked, *, paper: bool) -> Network:
        """Return the network of a lab as its file has it; built for the first test that asks."""
        if marked not in self._found:
            self._found[marked] = _start(self._stack, marked, paper=paper)
        network = self._found[marked]
        network.reset()
        network.failed = False
        return network


@pytest.fixture(scope="module")
def netlab_networks() -> Iterator[Networks]:
    """Keep what the module's tests share; for ``net`` alone."""
    with ExitStack() as stack:
        yield Networks(stack)


@pytest.fixture
def net(request: pytest.FixtureRequest, netlab_networks: Networks) -> Iterator[Network]:
    """Hand over the network of the lab that the test's marker ``netlab`` names."""
    import netlab  # noqa: PLC0415 - every run of pytest loads the plugin, few use it
    from netlab.check.recorder import RecordingWire  # noqa: PLC0415

    marked = _marked(request)
    paper = bool(request.config.getoption("--netlab-paper"))
    with ExitStack() as stack:
        try:
            shared = marked.scope == "module"
            network = netlab_networks.shared(marked, paper=paper) if shared else _start(stack, marked, paper=paper)
        except netlab.errors.MachineError as error:
            if os.environ.get("CI"):
                pytest.fail(str(error), pytrace=False)
            pytest.skip(str(error))
        except netlab.errors.NetlabError as error:
            pytest.fail(str(error), pytrace=False)
        recorder = network.wire if isinstance(network.wire, RecordingWire) else RecordingWire(network.wire)
        network.wire = recorder
        recorder.forget()
        request.node.stash[_RECORDER] = recorder
        request.config.stash[_RECORDER] = recorder
        yield network
        del request.config.stash[_RECORDER]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Tell below a failed test, or a fixture of it that used the network, what passed over that."""
    report = yield
    recorder = item.stash.get(_RECORDER, None)
    if recorder is not None and report.failed:
        report.sections.append(("netlab: what was sent, and what came of it", "\n".join(recorder.lines())))
    return report


def pytest_assertrepr_compare(config: pytest.Config, op: str, left: object, right: object) -> list[str] | None:
    """Say a comparison of what was seen in netlab's words, with what the last packet came to."""
    from netlab.model.verdicts import Seen  # noqa: PLC0415 - as above

    if op not in {"is", "=="} or not isinstance(left, Seen) or not isinstance(right, Seen):
        return None
    recorder = config.stash.get(_RECORDER, None)
    lines = recorder.last_lines() if recorder is not None else []
    return [f"seen: found {left.value}, wanted {right.value}", *lines]


def _marked(request: pytest.FixtureRequest) -> Marked:
    import netlab  # noqa: PLC0415 - as above

    marker = request.node.get_closest_marker("netlab")
    if marker is None or len(marker.args) != 1:
        pytest.fail('net: found no lab, wanted @pytest.mark.netlab("lab.yaml") on the test', pytrace=False)
    scope = marker.kwargs.get("scope", "test")
    parameters = marker.kwargs.get("parameters", {})
    known = scope in {"test", "module"} and isinstance(parameters, dict)
    if not known or set(marker.kwargs) - {"scope", "parameters"}:
        words = ", ".join(f"{key}={value!r}" for key, value in marker.kwargs.items())
        pytest.fail(f"net: found {words}, {_WANTED}", pytrace=False)
    (name,) = marker.args
    beside: Path = request.path.parent / name
    lab = name if name in netlab.built_in_labs() and not beside.is_file() else beside
    return Marked(lab, scope, tuple(sorted((str(key), str(value)) for key, value in parameters.items())))


def _start(stack: ExitStack, marked: Marked, *, paper: bool) -> Network:
    import netlab  # noqa: PLC0415 - as above

    lab = netlab.load(marked.lab, parameters=dict(marked.parameters))
    return stack.enter_context(netlab.paper(lab) if paper else netlab.running(lab))
