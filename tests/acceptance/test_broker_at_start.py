"""`godkaiser run` and a broker that is set up wrongly: at the start the program ends, later it tells and goes on."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.acceptance.station import Station, eventually, godkaiser, station
from tests.certificates import Authority, authority
from tests.services import BrokerTls, Mosquitto, running_mosquitto

PASSWORD = "correct-horse-battery"
WRONG = "hunter2-of-somebody"


@contextmanager
def guarded(folder: Path, tls: BrokerTls) -> Iterator[Mosquitto]:
    place = folder / "broker"
    place.mkdir()
    with running_mosquitto(place, tls, {"god": PASSWORD}) as broker:
        yield broker


def environment(broker: Mosquitto, trusted: Authority, ours: Authority) -> dict[str, str]:
    """Everything right, if `trusted` is `ours`."""
    pair = ours.issue("me")
    return {
        "MQTT_BROKER_HOST": "127.0.0.1",
        "MQTT_BROKER_PORT": str(broker.port),
        "MQTT_USERNAME": "god",
        "MQTT_PASSWORD": PASSWORD,
        "MQTT_USE_TLS": "true",
        "MQTT_CA_CERT_PATH": str(trusted.certificate),
        "MQTT_CLIENT_CERT_PATH": str(pair.certificate),
        "MQTT_CLIENT_KEY_PATH": str(pair.key),
    }


def _only_line(done: CompletedProcess[str]) -> str:
    """The complaint; it must be all that was said."""
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1, done.stderr
    assert not any(secret in done.stderr for secret in (PASSWORD, WRONG))
    return done.stderr


def test_a_certificate_of_a_stranger_ends_the_start(tmp_path: Path) -> None:
    ours, theirs = authority(tmp_path, "ours"), authority(tmp_path, "theirs")
    with guarded(tmp_path, ours.broker()) as broker:
        done = godkaiser("run", data=tmp_path / "data", environment=environment(broker, theirs, ours))
    assert done.returncode == 2
    line = _only_line(done)
    assert "not signed by a known authority" in line
    assert "Set MQTT_CA_CERT_PATH" in line


def test_an_expired_certificate_ends_the_start(tmp_path: Path) -> None:
    ours = authority(tmp_path, "ours")
    with guarded(tmp_path, ours.broker(expired=True)) as broker:
        done = godkaiser("run", data=tmp_path / "data", environment=environment(broker, ours, ours))
    assert done.returncode == 2
    line = _only_line(done)
    assert "a certificate has expired" in line
    assert "Renew the broker's certificate" in line


def test_a_wrong_password_ends_the_start(tmp_path: Path) -> None:
    ours = authority(tmp_path, "ours")
    with guarded(tmp_path, ours.broker()) as broker:
        settings = environment(broker, ours, ours) | {"MQTT_PASSWORD": WRONG}
        done = godkaiser("run", data=tmp_path / "data", environment=settings)
    assert done.returncode == 3
    line = _only_line(done)
    assert "wrong user name or password" in line
    assert "Correct MQTT_USERNAME and MQTT_PASSWORD" in line


def test_certificates_that_nothing_uses_end_the_start(tmp_path: Path) -> None:
    settings = {"MQTT_CA_CERT_PATH": str(tmp_path / "ca.pem")}
    done = godkaiser("run", data=tmp_path / "data", environment=settings)
    assert done.returncode == 2
    assert "MQTT_USE_TLS" in _only_line(done)


@pytest.mark.parametrize(
    ("name", "value", "part"),
    [
        ("GODKAISER_MQTT_VERSION", "4", "'3.1.1' or '5'"),
        ("MQTT_BROKER_HOST", "mqtt://broker", "leave out mqtt://"),
        ("MQTT_BROKER_HOST", "a..b", "not a host name"),
        ("MQTT_PASSWORD", WRONG, "MQTT_USERNAME is not"),
    ],
)
def test_a_setting_that_cannot_be_meant_is_named(name: str, value: str, part: str, tmp_path: Path) -> None:
    done = godkaiser("run", data=tmp_path, environment={name: value})
    assert done.returncode == 2
    assert part in _only_line(done)
    assert name in done.stderr


@pytest.mark.parametrize("version", ["3.1.1", "5"])
def test_later_the_same_is_told_and_tried_again(version: str, tmp_path: Path) -> None:
    """The broker comes back with an expired certificate, and then with a good one."""
    ours = authority(tmp_path, "ours")
    with guarded(tmp_path, ours.broker()) as broker:
        settings = environment(broker, ours, ours) | {"GODKAISER_MQTT_VERSION": version}
        with station(tmp_path, broker.port, settings=settings) as house:
            house.connected()
            broker.stop()
            ours.broker(expired=True)
            broker.start()
            problem = eventually(lambda: _problem(house, "expired"))
            assert "Renew the broker's certificate" in problem
            assert "next try in" in problem
            assert PASSWORD not in problem
            broker.stop()
            ours.broker()
            broker.start()
            eventually(lambda: house.status()["link"]["state"] == "up", 30)


def _problem(house: Station, part: str) -> str | None:
    error = house.status()["link"]["error"] or ""
    return error if part in error else None
