"""The JSON Schemas: every lab and every report validates, and what is wrong does not."""

import json
from collections.abc import Iterator
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

import netlab
from netlab.check.impact import Impact, compare, impact_json, play_fates
from netlab.check.matrix import ask_matrix, matrix_json, rule_questions
from netlab.check.play import check_lab
from netlab.check.report import observed_json, to_json
from netlab.cli.schema import NAMES
from netlab.control import completed
from netlab.errors import LabFileError
from netlab.formats import parse_lab, render_lab, schema, story_schema
from netlab.model.rules import SecurityGroup
from netlab.model.verdicts import Seen
from netlab.oracle.explain import explain

STEP_SHAPES = {
    "open": story_schema.OpenShape, "send": story_schema.SendShape, "reply": story_schema.ReplyShape,
    "error": story_schema.ErrorShape, "attach": story_schema.AttachShape, "acl": story_schema.AclChangeShape,
    "prefix_list": story_schema.PrefixListChangeShape, "wait": story_schema.WaitShape,
    "table": story_schema.TableShape,
}  # fmt: skip
SHAPES = {
    "subnet": schema.SubnetShape, "security_group": schema.GroupShape, "prefix_list": schema.PrefixListShape,
    "network_acl": schema.AclShape, "nat_gateway": schema.NatShape, "connection_tracking": schema.TrackingShape,
    "interface": schema.InterfaceShape, "instance": schema.InstanceShape, "host": schema.HostShape,
    "instance_with_interfaces": schema.ManyInterfacesShape, "row": story_schema.RowShape,
    **{f"step_{name}": shape for name, shape in STEP_SHAPES.items()},
}  # fmt: skip


def _schema(name: str) -> dict[str, Any]:
    text = resources.files("netlab.formats").joinpath("schemas", f"{name}.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def _complaints(name: str, document: object) -> list[str]:
    found = Draft202012Validator(_schema(name)).iter_errors(json.loads(json.dumps(document)))
    return [f"{'/'.join(map(str, error.path))}: {error.message}" for error in found]


def _read(text: str) -> Any:
    return YAML(typ="safe", pure=True).load(text)


def _lab_texts() -> Iterator[tuple[str, str]]:
    for name in netlab.built_in_labs():
        yield name, resources.files("netlab.labs").joinpath(f"{name}.yaml").read_text(encoding="utf-8")
    stories = Path(__file__).parents[1] / "kernel" / "stories"
    for file in sorted(stories.glob("*.yaml")):
        yield file.stem, file.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", NAMES)
def test_each_schema_is_a_schema(name: str) -> None:
    """Of draft 2020-12, and none is left out of the command."""
    folder = resources.files("netlab.formats").joinpath("schemas")

    Draft202012Validator.check_schema(_schema(name))
    assert {f"{each}.json" for each in NAMES} == {each.name for each in folder.iterdir()}


@pytest.mark.parametrize("text", [text for _, text in _lab_texts()], ids=[name for name, _ in _lab_texts()])
def test_every_lab_validates(text: str) -> None:
    """As it is written, and as netlab writes it back."""
    assert _complaints("lab", _read(text)) == []
    assert _complaints("lab", _read(render_lab(completed(parse_lab(text, "lab.yaml"))))) == []


@pytest.mark.parametrize("part", SHAPES)
def test_the_schema_has_the_keys_that_netlab_reads(part: str) -> None:
    """No more and no fewer, and the same are required."""
    said = _schema("lab")["$defs"][part]

    assert set(said["properties"]) == set(SHAPES[part].key_names())
    assert set(said.get("required", [])) == set(SHAPES[part].required())


def test_the_top_of_the_schema_has_the_sections_of_the_file() -> None:
    """Every section, and a rule's and an entry's keys."""
    said = _schema("lab")
    rules = set(schema.RuleShape.key_names())
    entries = set(schema.EntryShape.key_names())

    assert set(schema.TopShape.key_names()) <= set(said["properties"])
    assert set(said["properties"]) - set(schema.TopShape.key_names()) <= {"import"}
    for direction, other in (("ingress", "to"), ("egress", "from")):
        assert set(said["$defs"][f"{direction}_rule"]["properties"]) == rules - {other}
        assert set(said["$defs"][f"{direction}_entry"]["properties"]) == entries - {other}


MISTAKES = [
    ("vpc: {cidr: 10.0.0.0/16, cdr: 1}", "cdr"),
    ("security_groups: {web: {ingress: [{tcp: 22}]}}", "from"),
    ("security_groups: {web: {ingress: [{tcp: 22, to: 0.0.0.0/0}]}}", "from"),
    ("security_groups: {web: {ingress: [{tcp: 22, udp: 22, from: 0.0.0.0/0}]}}", "valid under each of"),
    ("security_groups: {web: {ingress: [{tcp: ssh, from: 0.0.0.0/0}]}}", "ssh"),
    ("subnets: {a b: {cidr: 10.0.1.0/24}}", "a b"),
    ("instances: {ec2: {ip: 10.0.1.10}}", "ec2"),
    ("expect: [{from: a, to: b, tcp: 22}]", "seen"),
    ("expect: [{from: a, to: b, tcp: 22, seen: blocked}]", "blocked"),
    ("stories: {one: [{opn: flow, from: a, to: b, tcp: 22, seen: lost}]}", "not valid under any"),
]


@pytest.mark.parametrize(("text", "wanted"), MISTAKES)
def test_a_mistake_does_not_validate(text: str, wanted: str) -> None:
    """What netlab refuses for its shape an editor tells as well; the same without it validates."""
    complaints = _complaints("lab", _read("name: x\n" + text))

    assert complaints
    assert wanted in " ".join(complaints)
    assert _complaints("lab", {"name": "x"}) == []


BOTH_BASE = """
name: x
vpc: {cidr: 10.0.0.0/16}
subnets: {p: {cidr: 10.0.1.0/24, internet: true}}
security_groups: {web: {ingress: [{tcp: 22, from: 0.0.0.0/0}]}}
instances: {a: {subnet: p, public_ip: 203.0.113.3, security_groups: [web]}}
hosts: {l: {ip: 198.51.100.7}}
"""

BOTH = [
    # text that is right                                                ; its near miss
    ("timers:", "timers: {scale: 0}"),
    ("timers: {scale: 0.0001}", "timers: {scale: 0.00001}"),
    ("prefix_lists:", "prefix_lists: 7"),
    ("prefix_lists: {o: }", "prefix_lists: {o: 7}"),
    ("prefix_lists: {o: {max_entries: 1000}}", "prefix_lists: {o: {max_entries: 1001}}"),
    ("network_acls: {x: }", "network_acls: {x: 7}"),
    ("expect: [{from: l, to: a, tcp: 65535, seen: lost}]", "expect: [{from: l, to: a, tcp: 65536, seen: lost}]"),
    ('expect: [{from: l, to: a, tcp: "22", seen: lost}]', "expect: [{from: l, to: a, tcp: 22-23, seen: lost}]"),
    ("expect: [{from: l, to: a, icmp: 3/4, seen: lost}]", "expect: [{from: l, to: a, icmp: all, seen: lost}]"),
    ("expect: [{from: l, to: a, icmp: 255, seen: lost}]", "expect: [{from: l, to: a, icmp: 256, seen: lost}]"),
    ("expect: [{from: l, to: a, protocol: gre, seen: lost}]", "expect: [{from: l, to: a, protocol: tcp, seen: lost}]"),
    ("expect: [{from: l, to: a, tcp: 1, size: 65000, seen: lost}]",
     "expect: [{from: l, to: a, tcp: 1, size: 65001, seen: lost}]"),
    ("expect: [{from: l, to: a, tcp: 1, flags: SA, seen: lost}]",
     "expect: [{from: l, to: a, tcp: 1, flags: SYN, seen: lost}]"),
    ("expect: [{from: l, to: a, tcp: 1, seen: lost, at: card a ingress}]",
     "expect: [{from: l, to: a, tcp: 1, seen: lost, at: nowhere}]"),
    ("stories: {s: [{wait: 31s}]}", "stories: {s: [{wait: 31 s}]}"),
    ("stories: {s: [{wait: 0.5}]}", "stories: {s: [{wait: -1}]}"),
]  # fmt: skip


@pytest.mark.parametrize(("right", "wrong"), BOTH)
def test_an_editor_and_netlab_agree(right: str, wrong: str) -> None:
    """What is right is right to both, and its near miss to neither."""
    assert _complaints("lab", _read(BOTH_BASE + right)) == []
    completed(parse_lab(BOTH_BASE + right, "lab.yaml"))
    assert _complaints("lab", _read(BOTH_BASE + wrong)) != []
    with pytest.raises(LabFileError):
        completed(parse_lab(BOTH_BASE + wrong, "lab.yaml"))


@pytest.mark.parametrize("name", NAMES)
def test_no_key_stands_twice(name: str) -> None:
    """A reader of JSON would drop the first one."""

    def once(pairs: list[tuple[str, object]]) -> dict[str, object]:
        assert len(pairs) == len(dict(pairs)), [key for key, _ in pairs]
        return dict(pairs)

    text = resources.files("netlab.formats").joinpath("schemas", f"{name}.json").read_text(encoding="utf-8")
    json.loads(text, object_pairs_hook=once)


@pytest.mark.parametrize("name", netlab.built_in_labs())
def test_every_report_validates(name: str) -> None:
    """Of check, with a row that fails too; of probe, matrix and diff with its flows."""
    lab = netlab.load(name)
    bare = completed(parse_lab(render_lab(lab).replace("0.0.0.0/0", "192.0.2.0/24"), f"{name}.yaml"))
    with netlab.paper(lab) as network:
        matrix = ask_matrix(network, rule_questions(lab))
        fates = play_fates(network, bare, [cell.question for cell in matrix.cells if cell.seen is Seen.DELIVERED])
        network.reset()
        assert _complaints("check", to_json(check_lab(network, lab))) == []
        network.reset()
        assert (
            _complaints("probe", observed_json(network.open_question(lab.expectations[0].question).observation)) == []
        )
    with netlab.paper(bare) as network:
        failing = to_json(check_lab(network, lab))
        other = ask_matrix(network, rule_questions(bare))
    impact = Impact(name, "bare", 1, *compare(matrix, other), fates)

    assert failing["ok"] is False or name == "timeouts"
    assert _complaints("check", failing) == []
    assert _complaints("matrix", matrix_json(matrix)) == []
    assert _complaints("diff", impact_json(impact)) == []


@pytest.mark.parametrize("name", netlab.built_in_labs())
def test_every_explanation_validates(name: str) -> None:
    """Of each row of a lab, and of one with no rule at all, which has remedies and a proof."""
    lab = netlab.load(name)
    bare = replace(lab, groups={each: SecurityGroup(each) for each in lab.groups})
    found = [explain(each, row.question).as_json() for each in (lab, bare) for row in lab.expectations]

    assert [complaint for each in found for complaint in _complaints("explain", each)] == []


def test_every_code_of_the_reachability_analyzer_is_in_the_schema() -> None:
    """Of explanations of each kind; a code that is none of them does not validate."""
    lab = netlab.load("stateful")
    shut = replace(lab.acls["default"], ingress=())
    nowhere = {name: replace(each, internet=False) for name, each in lab.subnets.items()}
    labs = [
        lab,
        replace(lab, groups={each: SecurityGroup(each) for each in lab.groups}),
        replace(lab, acls={**lab.acls, "default": shut}),
        replace(lab, subnets=nowhere),
    ]
    rows = [row.question for row in lab.expectations]
    found = [explain(each, row).as_json() for each in labs for row in rows]
    codes = {code["ExplanationCode"] for each in found for code in each["reachability_analyzer"]["Explanations"]}  # type: ignore[index]
    said = _schema("explain")["$defs"]["explanation"]["properties"]["ExplanationCode"]["enum"]

    assert [complaint for each in found for complaint in _complaints("explain", each)] == []
    assert codes >= {"SG_HAS_NO_RULES", "ENI_SG_RULES_MISMATCH", "SUBNET_ACL_RESTRICTION"}
    assert codes <= set(said)
    assert _complaints("explain", {**found[0], "extra": 1})


def test_what_is_no_report_does_not_validate() -> None:
    """A key too many, a word that is none of netlab's."""
    lab = netlab.load("stateful")
    with netlab.paper(lab) as network:
        found = matrix_json(ask_matrix(network, rule_questions(lab)))

    assert _complaints("matrix", found) == []
    assert _complaints("matrix", {**found, "extra": 1})
    assert _complaints("matrix", {**found, "cells": [{**found["cells"][0], "seen": "blocked"}]})  # type: ignore[index]
