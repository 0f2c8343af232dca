"""Messages about real files name the line, in JSON too, however it is laid out."""

import json

import pytest

from netlab.errors import LabFileError
from netlab.formats import import_files
from netlab.formats.json_lines import JsonLines

TEXT = """
{ "a": [10, {"b": "x,]}", "c\\"d":
    {}},
    [[],
     [7]]], "e": null
}
"""
LINES = [
    ((), 2),
    (("a",), 2),
    (("a", 0), 2),
    (("a", 1, "b"), 2),
    (("a", 1, 'c"d'), 3),
    (("a", 2), 4),
    (("a", 2, 1, 0), 5),
    (("e",), 5),
    (("a", 3), 2),
    (("a", 1, "z", "y"), 2),
    (("e", "f"), 5),
]


@pytest.mark.parametrize(("path", "line"), LINES, ids=str)
def test_a_part_of_a_json_text_has_a_line(path: tuple[str | int, ...], line: int) -> None:
    """What is not there has the line of the nearest part around it."""
    assert json.loads(TEXT)["a"][1]['c"d'] == {}
    assert JsonLines(TEXT).line(path) == line


PERMISSION = {"IpProtocol": "tcp", "FromPort": 1, "ToPort": 1, "IpRanges": [{"CidrIp": "10.0.0.0/33"}]}
GROUP = {"GroupId": "sg-1", "GroupName": "web", "IpPermissions": [PERMISSION]}
BLOCK = {"protocol": "tcp", "from_port": 1, "to_port": 1, "cidr_blocks": ["10.0.0.0/33"]}
RESOURCE = {
    "address": "module.m.aws_security_group.a",
    "type": "aws_security_group",
    "mode": "managed",
    "values": {"name": "a", "ingress": [BLOCK]},
}
MODULE = {"child_modules": [{"address": "module.m", "resources": [RESOURCE]}]}
TEMPLATE = {
    "TemplateBody": {
        "Resources": {
            "Web": {
                "Type": "AWS::EC2::SecurityGroup",
                "Properties": {"SecurityGroupIngress": [{"IpProtocol": "-1", "CidrIp": "10.0.0.0/33"}]},
            }
        }
    }
}
DOCUMENTS = [
    ({"SecurityGroups": [GROUP]}, '"CidrIp"', 1, "SecurityGroups[0].IpPermissions[0].IpRanges[0]"),
    ([GROUP], '"CidrIp"', 1, "SecurityGroups[0].IpPermissions[0].IpRanges[0]"),
    (
        {"format_version": "1.0", "values": {"root_module": MODULE}},
        '"ingress"',
        0,
        "module.m.aws_security_group.a ingress",
    ),
    (TEMPLATE, '"IpProtocol"', 1, "Resources.Web.Properties.SecurityGroupIngress[0]"),
]


@pytest.mark.parametrize(("document", "word", "above", "where"), DOCUMENTS)
def test_a_mistake_in_json_has_its_line(document: object, word: str, above: int, where: str) -> None:
    """Of describe output, of a bare list of it, of Terraform's modules, of a template within what describes it."""
    text = json.dumps(document, indent=2)
    near = next(number for number, line in enumerate(text.splitlines(), 1) if word in line)

    with pytest.raises(LabFileError) as caught:
        import_files({"x.json": text})

    (mistake,) = caught.value.mistakes
    assert mistake.where == where
    assert mistake.line == near - above  # of the brace that opens the mapping, or of the key
