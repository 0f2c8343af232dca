"""SSH within a lab: the server's and the clients' configuration, and the command line of a login."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from netlab.model.addresses import Address
from netlab.model.topology import Lab
from netlab.services.keys import Keys
from netlab.services.nouns import File

SSHD = "/usr/sbin/sshd"

_SERVER = b"""\
Port 22
HostKey /etc/ssh/ssh_host_ed25519_key
AuthorizedKeysFile /etc/ssh/authorized_keys
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
UseDNS no
PrintMotd no
PrintLastLog no
PidFile none
SetEnv LANG=C.UTF-8
Subsystem sftp internal-sftp
"""
_CLIENT = """\
Host *
  User root
  IdentityFile /etc/ssh/lab_key
  IdentitiesOnly yes
  PreferredAuthentications publickey
  StrictHostKeyChecking yes
  GlobalKnownHostsFile /etc/ssh/ssh_known_hosts
  UserKnownHostsFile none
  UpdateHostKeys no
  ConnectTimeout 10
  LogLevel ERROR
"""


def ssh_files(lab: Lab, keys: Keys, node: str) -> dict[str, File]:
    """Return what stands in a node's /etc/ssh: what it needs to be logged into, and to log in elsewhere."""
    if keys.login is None:
        return {}
    files = {
        "ssh_config": File(_client_config(lab, node).encode()),
        "ssh_known_hosts": File(_known_hosts(lab, keys).encode()),
        "lab_key": File(keys.login.private, 0o600),
        "lab_key.pub": File(f"{keys.login.public}\n".encode()),
    }
    if node in keys.hosts:
        files |= {
            "sshd_config": File(_SERVER),
            "ssh_host_ed25519_key": File(keys.hosts[node].private, 0o600),
            "authorized_keys": File(f"{keys.login.public}\n".encode()),
        }
    return files


def ssh_argv(node: str, command: Sequence[str] = (), *, terminal: bool = False) -> list[str]:
    """
    Return the command line that logs in to *node*, to be run in the view of the node one comes from.

    Args:
        command: Reaches the program there word by word, as given; () = a login shell.
        terminal: Give the command a terminal, as a login shell has one.
    """
    words = [shlex.join(command)] if command else []
    return ["ssh", *(["-t"] if terminal else []), "--", node, *words]


def _client_config(lab: Lab, node: str) -> str:
    blocks = []
    for other in (*lab.instances, *lab.hosts):
        address = _address_towards(lab, node, other)
        if address is not None:
            blocks.append(f"Host {other}\n  HostName {address}\n")
    return "".join(blocks) + _CLIENT


def _known_hosts(lab: Lab, keys: Keys) -> str:
    lines = []
    for node, key in keys.hosts.items():
        places = [node, *map(str, _addresses(lab, node))]
        lines.append(f"{','.join(places)} {key.public}\n")
    return "".join(lines)


def _address_towards(lab: Lab, source: str, target: str) -> Address | None:
    """Return the address by which one node reaches another: the private one inside the VPC, else the public one."""
    if target in lab.hosts:
        theirs: tuple[Address, ...] = lab.hosts[target].addresses
    else:
        primary = lab.instances[target].primary
        public = (primary.public_ip,) if primary.public_ip is not None else ()
        theirs = primary.addresses if source in lab.instances else (*public, *primary.ipv6, *primary.ipv4)
    mine = {address.version for address in _addresses(lab, source)}
    return next((address for address in theirs if address.version in mine), None)


def _addresses(lab: Lab, node: str) -> tuple[Address, ...]:
    if node in lab.hosts:
        return lab.hosts[node].addresses
    interfaces = lab.instances[node].interfaces
    public = tuple(each.public_ip for each in interfaces if each.public_ip is not None)
    return (*(address for each in interfaces for address in each.addresses), *public)
