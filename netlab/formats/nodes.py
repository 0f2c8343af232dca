"""The instances of a lab file, with their interfaces, and the hosts on the internet."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from re import fullmatch

from netlab.formats.ground import Ground, claim, is_on_internet, read_known, read_private_address, read_public_address
from netlab.formats.schema import (
    HostShape,
    InstanceShape,
    InterfaceShape,
    ManyInterfacesShape,
    TrackingShape,
)
from netlab.formats.sheet import Sheet
from netlab.formats.words import parse_address, parse_name, parse_number, shown
from netlab.formats.yaml_reader import Path
from netlab.model.addresses import Address
from netlab.model.topology import (
    SERVICE_PORTS,
    ConnectionTracking,
    Host,
    Instance,
    Interface,
)


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
    subnet = read_known(sheet, (*path, "subnet"), shape.subnet, ground.subnet_names, "subnet")
    own: dict[int, list[Address]] = {4: [], 6: []}
    for family, key, texts in ((4, "ip", shape.ip), (6, "ipv6", shape.ipv6)):
        for index, text in enumerate(texts):
            address = read_private_address(sheet, (*path, key, index), text, ground, owner, shape.subnet, family)
            if address is not None:
                own[family].append(address)
    public = None
    if shape.public_ip is not None:
        public = read_public_address(sheet, (*path, "public_ip"), shape.public_ip, ground, owner)
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
        read_known(sheet, (*path, index), name, known, "security group")
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
            if address is not None and is_on_internet(sheet, place, address, ground):
                claim(sheet, place, address, ground, f"host {name}")
                addresses.append(address)
        if addresses:
            hosts[name] = Host(name, tuple(addresses), services, shape.spoof)
    return hosts


def _read_services(sheet: Sheet, path: Path, names: list[str]) -> tuple[str, ...]:
    ports: dict[tuple[int, int], str] = {}
    for index, name in enumerate(names):
        if read_known(sheet, (*path, index), name, tuple(SERVICE_PORTS), "service") is None:
            continue
        for port in SERVICE_PORTS[name]:
            if port in ports:
                sheet.wrong(
                    (*path, index), f"{name} and {ports[port]} both listen on port {port[1]}, wanted one of them"
                )
            ports[port] = name
    return tuple(names)


def _parse_timer(found: tuple[str, int, int]) -> int:
    text, least, most = found
    return parse_number(text, least, most, f"seconds from {least} to {most}")


def _parse_allowance(text: str) -> int:
    return parse_number(text, 1, 10_000_000, "a number of entries, as in 1000")
