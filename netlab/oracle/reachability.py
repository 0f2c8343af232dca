"""
What AWS's Reachability Analyzer would call a loss: its explanation codes and shapes, with the lab's names as ids.

It knows no code for a connection table that is full, a packet too big, nor for what happens on the internet.

Source:
    Reachability Analyzer, "Explanation codes"; EC2 API, Explanation.
"""

from __future__ import annotations

from netlab.model.acls import AclEntry, NetworkAcl
from netlab.model.packets import Packet
from netlab.model.rules import PROTOCOL_NAMES, Direction
from netlab.model.topology import Interface, Lab
from netlab.model.verdicts import IGW, VPC_ROUTE, Reason
from netlab.oracle.policy import deciding_entry
from netlab.oracle.world import Judged

_LAST_ACL_RULE = 32767  # AWS's number of the final deny


def reachability_json(lab: Lab, lost: Judged | None) -> dict[str, object]:
    """
    Return what the Analyzer's answer says of a flow.

    Args:
        lost: The gate that denied it; None = it got through.
    """
    found = None if lost is None else _explanation(lab, lost)
    return {"NetworkPathFound": lost is None, "Explanations": [] if found is None else [found]}


def _explanation(lab: Lab, lost: Judged) -> dict[str, object] | None:
    passage, packet = lost.passage, lost.packet
    match passage.reason:
        case Reason.NO_RULE if isinstance(lost.by, Interface):
            return _by_groups(lab, lost.by, _direction(passage.gate), packet)
        case Reason.ACL if isinstance(lost.by, NetworkAcl):
            return _by_acl(lost.by, _direction(passage.gate), packet)
        case Reason.SPOOFED if passage.gate.startswith("card "):
            interface = passage.gate.split()[1]
            return {"ExplanationCode": "ENI_SOURCE_DEST_CHECK_RESTRICTION", "NetworkInterface": _component(interface)}
        case Reason.NO_ROUTE if passage.gate == VPC_ROUTE:
            return {"ExplanationCode": "NO_ROUTE_TO_DESTINATION", "Destination": _component(str(packet.dst))}
        case Reason.NO_PUBLIC_ADDRESS if passage.gate == IGW:
            leaves = lab.is_inside(packet.src)
            code = "IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS" if leaves else "IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS"
            address = packet.src if leaves else packet.dst
            return {"ExplanationCode": code, "Direction": _way(leaves=leaves), "Address": str(address)}
        case _:
            return None


def _by_groups(lab: Lab, interface: Interface, direction: Direction, packet: Packet) -> dict[str, object]:
    names = interface.security_groups
    empty = not any(lab.groups[name].rules(direction) for name in names)
    found: dict[str, object] = {
        "ExplanationCode": "SG_HAS_NO_RULES" if empty else "ENI_SG_RULES_MISMATCH",
        "Direction": direction.value,
        "NetworkInterface": _component(interface.label),
        "SecurityGroups": [_component(name) for name in names],
        "Protocols": [PROTOCOL_NAMES.get(packet.protocol, str(packet.protocol))],
    }
    if packet.dport is not None:
        found["PortRanges"] = [{"From": packet.dport, "To": packet.dport}]
    return found


def _by_acl(acl: NetworkAcl, direction: Direction, packet: Packet) -> dict[str, object]:
    return {
        "ExplanationCode": "SUBNET_ACL_RESTRICTION",
        "Direction": direction.value,
        "Acl": _component(acl.name),
        "AclRule": _acl_rule(deciding_entry(acl, direction, packet), direction, packet),
    }


def _acl_rule(entry: AclEntry | None, direction: Direction, packet: Packet) -> dict[str, object]:
    egress = direction is Direction.EGRESS
    if entry is None:
        cidr = "0.0.0.0/0" if packet.family == 4 else "::/0"
        number = _LAST_ACL_RULE
        return {"Cidr": cidr, "Egress": egress, "Protocol": "all", "RuleAction": "deny", "RuleNumber": number}
    protocol = entry.traffic.protocol
    found: dict[str, object] = {
        "Cidr": str(entry.cidr),
        "Egress": egress,
        "Protocol": "all" if protocol is None else PROTOCOL_NAMES.get(protocol, str(protocol)),
        "RuleAction": "allow" if entry.allow else "deny",
        "RuleNumber": entry.number,
    }
    if entry.traffic.ports is not None:
        found["PortRange"] = {"From": entry.traffic.ports.first, "To": entry.traffic.ports.last}
    return found


def _direction(gate: str) -> Direction:
    return Direction.EGRESS if gate.endswith(f" {Direction.EGRESS.value}") else Direction.INGRESS


def _way(*, leaves: bool) -> str:
    return Direction.EGRESS.value if leaves else Direction.INGRESS.value


def _component(name: str) -> dict[str, str]:
    return {"Id": name}
