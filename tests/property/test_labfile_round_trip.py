"""Law: a lab written as text and read again is the same lab."""

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Any, TypeVar

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netlab.formats import parse_lab, render_lab
from netlab.model.acls import AclEntry, NetworkAcl
from netlab.model.addresses import Cidr
from netlab.model.changes import (
    AclEntryRequest,
    AddAclEntry,
    AddPrefix,
    Attach,
    Authorize,
    RemoveAclEntry,
    RemovePrefix,
    Revoke,
    RuleRequest,
)
from netlab.model.rules import (
    ICMP,
    ICMPV6,
    TCP,
    UDP,
    Direction,
    GroupRef,
    Ports,
    PrefixList,
    PrefixListRef,
    Rule,
    SecurityGroup,
    Traffic,
)
from netlab.model.stories import (
    ChangeStep,
    ErrorStep,
    Expectation,
    Fields,
    OpenStep,
    PacketStep,
    Question,
    Step,
    Story,
    TableStep,
    WaitStep,
    Wanted,
)
from netlab.model.topology import (
    ConnectionTracking,
    Host,
    Instance,
    Interface,
    Lab,
    NatGateway,
    Subnet,
    SubnetRoute,
    Vpc,
)

T = TypeVar("T")

GROUPS, LISTS, ACLS = ("web", "db", "default"), ("offices", "homes"), ("strict", "default")
NODES = ("ec2", "a.b_c-1", "X")
AWS_CHARACTERS = "abcXYZ019 ._-:/()#,@[]+=&;{}!$*"

ports = st.builds(lambda a, b: Ports(min(a, b), max(a, b)), st.integers(0, 65535), st.integers(0, 65535))
codes = st.none() | st.integers(0, 255)
traffics = st.one_of(
    st.builds(Traffic, st.sampled_from([TCP, UDP]), ports),
    st.builds(Traffic, st.sampled_from([ICMP, ICMPV6]), st.none(), st.integers(0, 255), codes),
    st.builds(Traffic, st.sampled_from([None, ICMP, ICMPV6, 0, 2, 47, 50, 99, 255])),
)
networks4 = st.builds(lambda a, n: IPv4Network((a, n), strict=False), st.integers(0, 2**32 - 1), st.integers(0, 32))
networks6 = st.builds(lambda a, n: IPv6Network((a, n), strict=False), st.integers(0, 2**128 - 1), st.integers(0, 128))
networks: st.SearchStrategy[Cidr] = networks4 | networks6
peers = networks | st.sampled_from([*map(GroupRef, GROUPS), *map(PrefixListRef, LISTS)])
descriptions = st.text(AWS_CHARACTERS, max_size=30)
words = st.text(st.characters(exclude_categories=["Cs", "Cc", "Co", "Cn"]), min_size=1, max_size=20)
gates = st.sampled_from(["", "card ec2 ingress", "card X/eth1 egress", "acl strict egress", "vpc route", "igw", "mtu"])


@st.composite
def prefix_lists(draw: st.DrawFn, name: str) -> PrefixList:
    family = draw(st.sampled_from([networks4, networks6]))
    entries = tuple(draw(st.lists(family, unique=True, max_size=4)))
    return PrefixList(name, draw(st.integers(max(len(entries), 1), 1000)), entries)


@st.composite
def groups(draw: st.DrawFn, name: str) -> SecurityGroup:
    sides: list[tuple[Rule, ...]] = []
    for direction in Direction:
        pairs = draw(st.lists(st.tuples(traffics, peers), unique=True, max_size=4))
        rules = []
        for number, (traffic, peer) in enumerate(pairs):
            rule_id = draw(st.sampled_from(["", f"{name}-{direction.value}-{number}"]))
            rules.append(Rule(rule_id, direction, traffic, peer, draw(descriptions)))
        sides.append(tuple(rules))
    aws_id = draw(st.sampled_from(["", f"sg-{name}", "sg-0123456789abcdef0"]))
    return SecurityGroup(name, *sides, description=draw(descriptions), aws_id=aws_id)


@st.composite
def acls(draw: st.DrawFn, name: str) -> NetworkAcl:
    sides = []
    for _ in Direction:
        numbers = sorted(draw(st.sets(st.integers(1, 32766), max_size=3)))
        sides.append(tuple(AclEntry(n, draw(traffics), draw(networks), draw(st.booleans())) for n in numbers))
    return NetworkAcl(name, *sides)


@st.composite
def interfaces(draw: st.DrawFn, node: str, name: str, number: int, *, ipv6: bool) -> Interface:
    """Draw one, with addresses that no other number has."""
    subnet = draw(st.sampled_from(["one", "two"]))
    base = {"one": "10.0.1.", "two": "10.0.2."}[subnet]
    base6 = {"one": "2001:db8:0:101::", "two": "2001:db8:0:102::"}[subnet]
    last = (f"{10 + number}", f"{110 + number}")[: draw(st.integers(0, 2))]
    return Interface(
        node=node,
        name=name,
        primary=name == "eth0",
        subnet=subnet,
        ipv4=tuple(IPv4Address(base + each) for each in last),
        ipv6=tuple(IPv6Address(base6 + each) for each in last[: draw(st.integers(0, 1))]) if ipv6 else (),
        public_ip=draw(st.sampled_from([None, IPv4Address(f"3.95.203.{number}")])),
        security_groups=tuple(draw(st.lists(st.sampled_from(GROUPS), unique=True, max_size=3))),
        connection_tracking=draw(
            st.builds(ConnectionTracking, st.integers(60, 432000), st.integers(30, 60), st.integers(60, 180))
        ),
        allowance=draw(st.none() | st.integers(1, 10**6)),
        source_dest_check=draw(st.booleans()),
    )


@st.composite
def instances(draw: st.DrawFn, *, ipv6: bool) -> dict[str, Instance]:
    made = {}
    for number, node in enumerate(NODES):
        names = ["eth0", "eth1"] if node == "X" else ["eth0"]
        enis = [draw(interfaces(node, name, 2 * number + i, ipv6=ipv6)) for i, name in enumerate(names)]
        services = draw(st.lists(st.sampled_from(["ssh", "http", "quotes", "dns", "echo"]), unique=True))
        made[node] = Instance(node, tuple(enis), tuple(services))
    return made


fields = st.builds(
    Fields,
    flags=st.sampled_from(["", "S", "SA", "PA", "FSRPAU"]),
    sport=st.none() | st.integers(0, 65535),
    dport=st.none() | st.integers(0, 65535),
    src=st.none() | st.ip_addresses(v=4),
    size=st.none() | st.integers(0, 65000),
    df=st.booleans(),
)
wanteds = st.builds(
    Wanted, st.just("lost"), st.sampled_from(["", "sgr-story"]), gates, st.sampled_from(["", "NO_RULE", "ACL"])
) | st.builds(Wanted, st.just("delivered"), st.just(""), st.just(""), st.sampled_from(["", "RULE", "TRACKED"]))
sources = st.sampled_from(["ec2", "X/eth1", "laptop"])
targets = st.sampled_from(["ec2", "X", "laptop", "10.0.0.2", "198.51.100.99"])


@st.composite
def questions(draw: st.DrawFn) -> Question:
    source, target, kind = draw(sources), draw(targets), draw(st.sampled_from(["port", "icmp", "number", "real"]))
    if kind == "icmp":
        number, code = draw(st.integers(0, 255)), draw(st.integers(0, 255))
        return Question(source, target, ICMP, icmp_type=number, icmp_code=code, family=4)
    family = draw(st.sampled_from([None, 4]))
    if kind == "number":
        return Question(source, target, draw(st.sampled_from([0, 47, 255])), family=family)
    port = draw(st.integers(0, 65535))
    if kind == "real":
        return Question(source, target, UDP, dport=port, family=family, real=True)
    return Question(source, target, TCP, dport=port, family=family, fields=draw(fields))


def _request(rule: Rule, text: str) -> RuleRequest:
    """Return a rule as a request, its peer in other words where there are any."""
    traffic = rule.traffic
    if traffic.ports is not None:
        protocol: tuple[str, Any, Any] = (
            "tcp" if traffic.protocol == TCP else "udp",
            traffic.ports.first,
            traffic.ports.last,
        )
    elif traffic.protocol in {ICMP, ICMPV6}:
        name = "icmp" if traffic.protocol == ICMP else "icmpv6"
        kind = -1 if traffic.icmp_type is None else traffic.icmp_type
        protocol = (name, kind, -1 if traffic.icmp_code is None else traffic.icmp_code)
    else:
        protocol = ("-1" if traffic.protocol is None else str(traffic.protocol), None, None)
    return RuleRequest(*protocol, text or str(rule.peer), rule.description, rule.id)


@st.composite
def requests(draw: st.DrawFn) -> RuleRequest:
    rule_id = draw(st.sampled_from(["", "sgr-story"]))
    rule = Rule(rule_id, Direction.INGRESS, draw(traffics), draw(peers), draw(descriptions))
    return _request(rule, draw(st.sampled_from(["", "self", "10.0.0.9/8"])))


odd_numbers = st.integers(-(10**6), 10**6)
odd_protocols = st.one_of(
    st.tuples(st.sampled_from(["tcp", "udp", "icmp", "icmpv6"]), odd_numbers, odd_numbers),
    st.tuples(st.sampled_from(["", "tcp", "TCP", "nonsense", "-1", "47", "6", "icmpv6"]), st.none(), st.none()),
)
odd_requests = st.builds(lambda p, peer: RuleRequest(*p, peer), odd_protocols, st.just("") | words)
odd_entries = st.builds(
    lambda n, p, cidr, word: AclEntryRequest(n, *p, cidr, word), odd_numbers, odd_protocols, words, words
)
directions = st.sampled_from(Direction)


def _steps_of_change(requested: st.SearchStrategy[RuleRequest], *, odd: bool) -> st.SearchStrategy[ChangeStep]:
    rules = st.lists(requested, min_size=1, max_size=3).map(tuple)
    names = words if odd else st.sampled_from(["web"])
    nodes = st.sampled_from([("ec2", ""), ("X", "eth1")])
    changes: list[st.SearchStrategy[Any]] = [
        st.builds(Authorize, names, directions, rules),
        st.builds(Revoke, names, directions, rules),
        st.builds(lambda node, chosen: Attach(*node, tuple(chosen)), nodes, st.lists(names, min_size=1, max_size=2)),
    ]
    if odd:
        changes += [
            st.builds(AddAclEntry, words, directions, odd_entries),
            st.builds(RemoveAclEntry, words, directions, odd_numbers),
            st.builds(AddPrefix, words, words),
            st.builds(RemovePrefix, words, words),
        ]
    else:
        changes += [
            st.builds(RemoveAclEntry, st.just("strict"), directions, st.integers(1, 32766)),
            st.just(AddAclEntry("strict", Direction.EGRESS, AclEntryRequest(7, "tcp", 1, 2, "0.0.0.0/0", "deny"))),
        ]
    return st.builds(ChangeStep, st.one_of(changes), st.just("Invalid.Thing" if odd else ""))


@st.composite
def stories(draw: st.DrawFn, name: str) -> Story:
    flow = draw(words.filter(str.strip))
    question = Question("ec2", "laptop", TCP, dport=443, fields=draw(fields))
    steps: list[Step] = [OpenStep(flow, question, draw(wanteds))]
    others: st.SearchStrategy[Step] = st.one_of(
        st.builds(PacketStep, st.just(flow), st.booleans(), fields, wanteds),
        st.builds(
            ErrorStep,
            st.just(flow),
            st.sampled_from([3, 11]),
            st.integers(0, 255),
            st.just("laptop"),
            st.just("ec2"),
            wanteds,
        ),
        st.builds(WaitStep, st.just(0) | st.floats(1e-9, 10**6)),
        st.sampled_from([TableStep("ec2", (flow,)), TableStep("X", (), (flow,))]),
        _steps_of_change(requests(), odd=False),
        _steps_of_change(odd_requests, odd=True),
    )
    return Story(name, (*steps, *draw(st.lists(others, max_size=6))))


@st.composite
def labs(draw: st.DrawFn) -> Lab:
    """Draw a lab such as a file may describe: complete in some parts, not in others."""
    ipv6 = draw(st.booleans())
    subnets = {}
    for number, name in enumerate(["one", "two"], 1):
        nat = draw(st.sampled_from([None, "out"]))
        subnets[name] = Subnet(
            name,
            IPv4Network(f"10.0.{number}.0/24"),
            IPv6Network(f"2001:db8:0:10{number}::/64") if ipv6 else None,
            internet=nat is None and draw(st.booleans()),
            acl=draw(st.sampled_from(ACLS)),
            nat=nat,
            routes=draw(st.sampled_from([(), (SubnetRoute(IPv4Network("192.0.2.0/24"), "X", "eth1"),)])),
        )
    some = {name: draw(groups(name)) for name in GROUPS}
    rows = draw(st.lists(st.builds(Expectation, questions(), wanteds), max_size=3))
    rows = [replace(row, question=replace(row.question, fields=Fields())) if row.question.real else row for row in rows]
    first = SecurityGroup("web", ingress=(Rule("sgr-story", Direction.INGRESS, Traffic(None), GroupRef("db")),))
    return Lab(
        name=draw(st.sampled_from(["lab", "Lab-2.0_x"])),
        vpc=Vpc(IPv4Network("10.0.0.0/16"), IPv6Network("2001:db8:0:100::/56") if ipv6 else None),
        subnets=subnets,
        groups={**some, "web": first},
        prefix_lists={name: draw(prefix_lists(name)) for name in LISTS},
        acls={name: draw(acls(name)) for name in ACLS},
        nat_gateways={
            "out": NatGateway(
                "out", "one", IPv4Address("203.0.113.99"), draw(st.sampled_from([None, IPv4Address("10.0.1.99")]))
            )
        },
        instances=draw(instances(ipv6=ipv6)),
        hosts={
            "laptop": Host(
                "laptop", (IPv4Address("198.51.100.7"), IPv6Address("2001:db8:ffff::7")), ("echo",), draw(st.booleans())
            )
        },
        scale=draw(st.floats(0.0001, 1000)),
        expectations=tuple(rows),
        stories=tuple(draw(stories(name)) for name in draw(st.lists(words, unique=True, max_size=2))),
    )


def _without_lines(lab: Lab) -> Lab:
    return replace(
        lab,
        warnings=(),
        expectations=tuple(replace(row, line=0) for row in lab.expectations),
        stories=tuple(
            replace(story, line=0, steps=tuple(replace(step, line=0) for step in story.steps)) for story in lab.stories
        ),
    )


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(labs())
def test_what_is_written_reads_back_the_same(lab: Lab) -> None:
    """Nothing is lost or changed, whatever a lab holds."""
    assert _without_lines(parse_lab(render_lab(lab))) == lab
