"""Scapy as netlab imports it leaves the machine alone."""

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize(
    ("module", "leaves"),
    [("netlab.probe.shapes", []), ("scapy.layers.inet", [".cache", ".config"])],
)
def test_making_packets_leaves_nothing_in_the_users_home(module: str, leaves: list[str], tmp_path: Path) -> None:
    """Scapy by itself does, so this would be seen."""
    home = {name: value for name, value in os.environ.items() if not name.startswith("XDG_")} | {"HOME": str(tmp_path)}
    subprocess.run([sys.executable, "-c", f"import {module}"], env=home, check=True)

    assert sorted(path.name for path in tmp_path.iterdir()) == leaves


def test_importing_it_gives_the_environment_back() -> None:
    """Programs started later find the folders as the user set them."""
    code = "import os; before = dict(os.environ); import netlab.probe.shapes; assert dict(os.environ) == before"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
