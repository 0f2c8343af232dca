"""
Single words of a lab file to values: ports, networks, addresses, names, durations.

Each reader returns the value, or raises InputError with what was found and what was wanted; where in the file that is,
its caller knows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches

from netlab.errors import InputError
from netlab.model.addresses import Address, Cidr, address_from_text, cidr_from_text
from netlab.model.rules import ICMP, ICMPV6, PROTOCOL_NUMBERS, TCP, UDP, Ports

LONGEST_NAME = 40
LONGEST_DESCRIPTION = 255
RESERVED_NAMES = {"self", "all"}
OWN_KEYS = {TCP: "tcp", UDP: "udp", ICMP: "icmp", ICMPV6: "icmpv6"}
"""Protocols that a rule names by a key of their own."""

_DESCRIPTION = re.compile(r"[a-zA-Z0-9 ._\-:/()#,@\[\]+=&;{}!$*]")
_FLAGS = "FSRPAU"
_NUMBER = re.compile(r"-?[0-9]{1,18}")
_NETWORK = re.compile(r"[0-9A-Fa-f.:]+/[0-9]{1,3}")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def shown(value: object) -> str:
    """Return how messages show a value that was found."""
    match value:
        case None:
            return "nothing"
        case bool():
            return str(value).lower()
        case dict():
            return "a mapping"
        case list() | tuple():
            return "a list"
        case _:
            text = repr(str(value))
            return text if len(text) <= 60 else f"{text[:56]}…'"


def suggestion(word: str, known: Iterable[str]) -> str:
    """Return ``; did you mean 'web'?``, or what there is to choose from."""
    choices = list(dict.fromkeys(known))
    by_lower = {each.lower(): each for each in choices}
    close = get_close_matches(word.lower(), by_lower, n=1)
    if close:
        return f"; did you mean '{by_lower[close[0]]}'?"
    return f"; there are {', '.join(choices)}" if choices else "; there is none"


def parse_known(word: str, known: Iterable[str], what: str) -> str:
    """Return the word if it is known; else ``no subnet 'pubic'; did you mean 'public'?``."""
    choices = list(known)
    if word not in choices:
        raise InputError(f"no {what} {shown(word)}{suggestion(word, choices)}")
    return word


def parse_choice(word: str, choices: Iterable[str]) -> str:
    """Return the word if it is one of a few fixed ones."""
    listed = list(choices)
    if word in listed:
        return word
    close = get_close_matches(word.lower(), [each.lower() for each in listed], n=1)
    hint = next((f"; did you mean '{each}'?" for each in listed if close and each.lower() == close[0]), "")
    raise InputError(f"found {shown(word)}, wanted one of {', '.join(listed)}{hint}")


def parse_number(text: str, least: int, most: int, wanted: str = "a whole number") -> int:
    """Read a whole number between two limits, inclusive."""
    if not _NUMBER.fullmatch(text):
        raise InputError(f"found {shown(text)}, wanted {wanted}")
    number = int(text)
    if number > most:
        raise InputError(f"{number} is above {most}")
    if number < least:
        raise InputError(f"{number} is below {least}")
    return number


def parse_port(text: str) -> int:
    """Read one port."""
    return parse_number(text, 0, 65535, "one port, as in 22")


def parse_ports(text: str) -> Ports:
    """Read ``22``, ``8000-8080`` or ``all``."""
    wanted = "a port (22), a range (8000-8080) or all"
    if text == "all":
        return Ports(0, 65535)
    first, dash, last = text.partition("-")
    if not first.isascii() or not first.isdigit() or (dash and not last.isdigit()):
        raise InputError(f"found {shown(text)}, wanted {wanted}")
    ports = Ports(parse_number(first, 0, 65535, wanted), parse_number(last or first, 0, 65535, wanted))
    if ports.last < ports.first:
        raise InputError(f"{text} ends before it starts")
    return ports


def parse_icmp(text: str) -> tuple[int | None, int | None]:
    """Read ``all``, ``8`` (any code) or ``3/4``; None = every."""
    if text == "all":
        return None, None
    wanted = "a type (8), a type and code (3/4) or all"
    kind, slash, code = text.partition("/")
    number = parse_number(kind, 0, 255, wanted)
    return number, parse_number(code, 0, 255, wanted) if slash else None


def parse_protocol(text: str) -> int | None:
    """Read ``all`` (None), a number or IANA's name; those with a key of their own are refused."""
    if text.lower() in {"all", "-1"}:
        return None
    name = text.lower()
    if name not in PROTOCOL_NUMBERS and not _NUMBER.fullmatch(text):
        close = get_close_matches(name, PROTOCOL_NUMBERS, n=1)
        hint = f"; did you mean '{close[0]}'?" if close else ""
        raise InputError(f"found {shown(text)}, wanted all, a number from 0 to 255 or IANA's name{hint}")
    number = PROTOCOL_NUMBERS[name] if name in PROTOCOL_NUMBERS else parse_number(text, 0, 255)
    if number in OWN_KEYS:
        raise InputError(f"found {shown(text)}, wanted its own key, {OWN_KEYS[number]}:")
    return number


def parse_network(text: str) -> Cidr:
    """Read a network in CIDR notation; host bits are cleared."""
    if _NETWORK.fullmatch(text):
        try:
            return cidr_from_text(text)
        except ValueError:
            pass
    alone = address_from_text(text)
    if alone is not None:
        raise InputError(f"found the address {text}, wanted a network: {text}/{alone.max_prefixlen}")
    raise InputError(f"found {shown(text)}, wanted a network, as in 10.0.0.0/8 or 2001:db8::/32")


def parse_address(text: str) -> Address:
    """Read an address of either family."""
    found = address_from_text(text)
    if found is None or "%" in text:
        raise InputError(f"found {shown(text)}, wanted an address, as in 10.0.1.10")
    return found


def parse_name(text: str) -> str:
    """Read a name that the lab gives to something."""
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]*", text):
        raise InputError(
            f"{shown(text)} cannot be a name: wanted letters, digits and . _ -, beginning with a letter or digit"
        )
    if text in RESERVED_NAMES:
        raise InputError(f"'{text}' cannot be a name: it is reserved")
    if address_from_text(text) is not None:
        raise InputError(f"'{text}' cannot be a name: it is an address")
    if len(text) > LONGEST_NAME:
        raise InputError(
            f"'{text}' cannot be a name: it has {len(text)} characters, at most {LONGEST_NAME} are allowed"
        )
    return text


def is_kept_for_ids(text: str) -> bool:
    """Tell whether a group's name begins as ids do, and is none."""
    return text.lower().startswith("sg-") and not re.fullmatch(r"sg-[0-9a-f]+", text)


def parse_group_name(text: str) -> str:
    """
    Read the name of a security group; one that begins as ids do has to be an id, as imports know groups by.

    Source:
        EC2 API, CreateSecurityGroup: a name cannot start with ``sg-``.
    """
    if is_kept_for_ids(text):
        raise InputError(f"'{text}' cannot be a group's name: AWS keeps 'sg-' for ids")
    return parse_name(text)


def is_group_id(text: str) -> bool:
    """Tell whether a text can be the id by which AWS knows a group."""
    return re.fullmatch(r"sg-[A-Za-z0-9_-]{1,60}", text) is not None


def parse_group_id(text: str) -> str:
    """Read the id by which AWS knows a group."""
    if not is_group_id(text):
        raise InputError(f"found {shown(text)}, wanted a security group's id, as in sg-0123456789abcdef0")
    return text


def parse_rule_id(text: str) -> str:
    """Read the id of a rule."""
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,40}", text):
        raise InputError(f"found {shown(text)}, wanted 1 to {LONGEST_NAME} letters, digits and . _ -")
    return text


def parse_description(text: str) -> str:
    """Read a description, of which AWS takes only some characters. Source: EC2 API, IpRange."""
    if len(text) > LONGEST_DESCRIPTION:
        raise InputError(f"has {len(text)} characters, at most {LONGEST_DESCRIPTION} are allowed")
    odd = next((letter for letter in text if not _DESCRIPTION.fullmatch(letter)), None)
    if odd is not None:
        raise InputError(f"found {odd!r}, wanted letters, digits, spaces and ._-:/()#,@[]+=&;{{}}!$*, as AWS does")
    return text


def parse_seconds(text: str) -> float:
    """Read ``31s``, ``500ms``, ``2m``, ``1h`` or a plain number of seconds."""
    match = re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]{1,40})?)(ms|s|m|h)?", text)
    if match is None:
        raise InputError(f"found {shown(text)}, wanted a time, as in 31s, 500ms or 2m")
    return float(match[1]) * _UNITS[match[2] or "s"]


def parse_scale(text: str) -> float:
    """Read the factor on every timer."""
    match = re.fullmatch(r"[0-9]{0,4}\.?[0-9]{1,40}", text)
    if match is None or not 0.0001 <= float(text) <= 1000:
        raise InputError(f"found {shown(text)}, wanted a factor from 0.0001 to 1000, as in 0.1")
    return float(text)


def parse_flags(text: str) -> str:
    """Read a TCP packet's flags, in any order; returned in the order ``FSRPAU``."""
    if not text or not set(text) <= set(_FLAGS) or len(set(text)) != len(text):
        raise InputError(f"found {shown(text)}, wanted letters of {_FLAGS}, each once, as in SA")
    return "".join(letter for letter in _FLAGS if letter in text)
