"""One flow or packet of a row or step: what is sent, and what is expected of it."""

from __future__ import annotations

from dataclasses import dataclass

from netlab.errors import InputError
from netlab.formats.stage import Stage
from netlab.formats.story_schema import (
    FieldsShape,
    RowShape,
    WantedShape,
)
from netlab.formats.traffic import the_protocol
from netlab.formats.words import (
    parse_address,
    parse_choice,
    parse_flags,
    parse_icmp,
    parse_number,
    parse_port,
    parse_protocol,
    shown,
)
from netlab.formats.yaml_reader import Path
from netlab.model.addresses import Address
from netlab.model.dialogue import IPV6_EXTENSIONS
from netlab.model.packets import ECHO_REQUEST
from netlab.model.places import Ends
from netlab.model.questions import question_from_key
from netlab.model.rules import ICMP, ICMPV6, TCP, UDP
from netlab.model.stories import (
    Fields,
    Question,
    Wanted,
)
from netlab.model.verdicts import Reason

DENYING = {"NO_RULE", "ACL", "SPOOFED", "ALLOWANCE", "NO_ROUTE", "NO_PUBLIC_ADDRESS", "MTU"}
"""Names of the reasons for which a packet is lost; for the others it is delivered."""


MOST_PAYLOAD = 65000


@dataclass(frozen=True, slots=True)
class Opened:
    """What is known of a flow that a story opened; None = it could not be read."""

    question: Question | None
    ends: Ends | None


def read_question(stage: Stage, path: Path, shape: RowShape) -> Opened:
    """Read the flow that a row or opening step asks for."""
    sheet = stage.sheet
    family = None
    if shape.family is not None:
        family = sheet.take((*path, "family"), lambda text: int(parse_choice(text, ("4", "6"))), shape.family)
    found = the_protocol(sheet, path, shape)
    value = None if found is None else sheet.take((*path, found[0]), _parse_one, found)
    if found is None or value is None:
        stage.ends(path, shape.from_, shape.to, family)
        return Opened(None, None)
    question = question_from_key(shape.from_, shape.to, found[0], value, family, real=shape.real)
    implied = {ICMP: 4, ICMPV6: 6}.get(question.protocol)
    if implied is not None and family not in {None, implied}:
        sheet.wrong((*path, "family"), f"found {family}, but {found[0]} is IPv{implied}'s")
        return Opened(question, None)
    ends = stage.ends(path, shape.from_, shape.to, question.family)
    if question.protocol in IPV6_EXTENSIONS and ends is not None and ends.target.version == 6:
        found_it = f"found {question.protocol}, in IPv6 an extension header, wanted what stands behind one"
        sheet.wrong((*path, found[0]), found_it)
    fields = read_fields(stage, path, shape, question.protocol, ends)
    if shape.real:
        _check_real(stage, path, question, fields)
    question = question_from_key(shape.from_, shape.to, found[0], value, family, fields, real=shape.real)
    return Opened(question, ends)


def _parse_one(found: tuple[str, str]) -> str:
    """Read a protocol key that must mean one packet, not a range of them; returned so that model can read it."""
    key, text = found
    if key in {"tcp", "udp"}:
        return str(parse_port(text))
    if key in {"icmp", "icmpv6"}:
        number, code = parse_icmp(text)
        if number is None:
            raise InputError("found 'all', wanted one type, as in 8 or 3/4")
        return f"{number}/{code or 0}"
    protocol = parse_protocol(text)
    if protocol is None:
        raise InputError(f"found {shown(text)}, wanted one protocol")
    return str(protocol)


def _check_real(stage: Stage, path: Path, question: Question, fields: Fields) -> None:
    echo = ECHO_REQUEST.get(question.protocol)
    if question.protocol not in {TCP, UDP} and (echo is None or question.icmp_type != echo):
        stage.sheet.wrong((*path, "real"), "found real: true, wanted it only with tcp, udp or an echo request")
    for key in ("flags", "sport", "dport", "src", "size", "df"):
        if getattr(fields, key) not in {None, "", False}:
            stage.sheet.wrong((*path, key), "is netlab's to set, wanted no such key with real: true")


def read_fields(stage: Stage, path: Path, shape: FieldsShape, protocol: int | None, ends: Ends | None) -> Fields:
    """Read what is fixed of a packet; *protocol* None = unknown, as its flow could not be read."""
    sheet = stage.sheet
    flags = None if shape.flags is None else sheet.take((*path, "flags"), parse_flags, shape.flags)
    sport = None if shape.sport is None else sheet.take((*path, "sport"), parse_port, shape.sport)
    dport = None if shape.dport is None else sheet.take((*path, "dport"), parse_port, shape.dport)
    src = None if shape.src is None else sheet.take((*path, "src"), parse_address, shape.src)
    size = None if shape.size is None else sheet.take((*path, "size"), _parse_size, shape.size)
    if protocol is not None:
        if flags is not None and protocol != TCP:
            sheet.wrong((*path, "flags"), "found TCP flags, the flow is not TCP's")
        if sport is not None and protocol not in {TCP, UDP, ICMP, ICMPV6}:
            sheet.wrong((*path, "sport"), "found a port, the flow's protocol has none")
        if dport is not None and protocol not in {TCP, UDP}:
            sheet.wrong((*path, "dport"), "found a port, the flow's protocol has none")
    if src is not None and ends is not None:
        _check_family(stage, (*path, "src"), src, ends)
    return Fields(flags or "", sport, dport, src, size, shape.df)


def _check_family(stage: Stage, path: Path, src: Address, ends: Ends) -> None:
    if src.version != ends.source.version:
        stage.sheet.wrong(path, f"found {src}, but the flow is IPv{ends.source.version}'s")


def _parse_size(text: str) -> int:
    return parse_number(text, 0, MOST_PAYLOAD, "a number of payload bytes")


def read_wanted(stage: Stage, path: Path, shape: WantedShape, *, real: bool) -> Wanted:
    """Read what a row or step expects; *real*: the kernels' own stacks talk."""
    sheet = stage.sheet
    choices = ("delivered", "lost", "refused")
    seen = sheet.take((*path, "seen"), lambda text: parse_choice(text, choices), shape.seen) or ""
    if seen == "refused" and not real:
        sheet.wrong((*path, "seen"), "found refused without real: true, wanted delivered or lost")
    by = "" if shape.by is None else stage.rule_id((*path, "by"), shape.by)
    at = "" if shape.at is None else stage.gate((*path, "at"), shape.at)
    if shape.at is not None and seen == "delivered":
        sheet.wrong((*path, "at"), "names the gate that dropped it, but delivered is expected")
    reason = ""
    if shape.reason is not None:
        names = [each.name for each in Reason]
        reason = sheet.take((*path, "reason"), lambda text: parse_choice(text, names), shape.reason) or ""
    if reason and seen in {"delivered", "lost"} and (reason in DENYING) != (seen == "lost"):
        sheet.wrong((*path, "reason"), f"{reason} is never the reason of a packet {seen}")
    return Wanted(seen, by, at, reason)
