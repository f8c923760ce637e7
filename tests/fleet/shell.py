"""The thirteen nodes and a whole controller over a broker: journal, database, runner, link. Time is virtual.

The network's time is real, so virtual time waits for it: it passes only when everything that was said has been
heard, and whoever is on the way back to the broker is there before it passes on.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from godkaiser.engine.engine import Engine
from godkaiser.io.clock import VirtualClock
from godkaiser.io.local import LocalLink
from godkaiser.io.mqtt import MqttLink
from godkaiser.io.pace import Pacer
from godkaiser.io.sim.farm import Farm
from godkaiser.io.sim.greenhouse import Greenhouse
from godkaiser.io.sim.link import Sink, Wire, matches
from godkaiser.io.sim.plant import Plant
from godkaiser.io.sim.spec import Publish
from godkaiser.io.wire.topic import SUBSCRIPTIONS
from godkaiser.kaiser.controller import Controller, Options
from godkaiser.model.instant import SECOND
from tests.fleet.brokers import Broker
from tests.fleet.nodes import Ledger, watched_nodes
from tests.fleet.site import SITE
from tests.sim.rig import SERVER, START

REAL_SECONDS = 20.0
UNREADABLE = "kaiser/god/esp/ESP_FFFFFF/system/diagnostics"


async def _until(happened: Callable[[], bool]) -> None:
    """Wait, in real time, for what the network brings."""
    async with asyncio.timeout(REAL_SECONDS):
        while not happened():
            await asyncio.sleep(0.001)


def _comes_back(topic: str) -> bool:
    return any(matches(pattern, topic) for pattern in SUBSCRIPTIONS)


class ShellFleet:
    """All of it: a `Fleet` with the controller's own shell. Use `fleet_over`."""

    def __init__(self, data: Path, broker: Broker) -> None:
        self._data, self._broker = data, broker
        self.ledger = Ledger()
        self.nodes = watched_nodes(self.ledger, START)
        self._wires: dict[str, Wire] = {}
        self._outside: dict[str, asyncio.Event] = {}  # who has lost its connection and waits to be let in
        greenhouse = Greenhouse(Plant(1, START), tuple(self.nodes.values()))
        self._farm = Farm(greenhouse, self._connect, lambda: self.now, self._wait_outside)
        self._farm.hold = True
        self._ahead = START  # the nodes' time while the controller's stands still
        self._running = False

    @property
    def now(self) -> int:
        """Of nodes and controller; the nodes' alone when the controller hangs or is gone."""
        return max(self._ahead, self._clock.now())

    @property
    def engine(self) -> Engine:
        return self._controller.engine

    # ── the nodes' side ────────────────────────────────────────────────────────────────────────────────
    def _connect(self, name: str, sink: Sink) -> Wire:
        wire = self._wires[name] = self._broker.connect(name, sink)
        return wire

    async def _wait_outside(self, name: str, seconds: float) -> None:
        """When a node is back is said by what happens here, not by its back-off."""
        door = self._outside[name] = asyncio.Event()
        await door.wait()

    async def _cut(self, name: str) -> None:
        """The node notices, the controller hears its last will."""
        heard = self._runner.received
        self._wires[name].sever()
        await _until(lambda: name in self._outside and self._runner.received > heard)
        self._pacer.recount_heard()
        await self._pacer.exchange()

    async def _let_in(self, name: str) -> None:
        self._outside.pop(name).set()
        await _until(lambda: self._farm.listeners(f"kaiser/god/esp/{name}/config") == 1)
        await self._farm.release(self.now)  # returns when the broker has its first words
        await self._pacer.exchange()

    # ── the controller's side ──────────────────────────────────────────────────────────────────────────
    def _options(self) -> Options:
        return Options(
            self._data,
            SITE,
            clock=self._clock,
            simulated=True,
            check_rival=False,
            journal_within=30.0,  # virtual time does not pass while the disk writes
            linger=self._broker.linger,
            desk=False,
            address=self._broker.address,
            link=self._broker.link,
        )

    async def _start_controller(self) -> None:
        """A process on the data folder."""
        self._clock = VirtualClock(self._ahead)
        self._controller = await Controller.open(self._options())
        self._runner = self._controller.runner
        self._pacer = Pacer(self._clock, self._runner, self._farm, _comes_back)
        self._pacer.recount()
        self._process = contextlib.AsyncExitStack()
        await self._process.enter_async_context(self._controller.running())
        self._running = True
        await self._linked()

    async def _linked(self) -> None:
        async with asyncio.timeout(REAL_SECONDS):
            await self._controller.connected()
            await self._runner.settled()

    async def kill(self) -> None:
        """No ending in order: its tasks stop where they are, and its socket is cut."""
        link = self._controller.link
        assert isinstance(link, LocalLink | MqttLink)
        link.sever()
        for task in self._controller.tasks:
            task.cancel()
        await asyncio.gather(*self._controller.tasks, return_exceptions=True)
        await self._process.aclose()  # nobody is left to make anything safe; files are let go of
        self._running, self._ahead = False, self.now

    # ── what may happen ────────────────────────────────────────────────────────────────────────────────
    async def hang(self, seconds: float) -> None:
        """Its clock stands still, and what arrives waits unread."""
        await self._live_alone(seconds)
        self._clock.advance(self.now)
        self._runner.hold = False  # a broker delivers more only when the last portion is acknowledged
        self._runner.release()  # a process that goes on finds its socket full before it finds its timers due
        await self._pacer.delivered()
        self._runner.hold = True
        await self._pacer.exchange()

    async def restart_controller(self, seconds: float) -> None:
        """The nodes hear its last will before time passes."""
        heard = sum(self._farm.received.values()) + self._farm.listeners(SERVER)
        await self.kill()
        await _until(lambda: sum(self._farm.received.values()) == heard)
        await self._farm.release(self.now)
        await self._live_alone(seconds)
        await self._start_controller()
        await self._hear_what_was_kept()
        await self._pacer.exchange()

    async def _hear_what_was_kept(self) -> None:
        """Unacknowledged before the end, or said since; then what itself has said to it, as it comes back."""
        await self._hear_everything()
        await self._runner.settled()
        await self._hear_everything()
        self._pacer.recount_heard()
        self._runner.hold = True

    async def _hear_everything(self) -> None:
        """What nobody can read is counted, and comes after all that the broker has had before."""
        counters = self.engine.state.counters
        unreadable = counters["malformed"]
        wire = self._broker.connect("last", lambda *message: None)
        await wire.open(Publish("last/will", b"", 0), ())
        await wire.publish(Publish(UNREADABLE, b"{", 1))
        await _until(lambda: counters["malformed"] > unreadable)
        await wire.close()

    async def restart_broker(self, seconds: float) -> None:
        """Everybody notices at once; the controller is the first to be back."""
        await self._runner.drained()
        await self._broker.stop()
        await _until(lambda: len(self._outside) == len(self.nodes) and not self.engine.state.link.up)
        self._pacer.recount()
        await self.live(seconds)
        self._runner.hold = False
        await self._broker.start()
        await self._linked()
        await self._hear_what_was_kept()  # what it had on disk it says once more
        for name in self.nodes:
            await self.live(5 / len(self.nodes))
            await self._let_in(name)

    async def flap(self, name: str, away: float, back: float) -> None:
        """Its socket is cut."""
        await self._cut(name)
        await self.live(away)
        await self._let_in(name)
        await self.live(back)

    async def reboot(self, name: str) -> None:
        """Nobody closes the socket of a node without power."""
        self.nodes[name].reboot(self.now, "BROWNOUT")
        await self._cut(name)
        await self.live(4)
        await self._let_in(name)

    # ── time ───────────────────────────────────────────────────────────────────────────────────────────
    async def live(self, seconds: float) -> None:
        """Nodes and controller in step."""
        await self._pacer.run_until(self.now + round(seconds * SECOND))

    async def _live_alone(self, seconds: float) -> None:
        """The nodes without the controller."""
        until = self.now + round(seconds * SECOND)
        while (due := self._farm.next_wakeup) <= until:
            self._ahead = max(self.now, due)
            await self._farm.tick(self._ahead)
            await self._farm.release(self._ahead)
        self._ahead = until

    async def begin(self) -> None:
        """Controller first, then the nodes."""
        await self._start_controller()
        self._runner.hold = True
        await self._pacer.start(hold=True)

    async def end(self) -> None:
        """Let go of everything."""
        if self._running:
            await self.kill()
        await self._farm.stop()


@contextlib.asynccontextmanager
async def fleet_over(broker: Broker, data: Path) -> AsyncIterator[ShellFleet]:
    """A fleet whose messages a running broker carries."""
    fleet = ShellFleet(data, broker)
    try:
        await fleet.begin()
        yield fleet
    finally:
        await fleet.end()
