"""
The files of a lab: what its nodes see in place of the machine's, and what its servers read.

Paths are relative to the lab's state folder: ``nodes/NODE/…`` and ``vpc/…``.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from netlab.model.topology import Lab
from netlab.services.keys import CA_HASH, Keys
from netlab.services.metadata import Macs, metadata_text
from netlab.services.names import (
    PRIVATE_DOMAIN,
    dnsmasq_text,
    hosts_text,
    inside_records,
    nodes_of,
    outside_records,
    resolver_address,
    resolver_addresses,
)
from netlab.services.nouns import File, Layout
from netlab.services.ssh import ssh_files

METADATA = "vpc/metadata.json"
RESOLVER = "vpc/resolver.conf"

_NSSWITCH = b"passwd: files\ngroup: files\nshadow: files\nhosts: files dns\nservices: files\nprotocols: files\n"
_SHADOW = b"root:*:19000:0:99999:7:::\nsshd:!:19000::::::\n"
"""Without a password, but not locked: sshd refuses a locked root, also by key, and many machines lock theirs."""
_BASHRC = rb"""case $- in *i*) ;; *) return ;; esac
PS1='[\u@\H \W]\$ '
HISTFILE=
alias ls='ls --color=auto' ll='ls -l' grep='grep --color=auto'
"""
_PROFILE = b". ~/.bashrc\n"


def certificate_path(node: str) -> str:
    """Return where a node's key and certificate lie."""
    return f"nodes/{node}/tls.pem"


def dns_path(node: str) -> str:
    """Return where the configuration of a node's DNS server lies."""
    return f"nodes/{node}/dns.conf"


def layout_of(node: str) -> Layout:
    """Return how a node's files stand in its view."""
    own = f"nodes/{node}"
    return Layout(
        node,
        f"{own}/etc",
        {"/etc/ssh": f"{own}/ssh", "/etc/ssl/certs": "certs"},
        {"/root": f"{own}/root", "/tmp": f"{own}/tmp"},  # noqa: S108 - the view's own
    )


def lab_files(lab: Lab, keys: Keys, macs: Macs) -> dict[str, File]:
    """Return all files of a lab. An entry that ends in a slash is a folder."""
    resolver = dnsmasq_text(inside_records(lab), resolver_addresses(lab))
    files = {
        RESOLVER: File(resolver.encode()),
        METADATA: File(metadata_text(lab, macs).encode()),
        "certs/": File(b"", 0o755),
        "certs/ca-certificates.crt": File(keys.authority),
    }
    if keys.authority:
        files[f"certs/{CA_HASH}.0"] = File(keys.authority)
    for node, what in nodes_of(lab).items():
        files |= {f"nodes/{node}/{path}": file for path, file in _node_files(lab, keys, node).items()}
        if "dns" in what.services:
            files[dns_path(node)] = File(dnsmasq_text(outside_records(lab)).encode())
    for node, certificate in keys.certificates.items():
        files[certificate_path(node)] = File(certificate, 0o600)
    return files


def write_files(folder: Path, files: Mapping[str, File]) -> None:
    """Write files below a folder, each at once; those that were there are replaced."""
    for relative, file in files.items():
        path = folder / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        if relative.endswith("/"):
            path.mkdir(exist_ok=True)
            path.chmod(file.mode)
            continue
        fresh = path.with_name(f"{path.name}.new")
        fresh.touch(mode=0o600)
        fresh.write_bytes(file.content)
        fresh.chmod(file.mode)
        fresh.replace(path)


def _node_files(lab: Lab, keys: Keys, node: str) -> dict[str, File]:
    inside = node in lab.instances
    nameserver = str(resolver_address(lab)) if inside else "127.0.0.1"  # a host has a resolver where it serves dns
    search = f"search {PRIVATE_DOMAIN}\n" if inside else ""
    return {
        "etc/hostname": File(f"{node}\n".encode()),
        "etc/hosts": File(hosts_text(() if inside else outside_records(lab)).encode()),
        "etc/resolv.conf": File(f"nameserver {nameserver}\n{search}options timeout:2 attempts:2\n".encode()),
        "etc/nsswitch.conf": File(_NSSWITCH),
        "etc/shadow": File(_SHADOW, 0o600),
        "etc/ssh/": File(b"", 0o755),
        "etc/ssl/certs/": File(b"", 0o755),
        "root/": File(b"", 0o700),
        "root/.bashrc": File(_BASHRC),
        "root/.bash_profile": File(_PROFILE),
        "root/.hushlogin": File(b""),
        "tmp/": File(b"", 0o1777),
        "ssh/": File(b"", 0o755),
        **{f"ssh/{name}": file for name, file in ssh_files(lab, keys, node).items()},
    }
