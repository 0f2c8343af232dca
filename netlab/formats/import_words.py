"""
Single words of real files to values, as AWS takes them: protocol and ports, networks, addresses, text.

Readers raise InputError with what was found and wanted; where that is, their callers know.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from netlab.errors import InputError
from netlab.formats.words import LONGEST_DESCRIPTION, LONGEST_NAME, RESERVED_NAMES, parse_network, shown
from netlab.model.addresses import Cidr, address_from_text
from netlab.model.rules import ALL_PORTS, ICMP, ICMPV6, PROTOCOL_NUMBERS, TCP, UDP, Ports, Traffic

_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9._-]+")
_NOT_IN_DESCRIPTIONS = re.compile(r"[^a-zA-Z0-9 ._\-:/()#,@\[\]+=&;{}!$*]")


def items(value: object) -> list[object]:
    """Return a list's items; one value alone is a list of it, nothing is an empty one."""
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


def mapping(value: object) -> dict[str, object]:
    """Return a mapping; empty where the value is none."""
    return value if isinstance(value, dict) else {}


def text_of(value: object) -> str:
    """Return a scalar as text; empty for nothing, and for what is no scalar."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, str | int | float) else ""


def truth(value: object, *, default: bool) -> bool:
    """Read true or false, written as text or not."""
    return default if value is None else text_of(value).lower() == "true"


def parse_whole(value: object) -> int | None:
    """Read a whole number, written as text or not; None for nothing."""
    if value is None or value == "":
        return None
    text = text_of(value).removesuffix(".0").strip()
    if not re.fullmatch(r"-?[0-9]{1,9}", text):
        raise InputError(f"found {shown(value)}, wanted a whole number")
    return int(text)


def parse_traffic_words(protocol: object, first: object, last: object) -> Traffic:
    """
    Read a rule's IpProtocol, FromPort and ToPort.

    Source:
        aws-behaviour.md 1.1, 1.6.
    """
    word = text_of(protocol).strip().lower()
    if not word:
        raise InputError("found no protocol, wanted tcp, udp, icmp, icmpv6, -1 or a number")
    if word in {"-1", "all"}:
        return Traffic(None)
    number = int(word) if re.fullmatch(r"[0-9]{1,3}", word) else PROTOCOL_NUMBERS.get(word)
    if number is None or number > 255:
        raise InputError(f"protocol {shown(protocol)}: wanted tcp, udp, icmp, icmpv6, -1 or a number up to 255")
    if number in {TCP, UDP}:
        return Traffic(number, _ports(parse_whole(first), parse_whole(last)))
    if number in {ICMP, ICMPV6}:
        return _icmp(number, parse_whole(first), parse_whole(last))
    return Traffic(number)


def _ports(first: int | None, last: int | None) -> Ports:
    if first is None or last is None:
        raise InputError("found one port or none, wanted the first and the last")
    if first == last == -1:
        return ALL_PORTS
    for port in (first, last):
        if not 0 <= port <= 65535:
            raise InputError(f"port {port} is {'above 65535' if port > 0 else 'below 0'}")
    if last < first:
        raise InputError(f"ports {first}-{last} end before they start")
    return Ports(first, last)


def _icmp(protocol: int, kind: int | None, code: int | None) -> Traffic:
    if protocol == ICMP and (kind is None or code is None):
        raise InputError("found no ICMP type or code, wanted both (-1 = all)")
    for name, value in (("type", kind), ("code", code)):
        if value is not None and not -1 <= value <= 255:
            raise InputError(f"ICMP {name} {value} is out of range, wanted -1 to 255")
    if kind in {None, -1}:
        return Traffic(protocol)
    return Traffic(protocol, icmp_type=kind, icmp_code=None if code == -1 else code)


def parse_cidr(value: object, family: int | None = None) -> Cidr:
    """Read a network of a family; host bits are cleared."""
    cidr = parse_network(text_of(value).strip())
    if family is not None and cidr.version != family:
        raise InputError(f"found {cidr}, wanted an IPv{family} network")
    return cidr


def ipv4_cidr(value: object) -> IPv4Network:
    """Read an IPv4 network."""
    return IPv4Network(str(parse_cidr(value, 4)))


def network_in(text: str) -> IPv4Network | None:
    """Return the IPv4 network that a text is; None where it is none."""
    try:
        return IPv4Network(text, strict=False) if "/" in text else None
    except ValueError:
        return None


def ipv6_cidr(value: object) -> IPv6Network | None:
    """Read an IPv6 network; None for nothing."""
    cidr = parse_cidr(value, 6) if text_of(value) else None
    return cidr if isinstance(cidr, IPv6Network) else None


def ipv4(value: object) -> IPv4Address | None:
    """Read an IPv4 address; None where the value is none."""
    address = address_from_text(text_of(value).partition("/")[0])
    return address if isinstance(address, IPv4Address) else None


def ipv6(value: object) -> IPv6Address | None:
    """Read an IPv6 address; None where the value is none."""
    address = address_from_text(text_of(value).partition("/")[0])
    return address if isinstance(address, IPv6Address) else None


def description_of(value: object) -> str:
    """Return a description with what AWS does not take in one left out."""
    return _NOT_IN_DESCRIPTIONS.sub("-", text_of(value))[:LONGEST_DESCRIPTION]


def rule_id_of(value: object) -> str:
    """Return a rule's id where it can be one in a lab; else empty."""
    text = text_of(value)
    return text if re.fullmatch(r"[A-Za-z0-9._-]{1,40}", text) else ""


def name_tag(tags: object) -> str:
    """Return the tag ``Name`` of a list of tags, or of Terraform's mapping of them."""
    if isinstance(tags, dict):
        return text_of(tags.get("Name"))
    found = (text_of(mapping(tag).get("Value")) for tag in items(tags) if mapping(tag).get("Key") == "Name")
    return next(found, "")


class Names:
    """
    Hands out names that a lab takes: allowed characters, at most 40 of them, none twice, not even in another case.

    A name that had to be altered, and one that is taken, gets four digits of the original's hash, so that it stays the
    same whatever else the files hold.
    """

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = {name.lower() for name in taken}

    def give(self, wanted: str, otherwise: str, unique: str) -> str:
        """
        Return the name for *wanted*.

        Args:
            otherwise: What to put before it where it cannot be a name by itself.
            unique: Something only this thing has; tells it from another that wants the same name.
        """
        name = plain_name(wanted, otherwise)
        if name.lower() in self._taken:
            name = _marked(name, f"{wanted} {unique}")
        number = 2
        base = name
        while name.lower() in self._taken:
            name = f"{base[: LONGEST_NAME - 1 - len(str(number))]}-{number}"
            number += 1
        self._taken.add(name.lower())
        return name


def plain_name(wanted: str, otherwise: str) -> str:
    """Return a name with characters that a lab takes, and no more than it takes."""
    name = _NOT_IN_NAMES.sub("-", wanted).strip("-.") or otherwise
    if not re.match(r"[A-Za-z0-9_]", name) or name in RESERVED_NAMES or address_from_text(name) is not None:
        name = f"{otherwise}-{name}"
    return name if len(name) <= LONGEST_NAME else _marked(name, wanted)


def _marked(name: str, original: str) -> str:
    mark = hashlib.sha256(original.encode()).hexdigest()[:4]
    return f"{name[: LONGEST_NAME - 5].rstrip('-.')}-{mark}"
