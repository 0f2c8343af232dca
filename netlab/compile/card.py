"""
A card: the gate between an instance's interface and the VPC. One namespace, one interface, its groups' rules.

     instance ── inst [ card ] vpc ── router        in by `vpc` = ingress, in by `inst` = egress

Here its parts are put together: filter (card_filter.py) decides; raw stops what the card cannot carry; mangle hides
the hop; sets hold the addresses behind names; card_state.py and card_nft.py have the timers.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_network

from netlab.compile import card_names as names
from netlab.compile.card_exempt import exempt_addresses
from netlab.compile.card_filter import filter_table, pooled_rules
from netlab.compile.card_nft import card_nft
from netlab.compile.card_state import card_sysctls
from netlab.compile.evidence import uncarried
from netlab.compile.rules import jump, matching
from netlab.model.addresses import Cidr
from netlab.model.rules import GroupRef, PrefixListRef
from netlab.model.topology import Interface, Lab
from netlab.plan.nouns import PROBE_DSCP, Chain, FilterRule, IpSet, NftTable, Table, Target
from netlab.plan.tags import Tag


@dataclass(frozen=True, slots=True)
class CardParts:
    """What a card adds to its namespace; the fields are the Namespace's of the same names."""

    sysctls: tuple[tuple[str, str], ...]
    sets: tuple[IpSet, ...]
    tables: tuple[Table, ...]
    nft: tuple[NftTable, ...]


def compile_card(lab: Lab, interface: Interface) -> CardParts:
    """Return the card of an interface of a complete lab."""
    return CardParts(
        sysctls=card_sysctls(lab, interface),
        sets=tuple(_sets(lab, interface)),
        tables=tuple(
            table
            for family in (4, 6)
            for table in (_raw_table(interface, family), hop_table(family), filter_table(lab, interface, family))
        ),
        nft=(card_nft(lab, interface),),
    )


def compile_endpoint(interfaces: Iterable[Interface] = ()) -> tuple[Table, ...]:
    """
    Return the raw tables of an endpoint's own namespace: its stack never sees netlab's probes, taps do.

    Args:
        interfaces: An instance's; none for a host. With the source/dest check off at one of them the instance
            forwards: then only probes to its own addresses end there.
    """
    mine = tuple(interfaces)
    forwards = any(not each.source_dest_check for each in mine)
    tables = []
    for family in (4, 6):
        own: list[Cidr | None] = [None]
        if forwards:
            own = [ip_network(address) for each in mine for address in each.addresses if address.version == family]
        probe = matching("dscp", ("dscp", f"{PROBE_DSCP:#04x}"))
        drops = tuple(FilterRule(Target("DROP"), destination=address, matches=(probe,)) for address in own)
        tables.append(Table(family, "raw", (Chain("PREROUTING", drops, "ACCEPT"), Chain("OUTPUT", (), "ACCEPT"))))
    return tuple(tables)


def hop_table(family: int) -> Table:
    """Return the mangle table that hides a forwarding hop: what the kernel takes off the TTL was put on before."""
    name, target, key = ("ttl", "TTL", "ttl") if family == 4 else ("hl", "HL", "hl")
    bit = f"{names.FULL_TTL:#x}/{names.FULL_TTL:#x}"
    arriving = (
        jump("MARK", ("set-xmark", bit), matches=(matching(name, (f"{key}-eq", "255")),)),
        jump(target, (f"{key}-inc", "1")),
    )
    leaving = (jump(target, (f"{key}-set", "255"), matches=(matching("mark", ("mark", bit)),)),)
    idle = tuple(Chain(each, (), "ACCEPT") for each in ("INPUT", "FORWARD", "OUTPUT"))
    chains = (Chain("PREROUTING", arriving, "ACCEPT"), *idle, Chain("POSTROUTING", leaving, "ACCEPT"))
    return Table(family, "mangle", chains)


def _raw_table(interface: Interface, family: int) -> Table:
    spoofed = Tag("source-dest-check", drop=True, reason="SPOOFED")
    nowhere = Tag("route", drop=True, reason="NO_ROUTE")
    to_chain, to_them = uncarried(family, "to-nowhere", nowhere, in_interface=names.INSIDE)
    from_tag = spoofed if interface.source_dest_check else nowhere
    from_chain, from_them = uncarried(family, "from-nowhere", from_tag, in_interface=names.INSIDE, from_them=True)
    prerouting = Chain("PREROUTING", (*to_them, *from_them), "ACCEPT")
    return Table(family, "raw", (to_chain, from_chain, prerouting, Chain("OUTPUT", (), "ACCEPT")))


def _sets(lab: Lab, interface: Interface) -> list[IpSet]:
    """Return the sets the card's rules name: exempt addresses, groups' members, prefix lists; by family, then name."""
    peers = {rule.peer for rule in pooled_rules(lab, interface)}
    groups = sorted(peer.name for peer in peers if isinstance(peer, GroupRef))
    lists = sorted(peer.name for peer in peers if isinstance(peer, PrefixListRef))
    found = []
    for family in (4, 6) if lab.has_ipv6 else (4,):
        exempt = frozenset(str(address) for address in exempt_addresses(lab, family))
        found.append(IpSet(names.exempt_set(family), "hash:ip", family, members=exempt))
        found += [_group_set(lab, name, family) for name in groups]
        found += [_prefix_list_set(lab, name, family) for name in lists]
    return found


def _group_set(lab: Lab, group: str, family: int) -> IpSet:
    """Return the private addresses of the group's members. Source: VPC User Guide, "Security group rules"."""
    addresses = (address for each in lab.members(group) for address in each.addresses if address.version == family)
    return IpSet(names.group_set(group, family), "hash:ip", family, members=frozenset(map(str, addresses)))


def _prefix_list_set(lab: Lab, name: str, family: int) -> IpSet:
    members: set[str] = set()
    for entry in lab.prefix_lists[name].entries:
        if entry.version == family:
            members.update(_set_entries(entry))
    return IpSet(names.prefix_list_set(name, family), "hash:net", family, members=frozenset(members))


def _set_entries(network: Cidr) -> list[str]:
    """Return a network as ``hash:net`` holds and lists it: a single address bare, the whole family in halves."""
    if network.prefixlen == 0:
        return [str(half) for half in network.subnets()]
    return [str(network.network_address) if network.prefixlen == network.max_prefixlen else str(network)]
