"""Evidence of what a running lab did: packets at every tap, records of every gate, counters, versions of the tools."""

from __future__ import annotations

import platform
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import metadata

from netlab.kernel.counters import counters
from netlab.kernel.logs import LogRecord
from netlab.kernel.programs import run_here
from netlab.live.wire import LiveWire
from netlab.plan.nouns import kernel_name
from netlab.probe.capture import Capture
from netlab.probe.pcapng import pcapng_bytes

_PROGRAMS = ("iptables-legacy", "ip6tables-legacy", "nft", "ipset", "conntrack")
_PACKAGES = ("scapy", "pyroute2", "python-iptables")


@dataclass(frozen=True, slots=True)
class GateRecord:
    """
    One record of a gate.

    Attributes:
        namespace: The gate's, by its short name.
        said: Its tag: ``-ingress NO_RULE``.
        packet: From its IP header on, perhaps cut short.
    """

    namespace: str
    said: str
    seq: int
    time_us: int
    packet: bytes


@dataclass(slots=True)
class Evidence:
    """What has been seen since the last call of `packets`, `lost` and `records`."""

    wire: LiveWire
    capture: Capture
    _records: list[GateRecord] = field(default_factory=list)

    def packets(self) -> bytes:
        """Return what every tap saw, as a pcapng file."""
        return pcapng_bytes(self.capture.taps, self.capture.collect())

    def lost(self) -> dict[str, int]:
        """Return how many frames taps had no room for, by tap: so many are not in the file."""
        return self.capture.lost()

    def records(self) -> tuple[GateRecord, ...]:
        """Return what every gate said."""
        found = tuple(self._records)
        self._records.clear()
        return found

    def counters(self) -> dict[str, dict[str, int]]:
        """Return how many packets each tagged rule has counted, by namespace; those without one are left out."""
        plan = self.wire.plan
        found = {name: counters(kernel_name(plan.lab, name)) for name, each in plan.namespaces.items() if each.tables}
        return {name: counted for name, counted in found.items() if counted}

    def note(self, namespace: str, record: LogRecord) -> None:
        """Keep a record."""
        self._records.append(GateRecord(namespace, record.prefix, record.seq, record.time_us, record.payload))


@contextmanager
def gathering(wire: LiveWire) -> Iterator[Evidence]:
    """Gather evidence of what is done on a wire, from here on."""
    with Capture(wire.lab) as capture:
        evidence = Evidence(wire, capture)
        wire.listen(evidence.note)
        yield evidence


def versions() -> dict[str, str]:
    """Return the versions of the kernel, Python, programs and packages."""
    found = {"kernel": f"{platform.system()} {platform.release()} {platform.machine()}"}
    found["python"] = platform.python_version()
    for name in _PROGRAMS:
        if shutil.which(name) is not None:
            found[name] = run_here("versions", [name, "--version"]).splitlines()[0].strip()
    for name in _PACKAGES:
        found[name] = metadata.version(name)
    return found
