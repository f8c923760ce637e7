"""The MQTT session against a real Mosquitto: the contract of the private parts of aiomqtt we use."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiomqtt
import pytest

from godkaiser.errors import LinkDownError
from godkaiser.io.mqtt import BrokerAddress, MqttLink, peek_retained
from godkaiser.io.wire.encode import Outgoing
from godkaiser.ports import RawMessage
from tests.services import Mosquitto

WILL = Outgoing("kaiser/god/server/status", b'{"status":"offline"}', 1, True)


@dataclass
class Listener:
    messages: list[RawMessage] = field(default_factory=list)
    ups: list[str] = field(default_factory=list)
    downs: list[str] = field(default_factory=list)

    def on_message(self, message: RawMessage) -> None:
        self.messages.append(message)

    def on_up(self, broker: str) -> None:
        self.ups.append(broker)

    def on_down(self, broker: str, why: str, next_try: float) -> None:
        assert 0 < next_try <= 60
        self.downs.append(why)


async def until(check: Callable[[], object], within: float = 10.0) -> None:
    async with asyncio.timeout(within):
        while not check():
            await asyncio.sleep(0.01)


@asynccontextmanager
async def linked(broker: Mosquitto, listener: Listener, name: str = "test") -> AsyncIterator[MqttLink]:
    link = MqttLink(BrokerAddress(port=broker.port), name, ["k/#"], lambda: WILL)
    task = asyncio.create_task(link.run(listener))
    try:
        await until(lambda: listener.ups)
        yield link
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def say(broker: Mosquitto, *payloads: str) -> None:
    async with aiomqtt.Client("127.0.0.1", broker.port) as client:
        for payload in payloads:
            await client.publish("k/x", payload, qos=1)


def heard(listener: Listener) -> list[str]:
    return [message.payload.decode() for message in listener.messages]


async def test_unacknowledged_messages_come_again_and_acknowledged_ones_do_not(mosquitto: Mosquitto) -> None:
    first = Listener()
    async with linked(mosquitto, first) as link:
        await say(mosquitto, "1", "2", "3")
        await until(lambda: len(first.messages) == 3)
        link.acknowledge([m.token for m in first.messages[:2] if m.token is not None])
        await asyncio.sleep(0.2)
    await say(mosquitto, "4")  # nobody is there: the broker keeps it for the session
    second = Listener()
    async with linked(mosquitto, second):
        await until(lambda: len(second.messages) == 2)
        await asyncio.sleep(0.2)
    assert heard(second) == ["3", "4"]


async def test_acknowledgements_go_out_in_order_of_arrival(mosquitto: Mosquitto) -> None:
    """Tokens handed over out of order wait for their predecessors."""
    first = Listener()
    async with linked(mosquitto, first) as link:
        await say(mosquitto, "1", "2", "3")
        await until(lambda: len(first.messages) == 3)
        tokens = [m.token for m in first.messages if m.token is not None]
        link.acknowledge([tokens[2], tokens[1]])
        await asyncio.sleep(0.2)
    second = Listener()
    async with linked(mosquitto, second) as link:
        await until(lambda: len(second.messages) == 3)
        link.acknowledge(tokens)  # of the old connection: void
        link.acknowledge([m.token for m in reversed(second.messages) if m.token is not None])
        await asyncio.sleep(0.2)
    third = Listener()
    async with linked(mosquitto, third):
        await say(mosquitto, "4")
        await until(lambda: third.messages)
    assert heard(third) == ["4"]


async def test_it_comes_back_after_the_broker_does_and_nothing_stale_is_sent(mosquitto: Mosquitto) -> None:
    listener = Listener()
    async with linked(mosquitto, listener) as link:
        mosquitto.kill()
        await until(lambda: listener.downs)
        with pytest.raises(LinkDownError):
            await link.publish("k/stale", b"ON", 1, False)
        mosquitto.start()
        await until(lambda: len(listener.ups) == 2, 15)
        await link.publish("k/fresh", b"OFF", 1, False)
        await until(lambda: listener.messages)
        await asyncio.sleep(0.3)
    assert heard(listener) == ["OFF"]


async def test_our_socket_does_not_wait_to_fill_packets(mosquitto: Mosquitto) -> None:
    async with linked(mosquitto, Listener()) as link:
        assert link._client is not None
        connection = link._client._client.socket()
        assert isinstance(connection, socket.socket)
        assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0


async def test_a_dead_process_is_announced_by_its_will(mosquitto: Mosquitto) -> None:
    topic = "kaiser/god/server/status"
    address = BrokerAddress(port=mosquitto.port)
    assert await peek_retained(address, topic) is None
    async with linked(mosquitto, Listener()) as link:
        await link.publish(topic, b'{"status":"online"}', 1, True)
        assert json.loads(await peek_retained(address, topic) or b"{}") == {"status": "online"}
        assert link._client is not None
        connection = link._client._client.socket()
        assert isinstance(connection, socket.socket)
        connection.shutdown(socket.SHUT_RDWR)
        await asyncio.sleep(0.3)
        assert json.loads(await peek_retained(address, topic) or b"{}") == {"status": "offline"}


async def test_nobody_there(mosquitto: Mosquitto) -> None:
    mosquitto.stop()
    with pytest.raises(LinkDownError, match=str(mosquitto.port)):
        await peek_retained(BrokerAddress(port=mosquitto.port), "x")
