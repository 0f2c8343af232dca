"""
The second driver: `iptables-restore` and its kin, on the legacy tables or on nf_tables, for kernels that lack the
former; and a third opinion in differential tests.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from netlab.errors import KernelError
from netlab.kernel.programs import run_inside
from netlab.kernel.saved import BUILT_IN, SavedChain, first_difference, parse_saved
from netlab.plan.nouns import Chain, Table
from netlab.plan.render import render_table


class RestoreDriver:
    """Writes tables as text; ``name`` is ``legacy`` or ``nft``."""

    def __init__(self, name: str) -> None:
        self.name = name

    def replace(self, namespace: str, tables: Sequence[Table]) -> None:
        """
        Replace tables, each in one commit, and read them back; others are not touched.

        Raises:
            KernelError: The kernel refused, or holds something else than was meant.
        """
        for family in (4, 6):
            mine = [table for table in tables if table.family == family]
            if mine:
                run_inside(namespace, [self._program(family, "restore"), "-w"], "".join(map(_text, mine)))
        said = self.list_differences(namespace, tables)
        if said:
            raise KernelError(f"{namespace}: {said[0]}")

    def list_differences(self, namespace: str, tables: Sequence[Table]) -> list[str]:
        """Return one line for each table that is not as planned."""
        lines = []
        for family in sorted({table.family for table in tables}):
            saved = parse_saved(run_inside(namespace, [self._program(family, "save")]))
            for table in tables:
                said = first_difference(table, saved.get(table.name, {})) if table.family == family else ""
                if said:
                    lines.append(f"table {table.name} (IPv{family}): {said}")
        return lines

    def save(self, namespace: str, family: int, table: str) -> dict[str, SavedChain]:
        """Return a table as listed, with counters."""
        return parse_saved(run_inside(namespace, [self._program(family, "save"), "-c", "-t", table])).get(table, {})

    def _program(self, family: int, verb: str) -> str:
        return f"{'iptables' if family == 4 else 'ip6tables'}-{self.name}-{verb}"


def _text(table: Table) -> str:
    """Render a table with all its built-in chains and their policies: one no longer planned falls back to ACCEPT."""
    named = {chain.name: chain for chain in table.chains}
    built_in = BUILT_IN[table.name]
    own = (chain for chain in table.chains if chain.name not in built_in)
    standing = (replace(named.get(name, Chain(name)), policy=_policy(named.get(name))) for name in built_in)
    return render_table(replace(table, chains=(*own, *standing)))


def _policy(chain: Chain | None) -> str:
    return chain.policy if chain and chain.policy else "ACCEPT"
