"""
What to ask so that a rule shows itself: packets at its edges, which it admits, and near misses just outside of them.

A sample is a Traffic of one packet: one port, or one ICMP type and code.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from netlab.errors import InputError
from netlab.model.notation import parse_probe
from netlab.model.packets import ECHO_REQUEST
from netlab.model.rules import ALL_PORTS, ICMP, ICMPV6, TCP, UDP, Direction, Ports, Rule, Traffic
from netlab.model.stories import Question
from netlab.model.topology import Interface, Lab

_FAMILY = {ICMP: 4, ICMPV6: 6}
_GRE = 47
_EVERYTHING = (
    Traffic(TCP, Ports(1, 1)), Traffic(TCP, Ports(65535, 65535)), Traffic(UDP, Ports(1, 1)),
    Traffic(UDP, Ports(65535, 65535)), Traffic(ICMP, None, 8, 0), Traffic(ICMPV6, None, 128, 0), Traffic(_GRE),
)  # fmt: skip
_NO_NEAR_MISS = {0, TCP, UDP, ICMP, ICMPV6, 43, 44, 50, 51, 59, 60, 135, 139, 140}
"""Protocols that have keys of their own, and IPv6's extension headers: what stands behind those counts."""

_EXTENSIONS = {0, 43, 44, 59, 60}
"""IPv6's headers that only lead to a protocol, and of none at all. Source: RFC 8200, section 4."""

_NEIGHBOURS = range(130, 138)
"""ICMPv6's multicast listeners and neighbour discovery: never filtered, or the kernel's own business."""


def samples_from_text(text: str) -> tuple[Traffic, ...]:
    """
    Read ``tcp/22,tcp/443,icmp/8``; each once, in the order written.

    Raises:
        InputError: One is no one packet's traffic, or there is none.
    """
    words = [word.strip() for word in text.split(",") if word.strip()]
    if not words:
        raise InputError("--ports: found nothing, wanted traffic, as in tcp/22,tcp/443,icmp/8")
    samples = []
    for word in words:
        protocol, port, kind, code = parse_probe(word)
        samples.append(Traffic(protocol, None if port is None else Ports(port, port), kind, code))
    return tuple(dict.fromkeys(samples))


def first_samples(lab: Lab) -> tuple[Traffic, ...]:
    """Return one packet inside each traffic that a rule of an attached group names, sorted; a ping where none does."""
    named = {rule.traffic for interface in lab.interfaces() for rule in _rules(lab, interface)}
    found = {_inside(traffic)[0] for traffic in named if traffic.protocol is not None}
    return tuple(sorted(found or {_EVERYTHING[4]}, key=sample_order))


def edges(traffic: Traffic) -> tuple[Traffic, ...]:
    """Return packets that the traffic holds, at its edges, then near misses that it does not; each once."""
    return tuple(dict.fromkeys((*_inside(traffic), *_outside(traffic))))


def holds(traffic: Traffic, sample: Traffic) -> bool:
    """Tell whether a sample is of some traffic."""
    if traffic.protocol is None:
        return True
    if traffic.ports is not None and sample.ports is not None and sample.ports.first not in traffic.ports:
        return False
    kind = traffic.icmp_type in {None, sample.icmp_type} and traffic.icmp_code in {None, sample.icmp_code or 0}
    return traffic.protocol == sample.protocol and kind


def sample_words(sample: Traffic) -> str:
    """Return a sample as commands take it: ``icmp/8``, not ``icmp/8/0``."""
    text = str(sample)
    return text.removesuffix("/0") if text.count("/") == 2 else text


def sample_order(sample: Traffic) -> tuple[int, ...]:
    """Return what to sort samples by: protocol, then port, or type and code."""
    port = sample.ports.first if sample.ports is not None else 0
    return (sample.protocol or 0, port, sample.icmp_type or 0, sample.icmp_code or 0)


def question_from_sample(source: str, target: str, sample: Traffic, family: int) -> Question:
    """Return the question whether a sample gets from one place to another."""
    port = sample.ports.first if sample.ports is not None else None
    return Question(source, target, sample.protocol or 0, port, sample.icmp_type, sample.icmp_code, family)


def sample_of(question: Question) -> Traffic:
    """Return a question's sample."""
    ports = None if question.dport is None else Ports(question.dport, question.dport)
    return Traffic(question.protocol, ports, question.icmp_type, question.icmp_code)


def fits_family(sample: Traffic, family: int) -> bool:
    """Tell whether a sample can be sent in a family: ICMP belongs to IPv4; ICMPv6, but no extension header, to IPv6."""
    if family == 6 and sample.protocol in _EXTENSIONS:
        return False
    return _FAMILY.get(sample.protocol or 0, family) == family


class Samples:
    """The samples of a lab's rules and ACL entries, by where they stand; each place's are found once."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._at_cards: dict[tuple[str, Direction], tuple[Traffic, ...]] = {}
        self._at_acls: dict[tuple[str, Direction], tuple[Traffic, ...]] = {}

    def between(self, source: Interface | None, target: Interface | None) -> Iterator[Traffic]:
        """
        Yield what rules and entries name that a packet between two places may meet; some more than once.

        Args:
            source: None = a host on the internet; likewise *target*.
        """
        crosses = source is None or target is None or source.subnet != target.subnet
        for interface, direction in ((source, Direction.EGRESS), (target, Direction.INGRESS)):
            if interface is not None:
                yield from self._at_card(interface, direction)
                if crosses:
                    yield from self._at_acl(self._lab.subnets[interface.subnet].acl, direction)

    def _at_card(self, interface: Interface, direction: Direction) -> tuple[Traffic, ...]:
        place = (interface.label, direction)
        if place not in self._at_cards:
            self._at_cards[place] = _all_edges(rule.traffic for rule in _rules(self._lab, interface, direction))
        return self._at_cards[place]

    def _at_acl(self, name: str, direction: Direction) -> tuple[Traffic, ...]:
        place = (name, direction)
        if place not in self._at_acls:
            entries = self._lab.acls[name].entries(direction)
            self._at_acls[place] = _all_edges(each.traffic for each in entries if each.traffic.protocol is not None)
        return self._at_acls[place]


def _all_edges(traffic: Iterable[Traffic]) -> tuple[Traffic, ...]:
    return tuple(dict.fromkeys(sample for each in dict.fromkeys(traffic) for sample in edges(each)))


def _rules(lab: Lab, interface: Interface, direction: Direction | None = None) -> Iterable[Rule]:
    directions = tuple(Direction) if direction is None else (direction,)
    for name in interface.security_groups:
        for each in directions:
            yield from lab.groups[name].rules(each)


def _inside(traffic: Traffic) -> tuple[Traffic, ...]:
    protocol = traffic.protocol
    if protocol is None:
        return _EVERYTHING
    if traffic.ports is not None:
        first, last = max(traffic.ports.first, 1), max(traffic.ports.last, 1)
        return (Traffic(protocol, Ports(first, first)), Traffic(protocol, Ports(last, last)))
    if protocol in _FAMILY:
        kind = ECHO_REQUEST[protocol] if traffic.icmp_type is None else traffic.icmp_type
        return (Traffic(protocol, None, kind, traffic.icmp_code or 0),)
    return (Traffic(protocol),)


def _outside(traffic: Traffic) -> Iterator[Traffic]:
    protocol = traffic.protocol
    if protocol is None:
        return
    if traffic.ports is not None:
        if traffic.ports != ALL_PORTS:
            beside = (port for port in (traffic.ports.first - 1, traffic.ports.last + 1) if 1 <= port <= ALL_PORTS.last)
            yield from (Traffic(protocol, Ports(port, port)) for port in beside)
        first = max(traffic.ports.first, 1)
        yield Traffic(UDP if protocol == TCP else TCP, Ports(first, first))
    elif protocol in _FAMILY:
        yield from _other_icmp(traffic)
    elif protocol + 1 <= 255 and protocol + 1 not in _NO_NEAR_MISS:
        yield Traffic(protocol + 1)


def _other_icmp(traffic: Traffic) -> Iterator[Traffic]:
    protocol, kind, code = traffic.protocol, traffic.icmp_type, traffic.icmp_code
    if kind is None:
        return
    for other in (kind - 1, kind + 1):
        if 0 <= other <= 255 and not (protocol == ICMPV6 and other in _NEIGHBOURS):
            yield Traffic(protocol, None, other, code or 0)
    if code is not None and code < 255:
        yield Traffic(protocol, None, kind, code + 1)
