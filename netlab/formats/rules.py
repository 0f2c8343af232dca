"""Security groups and prefix lists of a lab file. What rules do is not known here."""

from __future__ import annotations

from dataclasses import dataclass, field

from netlab.formats.schema import GroupShape, PrefixListShape, RuleShape
from netlab.formats.sheet import Sheet
from netlab.formats.traffic import (
    peer_text,
    read_network,
    read_traffic,
    warn_if_void,
)
from netlab.formats.words import (
    parse_description,
    parse_group_id,
    parse_group_name,
    parse_name,
    parse_number,
    parse_rule_id,
    shown,
    suggestion,
)
from netlab.formats.yaml_reader import Path
from netlab.model.addresses import EVERYWHERE, Cidr
from netlab.model.rules import (
    Direction,
    GroupRef,
    Peer,
    PrefixList,
    PrefixListRef,
    Rule,
    SecurityGroup,
    Traffic,
)
from netlab.model.topology import DEFAULT_GROUP

MOST_PREFIXES = 1000


@dataclass(slots=True)
class PeerNames:
    """What rules may name: filled before any rule is read, with the prefix lists' families as they become known."""

    groups: tuple[str, ...]
    prefix_lists: tuple[str, ...]
    families: dict[str, int] = field(default_factory=dict)


def peer_names(sheet: Sheet) -> PeerNames:
    """Return the names of all groups and prefix lists, whether or not the rest of them is right."""
    groups = tuple(sheet.mapping(("security_groups",)))
    return PeerNames((*groups, *({DEFAULT_GROUP} - {*groups})), tuple(sheet.mapping(("prefix_lists",))))


def read_groups(sheet: Sheet, names: PeerNames, *, ipv6: bool) -> dict[str, SecurityGroup]:
    """
    Read the security groups.

    Args:
        ipv6: The VPC has IPv6, so that a group without ``egress:`` lets it out.
    """
    groups = {}
    ids: dict[str, int] = {}
    spelled = {DEFAULT_GROUP: DEFAULT_GROUP}
    for name in sheet.mapping(("security_groups",)):
        path = ("security_groups", name)
        sheet.take(path, parse_group_name, name)
        _check_case(sheet, path, name, spelled.setdefault(name.lower(), name))
        shape = sheet.shape(GroupShape, path)
        if shape is None:
            continue
        sheet.take((*path, "description"), parse_description, shape.description)
        ingress = _read_rules(sheet, (*path, "ingress"), Direction.INGRESS, names, ids)
        if "egress" in shape.model_fields_set:
            egress = _read_rules(sheet, (*path, "egress"), Direction.EGRESS, names, ids)
        else:
            egress = default_egress(ipv6=ipv6)
        if shape.aws_id:
            sheet.take((*path, "aws_id"), parse_group_id, shape.aws_id)
        groups[name] = SecurityGroup(name, ingress, egress, shape.description, shape.aws_id)
    return groups


def _check_case(sheet: Sheet, path: Path, name: str, first: str) -> None:
    """Refuse a group's name that differs only in case from the first one spelled so, perhaps the VPC's own."""
    if name != first:
        line = sheet.reading.lines.get(("security_groups", first))
        whose = f"the group of line {line}" if line else "the VPC's own group"
        sheet.wrong(path, f"differs only in case from '{first}', {whose} (AWS: InvalidGroup.Duplicate)")


def default_egress(*, ipv6: bool) -> tuple[Rule, ...]:
    """Return the outbound rules that AWS gives a new group. Source: VPC User Guide, security group rules."""
    families = (4, 6) if ipv6 else (4,)
    return tuple(Rule("", Direction.EGRESS, Traffic(None), EVERYWHERE[family]) for family in families)


def read_prefix_lists(sheet: Sheet, names: PeerNames) -> dict[str, PrefixList]:
    """Read the prefix lists; their families go into *names*."""
    lists = {}
    for name in sheet.mapping(("prefix_lists",)):
        path = ("prefix_lists", name)
        sheet.take(path, parse_name, name)
        shape = sheet.shape(PrefixListShape, path)
        if name in names.groups:
            sheet.wrong(path, "is the name of a security group already; the two share their names")
        if shape is None:
            continue
        entries: dict[Cidr, None] = {}
        for index, text in enumerate(shape.entries):
            cidr = read_network(sheet, (*path, "entries", index), text)
            if cidr is not None and cidr in entries:
                sheet.wrong((*path, "entries", index), f"{cidr} is in the list already")
            elif cidr is not None:
                entries[cidr] = None
        if len({cidr.version for cidr in entries}) > 1:
            sheet.wrong((*path, "entries"), "found IPv4 and IPv6, wanted one family a list")
        most = max(len(shape.entries), 1)
        if shape.max_entries is not None:
            given = sheet.take((*path, "max_entries"), _parse_max_entries, shape.max_entries)
            if given is not None and given < len(shape.entries):
                sheet.wrong((*path, "entries"), f"found {len(shape.entries)} entries, wanted at most {given}")
            most = given or most
        if entries:
            names.families[name] = next(iter(entries)).version
        lists[name] = PrefixList(name, most, tuple(entries))
    return lists


def read_rule(
    sheet: Sheet, path: Path, direction: Direction, names: PeerNames, group: str
) -> tuple[RuleShape, Traffic, Peer] | None:
    """Read one rule of *group*; None where anything about it is wrong (and noted)."""
    shape = sheet.shape(RuleShape, path)
    if shape is None:
        return None
    traffic = read_traffic(sheet, path, shape)
    if shape.id:
        sheet.take((*path, "id"), parse_rule_id, shape.id)
    sheet.take((*path, "description"), parse_description, shape.description)
    side = peer_text(sheet, path, shape, direction)
    if side is None:
        return None
    key, text = side
    peer = _read_peer(sheet, (*path, key), text, names, group)
    if traffic is None or peer is None:
        return None
    warn_if_void(sheet, path, traffic, names.families.get(str(peer)) if isinstance(peer, PrefixListRef) else peer)
    return shape, traffic, peer


def _read_rules(
    sheet: Sheet, path: Path, direction: Direction, names: PeerNames, ids: dict[str, int]
) -> tuple[Rule, ...]:
    """Read the rules of one direction; *ids* has every id met so far, with its line."""
    rules: list[Rule] = []
    lines: dict[tuple[Traffic, Peer], int] = {}
    for index in sheet.rows(path):
        place = (*path, index)
        read = read_rule(sheet, place, direction, names, str(path[1]))
        if read is None:
            continue
        shape, traffic, peer = read
        if shape.id and shape.id in ids:
            sheet.wrong((*place, "id"), f"'{shape.id}' is the id of the rule in line {ids[shape.id]} already")
        ids.setdefault(shape.id, sheet.line(place))
        rule = Rule(shape.id, direction, traffic, peer, shape.description)
        if rule.properties in lines:
            sheet.wrong(place, f"'{rule}' is the rule of line {lines[rule.properties]} again")
        lines.setdefault(rule.properties, sheet.line(place))
        rules.append(rule)
    return tuple(rules)


def _read_peer(sheet: Sheet, path: Path, text: str, names: PeerNames, group: str) -> Peer | None:
    if text == "self":
        return GroupRef(group)
    if text in names.groups:
        return GroupRef(text)
    if text in names.prefix_lists:
        return PrefixListRef(text)
    if "/" in text or ":" in text or text.replace(".", "").isdigit():
        return read_network(sheet, path, text)
    known = (*names.groups, *names.prefix_lists)
    sheet.wrong(path, f"no security group or prefix list {shown(text)}{suggestion(text, known)}")
    return None


def _parse_max_entries(text: str) -> int:
    return parse_number(text, 1, MOST_PREFIXES, f"a number from 1 to {MOST_PREFIXES}")
