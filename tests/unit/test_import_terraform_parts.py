"""Parts of a plan that are known only after apply: of rules inside groups, of nodes, of route tables."""

import json

import pytest
from terraform_plans import (
    GROUP,
    WRITTEN,
    A,
    B,
    C,
    Data,
    config,
    id_of,
    import_plan,
    notes_of,
    peers_of,
    planned,
    refers,
)

from netlab.formats import import_files

BLOCK: Data = {
    **{key: [] for key in ("cidr_blocks", "ipv6_cidr_blocks", "prefix_list_ids", "security_groups")},
    "self": False,
    "description": "",
    "protocol": "tcp",
    "from_port": 443,
    "to_port": 443,
}
PARTS: list[tuple[str, Data, list[str]]] = [
    ("cidr_blocks", {"security_groups": ["sg-0123"]}, ["sg-0123"]),
    ("ipv6_cidr_blocks", {"cidr_blocks": ["10.0.0.0/8"]}, ["10.0.0.0/8"]),
    ("prefix_list_ids", {"self": True}, ["a"]),
    ("security_groups", {"cidr_blocks": ["10.0.0.0/8"]}, ["10.0.0.0/8", "b"]),
]


@pytest.mark.parametrize(("late", "values", "peers"), PARTS)
def test_every_late_part_of_an_inline_rule_is_told(late: str, values: Data, peers: list[str]) -> None:
    """What is known of the rule stays; the groups are those that the configuration refers to."""
    block = {key: each for key, each in {**BLOCK, **values}.items() if key != late}
    group = planned(f"{GROUP}.a", {"name": "a", "ingress": [block]}, {"ingress": [{late: True}], "egress": True})
    written = config(f"{GROUP}.a", ingress=refers("var.x", f"{GROUP}.b.id", f"{GROUP}.b"))
    imported = import_plan([group, B], [written, WRITTEN[1]], variables={"x": {"value": "y"}})

    assert peers_of(imported, "a") == peers
    told = [] if late == "security_groups" else [f"{late} of a rule on tcp/443 is known only after apply"]
    assert notes_of(imported, f"{GROUP}.a") == told


def test_a_late_prefix_list_of_a_block_is_followed() -> None:
    """Where the configuration has the rule's own block."""
    block = {key: each for key, each in BLOCK.items() if key != "prefix_list_ids"}
    group = planned(f"{GROUP}.a", {"name": "a", "ingress": [block]}, {"ingress": [{"prefix_list_ids": [True]}]})
    offices = planned("aws_ec2_managed_prefix_list.offices", {"name": "offices", "entry": [{"cidr": "10.0.0.0/8"}]}, {})
    written = config(f"{GROUP}.a", ingress=[{"prefix_list_ids": id_of("aws_ec2_managed_prefix_list.offices")}])
    imported = import_plan([group, offices], [written, config("aws_ec2_managed_prefix_list.offices")])

    assert (peers_of(imported, "a"), imported.unmodelled) == (["offices"], ())


def test_late_ports_of_an_inline_rule_are_no_mistake() -> None:
    """The rule is noted; so is one that names no peer at all."""
    block = {key: each for key, each in BLOCK.items() if key != "from_port"}
    values = {"name": "a", "ingress": [block], "egress": [BLOCK]}
    group = planned(f"{GROUP}.a", values, {"ingress": [{"from_port": True}], "egress": [{}]})
    imported = import_plan([group], [config(f"{GROUP}.a", ingress=refers("aws_x.y.port"), egress=refers("var.x"))])

    assert notes_of(imported, f"{GROUP}.a") == [
        "the ports of a rule of its ingress are known only after apply",
        "a rule on tcp/443 of its egress: it names no peer",
    ]


OLD_GROUP = planned(f"{GROUP}.c", {"name": "c", "id": "sg-c"}, {})
TOGETHER: list[tuple[list[str], int, list[str], int]] = [
    ([f"{GROUP}.b", "local.x"], 1, ["b"], 1),
    ([f"{GROUP}.b", "local.x"], 2, [], 2),
    ([f"{GROUP}.b"], 2, ["b", "b"], 1),
    ([f"{GROUP}.b", f"{GROUP}.c"], 1, ["b"], 1),
    ([f"{GROUP}.b", "var.id"], 1, ["b"], 1),
    ([], 1, [], 1),
]


@pytest.mark.parametrize(("references", "count", "peers", "notes"), TOGETHER)
def test_what_the_rules_of_a_group_refer_to_together_is_told_apart_or_noted(
    references: list[str], count: int, peers: list[str], notes: int
) -> None:
    """One rule that waits has the new group; what else is written there may be its peer too."""
    blocks = [
        {key: each for key, each in {**BLOCK, "to_port": 443 + at}.items() if key != "security_groups"}
        for at in range(count)
    ]
    group = planned(f"{GROUP}.a", {"name": "a", "ingress": blocks}, {"ingress": [{"security_groups": True}] * count})
    written = config(f"{GROUP}.a", ingress=refers(*references))
    imported = import_plan([group, B, OLD_GROUP], [written, *WRITTEN[1:]], variables={"id": {"value": "sg-0f"}})

    assert peers_of(imported, "a") == peers
    assert len(notes_of(imported, f"{GROUP}.a")) == notes


UNLISTED: list[tuple[object, list[str], int]] = [
    ({"constant_value": [{**BLOCK, "cidr_blocks": ["10.0.0.0/8"]}]}, ["10.0.0.0/8"], 0),
    (refers("local.rules"), [], 1),
    ([], [], 1),
    ([{"security_groups": id_of(f"{GROUP}.b")}], ["b"], 0),
    ([{"security_groups": id_of(f"{GROUP}.b")}, {"security_groups": id_of(f"{GROUP}.c")}], ["b", "c"], 0),
    ([{"cidr_blocks": refers("var.office")}], ["198.51.100.0/24"], 1),
    ([{"cidr_blocks": refers("aws_eip.x.public_ip")}], [], 1),
    ([{"security_groups": refers("var.id", f"{GROUP}.b.id")}], ["sg-0f", "b"], 2),
]


@pytest.mark.parametrize(("expression", "peers", "notes"), UNLISTED)
def test_rules_that_are_not_listed_come_from_the_configuration(
    expression: object, peers: list[str], notes: int
) -> None:
    """Each block has its own peers; what a variable holds is taken as it stands, with a note."""
    usual = {key: {"constant_value": BLOCK[key]} for key in ("protocol", "from_port", "to_port")}
    blocks = [{**usual, **each} for each in expression] if isinstance(expression, list) else expression
    group = planned(f"{GROUP}.a", {"name": "a"}, {"ingress": True, "egress": True})
    variables = {"office": {"value": ["198.51.100.0/24"]}, "id": {"value": "sg-0f"}}
    imported = import_plan([group, B, C], [config(f"{GROUP}.a", ingress=blocks), *WRITTEN[1:]], variables=variables)

    assert peers_of(imported, "a") == peers
    assert sum(f"{GROUP}.a" in line for line in imported.unmodelled) == notes


def test_rules_that_are_known_to_be_none_are_not_read_from_the_configuration() -> None:
    """A condition that turns them off; near miss: not known before apply."""
    written = config(
        f"{GROUP}.a", ingress=[{"security_groups": id_of(f"{GROUP}.b"), "protocol": {"constant_value": "-1"}}]
    )
    none, late = (
        import_plan([planned(f"{GROUP}.a", {"name": "a", **values}, unknown), B], [written, WRITTEN[1]])
        for values, unknown in (({"ingress": []}, {"id": True}), ({}, {"ingress": True}))
    )

    assert (peers_of(none, "a"), peers_of(late, "a")) == ([], ["b"])


@pytest.mark.parametrize(("references", "guessed"), [([], False), (["var.public"], True), (["var.more"], False)])
def test_a_node_has_all_groups_of_its_list(references: list[str], guessed: bool) -> None:
    """A value beside them may choose among them, which is noted; an empty list beside them cannot."""
    both = [text for name in "ab" for text in (f"{GROUP}.{name}.id", f"{GROUP}.{name}")]
    written = config("aws_instance.n", vpc_security_group_ids=refers(*references, *both))
    node = planned("aws_instance.n", {}, {"vpc_security_group_ids": True})
    variables = {"public": {"value": True}, "more": {"value": []}}
    imported = import_plan([A, B, node], [*WRITTEN, written], variables=variables)

    assert imported.lab.instances["instance-n"].primary.security_groups == ("a", "b")
    assert any("taken not to choose" in each for each in imported.unmodelled) == guessed


def test_a_known_null_beside_late_groups_is_no_group() -> None:
    """A block's groups are late, the resource's own are known to be none."""
    written = config(
        "aws_launch_template.t",
        vpc_security_group_ids=id_of(f"{GROUP}.b"),
        network_interfaces=[{"security_groups": id_of(f"{GROUP}.a")}],
    )
    values = {"vpc_security_group_ids": None, "network_interfaces": [{}]}
    template = planned("aws_launch_template.t", values, {"network_interfaces": [{"security_groups": True}]})
    imported = import_plan([A, B, template], [*WRITTEN, written])

    assert imported.lab.instances["launch-template-t"].primary.security_groups == ("a",)


@pytest.mark.parametrize(("said", "public"), [("true", True), ("false", False), (None, False)])
def test_a_launch_template_says_whether_its_instances_get_a_public_address(said: str | None, public: bool) -> None:
    """In the block that holds the groups; another block's word does not count; without a word the subnet says."""
    blocks = [{"associate_public_ip_address": "true" if said == "false" else "false"}]
    blocks.append({} if said is None else {"associate_public_ip_address": said})
    written = config("aws_launch_template.t", network_interfaces=[{}, {"security_groups": id_of(f"{GROUP}.a")}])
    unknown = {"network_interfaces": [{}, {"security_groups": True}]}
    template = planned("aws_launch_template.t", {"network_interfaces": blocks}, unknown)
    imported = import_plan([A, template], [WRITTEN[0], written])

    assert (imported.lab.instances["launch-template-t"].primary.public_ip is not None) == public


def test_a_launch_template_of_a_state_says_it_too() -> None:
    """A state has the group's id in the block."""
    group = planned(f"{GROUP}.a", {"name": "a", "id": "sg-a"})
    block = {"security_groups": ["sg-a"], "associate_public_ip_address": "true"}
    resources = [group, planned("aws_launch_template.t", {"network_interfaces": [block]})]
    state = {"format_version": "1.0", "values": {"root_module": {"resources": resources}}}
    lab = import_files({"state.json": json.dumps(state)}).lab

    assert lab.instances["launch-template-t"].primary.public_ip is not None


ROUTES: list[tuple[Data, Data, bool]] = [
    (id_of("aws_internet_gateway.g"), {"gateway_id": True}, True),
    (refers("var.x", "aws_internet_gateway.g.id", "aws_nat_gateway.n.id"), {"gateway_id": True}, True),
    (id_of("aws_vpn_gateway.v"), {"gateway_id": True}, False),
    (id_of("aws_internet_gateway.g"), {}, False),
]


@pytest.mark.parametrize(("expression", "unknown", "internet"), ROUTES)
def test_a_route_inside_a_table_leads_to_what_the_plan_does_not_know(
    expression: Data, unknown: Data, internet: bool
) -> None:
    """The unknown target says which kind is meant; a target known to be none is not followed."""
    made = [
        A,
        planned("aws_vpc.v", {"cidr_block": "10.0.0.0/16"}, {"id": True}),
        planned("aws_subnet.s", {"cidr_block": "10.0.1.0/24"}, {"id": True, "vpc_id": True}),
        *(
            planned(f"aws_{kind}_gateway.{kind[0] if kind != 'internet' else 'g'}", {}, {"id": True})
            for kind in ("internet", "nat", "vpn")
        ),
        planned("aws_route_table.t", {"route": [{"cidr_block": "0.0.0.0/0"}]}, {"route": [unknown], "vpc_id": True}),
        planned("aws_route_table_association.x", {}, {"subnet_id": True, "route_table_id": True}),
        planned("aws_instance.i", {}, {"subnet_id": True, "vpc_security_group_ids": True}),
    ]
    written = [
        WRITTEN[0],
        config("aws_vpc.v"),
        config("aws_subnet.s", vpc_id=id_of("aws_vpc.v")),
        config("aws_route_table.t", vpc_id=id_of("aws_vpc.v"), route=expression),
        config(
            "aws_route_table_association.x", subnet_id=id_of("aws_subnet.s"), route_table_id=id_of("aws_route_table.t")
        ),
        config("aws_instance.i", subnet_id=id_of("aws_subnet.s"), vpc_security_group_ids=id_of(f"{GROUP}.a")),
    ]
    lab = import_plan(made, written).lab

    assert lab.subnets["s"].internet == internet


@pytest.mark.parametrize(("gateway", "internet"), [("internet", True), ("vpn", False)])
def test_a_route_of_its_own_leads_to_the_internet_by_an_internet_gateway_alone(gateway: str, internet: bool) -> None:
    """Both are its gateway_id, which is not known yet."""
    resources = [
        A,
        planned("aws_vpc.v", {"cidr_block": "10.0.0.0/16"}, {"id": True}),
        planned("aws_subnet.s", {"cidr_block": "10.0.1.0/24"}, {"id": True, "vpc_id": True}),
        planned(f"aws_{gateway}_gateway.g", {}, {"id": True}),
        planned("aws_default_route_table.t", {"route": None}, {"id": True, "vpc_id": True}),
        planned("aws_route.r", {"destination_cidr_block": "0.0.0.0/0"}, {"gateway_id": True, "route_table_id": True}),
        planned("aws_instance.i", {}, {"subnet_id": True, "vpc_security_group_ids": True}),
    ]
    configured = [
        WRITTEN[0],
        config("aws_subnet.s", vpc_id=id_of("aws_vpc.v")),
        config("aws_default_route_table.t", vpc_id=id_of("aws_vpc.v")),
        config(
            "aws_route.r",
            route_table_id=id_of("aws_default_route_table.t"),
            gateway_id=id_of(f"aws_{gateway}_gateway.g"),
        ),
        config("aws_instance.i", subnet_id=id_of("aws_subnet.s"), vpc_security_group_ids=id_of(f"{GROUP}.a")),
    ]
    imported = import_plan(resources, configured)

    assert imported.lab.subnets["s"].internet == internet
    assert bool(notes_of(imported, "aws_route.r")) == (not internet)
