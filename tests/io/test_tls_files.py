"""The three files that TLS is made of: every mistake in them is named by its setting, before anything connects."""

import ssl
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from godkaiser.errors import SettingsError
from godkaiser.io.clock import WallClock
from godkaiser.io.tls import broker_tls
from godkaiser.model.instant import Instant, parse_instant
from tests.certificates import Authority, Pair, authority

PASSPHRASE = b"correct-horse-battery"
NOW = WallClock().now()


@pytest.fixture
def ours(tmp_path: Path) -> Authority:
    return authority(tmp_path, "ours")


def context(ca: Authority, pair: Pair, now: Instant = NOW) -> ssl.SSLContext:
    made = broker_tls(True, ca.certificate, pair.certificate, pair.key, now)
    assert made is not None
    return made


def complaint(
    use: bool = True,
    ca: Path | None = None,
    cert: Path | None = None,
    key: Path | None = None,
    now: Instant = NOW,
) -> SettingsError:
    with pytest.raises(SettingsError) as caught:
        broker_tls(use, ca, cert, key, now)
    return caught.value


def test_without_tls_there_is_none() -> None:
    assert broker_tls(False, None, None, None, NOW) is None


def test_with_tls_the_certificate_and_the_name_are_checked(ours: Authority) -> None:
    for made in (broker_tls(True, None, None, None, NOW), context(ours, ours.issue("me"))):
        assert made is not None
        assert made.verify_mode is ssl.CERT_REQUIRED
        assert made.check_hostname
        assert made.minimum_version >= ssl.TLSVersion.TLSv1_2


@pytest.mark.parametrize("number", [0, 1, 2])
def test_certificates_without_tls_are_not_passed_over(number: int, tmp_path: Path) -> None:
    ca, cert, key = (tmp_path / "x.pem" if number == place else None for place in range(3))
    error = complaint(False, ca, cert, key)
    names = ("MQTT_CA_CERT_PATH", "MQTT_CLIENT_CERT_PATH", "MQTT_CLIENT_KEY_PATH")
    assert error.field == "MQTT_USE_TLS"
    assert names[number] in str(error)


def test_a_certificate_and_its_key_come_together(ours: Authority) -> None:
    pair = ours.issue("me")
    assert complaint(cert=pair.certificate).field == "MQTT_CLIENT_KEY_PATH"
    assert complaint(key=pair.key).field == "MQTT_CLIENT_CERT_PATH"


def test_both_may_stand_in_one_file(ours: Authority) -> None:
    pair = ours.issue("me")
    both = ours.folder / "both.pem"
    both.write_text("Name: Jürgen\n" + pair.certificate.read_text() + pair.key.read_text())
    assert context(ours, Pair(both, both)).get_ca_certs()


@pytest.mark.parametrize("which", ["ca", "cert", "key"])
@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "cannot be read"),
        (b"", "in PEM form"),
        (b"\x30\x82\x01\x0a\xff\x00", "in PEM form"),
        (b"-----BEGIN CERTIFICATE-----\nbm90IGE=\n-----END CERTIFICATE-----\n", "damaged"),
        (b"-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n", "damaged"),
        (b"-----BEGIN CERTIFICATE-----\n", "damaged"),
    ],
)
def test_a_file_that_is_not_what_it_should_be_is_named_by_its_setting(
    which: str, content: bytes | None, problem: str, ours: Authority
) -> None:
    good = ours.issue("me")
    files = {"ca": ours.certificate, "cert": good.certificate, "key": good.key}
    files[which] = ours.folder / "bad.pem"
    if content is not None:
        files[which].write_bytes(
            content.replace(b"CERTIFICATE", b"PRIVATE KEY" if which == "key" else b"CERTIFICATE")
        )
    error = complaint(True, files["ca"], files["cert"], files["key"])
    names = {"ca": "MQTT_CA_CERT_PATH", "cert": "MQTT_CLIENT_CERT_PATH", "key": "MQTT_CLIENT_KEY_PATH"}
    assert error.field == names[which]
    assert ("cannot be used" if which == "key" and problem == "damaged" else problem) in str(error)
    assert "bad.pem" in str(error)


@pytest.fixture(scope="module")
def intact(tmp_path_factory: pytest.TempPathFactory) -> tuple[Pair, bytes]:
    pair = authority(tmp_path_factory.mktemp("certificates")).issue("me")
    return pair, ssl.PEM_cert_to_DER_cert(pair.certificate.read_text())


def _named(pair: Pair) -> str | None:
    try:
        broker_tls(True, None, pair.certificate, pair.key, NOW)
    except SettingsError as error:
        return error.field
    return None


@given(st.lists(st.tuples(st.integers(0, 9999), st.integers(0, 255)), max_size=3), st.integers(0, 9999))
def test_no_damage_to_a_certificate_is_a_riddle(
    intact: tuple[Pair, bytes], damage: list[tuple[int, int]], cut: int
) -> None:
    """It goes unnoticed here, where nobody checks the signature, or it is named; nothing else."""
    pair, good = intact
    der = bytearray(good)
    for place, byte in damage:
        der[place % len(der)] = byte
    pair.certificate.write_text(ssl.DER_cert_to_PEM_cert(bytes(der[: cut % (2 * len(der))])))
    assert _named(pair) in {None, "MQTT_CLIENT_CERT_PATH", "MQTT_CLIENT_KEY_PATH"}


def test_a_folder_is_not_a_file(tmp_path: Path) -> None:
    assert complaint(ca=tmp_path).field == "MQTT_CA_CERT_PATH"


def test_a_key_of_another_certificate(ours: Authority) -> None:
    error = complaint(cert=ours.issue("me").certificate, key=ours.issue("you").key)
    assert error.field == "MQTT_CLIENT_KEY_PATH"
    assert "does not fit" in str(error)


def test_a_key_with_a_passphrase_is_not_asked_for_on_the_terminal(ours: Authority) -> None:
    from cryptography.hazmat.primitives import serialization as pem  # noqa: PLC0415 - heavy, and needed only here

    pair = ours.issue("me")
    key = pem.load_pem_private_key(pair.key.read_bytes(), None)
    pair.key.write_bytes(
        key.private_bytes(pem.Encoding.PEM, pem.PrivateFormat.PKCS8, pem.BestAvailableEncryption(PASSPHRASE))
    )
    error = complaint(cert=pair.certificate, key=pair.key)
    assert error.field == "MQTT_CLIENT_KEY_PATH"
    assert "passphrase" in str(error)


def test_an_expired_client_certificate_is_seen_before_the_broker_sees_it(ours: Authority) -> None:
    pair = ours.issue("old", expired=True)
    error = complaint(cert=pair.certificate, key=pair.key)
    assert error.field == "MQTT_CLIENT_CERT_PATH"
    assert "expired on 2021-01-01" in str(error)


def test_the_last_day_of_a_certificate_is_read_to_the_second(ours: Authority) -> None:
    pair = ours.issue("old", expired=True)
    end = parse_instant("2021-01-01T00:00:00Z", 0)
    context(ours, pair, end)
    assert "expired" in str(complaint(cert=pair.certificate, key=pair.key, now=end + 1))
