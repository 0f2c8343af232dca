"""Whatever stands in a file's places: it is imported, or refused in netlab's own words, never with a traceback."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netlab.control import completed
from netlab.errors import InputError
from netlab.formats import import_files, parse_lab, render_lab

DATA = Path(__file__).parents[1] / "unit" / "data"
TEMPLATE = {
    "Parameters": {"P": {"Type": "String", "Default": "10.0.0.0/8"}},
    "Conditions": {"C": {"Fn::Equals": ["a", {"Ref": "P"}]}},
    "Mappings": {"M": {"a": {"b": "c"}}},
    "Resources": {
        "Vpc": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.0.0.0/16"}},
        "Sub": {"Type": "AWS::EC2::Subnet", "Properties": {"VpcId": {"Ref": "Vpc"}, "CidrBlock": "10.0.1.0/24"}},
        "Web": {
            "Type": "AWS::EC2::SecurityGroup",
            "Properties": {
                "GroupDescription": "x",
                "SecurityGroupIngress": [
                    {"IpProtocol": "tcp", "FromPort": 1, "ToPort": 2, "CidrIp": {"Ref": "P"}},
                    {
                        "Fn::If": [
                            "C",
                            {"IpProtocol": "-1", "CidrIp": {"Fn::Join": ["/", ["10.0.0.0", 8]]}},
                            {"Ref": "AWS::NoValue"},
                        ]
                    },
                ],
            },
        },
        "In": {
            "Type": "AWS::EC2::SecurityGroupIngress",
            "Properties": {
                "GroupId": {"Fn::GetAtt": ["Web", "GroupId"]},
                "IpProtocol": "-1",
                "SourceSecurityGroupId": {"Ref": "Web"},
            },
        },
        "I": {
            "Type": "AWS::EC2::Instance",
            "Properties": {
                "SubnetId": {"Ref": "Sub"},
                "NetworkInterfaces": [{"DeviceIndex": "0", "GroupSet": [{"Ref": "Web"}]}],
            },
        },
        "Acl": {"Type": "AWS::EC2::NetworkAcl", "Properties": {"VpcId": {"Ref": "Vpc"}}},
        "E": {
            "Type": "AWS::EC2::NetworkAclEntry",
            "Properties": {
                "NetworkAclId": {"Ref": "Acl"},
                "RuleNumber": 1,
                "Protocol": -1,
                "RuleAction": "allow",
                "CidrBlock": "::/0",
            },
        },
        "L": {"Type": "AWS::EC2::PrefixList", "Properties": {"MaxEntries": 2, "Entries": [{"Cidr": "10.0.0.0/8"}]}},
    },
}
NAMES = [
    "groups",
    "interfaces",
    "instances",
    "subnets",
    "route_tables",
    "acls",
    "prefix_lists",
    "rules",
    "plan",
    "state",
]
JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 70000),
    st.sampled_from(["", "x", "-1", "10.0.0.0/8", "::/0", "sg-1", "a.b", "${Web}", "tcp", "0.0.0.0/0"]),
    st.sampled_from(
        [[], {}, [None], [[]], {"Ref": "P"}, {"Fn::Sub": "${X}"}, {"references": ["var.x"]}, {"Fn::If": []}]
    ),
)


def _document(name: str) -> object:
    return TEMPLATE if name == "template" else json.loads((DATA / f"{name}.json").read_text(encoding="utf-8"))


def _ways(data: object, way: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
    """Return the way to every part of some data."""
    parts = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    return [way, *(each for key, part in parts for each in _ways(part, (*way, key)))]


def _with(data: object, way: tuple[object, ...], junk: object) -> object:
    """Return the data with something else at the end of a way; the rest of it is shared."""
    if not way:
        return junk
    if isinstance(data, dict):
        return {key: _with(part, way[1:], junk) if key == way[0] else part for key, part in data.items()}
    assert isinstance(data, list)
    return [_with(part, way[1:], junk) if at == way[0] else part for at, part in enumerate(data)]


@pytest.mark.parametrize("name", [*NAMES, "template"])
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_it_is_imported_or_refused(name: str, data: st.DataObject) -> None:
    """Up to three places hold something else; what is imported nevertheless reads back as the same lab."""
    document = _document(name)
    for _ in range(data.draw(st.integers(1, 3))):
        document = _with(document, data.draw(st.sampled_from(_ways(document))), data.draw(JUNK))
    files = {"x.json": json.dumps(document)}
    if name not in {"groups", "rules", "plan", "state", "template"}:
        files["groups.json"] = (DATA / "groups.json").read_text(encoding="utf-8")

    try:
        lab = completed(import_files(files).lab)
    except InputError:
        return
    assert completed(parse_lab(render_lab(lab))).groups == lab.groups
