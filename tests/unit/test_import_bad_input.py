"""What cannot be imported is refused, one clear line each; `import:` of a lab file; groups put in place of others."""

import itertools
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from netlab.control import completed
from netlab.errors import InputError, LabFileError, RefusedError
from netlab.formats import import_files, is_real_file, parse_lab, replace_groups
from netlab.model.topology import Lab

DATA = Path(__file__).parent / "data"
GROUPS = (DATA / "groups.json").read_text(encoding="utf-8")
TEMPLATE = (DATA / "template.yaml").read_text(encoding="utf-8")


def _groups(*groups: dict[str, object]) -> str:
    return json.dumps({"SecurityGroups": list(groups)})


def _group(name: str, *peers: object, **more: object) -> dict[str, object]:
    ranges = [{"CidrIp": each} for each in peers if isinstance(each, str)]
    pairs = [each for each in peers if isinstance(each, dict)]
    permission = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "IpRanges": ranges, "UserIdGroupPairs": pairs}
    return {"GroupId": f"sg-{name}", "GroupName": name, "IpPermissions": [permission], **more}


FIRST = "x.json:1: SecurityGroups[0].IpPermissions[0]"
LONE_RULE = """Resources:
  A: {Type: AWS::EC2::SecurityGroupIngress, Properties: {GroupName: web, IpProtocol: "-1", CidrIp: 10.0.0.0/8}}
"""
WIDE = """Resources:
  V: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 0.0.0.0/0}}
  A: {Type: AWS::EC2::SecurityGroup, Properties: {GroupDescription: a, VpcId: !Ref V}}
"""
BAD = [
    (WIDE, "x.json:2: Resources.V: ", "found 0.0.0.0/0, wanted a prefix from /16 to /28"),
    (GROUPS[:400], "x.json:", "this is not JSON: the text ends too early"),
    ('{"SecurityGroups": [}', "x.json:1: ", "this is not JSON"),
    ("", "x.json: ", "found an empty file"),
    ("a: [1, 2", "x.json:", "this is neither JSON nor YAML"),
    ("just words", "x.json: ", "found 'just words', wanted what `aws ec2 describe-…`"),
    ('{"Buckets": []}', "x.json: ", "found a mapping of Buckets, wanted"),
    ('{"version": 4, "terraform_version": "1.5.0", "resources": []}', "x.json: ", "run `terraform show -json` on it"),
    ('{"format_version": "2.0", "values": {}}', "x.json:1: format_version: ", "found format 2, wanted 0.x or 1.x"),
    ('{"SecurityGroups": {}}', "x.json:1: SecurityGroups: ", "found no list"),
    ('{"SecurityGroups": [1]}', "x.json:1: SecurityGroups[0]: ", "found no mapping"),
    ('{"SecurityGroups": []}', "x.json: ", "found no security group"),
    (_groups({"IpPermissions": []}), "x.json:1: SecurityGroups[0]: ", "found neither GroupId nor GroupName"),
    (_groups(_group("a", "10.0.0.0/33")), f"{FIRST}.IpRanges[0]: ", "wanted a network"),
    (_groups(_group("a", {"GroupId": "sg-b"})), f"{FIRST}.UserIdGroupPairs[0]: ", "none of the files"),
    (LONE_RULE, "x.json:2: Resources.A: ", "none of the files"),
]


@pytest.mark.parametrize(("text", "place", "words"), BAD)
def test_a_file_that_cannot_be_imported_is_refused(text: str, place: str, words: str) -> None:
    """One line: the file, the place in it, what was found and wanted."""
    with pytest.raises(LabFileError) as caught:
        import_files({"x.json": text})

    (mistake,) = caught.value.mistakes
    assert str(mistake).startswith(place)
    assert words in mistake.text
    assert "\n" not in str(mistake)


RULES = "SecurityGroupIngress: [{IpProtocol: '-1', CidrIp: 0.0.0.0/0}]"
MERGED = """x: &x {Type: a, B: b}
Resources:
  A: {<<: *x, Type: c}
  B: {<<: [*x, {Type: c}], Type: b, C: &y {k: 1, k: 2}}
  C: *y
"""
DOUBLED = [
    (
        f"Resources:\n  A:\n    Type: AWS::EC2::SecurityGroup\n    Properties:\n      {RULES}\n      {RULES}\n",
        ["x:6: Resources.A.Properties.SecurityGroupIngress: stands here a second time, first in line 5"],
    ),
    (
        "Resources:\n  A: {Type: a}\n  B: {Type: a}\n  A: {Type: b, Type: c}\nResources: {}",
        [
            "x:4: Resources.A: stands here a second time, first in line 2",
            "x:5: Resources: stands here a second time, first in line 1",
        ],
    ),
    (
        '{"SecurityGroups": [\n{"GroupId": "sg-1",\n"IpPermissions": [{}],\n"GroupName": "{,", "IpPermissions": []}]}',
        ["x:4: SecurityGroups[0].IpPermissions: stands here a second time, first in line 3"],
    ),
    (
        '{"Resources": {"A": {"Type": "a"}, "B": ["A", "A"],\n "\\u0041": 1}, "Resources": {}}',
        [
            "x:2: Resources: stands here a second time, first in line 1",
            "x:2: Resources.A: stands here a second time, first in line 1",
        ],
    ),
    (
        MERGED,
        ["x:4: Resources.B.C.k: stands here a second time, first in line 4"],
    ),
]


@pytest.mark.parametrize(("text", "lines"), DOUBLED)
def test_a_key_that_stands_twice_is_a_mistake(text: str, lines: list[str]) -> None:
    """Each with its line and the first one's, in YAML and JSON; keys that a merge brings are no second ones."""
    with pytest.raises(LabFileError) as caught:
        import_files({"x": text})

    assert [str(each) for each in caught.value.mistakes if "second time" in each.text] == lines


def test_a_file_with_a_key_twice_is_still_a_real_one() -> None:
    """So that its own mistake is told, not that it is no lab file."""
    assert is_real_file(DOUBLED[0][0])
    assert is_real_file(DOUBLED[2][0])


def test_groups_of_others_are_no_mistake() -> None:
    """Near misses of a missing group: of another account, behind a peering; they are listed."""
    pairs = [
        {"GroupId": "sg-b", "UserId": "2"},
        {"GroupId": "sg-c", "UserId": "1", "VpcPeeringConnectionId": "pcx-1"},
        {"GroupId": "sg-d", "UserId": "1", "VpcId": "vpc-2"},
    ]
    imported = import_files({"x.json": _groups(_group("a", *pairs, OwnerId="1", VpcId="vpc-1"))})

    assert imported.lab.groups["a"].ingress == ()
    assert [line.rpartition(", ")[2] for line in imported.unmodelled if "names" in line] == [
        "a group of account 2",
        "a group behind pcx-1",
        "a group of vpc-2",
    ]


BOMB = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{','.join([f'*{below}'] * 10)}]\n" for below, name in itertools.pairwise("abcdef")
)
LARGE = [
    (f"{BOMB}Resources: *f\n", "found aliases that write out more than 100,000 values, wanted fewer"),
    ("Resources:\n  A: &a {B: *a}\n", "found data nested deeper, or in itself, wanted at most 100 levels"),
    ("Resources: " + "[" * 200 + "]" * 200, "found data nested deeper, or in itself, wanted at most 100 levels"),
]


@pytest.mark.parametrize(("text", "words"), LARGE)
def test_what_is_too_large_is_told_from_what_has_no_end(text: str, words: str) -> None:
    """Of a few lines that come to a million values the aliases are to blame; a file without many is read."""
    with pytest.raises(LabFileError) as caught:
        import_files({"x.yaml": text})

    assert [each.text for each in caught.value.mistakes] == [words]
    assert caught.value.mistakes[0].line > 0


def test_a_lab_file_that_aliases_blow_up_is_refused_too() -> None:
    """In one line, before it takes all memory; aliases that write out little are read."""
    with pytest.raises(LabFileError) as caught:
        parse_lab(f"name: x\n{BOMB}")

    assert [each.text for each in caught.value.mistakes] == [LARGE[0][1]]
    ground = "name: x\nvpc: {cidr: 10.0.0.0/16}\nsubnets:\n  a: &a {cidr: 10.0.1.0/24}\nsecurity_groups: {}\n"
    assert [*parse_lab(ground).subnets] == ["a"]


def test_all_files_are_read_before_any_is_refused() -> None:
    """All mistakes of all files at once."""
    with pytest.raises(LabFileError) as caught:
        import_files({"a.json": "{", "b.json": GROUPS, "c.json": "words"})

    assert [mistake.file for mistake in caught.value.mistakes] == ["a.json", "c.json"]


TWO = [
    (_group("a", "10.0.0.0/8"), True),
    (_group("a", "10.0.0.0/9"), False),
    (_group("a", "10.0.0.0/8", GroupId="sg-other"), True),
    (_group("a", "10.0.0.0/9", GroupId="sg-other"), False),
    (_group("b", "10.0.0.0/9"), True),
]


@pytest.mark.parametrize(("second", "fits"), TWO)
def test_two_files_may_not_define_one_group_differently(second: dict[str, object], fits: bool) -> None:
    """By id or by name; the same twice is one group."""
    files = {"one.json": _groups(_group("a", "10.0.0.0/8")), "two.json": _groups(second)}

    if fits:
        assert str(import_files(files).lab.groups["a"].ingress[0].peer) == "10.0.0.0/8"
    else:
        with pytest.raises(LabFileError, match=r"two.json:1: .*group a otherwise than one.json does"):
            import_files(files)


def test_rules_and_their_listing_have_to_agree() -> None:
    """describe-security-group-rules of another moment than describe-security-groups is a mistake."""
    listing = {"SecurityGroupRuleId": "sgr-1", "GroupId": "sg-a", "IsEgress": False, "IpProtocol": "tcp"}
    rule = {**listing, "FromPort": 80, "ToPort": 80, "CidrIpv4": "10.0.0.0/8"}
    texts = [json.dumps({"SecurityGroupRules": [{**rule, "FromPort": port}]}) for port in (80, 79)]
    groups = _groups(_group("a", "10.0.0.0/8"))

    assert import_files({"g.json": groups, "r.json": texts[0]}).lab.groups["a"].ingress[0].id == "sgr-1"
    with pytest.raises(LabFileError, match=r"r.json:1: .*not those that g.json gives it"):
        import_files({"g.json": groups, "r.json": texts[1]})


@pytest.mark.parametrize(("count", "fits"), [(60, True), (61, False)])
def test_more_rules_than_the_quota_are_refused(count: int, fits: bool) -> None:
    """As AWS refuses them, with its code and the group's name."""
    lab = import_files({"x.json": _groups(_group("a", *(f"10.{at}.0.0/16" for at in range(count))))}).lab

    if fits:
        assert len(completed(lab).groups["a"].ingress) == 60
    else:
        with pytest.raises(RefusedError, match=r"RulesPerSecurityGroupLimitExceeded: a ingress: .* Found 61 for IPv4"):
            completed(lab)


LAB = """name: own
vpc: {cidr: 10.0.0.0/16}
subnets: {one: {cidr: 10.0.1.0/24, internet: true}}
import: groups.json
security_groups: {app: {ingress: [{tcp: 22, from: bastion}]}}
instances: {web: {subnet: one, security_groups: [web-tier-prod, app]}}
"""


def _reader(**files: str) -> Callable[[str], str]:
    def read(name: str) -> str:
        if name not in files:
            raise InputError(f"{name}: no such file")
        return files[name]

    return read


def _lab(text: str, **files: str) -> Lab:
    return parse_lab(text, "lab.yaml", _reader(**{"groups.json": GROUPS, "template.yaml": TEMPLATE, **files}))


def test_a_lab_file_brings_in_other_files() -> None:
    """Its own rules and instances name what they define; nothing is made up beside its own instances."""
    lab = _lab(LAB)

    assert list(lab.groups) == ["web-tier-prod", "bastion", "spare", "default", "app"]
    assert str(lab.groups["app"].ingress[0].peer) == "bastion"
    assert (list(lab.instances), list(lab.subnets), list(lab.hosts)) == (["web"], ["one"], [])
    assert any("groups.json" in line for line in lab.warnings)


def test_a_lab_file_may_be_little_more_than_its_imports() -> None:
    """Network, nodes and a host come with them; expectations may name them."""
    row = "{from: internet-host, to: load-balancer-Alb, tcp: 443, seen: delivered}"
    text = f"name: own\nimport: [template.yaml]\nexpect:\n- {row}\n"
    lab = _lab(text)

    assert "instance-Web" in lab.instances
    assert lab.expectations[0].question.target == "load-balancer-Alb"


LAB_MISTAKES = [
    (LAB.replace("{app:", "{bastion:"), "lab.yaml:5: bastion: is defined here and in a file of import:"),
    (LAB.replace("groups.json", "missing.json"), "lab.yaml:4: import: missing.json: no such file"),
    (LAB.replace("groups.json", "[{a: b}]"), "lab.yaml:4: import: "),
    (LAB.replace("groups.json", "broken.json"), "broken.json:1: this is not JSON"),
    (
        LAB.replace("web-tier-prod, app", "web-tier, app"),
        "lab.yaml:6: web: security_groups: no security group 'web-tier'",
    ),
    (LAB.replace("groups.json", "template.yaml"), "lab.yaml:2: vpc: cidr: found 10.0.0.0/16, but import: gives 10.20"),
]


@pytest.mark.parametrize(("text", "line"), LAB_MISTAKES)
def test_mistakes_of_imports_are_mistakes_of_the_lab_file(text: str, line: str) -> None:
    """With their lines; two definitions of one name are one."""
    with pytest.raises(LabFileError) as caught:
        _lab(text, **{"broken.json": "{"})

    assert any(str(mistake).startswith(line) for mistake in caught.value.mistakes), str(caught.value)


def test_groups_are_replaced_by_name() -> None:
    """Rules that stay keep their ids, others are new; groups of other names are added, those not named stay."""
    lab = completed(
        parse_lab("""name: own
vpc: {cidr: 10.0.0.0/16}
subnets: {one: {cidr: 10.0.1.0/24}}
security_groups:
  a: {ingress: [{tcp: 80, from: 10.0.0.0/8, id: sgr-http}, {tcp: 22, from: 10.0.0.0/8, id: sgr-ssh}]}
  kept: {ingress: []}
""")
    )
    imported = import_files(
        {"x.json": _groups(_group("a", "10.0.0.0/8", "10.0.0.0/9"), _group("new"))}, furnish=False
    ).lab

    replaced = completed(replace_groups(lab, imported))

    assert [(rule.id, str(rule)) for rule in replaced.groups["a"].ingress] == [
        ("sgr-http", "tcp/80 from 10.0.0.0/8"),
        ("a-in-2", "tcp/80 from 10.0.0.0/9"),
    ]
    assert {*replaced.groups} == {"a", "kept", "new", "default"}
    assert replace(replaced, groups={}) == replace(lab, groups={})


def test_groups_of_which_none_is_the_labs_are_refused() -> None:
    """Nothing would change, so the names are wrong."""
    lab = completed(parse_lab("name: own\nvpc: {cidr: 10.0.0.0/16}\nsubnets: {one: {cidr: 10.0.1.0/24}}\n"))
    imported = import_files({"x.json": _groups(_group("a", "10.0.0.0/8"))}, furnish=False).lab

    with pytest.raises(InputError, match="found a, none of which has the name of one of the lab's: default"):
        replace_groups(lab, imported)


KINDS = [
    (GROUPS, True),
    (TEMPLATE, True),
    ('{"format_version": "1.0", "values": {}}', True),
    (LAB, False),
    ('{"name": "own", "vpc": {"cidr": "10.0.0.0/16"}}', False),
    ("{", False),
    ("name: x\nstories: {Resources: []}\n", False),
]


@pytest.mark.parametrize(("text", "real"), KINDS)
def test_real_files_and_lab_files_are_told_apart(text: str, real: bool) -> None:
    """By their content; a lab file may be JSON too."""
    assert is_real_file(text) is real
