"""
Labs as the kernel shows them: which there are, and how one is taken down, whole or half-built. Namespaces and processes
are all this knows, so that short commands need not load what building takes.
"""

from __future__ import annotations

from netlab.kernel import netns
from netlab.kernel.processes import end_processes


def running_labs() -> dict[str, list[str]]:
    """Return the labs of which the kernel shows anything, and the short names of their namespaces."""
    labs: dict[str, list[str]] = {}
    for name in netns.list_namespaces():
        _, lab, short = name.split(":", 2)
        labs.setdefault(lab, []).append(short)
    return labs


def take_down(lab: str) -> None:
    """
    End a lab's processes and delete its namespaces, whole or half-built; without one, do nothing.

    Raises:
        KernelError: A process or a name does not go.
    """
    names = netns.list_namespaces(lab)
    end_processes(names)
    for name in names:
        netns.ensure_absent(name)
