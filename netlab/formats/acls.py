"""Network ACLs of a lab file."""

from __future__ import annotations

from netlab.errors import InputError
from netlab.formats.schema import AclShape, EntryShape
from netlab.formats.sheet import Sheet
from netlab.formats.traffic import peer_text, read_network, read_traffic, warn_if_void
from netlab.formats.words import (
    parse_choice,
    parse_name,
    parse_number,
    shown,
)
from netlab.formats.yaml_reader import Path
from netlab.model.acls import DEFAULT_ACL, AclEntry, NetworkAcl
from netlab.model.rules import (
    Direction,
)

HIGHEST_ENTRY = 32766


def read_acls(sheet: Sheet) -> dict[str, NetworkAcl]:
    """Read the network ACLs."""
    acls = {}
    for name in sheet.mapping(("network_acls",)):
        path = ("network_acls", name)
        sheet.take(path, parse_name, name)
        if sheet.shape(AclShape, path) is not None:
            sides = [_read_entries(sheet, (*path, each.value), each) for each in Direction]
            acls[name] = NetworkAcl(name, *sides)
    return acls


def acl_names(sheet: Sheet) -> tuple[str, ...]:
    """Return the names of all ACLs, the default one among them."""
    acls = tuple(sheet.mapping(("network_acls",)))
    return (*acls, *({DEFAULT_ACL} - {*acls}))


def _read_entries(sheet: Sheet, path: Path, direction: Direction) -> tuple[AclEntry, ...]:
    entries: list[AclEntry] = []
    lines: dict[int, int] = {}
    for index in sheet.rows(path):
        entry = read_entry(sheet, (*path, index), direction)
        if entry is None:
            continue
        if entry.number in lines:
            sheet.wrong((*path, index, "rule"), f"{entry.number} is the entry of line {lines[entry.number]} already")
        lines.setdefault(entry.number, sheet.line((*path, index)))
        entries.append(entry)
    return tuple(sorted(entries, key=lambda entry: entry.number))


def read_entry(sheet: Sheet, path: Path, direction: Direction) -> AclEntry | None:
    """Read one entry of an ACL; None where anything about it is wrong (and noted)."""
    shape = sheet.shape(EntryShape, path)
    if shape is None:
        return None
    traffic = read_traffic(sheet, path, shape)
    number = sheet.take((*path, "rule"), parse_entry_number, shape.rule)
    action = sheet.take((*path, "action"), _parse_action, shape.action)
    side = peer_text(sheet, path, shape, direction)
    cidr = None if side is None else read_network(sheet, (*path, side[0]), side[1])
    if traffic is None or number is None or action is None or cidr is None:
        return None
    warn_if_void(sheet, path, traffic, cidr)
    return AclEntry(number, traffic, cidr, action == "allow")


def parse_entry_number(text: str) -> int:
    """Read the number of an ACL entry."""
    return parse_number(text, 1, HIGHEST_ENTRY, f"a number from 1 to {HIGHEST_ENTRY}")


def _parse_action(text: str) -> str:
    try:
        return parse_choice(text, ("allow", "deny"))
    except InputError:
        raise InputError(f"found {shown(text)}, wanted allow or deny") from None
