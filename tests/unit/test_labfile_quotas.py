"""What of a lab file AWS's quotas refuse: told all together, each with its file, line and place."""

from pathlib import Path

import pytest

import netlab
from netlab.control import refusals
from netlab.errors import LabFileError
from netlab.formats import parse_lab

GROUPS = "[a, b, c, d, e, f]"


def _text(*, rules: int, entries: int, weight: int, groups: str, size: int) -> str:
    """Return a lab file; with the right numbers it is one that AWS takes."""
    web = ", ".join(f"{{tcp: {port}, from: 0.0.0.0/0}}" for port in range(1, rules + 1))
    acl = ", ".join(f"{{rule: {n}, tcp: {n}, from: 0.0.0.0/0, action: allow}}" for n in range(1, entries + 1))
    return f"""\
name: quotas
vpc: {{cidr: 10.0.0.0/16}}
subnets:
  a: {{cidr: 10.0.1.0/24, acl: strict}}
  tiny: {{cidr: 10.0.2.0/28}}
security_groups:
  web:
    description: many
    ingress: [{web}]
  db:
    ingress:
      - {{tcp: 22, from: offices}}
  a: {{}}
  b: {{}}
  c: {{}}
  d: {{}}
  e: {{}}
  f: {{}}
prefix_lists:
  offices: {{max_entries: {weight}, entries: [192.0.2.0/24]}}
network_acls:
  strict:
    egress: []
    ingress: [{acl}]
instances:
  ec2:
    subnet: a
    security_groups: {groups}
  two:
    interfaces:
      eth0: {{subnet: a}}
      eth1:
        subnet: a
        security_groups: {groups}
  full: {{subnet: tiny, ip: [{", ".join(f"10.0.2.{n}" for n in range(4, 4 + size))}]}}
  late: {{subnet: tiny}}
"""


def _load(folder: Path, text: str) -> netlab.Lab:
    file = folder / "lab.yaml"
    file.write_text(text)
    return netlab.load(file)


def test_all_that_quotas_refuse_comes_at_once_with_its_lines(tmp_path: Path) -> None:
    """AWS's code and message, behind the file's own words for the place; then the count and the limit."""
    with pytest.raises(LabFileError) as caught:
        _load(tmp_path, _text(rules=61, entries=20, weight=61, groups=GROUPS, size=11))

    per_group = (
        "RulesPerSecurityGroupLimitExceeded: The maximum number of rules per security group has been reached. "
        "Found 61 for IPv4, wanted at most 60."
    )
    per_card = (
        "SecurityGroupsPerInterfaceLimitExceeded: "
        "The maximum number of security groups per interface has been reached. Found 6, wanted at most 5."
    )
    assert str(caught.value).replace(f"{tmp_path}/", "").splitlines() == [
        f"lab.yaml:9: web ingress: {per_group}",
        f"lab.yaml:11: db ingress: {per_group}",
        (
            "lab.yaml:24: acl strict ingress: "
            "NetworkAclEntryLimitExceeded: The maximum number of network acl entries has been reached. "
            "Found 21 for IPv4, the final deny among them, wanted at most 20."
        ),
        f"lab.yaml:28: ec2: {per_card}",
        f"lab.yaml:34: two/eth1: {per_card}",
        (
            "lab.yaml:36: late: InsufficientFreeAddressesInSubnet: "
            "The specified subnet 'tiny' does not have enough free addresses in 10.0.2.0/28."
        ),
    ]


def test_what_fills_the_quotas_is_taken(tmp_path: Path) -> None:
    """One less of each: sixty rules, nineteen entries beside the final deny, five groups, the last free address."""
    text = _text(rules=60, entries=19, weight=60, groups=GROUPS.replace(", f", ""), size=10)

    assert str(_load(tmp_path, text).instances["late"].primary.ipv4[0]) == "10.0.2.14"
    assert refusals(parse_lab(text)) == ()


def test_a_group_of_an_import_is_refused_at_the_import(tmp_path: Path) -> None:
    """The lab file has no line of its own for it."""
    ranges = ", ".join(f'{{"CidrIp": "10.{n}.0.0/16"}}' for n in range(61))
    permission = f'{{"IpProtocol": "tcp", "FromPort": 1, "ToPort": 1, "IpRanges": [{ranges}]}}'
    group = f'{{"GroupId": "sg-1", "GroupName": "big", "Description": "d", "IpPermissions": [{permission}]}}'
    (tmp_path / "groups.json").write_text(f'{{"SecurityGroups": [{group}]}}')

    with pytest.raises(LabFileError, match=r"lab.yaml:2: big ingress: RulesPerSecurityGroupLimitExceeded: "):
        _load(tmp_path, "name: x\nimport: groups.json\n")
