"""Which programs a lab's services are: one process a node for all of the web, one for each other service."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from netlab.model.rules import TCP, UDP
from netlab.model.topology import SERVICE_PORTS, Lab
from netlab.services.files import METADATA, RESOLVER, certificate_path, dns_path
from netlab.services.keys import TLS_SERVICES
from netlab.services.names import nodes_of
from netlab.services.nouns import Service
from netlab.services.ssh import SSHD

VPC = ":vpc"

_PROGRAMS = Path(__file__).with_name("programs")
_WEB = {"http", *TLS_SERVICES}


def services_of(lab: Lab, folder: Path) -> tuple[Service, ...]:
    """Return all programs that serve in a lab whose files were written below *folder*."""
    found = list(_of_the_vpc(folder)) if lab.instances else []
    for node, what in nodes_of(lab).items():
        found.extend(_of_node(folder, node, set(what.services)))
    return tuple(found)


def _of_the_vpc(folder: Path) -> Iterator[Service]:
    yield Service(VPC, "resolver", _dnsmasq(folder / RESOLVER), SERVICE_PORTS["dns"])
    amazon = (*_python("amazon.py"), str(folder / METADATA))
    yield Service(VPC, "amazon", amazon, ((TCP, 80), (UDP, 123)))


def _of_node(folder: Path, node: str, services: set[str]) -> Iterator[Service]:
    if "ssh" in services:
        argv = (SSHD, "-D", "-e", "-f", "/etc/ssh/sshd_config")
        yield Service(node, "ssh", argv, SERVICE_PORTS["ssh"], in_view=True)
    if "dns" in services:
        yield Service(node, "dns", _dnsmasq(folder / dns_path(node)), SERVICE_PORTS["dns"])
    if "echo" in services:
        yield Service(node, "echo", _python("echo.py"), SERVICE_PORTS["echo"])
    web = sorted(services & _WEB)
    if web:
        flags = ["--http"] if "http" in web else []
        flags += ["--https", str(folder / certificate_path(node))] if TLS_SERVICES & services else []
        flags += ["--quotes"] if "quotes" in web else []
        ports = tuple(sorted({port for name in web for port in SERVICE_PORTS[name]}))
        yield Service(node, "web", (*_python("web.py"), *flags, "--", node), ports)


def _python(program: str) -> tuple[str, ...]:
    return (sys.executable, "-I", "-S", str(_PROGRAMS / program))


def _dnsmasq(configuration: Path) -> tuple[str, ...]:
    return ("dnsmasq", "--keep-in-foreground", f"--conf-file={configuration}")
