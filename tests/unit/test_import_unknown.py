"""What a template refers to and does not tell: a stand-in of its own, and a note with its place."""

import pytest

from netlab.control import completed
from netlab.errors import LabFileError
from netlab.formats import Imported, import_files, parse_lab, render_lab

TEMPLATE = """
Parameters:
  Priv: {{Type: "AWS::EC2::Subnet::Id"}}
  Vpc: {{Type: "AWS::EC2::VPC::Id"}}
  OtherVpc: {{Type: "AWS::EC2::VPC::Id"}}
  Empty: {{Type: String, Default: ""}}
  Subnets: {{Type: "List<AWS::EC2::Subnet::Id>"}}
  Stack: {{Type: String}}
  Thing: {{Type: String}}
Conditions: {{No: !Equals [a, b]}}
Resources:
  Gone: {{Type: AWS::EC2::Subnet, Condition: No, Properties: {{CidrBlock: 10.0.9.0/24}}}}
  Role: {{Type: AWS::IAM::Role}}
  Nested: {{Type: AWS::CloudFormation::Stack}}
  Sg: {{Type: AWS::EC2::SecurityGroup, Properties: {{GroupDescription: x, VpcId: !Ref Vpc}}}}
{resources}
"""
INSTANCE = "  {}: {{Type: AWS::EC2::Instance, Properties: {{SecurityGroupIds: [!Ref Sg], {}}}}}"


def _import(*resources: str, parameters: dict[str, str] | None = None) -> Imported:
    return import_files({"t.yaml": TEMPLATE.format(resources="\n".join(resources))}, parameters or {})


def _notes(imported: Imported, word: str) -> list[str]:
    return [line for line in imported.unmodelled if word in line]


GIVE = "give it with --parameter"
REFERENCES = [
    ("!Ref Priv", "Priv", f"Priv (parameter Priv has no default; {GIVE} Priv=VALUE)"),
    ("!Ref Empty", "Empty", f"Empty (parameter Empty is empty; {GIVE} Empty=VALUE)"),
    ("!ImportValue net-a", "net-a", f"net-a (export net-a is of another stack; {GIVE} net-a=VALUE)"),
    ("!ImportValue {Fn::Sub: '${Stack}-a'}", "Stack-a", f"Stack-a (parameter Stack has no default; {GIVE}"),
    ("!GetAtt Nested.Outputs.A", "Nested.Outputs.A", "Nested.Outputs.A (Nested.Outputs.A is known only after"),
    ("!Select [1, !Ref Subnets]", "Subnets-1", "Subnets-1 (parameter Subnets has no default"),
    ("!Select [0, !Split [',', !ImportValue nets]]", "nets-0", "nets-0 (export nets is of another stack"),
    ("!Ref Gone", "Gone", "Gone (Gone is not created, its condition does not hold)"),
    ("!Ref Nothing", "Nothing", "Nothing (no parameter or resource is named 'Nothing')"),
    ("subnet-0123", "subnet-0123", "subnet-0123 is in no file"),
    ("'{{resolve:ssm:a}}'", "ssm-a", f"ssm:a (ssm:a is known to AWS alone; {GIVE} ssm:a=VALUE)"),
]


@pytest.mark.parametrize(("reference", "name", "why"), REFERENCES)
def test_a_subnet_that_cannot_be_told_is_one_of_its_own(reference: str, name: str, why: str) -> None:
    """Named after what was referred to, without a way to the internet; its instance has no public address."""
    imported = _import(INSTANCE.format("I", f"SubnetId: {reference}"))
    own = imported.lab.instances["instance-I"].primary

    assert own.subnet == name
    assert (imported.lab.subnets[own.subnet].internet, own.public_ip) == (False, None)
    assert "made-up" not in imported.lab.subnets
    (note,) = _notes(imported, "subnet")
    assert note.startswith(f"t.yaml:16: Resources.I: subnet {why}")
    assert note.endswith(f"taken to be {imported.lab.subnets[own.subnet].cidr}, without a route to the internet")


def test_two_references_are_two_subnets_and_one_twice_is_one() -> None:
    """So that what is apart is not joined, and a network ACL between them would be asked."""
    one, other = "SubnetId: !Select [0, !Ref Subnets]", "SubnetId: !Select [1, !Ref Subnets]"
    imported = _import(INSTANCE.format("A", one), INSTANCE.format("B", other), INSTANCE.format("C", one))
    stands = {name: each.primary.subnet for name, each in imported.lab.instances.items()}

    assert stands == {"instance-A": "Subnets-0", "instance-B": "Subnets-1", "instance-C": "Subnets-0"}
    assert len(_notes(imported, "subnet Subnets-")) == 2
    assert imported.lab.subnets["Subnets-0"].cidr != imported.lab.subnets["Subnets-1"].cidr


KNOWN = """\
  Net: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.7.0.0/16}}
  Open: {Type: AWS::EC2::Subnet, Properties: {VpcId: !Ref Net, CidrBlock: 10.7.1.0/24, MapPublicIpOnLaunch: true}}
  Shut: {Type: AWS::EC2::Subnet, Properties: {VpcId: !Ref Net, CidrBlock: 10.7.2.0/24}}
  Own: {Type: AWS::EC2::SecurityGroup, Properties: {GroupDescription: x, VpcId: !Ref Net}}"""
CARD = "SubnetId: !Ref Priv, GroupSet: [!Ref Own], DeviceIndex: 0"
ADDRESSES = [
    (f"NetworkInterfaces: [{{{CARD}}}]", False),
    (f"NetworkInterfaces: [{{{CARD}, AssociatePublicIpAddress: true}}]", True),
    ("SecurityGroupIds: [!Ref Own], SubnetId: !Ref Priv", False),
    ("SecurityGroupIds: [!Ref Own], SubnetId: !Ref Shut", False),
    ("SecurityGroupIds: [!Ref Own], SubnetId: !Ref Open", True),
    ("SecurityGroupIds: [!Ref Own]", True),
]


@pytest.mark.parametrize(("properties", "public"), ADDRESSES)
def test_a_public_address_is_given_where_the_template_says_so(properties: str, public: bool) -> None:
    """By the interface, or by its subnet; an instance that names no subnet gets AWS's default one."""
    imported = _import(KNOWN, f"  I: {{Type: AWS::EC2::Instance, Properties: {{{properties}}}}}")
    own = imported.lab.instances["instance-I"].primary

    assert (own.public_ip is not None) is public
    assert imported.lab.subnets[own.subnet].internet is public
    assert bool(_notes(imported, "instance-I names no subnet: put into made-up")) is ("SubnetId" not in properties)


@pytest.mark.parametrize(("address", "public"), [("InstanceId: !Ref I", True), ("InstanceId: !Ref Thing", False)])
def test_an_elastic_ip_makes_its_subnet_a_public_one(address: str, public: bool) -> None:
    """Also one that cannot be told otherwise; whose address it is has to be known."""
    ip = f"  Ip: {{Type: AWS::EC2::EIP, Properties: {{{address}}}}}"
    imported = _import(INSTANCE.format("I", "SubnetId: !Ref Priv"), ip)

    assert (imported.lab.instances["instance-I"].primary.public_ip is not None) is public
    assert _notes(imported, "with a route to the internet" if public else "without a route to the internet")
    assert bool(_notes(imported, "Resources.Ip: who has an Elastic IP cannot be told: Thing (parameter")) is not public


def test_a_vpc_that_cannot_be_told_is_named_with_what_it_is_taken_for() -> None:
    """And with the private networks that rules name and the lab then has no place in."""
    rule = "{IpProtocol: tcp, FromPort: 1, ToPort: 1, CidrIp: 10.100.0.0/16}"
    more = f"  R: {{Type: AWS::EC2::SecurityGroupIngress, Properties: {{GroupId: !Ref Sg, {rule[1:-1]}}}}}"
    vpc = f"VPC Vpc (parameter Vpc has no default; {GIVE} Vpc=VALUE): taken to be 10.0.0.0/16"

    assert _notes(_import(), "VPC") == [f"t.yaml:15: Resources.Sg: {vpc}"]
    assert _notes(_import(more), "VPC") == [f"t.yaml:15: Resources.Sg: {vpc}; rules name 10.100.0.0/16"]


def test_a_parameter_may_give_the_network_of_a_vpc_or_subnet() -> None:
    """Where no id says what it is; then the rules mean what they say."""
    given = {"Vpc": "10.100.0.0/16", "Priv": "10.100.7.0/24"}
    imported = _import(INSTANCE.format("I", "SubnetId: !Ref Priv"), parameters=given)

    assert str(imported.lab.vpc.cidr) == "10.100.0.0/16"
    assert {name: str(each.cidr) for name, each in imported.lab.subnets.items()} == {"10.100.7.0-24": "10.100.7.0/24"}
    assert not _notes(imported, "VPC")
    assert completed(parse_lab(render_lab(completed(imported.lab)))) == completed(imported.lab)


@pytest.mark.parametrize("network", ["10.0.0.0/15", "10.0.0.0/29"])
def test_the_network_that_a_parameter_gives_is_one_that_aws_takes(network: str) -> None:
    """Of a VPC and of a subnet, with the place that names it."""
    wanted = f"found {network}, wanted a prefix from /16 to /28, as AWS does"
    instance = INSTANCE.format("I", "SubnetId: !Ref Priv")
    for given, place in (({"Vpc": network}, "15: Resources.Sg"), ({"Priv": network}, "16: Resources.I")):
        with pytest.raises(LabFileError) as caught:
            _import(instance, parameters=given)

        assert [str(each) for each in caught.value.mistakes] == [f"t.yaml:{place}: {wanted}"]


def _group(name: str, vpc: str) -> str:
    return f"  {name}: {{Type: AWS::EC2::SecurityGroup, Properties: {{GroupDescription: x, VpcId: {vpc}}}}}"


VPCS = [
    ([_group("A", "!Ref Vpc")], ["Sg", "A"], ""),
    ([_group("A", "!Ref OtherVpc")], ["Sg"], "group A is of OtherVpc; a lab has one VPC, here Vpc"),
    ([KNOWN, _group("A", "!Ref Net")], ["Own", "A"], "group Sg is of Vpc; a lab has one VPC, here Net"),
    ([_group("A", "vpc-1")], ["A"], "group Sg is of Vpc; a lab has one VPC, here vpc-1"),
]


@pytest.mark.parametrize(("resources", "groups", "note"), VPCS)
def test_of_two_vpcs_that_one_template_names_one_is_another(resources: list[str], groups: list[str], note: str) -> None:
    """The lab's is the one that the template tells, else the one it names most."""
    imported = _import(*resources)

    assert [*imported.lab.groups] == groups
    assert [line.partition(": ")[2].partition(": ")[2] for line in _notes(imported, "group ")] == (
        [note] if note else []
    )


def test_a_vpc_that_cannot_be_told_is_the_one_that_another_file_tells() -> None:
    """As with describe-vpcs beside a template."""
    described = '{"Vpcs": [{"VpcId": "vpc-1", "CidrBlock": "10.9.0.0/16"}]}'
    text = TEMPLATE.format(resources=INSTANCE.format("I", "SubnetId: !Ref Priv"))
    imported = import_files({"t.yaml": text, "vpcs.json": described})

    assert str(imported.lab.vpc.cidr) == "10.9.0.0/16"
    assert [line.rpartition("): ")[2] for line in _notes(imported, "VPC")] == ["taken to be vpc-1, 10.9.0.0/16"]


TO = "DestinationCidrBlock: 0.0.0.0/0"
LOST = [
    (
        "SubnetRouteTableAssociation: SubnetId: !Ref Priv, RouteTableId: !Ref Thing",
        "the route table of a subnet cannot be told: Thing (parameter Thing has no default",
    ),
    (
        "SubnetRouteTableAssociation: SubnetId: !Ref Priv, RouteTableId: rtb-1",
        "the route table of a subnet cannot be told: rtb-1 is in no file",
    ),
    (f"Route: RouteTableId: !Ref Thing, {TO}", "the table of a route cannot be told: Thing"),
    (
        "Route: RouteTableId: !Ref Rt, DestinationCidrBlock: !Ref Thing, GatewayId: igw-1",
        "a route whose destination is not known: parameter Thing has no default",
    ),
    (
        f"Route: RouteTableId: !Ref Rt, {TO}, GatewayId: !Ref Thing",
        "the target of the route to 0.0.0.0/0 cannot be told: Thing",
    ),
    (
        "SubnetNetworkAclAssociation: SubnetId: !Ref Priv, NetworkAclId: !Ref Thing",
        "the network ACL of a subnet cannot be told: Thing",
    ),
    ("NetworkAclEntry: NetworkAclId: !Ref Thing", "the network ACL of an entry cannot be told: Thing"),
    (
        "NetworkInterfaceAttachment: InstanceId: !Ref Thing, NetworkInterfaceId: !Ref Eni",
        "the instance of an interface cannot be told: Thing",
    ),
    (
        "NetworkInterfaceAttachment: InstanceId: !Ref I, NetworkInterfaceId: !Ref Thing",
        "an interface of I cannot be told: Thing",
    ),
    (
        "Instance: NetworkInterfaces: [{DeviceIndex: 0, NetworkInterfaceId: !Ref Thing}]",
        "interface Thing (parameter Thing has no default; give it with --parameter Thing=VALUE): X goes without it",
    ),
    ("SecurityGroup: GroupDescription: x, GroupName: !Ref Thing", "parameter Thing has no default"),
    ("Subnet: CidrBlock: 10.0.3.0/24, MapPublicIpOnLaunch: !Ref Thing", "parameter Thing has no default"),
    ("Instance: SubnetId: !Ref Priv, PrivateIpAddress: !Ref Thing", "parameter Thing has no default"),
]


@pytest.mark.parametrize(("resource", "words"), LOST)
def test_whatever_cannot_be_told_is_named_with_its_place(resource: str, words: str) -> None:
    """Route tables, targets, network ACLs, interfaces, names, addresses: once each; with the parameter given, not."""
    kind, _, properties = resource.partition(": ")
    resources = (
        INSTANCE.format("I", "SubnetId: !Ref Priv"),
        "  Rt: {Type: AWS::EC2::RouteTable}",
        "  Eni: {Type: AWS::EC2::NetworkInterface, Properties: {SubnetId: !Ref Priv, GroupSet: [!Ref Sg]}}",
        f"  X: {{Type: AWS::EC2::{kind}, Properties: {{{properties}}}}}",
    )
    imported = _import(*resources)
    notes = [line for line in imported.unmodelled if line.startswith("t.yaml:19: Resources.X") and words in line]

    assert len(notes) == 1, imported.unmodelled
    if "Ref Thing" in resource:
        assert not _notes(_import(*resources, parameters={"Thing": "10.0.1.9/32"}), words)


DATABASE = "Properties: {VPCSecurityGroups: [!Ref Sg], DBSubnetGroupName:"
LAUNCH = "X: {Type: AWS::AutoScaling::LaunchConfiguration, Properties: {SecurityGroups: [!Ref Sg]}}"
PLACED = [
    (
        "G: {Type: AWS::RDS::DBSubnetGroup, Properties: {SubnetIds: [!Ref Priv]}}",
        f"X: {{Type: AWS::RDS::DBInstance, {DATABASE} !Ref G}}}}",
        ("database-X", "Priv"),
    ),
    (
        "G: {Type: AWS::RDS::DBSubnetGroup, Properties: {DBSubnetGroupName: main, SubnetIds: [!Ref Priv]}}",
        f"X: {{Type: AWS::RDS::DBInstance, {DATABASE} main}}}}",
        ("database-X", "Priv"),
    ),
    (
        "G: {Type: AWS::RDS::DBSubnetGroup, Properties: {SubnetIds: [!Ref Priv]}}",
        f"X: {{Type: AWS::RDS::DBInstance, {DATABASE} other}}}}",
        ("database-X", "other"),
    ),
    ("LaunchConfigurationName: !Ref X", LAUNCH, ("launch-config-X", "Priv")),
    (
        "LaunchTemplate: {LaunchTemplateId: !Ref X}",
        "X: {Type: AWS::EC2::LaunchTemplate, Properties: {LaunchTemplateData: {SecurityGroupIds: [!Ref Sg]}}}",
        ("launch-template-X", "Priv"),
    ),
    ("LaunchConfigurationName: other", LAUNCH, ("launch-config-X", "made-up")),
]


@pytest.mark.parametrize(("group", "resource", "expected"), PLACED)
def test_what_names_its_subnets_by_another_resource_stands_in_them(
    group: str, resource: str, expected: tuple[str, str]
) -> None:
    """A database by its group of subnets, what is launched by its Auto Scaling group; each by its own kind and name."""
    scaled = f"G: {{Type: AWS::AutoScaling::AutoScalingGroup, Properties: {{VPCZoneIdentifier: [!Ref Priv], {group}}}}}"
    imported = _import(f"  {group if group.startswith('G: ') else scaled}", f"  {resource}")
    name, subnet = expected
    own = imported.lab.instances[name].primary

    assert (own.subnet, own.public_ip) == (subnet, None)
    assert _notes(imported, f"subnet {subnet}" if subnet != "made-up" else f"{name} names no subnet")


WRONG = [
    ("{Type: AWS::EC2::Subnet, Properties: {CidrBlock: 10.0.3.0/24, VpcId: !Ref Role}}", "AWS::EC2::VPC"),
    ("{Type: AWS::EC2::SecurityGroup, Properties: {GroupDescription: x, VpcId: !Ref Role}}", "AWS::EC2::VPC"),
    ("{Type: AWS::EC2::Instance, Properties: {SubnetId: !Ref Role}}", "AWS::EC2::Subnet"),
]


@pytest.mark.parametrize(("resource", "wanted"), WRONG)
def test_a_reference_to_something_else_is_a_mistake(resource: str, wanted: str) -> None:
    """A role is no VPC; what another stack makes may be one."""
    with pytest.raises(LabFileError) as caught:
        _import(f"  X: {resource}")

    (mistake,) = caught.value.mistakes
    assert str(mistake) == f"t.yaml:16: Resources.X: found Role, an AWS::IAM::Role, wanted an {wanted}"
    assert _import(f"  X: {resource.replace('Role', 'Nested')}")


def test_what_is_of_another_vpc_is_named() -> None:
    """Subnets, route tables and the VPC itself; an interface by the VPC of its subnet."""
    other = (
        "  Far: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.8.0.0/16}}",
        "  FarNet: {Type: AWS::EC2::Subnet, Properties: {VpcId: !Ref Far, CidrBlock: 10.8.1.0/24}}",
        "  FarRt: {Type: AWS::EC2::RouteTable, Properties: {VpcId: !Ref Far}}",
        "  I: {Type: AWS::EC2::Instance, Properties: {SubnetId: !Ref FarNet}}",
        "  J: {Type: AWS::EC2::Instance, Properties: {SubnetId: !Ref Open, SecurityGroupIds: [!Ref Own]}}",
        "  K: {Type: AWS::EC2::Instance, Properties: {SubnetId: !Ref Open, SecurityGroupIds: [!Ref Own]}}",
    )
    imported = _import(KNOWN, *other)

    assert [*imported.lab.instances] == ["instance-J", "instance-K"]
    assert {line.split(": ")[1].removeprefix("Resources.") for line in _notes(imported, "here Net")} == {
        *("Sg", "Far", "FarNet", "FarRt", "I")
    }


def test_a_group_that_only_nodes_of_another_vpc_carry_gets_an_instance() -> None:
    """As one that nothing carries: its node is left out, and a lab without any subnet could not be written."""
    net = "  Net: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.7.0.0/16}}"
    far = "  Far: {Type: AWS::EC2::Subnet, Properties: {VpcId: !Ref OtherVpc, CidrBlock: 10.8.1.0/24}}"
    node = "  I: {Type: AWS::EC2::Instance, Properties: {SubnetId: !Ref Far, SecurityGroupIds: [!Ref Own]}}"
    lab = completed(_import(net, far, _group("Own", "!Ref Net"), node).lab)

    assert {name: each.primary.subnet for name, each in lab.instances.items()} == {"Own": "made-up"}
    assert completed(parse_lab(render_lab(lab))) == lab


def test_a_group_of_subnets_that_names_itself_has_none() -> None:
    """A mistake of the template must not turn netlab in circles."""
    group = "  G: {Type: AWS::RDS::DBSubnetGroup, Properties: {DBSubnetGroupName: !Ref G, SubnetIds: []}}"
    imported = _import(group, f"  X: {{Type: AWS::RDS::DBInstance, {DATABASE} !Ref G}}}}")

    assert _notes(imported, "database-X names no subnet: put into made-up")
