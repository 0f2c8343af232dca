"""
The default driver: python-iptables, on the legacy tables. Each table is replaced in one commit, then read back.

What is read back is compared twice: every raw entry with the one that was appended, and (once for each distinct rule)
what `iptables-legacy-save` says of it with what was planned. Importing this file loads libxtables and libiptc.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from threading import RLock
from typing import Any

import iptc
from iptc import IPTCError

from netlab.errors import KernelError
from netlab.kernel.iptc_entries import Entry, Extension, build_entry, extension_at
from netlab.kernel.iptc_options import read_options_as_laid_out
from netlab.kernel.netns import entered
from netlab.kernel.programs import run_inside
from netlab.kernel.saved import BUILT_IN, SavedChain, first_difference, parse_saved
from netlab.plan.nouns import Chain, FilterRule, Table

SAVE = {4: "iptables-legacy-save", 6: "ip6tables-legacy-save"}

LONGEST_CHAIN = 28


class IptcDriver:
    """
    Writes tables through libiptc, from one process and one thread at a time.

    Entries are built once for each distinct rule: they fit any namespace, but for those that name an ipset.
    """

    name = "iptc"

    def __init__(self) -> None:
        self._lock = RLock()
        self._entries: dict[tuple[int, FilterRule, bool], Entry] = {}
        self._proven: set[tuple[int, FilterRule]] = set()
        # libxtables forgets all extensions when it is set up again, as it is when the last reference goes.
        self._kept_alive = [iptc.xtables.xtables(proto) for proto in (2, 10)]
        read_options_as_laid_out()

    def replace(self, namespace: str, tables: Sequence[Table]) -> None:
        """
        Replace tables, each in one commit, and read them back; others are not touched.

        Raises:
            KernelError: The kernel refused, or holds something else than was meant.
        """
        with self._lock, entered(namespace):
            for table in tables:
                local: dict[FilterRule, Entry] = {}
                self._write(namespace, table, local)
                said = self._compare(table, local)
                if said:
                    raise KernelError(f"{namespace}: table {table.name} (IPv{table.family}): {said}")
            self._prove(namespace, tables)

    def list_differences(self, namespace: str, tables: Sequence[Table]) -> list[str]:
        """Return one line for each table that is not as planned."""
        lines = []
        with self._lock, entered(namespace):
            for table in tables:
                said = self._compare(table, {})
                if said:
                    lines.append(f"table {table.name} (IPv{table.family}): {said}")
        return lines

    def save(self, namespace: str, family: int, table: str) -> dict[str, SavedChain]:
        """Return a table as `iptables-legacy-save` lists it, with counters."""
        text = run_inside(namespace, [SAVE[family], "-c", "-t", table])
        return parse_saved(text).get(table, {})

    def _write(self, namespace: str, table: Table, local: dict[FilterRule, Entry]) -> None:
        try:
            handle = _open(table)
            for name in [chain.name for chain in handle.chains]:
                handle.flush_entries(name)
            for name in [chain.name for chain in handle.chains if not handle.builtin_chain(chain)]:
                handle.delete_chain(name)
            for name in BUILT_IN[table.name]:
                handle.set_policy(name, "ACCEPT")
            for chain in table.chains:
                if chain.name in BUILT_IN[table.name]:
                    handle.set_policy(chain.name, chain.policy or "ACCEPT")
                else:
                    _check_name(chain.name)
                    handle.create_chain(chain.name)
            for chain, rule in _rules(table):
                entry = self._entry(table, rule, local)
                handle.append_entry(chain.name, entry.buffer)
            handle.commit()
        except IPTCError as error:
            raise KernelError(f"{namespace}: table {table.name} (IPv{table.family}): {_text(error)}") from error

    def _entry(self, table: Table, rule: FilterRule, local: dict[FilterRule, Entry]) -> Entry:
        """Return a rule's entry; *local* holds those that fit this namespace alone."""
        jumps = rule.target.name not in {"ACCEPT", "DROP", "RETURN"} and any(
            chain.name == rule.target.name for chain in table.chains
        )
        names_a_set = rule.target.name == "SET" or any(match.name == "set" for match in rule.matches)
        if names_a_set:
            if rule not in local:
                local[rule] = build_entry(rule, table.family, _chain_names(rule, jumps))
            return local[rule]
        key = (table.family, rule, jumps)
        if key not in self._entries:
            self._entries[key] = build_entry(rule, table.family, _chain_names(rule, jumps))
        return self._entries[key]

    def _compare(self, table: Table, local: dict[FilterRule, Entry]) -> str:
        """Hold the raw entries in the kernel against those planned; empty = the same."""
        try:
            handle = _open(table)
        except IPTCError as error:
            raise KernelError(f"table {table.name} (IPv{table.family}): {_text(error)}") from error
        found = {chain.name for chain in handle.chains}
        planned = {chain.name: chain for chain in table.chains}
        for name in sorted(found | planned.keys()):
            if name not in found:
                return f"chain {name}: not found"
            if name not in planned and name not in BUILT_IN[table.name]:
                return f"chain {name}: found, wanted no such chain"
            said = self._compare_chain(handle, table, planned.get(name, Chain(name)), local)
            if said:
                return said
        return ""

    def _compare_chain(self, handle: Any, table: Table, chain: Chain, local: dict[FilterRule, Entry]) -> str:
        if chain.name in BUILT_IN[table.name]:
            policy = handle.get_policy(chain.name)[0].name
            if policy != (chain.policy or "ACCEPT"):
                return f"chain {chain.name}: found policy {policy}, wanted {chain.policy or 'ACCEPT'}"
        wanted = [self._entry(table, rule, local) for rule in chain.rules]
        number = 0
        for number, raw in enumerate(_walk(handle, chain.name), start=1):
            if number > len(wanted):
                return f"chain {chain.name}: found more than {len(wanted)} rules"
            said = _compare_entry(handle, raw, wanted[number - 1])
            if said:
                rule = chain.rules[number - 1]
                return f"chain {chain.name} rule {number} ({rule.comment or rule.target.name}): found another {said}"
        return "" if number == len(wanted) else f"chain {chain.name}: found {number} rules, wanted {len(wanted)}"

    def _prove(self, namespace: str, tables: Sequence[Table]) -> None:
        """Hold what `iptables-legacy-save` says of rules not seen before against what was planned."""
        for family in (4, 6):
            fresh = [t for t in tables if t.family == family and not self._is_proven(t)]
            if not fresh:
                continue
            saved = parse_saved(run_inside(namespace, [SAVE[family]]))
            for table in fresh:
                said = first_difference(table, saved.get(table.name, {}))
                if said:
                    raise KernelError(f"{namespace}: table {table.name} (IPv{family}): {said}")
                self._proven |= {(family, rule) for _, rule in _rules(table)}

    def _is_proven(self, table: Table) -> bool:
        return all((table.family, rule) in self._proven for _, rule in _rules(table))


def _open(table: Table) -> Any:
    """Open a table where the calling thread now is: the library's object stays bound to where it was last opened."""
    kind = iptc.Table if table.family == 4 else iptc.Table6
    known = table.name in kind._cache  # noqa: SLF001 - tells a fresh object, which is open already
    handle = kind(table.name, autocommit=False)
    if known:
        handle.refresh()
    return handle


def _check_name(chain: str) -> None:
    """Refuse what `iptables` refuses: libiptc would take one letter more, and tell no other program."""
    if len(chain) > LONGEST_CHAIN:
        raise KernelError(f"chain {chain}: found {len(chain)} letters, wanted at most {LONGEST_CHAIN}")


def _rules(table: Table) -> Iterator[tuple[Chain, FilterRule]]:
    return ((chain, rule) for chain in table.chains for rule in chain.rules)


def _chain_names(rule: FilterRule, jumps: bool) -> frozenset[str]:
    return frozenset({rule.target.name}) if jumps else frozenset()


def _walk(handle: Any, chain: str) -> Iterator[Any]:
    raw = handle.first_rule(chain)
    while raw:
        yield raw
        raw = handle.next_rule(raw)


def _compare_entry(handle: Any, raw: Any, wanted: Entry) -> str:
    """Tell what differs between a raw entry in the kernel and the one planned; empty = nothing."""
    address = ctypes.addressof(raw)
    if ctypes.string_at(address, len(wanted.head)) != wanted.head:
        return "source, destination, device, protocol or flag"
    found = list(_extensions(raw, address, wanted))
    if found != list(wanted.matches):
        return "match"
    if wanted.verdict:
        verdict = handle.get_target(raw)
        return "" if verdict is not None and verdict.decode() == wanted.verdict else "verdict"
    known = len(wanted.target.data) if wanted.target else 0
    return "" if extension_at(address + raw.target_offset, known) == wanted.target else "target"


def _extensions(raw: Any, address: int, wanted: Entry) -> Iterator[Extension]:
    offset, sizes = ctypes.sizeof(raw), iter(wanted.matches)
    while offset < raw.target_offset:
        extension = next(sizes, None)
        yield extension_at(address + offset, len(extension.data) if extension else -1)
        offset += int.from_bytes(ctypes.string_at(address + offset, 2), "little")


def _text(error: IPTCError) -> str:
    return str(error).replace("b'", "").replace("'", "")
