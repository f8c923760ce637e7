"""A link without a network: the controller as a client of the in-process broker of the simulation."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from godkaiser.errors import LinkDownError
from godkaiser.io.sim.link import InProcessBroker, Sink
from godkaiser.io.sim.spec import Publish
from godkaiser.ports import LinkListener, RawMessage


class LocalLink:
    """Same port as `MqttLink`. The in-process broker forgets nothing, so acknowledgements mean nothing."""

    window = 200

    def __init__(
        self, broker: InProcessBroker, name: str, subscriptions: Sequence[str], will: Publish
    ) -> None:
        self._broker, self._name, self._subscriptions, self._will = broker, name, subscriptions, will
        self._up = False

    async def run(self, listener: LinkListener) -> None:
        """Attach, and again when the broker is back."""
        while True:
            lost = asyncio.Event()
            try:
                self._broker.attach(self._name, _sink(listener), lost.set, self._will)
            except ConnectionError as error:
                listener.on_down("in-process", str(error), 1.0)
                await asyncio.sleep(1.0)
                continue
            for pattern in self._subscriptions:
                self._broker.subscribe(self._name, pattern)
            self._up = True
            listener.on_up("in-process")
            await lost.wait()
            self._up = False
            listener.on_down("in-process", "the broker is gone", 1.0)

    async def publish(self, topic: str, payload: bytes, qos: int, retain: bool) -> None:
        """At once."""
        if not self._up:
            raise LinkDownError(broker="in-process", problem="not connected")
        self._broker.publish(Publish(topic, payload, qos, retain))

    def sever(self) -> None:
        """Break off without a word: the will is sent."""
        self._broker.drop(self._name)

    def acknowledge(self, tokens: Sequence[object]) -> None:
        """Nothing to forget."""


def _sink(listener: LinkListener) -> Sink:
    def take(topic: str, payload: bytes, retained: bool) -> None:
        listener.on_message(RawMessage(topic, payload, retained, None))

    return take
