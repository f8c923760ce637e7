"""Where a request comes from, as one name for all addresses that one person has."""

from __future__ import annotations

from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import Final

LONGEST: Final = 200
PREFIX: Final = 64  # bits; a subscriber chooses the others at will (RFC 6177)


def origin_of(address: str) -> str:
    """An IPv4 address as it is, also when it is written as IPv6; of IPv6 its /64; anything else cut to 200 signs."""
    text = address.strip().casefold()[:LONGEST]
    try:
        found = ip_address(text.partition("%")[0])
    except ValueError:
        return text
    if not isinstance(found, IPv6Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(found) if found.is_loopback else str(IPv6Network((found, PREFIX), strict=False))


def place_of(address: str, name: str) -> str:
    """The same for one account there; no name: for everybody there."""
    origin = origin_of(address)
    return f"{origin} {name.casefold()}" if origin and name else origin
