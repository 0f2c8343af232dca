"""
ipsets, through one `ipset restore` a namespace (3 ms for 250 members, against 45 ms by single netlink requests).

A membership changes by additions first and removals after, so that a member of both the old and the new list is never
missing. Sets that rules fill at run time (`members` None) keep their content, but for `clear`. But for `create`, all
works from any state that a change cut short may have left.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import ip_network

from netlab.errors import KernelError
from netlab.kernel.programs import run_inside
from netlab.plan.difference import SetChange
from netlab.plan.nouns import IpSet
from netlab.plan.stand_ins import stand_in


def create(namespace: str, sets: Sequence[IpSet]) -> None:
    """
    Create sets in a namespace that has none of them, and fill them.

    Raises:
        KernelError: One exists already, or the kernel does not take it.
    """
    _restore(namespace, [line for each in sets for line in (_creation(each), *_additions(each))], strict=True)


def ensure(namespace: str, sets: Sequence[IpSet]) -> None:
    """
    Have sets be there with their members; one that exists takes these at once, even while rules name it.

    Raises:
        KernelError: One exists and is of another type, or the kernel does not take it.
    """
    lines = []
    for each in sets:
        lines.append(_creation(each))
        if each.members is not None:
            filled = stand_in(each)
            lines += [_creation(filled), f"flush {filled.name}", *_additions(filled)]
            lines += [f"swap {each.name} {filled.name}", f"destroy {filled.name}"]
    _restore(namespace, lines)


def change(namespace: str, changes: Sequence[SetChange]) -> None:
    """
    Change memberships: all additions, then all removals, whichever of them were made already.

    Raises:
        KernelError: The kernel does not take one.
    """
    added = [f"add {each.new.name} {member}" for each in changes for member in sorted(each.added)]
    removed = [f"del {each.new.name} {member}" for each in changes for member in sorted(each.removed)]
    _restore(namespace, [*added, *removed])


def destroy(namespace: str, sets: Sequence[IpSet]) -> None:
    """
    Destroy sets that no rule names any more, and what `ensure` left of them; one that is not there is fine.

    Raises:
        KernelError: A rule still names one.
    """
    _restore(namespace, [f"destroy {name}" for each in sets for name in (each.name, stand_in(each).name)])


def clear(namespace: str, sets: Iterable[IpSet]) -> None:
    """Empty the sets that rules fill."""
    _restore(namespace, [f"flush {each.name}" for each in sets if each.members is None])


def list_differences(namespace: str, sets: Sequence[IpSet]) -> list[str]:
    """Return one line for each set that is not as planned."""
    if not sets:
        return []
    kinds, members = _saved(namespace)
    lines = []
    for each in sets:
        if each.name not in kinds:
            lines.append(f"set {each.name}: not found")
        elif kinds[each.name] != _spelling(each):
            lines.append(f"set {each.name}: found {kinds[each.name]}, wanted {_spelling(each)}")
        elif each.members is not None:
            wanted = {_member(member) for member in each.members}
            found = members.get(each.name, set())
            lines += [f"set {each.name}: {member} not found" for member in sorted(wanted - found)]
            lines += [f"set {each.name}: {member} found, not wanted" for member in sorted(found - wanted)]
    planned = {each.name for each in sets}
    return lines + [f"set {name}: found, not wanted" for name in sorted(kinds.keys() - planned)]


def _saved(namespace: str) -> tuple[dict[str, str], dict[str, set[str]]]:
    """Return the sets' types and members, by name."""
    kinds: dict[str, str] = {}
    members: dict[str, set[str]] = {}
    for line in run_inside(namespace, ["ipset", "save"]).splitlines():
        verb, name, rest = line.split(" ", 2)
        if verb == "add":
            members.setdefault(name, set()).add(_member(rest.partition(" ")[0]))
            continue
        words = rest.split()
        options = dict(zip(words[1::2], words[2::2], strict=False))
        timeout = f" timeout {options['timeout']}" if "timeout" in options else ""
        kinds[name] = f"{words[0]} family {options.get('family', 'inet')}{timeout}"
    return kinds, members


def _spelling(wanted: IpSet) -> str:
    timeout = "" if wanted.timeout_s is None else f" timeout {wanted.timeout_s}"
    return f"{wanted.kind} family {'inet' if wanted.family == 4 else 'inet6'}{timeout}"


def _creation(wanted: IpSet) -> str:
    return f"create {wanted.name} {_spelling(wanted)}"


def _additions(wanted: IpSet) -> list[str]:
    return [f"add {wanted.name} {member}" for member in sorted(wanted.members or ())]


def _member(text: str) -> str:
    """Spell a member in the one way that is compared: an address is a network of one."""
    try:
        return str(ip_network(text, strict=False))
    except ValueError:
        return text


def _restore(namespace: str, lines: list[str], *, strict: bool = False) -> None:
    """Run lines; unless *strict*, what is there already is created and added in vain, and what is not, removed."""
    if not lines:
        return
    try:
        run_inside(namespace, ["ipset", *(() if strict else ("-exist",)), "restore"], "\n".join([*lines, ""]))
    except KernelError as error:
        raise KernelError(_with_line(str(error), lines)) from error


def _with_line(answer: str, lines: list[str]) -> str:
    """Put the refused line where `ipset` says only its number."""
    for number, line in enumerate(lines, start=1):
        if f"line {number}:" in answer:
            return f"{answer} ({line})"
    return answer
