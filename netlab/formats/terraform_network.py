"""
The ground in what `terraform show -json` prints: VPCs, subnets, route tables, network ACLs, NAT gateways.

Source:
    Terraform AWS provider: aws_vpc, aws_subnet, aws_route_table, aws_network_acl, aws_nat_gateway and their companions.
"""

from __future__ import annotations

from netlab.errors import InputError
from netlab.formats.describe_network import acl_entry
from netlab.formats.import_facts import Unknown
from netlab.formats.import_found import FoundAcl, FoundNat, FoundSubnet, FoundVpc
from netlab.formats.import_words import (
    ipv4,
    ipv4_cidr,
    ipv6_cidr,
    items,
    mapping,
    name_tag,
    parse_whole,
    text_of,
    truth,
)
from netlab.formats.terraform_plan import Resource
from netlab.formats.terraform_routes import read_routes
from netlab.formats.terraform_words import State
from netlab.model.rules import Direction

HANDLED = {
    "aws_vpc",
    "aws_default_vpc",
    "aws_subnet",
    "aws_default_subnet",
    "aws_route_table",
    "aws_default_route_table",
    "aws_route",
    "aws_route_table_association",
    "aws_main_route_table_association",
    "aws_internet_gateway",
    "aws_nat_gateway",
    "aws_network_acl",
    "aws_default_network_acl",
    "aws_network_acl_rule",
    "aws_network_acl_association",
    "aws_eip",
    "aws_eip_association",
    "aws_network_interface_attachment",
    "aws_network_interface_sg_attachment",
}
"""Types that become part of the ground, or of the nodes on it."""


def read_network(state: State) -> None:
    """Read the ground into the state's facts."""
    for resource in state.plan.resources.values():
        if resource.kind in {"aws_vpc", "aws_default_vpc"}:
            _read_vpc(state, resource)
        elif resource.kind in {"aws_subnet", "aws_default_subnet"}:
            _read_subnet(state, resource)
    read_routes(state)
    for resource in state.plan.of_kind("aws_nat_gateway"):
        _read_nat(state, resource)
    _read_acls(state)


def _read_vpc(state: State, resource: Resource) -> None:
    key = state.key(resource)
    if not text_of(resource.values.get("cidr_block")):
        state.facts.unknown[key] = Unknown(state.plain_address(resource), "its network is known only after apply")
        return
    try:
        cidr = ipv4_cidr(resource.values["cidr_block"])
        ipv6 = ipv6_cidr(resource.values.get("ipv6_cidr_block"))
    except InputError as error:
        state.facts.wrong(state.place(resource), str(error))
        return
    state.facts.vpcs.setdefault(key, FoundVpc(key, cidr, state.place(resource), ipv6))


def _read_subnet(state: State, resource: Resource) -> None:
    key = state.key(resource)
    values = resource.values
    if not text_of(values.get("cidr_block")):
        state.facts.unknown[key] = Unknown(state.plain_address(resource), "its network is known only after apply")
        state.tell(resource, "its network is known only after apply: one is made up where something stands in it")
        return
    try:
        found = FoundSubnet(
            key,
            name_tag(values.get("tags")) or state.plain_address(resource),
            ipv4_cidr(values["cidr_block"]),
            state.place(resource),
            vpc=state.vpc(resource),
            ipv6=ipv6_cidr(values.get("ipv6_cidr_block")),
            public=truth(values.get("map_public_ip_on_launch"), default=False),
        )
    except InputError as error:
        state.facts.wrong(state.place(resource), str(error))
        return
    state.facts.subnets.setdefault(key, found)


def _read_nat(state: State, resource: Resource) -> None:
    if resource.values.get("connectivity_type") == "private":
        state.tell(resource, "a private NAT gateway: netlab has public ones only")
        return
    key = state.key(resource)
    state.facts.nats[key] = FoundNat(
        key,
        name_tag(resource.values.get("tags")) or state.plain_address(resource),
        state.place(resource),
        state.thing(resource, "subnet_id"),
        ipv4(resource.values.get("public_ip")),
        ipv4(resource.values.get("private_ip")),
    )


def _read_acls(state: State) -> None:
    for resource in state.plan.of_kind("aws_network_acl", "aws_default_network_acl"):
        key = state.key(resource)
        name = name_tag(resource.values.get("tags")) or state.plain_address(resource)
        default = resource.kind == "aws_default_network_acl"
        acl = FoundAcl(key, name, state.place(resource), state.vpc(resource), default)
        acl.subnets += state.things(resource, "subnet_ids")
        state.facts.acls[key] = acl
        for side in Direction:
            for data in map(mapping, items(resource.values.get(side.value))):
                _read_entry(state, resource, acl, side, data)
    for resource in state.plan.of_kind("aws_network_acl_rule"):
        found = state.facts.acls.get(state.thing(resource, "network_acl_id"))
        if found is None:
            state.lost(resource, "network_acl_id", "the network ACL of an entry")
            continue
        side = Direction.EGRESS if truth(resource.values.get("egress"), default=False) else Direction.INGRESS
        _read_entry(state, resource, found, side, resource.values)
    for resource in state.plan.of_kind("aws_network_acl_association"):
        found = state.facts.acls.get(state.thing(resource, "network_acl_id"))
        if found is None:
            state.lost(resource, "network_acl_id", "the network ACL of a subnet")
        else:
            found.subnets.append(state.thing(resource, "subnet_id"))


def _read_entry(state: State, resource: Resource, acl: FoundAcl, side: Direction, data: dict[str, object]) -> None:
    protocol = text_of(data.get("protocol"))
    api: dict[str, object] = {
        "CidrBlock": data.get("cidr_block") or data.get("ipv6_cidr_block"),
        "PortRange": {"From": data.get("from_port"), "To": data.get("to_port")},
    }
    if protocol in {"1", "58", "icmp", "icmpv6"}:
        api["IcmpTypeCode"] = {"Type": data.get("icmp_type"), "Code": data.get("icmp_code")}
    action = text_of(data.get("action") or data.get("rule_action"))
    try:
        number = parse_whole(data.get("rule_no") or data.get("rule_number")) or 0
        entry = acl_entry(number, protocol, api, action)
    except InputError as error:
        state.facts.wrong(state.place(resource), str(error))
        return
    if entry not in acl.entries[side]:
        acl.entries[side].append(entry)
