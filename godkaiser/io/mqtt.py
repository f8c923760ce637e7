"""The MQTT session: persistent, acknowledged by hand after commit, TCP_NODELAY, a new client per connection.

aiomqtt acknowledges when a message arrives. We must not: the broker may forget a message only when it is on
disk. Manual acknowledgement is private in aiomqtt 2 (its issue 345), so `_Session` is the only place that
touches `_client`; the contract test for it is `tests/io/test_mqtt.py`.

A new client per connection, because paho keeps a QoS 1 publish that raised "not connected" and sends it after
the reconnect: an ON must never be replayed stale.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import ssl
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import aiomqtt

from godkaiser.errors import LinkDownError
from godkaiser.io.retry import Backoff
from godkaiser.io.wire.encode import Outgoing
from godkaiser.ports import LinkListener, RawMessage

KEEPALIVE: Final = 20
PUBLISH_WITHIN: Final = 5.0
CONNECT_WITHIN: Final = 10.0
DEFAULT_WINDOW: Final = 20  # Mosquitto's default max_inflight_messages
NODELAY: Final = (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """Where the broker is and how to get in."""

    host: str = "127.0.0.1"
    port: int = 1883
    username: str | None = None
    password: str | None = None
    tls: ssl.SSLContext | None = None
    window: int = DEFAULT_WINDOW

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class _Token:
    session: int
    mid: int
    qos: int


def _sink(take: Callable[[aiomqtt.Message], None]) -> type[asyncio.Queue[aiomqtt.Message]]:
    """A queue that hands on instead of keeping: half the cost of a task and a wait per message."""

    class Sink(asyncio.Queue[aiomqtt.Message]):
        def put_nowait(self, item: aiomqtt.Message) -> None:
            take(item)

    return Sink


class MqttLink:
    """Stays connected; tells its listener; publishes; acknowledges when told."""

    def __init__(
        self,
        address: BrokerAddress,
        client_id: str,
        subscriptions: Sequence[str],
        will: Callable[[], Outgoing],
        jitter: random.Random | None = None,
    ) -> None:
        self._address, self._client_id = address, client_id
        self._subscriptions, self._will = subscriptions, will
        self._random = jitter or random.Random()
        self._client: aiomqtt.Client | None = None
        self._session = 0
        self._unacked: deque[_Token] = deque()
        self._durable: set[_Token] = set()

    @property
    def window(self) -> int:
        """Messages in flight the broker allows."""
        return self._address.window

    async def run(self, listener: LinkListener) -> None:
        """Connect, and connect again, until cancelled."""
        backoff = Backoff()
        while True:
            why = "the connection was closed"
            try:
                await self._live(listener)
            except aiomqtt.MqttError as error:
                why = str(error) or type(error).__name__
            finally:
                connected, self._client = self._client is not None, None
            backoff = backoff.succeeded() if connected else backoff
            pause = backoff.delay(self._random.random())
            backoff = backoff.failed()
            listener.on_down(str(self._address), why, pause)
            await asyncio.sleep(pause)

    async def _live(self, listener: LinkListener) -> None:
        self._session += 1
        self._unacked.clear()
        self._durable.clear()
        session = self._session
        will = self._will()

        def take(message: aiomqtt.Message) -> None:
            acknowledge_now(client._client.socket())
            token = None if message.qos == 0 else _Token(session, message.mid, message.qos)
            if token is not None:
                self._unacked.append(token)
            listener.on_message(
                RawMessage(str(message.topic), _bytes(message.payload), message.retain, token)
            )

        client = aiomqtt.Client(
            self._address.host,
            self._address.port,
            username=self._address.username,
            password=self._address.password,
            tls_context=self._address.tls,
            identifier=self._client_id,
            protocol=aiomqtt.ProtocolVersion.V311,
            clean_session=False,
            keepalive=KEEPALIVE,
            timeout=CONNECT_WITHIN,
            will=aiomqtt.Will(will.topic, will.payload, will.qos, will.retain),
            queue_type=_sink(take),
            socket_options=[NODELAY],
        )
        client._client.manual_ack_set(True)
        async with client:
            await client.subscribe([(pattern, 1) for pattern in self._subscriptions])
            self._client = client
            listener.on_up(str(self._address))
            await _until_lost(client)

    async def publish(self, topic: str, payload: bytes, qos: int, retain: bool) -> None:
        """Returns when the broker has it."""
        client = self._client
        if client is None:
            raise LinkDownError(broker=str(self._address), problem="not connected")
        try:
            await client.publish(topic, payload, qos, retain, timeout=PUBLISH_WITHIN)
            acknowledge_now(client._client.socket())
        except aiomqtt.MqttError as error:
            raise LinkDownError(broker=str(self._address), problem=str(error)) from None

    def acknowledge(self, tokens: Sequence[object]) -> None:
        """Acknowledge in the order the messages came, whatever order they became durable in.

        MQTT demands that order, and rumqttd hangs up otherwise. Tokens of an earlier connection are void: the
        broker delivers those messages again.
        """
        self._durable.update(
            token for token in tokens if isinstance(token, _Token) and token.session == self._session
        )
        while self._unacked and self._unacked[0] in self._durable:
            token = self._unacked.popleft()
            self._durable.discard(token)
            if self._client is not None:
                self._client._client.ack(token.mid, token.qos)


def acknowledge_now(connection: Any) -> None:
    """Ask the kernel to acknowledge at once; it forgets the wish, so it is repeated.

    A broker without TCP_NODELAY holds its next message until the last is acknowledged, which Linux delays by 40 ms.
    """
    if connection is not None and hasattr(socket, "TCP_QUICKACK"):
        with contextlib.suppress(OSError):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)


async def _until_lost(client: aiomqtt.Client) -> None:
    """Aiomqtt's own future of the disconnect; shielded, as it belongs to the client."""
    await asyncio.shield(client._disconnected)
    raise aiomqtt.MqttError("the broker closed the connection")


def _bytes(payload: Any) -> bytes:
    return payload if isinstance(payload, bytes) else str(payload).encode()


async def peek_retained(address: BrokerAddress, topic: str, wait: float = 0.5) -> bytes | None:
    """The retained message of a topic, or None. Used once at the start to see whether somebody is online."""
    found: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def take(message: aiomqtt.Message) -> None:
        if not found.done():
            found.set_result(_bytes(message.payload))

    client = aiomqtt.Client(
        address.host,
        address.port,
        username=address.username,
        password=address.password,
        tls_context=address.tls,
        timeout=CONNECT_WITHIN,
        queue_type=_sink(take),
    )
    try:
        async with client:
            await client.subscribe(topic, qos=1)
            return await asyncio.wait_for(found, wait)
    except TimeoutError:
        return None
    except aiomqtt.MqttError as error:
        raise LinkDownError(broker=str(address), problem=str(error)) from None
