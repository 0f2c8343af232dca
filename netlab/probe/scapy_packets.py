"""
What netlab uses of Scapy, imported so that it leaves the machine alone.

Left to itself Scapy makes folders in the user's home, keeps a cache there, and reads the machine's routes. Here its
cache lies beside its own bytecode, and it reads no routes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import scapy

_FOLDERS = ("XDG_CACHE_HOME", "XDG_CONFIG_HOME")


@contextmanager
def _at_home_in(place: Path) -> Iterator[None]:
    """Let what is imported meanwhile take *place* for the user's folders."""
    known = {name: os.environ.get(name) for name in _FOLDERS}
    os.environ.update(dict.fromkeys(_FOLDERS, str(place)))
    try:
        yield
    finally:
        for name, value in known.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


with _at_home_in(Path(scapy.__path__[0]) / "__pycache__"):
    from scapy.config import conf

    conf.route_autoload = conf.route6_autoload = False
    from scapy.layers import inet, inet6
    from scapy.packet import Raw

__all__ = ["Raw", "inet", "inet6"]
