"""A socket that asks the kernel for all that has come and finds the messages in it; the rest is for the MQTT library.

Complete PUBLISH packets of QoS 0 and 1 (section 3.3 of MQTT 3.1.1 and 5) are handed on from here. Every other packet,
and one of which the end has not come yet, is read by the library, byte by byte as it likes.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable
from typing import Final, NamedTuple

AHEAD: Final = 16 * 1024  # bytes, some 60 readings: the loop is ours for so long at a time
PUBLISH: Final = (0x30, 0x32)  # QoS 0 and 1
KIND: Final = 0xF6  # the bits of the packet's kind and QoS, without those of `duplicate` and `retain`
TOO_LONG: Final = 28  # bits: a length has four bytes at most


class Delivered(NamedTuple):
    """A message as the broker delivered it; `mid` is 0 at QoS 0."""

    topic: str
    payload: bytes
    retain: bool
    qos: int
    mid: int


Take = Callable[[Delivered], None]


class AheadSocket(socket.socket):
    """Takes the place of a plain socket. TLS reads ahead by itself."""

    def __init__(self, plain: socket.socket) -> None:
        timeout = plain.gettimeout()
        super().__init__(plain.family, plain.type, plain.proto, fileno=plain.detach())
        self.settimeout(timeout)
        self._data, self._at = b"", 0

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        """Up to `size` bytes; empty at the end of the connection."""
        if self._at >= len(self._data):
            self._fill(flags)
        begin = self._at
        self._at += size
        return self._data[begin : self._at]

    def _fill(self, flags: int = 0) -> None:
        self._data, self._at = super().recv(AHEAD, flags), 0
        acknowledge_at_once(self)

    def pending(self) -> int:
        """How many bytes are here already; whoever reads goes on until there are none."""
        return max(0, len(self._data) - self._at)

    def deliver(self, take: Take, *, modern: bool) -> bool:
        """Hand on the messages that are here as a whole. False: what is next, or the end, is not for us.

        To be called between two packets only. `modern`: MQTT 5.
        """
        if not self.pending():
            try:
                self._fill()
            except BlockingIOError:
                return True
            except OSError:
                return False  # the library will meet it as well, and knows what to do
        while self.pending():
            found = _publish(self._data, self._at, modern=modern)
            if found is None:
                return False
            message, self._at = found
            take(message)
        return self._at > 0  # nothing at all: the connection has ended


def _publish(data: bytes, at: int, *, modern: bool) -> tuple[Delivered, int] | None:
    """The message at a place, and where the next packet begins; None: none, or not all of it."""
    first = data[at]
    if first & KIND not in PUBLISH:
        return None
    try:
        length, at = _length(data, at + 1)
        end = at + length
        place = at + 2 + (data[at] << 8 | data[at + 1])
        topic, mid = data[at + 2 : place].decode("utf-8", "replace"), 0
        if first & 2:
            mid, place = data[place] << 8 | data[place + 1], place + 2
        if modern:
            properties, place = _length(data, place)
            place += properties
    except (IndexError, ValueError):
        return None
    if end > len(data) or place > end:
        return None
    return Delivered(topic, data[place:end], bool(first & 1), (first & 2) >> 1, mid), end


def _length(data: bytes, at: int) -> tuple[int, int]:
    """A length of one to four bytes, seven bits in each, and what follows. Raises `IndexError`, `ValueError`."""
    length = shift = 0
    while True:
        byte = data[at]
        at += 1
        length |= (byte & 127) << shift
        if byte < 128:
            return length, at
        shift += 7
        if shift >= TOO_LONG:
            raise ValueError("a length of more than four bytes")


def acknowledge_at_once(connection: socket.socket) -> None:
    """Ask the kernel to acknowledge what comes at once; it forgets the wish, so it is repeated.

    A broker without TCP_NODELAY holds its next message until the last is acknowledged, which Linux delays by 40 ms.
    """
    if hasattr(socket, "TCP_QUICKACK"):
        with contextlib.suppress(OSError):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
