"""The shape of expectation rows and story steps; see schema.py."""

from __future__ import annotations

from pydantic import Field

from netlab.formats.schema import ProtocolShape, Shape


class WantedShape(Shape):
    """What a step that sends expects."""

    seen: str = Field(description="delivered, lost or (with real: true) refused")
    by: str | None = Field(default=None, description="the id of a rule")
    at: str | None = Field(default=None, description="a gate, as in card ec2 ingress")
    reason: str | None = Field(default=None, description="a reason, as in NO_RULE")


class FieldsShape(Shape):
    """What a step may fix of its packet."""

    flags: str | None = Field(default=None, description="TCP flags, as in SA")
    sport: str | None = Field(default=None, description="one port, as in 40000")
    dport: str | None = Field(default=None, description="one port, as in 40000")
    src: str | None = Field(default=None, description="an address")
    size: str | None = Field(default=None, description="a number of payload bytes")
    df: bool = Field(default=False, description="true or false")


class RowShape(ProtocolShape, FieldsShape, WantedShape):
    """A row of ``expect:``."""

    from_: str = Field(alias="from", description="a node, NODE/ENI, NODE:public or an address")
    to: str = Field(description="a node, NODE/ENI, NODE:public or an address")
    family: str | None = Field(default=None, description="4 or 6")
    real: bool = Field(default=False, description="true or false")


class OpenShape(RowShape):
    """``open: FLOW``."""

    open: str = Field(description="a name for the flow")


class SendShape(FieldsShape, WantedShape):
    """``send: FLOW``."""

    send: str = Field(description="the name of a flow")


class ReplyShape(FieldsShape, WantedShape):
    """``reply: FLOW``."""

    reply: str = Field(description="the name of a flow")


class ErrorShape(WantedShape):
    """``error: FLOW``."""

    error: str = Field(description="the name of a flow")
    type: str = Field(description="an ICMP error's type, as in 3/4")
    from_: str = Field(alias="from", description="the place that sends the error")
    to: str = Field(description="the end of the flow that is told")


class RulesChangeShape(Shape):
    """``authorize:`` and ``revoke:``; the rules are read one by one."""

    authorize: str | None = Field(default=None, description="the name of a group")
    revoke: str | None = Field(default=None, description="the name of a group")
    ingress: object = None
    egress: object = None
    refused: str = Field(default="", description="AWS's error code")


class AttachShape(Shape):
    """``attach: NODE``."""

    attach: str = Field(description="NODE or NODE/ENI")
    security_groups: list[str] = Field(description="a list of groups' names")
    refused: str = Field(default="", description="AWS's error code")


class AclChangeShape(Shape):
    """``acl: NAME``."""

    acl: str = Field(description="the name of a network ACL")
    add: dict[str, object] | None = Field(default=None, description="ingress: ENTRY or egress: ENTRY")
    remove: dict[str, object] | None = Field(default=None, description="ingress: {rule: NUMBER}, or egress:")
    refused: str = Field(default="", description="AWS's error code")


class EntryNumberShape(Shape):
    """What ``remove:`` of an ACL names."""

    rule: str = Field(description="a number from 1 to 32766")


class PrefixListChangeShape(Shape):
    """``prefix_list: NAME``."""

    prefix_list: str = Field(description="the name of a prefix list")
    add: str | None = Field(default=None, description="a network")
    remove: str | None = Field(default=None, description="a network")
    refused: str = Field(default="", description="AWS's error code")


class WaitShape(Shape):
    """``wait:``."""

    wait: str = Field(description="a time, as in 31s, 500ms or 2m")


class TableShape(Shape):
    """``table: NODE``."""

    table: str = Field(description="the name of an instance")
    holds: list[str] = Field(default=[], description="a list of flows")
    lacks: list[str] = Field(default=[], description="a list of flows")
