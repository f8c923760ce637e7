"""Who asks behind proxies: only those of ours are believed, and only what they have added."""

from __future__ import annotations

import pytest
from godkaiser_dashboard.proxies import client_of, read_proxies

from godkaiser import InvalidValueError

OURS = read_proxies(["10.0.0.0/8", " 192.0.2.10 ", "2001:db8::/32"])


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("203.0.113.9", "", "203.0.113.9"),
        ("203.0.113.9", "198.51.100.7", "203.0.113.9"),
        ("192.0.2.10", "198.51.100.7", "198.51.100.7"),
        ("192.0.2.10", "1.1.1.1, 198.51.100.7", "198.51.100.7"),
        ("192.0.2.10", "1.1.1.1, 198.51.100.7, 10.1.2.3", "198.51.100.7"),
        ("::ffff:10.0.0.1", "198.51.100.7", "198.51.100.7"),
        ("2001:db8::1", "2001:db9::7", "2001:db9::7"),
        ("192.0.2.10", "", "192.0.2.10"),
        ("192.0.2.10", " , ,", "192.0.2.10"),
        ("192.0.2.10", "unknown", "unknown"),
        ("", "198.51.100.7", ""),
        ("10.0.0.1", "10.0.0.2, 10.0.0.3", "10.0.0.2"),
    ],
)
def test_who_asks(peer: str, forwarded: str, client: str) -> None:
    assert client_of(peer, forwarded, OURS) == client
    assert client_of(peer, forwarded, ()) == peer


@pytest.mark.parametrize("text", ["proxy.example", "10.0.0.1/8", "", "300.1.1.1"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(InvalidValueError, match="trusted proxy"):
        read_proxies([text])
