"""
Waiting until links carry packets. A device that is up and has a carrier still drops everything until the kernel's
link watch has seen that carrier, which may take a while; and its flags (IFF_RUNNING) do not tell. Its operational state
does, and asking for it makes newer kernels look at once.

An IPv6 address, too, is there before it answers: its multicast group, to which neighbours' questions go, is joined by a
worker some time later. A question that comes too early is asked again only a second after.

Asked by hand, not through pyroute2: one question a device, and one number of the answer, are wanted.
"""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

from netlab.errors import KernelError
from netlab.kernel.netns import entered
from netlab.plan.nouns import Namespace, Plan, kernel_name

TIMEOUT_S = 10.0

_RTM_GETLINK, _RTM_NEWLINK, _NLM_F_REQUEST = 18, 16, 1
_IFLA_OPERSTATE, _OPER_UP = 16, 6
_HEADERS = 32  # nlmsghdr and ifinfomsg
_PAUSE_S = 0.0005
_GROUPS = Path("/proc/thread-self/net/igmp6")


def wait_running(plan: Plan) -> None:
    """
    Wait until every linked device carries packets, and every IPv6 address answers its neighbours.

    Raises:
        KernelError: One does not, in time.
    """
    deadline = time.monotonic() + TIMEOUT_S
    linked = {end for link in plan.links for end in (link.one, link.other)}
    for name, namespace in plan.namespaces.items():
        full_name = kernel_name(plan.lab, name)
        devices = {device for owner, device in linked if owner == name}
        groups = _groups(namespace, devices)
        wait_devices(full_name, devices, deadline)
        with entered(full_name):
            _wait(partial(_have_joined, groups), deadline, f"{full_name}: multicast groups of IPv6 addresses")


def wait_devices(namespace: str, devices: Iterable[str], deadline: float | None = None) -> None:
    """
    Wait until devices of a namespace carry packets.

    Args:
        namespace: The kernel's name of it.
        deadline: Of the monotonic clock; None = TIMEOUT_S from now.

    Raises:
        KernelError: One does not, in time.
    """
    until = time.monotonic() + TIMEOUT_S if deadline is None else deadline
    wanted = set(devices)
    with entered(namespace), socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as asking:
        for index, device in socket.if_nameindex():
            if device in wanted:
                _wait(partial(_is_running, asking, index), until, f"{namespace}: {device}: carrier")


def _wait(is_so: Callable[[], bool], deadline: float, what: str) -> None:
    while not is_so():
        if time.monotonic() > deadline:
            raise KernelError(f"{what}: found none, wanted one")
        time.sleep(_PAUSE_S)


def _groups(namespace: Namespace, devices: set[str]) -> set[tuple[str, str]]:
    """Return the devices of IPv6 addresses and their solicited-node groups (RFC 4291, 2.7.1), as listed."""
    addresses = ((device.name, address.packed) for device in namespace.devices for address in device.addresses)
    head = "ff02" + "0" * 19 + "1ff"
    return {(name, head + packed[13:].hex()) for name, packed in addresses if len(packed) == 16 and name in devices}


def _have_joined(groups: set[tuple[str, str]]) -> bool:
    if not groups:
        return True
    lines = (line.split() for line in _GROUPS.read_text(encoding="ascii").splitlines())
    return groups <= {(words[1], words[2]) for words in lines}


def _is_running(asking: socket.socket, index: int) -> bool:
    asking.send(struct.pack("=IHHIIBxHiII", _HEADERS, _RTM_GETLINK, _NLM_F_REQUEST, 0, 0, 0, 0, index, 0, 0))
    answer = asking.recv(65536)
    kind = struct.unpack_from("=H", answer, 4)[0]
    return kind == _RTM_NEWLINK and (_IFLA_OPERSTATE, _OPER_UP) in _first_bytes(answer)


def _first_bytes(answer: bytes) -> Iterator[tuple[int, int]]:
    """Yield each attribute's type and the first byte of its value."""
    offset = _HEADERS
    while offset + 4 < len(answer):
        length, kind = struct.unpack_from("=HH", answer, offset)
        yield kind, answer[offset + 4]
        offset += max(4, (length + 3) & ~3)
