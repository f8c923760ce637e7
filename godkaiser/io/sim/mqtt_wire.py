"""The same wire over a real MQTT broker."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterable

import aiomqtt

from godkaiser.io.manual_ack import acknowledge_now, socket_of

from .link import Connect, Sink
from .spec import Publish

CLOSE_SECONDS = 1.0
TIMEOUT_SECONDS = 10.0
_NO_DELAY = ((socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),)
# A whole tick is in flight at once; the library starts to warn at ten calls.
_MANY_CALLS = 1000


def _queue_into(sink: Sink) -> type[asyncio.Queue[aiomqtt.Message]]:
    """A queue that queues nothing: cheaper by half than a task per message."""

    class _Pour(asyncio.Queue[aiomqtt.Message]):
        def put_nowait(self, item: aiomqtt.Message) -> None:
            sink(str(item.topic), bytes(item.payload), item.retain)

    return _Pour


class MqttWire:
    """One MQTT 3.1.1 connection with a clean session.

    A new one is made for every attempt: the library would send what it kept from an earlier connection.
    """

    def __init__(self, host: str, port: int, name: str, sink: Sink) -> None:
        self._host = host
        self._port = port
        self._name = name
        self._sink = sink
        self._client: aiomqtt.Client | None = None

    async def open(self, will: Publish, topics: Iterable[tuple[str, int]]) -> None:
        """Connect and subscribe topic by topic, in the device's order."""
        client = self._new_client(will)
        try:
            await client.__aenter__()
            self._client = client
            for pattern, qos in topics:
                await client.subscribe(pattern, qos)
        except aiomqtt.MqttError as error:
            raise ConnectionError(f"{self._host}:{self._port}: {error}") from error

    def _new_client(self, will: Publish) -> aiomqtt.Client:
        client = aiomqtt.Client(
            self._host,
            self._port,
            identifier=self._name,
            protocol=aiomqtt.ProtocolVersion.V311,
            clean_session=True,
            keepalive=60,
            will=aiomqtt.Will(will.topic, will.payload, will.qos, will.retain),
            timeout=TIMEOUT_SECONDS,
            queue_type=_queue_into(self._take),
            socket_options=_NO_DELAY,
        )
        client.pending_calls_threshold = _MANY_CALLS
        return client

    def _take(self, topic: str, payload: bytes, retained: bool) -> None:
        if self._client is not None:
            acknowledge_now(self._client)
        self._sink(topic, payload, retained)

    async def publish(self, message: Publish) -> None:
        """Returns after the PUBACK, or at once for QoS 0."""
        if self._client is None:
            raise ConnectionError("not connected")
        try:
            await self._client.publish(message.topic, message.payload, message.qos, message.retain)
            acknowledge_now(self._client)
        except aiomqtt.MqttError as error:
            raise ConnectionError(str(error)) from error

    async def lost(self) -> None:
        """Wait for the end of the connection: the iterator yields nothing and raises then."""
        if self._client is None:
            return
        with contextlib.suppress(aiomqtt.MqttError):
            async for _ in self._client.messages:
                pass

    async def close(self) -> None:
        """Disconnect in order, or give up after a second."""
        client, self._client = self._client, None
        if client is None:
            return
        with contextlib.suppress(aiomqtt.MqttError, TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await client.__aexit__(None, None, None)

    def sever(self) -> None:
        """Cut the socket."""
        connection = None if self._client is None else socket_of(self._client)
        if connection is not None:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


def over_mqtt(host: str, port: int) -> Connect:
    """Wires to the broker at ``host:port``."""
    return lambda name, sink: MqttWire(host, port, name, sink)
