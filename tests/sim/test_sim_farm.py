"""The same farm over a real broker and over one in this process."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from godkaiser.io.sim.farm import BACK_OFF_FIRST, Farm
from godkaiser.io.sim.fault import Faults, Span
from godkaiser.io.sim.faulty import FaultyNode
from godkaiser.io.sim.greenhouse import CLIMATE as GREENHOUSE_CLIMATE
from godkaiser.io.sim.greenhouse import IRRIGATION as GREENHOUSE_IRRIGATION
from godkaiser.io.sim.greenhouse import Greenhouse, build
from godkaiser.io.sim.link import Connect, InProcessBroker, Wire, in_process
from godkaiser.io.sim.mqtt_wire import over_mqtt
from godkaiser.io.sim.node import Publish, VirtualNode
from godkaiser.io.sim.plant import Plant
from godkaiser.io.sim.spec import SECOND
from tests.services import Mosquitto, free_port
from tests.sim.rig import SERVER, START

CLIMATE, IRRIGATION, FLOWERING = "ESP_A1B2C3", "ESP_D4E5F6", "ESP_0A1B2C"
FAN = f"kaiser/god/esp/{CLIMATE}/actuator/25/command"


@dataclass
class Broker:
    """Where the farm connects, and how to take it away."""

    connect: Connect
    stop: Callable[[], None]
    start: Callable[[], None]


@pytest.fixture(params=["in_process", "mosquitto"])
def broker(request: pytest.FixtureRequest) -> Broker:
    if request.param == "in_process":
        inner = InProcessBroker()
        return Broker(in_process(inner), inner.stop, inner.start)
    real: Mosquitto = request.getfixturevalue("mosquitto")
    return Broker(over_mqtt(real.host, real.port), real.kill, real.start)


@dataclass
class Server:
    """A controller that does nothing but listen and acknowledge."""

    connect: Connect
    heard: list[tuple[str, bytes, bool]] = field(default_factory=list)
    acks: int = 0
    wire: Wire | None = None

    async def open(self) -> None:
        self.wire = self.connect("server", self.hear)
        will = Publish(SERVER, b'{"status":"offline"}', 1, retain=True)
        await self.wire.open(will, [("kaiser/+/esp/+/#", 1)])

    def hear(self, topic: str, payload: bytes, retained: bool) -> None:
        if not topic.endswith(("/ack", "/command")):  # its own words come back by the wildcard
            self.heard.append((topic, payload, retained))

    async def send(self, topic: str, payload: str, qos: int = 1, retain: bool = False) -> None:
        assert self.wire is not None
        await self.wire.publish(Publish(topic, payload.encode(), qos, retain))

    def suffixes(self) -> set[str]:
        return {topic.split("/", 4)[4] for topic, _, _ in self.heard}

    async def answer(self) -> None:
        """Acknowledge every heartbeat not yet acknowledged."""
        beats = [topic for topic, _, _ in self.heard if topic.endswith("system/heartbeat")]
        for topic in beats[self.acks :]:
            await self.send(topic + "/ack", '{"status":"online","handover_epoch":1}')
        self.acks = len(beats)


@dataclass
class Stage:
    farm: Farm
    server: Server
    now: int = START

    async def until(self, happened: Callable[[], bool]) -> None:
        async with asyncio.timeout(60):
            while not happened():
                await asyncio.sleep(0.01)

    async def quiet(self) -> None:
        """Everything published has reached the server, and its answers the nodes."""
        await self.until(lambda: len(self.server.heard) >= self.farm.published)
        before = sum(self.farm.received.values())
        pending = self.server.acks
        await self.server.answer()
        await self.until(lambda: sum(self.farm.received.values()) >= before + self.server.acks - pending)

    async def step(self) -> None:
        """One lock-step round: the nodes speak, the server answers, the nodes take it."""
        self.now = self.farm.next_wakeup
        await self.farm.tick(self.now)
        await self.quiet()
        await self.farm.release(self.now)


@asynccontextmanager
async def stage(broker: Broker, hold: bool = True, seed: int = 7) -> AsyncIterator[Stage]:
    greenhouse = build(seed, START)
    server = Server(broker.connect)
    scene = Stage(Farm(greenhouse, broker.connect, lambda: scene.now), server)
    scene.farm.hold = hold
    await server.open()
    await server.send(SERVER, '{"status":"online","timestamp":1}', retain=True)
    await scene.farm.start()
    try:
        yield scene
    finally:
        await scene.farm.stop()
        if server.wire is not None:
            await server.wire.close()


async def test_start_announces_every_node(broker: Broker) -> None:
    async with stage(broker) as scene:
        await scene.quiet()
        announced = [topic for topic, _, _ in scene.server.heard if topic.endswith("session/announce")]
        assert sorted(announced) == [
            f"kaiser/god/esp/{n}/session/announce" for n in (FLOWERING, CLIMATE, IRRIGATION)
        ]
        assert scene.farm.received == {CLIMATE: 1, IRRIGATION: 1, FLOWERING: 1}  # retained ones do not count
        assert scene.farm.connected


async def test_held_messages_wait_for_their_release(broker: Broker) -> None:
    async with stage(broker) as scene:
        await scene.quiet()
        assert "actuator/25/status" not in scene.server.suffixes()
        await scene.farm.release(scene.now)
        await scene.quiet()
        assert {"actuator/25/status", "actuator/14/status", "actuator/16/status"} <= scene.server.suffixes()


async def test_released_in_an_order_the_network_cannot_change(broker: Broker) -> None:
    async with stage(broker) as scene:
        await scene.quiet()
        await scene.farm.release(scene.now)
        sent = [
            (FAN.replace("/25/", "/27/"), "ON"),
            (f"kaiser/god/esp/{FLOWERING}/actuator/16/command", "ON"),
            (FAN, "ON"),
            (FAN, "OFF"),
        ]
        for topic, word in sent:
            await scene.server.send(topic, f'{{"command":"{word}"}}', qos=2)
        await scene.until(lambda: sum(scene.farm.received.values()) == 3 + len(sent))
        mark = len(scene.server.heard)
        assert scene.farm.greenhouse.all_safe()
        await scene.farm.release(scene.now)
        await scene.quiet()
        said = [
            (t, json.loads(p)["command"]) for t, p, _ in scene.server.heard[mark:] if t.endswith("/response")
        ]
        climate = [(t.split("/")[5], word) for t, word in said if CLIMATE in t]
        assert climate == [("25", "ON"), ("25", "OFF"), ("27", "ON")]
        assert scene.farm.greenhouse.states() == {
            f"{CLIMATE}/25": 0.0, f"{CLIMATE}/26": 0.0, f"{CLIMATE}/27": 1.0,
            f"{IRRIGATION}/14": 0.0, f"{FLOWERING}/16": 1.0,
        }  # fmt: skip


async def test_without_hold_a_command_acts_at_once(broker: Broker) -> None:
    async with stage(broker, hold=False) as scene:
        await scene.quiet()
        await scene.server.send(FAN, '{"command":"PWM","value":0.8}', qos=2)
        await scene.until(lambda: scene.farm.greenhouse.states()[f"{CLIMATE}/25"] == 0.8)
        await scene.until(lambda: "actuator/25/response" in scene.server.suffixes())


async def speech(broker: Broker, seed: int) -> dict[str, list[bytes]]:
    """What each topic carried in the first half hour."""
    async with stage(broker, seed=seed) as scene:
        await scene.quiet()
        await scene.farm.release(scene.now)
        while scene.now < START + 1800 * SECOND:
            await scene.step()
        heard: dict[str, list[bytes]] = {}
        for topic, payload, _ in scene.server.heard:
            heard.setdefault(topic, []).append(payload)
        return heard


async def test_the_seed_decides_every_byte_over_any_wire(broker: Broker) -> None:
    reference = await speech(Broker(in_process(InProcessBroker()), lambda: None, lambda: None), 7)
    assert len(reference[f"kaiser/god/esp/{CLIMATE}/sensor/4/data"]) == 60
    assert await speech(broker, 7) == reference
    assert await speech(broker, 8) != reference


async def test_a_lost_broker_means_defaults_and_a_new_session(broker: Broker) -> None:
    async with stage(broker, hold=False) as scene:
        await scene.quiet()
        await scene.server.send(FAN, '{"command":"ON"}')
        await scene.until(lambda: not scene.farm.greenhouse.all_safe())
        await asyncio.to_thread(broker.stop)
        await scene.until(lambda: not scene.farm.connected and scene.farm.greenhouse.all_safe())
        await scene.farm.tick(scene.now + 60 * SECOND)  # nobody listens, nothing hangs
        await asyncio.to_thread(broker.start)
        scene.server.heard.clear()
        scene.server.acks = 0
        await scene.server.open()
        await scene.until(lambda: scene.farm.connected)
        await scene.until(lambda: len([t for t, _, _ in scene.server.heard if t.endswith("announce")]) == 3)


async def test_leaving_in_order_sends_no_will(broker: Broker) -> None:
    async with stage(broker) as scene:
        await scene.quiet()
        await scene.farm.stop()
        assert not scene.farm.connected
        await scene.server.send("kaiser/god/esp/ESP_FFFFFF/last", "{}")
        await scene.until(lambda: "last" in scene.server.suffixes())
        assert "system/will" not in scene.server.suffixes()


@pytest.mark.parametrize("kind", ["in_process", "mqtt"])
async def test_no_broker_is_said_at_start(kind: str) -> None:
    absent = InProcessBroker()
    absent.stop()
    connect = in_process(absent) if kind == "in_process" else over_mqtt("127.0.0.1", free_port())
    farm = Farm(build(1, START), connect, lambda: START)
    with pytest.raises(ConnectionError):
        await farm.start()
    await farm.stop()


async def test_a_node_that_boots_drops_its_connection_and_comes_back(broker: Broker) -> None:
    """The broker publishes its will; the others notice nothing."""
    plant = Plant(7, START)
    faults = Faults(reboots=((START + 10 * SECOND, "BROWNOUT"),))
    shaky = FaultyNode(GREENHOUSE_CLIMATE, plant, faults, seed=7, boot=START)
    calm = VirtualNode(GREENHOUSE_IRRIGATION, plant, seed=7, boot=START)
    server = Server(broker.connect)
    scene = Stage(Farm(Greenhouse(plant, (shaky, calm)), broker.connect, lambda: scene.now), server)
    await server.open()
    await scene.farm.start()
    try:
        scene.now = START + 10 * SECOND
        await scene.farm.tick(scene.now)
        await scene.until(lambda: scene.farm.connected and shaky.linked)
        await scene.until(lambda: "system/will" in server.suffixes())
        await scene.until(lambda: any(b"-b2-r9" in payload for _, payload, _ in server.heard))
        wills = {topic for topic, _, _ in server.heard if topic.endswith("/will")}
        assert wills == {f"kaiser/god/esp/{CLIMATE}/system/will"}
        assert calm.linked
    finally:
        await scene.farm.stop()
        assert server.wire is not None
        await server.wire.close()


async def test_a_node_stays_away_as_long_as_its_link_is_cut() -> None:
    broker, plant = InProcessBroker(), Plant(7, START)
    faults = Faults(cuts=(Span(START + SECOND, START + 60 * SECOND),))
    node = FaultyNode(GREENHOUSE_CLIMATE, plant, faults, seed=7, boot=START)
    scene = Stage(
        Farm(Greenhouse(plant, (node,)), in_process(broker), lambda: scene.now), Server(in_process(broker))
    )
    await scene.farm.start()
    scene.now = START + SECOND
    await scene.farm.tick(scene.now)
    await scene.until(lambda: not scene.farm.connected)
    await asyncio.sleep(BACK_OFF_FIRST + 0.2)
    assert not scene.farm.connected
    scene.now = START + 60 * SECOND
    await scene.farm.tick(scene.now)
    await scene.until(lambda: scene.farm.connected and node.linked)
    await scene.farm.stop()


async def test_who_drives_may_say_how_long_a_node_waits(broker: Broker) -> None:
    """Its waits grow to twelve seconds; meanwhile nobody hears what is said to it."""
    asked: list[tuple[str, float]] = []
    again = asyncio.Semaphore(0)

    async def pause(node: str, seconds: float) -> None:
        asked.append((node, seconds))
        await again.acquire()

    plant = Plant(7, START)
    node = VirtualNode(GREENHOUSE_CLIMATE, plant, seed=7, boot=START)
    scene = Stage(
        Farm(Greenhouse(plant, (node,)), broker.connect, lambda: START, pause), Server(broker.connect)
    )
    await scene.farm.start()
    assert scene.farm.listeners(FAN) == 1
    assert scene.farm.listeners(FAN.replace(CLIMATE, FLOWERING)) == 0
    broker.stop()
    await scene.until(lambda: len(asked) == 1)
    assert scene.farm.listeners(FAN) == 0
    for _ in range(5):
        again.release()
    await scene.until(lambda: len(asked) == 6)
    broker.start()
    again.release()
    await scene.until(lambda: scene.farm.connected)
    assert asked == [(CLIMATE, seconds) for seconds in (1.0, 2.0, 4.0, 8.0, 12.0, 12.0)]
    assert scene.farm.listeners(FAN) == 1
    await scene.farm.stop()


async def test_a_fault_in_a_wire_is_not_swallowed() -> None:
    class Faulty:
        async def open(self, will: Publish, topics: object) -> None: ...

        async def publish(self, message: Publish) -> None:
            raise ZeroDivisionError

        async def lost(self) -> None:
            await asyncio.Event().wait()

        async def close(self) -> None: ...

        def sever(self) -> None: ...

    farm = Farm(build(1, START), lambda *_: Faulty(), lambda: START)
    with pytest.raises(ZeroDivisionError):
        await farm.start()
    with pytest.raises(ZeroDivisionError):
        await farm.stop()
