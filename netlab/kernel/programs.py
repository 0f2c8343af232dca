"""Programs that speak for the kernel, started inside a namespace: their text in and out, their refusals as errors."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

from netlab.errors import KernelError, MachineError
from netlab.kernel.netns import entered

PACKAGES = {
    "iptables-legacy-save": "iptables",
    "ip6tables-legacy-save": "iptables",
    "iptables-legacy-restore": "iptables",
    "ip6tables-legacy-restore": "iptables",
    "iptables-nft-save": "iptables",
    "ip6tables-nft-save": "iptables",
    "iptables-nft-restore": "iptables",
    "ip6tables-nft-restore": "iptables",
    "nft": "nftables",
}
"""Debian's package of each program that is started here."""


def run_inside(namespace: str, argv: Sequence[str], text: str = "") -> str:
    """
    Run a program in a namespace, *text* on its standard input, and return what it prints.

    Raises:
        KernelError: It failed; the message has the first line it said.
        MachineError: It is not there.
    """
    with entered(namespace):
        return run_here(namespace, argv, text)


def run_here(about: str, argv: Sequence[str], text: str = "") -> str:
    """Run a program in the namespace the thread is in; *about* names it in errors, which are those of run_inside."""
    try:
        done = subprocess.run(argv, input=text, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        package = PACKAGES.get(argv[0], argv[0])
        raise MachineError(f"{argv[0]}: not found", remedy=f"sudo apt-get install {package}") from error
    if done.returncode:
        answer = next((line for line in done.stderr.splitlines() if line.strip()), f"exit {done.returncode}")
        raise KernelError(f"{about}: {' '.join(argv)}: {answer}")
    return done.stdout
