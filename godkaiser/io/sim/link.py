"""What carries a node's messages: the port, and a broker that lives in the same process."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol

from .spec import Publish

Sink = Callable[[str, bytes, bool], None]
"""Called with topic, payload and the retain flag of each delivered message."""


class Wire(Protocol):
    """One client's connection. Every method may raise ``ConnectionError`` when the broker is not there."""

    async def open(self, will: Publish, topics: Iterable[tuple[str, int]]) -> None:
        """Connect with a last will and subscribe; returns when every subscription is confirmed."""
        ...

    async def publish(self, message: Publish) -> None:
        """Returns when the broker has the message."""
        ...

    async def lost(self) -> None:
        """Returns when the connection is gone."""
        ...

    async def close(self) -> None:
        """Leave in order: the will is not sent."""
        ...

    def sever(self) -> None:
        """Break the connection without a word: the will is sent."""
        ...


Connect = Callable[[str, Sink], Wire]
"""Makes the wire of a client id."""


@dataclass
class _Client:
    sink: Sink
    will: Publish | None
    dropped: Callable[[], None]
    filters: list[str] = field(default_factory=list)


class InProcessBroker:
    """An MQTT broker reduced to its essence: filters, retained messages, wills, one order of delivery."""

    def __init__(self) -> None:
        self.up = True
        self._clients: dict[str, _Client] = {}
        self._retained: dict[str, Publish] = {}
        self._queue: deque[Publish] = deque()
        self._delivering = False

    def attach(self, name: str, sink: Sink, dropped: Callable[[], None], will: Publish | None = None) -> None:
        """A client connects; one of the same name is thrown out, as MQTT demands."""
        if not self.up:
            raise ConnectionRefusedError("the in-process broker is down")
        self.drop(name)
        self._clients[name] = _Client(sink, will, dropped)

    def subscribe(self, name: str, pattern: str) -> None:
        """Add a topic filter; retained messages that match are delivered at once."""
        client = self._clients[name]
        client.filters.append(pattern)
        for message in list(self._retained.values()):
            if matches(pattern, message.topic):
                client.sink(message.topic, message.payload, True)

    def publish(self, message: Publish) -> None:
        """Deliver to everybody, after what is being delivered already."""
        if message.retain:
            self._keep(message)
        self._queue.append(message)
        if not self._delivering:
            self._deliver()

    def _keep(self, message: Publish) -> None:
        self._retained.pop(message.topic, None)
        if message.payload:
            self._retained[message.topic] = message

    def _deliver(self) -> None:
        self._delivering = True
        try:
            while self._queue:
                message = self._queue.popleft()
                for client in list(self._clients.values()):
                    if any(matches(pattern, message.topic) for pattern in client.filters):
                        client.sink(message.topic, message.payload, False)
        finally:
            self._delivering = False

    def detach(self, name: str) -> None:
        """A client leaves in order."""
        self._clients.pop(name, None)

    def drop(self, name: str) -> None:
        """A client's connection breaks: its will is published."""
        client = self._clients.pop(name, None)
        if client is None:
            return
        client.dropped()
        if client.will is not None:
            self.publish(client.will)

    def stop(self) -> None:
        """The broker dies: nobody hears anything any more, retained messages survive."""
        self.up = False
        clients, self._clients = self._clients, {}
        for client in clients.values():
            client.dropped()

    def start(self) -> None:
        """The broker is back."""
        self.up = True


class InProcessWire:
    """A client of :class:`InProcessBroker`."""

    def __init__(self, broker: InProcessBroker, name: str, sink: Sink) -> None:
        self._broker = broker
        self._name = name
        self._sink = sink
        self._gone = asyncio.Event()

    async def open(self, will: Publish, topics: Iterable[tuple[str, int]]) -> None:
        """Connect and subscribe."""
        self._broker.attach(self._name, self._sink, self._gone.set, will)
        for pattern, _ in topics:
            self._broker.subscribe(self._name, pattern)

    async def publish(self, message: Publish) -> None:
        """Hand over to the broker."""
        if self._gone.is_set():
            raise ConnectionResetError("the in-process broker is gone")
        self._broker.publish(message)

    async def lost(self) -> None:
        """Wait for the end."""
        await self._gone.wait()

    async def close(self) -> None:
        """Leave in order."""
        if not self._gone.is_set():
            self._gone.set()
            self._broker.detach(self._name)

    def sever(self) -> None:
        """Break off: the broker notices at once."""
        if not self._gone.is_set():
            self._broker.drop(self._name)


def in_process(broker: InProcessBroker) -> Connect:
    """Wires to a broker in this process."""
    return lambda name, sink: InProcessWire(broker, name, sink)


def matches(pattern: str, topic: str) -> bool:
    """Whether an MQTT topic filter with ``+`` and ``#`` covers a topic."""
    wanted, levels = pattern.split("/"), topic.split("/")
    if wanted[0] in ("+", "#") and topic.startswith("$"):
        return False
    for place, want in enumerate(wanted):
        if want == "#":
            return True
        if place >= len(levels) or want not in ("+", levels[place]):
            return False
    return len(wanted) == len(levels)
