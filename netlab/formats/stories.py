"""Expectation rows and stories of a lab file: their steps that send, wait or look. Changes are read in changes.py."""

from __future__ import annotations

from dataclasses import dataclass, field

from netlab.formats.changes import CHANGES, read_change
from netlab.formats.questions import (
    Opened,
    read_fields,
    read_question,
    read_wanted,
)
from netlab.formats.stage import Stage
from netlab.formats.story_schema import (
    ErrorShape,
    OpenShape,
    ReplyShape,
    RowShape,
    SendShape,
    TableShape,
    WaitShape,
)
from netlab.formats.words import (
    parse_icmp,
    parse_known,
    parse_seconds,
    shown,
)
from netlab.formats.yaml_reader import Path
from netlab.model.packets import ERROR_TYPES
from netlab.model.rules import ICMP, ICMPV6
from netlab.model.stories import (
    ErrorStep,
    Expectation,
    OpenStep,
    PacketStep,
    Step,
    Story,
    TableStep,
    WaitStep,
)

STEPS = ("open", "send", "reply", "error", *CHANGES, "wait", "table")


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
        opened = read_question(stage, path, shape)
        wanted = read_wanted(stage, path, shape, real=shape.real)
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
    opened = read_question(stage, path, shape)
    wanted = read_wanted(stage, path, shape, real=shape.real)
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
    fields = read_fields(stage, path, shape, protocol, None if opened is None else opened.ends)
    wanted = read_wanted(stage, path, shape, real=False)
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
    wanted = read_wanted(stage, path, shape, real=False)
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
