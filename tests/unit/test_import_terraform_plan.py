"""What a plan says is known only after apply, and what it says is nothing: the one is followed, the other is not."""

import pytest
from terraform_plans import (
    GROUP,
    GROUPS,
    INGRESS,
    LATE,
    NOTHING,
    RULE,
    TCP,
    WRITTEN,
    A,
    B,
    Data,
    config,
    id_of,
    import_plan,
    notes_of,
    peers_of,
    planned,
    refers,
)

from netlab.errors import LabFileError
from netlab.formats import Imported

OLD: Data = {"type": "ingress", "protocol": "tcp", "from_port": 1, "to_port": 1, "self": False}

RULES: Data = {
    "http": {"cidr_ipv4": "0.0.0.0/0", "port": 80, "description": "http/https"},
    "office": {"cidr_ipv4": "198.51.100.0/24", "port": 22},
    "peer": {"sg": "sg-0123", "port": 5432},
}


def test_a_known_null_of_a_for_each_is_no_peer() -> None:
    """Each rule has the peer of its own key, though all refer to each.value; a description is no network."""
    address = f"{INGRESS}.this"
    written = config(
        address,
        for_each_expression=refers("var.rules"),
        security_group_id=id_of(f"{GROUP}.a"),
        cidr_ipv4=refers("each.value.cidr_ipv4", "each.value"),
        referenced_security_group_id=refers("each.value.sg", "each.value"),
    )
    rules = [
        planned(
            f'{address}["{key}"]',
            {**NOTHING, **TCP, "cidr_ipv4": each.get("cidr_ipv4"), "referenced_security_group_id": each.get("sg")},
            {"id": True, "security_group_id": True},
        )
        for key, each in RULES.items()
        if isinstance(each, dict)
    ]
    imported = import_plan([A, *rules], [WRITTEN[0], written], variables={"rules": {"value": RULES}})

    assert peers_of(imported, "a") == ["0.0.0.0/0", "198.51.100.0/24", "sg-0123"]


CONDITIONS: list[tuple[Data, Data, list[str]]] = [
    ({"cidr_blocks": ["203.0.113.0/24"]}, {"source_security_group_id": False}, ["203.0.113.0/24"]),
    ({"cidr_blocks": ["203.0.113.0/24"]}, {"source_security_group_id": True}, ["203.0.113.0/24"]),
    ({"cidr_blocks": None, "self": True}, {"source_security_group_id": True}, ["a"]),
    ({"cidr_blocks": None}, {"source_security_group_id": True}, ["b"]),
    ({"cidr_blocks": None, "source_security_group_id": None}, {}, []),
]


@pytest.mark.parametrize(("values", "unknown", "peers"), CONDITIONS)
def test_a_rule_with_networks_names_no_group(values: Data, unknown: Data, peers: list[str]) -> None:
    """Terraform shows source_security_group_id as unknown also where it stays empty: ``var.public ? null : b.id``."""
    written = config(
        f"{RULE}.r",
        security_group_id=id_of(f"{GROUP}.a"),
        cidr_blocks=refers("var.public"),
        source_security_group_id=refers("var.public", f"{GROUP}.b.id", f"{GROUP}.b"),
    )
    rule = planned(f"{RULE}.r", {**OLD, **values}, {"security_group_id": True, **unknown})
    imported = import_plan([A, B, rule], [*WRITTEN[:2], written], variables={"public": {"value": True}})

    assert peers_of(imported, "a") == peers
    assert notes_of(imported, f"{RULE}.r") == ([] if peers else ["a rule on tcp/1: it names no peer"])


def test_a_rule_of_one_peer_has_no_second_one() -> None:
    """Where the document does not say what is unknown, a known network still leaves no room for a group."""
    written = config(
        f"{INGRESS}.r", security_group_id=id_of(f"{GROUP}.a"), referenced_security_group_id=id_of(f"{GROUP}.b")
    )
    network = planned(f"{INGRESS}.r", {**TCP, "cidr_ipv4": "10.0.0.0/8"})
    none = planned(f"{INGRESS}.r", TCP)

    assert peers_of(import_plan([A, B, network], [*WRITTEN, written]), "a") == ["10.0.0.0/8"]
    assert peers_of(import_plan([A, B, none], [*WRITTEN, written]), "a") == ["b"]


def test_which_of_two_late_peers_a_rule_has_cannot_be_told() -> None:
    """A network and a group, both known only after apply; near miss: the network is known to be nothing."""
    written = config(
        f"{INGRESS}.r",
        security_group_id=id_of(f"{GROUP}.a"),
        cidr_ipv4=refers("aws_eip.x.public_ip", "aws_eip.x"),
        referenced_security_group_id=id_of(f"{GROUP}.b"),
    )
    one = import_plan([A, B, planned(f"{INGRESS}.r", {**TCP, **NOTHING}, LATE)], [*WRITTEN, written])
    both = import_plan([A, B, planned(f"{INGRESS}.r", TCP, {**LATE, "cidr_ipv4": True})], [*WRITTEN, written])

    assert (peers_of(one, "a"), peers_of(both, "a")) == (["b"], [])
    assert notes_of(both, f"{INGRESS}.r") == [
        "which of cidr_ipv4 and referenced_security_group_id its peer is cannot be told before apply"
    ]


FALLBACK: list[tuple[Data, list[str], int]] = [
    ({"constant_value": "10.0.0.0/8"}, ["10.0.0.0/8"], 0),
    (refers("var.office"), ["198.51.100.0/24"], 1),
    (refers("each.value.cidr_ipv4", "each.value"), ["0.0.0.0/0"], 1),
    (refers("each.value.missing", "each.value"), [], 1),
    (refers("var.office", "var.other"), [], 1),
]


@pytest.mark.parametrize(("expression", "peers", "notes"), FALLBACK)
def test_a_network_is_taken_from_the_configuration_where_nothing_says_what_is_unknown(
    expression: Data, peers: list[str], notes: int
) -> None:
    """A constant as it is; a variable, or each.value at its key, as a guess; never everything that a variable holds."""
    written = config(
        f"{INGRESS}.r",
        for_each_expression=refers("var.rules"),
        security_group_id=id_of(f"{GROUP}.a"),
        cidr_ipv4=expression,
    )
    variables = {"rules": {"value": RULES}, "office": {"value": "198.51.100.0/24"}, "other": {"value": "10.0.0.0/8"}}
    imported = import_plan([A, planned(f'{INGRESS}.r["http"]', TCP)], [*WRITTEN, written], variables=variables)

    assert peers_of(imported, "a") == peers
    assert sum(INGRESS in each for each in imported.unmodelled) == notes


def test_an_unknown_group_is_none_of_those_that_have_ids() -> None:
    """``try(new.id, old.id)`` is unknown, so it is the new one. Two new ones: it cannot be told."""
    old = planned(f"{GROUP}.c", {"name": "c", "id": "sg-c"}, {})
    rule = planned(f"{INGRESS}.r", TCP, LATE)

    def peers(*names: str) -> Imported:
        references = [text for name in names for text in (f"{GROUP}.{name}.id", f"{GROUP}.{name}")]
        written = config(
            f"{INGRESS}.r", security_group_id=id_of(f"{GROUP}.a"), referenced_security_group_id=refers(*references)
        )
        return import_plan([A, B, old, rule], [*WRITTEN, written])

    assert (peers_of(peers("b", "c"), "a"), peers_of(peers("a", "b"), "a")) == (["b"], [])
    assert notes_of(peers("a", "b"), f"{INGRESS}.r") == [
        f"referenced_security_group_id refers to {GROUP}.a, {GROUP}.b: which of them cannot be told before apply"
    ]


def test_late_ports_are_no_mistake() -> None:
    """A port that comes of another resource: the rule is noted. Near miss: a port that is missing is a mistake."""
    written = config(f"{INGRESS}.r", security_group_id=id_of(f"{GROUP}.a"), from_port=refers("aws_db_instance.x.port"))
    values = {**NOTHING, "ip_protocol": "tcp", "to_port": 1, "cidr_ipv4": "10.0.0.0/8"}
    late = planned(f"{INGRESS}.r", values, {"security_group_id": True, "from_port": True})
    imported = import_plan([A, late], [*WRITTEN, written])

    assert peers_of(imported, "a") == []
    assert notes_of(imported, f"{INGRESS}.r") == ["what is known only after apply: from_port"]
    with pytest.raises(LabFileError, match="found one port or none"):
        import_plan([A, planned(f"{INGRESS}.r", values, {"security_group_id": True})], [*WRITTEN, written])


LISTS: list[tuple[str, Data, Data, list[str]]] = [
    (RULE, {"source_security_group_id": None}, {"prefix_list_ids": True}, ["l"]),
    (RULE, {"prefix_list_ids": ["pl-0"]}, {"source_security_group_id": True}, []),
    (RULE, {}, {"prefix_list_ids": True, "source_security_group_id": True}, ["l"]),
    (INGRESS, {**NOTHING, "source_security_group_id": None}, {"prefix_list_id": True}, ["l"]),
    (INGRESS, {**NOTHING, "source_security_group_id": None, "prefix_list_id": "pl-0"}, {}, []),
]


@pytest.mark.parametrize(("kind", "values", "late", "peers"), LISTS)
def test_a_late_prefix_list_is_followed(kind: str, values: Data, late: Data, peers: list[str]) -> None:
    """Beside one a rule may name a group too: whether it does cannot be told."""
    offices = planned("aws_ec2_managed_prefix_list.l", {"name": "l", "entry": [{"cidr": "10.0.0.0/8"}]}, {"id": True})
    name = "prefix_list_ids" if kind == RULE else "prefix_list_id"
    written = config(
        f"{kind}.r",
        security_group_id=id_of(f"{GROUP}.a"),
        source_security_group_id=id_of(f"{GROUP}.b"),
        **{name: id_of("aws_ec2_managed_prefix_list.l")},
    )
    rule = planned(f"{kind}.r", {**(OLD if kind == RULE else TCP), **values}, {"security_group_id": True, **late})
    imported = import_plan([A, B, offices, rule], [*WRITTEN, config("aws_ec2_managed_prefix_list.l"), written])

    assert peers_of(imported, "a") == peers
    told = [each for each in notes_of(imported, f"{kind}.r") if "beside a prefix list" in each]
    assert bool(told) == ("source_security_group_id" in late)


@pytest.mark.parametrize(("references", "notes"), [(["local.l"], 1), (["aws_x.y", "aws_x.z"], 2)])
def test_a_prefix_list_that_cannot_be_told_is_noted(references: list[str], notes: int) -> None:
    """One of two, or one that leads nowhere."""
    written = config(f"{INGRESS}.r", security_group_id=id_of(f"{GROUP}.a"), prefix_list_id=refers(*references))
    rule = planned(f"{INGRESS}.r", TCP, {"security_group_id": True, "prefix_list_id": True})
    imported = import_plan([A, rule], [*WRITTEN, written])

    assert peers_of(imported, "a") == []
    assert ["cannot be followed" in each for each in notes_of(imported, f"{INGRESS}.r")] == [True] * notes


def test_a_group_with_an_id_is_not_what_is_unknown() -> None:
    """The plan contradicts itself: the rule is noted, not guessed."""
    old = planned(f"{GROUP}.c", {"name": "c", "id": "sg-c"}, {})
    written = config(
        f"{INGRESS}.r", security_group_id=id_of(f"{GROUP}.a"), referenced_security_group_id=id_of(f"{GROUP}.c")
    )
    imported = import_plan([A, old, planned(f"{INGRESS}.r", TCP, LATE)], [*WRITTEN, written])

    assert peers_of(imported, "a") == []
    assert notes_of(imported, f"{INGRESS}.r") == [
        "referenced_security_group_id is known only after apply, though it refers to sg-c"
    ]


def test_a_rule_of_no_group_is_noted() -> None:
    """Its group is made by none of the keys."""
    written = config(f"{INGRESS}.r", security_group_id=id_of(f"{GROUP}.b"))
    rule = planned(f"{INGRESS}.r", {**TCP, "cidr_ipv4": "10.0.0.0/8"}, {"security_group_id": True})
    imported = import_plan([A, rule], [*WRITTEN, written])

    assert notes_of(imported, f"{INGRESS}.r") == ["the rule's group cannot be told before apply: it refers to nothing"]


@pytest.mark.parametrize(("expression", "notes"), [({"constant_value": "sg-1"}, 0), (refers("var.id"), 1)])
def test_a_group_is_taken_from_the_configuration_where_nothing_says_what_is_unknown(
    expression: Data, notes: int
) -> None:
    """A constant as it is, a variable as a guess."""
    written = config(f"{INGRESS}.r", security_group_id=id_of(f"{GROUP}.a"), referenced_security_group_id=expression)
    imported = import_plan([A, planned(f"{INGRESS}.r", TCP)], [*WRITTEN, written], variables={"id": {"value": "sg-1"}})

    assert peers_of(imported, "a") == ["sg-1"]
    assert sum("a guess" in each for each in imported.unmodelled) == notes


def test_what_a_plan_leaves_out_is_followed_though_it_is_not_said_to_be_unknown() -> None:
    """Terraform writes a known null as one; a plan that was cut down says nothing of what it leaves out."""
    block: Data = {"protocol": "tcp", "from_port": 1, "to_port": 1, "cidr_blocks": [], "self": False}
    peer = id_of(f"{GROUP}.b")
    written = [
        config(f"{GROUP}.a", ingress=[{"security_groups": peer, "from_port": {"constant_value": 1}}]),
        config(f"{INGRESS}.r", security_group_id=id_of(f"{GROUP}.c"), referenced_security_group_id=peer),
        config("aws_instance.n", vpc_security_group_ids=id_of(f"{GROUP}.c")),
        *WRITTEN[1:],
    ]
    absent, null = (
        import_plan(
            [
                planned(f"{GROUP}.a", {"name": "a", "ingress": [{**block, **groups}]}, {"id": True}),
                *GROUPS[1:],
                planned(f"{INGRESS}.r", {**TCP, **NOTHING, **rule}, {"id": True}),
                planned("aws_instance.n", node, {"id": True}),
            ],
            written,
        )
        for groups, rule, node in (
            ({}, {}, {}),
            (
                {"security_groups": []},
                {"security_group_id": "sg-x", "referenced_security_group_id": None},
                {"vpc_security_group_ids": []},
            ),
        )
    )

    assert (peers_of(absent, "a"), peers_of(absent, "c")) == (["b"], ["b"])
    assert absent.lab.instances["instance-n"].primary.security_groups == ("c",)
    assert (peers_of(null, "a"), peers_of(null, "c")) == ([], [])
    assert null.lab.instances["instance-n"].primary.security_groups == ()
