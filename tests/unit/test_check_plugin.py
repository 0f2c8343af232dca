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

HEAD = "import netlab, pytest\n"
ASKS = """
def test_it(net):
    assert net.open("laptop", "ec2", tcp=80).seen is netlab.Seen.{seen}
"""


def _run(folder: Path, text: str) -> tuple[int, str]:
    """Run one test file with `--netlab-paper`, in a folder of its own."""
    (folder / "lab.yaml").write_text(LAB, encoding="utf-8")
    file = folder / "test_theirs.py"
    file.write_text(HEAD + text, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "--strict-markers", "-p", "no:cacheprovider", "--netlab-paper"]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}
    done = subprocess.run(  # what runs is this interpreter
        [*command, str(file)], cwd="/", env=environment, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("marker", "seen", "code", "says"),
    [
        ('@pytest.mark.netlab("lab.yaml")', "DELIVERED", 0, "1 passed"),
        ('@pytest.mark.netlab("stateful")', "LOST", 0, "1 passed"),
        ('@pytest.mark.netlab("stateful")', "DELIVERED", 1, "Seen.LOST"),
        ('@pytest.mark.netlab("nowhere.yaml")', "LOST", 1, "no such file, nor a built-in lab"),
        ("", "LOST", 1, 'net: found no lab, wanted @pytest.mark.netlab("lab.yaml") on the test'),
    ],
)
def test_the_fixture_plays_the_lab_of_the_marker(tmp_path: Path, marker: str, seen: str, code: int, says: str) -> None:
    """A file beside the test, or a built-in lab by its name; port 80 is open in the one and not in the other."""
    found, output = _run(tmp_path, marker + ASKS.format(seen=seen))

    assert found == code
    assert says in output
