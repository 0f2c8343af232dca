"""Stories, drawn for a lab: flows opened, answered, disputed by ICMP errors, while rules, groups and lists change."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from random import Random

from netlab.check.strategies_changes import draw_change
from netlab.check.strategies_traffic import can_reply, draw_fields, draw_question
from netlab.errors import InputError
from netlab.model.packets import ERROR_TYPES
from netlab.model.places import VPC_ROUTER, Ends, Station, parse_place, resolve_ends
from netlab.model.rules import ICMP, ICMPV6
from netlab.model.stories import (
    NO_FIELDS,
    ChangeStep,
    ErrorStep,
    OpenStep,
    PacketStep,
    Question,
    Step,
    Story,
    TableStep,
    WaitStep,
    Wanted,
)
from netlab.model.topology import Lab

NOTHING_WANTED = Wanted()
ERROR_CODES = {ICMP: ((3, 4), (3, 1), (3, 3), (11, 0), (12, 0)), ICMPV6: ((1, 0), (1, 4), (2, 0), (3, 0), (4, 1))}
WAITS_S = (31.0, 45.0, 95.0)


@dataclass(slots=True)
class _Cast:
    """What a story has so far; ``waits`` are few, for in the kernel they take real time."""

    flows: dict[str, tuple[Question, Ends]] = field(default_factory=dict)
    waits: int = 1


def draw_story(rng: Random, lab: Lab, name: str, length: int) -> Story:
    """
    Draw a story of a completed lab. What its steps want is left open.

    It waits only where the lab's timers are short.
    """
    cast = _Cast(waits=1 if lab.scale < 0.1 and rng.random() < 0.3 else 0)
    return Story(name, tuple(_step(rng, lab, cast) for _ in range(length)))


def _step(rng: Random, lab: Lab, cast: _Cast) -> Step:
    kind = rng.random()
    if not cast.flows or kind < 0.25:
        return _open(rng, lab, cast)
    if kind < 0.65:
        return _packet(rng, lab, cast)
    if kind < 0.73:
        return _error(rng, lab, cast)
    if kind < 0.78:
        return TableStep(rng.choice(list(lab.instances)), holds=(rng.choice(list(cast.flows)),))
    if kind < 0.82 and cast.waits:
        cast.waits -= 1
        return WaitStep(rng.choice(WAITS_S))
    return ChangeStep(draw_change(rng, lab))


def _open(rng: Random, lab: Lab, cast: _Cast) -> Step:
    name = f"f{len(cast.flows) + 1}"
    question = draw_question(rng, lab)
    if cast.flows and rng.random() < 0.2:  # the same flow from its other end
        other, ends = cast.flows[rng.choice(list(cast.flows))]
        if ends.target_station not in {None, VPC_ROUTER}:
            question = replace(other, source=other.target, target=other.source, fields=NO_FIELDS)
            if not _is_possible(lab, question):
                question = other
    cast.flows[name] = (question, resolve_ends(lab, question.source, question.target, question.family))
    return OpenStep(name, question, NOTHING_WANTED)


def _is_possible(lab: Lab, question: Question) -> bool:
    try:
        resolve_ends(lab, question.source, question.target, question.family)
    except InputError:
        return False
    return True


def _packet(rng: Random, lab: Lab, cast: _Cast) -> Step:
    name = rng.choice(list(cast.flows))
    question, ends = cast.flows[name]
    reply = can_reply(lab, ends) and rng.random() < 0.6
    fields = draw_fields(rng, lab, question.protocol, ends)
    if (ends.target_station if reply else ends.source_station) == VPC_ROUTER:  # it sends from no address but its own
        fields = NO_FIELDS
    return PacketStep(name, reply, fields, NOTHING_WANTED)


def _error(rng: Random, lab: Lab, cast: _Cast) -> Step:
    """Draw an ICMP error: from the other end, mostly, else from anywhere; about what one end of the flow sent."""
    name = rng.choice(list(cast.flows))
    question, ends = cast.flows[name]
    family = ends.source.version
    about: list[tuple[Station, str]] = [(ends.source_station, question.source)]
    if ends.target_station is not None:
        about.append((ends.target_station, question.target))
    station, _ = rng.choice(about)
    senders = [text for other, text in about if other != station]
    senders += [f"{each.node}/{each.name}" for each in lab.interfaces()] + list(lab.hosts)
    senders = [text for text in senders if _can_send(lab, text, family)]
    protocol = ICMP if family == 4 else ICMPV6
    if not senders or station == VPC_ROUTER:
        return PacketStep(name, reply=False, fields=NO_FIELDS, wanted=NOTHING_WANTED)
    kind, code = rng.choice([each for each in ERROR_CODES[protocol] if each[0] in ERROR_TYPES[protocol]])
    source = senders[0] if rng.random() < 0.7 else rng.choice(senders)
    return ErrorStep(name, kind, code, source, _words(lab, station), NOTHING_WANTED)


def _can_send(lab: Lab, text: str, family: int) -> bool:
    place = parse_place(lab, text)
    return place.own(family) is not None and place.station not in {None, VPC_ROUTER}


def _words(lab: Lab, station: Station) -> str:
    return station.node if station.node in lab.hosts else f"{station.node}/{station.interface}"
