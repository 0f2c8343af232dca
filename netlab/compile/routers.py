"""
What all forwarding namespaces have in common: their settings, and that nobody notices them.

A router puts back the hop it takes from a packet's life, and neither hears nor says anything itself.

Source:
    Linux, Documentation/networking/ip-sysctl.rst.
"""

from __future__ import annotations

from dataclasses import replace

from netlab.compile.card import hop_table
from netlab.plan.nouns import Chain, FilterRule, Table

_QUIET = (
    ("ipv4/conf/all/rp_filter", "0"),
    ("ipv4/conf/default/rp_filter", "0"),
    ("ipv4/conf/all/send_redirects", "0"),
    ("ipv4/conf/default/send_redirects", "0"),
    ("ipv6/conf/all/accept_ra", "0"),
    ("ipv6/conf/default/accept_ra", "0"),
    ("ipv6/conf/all/accept_dad", "0"),
    ("ipv6/conf/default/accept_dad", "0"),
    ("ipv6/conf/default/autoconf", "0"),
)

ENDPOINT_SYSCTLS = _QUIET
"""Of a node: no automatic IPv6, no filter on where packets come from."""

FORWARDING_SYSCTLS = (("ipv4/ip_forward", "1"), ("ipv6/conf/all/forwarding", "1"))

ROUTER_SYSCTLS = (
    *_QUIET,
    *FORWARDING_SYSCTLS,
    # What comes from an address of the router's own is no martian: a gate has to claim it.
    ("ipv4/conf/all/accept_local", "1"),
    # No link-local address: no noise, and no route to it.
    ("ipv6/conf/all/addr_gen_mode", "1"),
    ("ipv6/conf/default/addr_gen_mode", "1"),
)


def device_sysctls(*devices: str) -> tuple[tuple[str, str], ...]:
    """Return the settings of devices that the kernel takes from the device alone."""
    return tuple((f"ipv4/conf/{device}/{name}", "0") for device in devices for name in ("rp_filter", "send_redirects"))


def mangle_table(
    family: int,
    *,
    chains: tuple[Chain, ...] = (),
    prerouting: tuple[FilterRule, ...] = (),
    forward: tuple[FilterRule, ...] = (),
) -> Table:
    """Return a router's mangle table: the life of packets as at a card, and a gate's own rules behind."""
    own = {"PREROUTING": prerouting, "FORWARD": forward}
    hop = hop_table(family)
    built_in = tuple(replace(chain, rules=(*chain.rules, *own.get(chain.name, ()))) for chain in hop.chains)
    return replace(hop, chains=(*chains, *built_in))


def deaf_filter_table(family: int, *, chains: tuple[Chain, ...] = (), forward: tuple[FilterRule, ...] = ()) -> Table:
    """Return the filter table of a router that neither hears nor says anything itself."""
    return Table(
        family,
        "filter",
        (
            *chains,
            Chain("INPUT", (), "DROP"),
            Chain("FORWARD", forward, "ACCEPT"),
            Chain("OUTPUT", (), "DROP"),
        ),
    )


def deaf_tables() -> tuple[Table, ...]:
    """Return the tables of a router that only forwards."""
    return tuple(table(family) for family in (4, 6) for table in (mangle_table, deaf_filter_table))
