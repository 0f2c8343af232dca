"""
The pytest fixture ``net``: a lab to play on in a test, built for it alone and gone afterwards.

    @pytest.mark.netlab("lab.yaml")             # beside the test's file, or the name of a built-in lab
    def test_ssh_is_open(net):
        assert net.open("laptop", "ec2", tcp=22).seen is netlab.Seen.DELIVERED

``--netlab-paper`` plays on paper, without root. What a machine lacks skips the test, except in CI: there it fails.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from netlab.model.network import Network


def pytest_addoption(parser: pytest.Parser) -> None:
    """Offer ``--netlab-paper``."""
    group = parser.getgroup("netlab")
    group.addoption("--netlab-paper", action="store_true", help="play the fixture net on paper: no root, no packets")


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line("markers", "netlab(lab): the lab file whose network the fixture `net` hands over")


@pytest.fixture
def net(request: pytest.FixtureRequest) -> Iterator[Network]:
    """Hand over the network of the lab that the test's marker ``netlab`` names."""
    import netlab  # noqa: PLC0415 - every run of pytest loads the plugin, few use it

    marker = request.node.get_closest_marker("netlab")
    if marker is None or len(marker.args) != 1:
        pytest.fail('net: found no lab, wanted @pytest.mark.netlab("lab.yaml") on the test', pytrace=False)
    (name,) = marker.args
    beside = request.path.parent / name
    with ExitStack() as stack:
        try:
            lab = netlab.load(name if name in netlab.built_in_labs() and not beside.is_file() else beside)
            play = netlab.paper if request.config.getoption("--netlab-paper") else netlab.running
            network = stack.enter_context(play(lab))
        except netlab.errors.MachineError as error:
            if os.environ.get("CI"):
                pytest.fail(str(error), pytrace=False)
            pytest.skip(str(error))
        except netlab.errors.NetlabError as error:
            pytest.fail(str(error), pytrace=False)
        yield network
