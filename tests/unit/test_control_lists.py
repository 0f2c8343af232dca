"""Changes of network ACLs and prefix lists, and what AWS refuses of them. aws-behaviour.md, parts 4 to 6."""

from dataclasses import replace
from ipaddress import IPv4Network

import pytest

from netlab.control import apply, completed
from netlab.errors import RefusedError
from netlab.model.acls import NetworkAcl
from netlab.model.changes import AclEntryRequest, AddAclEntry, AddPrefix, Change, RemoveAclEntry, RemovePrefix
from netlab.model.rules import Direction, PrefixList
from netlab.model.topology import Lab, Vpc

IN, OUT = Direction.INGRESS, Direction.EGRESS
LAB = completed(
    Lab(
        "unit",
        Vpc(IPv4Network("10.0.0.0/16")),
        {},
        acls={"strict": NetworkAcl("strict")},
        prefix_lists={"offices": PrefixList("offices", 2, (IPv4Network("198.51.100.0/24"),))},
    )
)


def _add(number: int, protocol: str, first: int | None, last: int | None, cidr: str, action: str) -> AddAclEntry:
    return AddAclEntry("strict", IN, AclEntryRequest(number, protocol, first, last, cidr, action))


def _refusal(lab: Lab, change: Change) -> tuple[str, str]:
    with pytest.raises(RefusedError) as caught:
        apply(lab, change)
    return caught.value.code, caught.value.message


@pytest.mark.parametrize(
    ("change", "stored"),
    [
        (_add(100, "tcp", 22, 22, "10.0.0.1/8", "allow"), "100 allow tcp/22 10.0.0.0/8"),
        (_add(1, "6", 0, 65535, "0.0.0.0/0", "DENY"), "1 deny tcp/all 0.0.0.0/0"),
        (_add(32766, "-1", 5, 5, "::/0", "deny"), "32766 deny all ::/0"),
        (_add(100, "47", 5, 5, "0.0.0.0/0", "allow"), "100 allow gre 0.0.0.0/0"),
        (_add(100, "1", 8, -1, "0.0.0.0/0", "allow"), "100 allow icmp/8 0.0.0.0/0"),
        (_add(100, "icmp", -1, -1, "0.0.0.0/0", "allow"), "100 allow icmp/all 0.0.0.0/0"),
        (_add(100, "58", 128, 0, "::/0", "allow"), "100 allow icmpv6/128/0 ::/0"),
        (_add(100, "58", 128, 0, "0.0.0.0/0", "allow"), "100 allow icmpv6/all 0.0.0.0/0"),
        (_add(100, "58", None, None, "0.0.0.0/0", "allow"), "100 allow icmpv6/all 0.0.0.0/0"),
    ],
)
def test_an_entry_is_stored_normalised(change: AddAclEntry, stored: str) -> None:
    """Protocols by number, canonical networks, ports only where the protocol has them."""
    acl = apply(LAB, change).acls["strict"]

    assert [str(entry) for entry in acl.ingress] == [stored]
    assert acl.egress == ()


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        (_add(0, "tcp", 1, 1, "0.0.0.0/0", "allow"), "InvalidParameterValue", "'0' for ruleNumber"),
        (_add(32767, "tcp", 1, 1, "0.0.0.0/0", "allow"), "InvalidParameterValue", "'32767' for ruleNumber"),
        (_add(100, "tcp", None, 1, "0.0.0.0/0", "allow"), "MissingParameter", "portRange.from"),
        (_add(100, "udp", 1, None, "0.0.0.0/0", "allow"), "MissingParameter", "portRange.to"),
        (_add(100, "tcp", 2, 1, "0.0.0.0/0", "allow"), "InvalidParameterValue", "(2:1)"),
        (_add(100, "tcp", 1, 65536, "0.0.0.0/0", "allow"), "InvalidPermission.Malformed", "(65536)"),
        (_add(100, "icmp", None, None, "0.0.0.0/0", "allow"), "MissingParameter", "icmpTypeCode.type"),
        (_add(100, "icmp", 8, None, "0.0.0.0/0", "allow"), "MissingParameter", "icmpTypeCode.code"),
        (_add(100, "58", None, None, "::/0", "allow"), "MissingParameter", "icmpTypeCode.type"),
        (_add(100, "icmp", 256, 0, "0.0.0.0/0", "allow"), "InvalidParameterValue", "ICMP type (256)"),
        (_add(100, "256", None, None, "0.0.0.0/0", "allow"), "InvalidParameterValue", "Unknown protocol"),
        (_add(100, "tcp", 1, 1, "web", "allow"), "InvalidParameterValue", "CIDR block web is malformed"),
        (_add(100, "tcp", 1, 1, "0.0.0.0/0", "permit"), "InvalidParameterValue", "'permit' for ruleAction"),
        (
            replace(_add(1, "tcp", 1, 1, "0.0.0.0/0", "allow"), acl="other"),
            "InvalidNetworkAclID.NotFound",
            "The networkAcl ID 'other' does not exist",
        ),
        (RemoveAclEntry("other", IN, 1), "InvalidNetworkAclID.NotFound", "'other' does not exist"),
        (RemoveAclEntry("strict", IN, 1), "InvalidNetworkAclEntry.NotFound", "identified by 1 does not exist"),
        (RemoveAclEntry("default", IN, 32767), "InvalidParameterValue", "'32767' for ruleNumber"),
    ],
)
def test_an_entry_is_refused_with_the_code_of_aws(change: Change, code: str, message: str) -> None:
    """Each beside an entry that is taken, in the test above."""
    found_code, found_message = _refusal(LAB, change)

    assert found_code == code
    assert message in found_message


def test_entries_stand_in_the_order_of_their_numbers_each_once_a_direction() -> None:
    """A number that is taken is refused in its own direction only; it is free again after the entry went."""
    entry = _add(200, "tcp", 1, 1, "0.0.0.0/0", "allow")
    lab = apply(apply(LAB, entry), _add(100, "tcp", 2, 2, "0.0.0.0/0", "deny"))

    assert [each.number for each in lab.acls["strict"].ingress] == [100, 200]
    assert _refusal(lab, entry) == (
        "NetworkAclEntryAlreadyExists",
        "The network acl entry identified by 200 already exists.",
    )
    assert apply(lab, replace(entry, direction=OUT)).acls["strict"].egress[0].number == 200
    assert apply(apply(lab, RemoveAclEntry("strict", IN, 200)), entry) == lab


def test_an_acl_takes_nineteen_entries_of_a_direction_and_family_beside_its_final_deny() -> None:
    """The quota is twenty, the final deny included; the other family and the other direction have their own."""
    lab = LAB
    for number in range(1, 20):
        lab = apply(lab, _add(number, "-1", None, None, "0.0.0.0/0", "allow"))
    one_more = _add(20, "-1", None, None, "0.0.0.0/0", "allow")

    assert _refusal(lab, one_more)[0] == "NetworkAclEntryLimitExceeded"
    assert apply(lab, replace(one_more, direction=OUT))
    assert apply(lab, _add(20, "-1", None, None, "::/0", "allow"))


def test_a_prefix_list_takes_and_loses_entries_in_any_spelling() -> None:
    """Host bits are cleared on both ways."""
    lab = apply(LAB, AddPrefix("offices", "192.0.2.77/24"))
    entries = [str(entry) for entry in lab.prefix_lists["offices"].entries]

    assert entries == ["198.51.100.0/24", "192.0.2.0/24"]
    assert apply(lab, RemovePrefix("offices", "192.0.2.1/24")) == LAB


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (AddPrefix("other", "192.0.2.0/24"), "InvalidPrefixListID.NotFound"),
        (RemovePrefix("other", "192.0.2.0/24"), "InvalidPrefixListID.NotFound"),
        (AddPrefix("offices", "2001:db8::/64"), "InvalidParameterValue"),
        (AddPrefix("offices", "192.0.2.0"), "InvalidParameterValue"),
        (AddPrefix("offices", "198.51.100.9/24"), "InvalidPrefixListModification"),
        (RemovePrefix("offices", "198.51.100.0/25"), "InvalidPrefixListModification"),
    ],
)
def test_a_prefix_list_refuses_what_cannot_be_added_or_taken(change: Change, code: str) -> None:
    """Unknown lists, the other family, malformed, twice, absent."""
    assert _refusal(LAB, change)[0] == code


def test_a_full_prefix_list_takes_no_more() -> None:
    """It holds its max entries and not one more; after one went there is room again."""
    lab = apply(LAB, AddPrefix("offices", "192.0.2.0/24"))
    third = AddPrefix("offices", "203.0.113.0/24")

    assert _refusal(lab, third)[0] == "PrefixListMaxEntriesExceeded"
    assert len(apply(apply(lab, RemovePrefix("offices", "192.0.2.0/24")), third).prefix_lists["offices"].entries) == 2


def test_a_prefix_list_keeps_its_family_when_it_is_emptied() -> None:
    """A list has one address family, also with no entry left."""
    emptied = apply(LAB, RemovePrefix("offices", "198.51.100.0/24"))

    assert _refusal(emptied, AddPrefix("offices", "2001:db8::/64"))[0] == "InvalidParameterValue"
    assert apply(emptied, AddPrefix("offices", "198.51.100.0/24")) == LAB
