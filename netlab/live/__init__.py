"""THE RUNNING LAB: build, change, take down; a wire in the kernel."""

from netlab.live.find import need_root, pick, running_lab, running_names, whole_names
from netlab.live.lab import BroughtUp, attached, bring_up, missing_features, take_down_named, throw_away
from netlab.live.programs import exec_in, ssh_to
from netlab.live.show import Card, CardRule, cards_of
from netlab.live.status import LabStatus, status
from netlab.live.wire import LiveWire

__all__ = [
    "BroughtUp",
    "Card",
    "CardRule",
    "LabStatus",
    "LiveWire",
    "attached",
    "bring_up",
    "cards_of",
    "exec_in",
    "missing_features",
    "need_root",
    "pick",
    "running_lab",
    "running_names",
    "ssh_to",
    "status",
    "take_down_named",
    "throw_away",
    "whole_names",
]
