"""What a service is, as data: the program, the files it and its node see, the ports it is ready with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class File:
    """A file to be written."""

    content: bytes
    mode: int = 0o644


@dataclass(frozen=True, slots=True)
class Service:
    """
    A program that serves.

    Attributes:
        node: Short name of its namespace: a node's name, or ``:vpc``.
        name: ``ssh``, ``web``, ``echo``, ``dns``, ``resolver``, ``amazon``.
        ports: What it is ready with: (protocol, port).
        in_view: It sees its node's files, not the machine's.
    """

    node: str
    name: str
    argv: tuple[str, ...]
    ports: tuple[tuple[int, int], ...]
    env: Mapping[str, str] = field(default_factory=dict)
    in_view: bool = False


@dataclass(frozen=True, slots=True)
class Layout:
    """
    What a node sees in place of the machine's files; folders are relative to the lab's state folder.

    Attributes:
        etc: Its files stand over those of /etc.
        sealed: Folder inside → folder that is seen there instead, read-only.
        folders: Likewise, and it can be written.
    """

    hostname: str
    etc: str
    sealed: Mapping[str, str]
    folders: Mapping[str, str]
