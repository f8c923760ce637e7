"""Certificates for tests: made anew each time, good ones and every kind of bad one."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import trustme

from tests.services import LOOPBACK, BrokerTls

LONG_AGO = (datetime(2020, 1, 1, tzinfo=UTC), datetime(2021, 1, 1, tzinfo=UTC))


@dataclass(frozen=True)
class Pair:
    """A certificate and its key."""

    certificate: Path
    key: Path


@dataclass
class Authority:
    """Signs certificates and writes them into its folder."""

    folder: Path
    ca: trustme.CA = field(default_factory=trustme.CA)

    @property
    def certificate(self) -> Path:
        """Its own certificate: who has it trusts what it signed."""
        path = self.folder / "authority.pem"
        self.ca.cert_pem.write_to_path(str(path))
        return path

    def issue(self, name: str, identity: str = LOOPBACK, *, expired: bool = False) -> Pair:
        """Sign one for a host; `name` is that of its files."""
        begin, end = LONG_AGO if expired else (None, None)
        made = self.ca.issue_cert(identity, not_before=begin, not_after=end)
        pair = Pair(self.folder / f"{name}.pem", self.folder / f"{name}.key")
        made.cert_chain_pems[0].write_to_path(str(pair.certificate))
        made.private_key_pem.write_to_path(str(pair.key))
        return pair

    def broker(
        self, identity: str = LOOPBACK, *, expired: bool = False, require_certificate: bool = True
    ) -> BrokerTls:
        """What a broker needs that this authority vouches for."""
        pair = self.issue("broker", identity, expired=expired)
        return BrokerTls(self.certificate, pair.certificate, pair.key, require_certificate)


def authority(folder: Path, name: str = "ca") -> Authority:
    """A new one, unknown to everybody."""
    place = folder / name
    place.mkdir()
    return Authority(place)
