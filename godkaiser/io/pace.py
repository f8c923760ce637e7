"""Who moves the virtual clock: in lock-step (a seed decides everything) or at a pace (for people to watch).

Real MQTT lies between the greenhouse and the controller and has no order across connections. In lock-step both
sides therefore hold what arrives until everything that was said has been delivered, and take it in an order that
does not depend on the network: by node, topic, arrival per topic.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Final

from godkaiser.errors import LinkDownError
from godkaiser.io.clock import VirtualClock
from godkaiser.io.runner import Runner
from godkaiser.io.sim.farm import Farm
from godkaiser.model.instant import SECOND, Instant

DELIVERED_WITHIN: Final = 10.0
PACED_WITHIN: Final = 10.0
BEAT: Final = 0.1
MOST_BEHIND: Final = 2.0


class Pacer:
    """Steps a farm and a controller that share a virtual clock."""

    def __init__(self, clock: VirtualClock, runner: Runner, farm: Farm, heard: Callable[[str], bool]) -> None:
        """`heard(topic)`: does the controller get its own message on that topic back?"""
        self._clock, self._runner, self._farm, self._heard = clock, runner, farm, heard
        self._for_nodes = 0
        self._echoes = 0
        runner.on_published = self._published

    def _published(self, topic: str) -> None:
        self._echoes += self._heard(topic)
        self._for_nodes += self._farm.listeners(topic)

    # ── lock-step ──────────────────────────────────────────────────────────────────────────────────────
    async def start(self, *, hold: bool) -> None:
        """Connect the nodes; the controller is connected already."""
        self._farm.hold = self._runner.hold = hold
        await self._runner.settled()
        self.recount()  # what was said before the nodes were there does not count
        await self._farm.start()
        await self.exchange()

    async def run_until(
        self,
        until: Instant,
        progress: Callable[[Instant], None] = lambda now: None,
        *,
        speed: float | None = None,
        stop: asyncio.Event | None = None,
    ) -> None:
        """Step by step until `until` or `stop`: as fast as possible, or at most `speed` times real time."""
        loop = asyncio.get_running_loop()
        real, simulated = loop.time(), self._clock.now()
        while (now := self._next(until)) < until and not (stop is not None and stop.is_set()):
            await self._step(now)
            progress(now)
            if speed is not None:
                ahead = (now - simulated) / SECOND / speed - (loop.time() - real)
                await asyncio.sleep(max(0.0, min(ahead, 0.5)))
        if stop is None or not stop.is_set():
            await self._step(until)

    def let_go(self) -> None:
        """From lock-step to a pace: nothing is held any more."""
        self._farm.hold = self._runner.hold = False

    def _next(self, until: Instant) -> Instant:
        due = self._runner.engine.next_wakeup
        now = min(self._farm.next_wakeup, until if due is None else due, until)
        return max(now, self._clock.now())

    async def _step(self, now: Instant) -> None:
        await self.exchange()  # what people asked for since the last step gets its answer before time passes
        self._clock.advance(now)
        await self._runner.settled()
        await self._farm.tick(now)
        await self.exchange()

    async def exchange(self, within: float = DELIVERED_WITHIN) -> None:
        """Deliver everything both ways until nobody has anything to say. Raises `LinkDownError` when stuck."""
        while True:
            await self._runner.settled()
            await self.delivered(within)
            if not self._runner.holding and not self._farm.holding:
                return
            self._runner.release()
            await self._runner.settled()
            await self._farm.release(self._clock.now())

    async def delivered(self, within: float = DELIVERED_WITHIN) -> None:
        """Wait until everything said was heard, on both sides. Raises `LinkDownError` when stuck."""
        loop = asyncio.get_running_loop()
        end = loop.time() + within
        while not self._quiet():
            if loop.time() > end:
                raise LinkDownError(
                    broker="of the simulation", problem=f"messages are missing after {within:g} s"
                )
            await asyncio.sleep(0)

    def _quiet(self) -> bool:
        heard = self._runner.received == self._farm.published + self._echoes
        return heard and sum(self._farm.received.values()) == self._for_nodes

    # ── at a pace ──────────────────────────────────────────────────────────────────────────────────────
    async def run_paced(self, speed: float) -> None:
        """`speed` simulated seconds per second, until cancelled. Falls behind rather than skip physics."""
        loop = asyncio.get_running_loop()
        real, simulated = loop.time(), self._clock.now()
        while True:
            target = simulated + round((loop.time() - real) * speed * SECOND)
            await self._calm()
            while (now := self._next(target)) < target:
                await self._step_paced(now)
            await self._step_paced(target)
            await asyncio.sleep(BEAT)
            if (loop.time() - real) * speed - (self._clock.now() - simulated) / SECOND > MOST_BEHIND * speed:
                real, simulated = loop.time(), self._clock.now()

    async def _step_paced(self, now: Instant) -> None:
        """A step may be many seconds: what it causes arrives before the next one is chosen."""
        self._clock.advance(now)
        if self._farm.next_wakeup <= now:
            await self._farm.tick(now)
        await self._calm()

    async def _calm(self) -> None:
        """Wait until nobody has anything to say, but not for a broker that is gone."""
        await asyncio.sleep(0)  # the controller always gets its turn
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PACED_WITHIN):
                while self._farm.connected and not await self._at_rest():
                    await asyncio.sleep(0)
        if not self._quiet():
            self.recount()

    async def _at_rest(self) -> bool:
        """Has all that was said been heard, and answered, and the answers heard?"""
        said = self._farm.published, self._for_nodes
        await self._runner.settled()
        await self._farm.release(self._clock.now())
        await self._runner.settled()
        return self._quiet() and said == (self._farm.published, self._for_nodes)

    def recount(self) -> None:
        """A lost connection loses messages; start counting anew."""
        self.recount_heard()
        self._for_nodes = sum(self._farm.received.values())

    def recount_heard(self) -> None:
        """The same for the controller: it has heard a last will, or what a broker had kept for it."""
        self._echoes = self._runner.received - self._farm.published
