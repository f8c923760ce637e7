"""Why a connection to the broker failed, found out from its word or by asking the port once more.

aiomqtt gives the text of an error and no more; with TLS 1.3 the broker judges our certificate after the handshake,
when aiomqtt only sees a closed connection. So the port is asked again, without a word of MQTT where possible and
never with credentials. What cannot be told for certain counts as unreachable: then we keep trying, and nothing ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

import aiomqtt
from paho.mqtt.reasoncodes import ReasonCode

from godkaiser.errors import BrokerDistrustedError, BrokerRefusedError, LinkDownError
from godkaiser.io.address import BrokerAddress
from godkaiser.io.manual_ack import HUNG_UP

ANSWER_WITHIN: Final = 2.0  # seconds for a port that is asked again
LISTEN_FOR: Final = 1.0  # seconds in which the broker says what it thinks of our certificate
_CREDENTIALS: Final = "Correct MQTT_USERNAME and MQTT_PASSWORD."
_SILENT: Final = "it takes the connection and says nothing"
_PERHAPS: Final = "; some brokers do that when MQTT_USERNAME or MQTT_PASSWORD is wrong"
# MQTT 3.1.1, clean session, no name, no credentials: any answer shows that MQTT is spoken.
_HELLO: Final = bytes.fromhex("100c 00044d515454 04 02 000a 0000")
_CONNACK: Final = b"\x20"

# By code of the answer to CONNECT; those of MQTT 3.1.1 arrive translated into those of MQTT 5.
REFUSALS: Final = {
    132: ("it does not speak this version of MQTT", "Set GODKAISER_MQTT_VERSION to the other version."),
    133: ("it does not take our client id", "Allow client ids that begin with godkaiser_ at the broker."),
    134: ("wrong user name or password", _CREDENTIALS),
    135: ("wrong user name or password, or no right to connect", _CREDENTIALS),
    138: ("it has banned us", "Lift the ban at the broker; MQTT_USERNAME says who we are."),
    140: ("it wants another way of signing in", "Let the user of MQTT_USERNAME sign in with a password."),
}
NO_CREDENTIALS: Final = ("it wants a user name and a password", "Set MQTT_USERNAME and MQTT_PASSWORD.")

# By the TLS alert the broker sends; the first that is contained in its name.
ALERTS: Final = (
    (
        "CERTIFICATE_REQUIRED",
        "it wants a client certificate",
        "Set MQTT_CLIENT_CERT_PATH and MQTT_CLIENT_KEY_PATH.",
    ),
    ("CERTIFICATE_EXPIRED", "our client certificate has expired", "Renew the one in MQTT_CLIENT_CERT_PATH."),
    ("CERTIFICATE_REVOKED", "our client certificate is revoked", "Put a new one into MQTT_CLIENT_CERT_PATH."),
    (
        "HANDSHAKE_FAILURE",
        "it breaks off the TLS handshake, most likely for want of a client certificate",
        "Set MQTT_CLIENT_CERT_PATH and MQTT_CLIENT_KEY_PATH.",
    ),
    (
        "PROTOCOL_VERSION",
        "it offers no version of TLS that is still safe",
        "Allow TLS 1.2 or 1.3 at the broker.",
    ),
    *(
        (
            name,
            "it does not accept our client certificate",
            "Put one into MQTT_CLIENT_CERT_PATH that an authority of the broker has signed.",
        )
        for name in ("CERTIFICATE", "UNKNOWN_CA", "ACCESS_DENIED", "DECRYPT_ERROR")
    ),
)

# By OpenSSL's code of verification.
_CLOCK: Final = (
    "Renew the broker's certificate or the one in MQTT_CA_CERT_PATH, and check the clock of this machine."
)
_AUTHORITY: Final = "Set MQTT_CA_CERT_PATH to the certificate of the authority that signed the broker's."
_NAME: Final = "Set MQTT_BROKER_HOST to a name that stands in the broker's certificate."
VERDICTS: Final = {
    9: ("a certificate is not valid yet", _CLOCK),
    10: ("a certificate has expired", _CLOCK),
    62: ("its certificate is for another host name", _NAME),
    64: ("its certificate is for another address", _NAME),
}


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What is wrong, and whether anybody took the connection at all."""

    error: BrokerDistrustedError | BrokerRefusedError | LinkDownError
    answered: bool

    @property
    def sentence(self) -> str:
        """What is wrong and what helps, for people."""
        return f"{self.error} {self.error.remedy}".removesuffix(".")


async def diagnose(address: BrokerAddress, error: aiomqtt.MqttError) -> Diagnosis:
    """Of a connection that failed with `error`. Takes a few seconds at most."""
    if isinstance(error, aiomqtt.MqttCodeError) and isinstance(error.rc, ReasonCode):
        return Diagnosis(_refusal(address, error.rc) or _down(address, str(error)), answered=True)
    if not await answers(address):
        return Diagnosis(_down(address, str(error)), answered=False)
    found = await (_ask_in_clear(address) if address.tls is None else _ask_by_tls(address, address.tls))
    if found is None and address.version == "5" and await _speaks_mqtt(address, address.tls):
        found = _refused(address, "it hangs up on MQTT 5", "Set GODKAISER_MQTT_VERSION to 3.1.1.")
    return Diagnosis(found or _down(address, _vague(str(error))), answered=True)


async def answers(address: BrokerAddress) -> bool:
    """Does anybody take a connection on the port?"""
    with contextlib.suppress(OSError):
        async with _opened(address, None):
            return True
    return False


def _refusal(address: BrokerAddress, code: ReasonCode) -> BrokerRefusedError | None:
    named = REFUSALS.get(code.value)
    if named is None:
        return None
    return _refused(
        address, *(NO_CREDENTIALS if named[1] is _CREDENTIALS and not address.username else named)
    )


def _vague(problem: str) -> str:
    return (HUNG_UP if problem == HUNG_UP else f"{_SILENT} ({problem})") + _PERHAPS


async def _ask_by_tls(
    address: BrokerAddress, tls: ssl.SSLContext
) -> BrokerRefusedError | BrokerDistrustedError | None:
    try:
        async with _opened(address, tls) as (reader, _):
            async with asyncio.timeout(LISTEN_FOR):
                await reader.read(1)
    except ssl.SSLCertVerificationError as error:
        return _distrusted(address, *_verdict(error))
    except ssl.SSLError as error:
        if "ALERT" in (error.reason or ""):
            return _alerted(address, error.reason)
    except OSError:
        pass  # nothing certain was said; silence after the handshake is as it should be
    if not await _speaks_mqtt(address, None):
        return None
    return _distrusted(
        address, "it speaks MQTT without TLS on this port", "Correct MQTT_BROKER_PORT or MQTT_USE_TLS."
    )


def _verdict(error: ssl.SSLCertVerificationError) -> tuple[str, str]:
    known = VERDICTS.get(error.verify_code)
    return known or (
        f"its certificate is not signed by a known authority ({error.verify_message})",
        _AUTHORITY,
    )


def _alerted(address: BrokerAddress, reason: str) -> BrokerRefusedError | None:
    named = next(((problem, remedy) for name, problem, remedy in ALERTS if name in reason), None)
    return None if named is None else _refused(address, *named)


async def _ask_in_clear(address: BrokerAddress) -> BrokerRefusedError | None:
    if not await _speaks_tls(address):
        return None
    return _refused(
        address, "it speaks only TLS on this port", "Set MQTT_USE_TLS=true or correct MQTT_BROKER_PORT."
    )


async def _speaks_tls(address: BrokerAddress) -> bool:
    curious = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    curious.check_hostname = False
    curious.verify_mode = ssl.CERT_NONE  # nothing is sent; it is only asked whether that is TLS
    try:
        async with _opened(address, curious):
            return True
    except ssl.SSLError as error:
        return "ALERT" in (error.reason or "")
    except OSError:
        return False


async def _speaks_mqtt(address: BrokerAddress, tls: ssl.SSLContext | None) -> bool:
    with contextlib.suppress(OSError):
        async with _opened(address, tls) as (reader, writer), asyncio.timeout(ANSWER_WITHIN):
            writer.write(_HELLO)
            return await reader.read(1) == _CONNACK
    return False


@contextlib.asynccontextmanager
async def _opened(
    address: BrokerAddress, tls: ssl.SSLContext | None
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A bare connection. Raises OSError, of which TimeoutError and SSLError are kinds."""
    async with asyncio.timeout(ANSWER_WITHIN):
        reader, writer = await asyncio.open_connection(address.host, address.port, ssl=tls)
    try:
        # Knocking often at a port from which connections may also leave can meet oneself.
        if writer.get_extra_info("sockname") == writer.get_extra_info("peername"):
            raise ConnectionRefusedError
        yield reader, writer
    finally:
        writer.transport.abort()


def _down(address: BrokerAddress, problem: str) -> LinkDownError:
    return LinkDownError(broker=str(address), problem=problem)


def _refused(address: BrokerAddress, problem: str, remedy: str) -> BrokerRefusedError:
    return BrokerRefusedError(broker=str(address), problem=problem, remedy_text=remedy)


def _distrusted(address: BrokerAddress, problem: str, remedy: str) -> BrokerDistrustedError:
    return BrokerDistrustedError(broker=str(address), problem=problem, remedy_text=remedy)
