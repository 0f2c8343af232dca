"""What Terraform's files refer to and do not tell: a stand-in of its own, and a note at the resource's address."""

import json
from collections.abc import Sequence

import pytest

from netlab.formats import Imported, import_files

SG = ["aws_security_group.a.id", "aws_security_group.a"]


def _resource(address: str, **values: object) -> dict[str, object]:
    kind, name = address.removeprefix("data.").split(".")
    mode = "data" if address.startswith("data.") else "managed"
    return {"address": address, "mode": mode, "type": kind, "name": name, "values": values}


def _written(address: str, **references: Sequence[str]) -> dict[str, object]:
    kind, name = address.split(".")
    expressions = {key: {"references": value} for key, value in references.items()}
    return {"address": address, "mode": "managed", "type": kind, "name": name, "expressions": expressions}


def _plan(resources: Sequence[object], written: Sequence[object]) -> Imported:
    a, of_a = _resource("aws_security_group.a", name="a"), _written("aws_security_group.a")
    plan = {
        "format_version": "1.2",
        "planned_values": {"root_module": {"resources": [a, *resources]}},
        "configuration": {"root_module": {"resources": [of_a, *written]}},
    }
    return import_files({"p.json": json.dumps(plan)})


def _state(*resources: object) -> Imported:
    a = _resource("aws_security_group.a", id="sg-a", name="a", vpc_id="vpc-1")
    state = {"format_version": "1.0", "values": {"root_module": {"resources": [a, *resources]}}}
    return import_files({"s.json": json.dumps(state)})


def _notes(imported: Imported, word: str) -> list[str]:
    return [line.partition(": ")[2] for line in imported.unmodelled if word in line]


SUBNET = _resource("aws_subnet.s", cidr_block="10.0.5.0/24", map_public_ip_on_launch=True)
LATE = _resource("aws_subnet.late")
REFERENCES = [
    (["local.subnet"], "local.subnet", "local.subnet (subnet_id refers to it, which cannot be followed before apply)"),
    (
        ["module.vpc.private_subnets", "module.vpc"],
        "module.vpc.private_subnets",
        "module.vpc.private_subnets (subnet_id",
    ),
    (["aws_subnet.late.id", "aws_subnet.late"], "late", "late (its network is known only after apply)"),
    (["aws_subnet.s.id", "aws_subnet.s"], "s", ""),
]


@pytest.mark.parametrize(("references", "name", "why"), REFERENCES)
def test_a_subnet_that_cannot_be_followed_is_one_of_its_own(references: list[str], name: str, why: str) -> None:
    """Named after the reference, without a way to the internet; one that can be is what it is."""
    written = _written("aws_instance.i", vpc_security_group_ids=SG, subnet_id=references)
    names = [_written("aws_subnet.s"), _written("aws_subnet.late"), written]
    imported = _plan([SUBNET, LATE, _resource("aws_instance.i")], names)
    own = imported.lab.instances["instance-i"].primary

    assert own.subnet == name
    assert (own.public_ip is None) is bool(why)
    assert imported.lab.subnets[name].internet is not bool(why)
    if why:
        (note,) = _notes(imported, "aws_instance.i: subnet ")
        assert note.startswith(f"aws_instance.i: subnet {why}")
    assert not _notes(imported, "names no subnet")


def test_what_names_no_subnet_is_put_into_the_made_up_one_and_that_is_said() -> None:
    """An instance gets a public address there, as in AWS's default subnet; a database and a cache do not."""
    kinds = ("aws_instance.i", "aws_db_instance.d", "aws_elasticache_replication_group.c")
    groups = ("vpc_security_group_ids", "vpc_security_group_ids", "security_group_ids")
    written = [_written(kind, **{key: SG}) for kind, key in zip(kinds, groups, strict=True)]
    imported = _plan([_resource(kind) for kind in kinds], written)

    assert {name: each.primary.public_ip is not None for name, each in imported.lab.instances.items()} == {
        "instance-i": True,
        "database-d": False,
        "cache-c": False,
    }
    assert _notes(imported, "names no subnet") == [
        "aws_instance.i: instance-i names no subnet: put into made-up",
        "aws_db_instance.d: database-d names no subnet: put into made-up",
        "aws_elasticache_replication_group.c: cache-c names no subnet: put into made-up",
    ]


DATABASES = [
    ({"db_subnet_group_name": "main"}, {}, "s", ""),
    ({}, {"db_subnet_group_name": ["aws_db_subnet_group.g.name", "aws_db_subnet_group.g"]}, "s", ""),
    ({"db_subnet_group_name": "other"}, {}, "other", "other (the db_subnet_group_name is in no file)"),
    ({}, {"db_subnet_group_name": ["local.group"]}, "local.group", "local.group (the db_subnet_group_name is in"),
]


@pytest.mark.parametrize(("values", "references", "subnet", "why"), DATABASES)
def test_a_database_stands_in_its_group_of_subnets(
    values: dict[str, object], references: dict[str, list[str]], subnet: str, why: str
) -> None:
    """By the group's name, or by a reference to it; of another group it is said that it is in no file."""
    group = _resource("aws_db_subnet_group.g", name="main")
    subnets = ["aws_subnet.s.id", "aws_subnet.s"]
    database = _resource("aws_db_instance.d", **values)
    written = [
        _written("aws_subnet.s"),
        _written("aws_db_subnet_group.g", subnet_ids=subnets),
        _written("aws_db_instance.d", vpc_security_group_ids=SG, **references),
    ]
    imported = _plan([SUBNET, group, database], written)

    assert imported.lab.instances["database-d"].primary.subnet == subnet
    assert len(_notes(imported, f"subnet {why}")) == bool(why)
    assert not _notes(imported, "aws_db_subnet_group: netlab does not model it")


def test_what_is_launched_stands_where_its_auto_scaling_group_says() -> None:
    """A launch configuration is named as one, a launch template as one."""
    at = {"vpc_zone_identifier": ["subnet-1"]}
    launched = [
        _resource("aws_launch_configuration.c", id="lc-1", security_groups=["sg-a"]),
        _resource("aws_launch_template.t", id="lt-1", vpc_security_group_ids=["sg-a"]),
        _resource("aws_autoscaling_group.one", launch_configuration="lc-1", **at),
        _resource("aws_autoscaling_group.two", launch_template=[{"id": "lt-1"}], **at),
    ]
    lab = _state(*launched).lab

    assert {name: each.primary.subnet for name, each in lab.instances.items()} == {
        "launch-config-c": "subnet-1",
        "launch-template-t": "subnet-1",
    }


VPCS = [
    (["aws_vpc.v.id", "aws_vpc.v"], ""),
    (["local.vpc_id"], ""),
    (["var.vpc_id"], "vpc_id refers to var.vpc_id, which cannot be followed before apply: taken to be the lab's VPC"),
]


@pytest.mark.parametrize(("references", "note"), VPCS)
def test_a_vpc_that_cannot_be_followed_is_the_labs_and_that_is_said(references: list[str], note: str) -> None:
    """A local value of a module with one VPC can only mean that one."""
    vpc = _resource("aws_vpc.v", cidr_block="10.4.0.0/16")
    group = _resource("aws_security_group.b", name="b")
    imported = _plan([vpc, group], [_written("aws_vpc.v"), _written("aws_security_group.b", vpc_id=references)])

    assert (str(imported.lab.vpc.cidr), [*imported.lab.groups]) == ("10.4.0.0/16", ["a", "b"])
    assert _notes(imported, "vpc_id") == ([f"aws_security_group.b: {note}"] if note else [])


def test_a_group_that_a_state_looks_up_goes_by_its_name() -> None:
    """Its rules are in no file, and that is said at the data source; one that nobody refers to is not there."""
    imported = _state(
        _resource("data.aws_security_group.ext", id="sg-ext", name="external", vpc_id="vpc-1"),
        _resource("data.aws_security_group.idle", id="sg-idle", name="idle", vpc_id="vpc-1"),
        _resource("aws_instance.i", id="i-1", subnet_id="subnet-1", vpc_security_group_ids=["sg-a", "sg-ext"]),
    )

    assert imported.lab.instances["instance-i"].primary.security_groups == ("a", "external")
    assert [*imported.lab.groups] == ["a", "external"]
    (note,) = _notes(imported, "sg-ext")
    assert note.startswith("data.aws_security_group.ext: group external is known by its id, sg-ext, and name alone: ")


ATTACHED = [
    (
        _resource("aws_network_interface_sg_attachment.x", security_group_id="sg-a", network_interface_id="eni-7"),
        "attaches a group that is left out: interface eni-7 is in no file",
    ),
    (
        _resource("aws_network_interface_attachment.x", instance_id="i-1", network_interface_id="eni-7"),
        "an interface that is attached to an instance is left out: eni-7 is in no file",
    ),
    (
        _resource("aws_eip.x", public_ip="203.0.113.9", instance="i-7"),
        "an Elastic IP is left out: i-7 is in no file",
    ),
    (
        _resource("aws_route_table_association.x", subnet_id="subnet-1", route_table_id="rtb-7"),
        "the route table of a subnet cannot be told: rtb-7 is in no file",
    ),
    (
        _resource("aws_route.x", route_table_id="rtb-7", destination_cidr_block="0.0.0.0/0"),
        "the table of a route cannot be told: rtb-7 is in no file",
    ),
    (
        _resource("aws_network_acl_association.x", subnet_id="subnet-1", network_acl_id="acl-7"),
        "the network ACL of a subnet cannot be told: acl-7 is in no file",
    ),
    (
        _resource("aws_network_acl_rule.x", network_acl_id="acl-7", rule_number=1),
        "the network ACL of an entry cannot be told: acl-7 is in no file",
    ),
]


@pytest.mark.parametrize(("resource", "note"), ATTACHED)
def test_what_an_applied_state_attaches_to_something_else_is_listed(resource: dict[str, object], note: str) -> None:
    """Once, at its address; there is nothing to apply any more."""
    instance = _resource("aws_instance.i", id="i-1", subnet_id="subnet-1", vpc_security_group_ids=["sg-a"])
    imported = _state(instance, resource)

    assert _notes(imported, ".x: ") == [f"{resource['address']}: {note}"]
    assert not _notes(imported, "apply")


def test_the_address_of_a_nat_gateway_is_no_loss() -> None:
    """Near miss: a state shows it attached to the gateway's own interface."""
    imported = _state(
        _resource("aws_nat_gateway.n", id="nat-1", network_interface_id="eni-7", public_ip="203.0.113.9"),
        _resource("aws_eip.x", public_ip="203.0.113.9", network_interface="eni-7"),
    )

    assert not _notes(imported, "Elastic IP")
