"""
What this machine must have: root, programs, and what its kernel can do. Kernel features are tried, in a namespace that
is gone afterwards; loading a module that is needed is all that this may change.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from netlab.errors import KernelError, MachineError
from netlab.kernel.netns import in_throw_away
from netlab.kernel.programs import run_here
from netlab.kernel.xtables import driver

ROOT_REMEDY = "sudo netlab …"

PROGRAMS = (
    ("iptables-legacy-save", "iptables", "the rules of cards and network ACLs are read back by it"),
    ("ip6tables-legacy-save", "iptables", "the rules of cards and network ACLs are read back by it"),
    ("nft", "nftables", "the internet gateway's translation is written in it"),
    ("ipset", "ipset", "references to groups and prefix lists are its sets"),
    ("ssh", "openssh-client", "netlab ssh"),
    ("sshd", "openssh-server", "the service ssh"),
    ("dnsmasq", "dnsmasq-base", "the VPC's resolver and the service dns"),
    ("curl", "curl", "what people run in an instance"),
    ("tcpdump", "tcpdump", "what people run in an instance"),
    ("ip", "iproute2", "what people run in an instance"),
)
"""Program, Debian package, what for."""

_PLACES = "/usr/local/sbin:/usr/sbin:/sbin"  # where daemons are, also when the PATH is a user's
_RULES = (
    ("filter", "FORWARD", "-m comment --comment x -j ACCEPT", "xt_comment"),
    ("filter", "FORWARD", "-m conntrack --ctstate ESTABLISHED -j ACCEPT", "xt_conntrack"),
    ("filter", "FORWARD", "-m connmark --mark 0x1/0x1 -j ACCEPT", "xt_connmark"),
    ("filter", "FORWARD", "-j CONNMARK --set-xmark 0x1/0x1", "xt_connmark"),
    ("filter", "FORWARD", "-m mark --mark 0x1/0x1 -j MARK --set-xmark 0x2/0x2", "xt_mark"),
    ("filter", "FORWARD", "-m dscp --dscp 0x3d -m tos --tos 0xf0/0xf8 -j DROP", "xt_dscp"),
    ("filter", "FORWARD", "-m limit --limit 10/sec -j NFLOG --nflog-prefix x --nflog-group 1", "xt_NFLOG"),
    ("filter", "FORWARD", "-m length --length 1501: -j DROP", "xt_length"),
    ("filter", "FORWARD", "-m u32 --u32 0x0=0x1 -j DROP", "xt_u32"),
    ("filter", "FORWARD", "-m connlimit --connlimit-above 10 --connlimit-mask 0 -j DROP", "xt_connlimit"),
    ("filter", "INPUT", "-m socket --nowildcard -j ACCEPT", "xt_socket"),
    ("filter", "FORWARD", "-m set --match-set tried{family} src -j ACCEPT", "xt_set"),
    ("filter", "FORWARD", "-j SET --add-set tried{family} src --exist --timeout 9", "xt_set"),
    ("raw", "PREROUTING", "-j CT --notrack", "xt_CT"),
    ("mangle", "PREROUTING", "-j {hop}", "xt_HL"),
)
"""Table, chain, rule, and the module it needs; {hop} and {family} stand for what the families differ in."""

_NFT = """
table inet tried {
  set alive { typeof ct id; flags dynamic,timeout; timeout 30s; }
  chain forward {
    type filter hook forward priority -1; policy accept;
    ct mark & 0x1 == 0x1 ct id != @alive ct mark set 0x0
    ip protocol 17 update @alive { ct id timeout 30s } return
    limit rate 1/second log prefix "x" group 1
  }
}
table ip tried {
  map public_of { type ipv4_addr : ipv4_addr; elements = { 192.0.2.1 : 192.0.2.2 } }
  chain prerouting {
    type filter hook prerouting priority -300; policy drop;
    ip saddr set ip saddr map @public_of accept
  }
}
"""


@dataclass(frozen=True, slots=True)
class Missing:
    """
    One thing the machine lacks.

    Attributes:
        why: What netlab needs it for.
        remedy: The command that gets it; empty where there is none.
    """

    what: str
    why: str
    remedy: str


def missing() -> list[Missing]:
    """Return all that this machine lacks; without root only the programs can be told."""
    lacking = list(_missing_programs())
    if os.geteuid() != 0:
        return [Missing("root", "network namespaces are made by root", ROOT_REMEDY), *lacking]
    try:
        driver()
    except MachineError as error:
        lacking.append(Missing(str(error).partition("; get it with")[0], "the rules are written by it", error.remedy))
    try:
        return [*lacking, *in_throw_away(lambda: list(_missing_in_kernel()))]
    except (KernelError, MachineError) as error:
        return [*lacking, Missing("network namespaces", str(error), "")]


def require() -> None:
    """
    Check that the machine has everything.

    Raises:
        MachineError: It lacks something; the message has the first thing and how many more there are.
    """
    lacking = missing()
    if not lacking:
        return
    first, more = lacking[0], len(lacking) - 1
    rest = f" (and {more} more: netlab doctor)" if more else ""
    raise MachineError(f"{first.what}: not found, wanted: {first.why}{rest}", remedy=first.remedy)


def _missing_programs() -> Iterator[Missing]:
    path = f"{os.environ.get('PATH', os.defpath)}:{_PLACES}"
    for program, package, why in PROGRAMS:
        if shutil.which(program, path=path) is None:
            yield Missing(program, why, f"sudo apt-get install {package}")


def _missing_in_kernel() -> Iterator[Missing]:
    """Try everything at once, and one by one only what failed."""
    yield from _missing_links()
    for family in (4, 6):
        if shutil.which("ipset") and not _takes(["ipset", "restore"], _sets(family)):
            yield Missing(
                f"ipset hash:ip, hash:net (IPv{family})", "references to groups", _modprobe("ip_set_hash_net")
            )
        program = f"{'iptables' if family == 4 else 'ip6tables'}-{_variant()}-restore"
        if shutil.which(program) and not _takes([program], _table_text(family, _RULES)):
            yield from _missing_rules(program, family)
    if shutil.which("nft") and not _takes(["nft", "-f", "-"], _NFT):
        yield Missing(
            "nftables with ct, sets, maps and log", "the internet gateway", _modprobe("nf_tables nft_ct nft_log")
        )


def _missing_links() -> Iterator[Missing]:
    with IPRoute() as netlink:
        try:
            netlink.link("add", ifname="tried0", kind="veth", peer="tried1")
        except NetlinkError as error:
            yield Missing(f"veth pairs ({os.strerror(error.code)})", "all wiring is made of them", _modprobe("veth"))
    if not Path("/proc/sys/net/ipv6").exists():
        yield Missing("IPv6", "every network has both families", "boot without ipv6.disable=1")


def _missing_rules(program: str, family: int) -> Iterator[Missing]:
    for rule in _RULES:
        if not _takes([program], _table_text(family, [rule])):
            what = _rule_text(rule[2], family)
            yield Missing(f"{program}: -t {rule[0]} {what}", "the rules of the cards", _modprobe(rule[3]))


def _table_text(family: int, rules: Iterable[tuple[str, str, str, str]]) -> str:
    by_table: dict[str, list[str]] = {}
    for table, chain, rule, _ in rules:
        by_table.setdefault(table, []).append(f"-A {chain} {_rule_text(rule, family)}\n")
    return "".join(f"*{table}\n{''.join(lines)}COMMIT\n" for table, lines in by_table.items())


def _sets(family: int) -> str:
    kind = "inet" if family == 4 else "inet6"
    return f"create tried{family} hash:ip family {kind} timeout 9\ncreate tried-net{family} hash:net family {kind}\n"


def _rule_text(rule: str, family: int) -> str:
    hop = "TTL --ttl-inc 1" if family == 4 else "HL --hl-inc 1"
    return rule.replace("{hop}", hop).replace("{family}", str(family))


def _variant() -> str:
    return "nft" if driver().name == "nft" else "legacy"


def _takes(argv: list[str], text: str) -> bool:
    try:
        run_here("a throw-away namespace", argv, text)
    except KernelError:
        return False
    return True


def _modprobe(modules: str) -> str:
    return f"sudo modprobe -a {modules}"
