"""
netlab's one-line notation of rules, as commands take it and messages print it.

    RULE     tcp/22 from 0.0.0.0/0 · udp/8000-8080 to web · icmp/3/4 from self · all to ::/0 · gre from 10.0.0.0/8
    TRAFFIC  the same without its peer: what `netlab probe` and `explain` take

Only the form is judged here. Whether AWS takes the values (port 65536, 22-21) is for `control` to say; of a rule also
whether there is such a protocol, and whether it can be without ports.
"""

from __future__ import annotations

import re

from netlab.errors import InputError
from netlab.model.changes import RuleRequest
from netlab.model.rules import PROTOCOL_NUMBERS, Direction

WANTED = "(tcp|udp)/(PORT|A-B|all), icmp[v6]/(all|TYPE[/CODE]), all, or a protocol's number or name"

_PORTS, _TYPES = "tcp/PORT, tcp/A-B or tcp/all", "icmp/TYPE, icmp/TYPE/CODE or icmp/all"
_ONES_WITH_PARTS = {
    **dict.fromkeys(("tcp", "6"), _PORTS),
    **dict.fromkeys(("udp", "17"), _PORTS.replace("tcp", "udp")),
    **dict.fromkeys(("icmp", "1"), _TYPES),
    **dict.fromkeys(("icmpv6", "58"), _TYPES.replace("icmp", "icmpv6")),
}


def parse_rule(words: str, direction: Direction) -> RuleRequest:
    """
    Read ``tcp/22 from 0.0.0.0/0``; in egress the word before the peer is ``to``.

    A protocol that is missing or unknown, and ports that are missing, are asked for as they stand: AWS refuses them.

    Raises:
        InputError: It has not that form.
    """
    preposition = "from" if direction is Direction.INGRESS else "to"
    parts = words.split()
    if len(parts) == 2 and parts[0] in {"from", "to"}:
        parts = ["", *parts]
    if len(parts) != 3 or parts[1] not in {"from", "to"}:
        raise InputError(f"rule {words!r}: wanted TRAFFIC {preposition} PEER, as in 'tcp/22 {preposition} 0.0.0.0/0'")
    if parts[1] != preposition:
        raise InputError(f"rule {words!r}: found '{parts[1]}', wanted '{preposition}' in {direction.value}")
    protocol, first, last = _asked_traffic(parts[0])
    return RuleRequest(protocol, first, last, parts[2])


def _asked_traffic(text: str) -> tuple[str, int | None, int | None]:
    name, _, rest = text.partition("/")
    known = name.lower() in {"all", "-1", *PROTOCOL_NUMBERS} or name.isdecimal()
    if not known and re.fullmatch(r"|all|[0-9]+([-/][0-9]+)?", rest):
        return name, None, None
    if name.lower() in _ONES_WITH_PARTS and text == name:
        return name.lower(), None, None
    return parse_traffic(text)


def parse_traffic(text: str) -> tuple[str, int | None, int | None]:
    """
    Read the part before the peer into a protocol and AWS's two port fields (ICMP: type and code, -1 = all).

    Returns:
        Protocol in AWS's spelling (``tcp``, ``-1``, a number as text), from, to.

    Raises:
        InputError: It has not that form.
    """
    name, _, rest = text.lower().partition("/")
    if name in {"tcp", "6", "udp", "17"}:
        if rest == "all":
            return name, 0, 65535
        if match := re.fullmatch(r"(\d+)(?:-(\d+))?", rest):
            first = int(match[1])
            return name, first, int(match[2]) if match[2] else first
    elif name in {"icmp", "1", "icmpv6", "58"}:
        if rest == "all":
            return name, -1, -1
        if match := re.fullmatch(r"(\d+)(?:/(\d+))?", rest):
            return name, int(match[1]), int(match[2]) if match[2] else -1
    elif not rest and name in {"all", "-1"}:
        return "-1", None, None
    elif not rest and (name.isdigit() or name in PROTOCOL_NUMBERS):
        return str(PROTOCOL_NUMBERS.get(name, name)), None, None
    if not rest and name in _ONES_WITH_PARTS:
        raise InputError(f"{text!r}: wanted {_ONES_WITH_PARTS[name]}")
    raise InputError(f"{text!r}: wanted {WANTED}")


def parse_probe(text: str) -> tuple[int, int | None, int | None, int | None]:
    """
    Read one packet's traffic: ``tcp/22``, ``icmp/8`` (code 0), ``icmp/3/4``, ``gre``, ``50``.

    Returns:
        Protocol number, destination port, ICMP type, ICMP code; None where the protocol has none.

    Raises:
        InputError: It is no one packet's (a range, ``all``), or a number is out of range.
    """
    name, first, last = parse_traffic(text)
    number = PROTOCOL_NUMBERS.get(name) or int(name)
    if name == "-1" or number > 255:
        raise InputError(f"{text!r}: wanted one protocol, 0 to 255")
    if number in {6, 17}:
        if first is None or first != last or first > 65535:
            raise InputError(f"{text!r}: wanted one port, 0 to 65535")
        return number, first, None, None
    if number in {1, 58}:
        if first is None or first < 0 or first > 255 or (last or 0) > 255:
            raise InputError(f"{text!r}: wanted one ICMP type, 0 to 255, as in icmp/8 or icmp/3/4")
        return number, None, first, max(last or 0, 0)
    return number, None, None, None
