"""What `aws ec2 describe-…` prints becomes a lab: groups, rules, lists, networks, nodes; what cannot is listed."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from netlab.control import completed
from netlab.errors import LabFileError
from netlab.formats import Imported, import_files, parse_lab, render_lab
from netlab.model.rules import SecurityGroup
from netlab.model.topology import Lab

DATA = Path(__file__).parent / "data"
EVERY = [
    "groups",
    "interfaces",
    "instances",
    "vpcs",
    "subnets",
    "route_tables",
    "acls",
    "prefix_lists",
    "rules",
    "pl-0aaaabbbbccccdddd",
]


def _files(*names: str) -> dict[str, str]:
    return {f"{name}.json": (DATA / f"{name}.json").read_text(encoding="utf-8") for name in names}


def _whole() -> Imported:
    return import_files(_files(*EVERY))


def _rules(group: SecurityGroup) -> list[str]:
    return [str(rule) for rule in (*group.ingress, *group.egress)]


def _group(permissions: object, egress: object = (), **more: object) -> Mapping[str, object]:
    data = {"GroupId": "sg-1", "GroupName": "web", "Description": "d", "OwnerId": "1", "VpcId": "vpc-1", **more}
    return {**data, "IpPermissions": permissions, "IpPermissionsEgress": egress}


def _one(permission: Mapping[str, object]) -> SecurityGroup:
    text = json.dumps({"SecurityGroups": [_group([permission])]})
    return import_files({"groups.json": text}).lab.groups["web"]


def test_several_files_make_one_lab() -> None:
    """Groups, lists, networks and nodes come from different files and find each other by their ids."""
    lab = _whole().lab

    assert _rules(lab.groups["web-tier-prod"]) == [
        "tcp/443 from 0.0.0.0/0",
        "tcp/443 from ::/0",
        "icmp/8 from 10.0.0.0/8",
        "tcp/22 from offices",
        "tcp/22 from bastion",
        "all to 0.0.0.0/0",
    ]
    assert [str(entry) for entry in lab.prefix_lists["offices"].entries] == ["198.51.100.0/24", "192.0.2.128/25"]
    assert lab.prefix_lists["offices"].max_entries == 10


def test_rules_keep_their_ids_and_get_none_where_the_file_has_none() -> None:
    """describe-security-group-rules has ids; describe-security-groups has not, control makes them up."""
    lab = _whole().lab

    assert [rule.id for rule in lab.groups["bastion"].ingress] == ["sgr-0000000000000001"]
    assert {rule.id for rule in lab.groups["web-tier-prod"].ingress} == {""}


def test_interfaces_keep_their_addresses_groups_and_timers() -> None:
    """Primary address first, public address of the primary one, device order, source/dest check."""
    first, second = _whole().lab.instances["instance-front-end"].interfaces

    assert [str(each) for each in first.ipv4] == ["10.0.1.10", "10.0.1.11"]
    assert str(first.public_ip) == "203.0.113.10"
    assert first.connection_tracking.tcp_established_s == 3600
    assert (first.source_dest_check, second.source_dest_check) == (True, False)
    assert (first.security_groups, second.security_groups) == (("web-tier-prod",), ("bastion",))


def test_nodes_are_named_by_kind_and_name() -> None:
    """An instance by its Name tag, a load balancer with all of its interfaces, a database; unused groups by theirs."""
    lab = _whole().lab

    assert list(lab.instances) == [
        "instance-front-end",
        "load-balancer-front",
        "database-eni-05",
        "spare",
        "default",
    ]
    assert [each.subnet for each in lab.instances["load-balancer-front"].interfaces] == ["public-a", "subnet-0bb"]


def test_the_ground_is_that_of_the_files() -> None:
    """Route tables tell what is public, what leaves by NAT and what an instance forwards; ACLs sit on their subnets."""
    lab = _whole().lab
    public, private = lab.subnets["public-a"], lab.subnets["subnet-0bb"]

    assert (public.internet, public.nat, public.acl) == (True, None, "strict")
    assert (private.internet, private.nat, private.acl) == (False, "nat-0123", "default")
    assert [(str(each.cidr), each.node, each.interface) for each in public.routes] == [
        ("10.9.0.0/16", "instance-front-end", "eth1")
    ]
    assert [str(entry) for entry in lab.acls["strict"].ingress] == [
        "100 deny icmp/8 192.0.2.0/24",
        "110 allow tcp/443 0.0.0.0/0",
    ]
    assert str(lab.nat_gateways["nat-0123"].public_ip) == "203.0.113.99"


def test_what_is_not_modelled_is_listed_once_with_its_place() -> None:
    """Nothing is dropped in silence."""
    unmodelled = _whole().unmodelled

    assert len(set(unmodelled)) == len(unmodelled)
    for place, words in (
        ("groups.json:186: SecurityGroups[4]: ", "of vpc-0fedcba9876543210"),
        ("groups.json:141: SecurityGroups[2].IpPermissions[1].UserIdGroupPairs[0]: ", "of account 999988887777"),
        ("groups.json:3: SecurityGroups[0]: ", "'web tier (prod)' is written web-tier-prod"),
        ("interfaces.json:172: NetworkInterfaces[6]: ", "carries no security group"),
        ("instances.json:49: Reservations[0].Instances[1]: ", "terminated"),
        ("route_tables.json:23: RouteTables[0].Routes[2]: ", "tgw-1"),
        ("prefix_lists.json:11: PrefixLists[1]: ", "entries are in no file"),
    ):
        assert [line for line in unmodelled if line.startswith(place) and words in line], place


PERMISSIONS = [
    ({"IpProtocol": "tcp", "FromPort": 22, "ToPort": 25}, "tcp/22-25 from 10.0.0.0/8"),
    ({"IpProtocol": "tcp", "FromPort": 0, "ToPort": 65535}, "tcp/all from 10.0.0.0/8"),
    ({"IpProtocol": "udp", "FromPort": 53, "ToPort": 53}, "udp/53 from 10.0.0.0/8"),
    ({"IpProtocol": "6", "FromPort": 53, "ToPort": 53}, "tcp/53 from 10.0.0.0/8"),
    ({"IpProtocol": "-1"}, "all from 10.0.0.0/8"),
    ({"IpProtocol": "-1", "FromPort": -1, "ToPort": -1}, "all from 10.0.0.0/8"),
    ({"IpProtocol": "icmp", "FromPort": -1, "ToPort": -1}, "icmp/all from 10.0.0.0/8"),
    ({"IpProtocol": "icmp", "FromPort": 8, "ToPort": -1}, "icmp/8 from 10.0.0.0/8"),
    ({"IpProtocol": "icmp", "FromPort": 3, "ToPort": 4}, "icmp/3/4 from 10.0.0.0/8"),
    ({"IpProtocol": "icmp", "FromPort": 0, "ToPort": 0}, "icmp/0/0 from 10.0.0.0/8"),
    ({"IpProtocol": "icmpv6"}, "icmpv6/all from 10.0.0.0/8"),
    ({"IpProtocol": "58", "FromPort": 128, "ToPort": 0}, "icmpv6/128/0 from 10.0.0.0/8"),
    ({"IpProtocol": "50"}, "esp from 10.0.0.0/8"),
    ({"IpProtocol": "99"}, "99 from 10.0.0.0/8"),
]


@pytest.mark.parametrize(("permission", "rule"), PERMISSIONS)
def test_a_permission_is_read_as_aws_means_it(permission: dict[str, object], rule: str) -> None:
    """Protocol numbers and names, port ranges, ICMP types and codes."""
    group = _one({**permission, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]})

    assert _rules(group) == [rule]


BAD_PERMISSIONS = [
    ({"IpProtocol": "tcp", "FromPort": 22, "ToPort": 65536}, "port 65536 is above 65535"),
    ({"IpProtocol": "tcp", "FromPort": 22, "ToPort": 21}, "ports 22-21 end before they start"),
    ({"IpProtocol": "tcp", "FromPort": 22}, "found one port or none"),
    ({"IpProtocol": "icmp", "FromPort": 256, "ToPort": -1}, "ICMP type 256 is out of range"),
    ({"IpProtocol": "tpc", "FromPort": 1, "ToPort": 1}, "protocol 'tpc'"),
    ({"IpProtocol": "256"}, "protocol '256'"),
    ({"FromPort": 1, "ToPort": 1}, "found no protocol"),
]


@pytest.mark.parametrize(("permission", "words"), BAD_PERMISSIONS)
def test_a_permission_that_aws_cannot_have_printed_is_a_mistake(permission: dict[str, object], words: str) -> None:
    """One line: the file, the place in it, what was found."""
    with pytest.raises(LabFileError) as caught:
        _one({**permission, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]})

    (mistake,) = caught.value.mistakes
    assert str(mistake).startswith("groups.json:1: SecurityGroups[0].IpPermissions[0]: ")
    assert words in mistake.text


def test_groups_known_only_by_rules_get_their_ids_as_names() -> None:
    """A listing of rules names groups by id alone; one that it shows no rule of is there too."""
    listing = json.loads((DATA / "rules.json").read_text(encoding="utf-8"))

    lab = import_files({"rules.json": json.dumps(listing)}).lab

    assert list(lab.groups) == ["sg-0a1b2c3d4e5f60001", "sg-0a1b2c3d4e5f60002"]
    assert _rules(lab.groups["sg-0a1b2c3d4e5f60002"]) == [
        "tcp/22 from 198.51.100.0/24",
        "tcp/22 to sg-0a1b2c3d4e5f60001",
    ]


def test_groups_without_interfaces_get_an_instance_each_and_a_host_asks_them() -> None:
    """One made-up subnet, that keeps out of the networks that rules name; one host on the internet."""
    permission = {"IpProtocol": "tcp", "FromPort": 1, "ToPort": 1, "IpRanges": [{"CidrIp": "10.0.0.0/24"}]}
    groups = [_group([permission]), _group([], GroupId="sg-2", GroupName="db")]

    lab = completed(import_files({"groups.json": json.dumps({"SecurityGroups": groups})}).lab)

    assert [(each.name, each.primary.security_groups) for each in lab.instances.values()] == [
        ("web", ("web",)),
        ("db", ("db",)),
    ]
    assert str(lab.subnets["made-up"].cidr) == "10.0.1.0/24"
    assert [str(each) for each in lab.hosts["internet-host"].addresses] == ["198.51.100.7"]
    assert all(each.public_ip is not None for each in lab.interfaces())


def test_rules_of_ipv6_get_a_lab_with_ipv6() -> None:
    """A made-up VPC has IPv6 where a rule names a network of it, so that the rule can be asked."""
    permission = {"IpProtocol": "tcp", "FromPort": 1, "ToPort": 1, "Ipv6Ranges": [{"CidrIpv6": "2001:db8:9::/48"}]}

    with_ipv6 = import_files({"g.json": json.dumps({"SecurityGroups": [_group([permission])]})}).lab
    without = import_files({"g.json": json.dumps({"SecurityGroups": [_group([])]})}).lab

    assert (with_ipv6.has_ipv6, without.has_ipv6) == (True, False)
    assert len(completed(with_ipv6).instances["web"].primary.ipv6) == 1


def test_interfaces_without_their_subnets_stand_in_derived_ones() -> None:
    """Subnets that no file describes are as wide as the addresses tell, do not overlap, and that is said."""
    imported = import_files(_files("groups", "interfaces"))

    assert {name: str(each.cidr) for name, each in imported.lab.subnets.items()} == {
        "subnet-0aa": "10.0.1.0/24",
        "subnet-0bb": "10.0.2.0/24",
        "made-up": "10.0.0.0/24",
    }
    assert any("subnet-0aa is in no file" in line for line in imported.unmodelled)


def test_a_full_vpc_has_groups_in_one_of_its_subnets() -> None:
    """Where no room is left for a made-up subnet, what has no place goes to the largest public one."""
    vpc = {"VpcId": "vpc-1", "CidrBlock": "10.0.0.0/24"}
    halves = [
        {"SubnetId": f"subnet-{at}", "VpcId": "vpc-1", "CidrBlock": cidr, "MapPublicIpOnLaunch": at == 1}
        for at, cidr in enumerate(("10.0.0.0/25", "10.0.0.128/25"))
    ]
    text = json.dumps({"Vpcs": [vpc], "Subnets": halves, "SecurityGroups": [_group([])]})

    imported = import_files({"all.json": text})

    assert imported.lab.instances["web"].primary.subnet == "subnet-1"
    assert any("no room for a made-up subnet" in line for line in imported.unmodelled)


def test_a_subnet_of_a_network_that_the_lab_does_not_have_gets_one_that_it_has() -> None:
    """A VPC's second network is beyond the model: what stands there keeps its neighbours, and that is said."""
    vpc = {"VpcId": "vpc-1", "CidrBlock": "10.0.0.0/16"}
    subnets = [
        {"SubnetId": "subnet-1", "VpcId": "vpc-1", "CidrBlock": "10.0.1.0/24"},
        {"SubnetId": "subnet-2", "VpcId": "vpc-1", "CidrBlock": "100.64.1.0/24"},
    ]
    interface = {"NetworkInterfaceId": "eni-2", "SubnetId": "subnet-2", "PrivateIpAddress": "100.64.1.9"}
    interfaces = [{**interface, "VpcId": "vpc-1", "Groups": [{"GroupId": "sg-1"}]}]
    data = {"Vpcs": [vpc], "Subnets": subnets, "SecurityGroups": [_group([])], "NetworkInterfaces": interfaces}
    imported = import_files({"all.json": json.dumps(data)})

    assert imported.lab.instances["interface-eni-2"].primary.subnet == "subnet-2"
    assert {name: str(each.cidr) for name, each in imported.lab.subnets.items()} == {
        "subnet-1": "10.0.1.0/24",
        "subnet-2": "10.0.0.0/24",
    }
    assert [line.split(": ", 2)[2] for line in imported.unmodelled] == [
        "subnet subnet-2 100.64.1.0/24 lies outside the VPC's network 10.0.0.0/16",
        "subnet subnet-2: taken to be 10.0.0.0/24, without a route to the internet",
        "address 100.64.1.9 of interface-eni-2 lies outside its subnet in the lab, subnet-2",
    ]


NAMES = [
    ("web", "web"),
    ("web tier", "web-tier"),
    ("launch-wizard-1", "launch-wizard-1"),
    ("k8s-elb-a/b(c)", "k8s-elb-a-b-c"),
    ("self", "group-self"),
    ("sg-web", "group-sg-web"),
    ("SG:0", "group-SG-0"),
    ("sg-0a1f", "sg-0a1f"),
    ("Default", "Default-5c93"),
    ("10.0.0.1", "group-10.0.0.1"),
    (".hidden", "hidden"),
    ("ü", "group"),
]


@pytest.mark.parametrize(("original", "name"), NAMES)
def test_names_that_a_lab_does_not_take_are_altered_and_said(original: str, name: str) -> None:
    """Allowed ones stay as they are."""
    imported = import_files({"g.json": json.dumps({"SecurityGroups": [_group([], GroupName=original)]})})

    assert list(imported.lab.groups) == [name]
    assert any("is written" in line for line in imported.unmodelled) == (original != name)


def test_names_stay_unique_and_short() -> None:
    """Two names that come to the same one are told apart, whatever their order; none is longer than 40."""
    wanted = ["a b", "a/b", "x" * 60, "x" * 61]
    groups = [_group([], GroupId=f"sg-{at}", GroupName=name) for at, name in enumerate(wanted)]

    lab = import_files({"g.json": json.dumps({"SecurityGroups": groups})}).lab

    assert len(lab.groups) == 4
    assert max(map(len, lab.groups)) <= 40


def test_names_that_differ_only_in_case_are_told_apart() -> None:
    """AWS has no two groups named so, but logical names of templates may be; the lab file would not take them."""
    groups = [_group([], GroupId=f"sg-{at}", GroupName=name) for at, name in enumerate(("web", "Web", "web2"))]

    names = list(import_files({"g.json": json.dumps({"SecurityGroups": groups})}).lab.groups)

    assert (names[0], names[2]) == ("web", "web2")
    assert names[1].startswith("Web-")


def _read_back(lab: Lab) -> Lab:
    return completed(parse_lab(render_lab(lab)))


def test_the_lab_file_reads_back_as_the_same_lab() -> None:
    """What `netlab import -o` writes is the lab that was imported."""
    lab = completed(_whole().lab)

    assert _read_back(lab) == lab


def test_a_bare_list_and_yaml_are_read_too() -> None:
    """`--query SecurityGroups` prints a list, `--output yaml` YAML."""
    groups = json.loads((DATA / "groups.json").read_text(encoding="utf-8"))["SecurityGroups"]
    permission = "{IpProtocol: tcp, FromPort: 1, ToPort: 2, IpRanges: [{CidrIp: 10.0.0.0/8}]}"
    yaml = f"SecurityGroups:\n- GroupId: sg-1\n  GroupName: web\n  IpPermissions:\n  - {permission}\n"

    assert "bastion" in import_files({"list.json": json.dumps(groups)}).lab.groups
    assert _rules(import_files({"groups.yaml": yaml}).lab.groups["web"]) == ["tcp/1-2 from 10.0.0.0/8"]


VPC = {
    "VpcId": "vpc-1",
    "CidrBlock": "10.0.0.0/16",
    "Ipv6CidrBlockAssociationSet": [{"Ipv6CidrBlock": "2001:db8::/56"}],
}
SUBNET = {"SubnetId": "subnet-1", "VpcId": "vpc-1", "CidrBlock": "10.0.1.0/24"}
DUAL = {**SUBNET, "Ipv6CidrBlockAssociationSet": [{"Ipv6CidrBlock": "2001:db8:0:1::/64"}]}
INTERFACE = {
    "NetworkInterfaceId": "eni-1",
    "SubnetId": "subnet-1",
    "VpcId": "vpc-1",
    "PrivateIpAddresses": [
        {"Primary": True, "PrivateIpAddress": "10.0.1.10", "Association": {"PublicIp": "203.0.113.10"}}
    ],
    "Groups": [{"GroupId": "sg-1"}],
    "Attachment": {"InstanceId": "i-1", "DeviceIndex": 0},
}
NAT = {
    "NatGatewayId": "nat-1",
    "SubnetId": "subnet-1",
    "NatGatewayAddresses": [{"PublicIp": "203.0.113.99", "PrivateIp": "10.0.1.9"}],
}


def _ground(subnets: list[object], routes: Mapping[str, str], **more: list[object]) -> Imported:
    """Import an instance; the routes lead everything of a family to a gateway."""
    keys = {"4": ("DestinationCidrBlock", "0.0.0.0/0"), "6": ("DestinationIpv6CidrBlock", "::/0")}
    kinds = {"igw": "GatewayId", "eigw": "EgressOnlyInternetGatewayId", "nat": "NatGatewayId"}
    table = {
        "RouteTableId": "rtb-1",
        "VpcId": "vpc-1",
        "Associations": [{"Main": True}],
        "Routes": [
            {keys[family][0]: keys[family][1], kinds[target]: f"{target}-1"} for family, target in routes.items()
        ],
    }
    whole = {"Vpcs": [VPC], "Subnets": subnets, "RouteTables": [table], "NetworkInterfaces": [INTERFACE], **more}
    return import_files({"x.json": json.dumps({"SecurityGroups": [_group([])], **whole}, indent=1)})


BOTH = "2001:db8:0:1::/64"
FAMILIES = [
    (DUAL, {"4": "igw", "6": "igw"}, (True, BOTH, "203.0.113.10"), ""),
    (DUAL, {"4": "igw"}, (True, "None", "203.0.113.10"), "subnet-1 routes IPv4 alone to the internet gateway"),
    (DUAL, {"4": "igw", "6": "eigw"}, (True, "None", "203.0.113.10"), "so it has no IPv6 in the lab"),
    (DUAL, {"6": "igw"}, (True, BOTH, "None"), "subnet-1 routes IPv6 alone to the internet gateway"),
    (DUAL, {}, (False, BOTH, "203.0.113.10"), ""),
    (DUAL, {"6": "eigw"}, (False, BOTH, "203.0.113.10"), "the route to ::/0 leads to eigw-1"),
    (SUBNET, {"4": "igw", "6": "igw"}, (True, "None", "203.0.113.10"), ""),
    (SUBNET, {"4": "igw"}, (True, "None", "203.0.113.10"), ""),
    (SUBNET, {"6": "igw"}, (False, "None", "203.0.113.10"), ""),
    (SUBNET, {}, (False, "None", "203.0.113.10"), ""),
]


@pytest.mark.parametrize(("subnet", "routes", "expected", "words"), FAMILIES)
def test_no_family_reaches_the_internet_that_has_no_route_there(
    subnet: dict[str, object], routes: dict[str, str], expected: tuple[bool, str, str], words: str
) -> None:
    """A lab routes both or none: where one has no route, its addresses are not there, and that is said."""
    imported = _ground([subnet], routes)
    there = imported.lab.subnets["subnet-1"]
    public = imported.lab.instances["instance-i-1"].primary.public_ip

    assert (there.internet, str(there.ipv6_cidr), str(public)) == expected
    assert any(line.startswith("x.json:") and words in line for line in imported.unmodelled) or not words
    assert any("alone to the internet gateway" in line for line in imported.unmodelled) == ("IPv" in words)
    assert _read_back(completed(imported.lab)) == completed(imported.lab)


NATS = [
    ({"4": "nat"}, (False, "nat-1"), ""),
    ({"4": "nat", "6": "igw"}, (False, "nat-1"), "one family to the internet and one to NAT: netlab takes NAT"),
]


@pytest.mark.parametrize(("routes", "expected", "words"), NATS)
def test_where_one_family_goes_by_nat_the_other_does_not_reach_the_internet(
    routes: dict[str, str], expected: tuple[bool, str], words: str
) -> None:
    """And that is said."""
    imported = _ground([DUAL], routes, NatGateways=[NAT])
    there = imported.lab.subnets["subnet-1"]

    assert (there.internet, there.nat) == expected
    assert [line for line in imported.unmodelled if "NAT" in line and words in line] or not words


def test_a_nat_gateway_gets_no_way_out_that_its_subnet_has_not() -> None:
    """Its subnet routes IPv6 alone, so it leads nowhere; with a route for IPv4 it leads out."""
    imported = _ground([DUAL], {"6": "igw"}, NatGateways=[NAT])

    assert not imported.lab.subnets["subnet-1"].internet
    assert any("and has a NAT gateway" in line for line in imported.unmodelled)
    assert _ground([DUAL], {"4": "igw", "6": "igw"}, NatGateways=[NAT]).lab.subnets["subnet-1"].internet


def test_ipv6_outside_the_vpc_is_left_out_and_said() -> None:
    """As the network of a subnet of another VPC would be; one inside stays."""
    other = {**SUBNET, "Ipv6CidrBlockAssociationSet": [{"Ipv6CidrBlock": "2001:db8:1::/64"}]}
    imported = _ground([other], {"4": "igw"})

    assert imported.lab.subnets["subnet-1"].ipv6_cidr is None
    assert any(
        "2001:db8:1::/64 of subnet subnet-1 is outside the VPC's 2001:db8::/56" in line for line in imported.unmodelled
    )


SIX = {"Ipv6Addresses": [{"Ipv6Address": "2001:db8:0:2::10"}], "PrivateIpAddresses": [], "SubnetId": "subnet-6"}
ONLY_6 = {"SubnetId": "subnet-6", "VpcId": "vpc-1", "Ipv6Native": True}
ALONE = [
    ({"Attachment": {"InstanceId": "i-6", "DeviceIndex": 0}}, 1),
    ({"Attachment": {"InstanceId": "i-1", "DeviceIndex": 1}}, 1),
    (
        {
            "Attachment": {"InstanceId": "i-1", "DeviceIndex": 1},
            "SubnetId": "subnet-1",
            "Ipv6Addresses": [],
            "PrivateIpAddresses": [{"PrivateIpAddress": "10.0.1.11"}],
        },
        2,
    ),
]


@pytest.mark.parametrize("described", [True, False])
@pytest.mark.parametrize(("more", "count"), ALONE)
def test_subnets_and_interfaces_of_ipv6_alone_are_left_out_and_said(
    more: dict[str, object], count: int, described: bool
) -> None:
    """The others are there; also where describe-subnets does not tell."""
    second = {**INTERFACE, "NetworkInterfaceId": "eni-6", **SIX, **more}
    imported = _ground([DUAL, *([ONLY_6] if described else [])], {}, NetworkInterfaces=[INTERFACE, second])

    assert [*imported.lab.subnets] == ["subnet-1"]
    assert [*imported.lab.instances] == ["instance-i-1"]
    assert len(imported.lab.instances["instance-i-1"].interfaces) == count
    said = [line.partition(": ")[2].partition(":")[0] for line in imported.unmodelled if "IPv6 alone" in line]
    assert said == ["Subnets[1]"] * described + ["NetworkInterfaces[1]"] * (count == 1)


def test_a_subnet_without_any_network_is_a_mistake() -> None:
    """A near miss of one that has IPv6 alone."""
    with pytest.raises(LabFileError, match=r"x.json:\d+: Subnets\[0\]: found '', wanted a network"):
        _ground([{**ONLY_6, "Ipv6Native": False}], {})


LISTS = [
    (["office-vpn", "office"], ["office", "office-vpn"], {"office": 1, "office-vpn": 0}),
    (["office", "office-vpn"], ["office", "office-vpn"], {"office": 0, "office-vpn": 1}),
    (["pl-0", "office"], ["vpn", "office"], {"vpn": 0, "office": 1}),
    (["my-office-vpn", "my-office"], ["office", "office-vpn"], {"office": 1, "office-vpn": 0}),
    (["vpn-office", "office"], ["office", "vpn"], {"office": 1, "vpn": 0}),
    (["dir/office.d/vpn", "office"], ["office", "vpn"], {"office": 1, "vpn": 0}),
    (["pl-10", "pl-1_entries"], ["a", "b", *"cdefghijk"], {"b": 1, "k": 0}),
    (["entries"], ["office"], {"office": 0}),
    (["entries", "vpn"], ["office", "vpn"], {"office": 0, "vpn": 1}),
    (["entries", "more"], ["office", "vpn"], None),
    (["entries"], ["office", "vpn"], None),
    (["office-1", "office-2"], ["office", "vpn"], None),
    (["a/office", "b/office"], ["office", "vpn"], None),
    (["office-vpn"], ["office", "vpn", "vpn-office"], {"office": 0}),
    (["office-remote"], ["office", "remote"], None),
    (["my-office", "office"], ["office", "vpn"], None),
    (["offices"], ["office", "vpn"], None),
]


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize(("files", "names", "expected"), LISTS)
def test_entries_belong_to_the_list_that_the_files_name_says(
    files: list[str], names: list[str], expected: dict[str, int] | None, backwards: bool
) -> None:
    """The name or id itself first, the longest one within next, the only one left last; in any order of the files."""
    lists = [{"PrefixListId": f"pl-{at}", "PrefixListName": name, "MaxEntries": 5} for at, name in enumerate(names)]
    texts = {"all.json": json.dumps({"SecurityGroups": [_group([])], "PrefixLists": lists})}
    entries = {f"{file}.json": json.dumps({"Entries": [{"Cidr": f"10.{at}.0.0/16"}]}) for at, file in enumerate(files)}
    texts |= dict(reversed(entries.items())) if backwards else entries

    if expected is None:
        with pytest.raises(LabFileError, match="of which list these are the file's name has to say"):
            import_files(texts)
    else:
        known = import_files(texts).lab.prefix_lists
        assert {name: str(each.entries[0]) for name, each in known.items()} == {
            name: f"10.{at}.0.0/16" for name, at in expected.items()
        }


def test_a_guess_whose_entries_a_file_has_is_said() -> None:
    """The only list without entries gets those of the only file without a list."""
    lists = [{"PrefixListId": "pl-1", "PrefixListName": "office", "MaxEntries": 5}]
    whole = json.dumps({"SecurityGroups": [_group([])], "PrefixLists": lists})
    entries = json.dumps({"Entries": [{"Cidr": "10.0.0.0/8"}]})
    guessed = "taken to be the entries of pl-1"

    assert any(guessed in line for line in import_files({"g.json": whole, "x.json": entries}).unmodelled)
    assert not any(guessed in line for line in import_files({"g.json": whole, "office.json": entries}).unmodelled)
