"""
What `iptables-save` prints, read back: chains, counters, and each rule as a set of words that can be compared.

The same words are made from a planned rule, so that a listing can be held against a plan whatever the spelling:
`22:22` and `22`, `0x1` and `1`, `ESTABLISHED,RELATED` and `RELATED,ESTABLISHED`. It starts no program.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from netlab.plan.nouns import FilterRule, Match, Table, Target

Words = frozenset[str]

BUILT_IN = {
    "filter": ("INPUT", "FORWARD", "OUTPUT"),
    "raw": ("PREROUTING", "OUTPUT"),
    "mangle": ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"),
    "nat": ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"),
}

_PROTOCOLS = {"icmp": 1, "tcp": 6, "udp": 17, "esp": 50, "ah": 51, "icmpv6": 58, "ipv6-icmp": 58, "sctp": 132}
_PROTOCOLS |= {"udplite": 136, "dccp": 33, "gre": 47, "mh": 135, "ipv6-mh": 135, "ipencap": 4, "ipv6": 41}
_HEAD = {"-s": "source", "-d": "destination", "-p": "protocol", "-i": "in", "-o": "out"}
_DEFAULTS = {"connlimit-saddr", "limit-burst=5", "nflog-group=0", "nflog-threshold=1"}  # said, or left out: the same
_DEFAULTS |= {"nfmask=4294967295", "ctmask=4294967295"}
_ONE_MARK = {"set-mark": "{0}/4294967295", "or-mark": "{0}/{0}"}  # printed as --set-xmark
_COUNTERS = re.compile(r"\[(\d+):(\d+)\]")
_WORD = re.compile(r'"((?:[^"\\]|\\.)*)"|(\S+)')
_TEXT = {"comment", "nflog-prefix"}


@dataclass(frozen=True, slots=True)
class SavedRule:
    """A rule as listed: ``text`` is all behind ``-A CHAIN``."""

    text: str
    packets: int = 0
    octets: int = 0


@dataclass(slots=True)
class SavedChain:
    """A chain as listed; ``policy`` is empty for one that is not built in."""

    name: str
    policy: str
    packets: int = 0
    octets: int = 0
    rules: list[SavedRule] = field(default_factory=list)


def parse_saved(text: str) -> dict[str, dict[str, SavedChain]]:
    """Read a listing, with or without counters: chains by name, by table."""
    tables: dict[str, dict[str, SavedChain]] = {}
    chains: dict[str, SavedChain] = {}
    for line in text.splitlines():
        if line.startswith("*"):
            chains = tables.setdefault(line[1:], {})
        elif line.startswith(":"):
            name, policy, counters = line[1:].split(" ", 2)
            packets, octets = _counters(counters)
            chains[name] = SavedChain(name, policy.replace("-", ""), packets, octets)
        elif line.startswith(("-A ", "[")):
            packets, octets = _counters(line)
            _, _, rest = line.partition("-A ")
            name, _, words = rest.partition(" ")
            chains[name].rules.append(SavedRule(words, packets, octets))
    return tables


def first_difference(table: Table, saved: dict[str, SavedChain]) -> str:
    """Tell where a listed table first differs from the planned one; empty = nowhere."""
    planned = {chain.name: chain for chain in table.chains}
    for name in sorted(saved.keys() - planned.keys()):
        if name not in BUILT_IN[table.name]:
            return f"chain {name}: found, wanted no such chain"
        if saved[name].rules or saved[name].policy != "ACCEPT":
            found = f"{len(saved[name].rules)} rules, policy {saved[name].policy}"
            return f"chain {name}: found {found}, wanted an empty chain, policy ACCEPT"
    for name, chain in planned.items():
        if name not in saved:
            # An empty listing is what a table looks like that was never touched.
            if not chain.rules and chain.policy in {"", "ACCEPT"} and not saved:
                continue
            return f"chain {name}: not found"
        wanted_policy = chain.policy or ("ACCEPT" if name in BUILT_IN[table.name] else "")
        if saved[name].policy != wanted_policy:
            return f"chain {name}: found policy {saved[name].policy or 'none'}, wanted {wanted_policy or 'none'}"
        said = _first_rule_difference(name, chain.rules, saved[name].rules)
        if said:
            return said
    return ""


def words_from_rule(rule: FilterRule) -> Words:
    """Return the words of a planned rule."""
    words = set()
    for key, network in (("source", rule.source), ("destination", rule.destination)):
        if network is not None and network.prefixlen:
            words.add(f"{key} {network}")
    if rule.protocol:
        words.add(f"protocol {rule.protocol}")
    words |= {f"{key} {name}" for key, name in (("in", rule.in_interface), ("out", rule.out_interface)) if name}
    for match in rule.matches:
        words |= _extension_words("match", match)
    if rule.comment:
        words |= _extension_words("match", Match("comment", (("comment", rule.comment),)))
    return frozenset(words | _extension_words("goto" if rule.target.goto else "jump", rule.target))


def words_from_text(text: str) -> Words:
    """Return the words of a listed rule."""
    words: set[str] = set()
    owner, negated = "", ""
    for key, values in _options(text):
        if key == "!":
            negated = "!"
        elif key in _HEAD:
            words.add(_head_word(_HEAD[key], negated + values[0]))
            negated = ""
        elif key in {"-m", "-j", "-g"}:
            kind = {"-m": "match", "-j": "jump", "-g": "goto"}[key]
            owner = f"{kind} {values[0]}"
            words |= _extension_words(kind, Target(values[0]))
        else:
            words |= _option_words(owner, key.removeprefix("--"), negated + " ".join(values))
            negated = ""
    return frozenset(words)


def comment_from_text(text: str) -> str:
    """Return the comment of a listed rule; empty = none."""
    return next((values[0] for key, values in _options(text) if key == "--comment" and values), "")


def _first_rule_difference(chain: str, planned: Sequence[FilterRule], saved: Sequence[SavedRule]) -> str:
    for number, (rule, found) in enumerate(zip(planned, saved, strict=False), start=1):
        wanted, words = words_from_rule(rule), words_from_text(found.text)
        if wanted != words:
            missing = ", ".join(sorted(wanted - words)) or "nothing more"
            return f"chain {chain} rule {number}: found {found.text!r}, wanted also: {missing}"
    if len(planned) != len(saved):
        return f"chain {chain}: found {len(saved)} rules, wanted {len(planned)}"
    return ""


def _options(text: str) -> Iterator[tuple[str, list[str]]]:
    """Cut a listed rule into options and their values; ``!`` stands alone, before what it negates."""
    key, values = "", list[str]()
    for quoted, plain in _WORD.findall(text):
        word = plain or re.sub(r"\\(.)", r"\1", quoted)
        is_text = key in {"--comment", "--nflog-prefix"} and not values  # may begin with a dash
        if is_text or (word != "!" and not word.startswith("-")):
            values.append(word)
            continue
        if key:
            yield key, values
        key, values = word, []
    if key:
        yield key, values


def _extension_words(kind: str, extension: Match | Target) -> set[str]:
    if extension.name == "NOTRACK":  # an old name, listed as what it stands for
        return _extension_words(kind, Target("CT", (("notrack", ""),)))
    owner = f"{kind} {extension.name}"
    words = {owner}
    for option, value in extension.options:
        words |= _option_words(owner, option, value)
    return words


def _option_words(owner: str, option: str, value: str) -> set[str]:
    if option in _TEXT:
        return {f"{owner} {option}={value}"}
    bare = value.removeprefix("!").strip()
    bang = "!" if value.startswith("!") else ""
    value = " ".join(_canonical(word) for word in bare.split())
    if option in _ONE_MARK:
        option, value = "set-xmark", _ONE_MARK[option].format(value.partition("/")[0])
    value = value if option == "set-xmark" else value.removesuffix("/4294967295")
    said = f"{option}={value}" if value else option
    return set() if said in _DEFAULTS else {f"{owner} {bang}{said}"}


def _canonical(word: str) -> str:
    """Spell a value in the one way that is compared: numbers decimal, lists sorted, ranges of one as one."""
    word = re.sub(r"\b0[xX][0-9a-fA-F]+\b", lambda found: str(int(found[0], 16)), word)
    word = word.replace("/second", "/sec").replace("/minute", "/min")
    if "," in word and "=" not in word:
        word = ",".join(sorted(word.split(",")))
    low, colon, high = word.partition(":")
    if colon and low.isdigit() and high in {low, ""}:
        return low if high else f"{low}:65535"
    return word


def _head_word(key: str, value: str) -> str:
    if key == "protocol" and not value.lstrip("!").isdigit():
        bang, name = ("!", value[1:]) if value.startswith("!") else ("", value)
        return f"protocol {bang}{_protocol_number(name)}"
    return f"{key} {value}"


def _protocol_number(name: str) -> int:
    if name in _PROTOCOLS:
        return _PROTOCOLS[name]
    try:
        return socket.getprotobyname(name)
    except OSError:
        return -1


def _counters(text: str) -> tuple[int, int]:
    found = _COUNTERS.match(text)
    return (int(found[1]), int(found[2])) if found else (0, 0)
