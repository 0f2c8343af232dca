"""What occurred while the two minds were compared: reasons, protocols, peers, changes, each with how often."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from netlab.check.judge import rule_of
from netlab.model.addresses import is_everywhere
from netlab.model.changes import Change
from netlab.model.packets import Packet
from netlab.model.rules import PROTOCOL_NAMES, Direction, GroupRef, PrefixListRef, Rule
from netlab.model.topology import Lab
from netlab.model.verdicts import Reason
from netlab.model.wire import Observation

PROTOCOLS = ("tcp", "udp", "icmp", "icmpv6", "gre", "esp", "sctp", "others")
PEERS = ("0.0.0.0/0", "::/0", "IPv4 CIDR", "IPv6 CIDR", "group", "self", "prefix list")
CHANGES = (
    "authorize", "revoke", "attach", "acl add", "acl remove", "prefix add", "prefix remove", "refused",
)  # fmt: skip

_CHANGE_WORDS = {
    "Authorize": "authorize", "Revoke": "revoke", "Attach": "attach", "AddAclEntry": "acl add",
    "RemoveAclEntry": "acl remove", "AddPrefix": "prefix add", "RemovePrefix": "prefix remove",
}  # fmt: skip


@dataclass(slots=True)
class Tally:
    """
    Counters of all that occurred.

    Attributes:
        verdicts: Packets on which both minds were asked and compared.
        left_out: Packets that were too near to a timer's edge to compare.
        reasons: Of every gate's passage, by the reason's name.
        peers: Of rules that admitted a packet.
    """

    labs: int = 0
    stories: int = 0
    verdicts: int = 0
    left_out: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    protocols: Counter[str] = field(default_factory=Counter)
    peers: Counter[str] = field(default_factory=Counter)
    changes: Counter[str] = field(default_factory=Counter)
    _peer_of: dict[str, str] = field(default_factory=dict)
    _lab: Lab | None = None

    def note(self, lab: Lab, observation: Observation) -> None:
        """Count what came of one step; *lab* is as it was then."""
        if lab is not self._lab:
            self._lab = lab
            self._peer_of.clear()
        for transit in observation.transits:
            self.protocols[_protocol(transit.sent)] += 1
            for passage in transit.passages:
                self.reasons[passage.reason.name] += 1
                if passage.reason in {Reason.RULE, Reason.UNTRACKED} and passage.rule is not None:
                    self._note_peer(lab, passage.rule)

    def note_change(self, change: Change, *, refused: bool) -> None:
        """Count a change."""
        self.changes[_CHANGE_WORDS[type(change).__name__]] += 1
        if refused:
            self.changes["refused"] += 1

    def missing(self) -> tuple[str, ...]:
        """Return what has not occurred and is wanted of a covering set."""
        wanted = (
            ("reason", self.reasons, [reason.name for reason in Reason]),
            ("protocol", self.protocols, PROTOCOLS),
            ("peer", self.peers, PEERS),
            ("change", self.changes, CHANGES),
        )
        return tuple(f"{kind} {name}" for kind, found, names in wanted for name in names if not found[name])

    def _note_peer(self, lab: Lab, rule_id: str) -> None:
        if rule_id not in self._peer_of:
            rule = rule_of(lab, rule_id)
            self._peer_of[rule_id] = "" if rule is None else _peer_words(lab, rule)
        if self._peer_of[rule_id]:  # one that came and went within a story is not looked for
            self.peers[self._peer_of[rule_id]] += 1


def _protocol(packet: Packet) -> str:
    name = PROTOCOL_NAMES.get(packet.protocol, "")
    return name if name in PROTOCOLS else "others"


def _peer_words(lab: Lab, rule: Rule) -> str:
    match rule.peer:
        case GroupRef(name):
            holder = next(
                (each.name for each in lab.groups.values() for way in Direction if rule in each.rules(way)), ""
            )
            return "self" if name == holder else "group"
        case PrefixListRef():
            return "prefix list"
        case network:
            return str(network) if is_everywhere(network) else f"IPv{network.version} CIDR"
