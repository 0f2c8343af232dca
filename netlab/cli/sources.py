"""Which of the values of `--parameter` are whose, where a command takes more than one lab."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from netlab.errors import InputError


def apportioned(parameters: Mapping[str, str], *sources: Sequence[str]) -> list[dict[str, str]]:
    """
    Return what each of several labs, or sets of files, takes of some parameters.

    Raises:
        InputError: One of them is no template's.
    """
    import netlab  # noqa: PLC0415 - `--help` does without

    if not parameters:
        return [{} for _ in sources]
    known = [netlab.known_parameters(files, parameters) for files in sources]
    strange = sorted({*parameters}.difference(*known))
    if strange:
        there = ", ".join(sorted(frozenset().union(*known))) or "none"
        raise InputError(f"parameter {strange[0]}: no template has it; there are {there}")
    return [{name: value for name, value in parameters.items() if name in own} for own in known]
