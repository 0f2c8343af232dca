"""The fixture `net` in a test of somebody else's: its marker, its lab, and what it says where there is none."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

LAB = """
name: beside
vpc: {cidr: 10.0.0.0/16}
subnets: {a: {cidr: 10.0.1.0/24, internet: true}}
security_groups: {web: {ingress: [{tcp: 80, from: 0.0.0.0/0}]}}
instances: {ec2: {subnet: a, public_ip: 203.0.113.10, security_groups: [web]}}
hosts: {laptop: {ip: 198.51.100.7}}
"""

TEMPLATE = """
Parameters: {Port: {Type: Number}}
Resources:
  Group:
    Type: AWS::EC2::SecurityGroup
    Properties:
      GroupDescription: web
      GroupName: ec2
      SecurityGroupIngress: [{IpProtocol: tcp, FromPort: !Ref Port, ToPort: !Ref Port, CidrIp: 0.0.0.0/0}]
"""

HEAD = "import netlab, pytest\n"
ASKS = """
def test_it(net):
    laptop = "laptop" if "laptop" in net.lab.hosts else "internet-host"
    assert net.open(laptop, "ec2", tcp=80).seen is netlab.Seen.{seen}
"""


def _run(folder: Path, text: str, *options: str) -> tuple[int, str]:
    """Run one test file with `--netlab-paper`, in a folder of its own."""
    (folder / "lab.yaml").write_text(LAB, encoding="utf-8")
    (folder / "template.yaml").write_text(TEMPLATE, encoding="utf-8")
    file = folder / "test_theirs.py"
    file.write_text(HEAD + text, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "--strict-markers", "-p", "no:cacheprovider", "--netlab-paper"]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}
    done = subprocess.run(  # what runs is this interpreter
        [*command, *options, str(file)], cwd="/", env=environment, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("marker", "seen", "code", "says"),
    [
        ('@pytest.mark.netlab("lab.yaml")', "DELIVERED", 0, "1 passed"),
        ('@pytest.mark.netlab("stateful")', "LOST", 0, "1 passed"),
        ('@pytest.mark.netlab("stateful")', "DELIVERED", 1, "seen: found lost, wanted delivered"),
        ('@pytest.mark.netlab("nowhere.yaml")', "LOST", 1, "no such file, nor a built-in lab"),
        ('@pytest.mark.netlab("stateful", scope="module")', "LOST", 0, "1 passed"),
        ('@pytest.mark.netlab("stateful", scope="class")', "LOST", 1, "net: found scope='class', wanted"),
        ('@pytest.mark.netlab("stateful", scop="module")', "LOST", 1, "net: found scop='module', wanted"),
        ('@pytest.mark.netlab("template.yaml", parameters={"Port": 80})', "DELIVERED", 0, "1 passed"),
        ('@pytest.mark.netlab("template.yaml", parameters={"Port": 81}, scope="module")', "LOST", 0, "1 passed"),
        ('@pytest.mark.netlab("template.yaml")', "LOST", 1, "parameter Port has no default; give it with"),
        ('@pytest.mark.netlab("stateful", parameters="Port=80")', "LOST", 1, "net: found parameters='Port=80', wanted"),
        ("", "LOST", 1, 'net: found no lab, wanted @pytest.mark.netlab("lab.yaml") on the test'),
    ],
)
def test_the_fixture_plays_the_lab_of_the_marker(tmp_path: Path, marker: str, seen: str, code: int, says: str) -> None:
    """A file beside the test, or a built-in lab by its name; port 80 is open in the one and not in the other."""
    found, output = _run(tmp_path, marker + ASKS.format(seen=seen))

    assert found == code
    assert says in output


SHARED = """
@pytest.mark.netlab("lab.yaml", scope="module")
@pytest.mark.parametrize("turn", range(3))
def test_each_finds_the_file(net, turn):
    assert net.open("laptop", "ec2", tcp=80).seen is netlab.Seen.DELIVERED
    assert net.flows("ec2") == ()
    login = net.open("ec2", "laptop", tcp=443)
    assert net.remembers("ec2", login)
    net.revoke("web", ingress="tcp/80 from 0.0.0.0/0")
    assert net.open("laptop", "ec2", tcp=80).seen is netlab.Seen.LOST
"""


@pytest.mark.parametrize("options", [(), ("-n2",)])
def test_a_modules_tests_share_a_lab_that_each_finds_as_the_file_has_it(tmp_path: Path, options: tuple[str]) -> None:
    """What one test revoked and remembered the next does not see; also with workers side by side."""
    found, output = _run(tmp_path, SHARED, *options)

    assert found == 0, output
    assert "3 passed" in output


FAILS = """
@pytest.mark.netlab("stateful")
def test_it(net):
    login = net.open("laptop", "ec2", tcp=22)
    net.revoke("web", ingress="tcp/22 from 0.0.0.0/0")
    assert login.send().seen is netlab.Seen.DELIVERED
"""


@pytest.mark.parametrize("options", [(), ("-n2",)])
def test_a_failure_speaks_netlabs_words_with_the_trail(tmp_path: Path, options: tuple[str]) -> None:
    """What was found and wanted, the gate and the reason of the last packet, and below all that was done."""
    found, output = _run(tmp_path, FAILS, *options)
    head, _, below = output.partition("netlab: what was sent, and what came of it")

    assert found == 1
    assert "seen: found lost, wanted delivered" in head
    assert "gate       card ec2 ingress" in head
    assert "reason     NO_RULE: no rule admits it" in head
    assert "trail      laptop eth0: 198.51.100.7:49152 > 3.95.203.191:22 tcp PA" in head
    assert "revoke web ingress tcp/22 from 0.0.0.0/0" in below
    assert below.index("tcp SA") < below.index("revoke web")


def test_a_test_without_a_network_compares_as_ever(tmp_path: Path) -> None:
    """Nothing of another test's packets is told."""
    alone = "\ndef test_alone():\n    assert netlab.Seen.LOST is netlab.Seen.DELIVERED\n"
    found, output = _run(tmp_path, '@pytest.mark.netlab("stateful")' + ASKS.format(seen="LOST") + alone)

    assert found == 1
    assert "seen: found lost, wanted delivered" in output
    assert "trail" not in output


IN_A_FIXTURE = """
@pytest.fixture
def login(net):
    assert net.open("laptop", "ec2", tcp=22).seen is netlab.Seen.DELIVERED

@pytest.mark.netlab("lab.yaml")
def test_it(login):
    pass
"""


def test_what_a_fixture_sent_is_told_where_that_fails(tmp_path: Path) -> None:
    """As below a failed test."""
    found, output = _run(tmp_path, IN_A_FIXTURE)

    assert found == 1
    assert "seen: found lost, wanted delivered" in output
    assert "netlab: what was sent, and what came of it" in output
    assert "card ec2 ingress" in output
