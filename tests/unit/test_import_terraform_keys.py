"""Which of many a reference means: by each.key, each.value and count.index, by outputs and local values."""

import re

import pytest
from terraform_plans import (
    GROUP,
    GROUPS,
    INGRESS,
    LATE,
    NOTHING,
    TCP,
    WRITTEN,
    A,
    Data,
    config,
    id_of,
    import_plan,
    notes_of,
    peers_of,
    planned,
    refers,
)

PAIRS: Data = {"a": "b", "b": "c", "c": "a"}
WAYS: Data = {"one": {"to": "a", "from": "b"}, "two": {"to": "b", "from": "a"}}
KEYED: list[tuple[Data, Data, dict[str, list[str]], str]] = [
    ({"constant_value": PAIRS}, refers(f"{GROUP}.this", "each.value"), {"a": ["b"], "b": ["c"], "c": ["a"]}, ""),
    (refers("var.pairs"), refers(f"{GROUP}.this", "each.value"), {"a": ["b"], "b": ["c"], "c": ["a"]}, "a guess"),
    ({"constant_value": PAIRS}, refers(f"{GROUP}.this", "each.key"), {"a": ["a"], "b": ["b"], "c": ["c"]}, ""),
    ({}, refers(f"{GROUP}.this", "each.key"), {"a": ["a"], "b": ["b"], "c": ["c"]}, ""),
    ({}, refers(f"{GROUP}.this", "each.value"), {}, "one of"),
    (refers("local.pairs"), refers(f"{GROUP}.this", "each.value"), {}, "one of"),
    (refers("var.pairs"), refers(f"{GROUP}.this", "var.pairs", "each.key"), {}, "one of"),
    (refers("var.pairs"), refers(f"{GROUP}.this", "local.pairs", "each.key"), {}, "local.pairs"),
    (refers("var.pairs"), refers(f"{GROUP}.this", "each.key", "each.value"), {}, "one of"),
    (refers(f"{GROUP}.this"), refers("each.value.id", "each.value"), {"a": ["a"], "b": ["b"], "c": ["c"]}, "a guess"),
    (refers(f"{GROUP}.this", f"{GROUP}.z"), refers("each.value"), {}, "one of"),
]


@pytest.mark.parametrize(("repeated", "peer", "peers", "note"), KEYED)
def test_a_group_of_many_is_found_by_its_key_alone(
    repeated: Data, peer: Data, peers: dict[str, list[str]], note: str
) -> None:
    """each.key is the key; each.value is looked up; what else may stand between them loses the peer, with a note."""
    groups = [planned(f'{GROUP}.this["{key}"]', {"name": key}, {"id": True}) for key in PAIRS]
    rules = [planned(f'{INGRESS}.r["{key}"]', {**TCP, **NOTHING}, LATE) for key in PAIRS]
    owner = refers(f"{GROUP}.this", "each.key")
    written = [
        config(f"{GROUP}.this", for_each_expression=refers("local.names")),
        config(f"{GROUP}.z"),
        config(
            f"{INGRESS}.r", for_each_expression=repeated, security_group_id=owner, referenced_security_group_id=peer
        ),
    ]
    imported = import_plan([*groups, *rules], written, variables={"pairs": {"value": PAIRS}})

    assert {key: peers_of(imported, key) for key in PAIRS} == (peers or {key: [] for key in PAIRS})
    assert any(note in line for line in imported.unmodelled) == bool(note)


def test_each_value_may_hold_both_ends() -> None:
    """Owner and peer of each rule are those of its own entry."""
    groups = [planned(f'{GROUP}.this["{key}"]', {"name": key}, {"id": True}) for key in "ab"]
    rules = [
        planned(
            f'{INGRESS}.p["{key}"]',
            {**TCP, "from_port": at},
            {"security_group_id": True, "referenced_security_group_id": True},
        )
        for at, key in enumerate(WAYS)
    ]
    written = config(
        f"{INGRESS}.p",
        for_each_expression={"constant_value": WAYS},
        security_group_id=refers(f"{GROUP}.this", "each.value.to", "each.value"),
        referenced_security_group_id=refers(f"{GROUP}.this", "each.value.from", "each.value"),
    )
    imported = import_plan([*groups, *rules], [config(f"{GROUP}.this", for_each_expression={}), written])

    assert {key: peers_of(imported, key) for key in "ab"} == {"a": ["b"], "b": ["a"]}
    assert imported.unmodelled == ()


def test_for_each_over_groups_does_not_say_whose_key_is_whose() -> None:
    """``{a = b.id, b = c.id}``: the keys are not in the plan. Near miss: one group alone is the peer of every key."""
    rules = [
        planned(f'{INGRESS}.r["{key}"]', TCP, {"security_group_id": True, "referenced_security_group_id": True})
        for key in "ab"
    ]
    many, one = (
        import_plan(
            [*GROUPS, *rules],
            [
                *WRITTEN,
                config(
                    f"{INGRESS}.r",
                    for_each_expression=refers(
                        *(text for name in names for text in (f"{GROUP}.{name}.id", f"{GROUP}.{name}"))
                    ),
                    security_group_id=id_of(f"{GROUP}.a"),
                    referenced_security_group_id=refers("each.value"),
                ),
            ],
        )
        for names in ("bc", "c")
    )

    assert (peers_of(many, "a"), peers_of(one, "a")) == ([], ["c"])
    assert sum("one of aws_security_group.b, aws_security_group.c" in line for line in many.unmodelled) == 2


COUNTED: list[tuple[str, str, int, dict[str, list[str]]]] = [
    ("a", "b", 2, {"a0": ["b0"], "a1": ["b1"]}),
    ("a", "a", 2, {"a0": [], "a1": []}),
    ("a", "b", 1, {"a0": [], "a1": []}),
]


@pytest.mark.parametrize(("owner", "peer", "count", "peers"), COUNTED)
def test_count_index_is_a_guess(owner: str, peer: str, count: int, peers: dict[str, list[str]]) -> None:
    """``a[count.index + 1]`` looks the same: it is noted, and dropped where a group would be its own peer by it."""
    groups = [planned(f"{GROUP}.{name}[{at}]", {"name": f"{name}{at}"}, {"id": True}) for name in "ab" for at in (0, 1)]
    rules = [planned(f"{INGRESS}.r[{at}]", TCP, LATE) for at in range(count)]
    written = config(
        f"{INGRESS}.r",
        count_expression={"constant_value": count},
        security_group_id=refers(f"{GROUP}.{owner}", "count.index"),
        referenced_security_group_id=refers(f"{GROUP}.{peer}", "count.index"),
    )
    imported = import_plan([*groups, *rules], [*(config(f"{GROUP}.{name}") for name in "ab"), written])

    assert {name: peers_of(imported, name) for name in ("a0", "a1")} == peers
    guess = f"a guess: security_group_id: {GROUP}.a is taken at count.index as it stands"
    assert (guess in notes_of(imported, f"{INGRESS}.r")) == (count == 2)
    assert all("count.index" in line or "cannot be" in line for line in imported.unmodelled)


MODULE: Data = {
    "resources": [config(f"{GROUP}.m"), config(f"{INGRESS}.own", security_group_id=refers("local.id"))],
    "outputs": {"id": {"expression": id_of(f"{GROUP}.m")}},
}


def _module(name: str) -> list[Data]:
    group = planned(f"{name}.{GROUP}.m", {"name": re.sub("[^a-z]", "", name.removeprefix("module."))}, {"id": True})
    rule = planned(f"{name}.{INGRESS}.own", {**TCP, "cidr_ipv4": "10.0.0.0/8"}, {"security_group_id": True})
    return [group, rule]


def test_a_local_value_is_guessed_for_the_owner_of_a_rule_alone() -> None:
    """It is taken for its module's only group, and that is noted; as a peer or a node's group it is lost."""
    rule = config(
        f"{INGRESS}.r", security_group_id=id_of(f"{GROUP}.a"), referenced_security_group_id=refers("local.peer")
    )
    node = config("aws_instance.n", vpc_security_group_ids=refers("local.groups"))
    imported = import_plan(
        [A, planned(f"{INGRESS}.r", TCP, LATE), planned("aws_instance.n", {}, {"vpc_security_group_ids": True})],
        [WRITTEN[0], rule, node],
        modules={"module.m": _module("module.m")},
        calls={"m": {"module": MODULE}},
    )

    assert (peers_of(imported, "m"), peers_of(imported, "a")) == (["10.0.0.0/8"], [])
    assert "instance-n" not in imported.lab.instances
    assert notes_of(imported, f"module.m.{INGRESS}.own") == [
        f"a guess: security_group_id: local.id is taken to be module.m.{GROUP}.m, the only group of its module"
    ]
    for address, name in ((f"{INGRESS}.r", "local.peer"), ("aws_instance.n", "local.groups")):
        assert [name in each and "cannot be followed" in each for each in notes_of(imported, address)] == [True]


LOST_OUTPUT: Data = {"id": {"expression": id_of(f"{GROUP}.m")}, "other": {"expression": refers("local.other")}}


@pytest.mark.parametrize(("outputs", "peers"), [(MODULE["outputs"], ["mx"]), (LOST_OUTPUT, [])])
def test_an_output_without_its_name_is_the_only_group_that_the_module_gives(outputs: object, peers: list[str]) -> None:
    """``module.m[each.key].id`` leaves ``module.m``; where some output cannot be followed, it may be that one."""
    rule = config(
        f"{INGRESS}.r",
        for_each_expression={"constant_value": {"x": 1}},
        security_group_id=id_of(f"{GROUP}.a"),
        referenced_security_group_id=refers("module.m", "each.key"),
    )
    names = ['module.m["x"]', 'module.m["y"]']
    imported = import_plan(
        [A, planned(f'{INGRESS}.r["x"]', TCP, LATE)],
        [WRITTEN[0], rule],
        modules={name: _module(name) for name in names},
        calls={"m": {"for_each_expression": {}, "module": {**MODULE, "outputs": outputs}}},
    )

    assert peers_of(imported, "a") == peers
    assert any("cannot be followed" in each for each in imported.unmodelled) == (not peers)


def test_a_set_of_a_variable_has_its_members_for_keys_and_values() -> None:
    """``toset(var.names)`` is kept as var.names; that each.value is the key is a guess."""
    groups = [planned(f'{GROUP}.this["{key}"]', {"name": key}, {"id": True}) for key in "ab"]
    written = config(
        f"{INGRESS}.r",
        for_each_expression=refers("var.names"),
        security_group_id=id_of(f"{GROUP}.a"),
        referenced_security_group_id=refers(f"{GROUP}.this", "each.value"),
    )
    imported = import_plan(
        [A, *groups, planned(f'{INGRESS}.r["b"]', TCP, LATE)],
        [WRITTEN[0], config(f"{GROUP}.this"), written],
        variables={"names": {"value": ["a", "b"]}},
    )

    assert peers_of(imported, "a") == ["b"]
    assert any("a guess" in line for line in imported.unmodelled)


PLACES = [
    (["var.many[0]"], "m0", "a guess"),
    (["var.many[1]"], "m1", "a guess"),
    (["var.many"], "", "which of them cannot be told"),
    (["var.one.id"], "m1", ""),
    (["module.n.ids[1]", "module.n.ids", "module.n"], "l1", "a guess"),
    (['module.n.keyed["c"]', "module.n.keyed", "module.n"], "kc", ""),
    (["module.n.keyed", "module.n"], "", "which of them cannot be told"),
    (["module.n.none", "module.n"], "", "module.n.none"),
    (["var.known.id"], "", "its peer cannot be told before apply"),
    (["var."], "", "var."),
    (["module."], "", "module."),
    (["Nothing"], "", "Nothing"),
    (["path.module"], "", "its peer cannot be told before apply"),
    (["aws_vpc.v.default_security_group_id", "aws_vpc.v"], "default", ""),
    (["aws_vpc.v.cidr_block", "aws_vpc.v"], "", "module.m.aws_vpc.v, which cannot be followed"),
    (["data.aws_security_group.late.id", "data.aws_security_group.late"], "", "which cannot be followed"),
]
INNER: Data = {
    "outputs": {"ids": {"expression": refers(f"{GROUP}.list")}, "keyed": {"expression": refers(f"{GROUP}.map")}},
    "resources": [config(f"{GROUP}.list"), config(f"{GROUP}.map")],
}


@pytest.mark.parametrize(("references", "peer", "note"), PLACES)
def test_one_place_of_a_list_is_the_group_there(references: list[str], peer: str, note: str) -> None:
    """Through a variable or an output of a module; what is no group, or one of several, is lost with a note."""
    rule = config(
        f"{INGRESS}.r", security_group_id=refers("var.owner"), referenced_security_group_id=refers(*references)
    )
    inside = {
        "resources": [rule],
        "variables": {"many": {}, "owner": {}, "one": {}, "known": {"default": {"name": "x"}}},
        "module_calls": {"n": {"module": INNER}},
    }
    inner = "module.m.module.n"
    lists = [planned(f"{inner}.{GROUP}.list[{at}]", {"name": f"l{at}"}, {"id": True}) for at in (0, 1)]
    keyed = [planned(f'{inner}.{GROUP}.map["{each}"]', {"name": f"k{each}"}, {"id": True}) for each in "bc"]
    many = [planned(f"{GROUP}.many[{at}]", {"name": f"m{at}"}, {"id": True}) for at in (0, 1)]
    own = [
        planned(f"module.m.{INGRESS}.r", TCP, LATE),
        planned("module.m.aws_vpc.v", {"cidr_block": "10.0.0.0/16"}, {"default_security_group_id": True}),
        {**planned("module.m.data.aws_security_group.late", {}, {"id": True}), "mode": "data"},
    ]
    arguments = {"many": refers(f"{GROUP}.many"), "owner": id_of(f"{GROUP}.a"), "one": id_of(f"{GROUP}.many[1]")}
    imported = import_plan(
        [A, *many],
        [WRITTEN[0], config(f"{GROUP}.many")],
        modules={"module.m": own, inner: [*lists, *keyed]},
        calls={"m": {"expressions": arguments, "module": inside}},
    )

    assert peers_of(imported, "a") == ([peer] if peer else [])
    assert [note in each for each in notes_of(imported, f"module.m.{INGRESS}.r")] == ([True] if note else [])


def test_references_in_a_circle_come_to_an_end() -> None:
    """Terraform refuses them, but a document may hold them."""
    arguments = {"x": refers("module.m.out")}
    inside = {
        "resources": [config(f"{INGRESS}.r", security_group_id=refers("var.x"))],
        "outputs": {"out": {"expression": refers("var.x")}},
    }
    imported = import_plan(
        [A],
        WRITTEN,
        modules={"module.m": [planned(f"module.m.{INGRESS}.r", {**TCP, "cidr_ipv4": "10.0.0.0/8"}, LATE)]},
        calls={"m": {"expressions": arguments, "module": inside}},
    )

    assert ["without end" in each for each in notes_of(imported, f"module.m.{INGRESS}.r")] == [True]


@pytest.mark.parametrize(("outputs", "count"), [({}, 1), ({}, 2), (MODULE["outputs"], 1)])
def test_an_owner_behind_an_unnamed_output_is_guessed_as_the_only_group(outputs: object, count: int) -> None:
    """Where no output tells it; a module with two groups leaves nothing to guess."""
    more = [planned(f'module.m["x"].{GROUP}.other', {"name": "other"}, {"id": True})][: count - 1]
    written = config(
        f"{INGRESS}.r",
        for_each_expression={"constant_value": {"x": 1}},
        security_group_id=refers("module.m", "each.key"),
    )
    imported = import_plan(
        [planned(f'{INGRESS}.r["x"]', {**TCP, "cidr_ipv4": "192.0.2.0/24"}, LATE)],
        [written],
        modules={'module.m["x"]': [*_module('module.m["x"]'), *more]},
        calls={"m": {"for_each_expression": {}, "module": {**MODULE, "outputs": outputs}}},
    )

    assert ("192.0.2.0/24" in peers_of(imported, "mx")) == (count == 1)
    guesses = [each for each in notes_of(imported, f"{INGRESS}.r") if each.startswith("a guess")]
    assert bool(guesses) == (count == 1 and not outputs)


def test_nodes_of_a_count_stand_in_the_subnets_of_their_places() -> None:
    """Two of three: a guess, and noted once for both."""
    subnets = [
        planned(f"aws_subnet.s[{at}]", {"cidr_block": f"10.0.{at}.0/24"}, {"id": True, "vpc_id": True})
        for at in range(3)
    ]
    late = {"subnet_id": True, "vpc_security_group_ids": True}
    node = config(
        "aws_instance.n", subnet_id=refers("aws_subnet.s", "count.index"), vpc_security_group_ids=id_of(f"{GROUP}.a")
    )
    imported = import_plan(
        [A, *subnets, *(planned(f"aws_instance.n[{at}]", {}, late) for at in range(2))],
        [WRITTEN[0], config("aws_subnet.s"), node],
    )

    assert [each.primary.subnet for each in imported.lab.instances.values()] == ["s-0", "s-1"]
    assert notes_of(imported, "aws_instance.n") == [
        "a guess: subnet_id: aws_subnet.s is taken at count.index as it stands"
    ]
