"""Who asks, where a proxy stands before the pages."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from godkaiser import InvalidValueError

Network = IPv4Network | IPv6Network


def read_proxies(texts: Iterable[str]) -> tuple[Network, ...]:
    """Addresses and networks of proxies that are believed. Raises `InvalidValueError`."""
    found: list[Network] = []
    for text in texts:
        try:
            found.append(ip_network(text.strip()))
        except ValueError:
            allowed = "an IP address or network, like 192.0.2.10 or 10.0.0.0/8"
            raise InvalidValueError(
                field="trusted proxy", value=text[:80], problem="is none", allowed=allowed
            ) from None
    return tuple(found)


def client_of(peer: str, forwarded: str, trusted: Iterable[Network]) -> str:
    """Who asks: the peer itself, or whom proxies that are believed name in `X-Forwarded-For`.

    Read from the right, as each proxy adds whom it saw: the first that is no such proxy. What stands left of it
    anybody may have written.
    """
    known = tuple(trusted)
    client = peer
    for address in reversed([part.strip() for part in forwarded.split(",") if part.strip()]):
        if not _among(client, known):
            break
        client = address
    return client


def _among(address: str, networks: Iterable[Network]) -> bool:
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    plain = found.ipv4_mapped or found if isinstance(found, IPv6Address) else found
    return any(plain in network for network in networks)
