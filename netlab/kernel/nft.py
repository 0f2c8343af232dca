"""
nftables: what iptables cannot say. A namespace's tables are replaced in one transaction of `nft -f`; rules that
the tool cannot spell follow through pyroute2. A replaced table loses what its dynamic sets hold; others are not
touched.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from typing import Any

from pyroute2.netlink.exceptions import NetlinkError
from pyroute2.nftables.expressions import genex
from pyroute2.nftables.main import NFTables

from netlab.errors import KernelError
from netlab.kernel.netns import entered, in_throw_away
from netlab.kernel.programs import run_here, run_inside
from netlab.plan.nouns import NftTable

FAMILIES = {"inet": 1, "ip": 2, "arp": 3, "netdev": 5, "bridge": 7, "ip6": 10}
"""NFPROTO numbers.

Source:
    linux/netfilter.h.
"""

_DYNAMIC_SET = re.compile(r"^\s*set (\S+) \{[^{}]*\bflags [^;{}]*(?:dynamic|timeout)", re.MULTILINE)
"""A set whose flags, which its planned script says before any element, let it be filled by rules."""

_VOLATILE = {"handle", "position", "packets", "bytes"}


def replace(namespace: str, tables: Sequence[NftTable], dropped: Sequence[NftTable] = ()) -> None:
    """
    Put tables into a namespace, in the place of those of the same name, and delete the dropped ones.

    Raises:
        KernelError: The kernel refused; nothing has changed then (but raw rules may be missing).
    """
    if tables or dropped:
        with entered(namespace):
            _replace_here(namespace, tables, dropped)


def clear(namespace: str, tables: Sequence[NftTable]) -> None:
    """Empty the sets that rules fill."""
    lines = [
        f"flush set {table.family} {table.name} {name}"
        for table in tables
        for name in _DYNAMIC_SET.findall(table.script)
    ]
    if lines:
        run_inside(namespace, ["nft", "-f", "-"], "\n".join([*lines, ""]))


def list_differences(namespace: str, tables: Sequence[NftTable]) -> list[str]:
    """Return one line for each table that is not as planned: compared with the plan's own in a throw-away namespace."""
    if not tables:
        return []

    def planned() -> list[Any]:
        _replace_here("a throw-away namespace", tables, ())
        return _listing(run_here("a throw-away namespace", ["nft", "-j", "-s", "list", "ruleset"]))

    wanted = in_throw_away(planned)
    found = _listing(run_inside(namespace, ["nft", "-j", "-s", "list", "ruleset"]))
    return [
        f"nftables table {table.family} {table.name}: not as planned"
        for table in tables
        if _of_table(found, table) != _of_table(wanted, table)
    ]


def _replace_here(namespace: str, tables: Sequence[NftTable], dropped: Sequence[NftTable]) -> None:
    lines = []
    for table in (*dropped, *tables):
        name = f"table {table.family} {table.name}"
        lines += [f"add {name}", f"delete {name}"]  # an absent one cannot be deleted
    for table in tables:
        lines.append(f"table {table.family} {table.name} {{\n{table.script}\n}}")
    run_here(namespace, ["nft", "-f", "-"], "\n".join([*lines, ""]))
    for table in tables:
        if table.raw_rules:
            _insert_raw(namespace, table)


def _insert_raw(namespace: str, table: NftTable) -> None:
    """Insert the raw rules at the head of their chains: the last one first, so that the first stands first."""
    with NFTables(nfgen_family=FAMILIES[table.family]) as netlink:
        for rule in reversed(table.raw_rules):
            expressions = [genex(each.name, dict(each.attributes)) for each in rule.expressions]
            try:
                netlink.rule("insert", table=table.name, chain=rule.chain, expressions=(expressions,))
            except NetlinkError as error:
                reason = os.strerror(error.code)
                raise KernelError(f"{namespace}: nftables {table.name} {rule.chain}: raw rule: {reason}") from error


def _is_dynamic(nft_set: dict[str, Any]) -> bool:
    return bool({"dynamic", "timeout"} & set(nft_set.get("flags", ())))


def _listing(text: str) -> list[Any]:
    """Return what `nft -j` lists, without what changes by itself."""
    return [_still(each) for each in json.loads(text)["nftables"]]


def _still(value: Any) -> Any:
    match value:
        case dict():
            dynamic = _is_dynamic(value)
            return {
                key: _still(inner)
                for key, inner in value.items()
                if key not in _VOLATILE and not (dynamic and key == "elem")
            }
        case list():
            return [_still(each) for each in value]
        case _:
            return value


def _of_table(listed: list[Any], table: NftTable) -> list[Any]:
    """Return a table's own parts; those of maps and sets in one order, whatever the kernel's."""
    mine = []
    for each in listed:
        for kind, value in each.items():
            owner = value.get("name") if kind == "table" else value.get("table")
            if kind != "metainfo" and (value.get("family"), owner) == (table.family, table.name):
                mine.append((kind, _sorted_elements(value)))
    return mine


def _sorted_elements(value: dict[str, Any]) -> dict[str, Any]:
    elements = value.get("elem")
    return {**value, "elem": sorted(elements, key=json.dumps)} if isinstance(elements, list) else value
