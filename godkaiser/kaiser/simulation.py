"""The simulated greenhouse: physics, nodes, a broker (real or in this process), a controller, one virtual clock."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from godkaiser.engine.effect import Decision, Record
from godkaiser.io.broker import WINDOW, PrivateBroker
from godkaiser.io.clock import VirtualClock
from godkaiser.io.depot import LINGER
from godkaiser.io.local import LocalLink
from godkaiser.io.mqtt import BrokerAddress
from godkaiser.io.pace import Pacer
from godkaiser.io.sim.farm import Farm
from godkaiser.io.sim.greenhouse import Greenhouse, build
from godkaiser.io.sim.link import InProcessBroker, in_process, matches
from godkaiser.io.sim.mqtt_wire import over_mqtt
from godkaiser.io.wire.topic import SUBSCRIPTIONS
from godkaiser.kaiser.controller import Controller, Options
from godkaiser.kaiser.site import demo_site
from godkaiser.model import event as ev
from godkaiser.model.instant import Instant, parse_instant

PATIENCE: Final = 10.0  # simulated time does not pass while the disk writes
SIMULATION_START: Final = "2026-05-01T00:00:00Z"


@dataclass(slots=True)
class Simulation:
    """A greenhouse, a broker (real or in this process), a controller and the pacer between them."""

    greenhouse: Greenhouse
    clock: VirtualClock
    controller: Controller
    farm: Farm
    pacer: Pacer
    decisions: list[Decision]
    broker: str

    async def finish(self) -> None:
        """End in lock-step: safe values out, answers in, everything on disk."""
        self.controller.runner.post(ev.Closing(self.clock.now()))
        await self.pacer.exchange()
        await self.controller.runner.drained()


@contextlib.asynccontextmanager
async def simulation(  # noqa: PLR0913 - what a demo may be made of
    data: Path,
    seed: int,
    *,
    start: Instant | None = None,
    speed: float = 1.0,
    broker: PrivateBroker | None = None,
    lock_step: bool = False,
    desk: bool = True,
    record_most: int = 0,
) -> AsyncIterator[Simulation]:
    """The demo: `broker` is a running private broker, or None for one in this process.

    `desk`: whether other programs may find it by its local socket. `record_most`: bytes of recordings kept.
    """
    clock = VirtualClock(start if start is not None else parse_instant(SIMULATION_START, 0))
    decisions: list[Decision] = []

    def on_record(record: Record) -> None:
        if lock_step and isinstance(record, Decision):
            decisions.append(record)

    local = InProcessBroker()
    options = Options(
        data,
        demo_site(),
        clock=clock,
        speed=speed,
        simulated=True,
        check_rival=False,
        # rumqttd delivers the next message 40 ms late while one is not acknowledged.
        linger=0.0 if broker is not None and broker.kind != "mosquitto" else LINGER,
        desk=desk,
        on_record=on_record,
        journal_within=PATIENCE,
        record_most=record_most,
        address=BrokerAddress(port=broker.port if broker else 0, window=WINDOW),
        link=None if broker else lambda will: LocalLink(local, "godkaiser", SUBSCRIPTIONS, will),
    )
    controller = await Controller.open(options)
    connect = over_mqtt("127.0.0.1", broker.port) if broker else in_process(local)
    greenhouse = build(seed, clock.now())
    farm = Farm(greenhouse, connect, clock.now)
    pacer = Pacer(
        clock, controller.runner, farm, lambda t: any(matches(pattern, t) for pattern in SUBSCRIPTIONS)
    )
    async with controller.running():
        async with asyncio.timeout(15):
            await controller.connected()
        await controller.runner.settled()
        await pacer.start(hold=lock_step)
        try:
            yield Simulation(
                greenhouse, clock, controller, farm, pacer, decisions, broker.kind if broker else "in-process"
            )
        finally:
            await farm.stop()


def temporary_folder() -> tempfile.TemporaryDirectory[str]:
    """For a demo that leaves nothing behind."""
    return tempfile.TemporaryDirectory(prefix="godkaiser-demo-")
