"""
Changes under load: while packets run through a card as fast as they can be sent, its rules change two hundred times.

Packets are counted where they arrive, by rules of the test's own in the receiver's namespace: no buffer can overflow.
"""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from ipaddress import ip_address

import netlab
from netlab.control import completed
from netlab.formats import parse_lab
from netlab.kernel.netns import entered
from netlab.kernel.taps import device_facts
from netlab.model.changes import AddPrefix, RemovePrefix
from netlab.model.network import Network
from netlab.model.packets import Packet
from netlab.plan.nouns import card_name, kernel_name
from netlab.probe.encoding import encode, ones_complement

LAB = """
name: atomic
vpc: {cidr: 10.0.0.0/16}
subnets: {public: {cidr: 10.0.1.0/24, internet: true}}
prefix_lists:
  homes: {max_entries: 9, entries: [198.51.100.0/24]}
security_groups:
  # What is open to all in one is narrow in the other: flows are untracked here and tracked there.
  datagrams-open:
    ingress:
      - {udp: 7001, from: 0.0.0.0/0}
      - {tcp: 22, from: 198.51.100.0/24}
      - {udp: 7002, from: homes}
  logins-open:
    ingress:
      - {udp: 7001, from: 198.51.100.0/25}
      - {tcp: 22, from: 0.0.0.0/0}
      - {udp: 7002, from: homes}
  # No answer to everybody: every flow is tracked.
  closed:
    ingress:
      - {udp: 7001, from: 198.51.100.0/26}
      - {tcp: 22, from: 198.51.100.7/32}
      - {udp: 7002, from: homes}
    egress: [{udp: 1024-65535, to: 198.51.100.0/24}]
instances: {ec2: {subnet: public, ip: 10.0.1.10, public_ip: 3.95.203.191, security_groups: [datagrams-open]}}
hosts: {laptop: {ip: 198.51.100.7}}
"""

CHANGES = 200

SENDER = """
import select, socket, sys
frames = [bytes.fromhex(each) for each in sys.argv[2:]]
sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
sock.bind((sys.argv[1], 0))
rounds = 0
while not select.select([sys.stdin], [], [], 0)[0]:
    for _ in range(50):
        for frame in frames:
            sock.send(frame)
    rounds += 50
    if rounds == 50:
        print("under way", flush=True)
print(rounds, flush=True)
"""


@dataclass(frozen=True)
class Stream:
    """One kind of packet, sent over and over; ``text`` is what iptables calls it where it arrives."""

    packet: Packet
    text: str


def _inward(protocol: int, sport: int, dport: int, flags: str = "") -> Stream:
    packet = Packet(ip_address("198.51.100.7"), ip_address("3.95.203.191"), protocol, sport, dport, flags, size=16)
    return Stream(packet, f"-p {protocol} --sport {sport} --dport {dport}")


def _outward(protocol: int, sport: int, dport: int) -> Stream:
    packet = Packet(ip_address("10.0.1.10"), ip_address("198.51.100.7"), protocol, sport, dport, size=16)
    return Stream(packet, f"-p {protocol} --sport {sport} --dport {dport}")


ADMITTED = (_inward(17, 4001, 7001), _inward(6, 4002, 22, "PA"), _inward(17, 4003, 7002))
DENIED = (_inward(17, 4001, 7000), _inward(6, 22, 4002, "PA"), _inward(17, 7001, 4001), _inward(6, 4004, 23, "S"))
ANSWERS = (_outward(17, 7001, 4001), _outward(17, 7002, 4003))


def _run(namespace: str, *command: str) -> str:
    with entered(namespace):
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@contextmanager
def _pouring(lab: str, node: str, peer: tuple[str, str], streams: tuple[Stream, ...]) -> Iterator[Callable[[], int]]:
    """Send from a node in a process of its own; the function handed over ends it, and tells how often each was sent."""
    namespace = kernel_name(lab, node)
    head = device_facts(kernel_name(lab, peer[0]), peer[1]).mac + device_facts(namespace, "eth0").mac + b"\x08\x00"
    frames = []
    for number, stream in enumerate(streams):
        (data,) = encode(stream.packet, bytes(16), ident=number, mtu=1500)
        frames.append((head + _unmarked(data)).hex())
    with entered(namespace):
        process = subprocess.Popen(
            [sys.executable, "-c", SENDER, "eth0", *frames], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "under way\n"
        yield lambda: int(process.communicate("end")[0])
    finally:
        process.kill()
        process.wait()


def _unmarked(data: bytes) -> bytes:
    """Return an IPv4 packet with an ordinary traffic class: bulk traffic is not logged one by one."""
    plain = bytearray(data)
    plain[1] = 0
    plain[10:12] = bytes(2)
    plain[10:12] = ones_complement(plain[:20]).to_bytes(2, "big")
    return bytes(plain)


def _count_arrivals(lab: str, node: str, streams: tuple[Stream, ...]) -> Callable[[], list[int]]:
    """Count what arrives at a node; the function returned tells how many of each stream did."""
    namespace = kernel_name(lab, node)
    for stream in streams:
        _run(namespace, "iptables-legacy", "-w", "-t", "raw", "-A", "PREROUTING", *stream.text.split())

    def counts() -> list[int]:
        lines = _run(namespace, "iptables-legacy", "-w", "-t", "raw", "-vxnL", "PREROUTING").splitlines()[2:]
        return [int(line.split()[0]) for line in lines[-len(streams) :]]

    return counts


def _change_often(net: Network) -> None:
    """Replace the groups, and between two replacements touch a list that both name, and a rule that decides nothing."""
    groups = ("logins-open", "closed", "datagrams-open")
    for number in range(CHANGES // 4):
        net.attach("ec2", groups[number % 3])
        net.change((RemovePrefix if number % 2 else AddPrefix)("homes", "192.0.2.0/24"))
        net.attach("ec2", groups[(number + 1) % 3])
        if number % 2:
            net.revoke("closed", ingress="tcp/9999 from 192.0.2.0/24")
        else:
            net.authorize("closed", ingress="tcp/9999 from 192.0.2.0/24")


def _settled(counts: Callable[[], list[int]], wanted: list[int]) -> list[int]:
    """Return the counts once they are as wanted, or after two seconds as they are."""
    end = time.monotonic() + 2
    while (found := counts()) != wanted and time.monotonic() < end:
        pass
    return found


def test_a_change_loses_nothing_and_lets_nothing_in() -> None:
    """What every ruleset admits arrives, what none does never, however the classes of flows change."""
    lab = completed(parse_lab(LAB, "atomic.yaml"))
    with ExitStack() as stack:
        net = stack.enter_context(netlab.running(lab))
        name = net.lab.name
        at_ec2 = _count_arrivals(name, "ec2", (*ADMITTED, *DENIED))
        at_laptop = _count_arrivals(name, "laptop", ANSWERS)
        inward = stack.enter_context(_pouring(name, "laptop", (":internet", "h0"), (*ADMITTED, *DENIED)))
        outward = stack.enter_context(_pouring(name, "ec2", (card_name("ec2", "eth0"), "inst"), ANSWERS))
        _change_often(net)
        sent_in, sent_out = inward(), outward()
        found_in = _settled(at_ec2, [sent_in] * len(ADMITTED) + [0] * len(DENIED))
        found_out = _settled(at_laptop, [sent_out] * len(ANSWERS))

    assert min(sent_in, sent_out) > CHANGES
    assert found_in == [sent_in] * len(ADMITTED) + [0] * len(DENIED)
    assert found_out == [sent_out] * len(ANSWERS)
