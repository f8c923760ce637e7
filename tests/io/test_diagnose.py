"""Every way a broker can say no, and every way it can say nothing: the right error, and never a wrong accusation."""

import asyncio
import re
import ssl
from pathlib import Path

import pytest

from godkaiser.errors import BrokerRefusedError, GodkaiserError, LinkDownError
from godkaiser.io.clock import WallClock
from godkaiser.io.diagnose import ALERTS, NO_CREDENTIALS, REFUSALS, VERDICTS, answers
from godkaiser.io.manual_ack import HUNG_UP
from godkaiser.io.mqtt import BrokerAddress, MqttVersion, peek_retained
from godkaiser.io.tls import broker_tls
from godkaiser.settings import Settings
from tests.io.rig import CONNECT, Answer, Stub, granted, hang_up, stub, welcome

PASSWORD = "correct-horse-battery"


async def complaint(
    broker: Stub, version: MqttVersion = "3.1.1", tls: ssl.SSLContext | None = None
) -> GodkaiserError:
    with pytest.raises(GodkaiserError) as caught:
        await peek_retained(
            BrokerAddress("127.0.0.1", broker.port, "god", PASSWORD, tls, version=version), "x"
        )
    return caught.value


def connack(version: MqttVersion, code: int) -> Answer:
    return lambda _: (b"\x20\x02\x00%c" if version == "3.1.1" else b"\x20\x03\x00%c\x00") % code


@pytest.mark.parametrize(
    ("version", "code", "setting"),
    [
        ("3.1.1", 4, "MQTT_PASSWORD"),
        ("3.1.1", 5, "MQTT_PASSWORD"),
        ("3.1.1", 2, "client ids that begin with godkaiser_"),
        ("5", 134, "MQTT_PASSWORD"),
        ("5", 135, "MQTT_PASSWORD"),
        ("5", 132, "GODKAISER_MQTT_VERSION"),
        ("5", 1, "GODKAISER_MQTT_VERSION"),
        ("5", 133, "client ids that begin with godkaiser_"),
        ("5", 138, "MQTT_USERNAME"),
        ("5", 140, "MQTT_USERNAME"),
    ],
)
async def test_a_no_that_does_not_pass_by_itself(version: MqttVersion, code: int, setting: str) -> None:
    async with stub(connect=connack(version, code)) as broker:
        error = await complaint(broker, version)
    assert isinstance(error, BrokerRefusedError)
    assert setting in error.remedy
    assert PASSWORD not in f"{error} {error.remedy}"


@pytest.mark.parametrize(("version", "code"), [("3.1.1", 3), ("5", 136), ("5", 137), ("5", 151), ("5", 159)])
async def test_a_no_that_may_pass_counts_as_away(version: MqttVersion, code: int) -> None:
    async with stub(connect=connack(version, code)) as broker:
        error = await complaint(broker, version)
    assert isinstance(error, LinkDownError)


async def test_hanging_up_accuses_nobody_but_says_what_it_may_be() -> None:
    async with stub(connect=hang_up) as broker:
        error = await complaint(broker)
    assert isinstance(error, LinkDownError)
    assert "hangs up" in str(error)
    assert "MQTT_PASSWORD" in str(error)


async def test_silence_accuses_nobody_but_says_what_it_may_be() -> None:
    """As the embedded broker does with a wrong password."""
    async with stub() as broker:
        error = await complaint(broker)
    assert isinstance(error, LinkDownError)
    assert "says nothing" in str(error)
    assert "MQTT_PASSWORD" in str(error)


async def test_a_broker_that_hangs_up_on_mqtt_5_only() -> None:
    def only_old(packet: bytes) -> bytes | None:
        return b"\x20\x02\x00\x05" if packet[2:9] == b"\x00\x04MQTT\x04" else None

    async with stub(connect=only_old) as broker:
        error = await complaint(broker, "5")
        asked = broker.of(CONNECT)[-1]
    assert isinstance(error, BrokerRefusedError)
    assert "Set GODKAISER_MQTT_VERSION to 3.1.1" in error.remedy
    assert PASSWORD.encode() not in asked


async def test_tls_to_something_that_is_no_broker_accuses_nobody() -> None:
    tls = broker_tls(True, None, None, None, WallClock().now())
    async with stub(connect=hang_up) as broker:
        error = await complaint(broker, tls=tls)
    assert isinstance(error, LinkDownError)


async def test_in_clear_to_something_that_talks_first() -> None:
    """A mail server, say: neither MQTT nor TLS."""

    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ESMTP\r\n")
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(LinkDownError):
            await peek_retained(BrokerAddress(port=port), "x")


async def test_a_name_that_nobody_knows() -> None:
    with pytest.raises(LinkDownError, match=r"broker\.invalid:1883"):
        await peek_retained(BrokerAddress("broker.invalid"), "x")


async def test_a_port_answers_or_it_does_not() -> None:
    async with stub(connect=welcome, subscribe=granted) as broker:
        assert await answers(BrokerAddress(port=broker.port))
    assert not await answers(BrokerAddress(port=broker.port))


def test_every_no_is_in_the_docs() -> None:
    """In full, or as the second half of a row: `… is revoked`."""
    page = (Path(__file__).parents[2] / "docs/how-to/run-on-your-broker.md").read_text()
    said = [problem for problem, _ in (*REFUSALS.values(), *VERDICTS.values(), NO_CREDENTIALS)]
    said += [problem for _, problem, _ in ALERTS]
    ends = [end.strip() for end in re.findall(r"…,? ([^;|]+)", page)]
    missing = [
        problem for problem in said if problem not in page and not any(problem.endswith(end) for end in ends)
    ]
    assert missing == []
    assert HUNG_UP in page
    assert all(f"`{name.upper()}" in page for name in Settings.model_fields if "mqtt" in name)
