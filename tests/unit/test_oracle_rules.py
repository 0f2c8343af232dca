"""What a security group's rules admit: aws-behaviour.md, parts 1 and 3. One line, one case, near misses beside each."""

from dataclasses import replace
from ipaddress import ip_network

import pytest
from oracle_labs import ALL_OUT, bare_lab, lab_of, paper, probe, verdict_of, with_interface

from netlab.model.changes import AddPrefix, Attach, RemovePrefix
from netlab.model.network import Network
from netlab.model.rules import Traffic
from netlab.model.stories import Fields
from netlab.model.verdicts import Seen
from netlab.oracle.paper import PaperWire
from netlab.oracle.policy import traffic_matches

LOST = "card ec2 ingress NO_RULE"
NOT_OUT = "card ec2 egress NO_RULE"

# the only rule of ec2's only group            ; probe                        ; verdict
ONE_RULE = """
ingress tcp/22 from 198.51.100.7/32            ; laptop ec2 tcp/22            ; RULE web-in-1
ingress tcp/22 from 198.51.100.7/32            ; laptop ec2 tcp/21            ; card ec2 ingress NO_RULE
ingress tcp/22 from 198.51.100.7/32            ; laptop ec2 tcp/23            ; card ec2 ingress NO_RULE
ingress tcp/22 from 198.51.100.7/32            ; laptop ec2 udp/22            ; card ec2 ingress NO_RULE
ingress tcp/22 from 198.51.100.7/32            ; www ec2 tcp/22               ; card ec2 ingress NO_RULE
ingress tcp/22 from 198.51.100.8/32            ; laptop ec2 tcp/22            ; card ec2 ingress NO_RULE
ingress tcp/22 from 198.51.100.6/31            ; laptop ec2 tcp/22            ; RULE web-in-1
ingress tcp/22 from 198.51.101.0/24            ; laptop ec2 tcp/22            ; card ec2 ingress NO_RULE
ingress tcp/22 from 198.51.100.200/24          ; laptop ec2 tcp/22            ; RULE web-in-1
ingress tcp/8000-8080 from 198.51.100.0/24     ; laptop ec2 tcp/7999          ; card ec2 ingress NO_RULE
ingress tcp/8000-8080 from 198.51.100.0/24     ; laptop ec2 tcp/8000          ; RULE web-in-1
ingress tcp/8000-8080 from 198.51.100.0/24     ; laptop ec2 tcp/8080          ; RULE web-in-1
ingress tcp/8000-8080 from 198.51.100.0/24     ; laptop ec2 tcp/8081          ; card ec2 ingress NO_RULE
ingress tcp/all from 198.51.100.0/24           ; laptop ec2 tcp/0             ; RULE web-in-1
ingress tcp/all from 198.51.100.0/24           ; laptop ec2 tcp/65535         ; RULE web-in-1
ingress tcp/all from 198.51.100.0/24           ; laptop ec2 udp/80            ; card ec2 ingress NO_RULE
ingress udp/53 from 198.51.100.0/24            ; laptop ec2 udp/53            ; RULE web-in-1
ingress udp/53 from 198.51.100.0/24            ; laptop ec2 udp/54            ; card ec2 ingress NO_RULE
ingress udp/53 from 198.51.100.0/24            ; laptop ec2 tcp/53            ; card ec2 ingress NO_RULE
ingress icmp/8 from 198.51.100.0/24            ; laptop ec2 icmp/8            ; RULE web-in-1
ingress icmp/8 from 198.51.100.0/24            ; laptop ec2 icmp/8/1          ; RULE web-in-1
ingress icmp/8 from 198.51.100.0/24            ; laptop ec2 icmp/13           ; card ec2 ingress NO_RULE
ingress icmp/8/0 from 198.51.100.0/24          ; laptop ec2 icmp/8            ; RULE web-in-1
ingress icmp/8/8 from 198.51.100.0/24          ; laptop ec2 icmp/8            ; card ec2 ingress NO_RULE
ingress icmp/all from 198.51.100.0/24          ; laptop ec2 icmp/13           ; RULE web-in-1
ingress icmp/all from 198.51.100.0/24          ; laptop ec2 tcp/8             ; card ec2 ingress NO_RULE
ingress icmp/3/4 from 198.51.100.0/24          ; laptop ec2 icmp/3/4          ; RULE web-in-1
ingress icmp/3/4 from 198.51.100.0/24          ; laptop ec2 icmp/3/3          ; card ec2 ingress NO_RULE
ingress icmp/all from ::/0                     ; laptop ec2 icmpv6/128        ; card ec2 ingress NO_RULE
ingress icmpv6/all from ::/0                   ; laptop ec2 icmpv6/128        ; RULE web-in-1
ingress icmpv6/128 from 2001:db8:f::7/128      ; laptop ec2 icmpv6/128        ; RULE web-in-1
ingress icmpv6/128 from 2001:db8:f::7/128      ; laptop ec2 icmpv6/139        ; card ec2 ingress NO_RULE
ingress icmpv6/all from 0.0.0.0/0              ; laptop ec2 icmp/8            ; card ec2 ingress NO_RULE
ingress gre from 198.51.100.0/24               ; laptop ec2 gre               ; RULE web-in-1
ingress 47 from 198.51.100.0/24                ; laptop ec2 47                ; RULE web-in-1
ingress 47 from 198.51.100.0/24                ; laptop ec2 50                ; card ec2 ingress NO_RULE
ingress sctp from 198.51.100.0/24              ; laptop ec2 132               ; RULE web-in-1
ingress 50 from 2001:db8:f::/48                ; laptop ec2 50 6              ; RULE web-in-1
ingress 50 from 2001:db8:f::/48                ; laptop ec2 50 4              ; card ec2 ingress NO_RULE
ingress all from 198.51.100.7/32               ; laptop ec2 tcp/9             ; RULE web-in-1
ingress all from 198.51.100.7/32               ; laptop ec2 99                ; RULE web-in-1
ingress all from 198.51.100.7/32               ; laptop ec2 icmp/8            ; RULE web-in-1
ingress all from 198.51.100.7/32               ; www ec2 icmp/8               ; card ec2 ingress NO_RULE
ingress tcp/22 from ::/0                       ; laptop ec2 tcp/22 6          ; RULE web-in-1
ingress tcp/22 from ::/0                       ; laptop ec2 tcp/22 4          ; card ec2 ingress NO_RULE
ingress tcp/22 from 0.0.0.0/0                  ; laptop ec2 tcp/22 6          ; card ec2 ingress NO_RULE
ingress tcp/22 from 2001:db8:f::8/128          ; laptop ec2 tcp/22 6          ; card ec2 ingress NO_RULE
ingress tcp/22 from offices                    ; laptop ec2 tcp/22            ; RULE web-in-1
ingress tcp/22 from offices                    ; www ec2 tcp/22               ; card ec2 ingress NO_RULE
ingress tcp/22 from nobody                     ; laptop ec2 tcp/22            ; card ec2 ingress NO_RULE
ingress tcp/22 from open                       ; peer ec2 tcp/22              ; RULE web-in-1
ingress tcp/22 from open                       ; peer ec2 tcp/23              ; card ec2 ingress NO_RULE
ingress tcp/22 from open                       ; far ec2 tcp/22               ; RULE web-in-1
ingress tcp/22 from open                       ; peer ec2 tcp/22 6            ; RULE web-in-1
ingress tcp/22 from open                       ; laptop ec2 tcp/22            ; card ec2 ingress NO_RULE
ingress tcp/22 from open                       ; 10.0.1.21 ec2 tcp/22         ; RULE web-in-1
ingress tcp/22 from open                       ; peer 10.0.1.11 tcp/22        ; RULE web-in-1
ingress tcp/22 from open                       ; peer ec2:public tcp/22       ; card ec2 ingress NO_RULE
ingress tcp/22 from 3.95.203.192/32            ; peer ec2:public tcp/22       ; RULE web-in-1
ingress tcp/22 from 3.95.203.192/32            ; peer ec2 tcp/22              ; card ec2 ingress NO_RULE
ingress tcp/22 from self                       ; peer ec2 tcp/22              ; card ec2 ingress NO_RULE
ingress tcp/22 from 3.95.203.191/32            ; laptop ec2 tcp/22            ; card ec2 ingress NO_RULE
egress tcp/443 to 203.0.113.80/32              ; ec2 www tcp/443              ; RULE web-out-1
egress tcp/443 to 203.0.113.80/32              ; ec2 www tcp/444              ; card ec2 egress NO_RULE
egress tcp/443 to 203.0.113.80/32              ; ec2 laptop tcp/443           ; card ec2 egress NO_RULE
egress tcp/443 to 203.0.113.80/32              ; laptop ec2 tcp/443           ; card ec2 ingress NO_RULE
egress udp/53 to 10.0.1.20/32                  ; ec2 peer udp/53              ; UNTRACKED open-in-1
egress udp/53 to 10.0.1.20/32                  ; ec2 10.0.1.21 udp/53         ; card ec2 egress NO_RULE
egress tcp/22 to open                          ; ec2 far tcp/22               ; UNTRACKED open-in-1
egress tcp/22 to open                          ; ec2 far:public tcp/22        ; card ec2 egress NO_RULE
egress tcp/22 to open                          ; ec2 laptop tcp/22            ; card ec2 egress NO_RULE
egress tcp/22 to offices                       ; ec2 laptop tcp/22            ; RULE web-out-1
egress tcp/22 to offices                       ; ec2 www tcp/22               ; card ec2 egress NO_RULE
egress all to ::/0                             ; ec2 www tcp/443 6            ; RULE web-out-1
egress all to ::/0                             ; ec2 www tcp/443 4            ; card ec2 egress NO_RULE
"""


def cases(table: str) -> list[tuple[str, str, str]]:
    """Return the lines of a table with three columns."""
    found = []
    for line in filter(None, table.splitlines()):
        one, two, three = (part.strip() for part in line.split(";"))
        found.append((one, two, three))
    return found


@pytest.mark.parametrize(("rule", "words", "wanted"), cases(ONE_RULE))
def test_a_rule_admits_what_it_says_and_no_more(rule: str, words: str, wanted: str) -> None:
    """Protocol, port, ICMP type and code, and peer must all match."""
    assert verdict_of(probe(paper(rule), words)) == wanted


def test_nothing_is_admitted_where_there_is_no_rule() -> None:
    """There are only allow rules; without any, both directions are denied."""
    net = paper("")

    assert verdict_of(probe(net, "laptop ec2 tcp/22")) == LOST
    assert verdict_of(probe(net, "ec2 laptop tcp/22")) == NOT_OUT


def test_both_gates_must_admit() -> None:
    """The sender's egress and the receiver's ingress are asked, each by its own rules."""
    closed = {"web": "egress tcp/22 to 10.0.1.20/32", "none": ""}
    members = {"peer": ("none",)}

    assert verdict_of(probe(paper(closed, members=members), "ec2 peer tcp/22")) == "card peer ingress NO_RULE"
    assert verdict_of(probe(paper(""), "ec2 peer tcp/22")) == NOT_OUT


def test_rules_of_all_groups_are_pooled_and_the_first_one_is_named() -> None:
    """One group's rule is enough; of several the verdict names the first by the interface's groups, then the file."""
    groups = {
        "b": "ingress tcp/22 from 198.51.100.0/24; ingress tcp/22 from 198.51.100.7/32",
        "a": "ingress tcp/22-23 from 198.51.100.7/32",
    }
    net = paper(groups)

    assert verdict_of(probe(net, "laptop ec2 tcp/22")) == "RULE b-in-1"
    assert verdict_of(probe(net, "laptop ec2 tcp/23")) == "RULE a-in-1"
    net.attach("ec2", "a", "b")
    assert verdict_of(probe(net, "laptop ec2 tcp/22")) == "RULE a-in-1"


def test_a_group_reference_follows_its_members() -> None:
    """Attach and detach change who matches, without a change of any rule."""
    net = paper({"web": "ingress tcp/22 from app", "app": ""}, members={})
    net.attach("ec2", "web")

    assert verdict_of(probe(net, "peer ec2 tcp/22")) == LOST
    net.change(Attach("peer", "", ("open", "app")))
    assert verdict_of(probe(net, "peer ec2 tcp/22")) == "RULE web-in-1"
    net.change(Attach("peer", "", ("open",)))
    assert verdict_of(probe(net, "peer ec2 tcp/22")) == LOST


def test_a_self_reference_lets_members_talk() -> None:
    """Being in the same group gives nothing; a rule from itself does."""
    groups = {"web": f"ingress tcp/22 from self; {ALL_OUT}", "mute": ALL_OUT}
    together = paper(groups, members={"peer": ("web",)})
    mute = paper({"mute": ALL_OUT}, members={"peer": ("mute",)})

    assert verdict_of(probe(together, "peer ec2 tcp/22")) == "RULE web-in-1"
    assert verdict_of(probe(mute, "peer ec2 tcp/22")) == LOST


def test_a_reference_does_not_copy_the_rules_of_the_named_group() -> None:
    """Only addresses are taken from it."""
    net = paper({"web": "ingress tcp/22 from lax", "lax": "ingress tcp/80 from 0.0.0.0/0"})
    net.attach("ec2", "web")

    assert verdict_of(probe(net, "laptop ec2 tcp/80")) == LOST


def test_a_translated_source_is_no_member() -> None:
    """Through a NAT gateway a member comes with the gateway's address."""
    members = {"hidden": ("open", "app")}
    net = paper({"web": "ingress tcp/22 from app", "app": ""}, members=members)
    net.attach("ec2", "web")

    assert verdict_of(probe(net, "hidden ec2 tcp/22")) == "RULE web-in-1"
    assert verdict_of(probe(net, "hidden ec2:public tcp/22")) == LOST


def test_a_prefix_list_is_read_as_it_is_now() -> None:
    """Entries added and removed count at once."""
    net = paper("ingress tcp/22 from nobody")

    net.change(AddPrefix("nobody", "198.51.100.7/32"))
    assert verdict_of(probe(net, "laptop ec2 tcp/22")) == "RULE web-in-1"
    net.change(RemovePrefix("nobody", "198.51.100.7/32"))
    assert verdict_of(probe(net, "laptop ec2 tcp/22")) == LOST


def test_the_default_group_admits_its_members_and_lets_everything_out() -> None:
    """Inbound all from itself, outbound all, of both families where the VPC has IPv6."""
    lab = bare_lab()
    for node in ("ec2", "peer"):
        lab = with_interface(lab, node, security_groups=())
    net = Network(PaperWire(replace(lab_of("", lab))))
    net.attach("ec2", "default")
    net.attach("peer", "default")

    assert verdict_of(probe(net, "peer ec2 tcp/22")) == "RULE default-in-1"
    assert verdict_of(probe(net, "peer ec2 tcp/22 6")) == "RULE default-in-1"
    assert verdict_of(probe(net, "laptop ec2 tcp/22")) == LOST
    assert probe(net, "ec2 www tcp/443").seen is Seen.DELIVERED
    assert probe(net, "ec2 www tcp/443 6").seen is Seen.DELIVERED


def test_each_interface_has_its_own_groups() -> None:
    """An instance's groups are those of the interface a packet comes to."""
    lab = bare_lab()
    second = replace(lab.instances["ec2"].primary, name="eth1", primary=False, subnet="other", public_ip=None)
    second = replace(second, ipv4=(ip_network("10.0.2.30/32").network_address,), ipv6=(), security_groups=("open",))
    ec2 = replace(lab.instances["ec2"], interfaces=(lab.instances["ec2"].primary, second))
    net = paper("", replace(lab, instances={**lab.instances, "ec2": ec2}))

    assert verdict_of(probe(net, "peer ec2 tcp/22")) == LOST
    assert verdict_of(probe(net, "peer ec2/eth1 tcp/22")) == "UNTRACKED open-in-1"


def test_the_source_port_is_no_matter() -> None:
    """Rules speak of destination ports only."""
    net = paper("ingress tcp/22 from 198.51.100.0/24")

    assert verdict_of(probe(net, "laptop ec2 tcp/22", Fields(sport=1))) == "RULE web-in-1"
    assert verdict_of(probe(net, "laptop ec2 tcp/1", Fields(sport=22))) == LOST


def test_all_traffic_matches_every_packet() -> None:
    """``all`` asks for nothing."""
    packet = probe(paper(""), "laptop ec2 99").dialogue.first

    assert traffic_matches(Traffic(None), packet)
    assert not traffic_matches(Traffic(98), packet)
