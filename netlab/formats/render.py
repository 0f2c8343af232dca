"""
Lab to the text of a lab file, with everything said that could be left out. Reading it back gives an equal Lab,
but for lines and warnings.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from io import StringIO

from ruamel.yaml import YAML

from netlab.model.acls import AclEntry
from netlab.model.rows import plain_number, row_data
from netlab.model.rules import ICMP, ICMPV6, TCP, UDP, Direction, Rule, SecurityGroup, Traffic
from netlab.model.topology import Host, Instance, Interface, Lab, NatGateway, Subnet

_KEYS = {TCP: "tcp", UDP: "udp", ICMP: "icmp", ICMPV6: "icmpv6"}

_LONG = ("security_groups", "instances")  # sections whose names and texts hold no character that wants care
_ASIDE = "set-aside"
_SET_ASIDE = re.compile(rf"^({'|'.join(_LONG)}): {_ASIDE}$", re.MULTILINE)
_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./-]*( [A-Za-z0-9_./-]+)*")
_OTHER = re.compile(
    r"null|true|false|yes|no|on|off|y|n|[0-9][0-9_]*(\.[0-9_]*)?(e[0-9-]+)?|0[xob][0-9a-f_]+|[0-9]{4}-[0-9]+-[0-9]+",
    re.IGNORECASE,
)
"""What some reader takes for something else than text: a truth, a number, a date."""

Data = dict[str, object]


def render_lab(lab: Lab) -> str:
    """Write a lab, complete or not, as the text of a lab file."""
    return _dump(lab_data(lab))


def lab_data(lab: Lab) -> Data:
    """Return a lab as the data of a lab file."""
    data: Data = {"name": lab.name, "vpc": _filled(cidr=str(lab.vpc.cidr), ipv6_cidr=_text(lab.vpc.ipv6_cidr))}
    sections: dict[str, Data] = {
        "subnets": {name: _subnet(subnet) for name, subnet in lab.subnets.items()},
        "security_groups": {name: _group(group) for name, group in lab.groups.items()},
        "prefix_lists": {
            name: {"max_entries": each.max_entries, "entries": [str(cidr) for cidr in each.entries]}
            for name, each in lab.prefix_lists.items()
        },
        "network_acls": {
            name: {side.value: [_entry(entry, side) for entry in acl.entries(side)] for side in Direction}
            for name, acl in lab.acls.items()
        },
        "nat_gateways": {name: _nat(gateway) for name, gateway in lab.nat_gateways.items()},
        "instances": {name: _instance(instance) for name, instance in lab.instances.items()},
        "hosts": {name: _host(host) for name, host in lab.hosts.items()},
    }
    data |= {name: section for name, section in sections.items() if section}
    data["timers"] = {"scale": plain_number(lab.scale)}
    if lab.expectations:
        data["expect"] = [row_data(row) for row in lab.expectations]
    if lab.stories:
        data["stories"] = {story.name: [row_data(step) for step in story.steps] for story in lab.stories}
    return data


def _dump(data: Data) -> str:
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]  # ruamel types its default, None, only
    yaml.width = 4096
    yaml.representer.ignore_aliases = lambda *_: True
    stream = StringIO()
    aside = {name: section for name in _LONG if isinstance(section := data.get(name), dict)}
    yaml.dump(data | dict.fromkeys(aside, _ASIDE), stream)
    return _SET_ASIDE.sub(lambda match: "\n".join((f"{match[1]}:", *_lines(aside[match[1]], "  "))), stream.getvalue())


def _lines(data: Data, indent: str) -> Iterator[str]:
    """Yield the lines of a mapping as the YAML writer does, but for rules, a line each; a hundred times quicker."""
    for key, value in data.items():
        if isinstance(value, dict) and value:
            yield f"{indent}{_word(key)}:"
            yield from _lines(value, f"{indent}  ")
        elif isinstance(value, list) and value:
            yield f"{indent}{_word(key)}:"
            yield from (f"{indent}- {_flow(each)}" for each in value)
        else:
            yield f"{indent}{_word(key)}: {_flow(value)}"


def _flow(value: object) -> str:
    """Return a value within a line."""
    match value:
        case dict():
            return f"{{{', '.join(f'{_word(key)}: {_flow(each)}' for key, each in value.items())}}}"
        case list():
            return f"[{', '.join(map(_flow, value))}]"
        case bool():
            return str(value).lower()
        case int():
            return str(value)
        case _:
            return _word(str(value))


def _word(text: str) -> str:
    """Return a text within a line: plain where it can only be read as itself, else quoted as in JSON."""
    plain = _PLAIN.fullmatch(text) and not _OTHER.fullmatch(text)
    return text if plain else json.dumps(text, ensure_ascii=False)


def _subnet(subnet: Subnet) -> Data:
    return _filled(
        cidr=str(subnet.cidr),
        ipv6_cidr=_text(subnet.ipv6_cidr),
        internet=subnet.internet,
        acl=subnet.acl,
        nat=subnet.nat,
        routes={str(route.cidr): f"{route.node}/{route.interface}" for route in subnet.routes} or None,
    )


def _group(group: SecurityGroup) -> Data:
    sides = {side.value: [_rule(rule) for rule in group.rules(side)] for side in Direction}
    return _filled(description=group.description or None, aws_id=group.aws_id or None, **sides)


def _rule(rule: Rule) -> Data:
    key = "from" if rule.direction is Direction.INGRESS else "to"
    data = {**_traffic(rule.traffic), key: str(rule.peer)}
    return data | _filled(description=rule.description or None, id=rule.id or None)


def _entry(entry: AclEntry, direction: Direction) -> Data:
    key = "from" if direction is Direction.INGRESS else "to"
    action = "allow" if entry.allow else "deny"
    return {"rule": entry.number, **_traffic(entry.traffic), key: str(entry.cidr), "action": action}


def _traffic(traffic: Traffic) -> dict[str, object]:
    if traffic.protocol is None:
        return {"protocol": "all"}
    if traffic.protocol in _KEYS:
        _, _, rest = str(traffic).partition("/")
        return {_KEYS[traffic.protocol]: int(rest) if rest.isdecimal() else rest}
    return {"protocol": traffic.protocol}


def _nat(gateway: NatGateway) -> Data:
    return _filled(subnet=gateway.subnet, public_ip=str(gateway.public_ip), ip=_text(gateway.ip))


def _instance(instance: Instance) -> Data:
    interfaces = {each.name: _interface(each) for each in instance.interfaces}
    return _filled(services=list(instance.services) or None, interfaces=interfaces)


def _interface(interface: Interface) -> Data:
    tracking = interface.connection_tracking
    return _filled(
        subnet=interface.subnet,
        ip=[str(each) for each in interface.ipv4] or None,
        ipv6=[str(each) for each in interface.ipv6] or None,
        public_ip=_text(interface.public_ip),
        security_groups=list(interface.security_groups) or None,
        connection_tracking={
            "tcp_established": tracking.tcp_established_s,
            "udp": tracking.udp_s,
            "udp_stream": tracking.udp_stream_s,
        },
        conntrack_allowance=interface.allowance,
        source_dest_check=interface.source_dest_check,
    )


def _host(host: Host) -> Data:
    return _filled(ip=[str(each) for each in host.addresses], services=list(host.services) or None, spoof=host.spoof)


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _filled(**data: object) -> Data:
    """Return the data without the keys that hold nothing."""
    return {key: value for key, value in data.items() if value is not None}
