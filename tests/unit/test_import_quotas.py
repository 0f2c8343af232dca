"""What of real files AWS's quotas refuse: told all together, each with file, line, count and limit."""

import json
from pathlib import Path

import pytest

import netlab
from netlab.errors import LabFileError

NAMES = [f"g{number}" for number in range(6)]
OWN = "name: own\nvpc: {cidr: 10.0.0.0/16}\nsubnets: {one: {cidr: 10.0.1.0/24}}\nsecurity_groups: {a: {}, kept: {}}\n"


def _group(name: str, ingress: int = 0, egress: int = 0) -> dict[str, object]:
    sides = {"IpPermissions": ingress, "IpPermissionsEgress": egress}
    ports = {"IpProtocol": "tcp", "FromPort": 1, "ToPort": 1}
    return {
        "GroupId": f"sg-{name}",
        "GroupName": name,
        **{
            side: [{**ports, "IpRanges": [{"CidrIp": f"10.{n}.0.0/16"}]} for n in range(count)]
            for side, count in sides.items()
        },
    }


def _listings(over: int) -> dict[str, list[dict[str, object]]]:
    """Return what fills every quota, and *over* more."""
    entry = {"Protocol": "-1", "RuleAction": "allow", "CidrBlock": "0.0.0.0/0", "Egress": False}
    return {
        "SecurityGroups": [_group("a", 60 + over), _group("b", 0, 60 + over), *map(_group, NAMES)],
        "NetworkInterfaces": [
            {
                "NetworkInterfaceId": "eni-1",
                "SubnetId": "subnet-1",
                "PrivateIpAddress": "10.0.1.9",
                "Groups": [{"GroupId": f"sg-{each}"} for each in NAMES[: 5 + over]],
            }
        ],
        "NetworkAcls": [
            {"NetworkAclId": "acl-1", "Entries": [{**entry, "RuleNumber": n} for n in range(1, 20 + over)]}
        ],
        "PrefixLists": [
            {
                "PrefixListId": "pl-1",
                "PrefixListName": "p",
                "MaxEntries": 1,
                "Cidrs": ["10.0.0.0/8", "11.0.0.0/8"][: 1 + over],
            }
        ],
    }


def _files(folder: Path, listings: dict[str, list[dict[str, object]]]) -> list[Path]:
    """Write each listing into a file of its own, one thing a line from the third line on."""
    files = [folder / f"{section}.json" for section in listings]
    for file, (section, listing) in zip(files, listings.items(), strict=True):
        file.write_text("{\n" + f'"{section}": [\n' + ",\n".join(map(json.dumps, listing)) + "]}")
    return files


def test_all_that_quotas_refuse_comes_at_once(tmp_path: Path) -> None:
    """Two groups, an interface, an ACL, a list."""
    with pytest.raises(LabFileError) as caught:
        netlab.import_lab(_files(tmp_path, _listings(1)))

    found = [(Path(each.file).name, each.line, each.where, *each.text.split(": ")) for each in caught.value.mistakes]
    reached = "has been reached. Found"
    rules = f"The maximum number of rules per security group {reached} 61 for IPv4, wanted at most 60."
    groups = f"The maximum number of security groups per interface {reached} 6, wanted at most 5."
    entries = f"The maximum number of network acl entries {reached} 21 for IPv4, the final deny among them,"
    assert found == [
        ("NetworkAcls.json", 3, "acl acl-1 ingress", "NetworkAclEntryLimitExceeded", f"{entries} wanted at most 20."),
        ("NetworkInterfaces.json", 3, "interface-eni-1", "SecurityGroupsPerInterfaceLimitExceeded", groups),
        (
            *("PrefixLists.json", 3, "", "PrefixListMaxEntriesExceeded"),
            "The prefix list (p) may hold at most 1 entries. Found 2.",
        ),
        ("SecurityGroups.json", 3, "a ingress", "RulesPerSecurityGroupLimitExceeded", rules),
        ("SecurityGroups.json", 4, "b egress", "RulesPerSecurityGroupLimitExceeded", rules),
    ]


def test_what_fills_the_quotas_is_taken(tmp_path: Path) -> None:
    """One less of each."""
    lab, _ = netlab.import_lab(_files(tmp_path, _listings(0)))

    assert (len(lab.groups["a"].ingress), len(lab.acls["acl-1"].ingress)) == (60, 19)
    assert lab.interface("interface-eni-1").security_groups == tuple(NAMES[:5])


@pytest.mark.parametrize(("count", "fits"), [(60, True), (61, False)])
def test_groups_put_in_place_of_a_labs_own_keep_to_them_too(tmp_path: Path, count: int, fits: bool) -> None:
    """The line is that of the file they come from."""
    (tmp_path / "lab.yaml").write_text(OWN)
    lab = netlab.load(tmp_path / "lab.yaml")
    files = _files(tmp_path, {"SecurityGroups": [_group("b"), _group("a", count)]})

    if fits:
        assert len(netlab.replace_groups(lab, files)[0].groups["a"].ingress) == 60
    else:
        with pytest.raises(LabFileError, match=r"SecurityGroups.json:4: a ingress: .* Found 61 for IPv4"):
            netlab.replace_groups(lab, files)
