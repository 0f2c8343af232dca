"""
The route tables in what `terraform show -json` prints, and the subnets that they serve.

Source:
    Terraform AWS provider: aws_route_table, aws_default_route_table, aws_route and their associations.
"""

from __future__ import annotations

from netlab.formats.describe_network import route_to
from netlab.formats.import_found import FoundTable
from netlab.formats.import_words import items, mapping, text_of
from netlab.formats.terraform_plan import Resource
from netlab.formats.terraform_references import has_true
from netlab.formats.terraform_words import State

_TARGETS = {
    "nat_gateway_id": "NatGatewayId",
    "network_interface_id": "NetworkInterfaceId",
    "instance_id": "InstanceId",
    "gateway_id": "GatewayId",
    "vpc_peering_connection_id": "VpcPeeringConnectionId",
    "transit_gateway_id": "TransitGatewayId",
    "egress_only_gateway_id": "EgressOnlyInternetGatewayId",
    "vpc_endpoint_id": "VpcEndpointId",
}
"""What Terraform calls a route's target, and what the EC2 API calls it."""

_KINDS = {"gateway_id": ("aws_internet_gateway",), "nat_gateway_id": ("aws_nat_gateway",)}
"""The types that a target is looked for among where a reference does not say what it is the target of."""


def read_routes(state: State) -> None:
    """Read the route tables, the routes that are resources of their own, and which subnets have which table."""
    for resource in state.plan.of_kind("aws_route_table", "aws_default_route_table"):
        _read_table(state, resource)
    for resource in state.plan.of_kind("aws_route"):
        table = state.facts.tables.get(state.thing(resource, "route_table_id"))
        if table is None:
            state.lost(resource, "route_table_id", "the table of a route")
        else:
            _read_route(state, resource, table, resource.values, _targets(state, resource))
    for resource in state.plan.of_kind("aws_route_table_association", "aws_main_route_table_association"):
        table = state.facts.tables.get(state.thing(resource, "route_table_id"))
        if table is None:
            state.lost(resource, "route_table_id", "the route table of a subnet")
        elif resource.kind == "aws_route_table_association":
            table.subnets.append(state.thing(resource, "subnet_id"))
        else:
            table.main = True


def _read_table(state: State, resource: Resource) -> None:
    main = resource.kind == "aws_default_route_table"
    key = state.key(resource)
    table = FoundTable(key, state.place(resource), state.vpc(resource), main)
    state.facts.tables[key] = table
    for at, data in enumerate(map(mapping, items(resource.values.get("route")))):
        _read_route(state, resource, table, data, _targets_of_block(state, resource, at, data))


def _read_route(
    state: State, resource: Resource, table: FoundTable, data: dict[str, object], targets: dict[str, object]
) -> None:
    destination = next(
        (
            text_of(data[key])
            for key in ("cidr_block", "ipv6_cidr_block", "destination_cidr_block", "destination_ipv6_cidr_block")
            if data.get(key)
        ),
        "",
    )
    if not destination:
        state.tell(resource, "a route whose destination is no network")
    elif targets.get("GatewayId") != "local":
        route = route_to(state.facts, state.place(resource), destination, targets)
        if route is not None:
            table.routes.append(route)


def _targets(state: State, resource: Resource) -> dict[str, object]:
    """Return the target of a route that is a resource of its own."""
    targets: dict[str, object] = {}
    for key, name in _TARGETS.items():
        if known := text_of(resource.values.get(key)):
            targets[name] = known
        elif state.thing(resource, key):
            targets |= _target(state, key, state.follow(resource, key).addresses[0])
    return targets


def _targets_of_block(state: State, resource: Resource, at: int, data: dict[str, object]) -> dict[str, object]:
    """Return the target of a table's own route, which the configuration may give for all of its routes together."""
    known: dict[str, object] = {name: text for key, name in _TARGETS.items() if (text := text_of(data.get(key)))}
    unknown = items((resource.unknown or {}).get("route"))
    late = mapping(unknown[at]) if at < len(unknown) else {}
    written = state.plan.expressions(resource).get("route")
    blocks = [mapping(each) for each in items(written)]
    parted = not any({"references", "constant_value"} & each.keys() for each in blocks)
    block = blocks[at] if parted and at < len(blocks) else {}
    targets: dict[str, object] = {}
    for key in _TARGETS:
        if known or not (resource.unknown is None or has_true(late.get(key))):
            continue
        found = state.lead(resource, block.get(key) if parted else written).addresses
        own = [each for each in found if parted or _kind(state, each) in _KINDS.get(key, ())]
        if len(own) == 1:
            targets |= _target(state, key, own[0])
    return known or (targets if len(targets) == 1 else {})


def _target(state: State, key: str, address: str) -> dict[str, object]:
    """Return a target by its address; only an internet gateway is one whose id is not known yet."""
    is_other = key == "gateway_id" and _kind(state, address) not in _KINDS[key]
    return {"OtherGatewayId" if is_other else _TARGETS[key]: state.key_of(address)}


def _kind(state: State, address: str) -> str:
    return state.plan.resources[address].kind if address in state.plan.resources else ""
