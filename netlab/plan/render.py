"""
Plan's nouns as text: the tables exactly as ``iptables-restore`` takes them, one spelling for every listing.

What a rule means must not be known here. The order within a rule is ``iptables-save``'s: addresses, devices, protocol,
matches, comment, target. Protocols without an extension go by number (what names they have is the machine's business).
"""

from __future__ import annotations

from netlab.plan.nouns import FilterRule, IpSet, Match, Namespace, NftTable, Table, Target

_PROTOCOLS = {1: "icmp", 6: "tcp", 17: "udp", 58: "ipv6-icmp"}
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")
_TEXTS = frozenset({"nflog-prefix", "u32"})  # options whose value is one quoted text; others may be several words


def render_rule(rule: FilterRule) -> str:
    """Return a rule as ``iptables-save`` lists it, without its ``-A CHAIN``."""
    words = []
    for flag, network in (("-s", rule.source), ("-d", rule.destination)):
        if network is not None and network.prefixlen:
            words.append(f"{flag} {network}")
    for flag, device in (("-i", rule.in_interface), ("-o", rule.out_interface)):
        if device:
            words.append(f"{flag} {device}")
    if rule.protocol is not None:
        words.append(f"-p {_PROTOCOLS.get(rule.protocol, rule.protocol)}")
    words += [_match(match) for match in rule.matches]
    if rule.comment:
        words.append(f"-m comment --comment {quote(rule.comment)}")
    words.append(_target(rule.target))
    return " ".join(words)


def render_table(table: Table) -> str:
    """Return a table as ``iptables-restore`` takes it: ``*NAME`` to ``COMMIT``, with a newline at the end."""
    built_in = [chain for chain in table.chains if chain.policy]
    own = [chain for chain in table.chains if not chain.policy]
    lines = [f"*{table.name}"]
    lines += [f":{chain.name} {chain.policy or '-'} [0:0]" for chain in (*built_in, *own)]
    lines += [f"-A {chain.name} {render_rule(rule)}" for chain in (*built_in, *own) for rule in chain.rules]
    return "\n".join([*lines, "COMMIT", ""])


def render_set(ipset: IpSet) -> str:
    """Return a set as ``ipset restore`` takes it: its ``create`` line, and one ``add`` line a member, sorted."""
    timeout = "" if ipset.timeout_s is None else f" timeout {ipset.timeout_s}"
    create = f"create {ipset.name} {ipset.kind} family {'inet' if ipset.family == 4 else 'inet6'}{timeout}"
    return "\n".join([create, *(f"add {ipset.name} {member}" for member in sorted(ipset.members or ())), ""])


def render_nft(table: NftTable) -> str:
    """Return a table as ``nft -f`` takes it; what the tool cannot spell stands as a comment."""
    raw = [
        f"# {rule.chain}: {' '.join(expression.name for expression in rule.expressions)}" for rule in table.raw_rules
    ]
    return "\n".join([f"table {table.family} {table.name} {{", table.script.strip("\n"), "}", *raw, ""])


def render_namespace(namespace: Namespace) -> str:
    """Return all rules of a namespace for people: sets, IPv4 tables, IPv6 tables, nftables."""
    parts = [f"# {namespace.name}\n"]
    if namespace.sets:
        parts.append("# ipset restore\n" + "".join(render_set(ipset) for ipset in namespace.sets))
    for family, program in ((4, "iptables-legacy-restore"), (6, "ip6tables-legacy-restore")):
        tables = [render_table(table) for table in namespace.tables if table.family == family]
        if tables:
            parts.append(f"# {program}\n" + "".join(tables))
    if namespace.nft:
        parts.append("# nft -f\n" + "".join(render_nft(table) for table in namespace.nft))
    return "\n".join(parts)


def quote(text: str) -> str:
    """
    Return a text as ``iptables-save`` prints it: in double quotes unless it is letters, digits, ``_`` and ``-`` alone.

    Source:
        iptables, libxtables/xtables.c, xtables_save_string.
    """
    if text and set(text) <= _PLAIN:
        return text
    escaped = "".join(f"\\{each}" if each in "\"\\'" else each for each in text)
    return f'"{escaped}"'


def _match(match: Match) -> str:
    return " ".join([f"-m {match.name}", *(_option(name, value) for name, value in match.options)])


def _target(target: Target) -> str:
    flag = "-g" if target.goto else "-j"
    return " ".join([f"{flag} {target.name}", *(_option(name, value) for name, value in target.options)])


def _option(name: str, value: str) -> str:
    negated, value = value.startswith("!"), value.removeprefix("!").strip()
    text = f"--{name} {quote(value) if name in _TEXTS else value}".rstrip()
    return f"! {text}" if negated else text
