"""
What a user may ask of a running lab, as AWS's API takes it: raw, so that it can also be refused.

`control.apply` turns a Change on a Lab into the next Lab, or refuses it with AWS's code.
"""

from __future__ import annotations

from dataclasses import dataclass

from netlab.model.rules import Direction


@dataclass(frozen=True, slots=True)
class RuleRequest:
    """
    A rule as asked for; nothing in it has been checked.

    Attributes:
        protocol: ``tcp``, ``udp``, ``icmp``, ``icmpv6``, ``-1`` (all), or a number or IANA name; in any case.
        from_port: First port, or the ICMP type (-1 = all); None = not given.
        to_port: Last port, or the ICMP code (-1 = all); None = not given.
        peer: CIDR, group's name, prefix list's name, or ``self``.
        id: Empty = to be made up.
    """

    protocol: str
    from_port: int | None
    to_port: int | None
    peer: str
    description: str = ""
    id: str = ""


@dataclass(frozen=True, slots=True)
class AclEntryRequest:
    """An ACL entry as asked for; protocol and ports as in RuleRequest; ``action``: allow or deny."""

    number: int
    protocol: str
    from_port: int | None
    to_port: int | None
    cidr: str
    action: str


@dataclass(frozen=True, slots=True)
class Authorize:
    """Add rules to a group: all of them, or none."""

    group: str
    direction: Direction
    rules: tuple[RuleRequest, ...]


@dataclass(frozen=True, slots=True)
class Revoke:
    """Take rules out of a group, found by their properties: all of them, or none."""

    group: str
    direction: Direction
    rules: tuple[RuleRequest, ...]


@dataclass(frozen=True, slots=True)
class Attach:
    """Replace the groups of an interface; ``interface`` empty = the primary one."""

    node: str
    interface: str
    groups: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AddAclEntry:
    """Add an entry to an ACL."""

    acl: str
    direction: Direction
    entry: AclEntryRequest


@dataclass(frozen=True, slots=True)
class RemoveAclEntry:
    """Take an entry out of an ACL, by its number."""

    acl: str
    direction: Direction
    number: int


@dataclass(frozen=True, slots=True)
class AddPrefix:
    """Add an entry to a prefix list."""

    prefix_list: str
    cidr: str


@dataclass(frozen=True, slots=True)
class RemovePrefix:
    """Take an entry out of a prefix list."""

    prefix_list: str
    cidr: str


Change = Authorize | Revoke | Attach | AddAclEntry | RemoveAclEntry | AddPrefix | RemovePrefix
