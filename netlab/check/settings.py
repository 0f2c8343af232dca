"""What decides about packets beside rules: how two labs differ in what their interfaces and subnets have in common."""

from __future__ import annotations

from collections.abc import Iterator

from netlab.model.topology import Interface, Lab, Subnet

_OF_INTERFACES = ("security_groups", "connection_tracking", "allowance", "source_dest_check")
_OF_SUBNETS = ("acl", "internet", "nat", "routes")


def differing_settings(old: Lab, new: Lab) -> tuple[str, ...]:
    """
    Return a line for each such difference: ``ec2: security_groups: web to web, db``.

    What only one of the labs has is not among them; the order of groups is none.
    """
    return tuple(_differing(old, new))


def _differing(old: Lab, new: Lab) -> Iterator[str]:
    before = {each.label: each for each in old.interfaces()}
    for interface in new.interfaces():
        if interface.label in before:
            yield from _fields(interface.label, before[interface.label], interface, _OF_INTERFACES)
    for name, subnet in new.subnets.items():
        if name in old.subnets:
            yield from _fields(f"subnet {name}", old.subnets[name], subnet, _OF_SUBNETS)


def _fields(who: str, old: Interface | Subnet, new: Interface | Subnet, names: tuple[str, ...]) -> Iterator[str]:
    for name in names:
        before, after = (getattr(each, name) for each in (old, new))
        if isinstance(before, tuple):
            before, after = (sorted(map(_words, each)) for each in (before, after))
        if before != after:
            yield f"{who}: {name}: {_words(before)} to {_words(after)}"


def _words(value: object) -> str:
    match value:
        case None | [] | "":
            return "none"
        case bool():
            return "yes" if value else "no"
        case list():
            return ", ".join(map(str, value))
    fields = getattr(value, "__slots__", ())
    return " ".join(f"{field} {getattr(value, field)}" for field in fields) if fields else str(value)
