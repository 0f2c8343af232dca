"""
MIND TWO: Lab → Plan. What netfilter and the routing of the namespaces are told, so that they decide as AWS does.

One compiler a gate: card.py, acl.py, gateway.py; the wiring around them: instances.py, vpc.py, routes.py, internet.py.
Written from aws-behaviour.md; knows nothing of the oracle.
"""

from __future__ import annotations

from collections.abc import Iterator

from netlab.compile.card import CardParts, compile_card, compile_endpoint
from netlab.compile.gateway import compile_igw, compile_nat
from netlab.compile.instances import compile_card_namespace, compile_instance, compile_interface_links
from netlab.compile.internet import compile_host, compile_internet
from netlab.compile.names import host_device, mac, nat_device
from netlab.compile.vpc import compile_vpc
from netlab.model.topology import Interface, Lab
from netlab.plan.nouns import IGW, INTERNET, VPC, Link, Namespace, Plan, nat_name

__all__ = ["CardParts", "compile_card", "compile_endpoint", "compile_lab", "mac"]


def compile_lab(lab: Lab) -> Plan:
    """
    Compile a complete lab.

    Returns:
        Namespaces in the order to build them, routers first, and the links between them.
    """
    return Plan(lab.name, {each.name: each for each in _namespaces(lab)}, tuple(_links(lab)))


def _namespaces(lab: Lab) -> Iterator[Namespace]:
    yield compile_vpc(lab)
    yield compile_igw(lab)
    yield compile_internet(lab)
    for gateway in lab.nat_gateways.values():
        yield compile_nat(lab, gateway)
    for interface in lab.interfaces():
        yield _card(lab, interface)
    for instance in lab.instances.values():
        yield compile_instance(lab, instance, tables=compile_endpoint(instance.interfaces))
    for host in lab.hosts.values():
        yield compile_host(lab, host, tables=compile_endpoint())


def _card(lab: Lab, interface: Interface) -> Namespace:
    parts = compile_card(lab, interface)
    return compile_card_namespace(
        lab, interface, sysctls=parts.sysctls, sets=parts.sets, tables=parts.tables, nft=parts.nft
    )


def _links(lab: Lab) -> Iterator[Link]:
    yield Link((VPC, "igw"), (IGW, "vpc"))
    yield Link((IGW, "inet"), (INTERNET, "igw"))
    for gateway in lab.nat_gateways:
        yield Link((VPC, nat_device(lab, gateway)), (nat_name(gateway), "vpc"))
    for interface in lab.interfaces():
        yield from compile_interface_links(lab, interface)
    for host in lab.hosts:
        yield Link((INTERNET, host_device(lab, host)), (host, "eth0"))
