"""CloudFormation templates become a lab: references, functions, conditions, egress defaults, nodes."""

from pathlib import Path

import pytest

from netlab.control import completed
from netlab.errors import InputError, LabFileError
from netlab.formats import Imported, import_files, parse_lab, render_lab
from netlab.model.rules import SecurityGroup

TEMPLATE = (Path(__file__).parent / "data" / "template.yaml").read_text(encoding="utf-8")

GROUP = """
Parameters:
  Plain: {{Type: String, Default: 192.0.2.0/24}}
  Bare: {{Type: String}}
  Nets: {{Type: CommaDelimitedList, Default: "10.1.0.0/16, 10.2.0.0/16"}}
  Port: {{Type: Number, Default: 8080}}
  Held: {{Type: "AWS::SSM::Parameter::Value<String>", Default: /net/cidr}}
  HeldNets: {{Type: "AWS::SSM::Parameter::Value<List<String>>", Default: /net/cidrs}}
Mappings: {{Map: {{a: {{cidr: 10.3.0.0/16}}}}}}
Conditions: {{Yes: !Equals [a, a], No: !Not [!Condition Yes]}}
Resources:
  Vpc: {{Type: AWS::EC2::VPC, Properties: {{CidrBlock: 10.7.0.0/16}}}}
  Other: {{Type: AWS::EC2::SecurityGroup, Properties: {{GroupDescription: o, VpcId: !Ref Vpc}}}}
  Address: {{Type: AWS::EC2::EIP}}
  Web:
    Type: AWS::EC2::SecurityGroup
    Properties:
      GroupDescription: w
      VpcId: !Ref Vpc
      SecurityGroupIngress:
      - {rule}
"""
RULE = "{{IpProtocol: tcp, FromPort: 22, ToPort: 22, {}}}"


def _web(rule: str, parameters: dict[str, str] | None = None) -> Imported:
    return import_files({"t.yaml": GROUP.format(rule=rule)}, parameters or {})


def _rules(group: SecurityGroup) -> list[str]:
    return [str(rule) for rule in (*group.ingress, *group.egress)]


PEERS = [
    ("CidrIp: !Ref Plain", "192.0.2.0/24"),
    ("CidrIp: {Ref: Plain}", "192.0.2.0/24"),
    ("CidrIp: !Sub '${Plain}'", "192.0.2.0/24"),
    ("CidrIp: !Sub ['10.${x}.0.0/16', {x: 9}]", "10.9.0.0/16"),
    ("CidrIp: !Join [/, [10.0.0.0, 8]]", "10.0.0.0/8"),
    ("CidrIp: !Select [1, !Ref Nets]", "10.2.0.0/16"),
    ("CidrIp: !Select [0, !Split [';', '10.4.0.0/16;x']]", "10.4.0.0/16"),
    ("CidrIp: !FindInMap [Map, a, cidr]", "10.3.0.0/16"),
    ("CidrIp: !FindInMap [Map, a, cidr, DefaultValue: 10.9.0.0/16]", "10.3.0.0/16"),
    ("CidrIp: !FindInMap [Map, b, cidr, DefaultValue: 10.9.0.0/16]", "10.9.0.0/16"),
    ("CidrIp: !FindInMap [Map, a, net, {DefaultValue: !Ref Plain}]", "192.0.2.0/24"),
    ("CidrIp: !FindInMap [None, a, cidr, DefaultValue: !Select [0, !Ref Nets]]", "10.1.0.0/16"),
    ("CidrIp: !If [Yes, 10.5.0.0/16, !Ref Bare]", "10.5.0.0/16"),
    ("CidrIp: !If [No, !Ref Bare, 10.6.0.0/16]", "10.6.0.0/16"),
    ("CidrIp: !GetAtt Vpc.CidrBlock", "10.7.0.0/16"),
    ("CidrIp: !Select [2, !Cidr [10.8.0.0/16, 4, 8]]", "10.8.2.0/24"),
    ("CidrIp: 10.9.9.9/8", "10.0.0.0/8"),
    ("CidrIpv6: '::/0'", "::/0"),
    ("SourceSecurityGroupId: !Ref Other", "Other"),
    ("SourceSecurityGroupId: !GetAtt Other.GroupId", "Other"),
    ("SourceSecurityGroupId: {Fn::GetAtt: [Other, GroupId]}", "Other"),
    ("SourceSecurityGroupId: !Sub '${Other.GroupId}'", "Other"),
    ("SourceSecurityGroupName: !Ref Other", "Other"),
    ("SourceSecurityGroupId: !Select [1, !Split [',', !Join [',', [!Ref Bare, !Ref Other]]]]", "Other"),
    ("SourceSecurityGroupId: !GetAtt Vpc.DefaultSecurityGroup", "default"),
]


@pytest.mark.parametrize(("peer", "expected"), PEERS)
def test_a_peer_is_resolved(peer: str, expected: str) -> None:
    """Through parameters, functions, mappings, conditions and attributes."""
    assert [str(rule.peer) for rule in _web(RULE.format(peer)).lab.groups["Web"].ingress] == [expected]


UNRESOLVED = [
    ("CidrIp: !Ref Bare", "parameter Bare has no default; give it with --parameter Bare=VALUE"),
    ("CidrIp: !Ref Nothing", "no parameter or resource is named 'Nothing'"),
    ("CidrIp: !Sub '${Address}/32'", "Address is known only after deployment"),
    ("CidrIp: !ImportValue office", "export office is of another stack; give it with --parameter office=VALUE"),
    ("CidrIp: !Select [7, !Ref Nets]", "the list has 2 items"),
    ("CidrIp: !FindInMap [Map, b, cidr]", "no such entry"),
    ("CidrIp: !FindInMap [Map, !Ref Bare, cidr, DefaultValue: 10.9.0.0/16]", "parameter Bare has no default"),
    ("CidrIp: !FindInMap [Map, !Ref Address, cidr]", "Address is known only after deployment"),
    ("CidrIp: !FindInMap [Map, b, cidr, DefaultValue: !Ref Bare]", "parameter Bare has no default"),
    ("CidrIp: !Select [0, !Split ['', 10.0.0.0/8]]", "Fn::Split: found '', wanted a delimiter"),
    ("CidrIp: !Ref Held", "'/net/cidr' of Systems Manager holds; give it with --parameter Held=VALUE"),
    ("SourceSecurityGroupId: !Ref Held", "'/net/cidr' of Systems Manager holds; give it with --parameter Held=VALUE"),
    ("CidrIp: '{{resolve:ssm:/net/cidr}}'", "give it with --parameter ssm:/net/cidr=VALUE"),
    ("CidrIp: '{{resolve:ssm:/net/ip:3}}/32'", "give it with --parameter ssm:/net/ip:3=VALUE"),
    ("CidrIp: !Sub '{{resolve:ssm:/${Port}/cidr}}'", "give it with --parameter ssm:/8080/cidr=VALUE"),
    ("SourceSecurityGroupId: '{{resolve:ssm:/net/sg}}'", "give it with --parameter ssm:/net/sg=VALUE"),
    ("SourceSecurityGroupName: /net/sg", "names /net/sg, a security group that is in none of the files"),
    ("SourceSecurityGroupName: 11112222333/web", "names 11112222333/web, a security group that is in none of the"),
    ("SourceSecurityGroupName: web, SourceSecurityGroupOwnerId: me", "found 'me', wanted an account: 12 digits"),
    ("SourceSecurityGroupName: Other, SourceSecurityGroupOwnerId: !Ref Bare", "parameter Bare has no default"),
    ("CidrIp: !If [Maybe, a, b]", "no condition is named 'Maybe'"),
    ("CidrIp: nonsense", "wanted a network"),
    ("CidrIp: '::/0'", "wanted an IPv4 network"),
    ("CidrIpv6: 10.0.0.0/8", "wanted an IPv6 network"),
    ("SourceSecurityGroupId: !GetAtt Missing.GroupId", "no resource is named 'Missing'"),
    ("SourceSecurityGroupName: nobody", "names nobody, a security group that is in none of the files"),
    ("Description: nobody", "found no peer"),
    ("CidrIp: 10.0.0.0/8, CidrIpv6: '::/0'", "found CidrIp and CidrIpv6"),
]


@pytest.mark.parametrize(("peer", "words"), UNRESOLVED)
def test_what_cannot_be_resolved_is_a_mistake_with_its_line(peer: str, words: str) -> None:
    """File, line, path, and what would resolve it."""
    with pytest.raises(LabFileError) as caught:
        _web(RULE.format(peer))

    (mistake,) = caught.value.mistakes
    assert words in mistake.text
    assert (mistake.file, mistake.line) == ("t.yaml", 21)
    assert mistake.where.startswith("Resources.Web.Properties.SecurityGroupIngress[0]")


EMPTY = """Parameters: {{None: {{Type: String, Default: ""}}, Few: {{Type: CommaDelimitedList, Default: ""}}}}
Resources:
  Acl: {{Type: AWS::EC2::NetworkAcl}}
  Web: {{Type: AWS::EC2::SecurityGroup, Properties: {{GroupDescription: w}}}}
  X: {{Type: AWS::EC2::{kind}, Properties: {{{properties}}}}}
"""
RULE_WORDS = "IpProtocol: tcp, FromPort: 1, ToPort: 1"
ENTRY_WORDS = "NetworkAclId: !Ref Acl, RuleNumber: 1, RuleAction: allow"
EMPTY_NONE = "parameter None is empty; give it with --parameter None=VALUE"
CAUSES = [
    ("SecurityGroupIngress", f"{RULE_WORDS}, GroupId: !Ref Web, CidrIp: !Ref None", EMPTY_NONE),
    ("SecurityGroupIngress", f"{RULE_WORDS}, GroupId: !Ref None, CidrIp: 10.0.0.0/8", EMPTY_NONE),
    (
        "SecurityGroupIngress",
        f"{RULE_WORDS}, CidrIp: 10.0.0.0/8",
        "found neither GroupId nor GroupName, wanted the security group that the rule belongs to",
    ),
    (
        "SecurityGroupIngress",
        "IpProtocol: tcp, FromPort: !Ref None, ToPort: 1, GroupId: !Ref Web, CidrIp: 10.0.0.0/8",
        EMPTY_NONE,
    ),
    ("Instance", "SecurityGroupIds: [!Ref None]", EMPTY_NONE),
    ("Instance", "SecurityGroupIds: !Ref Few", "parameter Few is empty; give it"),
    ("Instance", "SecurityGroupIds: ['']", "found nothing, wanted a security group"),
    ("NetworkAclEntry", f"{ENTRY_WORDS}, Protocol: -1, CidrBlock: !Ref None", EMPTY_NONE),
    (
        "NetworkAclEntry",
        f"{ENTRY_WORDS}, Protocol: 6, CidrBlock: 10.0.0.0/8, PortRange: {{From: !Ref None, To: 1}}",
        EMPTY_NONE,
    ),
]


@pytest.mark.parametrize(("kind", "properties", "words"), CAUSES)
def test_a_value_that_is_missing_is_told_by_its_cause(kind: str, properties: str, words: str) -> None:
    """The parameter that is empty, the property that is not there, not the empty text that comes of it."""
    with pytest.raises(LabFileError) as caught:
        import_files({"t.yaml": EMPTY.format(kind=kind, properties=properties)})

    (mistake,) = caught.value.mistakes
    assert words in mistake.text
    assert (mistake.line, mistake.where.startswith("Resources.X")) == (5, True)


UNREAD = [
    ("SecurityGroupIngress", "IpProtocol: -1, FromPort: !Ref None, GroupId: !Ref Web, CidrIp: 10.0.0.0/8"),
    ("SecurityGroupIngress", f"{RULE_WORDS}, GroupId: !Ref Web, CidrIp: 10.0.0.0/8, CidrIpv6: !Ref None"),
    ("SecurityGroup", "GroupDescription: x, GroupName: !Ref None"),
]


@pytest.mark.parametrize(("kind", "properties"), UNREAD)
def test_an_empty_parameter_will_do_where_empty_text_does(kind: str, properties: str) -> None:
    """Ports of a rule for every protocol, the other peer, a name; conditions too compare it as text."""
    imported = import_files({"t.yaml": EMPTY.format(kind=kind, properties=properties)})

    assert [line for line in imported.unmodelled if "empty" in line] == []
    condition = "Conditions: {Has: !Not [!Equals [!Ref None, '']]}\n"
    chosen = f"{RULE_WORDS}, GroupId: !Ref Web, CidrIp: !If [Has, !Ref None, 10.0.0.0/8]"
    text = condition + EMPTY.format(kind="SecurityGroupIngress", properties=chosen)
    assert _rules(import_files({"t.yaml": text}).lab.groups["Web"])[0] == "tcp/1 from 10.0.0.0/8"


GIVEN = [
    ("CidrIp: !Ref Bare", {"Bare": "10.0.0.0/8"}),
    ("CidrIp: !Ref Plain", {"Plain": "10.0.0.0/8"}),
    ("CidrIp: !ImportValue office", {"office": "10.0.0.0/8"}),
    ("CidrIp: !Sub '${Address}/8'", {"Address": "10.0.0.0"}),
    ("CidrIp: !Ref Held", {"Held": "10.0.0.0/8"}),
    ("CidrIp: !Select [1, !Ref HeldNets]", {"HeldNets": "192.0.2.0/24, 10.0.0.0/8"}),
    ("CidrIp: '{{resolve:ssm:/net/cidr}}'", {"ssm:/net/cidr": "10.0.0.0/8"}),
    ("CidrIp: !Sub '{{resolve:ssm:/${Port}/ip}}/8'", {"ssm:/8080/ip": "10.0.0.0"}),
    ("CidrIp: !Join [/, ['{{resolve:ssm:a}}', '{{resolve:ssm:b:1}}']]", {"ssm:a": "10.0.0.0", "ssm:b:1": "8"}),
]


@pytest.mark.parametrize(("peer", "parameters"), GIVEN)
def test_parameters_resolve_it(peer: str, parameters: dict[str, str]) -> None:
    """Parameters, also with a default; exports; attributes known only after deployment; what Systems Manager holds."""
    assert _rules(_web(RULE.format(peer), parameters).lab.groups["Web"])[0] == "tcp/22 from 10.0.0.0/8"


def test_a_parameter_that_no_template_has_is_refused() -> None:
    """A misspelt name must not pass in silence."""
    with pytest.raises(InputError, match=r"parameter Plane: no template has it; there are .*Plain"):
        _web(RULE.format("CidrIp: !Ref Plain"), {"Plane": "x"})


ACCOUNTS = [
    ("SourceSecurityGroupId: 999988887777/sg-0123", "names sg-0123, a group of account 999988887777"),
    ("SourceSecurityGroupName: 999988887777/Other", "names 999988887777/Other, a group of account 999988887777"),
    ("SourceSecurityGroupName: Other, SourceSecurityGroupOwnerId: '999988887777'", "a group of account 999988887777"),
    ("SourceSecurityGroupName: default, SourceSecurityGroupOwnerId: '999988887777'", "a group of account 999988887777"),
    ("SourceSecurityGroupName: amazon-elb/amazon-elb-sg", "a group of account amazon-elb"),
    ("SourceSecurityGroupName: amazon-elb-sg, SourceSecurityGroupOwnerId: amazon-elb", "a group of account amazon-elb"),
    ("SourceSecurityGroupName: 123456789012/store", ""),
    ("SourceSecurityGroupName: store, SourceSecurityGroupOwnerId: !Ref AWS::AccountId", ""),
]


@pytest.mark.parametrize(("peer", "words"), ACCOUNTS)
def test_a_group_of_another_account_is_listed(peer: str, words: str) -> None:
    """An account is 12 digits, or AWS's own; a group of the same name here is not meant; the own account's is."""
    text = GROUP.format(rule=RULE.format(peer)).replace("GroupDescription: o", "GroupDescription: o, GroupName: store")

    imported = import_files({"t.yaml": text})

    rules = [str(rule.peer) for rule in imported.lab.groups["Web"].ingress]
    assert rules == ([] if words else ["store"])
    assert [line for line in imported.unmodelled if words and line.startswith("t.yaml:21: ") and words in line] == (
        [*imported.unmodelled] if words else []
    )


def test_a_group_known_by_its_id_alone_is_there_under_it() -> None:
    """A template may name groups that it does not make; their rules are AWS's defaults, and that is said."""
    rule = RULE.format("SourceSecurityGroupId: !Ref Bare")
    imported = _web(rule, {"Bare": "sg-0123"})

    assert _rules(imported.lab.groups["Web"])[0] == "tcp/22 from sg-0123"
    assert _rules(imported.lab.groups["sg-0123"]) == ["all to 0.0.0.0/0", "all to ::/0"]
    assert [line for line in imported.unmodelled if "sg-0123 is known by its id alone" in line]


def test_a_rule_may_be_added_to_a_group_of_another_file() -> None:
    """By its id; without that file the group is known by its id alone."""
    rule = "{GroupId: sg-1, IpProtocol: '-1', CidrIp: 10.0.0.0/8}"
    text = f"Resources: {{R: {{Type: AWS::EC2::SecurityGroupIngress, Properties: {rule}}}}}"
    described = '{"SecurityGroups": [{"GroupId": "sg-1", "GroupName": "web", "IpPermissions": []}]}'

    assert _rules(import_files({"t.yaml": text, "g.json": described}).lab.groups["web"]) == ["all from 10.0.0.0/8"]
    assert _rules(import_files({"t.yaml": text}).lab.groups["sg-1"])[0] == "all from 10.0.0.0/8"


EGRESS = [
    ("", ["all to 0.0.0.0/0", "all to ::/0"]),
    ("SecurityGroupEgress: []", ["all to 0.0.0.0/0", "all to ::/0"]),
    ("SecurityGroupEgress: [{IpProtocol: '-1', CidrIp: 127.0.0.1/32}]", ["all to 127.0.0.1/32"]),
    (
        "SecurityGroupEgress: [!If [No, {IpProtocol: '-1', CidrIp: 10.0.0.0/8}, !Ref AWS::NoValue]]",
        ["all to 0.0.0.0/0", "all to ::/0"],
    ),
]


@pytest.mark.parametrize(("egress", "expected"), EGRESS)
def test_egress_not_mentioned_lets_everything_out(egress: str, expected: list[str]) -> None:
    """Any rule listed takes the default away; an empty list does not."""
    text = f"""
Conditions: {{Yes: !Equals [a, a], No: !Not [!Condition Yes]}}
Resources:
  Web: {{Type: AWS::EC2::SecurityGroup, Properties: {{GroupDescription: w, {egress}}}}}
"""
    assert [str(rule) for rule in import_files({"t.yaml": text}).lab.groups["Web"].egress] == expected


def test_a_separate_egress_rule_takes_the_default_away() -> None:
    """CloudFormation strips the default rule for it, as for an embedded one."""
    lab = import_files({"template.yaml": TEMPLATE}).lab

    assert _rules(lab.groups["stack-web"])[2:] == ["all to 127.0.0.1/32", "tcp/5432 to DbSg"]
    assert _rules(lab.groups["DbSg"]) == ["tcp/5432 from stack-web", "all to 0.0.0.0/0", "all to ::/0"]


def test_conditions_decide_what_is_created() -> None:
    """Rules, and resources, of a condition that does not hold are not there; with another parameter they are."""
    prod = import_files({"template.yaml": TEMPLATE}).lab
    dev = import_files({"template.yaml": TEMPLATE.replace("prod: {Vpc", "dev: {Vpc")}, {"Env": "dev"}).lab

    assert [str(rule) for rule in prod.groups["AlbSg"].ingress] == ["tcp/443 from 0.0.0.0/0"]
    assert [str(rule) for rule in dev.groups["AlbSg"].ingress] == ["tcp/443 from 0.0.0.0/0", "tcp/80 from 0.0.0.0/0"]


def test_whatever_carries_groups_is_a_node() -> None:
    """Instance, load balancer, database, function, service, by kind and name, in their subnets."""
    lab = import_files({"template.yaml": TEMPLATE}).lab

    assert {name: (each.primary.subnet, each.primary.security_groups) for name, each in lab.instances.items()} == {
        "instance-Web": ("PublicSubnet", ("stack-web",)),
        "load-balancer-Alb": ("PublicSubnet", ("AlbSg",)),
        "database-Db": ("made-up", ("DbSg",)),
        "function-Fn": ("PublicSubnet", ("stack-web",)),
        "service-Svc": ("PublicSubnet", ("stack-web",)),
    }
    assert lab.instances["instance-Web"].primary.public_ip is not None
    assert lab.instances["function-Fn"].primary.public_ip is None


def test_the_ground_is_that_of_the_template() -> None:
    """VPC and subnet by mapping and Fn::Cidr, the route to the internet by its association."""
    lab = import_files({"template.yaml": TEMPLATE}).lab

    assert str(lab.vpc.cidr) == "10.20.0.0/16"
    assert (str(lab.subnets["PublicSubnet"].cidr), lab.subnets["PublicSubnet"].internet) == ("10.20.0.0/24", True)


ATTACHED = """
Resources:
  Vpc: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.0.0.0/16}}
  Six: {Type: AWS::EC2::VPCCidrBlock, Properties: {VpcId: !Ref Vpc, AmazonProvidedIpv6CidrBlock: true}}
  S:
    Type: AWS::EC2::Subnet
    Properties:
      VpcId: !Ref Vpc
      CidrBlock: 10.0.0.0/24
      Ipv6CidrBlock: !Select [1, !Cidr [!Select [0, !GetAtt Vpc.Ipv6CidrBlocks], 256, 64]]
  A: {Type: AWS::EC2::SecurityGroup, Properties: {GroupDescription: a, VpcId: !Ref Vpc}}
  B:
    Type: AWS::EC2::SecurityGroup
    Properties:
      GroupDescription: b
      VpcId: !Ref Vpc
      SecurityGroupIngress: {IpProtocol: tcp, FromPort: 1, ToPort: 1, SourceSecurityGroupName: !GetAtt Elb.SourceSecurityGroup.GroupName}
  Elb: {Type: AWS::ElasticLoadBalancing::LoadBalancer, Properties: {SecurityGroups: [!Ref A], Subnets: [!Ref S], Listeners: []}}
  Eni: {Type: AWS::EC2::NetworkInterface, Properties: {SubnetId: !Ref S, GroupSet: [!Ref A], PrivateIpAddress: 10.0.0.20}}
  I:
    Type: AWS::EC2::Instance
    Properties:
      NetworkInterfaces:
      - {DeviceIndex: '0', NetworkInterfaceId: !Ref Eni}
      - {DeviceIndex: '1', SubnetId: !Ref S, GroupSet: [!Ref A, !Ref B]}
  Ip: {Type: AWS::EC2::EIP, Properties: {InstanceId: !Ref I}}
  Bare: {Type: AWS::EC2::Instance, Properties: {SubnetId: !Ref S}}
  Nested: {Type: AWS::CloudFormation::Stack, Properties: {Parameters: {SecurityGroupId: !Ref A}}}
"""  # noqa: E501 - a resource a line


def test_interfaces_are_attached_where_the_template_says() -> None:
    """An interface of its own, one of the instance, an Elastic IP, the default group, a classic balancer's group."""
    lab = import_files({"t.yaml": ATTACHED}).lab
    first, second = lab.instances["instance-I"].interfaces

    assert ([str(each) for each in first.ipv4], first.security_groups) == (["10.0.0.20"], ("A",))
    assert (second.ipv4, second.security_groups) == ((), ("A", "B"))
    assert (first.public_ip is not None, second.public_ip) == (True, None)
    assert lab.instances["instance-Bare"].primary.security_groups == ()
    assert [str(rule) for rule in lab.groups["B"].ingress] == ["tcp/1 from A"]
    assert [*lab.instances] == ["instance-I", "instance-Bare", "load-balancer-Elb"]
    assert str(lab.subnets["S"].ipv6_cidr) == "2001:db8:0:101::/64"


NETWORK = """
Parameters: {Name: {Type: String, Default: net}, On: {Type: String, Default: "yes"}}
Conditions: {IsOn: !Equals [!Ref On, "yes"]}
Resources:
  Vpc: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.0.0.0/16}}
  S: {Type: AWS::EC2::Subnet, Properties: {VpcId: !Ref Vpc, CidrBlock: 10.0.1.0/24}}
  Table: {Type: AWS::EC2::RouteTable, Properties: {VpcId: !Ref Vpc}}
  Acl: {Type: AWS::EC2::NetworkAcl, Properties: {VpcId: !Ref Vpc}}
  Alb: {Type: AWS::EC2::SecurityGroup, Properties: {GroupDescription: a, VpcId: !Ref Vpc}}
  Eni: {Type: AWS::EC2::NetworkInterface, Properties: {SubnetId: !Ref S, GroupSet: [!Ref Alb]}}
  Subnets: {Type: AWS::RDS::DBSubnetGroup, Properties: {DBSubnetGroupDescription: s, SubnetIds: [!Ref S]}}
Outputs:
  K: {Value: !Ref Subnets, Export: {Name: net-subnets}}
  A: {Value: !Ref Vpc, Export: {Name: net-vpc}}
  B: {Value: !Ref S, Export: {Name: !Sub "${Name}-subnet"}}
  C: {Value: !Ref Table, Export: {Name: net-table}}
  D: {Value: !Ref Acl, Export: {Name: net-acl}}
  E: {Value: !GetAtt Alb.GroupId, Export: {Name: net-alb}}
  F: {Value: !GetAtt Vpc.CidrBlock, Export: {Name: net-cidr}}
  G: {Value: !Ref Eni, Export: {Name: net-eni}}
  J: {Value: !Join [",", [!Ref Alb, sg-0123]], Export: {Name: net-groups}}
  H: {Condition: IsOn, Value: 10.9.0.0/16, Export: {Name: net-conditional}}
  I: {Value: not exported}
"""
APP = """
Resources:
  Igw: {Type: AWS::EC2::InternetGateway}
  Route:
    Type: AWS::EC2::Route
    Properties: {RouteTableId: !ImportValue net-table, DestinationCidrBlock: 0.0.0.0/0, GatewayId: !Ref Igw}
  Association:
    Type: AWS::EC2::SubnetRouteTableAssociation
    Properties: {RouteTableId: !ImportValue net-table, SubnetId: !ImportValue net-subnet}
  Guard:
    Type: AWS::EC2::SubnetNetworkAclAssociation
    Properties: {NetworkAclId: !ImportValue net-acl, SubnetId: !ImportValue net-subnet}
  App:
    Type: AWS::EC2::SecurityGroup
    Properties:
      GroupDescription: a
      VpcId: !ImportValue net-vpc
      SecurityGroupIngress:
      - {IpProtocol: tcp, FromPort: 80, ToPort: 80, SourceSecurityGroupId: !ImportValue {"Fn::Sub": "${N}-alb"}}
      - {IpProtocol: tcp, FromPort: 81, ToPort: 81, CidrIp: !ImportValue net-cidr}
  Fn:
    Type: AWS::Lambda::Function
    Properties:
      VpcConfig: {SecurityGroupIds: !Split [",", !ImportValue net-groups], SubnetIds: [!ImportValue net-subnet]}
  Db:
    Type: AWS::RDS::DBInstance
    Properties: {DBSubnetGroupName: !ImportValue net-subnets, VPCSecurityGroups: [!Ref App]}
  Out:
    Type: AWS::EC2::SecurityGroupEgress
    Properties:
      {GroupId: !ImportValue net-alb, IpProtocol: tcp, FromPort: 80, ToPort: 80, DestinationSecurityGroupId: !Ref App}
  I:
    Type: AWS::EC2::Instance
    Properties:
      NetworkInterfaces:
      - {DeviceIndex: '0', NetworkInterfaceId: !ImportValue net-eni}
      - {DeviceIndex: '1', SubnetId: !ImportValue net-subnet, GroupSet: [!Ref App]}
Parameters: {N: {Type: String, Default: net}}
"""


@pytest.mark.parametrize("order", [("net.yaml", "app.yaml"), ("app.yaml", "net.yaml")])
def test_what_one_template_exports_another_imports(order: tuple[str, ...]) -> None:
    """Groups, networks, tables and interfaces, whichever template is named first."""
    texts = {"net.yaml": NETWORK, "app.yaml": APP}
    lab = import_files({file: texts[file] for file in order}).lab

    assert _rules(lab.groups["App"])[:2] == ["tcp/80 from Alb", "tcp/81 from 10.0.0.0/16"]
    assert _rules(lab.groups["Alb"]) == ["tcp/80 to App"]
    assert (str(lab.vpc.cidr), lab.subnets["S"].internet, lab.subnets["S"].acl) == ("10.0.0.0/16", True, "Acl")
    assert [*lab.instances][:3] == ["instance-I", "function-Fn", "database-Db"]
    assert {each.primary.subnet for each in [*lab.instances.values()][:3]} == {"S"}
    assert lab.instances["function-Fn"].primary.security_groups == ("Alb", "sg-0123")
    assert [(each.subnet, each.security_groups) for each in lab.instances["instance-I"].interfaces] == [
        ("S", ("Alb",)),
        ("S", ("App",)),
    ]


TWICE = "Resources: {A: {Type: AWS::EC2::EIP}}\nOutputs: {A: {Value: 10.0.0.0/8, Export: {Name: office}}}\n"
CIRCLE = TWICE.replace("10.0.0.0/8", "!ImportValue back").replace(
    "Name: office", "Name: office}}, B: {Value: !ImportValue office, Export: {Name: back"
)
LONE = """
Resources:
  Web: {{Type: AWS::EC2::SecurityGroup, Properties: {{GroupDescription: w, SecurityGroupIngress: {}}}}}
"""
IMPORTS = [
    (["!ImportValue net-conditional", NETWORK], {}, "10.9.0.0/16"),
    (["!ImportValue net-conditional", NETWORK], {"On": "no"}, "export net-conditional is of another stack"),
    (
        ["!ImportValue net-conditional", NETWORK.replace('Default: "yes"', "Type: String")],
        {},
        "parameter On has no default",
    ),
    (["!ImportValue net-subnet", NETWORK], {"Name": "other"}, "export net-subnet is of another stack"),
    (["!ImportValue net-eni", NETWORK], {}, "Eni is known only after deployment"),
    (["!ImportValue net-groups", NETWORK], {}, "Alb is known only after deployment"),
    (["!Select [0, !Split [';', !ImportValue net-groups]]", NETWORK], {}, "Alb is known only after deployment"),
    (["!ImportValue office", TWICE], {}, "10.0.0.0/8"),
    (
        ["!ImportValue office", TWICE, TWICE],
        {},
        "export office is one of 1.yaml and 2.yaml; give it with --parameter office=",
    ),
    (["!ImportValue office", TWICE, TWICE], {"office": "10.1.0.0/16"}, "10.1.0.0/16"),
    (["!ImportValue office", CIRCLE], {}, "export office refers to itself"),
    (["!ImportValue office", TWICE.replace("Value: 10.0.0.0/8, ", "")], {}, "export office of 1.yaml has no value"),
]


@pytest.mark.parametrize(("written", "parameters", "expected"), IMPORTS)
def test_an_import_is_what_one_template_exports(written: list[str], parameters: dict[str, str], expected: str) -> None:
    """A parameter of its name goes before; what none exports, or several, is a mistake at the import."""
    rule = RULE.format(f"CidrIp: {written[0]}").replace("{{", "{").replace("}}", "}")
    files = {"0.yaml": LONE.format(rule), **{f"{at}.yaml": each for at, each in enumerate(written[1:], 1)}}

    if expected[0].isdigit():
        assert str(import_files(files, parameters).lab.groups["Web"].ingress[0].peer) == expected
    else:
        with pytest.raises(LabFileError) as caught:
            import_files(files, parameters)
        assert [(each.file, each.line) for each in caught.value.mistakes if expected in each.text] == [("0.yaml", 3)]


DUAL = """
Resources:
  Vpc: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.0.0.0/16}}
  Six: {Type: AWS::EC2::VPCCidrBlock, Properties: {VpcId: !Ref Vpc, Ipv6CidrBlock: "2001:db8:0:100::/56"}}
  S:
    Type: AWS::EC2::Subnet
    Properties: {VpcId: !Ref Vpc, CidrBlock: 10.0.1.0/24, Ipv6CidrBlock: "2001:db8:0:101::/64"}
  Table: {Type: AWS::EC2::RouteTable, Properties: {VpcId: !Ref Vpc}}
  Of: {Type: AWS::EC2::SubnetRouteTableAssociation, Properties: {RouteTableId: !Ref Table, SubnetId: !Ref S}}
  Igw: {Type: AWS::EC2::InternetGateway}
  Eigw: {Type: AWS::EC2::EgressOnlyInternetGateway, Properties: {VpcId: !Ref Vpc}}
  R4:
    Type: AWS::EC2::Route
    Properties: {RouteTableId: !Ref Table, DestinationCidrBlock: 0.0.0.0/0, GatewayId: !Ref Igw}
  R6:
    Type: AWS::EC2::Route
    Properties: {RouteTableId: !Ref Table, DestinationIpv6CidrBlock: "::/0", GatewayId: !Ref Igw}
  A: {Type: AWS::EC2::SecurityGroup, Properties: {GroupDescription: a, VpcId: !Ref Vpc}}
  Only6: {Type: AWS::EC2::Subnet, Properties: {VpcId: !Ref Vpc, Ipv6Native: true, Ipv6CidrBlock: "2001:db8:0:102::/64"}}
  I: {Type: AWS::EC2::Instance, Properties: {SubnetId: !Ref S, SecurityGroupIds: [!Ref A]}}
  J: {Type: AWS::EC2::Instance, Properties: {SubnetId: !Ref Only6, SecurityGroupIds: [!Ref A]}}
"""


def test_an_egress_only_gateway_lets_nobody_in() -> None:
    """Where IPv6 has another way than the internet gateway, the subnet has none; where it has the same, it has it."""
    both = import_files({"t.yaml": DUAL}).lab
    only = import_files(
        {"t.yaml": DUAL.replace('"::/0", GatewayId: !Ref Igw', '"::/0", EgressOnlyInternetGatewayId: !Ref Eigw')}
    )

    assert (both.subnets["S"].internet, str(both.subnets["S"].ipv6_cidr)) == (True, "2001:db8:0:101::/64")
    assert (only.lab.subnets["S"].internet, only.lab.subnets["S"].ipv6_cidr) == (True, None)
    assert [line for line in only.unmodelled if line.startswith("t.yaml:12: ") and "routes IPv4 alone" in line]


def test_what_stands_in_a_subnet_of_ipv6_alone_is_left_out() -> None:
    """With the lines of both; what stands in another one is there."""
    imported = import_files({"t.yaml": DUAL})

    assert [*imported.lab.instances] == ["instance-I"]
    assert [line.partition(": ")[0] for line in imported.unmodelled if "IPv6 alone" in line] == [
        "t.yaml:19",
        "t.yaml:21",
    ]


def test_other_resources_are_listed_with_their_line() -> None:
    """A bucket is no node, and that is said."""
    imported = import_files({"template.yaml": TEMPLATE})

    assert [line for line in imported.unmodelled if "AWS::S3::Bucket" in line and line.startswith("template.yaml:76: ")]


def test_a_template_in_json_means_the_same() -> None:
    """The long forms of functions, and ports as text."""
    text = """{"Resources": {
      "A": {"Type": "AWS::EC2::SecurityGroup", "Properties": {"GroupDescription": "a", "SecurityGroupIngress": [
        {"IpProtocol": "tcp", "FromPort": "80", "ToPort": "80",
         "SourceSecurityGroupId": {"Fn::GetAtt": ["B", "GroupId"]}},
        {"IpProtocol": "tcp", "FromPort": "81", "ToPort": "81", "CidrIp": {"Fn::Join": ["", ["10.0.0.0", "/8"]]}}]}},
      "B": {"Type": "AWS::EC2::SecurityGroup", "Properties": {"GroupDescription": "b", "SecurityGroupEgress": [
        {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "DestinationSecurityGroupId": {"Ref": "A"}}]}}}}"""
    lab = import_files({"t.json": text}).lab

    assert [str(rule) for rule in lab.groups["A"].ingress] == ["tcp/80 from B", "tcp/81 from 10.0.0.0/8"]
    assert [str(rule) for rule in lab.groups["B"].egress] == ["tcp/80 to A"]


def test_a_template_reads_back_as_the_same_lab() -> None:
    """Writing and reading changes nothing."""
    lab = completed(import_files({"template.yaml": TEMPLATE}).lab)

    assert completed(parse_lab(render_lab(lab))) == lab
