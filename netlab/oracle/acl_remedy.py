"""
What would have let a packet through a network ACL that denies it: the smallest entry, in netlab's notation and AWS's.

Source:
    AWS CLI reference, create-network-acl-entry.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_network

from netlab.model.acls import NetworkAcl
from netlab.model.addresses import Cidr
from netlab.model.changes import AclEntryRequest, AddAclEntry
from netlab.model.packets import Packet
from netlab.model.rules import ICMP, PROTOCOL_NAMES, TCP, UDP, Direction, Ports, Traffic
from netlab.oracle.policy import deciding_entry, remote_of
from netlab.oracle.remedy import smallest_traffic

_FIRST, _STEP, _LAST = 100, 10, 32766
_ANSWERS = Ports(1024, 65535)
"""Where clients await answers. Source: VPC User Guide, "Network ACLs", ephemeral ports."""


@dataclass(frozen=True, slots=True)
class AclRemedy:
    """
    The smallest entry that would let through what an ACL denied.

    Attributes:
        entry: As a lab file has it.
        aws: The same as a command for AWS's CLI; a lab knows no ACL's id.
        change: The same as a change of the lab.
    """

    acl: str
    direction: Direction
    entry: str
    aws: str
    change: AddAclEntry

    def lines(self) -> list[str]:
        """Return what to say of it."""
        gate = f"acl {self.acl} {self.direction.value}"
        return [
            f"no rule of a group helps at {gate}; this entry would:",
            f"  {self.direction.value}: {self.entry}",
            f"  {self.aws}",
        ]

    def as_json(self) -> dict[str, object]:
        """Return it as data for JSON."""
        return {"acl": self.acl, "direction": self.direction.value, "entry": self.entry, "aws": self.aws}


def acl_remedy_for(acl: NetworkAcl, direction: Direction, packet: Packet) -> AclRemedy | None:
    """Return what makes an ACL let a packet through; None where no number is left before the entry that denies it."""
    number = _free_number(acl, direction, packet)
    if number is None:
        return None
    traffic = smallest_traffic(packet)
    if packet.flags == "SA":  # the answer to a client, whose port is another each time
        traffic = Traffic(TCP, _ANSWERS)
    cidr = ip_network(remote_of(packet, direction))
    return AclRemedy(
        acl.name,
        direction,
        _as_in_lab_file(number, traffic, cidr, direction),
        _aws_command(acl.name, number, traffic, cidr, direction),
        AddAclEntry(acl.name, direction, _request(number, traffic, cidr)),
    )


def _free_number(acl: NetworkAcl, direction: Direction, packet: Packet) -> int | None:
    """Return a number before the entry that denies a packet; behind all others where the final deny does."""
    taken = {entry.number for entry in acl.entries(direction)}
    denies = deciding_entry(acl, direction, packet)
    if denies is not None:
        numbers = [*range(denies.number - 1, 0, -1)]
    else:
        behind = (max(taken, default=_FIRST - _STEP) // _STEP + 1) * _STEP
        numbers = [min(behind, _LAST), *range(_LAST, 0, -1)]
    return next((number for number in numbers if number not in taken), None)


def _parts(traffic: Traffic) -> tuple[int | None, int | None]:
    """Return AWS's two fields: ports, or ICMP type and code."""
    if traffic.ports is not None:
        return traffic.ports.first, traffic.ports.last
    return traffic.icmp_type, traffic.icmp_code


def _request(number: int, traffic: Traffic, cidr: Cidr) -> AclEntryRequest:
    return AclEntryRequest(number, str(traffic.protocol), *_parts(traffic), str(cidr), "allow")


def _as_in_lab_file(number: int, traffic: Traffic, cidr: Cidr, direction: Direction) -> str:
    name, _, rest = str(traffic).partition("/")
    what = f"{name}: {rest}" if rest else f"protocol: {name}"
    side = "from" if direction is Direction.INGRESS else "to"
    peer = f'"{cidr}"' if cidr.version == 6 else str(cidr)
    return f"{{rule: {number}, {what}, {side}: {peer}, action: allow}}"


def _aws_command(acl: str, number: int, traffic: Traffic, cidr: Cidr, direction: Direction) -> str:
    protocol = traffic.protocol or 0
    named = protocol in {TCP, UDP, ICMP}
    words = [
        f"aws ec2 create-network-acl-entry --network-acl-id '<id of {acl}>' --{direction.value}",
        f"--rule-number {number} --protocol {PROTOCOL_NAMES[protocol] if named else protocol}",
    ]
    first, last = _parts(traffic)
    if traffic.ports is not None:
        words.append(f"--port-range From={first},To={last}")
    elif traffic.icmp_type is not None:
        words.append(f"--icmp-type-code Type={first},Code={last}")
    words.append(f"--{'ipv6-' if cidr.version == 6 else ''}cidr-block {cidr} --rule-action allow")
    return " ".join(words)
