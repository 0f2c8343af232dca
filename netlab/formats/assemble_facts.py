"""Facts of several files brought together: rules to groups, entries to prefix lists, groups that are only named."""

from __future__ import annotations

from netlab.formats.import_facts import Facts, FoundGroup, FoundList, GroupKey, ListKey


def join_facts(facts: Facts) -> None:
    """Bring together what different files say of the same things."""
    _leave_out_interfaces(facts)
    _merge_listings(facts)
    _match_entries(facts)
    _add_outside(facts)


def _leave_out_interfaces(facts: Facts) -> None:
    """Leave out the interfaces that have no IPv4."""
    for name, node in list(facts.nodes.items()):
        for key, each in list(node.interfaces.items()):
            if {key, each.subnet} & facts.only_ipv6:
                facts.note(each.place, f"{node.kind} {node.name} has IPv6 alone here, netlab's have IPv4: left out")
                del node.interfaces[key]
        if not node.interfaces:
            del facts.nodes[name]


def _merge_listings(facts: Facts) -> None:
    """Bring the rules of describe-security-group-rules, which have ids, to their groups."""
    if not facts.groups:  # a listing of rules does not show groups that have none
        for rule in (rule for listing in facts.listings.values() for rule in listing):
            peer = rule.peer
            if isinstance(peer, GroupKey) and not peer.foreign and peer.key not in facts.listings:
                facts.groups.setdefault(peer.key, FoundGroup(peer.key, peer.key, rule.place))
    for key, listing in facts.listings.items():
        group = facts.groups.get(key)
        if group is None:
            facts.groups[key] = FoundGroup(key, key, listing[0].place, rules=listing)
            continue
        have, listed = ({rule.properties for rule in rules} for rules in (group.rules, listing))
        if have == listed:
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
    """Find the list that a file of entries belongs to: by its name, or as the only one that lacks its entries."""
    named = {
        rule.peer.key: rule.place
        for group in facts.groups.values()
        for rule in group.rules
        if isinstance(rule.peer, ListKey)
    }
    for place, entries in facts.loose_entries:
        for key, where in named.items():
            facts.lists.setdefault(key, FoundList(key, key, where))
        lacking = [each for each in facts.lists.values() if each.entries is None]
        chosen = [each for each in lacking if each.key in place.file or each.name in place.file] or lacking
        if len(chosen) == 1:
            chosen[0].entries = entries
        else:
            names = ", ".join(each.key for each in chosen) or "none"
            facts.wrong(place, f"of which list these are the file's name has to say (pl-….json); lacking are {names}")
    for each in facts.lists.values():
        if each.entries is None and each.key not in named:
            facts.note(each.place, f"prefix list {each.key} ({each.name}): its entries are in no file")
