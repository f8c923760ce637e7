"""What tests of the link share: a listener that remembers, a link for a while, and brokers that misbehave."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiomqtt

from godkaiser.io.mqtt import BrokerAddress, MqttLink
from godkaiser.io.wire.encode import Outgoing
from godkaiser.ports import RawMessage

WILL = Outgoing("kaiser/god/server/status", b'{"status":"offline"}', 1, True)


@dataclass
class Listener:
    """Remembers what the link told."""

    messages: list[RawMessage] = field(default_factory=list)
    ups: list[str] = field(default_factory=list)
    downs: list[str] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)

    def on_message(self, message: RawMessage) -> None:
        self.messages.append(message)

    def on_up(self, broker: str) -> None:
        self.ups.append(broker)

    def on_down(self, broker: str, why: str, next_try: float) -> None:
        assert 0 < next_try <= 60
        self.downs.append(why)
        self.waits.append(next_try)

    @property
    def heard(self) -> list[str]:
        """The payloads, in the order they came."""
        return [message.payload.decode() for message in self.messages]

    @property
    def tokens(self) -> list[object]:
        """Of the messages that want an acknowledgement."""
        return [message.token for message in self.messages if message.token is not None]


async def until(check: Callable[[], object], within: float = 10.0) -> None:
    """Wait for something to be so; fails after `within` seconds."""
    async with asyncio.timeout(within):
        while not check():
            await asyncio.sleep(0.01)


@asynccontextmanager
async def trying(
    address: BrokerAddress, listener: Listener, name: str = "test", topics: Sequence[str] = ("k/#",)
) -> AsyncIterator[MqttLink]:
    """A link at work, connected or not."""
    link = MqttLink(address, name, topics, lambda: WILL)
    task = asyncio.create_task(link.run(listener))
    try:
        yield link
    finally:
        task.cancel()
        ended = (await asyncio.gather(task, return_exceptions=True))[0]
    assert isinstance(ended, asyncio.CancelledError), ended


@asynccontextmanager
async def linked(address: BrokerAddress, listener: Listener, name: str = "test") -> AsyncIterator[MqttLink]:
    """A link that is up."""
    async with trying(address, listener, name) as link:
        await until(lambda: listener.ups)
        yield link


async def say(port: int, *payloads: str, qos: int = 1) -> None:
    """Publish from outside, one after the other."""
    async with aiomqtt.Client("127.0.0.1", port) as client:
        for payload in payloads:
            await client.publish("k/x", payload, qos=qos)


CONNECT, PUBLISH, PUBACK, SUBSCRIBE, DISCONNECT = 0x10, 0x30, 0x40, 0x80, 0xE0
WELCOME = b"\x20\x02\x00\x00"


Answer = Callable[[bytes], bytes | None]  # None: hang up


def _silence(_: bytes) -> bytes:
    return b""


@dataclass
class Stub:
    """A broker that answers as told: by kind of packet a function of the packet."""

    answers: dict[int, Answer]
    heard: list[bytes] = field(default_factory=list)
    writers: list[asyncio.StreamWriter] = field(default_factory=list)
    left: int = 0
    port: int = 0

    def of(self, kind: int) -> list[bytes]:
        """The packets of a kind."""
        return [packet for packet in self.heard if packet[0] & 0xF0 == kind]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while await self._answer(reader, writer):
                pass
        self.left += 1
        writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Packets of less than 128 bytes are enough here."""
        head = await reader.readexactly(2)
        packet = head + await reader.readexactly(head[1])
        self.heard.append(packet)
        answer = self.answers.get(packet[0] & 0xF0, _silence)(packet)
        writer.write(answer or b"")
        return answer is not None


def at(broker: Stub) -> BrokerAddress:
    """Where a stub is."""
    return BrokerAddress(port=broker.port)


def welcome(_: bytes) -> bytes:
    """CONNACK: come in."""
    return WELCOME


def hang_up(_: bytes) -> None:
    """Close without a word."""


def granted(packet: bytes) -> bytes:
    """SUBACK for one topic, QoS 1."""
    return b"\x90\x03" + packet[2:4] + b"\x01"


@asynccontextmanager
async def stub(**answers: Answer) -> AsyncIterator[Stub]:
    """A stub at work: `connect`, `subscribe` and `publish` are its answers; it says nothing to what is not named."""
    kinds = {"connect": CONNECT, "subscribe": SUBSCRIBE, "publish": PUBLISH}
    made = Stub({kinds[name]: answer for name, answer in answers.items()})
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
        for writer in made.writers:
            writer.transport.abort()
        await until(lambda: made.left == len(made.writers))
