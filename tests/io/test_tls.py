"""TLS with a real Mosquitto: who is let in, and what is said to whom is not."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from godkaiser.errors import BrokerDistrustedError, BrokerRefusedError, GodkaiserError
from godkaiser.io.clock import WallClock
from godkaiser.io.mqtt import BrokerAddress, MqttVersion, peek_retained
from godkaiser.io.tls import broker_tls
from godkaiser.model.instant import Instant, parse_instant
from tests.certificates import Authority, Pair, authority
from tests.io.rig import Listener, linked, trying, until
from tests.services import BrokerTls, Mosquitto, running_mosquitto

SECRET = "correct-horse-battery"
NOW = WallClock().now()
WHEN_IT_WAS_GOOD = parse_instant("2020-06-01T00:00:00Z", 0)


@pytest.fixture
def ours(tmp_path: Path) -> Authority:
    return authority(tmp_path, "ours")


@contextmanager
def guarded(folder: Path, tls: BrokerTls | None) -> Iterator[Mosquitto]:
    """A broker with TLS and one account."""
    place = folder / "broker"
    place.mkdir()
    with running_mosquitto(place, tls, {"god": SECRET}) as broker:
        yield broker


def context(ca: Authority, pair: Pair | None, now: Instant = NOW) -> ssl.SSLContext:
    cert, key = (None, None) if pair is None else (pair.certificate, pair.key)
    made = broker_tls(True, ca.certificate, cert, key, now)
    assert made is not None
    return made


def address(broker: Mosquitto, tls: ssl.SSLContext | None) -> BrokerAddress:
    return BrokerAddress(port=broker.port, username="god", password=SECRET, tls=tls)


@pytest.mark.parametrize("version", ["3.1.1", "5"])
async def test_with_everything_right_messages_pass(
    ours: Authority, tmp_path: Path, version: MqttVersion
) -> None:
    with guarded(tmp_path, ours.broker()) as broker:
        where = replace(address(broker, context(ours, ours.issue("me"))), version=version)
        listener = Listener()
        async with linked(where, listener) as link:
            await link.publish("k/own", b"x" * 100_000, 1, True)
            await until(lambda: listener.messages)
            link.acknowledge(listener.tokens)
        assert await peek_retained(where, "k/own") == b"x" * 100_000
        assert (listener.downs, listener.heard) == ([], ["x" * 100_000])


async def test_a_client_certificate_is_needed_only_where_the_broker_asks(
    ours: Authority, tmp_path: Path
) -> None:
    with guarded(tmp_path, ours.broker(require_certificate=False)) as broker:
        async with linked(address(broker, context(ours, None)), Listener()):
            pass


@dataclass(frozen=True)
class Mistake:
    """Something wrong at the broker or with us, and what must be said."""

    kind: type[GodkaiserError]
    problem: str
    setting: str
    host: str = "127.0.0.1"
    expired: bool = False
    plain: bool = False
    ca: str = "ours"
    pair: str = "me"
    tls: bool = True
    username: str | None = "god"
    password: str = SECRET


MISTAKES = {
    "wrong authority": Mistake(
        BrokerDistrustedError, "not signed by a known authority", "MQTT_CA_CERT_PATH", ca="theirs"
    ),
    "expired broker": Mistake(BrokerDistrustedError, "has expired", "MQTT_CA_CERT_PATH", expired=True),
    "wrong host": Mistake(
        BrokerDistrustedError, "for another address", "MQTT_BROKER_HOST", host="other.example"
    ),
    "TLS to a plain port": Mistake(BrokerDistrustedError, "without TLS", "MQTT_USE_TLS", plain=True),
    "in clear to a TLS port": Mistake(BrokerRefusedError, "only TLS", "MQTT_USE_TLS=true", tls=False),
    "no certificate": Mistake(
        BrokerRefusedError, "wants a client certificate", "MQTT_CLIENT_CERT_PATH", pair=""
    ),
    "expired certificate": Mistake(
        BrokerRefusedError, "our client certificate has expired", "MQTT_CLIENT_CERT_PATH", pair="old"
    ),
    "a stranger's certificate": Mistake(
        BrokerRefusedError, "does not accept our client certificate", "MQTT_CLIENT_CERT_PATH", pair="strange"
    ),
    "wrong password": Mistake(
        BrokerRefusedError, "wrong user name or password", "MQTT_PASSWORD", password="hunter2hunter2"
    ),
    "no user name": Mistake(BrokerRefusedError, "wants a user name", "MQTT_USERNAME", username=None),
}


@contextmanager
def mistaken(mistake: Mistake, folder: Path) -> Iterator[BrokerAddress]:
    """A broker and our way to it, with that mistake in it."""
    ours, theirs = authority(folder, "ours"), authority(folder, "theirs")
    pairs = {"me": ours.issue("me"), "old": ours.issue("old", expired=True), "strange": theirs.issue("me")}
    trusted = {"ours": ours, "theirs": theirs}[mistake.ca]
    tls = None if mistake.plain else ours.broker(mistake.host, expired=mistake.expired)
    with guarded(folder, tls) as broker:
        # The expired one is taken from a time when it was good: here the broker is to notice it.
        ours_is = context(trusted, pairs.get(mistake.pair), WHEN_IT_WAS_GOOD) if mistake.tls else None
        yield replace(address(broker, ours_is), username=mistake.username, password=mistake.password)


@pytest.mark.parametrize("version", ["3.1.1", "5"])
@pytest.mark.parametrize("name", MISTAKES)
async def test_the_first_look_says_what_is_wrong(name: str, version: MqttVersion, tmp_path: Path) -> None:
    mistake = MISTAKES[name]
    with mistaken(mistake, tmp_path) as where:
        with pytest.raises(mistake.kind) as caught:
            await peek_retained(replace(where, version=version), "x")
        said = f"{caught.value} {caught.value.remedy}"
    assert mistake.problem in str(caught.value)
    assert mistake.setting in caught.value.remedy
    assert where.password is not None
    assert where.password not in said + repr(where)


@pytest.mark.parametrize("name", MISTAKES)
async def test_the_link_says_it_as_well_and_keeps_trying(name: str, tmp_path: Path) -> None:
    mistake, listener = MISTAKES[name], Listener()
    with mistaken(mistake, tmp_path) as where:
        async with trying(where, listener):
            await until(lambda: len(listener.downs) == 2)
    assert listener.ups == []
    assert all(mistake.problem in why and mistake.setting in why for why in listener.downs)
    assert SECRET not in "".join(listener.downs)


async def test_it_connects_once_the_mistake_is_put_right(ours: Authority, tmp_path: Path) -> None:
    """The broker gets a new certificate while we keep trying."""
    listener = Listener()
    with guarded(tmp_path, ours.broker(expired=True)) as broker:
        async with trying(address(broker, context(ours, ours.issue("me"))), listener):
            await until(lambda: listener.downs)
            broker.stop()
            ours.broker()
            broker.start()
            await until(lambda: listener.ups)


async def test_tls_1_2_tells_its_verdict_during_the_handshake(ours: Authority, tmp_path: Path) -> None:
    old = context(ours, None)
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    with guarded(tmp_path, ours.broker()) as broker:
        with pytest.raises(BrokerRefusedError, match="want of a client certificate") as caught:
            await peek_retained(address(broker, old), "x")
        assert "MQTT_CLIENT_CERT_PATH" in caught.value.remedy


async def test_a_lost_connection_comes_back_over_tls(ours: Authority, tmp_path: Path) -> None:
    listener = Listener()
    with guarded(tmp_path, ours.broker(require_certificate=False)) as broker:
        async with linked(address(broker, context(ours, None)), listener):
            broker.stop()
            await until(lambda: listener.downs)
            broker.start()
            await until(lambda: len(listener.ups) == 2)
