"""
The machine: a whole plan built, changed, compared, taken down. What runs is read from the kernel, never remembered.

The order of building: namespaces, settings, links, then each namespace's devices, sets, tables, nftables. What a
half-built lab has is found by the names of its namespaces alone. Nothing outside them is touched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from netlab.errors import KernelError
from netlab.kernel import carrier, conntrack, ipsets, links, netns, nft, readback, sysctl
from netlab.kernel.labs import running_labs, take_down
from netlab.kernel.xtables import driver
from netlab.plan.difference import NamespaceDifference, difference
from netlab.plan.nouns import Namespace, Plan, Table, kernel_name
from netlab.plan.stand_ins import stand_ins

__all__ = ["build", "change", "differences", "forget", "running_labs", "take_down"]

Progress = Callable[[str], None]

_NFT_AT_ONCE = 4

_COUNT = Path("/proc/sys/net/netfilter/nf_conntrack_count")


def _silent(_: str) -> None:
    """Say nothing."""


def build(plan: Plan, progress: Progress = _silent) -> None:
    """
    Build a lab; nothing of it is left behind when that fails or is interrupted.

    Args:
        progress: Told what comes next, in a few words.

    Raises:
        KernelError: The kernel refused, or there is such a lab already.
        MachineError: The machine lacks something.
    """
    if netns.list_namespaces(plan.lab):
        raise KernelError(f"lab {plan.lab}: found its namespaces, wanted none")
    driver()  # a machine without its libraries is told before anything is made
    try:
        _build(plan, progress)
    except BaseException:
        take_down(plan.lab)
        raise


def change(old: Plan, new: Plan) -> None:
    """
    Change a running lab to what another plan says; only what differs is touched, each table in one commit.

    A change that was cut short is completed by the same change, or undone by the opposite one.

    Raises:
        KernelError: The wiring differs (then nothing has changed), or the kernel refused.
    """
    differing = difference(old, new)
    if differing.topology:
        raise KernelError(f"lab {old.lab}: topology: {', '.join(differing.topology)}: cannot change in a running lab")
    for each in differing.changed:
        _change(kernel_name(new.lab, each.name), each)


def differences(plan: Plan) -> list[str]:
    """Return one line for each place where the kernel is not as planned; empty = all is as meant."""
    existing = set(netns.list_namespaces(plan.lab))
    planned = {kernel_name(plan.lab, name): namespace for name, namespace in plan.namespaces.items()}
    lines = [f"{name}: found, not wanted" for name in sorted(existing - planned.keys())]
    for name, namespace in planned.items():
        said = _differences(name, namespace) if name in existing else ["not found"]
        lines += [f"{namespace.name}: {each}" for each in said]
    return lines


def forget(plan: Plan) -> None:
    """Empty every memory of a lab: its connection tables, and the sets that rules fill."""
    with _side_by_side() as later:
        for name, namespace in plan.namespaces.items():
            full_name = kernel_name(plan.lab, name)
            if _has_connections(full_name):
                conntrack.flush(full_name)
            ipsets.clear(full_name, namespace.sets)
            later(partial(nft.clear, full_name, namespace.nft))


def _build(plan: Plan, progress: Progress) -> None:
    progress(f"{len(plan.namespaces)} namespaces")
    waiting = {}
    for name, namespace in plan.namespaces.items():
        full_name = kernel_name(plan.lab, name)
        netns.create(full_name)
        with netns.entered(full_name):
            waiting[name] = sysctl.apply_present(full_name, namespace.sysctls)
    progress(f"{len(plan.links)} links")
    links.create_links(plan)
    with _side_by_side() as later:
        for name, namespace in plan.namespaces.items():
            progress(name)
            full_name = kernel_name(plan.lab, name)
            with netns.entered(full_name):
                waiting[name] = sysctl.apply_present(full_name, waiting[name])
            links.configure(full_name, namespace)
            _fill(full_name, namespace, later)
    for name in plan.namespaces:
        full_name = kernel_name(plan.lab, name)
        with netns.entered(full_name):  # what comes with a module that only a rule loads
            sysctl.apply_all(full_name, waiting[name])
    carrier.wait_running(plan)


def _fill(namespace: str, planned: Namespace, later: Callable[[Callable[[], None]], None]) -> None:
    ipsets.create(namespace, planned.sets)
    if planned.tables:
        driver().replace(namespace, planned.tables)
    load = partial(nft.replace, namespace, planned.nft)
    if any(table.raw_rules for table in planned.nft):
        load()  # through a netlink library, which stays in this thread
    else:
        later(load)


@contextmanager
def _side_by_side() -> Iterator[Callable[[Callable[[], None]], None]]:
    """
    Do what is handed over in threads of their own, all of it by the end: starting `nft` is mostly waiting.

    Raises:
        NetlabError: What the first of them to fail raised.
    """
    with ThreadPoolExecutor(_NFT_AT_ONCE) as pool:
        started: list[Future[None]] = []
        try:
            yield lambda act: started.append(pool.submit(act))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
        for each in started:
            each.result()


def _change(namespace: str, differing: NamespaceDifference) -> None:
    """
    Change one namespace; to the packets of a family, its rules and its sets' members change in the first commit.

    Sets that new rules need come before it, sets that old rules held go at the end. Where rules and members change
    together, stand-ins hold the new members until no rule names the sets with the old ones.
    """
    between = stand_ins(differing)
    ipsets.ensure(namespace, (*differing.sets_created, *between.sets))
    with netns.entered(namespace):
        sysctl.apply_all(namespace, differing.sysctls)
    _replace(namespace, between.tables)
    ipsets.change(namespace, differing.sets_changed)
    _replace(namespace, between.resumed)
    nft.replace(namespace, differing.nft, differing.nft_dropped)
    ipsets.destroy(namespace, (*between.sets, *differing.sets_dropped))


def _replace(namespace: str, tables: tuple[Table, ...]) -> None:
    if tables:
        driver().replace(namespace, tables)


def _differences(namespace: str, planned: Namespace) -> list[str]:
    lines = readback.list_differences(namespace, planned)
    with netns.entered(namespace):
        lines += sysctl.list_differences(planned.sysctls)
    lines += ipsets.list_differences(namespace, planned.sets)
    if planned.tables:
        lines += driver().list_differences(namespace, planned.tables)
    return lines + nft.list_differences(namespace, planned.nft)


def _has_connections(namespace: str) -> bool:
    with netns.entered(namespace):
        try:
            return _COUNT.read_text(encoding="ascii").strip() != "0"
        except FileNotFoundError:
            return False
