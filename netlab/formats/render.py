"""
Lab to the text of a lab file, with everything said that could be left out. Reading it back gives an equal Lab,
but for lines and warnings.
"""

from __future__ import annotations

import json
import re
from io import StringIO

from ruamel.yaml import YAML

from netlab.model.acls import AclEntry
from netlab.model.rows import plain_number, row_data
from netlab.model.rules import ICMP, ICMPV6, TCP, UDP, Direction, Rule, SecurityGroup, Traffic
from netlab.model.topology import Host, Instance, Interface, Lab, NatGateway, Subnet

_KEYS = {TCP: "tcp", UDP: "udp", ICMP: "icmp", ICMPV6: "icmpv6"}

_SET_ASIDE = re.compile(r"^( *)(ingress|egress): rules (\d+)$", re.MULTILINE)
_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./-]*")

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
    rules: list[object] = []
    groups = data.get("security_groups", {})
    if isinstance(groups, dict):
        data = data | {"security_groups": {name: _set_aside(group, rules) for name, group in groups.items()}}
    yaml.dump(data, stream)
    return _SET_ASIDE.sub(lambda match: _rule_lines(match[1], match[2], rules[int(match[3])]), stream.getvalue())


def _set_aside(group: Data, rules: list[object]) -> Data:
    """Put numbers in place of a group's rules: they are written a line each, which is also many times quicker."""
    outline = dict(group)
    for side in Direction:
        if group[side.value]:
            outline[side.value] = f"rules {len(rules)}"
            rules.append(group[side.value])
    return outline


def _rule_lines(indent: str, key: str, rules: object) -> str:
    lines = [f"{indent}{key}:"]
    for rule in rules if isinstance(rules, list) else ():
        words = ", ".join(f"{name}: {_word(str(value))}" for name, value in rule.items())
        lines.append(f"{indent}- {{{words}}}")
    return "\n".join(lines)


def _word(text: str) -> str:
    """Return a text within braces: plain where it can only be read as itself, else quoted as in JSON."""
    plain = _PLAIN.fullmatch(text) and text.lower() not in {"null", "true", "false", "yes", "no", "on", "off", "y", "n"}
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
    return _filled(description=group.description or None, **sides)


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
        return {_KEYS[traffic.protocol]: rest}
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
