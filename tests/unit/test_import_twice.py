"""What is said twice is one thing where both say the same, and a mistake where they do not."""

import json

import pytest

from netlab.errors import LabFileError
from netlab.formats import import_files

RULE = {"GroupId": "sg-a", "IsEgress": False, "IpProtocol": "tcp", "FromPort": 80, "ToPort": 80}
OPEN = {**RULE, "SecurityGroupRuleId": "sgr-1", "CidrIpv4": "10.0.0.0/8"}


def _listing(*rules: object) -> dict[str, str]:
    return {"rules.json": json.dumps({"SecurityGroupRules": rules})}


def test_a_rule_listed_twice_is_one_rule_of_one_id() -> None:
    """Pages that overlap repeat a rule; another id is another rule, which AWS does not take."""
    lab = import_files(_listing(OPEN, {**OPEN, "SecurityGroupRuleId": "sgr-2", "FromPort": 79}, OPEN)).lab

    assert [rule.id for rule in lab.groups["sg-a"].ingress] == ["sgr-1", "sgr-2"]
    with pytest.raises(LabFileError, match="rule sgr-2 is in the listing of sg-a already, under another id"):
        import_files(_listing(OPEN, {**OPEN, "SecurityGroupRuleId": "sgr-2"}))


@pytest.mark.parametrize("others", [["sg-a"], ["sg-b"]])
def test_an_interface_of_a_state_and_of_a_listing_is_one(others: list[str]) -> None:
    """Both know it by its id; they have to give it the same groups."""
    kind = "aws_security_group"
    groups = [
        {"address": f"{kind}.{name}", "type": kind, "name": name, "values": {"id": f"sg-{name}", "name": name}}
        for name in "ab"
    ]
    values = {"id": "i-1", "vpc_security_group_ids": ["sg-a"], "primary_network_interface_id": "eni-1"}
    instance = {"address": "aws_instance.i", "type": "aws_instance", "name": "i", "values": values}
    state = {"format_version": "1.0", "values": {"root_module": {"resources": [*groups, instance]}}}
    interface = {"NetworkInterfaceId": "eni-1", "SubnetId": "subnet-1", "PrivateIpAddress": "10.0.0.9"}
    listed = {"NetworkInterfaces": [{**interface, "Groups": [{"GroupId": each} for each in others]}]}
    files = {"state.json": json.dumps(state), "interfaces.json": json.dumps(listed)}

    if others == ["sg-a"]:
        nodes = import_files(files, furnish=False).lab.instances
        assert [name for name, node in nodes.items() if node.primary.security_groups == ("a",)] == ["instance-i"]
    else:
        with pytest.raises(LabFileError, match=r"gives interface eni-1 other security groups than state\.json does"):
            import_files(files)
