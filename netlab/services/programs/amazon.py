"""
What AWS serves at its link-local addresses: instance metadata (IMDSv2 only) and the time.

Run as ``python -I -S amazon.py TABLE``. The table is JSON: the instance's address → path below /latest → text; it is
read again for every request, so that it can change while we run. Who asks is told by the source address.

Source:
    EC2 User Guide, "Use the Instance Metadata Service", "Instance metadata categories"; RFC 5905 section 7.3.
"""

from __future__ import annotations

import json
import secrets
import socket
import struct
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from threading import Thread
from typing import ClassVar

METADATA = ("169.254.169.254", "fd00:ec2::254")
TIME = ("169.254.169.123", "fd00:ec2::123")
MOST_S = 21600
INSTANCE = "meta-data/instance-id"
_SECONDS_1900_TO_1970 = 2_208_988_800
_IP_FREEBIND, _IPV6_FREEBIND = 15, 78


@dataclass
class Tokens:
    """Session tokens that were given out: whom to, until when."""

    given: dict[str, tuple[str, float]]

    def make(self, instance: str, ttl_s: int) -> str:
        """Make a token for an instance."""
        token = secrets.token_urlsafe(42)
        self.given[token] = (instance, time.monotonic() + ttl_s)
        return token

    def holds(self, token: str, instance: str) -> bool:
        """Tell whether a token is that instance's, and still good."""
        owner, until = self.given.get(token, ("", 0.0))
        return owner == instance and time.monotonic() < until


def look_up(tree: dict[str, str], path: str) -> str | None:
    """Return the text at a path, or the names below it, one a line, folders with a slash; None = there is nothing."""
    path = path.strip("/")
    if path in tree:
        return tree[path]
    head = f"{path}/" if path else ""
    below = [key[len(head) :] for key in tree if key.startswith(head)]
    names = {name.partition("/")[0] + ("/" if "/" in name else "") for name in below}
    return "\n".join(sorted(names)) if names else None


class Handler(BaseHTTPRequestHandler):
    """Answers one instance."""

    protocol_version = "HTTP/1.1"
    timeout = 30

    table: ClassVar[Path] = Path()
    tokens: ClassVar[Tokens] = Tokens({})

    def version_string(self) -> str:
        """Return what the Server header says."""
        return "EC2ws"

    def do_PUT(self) -> None:
        """Give out a session token."""
        if self.path.rstrip("/") != "/latest/api/token":
            return self._answer(404, "Not Found")
        if "X-Forwarded-For" in self.headers:
            return self._answer(403, "Forbidden")
        ttl = self.headers.get("X-aws-ec2-metadata-token-ttl-seconds", "")
        if not (ttl.isdecimal() and 1 <= int(ttl) <= MOST_S):
            return self._answer(400, "Bad Request")
        token = self.tokens.make(self._tree().get(INSTANCE, ""), int(ttl))
        return self._answer(200, token, (("X-aws-ec2-metadata-token-ttl-seconds", ttl),))

    def do_GET(self) -> None:
        """Answer what is known of the asking instance."""
        tree = self._tree()
        if not self.tokens.holds(self.headers.get("X-aws-ec2-metadata-token", ""), tree.get(INSTANCE, "")):
            return self._answer(401, "Unauthorized")
        path = self.path.partition("?")[0].strip("/")
        if path == "":
            return self._answer(200, "latest")
        text = look_up(tree, path.removeprefix("latest")) if path.split("/")[0] == "latest" else None
        return self._answer(200, text) if text is not None else self._answer(404, "Not Found")

    do_HEAD = do_GET  # noqa: N815 - the base class names it so

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """Say nothing of requests that went well."""

    def _tree(self) -> dict[str, str]:
        """Return what is known of the instance that asks; empty = nothing."""
        asker = str(ip_address(self.client_address[0].partition("%")[0]))
        known: dict[str, dict[str, str]] = json.loads(self.table.read_text(encoding="utf-8"))
        return known.get(asker, {})

    def _answer(self, status: int, text: str, headers: tuple[tuple[str, str], ...] = ()) -> None:
        body = text.encode()
        self.send_response(status)
        for name, value in (("Content-Type", "text/plain"), ("Content-Length", str(len(body))), *headers):
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


class Server(ThreadingHTTPServer):
    """Listens on one address, whether it is there yet or not."""

    daemon_threads = True

    def __init__(self, address: str) -> None:
        self.address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
        super().__init__((address, 80), Handler, bind_and_activate=False)
        bind_freely(self.socket, address, 80)
        self.server_name, self.server_port = "", 80
        self.server_activate()


def bind_freely(made: socket.socket, address: str, port: int) -> None:
    """Bind to an address that need not exist yet."""
    level, option = (socket.IPPROTO_IPV6, _IPV6_FREEBIND) if ":" in address else (socket.IPPROTO_IP, _IP_FREEBIND)
    made.setsockopt(level, option, 1)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind((address, port))


def time_answer(query: bytes, now_s: float) -> bytes | None:
    """Answer an NTP client's query; None = it is none."""
    if len(query) < 48 or query[0] & 7 != 3:
        return None
    now = struct.pack("!Q", int((now_s + _SECONDS_1900_TO_1970) * (1 << 32)))
    version = query[0] >> 3 & 7
    head = struct.pack("!BBbbII4s", version << 3 | 4, 1, query[2], -20, 0, 0, b"AMZN")
    return head + now + query[40:48] + now + now


def serve_time(address: str) -> None:
    """Answer NTP queries."""
    made = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    bind_freely(made, address, 123)
    while True:
        query, sender = made.recvfrom(1024)
        answer = time_answer(query, time.time())
        if answer is not None:
            with suppress(OSError):  # nobody to answer to any more
                made.sendto(answer, sender)


def main() -> None:
    """Serve until ended."""
    Handler.table = Path(sys.argv[1])
    families = 2 if Path("/proc/net/if_inet6").exists() else 1
    for address in METADATA[:families]:
        Thread(target=Server(address).serve_forever).start()
    for address in TIME[:families]:
        Thread(target=serve_time, args=(address,)).start()


if __name__ == "__main__":
    main()
