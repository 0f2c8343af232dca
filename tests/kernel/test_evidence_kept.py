"""`netlab check --evidence`: packets at every tap, records of every gate, counters before and after, versions."""

import json
import os
import re
import socket
from pathlib import Path

import pytest
from scapy.utils import PcapNgReader

import netlab
from netlab.check.play import play_lab
from netlab.cli.evidence import with_evidence, write_versions
from netlab.live.evidence import gathering
from netlab.live.lab import throw_away
from netlab.probe.pcapng import Captured, pcapng_bytes

SO_RCVBUFFORCE = 33
TAPS = ["ec2 eth0", "card ec2 inst", "card ec2 vpc", "igw vpc", "igw inet", "laptop eth0"]


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The evidence of two rows and a story of the lab `stateful`."""
    folder = tmp_path_factory.mktemp(f"evidence{os.getpid()}")
    lab = netlab.load("stateful")
    with throw_away(lab) as wire, gathering(wire) as evidence:
        names = ("laptop to ec2 tcp/22", "laptop to ec2 tcp/80", "answer comes back")
        reports = list(with_evidence(play_lab(netlab.in_lockstep(wire), lab, names), evidence, folder))
    write_versions(folder)

    assert [report.ok for report in reports] == [True, True, True]
    return folder


def _seen(file: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    with PcapNgReader(str(file)) as reader:
        for packet in reader:
            if packet.haslayer("TCP"):  # a device that is new also says a word of its own
                found.setdefault(packet.sniffed_on, []).append(packet.sprintf("%TCP.flags%"))
    return found


def test_each_row_and_story_has_a_folder(kept: Path) -> None:
    """In the order played, named by its words."""
    assert sorted(path.name for path in kept.iterdir()) == [
        "01-laptop-to-ec2-tcp-22",
        "02-laptop-to-ec2-tcp-80",
        "03-the-answer-comes-back-though-no-rule-lets-it-in",
        "versions.json",
    ]


def test_a_delivered_packet_is_kept_at_every_tap_on_its_way(kept: Path) -> None:
    """The three of the handshake, each at all six; and other hosts' taps saw nothing."""
    seen = _seen(kept / "01-laptop-to-ec2-tcp-22" / "packets.pcapng")

    assert seen == {tap: ["S", "SA", "A"] for tap in TAPS}


def test_a_lost_packet_is_kept_up_to_the_card_and_never_at_the_instance(kept: Path) -> None:
    """The row beside it, delivered, is seen there."""
    seen = _seen(kept / "02-laptop-to-ec2-tcp-80" / "packets.pcapng")

    assert [tap for tap in TAPS if "S" in seen.get(tap, [])] == ["card ec2 vpc", "igw vpc", "igw inet", "laptop eth0"]


def test_the_gates_records_are_kept(kept: Path) -> None:
    """Each with its namespace, its tag and the packet; of one row those of that row alone."""
    delivered, lost = (
        json.loads((kept / name / "records.json").read_text(encoding="utf-8"))
        for name in ("01-laptop-to-ec2-tcp-22", "02-laptop-to-ec2-tcp-80")
    )

    assert ("ec2:eth0", "+ingress UNTRACKED sgr-ssh") in {(each["namespace"], each["said"]) for each in delivered}
    assert [each["said"] for each in lost] == ["+acl/default/ingress ACL 100", "-ingress NO_RULE"]
    assert all(bytes.fromhex(each["packet"])[0] >> 4 == 4 and each["time_us"] for each in (*delivered, *lost))


def test_the_counters_before_and_after_differ_by_what_happened(kept: Path) -> None:
    """One packet dropped by the card; none before."""
    counted = json.loads((kept / "02-laptop-to-ec2-tcp-80" / "counters.json").read_text(encoding="utf-8"))
    before, after = (counted[when]["ec2:eth0"]["-ingress NO_RULE"] for when in ("before", "after"))

    assert (before, after) == (0, 1)


def test_the_versions_name_kernel_and_tools(kept: Path) -> None:
    """What it takes to do it again."""
    found = json.loads((kept / "versions.json").read_text(encoding="utf-8"))

    assert {"netlab", "kernel", "python", "iptables-legacy", "nft", "ipset", "scapy", "pyroute2"} <= set(found)
    assert os.uname().release in found["kernel"]


def test_the_report_is_what_check_prints_with_every_trail(kept: Path) -> None:
    """Also of what came out as expected."""
    text = (kept / "01-laptop-to-ec2-tcp-22" / "report.txt").read_text(encoding="utf-8")

    assert text.startswith("ok        laptop to ec2 tcp/22: delivered\n")
    assert "trail      laptop eth0: 198.51.100.7:49152 > 3.95.203.191:22 tcp S" in text


def test_what_a_tap_lost_is_said_beside_the_packets(tmp_path: Path) -> None:
    """A tap without room for a handshake: its name and how many; of the next row nothing, since there is room again."""
    lab = netlab.load("stateful")
    with throw_away(lab) as wire, gathering(wire) as evidence:
        network = netlab.in_lockstep(wire)
        played = play_lab(network, lab, ("laptop to ec2 tcp/22", "laptop to ec2 tcp/80"))
        rows = with_evidence(played, evidence, tmp_path)
        with socket.socket(fileno=os.dup(evidence.capture._open["laptop eth0"].fileno())) as sock:
            room = sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) // 2
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
            for _ in range(20):  # the least room a kernel gives may hold one handshake
                network.open("laptop", "ec2", tcp=22)
            next(rows)
            sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, room)
        next(rows)
    first, second = (path.read_text(encoding="utf-8") for path in sorted(tmp_path.glob("*/report.txt")))

    assert re.search(r"^packets.pcapng: frames of laptop eth0 were lost, .* full: [1-9]", first, re.MULTILINE)
    assert "frames of" not in second


def test_a_capture_without_packets_is_a_file_that_reads(tmp_path: Path) -> None:
    """Of no tap, of one that saw nothing, and of frames of odd sizes in any order."""
    for taps, frames, wanted in (
        ((), (), []),
        (("a",), (), []),
        (("a", "b"), (Captured("b", b"\0" * 61, False, 9), Captured("a", b"\1" * 15, True, 7)), [15, 61]),
    ):
        file = tmp_path / f"{len(frames)}{len(taps)}.pcapng"
        file.write_bytes(pcapng_bytes(taps, frames))
        with PcapNgReader(str(file)) as reader:
            assert [len(packet) for packet in reader] == wanted
