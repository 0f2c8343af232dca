"""The VPC, its subnets, their routes and NAT gateways, of a lab file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network, IPv6Network

from netlab.formats.acls import acl_names
from netlab.formats.ground import (
    Ground,
    read_ipv4_network,
    read_ipv6_network,
    read_known,
    read_private_address,
    read_public_address,
)
from netlab.formats.schema import (
    NatShape,
    SubnetShape,
    VpcShape,
)
from netlab.formats.sheet import Sheet
from netlab.formats.traffic import read_network
from netlab.formats.words import parse_name
from netlab.formats.yaml_reader import Path
from netlab.model.addresses import EVERYWHERE, Cidr, contains
from netlab.model.topology import (
    Instance,
    NatGateway,
    Subnet,
    SubnetRoute,
    Vpc,
)


def read_vpc(sheet: Sheet) -> Vpc | None:
    """Read ``vpc:``."""
    if sheet.get(("vpc",)) is None:
        sheet.wrong(("vpc",), "is missing, wanted {cidr: NETWORK}")
        return None
    shape = sheet.shape(VpcShape, ("vpc",))
    if shape is None:
        return None
    cidr = read_ipv4_network(sheet, ("vpc", "cidr"), shape.cidr)
    ipv6 = read_ipv6_network(sheet, ("vpc", "ipv6_cidr"), shape.ipv6_cidr)
    return None if cidr is None else Vpc(cidr, ipv6)


def read_subnets(sheet: Sheet, ground: Ground) -> None:
    """Read ``subnets:`` into *ground*, but for their routes."""
    ground.subnet_names = tuple(sheet.mapping(("subnets",)))
    nats = tuple(sheet.mapping(("nat_gateways",)))
    for name in ground.subnet_names:
        path = ("subnets", name)
        sheet.take(path, parse_name, name)
        shape = sheet.shape(SubnetShape, path)
        if shape is None:
            continue
        cidr = read_ipv4_network(sheet, (*path, "cidr"), shape.cidr)
        ipv6 = read_ipv6_network(sheet, (*path, "ipv6_cidr"), shape.ipv6_cidr)
        _check_subnet(sheet, path, ground, cidr, ipv6)
        acl = read_known(sheet, (*path, "acl"), shape.acl, acl_names(sheet), "network ACL")
        nat = None
        if shape.nat is not None:
            nat = read_known(sheet, (*path, "nat"), shape.nat, nats, "NAT gateway")
            if shape.internet:
                sheet.wrong((*path, "nat"), "found nat and internet: true, wanted one route for everything else")
        if cidr is not None:
            ground.subnets[name] = Subnet(name, cidr, ipv6, shape.internet, acl or shape.acl, nat)


def _check_subnet(sheet: Sheet, path: Path, ground: Ground, cidr: IPv4Network | None, ipv6: IPv6Network | None) -> None:
    own = (("cidr", cidr), ("ipv6_cidr", ipv6))
    around = {} if ground.vpc is None else {"cidr": ground.vpc.cidr, "ipv6_cidr": ground.vpc.ipv6_cidr}
    for key, network in own:
        if network is None:
            continue
        if key in around and not _is_part(network, around[key]):
            vpc = around[key]
            sheet.wrong(
                (*path, key), f"{network} is outside the VPC's {vpc}" if vpc else "found IPv6, the VPC has none"
            )
        for other in ground.subnets.values():
            theirs = other.cidr if key == "cidr" else other.ipv6_cidr
            if theirs is not None and theirs.version == network.version and network.overlaps(theirs):
                sheet.wrong((*path, key), f"{network} overlaps subnet {other.name}'s {theirs}")


def _is_part(network: Cidr, whole: Cidr | None) -> bool:
    return whole is not None and contains(whole, network[0]) and contains(whole, network[-1])


def read_nat_gateways(sheet: Sheet, ground: Ground) -> dict[str, NatGateway]:
    """Read ``nat_gateways:``."""
    gateways = {}
    for name in sheet.mapping(("nat_gateways",)):
        path = ("nat_gateways", name)
        sheet.take(path, parse_name, name)
        shape = sheet.shape(NatShape, path)
        if shape is None:
            continue
        read_known(sheet, (*path, "subnet"), shape.subnet, ground.subnet_names, "subnet")
        public = read_public_address(sheet, (*path, "public_ip"), shape.public_ip, ground, f"NAT gateway {name}")
        own = None
        if shape.ip is not None:
            own = read_private_address(sheet, (*path, "ip"), shape.ip, ground, f"NAT gateway {name}", shape.subnet, 4)
        if public is not None:
            gateways[name] = NatGateway(name, shape.subnet, public, own if isinstance(own, IPv4Address) else None)
    return gateways


def read_routes(sheet: Sheet, ground: Ground, instances: Mapping[str, Instance]) -> None:
    """Read the routes of the subnets, now that the instances are known."""
    written = sheet.mapping(("instances",))
    for name, subnet in ground.subnets.items():
        shape = sheet.shape(SubnetShape, ("subnets", name))
        if shape is None or not shape.routes:
            continue
        routes: dict[Cidr, SubnetRoute] = {}
        for text, target in shape.routes.items():
            place = ("subnets", name, "routes", text)
            cidr = read_network(sheet, place, text)
            if cidr is None:
                continue
            taken = _taken(subnet, cidr) or (f"{cidr} has a route already" if cidr in routes else "")
            if taken:
                sheet.wrong(place, taken)
            node, _, interface = target.partition("/")
            if node in instances:
                names = [each.name for each in instances[node].interfaces]
                read_known(sheet, place, interface or names[0], names, f"interface of {node}")
                routes[cidr] = SubnetRoute(cidr, node, interface or names[0])
            elif node not in written:
                read_known(sheet, place, node, tuple(written), "instance")
        ground.subnets[name] = replace(subnet, routes=tuple(routes.values()))


def _taken(subnet: Subnet, cidr: Cidr) -> str:
    if cidr != EVERYWHERE[cidr.version]:
        return ""
    if subnet.internet:
        return f"{cidr} leads to the internet gateway already (internet: true)"
    if subnet.nat is not None and cidr.version == 4:
        return f"{cidr} leads to the NAT gateway {subnet.nat} already"
    return ""
