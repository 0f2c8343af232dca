"""A lab for the oracle's tests, on paper: one VPC with every kind of subnet, and the rules a test gives it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from ipaddress import ip_address, ip_network
from typing import Any

from netlab.control import apply, completed
from netlab.model.acls import NetworkAcl
from netlab.model.changes import AclEntryRequest, AddAclEntry, Attach, Authorize
from netlab.model.network import Flow, Network
from netlab.model.notation import parse_probe, parse_rule, parse_traffic
from netlab.model.rules import Direction, PrefixList, SecurityGroup
from netlab.model.stories import NO_FIELDS, Fields, Question
from netlab.model.topology import Host, Instance, Interface, Lab, NatGateway, Subnet, SubnetRoute, Vpc
from netlab.oracle.paper import PaperWire

ALL_OUT = "egress all to 0.0.0.0/0; egress all to ::/0"
OPEN = f"ingress all from 0.0.0.0/0; ingress all from ::/0; {ALL_OUT}"


def interface(node: str, subnet: str, *addresses: str, public: str = "", name: str = "eth0", **more: Any) -> Interface:
    """Return an interface; addresses of both families in any order."""
    found = [ip_address(address) for address in addresses]
    return Interface(
        node,
        name,
        name == "eth0",
        subnet,
        ipv4=tuple(each for each in found if each.version == 4),
        ipv6=tuple(each for each in found if each.version == 6),
        public_ip=ip_address(public) if public else None,
        security_groups=("open",),
        **more,
    )


def bare_lab() -> Lab:
    """Return the lab without any rule."""
    return Lab(
        "paper",
        Vpc(ip_network("10.0.0.0/16"), ip_network("2001:db8:0:100::/56")),
        {
            "public": Subnet("public", ip_network("10.0.1.0/24"), ip_network("2001:db8:0:100::/64"), internet=True),
            "other": Subnet("other", ip_network("10.0.2.0/24"), ip_network("2001:db8:0:101::/64"), internet=True),
            "private": Subnet("private", ip_network("10.0.3.0/24"), nat="out"),
            "lonely": Subnet("lonely", ip_network("10.0.4.0/24")),
        },
        groups={"open": SecurityGroup("open")},
        nat_gateways={"out": NatGateway("out", "public", ip_address("203.0.113.99"), ip_address("10.0.1.99"))},
        instances=instances(
            interface("ec2", "public", "10.0.1.10", "10.0.1.11", "2001:db8:0:100::10", public="3.95.203.191"),
            interface("peer", "public", "10.0.1.20", "10.0.1.21", "2001:db8:0:100::20", public="3.95.203.192"),
            interface("far", "other", "10.0.2.10", "2001:db8:0:101::10", public="3.95.203.193"),
            interface("hidden", "private", "10.0.3.10"),
            interface("alone", "lonely", "10.0.4.10"),
        ),
        hosts={
            "laptop": Host("laptop", (ip_address("198.51.100.7"), ip_address("2001:db8:f::7"))),
            "www": Host("www", (ip_address("203.0.113.80"), ip_address("2001:db8:f::80")), services=("quotes",)),
            "liar": Host("liar", (ip_address("192.0.2.66"),), spoof=True),
        },
    )


def instances(*interfaces: Interface) -> dict[str, Instance]:
    """Return instances made of interfaces, the primary one of each first."""
    found: dict[str, Instance] = {}
    for each in interfaces:
        before = found[each.node].interfaces if each.node in found else ()
        found[each.node] = Instance(each.node, (*before, each))
    return found


def with_interface(lab: Lab, node: str, **fields: Any) -> Lab:
    """Return the lab with fields of a node's primary interface changed."""
    instance = lab.instances[node]
    primary = replace(instance.primary, **fields)
    changed = replace(instance, interfaces=(primary, *instance.interfaces[1:]))
    return replace(lab, instances={**lab.instances, node: changed})


def with_subnet(lab: Lab, name: str, **fields: Any) -> Lab:
    """Return the lab with fields of a subnet changed."""
    return replace(lab, subnets={**lab.subnets, name: replace(lab.subnets[name], **fields)})


def with_route(lab: Lab, subnet: str, cidr: str, place: str) -> Lab:
    """Return the lab with a route of a subnet to ``NODE`` or ``NODE/ENI``."""
    node, _, eni = place.partition("/")
    route = SubnetRoute(ip_network(cidr), node, eni or "eth0")
    return with_subnet(lab, subnet, routes=(*lab.subnets[subnet].routes, route))


def with_acl(lab: Lab, name: str, entries: str) -> Lab:
    """Return the lab with an ACL: ``ingress 100 allow tcp/22 0.0.0.0/0; …``."""
    lab = completed(replace(lab, acls={**lab.acls, name: NetworkAcl(name)}))
    for words in filter(None, map(str.strip, entries.split(";"))):
        way, number, action, traffic, cidr = words.split()
        request = AclEntryRequest(int(number), *parse_traffic(traffic), cidr, action)
        lab = apply(lab, AddAclEntry(name, Direction(way), request))
    return lab


def lab_of(
    rules: str | Mapping[str, str], base: Lab | None = None, members: Mapping[str, tuple[str, ...]] | None = None
) -> Lab:
    """
    Return a completed lab; everyone but ec2 has a group that is open to all.

    Args:
        rules: Those of the group ``web``, or by group: ``ingress tcp/22 from 0.0.0.0/0; egress …``. They are ec2's.
            Ids are made up: ``web-in-1``, ``web-out-1``.
        members: Groups of other nodes.
    """
    groups = {"web": rules} if isinstance(rules, str) else dict(rules)
    lab = base or bare_lab()
    lists = {"offices": PrefixList("offices", 5, (ip_network("198.51.100.0/24"),)), "nobody": PrefixList("nobody", 5)}
    lists["world"] = PrefixList("world", 5, (ip_network("0.0.0.0/0"),))
    names = ["open", *groups]
    lab = replace(lab, groups={name: SecurityGroup(name) for name in names}, prefix_lists=lists)
    lab = completed(lab)
    for name, words in {"open": OPEN, **groups}.items():
        lab = with_rules(lab, name, words)
    lab = apply(lab, Attach("ec2", "", tuple(groups)))
    for node, mine in (members or {}).items():
        lab = apply(lab, Attach(node, "", mine))
    return lab


def with_rules(lab: Lab, group: str, words: str) -> Lab:
    """Return the lab with rules added to a group."""
    for each in filter(None, map(str.strip, words.split(";"))):
        way, _, rule = each.partition(" ")
        lab = apply(lab, Authorize(group, Direction(way), (parse_rule(rule, Direction(way)),)))
    return lab


def paper(
    rules: str | Mapping[str, str], base: Lab | None = None, members: Mapping[str, tuple[str, ...]] | None = None
) -> Network:
    """Return a network on paper, made of `lab_of`."""
    return Network(PaperWire(lab_of(rules, base, members)))


def question_of(words: str, fields: Fields = NO_FIELDS) -> Question:
    """Read ``laptop ec2 tcp/22``, or with a trailing ``6`` for IPv6."""
    source, target, traffic, *family = words.split()
    protocol, dport, icmp_type, icmp_code = parse_probe(traffic)
    version = int(family[0]) if family else {1: 4, 58: 6}.get(protocol)
    return Question(source, target, protocol, dport, icmp_type, icmp_code, version, fields)


def probe(net: Network, words: str, fields: Fields = NO_FIELDS) -> Flow:
    """Open a flow: ``laptop ec2 tcp/22``."""
    return net.open_question(question_of(words, fields))


def verdict_of(flow: Any) -> str:
    """Return a verdict in a few words: ``RULE web-in-1`` or ``card ec2 ingress NO_RULE``."""
    verdict = flow.verdict
    if verdict.decision.value == "DENY":
        return f"{verdict.gate} {verdict.reason.name}" + (f" {verdict.rule}" if verdict.rule else "")
    return verdict.reason.name + (f" {verdict.rule}" if verdict.rule else "")


def lines(table: str) -> list[str]:
    """Return the lines of a table that are not empty."""
    return [line for line in table.splitlines() if line.strip()]
