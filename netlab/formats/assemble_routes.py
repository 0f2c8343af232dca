"""What stands on the subnets of an imported lab: network ACLs, NAT gateways, and the routes that lead out."""

from __future__ import annotations

from dataclasses import replace

from netlab.formats.assemble_land import Land
from netlab.formats.import_facts import Facts
from netlab.formats.import_found import FoundInterface, FoundRoute, FoundTable
from netlab.formats.import_words import Names
from netlab.model.acls import DEFAULT_ACL, NetworkAcl
from netlab.model.addresses import EVERYWHERE, contains
from netlab.model.rules import Direction
from netlab.model.topology import NatGateway, Subnet


def put_on_subnets(facts: Facts, land: Land, interfaces: list[FoundInterface]) -> None:
    """Put network ACLs, NAT gateways and routes on the subnets."""
    _add_acls(facts, land)
    _add_nats(facts, land)
    _add_routes(facts, land, interfaces)


def _add_acls(facts: Facts, land: Land) -> None:
    names = Names((DEFAULT_ACL,))
    for acl in facts.acls.values():
        if not land.has(acl.vpc):
            land.leave_out(facts, acl.place, f"network ACL {acl.name}", acl.vpc)
            continue
        name = DEFAULT_ACL if acl.default else names.give(acl.name, "acl", acl.key)
        sides = {side: tuple(sorted(acl.entries[side], key=lambda each: each.number)) for side in Direction}
        for side, entries in sides.items():
            if len({each.number for each in entries}) < len(entries):
                facts.wrong(acl.place, f"network ACL {acl.name} has two {side.value} entries of one number")
        land.places["acls", name] = acl.place
        land.acls[name] = NetworkAcl(name, sides[Direction.INGRESS], sides[Direction.EGRESS])
        for key in acl.subnets:
            if key in land.names:
                subnet = land.names[key]
                land.subnets[subnet] = replace(land.subnets[subnet], acl=name)


def _add_nats(facts: Facts, land: Land) -> None:
    names = Names()
    for nat in facts.nats.values():
        subnet = land.names.get(nat.subnet)
        if subnet is None:
            facts.note(nat.place, f"NAT gateway {nat.name} stands in a subnet that is not in the lab")
            continue
        name = names.give(nat.name, "nat", nat.key)
        own = nat.ip if nat.ip is not None and contains(land.subnets[subnet].cidr, nat.ip) else None
        public = nat.public or next(land.publics)
        land.claim_public(facts, nat.place, public, f"NAT gateway {name}")
        land.claim(facts, nat.place, own, f"NAT gateway {name}")
        land.places["nat_gateways", name] = nat.place
        land.nats[name] = NatGateway(name, subnet, public, own)
        land.names[f"nat {nat.key}"] = name


def _add_routes(facts: Facts, land: Land, interfaces: list[FoundInterface]) -> None:
    """Give subnets their routes; without any route table in the files, public addresses tell what is public."""
    tables = [each for each in facts.tables.values() if land.has(each.vpc)]
    main = next((each for each in tables if each.main), None)
    public = {each.subnet for each in interfaces if each.public or each.wants_public} | {
        nat.subnet for nat in facts.nats.values()
    }
    for key, name in land.names.items():
        if name not in land.subnets or key.startswith("nat "):
            continue
        table = next((each for each in tables if key in each.subnets), main)
        if not tables or (table is None and key in land.made_up):
            land.subnets[name] = replace(land.subnets[name], internet=land.subnets[name].internet or key in public)
            continue
        land.subnets[name] = replace(land.subnets[name], internet=False)
        if table is not None:
            land.tables[key] = table
            _route_out(facts, land, name, table)


def _route_out(facts: Facts, land: Land, name: str, table: FoundTable) -> None:
    ways: dict[int, FoundRoute] = {}
    for route in table.routes:
        whole = route.cidr == EVERYWHERE[route.cidr.version]
        if route.kind == "internet" and whole:
            ways[route.cidr.version] = route
        elif route.kind == "internet":
            facts.note(
                route.place, f"the route of {route.cidr} alone to the internet gateway: netlab routes all or none"
            )
        elif route.kind == "nat" and whole and f"nat {route.target}" in land.names and route.cidr.version == 4:
            land.subnets[name] = replace(land.subnets[name], nat=land.names[f"nat {route.target}"])
        elif route.kind == "nat":
            facts.note(route.place, f"the route to {route.cidr} leads to NAT gateway {route.target}, not in the lab")
    _to_internet(facts, land, land.subnets[name], table, ways)


def _to_internet(facts: Facts, land: Land, subnet: Subnet, table: FoundTable, ways: dict[int, FoundRoute]) -> None:
    """
    Give a subnet its way to the internet gateway, which a lab has for every family of a subnet or for none.

    Args:
        ways: The route of each family that leads everything there.
    """
    families = {4} if subnet.ipv6_cidr is None else {4, 6}
    missing = families - ways.keys()
    if missing == families:
        return
    if subnet.nat is not None:
        facts.note(
            table.place, f"subnet {subnet.name} routes one family to the internet and one to NAT: netlab takes NAT"
        )
        return
    route = next(route for family, route in ways.items() if family in families)
    said = f"subnet {subnet.name} routes IPv{route.cidr.version} alone to the internet gateway"
    if missing == {6}:
        facts.note(route.place, f"{said}: netlab takes both families or none, so it has no IPv6 in the lab")
        subnet = replace(subnet, ipv6_cidr=None)
    elif missing == {4} and any(nat.subnet == subnet.name for nat in land.nats.values()):
        facts.note(route.place, f"{said}, and has a NAT gateway: netlab takes both families or none, here none")
        return
    elif missing == {4}:
        facts.note(route.place, f"{said}: no interface in it has a public IPv4 address in the lab")
        land.without_public.add(subnet.name)
    land.subnets[subnet.name] = replace(subnet, internet=True)
