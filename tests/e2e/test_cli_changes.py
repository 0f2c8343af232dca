"""`netlab authorize`, `revoke`, `attach` on a running lab: carried out live, or refused with AWS's code."""

import json
from collections.abc import Iterator

import pytest
from netlab_machine import STATEFUL, Done, Machine, machine

REFUSALS = [
    # command                                                     ; what the one line says
    ("authorize web ingress tcp/22 from 0.0.0.0/0", "InvalidPermission.Duplicate"),
    ("authorize nosuch ingress tcp/80 from 0.0.0.0/0", "InvalidGroup.NotFound"),
    ("authorize web ingress tcp/80 from nosuch", "InvalidGroup.NotFound"),
    ("authorize web ingress tcp/65536 from 0.0.0.0/0", "InvalidPermission.Malformed"),
    ("authorize web ingress tcp/22-21 from 0.0.0.0/0", "InvalidParameterValue"),
    ("revoke web ingress tcp/23 from 0.0.0.0/0", "InvalidPermission.NotFound"),
    ("revoke web egress tcp/22 to 0.0.0.0/0", "InvalidPermission.NotFound"),
    ("revoke nosuch ingress tcp/22 from 0.0.0.0/0", "InvalidGroup.NotFound"),
    ("attach ec2 nosuch", "InvalidGroup.NotFound"),
    ("attach nosuch web", "nosuch: no instance of that name"),
    ("attach ec2/eth7 web", "no interface 'eth7'; it has eth0"),
    ("authorize web ingress tcp/80 to 0.0.0.0/0", "found 'to', wanted 'from' in ingress"),
    ("authorize web sideways tcp/80 from 0.0.0.0/0", "'sideways' is not one of 'ingress', 'egress'"),
    ("authorize web ingress tcp/http from 0.0.0.0/0", "'tcp/http': wanted (tcp|udp)/(PORT|A-B|all)"),
    ("authorize web ingress tcp/80", "wanted TRAFFIC from PEER"),
    ("authorize web ingress foo from 0.0.0.0/0", "InvalidParameterValue: Invalid value 'foo' for IP protocol."),
    ("authorize web ingress tcp from 0.0.0.0/0", "InvalidParameterValue: Invalid value for portRange."),
    ("authorize web ingress from 0.0.0.0/0", "InvalidParameterValue: Invalid value 'null' for protocol."),
]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """Hand over a machine whose lab no test changes for good."""
    with machine(tmp_path_factory.mktemp("changes")) as made:
        made.ok("up", made.write("lab.yaml", STATEFUL.partition("expect:")[0]))
        yield made


def seen(machine: Machine, *question: str) -> str:
    """Return what a probe saw."""
    return json.loads(machine.ok("probe", "--json", *question))["seen"]


def test_authorize_and_revoke_work_at_once(running: Machine) -> None:
    """A port is closed, opened by one command, and closed by the other; its neighbour stays closed throughout."""
    before = seen(running, "laptop", "ec2", "tcp/443"), seen(running, "laptop", "ec2", "tcp/444")
    said = running.ok("authorize", "web", "ingress", "tcp/443", "from", "198.51.100.0/24")
    opened = seen(running, "laptop", "ec2", "tcp/443"), seen(running, "laptop", "ec2", "tcp/444")
    stranger = seen(running, "stranger", "ec2", "tcp/443")
    running.ok("revoke", "web", "ingress", "tcp/443 from 198.51.100.0/24")
    after = seen(running, "laptop", "ec2", "tcp/443"), seen(running, "laptop", "ec2", "tcp/444")

    assert said == "stateful: web: + ingress tcp/443 from 198.51.100.0/24\n"
    assert (before, opened, after) == (("lost", "lost"), ("delivered", "lost"), ("lost", "lost"))
    assert stranger == "lost"


def test_attach_replaces_the_groups(running: Machine) -> None:
    """With the VPC's default group nobody gets in from outside; with the lab's own group again, SSH does."""
    running.ok("attach", "ec2", "default")
    without = seen(running, "laptop", "ec2", "tcp/22")
    running.ok("attach", "ec2", "web")

    assert (without, seen(running, "laptop", "ec2", "tcp/22")) == ("lost", "delivered")


def test_attach_takes_a_set(running: Machine) -> None:
    """A group named twice is attached once, and the lines say so; the same set again changes nothing."""
    twice = running.netlab("attach", "ec2", "default", "web", "default")
    again = running.netlab("attach", "ec2", "default", "web")
    back = running.netlab("attach", "ec2", "web", "web")

    assert (twice.code, twice.out) == (0, "stateful: ec2: security groups: web -> default, web\n")
    assert "default: stands there more than once; AWS takes a set, it is attached once" in twice.err
    assert (again.code, again.out, again.err) == (0, "stateful: nothing changes\n", "")
    assert (back.code, back.out) == (0, "stateful: ec2: security groups: default, web -> web\n")


def test_an_open_session_survives_what_aws_lets_it_survive(running: Machine) -> None:
    """The instance's own connection is tracked: it goes on after its rule is gone; a new one does not get out."""
    talk = "exec 3<>/dev/tcp/203.0.113.80/443; echo open; read; echo no TLS >&3; timeout 5 cat <&3 >/dev/null; echo $?"
    held = running.start("exec", "ec2", "--", "bash", "-c", talk)
    assert held.stdout is not None
    assert held.stdout.readline() == "open\n"
    running.ok("revoke", "web", "egress", "all to 0.0.0.0/0")
    new = seen(running, "ec2", "www.alphavantage.co", "tcp/80")
    answer = held.communicate("\n", timeout=20)[0]
    running.ok("authorize", "web", "egress", "all to 0.0.0.0/0")

    assert new == "lost"
    assert answer in {"0\n", "1\n"}, "the server closed or reset the connection; 124 would be silence"


@pytest.mark.parametrize(("command", "said"), REFUSALS, ids=lambda value: value)
def test_refusals(running: Machine, command: str, said: str) -> None:
    """One line with AWS's code or what was wanted, exit 2, and nothing has changed."""
    before = rules(running)
    done: Done = running.netlab(*command.split())

    assert (done.code, done.out) == (2, "")
    assert said in done.only_line
    assert before == rules(running)


def rules(machine: Machine) -> str:
    """Return the card's rules, as the kernel has them, without counters."""
    everything = "iptables-legacy -w -S; iptables-legacy -w -t mangle -S; nft list ruleset"
    found = machine.run_in("stateful:ec2:eth0", "sh", "-c", everything).out

    assert "sgr-ssh" in found
    return found


def test_explain_and_compile_know_the_changes(running: Machine) -> None:
    """Without a LAB, and without root, `explain` reads the running lab as it is now."""
    question = ("explain", "laptop", "ec2", "tcp/8443")
    before = running.as_nobody(*question)
    running.ok("authorize", "web", "ingress", "tcp/8443 from 198.51.100.0/24")
    after = running.as_nobody(*question)
    running.ok("revoke", "web", "ingress", "tcp/8443 from 198.51.100.0/24")

    assert (before.code, after.code) == (0, 0), (before, after)
    assert "lost: DENY NO_RULE" in before.out
    assert "delivered: ALLOW" in after.out
