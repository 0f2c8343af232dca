"""
How libxtables lays out the options of its extensions, which changed under an unchanged library name: since iptables
1.8.11 each has one number more. python-iptables knows the shorter layout, and finds only the first option of any
extension in the longer one.

Source:
    xtables.h of iptables 1.8.9 and 1.8.11, struct xt_option_entry.
"""

from __future__ import annotations

import ctypes
from typing import Any

import iptc
from iptc.xtables import xt_option_entry


class _LongerOption(ctypes.Structure):
    _fields_ = (*xt_option_entry._fields_, ("base", ctypes.c_uint))


def read_options_as_laid_out() -> None:
    """Teach python-iptables the layout that the loaded libxtables has; an extension of several options tells it."""
    # Not by iptc.Target: it opens every table of the namespace we are in, the host's, and so makes them there.
    options = iptc.xtables.xtables(2).find_target("NFLOG")[0].x6_options
    behind_first = ctypes.addressof(options.contents) + ctypes.sizeof(xt_option_entry)
    if ctypes.c_size_t.from_address(behind_first).value == 0:  # the longer one's number, where a name would begin
        iptc.xtables.xtables._option_lookup = _find_longer  # noqa: SLF001 - there is no public way


def _find_longer(_: object, options: Any, name: bytes) -> Any:
    """Return an extension's option of this name, in the layout that python-iptables hands on; None = it has none."""
    longer = ctypes.cast(options, ctypes.POINTER(_LongerOption))
    index = 0
    while longer[index].name:
        if longer[index].name == name:
            return xt_option_entry.from_address(ctypes.addressof(longer[index]))
        index += 1
    return None
