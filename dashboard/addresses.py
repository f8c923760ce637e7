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


def free_port(host: str) -> int:
    """A port nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])
