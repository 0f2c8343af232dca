"""
From a lab and a story that show a difference to the smallest that still do: first steps go, then what the lab need not
have. Greedy and plain; every candidate is played.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Protocol

from netlab.model.stories import OpenStep, Story
from netlab.model.topology import ConnectionTracking, Instance, Interface, Lab

_ALONE = 20
"""So many of the last steps are tried alone."""


class Trial(Protocol):
    """Tells whether a story played on a lab still shows what it is about; False also where it cannot be played."""

    def __call__(self, lab: Lab, stories: Iterator[Story]) -> Story | None:
        """Return the first of some stories, all on one lab, that does, cut behind that; None = none of them."""


def shrink(lab: Lab, story: Story, trial: Trial, is_late: Callable[[], bool]) -> tuple[Lab, Story]:
    """
    Make a lab and a story smaller as long as the trial holds.

    Args:
        is_late: Asked between candidates; True ends it with what has been reached.
    """
    story = _fewer_steps(lab, story, trial, is_late)
    going = True
    while going and not is_late():
        going = False
        for smaller in _smaller_labs(lab):
            if is_late():
                break
            cut = trial(smaller, iter((story,)))
            if cut is not None:
                lab, story, going = smaller, cut, True
                break
    return lab, _fewer_steps(lab, story, trial, is_late)


def _fewer_steps(lab: Lab, story: Story, trial: Trial, is_late: Callable[[], bool]) -> Story:
    while not is_late():
        smaller = trial(lab, _shorter(story))
        if smaller is None:
            break
        story = smaller
    return story


def _shorter(story: Story) -> Iterator[Story]:
    """Yield the last steps one by one, the last one with all changes, then the story without some of its steps."""
    steps = story.steps
    if len(steps) > 1:
        yield from (replace(story, steps=(step,)) for step in steps[: -_ALONE - 1 : -1])
    if len(steps) > 2:
        others = tuple(step for step in steps[:-1] if not isinstance(step, OpenStep))
        if len(others) < len(steps) - 1:
            yield replace(story, steps=(*others, steps[-1]))
    size = len(steps) // 2
    while size:
        for start in range(0, len(steps) - 1, size):
            yield replace(story, steps=steps[:start] + steps[start + size :])
        size //= 2


def _smaller_labs(lab: Lab) -> Iterator[Lab]:
    """Yield the lab without one thing each; some of them cannot be meant, which the trial finds out."""
    for section in ("instances", "hosts", "nat_gateways", "prefix_lists", "groups", "acls"):
        named = getattr(lab, section)
        for name in named:
            yield _without(lab, section, name)
    for name, subnet in lab.subnets.items():
        plainer = replace(subnet, routes=(), nat=None, acl="default")
        yield replace(lab, subnets={key: each for key, each in lab.subnets.items() if key != name})
        if plainer != subnet:
            yield replace(lab, subnets={**lab.subnets, name: plainer})
    for instance in lab.instances.values():
        yield from _smaller_instances(lab, instance)
    yield from _fewer_rules(lab)
    if lab.scale != 1:
        yield replace(lab, scale=1.0)


def _without(lab: Lab, section: str, name: str) -> Lab:
    left = {key: each for key, each in getattr(lab, section).items() if key != name}
    match section:
        case "instances":
            return replace(lab, instances=left)
        case "hosts":
            return replace(lab, hosts=left)
        case "nat_gateways":
            return replace(lab, nat_gateways=left)
        case "prefix_lists":
            return replace(lab, prefix_lists=left)
        case "groups":
            return replace(lab, groups=left)
        case _:
            return replace(lab, acls=left)


def _smaller_instances(lab: Lab, instance: Instance) -> Iterator[Lab]:
    def with_interfaces(interfaces: tuple[Interface, ...]) -> Lab:
        return replace(lab, instances={**lab.instances, instance.name: replace(instance, interfaces=interfaces)})

    own = instance.interfaces
    if len(own) > 1:
        yield with_interfaces(own[:1])
    for index, interface in enumerate(own):
        plainer = (
            replace(interface, ipv4=interface.ipv4[:1], ipv6=interface.ipv6[:1]),
            replace(interface, allowance=None),
            replace(interface, connection_tracking=ConnectionTracking()),
            replace(interface, source_dest_check=True),
            replace(interface, public_ip=None),
            *(
                replace(interface, security_groups=tuple(each for each in interface.security_groups if each != name))
                for name in interface.security_groups
                if len(interface.security_groups) > 1
            ),
        )
        for each in plainer:
            if each != interface:
                yield with_interfaces((*own[:index], each, *own[index + 1 :]))


def _fewer_rules(lab: Lab) -> Iterator[Lab]:
    for name, group in lab.groups.items():
        fewer = [replace(group, ingress=(), egress=())] if group.ingress or group.egress else []
        fewer += [
            replace(group, ingress=tuple(each for each in group.ingress if each != rule)) for rule in group.ingress
        ]
        fewer += [replace(group, egress=tuple(each for each in group.egress if each != rule)) for rule in group.egress]
        for each in fewer:
            yield replace(lab, groups={**lab.groups, name: each})
    for name, acl in lab.acls.items():
        shorter = [replace(acl, ingress=tuple(each for each in acl.ingress if each != entry)) for entry in acl.ingress]
        shorter += [replace(acl, egress=tuple(each for each in acl.egress if each != entry)) for entry in acl.egress]
        for left in shorter:
            yield replace(lab, acls={**lab.acls, name: left})
