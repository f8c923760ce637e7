"""The MQTT session: persistent, acknowledged by hand after commit, TCP_NODELAY, a new client per connection.

A new client per connection, because paho keeps a QoS 1 publish that raised "not connected" and sends it after
the reconnect: an ON must never be replayed stale.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import random
import secrets
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final

import aiomqtt
from paho.mqtt.reasoncodes import ReasonCode

from godkaiser.errors import BrokerRefusedError, LinkDownError
from godkaiser.io.address import BrokerAddress, MqttVersion
from godkaiser.io.ahead import Delivered
from godkaiser.io.client import new_client
from godkaiser.io.diagnose import Diagnosis, answers, diagnose
from godkaiser.io.ending import heed_cancellation
from godkaiser.io.manual_ack import ManualAck, hang_up, socket_of
from godkaiser.io.retry import PROBE_EVERY, Backoff, jittered
from godkaiser.io.wire.encode import Outgoing
from godkaiser.ports import LinkListener, RawMessage

__all__ = ["BrokerAddress", "MqttLink", "MqttVersion", "peek_retained"]

PUBLISH_WITHIN: Final = 5.0
LOST: Final = "the connection was lost"


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
        self._acks: ManualAck | None = None
        self._limits: set[asyncio.Timeout] = set()

    @property
    def window(self) -> int:
        """Messages in flight the broker allows."""
        return self._address.window

    async def run(self, listener: LinkListener) -> None:
        """Connect, and connect again, until cancelled."""
        backoff = Backoff()
        while True:
            found, lasted = await self._connection(listener)
            if lasted or not found.answered:
                backoff = backoff.succeeded()
            if not found.answered:
                await self._until_it_answers(listener, found)
                continue
            pause = backoff.delay(self._random.random())
            backoff = backoff.failed()
            listener.on_down(str(self._address), found.sentence, pause)
            await asyncio.sleep(pause)

    async def _until_it_answers(self, listener: LinkListener, found: Diagnosis) -> None:
        """Look every two seconds: who comes back later than the nodes lets them fall into their safe states."""
        pause = jittered(PROBE_EVERY, self._random.random())
        listener.on_down(str(self._address), found.sentence, pause)
        while True:
            await asyncio.sleep(pause)
            if await answers(self._address):
                return

    async def _connection(self, listener: LinkListener) -> tuple[Diagnosis, bool]:
        """Live through one connection: why it ended, and whether there was one."""
        try:
            await self._live(listener)
            problem = LOST
        except BrokerRefusedError as error:
            return Diagnosis(error, answered=True), False
        except aiomqtt.MqttError as error:
            if self._client is None:
                return await diagnose(self._address, error), False
            if not isinstance(error.__cause__, aiomqtt.MqttError | OSError | None):
                raise  # a mistake of the listener is not the broker's
            problem = f"{LOST} ({error.__cause__ or error})"
        finally:
            self._cut_off()
        return Diagnosis(self._down(problem), answered=True), True

    async def _live(self, listener: LinkListener) -> None:
        def take(message: Delivered) -> None:
            token = acks.expect(message)
            listener.on_message(RawMessage(message.topic, message.payload, message.retain, token))

        client = new_client(self._address, self._client_id, take, self._will(), keep=True)
        # There before the subscriptions: a full window of old messages holds their answer up at some brokers.
        acks = self._acks = ManualAck(client)
        try:
            async with client:
                await self._subscribe(client)
                self._client = client
                listener.on_up(str(self._address))
                async for _ in client.messages:  # they come to `take`: this waits for the end
                    pass
        finally:
            hang_up(client)

    async def _subscribe(self, client: aiomqtt.Client) -> None:
        """Deaf to one topic is broken, so a refusal is not passed over."""
        granted = await client.subscribe([(pattern, 1) for pattern in self._subscriptions])
        heed_cancellation()
        for pattern, code in zip(self._subscriptions, granted, strict=True):
            if isinstance(code, ReasonCode) and code.is_failure:
                raise BrokerRefusedError(
                    broker=str(self._address),
                    problem=f"we may not subscribe to {pattern}",
                    remedy_text="Give the user of MQTT_USERNAME the right to read it.",
                )

    async def publish(self, topic: str, payload: bytes, qos: int, retain: bool) -> None:
        """Returns when the broker has it."""
        client = self._client
        if client is None:
            raise self._down("not connected")
        try:
            async with self._limited():
                await client.publish(topic, payload, qos, retain, timeout=math.inf)
        except aiomqtt.MqttError as error:
            raise self._down(str(error)) from None
        except TimeoutError:
            lost = self._client is not client
            raise self._down(LOST if lost else f"no confirmation within {PUBLISH_WITHIN:g} s") from None

    @contextlib.asynccontextmanager
    async def _limited(self) -> AsyncIterator[None]:
        """Time for a publish; it is over at once when the connection is."""
        async with asyncio.timeout(PUBLISH_WITHIN) as limit:
            self._limits.add(limit)
            try:
                yield
            finally:
                self._limits.discard(limit)

    def _cut_off(self) -> None:
        """The connection is gone: whoever waits for a confirmation waits in vain."""
        self._client = None
        for limit in self._limits:
            if not limit.expired():
                limit.reschedule(asyncio.get_running_loop().time())

    def _down(self, problem: str) -> LinkDownError:
        return LinkDownError(broker=str(self._address), problem=problem)

    def sever(self) -> None:
        """Cut the socket, as the end of the machine does: the broker publishes our will."""
        connection = None if self._client is None else socket_of(self._client)
        if connection is not None:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def acknowledge(self, tokens: Sequence[object]) -> None:
        """In the order the messages came; tokens of an earlier connection are void."""
        if self._acks is not None:
            self._acks.acknowledge(tokens)


async def peek_retained(address: BrokerAddress, topic: str, wait: float = 0.5) -> bytes | None:
    """The retained message of a topic, or None. Used once at the start to see whether somebody is online.

    It is the first word with the broker, so what is configured wrongly shows here: raises `BrokerRefusedError`,
    `BrokerDistrustedError` or, when that could pass by itself, `LinkDownError`.
    """
    found: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def take(message: Delivered) -> None:
        if not found.done():
            found.set_result(message.payload)

    client = new_client(address, f"godkaiser_look_{secrets.token_hex(4)}", take)
    try:
        async with client:
            await client.subscribe(topic, qos=1)
            heed_cancellation()
            async with asyncio.timeout(wait):
                return await found
    except TimeoutError:
        return None
    except aiomqtt.MqttError as error:
        raise (await diagnose(address, error)).error from None
    finally:
        hang_up(client)
