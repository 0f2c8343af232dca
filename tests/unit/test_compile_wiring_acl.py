"""How entries of network ACLs are spelled: one line, one case."""

import pytest

from netlab.compile.acl import compile_acl_gates
from netlab.control import completed
from netlab.model.acls import AclEntry, NetworkAcl
from netlab.model.addresses import cidr_from_text
from netlab.model.rules import Ports, Traffic
from netlab.model.topology import Instance, Interface, Lab, Subnet, Vpc
from netlab.plan.render import render_rule

LOGGED = "-m tos --tos 0xf0/0xf8 -j NFLOG --nflog-prefix"
SELDOM = "-m tos ! --tos 0xf0/0xf8 -m limit --limit 100/sec --limit-burst 100 -j NFLOG --nflog-prefix"


def lab(entry: AclEntry) -> Lab:
    vpc = Vpc(cidr_from_text("10.0.0.0/16"), cidr_from_text("2001:db8:0:100::/56"))  # type: ignore[arg-type]
    subnet = Subnet("a", cidr_from_text("10.0.1.0/24"), cidr_from_text("2001:db8:0:101::/64"), acl="x")  # type: ignore[arg-type]
    instance = Instance("ec2", (Interface("ec2", "eth0", True, "a"),))
    acl = NetworkAcl("x", (entry,), (entry,))
    return completed(Lab("acls", vpc, {"a": subnet}, acls={"x": acl}, instances={"ec2": instance}))


def chain(entry: AclEntry, family: int, name: str) -> list[str]:
    gates = compile_acl_gates(lab(entry), family, {"a": ("c0",)})
    (found,) = [each for each in gates.chains if each.name == name]
    rules = [render_rule(rule) for rule in found.rules]
    assert rules[:2] == [f"-m set --match-set exempt{family} {side} -j RETURN" for side in ("src", "dst")]
    return rules[2:]


@pytest.mark.parametrize(
    ("traffic", "cidr", "family", "wanted"),
    [
        (Traffic(None), "0.0.0.0/0", 4, ""),
        (Traffic(None), "10.9.0.0/16", 4, "-s 10.9.0.0/16"),
        (Traffic(6, Ports(22, 22)), "0.0.0.0/0", 4, "-p tcp -m tcp --dport 22"),
        (Traffic(6, Ports(22, 23)), "10.9.0.0/16", 4, "-s 10.9.0.0/16 -p tcp -m tcp --dport 22:23"),
        (Traffic(6, Ports(0, 65535)), "0.0.0.0/0", 4, "-p tcp"),
        (Traffic(6, Ports(0, 65534)), "0.0.0.0/0", 4, "-p tcp -m tcp --dport 0:65534"),
        (Traffic(17, Ports(53, 53)), "::/0", 6, "-p udp -m udp --dport 53"),
        (Traffic(17, Ports(53, 53)), "2001:db8::/32", 6, "-s 2001:db8::/32 -p udp -m udp --dport 53"),
        (Traffic(1), "0.0.0.0/0", 4, "-p icmp"),
        (Traffic(1, icmp_type=8), "0.0.0.0/0", 4, "-p icmp -m icmp --icmp-type 8"),
        (Traffic(1, icmp_type=3, icmp_code=4), "0.0.0.0/0", 4, "-p icmp -m icmp --icmp-type 3/4"),
        (Traffic(58, icmp_type=128, icmp_code=0), "::/0", 6, "-p ipv6-icmp -m icmp6 --icmpv6-type 128/0"),
        (Traffic(58, icmp_type=128, icmp_code=0), "0.0.0.0/0", 4, "-p ipv6-icmp"),  # all types, as AWS has it
        (Traffic(1, icmp_type=8), "::/0", 6, "-p icmp"),
        (Traffic(47), "0.0.0.0/0", 4, "-p 47"),
        (Traffic(99), "0.0.0.0/0", 4, "-p 99"),
        (Traffic(0), "0.0.0.0/0", 4, '-m u32 --u32 "0x6&0xff=0x0"'),  # to iptables `-p 0` is any protocol
        (Traffic(51), "0.0.0.0/0", 4, "-p 51"),
        (Traffic(51), "::/0", 6, '-m u32 --u32 "0x4>>0x8&0xff=0x33"'),  # ip6tables looks behind it
        (Traffic(1, icmp_type=255), "0.0.0.0/0", 4, '-p icmp -m u32 --u32 "0x0>>0x16&0x3c@0x0>>0x18=0xff"'),
    ],
)
def test_an_entry_finds_what_aws_says(traffic: Traffic, cidr: str, family: int, wanted: str) -> None:
    entry = AclEntry(100, traffic, cidr_from_text(cidr), allow=True)
    tag = '"+acl/x/ingress ACL 100"'

    head = f"{wanted} " if wanted else ""
    assert chain(entry, family, "acl-in:x")[:2] == [
        f"{head}{LOGGED} {tag} --nflog-group 1",
        f"{head}-m comment --comment {tag} -j RETURN",
    ]


def test_an_entry_that_denies_logs_counts_and_drops_and_so_does_the_last() -> None:
    entry = AclEntry(7, Traffic(6, Ports(22, 22)), cidr_from_text("192.0.2.0/24"), allow=False)
    head = "-d 192.0.2.0/24 -p tcp -m tcp --dport 22"

    assert chain(entry, 4, "acl-out:x") == [
        f'{head} {LOGGED} "-acl/x/egress ACL 7" --nflog-group 1',
        f'{head} {SELDOM} "-acl/x/egress ACL 7" --nflog-group 1',
        f'{head} -m comment --comment "-acl/x/egress ACL 7" -j DROP',
        f'{LOGGED} "-acl/x/egress ACL *" --nflog-group 1',
        f'{SELDOM} "-acl/x/egress ACL *" --nflog-group 1',
        '-m comment --comment "-acl/x/egress ACL *" -j DROP',
    ]


def test_an_entry_is_of_its_own_family_alone() -> None:
    entry = AclEntry(7, Traffic(None), cidr_from_text("0.0.0.0/0"), allow=True)

    assert [len(chain(entry, family, "acl-in:x")) for family in (4, 6)] == [5, 3]


def test_what_no_packet_of_the_family_has_is_no_rule() -> None:
    """In IPv6 the number 0 heads a chain of extensions; an entry beside it stands as ever."""
    entry = AclEntry(100, Traffic(0), cidr_from_text("::/0"), allow=True)
    beside = AclEntry(100, Traffic(2), cidr_from_text("::/0"), allow=True)

    assert len(chain(beside, 6, "acl-in:x")) - len(chain(entry, 6, "acl-in:x")) == 2
