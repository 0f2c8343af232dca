"""What `terraform show -json` prints becomes a lab: states with ids, plans whose ids are known only after apply."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from netlab.control import completed
from netlab.errors import LabFileError
from netlab.formats import Imported, import_files, parse_lab, render_lab
from netlab.model.rules import SecurityGroup

DATA = Path(__file__).parent / "data"
PLAN = (DATA / "plan.json").read_text(encoding="utf-8")
STATE = (DATA / "state.json").read_text(encoding="utf-8")


def _rules(group: SecurityGroup) -> list[str]:
    return [str(rule) for rule in (*group.ingress, *group.egress)]


def _resource(address: str, **values: object) -> dict[str, object]:
    kind, name = address.split("[", maxsplit=1)[0].split(".")[-2:]
    return {"address": address, "mode": "managed", "type": kind, "name": name, "values": values}


def _written(address: str, **references: object) -> dict[str, object]:
    kind, name = address.split(".")
    return {
        "address": address,
        "mode": "managed",
        "type": kind,
        "name": name,
        "expressions": {
            key: value if isinstance(value, dict | list) and not _is_texts(value) else {"references": value}
            for key, value in references.items()
        },
    }


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _plan(resources: Sequence[object], written: Sequence[object], **more: object) -> Imported:
    plan = {
        "format_version": "1.2",
        "planned_values": {"root_module": {"resources": resources}},
        "configuration": {"root_module": {"resources": written}},
        **more,
    }
    return import_files({"plan.json": json.dumps(plan)})


def _block(**values: object) -> dict[str, object]:
    empty = {"cidr_blocks": [], "ipv6_cidr_blocks": [], "prefix_list_ids": [], "security_groups": [], "self": False}
    return {**empty, "description": "", "protocol": "tcp", "from_port": 80, "to_port": 80, **values}


A = _resource("aws_security_group.a", name="a")
B = _resource("aws_security_group.b", name="b")
C = _resource("aws_security_group.c", name="c")


def test_a_state_has_ids_for_everything() -> None:
    """Inline and separate rules, of which the state shows some twice; ids where rules have their own."""
    lab = import_files({"state.json": STATE}).lab

    assert _rules(lab.groups["web"]) == [
        "tcp/443 from 0.0.0.0/0",
        "tcp/443 from 10.0.0.0/8",
        "tcp/443 from ::/0",
        "tcp/22 from 198.51.100.0/24",
    ]
    assert lab.groups["web"].ingress[-1].id == "sgr-0ssh"
    assert _rules(lab.groups["db"]) == ["tcp/5432 from web", "all from db", "all to offices"]
    assert lab.prefix_lists["offices"].max_entries == 5


def test_nodes_of_a_state_carry_their_groups() -> None:
    """Instance, database, load balancer, function with the VPC's default group, service."""
    lab = import_files({"state.json": STATE}).lab

    assert {name: each.primary.security_groups for name, each in lab.instances.items()} == {
        "instance-web-0": ("web",),
        "database-main": ("db",),
        "load-balancer-front": ("web",),
        "function-job": ("default",),
        "service-api": ("web",),
        "cache-eu": ("cache-eu",),
    }
    web = lab.instances["instance-web-0"].primary
    assert (web.subnet, str(web.ipv4[0]), str(web.public_ip)) == ("a", "10.40.1.10", "203.0.113.7")


def test_what_a_state_holds_beyond_the_model_is_listed() -> None:
    """A bucket, a group of another account, an altered name, a subnet that is in no file: by their addresses."""
    unmodelled = import_files({"state.json": STATE}).unmodelled

    assert [line.split(": ")[1] for line in unmodelled] == [
        "aws_s3_bucket.b",
        'module.cache["eu"].aws_security_group.this',
        "aws_security_group.db ingress",
        "aws_db_instance.main",
    ]


def test_rules_of_a_plan_find_their_groups_by_references() -> None:
    """Separate rules, inline ones, for_each by key, modules by output, variable and local value."""
    groups = import_files({"plan.json": PLAN}).lab.groups

    assert {name: _rules(group) for name, group in groups.items()} == {
        "alb": ["tcp/443 from 0.0.0.0/0", "all to 0.0.0.0/0"],
        "web": ["tcp/8080 from alb", "all from web", "tcp/5432 to db"],
        "db": ["tcp/5432 from web"],
        "tier-a": ["tcp/80 from 10.0.0.0/8"],
        "tier-b": ["udp/53 from tier-b"],
        "default": [],
        "modsg": ["tcp/22 from 198.51.100.0/24", "tcp/23 from web", "tcp/24 from alb"],
    }


def test_nodes_of_a_plan_find_their_groups_by_references() -> None:
    """Also those of a module's output; each of a count is a node."""
    lab = import_files({"plan.json": PLAN}).lab

    assert lab.instances["instance-web-0"].primary.security_groups == ("web", "modsg")
    assert lab.instances["instance-web-1"].primary.security_groups == ("web", "modsg")
    assert lab.instances["database-main"].primary.security_groups == ("db",)


def test_absent_egress_means_none() -> None:
    """Terraform takes AWS's default away; the default group it adopts loses all rules."""
    resources = [A, _resource("aws_default_security_group.d")]
    groups = _plan(resources, [_written("aws_security_group.a"), _written("aws_default_security_group.d")]).lab.groups

    assert (_rules(groups["a"]), _rules(groups["default"])) == ([], [])


TRAFFIC = [
    (("tcp", 22, 22), "tcp/22 from 10.0.0.0/8"),
    (("tcp", 0, 0), "tcp/0 from 10.0.0.0/8"),
    (("-1", 0, 0), "all from 10.0.0.0/8"),
    (("all", 0, 0), "all from 10.0.0.0/8"),
    (("icmp", -1, -1), "icmp/all from 10.0.0.0/8"),
    (("icmp", 8, 0), "icmp/8/0 from 10.0.0.0/8"),
    (("50", 0, 0), "esp from 10.0.0.0/8"),
]


@pytest.mark.parametrize(("words", "rule"), TRAFFIC)
def test_protocols_and_ports_mean_what_the_provider_sends(words: tuple[str, int, int], rule: str) -> None:
    """-1 opens everything; tcp 0 to 0 is port 0 alone."""
    protocol, first, last = words
    block = _block(protocol=protocol, from_port=first, to_port=last, cidr_blocks=["10.0.0.0/8"])
    group = _resource("aws_security_group.a", name="a", ingress=[block])

    assert _rules(_plan([group], [_written("aws_security_group.a")]).lab.groups["a"]) == [rule]


def _rule(name: str, **values: object) -> dict[str, object]:
    usual: dict[str, object] = {"ip_protocol": "tcp", "from_port": 1, "to_port": 1}
    return _resource(f"aws_vpc_security_group_ingress_rule.{name}", **{**usual, **values})


REFERENCES = [
    (["aws_security_group.b.id", "aws_security_group.b"], "b"),
    (["aws_security_group.b"], "b"),
    (["var.external"], ""),
    (["data.aws_security_group.x.id", "data.aws_security_group.x"], ""),
    (["local.which"], ""),
]


@pytest.mark.parametrize(("references", "peer"), REFERENCES)
def test_a_peer_is_followed_or_listed(references: list[str], peer: str) -> None:
    """What a reference leads to; where it leads out of the plan, the rule is listed and not guessed."""
    written = _written(
        "aws_vpc_security_group_ingress_rule.r",
        security_group_id=["aws_security_group.a.id", "aws_security_group.a"],
        referenced_security_group_id=references,
    )
    names = [_written("aws_security_group.a"), _written("aws_security_group.b"), written]
    imported = _plan([A, B, _rule("r")], names)

    assert [str(rule.peer) for rule in imported.lab.groups["a"].ingress] == ([peer] if peer else [])
    assert any("aws_vpc_security_group_ingress_rule.r" in line for line in imported.unmodelled) == (not peer)


def test_a_group_that_only_exists_in_aws_is_known_by_its_id_or_its_description() -> None:
    """Its rules come with what describes it; without that they are AWS's defaults, and that is said."""
    written = _written(
        "aws_vpc_security_group_ingress_rule.r",
        security_group_id=["aws_security_group.a.id", "aws_security_group.a"],
    )
    described = json.dumps({"SecurityGroups": [{"GroupId": "sg-01d", "GroupName": "old", "IpPermissions": []}]})
    plan = json.dumps(
        {
            "format_version": "1.2",
            "planned_values": {"root_module": {"resources": [A, _rule("r", referenced_security_group_id="sg-01d")]}},
            "configuration": {"root_module": {"resources": [_written("aws_security_group.a"), written]}},
        }
    )

    alone = import_files({"plan.json": plan})
    both = import_files({"plan.json": plan, "groups.json": described}).lab

    assert _rules(alone.lab.groups["a"]) == ["tcp/1 from sg-01d"]
    assert any("sg-01d is known by its id alone" in line for line in alone.unmodelled)
    assert _rules(both.groups["a"]) == ["tcp/1 from old"]


def test_a_reference_to_a_group_that_is_not_there_is_a_mistake() -> None:
    """Near miss: one of which none is made (count = 0) leaves the rule without a peer, and that is listed."""
    written = _written(
        "aws_vpc_security_group_ingress_rule.r",
        security_group_id=["aws_security_group.a.id", "aws_security_group.a"],
        referenced_security_group_id=["aws_security_group.z[0].id", "aws_security_group.z[0]", "aws_security_group.z"],
    )
    names = [_written("aws_security_group.a"), written]

    with pytest.raises(LabFileError, match=r"ingress_rule.r: .* a security group that is in none of the files"):
        _plan([A, _rule("r")], names)
    imported = _plan([A, _rule("r")], [*names, _written("aws_security_group.z")])
    assert _rules(imported.lab.groups["a"]) == []
    assert any("ingress_rule.r" in line for line in imported.unmodelled)


PLACES = [
    (["a", "b"], 2, ["a", "b"]),
    (["a", "a", "b"], 3, ["a", "a", "b"]),
    (["a", "b"], 3, []),
    (["b"], 2, ["b", "b"]),
]


@pytest.mark.parametrize(("given", "count", "peers"), PLACES)
def test_count_finds_its_place_in_a_list_only_where_every_place_is_known(
    given: list[str], count: int, peers: list[str]
) -> None:
    """A list of as many groups as there are rules; with fewer it cannot be told which place is which."""
    lists = [text for each in given for text in (f"aws_security_group.{each}.id", f"aws_security_group.{each}")]
    written = {"security_group_id": ["var.owner"], "referenced_security_group_id": ["var.groups", "count.index"]}
    rule = _written("aws_vpc_security_group_ingress_rule.r", **written)
    call = {
        "expressions": {
            "groups": {"references": lists},
            "owner": {"references": ["aws_security_group.c.id", "aws_security_group.c"]},
        },
        "module": {"resources": [rule]},
    }
    rules = [
        {**_rule("r", from_port=at, to_port=at), "address": f"module.m.aws_vpc_security_group_ingress_rule.r[{at}]"}
        for at in range(count)
    ]
    root = {"resources": [A, B, C], "child_modules": [{"address": "module.m", "resources": rules}]}
    names = [_written(f"aws_security_group.{each}") for each in "abc"]
    plan = {
        "format_version": "1.2",
        "planned_values": {"root_module": root},
        "configuration": {"root_module": {"resources": names, "module_calls": {"m": call}}},
    }
    imported = import_files({"plan.json": json.dumps(plan)})

    assert [str(each.peer) for each in imported.lab.groups["c"].ingress] == peers
    assert sum("cannot be followed" in line for line in imported.unmodelled) == (0 if peers else count)


LATE = {"security_groups": [None]}


def _inline(blocks: Sequence[object], expression: object) -> Imported:
    group = _resource("aws_security_group.a", name="a", ingress=blocks)
    written = [
        _written("aws_security_group.a", ingress=expression),
        _written("aws_security_group.b"),
        _written("aws_security_group.c"),
    ]
    return _plan([group, B, C], written)


def test_one_inline_rule_that_waits_for_groups_gets_those_referred_to() -> None:
    """One rule, two groups: both are its peers; the rule with a network is left as it is."""
    references = ["aws_security_group.b.id", "aws_security_group.b", "aws_security_group.c.id", "aws_security_group.c"]
    imported = _inline([_block(**LATE), _block(from_port=1, to_port=1, cidr_blocks=["10.0.0.0/8"])], references)

    assert _rules(imported.lab.groups["a"]) == ["tcp/80 from b", "tcp/80 from c", "tcp/1 from 10.0.0.0/8"]


def test_two_inline_rules_that_wait_for_one_group_both_get_it() -> None:
    """Only one group is referred to, so there is nothing to guess."""
    references = ["aws_security_group.b.id", "aws_security_group.b"]
    imported = _inline([_block(**LATE), _block(from_port=1, to_port=1, **LATE)], references)

    assert _rules(imported.lab.groups["a"]) == ["tcp/80 from b", "tcp/1 from b"]


def test_two_inline_rules_that_wait_for_two_groups_are_listed() -> None:
    """Terraform does not say which is whose; netlab does not guess."""
    references = ["aws_security_group.b.id", "aws_security_group.b", "aws_security_group.c.id", "aws_security_group.c"]
    imported = _inline([_block(**LATE), _block(from_port=1, to_port=1, **LATE)], references)

    assert _rules(imported.lab.groups["a"]) == []
    assert sum("cannot be told before apply" in line for line in imported.unmodelled) == 2


def test_blocks_with_their_own_expressions_are_told_apart() -> None:
    """Where the configuration has a block a rule, ports tell which is which."""
    blocks = [
        {
            "from_port": {"constant_value": port},
            "to_port": {"constant_value": port},
            "security_groups": {"references": [f"{group}.id", group]},
        }
        for port, group in ((80, "aws_security_group.b"), (1, "aws_security_group.c"))
    ]
    imported = _inline([_block(**LATE), _block(from_port=1, to_port=1, **LATE)], blocks)

    assert _rules(imported.lab.groups["a"]) == ["tcp/80 from b", "tcp/1 from c"]


def test_a_rule_that_the_plan_deletes_is_gone() -> None:
    """The group's own list still shows it, as read before; the rule that stays is kept."""
    shown = [_block(cidr_blocks=["10.0.0.0/8"]), _block(cidr_blocks=["192.0.2.0/24"])]
    group = _resource("aws_security_group.a", id="sg-a", name="a", ingress=shown)
    before = {"type": "ingress", "security_group_id": "sg-a", "protocol": "tcp", "from_port": 80, "to_port": 80}
    change = {
        "address": "aws_security_group_rule.old",
        "type": "aws_security_group_rule",
        "change": {"actions": ["delete"], "before": {**before, "cidr_blocks": ["10.0.0.0/8"]}, "after": None},
    }
    kept = _plan([group], [_written("aws_security_group.a")], resource_changes=[]).lab
    gone = _plan([group], [_written("aws_security_group.a")], resource_changes=[change]).lab

    assert _rules(kept.groups["a"]) == ["tcp/80 from 10.0.0.0/8", "tcp/80 from 192.0.2.0/24"]
    assert _rules(gone.groups["a"]) == ["tcp/80 from 192.0.2.0/24"]


def test_an_address_known_only_after_apply_is_listed() -> None:
    """A rule from a new Elastic IP has no network yet."""
    written = _written(
        "aws_vpc_security_group_ingress_rule.r",
        security_group_id=["aws_security_group.a.id", "aws_security_group.a"],
        cidr_ipv4=["aws_eip.x.public_ip", "aws_eip.x"],
    )
    imported = _plan([A, _resource("aws_eip.x"), _rule("r")], [_written("aws_security_group.a"), written])

    assert _rules(imported.lab.groups["a"]) == []
    assert any("known only after apply" in line for line in imported.unmodelled)


def test_modules_in_modules_are_followed() -> None:
    """A variable handed down twice leads to the group at the root."""
    inner = {
        "resources": [
            _written(
                "aws_vpc_security_group_ingress_rule.r",
                security_group_id=["var.sg"],
                referenced_security_group_id=["var.sg"],
            )
        ],
        "variables": {"sg": {}},
    }
    outer = {
        "module_calls": {"inner": {"expressions": {"sg": {"references": ["var.group"]}}, "module": inner}},
        "variables": {"group": {}},
    }
    call = {
        "expressions": {"group": {"references": ["aws_security_group.a.id", "aws_security_group.a"]}},
        "module": outer,
    }
    address = "module.outer[0].module.inner.aws_vpc_security_group_ingress_rule.r"
    child = {
        "address": "module.outer[0]",
        "child_modules": [
            {"address": "module.outer[0].module.inner", "resources": [{**_rule("r"), "address": address}]}
        ],
    }
    plan = {
        "format_version": "1.2",
        "planned_values": {"root_module": {"resources": [A], "child_modules": [child]}},
        "configuration": {
            "root_module": {"resources": [_written("aws_security_group.a")], "module_calls": {"outer": call}}
        },
    }

    assert _rules(import_files({"plan.json": json.dumps(plan)}).lab.groups["a"]) == ["tcp/1 from a"]


@pytest.mark.parametrize("text", [PLAN, STATE], ids=["plan", "state"])
def test_it_reads_back_as_the_same_lab(text: str) -> None:
    """Writing and reading changes nothing."""
    lab = completed(import_files({"x.json": text}).lab)

    assert completed(parse_lab(render_lab(lab))) == lab
