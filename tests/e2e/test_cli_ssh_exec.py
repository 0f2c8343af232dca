"""`netlab ssh` and `netlab exec`: real programs inside the lab, and nothing of the machine changed by them."""

import hashlib
import json
import re
from pathlib import Path

import pytest
from netlab_machine import NETLAB, QUOTE_URL, Machine

ODD_WORDS = (
    "a b",
    "",
    "$HOME",
    "`id`",
    "&",
    "?x=1&y=2",
    'say "hi"',
    "it's",
    "*",
    "\\",
    "grüße 東京",
    "-n",
    "--",
    "two\nlines",
    ";",
)
QUOTE_KEYS = (
    "01. symbol",
    "02. open",
    "03. high",
    "04. low",
    "05. price",
    "06. volume",
    "07. latest trading day",
    "08. previous close",
    "09. change",
    "10. change percent",
)


def test_ssh_is_real_openssh_from_the_internet(article: Machine) -> None:
    """The session comes from the laptop's address to the instance's private one: through the gateway's translation."""
    connection = article.ok("ssh", "ec2", "--", "printenv", "SSH_CONNECTION")
    version = article.netlab("exec", "laptop", "--", "ssh", "-v", "ec2", "true").err
    banner = article.ok("exec", "laptop", "--", "bash", "-c", "exec 3<>/dev/tcp/3.95.203.191/22; head -n 1 <&3")

    assert re.fullmatch(r"198\.51\.100\.7 \d+ 10\.0\.1\.10 22\n", connection)
    assert "Connecting to 3.95.203.191" in version
    assert "Authenticated to 3.95.203.191" in version
    assert banner.startswith("SSH-2.0-OpenSSH_")


@pytest.mark.parametrize("way", ["exec", "ssh"])
def test_what_the_machine_keeps_for_its_own_is_not_seen_inside(article: Machine, way: str) -> None:
    """Homes and the state of servers, with their Unix sockets; programs and their data are."""
    folders = " ".join(
        path for path in ("/home", "/srv", "/mnt", "/media", "/var/lib", "/var/spool") if Path(path).is_dir()
    )

    assert (
        article.ok(way, "ec2", "--", "sh", "-c", f"ls -A {folders} | grep -v -e : -e '^$' || echo nothing")
        == "nothing\n"
    )
    assert article.ok(way, "ec2", "--", "sh", "-c", "ls -d /usr/share /usr/lib") == "/usr/lib\n/usr/share\n"
    assert any(Path("/var/lib").iterdir())


def test_ssh_from_another_host(article: Machine) -> None:
    """`--from` says where the login comes from; the host's key is known there too, so nothing is asked."""
    done = article.netlab("ssh", "--from", "stranger", "ec2", "--", "printenv", "SSH_CONNECTION")

    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("192.0.2.66 ")


def test_the_articles_curl(article: Machine) -> None:
    """Exactly the article's command returns a quote in the API's own shape, over TLS that curl itself trusts."""
    one_line = article.netlab("ssh", "ec2", "--", "curl", "-sv", QUOTE_URL.format("IBM"))
    shell = article.netlab("ssh", "ec2", stdin=f'curl -s "{QUOTE_URL.format("IBM")}"\n')
    inside = article.netlab("exec", "ec2", "--", "curl", "-s", QUOTE_URL.format("IBM"))
    quote = json.loads(one_line.out)["Global Quote"]

    assert (one_line.code, shell.code, inside.code) == (0, 0, 0)
    assert tuple(quote) == QUOTE_KEYS
    assert quote["01. symbol"] == "IBM"
    assert one_line.out == inside.out == shell.out
    assert "SSL certificate verify ok" in one_line.err
    assert "Connected to www.alphavantage.co (203.0.113.80) port 443" in one_line.err


@pytest.mark.parametrize(("symbol", "known"), [("MSFT", True), ("IBM", True), ("NOSUCH", False)])
def test_other_symbols(article: Machine, symbol: str, known: bool) -> None:
    """Other symbols work; an unknown one gets an empty quote, as from the API."""
    quote = json.loads(article.ok("exec", "ec2", "--", "curl", "-s", QUOTE_URL.format(symbol)))["Global Quote"]

    assert quote == {} if not known else symbol == quote["01. symbol"]


@pytest.mark.parametrize("way", [("ssh", "ec2"), ("exec", "ec2"), ("exec", "stranger")])
def test_arguments_arrive_unchanged(article: Machine, way: tuple[str, ...]) -> None:
    """Whatever a word holds: the program gets it as it was typed."""
    said = article.ok(*way, "--", "printf", "[%s]", *ODD_WORDS)

    assert said == "".join(f"[{word}]" for word in ODD_WORDS)


@pytest.mark.parametrize("way", ["ssh", "exec"])
@pytest.mark.parametrize("code", [0, 1, 3, 42, 127])
def test_exit_codes_are_passed_on(article: Machine, way: str, code: int) -> None:
    """What the program ends with, `netlab` ends with."""
    done = article.netlab(way, "ec2", "--", "sh", "-c", f"echo out; echo err >&2; exit {code}")

    assert (code, "out\n", "err\n") == (done.code, done.out, done.err)


def test_standard_input_reaches_the_program(article: Machine) -> None:
    """Both ways a pipe into `netlab` is a pipe into the program."""
    for way in ("ssh", "exec"):
        assert article.netlab(way, "ec2", "--", "tr", "a-z", "A-Z", stdin="piped\n").out == "PIPED\n"


def test_an_instance_has_its_own_surroundings(article: Machine) -> None:
    """Its name, its resolver at the VPC's address, its trust store, its own processes, its own devices."""

    def inside(*words: str) -> str:
        return article.ok("exec", "ec2", "--", *words)

    assert inside("hostname") == "ec2\n"
    assert "nameserver 10.0.0.2\n" in inside("cat", "/etc/resolv.conf")
    assert "203.0.113.80" in inside("dig", "+short", "www.alphavantage.co")
    assert inside("sh", "-c", "ls /sys/class/net | tr '\\n' ' '") == "eth0 lo "
    assert "10.0.1.10/24" in inside("ip", "-4", "-o", "addr", "show", "dev", "eth0")
    assert "3.95.203.191" not in inside("ip", "addr")
    assert article.ok("exec", "laptop", "--", "hostname") == "laptop\n"


def test_tls_is_trusted_inside_the_lab_and_nowhere_else(article: Machine) -> None:
    """The same certificate: curl inside trusts it, curl with the machine's own trust store does not."""
    url = QUOTE_URL.format("IBM")
    known = ("--resolve", "www.alphavantage.co:443:203.0.113.80")
    outside = article.run_in("stateful:ec2", "curl", "-sS", *known, url)
    inside = article.netlab("exec", "ec2", "--", "curl", "-sS", url)

    assert outside.code == 60, "60 is curl's code for a certificate that it cannot verify"
    assert inside.code == 0


def test_no_file_of_the_machine_is_changed(article: Machine) -> None:
    """Logins and programs leave /etc, /root and the trust store as they are; writing to them from inside fails."""
    before = machine_files()
    article.ok("ssh", "ec2", "--", "curl", "-s", QUOTE_URL.format("IBM"))
    tried = article.netlab("exec", "ec2", "--", "sh", "-c", "echo x >/etc/hosts; echo x >/usr/bin/x; echo x >/root/x")
    removed = article.netlab("exec", "ec2", "--", "rm", "-f", "/etc/resolv.conf")

    assert before == machine_files()
    assert "Read-only file system" in tried.err
    assert removed.code != 0


def test_what_a_program_writes_at_home_stays_in_the_lab(article: Machine) -> None:
    """/root inside is the node's own: there for the next command, and not the machine's."""
    article.ok("exec", "ec2", "--", "touch", "/root/e2e-note")

    assert article.ok("exec", "ec2", "--", "ls", "/root/e2e-note") == "/root/e2e-note\n"
    assert not Path("/root/e2e-note").exists()
    assert article.netlab("exec", "laptop", "--", "ls", "/root/e2e-note").code == 2


def test_ssh_on_a_terminal_gives_a_shell(article: Machine) -> None:
    """Without a command there is a login shell with a terminal; what is typed runs there."""
    typed = "tty && hostname && exit 7\n"
    command = " ".join(article.argv(str(NETLAB), "ssh", "ec2"))
    done = article.run("script", "--quiet", "--return", "--command", command, "/dev/null", stdin=typed)

    assert (done.code, "/dev/pts/" in done.out) == (7, True), done


def machine_files() -> dict[str, object]:
    """Return what must not change: names, times and contents."""
    found: dict[str, object] = {}
    for root in ("/etc/hosts", "/etc/resolv.conf", "/etc/hostname", "/etc/ssh", "/etc/ssl", "/root/.ssh"):
        top = Path(root)
        for path in (top, *(top.rglob("*") if top.is_dir() else ())):
            if path.is_file():
                stat = path.stat()
                found[str(path)] = (stat.st_mtime_ns, stat.st_mode, hashlib.sha256(path.read_bytes()).hexdigest())
    return found
