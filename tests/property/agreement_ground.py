"""What the tests of agreement share: networks in lockstep, labs by way of their files, findings as text."""

from collections.abc import Iterable
from contextlib import AbstractContextManager

import netlab
from netlab.check.selftest import Finding
from netlab.check.selftest_labs import COVERING
from netlab.check.words import row_words
from netlab.control import completed
from netlab.formats import parse_lab, render_lab
from netlab.model.network import Network
from netlab.model.topology import Lab


def in_lockstep(lab: Lab) -> AbstractContextManager[Network]:
    """Return a network in the kernel whose every packet is put to the oracle."""
    return netlab.running(lab, lockstep=True)


def from_file(lab: Lab) -> Lab:
    """Complete a lab by way of the file that would hold it."""
    return completed(parse_lab(render_lab(lab), f"{lab.name}.yaml"))


def covering_labs(first: str = "covering") -> list[Lab]:
    """Return the covering set, one of its labs first."""
    labs = {name: completed(parse_lab(text, name)) for name, text in COVERING.items()}
    return [labs.pop(first), *labs.values()]


def told(findings: Iterable[Finding]) -> list[str]:
    """Return findings in words, with the end of the story that leads to each."""
    return [
        f"{each.status.value} {each.step}: {each.detail}; after {'; '.join(map(row_words, each.story.steps[-9:-1]))}"
        for each in findings
    ]
