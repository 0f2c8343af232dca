"""nftables: replaced in one transaction, raw rules at the head of their chain, compared with what a plan would make."""

from dataclasses import replace

import pytest
from kernel_ground import NFT, namespaces

from netlab.errors import KernelError
from netlab.kernel import nft
from netlab.kernel.programs import run_inside
from netlab.plan.nouns import NftExpr, NftRawRule, NftTable

OTHER = NftTable("inet", "card", "chain forward { type filter hook forward priority -1; policy accept; counter; }")


def test_a_table_is_as_planned_also_the_second_time() -> None:
    """With its maps, its sets, its chains and its raw rules."""
    with namespaces("igw") as [igw]:
        nft.replace(igw, [NFT, OTHER])
        nft.replace(igw, [NFT])

        assert nft.list_differences(igw, [NFT, OTHER]) == []


def test_raw_rules_stand_first_in_the_order_given() -> None:
    """Before the rules of the script."""
    marks = [
        NftRawRule("before", (NftExpr("payload", (("dreg", 1), ("base", 1), ("offset", offset), ("len", 4))),))
        for offset in (12, 16)
    ]
    with namespaces("igw") as [igw]:
        nft.replace(igw, [replace(NFT, raw_rules=tuple(marks))])
        listed = run_inside(igw, ["nft", "--debug=netlink", "list", "chain", "ip", "igw", "before"])
        loads = [
            line.split("payload load ")[1].split(" =>")[0] for line in listed.splitlines() if "payload load" in line
        ]

        assert loads == ["4b @ network header + 12", "4b @ network header + 16", "4b @ network header + 16"]


DIFFERENCES = [
    "nft add element ip igw private_of { 203.0.113.9 : 10.0.0.9 }",
    "nft add rule ip igw before drop",
    "nft add chain ip igw mine",
    "nft flush chain ip igw before",
    "nft delete table ip igw",
]


@pytest.mark.parametrize("command", DIFFERENCES)
def test_what_someone_else_changes_is_told(command: str) -> None:
    """The table is named; a table beside it does not differ."""
    with namespaces("igw") as [igw]:
        nft.replace(igw, [NFT, OTHER])
        run_inside(igw, command.split())

        assert nft.list_differences(igw, [NFT, OTHER]) == ["nftables table ip igw: not as planned"]


def test_what_rules_fill_does_not_count_and_can_be_emptied() -> None:
    """Elements of dynamic sets are no difference; those of maps stay."""
    dynamic = NftTable("inet", "card", "set alive { type ipv4_addr; flags dynamic,timeout; timeout 30s; }")
    with namespaces("card") as [card]:
        nft.replace(card, [dynamic, NFT])
        run_inside(card, ["nft", "add element inet card alive { 192.0.2.1 }"])
        before = (
            nft.list_differences(card, [dynamic, NFT]),
            "192.0.2.1" in run_inside(card, ["nft", "list", "ruleset"]),
        )
        nft.clear(card, [dynamic, NFT])

        assert before == ([], True)
        assert "192.0.2.1" not in run_inside(card, ["nft", "list", "ruleset"])
        assert nft.list_differences(card, [dynamic, NFT]) == []


def test_a_refused_script_changes_nothing() -> None:
    """The transaction fails whole, and the message has nft's own words."""
    with namespaces("card") as [card]:
        nft.replace(card, [OTHER])
        with pytest.raises(KernelError, match=r"nonsense|syntax error"):
            nft.replace(card, [replace(OTHER, script="nonsense"), NFT])

        assert nft.list_differences(card, [OTHER]) == []
        assert "igw" not in run_inside(card, ["nft", "list", "tables"])


def test_a_dropped_table_is_gone() -> None:
    """Others stay."""
    with namespaces("card") as [card]:
        nft.replace(card, [OTHER, NFT])
        nft.replace(card, [], dropped=[NFT])

        assert run_inside(card, ["nft", "list", "tables"]).split() == ["table", "inet", "card"]
