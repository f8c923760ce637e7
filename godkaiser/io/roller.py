"""The task that keeps the roll-ups true and the traces of rules few, beside everything else."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from godkaiser.errors import RetentionTooShortError, UnavailableError
from godkaiser.io.retry import Backoff
from godkaiser.io.sql.rollups import HoldOf, Rollups
from godkaiser.io.sql.traces import LOT, Traces
from godkaiser.model.instant import SECOND
from godkaiser.ports import Clock

EVERY: Final = 15.0
GRACE: Final = 5 * SECOND  # what was measured in a minute may still be on its way when it is over
TOLD_FROM: Final = 5_000  # marks: so many are worth a line in the log
TOLD_EVERY: Final = 10.0
log = logging.getLogger(__name__)


class Roller:
    """`done` of `known` buckets were made again in the pass under way."""

    def __init__(self, rollups: Rollups, clock: Clock, hold_of: HoldOf, traces: Traces | None = None) -> None:
        """`traces`: what is too much of them is deleted; None: nobody has them deleted."""
        self._rollups, self._clock, self._hold_of, self._traces = rollups, clock, hold_of, traces
        self.done = self.known = 0
        self._checked = False

    async def run(self) -> None:
        """Until cancelled. A database that is away is asked again later."""
        backoff = Backoff(first=1.0, most=60.0)
        while True:
            try:
                await self.catch_up()
            except UnavailableError as error:
                log.warning("Roll-ups wait. %s", error)
            except (ValueError, TypeError, ArithmeticError, LookupError, AttributeError):
                # Somebody's nonsense in the tables, or our mistake: no reason to end what switches pumps off.
                log.exception("Roll-ups wait. What they are made of cannot be read.")
            else:
                backoff = backoff.succeeded()
                await asyncio.sleep(EVERY)
                continue
            backoff = backoff.failed()
            await asyncio.sleep(backoff.delay(0.5))

    async def catch_up(self) -> None:
        """Everything that is due now; others may write after each transaction."""
        await self._rollups.survey()
        await self._check()
        now = self._clock.now() - GRACE
        self.done, self.known = 0, await self._rollups.waiting(now)
        loop = asyncio.get_running_loop()
        told = loop.time() - TOLD_EVERY
        while done := await self._rollups.work(now, self._hold_of):
            self.done += done
            self.known = max(self.known, self.done)
            if self.known >= TOLD_FROM and loop.time() >= told + TOLD_EVERY:
                told = loop.time()
                log.info("Rolling up what is stored: %d of %d buckets.", self.done, self.known)
            await asyncio.sleep(0)
        if self.known >= TOLD_FROM:
            log.info("All %d buckets are rolled up.", self.done)
        await self._tidy(self._traces)

    async def _tidy(self, traces: Traces | None) -> None:
        """A lot at a time, as long as there is a whole one: more than is deleted never comes."""
        size = LOT
        while traces is not None and size == LOT:
            size = await traces.tidy(self._clock.now())
            await asyncio.sleep(0)

    async def _check(self) -> None:
        """Once. What is gone is gone: roll-ups keep what they had, and somebody should keep readings longer."""
        if self._checked:
            return
        try:
            await self._rollups.check(self._clock.now(), self._hold_of)
        except RetentionTooShortError as error:
            log.warning("Late readings may be missing in roll-ups. %s", error)
        self._checked = True
