"""The two minds agree: the oracle and the kernel, by both drivers, on a covering set and on what Hypothesis draws."""

import os
from collections.abc import Callable
from dataclasses import replace
from random import Random

import pytest
from agreement_ground import covering_labs, from_file, in_lockstep, told
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import netlab
from netlab.check.outcomes import Status
from netlab.check.play import check_lab
from netlab.check.selftest import Draws, Finding, draw_case, play_case, play_covering
from netlab.check.selftest_replay import as_file, smallest
from netlab.check.selftest_tally import Tally
from netlab.check.strategies_labs import draw_lab
from netlab.check.strategies_stories import draw_story
from netlab.check.strategies_traffic import draw_question
from netlab.compile import card_rules
from netlab.formats import parse_lab, render_lab
from netlab.model.rules import Ports
from netlab.model.stories import OpenStep, Story, Wanted

DRIVERS = ("iptc", "nft")
WANTED_VERDICTS = 100_000

randoms = st.randoms(use_true_random=False)
generated = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],  # what is found is shrunk by netlab itself, to a file
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(params=DRIVERS)
def driver(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Let one driver after the other carry the rules into the kernel."""
    monkeypatch.setenv("NETLAB_DRIVER", request.param)
    return str(request.param)


def test_the_minds_agree_on_the_covering_set(driver: str) -> None:
    """Every step is as known, in both minds; every reason, protocol, peer kind and change kind occurs."""
    tally = Tally()
    findings = list(play_covering(in_lockstep, covering_labs(), tally))

    assert told(findings) == []
    assert tally.missing() == (), driver


@pytest.mark.parametrize("lab", covering_labs(), ids=lambda lab: lab.name)
def test_the_covering_set_is_true_on_paper(lab: netlab.Lab) -> None:
    """What its steps want is what the oracle says."""
    with netlab.paper(lab) as network:
        report = check_lab(network, lab)

    assert [story.story.name for story in report.stories if not story.ok] == []


def test_the_minds_agree_on_a_hundred_thousand_verdicts() -> None:
    """Hypothesis draws labs, packets, changes, replies and errors until so many have been compared."""
    tally = Tally()
    compare = generated(given(randoms)(_comparing(tally, Draws(bulk=5000, stories=4), WANTED_VERDICTS)))
    compare()

    assert tally.verdicts >= WANTED_VERDICTS


def test_the_minds_agree_by_the_second_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same plans by iptables-restore on the back end of nf_tables: ten thousand verdicts."""
    monkeypatch.setenv("NETLAB_DRIVER", "nft")
    tally = Tally()
    compare = generated(given(randoms)(_comparing(tally, Draws(bulk=2000, stories=6), 10_000)))
    compare()

    assert tally.verdicts >= 10_000
    assert os.environ["NETLAB_DRIVER"] == "nft"


def _comparing(tally: Tally, draws: Draws, enough: int) -> Callable[[Random], None]:
    def compare(rng: Random) -> None:
        case = draw_case(from_file, rng, draws)  # also where it is enough: Hypothesis wants the same draws each time
        if tally.verdicts < enough:
            findings = list(play_case(in_lockstep, case, tally))
            assert told(findings) == []

    return compare


@given(randoms)
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_what_is_drawn_fits_into_a_file(rng: Random) -> None:
    """A drawn lab with a drawn story, written and read again, is the same: a failing one can be replayed."""
    lab = from_file(draw_lab(rng, "drawn"))
    story = as_file(netlab.paper, lab, draw_story(rng, lab, "drawn", 8)).stories[0]
    whole = replace(lab, stories=(story,))
    again = from_file(whole)

    assert replace(again, warnings=(), stories=()) == replace(lab, warnings=(), stories=())
    assert [_unnumbered(step) for step in again.stories[0].steps] == list(story.steps)


def _unnumbered(step: object) -> object:
    return replace(step, line=0)  # type: ignore[type-var]


def test_a_difference_is_shrunk_to_a_file_that_replays_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a fault in the compiler the file disagrees; without it, it is as the file says."""
    whole_range = card_rules.port_text
    rng = Random(1)  # noqa: S311 - to be the same each time
    lab = covering_labs()[0]
    story = next(each for each in lab.stories if each.name.startswith("ports at the ends"))
    noise = tuple(OpenStep(f"n{number}", draw_question(rng, lab, plain=True), Wanted()) for number in range(3))
    finding = Finding(lab, Story(story.name, (*noise, *story.steps)), "", Status.DISAGREE, "")
    with monkeypatch.context() as patch:
        patch.setattr(card_rules, "port_text", lambda ports: whole_range(Ports(ports.first, ports.first)))
        tries = iter(range(250))
        small, steps = smallest(in_lockstep, from_file, finding, lambda: next(tries, None) is None)
        text = render_lab(as_file(netlab.paper, small, steps))
        replayed = from_file(parse_lab(text, "small.yaml"))
        with in_lockstep(replayed) as network:
            faulty = check_lab(network, replayed)
    with in_lockstep(replayed) as network:
        right = check_lab(network, replayed)

    assert len(steps.steps) == 1
    assert len(small.instances) < len(lab.instances)
    assert [each.outcome.status for each in faulty.stories[0].steps] == [Status.DISAGREE]
    assert right.ok
