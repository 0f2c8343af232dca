"""The built-in labs, played on paper and in lockstep of two papers: all comes out as they say, and the two agree."""

import pytest

import netlab
from netlab.check import LockstepWire, check_lab
from netlab.check.text import lab_lines
from netlab.model.network import Network
from netlab.model.wire import Wire
from netlab.oracle.paper import PaperWire


@pytest.mark.parametrize("name", netlab.built_in_labs())
def test_a_built_in_lab_comes_out_as_it_says(name: str) -> None:
    """Every row and every story, on paper."""
    lab = netlab.load(name)
    with netlab.paper(lab) as network:
        report = check_lab(network, lab)

    assert report.ok, "\n".join(lab_lines(report))
    assert len(report.rows) + len(report.stories) > 0


@pytest.mark.parametrize("name", netlab.built_in_labs())
def test_two_papers_agree_with_each_other(name: str) -> None:
    """The oracle fits both sides of the lockstep: as a wire, and as one whose clock is set."""
    lab = netlab.load(name)
    kernel: Wire = PaperWire(lab)
    wire = LockstepWire(kernel, PaperWire(lab))
    report = check_lab(Network(wire), lab)

    assert report.ok, "\n".join(lab_lines(report))
    assert wire.compared > 0


def test_a_paper_that_has_missed_a_change_disagrees() -> None:
    """So the comparison can fail."""
    lab = netlab.load("stateful")
    kernel = PaperWire(lab)
    network = Network(LockstepWire(kernel, PaperWire(lab)))
    Network(kernel).revoke("web", ingress="tcp/22 from 0.0.0.0/0")
    login = network.open("laptop", "ec2", tcp=22)

    assert login.seen is netlab.Seen.LOST
    assert login.observation.disagreement == (
        "kernel: DENY NO_RULE at card ec2 ingress; oracle: ALLOW UNTRACKED sgr-ssh at card ec2 ingress"
    )
