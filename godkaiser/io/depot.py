"""Where records go: into the database in batches, or into the spool while it is away, in order in any case.

A batch is handed over when half the broker's window is used, when it is large, or after `linger`; only when it is
durable does the broker get its acknowledgements. A database that fails again and again is left alone for a while.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from godkaiser.engine import effect as fx
from godkaiser.errors import SpoolError, StoreAwayError
from godkaiser.io.archive import Archive, Counts
from godkaiser.io.breaker import Breaker
from godkaiser.io.retry import Backoff
from godkaiser.ports import Link

LINGER: Final = 0.25
BATCH_MOST: Final = 2000
STORE_WITHIN: Final = 10.0  # then the database counts as away, and control goes on
log = logging.getLogger(__name__)


@dataclass(slots=True)
class Batch:
    """Records, and the messages that may be acknowledged when they are durable."""

    name: str
    records: list[fx.Record] = field(default_factory=list)
    tokens: list[object] = field(default_factory=list)

    def __len__(self) -> int:
        return max(len(self.records), len(self.tokens))


class Depot:
    """One task runs it; everything else may be called from the loop only."""

    def __init__(
        self,
        archive: Archive,
        link: Link,
        *,
        linger: float = LINGER,
        within: float = STORE_WITHIN,
        on_change: Callable[[], None] = lambda: None,
    ) -> None:
        """`linger`: seconds a reading waits for others; `within`: seconds the database may take."""
        self.archive, self._link, self._linger_s, self._within = archive, link, linger, within
        archive.on_change = self._on_change = on_change
        self._run, self._number = secrets.token_hex(4), 0
        self._batch = self._new()
        self._flush, self._busy = asyncio.Event(), False
        self._linger: asyncio.TimerHandle | None = None
        self._breaker = Breaker()
        self._waiting = asyncio.Event()  # something is in the spool
        self._problems = {"database": "", "spool": ""}
        if archive.waiting:
            self._waiting.set()

    @property
    def counts(self) -> Counts:
        """What became of records."""
        return self.archive.counts

    def _new(self) -> Batch:
        self._number += 1
        return Batch(f"{self._run}-{self._number}")

    # ── what enters ────────────────────────────────────────────────────────────────────────────────────
    def add(self, record: fx.Record) -> None:
        """A record, in order."""
        self._batch.records.append(record)

    def done_with(self, token: object) -> None:
        """A message; it is acknowledged together with the records that came of it."""
        self._batch.tokens.append(token)

    def consider(self) -> None:
        """After an event: is it time?"""
        batch = self._batch
        if 2 * len(batch.tokens) >= self._link.window or len(batch.records) >= BATCH_MOST:
            self._flush.set()
        elif self._linger is None and len(batch):
            self._linger = asyncio.get_running_loop().call_later(self._linger_s, self._flush.set)

    # ── the task ───────────────────────────────────────────────────────────────────────────────────────
    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep_batches())
            group.create_task(self._bring_back())

    async def _keep_batches(self) -> None:
        while True:
            await self._flush.wait()
            self._flush.clear()
            if self._linger is not None:
                self._linger.cancel()
                self._linger = None
            batch, self._batch = self._batch, self._new()
            self._busy = True
            await self._keep(batch)
            self._link.acknowledge(batch.tokens)
            self._busy = False

    async def _keep(self, batch: Batch) -> None:
        """Returns when it is durable, however long that takes: else the broker would forget what we have not."""
        if not batch.records:
            return
        backoff = Backoff(first=0.25, most=5.0)
        while not (await self._commit(batch) or await self._put_aside(batch)):
            backoff = backoff.failed()
            await asyncio.sleep(backoff.delay(0.5))

    async def _commit(self, batch: Batch) -> bool:
        """Into the database, unless others wait before it."""
        if self._waiting.is_set() or not self._breaker.allows(_now()):
            return False
        return await self._tried(lambda: self.archive.append(batch.records, batch.name))

    async def _tried(self, work: Callable[[], Awaitable[None]]) -> bool:
        self._breaker = self._breaker.tried(_now())
        try:
            async with asyncio.timeout(self._within):
                await work()
        except (StoreAwayError, TimeoutError) as error:
            self._breaker = self._breaker.failed(_now())
            self._trouble(
                "database", str(error) or f"The database does not answer within {self._within:g} s."
            )
            return False
        self._breaker = self._breaker.succeeded()
        self._well("database", "The database is back.")
        self._well("spool", "The spool is in order again, or not needed any more.")
        return True

    # ── the spool ──────────────────────────────────────────────────────────────────────────────────────
    async def _put_aside(self, batch: Batch) -> bool:
        if self.archive.spool is None:
            return False
        try:
            await self.archive.put_aside(batch.records, batch.name)
        except SpoolError as error:
            self._trouble("spool", f"{error} {error.remedy}")
            return False
        self._well("spool", "The spool can be used again.")
        self._waiting.set()
        return True

    async def _bring_back(self) -> None:
        """In the order they came, before anything newer."""
        backoff = Backoff(first=0.5, most=10.0)
        while True:
            await self._waiting.wait()
            await asyncio.sleep(max(backoff.delay(0.5), self._breaker.next_try(_now())))
            backoff = backoff.failed()
            while self.archive.waiting and self._breaker.allows(_now()) and await self._returned():
                pass
            if not self.archive.waiting:
                self._waiting.clear()
                backoff = backoff.succeeded()

    async def _returned(self) -> bool:
        try:
            return await self._tried(self.archive.bring_back)
        except SpoolError as error:
            self._trouble("spool", f"{error} {error.remedy}")
            return False

    # ── how it is ──────────────────────────────────────────────────────────────────────────────────────
    @property
    def problem(self) -> str:
        """What is wrong with the database and with the spool before it; empty when nothing is."""
        return " ".join(filter(None, self._problems.values()))

    def _trouble(self, whose: str, problem: str) -> None:
        if problem != self._problems[whose]:
            log.error("%s", problem)
            self._problems[whose] = problem
            self._on_change()

    def _well(self, whose: str, sentence: str) -> None:
        if self._problems[whose]:
            log.warning("%s", sentence)
            self._problems[whose] = ""
            self._on_change()

    # ── for drivers and for the end ────────────────────────────────────────────────────────────────────
    @property
    def idle(self) -> bool:
        """Is nothing on its way to the disk?"""
        return not (len(self._batch) or self._busy)

    async def drain(self) -> None:
        """Wait until everything is on a disk."""
        while not self.idle:
            self._flush.set()
            await asyncio.sleep(0.005)

    async def committed(self, within: float = 1.0) -> None:
        """Wait until what was received before is on a disk, but not for one that does not answer."""
        end, batch = _now() + within, self._batch
        while ((self._batch is batch and len(batch)) or self._busy) and _now() < end:
            self._flush.set()
            await asyncio.sleep(0.002)


def _now() -> float:
    return asyncio.get_running_loop().time()
