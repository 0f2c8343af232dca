"""
The steps of a story that change something: groups' rules, interfaces' groups, ACLs, prefix lists.

A step that expects to be refused may hold any values: they are handed on as written, for AWS's own rules to refuse.
Any other step is held to the same form as the rest of the file.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from netlab.errors import InputError
from netlab.formats.acls import acl_names, parse_entry_number, read_entry
from netlab.formats.rules import read_rule
from netlab.formats.schema import EntryShape, ProtocolShape, RuleShape, Shape
from netlab.formats.stage import Stage
from netlab.formats.story_schema import (
    AclChangeShape,
    AttachShape,
    EntryNumberShape,
    PrefixListChangeShape,
    RulesChangeShape,
)
from netlab.formats.traffic import peer_text, read_network
from netlab.formats.words import parse_known, parse_number, parse_protocol, shown
from netlab.formats.yaml_reader import Path
from netlab.model.changes import (
    AclEntryRequest,
    AddAclEntry,
    AddPrefix,
    Attach,
    Authorize,
    Change,
    RemoveAclEntry,
    RemovePrefix,
    Revoke,
    RuleRequest,
)
from netlab.model.rules import Direction
from netlab.model.stories import ChangeStep

CHANGES = ("authorize", "revoke", "attach", "acl", "prefix_list")


def read_change(stage: Stage, path: Path, kind: str) -> ChangeStep | None:
    """Read a step of one of the kinds in CHANGES."""
    shapes: dict[str, type[Shape]] = {
        "attach": AttachShape,
        "acl": AclChangeShape,
        "prefix_list": PrefixListChangeShape,
    }
    shape = stage.sheet.shape(shapes.get(kind, RulesChangeShape), path)
    change: Change | None = None
    refused = ""
    match shape:
        case RulesChangeShape():
            refused = shape.refused
            change = _read_rules_change(stage, path, shape, kind)
        case AttachShape():
            refused = shape.refused
            change = _read_attach(stage, path, shape)
        case AclChangeShape():
            refused = shape.refused
            change = _read_acl_change(stage, path, shape)
        case PrefixListChangeShape():
            refused = shape.refused
            change = _read_prefix_list_change(stage, path, shape)
    if refused and not re.fullmatch(r"[A-Za-z]+(\.[A-Za-z]+)?", refused):
        stage.sheet.wrong(
            (*path, "refused"), f"found {shown(refused)}, wanted a code, as in InvalidPermission.Duplicate"
        )
    return None if change is None else ChangeStep(change, refused, stage.sheet.line(path))


def _read_rules_change(stage: Stage, path: Path, shape: RulesChangeShape, kind: str) -> Change | None:
    sheet = stage.sheet
    group = shape.authorize if kind == "authorize" else shape.revoke
    given = [each for each in Direction if each.value in shape.model_fields_set]
    if group is None:
        sheet.wrong((*path, kind), "found nothing, wanted the name of a group")
        return None
    if len(given) != 1:
        found = " and ".join(each.value for each in given) or "neither"
        sheet.wrong(path, f"found {found}, wanted either ingress: RULE or egress: RULE")
        return None
    (direction,) = given
    strict = not shape.refused
    if strict:
        _known(stage, (*path, kind), group, stage.names.groups, "security group")
    place = (*path, direction.value)
    data = sheet.get(place)
    places = [(*place, index) for index in range(len(data))] if isinstance(data, list) else [place]
    if not places:
        sheet.wrong(place, "found an empty list, wanted at least one rule")
    requests = [_read_request(stage, each, direction, group, strict=strict) for each in places]
    rules = tuple(each for each in requests if each is not None)
    return Authorize(group, direction, rules) if kind == "authorize" else Revoke(group, direction, rules)


def _read_request(stage: Stage, path: Path, direction: Direction, group: str, *, strict: bool) -> RuleRequest | None:
    sheet = stage.sheet
    if strict:
        read = read_rule(sheet, path, direction, stage.names, group)
        shape = None if read is None else read[0]
    else:
        shape = sheet.shape(RuleShape, path)
    if shape is None:
        return None
    traffic = _raw_traffic(stage, path, shape)
    if traffic is None:
        return None
    peer = _raw_peer(stage, path, shape, direction)
    return RuleRequest(*traffic, peer, shape.description, shape.id)


def _raw_peer(stage: Stage, path: Path, shape: RuleShape | EntryShape, direction: Direction) -> str:
    if shape.from_ is None and shape.to is None:
        return ""
    side = peer_text(stage.sheet, path, shape, direction)
    return "" if side is None else side[1]


def _raw_traffic(stage: Stage, path: Path, shape: ProtocolShape) -> tuple[str, int | None, int | None] | None:
    """Return protocol, first and last port as a request to AWS's API has them."""
    given = shape.protocols()
    if len(given) > 1:
        found = " and ".join(key for key, _ in given)
        stage.sheet.wrong(path, f"found {found}, wanted one of them: a request holds one protocol")
        return None
    if not given:
        return "", None, None
    key, text = given[0]
    if key == "protocol":
        return _raw_protocol(text or ""), None, None
    if text is None:
        return key, None, None
    read: Callable[[str], tuple[int, int]] = _raw_ports if key in {"tcp", "udp"} else _raw_icmp
    numbers = stage.sheet.take((*path, key), read, text)
    return None if numbers is None else (key, *numbers)


def _raw_protocol(text: str) -> str:
    """Return a protocol as the API takes it: a number where netlab knows it, else what was written."""
    try:
        number = parse_protocol(text)
    except InputError:
        return text
    return "-1" if number is None else str(number)


def _raw_ports(text: str) -> tuple[int, int]:
    if text == "all":
        return 0, 65535
    match = re.fullmatch(r"(-?[0-9]{1,9})(?:-(-?[0-9]{1,9}))?", text)
    if match is None:
        raise InputError(f"found {shown(text)}, wanted a port (22), a range (8000-8080) or all")
    return int(match[1]), int(match[2] or match[1])


def _raw_icmp(text: str) -> tuple[int, int]:
    if text == "all":
        return -1, -1
    match = re.fullmatch(r"(-?[0-9]{1,9})(?:/(-?[0-9]{1,9}))?", text)
    if match is None:
        raise InputError(f"found {shown(text)}, wanted a type (8), a type and code (3/4) or all")
    return int(match[1]), int(match[2] or -1)


def _read_attach(stage: Stage, path: Path, shape: AttachShape) -> Change:
    node, _, interface = shape.attach.partition("/")
    if not shape.refused:
        stage.interface((*path, "attach"), shape.attach)
        if not shape.security_groups:
            stage.sheet.wrong((*path, "security_groups"), "found an empty list, wanted at least one group")
        for index, name in enumerate(shape.security_groups):
            _known(stage, (*path, "security_groups", index), name, stage.names.groups, "security group")
    return Attach(node, interface, tuple(shape.security_groups))


def _read_acl_change(stage: Stage, path: Path, shape: AclChangeShape) -> Change | None:
    sheet = stage.sheet
    strict = not shape.refused
    if strict:
        _known(stage, (*path, "acl"), shape.acl, acl_names(sheet), "network ACL")
    given = [(verb, sides) for verb, sides in (("add", shape.add), ("remove", shape.remove)) if sides is not None]
    if len(given) != 1 or len(given[0][1]) != 1 or not {*given[0][1]} <= {"ingress", "egress"}:
        sheet.wrong(path, "wanted exactly one of add: and remove:, and in it either ingress: or egress:")
        return None
    ((verb, sides),) = given
    direction = Direction(next(iter(sides)))
    place = (*path, verb, direction.value)
    if verb == "remove":
        named = sheet.shape(EntryNumberShape, place)
        read = parse_entry_number if strict else _raw_number
        number = None if named is None else sheet.take((*place, "rule"), read, named.rule)
        return None if number is None else RemoveAclEntry(shape.acl, direction, number)
    if strict and read_entry(sheet, place, direction) is None:
        return None
    entry = _raw_entry(stage, place, direction)
    return None if entry is None else AddAclEntry(shape.acl, direction, entry)


def _raw_entry(stage: Stage, path: Path, direction: Direction) -> AclEntryRequest | None:
    shape = stage.sheet.shape(EntryShape, path)
    if shape is None:
        return None
    traffic = _raw_traffic(stage, path, shape)
    number = stage.sheet.take((*path, "rule"), _raw_number, shape.rule)
    if traffic is None or number is None:
        return None
    return AclEntryRequest(number, *traffic, _raw_peer(stage, path, shape, direction), shape.action)


def _raw_number(text: str) -> int:
    return parse_number(text, -(10**9), 10**9)


def _read_prefix_list_change(stage: Stage, path: Path, shape: PrefixListChangeShape) -> Change | None:
    sheet = stage.sheet
    name = shape.prefix_list
    given = [(verb, cidr) for verb, cidr in (("add", shape.add), ("remove", shape.remove)) if cidr is not None]
    if len(given) != 1:
        sheet.wrong(path, "wanted exactly one of add: and remove:, with a network")
        return None
    ((verb, cidr),) = given
    if not shape.refused:
        _known(stage, (*path, "prefix_list"), name, stage.names.prefix_lists, "prefix list")
        network = read_network(sheet, (*path, verb), cidr)
        family = stage.names.families.get(name)
        if network is not None and family not in {None, network.version}:
            sheet.wrong((*path, verb), f"found {network}, but the list is IPv{family}'s")
    return AddPrefix(name, cidr) if verb == "add" else RemovePrefix(name, cidr)


def _known(stage: Stage, path: Path, word: str, known: tuple[str, ...], what: str) -> None:
    stage.sheet.take(path, lambda each: parse_known(each, known, what), word)
