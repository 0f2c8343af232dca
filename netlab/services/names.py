"""
Names and addresses: what the VPC's resolver answers, what the internet's does, and how they are told to dnsmasq.

Source:
    VPC User Guide, "DNS attributes for your VPC" (names of instances, the resolver's addresses).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, ip_address

from netlab.model.addresses import Address
from netlab.model.topology import Host, Instance, Interface, Lab

PRIVATE_DOMAIN = "ec2.internal"
PUBLIC_DOMAIN = "compute-1.amazonaws.com"
RESOLVER_ADDRESSES = ("169.254.169.253", "fd00:ec2::253")

Record = tuple[str, Address]

_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)", re.IGNORECASE)
_REST = """\
no-resolv
no-hosts
no-poll
pid-file=
log-facility=-
local-ttl=60
address=/#/
"""


def nodes_of(lab: Lab) -> dict[str, Instance | Host]:
    """Return everything that has a view and may serve, by name."""
    return {**lab.instances, **lab.hosts}


def resolver_address(lab: Lab) -> IPv4Address:
    """Return where the VPC's resolver is: the VPC's base plus two."""
    return lab.vpc.cidr.network_address + 2


def resolver_addresses(lab: Lab) -> tuple[str, ...]:
    """Return all addresses at which the VPC's resolver answers."""
    served = (ip_address(each) for each in RESOLVER_ADDRESSES)
    return (str(resolver_address(lab)), *(str(each) for each in served if each.version == 4 or lab.has_ipv6))


def private_name(interface: Interface) -> str:
    """Return the name by which AWS's resolver knows an interface."""
    return _numbered("ip", interface.ipv4[0], PRIVATE_DOMAIN)


def public_name(interface: Interface) -> str:
    """Return the public name of an interface; empty = it has no public address."""
    return _numbered("ec2", interface.public_ip, PUBLIC_DOMAIN) if interface.public_ip is not None else ""


def inside_records(lab: Lab) -> tuple[Record, ...]:
    """
    Return what the VPC's resolver answers; of an address with several names, the one it is called by comes first.

    Instances have no AAAA records, as by AWS's default.
    """
    records: list[Record] = []
    for interface in lab.interfaces():
        own = [(_numbered("ip", address, PRIVATE_DOMAIN), address) for address in interface.ipv4]
        records.extend(own)
        if interface.public_ip is not None:
            records.append((public_name(interface), interface.ipv4[0]))
    by_name = [(f"{each.name}.{PRIVATE_DOMAIN}", each.primary.ipv4[0]) for each in lab.instances.values()]
    return _legal((*records, *by_name, *_host_records(lab)))


def outside_records(lab: Lab) -> tuple[Record, ...]:
    """Return what is known on the internet: hosts, and instances by their public addresses."""
    records: list[Record] = []
    for interface in lab.interfaces():
        if interface.public_ip is not None:
            records.append((public_name(interface), interface.public_ip))
            if interface.primary:
                records.append((interface.node, interface.public_ip))
    return _legal((*_host_records(lab), *records))


def dnsmasq_text(records: Iterable[Record], listen: Iterable[str] = ()) -> str:
    """
    Write dnsmasq's configuration: these records, and NXDOMAIN for everything else; nowhere else is asked.

    Args:
        listen: Addresses that are there already; () = all.

    Source:
        dnsmasq 2.90, src/dnsmasq.c, check_dns_listeners: unless it binds addresses once and for all, it closes
        connections that come in by another device than the one their address is on. The resolver's are on ``lo``.
    """
    places = "".join(f"listen-address={address}\n" for address in listen)
    binding = "bind-interfaces\n" if places else "bind-dynamic\n"
    return _REST + binding + places + "".join(f"host-record={name},{address}\n" for name, address in records)


def hosts_text(records: Iterable[Record]) -> str:
    """Write /etc/hosts: localhost, and these records."""
    lines = [f"{address} {name}\n" for name, address in records]
    return "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n" + "".join(lines)


def _host_records(lab: Lab) -> Iterator[Record]:
    for host in lab.hosts.values():
        yield from ((host.name, address) for address in host.addresses)


def _numbered(head: str, address: IPv4Address, domain: str) -> str:
    return f"{head}-{str(address).replace('.', '-')}.{domain}"


def _legal(records: tuple[Record, ...]) -> tuple[Record, ...]:
    """Leave out what DNS cannot say: a lab's names may be longer, or begin with a dash."""
    return tuple(record for record in records if _is_legal(record[0]))


def _is_legal(name: str) -> bool:
    return len(name) <= 253 and all(_LABEL.fullmatch(label) for label in name.split("."))
