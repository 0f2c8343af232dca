"""
What expectations and stories of a lab file are checked against: the lab as far as it could be read, places, gates, ids.

Nothing is played here; only what cannot be meant is found.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from netlab.formats.acls import acl_names
from netlab.formats.rules import PeerNames
from netlab.formats.sheet import Sheet
from netlab.formats.words import parse_known, shown, suggestion
from netlab.formats.yaml_reader import Path
from netlab.model.addresses import Address, address_from_text
from netlab.model.places import Ends, Place, parse_place, resolve_ends
from netlab.model.rules import Direction
from netlab.model.topology import Interface, Lab
from netlab.model.verdicts import IGW, INTERNET, MTU_GATE, VPC_ROUTE, acl_gate, card_gate, nat_gate

CARD_PARTS = ("ingress", "egress", "source-dest-check", "allowance")
GATES = f"card NODE {'|'.join(CARD_PARTS)}, acl NAME ingress|egress, vpc route, igw, nat NAME, mtu or internet"


@dataclass(frozen=True, slots=True)
class Stage:
    """
    The lab, and all names written in the file, also those of things that were wrong.

    Attributes:
        lab: With an address for every interface; may lack what is wrong.
        whole: The VPC is right, so that addresses can be told inside from outside.
    """

    sheet: Sheet
    lab: Lab
    names: PeerNames
    whole: bool

    @property
    def instances(self) -> tuple[str, ...]:
        """Names of the instances written in the file."""
        return tuple(self.sheet.mapping(("instances",)))

    @property
    def nodes(self) -> tuple[str, ...]:
        """Names of all instances and hosts written in the file."""
        return (*self.instances, *self.sheet.mapping(("hosts",)))

    def place(self, path: Path, text: str) -> Place | None:
        """Read a place; one of a node that is itself wrong is passed over in silence."""
        name = text.partition(":")[0].partition("/")[0]
        if address_from_text(text) is None:
            if name not in self.nodes:
                self.sheet.wrong(path, f"no instance or host {shown(name)}{suggestion(name, self.nodes)}")
                return None
            if name not in self.lab.instances and name not in self.lab.hosts:
                return None
        return self.sheet.take(path, lambda each: parse_place(self.lab, each), text)

    def ends(self, path: Path, source: str, target: str, family: int | None) -> Ends | None:
        """Find the addresses of a flow; None where they cannot be told, or there are none (noted)."""
        places = (self.place((*path, "from"), source), self.place((*path, "to"), target))
        if None in places or not self.whole:
            return None
        return self.sheet.take(path, lambda lab: resolve_ends(lab, source, target, family), self.lab)

    def interface(self, path: Path, text: str) -> Interface | None:
        """Read ``NODE`` or ``NODE/ENI``."""
        node, _, name = text.partition("/")
        known = self.sheet.take(path, lambda each: parse_known(each, self.instances, "instance"), node)
        if known is None or known not in self.lab.instances:
            return None
        have = [each.name for each in self.lab.instances[known].interfaces]
        if name and name not in have:
            self.sheet.wrong(path, f"{node} has no interface {shown(name)}{suggestion(name, have)}")
            return None
        return self.lab.interface(node, name)

    def gate(self, path: Path, text: str) -> str:
        """Read the name of a gate and return it as verdicts spell it; empty where it is none (noted)."""
        match text.split():
            case ["vpc", "route"]:
                return VPC_ROUTE
            case [("igw" | "mtu" | "internet") as word]:
                return {"igw": IGW, "mtu": MTU_GATE, "internet": INTERNET}[word]
            case ["nat", name]:
                known = tuple(self.sheet.mapping(("nat_gateways",)))
                self.sheet.take(path, lambda each: parse_known(each, known, "NAT gateway"), name)
                return nat_gate(name)
            case ["acl", name, ("ingress" | "egress") as direction]:
                known = acl_names(self.sheet)
                self.sheet.take(path, lambda each: parse_known(each, known, "network ACL"), name)
                return acl_gate(name, Direction(direction))
            case ["card", label, part] if part in CARD_PARTS:
                interface = self.interface(path, label)
                return "" if interface is None else card_gate(interface, part)
            case _:
                self.sheet.wrong(path, f"found {shown(text)}, wanted {GATES}")
                return ""

    def rule_id(self, path: Path, text: str) -> str:
        """Read the id of a rule: of the file, of a step that adds one, or one that netlab makes up."""
        known = self._rule_ids()
        if text not in known and not self._is_made_up(text):
            self.sheet.wrong(path, f"no rule has the id {shown(text)}{suggestion(text, known)}")
        return text

    def _rule_ids(self) -> list[str]:
        found: dict[str, None] = {}
        waiting = [self.sheet.get(("security_groups",)), self.sheet.get(("stories",))]
        while waiting:
            data = waiting.pop(0)
            if isinstance(data, dict):
                waiting += data.values()
                if isinstance(data.get("id"), str):
                    found[data["id"]] = None
            elif isinstance(data, list):
                waiting += data
        return list(found)

    def _is_made_up(self, text: str) -> bool:
        """Tell whether a rule without an id may come to have this one (``web-in-1``)."""
        match = re.fullmatch(r"(.+)-(in|out)-[1-9][0-9]*", text)
        return match is not None and any(name.startswith(match[1]) for name in self.names.groups)


def addressed(lab: Lab) -> Lab:
    """
    Return the lab with an address for every interface, so that places can be told; without names that lead nowhere.

    Free addresses are given in the file's order, as they will be when the lab is completed.
    """
    taken: set[Address] = {address for each in lab.interfaces() for address in each.addresses}
    taken |= {each.ip for each in lab.nat_gateways.values() if each.ip is not None}
    instances = {}
    for name, instance in lab.instances.items():
        interfaces = []
        for each in instance.interfaces:
            subnet = lab.subnets[each.subnet]
            ipv4, ipv6 = each.ipv4, each.ipv6
            if not ipv4:
                ipv4 = tuple(IPv4Address(address) for address in _next_free(subnet.cidr, taken))
            if not ipv6 and subnet.ipv6_cidr is not None:
                ipv6 = tuple(IPv6Address(address) for address in _next_free(subnet.ipv6_cidr, taken))
            interfaces.append(replace(each, ipv4=ipv4, ipv6=ipv6))
        instances[name] = replace(instance, interfaces=tuple(interfaces))
    subnets = {
        name: replace(subnet, nat=subnet.nat if subnet.nat in lab.nat_gateways else None)
        for name, subnet in lab.subnets.items()
    }
    return replace(lab, subnets=subnets, instances=instances)


def _next_free(network: IPv4Network | IPv6Network, taken: set[Address]) -> list[int]:
    """Return the first address that is neither reserved nor taken; none in a full network."""
    for number in range(int(network[4]), int(network[-1])):
        address = type(network[0])(number)
        if address not in taken:
            taken.add(address)
            return [number]
    return []
