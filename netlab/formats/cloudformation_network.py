"""
A CloudFormation template's ground: VPC, subnets, route tables, network ACLs, NAT gateways.

Source:
    CloudFormation template reference, AWS::EC2::….
"""

from __future__ import annotations

from netlab.errors import InputError
from netlab.formats.cloudformation_template import MADE_UP_IPV6, SUBNET, VPC, Resource, Template
from netlab.formats.cloudformation_words import unresolved
from netlab.formats.describe_network import acl_entry, route_to
from netlab.formats.import_found import FoundAcl, FoundNat, FoundSubnet, FoundTable, FoundVpc
from netlab.formats.import_words import ipv4_cidr, ipv6_cidr, name_tag, parse_whole, text_of, truth
from netlab.model.rules import Direction

_EC2 = "AWS::EC2::"
HANDLED = {
    f"{_EC2}{name}"
    for name in (
        "VPC",
        "Subnet",
        "RouteTable",
        "Route",
        "SubnetRouteTableAssociation",
        "InternetGateway",
        "VPCGatewayAttachment",
        "NatGateway",
        "NetworkAcl",
        "NetworkAclEntry",
        "SubnetNetworkAclAssociation",
        "VPCCidrBlock",
        "SubnetCidrBlock",
        "EIP",
        "EIPAssociation",
        "NetworkInterfaceAttachment",
    )
}
"""Types that become part of the ground, or of the nodes on it."""


def read_ground(template: Template) -> None:
    """Read VPC, subnets, route tables and network ACLs into the template's facts."""
    template.each(_read_vpc, VPC)
    template.each(_read_block, f"{_EC2}VPCCidrBlock")
    template.each(_read_subnet, f"{_EC2}Subnet")
    template.each(_read_table, f"{_EC2}RouteTable")
    template.each(_read_acl, f"{_EC2}NetworkAcl")


def read_routes(template: Template) -> None:
    """Read what fills route tables and network ACLs, and the NAT gateways, into the template's facts."""
    template.each(_associate_table, f"{_EC2}SubnetRouteTableAssociation")
    template.each(_read_route, f"{_EC2}Route")
    template.each(_read_nat, f"{_EC2}NatGateway")
    template.each(_associate_acl, f"{_EC2}SubnetNetworkAclAssociation")
    template.each(_read_entry, f"{_EC2}NetworkAclEntry")


def _read_vpc(template: Template, resource: Resource) -> None:
    key = template.key(resource.name)
    try:
        cidr = ipv4_cidr(template.needed(resource.properties.get("CidrBlock")))
    except InputError as error:
        template.facts.wrong(template.place(resource, "CidrBlock"), str(error))
        return
    template.facts.vpcs[key] = FoundVpc(key, cidr, template.place(resource))


def _read_block(template: Template, resource: Resource) -> None:
    """Read a further network of a VPC: a lab has one a family."""
    vpc = template.facts.vpcs.get(template.thing(resource.properties.get("VpcId")))
    place = template.place(resource)
    given = template.text(resource, "Ipv6CidrBlock")
    asked = template.flag(resource, "AmazonProvidedIpv6CidrBlock")
    if vpc is None or not (given or asked):
        template.facts.note(place, "a further network of a VPC: a lab's VPC has one IPv4 network")
        return
    if asked:
        template.facts.note(place, f"AWS gives the VPC an IPv6 network: taken to be {MADE_UP_IPV6}")
    try:
        vpc.ipv6 = ipv6_cidr(given or MADE_UP_IPV6)
    except InputError as error:
        template.facts.wrong(template.place(resource, "Ipv6CidrBlock"), str(error))


def _read_subnet(template: Template, resource: Resource) -> None:
    key = template.key(resource.name)
    if template.flag(resource, "Ipv6Native"):
        template.facts.leave_out_subnet(key, template.place(resource))
        return
    try:
        cidr = ipv4_cidr(template.needed(resource.properties.get("CidrBlock")))
        written = resource.properties.get("Ipv6CidrBlock")
        ipv6 = ipv6_cidr(template.needed(written)) if written else None
    except InputError as error:
        template.facts.wrong(template.place(resource, "CidrBlock"), str(error))
        return
    template.facts.subnets[key] = FoundSubnet(
        key,
        resource.name,
        cidr,
        template.place(resource),
        vpc=template.vpc(resource),
        ipv6=ipv6,
        public=template.flag(resource, "MapPublicIpOnLaunch"),
    )


def _read_table(template: Template, resource: Resource) -> None:
    key = template.key(resource.name)
    template.facts.tables[key] = FoundTable(key, template.place(resource), template.vpc(resource))


def _associate_table(template: Template, resource: Resource) -> None:
    table = template.facts.tables.get(template.thing(resource.properties.get("RouteTableId")))
    if table is None:
        template.lost(resource, "RouteTableId", "the route table of a subnet")
    else:
        table.subnets.append(template.thing(resource.properties.get("SubnetId")))


def _read_route(template: Template, resource: Resource) -> None:
    place = template.place(resource)
    table = template.facts.tables.get(template.thing(resource.properties.get("RouteTableId")))
    destination = template.get(resource, "DestinationCidrBlock") or template.get(resource, "DestinationIpv6CidrBlock")
    if table is None:
        template.lost(resource, "RouteTableId", "the table of a route")
        return
    if not text_of(destination):
        template.facts.note(place, f"a route whose destination is not known{_because(destination)}")
        return
    targets: dict[str, object] = {}
    for name, value in resource.properties.items():
        if name.endswith("Id") and name != "RouteTableId":
            key = template.thing(value)
            if key in template.facts.unknown:
                template.lost(resource, name, f"the target of the route to {text_of(destination)}")
                return
            named = template.resource_of(key)
            other = named is not None and named.kind != f"{_EC2}InternetGateway"
            targets[name] = f"vgw-{key}" if name == "GatewayId" and other else key
    route = route_to(template.facts, place, text_of(destination), targets)
    if route is not None:
        table.routes.append(route)


def _read_nat(template: Template, resource: Resource) -> None:
    place = template.place(resource)
    if template.text(resource, "ConnectivityType") == "private":
        template.facts.note(place, f"NAT gateway {resource.name} is private: netlab has public ones only")
        return
    key = template.key(resource.name)
    subnet = template.sited(resource, resource.properties.get("SubnetId"), SUBNET)
    template.facts.nats[key] = FoundNat(key, resource.name, place, subnet)


def _read_acl(template: Template, resource: Resource) -> None:
    key = template.key(resource.name)
    name = name_tag(template.get(resource, "Tags")) or resource.name
    template.facts.acls[key] = FoundAcl(key, name, template.place(resource), template.vpc(resource))


def _associate_acl(template: Template, resource: Resource) -> None:
    acl = template.facts.acls.get(template.thing(resource.properties.get("NetworkAclId")))
    if acl is None:
        template.lost(resource, "NetworkAclId", "the network ACL of a subnet")
    else:
        acl.subnets.append(template.thing(resource.properties.get("SubnetId")))


def _read_entry(template: Template, resource: Resource) -> None:
    acl = template.facts.acls.get(template.thing(resource.properties.get("NetworkAclId")))
    if acl is None:
        template.lost(resource, "NetworkAclId", "the network ACL of an entry")
        return
    data: dict[str, object] = {}
    mistakes = len(template.facts.mistakes)
    for name, value in resource.properties.items():
        try:
            data[name] = None if name == "NetworkAclId" else template.needed(value)
        except InputError as error:
            template.facts.wrong(template.place(resource, name), str(error))
    if len(template.facts.mistakes) > mistakes:
        return
    number = parse_whole(data.get("RuleNumber")) or 0
    entry = acl_entry(number, data.get("Protocol"), data, text_of(data.get("RuleAction")))
    side = Direction.EGRESS if truth(data.get("Egress"), default=False) else Direction.INGRESS
    acl.entries[side].append(entry)


def _because(value: object) -> str:
    reason = unresolved(value)
    return f": {reason}" if reason else ""
