"""The picture of a lab: who is on the internet, what is in the VPC, which card guards what."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netlab.model.rules import SecurityGroup
from netlab.model.topology import Interface, Lab, Subnet

if TYPE_CHECKING:
    from rich.console import RenderableType


def picture(lab: Lab) -> RenderableType:
    """Draw a lab, 80 columns wide."""
    from rich.panel import Panel  # noqa: PLC0415 - `--help` does without
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    # Titles are Text: as markup, the ":100:" of an address would be an emoji.
    hosts = [line for host in lab.hosts.values() for line in (host.name, *(f"  {each}" for each in host.addresses))]
    inside = [line for subnet in lab.subnets.values() for line in _subnet_lines(lab, subnet)]
    networks = ", ".join(str(each) for each in (lab.vpc.cidr, lab.vpc.ipv6_cidr) if each is not None)
    grid = Table.grid(padding=0)
    grid.add_column(width=26)
    grid.add_column(width=7, justify="center", vertical="middle")
    grid.add_column(width=47)
    grid.add_row(
        Panel(Text("\n".join(hosts) or "nobody"), title=Text("internet"), title_align="left"),
        Text("━ igw ━"),
        Panel(Text("\n".join(inside)), title=Text(f"vpc {networks}"), title_align="left"),
    )
    return grid


def _subnet_lines(lab: Lab, subnet: Subnet) -> list[str]:
    way = "to the internet" if subnet.internet else (f"nat {subnet.nat}" if subnet.nat else "no way out")
    lines = [f"subnet {subnet.name} {subnet.cidr} ({way})"]
    if subnet.ipv6_cidr is not None:
        lines.append(f"  {subnet.ipv6_cidr}")
    for interface in lab.interfaces():
        if interface.subnet == subnet.name:
            lines.extend(_interface_lines(lab, interface))
    return lines


def _interface_lines(lab: Lab, interface: Interface) -> list[str]:
    first, *others = interface.addresses
    public = f" = {interface.public_ip}" if interface.public_ip else ""
    lines = [f"  {interface.label} {first}{public}", *(f"    {each}" for each in others)]
    for name in interface.security_groups:
        lines.extend(_group_lines(lab.groups[name]))
    return lines


def _group_lines(group: SecurityGroup) -> list[str]:
    rules = [f"in  {rule}" for rule in group.ingress] + [f"out {rule}" for rule in group.egress]
    shown = rules if len(rules) <= 4 else [*rules[:3], f"… {len(rules) - 3} more"]
    return [f"    card: group {group.name}", *(f"      {rule}" for rule in shown)]
