"""
The shape of a lab file's parts: which keys there are, which must be there, and whether text, a list or a flag stands
behind them. A field's description completes the sentence "found …, wanted …".

Values are text still; what they mean, and whether it can be meant, is for the readers.
"""

from __future__ import annotations

from typing import Annotated, get_origin

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


OneOrMore = Annotated[list[str], BeforeValidator(_listed)]


class Shape(BaseModel):
    """What all of them share: no key too many, no value turned into another kind."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    @classmethod
    def key_names(cls) -> list[str]:
        """Return the keys as files have them."""
        return [info.alias or name for name, info in cls.model_fields.items()]

    @classmethod
    def required(cls) -> list[str]:
        """Return the keys that must be there."""
        return [info.alias or name for name, info in cls.model_fields.items() if info.is_required()]

    @classmethod
    def nothing(cls, key: str) -> object:
        """Return what stands in for a required value that is wrong: an empty one of its kind."""
        info = next(info for name, info in cls.model_fields.items() if key == (info.alias or name))
        kind = get_origin(info.annotation) or info.annotation
        return kind() if kind in {str, list, dict} else None

    @classmethod
    def wanted(cls, key: str) -> str:
        """Return what has to stand behind a key."""
        return next(
            info.description or "something else" for name, info in cls.model_fields.items() if key in {name, info.alias}
        )


class TopShape(Shape):
    """The whole file; its sections are read one by one."""

    name: str = Field(description="the lab's name")
    import_: OneOrMore = Field(default=[], alias="import", description="a file, or a list of files")
    vpc: object = None
    subnets: object = None
    security_groups: object = None
    prefix_lists: object = None
    network_acls: object = None
    nat_gateways: object = None
    instances: object = None
    hosts: object = None
    timers: object = None
    expect: object = None
    stories: object = None


class TimersShape(Shape):
    """``timers:``."""

    scale: str = Field(default="1", description="a factor, as in 0.1")


class VpcShape(Shape):
    """``vpc:``."""

    cidr: str = Field(description="an IPv4 network, as in 10.0.0.0/16")
    ipv6_cidr: str | None = Field(default=None, description="an IPv6 network, as in 2001:db8:0:100::/56")


class SubnetShape(Shape):
    """One of ``subnets:``."""

    cidr: str = Field(description="an IPv4 network, as in 10.0.1.0/24")
    ipv6_cidr: str | None = Field(default=None, description="an IPv6 network, as in 2001:db8:0:101::/64")
    internet: bool = Field(default=False, description="true or false")
    acl: str = Field(default="default", description="the name of a network ACL")
    nat: str | None = Field(default=None, description="the name of a NAT gateway")
    routes: dict[str, str] = Field(default={}, description="a mapping of networks to NODE or NODE/ENI")


class ProtocolShape(Shape):
    """Exactly one of these stands in each rule, entry, row and opening step."""

    tcp: str | None = Field(default=None, description="ports, as in 22")
    udp: str | None = Field(default=None, description="ports, as in 53")
    icmp: str | None = Field(default=None, description="an ICMP type, as in 8 or 3/4")
    icmpv6: str | None = Field(default=None, description="an ICMPv6 type, as in 128 or 1/4")
    protocol: str | None = Field(default=None, description="all, a number or IANA's name of a protocol")

    def protocols(self) -> list[tuple[str, str | None]]:
        """Return the protocol keys that stand there, and their values."""
        every = ("tcp", "udp", "icmp", "icmpv6", "protocol")
        return [(key, getattr(self, key)) for key in every if key in self.model_fields_set]


class RuleShape(ProtocolShape):
    """A security group's rule."""

    from_: str | None = Field(default=None, alias="from", description="a network, a group, a prefix list or self")
    to: str | None = Field(default=None, description="a network, a group, a prefix list or self")
    description: str = Field(default="", description="text (in quotes, where YAML reads something else)")
    id: str = Field(default="", description="an id: letters, digits and . _ -")


class GroupShape(Shape):
    """A security group; its rules are read one by one."""

    description: str = Field(default="", description="text")
    aws_id: str = Field(default="", description="the id by which AWS knows it, as in sg-0123456789abcdef0")
    ingress: list[object] = Field(default=[], description="a list of rules ([] = none)")
    egress: list[object] = Field(default=[], description="a list of rules ([] = none)")


class PrefixListShape(Shape):
    """A prefix list."""

    max_entries: str | None = Field(default=None, description="a number from 1 to 1000")
    entries: list[str] = Field(default=[], description="a list of networks")


class AclShape(Shape):
    """A network ACL; its entries are read one by one."""

    ingress: list[object] = Field(default=[], description="a list of entries ([] = none)")
    egress: list[object] = Field(default=[], description="a list of entries ([] = none)")


class EntryShape(ProtocolShape):
    """A network ACL's entry."""

    rule: str = Field(description="a number from 1 to 32766")
    from_: str | None = Field(default=None, alias="from", description="a network")
    to: str | None = Field(default=None, description="a network")
    action: str = Field(description="allow or deny")


class NatShape(Shape):
    """A NAT gateway."""

    subnet: str = Field(description="the name of a subnet")
    public_ip: str = Field(description="an IPv4 address")
    ip: str | None = Field(default=None, description="an IPv4 address of its subnet")


class InterfaceShape(Shape):
    """A network interface."""

    subnet: str = Field(description="the name of a subnet")
    ip: OneOrMore = Field(default=[], description="an IPv4 address, or a list of them")
    ipv6: OneOrMore = Field(default=[], description="an IPv6 address, or a list of them")
    public_ip: str | None = Field(default=None, description="an IPv4 address")
    security_groups: list[str] = Field(default=[], description="a list of groups' names")
    connection_tracking: object = None
    conntrack_allowance: str | None = Field(default=None, description="a number of entries, as in 1000")
    source_dest_check: bool = Field(default=True, description="true or false")


class InstanceShape(InterfaceShape):
    """An instance with the one interface that its own keys describe."""

    services: list[str] = Field(default=[], description="a list of services")


class ManyInterfacesShape(Shape):
    """An instance whose interfaces are written out."""

    services: list[str] = Field(default=[], description="a list of services")
    interfaces: dict[str, object] = Field(description="a mapping of eth0, eth1 … to interfaces")


class TrackingShape(Shape):
    """``connection_tracking:`` of an interface."""

    tcp_established: str = Field(default="432000", description="seconds from 60 to 432000")
    udp: str = Field(default="30", description="seconds from 30 to 60")
    udp_stream: str = Field(default="180", description="seconds from 60 to 180")


class HostShape(Shape):
    """A host on the internet."""

    ip: OneOrMore = Field(description="an address of either family, or a list of them")
    services: list[str] = Field(default=[], description="a list of services")
    spoof: bool = Field(default=False, description="true or false")
