"""The TLS side of the connection to the broker, made of three files; every mistake in them named by its setting."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NoReturn

from godkaiser.errors import SettingsError
from godkaiser.model.instant import SECOND, Instant

_USE: Final = "MQTT_USE_TLS"
_CA: Final = "MQTT_CA_CERT_PATH"
_CERT: Final = "MQTT_CLIENT_CERT_PATH"
_KEY: Final = "MQTT_CLIENT_KEY_PATH"
_TIMES: Final = {0x17: "%y%m%d%H%M%SZ", 0x18: "%Y%m%d%H%M%SZ"}  # the two kinds of time in a certificate
_VERSION: Final = 0xA0  # only certificates of the first version leave it out


class _TidySocket(ssl.SSLSocket):
    """Closed when the handshake fails; paho leaves that to the garbage collector."""

    def do_handshake(self, block: bool = False) -> None:
        try:
            super().do_handshake(block)
        except OSError:
            self.close()
            raise


def broker_tls(
    use: bool, ca: Path | None, cert: Path | None, key: Path | None, now: Instant
) -> ssl.SSLContext | None:
    """How to encrypt, or None for in clear. Without `ca` the authorities of this machine are trusted.

    Raises `SettingsError` with the one setting that is wrong. A certificate alone, without its key, or unused
    certificates are mistakes as well: nobody shall believe a plain connection to be protected.
    """
    if not use:
        _unused((_CA, ca), (_CERT, cert), (_KEY, key))
        return None
    context = _trusting(ca)
    context.sslsocket_class = _TidySocket
    if cert is not None and key is not None:
        _identify(context, cert, key, now)
    elif cert is not None:
        _wrong(_KEY, f"is not set, but {_CERT} is", f"Set {_KEY}; it may be the same file.")
    elif key is not None:
        _wrong(_CERT, f"is not set, but {_KEY} is", f"Set {_CERT} to the certificate of that key.")
    return context


def _unused(*given: tuple[str, Path | None]) -> None:
    for name, path in given:
        if path is not None:
            _wrong(_USE, f"is off, but {name} is set", f"Set {_USE}=true, or remove {name}.")


def _trusting(ca: Path | None) -> ssl.SSLContext:
    if ca is None:
        return ssl.create_default_context()
    _pem(_CA, ca, "CERTIFICATE")
    try:
        return ssl.create_default_context(cafile=ca)
    except ssl.SSLError:
        _wrong(_CA, f"the certificate in {ca} is damaged", "Copy it anew from where it was made.")


def _identify(context: ssl.SSLContext, cert: Path, key: Path, now: Instant) -> None:
    """Make the context show our certificate."""
    _check_date(cert, _pem(_CERT, cert, "CERTIFICATE"), now)
    _pem(_KEY, key, "PRIVATE KEY")
    try:
        context.load_cert_chain(cert, key, password=_no_passphrase)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            _wrong(
                _KEY, f"the key in {key} does not fit the certificate in {cert}", f"Set {_KEY} to its key."
            )
        _wrong(
            _KEY, f"the key in {key} cannot be used ({error.reason})", "Make it anew, with its certificate."
        )


def _no_passphrase() -> NoReturn:
    # Without this, OpenSSL would ask on the terminal, and wait.
    _wrong(_KEY, "the key is protected by a passphrase", "Store it without one, readable by this user only.")


def _pem(name: str, path: Path, kind: str) -> str:
    """The text of a file that holds at least one such block."""
    try:
        text = path.read_text(errors="replace")
    except OSError as error:
        _wrong(name, f"{path} cannot be read: {error.strerror}", f"Correct {name} or the rights of the file.")
    if f"{kind}-----" not in text:
        _wrong(name, f"{path} holds no {kind.lower()} in PEM form", f"Set {name} to a PEM file.")
    return text


def _check_date(path: Path, text: str, now: Instant) -> None:
    try:
        der = ssl.PEM_cert_to_DER_cert(_first_certificate(text))
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=der)  # OpenSSL can read it
        end = _end_of(der)
    except (ValueError, IndexError, KeyError, ssl.SSLError):
        _wrong(_CERT, f"the certificate in {path} is damaged", "Copy it anew from where it was made.")
    if end.timestamp() * SECOND < now:
        _wrong(_CERT, f"the certificate in {path} expired on {end:%Y-%m-%d}", "Renew it.")


def _first_certificate(text: str) -> str:
    begin, end = ssl.PEM_HEADER, ssl.PEM_FOOTER
    return begin + text.split(begin, 1)[1].split(end, 1)[0] + end


def _end_of(der: bytes) -> datetime:
    """When a certificate expires: its only statement that OpenSSL does not hand out before it is used."""
    (_, certificate), *_ = _parts(der)
    (_, body), *_ = _parts(certificate)
    fields = _parts(body)
    serial = 1 if fields[0][0] == _VERSION else 0
    _, validity = fields[serial + 3]  # after serial number, algorithm and issuer
    _, (kind, text) = _parts(validity)
    return datetime.strptime(text.decode("ascii"), _TIMES[kind]).replace(tzinfo=UTC)


def _parts(der: bytes) -> list[tuple[int, bytes]]:
    """Tag and content, one after the other."""
    parts, place = [], 0
    while place < len(der):
        tag, size = der[place], der[place + 1]
        place += 2
        if size & 0x80:  # a long one: so many bytes hold the size
            count = size & 0x7F
            size = int.from_bytes(der[place : place + count])
            place += count
        parts.append((tag, der[place : place + size]))
        place += size
    return parts


def _wrong(field: str, problem: str, remedy: str) -> NoReturn:
    raise SettingsError(field=field, problem=problem, remedy_text=remedy) from None
