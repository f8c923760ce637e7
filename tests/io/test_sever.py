"""A connection of ours that breaks without a word, over each link: the broker says our will, and we come back."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from godkaiser.io.local import LocalLink
from godkaiser.io.mqtt import BrokerAddress, MqttLink
from godkaiser.io.sim.link import Connect, InProcessBroker, in_process
from godkaiser.io.sim.mqtt_wire import over_mqtt
from godkaiser.io.sim.spec import Publish
from tests.io.rig import WILL, Listener, until
from tests.services import Mosquitto


@dataclass
class Place:
    """A link, and how somebody else connects to the same broker."""

    link: LocalLink | MqttLink
    connect: Connect
    heard: list[tuple[str, bytes]] = field(default_factory=list)


@pytest.fixture(params=["in-process", "mosquitto"])
def place(request: pytest.FixtureRequest) -> Place:
    if request.param == "in-process":
        broker, will = InProcessBroker(), Publish(WILL.topic, WILL.payload, WILL.qos, WILL.retain)
        return Place(LocalLink(broker, "test", ["k/#"], will), in_process(broker))
    real: Mosquitto = request.getfixturevalue("mosquitto")
    address = BrokerAddress(port=real.port)
    return Place(MqttLink(address, "test", ["k/#"], lambda: WILL), over_mqtt(real.host, real.port))


@contextlib.asynccontextmanager
async def witness(place: Place) -> AsyncIterator[None]:
    wire = place.connect("witness", lambda topic, payload, retained: place.heard.append((topic, payload)))
    await wire.open(Publish("w", b"", 0), [(WILL.topic, 1)])
    try:
        yield
    finally:
        await wire.close()


async def test_the_will_is_said_and_the_link_comes_back(place: Place) -> None:
    listener = Listener()
    async with witness(place):
        task = asyncio.create_task(place.link.run(listener))
        try:
            await until(lambda: listener.ups)
            assert place.heard == []
            place.link.sever()
            await until(lambda: place.heard and listener.downs)
            assert place.heard == [(WILL.topic, WILL.payload)]
            await until(lambda: len(listener.ups) == 2)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def test_who_is_not_connected_has_nothing_to_break(place: Place) -> None:
    async with witness(place):
        place.link.sever()
    assert place.heard == []
