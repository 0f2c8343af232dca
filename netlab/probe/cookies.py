"""Cookies: by them a packet of netlab's own is recognised on its way, whatever is done to its headers."""

from __future__ import annotations

import struct

COOKIE_SIZE = 16
_MAGIC = b"\xf5nl\xfa"
_NUMBER = struct.Struct("!Q")


class Cookies:
    """The cookies of one prober: told from all others' by four random bytes."""

    def __init__(self, session: bytes) -> None:
        self._head = _MAGIC + session

    def cookie(self, number: int) -> bytes:
        """Return the cookie of packet *number*."""
        return self._head + _NUMBER.pack(number)

    def number(self, data: bytes) -> int | None:
        """Return the number of the packet whose bytes these are; None = its cookie is not among them."""
        at = data.find(self._head)
        if at < 0 or at + COOKIE_SIZE > len(data):
            return None
        (number,) = _NUMBER.unpack_from(data, at + len(self._head))
        return int(number)


def is_cookie(data: bytes, at: int) -> bool:
    """Tell whether a cookie, anybody's, stands at this place."""
    return data.startswith(_MAGIC, at)
