"""The MQTT session against a real Mosquitto, in both versions of the protocol; misbehaviour by a stub."""

import asyncio
import json
import socket
import subprocess
from functools import partial

import aiomqtt
import pytest

from godkaiser.errors import LinkDownError
from godkaiser.io.manual_ack import socket_of
from godkaiser.io.mqtt import BrokerAddress, MqttLink, MqttVersion, peek_retained
from godkaiser.io.retry import PROBE_EVERY
from godkaiser.ports import RawMessage
from tests.io.rig import (
    CONNECT,
    PUBLISH,
    SUBSCRIBE,
    WILL,
    Answer,
    Listener,
    at,
    granted,
    linked,
    say,
    stub,
    trying,
    until,
    welcome,
)
from tests.services import Mosquitto

STATUS = "kaiser/god/server/status"
VERSIONS: tuple[MqttVersion, ...] = ("3.1.1", "5")


@pytest.fixture(params=VERSIONS)
def address(mosquitto: Mosquitto, request: pytest.FixtureRequest) -> BrokerAddress:
    return BrokerAddress(port=mosquitto.port, version=request.param)


async def test_it_comes_back_after_the_broker_does_and_nothing_stale_is_sent(
    address: BrokerAddress, mosquitto: Mosquitto
) -> None:
    listener = Listener()
    async with linked(address, listener) as link:
        mosquitto.kill()
        await until(lambda: listener.downs)
        with pytest.raises(LinkDownError):
            await link.publish("k/stale", b"ON", 1, False)
        mosquitto.start()
        await until(lambda: len(listener.ups) == 2, 15)
        await link.publish("k/fresh", b"OFF", 1, False)
        await until(lambda: listener.messages)
        await asyncio.sleep(0.3)
    assert listener.heard == ["OFF"]


async def test_a_publish_under_way_when_the_broker_dies_is_not_sent_later() -> None:
    """The stub takes the first ON and never confirms it; the next connection must not bring it again."""
    async with stub(connect=welcome, subscribe=granted) as broker:
        listener = Listener()
        async with linked(at(broker), listener) as link:
            sending = asyncio.create_task(link.publish("k/a", b"ON", 1, False))
            await until(lambda: broker.of(PUBLISH))
            broker.writers[0].transport.abort()
            with pytest.raises(LinkDownError, match="the connection was lost"):
                await sending
            assert len(listener.ups) == 1  # told at once, not when its time was over
            await until(lambda: len(listener.ups) == 2)
            await asyncio.sleep(0.3)
        assert len(broker.of(PUBLISH)) == 1


async def test_what_was_said_before_it_came_back_is_heard(
    address: BrokerAddress, mosquitto: Mosquitto
) -> None:
    """The session outlives the broker. Nothing here awaits between start and publish, so the link cannot be first."""
    listener = Listener()
    async with linked(address, listener):
        mosquitto.stop()
        await until(lambda: listener.downs)
        mosquitto.start()
        _publish_at_once(mosquitto.port, "early")
        assert len(listener.ups) == 1
        await until(lambda: listener.messages)
    assert listener.heard == ["early"]


def _publish_at_once(port: int, payload: str) -> None:
    publish = ["mosquitto_pub", "-p", str(port), "-q", "1", "-t", "k/x", "-m", payload]
    subprocess.run(publish, check=True, timeout=10)


async def test_while_nobody_listens_it_looks_every_two_seconds(mosquitto: Mosquitto) -> None:
    listener = Listener()
    async with linked(BrokerAddress(port=mosquitto.port), listener):
        mosquitto.kill()
        await until(lambda: any("cannot be reached: [Errno" in why for why in listener.downs))
        await asyncio.sleep(2.5 * PROBE_EVERY)
        assert all(wait <= PROBE_EVERY for wait in listener.waits)
        assert len(listener.downs) == 2  # lost, and not there; the looks in between are no news
        mosquitto.start()
        await until(lambda: len(listener.ups) == 2)


async def test_a_broker_that_is_there_and_refuses_is_asked_less_and_less_often() -> None:
    listener = Listener()
    unavailable = b"\x20\x02\x00\x03"
    async with stub(connect=lambda _: unavailable) as broker, trying(at(broker), listener):
        await until(lambda: len(listener.waits) == 3)
    assert listener.waits[0] == 1
    assert 1.5 <= listener.waits[1] <= 2
    assert 3 <= listener.waits[2] <= 4
    assert "unavailable" in listener.downs[0]


def _came_back(listener: Listener, before: int) -> bool:
    return len(listener.ups) > before


async def test_a_connection_that_stood_starts_the_waits_over() -> None:
    async with stub(connect=welcome, subscribe=granted) as broker:
        listener = Listener()
        async with linked(at(broker), listener):
            for _ in range(3):
                standing = len(listener.ups)
                broker.writers[-1].transport.abort()
                await until(partial(_came_back, listener, standing))
    assert listener.waits == [1, 1, 1]
    assert all("the connection was lost" in why for why in listener.downs)


def _refused(packet: bytes) -> bytes:
    return granted(packet)[:-1] + b"\x80"


async def test_a_refused_subscription_is_not_passed_over() -> None:
    listener = Listener()
    async with stub(connect=welcome, subscribe=_refused) as broker, trying(at(broker), listener):
        await until(lambda: listener.downs)
    assert "may not subscribe to k/#" in listener.downs[0]
    assert listener.ups == []


async def test_a_publish_that_nobody_confirms_fails() -> None:
    async with (
        stub(connect=welcome, subscribe=granted) as broker,
        linked(at(broker), Listener()) as link,
    ):
        with pytest.raises(LinkDownError, match="no confirmation"):
            await link.publish("k/a", b"ON", 1, False)
        assert len(broker.of(PUBLISH)) == 1


@pytest.mark.parametrize(("qos", "retain"), [(0, False), (0, True), (1, False), (1, True), (2, False)])
async def test_publishes_go_out_as_asked(address: BrokerAddress, qos: int, retain: bool) -> None:
    async with (
        linked(address, Listener()) as link,
        aiomqtt.Client(address.host, address.port) as other,
        asyncio.timeout(60),
    ):
        await other.subscribe("out/#", 2)
        await link.publish("out/x", b"1", qos, retain)
        message = await anext(aiter(other.messages))
        assert (str(message.topic), message.payload, message.qos) == ("out/x", b"1", qos)
        assert (await peek_retained(address, "out/x")) == (b"1" if retain else None)


async def test_our_socket_does_not_wait_to_fill_packets(address: BrokerAddress) -> None:
    async with linked(address, Listener()) as link:
        assert link._client is not None
        connection = socket_of(link._client)
        assert connection is not None
        assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0


async def test_a_dead_process_is_announced_by_its_will(address: BrokerAddress) -> None:
    assert await peek_retained(address, STATUS) is None
    async with linked(address, Listener()) as link:
        await link.publish(STATUS, b'{"status":"online"}', 1, True)
        assert json.loads(await peek_retained(address, STATUS) or b"{}") == {"status": "online"}
        assert link._client is not None
        connection = socket_of(link._client)
        assert connection is not None
        connection.shutdown(socket.SHUT_RDWR)
        await asyncio.sleep(0.3)
        assert json.loads(await peek_retained(address, STATUS) or b"{}") == {"status": "offline"}


async def test_an_end_in_order_needs_no_will(address: BrokerAddress) -> None:
    async with linked(address, Listener()) as link:
        await link.publish(STATUS, b'{"status":"goodbye"}', 1, True)
    await asyncio.sleep(0.3)
    assert await peek_retained(address, STATUS) == b'{"status":"goodbye"}'


async def test_a_look_keeps_no_session_and_disturbs_none(address: BrokerAddress) -> None:
    listener = Listener()
    async with linked(address, listener):
        await say(address.port, "1")
        await until(lambda: listener.messages)
        assert await peek_retained(address, "k/x") is None
        await asyncio.sleep(0.2)
    assert (len(listener.ups), listener.downs) == (1, [])


def _v5(packet: bytes) -> bytes:
    """CONNACK and SUBACK of MQTT 5, without properties."""
    return b"\x20\x03\x00\x00\x00" if packet[0] == CONNECT else b"\x90\x04" + packet[2:4] + b"\x00\x01"


@pytest.mark.parametrize(
    ("version", "answer", "level"),
    [("3.1.1", None, 4), ("5", _v5, 5)],
)
async def test_what_is_asked_of_the_broker(version: MqttVersion, answer: Answer | None, level: int) -> None:
    """Version, and in one byte: no clean session, a will with QoS 1 that is retained, no credentials."""
    async with stub(connect=answer or welcome, subscribe=answer or granted) as broker:
        async with linked(BrokerAddress(port=broker.port, version=version), Listener()):
            pass
        (connect,) = broker.of(CONNECT)
        assert connect[2:8] == b"\x00\x04MQTT"
        assert connect[8] == level
        assert connect[9] == 0x20 | 0x08 | 0x04
        week = (7 * 86400).to_bytes(4)
        assert (b"\x05\x11" + week in connect) == (version == "5")
        assert len(broker.of(SUBSCRIBE)) == 1


async def test_nobody_there(address: BrokerAddress, mosquitto: Mosquitto) -> None:
    mosquitto.stop()
    with pytest.raises(LinkDownError, match=str(mosquitto.port)):
        await peek_retained(address, "x")


async def test_an_end_that_comes_together_with_an_answer_is_not_lost() -> None:
    """The library returns the broker's answer instead of ending; then nobody would end the link any more."""
    link_task: list[asyncio.Task[None]] = []

    class Leaving(Listener):
        def on_message(self, message: RawMessage) -> None:
            super().on_message(message)
            link_task[0].cancel()

    def subscribed(packet: bytes) -> bytes:
        return b"\x30\x04\x00\x01kx" + granted(packet)

    listener = Leaving()
    async with stub(connect=welcome, subscribe=subscribed) as broker, asyncio.timeout(60):
        link = MqttLink(at(broker), "leaving", ["k"], lambda: WILL)
        link_task.append(asyncio.create_task(link.run(listener)))
        (left,) = await asyncio.gather(*link_task, return_exceptions=True)
        assert isinstance(left, asyncio.CancelledError)
        assert listener.heard == ["x"]
        assert listener.ups == []
