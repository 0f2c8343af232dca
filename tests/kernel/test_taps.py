"""Taps: they see netlab's own packets on a device, and put frames on the wire."""

import errno
import os
import select
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from ipaddress import ip_address
from itertools import count

import pytest
from probe_ground import run

from netlab.errors import KernelError
from netlab.kernel.carrier import wait_devices
from netlab.kernel.netns import create, ensure_absent, entered
from netlab.kernel.taps import Frame, Originator, Tap, device_facts, local_addresses
from netlab.model.packets import Packet
from netlab.probe.cookies import Cookies
from netlab.probe.encoding import encode

_NUMBERS = count()
_COOKIE = Cookies(b"taps").cookie(1)
_MACS = {"one": "02:00:00:00:00:01", "two": "02:00:00:00:00:02"}


@pytest.fixture
def pair() -> Iterator[dict[str, str]]:
    """Two namespaces, `one` and `two`, joined by their devices eth0; each knows the other's MAC."""
    number = next(_NUMBERS)
    names = {each: f"netlab:taps-{os.getpid()}-{number}:{each}" for each in ("one", "two")}
    try:
        for name in names.values():
            create(name)
        link = f"link add eth0 address {_MACS['one']} type veth peer name eth0 address {_MACS['two']}"
        run(["ip", "-n", names["one"], "-batch", "-"], f"{link} netns {names['two']}\n")
        for each, other, last in (("one", "two", 1), ("two", "one", 2)):
            lines = [
                "link set eth0 up",
                f"addr add 192.0.2.{last}/24 dev eth0",
                f"addr add 2001:db8::{last}/64 dev eth0 nodad",
                f"neigh add 192.0.2.{3 - last} lladdr {_MACS[other]} dev eth0 nud permanent",
                f"neigh add 2001:db8::{3 - last} lladdr {_MACS[other]} dev eth0 nud permanent",
            ]
            run(["ip", "-n", names[each], "-batch", "-"], "\n".join(lines) + "\n")
        for name in names.values():
            wait_devices(name, ["eth0"])
        yield names
    finally:
        for name in names.values():
            ensure_absent(name)


@pytest.fixture
def taps() -> Iterator[ExitStack]:
    """What is closed at the end."""
    with ExitStack() as stack:
        yield stack


def _opened(stack: ExitStack, *arguments: str, **options: object) -> Tap:
    tap = Tap(*arguments, **options)  # type: ignore[arg-type]
    stack.callback(tap.close)
    return tap


def _packet(dst: str) -> bytes:
    src = "2001:db8::1" if ":" in dst else "192.0.2.1"
    return encode(Packet(ip_address(src), ip_address(dst), 17, 1, 2, size=16), _COOKIE, ident=1, mtu=1500)[0]


def _frame(packet: bytes) -> bytes:
    macs = b"".join(bytes.fromhex(_MACS[each].replace(":", "")) for each in ("two", "one"))
    return macs + (b"\x08\x00" if packet[0] >> 4 == 4 else b"\x86\xdd") + packet


def _read(tap: Tap) -> list[Frame]:
    """Wait until a frame is there, and read it: what one end sends may be with the other a moment later."""
    assert select.select([tap], [], [], 10)[0], f"{tap.name}: no frame came"
    return tap.read()


@pytest.mark.parametrize("address", ["192.0.2.2", "2001:db8::2"])
def test_a_tap_sees_what_comes_in_and_not_what_it_sent(pair: dict[str, str], taps: ExitStack, address: str) -> None:
    """The other end sees the packet, unchanged; the sender's own tap stays silent."""
    one, two = _opened(taps, pair["one"], "eth0"), _opened(taps, pair["two"], "eth0")
    one.send(_frame(_packet(address)))
    (frame,) = _read(two)

    assert frame.packet == _packet(address)
    assert not frame.outgoing
    assert frame.time_us > 0
    assert one.read() == []
    assert two.read() == []


def test_a_second_tap_sees_what_leaves(pair: dict[str, str], taps: ExitStack) -> None:
    """As tcpdump in an instance sees what it sends."""
    one, other = _opened(taps, pair["one"], "eth0"), _opened(taps, pair["one"], "eth0")
    one.send(_frame(_packet("192.0.2.2")))

    assert [frame.outgoing for frame in _read(other)] == [True]


@pytest.mark.parametrize("address", ["192.0.2.2", "2001:db8::2"])
def test_a_tap_does_not_see_other_traffic(pair: dict[str, str], taps: ExitStack, address: str) -> None:
    """Only netlab's own mark counts, unless everything is asked for."""
    own = _opened(taps, pair["two"], "eth0")
    everything = _opened(taps, pair["two"], "eth0", everything=True)
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with entered(pair["one"]), socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.sendto(b"real", (address, 9))

    while not any(frame.packet.endswith(b"real") for frame in _read(everything)):
        pass  # the kernel's own messages
    assert own.read() == []


DESTINATIONS = [
    ("192.0.2.2", True),
    ("192.0.2.3", False),
    ("192.0.3.2", False),
    ("192.0.2.9", True),
    ("2001:db8::2", True),
    ("2001:db8::3", False),
    ("2001:db8:0:1::2", False),
    ("2001:db9::2", False),
    ("2001:db8:7::9", True),
]


@pytest.mark.parametrize(("address", "seen"), DESTINATIONS)
def test_a_tap_for_some_destinations_sees_only_those(
    pair: dict[str, str], taps: ExitStack, address: str, seen: bool
) -> None:
    """On all devices of the namespace; neighbours of an address are none of its business. The last one is seen."""
    wanted = [ip_address(each) for each in ("192.0.2.2", "192.0.2.9", "2001:db8::2", "2001:db8:7::9")]
    one, two = _opened(taps, pair["one"], "eth0"), _opened(taps, pair["two"], destinations=wanted)
    one.send(_frame(_packet(address)))
    one.send(_frame(_packet("192.0.2.9")))

    packets: list[bytes] = []
    while _packet("192.0.2.9") not in packets[int(seen) :]:
        packets += [frame.packet for frame in _read(two)]
    assert packets == [*([_packet(address)] if seen else []), _packet("192.0.2.9")]


def test_a_frame_above_the_mtu_is_refused_by_the_kernel(pair: dict[str, str], taps: ExitStack) -> None:
    """1500 bytes pass, 1501 do not."""
    one, two = _opened(taps, pair["one"], "eth0"), _opened(taps, pair["two"], "eth0")
    ends = ip_address("192.0.2.1"), ip_address("192.0.2.2")
    fits, big = (
        encode(Packet(*ends, 17, 1, 2, size=size, df=True), _COOKIE, ident=1, mtu=1500)[0] for size in (1472, 1473)
    )
    one.send(_frame(fits))
    with pytest.raises(OSError, match=os.strerror(errno.EMSGSIZE)):
        one.send(_frame(big))

    assert [len(frame.packet) for frame in _read(two)] == [1500]


@pytest.mark.parametrize("address", ["192.0.2.2", "2001:db8::2"])
def test_a_namespace_originates_packets_of_its_own(pair: dict[str, str], taps: ExitStack, address: str) -> None:
    """Its routes and neighbours lead them."""
    originator = Originator(pair["one"])
    taps.callback(originator.close)
    two = _opened(taps, pair["two"], "eth0")
    originator.send(_packet(address), ip_address(address))

    assert [frame.packet for frame in _read(two)] == [_packet(address)]


def test_the_kernel_is_asked_about_a_device(pair: dict[str, str]) -> None:
    """Its MAC and its MTU; an absent one is named."""
    facts = device_facts(pair["one"], "eth0")

    assert (facts.mac.hex(":"), facts.mtu) == (_MACS["one"], 1500)
    with pytest.raises(KernelError, match=f"{pair['one']} eth7: asking about the device: No such device"):
        device_facts(pair["one"], "eth7")
    with pytest.raises(KernelError, match=f"{pair['one']} eth7: opening a tap: No such device"):
        Tap(pair["one"], "eth7")


def test_the_addresses_of_a_namespace_are_listed(pair: dict[str, str]) -> None:
    """Both families."""
    found = local_addresses(pair["two"])

    assert {ip_address("192.0.2.2"), ip_address("2001:db8::2")} <= found
    assert ip_address("192.0.2.1") not in found
