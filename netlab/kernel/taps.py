"""
Taps: sockets on devices of a lab's namespaces, which put frames on the wire and see those that pass.

A tap stays in the namespace in which it was opened, so one process holds all of a lab's. It sees a packet before
netfilter does, and only netlab's own (by their DSCP): other traffic costs one look of a filter in the kernel. It never
sees what it sent itself. Checksums are not its business: between two ends of a veth pair they may be unfinished.
"""

from __future__ import annotations

import ctypes
import fcntl
import socket
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

from pyroute2 import IPRoute

from netlab.errors import KernelError
from netlab.kernel.logs import size_buffer
from netlab.kernel.netns import entered
from netlab.plan.nouns import PROBE_DSCP

ETHERNET_HEADER = 14

_ETH_P_ALL, _ETH_P_IP, _ETH_P_IPV6 = 0x0003, 0x0800, 0x86DD
_SO_ATTACH_FILTER, _SO_TIMESTAMPNS = 26, 35
_SOL_PACKET, _PACKET_STATISTICS, _PACKET_OUTGOING = 263, 6, 4
_SIOCGIFHWADDR, _SIOCGIFMTU = 0x8927, 0x8921
_BIGGEST_FRAME = 1 << 16

_LOAD_WORD, _LOAD_HALF, _LOAD_BYTE, _AND = 0x20, 0x28, 0x30, 0x54
_JUMP, _JUMP_IF_EQUAL, _RETURN = 0x05, 0x15, 0x06
_ALL_OF_IT = 0x40000
_TIMESPEC = struct.Struct("=qq")

Instruction = tuple[int, int, int, int]
"""Of the classic packet filter: code, jump if true, jump if false, operand."""


@dataclass(frozen=True, slots=True)
class Frame:
    """
    One frame that passed a device.

    Attributes:
        packet: From its IP header on.
        outgoing: It left by the device (sent by another socket, or forwarded).
        time_us: When, in microseconds of the real-time clock.
        link: The Ethernet header before it.
    """

    packet: bytes
    outgoing: bool
    time_us: int
    link: bytes = b""


class Tap:
    """A socket on one device of a namespace."""

    def __init__(
        self,
        namespace: str,
        device: str = "",
        *,
        destinations: Sequence[IPv4Address | IPv6Address] = (),
        everything: bool = False,
    ) -> None:
        """
        Open the tap.

        Args:
            namespace: The kernel's name of it.
            device: Empty = all of the namespace's devices; such a tap cannot send.
            destinations: See only packets to these; none = all.
            everything: See all traffic, not only netlab's own.

        Raises:
            KernelError: The namespace cannot be entered, or has no such device.
        """
        self.name = f"{namespace} {device}".rstrip()
        with entered(namespace):
            begin = 0 if device else socket.htons(_ETH_P_ALL)  # without a device there is nothing to bind to
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, begin)
            try:
                self._open(device, [] if everything else _filter_program(destinations))
            except OSError as error:
                self._socket.close()
                raise KernelError(f"{self.name}: opening a tap: {error.strerror}") from error

    def fileno(self) -> int:
        """Return the file descriptor, readable when a frame waits."""
        return self._socket.fileno()

    def close(self) -> None:
        """Close the tap."""
        self._socket.close()

    def send(self, frame: bytes) -> None:
        """
        Send one frame, Ethernet header included.

        Raises:
            OSError: As the kernel answered (``EMSGSIZE``: bigger than the device's MTU).
        """
        self._socket.send(frame)

    def read(self) -> list[Frame]:
        """Return the frames that wait, oldest first; never blocks."""
        frames: list[Frame] = []
        while True:
            try:
                data, extra, _, address = self._socket.recvmsg(_BIGGEST_FRAME, 64, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return frames
            time_us = 0
            for level, kind, value in extra:
                if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS:
                    seconds, nanos = _TIMESPEC.unpack(value[:16])
                    time_us = seconds * 1_000_000 + nanos // 1000
            outgoing = address[2] == _PACKET_OUTGOING
            frames.append(Frame(data[ETHERNET_HEADER:], outgoing, time_us, data[:ETHERNET_HEADER]))

    def lost(self) -> int:
        """Return how many frames found no room since the last call."""
        statistics = self._socket.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8)
        _, drops = struct.unpack("=II", statistics)
        return int(drops)

    def _open(self, device: str, program: list[Instruction]) -> None:
        if program:
            code = b"".join(struct.pack("=HBBI", *instruction) for instruction in program)
            buffer = ctypes.create_string_buffer(code, len(code))
            head = struct.pack("@HP", len(program), ctypes.addressof(buffer))  # struct sock_fprog
            self._socket.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, head)
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        size_buffer(self._socket)
        if device:
            self._socket.bind((device, _ETH_P_ALL))
        else:
            self.read()  # what came before the filter stood


class Originator:
    """Sends packets that a namespace makes itself: its own routes lead them."""

    def __init__(self, namespace: str) -> None:
        """
        Open the sockets.

        Raises:
            KernelError: The namespace cannot be entered.
        """
        with entered(namespace):
            self._ipv4 = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
            self._ipv6 = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW)

    def close(self) -> None:
        """Close the sockets."""
        self._ipv4.close()
        self._ipv6.close()

    def send(self, packet: bytes, destination: IPv4Address | IPv6Address) -> None:
        """
        Send one packet, IP header included.

        Raises:
            OSError: As the kernel answered.
        """
        (self._ipv4 if destination.version == 4 else self._ipv6).sendto(packet, (str(destination), 0))


@dataclass(frozen=True, slots=True)
class DeviceFacts:
    """What a sender must know of a device; ``mac`` is six bytes."""

    mac: bytes
    mtu: int


def device_facts(namespace: str, device: str) -> DeviceFacts:
    """
    Ask the kernel about a device.

    Raises:
        KernelError: The namespace cannot be entered, or has no such device.
    """
    with entered(namespace):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    request = struct.pack("16s24x", device.encode())
    with sock:
        try:
            mac = fcntl.ioctl(sock, _SIOCGIFHWADDR, request)[18:24]
            (mtu,) = struct.unpack_from("=i", fcntl.ioctl(sock, _SIOCGIFMTU, request), 16)
        except OSError as error:
            raise KernelError(f"{namespace} {device}: asking about the device: {error.strerror}") from error
    return DeviceFacts(mac, mtu)


def local_addresses(namespace: str) -> frozenset[IPv4Address | IPv6Address]:
    """
    Return the addresses a namespace has itself.

    Raises:
        KernelError: The namespace cannot be entered.
    """
    with entered(namespace), IPRoute() as route:
        return frozenset(ip_address(each.get_attr("IFA_ADDRESS")) for each in route.get_addr())


def _filter_program(destinations: Sequence[IPv4Address | IPv6Address]) -> list[Instruction]:
    """Return a packet filter that lets netlab's own packets through: what it does for IPv4, then for IPv6."""
    ipv4 = [(_LOAD_BYTE, 0, 0, 15), (_AND, 0, 0, 0xFC), (_JUMP_IF_EQUAL, 1, 0, PROBE_DSCP << 2), (_RETURN, 0, 0, 0)]
    ipv6 = [(_LOAD_HALF, 0, 0, 14), (_AND, 0, 0, 0x0FC0), (_JUMP_IF_EQUAL, 1, 0, PROBE_DSCP << 6), (_RETURN, 0, 0, 0)]
    for each in destinations:
        (ipv4 if each.version == 4 else ipv6).extend(_address_test(30 if each.version == 4 else 38, each.packed))
    for half in (ipv4, ipv6):
        half.append((_RETURN, 0, 0, 0 if destinations else _ALL_OF_IT))
    return [
        (_LOAD_HALF, 0, 0, 12),
        (_JUMP_IF_EQUAL, 0, 1, _ETH_P_IP),
        (_JUMP, 0, 0, 1),
        (_JUMP, 0, 0, len(ipv4)),
        *ipv4,
        (_JUMP_IF_EQUAL, 1, 0, _ETH_P_IPV6),
        (_RETURN, 0, 0, 0),
        *ipv6,
    ]


def _address_test(offset: int, packed: bytes) -> list[Instruction]:
    """Return instructions that take a packet whose bytes at *offset* are these, and else go on behind themselves."""
    program: list[Instruction] = []
    for start in range(0, len(packed), 4):
        behind = 2 * ((len(packed) - start) // 4 - 1) + 1
        program.append((_LOAD_WORD, 0, 0, offset + start))
        program.append((_JUMP_IF_EQUAL, 0, behind, int.from_bytes(packed[start : start + 4], "big")))
    return [*program, (_RETURN, 0, 0, _ALL_OF_IT)]
