"""From the words of a command, a step or a call to a Question and the Fields of its packets."""

from __future__ import annotations

from typing import TypedDict, Unpack

from netlab.errors import InputError
from netlab.model.addresses import Address, address_from_text
from netlab.model.notation import parse_traffic
from netlab.model.rules import ICMP, ICMPV6, PROTOCOL_NUMBERS, TCP, UDP
from netlab.model.stories import NO_FIELDS, Fields, Question


class PacketFields(TypedDict, total=False):
    """What a caller may fix of a packet as it is sent, as keywords; see Fields."""

    flags: str
    sport: int
    dport: int
    src: str | Address
    size: int
    df: bool


def fields_from_words(**words: Unpack[PacketFields]) -> Fields:
    """
    Make Fields of keywords.

    Raises:
        InputError: ``src`` is no address.
    """
    src = words.get("src")
    address = address_from_text(src) if isinstance(src, str) else src
    if address is None and src is not None:
        raise InputError(f"src: found {src!r}, wanted an address")
    return Fields(
        words.get("flags", ""),
        words.get("sport"),
        words.get("dport"),
        address,
        words.get("size"),
        df=words.get("df", False),
    )


def question_from_key(
    source: str,
    target: str,
    key: str,
    value: int | str,
    family: int | None = None,
    fields: Fields = NO_FIELDS,
    *,
    real: bool = False,
) -> Question:
    """
    Make a question of a protocol key (``tcp udp icmp icmpv6 protocol``) and its value.

    Raises:
        InputError: The value does not fit the key.
    """
    number = PROTOCOL_NUMBERS.get(key)
    if number in {TCP, UDP}:
        port = _number(key, value, 65535)
        return Question(source, target, number, dport=port, family=family, fields=fields, real=real)
    if number in {ICMP, ICMPV6}:
        kind, _, code = str(value).partition("/")
        return Question(
            source,
            target,
            number,
            icmp_type=_number(key, kind, 255),
            icmp_code=_number(key, code or "0", 255),
            family=family or (4 if number == ICMP else 6),
            fields=fields,
            real=real,
        )
    name, _, _ = parse_traffic(str(value))
    return Question(source, target, _number(key, name, 255), family=family, fields=fields, real=real)


def _number(key: str, value: int | str, most: int) -> int:
    try:
        number = int(value)
    except ValueError:
        number = -1
    if not 0 <= number <= most:
        raise InputError(f"{key}: found {value!r}, wanted a number from 0 to {most}")
    return number
