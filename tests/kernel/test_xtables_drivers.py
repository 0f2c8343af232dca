"""The drivers of the xtables rules: what is planned is what is in the kernel, whoever put it there."""

import os
import socket
import subprocess
import sys
from ipaddress import ip_network

import pytest
from kernel_ground import ACCEPT, DROP, RETURN, SETS, every_table, match, namespaces, target

from netlab.errors import InputError, KernelError
from netlab.kernel import ipsets, netns
from netlab.kernel.programs import run_inside
from netlab.kernel.saved import comment_from_text, parse_saved, words_from_rule, words_from_text
from netlab.kernel.xtables import Driver, driver_by_name
from netlab.plan.nouns import Chain, FilterRule, Table, Target

DRIVERS = ["iptc", "legacy", "nft"]
TABLES = (*every_table(4), *every_table(6))


@pytest.fixture(params=DRIVERS)
def driver(request: pytest.FixtureRequest) -> Driver:
    return driver_by_name(request.param)


def _forward(*rules: FilterRule, family: int = 4) -> Table:
    return Table(family, "filter", (Chain("FORWARD", rules, "DROP"),))


TCP_22 = FilterRule(ACCEPT, "ssh", 6, matches=(match("tcp", dport="22"),))
TCP_23 = FilterRule(ACCEPT, "telnet", 6, matches=(match("tcp", dport="23"),))


def test_every_kind_of_rule_is_stored_as_meant(driver: Driver) -> None:
    """All tables of both families; a second time it changes nothing."""
    with namespaces("card") as [card]:
        ipsets.create(card, SETS)
        driver.replace(card, TABLES)
        driver.replace(card, TABLES)

        assert driver.list_differences(card, TABLES) == []


def test_python_iptables_writes_the_very_bytes_that_iptables_restore_writes() -> None:
    """Two writers, two readers: raw entries and text, each of the other's work."""
    iptc, legacy = driver_by_name("iptc"), driver_by_name("legacy")
    with namespaces("one", "other") as [one, other]:
        ipsets.create(one, SETS)
        ipsets.create(other, SETS)
        iptc.replace(one, TABLES)
        legacy.replace(other, TABLES)

        assert iptc.list_differences(other, TABLES) == []
        assert legacy.list_differences(one, TABLES) == []


def test_each_namespace_has_its_own_rules(driver: Driver) -> None:
    """One after the other, and back: nothing lands next door."""
    ssh, telnet = [_forward(TCP_22)], [_forward(TCP_23)]
    with namespaces("one", "other") as [one, other]:
        driver.replace(one, ssh)
        driver.replace(other, telnet)

        assert (driver.list_differences(one, ssh), driver.list_differences(other, telnet)) == ([], [])
        driver.replace(one, telnet)

        assert (driver.list_differences(one, telnet), driver.list_differences(other, telnet)) == ([], [])
        assert driver.list_differences(one, ssh) != []


def test_a_table_is_replaced_whole_and_others_are_untouched(driver: Driver) -> None:
    """Chains and policies no longer planned are gone; a table not named keeps even its counters."""
    raw = Table(4, "raw", (Chain("PREROUTING", (FilterRule(ACCEPT, "kept"),), "ACCEPT"),))
    old = Table(4, "filter", (Chain("old", (TCP_22,)), Chain("INPUT", (FilterRule(Target("old")),), "DROP")))
    new = Table(4, "filter", (Chain("new", (TCP_23,)), Chain("FORWARD", (FilterRule(Target("new")),), "DROP")))
    with namespaces("card") as [card]:
        driver.replace(card, [raw, old])
        run_inside(card, ["ip", "link", "set", "lo", "up"])
        with netns.entered(card), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"counted", ("127.0.0.1", 9))
        kept = driver.save(card, 4, "raw")["PREROUTING"].rules[0]
        driver.replace(card, [new])

        assert kept.packets > 0
        assert driver.save(card, 4, "raw")["PREROUTING"].rules[0].packets == kept.packets
        assert driver.list_differences(card, [raw, new]) == []
        assert set(driver.save(card, 4, "filter")) == {"INPUT", "FORWARD", "OUTPUT", "new"}
        assert driver.save(card, 4, "filter")["INPUT"].policy == "ACCEPT"


FOREIGN = [
    ("iptables-{} -w -A FORWARD -j ACCEPT", "rules, wanted 1|more than 1 rules"),
    ("iptables-{} -w -D FORWARD 1", "found 0 rules, wanted 1"),
    ("iptables-{} -w -P FORWARD ACCEPT", "found policy ACCEPT, wanted DROP"),
    ("iptables-{} -w -N mine", "chain mine"),
    ("iptables-{} -w -R FORWARD 1 -p tcp -m tcp --dport 23 -m comment --comment ssh -j ACCEPT", "FORWARD rule 1"),
    ("iptables-{} -w -R FORWARD 1 -p tcp -m tcp --dport 22 -m comment --comment ssh -j DROP", "FORWARD rule 1"),
    ("iptables-{} -w -R FORWARD 1 -p udp -m udp --dport 22 -m comment --comment ssh -j ACCEPT", "FORWARD rule 1"),
]


@pytest.mark.parametrize(("command", "said"), FOREIGN)
def test_what_someone_else_changes_is_told(driver: Driver, command: str, said: str) -> None:
    """One line, that names the chain; before the change there is none."""
    planned = [_forward(TCP_22)]
    with namespaces("card") as [card]:
        driver.replace(card, planned)
        before = driver.list_differences(card, planned)
        run_inside(card, command.format("nft" if driver.name == "nft" else "legacy").split())
        [line] = driver.list_differences(card, planned)

        assert before == []
        assert any(each in line for each in said.split("|"))


REFUSED = [
    (FilterRule(Target("nowhere")), "nowhere"),
    (FilterRule(ACCEPT, matches=(match("nomatch"),)), "nomatch"),
    (FilterRule(ACCEPT, protocol=6, matches=(match("tcp", dport="65536"),)), "dport"),
    (FilterRule(ACCEPT, protocol=6, matches=(match("tcp", dprot="22"),)), "dprot"),
    (FilterRule(ACCEPT, matches=(match("set", match_set="absent src"),)), "absent"),
    (FilterRule(ACCEPT, "c" * 256), "comment"),
    (FilterRule(target("NFLOG", nflog_prefix="p" * 64)), "nflog-prefix"),
]


@pytest.mark.parametrize(("rule", "said"), REFUSED, ids=[row[1] for row in REFUSED])
def test_a_refused_rule_is_a_kernel_error_and_changes_nothing(rule: FilterRule, said: str) -> None:
    """The table stays as it was, whole."""
    planned = [_forward(TCP_22)]
    with namespaces("card") as [card]:
        iptc = driver_by_name("iptc")
        iptc.replace(card, planned)
        with pytest.raises(KernelError, match=said):
            iptc.replace(card, [_forward(TCP_23, rule)])

        assert iptc.list_differences(card, planned) == []


def test_a_rule_that_names_a_set_means_the_set_of_its_namespace(driver: Driver) -> None:
    """Sets are numbered in each namespace by itself: the same rule is other bytes in the next one."""
    planned = [_forward(FilterRule(ACCEPT, matches=(match("set", match_set="s4 src"),)))]
    with namespaces("one", "other") as [one, other]:
        ipsets.create(one, SETS[:1])
        ipsets.create(other, SETS[::-1])
        driver.replace(one, planned)
        driver.replace(other, planned)

        assert driver.list_differences(one, planned) == driver.list_differences(other, planned) == []
        assert "--match-set s4 src" in driver.save(other, 4, "filter")["FORWARD"].rules[0].text


def test_an_unknown_driver_is_the_users_mistake() -> None:
    """The message names the variable and the choices."""
    with pytest.raises(InputError, match="NETLAB_DRIVER: found 'magic', wanted iptc, legacy or nft"):
        driver_by_name("magic")


TCP_DPORT_22 = FilterRule(ACCEPT, protocol=6, matches=(match("tcp", dport="22"),))
BOTH_STATES = FilterRule(DROP, matches=(match("conntrack", ctstate="ESTABLISHED,RELATED"),))
SAME = [
    ("-p tcp -m tcp --dport 22 -j ACCEPT", FilterRule(ACCEPT, protocol=6, matches=(match("tcp", dport="22:22"),))),
    ("-m mark --mark 0x1/0x1 -j DROP", FilterRule(DROP, matches=(match("mark", mark="1/1"),))),
    ("-j MARK --set-xmark 0x2/0xffffffff", FilterRule(target("MARK", set_mark="2"))),
    ("-j CONNMARK --restore-mark --nfmask 0xffffffff", FilterRule(target("CONNMARK", restore_mark=""))),
    ("-m conntrack --ctstate RELATED,ESTABLISHED -j DROP", BOTH_STATES),
    ("-p ipv6-icmp -j ACCEPT", FilterRule(ACCEPT, protocol=58)),
    ('-m comment --comment "-ingress NO_RULE" -j DROP', FilterRule(DROP, "-ingress NO_RULE")),
    (r'-m comment --comment "a \"b\" c" -j DROP', FilterRule(DROP, 'a "b" c')),
    (
        '-j NFLOG --nflog-prefix  "-x Y" --nflog-group 1',
        FilterRule(target("NFLOG", nflog_prefix="-x Y", nflog_group="1")),
    ),
    ("-g c1", FilterRule(Target("c1", goto=True))),
]
OTHER = [
    ("-p tcp -m tcp --dport 23 -j ACCEPT", TCP_DPORT_22),
    ("-p tcp -m tcp ! --dport 22 -j ACCEPT", TCP_DPORT_22),
    ("-p tcp -m tcp --sport 22 -j ACCEPT", TCP_DPORT_22),
    ("-p udp -m tcp --dport 22 -j ACCEPT", TCP_DPORT_22),
    ("-p tcp -m tcp --dport 22 -j DROP", TCP_DPORT_22),
    ("-m conntrack --ctstate RELATED -j DROP", BOTH_STATES),
    ("-s 10.0.0.0/8 -j ACCEPT", FilterRule(ACCEPT, source=ip_network("10.0.0.0/9"))),
    ("-s 10.0.0.0/8 -j ACCEPT", FilterRule(ACCEPT, destination=ip_network("10.0.0.0/8"))),
    ("-i c2 -j ACCEPT", FilterRule(ACCEPT, in_interface="c0")),
    ("-j CT", FilterRule(target("CT", notrack=""))),
    ("-j c1", FilterRule(Target("c1", goto=True))),
    ("-m mark --mark 0x1/0x3 -j RETURN", FilterRule(RETURN, matches=(match("mark", mark="0x1/0x1"),))),
]


@pytest.mark.parametrize(("text", "rule"), SAME)
def test_two_spellings_of_one_rule_compare_equal(text: str, rule: FilterRule) -> None:
    """What `iptables-save` prints, and what was planned."""
    assert words_from_text(text) == words_from_rule(rule)


@pytest.mark.parametrize(("text", "rule"), OTHER)
def test_near_misses_do_not_compare_equal(text: str, rule: FilterRule) -> None:
    """One port, one flag, one bit away."""
    assert words_from_text(text) != words_from_rule(rule)


def test_a_listing_is_read_with_its_counters() -> None:
    """Chains, policies, packets, bytes, comments."""
    text = '*filter\n:FORWARD DROP [3:180]\n:in - [0:0]\n[2:120] -A in -m comment --comment "+in RULE a" -j DROP\n'
    chains = parse_saved(text)["filter"]

    assert (chains["FORWARD"].policy, chains["FORWARD"].packets, chains["in"].policy) == ("DROP", 3, "")
    assert (chains["in"].rules[0].packets, chains["in"].rules[0].octets) == (2, 120)
    assert comment_from_text(chains["in"].rules[0].text) == "+in RULE a"


MISSING = """
from netlab.errors import MachineError
from netlab.kernel.xtables import driver_by_name
try:
    driver_by_name("iptc")
except MachineError as error:
    print(error)
"""


def test_missing_libraries_are_told_with_the_command_that_gets_them() -> None:
    """A machine without libxtables: no traceback of a foreign library."""
    done = subprocess.run(
        [sys.executable, "-c", MISSING],
        env={**os.environ, "PYTHON_IPTABLES_XTABLES_VERSION": "99"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert "libxtables" in done.stdout
    assert "sudo apt-get install iptables" in done.stdout
    assert done.stderr == ""
