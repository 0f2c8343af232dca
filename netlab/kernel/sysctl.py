"""
The settings of a namespace's network: files below /proc/sys/net, as the calling thread's namespace shows them.

Called inside a namespace (`netns.entered`); it knows nothing of which settings are wanted, and never makes one.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from netlab.errors import KernelError

ROOT = Path("/proc/sys/net")

Setting = tuple[str, str]
"""A path below ``net/`` and a value."""


def apply_present(namespace: str, settings: Iterable[Setting]) -> list[Setting]:
    """
    Set what can be set now, and return the rest: settings of devices and modules that are not there yet.

    Raises:
        KernelError: The kernel does not take a value.
    """
    return [setting for setting in settings if not _write(namespace, *setting)]


def apply_all(namespace: str, settings: Iterable[Setting]) -> None:
    """
    Set every setting.

    Raises:
        KernelError: There is no such setting, or the kernel does not take the value.
    """
    absent = apply_present(namespace, settings)
    if absent:
        raise KernelError(f"{namespace}: net/{absent[0][0]}: no such setting, wanted {absent[0][1]}")


def list_differences(settings: Iterable[Setting]) -> list[str]:
    """Return one line for each setting that is not as it should be."""
    lines = []
    for path, wanted in settings:
        found = _read(path)
        if found != _words(wanted):
            lines.append(f"sysctl net/{path}: found {found or 'nothing'}, wanted {wanted}")
    return lines


def _write(namespace: str, path: str, value: str) -> bool:
    try:
        # One write, nothing created: a missing path is told by the kernel.
        with (ROOT / path).open("r+b", buffering=0) as file:
            file.write(value.encode())
    except FileNotFoundError:
        return False
    except OSError as error:
        raise KernelError(f"{namespace}: net/{path} = {value}: {error.strerror}") from error
    return True


def _read(path: str) -> str:
    try:
        return _words((ROOT / path).read_text(encoding="ascii"))
    except OSError:
        return ""


def _words(text: str) -> str:
    """Let tabs and blanks between several values count as one blank."""
    return " ".join(text.split())
