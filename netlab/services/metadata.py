"""
What the instance metadata service knows of a lab: by the address that asks, a text for every path below /latest.

Source:
    EC2 User Guide, "Instance metadata categories", "Instance identity documents".
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

from netlab.model.topology import Instance, Interface, Lab
from netlab.services.names import private_name, public_name

REGION, ZONE = "us-east-1", "us-east-1a"
ACCOUNT = "123456789012"
INSTANCE_TYPE = "t3.micro"

Macs = Mapping[tuple[str, str], str]
"""Of an interface's device, by node and interface."""


def metadata_text(lab: Lab, macs: Macs) -> str:
    """Return the whole table, as JSON. It changes with the lab's groups."""
    table: dict[str, dict[str, str]] = {}
    for instance in lab.instances.values():
        tree = _tree(lab, instance, macs)
        for interface in instance.interfaces:
            table |= {str(address): tree for address in interface.addresses}
    return json.dumps(table, indent=1)


def _tree(lab: Lab, instance: Instance, macs: Macs) -> dict[str, str]:
    primary = instance.primary
    found = {
        "ami-id": _made_up("ami", lab.name),
        "hostname": private_name(primary),
        "instance-id": _made_up("i", instance.name),
        "instance-type": INSTANCE_TYPE,
        "local-hostname": private_name(primary),
        "local-ipv4": str(primary.ipv4[0]),
        "mac": macs.get((primary.node, primary.name), ""),
        "placement/availability-zone": ZONE,
        "placement/region": REGION,
        "security-groups": "\n".join(primary.security_groups),
    }
    if primary.public_ip is not None:
        found |= {"public-hostname": public_name(primary), "public-ipv4": str(primary.public_ip)}
    if primary.ipv6:
        found["ipv6"] = str(primary.ipv6[0])
    for number, interface in enumerate(instance.interfaces):
        mac = macs.get((interface.node, interface.name), "")
        if mac:
            folder = f"network/interfaces/macs/{mac}"
            below = _interface_tree(lab, interface, number, mac)
            found |= {f"{folder}/{name}": text for name, text in below.items()}
    tree = {f"meta-data/{name}": text for name, text in found.items()}
    return {**tree, "dynamic/instance-identity/document": _identity_document(instance, found)}


def _interface_tree(lab: Lab, interface: Interface, number: int, mac: str) -> dict[str, str]:
    subnet = lab.subnets[interface.subnet]
    found = {
        "device-number": str(number),
        "interface-id": _made_up("eni", f"{interface.node}/{interface.name}"),
        "local-hostname": private_name(interface),
        "local-ipv4s": "\n".join(map(str, interface.ipv4)),
        "mac": mac,
        "security-groups": "\n".join(interface.security_groups),
        "security-group-ids": "\n".join(_made_up("sg", name) for name in interface.security_groups),
        "subnet-id": _made_up("subnet", subnet.name),
        "subnet-ipv4-cidr-block": str(subnet.cidr),
        "vpc-ipv4-cidr-block": str(lab.vpc.cidr),
    }
    if interface.ipv6:
        found["ipv6s"] = "\n".join(map(str, interface.ipv6))
    if subnet.ipv6_cidr is not None:
        found["subnet-ipv6-cidr-blocks"] = str(subnet.ipv6_cidr)
    if interface.public_ip is not None:
        found |= {"public-hostname": public_name(interface), "public-ipv4s": str(interface.public_ip)}
    return found


def _identity_document(instance: Instance, found: Mapping[str, str]) -> str:
    return json.dumps(
        {
            "accountId": ACCOUNT,
            "architecture": "x86_64",
            "availabilityZone": ZONE,
            "imageId": found["ami-id"],
            "instanceId": found["instance-id"],
            "instanceType": INSTANCE_TYPE,
            "privateIp": str(instance.primary.ipv4[0]),
            "region": REGION,
            "version": "2017-09-30",
        },
        indent=2,
    )


def _made_up(kind: str, name: str) -> str:
    """Return an id as AWS would give one; the same for the same name."""
    return f"{kind}-0{hashlib.sha256(f'{kind} {name}'.encode()).hexdigest()[:16]}"
