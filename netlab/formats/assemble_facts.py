"""Facts of several files brought together: rules to groups, entries to prefix lists, groups that are only named."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable

from netlab.formats.import_facts import Facts
from netlab.formats.import_found import FoundGroup, FoundList, GroupKey, ListKey
from netlab.formats.import_places import Place
from netlab.model.addresses import Cidr

Entries = tuple[Place, list[Cidr]]


def join_facts(facts: Facts) -> None:
    """Bring together what different files say of the same things."""
    _leave_out_interfaces(facts)
    _merge_listings(facts)
    _add_outside(facts)
    _match_entries(facts)
    _settle_vpcs(facts)


def _leave_out_interfaces(facts: Facts) -> None:
    """Leave out the interfaces that have no IPv4."""
    for name, node in list(facts.nodes.items()):
        for key, each in list(node.interfaces.items()):
            if {key, each.subnet} & facts.only_ipv6:
                facts.note(each.place, f"{node.kind} {node.name} has IPv6 alone here, netlab's have IPv4: left out")
                del node.interfaces[key], facts.interfaces[key]
        if not node.interfaces:
            del facts.nodes[name]


def _merge_listings(facts: Facts) -> None:
    """Bring the rules of describe-security-group-rules, which have ids, to their groups."""
    if not facts.groups:  # a listing of rules does not show groups that have none
        for rule in (rule for listing in facts.listings.values() for rule in listing.values()):
            peer = rule.peer
            if isinstance(peer, GroupKey) and not peer.foreign and peer.key not in facts.listings:
                facts.groups.setdefault(peer.key, FoundGroup(peer.key, peer.key, rule.place))
    for key, rules in facts.listings.items():
        listing = list(rules.values())
        group = facts.groups.get(key)
        if group is None:
            facts.groups[key] = FoundGroup(key, key, listing[0].place, rules=listing)
            continue
        have = {rule.properties for rule in group.rules}
        if have == rules.keys():
            group.rules = listing
            continue
        odd = next((rule for rule in listing if rule.properties not in have), listing[0])
        facts.wrong(odd.place, f"the rules listed of {key} are not those that {group.place.file} gives it")


def _add_outside(facts: Facts) -> None:
    """Add the groups that templates and plans name by ids, which no file defines."""
    named = {
        rule.peer: rule.place
        for group in facts.groups.values()
        for rule in group.rules
        if isinstance(rule.peer, GroupKey) and rule.peer.outside
    }
    for node in facts.nodes.values():
        for interface in node.interfaces.values():
            named |= {each: interface.place for each in interface.groups if each.outside}
    for key, rule in facts.late_rules:
        group = facts.add_outside(key, rule.place)
        if rule.properties not in {each.properties for each in group.rules}:
            group.rules.append(rule)
        if isinstance(rule.peer, GroupKey) and rule.peer.outside:
            named[rule.peer] = rule.place
    for peer, place in named.items():
        if not peer.foreign:
            facts.add_outside(peer.key, place)


def _match_entries(facts: Facts) -> None:
    """Find the lists that files of entries belong to: by their names, or as the only one that lacks its entries."""
    named = {
        rule.peer.key: rule.place
        for group in facts.groups.values()
        for rule in group.rules
        if isinstance(rule.peer, ListKey)
    }
    if facts.loose_entries:
        for key, where in named.items():
            facts.lists.setdefault(key, FoundList(key, key, where))
    files = _assign(facts, facts.loose_entries, exact=True)
    files = _assign(facts, files, exact=False)
    lacking = _lacking(facts)
    if len(files) == len(lacking) == 1 and not _named_by(files[0][0], facts.lists.values(), exact=False):
        ((place, lacking[0].entries),) = files
        facts.note(place, f"taken to be the entries of {lacking[0].key}, the only prefix list that lacks its own")
        files = []
    for place, _ in files:
        names = ", ".join(each.key for each in lacking) or "none"
        facts.wrong(place, f"of which list these are the file's name has to say (pl-….json); lacking are {names}")
    for each in facts.lists.values():
        if each.entries is None and each.key not in named:
            facts.note(each.place, f"prefix list {each.key} ({each.name}): its entries are in no file")


def _lacking(facts: Facts) -> list[FoundList]:
    return [each for each in facts.lists.values() if each.entries is None]


def _assign(facts: Facts, files: list[Entries], *, exact: bool) -> list[Entries]:
    """Give the lists their entries that one file's name alone says; return the other files."""
    lacking = _lacking(facts)
    chosen = [_named_by(place, lacking, exact=exact) for place, _ in files]
    count = Counter(chosen)
    for key, (_, entries) in zip(chosen, files, strict=True):
        if key and count[key] == 1:
            facts.lists[key].entries = entries
    return [file for key, file in zip(chosen, files, strict=True) if not key or count[key] > 1]


def _named_by(place: Place, lists: Iterable[FoundList], *, exact: bool) -> str:
    """Return the key of the list whose id or name a file's name is, or (not *exact*) the longest of those it holds."""
    file = place.file.replace("\\", "/").rpartition("/")[2]
    stem = file.rpartition(".")[0] or file
    found: dict[str, int] = {}
    for each in lists:
        for word in {each.key, each.name} - {""}:
            if stem == word or (not exact and re.search(rf"(?<![A-Za-z0-9]){re.escape(word)}(?![A-Za-z0-9])", stem)):
                found[each.key] = max(len(word), found.get(each.key, 0))
    longest = [key for key, length in found.items() if length == max(found.values())]
    return longest[0] if len(longest) == 1 else ""


def _settle_vpcs(facts: Facts) -> None:
    """
    Take a VPC that a file refers to and does not tell for the one that the files tell, or where there is none, for one.

    Of several that one file names, it is the one named most; a file that tells one VPC means another by the rest.
    """
    named: dict[str, Counter[str]] = defaultdict(Counter)
    for each in facts.sited():
        named[each.place.file][each.vpc] += bool(each.vpc)
    told = {vpc for vpcs in named.values() for vpc in +vpcs} - facts.unknown.keys() | facts.vpcs.keys()
    ours = [vpcs.most_common(1)[0][0] for vpcs in named.values() if +vpcs and not told & (+vpcs).keys()]
    for each in facts.sited():
        if each.vpc in ours:
            facts.guessed.setdefault(each.vpc, each.place)
            each.vpc = "" if told else ours[0]
    for node in facts.nodes.values():
        for interface in node.interfaces.values():
            subnet = facts.subnets.get(interface.subnet)
            interface.vpc = interface.vpc or (subnet.vpc if subnet else "")
