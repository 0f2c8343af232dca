"""The VPC, its subnets, NAT gateways and instances, and the hosts on the internet, of a lab file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from re import fullmatch

from netlab.formats.rules import acl_names, read_network
from netlab.formats.schema import (
    HostShape,
    InstanceShape,
    InterfaceShape,
    ManyInterfacesShape,
    NatShape,
    SubnetShape,
    TrackingShape,
    VpcShape,
)
from netlab.formats.sheet import Sheet
from netlab.formats.words import parse_address, parse_known, parse_name, parse_number, shown
from netlab.formats.yaml_reader import Path
from netlab.model.addresses import EVERYWHERE, Address, Cidr, contains
from netlab.model.topology import (
    SERVICE_PORTS,
    ConnectionTracking,
    Host,
    Instance,
    Interface,
    NatGateway,
    Subnet,
    SubnetRoute,
    Vpc,
)

LEAST_PREFIX, MOST_PREFIX = 16, 28
"""How long AWS lets the IPv4 prefix of a VPC or subnet be. Source: VPC User Guide, subnet CIDR blocks."""

MOST_PREFIX_6 = 120


@dataclass(slots=True)
class Ground:
    """
    What instances stand on, as far as it could be read.

    Attributes:
        vpc: None = it is wrong, so nothing is compared with it.
        owners: Who has an address, by address.
    """

    vpc: Vpc | None
    subnets: dict[str, Subnet] = field(default_factory=dict)
    subnet_names: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    owners: dict[Address, str] = field(default_factory=dict)


def read_vpc(sheet: Sheet) -> Vpc | None:
    """Read ``vpc:``."""
    if sheet.get(("vpc",)) is None:
        sheet.wrong(("vpc",), "is missing, wanted {cidr: NETWORK}")
        return None
    shape = sheet.shape(VpcShape, ("vpc",))
    if shape is None:
        return None
    cidr = _read_ipv4_network(sheet, ("vpc", "cidr"), shape.cidr)
    ipv6 = _read_ipv6_network(sheet, ("vpc", "ipv6_cidr"), shape.ipv6_cidr)
    return None if cidr is None else Vpc(cidr, ipv6)


def read_subnets(sheet: Sheet, ground: Ground) -> None:
    """Read ``subnets:`` into *ground*, but for their routes."""
    ground.subnet_names = tuple(sheet.mapping(("subnets",)))
    nats = tuple(sheet.mapping(("nat_gateways",)))
    for name in ground.subnet_names:
        path = ("subnets", name)
        sheet.take(path, parse_name, name)
        shape = sheet.shape(SubnetShape, path)
        if shape is None:
            continue
        cidr = _read_ipv4_network(sheet, (*path, "cidr"), shape.cidr)
        ipv6 = _read_ipv6_network(sheet, (*path, "ipv6_cidr"), shape.ipv6_cidr)
        _check_subnet(sheet, path, ground, cidr, ipv6)
        acl = _known(sheet, (*path, "acl"), shape.acl, acl_names(sheet), "network ACL")
        nat = None
        if shape.nat is not None:
            nat = _known(sheet, (*path, "nat"), shape.nat, nats, "NAT gateway")
            if shape.internet:
                sheet.wrong((*path, "nat"), "found nat and internet: true, wanted one route for everything else")
        if cidr is not None:
            ground.subnets[name] = Subnet(name, cidr, ipv6, shape.internet, acl or shape.acl, nat)


def _check_subnet(sheet: Sheet, path: Path, ground: Ground, cidr: IPv4Network | None, ipv6: IPv6Network | None) -> None:
    own = (("cidr", cidr), ("ipv6_cidr", ipv6))
    around = {} if ground.vpc is None else {"cidr": ground.vpc.cidr, "ipv6_cidr": ground.vpc.ipv6_cidr}
    for key, network in own:
        if network is None:
            continue
        if key in around and not _is_part(network, around[key]):
            vpc = around[key]
            sheet.wrong(
                (*path, key), f"{network} is outside the VPC's {vpc}" if vpc else "found IPv6, the VPC has none"
            )
        for other in ground.subnets.values():
            theirs = other.cidr if key == "cidr" else other.ipv6_cidr
            if theirs is not None and theirs.version == network.version and network.overlaps(theirs):
                sheet.wrong((*path, key), f"{network} overlaps subnet {other.name}'s {theirs}")


def _is_part(network: Cidr, whole: Cidr | None) -> bool:
    return whole is not None and contains(whole, network[0]) and contains(whole, network[-1])


def read_nat_gateways(sheet: Sheet, ground: Ground) -> dict[str, NatGateway]:
    """Read ``nat_gateways:``."""
    gateways = {}
    for name in sheet.mapping(("nat_gateways",)):
        path = ("nat_gateways", name)
        sheet.take(path, parse_name, name)
        shape = sheet.shape(NatShape, path)
        if shape is None:
            continue
        _known(sheet, (*path, "subnet"), shape.subnet, ground.subnet_names, "subnet")
        public = _read_public(sheet, (*path, "public_ip"), shape.public_ip, ground, f"NAT gateway {name}")
        own = None
        if shape.ip is not None:
            own = _read_own(sheet, (*path, "ip"), shape.ip, ground, f"NAT gateway {name}", shape.subnet, 4)
        if public is not None:
            gateways[name] = NatGateway(name, shape.subnet, public, own if isinstance(own, IPv4Address) else None)
    return gateways


def read_instances(sheet: Sheet, ground: Ground) -> dict[str, Instance]:
    """Read ``instances:``."""
    instances = {}
    for name, data in sheet.mapping(("instances",)).items():
        path = ("instances", name)
        sheet.take(path, parse_name, name)
        interfaces: list[Interface | None]
        if isinstance(data, dict) and "interfaces" in data:
            several = sheet.shape(ManyInterfacesShape, path)
            if several is None:
                continue
            services = _read_services(sheet, (*path, "services"), several.services)
            interfaces = _read_interfaces(sheet, path, ground, name, list(several.interfaces))
        else:
            single = sheet.shape(InstanceShape, path)
            if single is None:
                continue
            services = _read_services(sheet, (*path, "services"), single.services)
            interfaces = [_read_interface(sheet, path, single, ground, name, "eth0", primary=True)]
        if all(interfaces):
            instances[name] = Instance(name, tuple(each for each in interfaces if each is not None), services)
    return instances


def _read_interfaces(sheet: Sheet, path: Path, ground: Ground, node: str, names: list[str]) -> list[Interface | None]:
    if not names:
        sheet.wrong((*path, "interfaces"), "found none, wanted at least eth0")
        return [None]
    interfaces: list[Interface | None] = []
    for position, name in enumerate(names):
        place = (*path, "interfaces", name)
        if not fullmatch(r"eth[0-9]{1,2}", name):
            sheet.wrong(place, f"found {shown(name)}, wanted eth0, eth1 …")
        shape = sheet.shape(InterfaceShape, place)
        if shape is None:
            interfaces.append(None)
        else:
            interfaces.append(_read_interface(sheet, place, shape, ground, node, name, primary=position == 0))
    return interfaces


def _read_interface(
    sheet: Sheet, path: Path, shape: InterfaceShape, ground: Ground, node: str, name: str, *, primary: bool
) -> Interface | None:
    owner = node if primary else f"{node}/{name}"
    subnet = _known(sheet, (*path, "subnet"), shape.subnet, ground.subnet_names, "subnet")
    own: dict[int, list[Address]] = {4: [], 6: []}
    for family, key, texts in ((4, "ip", shape.ip), (6, "ipv6", shape.ipv6)):
        for index, text in enumerate(texts):
            address = _read_own(sheet, (*path, key, index), text, ground, owner, shape.subnet, family)
            if address is not None:
                own[family].append(address)
    public = None
    if shape.public_ip is not None:
        public = _read_public(sheet, (*path, "public_ip"), shape.public_ip, ground, owner)
    groups = _read_group_names(sheet, (*path, "security_groups"), shape.security_groups, ground.groups)
    allowance = None
    if shape.conntrack_allowance is not None:
        allowance = sheet.take((*path, "conntrack_allowance"), _parse_allowance, shape.conntrack_allowance)
    tracking = _read_tracking(sheet, (*path, "connection_tracking"))
    if subnet is None or subnet not in ground.subnets:
        return None
    return Interface(
        node=node,
        name=name,
        primary=primary,
        subnet=subnet,
        ipv4=tuple(each for each in own[4] if isinstance(each, IPv4Address)),
        ipv6=tuple(each for each in own[6] if isinstance(each, IPv6Address)),
        public_ip=public,
        security_groups=groups,
        connection_tracking=tracking,
        allowance=allowance,
        source_dest_check=shape.source_dest_check,
    )


def _read_group_names(sheet: Sheet, path: Path, names: list[str], known: tuple[str, ...]) -> tuple[str, ...]:
    if sheet.get(path) == []:
        sheet.wrong(path, "found an empty list, wanted at least one group (left out = the default one)")
    for index, name in enumerate(names):
        _known(sheet, (*path, index), name, known, "security group")
        if name in names[:index]:
            sheet.wrong((*path, index), f"'{name}' stands in the list already")
    return tuple(names)


def _read_tracking(sheet: Sheet, path: Path) -> ConnectionTracking:
    """Read an interface's timers. Source: EC2 User Guide, connection tracking, idle timeouts."""
    shape = sheet.shape(TrackingShape, path)
    if shape is None:
        return ConnectionTracking()
    limits = {"tcp_established": (60, 432_000), "udp": (30, 60), "udp_stream": (60, 180)}
    seconds = {}
    for key, (least, most) in limits.items():
        given = str(getattr(shape, key))
        seconds[key] = sheet.take((*path, key), _parse_timer, (given, least, most)) or least
    return ConnectionTracking(seconds["tcp_established"], seconds["udp"], seconds["udp_stream"])


def read_hosts(sheet: Sheet, ground: Ground) -> dict[str, Host]:
    """Read ``hosts:``."""
    hosts = {}
    instances = sheet.mapping(("instances",))
    for name in sheet.mapping(("hosts",)):
        path = ("hosts", name)
        sheet.take(path, parse_name, name)
        if name in instances:
            sheet.wrong(path, "is the name of an instance already; the two share their names")
        shape = sheet.shape(HostShape, path)
        if shape is None:
            continue
        services = _read_services(sheet, (*path, "services"), shape.services)
        if not shape.ip:
            sheet.wrong((*path, "ip"), "found an empty list, wanted at least one address")
        addresses = []
        for index, text in enumerate(shape.ip):
            place = (*path, "ip", index)
            address = sheet.take(place, parse_address, text)
            if address is not None and _check_internet(sheet, place, address, ground):
                _claim(sheet, place, address, ground, f"host {name}")
                addresses.append(address)
        if addresses:
            hosts[name] = Host(name, tuple(addresses), services, shape.spoof)
    return hosts


def read_routes(sheet: Sheet, ground: Ground, instances: Mapping[str, Instance]) -> None:
    """Read the routes of the subnets, now that the instances are known."""
    written = sheet.mapping(("instances",))
    for name, subnet in ground.subnets.items():
        shape = sheet.shape(SubnetShape, ("subnets", name))
        if shape is None or not shape.routes:
            continue
        routes: dict[Cidr, SubnetRoute] = {}
        for text, target in shape.routes.items():
            place = ("subnets", name, "routes", text)
            cidr = read_network(sheet, place, text)
            if cidr is None:
                continue
            taken = _taken(subnet, cidr) or (f"{cidr} has a route already" if cidr in routes else "")
            if taken:
                sheet.wrong(place, taken)
            node, _, interface = target.partition("/")
            if node in instances:
                names = [each.name for each in instances[node].interfaces]
                _known(sheet, place, interface or names[0], names, f"interface of {node}")
                routes[cidr] = SubnetRoute(cidr, node, interface or names[0])
            elif node not in written:
                _known(sheet, place, node, tuple(written), "instance")
        ground.subnets[name] = replace(subnet, routes=tuple(routes.values()))


def _taken(subnet: Subnet, cidr: Cidr) -> str:
    if cidr != EVERYWHERE[cidr.version]:
        return ""
    if subnet.internet:
        return f"{cidr} leads to the internet gateway already (internet: true)"
    if subnet.nat is not None and cidr.version == 4:
        return f"{cidr} leads to the NAT gateway {subnet.nat} already"
    return ""


def _read_services(sheet: Sheet, path: Path, names: list[str]) -> tuple[str, ...]:
    ports: dict[tuple[int, int], str] = {}
    for index, name in enumerate(names):
        if _known(sheet, (*path, index), name, tuple(SERVICE_PORTS), "service") is None:
            continue
        for port in SERVICE_PORTS[name]:
            if port in ports:
                sheet.wrong(
                    (*path, index), f"{name} and {ports[port]} both listen on port {port[1]}, wanted one of them"
                )
            ports[port] = name
    return tuple(names)


def _read_own(
    sheet: Sheet, path: Path, text: str, ground: Ground, owner: str, subnet: str, family: int
) -> Address | None:
    """Read a private address, which must be free and of its subnet."""
    address = sheet.take(path, parse_address, text)
    if address is None:
        return None
    if address.version != family:
        sheet.wrong(path, f"found the IPv{address.version} address {address}, wanted IPv{family}")
        return None
    known = ground.subnets.get(subnet)
    if known is not None:
        network: Cidr | None = known.cidr if family == 4 else known.ipv6_cidr
        if network is None:
            sheet.wrong(path, f"found {address}, but subnet {subnet} has no ipv6_cidr")
        elif not contains(network, address):
            sheet.wrong(path, f"{address} is outside subnet {subnet}'s {network}")
        elif address in {network[0], network[1], network[2], network[3], network[-1]}:
            sheet.wrong(path, f"{address} is reserved: AWS keeps the first four addresses of {network} and the last")
    _claim(sheet, path, address, ground, owner)
    return address


def _read_public(sheet: Sheet, path: Path, text: str, ground: Ground, owner: str) -> IPv4Address | None:
    address = sheet.take(path, parse_address, text)
    if address is None:
        return None
    if not isinstance(address, IPv4Address):
        sheet.wrong(path, f"found {address}, wanted an IPv4 address")
        return None
    if _check_internet(sheet, path, address, ground):
        _claim(sheet, path, address, ground, owner)
    return address


def _check_internet(sheet: Sheet, path: Path, address: Address, ground: Ground) -> bool:
    networks = () if ground.vpc is None else (ground.vpc.cidr, ground.vpc.ipv6_cidr)
    inside = next((each for each in networks if each is not None and contains(each, address)), None)
    if inside is not None:
        sheet.wrong(path, f"{address} lies in the VPC's {inside}, wanted an address on the internet")
    elif address.is_multicast or address.is_loopback or address.is_unspecified or address.is_link_local:
        sheet.wrong(path, f"{address} is no address of one host on the internet")
    else:
        return True
    return False


def _claim(sheet: Sheet, path: Path, address: Address, ground: Ground, owner: str) -> None:
    if address in ground.owners:
        sheet.wrong(path, f"{address} is {ground.owners[address]}'s already")
    ground.owners.setdefault(address, owner)


def _known(sheet: Sheet, path: Path, word: str, known: tuple[str, ...] | list[str], what: str) -> str | None:
    return sheet.take(path, lambda each: parse_known(each, known, what), word)


def _parse_timer(found: tuple[str, int, int]) -> int:
    text, least, most = found
    return parse_number(text, least, most, f"seconds from {least} to {most}")


def _parse_allowance(text: str) -> int:
    return parse_number(text, 1, 10_000_000, "a number of entries, as in 1000")


def _read_ipv4_network(sheet: Sheet, path: Path, text: str) -> IPv4Network | None:
    cidr = read_network(sheet, path, text)
    if cidr is None:
        return None
    if not isinstance(cidr, IPv4Network):
        sheet.wrong(path, f"found {cidr}, wanted an IPv4 network")
        return None
    if not LEAST_PREFIX <= cidr.prefixlen <= MOST_PREFIX:
        sheet.wrong(path, f"found {cidr}, wanted a prefix from /{LEAST_PREFIX} to /{MOST_PREFIX}, as AWS does")
    return cidr


def _read_ipv6_network(sheet: Sheet, path: Path, text: str | None) -> IPv6Network | None:
    cidr = None if text is None else read_network(sheet, path, text)
    if cidr is None:
        return None
    if not isinstance(cidr, IPv6Network) or cidr.prefixlen > MOST_PREFIX_6:
        sheet.wrong(path, f"found {cidr}, wanted an IPv6 network, as in 2001:db8:0:100::/56")
        return None
    return cidr
