"""
Tags: the one place that writes and reads what netlab puts into rule comments and NFLOG prefixes.

A tag is ``±PART REASON [RULE]``: passed or dropped, the gate's part within its namespace, why, and the rule's id.

    +ingress RULE sgr-ssh        in a card's namespace: card ec2 ingress, admitted by sgr-ssh, state kept
    -egress NO_RULE              … dropped
    -acl/strict/ingress ACL 100  in the VPC's: decided by entry 100 of the ACL strict
    -route NO_ROUTE              … dropped, no route
"""

from __future__ import annotations

from dataclasses import dataclass

MAX_LOG_PREFIX = 63
"""What NFLOG keeps of a prefix, in bytes."""


@dataclass(frozen=True, slots=True)
class Tag:
    """
    What a rule's comment or a log record says.

    Attributes:
        part: ``ingress``, ``egress``, ``source-dest-check``, ``allowance`` (card); ``acl/NAME/DIRECTION``, ``route``,
            ``mtu``, ``nat/NAME`` (VPC); ``igw``; ``internet``.
        drop: The packet dies here.
        reason: Name of a reason: ``RULE``, ``NO_RULE`` …
        rule: Rule id or entry number; empty = none.
    """

    part: str
    drop: bool
    reason: str
    rule: str = ""

    def __str__(self) -> str:
        return f"{'-' if self.drop else '+'}{self.part} {self.reason} {self.rule}".rstrip()


def tag_from_text(text: str) -> Tag | None:
    """Read a tag; None where *text* is none of netlab's."""
    head, _, rest = text.partition(" ")
    reason, _, rule = rest.partition(" ")
    if not reason or head[:1] not in {"+", "-"}:
        return None
    return Tag(head[1:], head[0] == "-", reason, rule)
