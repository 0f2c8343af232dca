"""`netlab probe` and `show`, and what programs inside see of the cards: nothing."""

import json
import subprocess

import pytest
from netlab_machine import STATEFUL, Machine, wait_until

PROBES = [
    # question                                           ; seen      ; gate               ; reason    ; rule
    (("laptop", "ec2", "tcp/22"), ("delivered", "card ec2 ingress", "UNTRACKED", "sgr-ssh")),
    (("laptop", "ec2", "tcp/21"), ("lost", "card ec2 ingress", "NO_RULE", None)),
    (("laptop", "ec2", "udp/22"), ("lost", "card ec2 ingress", "NO_RULE", None)),
    (("laptop", "ec2", "icmp/8"), ("lost", "card ec2 ingress", "NO_RULE", None)),
    (("stranger", "ec2", "tcp/80"), ("lost", "card ec2 ingress", "NO_RULE", None)),
    (("stranger", "ec2", "tcp/22"), ("delivered", "card ec2 ingress", "UNTRACKED", "sgr-ssh")),
    (("www.alphavantage.co", "ec2", "tcp/40000"), ("lost", "card ec2 ingress", "NO_RULE", None)),
    (("ec2", "www.alphavantage.co", "tcp/443"), ("delivered", "card ec2 egress", "RULE", "sgr-out")),
    (("ec2", "stranger", "icmp/8"), ("delivered", "card ec2 egress", "RULE", "sgr-out")),
    (("ec2", "10.0.0.2", "udp/53"), ("delivered", "card ec2 egress", "EXEMPT", None)),
    (("ec2", "198.51.100.99", "tcp/80"), ("lost", "internet", "NO_ROUTE", None)),
    (("ec2", "10.0.1.99", "tcp/80"), ("lost", "vpc route", "NO_ROUTE", None)),
    (("laptop", "stranger", "tcp/80"), ("delivered", None, "EXEMPT", None)),
    (("--real", "laptop", "ec2", "tcp/22"), ("delivered", "card ec2 ingress", "UNTRACKED", "sgr-ssh")),
    (("--real", "laptop", "ec2", "tcp/80"), ("lost", "card ec2 ingress", "NO_RULE", None)),
    (("--real", "ec2", "www.alphavantage.co", "tcp/443"), ("delivered", "card ec2 egress", "RULE", "sgr-out")),
    (("--real", "ec2", "www.alphavantage.co", "tcp/444"), ("refused", "card ec2 egress", "RULE", "sgr-out")),
]


@pytest.mark.parametrize(("question", "answer"), PROBES, ids=lambda value: " ".join(map(str, value)))
def test_probe(article: Machine, question: tuple[str, ...], answer: tuple[str | None, ...]) -> None:
    """Each answer names the gate, the reason from the kernel's record, and the rule; in text and in JSON alike."""
    found = json.loads(article.ok("probe", "--json", *question))
    verdict = found["verdict"]

    assert answer == (found["seen"], verdict["gate"], verdict["reason"], verdict["rule"])
    assert ("DENY" if answer[0] == "lost" else "ALLOW") == verdict["decision"]
    assert found["trail"][0]["at"].endswith(" eth0")
    assert {"at", "packet"} == set(found["trail"][0])


def test_probe_as_text(article: Machine) -> None:
    """The first word is what was seen; gate, rule, reason and trail stand below."""
    lines = article.ok("probe", "laptop", "ec2", "tcp/22").splitlines()

    assert lines[:4] == [
        "delivered",
        "  gate       card ec2 ingress",
        "  rule       sgr-ssh (tcp/22 from 0.0.0.0/0)",
        "  reason     UNTRACKED: admitted by a rule; no state is kept",
    ]
    assert lines[4].startswith("  trail      laptop eth0: 198.51.100.7:")


def test_a_closed_but_admitted_port_is_refused(own: Machine) -> None:
    """The kernel's own stack answers with RST where a rule lets the question in, and stays silent where none does."""
    own.ok("up", own.write("lab.yaml", STATEFUL.partition("expect:")[0]))
    before = json.loads(own.ok("probe", "--real", "--json", "laptop", "ec2", "tcp/8080"))
    own.ok("authorize", "web", "ingress", "tcp/8080 from 198.51.100.0/24")
    after = json.loads(own.ok("probe", "--real", "--json", "laptop", "ec2", "tcp/8080"))
    neighbour = json.loads(own.ok("probe", "--real", "--json", "stranger", "ec2", "tcp/8080"))

    assert (before["seen"], after["seen"], neighbour["seen"]) == ("lost", "refused", "lost")
    assert (before["verdict"]["gate"], before["verdict"]["reason"]) == ("card ec2 ingress", "NO_RULE")


def test_flows_show_the_entry_of_an_open_connection(own: Machine) -> None:
    """While a connection is open its entry is there, opened by the instance, tracked, with its time left."""
    own.ok("up", own.write("lab.yaml", STATEFUL.partition("expect:")[0]))

    def flows() -> list[dict[str, object]]:
        found = json.loads(own.ok("show", "ec2", "flows", "--json"))["flows"]
        return [each for each in found if each["state"] == "ESTABLISHED"]

    assert flows() == []
    assert "  none\n" in own.ok("show", "ec2", "flows")

    held = own.start("exec", "ec2", "--", "bash", "-c", "exec 3<>/dev/tcp/203.0.113.80/443; cat")
    wait_until(lambda: flows() != [], "the connection is in the card's table")
    (entry,) = flows()
    text = own.ok("show", "ec2", "flows")

    assert tuple(entry[key] for key in ("src", "dst", "dport", "protocol")) == ("10.0.1.10", "203.0.113.80", 443, 6)
    assert (entry["opened_by"], entry["tracked"]) == ("egress", True)
    assert 431_000 < float(str(entry["left_s"])) <= 432_000
    assert "connections that the card of ec2 remembers\n" in text
    assert "  instance   tracked  4d 23h  ESTABLISHED  tcp 10.0.1.10:" in text

    held.communicate()
    wait_until(lambda: flows() == [], "the connection is closed")


def test_rules_show_counters_and_the_security_group_rule_behind(own: Machine) -> None:
    """Each chain with its packets; a rule's counter grows with the packets that met it, the drop's with those lost."""
    own.ok("up", own.write("lab.yaml", STATEFUL.partition("expect:")[0]))

    def packets(tag: str) -> int:
        (card,) = json.loads(own.ok("show", "ec2", "rules", "--json"))["rules"]
        return sum(rule["packets"] for rule in card["rules"] if tag in (rule["rule"], rule["tag"]))

    first = packets("sgr-ssh"), packets("-ingress NO_RULE")
    own.ok("probe", "laptop", "ec2", "tcp/80")
    then = packets("sgr-ssh"), packets("-ingress NO_RULE")
    own.ok("probe", "laptop", "ec2", "tcp/22")
    last = packets("sgr-ssh"), packets("-ingress NO_RULE")
    text = own.ok("show", "ec2", "rules")

    assert (first[0], first[1] + 1) == then
    assert (True, then[1]) == (last[0] > then[0], last[1])
    assert "card ec2: groups web\n" in text
    assert " chain FORWARD\n" in text
    assert "= sgr-ssh: tcp/22 from 0.0.0.0/0\n" in text
    assert "= sgr-out: all to 0.0.0.0/0\n" in text
    assert [line for line in text.splitlines() if len(line) > 80] == []


def test_tcpdump_inside_does_not_see_what_the_card_dropped(own: Machine) -> None:
    """Of two strangers' packets and one of the laptop's the instance sees the admitted one alone."""
    own.ok("up", own.write("lab.yaml", STATEFUL.partition("expect:")[0]))
    with listening(own, "tcp and dst host 10.0.1.10 and (tcp[tcpflags] & tcp-syn) != 0", 1) as dump:
        own.ok("probe", "stranger", "ec2", "tcp/80")
        own.ok("probe", "--real", "stranger", "ec2", "tcp/80")
        own.ok("probe", "--real", "laptop", "ec2", "tcp/22")
        seen = dump.communicate(timeout=20)[0]

    assert "192.0.2.66" not in seen
    assert "198.51.100.7." in seen


def test_tcpdump_inside_sees_a_denied_packet_leave(own: Machine) -> None:
    """What the card denies on the way out has left the instance: its tcpdump sees it, and nobody answers."""
    own.ok("up", own.write("lab.yaml", STATEFUL.partition("expect:")[0]))
    own.ok("revoke", "web", "egress", "all to 0.0.0.0/0")
    with listening(own, "tcp and dst host 192.0.2.66 and dst port 8443", 1) as dump:
        answer = json.loads(own.ok("probe", "--json", "--real", "ec2", "stranger", "tcp/8443"))
        seen = dump.communicate(timeout=20)[0]

    assert (answer["seen"], answer["verdict"]["gate"]) == ("lost", "card ec2 egress")
    assert "10.0.1.10." in seen
    assert "192.0.2.66.8443" in seen


def test_root_inside_can_neither_see_nor_change_the_rules(article: Machine) -> None:
    """Its iptables are its own and empty; of the machine's processes and named namespaces there is none."""

    def inside(*words: str) -> tuple[int, str]:
        done = article.netlab("exec", "ec2", "--", *words)
        return done.code, done.out

    before = json.loads(article.ok("show", "ec2", "rules", "--json"))["rules"]
    own_rules = inside("iptables-legacy", "-w", "-S")[1]
    inside("iptables-legacy", "-w", "-F", "FORWARD")
    inside("iptables-legacy", "-w", "-P", "FORWARD", "ACCEPT")
    inside("nft", "flush", "ruleset")
    after = json.loads(article.ok("show", "ec2", "rules", "--json"))["rules"]

    assert "sgr-" not in own_rules
    assert [each["spec"] for each in before[0]["rules"]] == [each["spec"] for each in after[0]["rules"]]
    assert inside("sh", "-c", "ls /run/netns /run/netlab 2>/dev/null") == (2, "")
    assert inside("ip", "netns", "list") == (0, "")
    assert len(inside("sh", "-c", "echo /proc/[0-9]*")[1].split()) <= 3
    assert inside("nsenter", "--target", "1", "--net", "true")[0] != 0
    assert inside("unshare", "--net", "true")[0] != 0
    assert inside("mount", "-t", "tmpfs", "none", "/mnt")[0] != 0
    assert json.loads(article.ok("status", "--json"))["labs"][0]["differences"] == []


class listening:  # noqa: N801 - reads as the statement it stands in
    """tcpdump in the instance, from the moment it listens; ends after *count* packets."""

    def __init__(self, machine: Machine, what: str, count: int) -> None:
        self._dump = machine.start(
            "exec", "ec2", "--", "tcpdump", "--immediate-mode", "-lnni", "eth0", "-c", str(count), what
        )

    def __enter__(self) -> subprocess.Popen[str]:
        assert self._dump.stderr is not None
        while "listening on" not in (line := self._dump.stderr.readline()):
            assert line, "tcpdump ended before it listened"
        return self._dump

    def __exit__(self, *_: object) -> None:
        self._dump.kill()
