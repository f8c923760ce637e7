"""The addresses of this machine."""

from __future__ import annotations

import socket
from typing import Final

EVERYWHERE: Final = frozenset({"", "0.0.0.0", "::"})  # noqa: S104  # compared with, not bound


def own_addresses() -> list[str]:
    """The addresses phones on the same network reach this machine under."""
    found = {socket.gethostname()}
    for family, outside in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            try:
                probe.connect((outside, 9))  # sends nothing; it only picks the way out
                address = probe.getsockname()[0]
            except OSError:
                continue
            found.add(f"[{address}]" if family == socket.AF_INET6 else address)
    return sorted(found)


def free_port(host: str, port: int = 0) -> int:
    """This port if nobody listens on it, or any free one for 0. Raises OSError if it is taken."""
    family, kind, _, _, address = socket.getaddrinfo(
        host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    with socket.socket(family, kind) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server will
        probe.bind(address)
        return int(probe.getsockname()[1])
