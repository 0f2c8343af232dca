"""Plans by hand, as `terraform show -json` prints them, with what does not matter left out."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

from netlab.formats import Imported, import_files

Data = dict[str, object]

INGRESS = "aws_vpc_security_group_ingress_rule"
RULE = "aws_security_group_rule"
GROUP = "aws_security_group"
NOTHING: Data = {"cidr_ipv4": None, "cidr_ipv6": None, "prefix_list_id": None}
TCP: Data = {"ip_protocol": "tcp", "from_port": 1, "to_port": 1}
LATE: Data = {"id": True, "security_group_id": True, "referenced_security_group_id": True}


def refers(*references: str) -> Data:
    """Return an expression."""
    return {"references": [*references]}


def id_of(*addresses: str) -> Data:
    """Return an expression of resources' ids, with the shorter references that Terraform adds."""
    return refers(*(text for each in addresses for text in (f"{each}.id", each)))


def planned(address: str, values: Mapping[str, object], unknown: Mapping[str, object] | None = None) -> Data:
    """Return a resource as it will be; *unknown* None: the plan does not say what is known only after apply."""
    kind, name = re.sub(r"\[[^]]*\]", "", address).split(".")[-2:]
    return {"address": address, "mode": "managed", "type": kind, "name": name, "values": values, "unknown": unknown}


def config(address: str, **expressions: object) -> Data:
    """Return what the configuration writes of a resource."""
    kind, name = address.split(".")
    more = {key: expressions.pop(key) for key in ("for_each_expression", "count_expression") if key in expressions}
    return {"address": address, "type": kind, "name": name, "expressions": expressions, **more}


def import_plan(made: Sequence[Data], written: Sequence[Data], **more: object) -> Imported:
    """Import a plan; ``modules`` are child modules, ``calls`` are the configuration of their calls."""
    modules = more.pop("modules", {})
    assert isinstance(modules, dict)
    changes = [
        {"address": each["address"], "change": {"actions": ["create"], "after_unknown": each["unknown"]}}
        for each in (*made, *(inner for inside in modules.values() for inner in inside))
        if each["unknown"] is not None
    ]
    children = [{"address": address, "resources": inside} for address, inside in modules.items()]
    plan = {
        "format_version": "1.2",
        "planned_values": {"root_module": {"resources": made, "child_modules": children}},
        "resource_changes": changes,
        "configuration": {"root_module": {"resources": written, "module_calls": more.pop("calls", {})}},
        **more,
    }
    return import_files({"plan.json": json.dumps(plan)})


def peers_of(imported: Imported, group: str) -> list[str]:
    """Return the peers of a group's inbound rules."""
    return [str(rule.peer) for rule in imported.lab.groups[group].ingress]


def notes_of(imported: Imported, address: str) -> list[str]:
    """Return what is noted of an address, without file and line."""
    return [line.split(": ", 2)[2] for line in imported.unmodelled if f": {address}: " in line]


A = planned(f"{GROUP}.a", {"name": "a"}, {"id": True})
B = planned(f"{GROUP}.b", {"name": "b"}, {"id": True})
C = planned(f"{GROUP}.c", {"name": "c"}, {"id": True})
GROUPS = [A, B, C]
WRITTEN = [config(f"{GROUP}.{name}") for name in "abc"]
