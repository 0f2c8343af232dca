"""Network ACLs: numbered, stateless, allow or deny."""

from __future__ import annotations

from dataclasses import dataclass

from netlab.model.addresses import Cidr
from netlab.model.rules import Direction, Traffic

DEFAULT_ACL = "default"


@dataclass(frozen=True, slots=True)
class AclEntry:
    """
    One entry.

    Attributes:
        number: 1 to 32766; the lowest that matches decides.
        allow: AWS's ``action``.
    """

    number: int
    traffic: Traffic
    cidr: Cidr
    allow: bool

    def __str__(self) -> str:
        return f"{self.number} {'allow' if self.allow else 'deny'} {self.traffic} {self.cidr}"


@dataclass(frozen=True, slots=True)
class NetworkAcl:
    """A network ACL; entries sorted by number, the final deny of everything not among them."""

    name: str
    ingress: tuple[AclEntry, ...] = ()
    egress: tuple[AclEntry, ...] = ()

    def entries(self, direction: Direction) -> tuple[AclEntry, ...]:
        """Return the entries of one direction: ingress = into the subnet."""
        return self.ingress if direction is Direction.INGRESS else self.egress
