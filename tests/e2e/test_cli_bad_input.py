"""Bad input: each with clear lines on standard error, the right exit code, and nothing half-built."""

import shutil
import sys
from pathlib import Path

import pytest
from netlab_machine import CHECKOUT, STATEFUL, Machine

EVERY_MISTAKE = """\
name: every mistake
vpc: {cidr: 10.0.0.0/16}
colour: blue
subnets:
  public: {cidr: 10.0.1.0/24, internet: true}
  letters: {cidr: 10.0.x.0/24}
security_groups:
  web:
    ingress:
      - {tcp: 65536, from: 0.0.0.0/0}
      - {tcp: 22-21, from: 0.0.0.0/0}
      - {tcp: 22, from: 10.0.0.0/8x}
      - {tcp: 23, from: nogroup}
      - {tcp: 24, frm: 0.0.0.0/0}
instances:
  one: {subnet: public, ip: 10.0.1.10, security_groups: [web]}
  two: {subnet: public, ip: 10.0.1.10, security_groups: [web]}
  outside: {subnet: public, ip: 10.0.2.10, security_groups: [web]}
  reserved: {subnet: public, ip: 10.0.1.3, security_groups: [web]}
  last: {subnet: public, ip: 10.0.1.255, security_groups: [web]}
  lost: {subnet: nosubnet, security_groups: [web]}
  alone: {subnet: public, security_groups: [nosuch]}
  served: {subnet: public, security_groups: [web], services: [gopher]}
  bad/name: {subnet: public, security_groups: [web]}
expect:
  - {from: one, to: nobody, tcp: 22, seen: delivered}
"""
MISTAKES = [
    (1, "every mistake"),
    (3, "colour"),
    (6, "10.0.x.0/24"),
    (10, "65536"),
    (11, "22-21"),
    (12, "10.0.0.0/8x"),
    (13, "nogroup"),
    (14, "frm"),
    (17, "10.0.1.10"),
    (18, "10.0.2.10"),
    (19, "10.0.1.3"),
    (20, "10.0.1.255"),
    (21, "nosubnet"),
    (22, "nosuch"),
    (23, "gopher"),
    (24, "bad/name"),
    (26, "nobody"),
]

ONE_LINE = [
    # command                                ; exit ; what the line says
    ("up nolab", 2, "lab 'nolab': no such file, nor a built-in lab"),
    ("up /usr/sbin", 2, "found a folder without real files"),
    ("up --frob", 2, "up: no such option '--frob'"),
    ("up stateful more", 2, "up: got unexpected extra argument (more)"),
    ("frob", 2, "no such command 'frob'"),
    ("down", 2, "no lab is running"),
    ("probe laptop ec2 tcp/22", 2, "no lab is running; begin with: sudo netlab up"),
    ("show ec2", 2, "no lab is running"),
    ("exec ec2 -- true", 2, "no lab is running"),
    ("ssh ec2 -- true", 2, "no lab is running"),
    ("authorize web ingress tcp/80 from 0.0.0.0/0", 2, "no lab is running"),
    ("explain laptop ec2 tcp/22", 2, "no lab is running"),
    ("explain laptop nobody tcp/22 stateful", 2, "'nobody'"),
    ("explain laptop ec2 tcp/70000 stateful", 2, "'tcp/70000': wanted one port, 0 to 65535"),
    ("compile nolab", 2, "lab 'nolab'"),
    ("compile stateful nobody", 2, "node 'nobody'"),
    ("check nolab", 2, "lab 'nolab'"),
    ("check bare.yaml", 2, "found no expectation and no story"),
    ("check stateful -k nothingofthatname", 2, "-k nothingofthatname: no expectation or story holds that"),
    ("check --paper stateful -k nothingofthatname", 2, "no expectation or story holds that"),
    ("check", 2, "check: missing argument"),
    ("status --lab", 2, "status: no such option"),
]
ON_A_RUNNING_LAB = [
    ("probe laptop nobody tcp/22", "'nobody'"),
    ("probe laptop ec2 tcp/70000", "wanted one port, 0 to 65535"),
    ("probe laptop ec2 tcp/22-23", "wanted one port"),
    ("probe laptop ec2 all", "wanted one protocol"),
    ("probe laptop ec2 ssh", "'ssh': wanted (tcp|udp)/(PORT|A-B|all)"),
    ("probe laptop ec2", "probe: missing argument"),
    ("probe --real laptop ec2 gre", "found a protocol whose packets nobody answers"),
    ("probe --lab nolab laptop ec2 tcp/22", "lab 'nolab' is not running; running: stateful"),
    ("show nobody", "instance 'nobody'"),
    ("show laptop flows", "instance 'laptop'"),
    ("show ec2 colours", "'colours' is not one of 'rules', 'flows'"),
    ("exec nobody -- true", "node 'nobody'"),
    ("ssh laptop -- true", "instance 'laptop'"),
    ("ssh --from nobody ec2 -- true", "host 'nobody'"),
    ("down nolab", "lab 'nolab' is not running; running: stateful"),
]


@pytest.mark.parametrize(("command", "code", "said"), ONE_LINE, ids=str)
def test_one_clear_line(own: Machine, command: str, code: int, said: str) -> None:
    """A wrong command line is answered in one line; nothing is built."""
    own.write("bare.yaml", STATEFUL.partition("expect:")[0])
    done = own.netlab(*command.split())

    assert (done.code, done.out) == (code, "")
    assert done.only_line.startswith("netlab: ")
    assert said in done.only_line
    assert own.traces() == []


@pytest.mark.parametrize(("command", "said"), ON_A_RUNNING_LAB, ids=str)
def test_one_clear_line_on_a_running_lab(article: Machine, command: str, said: str) -> None:
    """What names nothing of the lab, or asks what cannot be meant, is answered in one line."""
    done = article.netlab(*command.split())

    assert (done.code, done.out) == (2, "")
    assert done.only_line.startswith("netlab: ")
    assert said in done.only_line


@pytest.mark.parametrize("command", ["up", "check", "check --paper", "compile"])
def test_all_mistakes_of_a_file_at_once_each_with_its_line(own: Machine, command: str) -> None:
    """Every command that reads the file reports all of its mistakes, sorted by line, and builds nothing."""
    done = own.netlab(*command.split(), own.write("lab.yaml", EVERY_MISTAKE))
    lines = done.err.splitlines()

    assert (done.code, done.out) == (2, "")
    for number, found in MISTAKES:
        mine = [line for line in lines if line.startswith(f"netlab: lab.yaml:{number}: ")]

        assert any(found in line for line in mine), (number, found, done.err)
    assert {number for number, _ in MISTAKES} == {int(line.split(":")[2]) for line in lines}, done.err
    assert own.traces() == []


@pytest.mark.parametrize("text", ["name: [\n", "", "name: x\n\tvpc: y\n", "- a list\n", "name: x\n name: y\n", "\x00"])
def test_wrong_yaml_is_one_line(own: Machine, text: str) -> None:
    """A file that is no YAML, or no mapping, is told with its name and place."""
    done = own.netlab("up", own.write("lab.yaml", text))

    assert (done.code, done.out) == (2, "")
    assert done.only_line.startswith("netlab: lab.yaml")
    assert own.traces() == []


def test_what_needs_root_says_so(own: Machine) -> None:
    """As nobody: exit 4 and the command that gets it; what reads a lab file alone works just the same."""
    for words in (["up"], ["down"], ["status"], ["check", "stateful"], ["exec", "ec2"], ["ssh", "ec2"],
                  ["probe", "laptop", "ec2", "tcp/22"], ["show", "ec2"], ["attach", "ec2", "web"]):  # fmt: skip
        done = own.as_nobody(*words)

        assert (done.code, done.out) == (4, ""), (words, done)
        assert "root is needed" in done.only_line
        assert "sudo netlab" in done.only_line
    assert own.traces() == []

    compiled = own.as_nobody("compile", "stateful", "ec2")
    explained = own.as_nobody("explain", "stranger", "ec2", "tcp/80", "stateful")
    checked = own.as_nobody("check", "--paper", "stateful")
    doctor = own.as_nobody("doctor")

    assert (compiled.code, compiled.err) == (0, "")
    assert "-A FORWARD -i vpc" in compiled.out
    assert "sgr-ssh" in compiled.out
    assert (explained.code, explained.err) == (0, "")
    assert "  - card ec2 ingress: DENY NO_RULE" in explained.out
    assert (checked.code, "9 of 9 expectations" in checked.out) == (0, True)
    assert (doctor.code, "missing  root" in doctor.out) == (4, True)


def test_a_missing_program(own: Machine, tmp_path: Path) -> None:
    """What is missing is named, with the command that gets it, before anything is built."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for folder in ("/usr/bin", "/usr/sbin"):
        for path in Path(folder).iterdir():
            if path.name != "curl" and not (programs / path.name).exists():
                (programs / path.name).symlink_to(path)
    environment = {"PATH": str(programs), "PYTHONPATH": str(CHECKOUT)}
    without = own.run(sys.executable, "-m", "netlab.cli", "up", env=environment)
    curl = shutil.which("curl")
    assert curl is not None
    (programs / "curl").symlink_to(curl)
    doctor = own.run(sys.executable, "-m", "netlab.cli", "doctor", env=environment)

    assert (without.code, without.out) == (4, "")
    assert "curl: not found" in without.only_line
    assert "sudo apt-get install curl" in without.only_line
    assert own.traces() == []
    assert doctor.code == 0, doctor
