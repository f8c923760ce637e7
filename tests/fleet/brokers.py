"""What may carry a fleet's messages: a broker in this process, the embedded one, Mosquitto. Each can go and come."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from godkaiser.io.broker import WINDOW, PrivateBroker
from godkaiser.io.depot import LINGER
from godkaiser.io.local import LocalLink
from godkaiser.io.mqtt import BrokerAddress
from godkaiser.io.sim.link import Connect, InProcessBroker, in_process
from godkaiser.io.sim.mqtt_wire import over_mqtt
from godkaiser.io.sim.spec import Publish
from godkaiser.io.wire.topic import SUBSCRIPTIONS
from godkaiser.ports import Link
from tests.services import Mosquitto


class Broker(Protocol):
    """`linger`: seconds the controller may wait before it stores and acknowledges."""

    linger: float
    address: BrokerAddress

    @property
    def connect(self) -> Connect:
        """For nodes."""
        ...

    @property
    def link(self) -> Callable[[Publish], Link] | None:
        """For the controller; None: by the address."""
        ...

    async def start(self) -> None:
        """Returns when it lets clients in."""

    async def stop(self) -> None:
        """At once, without a word to anybody."""


class InProcess:
    """No network at all."""

    linger, address = LINGER, BrokerAddress(port=0)

    def __init__(self) -> None:
        self._broker = InProcessBroker()

    @property
    def connect(self) -> Connect:
        return in_process(self._broker)

    @property
    def link(self) -> Callable[[Publish], Link]:
        return lambda will: LocalLink(self._broker, "godkaiser", SUBSCRIPTIONS, will)

    async def start(self) -> None:
        self._broker.start()

    async def stop(self) -> None:
        self._broker.stop()


class _OverMqtt:
    linger, link = LINGER, None

    def __init__(self, port: int) -> None:
        self.address = BrokerAddress(port=port, window=WINDOW)

    @property
    def connect(self) -> Connect:
        return over_mqtt("127.0.0.1", self.address.port)


class Embedded(_OverMqtt):
    """The broker that comes with us, as a process of its own. What it knows it has in memory only."""

    linger = 0.0  # it delivers the next message 40 ms late while one is not acknowledged

    def __init__(self, broker: PrivateBroker) -> None:
        super().__init__(broker.port)
        self._broker = broker

    async def start(self) -> None:
        await self._broker.start()

    async def stop(self) -> None:
        await self._broker.stop()


class Real(_OverMqtt):
    """Mosquitto, which loses its power and comes back with what it had written to disk."""

    def __init__(self, broker: Mosquitto) -> None:
        super().__init__(broker.port)
        self._broker = broker

    async def start(self) -> None:
        await asyncio.to_thread(self._broker.start)

    async def stop(self) -> None:
        await asyncio.to_thread(self._broker.kill)
