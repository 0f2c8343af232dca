"""
The lab's own keys: its certificate authority, a certificate for every node that speaks TLS, keys for SSH.

All are made anew for a lab and live in its state folder; nothing outside the lab trusts them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from netlab.model.topology import Lab
from netlab.services.names import PRIVATE_DOMAIN, nodes_of, private_name, public_name

TLS_SERVICES = {"https", "quotes"}

CA_HASH = "19e9e9cd"
"""OpenSSL's hash of the authority's name, which is the same in every lab: the file in which OpenSSL looks for it."""

_ORGANIZATION, _UNIT = "netlab", "certificate authority of this lab"
_LABEL = re.compile(r"(?!-)(?!..--)[A-Za-z0-9-]{1,63}(?<!-)")  # RFC 5891, 4.2.3.1: what a certificate can hold


@dataclass(frozen=True, slots=True)
class KeyPair:
    """An SSH key in OpenSSH's formats; ``public`` is ``ssh-ed25519 AAAA…``."""

    private: bytes
    public: str


@dataclass(frozen=True, slots=True)
class Keys:
    """
    A lab's keys.

    Attributes:
        authority: The authority's certificate (PEM); empty where no node speaks TLS.
        certificates: By node: key, certificate and chain (PEM).
        login: With which one logs in; None where no node has SSH.
        hosts: By node, its SSH host key.
    """

    authority: bytes = b""
    certificates: Mapping[str, bytes] = field(default_factory=dict)
    login: KeyPair | None = None
    hosts: Mapping[str, KeyPair] = field(default_factory=dict)


def make_keys(lab: Lab) -> Keys:
    """Make all keys that a lab's services need, and no others."""
    nodes = nodes_of(lab)
    with_tls = [name for name, node in nodes.items() if TLS_SERVICES & set(node.services)]
    with_ssh = [name for name, node in nodes.items() if "ssh" in node.services]
    authority, certificates = _make_certificates(lab, with_tls) if with_tls else (b"", {})
    return Keys(
        authority,
        certificates,
        _make_ssh_key() if with_ssh else None,
        {name: _make_ssh_key() for name in with_ssh},
    )


def _make_certificates(lab: Lab, nodes: list[str]) -> tuple[bytes, dict[str, bytes]]:
    import trustme  # noqa: PLC0415 - a tenth of a second, which only labs with TLS pay

    authority = trustme.CA(organization_name=_ORGANIZATION, organization_unit_name=_UNIT)
    made = {node: authority.issue_cert(*_identities(lab, node)) for node in nodes}
    return authority.cert_pem.bytes(), {
        node: cert.private_key_and_cert_chain_pem.bytes() for node, cert in made.items()
    }


def _identities(lab: Lab, node: str) -> list[str]:
    """Return every name and address by which a node is reached."""
    names = [node]
    if (host := lab.hosts.get(node)) is not None:
        addresses = [str(address) for address in host.addresses]
    else:
        interfaces = lab.instances[node].interfaces
        names.append(f"{node}.{PRIVATE_DOMAIN}")
        for each in interfaces:
            names += [private_name(each), public_name(each)]
        addresses = [str(address) for each in interfaces for address in each.addresses]
        addresses += [str(each.public_ip) for each in interfaces if each.public_ip is not None]
    return [name for name in names if all(_LABEL.fullmatch(label) for label in name.split("."))] + addresses


def _make_ssh_key() -> KeyPair:
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - see above
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415

    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    return KeyPair(private, public.decode())
