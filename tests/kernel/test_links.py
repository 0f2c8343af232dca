"""Wiring: devices with their addresses, routes, rules and neighbours, as planned, read back, and carrying packets."""

import socket
import time
from dataclasses import replace
from ipaddress import ip_interface, ip_network

import pytest
from kernel_ground import fresh_lab, small_plan

from netlab.errors import KernelError
from netlab.kernel import carrier, links, machine, netns, readback
from netlab.kernel.programs import run_inside
from netlab.plan.nouns import Device, Link, Namespace, Plan, Route, kernel_name


def _build(plan: Plan) -> None:
    for name in plan.namespaces:
        netns.create(kernel_name(plan.lab, name))
    links.create_links(plan)
    for name, namespace in plan.namespaces.items():
        links.configure(kernel_name(plan.lab, name), namespace)
    carrier.wait_running(plan)


def _pair(lab: str) -> Plan:
    """Return two nodes on one link."""
    nodes = [
        Namespace(name, (Device("lo"), Device("eth0", (ip_interface(v4), ip_interface(v6)))))
        for name, v4, v6 in (("a", "192.0.2.1/24", "2001:db8::1/64"), ("b", "192.0.2.2/24", "2001:db8::2/64"))
    ]
    return Plan(lab, {each.name: each for each in nodes}, (Link(("a", "eth0"), ("b", "eth0")),))


def test_what_was_planned_is_what_is_read_back() -> None:
    """Everything that a plan can say of wiring, in both families."""
    plan = small_plan(fresh_lab())
    try:
        _build(plan)

        for name, namespace in plan.namespaces.items():
            assert readback.list_differences(kernel_name(plan.lab, name), namespace) == []
    finally:
        machine.take_down(plan.lab)


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("ip link set eth0 mtu 1500", "device eth0 mtu 9001"),
        ("ip link set eth0 down", "up: not found"),
        ("ip addr add 192.0.2.1/24 dev eth0", "address 192.0.2.1/24 on eth0: found, not wanted"),
        ("ip addr del 2001:db8::10/64 dev eth0", "address 2001:db8::10/64 on eth0: not found"),
        ("ip route del default", "route unicast 0.0.0.0/0 by 10.0.1.1 on eth0 in table 254: not found"),
        (
            "ip -6 route add 2001:db8:9::/48 dev eth0 proto static",
            "2001:db8:9::/48 on eth0 in table 254: found, not wanted",
        ),
        ("ip rule add priority 7 lookup 7", "routing rule 7 from all in by any to table 7: found, not wanted"),
        ("ip neigh del 10.0.1.1 dev eth0", "neighbour 10.0.1.1 is 02:00:00:00:00:02 on eth0: not found"),
        ("ip neigh add proxy 10.0.1.7 dev eth0", "neighbour 10.0.1.7 answered for on eth0: found, not wanted"),
    ],
)
def test_what_someone_changes_is_told(command: str, said: str) -> None:
    """Each kind of wiring, taken away or added."""
    plan = small_plan(fresh_lab())
    name = kernel_name(plan.lab, "ec2")
    try:
        _build(plan)
        run_inside(name, command.split())

        assert any(said in line for line in readback.list_differences(name, plan.namespaces["ec2"]))
    finally:
        machine.take_down(plan.lab)


@pytest.mark.parametrize("address", ["192.0.2.2", "2001:db8::2"])
def test_a_pair_carries_packets_as_soon_as_it_is_built(address: str) -> None:
    """No second of waiting for a carrier, no duplicate address detection."""
    plan = _pair(fresh_lab())
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        began = time.monotonic()
        _build(plan)
        with netns.entered(kernel_name(plan.lab, "b")):
            server = socket.create_server((address, 7), family=family)
        with server, netns.entered(kernel_name(plan.lab, "a")):
            socket.create_connection((address, 7), timeout=2).close()
        took_s = time.monotonic() - began

        assert took_s < 0.9
    finally:
        machine.take_down(plan.lab)


def test_the_ends_of_a_pair_never_share_an_index() -> None:
    """Two fresh namespaces count from the same number; the kernel takes equal indexes for one device."""
    plan = _pair(fresh_lab())
    try:
        _build(plan)
        indexes = []
        for name in plan.namespaces:
            with netns.entered(kernel_name(plan.lab, name)):
                indexes.append(socket.if_nametoindex("eth0"))

        assert indexes[0] != indexes[1]
    finally:
        machine.take_down(plan.lab)


def test_a_refused_route_says_which_and_why() -> None:
    """The message names the namespace, the route, and the kernel's answer."""
    plan = _pair(fresh_lab())
    bad = Route(ip_network("203.0.113.0/24"), "eth9")
    plan = replace(plan, namespaces={**plan.namespaces, "a": replace(plan.namespaces["a"], routes=(bad,))})
    try:
        with pytest.raises(KernelError, match=r":a: route 203\.0\.113\.0/24 by link eth9: no such device"):
            _build(plan)
    finally:
        machine.take_down(plan.lab)
