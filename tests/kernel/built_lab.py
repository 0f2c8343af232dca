"""A lab, compiled and built for one test module, with probes to send and real sockets to open in its namespaces."""

import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from ipaddress import ip_address

from netlab.compile import compile_lab
from netlab.control import completed
from netlab.formats import parse_lab
from netlab.kernel import machine
from netlab.kernel.netns import entered
from netlab.model.packets import LEAST_SIZE, Packet
from netlab.model.places import Station
from netlab.model.topology import Lab
from netlab.model.verdicts import Transit
from netlab.model.wire import Departure
from netlab.plan.nouns import Plan, kernel_name
from netlab.probe.experiment import Prober

OPEN_GROUP = """
security_groups:
  open:
    ingress: [{protocol: all, from: 0.0.0.0/0}, {protocol: all, from: "::/0"}]
"""


@dataclass(frozen=True)
class BuiltLab:
    """A running lab."""

    lab: Lab
    plan: Plan
    prober: Prober

    def one(self, station: str, packet: Packet) -> Transit:
        """Send one packet as it is from a node's eth0 (or NODE/ENI)."""
        node, _, interface = station.partition("/")
        departure = Departure(Station(node, interface or "eth0"), packet)
        (transit,) = self.prober.transmit([departure], time.monotonic())
        return transit

    @contextmanager
    def socket(self, namespace: str, family: int, kind: int, protocol: int = 0) -> Iterator[socket.socket]:
        """Open a socket in a namespace; it waits 3 s for what it is asked for."""
        with entered(kernel_name(self.lab.name, namespace)):
            found = socket.socket(socket.AF_INET if family == 4 else socket.AF_INET6, kind, protocol)
        with found:
            found.settimeout(3.0)
            yield found


def packet(src: str, dst: str, protocol: int = 17, **fields: object) -> Packet:
    """Return a packet between two addresses, given as text; UDP 40000 to 9 where nothing else is said."""
    ports: dict[str, object] = {"sport": 40000, "dport": 9} if protocol in {6, 17} else {}
    return replace(
        Packet(ip_address(src), ip_address(dst), protocol, size=LEAST_SIZE),
        **{**ports, **fields},
    )


@contextmanager
def built(text: str) -> Iterator[BuiltLab]:
    """Build the lab of a file's text under a name of its own; take it down whatever happens."""
    lab = replace(completed(parse_lab(text, "lab.yaml")), name=f"t{os.urandom(4).hex()}")
    plan = compile_lab(lab)
    machine.build(plan)
    try:
        with Prober(lab) as prober:
            yield BuiltLab(lab, plan, prober)
    finally:
        machine.take_down(lab.name)
