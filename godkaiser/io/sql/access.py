"""Transactions and questions, each within a time, each failure in our words."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from godkaiser.errors import StoreAwayError
from godkaiser.io.sql.trouble import in_our_words

READ_WITHIN: Final = 5.0  # for questions under way at the end
WITHIN: Final = 30.0  # seconds for one transaction or one question


class Access:
    """An open database, until it is closed.

    One connection is kept for writing: to take it out of the pool and put it back costs more than a small batch.
    After any failure it is cut, so the next transaction begins with a new one.
    """

    def __init__(self, engine: AsyncEngine, within: float = WITHIN) -> None:
        self._engine = engine
        self._within = within
        self._closed = False
        self._one_at_a_time = asyncio.Lock()
        self._writer: AsyncConnection | None = None
        self._reading = 0
        self._read = asyncio.Event()  # nobody reads
        self._read.set()

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """A transaction. Raises `RecordRefusedError`, `StoreAwayError`; then nothing of it is there."""
        async with self._bounded(), self._one_at_a_time:
            self._check()
            connection, self._writer = self._writer or await self._engine.connect(), None
            # Twice: a transaction can be interrupted while it begins, too.
            async with _cut_on_failure(connection), connection.begin(), _cut_on_failure(connection):
                yield connection
            self._writer = connection

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A connection to ask over. Raises `StoreAwayError`."""
        async with self._bounded():
            self._reading += 1
            self._read.clear()
            try:
                async with self._engine.connect() as connection, _cut_on_failure(connection):
                    yield connection
            finally:
                self._reading -= 1
                if not self._reading:
                    self._read.set()

    @asynccontextmanager
    async def _bounded(self) -> AsyncIterator[None]:
        self._check()
        with in_our_words():
            async with asyncio.timeout(self._within):
                yield

    def _check(self) -> None:
        if self._closed:
            raise StoreAwayError(problem="it was closed")

    async def close(self) -> None:
        """Let go of the database, after the transaction and the questions under way. Later ones are refused."""
        self._closed = True
        async with self._one_at_a_time:
            writer, self._writer = self._writer, None
        if writer is not None:
            await writer.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(READ_WITHIN):
                await self._read.wait()  # a connection that comes back to a pool that is gone is never closed
        await self._engine.dispose()


@asynccontextmanager
async def _cut_on_failure(connection: AsyncConnection) -> AsyncIterator[None]:
    """Nothing stays open; a server that hangs is not asked for a ROLLBACK, it would not answer that either."""
    try:
        yield
    except BaseException as error:
        abruptly = isinstance(error, asyncio.CancelledError | OSError)
        cut = asyncio.create_task(_cut(connection, abruptly=abruptly))
        again = False
        while not cut.done():  # whoever is cancelled twice leaves no connection half closed
            try:
                await asyncio.shield(cut)
            except asyncio.CancelledError:
                again = True
        if again:
            raise asyncio.CancelledError from error
        raise


async def _cut(connection: AsyncConnection, *, abruptly: bool) -> None:
    if abruptly:
        await _terminate(connection)
    if not connection.closed:
        await connection.invalidate()
        await connection.close()


async def _terminate(connection: AsyncConnection) -> None:
    if connection.dialect.name == "postgresql" and not connection.closed and not connection.invalidated:
        driver = (await connection.get_raw_connection()).driver_connection
        if driver is not None:
            driver.terminate()
