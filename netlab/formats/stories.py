"""Expectation rows and stories of a lab file: everything that sends, waits or looks. Changes are read in changes.py."""

from __future__ import annotations

from dataclasses import dataclass, field

from netlab.errors import InputError
from netlab.formats.changes import CHANGES, read_change
from netlab.formats.rules import the_protocol
from netlab.formats.stage import Stage
from netlab.formats.story_schema import (
    ErrorShape,
    FieldsShape,
    OpenShape,
    ReplyShape,
    RowShape,
    SendShape,
    TableShape,
    WaitShape,
    WantedShape,
)
from netlab.formats.words import (
    parse_address,
    parse_choice,
    parse_flags,
    parse_icmp,
    parse_known,
    parse_number,
    parse_port,
    parse_protocol,
    parse_seconds,
    shown,
)
from netlab.formats.yaml_reader import Path
from netlab.model.addresses import Address
from netlab.model.network import question_from_key
from netlab.model.packets import ECHO_REQUEST, ERROR_TYPES
from netlab.model.places import Ends
from netlab.model.rules import ICMP, ICMPV6, TCP, UDP
from netlab.model.stories import (
    ErrorStep,
    Expectation,
    Fields,
    OpenStep,
    PacketStep,
    Question,
    Step,
    Story,
    TableStep,
    WaitStep,
    Wanted,
)
from netlab.model.verdicts import Reason

DENYING = {"NO_RULE", "ACL", "SPOOFED", "ALLOWANCE", "NO_ROUTE", "NO_PUBLIC_ADDRESS", "MTU"}
"""Names of the reasons for which a packet is lost; for the others it is delivered."""

MOST_PAYLOAD = 65000
STEPS = ("open", "send", "reply", "error", *CHANGES, "wait", "table")


@dataclass(frozen=True, slots=True)
class Opened:
    """What is known of a flow that a story opened; None = it could not be read."""

    question: Question | None
    ends: Ends | None


@dataclass(slots=True)
class Flows:
    """A story's flows, in the order they are opened."""

    by_name: dict[str, Opened] = field(default_factory=dict)


def read_expectations(stage: Stage) -> tuple[Expectation, ...]:
    """Read ``expect:``."""
    rows = []
    for index in stage.sheet.rows(("expect",)):
        path: Path = ("expect", index)
        shape = stage.sheet.shape(RowShape, path)
        if shape is None:
            continue
        opened = _read_question(stage, path, shape)
        wanted = _read_wanted(stage, path, shape, real=shape.real)
        if opened.question is not None:
            rows.append(Expectation(opened.question, wanted, stage.sheet.line(path)))
    return tuple(rows)


def read_stories(stage: Stage) -> tuple[Story, ...]:
    """Read ``stories:``."""
    stories = []
    for name in stage.sheet.mapping(("stories",)):
        path: Path = ("stories", name)
        flows = Flows()
        rows = stage.sheet.rows(path)
        if not rows and stage.sheet.get(path) in (None, []):
            stage.sheet.wrong(path, "found no steps, wanted at least one")
        steps = [_read_step(stage, (*path, index), flows) for index in rows]
        stories.append(Story(name, tuple(step for step in steps if step is not None), stage.sheet.line(path)))
    return tuple(stories)


def _read_step(stage: Stage, path: Path, flows: Flows) -> Step | None:
    sheet = stage.sheet
    data = sheet.get(path)
    kinds = [kind for kind in STEPS if isinstance(data, dict) and kind in data]
    if len(kinds) != 1:
        found = " and ".join(kinds) or (", ".join(data) if isinstance(data, dict) and data else shown(data))
        sheet.wrong(path, f"found {found}, wanted exactly one of {', '.join(STEPS)}")
        return None
    match kinds[0]:
        case "open":
            return _read_open(stage, path, flows)
        case "send" | "reply":
            return _read_packet(stage, path, flows, kinds[0])
        case "error":
            return _read_error(stage, path, flows)
        case "wait":
            wait = sheet.shape(WaitShape, path)
            seconds = None if wait is None else sheet.take((*path, "wait"), parse_seconds, wait.wait)
            return None if seconds is None else WaitStep(seconds, sheet.line(path))
        case "table":
            return _read_table(stage, path, flows)
        case kind:
            return read_change(stage, path, kind)


def _read_open(stage: Stage, path: Path, flows: Flows) -> OpenStep | None:
    sheet = stage.sheet
    name = sheet.get((*path, "open"))
    if isinstance(name, str) and name in flows.by_name:
        sheet.wrong((*path, "open"), f"the flow '{name}' is open already")
    shape = sheet.shape(OpenShape, path)
    if shape is None:
        if isinstance(name, str):
            flows.by_name.setdefault(name, Opened(None, None))
        return None
    if not shape.open.strip():
        sheet.wrong((*path, "open"), "found no name, wanted one for the flow")
    opened = _read_question(stage, path, shape)
    wanted = _read_wanted(stage, path, shape, real=shape.real)
    flows.by_name.setdefault(shape.open, opened)
    if opened.question is None:
        return None
    return OpenStep(shape.open, opened.question, wanted, sheet.line(path))


def _read_packet(stage: Stage, path: Path, flows: Flows, kind: str) -> PacketStep | None:
    sheet = stage.sheet
    shape = sheet.shape(SendShape, path) if kind == "send" else sheet.shape(ReplyShape, path)
    if shape is None:
        return None
    name = shape.send if isinstance(shape, SendShape) else shape.reply
    opened = _read_flow(stage, (*path, kind), name, flows)
    question = None if opened is None else opened.question
    if question is not None and question.real:
        stage.sheet.wrong((*path, kind), f"the flow '{name}' was opened with real: true, its packets are not netlab's")
    if opened is not None and opened.ends is not None and kind == "reply" and opened.ends.target_station is None:
        stage.sheet.wrong((*path, kind), f"nobody in the lab is at {opened.ends.target}, so nobody can reply")
    protocol = None if question is None else question.protocol
    fields = _read_fields(stage, path, shape, protocol, None if opened is None else opened.ends)
    wanted = _read_wanted(stage, path, shape, real=False)
    return PacketStep(name, kind == "reply", fields, wanted, stage.sheet.line(path))


def _read_error(stage: Stage, path: Path, flows: Flows) -> ErrorStep | None:
    sheet = stage.sheet
    shape = sheet.shape(ErrorShape, path)
    if shape is None:
        return None
    opened = _read_flow(stage, (*path, "error"), shape.error, flows)
    source, target = stage.place((*path, "from"), shape.from_), stage.place((*path, "to"), shape.to)
    if source is not None and source.station is None:
        sheet.wrong((*path, "from"), f"nobody in the lab is at {shape.from_}, so nobody can send it")
    ends = None if opened is None else opened.ends
    if ends is not None and target is not None and target.station not in {ends.source_station, ends.target_station}:
        sheet.wrong((*path, "to"), f"{shape.to} is neither end of the flow '{shape.error}'")
    numbers = sheet.take((*path, "type"), parse_icmp, shape.type)
    wanted = _read_wanted(stage, path, shape, real=False)
    if numbers is None:
        return None
    types = ERROR_TYPES[ICMP] | ERROR_TYPES[ICMPV6]
    if ends is not None:
        types = ERROR_TYPES[ICMP if ends.source.version == 4 else ICMPV6]
    if numbers[0] not in types:
        listed = ", ".join(str(each) for each in sorted(types))
        sheet.wrong((*path, "type"), f"{shape.type} is no ICMP error, wanted one of the types {listed}")
    return ErrorStep(shape.error, numbers[0] or 0, numbers[1] or 0, shape.from_, shape.to, wanted, sheet.line(path))


def _read_table(stage: Stage, path: Path, flows: Flows) -> TableStep | None:
    sheet = stage.sheet
    shape = sheet.shape(TableShape, path)
    if shape is None:
        return None
    sheet.take((*path, "table"), lambda each: parse_known(each, stage.instances, "instance"), shape.table)
    if not shape.holds and not shape.lacks:
        sheet.wrong(path, "found neither holds nor lacks, wanted at least one of them")
    for key, names in (("holds", shape.holds), ("lacks", shape.lacks)):
        for index, name in enumerate(names):
            _read_flow(stage, (*path, key, index), name, flows)
            if key == "lacks" and name in shape.holds:
                sheet.wrong((*path, key, index), f"'{name}' is to be held as well")
    return TableStep(shape.table, tuple(shape.holds), tuple(shape.lacks), sheet.line(path))


def _read_flow(stage: Stage, path: Path, name: str, flows: Flows) -> Opened | None:
    known = tuple(flows.by_name)
    if stage.sheet.take(path, lambda each: parse_known(each, known, "open flow"), name) is None:
        return None
    return flows.by_name[name]


def _read_question(stage: Stage, path: Path, shape: RowShape) -> Opened:
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
    fields = _read_fields(stage, path, shape, question.protocol, ends)
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


def _read_fields(stage: Stage, path: Path, shape: FieldsShape, protocol: int | None, ends: Ends | None) -> Fields:
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


def _read_wanted(stage: Stage, path: Path, shape: WantedShape, *, real: bool) -> Wanted:
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
