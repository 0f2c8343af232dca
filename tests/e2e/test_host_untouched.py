"""The host is the same before a lab, while it is up (but for the lab's namespaces), and after it."""

import re
from pathlib import Path

from netlab_machine import QUOTE_URL, Machine

_FURNITURE = """
set -e
ip link add host0 type veth peer name host1
ip link set host0 addrgenmode none
ip link set host1 addrgenmode none
ip link set host1 up
ip addr add 192.0.2.1/24 dev host0
ip -6 addr add 2001:db8::1/64 dev host0 nodad
ip link set host0 up
ip route add 10.0.0.0/8 via 192.0.2.254
ip rule add from 192.0.2.0/24 table 100
iptables-legacy -w -A INPUT -s 198.51.100.7 -j DROP
iptables-legacy -w -t nat -A POSTROUTING -o host0 -j MASQUERADE
nft add table inet host
nft 'add chain inet host forward { type filter hook forward priority 0; }'
ipset create host hash:ip
ipset add host 203.0.113.80
sysctl -qw net.ipv4.ip_forward=0
"""
_LOOKS = (
    "ip -o addr",
    "ip -o -d link",
    "ip route show table all",
    "ip -6 route show table all",
    "ip rule",
    "ip -6 rule",
    "ip neigh",
    "iptables-legacy-save",
    "ip6tables-legacy-save",
    "iptables-nft-save",
    "nft list ruleset",
    "ipset list",
    "sysctl -a --pattern ^net",
)
_COUNTERS = re.compile(r"(nf_conntrack_count|\[\d+:\d+\]|^# (Generated|Completed).*|\b\w+_lft \S+)", re.MULTILINE)


def test_a_hosts_network_is_the_same_before_during_and_after(own: Machine) -> None:
    """Addresses, links, routes, rules, neighbours, both iptables, nftables, sets and settings of a furnished host."""
    assert own.run("sh", "-c", _FURNITURE).code == 0
    before = looks(own)
    own.ok("up")
    own.ok("ssh", "ec2", "--", "curl", "-s", QUOTE_URL.format("IBM"))
    own.ok("authorize", "web", "ingress", "tcp/80 from 0.0.0.0/0")
    own.ok("probe", "--real", "laptop", "ec2", "tcp/80")
    during = looks(own)
    own.ok("down")
    after = looks(own)

    assert "198.51.100.7" in before["iptables-legacy-save"], "what is compared is really there"
    assert before == during
    assert before == after


def test_the_real_hosts_settings_are_the_same(own: Machine) -> None:
    """Settings that are not a namespace's own but the whole machine's are seen from the real host alone."""
    before = settings()
    own.ok("up")
    during = settings()
    own.ok("down")
    after = settings()

    assert len(before) > 50
    assert {key: during.get(key) for key in before} == before
    assert {key: after.get(key) for key in before} == before


def test_no_packet_of_a_lab_reaches_the_host(own: Machine) -> None:
    """A lab has no way out: the host's addresses are nobody's inside, and its own network answers as ever."""
    assert own.run("sh", "-c", _FURNITURE).code == 0
    own.ok("up")
    arrived = ("iptables-legacy", "-w", "-t", "raw", "-v", "-n", "-x", "-L", "PREROUTING", "1")
    own.run("iptables-legacy", "-w", "-t", "raw", "-A", "PREROUTING", "-j", "ACCEPT")
    lost = own.ok("probe", "ec2", "192.0.2.1", "icmp/8")
    real = own.netlab("exec", "ec2", "--", "ping", "-c", "1", "-W", "1", "192.0.2.1")

    assert lost.startswith("lost\n  gate       internet\n")
    assert real.code == 1
    assert own.run(*arrived).out.split()[:2] == ["0", "0"]
    assert own.run("ping", "-c", "1", "192.0.2.1").code == 0
    assert own.run(*arrived).out.split()[0] == "2", "the counter sees what does arrive: question and answer"


def looks(machine: Machine) -> dict[str, str]:
    """Return what there is to see of a host's network, without counters."""
    return {look: _COUNTERS.sub("", machine.run(*look.split()).out) for look in _LOOKS}


def settings() -> dict[str, str]:
    """Return the settings of the real host that belong to the machine: those below net. without counters."""
    found = {}
    for folder in ("core", "netfilter", "ipv4", "ipv6", "unix", "bridge"):
        for path in Path("/proc/sys/net", folder).glob("*"):
            if path.is_file() and not path.name.endswith("_count"):
                try:
                    found[str(path)] = path.read_text(encoding="utf-8")
                except OSError:  # may only be written, or wants a command first
                    continue
    return found
