"""
A card's names and bits: sets, chains, marks. Made here and nowhere else.

A packet's mark lives within the card alone; the entry's mark (connmark) is the card's memory of the flow:

    0x1   its state admits packets ("tracked")     0x4  0x8    the opener's first and second datagram (UDP)
    0x2   the instance opened it                   0x10 0x20   the other side's
    0x40  conntrack met the flow earlier, by a packet of the other side than the one that opened it

An entry without 0x1 is the kernel's business only: no packet is admitted by it.
"""

from __future__ import annotations

from hashlib import blake2s

from netlab.model.rules import Direction

INSIDE, OUTSIDE = "inst", "vpc"
"""A card's devices: towards the instance, and towards the VPC's router."""

SET_NAME_LENGTH, CHAIN_NAME_LENGTH = 31, 28
"""The most the kernel takes (ipset.h, IPSET_MAXNAMELEN; x_tables.h, XT_EXTENSION_MAXNAMELEN)."""

ENTRY_TRACKED, ENTRY_BY_INSTANCE, ENTRY_CLASS_BITS = 0x1, 0x2, 0x3
ENTRY_TURNED = 0x40
OPENER_FIRST, OPENER_AGAIN, ANSWER_FIRST, ANSWER_AGAIN = 0x4, 0x8, 0x10, 0x20
STREAM = OPENER_AGAIN | ANSWER_AGAIN
"""Set in an entry's mark once more than one request and response were seen."""

BY_RULES, OPENS, FULL_TTL = 0x1, 0x4, 0x100
"""Bits of a packet's mark: judged by the rules alone, without state; opens a new entry; came with a TTL of 255."""

SIDE = {Direction.INGRESS: "in", Direction.EGRESS: "out"}
DEVICE = {Direction.INGRESS: OUTSIDE, Direction.EGRESS: INSIDE}
"""The device by which packets of a direction come in."""


def group_set(group: str, family: int) -> str:
    """Return the name of the set of a group's members."""
    return shortened(f"sg{family}:{group}", SET_NAME_LENGTH)


def prefix_list_set(name: str, family: int) -> str:
    """Return the name of the set of a prefix list's entries."""
    return shortened(f"pl{family}:{name}", SET_NAME_LENGTH)


def exempt_set(family: int) -> str:
    """Return the name of the set of addresses that are never filtered."""
    return f"exempt{family}"


def rule_chain(rule_id: str, direction: Direction) -> str:
    """Return the name of the chain to which an SG rule leads."""
    return shortened(f"{SIDE[direction]}:{rule_id}", CHAIN_NAME_LENGTH)


def shortened(name: str, length: int) -> str:
    """Return *name*, or, where it is too long or holds a blank, a stable name of that length with a digest."""
    if len(name) <= length and name.isprintable() and " " not in name and name.isascii():
        return name
    head = "".join(each if each.isascii() and (each.isalnum() or each in "._-:") else "_" for each in name)
    digest = blake2s(name.encode(), digest_size=4).hexdigest()
    return f"{head[: length - 9]}~{digest}"
