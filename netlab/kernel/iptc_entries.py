"""
One planned rule as the bytes that libiptc takes, built with python-iptables; and the traps of that library closed.

- It frees the scratch buffer of an extension and leaves its address behind: here the buffer lives as long as the
  extension (`_Held`).
- Its `final_check` re-reads every parameter through file descriptor 1 of the process: here it only checks.
- To tell a chain from a target it opens all five tables of whatever namespace it is in, which switches NAT on there:
  here the builder says which it is.
- Its IPv6 rules compare only the lowest bit of each letter of a device's name: here the mask is written whole.
- `NOTRACK` loses its flag: here it is spelled `CT --notrack`.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass

import iptc
from iptc.errors import XTablesError

from netlab.errors import KernelError
from netlab.plan.nouns import FilterRule, Match, Target

_NAME_SIZE = 16
_LONGEST = {"comment": 255, "nflog-prefix": 63}  # longer ones are cut in silence
_SEVERAL_WORDS = {"match-set", "add-set", "del-set", "map-set", "tcp-flags"}


@dataclass(frozen=True, slots=True)
class Extension:
    """A match or target as bytes: what user space wrote, without what the kernel keeps in the same place."""

    name: bytes
    revision: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Entry:
    """
    A rule ready to be appended in any namespace (but for one that names an ipset: its number is the namespace's).

    Attributes:
        buffer: The whole entry, as ctypes holds it.
        head: The part with addresses, devices, protocol and flags.
        target: None where ``verdict`` says it all.
        verdict: A built-in verdict or a chain; empty for an extension.
    """

    buffer: ctypes.Array[ctypes.c_ubyte]
    head: bytes
    matches: tuple[Extension, ...]
    target: Extension | None
    verdict: str


class _Held:
    """Keeps an extension's scratch space, which python-iptables frees at once."""

    def _hold(self) -> None:
        size = getattr(self._module, "udata_size", 0)  # type: ignore[attr-defined]
        if size:
            self._scratch = (ctypes.c_ubyte * size)()
            self._module.udata = ctypes.cast(self._scratch, ctypes.c_void_p)  # type: ignore[attr-defined]


class HeldMatch(iptc.Match, _Held):  # type: ignore[misc]
    """A match whose scratch space lives as long as it does."""

    def reset(self) -> None:
        """Clear it, and give it scratch space of its own."""
        super().reset()
        self._hold()


class HeldTarget(iptc.Target, _Held):  # type: ignore[misc]
    """A target whose scratch space lives as long as it does."""

    def reset(self) -> None:
        """Clear it, and give it scratch space of its own."""
        super().reset()
        self._hold()

    def _is_standard_target(self) -> bool:
        """Tell a jump to a chain, without asking the tables of the namespace."""
        return bool(self._rule.jumps_to_chain)


def build_entry(rule: FilterRule, family: int, chains: frozenset[str]) -> Entry:
    """
    Build a rule's entry.

    Args:
        chains: The names that are chains, when a target has one of them.

    Raises:
        KernelError: An extension is not there, or does not take an option.
    """
    raw = iptc.Rule() if family == 4 else iptc.Rule6()
    raw.jumps_to_chain = rule.target.name in chains
    ip = raw.get_ip()
    _write_head(raw, ip, rule)
    comment = (Match("comment", (("comment", rule.comment),)),) if rule.comment else ()
    matches = tuple(_add_match(raw, match) for match in (*rule.matches, *comment))
    target = _set_target(raw, rule.target)
    buffer = raw.rule
    if buffer is None:
        raise KernelError(f"rule {rule.comment or rule.target.name}: python-iptables made no entry of it")
    verdict = rule.target.name if _is_verdict(rule.target, raw) else ""
    return Entry(
        buffer=buffer,
        head=ctypes.string_at(ctypes.addressof(buffer), ctypes.sizeof(ip)),
        matches=matches,
        target=None if verdict else target,
        verdict=verdict,
    )


def extension_at(address: int, user_size: int = -1) -> Extension:
    """Read a match or target from memory; *user_size* bytes of its data (-1 = all)."""
    size = int.from_bytes(ctypes.string_at(address, 2), "little")
    head = ctypes.string_at(address, _EXTENSION_HEAD)
    data = ctypes.string_at(address + _EXTENSION_HEAD, size - _EXTENSION_HEAD)
    name = head[2:31].partition(b"\0")[0]
    return Extension(name, head[31], data if user_size < 0 else data[:user_size])


_EXTENSION_HEAD = ctypes.sizeof(iptc.xtables.xt_entry_match)


def _write_head(raw: iptc.Rule, ip: ctypes.Structure, rule: FilterRule) -> None:
    if rule.source is not None and rule.source.prefixlen:
        raw.src = str(rule.source)
    if rule.destination is not None and rule.destination.prefixlen:
        raw.dst = str(rule.destination)
    if rule.protocol:
        raw.protocol = str(rule.protocol)  # a number: `ipv6-icmp` is a name that Rule6 does not know
    for side, name in (("in", rule.in_interface), ("out", rule.out_interface)):
        if name:
            _write_interface(ip, side, name)


def _write_interface(ip: ctypes.Structure, side: str, name: str) -> None:
    bare = name.removeprefix("!").strip()
    if len(bare) >= _NAME_SIZE:
        raise KernelError(f"device {bare}: found {len(bare)} letters, wanted at most {_NAME_SIZE - 1}")
    if name.startswith("!"):
        ip.invflags |= ip.__class__.__dict__.get(
            "IPT_INV_VIA_" + side.upper(), ip.__class__.__dict__.get("IP6T_INV_VIA_" + side.upper())
        )
    whole = not bare.endswith("+")
    letters = bare.removesuffix("+").encode()
    setattr(ip, side + "iface", letters)
    setattr(ip, side + "iface_mask", b"\xff" * (len(letters) + whole))


def _add_match(raw: iptc.Rule, match: Match) -> Extension:
    try:
        made = HeldMatch(raw, name=match.name)
    except XTablesError as error:
        raise KernelError(f"match {match.name}: {error}") from error
    _set_options(made, match)
    raw.add_match(made)
    user_size = made.usersize - _EXTENSION_HEAD
    return extension_at(ctypes.addressof(made.match_buf), user_size)


def _set_target(raw: iptc.Rule, target: Target) -> Extension:
    if target.name == "NOTRACK":
        target = Target("CT", (("notrack", ""),))
    try:
        made = HeldTarget(raw, name=target.name, goto=target.goto)
    except XTablesError as error:
        raise KernelError(f"target {target.name}: {error}") from error
    _set_options(made, target)
    raw.target = made
    return extension_at(ctypes.addressof(made.target), made.usersize - _EXTENSION_HEAD)


def _set_options(made: HeldMatch | HeldTarget, wanted: Match | Target) -> None:
    """Parse the options and check them at once: the state of the check is the library's, one for all rules."""
    for option, value in wanted.options:
        if len(value.encode()) > _LONGEST.get(option, len(value.encode())):
            raise KernelError(
                f"{wanted.name}: --{option}: found {len(value.encode())} bytes, wanted {_LONGEST[option]}"
            )
        try:
            made.set_parameter(option, _argument(option, value))
        except (XTablesError, ValueError, AttributeError) as error:
            raise KernelError(f"{wanted.name}: --{option} {value}: {_reason(error)}") from error
    try:
        made._final_check()  # noqa: SLF001 - the public one re-reads all parameters through stdout
    except XTablesError as error:
        raise KernelError(f"{wanted.name}: {dict(wanted.options)}: {_reason(error)}") from error


def _argument(option: str, value: str) -> str | list[str]:
    if option not in _SEVERAL_WORDS:
        return value
    bare = value.removeprefix("!")
    return ["!", *bare.split()] if value.startswith("!") else bare.split()


def _is_verdict(target: Target, raw: iptc.Rule) -> bool:
    return raw.jumps_to_chain or target.name in {"ACCEPT", "DROP", "RETURN"}


def _reason(error: Exception) -> str:
    return str(error) or "not taken"
