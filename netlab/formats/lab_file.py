"""A lab file as a whole: text to Lab, or all of its mistakes at once."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Network

from netlab.errors import LabFileError, Mistake
from netlab.formats.acls import read_acls
from netlab.formats.bring_in import Reader, bring_in
from netlab.formats.ground import Ground
from netlab.formats.nodes import read_hosts, read_instances
from netlab.formats.rules import PeerNames, peer_names, read_groups, read_prefix_lists
from netlab.formats.schema import TimersShape, TopShape
from netlab.formats.sheet import Sheet, one_line, where
from netlab.formats.stage import Stage, addressed
from netlab.formats.stories import read_expectations, read_stories
from netlab.formats.topology import read_nat_gateways, read_routes, read_subnets, read_vpc
from netlab.formats.words import parse_name, parse_scale, shown
from netlab.formats.yaml_reader import Path, read_yaml
from netlab.model.topology import Lab, Vpc

FIXED_TIMERS = {"icmp": 30, "other protocols": 600}
"""Idle timers, in seconds, that no key of the file sets. Source: aws-behaviour.md 2.4."""

_SECTIONS = {"groups": "security_groups", "acls": "network_acls"}


def parse_lab(
    text: str, file: str = "lab.yaml", reader: Reader | None = None, parameters: Mapping[str, str] | None = None
) -> Lab:
    """
    Read a lab file.

    Args:
        reader: Gets the files of ``import:``.
        parameters: Values of parameters of the templates among them.

    Returns:
        The lab as written: what AWS or netlab fills in (rule ids, addresses, default group and ACL) is empty still.

    Raises:
        LabFileError: It holds mistakes; all of them are in it.
        InputError: No template has one of the parameters.
    """
    reading = read_yaml(text)
    sheet = Sheet(file, reading)
    sheet.mistakes += [
        Mistake(file, line, one_line(where(path)), one_line(problem)) for path, line, problem in reading.wrong
    ]
    if reading.tree is None or not isinstance(reading.tree, dict):
        if not sheet.mistakes:
            sheet.wrong((), f"found {shown(reading.tree)}, wanted a lab: a mapping with name, vpc, subnets …")
        raise LabFileError(tuple(sheet.mistakes))
    if not bring_in(sheet, reader, parameters):
        raise LabFileError(tuple(dict.fromkeys(sheet.mistakes)))
    lab = _read_lab(sheet)
    if sheet.mistakes:
        raise LabFileError(tuple(dict.fromkeys(sheet.mistakes)))
    return lab


def line_in(text: str, place: tuple[str, ...]) -> int:
    """
    Return the line of a lab file on which a part of a lab stands.

    Args:
        place: A field of Lab, a name, and parts within: ``("groups", "web", "ingress")``. What the file does not have
            is sought in the nearest part around it, else where ``import:`` stands, else it is where the file begins.
    """
    sheet = Sheet("", read_yaml(text))
    kind, *rest = place
    path: Path = (_SECTIONS.get(kind, kind), *rest)
    if kind == "instances" and path[2:3] == ("interfaces",) and path[:3] not in sheet.reading.lines:
        path = (*path[:2], *path[4:])  # the instance's own keys are those of its one interface
    return sheet.line(path if path[:2] in sheet.reading.lines else ("import",))


def _read_lab(sheet: Sheet) -> Lab:
    sheet.shape(TopShape, ())
    name = sheet.get(("name",))
    if isinstance(name, str):
        sheet.take(("name",), parse_name, name)
    names = peer_names(sheet)
    lab, ground = _read_topology(sheet, names)
    stage = Stage(sheet, addressed(lab), names, whole=ground.vpc is not None)
    expectations = read_expectations(stage)
    stories = read_stories(stage)
    return Lab(
        name=str(name),
        vpc=lab.vpc,
        subnets=lab.subnets,
        groups=lab.groups,
        prefix_lists=lab.prefix_lists,
        acls=lab.acls,
        nat_gateways=lab.nat_gateways,
        instances=lab.instances,
        hosts=lab.hosts,
        scale=lab.scale,
        expectations=expectations,
        stories=stories,
        warnings=tuple(dict.fromkeys(sheet.warnings)),
    )


def _read_topology(sheet: Sheet, names: PeerNames) -> tuple[Lab, Ground]:
    """Read everything but expectations and stories, as far as it can be read."""
    vpc = read_vpc(sheet)
    ground = Ground(vpc, groups=names.groups)
    if not sheet.mapping(("subnets",)):
        sheet.wrong(("subnets",), "found none, wanted at least one subnet")
    read_subnets(sheet, ground)
    prefix_lists = read_prefix_lists(sheet, names)
    groups = read_groups(sheet, names, ipv6=vpc is not None and vpc.ipv6_cidr is not None)
    acls = read_acls(sheet)
    gateways = read_nat_gateways(sheet, ground)
    instances = read_instances(sheet, ground)
    hosts = read_hosts(sheet, ground)
    read_routes(sheet, ground, instances)
    lab = Lab(
        name="",
        vpc=vpc or Vpc(IPv4Network("0.0.0.0/32")),  # mistakes have been noted; nothing is in this one
        subnets=ground.subnets,
        groups=groups,
        prefix_lists=prefix_lists,
        acls=acls,
        nat_gateways=gateways,
        instances=instances,
        hosts=hosts,
        scale=_read_scale(sheet),
    )
    _warn_of_rounding(sheet, lab)
    return lab, ground


def _read_scale(sheet: Sheet) -> float:
    shape = sheet.shape(TimersShape, ("timers",))
    return (shape and sheet.take(("timers", "scale"), parse_scale, shape.scale)) or 1.0


def _warn_of_rounding(sheet: Sheet, lab: Lab) -> None:
    """Warn, in one line, of timers that the factor makes no whole number of seconds, since the kernel's are."""
    timers = dict.fromkeys(FIXED_TIMERS.items())
    for interface in lab.interfaces():
        tracking = interface.connection_tracking
        timers["udp", tracking.udp_s] = None
        timers["udp_stream", tracking.udp_stream_s] = None
        timers["tcp_established", tracking.tcp_established_s] = None
    rounded = []
    for name, seconds in timers:
        scaled = round(seconds * lab.scale, 9)
        if scaled < 1 or scaled != int(scaled):
            whole = max(1, round(scaled))
            rounded.append(f"{name} {seconds} s becomes {whole} s ({whole / lab.scale:g} s unscaled)")
    if rounded:
        sheet.warn(
            ("timers", "scale"), f"{lab.scale:g} leaves no whole seconds, at least 1, of each: {'; '.join(rounded)}"
        )
