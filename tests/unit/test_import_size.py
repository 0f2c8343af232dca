"""Large input: it takes time in proportion, and what cannot fit is refused in one line."""

import json
import time

import pytest

from netlab.control import completed
from netlab.errors import LabFileError
from netlab.formats import import_files, parse_lab, render_lab


def _groups(count: int) -> list[dict[str, object]]:
    return [
        {"GroupId": f"sg-{n}", "GroupName": f"n{n}", "IpPermissions": [], "IpPermissionsEgress": []}
        for n in range(count)
    ]


def _interfaces(count: int) -> list[dict[str, object]]:
    return [
        {
            "NetworkInterfaceId": f"eni-{n}",
            "SubnetId": "subnet-1",
            "PrivateIpAddress": f"10.0.{n // 200}.{n % 200 + 4}",
            "Groups": [{"GroupId": "sg-0"}],
        }
        for n in range(count)
    ]


def _seconds(groups: int, interfaces: int) -> float:
    text = json.dumps({"SecurityGroups": _groups(groups), "NetworkInterfaces": _interfaces(interfaces)})
    begin = time.process_time()
    lab = completed(import_files({"x.json": text}).lab)
    assert len(render_lab(lab).splitlines()) > 10 * len(lab.instances)
    return time.process_time() - begin


@pytest.mark.parametrize(("groups", "interfaces"), [(1, 0), (0, 1)], ids=["groups", "interfaces"])
def test_four_times_as_much_takes_about_four_times_as_long(groups: int, interfaces: int) -> None:
    """Groups that get an instance each, and interfaces; a search within a search would take sixteen times as long."""
    few, many = (_seconds(1 + groups * count, interfaces * count) for count in (1500, 6000))

    assert many < 9 * few


PLACES = {"10.0.0.0/24": 251, "10.0.0.0/28": 11}


@pytest.mark.parametrize(("cidr", "most"), PLACES.items())
def test_groups_that_a_known_vpc_has_no_room_for_are_refused(cidr: str, most: int) -> None:
    """One line, with the limit; as many as fit are taken, to the last address."""
    vpc = {"VpcId": "vpc-1", "CidrBlock": cidr}
    texts = [json.dumps({"Vpcs": [vpc], "SecurityGroups": _groups(count)}) for count in (most, most + 1)]

    assert len(completed(import_files({"x.json": texts[0]}).lab).instances) == most
    with pytest.raises(LabFileError) as caught:
        import_files({"x.json": texts[1]})
    (mistake,) = caught.value.mistakes
    assert mistake.text.startswith(
        f"found {most + 1} interfaces to make up a place for, wanted at most {most}, as fit the VPC's {cidr}: "
    )


def test_more_groups_than_any_network_has_room_for_are_refused_before_anything_is_made() -> None:
    """A made-up VPC is as wide as AWS takes one, and no wider."""
    text = json.dumps({"SecurityGroups": _groups(65_532)})

    with pytest.raises(LabFileError, match=r"x.json: found 65,532 .*at most 65,531, as fit the VPC's 10.0.0.0/16"):
        import_files({"x.json": text})


def test_a_subnet_that_there_is_no_room_for_is_named_with_the_one_that_it_goes_to() -> None:
    """It is joined with another only where the VPC is full, and that is said."""
    ground = {
        "Vpcs": [{"VpcId": "vpc-1", "CidrBlock": "10.0.0.0/28"}],
        "Subnets": [{"SubnetId": "subnet-2", "VpcId": "vpc-1", "CidrBlock": "10.0.0.0/28"}],
        "SecurityGroups": _groups(1),
        "NetworkInterfaces": [{**each, "PrivateIpAddress": ""} for each in _interfaces(1)],
    }
    imported = import_files({"x.json": json.dumps(ground)})

    assert imported.lab.instances["interface-eni-0"].primary.subnet == "subnet-2"
    assert imported.unmodelled[-1] == (
        "x.json:1: NetworkInterfaces[0]: subnet subnet-1 is in no file: what stands in it goes to subnet-2, "
        "as the VPC has no room for a made-up subnet"
    )


def test_a_full_subnet_is_told_with_what_stands_in_it() -> None:
    """Where groups have to go into a subnet of the files, its own interfaces count."""
    ground = {
        "Vpcs": [{"VpcId": "vpc-1", "CidrBlock": "10.0.0.0/28"}],
        "Subnets": [{"SubnetId": "subnet-1", "VpcId": "vpc-1", "CidrBlock": "10.0.0.0/28"}],
        "NetworkInterfaces": _interfaces(3),
    }
    texts = [json.dumps({**ground, "SecurityGroups": _groups(count)}) for count in (9, 10)]

    assert len(completed(import_files({"x.json": texts[0]}).lab).instances) == 11
    with pytest.raises(LabFileError, match=r"found 9 .*wanted at most 8, as fit subnet subnet-1's 10.0.0.0/28"):
        import_files({"x.json": texts[1]})


WORDS = ["plain", "two words", "yes", "NO", "null", "12", "1e3", "0x1f", "1.5", "2024-01-02", "10.0.0.0", "a: b", "-"]


@pytest.mark.parametrize("word", WORDS)
def test_names_and_texts_of_a_written_lab_read_back_as_they_are(word: str) -> None:
    """Also those that a reader of YAML might take for a truth, a number or a date."""
    group = {**_groups(1)[0], "GroupName": word, "Description": word}
    lab = completed(import_files({"x.json": json.dumps({"SecurityGroups": [group]})}).lab)

    assert completed(parse_lab(render_lab(lab))) == lab
