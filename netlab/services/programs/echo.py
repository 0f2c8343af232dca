"""
The echo service: gives back what it gets, over TCP and UDP, port 7. Run as ``python -I -S echo.py``.

Source:
    RFC 862.
"""

from __future__ import annotations

import socket
from contextlib import suppress
from threading import Thread

PORT = 7
PATIENCE_S = 300

_IP_PKTINFO = 8  # the socket module does not know it


def listening(kind: int) -> socket.socket:
    """Return a bound socket, of both families where the kernel has both."""
    try:
        made = socket.socket(socket.AF_INET6, kind)
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(("::", PORT))
    except OSError:
        made = socket.socket(socket.AF_INET, kind)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(("0.0.0.0", PORT))
    return made


def serve_datagrams() -> None:
    """Answer datagrams, from the address they were sent to."""
    made = listening(socket.SOCK_DGRAM)
    both = made.family == socket.AF_INET6  # then IPv4's own addresses come in IPv6's form
    level, option = (socket.IPPROTO_IPV6, socket.IPV6_PKTINFO) if both else (socket.IPPROTO_IP, _IP_PKTINFO)
    made.setsockopt(level, socket.IPV6_RECVPKTINFO if both else option, 1)
    while True:
        data, ancillary, _, sender = made.recvmsg(65535, 256)
        about = [each for each in ancillary if each[:2] == (level, option)]
        with suppress(OSError):  # nobody to answer to any more
            made.sendmsg([data], about, 0, sender)


def serve_connection(connection: socket.socket) -> None:
    """Give back what one peer sends until it ends."""
    with connection, suppress(OSError):
        connection.settimeout(PATIENCE_S)
        while data := connection.recv(65535):
            connection.sendall(data)


def main() -> None:
    """Serve until ended."""
    Thread(target=serve_datagrams).start()
    server = listening(socket.SOCK_STREAM)
    server.listen()
    while True:
        connection, _ = server.accept()
        Thread(target=serve_connection, args=(connection,), daemon=True).start()


if __name__ == "__main__":
    main()
