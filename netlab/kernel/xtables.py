"""
The drivers of the xtables rules, and the one place that chooses between them: NETLAB_DRIVER = iptc (the default),
legacy, or nft. All take the same tables, replace each atomically, and read back what they wrote.
"""

from __future__ import annotations

import os
import sysconfig
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Protocol

from netlab.errors import InputError, MachineError
from netlab.kernel.restore_driver import RestoreDriver
from netlab.kernel.saved import SavedChain
from netlab.plan.nouns import Table

VARIABLE = "NETLAB_DRIVER"


class Driver(Protocol):
    """What carries planned tables into a namespace."""

    name: str

    def replace(self, namespace: str, tables: Sequence[Table]) -> None:
        """
        Replace tables, each in one commit, and read them back; others are not touched.

        Raises:
            KernelError: The kernel refused, or holds something else than was meant.
        """

    def list_differences(self, namespace: str, tables: Sequence[Table]) -> list[str]:
        """Return one line for each table that is not as planned."""

    def save(self, namespace: str, family: int, table: str) -> dict[str, SavedChain]:
        """Return a table as listed, with counters."""


def driver() -> Driver:
    """
    Return the driver this process uses.

    Raises:
        InputError: NETLAB_DRIVER names none.
        MachineError: Its libraries are not there.
    """
    return driver_by_name(os.environ.get(VARIABLE) or "iptc")


@cache
def driver_by_name(name: str) -> Driver:
    """Return a driver; the same object each time, as the libraries below have one state a process."""
    match name:
        case "iptc":
            return _iptc_driver()
        case "legacy" | "nft":
            return RestoreDriver(name)
    raise InputError(f"{VARIABLE}: found {name!r}, wanted iptc, legacy or nft")


def _iptc_driver() -> Driver:
    try:
        with _found_libraries(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # python-iptables has odd escapes in its patterns
            from netlab.kernel.iptc_driver import IptcDriver  # noqa: PLC0415 - loads the libraries of iptables
    except ImportError as error:
        raise MachineError(f"python-iptables: {error}", remedy="sudo scripts/install") from error
    except (AttributeError, OSError, TypeError) as error:  # a library that is not found is None to it
        raise MachineError(
            f"the libraries of iptables (libxtables, libip4tc, libip6tc): {error}",
            remedy="sudo apt-get install iptables",
        ) from error
    return IptcDriver()


@contextmanager
def _found_libraries() -> Iterator[None]:
    """Tell python-iptables where its libraries are, which it otherwise looks for with a compiler (0.2 s)."""
    wanted = {"IPTABLES_LIBDIR": sysconfig.get_path("platlib")}
    extensions = Path("/usr/lib") / (sysconfig.get_config_var("MULTIARCH") or "") / "xtables"
    if extensions.is_dir():
        wanted["XTABLES_LIBDIR"] = str(extensions)
    known = {name: os.environ.get(name) for name in wanted}
    os.environ.update({name: value for name, value in wanted.items() if not known[name]})
    try:
        yield
    finally:
        for name, value in known.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
