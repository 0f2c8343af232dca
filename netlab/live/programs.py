"""The programs of a running lab: the services it starts, and what a user runs in its nodes."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from netlab.compile.names import mac
from netlab.errors import InputError
from netlab.kernel.process import Daemon, View, run, start, wait_listening
from netlab.live import state
from netlab.model.topology import Lab
from netlab.plan.nouns import kernel_name
from netlab.services import (
    METADATA,
    File,
    lab_files,
    layout_of,
    make_keys,
    metadata_text,
    services_of,
    ssh_argv,
    write_files,
)

SHELL = ("bash", "-l")
_HIDDEN = ("/home", "/media", "/mnt", "/opt", "/srv", "/var/lib", "/var/spool")
"""Users' files, what servers keep, and their Unix sockets: a socket answers, however read-only its file is seen."""


def start_services(lab: Lab, progress: Callable[[str], None] = lambda _: None) -> None:
    """
    Write the files of a lab's nodes, start what they serve, and wait until all of it listens.

    Raises:
        KernelError: A program ended at once or is not ready in time.
        MachineError: A program is missing.
    """
    folder = state.folder(lab.name)
    progress("keys and certificates")
    write_files(folder, lab_files(lab, make_keys(lab), _macs(lab)))
    daemons = [
        Daemon(
            name=service.name,
            namespace=kernel_name(lab.name, service.node),
            argv=service.argv,
            log=folder / "log" / f"{service.node.strip(':')}.{service.name}",
            ports=service.ports,
            env=service.env,
            view=_view(folder, service.node) if service.in_view else None,
        )
        for service in services_of(lab, folder)
    ]
    progress(", ".join(sorted({daemon.name for daemon in daemons})))
    pids = start(daemons)
    import netlab.probe.shapes  # noqa: F401, PLC0415 - Scapy loads while they begin to listen

    wait_listening(daemons, pids)


def refresh_metadata(lab: Lab) -> None:
    """Write anew what the instance metadata service says, after a change; nothing where the lab has no services."""
    folder = state.folder(lab.name)
    if (folder / METADATA).exists():
        write_files(folder, {METADATA: File(metadata_text(lab, _macs(lab)).encode())})


def exec_in(lab: Lab, node: str, command: Sequence[str]) -> int:
    """
    Run a program in a node, by default a shell; its exit code is ours.

    Raises:
        InputError: The lab has no such node.
    """
    if node not in lab.instances and node not in lab.hosts:
        raise InputError(_unknown("node", node, lab.name, [*lab.instances, *lab.hosts]))
    return run(kernel_name(lab.name, node), _view(state.folder(lab.name), node), tuple(command) or SHELL)


def ssh_to(lab: Lab, node: str, command: Sequence[str], host: str | None) -> int:
    """
    Log in to an instance from an internet host, by default the lab's first.

    Raises:
        InputError: There is no such instance or host, or the instance does not serve SSH.
    """
    source = host if host is not None else next(iter(lab.hosts), None)
    if node not in lab.instances:
        raise InputError(_unknown("instance", node, lab.name, lab.instances))
    if "ssh" not in lab.instances[node].services:
        raise InputError(f"instance {node}: its file gives it no SSH server, wanted: services: [ssh]")
    if source is None or source not in lab.hosts:
        raise InputError(_unknown("host", source, lab.name, lab.hosts))
    terminal = not command and os.isatty(sys.stdin.fileno())
    return exec_in(lab, source, ssh_argv(node, command, terminal=terminal))


def _view(folder: Path, node: str) -> View:
    layout = layout_of(node)
    return View(
        hostname=layout.hostname,
        etc=folder / layout.etc,
        sealed={inside: folder / path for inside, path in layout.sealed.items()},
        folders={inside: folder / path for inside, path in layout.folders.items()},
        hidden=tuple(each for each in _HIDDEN if Path(each).is_dir() and not _holds_python(each)),
    )


def _holds_python(folder: str) -> bool:
    """Tell whether the Python that lays out views is in a folder: it may still have to import from there."""
    return Path(sys.base_prefix).is_relative_to(folder)


def _macs(lab: Lab) -> dict[tuple[str, str], str]:
    return {(each.node, each.name): mac(each.node, each.name) for each in lab.interfaces()}


def _unknown(what: str, name: str | None, lab: str, known: Iterable[str]) -> str:
    return f"{what} {name!r}: the lab {lab} has none of that name; it has {', '.join(known) or 'none'}"
