"""What security groups' rules and network ACLs' entries share: protocol, ports, and networks as peers."""

from __future__ import annotations

from netlab.formats.schema import EntryShape, ProtocolShape, RuleShape
from netlab.formats.sheet import Sheet
from netlab.formats.words import (
    parse_icmp,
    parse_network,
    parse_ports,
    parse_protocol,
)
from netlab.formats.yaml_reader import Path
from netlab.model.addresses import Cidr
from netlab.model.rules import (
    ICMP,
    ICMPV6,
    PROTOCOL_NUMBERS,
    Direction,
    Peer,
    Traffic,
)


def peer_text(sheet: Sheet, path: Path, shape: RuleShape | EntryShape, direction: Direction) -> tuple[str, str] | None:
    """Return the key of the peer that the direction wants, and what stands behind it."""
    key, other = ("from", "to") if direction is Direction.INGRESS else ("to", "from")
    found = {"from": shape.from_, "to": shape.to}
    if found[other] is not None:
        sheet.wrong((*path, other), f"found '{other}:', wanted '{key}:' in {direction.value}")
        return None
    text = found[key]
    if text is None:
        sheet.wrong((*path, key), f"is missing, wanted {shape.wanted(key)}")
        return None
    return key, text


def read_traffic(sheet: Sheet, path: Path, shape: ProtocolShape) -> Traffic | None:
    """Read the one protocol key of a rule or entry."""
    found = the_protocol(sheet, path, shape)
    return None if found is None else sheet.take((*path, found[0]), _parse_traffic, found)


def the_protocol(sheet: Sheet, path: Path, shape: ProtocolShape) -> tuple[str, str] | None:
    """Return the one protocol key and its value; anything else is noted."""
    given = shape.protocols()
    if not given and any((*path, key) in sheet.void for key in shape.key_names()):
        return None
    if len(given) != 1:
        found = " and ".join(key for key, _ in given) or "no protocol"
        sheet.wrong(path, f"found {found}, wanted exactly one of tcp, udp, icmp, icmpv6, protocol")
        return None
    key, text = given[0]
    if text is None:
        sheet.wrong((*path, key), f"found nothing, wanted {shape.wanted(key)}")
        return None
    return key, text


def read_network(sheet: Sheet, path: Path, text: str) -> Cidr | None:
    """Read a network; where host bits are cleared, warn."""
    cidr = sheet.take(path, parse_network, text)
    if cidr is not None and "/" in text and not _same_address(text, cidr):
        sheet.warn(path, f"{text} has host bits set, {cidr} is meant")
    return cidr


def _same_address(text: str, cidr: Cidr) -> bool:
    return type(cidr.network_address)(text.partition("/")[0]) == cidr.network_address


def warn_if_void(sheet: Sheet, path: Path, traffic: Traffic, peer: Peer | int | None) -> None:
    """Warn of ICMP with the other family's peer, which AWS accepts and which matches nothing."""
    family = peer if isinstance(peer, int) else getattr(peer, "version", None)
    wanted = {ICMP: 4, ICMPV6: 6}.get(traffic.protocol or 0)
    if wanted is not None and family is not None and family != wanted:
        name, other = ("icmp", "icmpv6") if wanted == 4 else ("icmpv6", "icmp")
        sheet.warn(path, f"{name} with an IPv{family} peer matches nothing; IPv{family} has {other}")


def _parse_traffic(found: tuple[str, str]) -> Traffic:
    key, text = found
    if key in {"tcp", "udp"}:
        return Traffic(PROTOCOL_NUMBERS[key], parse_ports(text))
    if key in {"icmp", "icmpv6"}:
        return Traffic(PROTOCOL_NUMBERS[key], None, *parse_icmp(text))
    return Traffic(parse_protocol(text))
