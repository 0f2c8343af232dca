"""The labs that come with netlab: right, without a warning, true on paper, and what the design says of `stateful`."""

from importlib import resources

import pytest

import netlab
from netlab.check import check_lab
from netlab.formats import parse_lab

LABS = netlab.built_in_labs()


def _lab(name: str) -> netlab.Lab:
    return parse_lab(resources.files("netlab.labs").joinpath(f"{name}.yaml").read_text(encoding="utf-8"))


def test_there_is_the_article_and_more() -> None:
    """Each teaches one thing."""
    assert set(LABS) >= {"stateful", "untracked", "references", "acl", "ipv6", "timeouts"}


@pytest.mark.parametrize("name", LABS)
def test_a_built_in_lab_has_its_files_name_expectations_and_stories(name: str) -> None:
    """It has something to prove, and nothing to warn of."""
    lab = _lab(name)

    assert (lab.name, lab.warnings) == (name, ())
    assert lab.expectations
    assert lab.stories


@pytest.mark.parametrize("name", LABS)
def test_every_lost_has_a_delivered_beside_it(name: str) -> None:
    """A row that is lost proves nothing where all are."""
    assert {row.wanted.seen for row in _lab(name).expectations} >= {"delivered", "lost"}


@pytest.mark.parametrize("name", LABS)
def test_a_built_in_lab_is_true_on_paper(name: str) -> None:
    """All of its rows and stories come out as it says."""
    lab = netlab.load(name)
    with netlab.paper(lab) as network:
        report = check_lab(network, lab)

    assert report.ok, report


def test_stateful_is_the_article() -> None:
    """SSH in, everything out; the addresses of the article."""
    lab = _lab("stateful")
    interface = lab.instances["ec2"].primary

    assert [str(each) for each in (*interface.addresses, interface.public_ip)] == ["10.0.1.10", "3.95.203.191"]
    assert interface.security_groups == ("web",)
    assert lab.instances["ec2"].services == ("ssh",)
    assert [(rule.id, str(rule)) for rule in lab.groups["web"].ingress] == [("sgr-ssh", "tcp/22 from 0.0.0.0/0")]
    assert [str(rule) for rule in lab.groups["web"].egress] == ["all to 0.0.0.0/0"]
    assert {host.name: [str(each) for each in host.addresses] for host in lab.hosts.values()} == {
        "laptop": ["198.51.100.7"],
        "www.alphavantage.co": ["203.0.113.80"],
        "stranger": ["192.0.2.66"],
    }
    assert lab.hosts["www.alphavantage.co"].services == ("quotes",)
