"""What a lab's services are: programs, files, names, keys. No program runs here."""

import json
import ssl
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network, IPv6Address, ip_address
from pathlib import Path

import pytest

from netlab.model.topology import SERVICE_PORTS, Host, Instance, Interface, Lab, Subnet, Vpc
from netlab.services import Keys, lab_files, layout_of, make_keys, metadata_text, services_of, ssh_argv, write_files
from netlab.services.files import METADATA, RESOLVER
from netlab.services.names import dnsmasq_text, hosts_text, inside_records, outside_records, resolver_address

FOLDER = Path("/state")
FIRST = Interface(
    "ec2", "eth0", True, "public",
    ipv4=(IPv4Address("10.0.1.10"), IPv4Address("10.0.1.11")), ipv6=(IPv6Address("2001:db8:0:100::10"),),
    public_ip=IPv4Address("3.95.203.191"), security_groups=("web", "base"),
)  # fmt: skip
SECOND = Interface("ec2", "eth1", False, "public", ipv4=(IPv4Address("10.0.1.20"),), security_groups=("db",))
DATABASE = Interface("db", "eth0", True, "public", ipv4=(IPv4Address("10.0.1.30"),), security_groups=("db",))
LAB = Lab(
    "names",
    Vpc(IPv4Network("10.0.0.0/16")),
    {"public": Subnet("public", IPv4Network("10.0.1.0/24"))},
    instances={
        "ec2": Instance("ec2", (FIRST, SECOND), ("ssh",)),
        "db": Instance("db", (DATABASE,)),
    },
    hosts={
        "laptop": Host("laptop", (IPv4Address("198.51.100.7"), IPv6Address("2001:db8:f::7"))),
        "www.alphavantage.co": Host("www.alphavantage.co", (IPv4Address("203.0.113.80"),), ("quotes",)),
    },
)


def _with_services(*services: str) -> Lab:
    return replace(LAB, instances={}, hosts={"h": Host("h", (IPv4Address("198.51.100.1"),), services)})


@pytest.mark.parametrize("name", SERVICE_PORTS)
def test_every_service_that_a_lab_file_can_name_has_a_program(name: str) -> None:
    """And it is ready with the very ports that the model says."""
    (service,) = services_of(_with_services(name), FOLDER)

    assert set(service.ports) == set(SERVICE_PORTS[name])


def test_one_process_serves_all_of_the_web() -> None:
    """HTTP, HTTPS and the quotes share their ports."""
    (web,) = services_of(_with_services("quotes", "https", "http"), FOLDER)

    assert web.argv[-6:] == ("--http", "--https", "/state/nodes/h/tls.pem", "--quotes", "--", "h")
    assert web.ports == ((6, 80), (6, 443))


def test_only_sshd_sees_the_nodes_files() -> None:
    """Nobody logs in to the others; they need no view."""
    assert {each.name: each.in_view for each in services_of(LAB, FOLDER)} == {
        "resolver": False,
        "amazon": False,
        "ssh": True,
        "web": False,
    }


def test_the_vpc_serves_where_there_are_instances() -> None:
    """A lab of hosts alone has no resolver and no metadata."""
    assert [each.name for each in services_of(LAB, FOLDER) if each.node == ":vpc"] == ["resolver", "amazon"]
    assert services_of(_with_services(), FOLDER) == ()


# --- names


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("ip-10-0-1-10.ec2.internal", "10.0.1.10"),
        ("ip-10-0-1-11.ec2.internal", "10.0.1.11"),  # secondary
        ("ip-10-0-1-20.ec2.internal", "10.0.1.20"),  # second interface
        ("ec2.ec2.internal", "10.0.1.10"),
        ("db.ec2.internal", "10.0.1.30"),
        ("ec2-3-95-203-191.compute-1.amazonaws.com", "10.0.1.10"),  # inside: the private one
        ("laptop", "198.51.100.7"),
        ("laptop", "2001:db8:f::7"),
        ("www.alphavantage.co", "203.0.113.80"),
    ],
)
def test_the_vpcs_resolver_knows(name: str, address: str) -> None:
    """Every node, by AWS's names and by the lab's."""
    assert (name, ip_address(address)) in inside_records(LAB)


def test_the_internet_knows_no_private_address() -> None:
    """Public names lead to public addresses; an instance without one has no name there."""
    known = outside_records(LAB)

    assert ("ec2-3-95-203-191.compute-1.amazonaws.com", IPv4Address("3.95.203.191")) in known
    assert ("ec2", IPv4Address("3.95.203.191")) in known
    assert not [name for name, address in known if address in LAB.vpc.cidr]


def test_the_first_name_of_an_address_is_what_a_reverse_lookup_gives() -> None:
    """AWS's own name, not the lab's."""
    names = [name for name, address in inside_records(LAB) if address == IPv4Address("10.0.1.10")]

    assert names[0] == "ip-10-0-1-10.ec2.internal"


@pytest.mark.parametrize(
    ("name", "legal"),
    [
        ("db-1", True), ("DB", True), ("a_b", True), ("x.y", True), ("a" * 63, True),
        ("-db", False), ("db-", False), ("a..b", False), (".a", False), ("a" * 64, False),
    ],
)  # fmt: skip
def test_a_name_that_dns_cannot_say_is_left_out(name: str, *, legal: bool) -> None:
    """The lab's other names still resolve; dnsmasq is not stopped by one."""
    lab = replace(LAB, hosts={name: Host(name, (IPv4Address("198.51.100.1"),)), "laptop": LAB.hosts["laptop"]})
    names = {each for each, _ in inside_records(lab)}

    assert (name in names, "laptop" in names) == (legal, True)


def test_the_resolvers_configuration_asks_nobody_else() -> None:
    """Everything that is not the lab's does not exist."""
    text = dnsmasq_text([("www.alphavantage.co", IPv4Address("203.0.113.80"))], ["10.0.0.2"])

    assert {"no-resolv", "no-hosts", "address=/#/", "pid-file="} < set(text.splitlines())
    assert text.endswith("listen-address=10.0.0.2\nhost-record=www.alphavantage.co,203.0.113.80\n")


@pytest.mark.parametrize(
    ("cidr", "address"), [("10.0.0.0/16", "10.0.0.2"), ("172.31.0.0/16", "172.31.0.2"), ("10.9.8.16/28", "10.9.8.18")]
)
def test_the_resolver_is_the_vpcs_base_plus_two(cidr: str, address: str) -> None:
    """Of the VPC, not of the subnet."""
    assert resolver_address(replace(LAB, vpc=Vpc(IPv4Network(cidr)))) == IPv4Address(address)


def test_hosts_have_their_names_in_a_file() -> None:
    """And no resolver; instances ask the VPC's."""
    files = lab_files(LAB, Keys(), {})

    assert "3.95.203.191 ec2\n" in files["nodes/laptop/etc/hosts"].content.decode()
    assert "203.0.113.80" not in files["nodes/ec2/etc/hosts"].content.decode()
    assert files["nodes/ec2/etc/resolv.conf"].content.startswith(b"nameserver 10.0.0.2\nsearch ec2.internal\n")
    assert hosts_text(()) == "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n"


# --- files


def test_every_file_that_a_program_is_told_of_is_written() -> None:
    """Nothing in an argument list points into the state folder at nothing."""
    lab = replace(LAB, hosts={**LAB.hosts, "ns": Host("ns", (IPv4Address("203.0.113.53"),), ("dns", "https"))})
    files = lab_files(lab, make_keys(lab), {})
    words = [word.rpartition("=")[2] for service in services_of(lab, FOLDER) for word in service.argv]
    named = {str(Path(word).relative_to(FOLDER)) for word in words if word.startswith("/state/")}

    assert named == {RESOLVER, METADATA, "nodes/www.alphavantage.co/tls.pem", "nodes/ns/tls.pem", "nodes/ns/dns.conf"}
    assert named <= set(files)


@pytest.mark.parametrize("node", ["ec2", "db", "laptop"])
def test_a_nodes_folders_exist_where_its_view_wants_them(node: str) -> None:
    """Also the places in /etc on which others are mounted, and also where a node serves nothing."""
    files = lab_files(LAB, make_keys(LAB), {})
    layout = layout_of(node)
    places = [f"{layout.etc}{path.removeprefix('/etc')}/" for path in layout.sealed]

    assert set(places) | {f"{path}/" for path in (*layout.sealed.values(), *layout.folders.values())} <= set(files)


def test_private_keys_are_for_root_alone() -> None:
    """Everything that holds one."""
    files = lab_files(LAB, make_keys(LAB), {})
    private = {path: file.mode for path, file in files.items() if b"PRIVATE KEY" in file.content}

    assert len(private) == 6  # the login key of four nodes, one host key, one certificate
    assert set(private.values()) == {0o600}


def test_files_are_written_and_replaced_with_their_modes(tmp_path: Path) -> None:
    """A second time changes nothing, and leaves nothing half-written about."""
    files = lab_files(LAB, make_keys(LAB), {})
    for _ in range(2):
        write_files(tmp_path, files)
        written = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}

        assert written == {path for path in files if not path.endswith("/")}
    for path, file in files.items():
        assert (tmp_path / path).stat().st_mode & 0o7777 == file.mode


# --- keys


def test_a_lab_without_tls_and_ssh_needs_no_keys() -> None:
    """They cost time."""
    assert make_keys(_with_services("http", "echo", "dns")) == Keys()


def test_keys_are_made_for_those_who_need_them() -> None:
    """And are a lab's own: two labs share none."""
    keys, others = make_keys(LAB), make_keys(LAB)

    assert list(keys.certificates) == ["www.alphavantage.co"]
    assert list(keys.hosts) == ["ec2"]
    assert keys.authority != others.authority
    assert keys.login != others.login


@pytest.mark.parametrize(
    ("name", "trusted"),
    [
        ("ec2", True),
        ("ec2.ec2.internal", True),
        ("ip-10-0-1-20.ec2.internal", True),
        ("3.95.203.191", True),
        ("2001:db8:0:100::10", True),
        ("db", False),
        ("10.0.1.30", False),
    ],
)
def test_a_certificate_is_good_for_every_name_of_its_node(tmp_path: Path, name: str, *, trusted: bool) -> None:
    """Also by the strict rules that Python 3.13 sets by default."""
    lab = replace(LAB, instances={"ec2": Instance("ec2", (FIRST, SECOND), ("https",))})
    keys = make_keys(lab)
    (tmp_path / "pem").write_bytes(keys.certificates["ec2"])
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(tmp_path / "pem")
    client = ssl.create_default_context(cadata=keys.authority.decode())
    client.verify_flags |= ssl.VERIFY_X509_STRICT

    assert _shake_hands(client, server, name) is trusted


def _shake_hands(client: ssl.SSLContext, server: ssl.SSLContext, name: str) -> bool:
    """Let two ends talk in memory; whether the client trusts the server."""
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [client.wrap_bio(back, there, server_hostname=name), server.wrap_bio(there, back, server_side=True)]
    for end in ends * 2:
        try:
            end.do_handshake()
        except ssl.SSLWantReadError:
            continue
        except ssl.SSLCertVerificationError:
            return False
        if end is ends[0]:
            return True
    raise AssertionError("the handshake did not end")


@pytest.mark.parametrize("name", ["a_b", "-x", "x-.y", "ab--c"])
def test_a_name_that_no_certificate_can_hold_is_left_out(name: str) -> None:
    """The node's addresses are in it all the same."""
    lab = replace(LAB, hosts={name: Host(name, (IPv4Address("198.51.100.1"),), ("https",))})

    assert list(make_keys(lab).certificates) == [name]


# --- SSH


@pytest.mark.parametrize(
    ("source", "target", "address"),
    [
        ("laptop", "ec2", "3.95.203.191"),
        ("laptop", "db", "10.0.1.30"),  # it has no public one: the attempt is to be lost, not unknown
        ("ec2", "db", "10.0.1.30"),
        ("db", "ec2", "10.0.1.10"),
        ("ec2", "laptop", "198.51.100.7"),
    ],
)
def test_ssh_goes_to_the_address_by_which_nodes_reach_each_other(source: str, target: str, address: str) -> None:
    """Public from the internet, private inside the VPC."""
    config = lab_files(LAB, make_keys(LAB), {})[f"nodes/{source}/ssh/ssh_config"].content.decode()

    assert f"Host {target}\n  HostName {address}\n" in config


def test_a_host_with_ipv6_alone_comes_by_ipv6() -> None:
    """To the address which is public there."""
    lab = replace(LAB, hosts={"six": Host("six", (IPv6Address("2001:db8:f::6"),))})
    config = lab_files(lab, make_keys(lab), {})["nodes/six/ssh/ssh_config"].content.decode()

    assert "Host ec2\n  HostName 2001:db8:0:100::10\n" in config


def test_every_address_of_a_server_is_known() -> None:
    """So nobody is ever asked whether to trust a key."""
    keys = make_keys(LAB)
    known = lab_files(LAB, keys, {})["nodes/laptop/ssh/ssh_known_hosts"].content.decode()

    assert known == (f"ec2,10.0.1.10,10.0.1.11,2001:db8:0:100::10,10.0.1.20,3.95.203.191 {keys.hosts['ec2'].public}\n")


@pytest.mark.parametrize(
    ("command", "terminal", "argv"),
    [
        ([], False, ["ssh", "--", "ec2"]),
        (["ls"], False, ["ssh", "--", "ec2", "ls"]),
        (["ls", "-l", "a b"], False, ["ssh", "--", "ec2", "ls -l 'a b'"]),
        (["curl", "https://h/?a=b&c=d"], False, ["ssh", "--", "ec2", "curl 'https://h/?a=b&c=d'"]),
        (["echo", "", "$X", "it's"], False, ["ssh", "--", "ec2", """echo '' '$X' 'it'"'"'s'"""]),
        (["top"], True, ["ssh", "-t", "--", "ec2", "top"]),
    ],
)
def test_words_are_quoted_for_the_shell_at_the_far_end(command: list[str], argv: list[str], *, terminal: bool) -> None:
    """The client joins them with spaces, and that shell parts them again."""
    assert ssh_argv("ec2", command, terminal=terminal) == argv


# --- metadata

MACS = {("ec2", "eth0"): "02:00:00:00:00:10", ("ec2", "eth1"): "02:00:00:00:00:20"}


@pytest.mark.parametrize("address", ["10.0.1.10", "10.0.1.11", "10.0.1.20", "2001:db8:0:100::10"])
def test_an_instance_is_known_by_each_of_its_addresses(address: str) -> None:
    """Of all its interfaces."""
    assert json.loads(metadata_text(LAB, MACS))[address]["meta-data/local-ipv4"] == "10.0.1.10"


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("security-groups", "web\nbase"),
        ("public-ipv4", "3.95.203.191"),
        ("public-hostname", "ec2-3-95-203-191.compute-1.amazonaws.com"),
        ("mac", "02:00:00:00:00:10"),
        ("ipv6", "2001:db8:0:100::10"),
        ("network/interfaces/macs/02:00:00:00:00:20/device-number", "1"),
        ("network/interfaces/macs/02:00:00:00:00:20/security-groups", "db"),
        ("network/interfaces/macs/02:00:00:00:00:20/public-ipv4s", None),
        ("network/interfaces/macs/02:00:00:00:00:10/vpc-ipv4-cidr-block", "10.0.0.0/16"),
    ],
)
def test_metadata_says_what_the_lab_says(path: str, text: str | None) -> None:
    """And nothing where there is nothing."""
    assert json.loads(metadata_text(LAB, MACS))["10.0.1.10"].get(f"meta-data/{path}") == text


def test_an_instance_without_a_public_address_is_told_of_none() -> None:
    """The paths are absent, as in AWS."""
    tree = json.loads(metadata_text(LAB, MACS))["10.0.1.30"]

    assert not [path for path in tree if "public" in path]
    assert tree["meta-data/instance-id"] != json.loads(metadata_text(LAB, MACS))["10.0.1.10"]["meta-data/instance-id"]
