"""Settings of the pool, and a database that does not answer."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url
from sqlalchemy.pool import QueuePool

from godkaiser.errors import SettingsError, StoreAwayError
from godkaiser.io.sql.database import engine_of
from godkaiser.io.sql.pool import Pool
from godkaiser.io.sql.store import SqlStore
from godkaiser.settings import load_settings
from tests.io.test_sql_store import SERIES, T0, reading
from tests.services import Postgres

ADDRESS = make_url("postgresql+asyncpg://me@db/x")


@pytest.mark.parametrize(
    ("pool", "expected"),
    [(Pool(), (10, 20, 30.0)), (Pool(3, 0, 1.5), (3, 0, 1.5)), (Pool(None, 5), (10, 5, 30.0))],
)
def test_postgresql_gets_what_was_set_and_else_the_defaults(
    pool: Pool, expected: tuple[int, int, float]
) -> None:
    made = engine_of(ADDRESS, pool).sync_engine.pool
    assert isinstance(made, QueuePool)
    assert (made.size(), made._max_overflow, made.timeout()) == expected


@pytest.mark.parametrize(
    ("pool", "name"),
    [
        (Pool(size=5), "GODKAISER_DB_POOL_SIZE"),
        (Pool(overflow=0), "GODKAISER_DB_POOL_OVERFLOW"),
        (Pool(wait_s=1), "GODKAISER_DB_POOL_WAIT_S"),
    ],
)
async def test_sqlite_has_no_pool_and_says_so(pool: Pool, name: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=name):
        await SqlStore.open(None, tmp_path, pool)
    assert not (tmp_path / "godkaiser.db").exists()
    assert name.lower() in type(load_settings()).model_fields


@pytest.mark.parametrize("name", ["GODKAISER_DB_POOL_SIZE", "GODKAISER_DB_POOL_WAIT_S"])
def test_a_setting_out_of_range_is_named(name: str) -> None:
    with pytest.raises(SettingsError, match=name):
        load_settings(**{name.lower(): 0})


async def test_statements_are_logged_without_their_values(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    loud = logging.getLogger("sqlalchemy.engine")
    level = loud.level
    try:
        store = await SqlStore.open(None, tmp_path, echo=True)
        await store.save_site("a secret place", [])
        await store.close()
    finally:
        loud.setLevel(level)
    assert "INSERT INTO meta" in caplog.text
    assert "a secret place" not in caplog.text


@dataclass
class Wire:
    """Between us and the server: what is said goes on while `flowing` is set."""

    port: int
    flowing: asyncio.Event = field(default_factory=asyncio.Event)

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                await self.flowing.wait()
                writer.write(data)
        writer.close()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self.port)
        await asyncio.gather(self.carry(reader, back), self.carry(there, writer))


@pytest.fixture
async def wire(postgres: Postgres) -> AsyncIterator[tuple[Wire, str]]:
    """A way to a fresh database that can be held up, and the address of it."""
    url = make_url(await postgres.fresh())
    wire = Wire(postgres.port)
    wire.flowing.set()
    server = await asyncio.start_server(wire.serve, "127.0.0.1", 0)
    try:
        port = server.sockets[0].getsockname()[1]
        yield wire, url.set(port=port).render_as_string(hide_password=False)
    finally:
        wire.flowing.set()
        server.close()


async def test_a_server_that_hangs_is_away_and_comes_back(wire: tuple[Wire, str], tmp_path: Path) -> None:
    way, url = wire
    store = await SqlStore.open(url, tmp_path, within=0.5)
    assert await store.append([reading(1)]) == (1, 0)
    way.flowing.clear()
    async with asyncio.timeout(60):
        for records in ([reading(2)], [reading(n) for n in range(400)]):
            with pytest.raises(StoreAwayError):
                await store.append(records)
        with pytest.raises(StoreAwayError):
            await store.history(SERIES, T0, T0 * 2, None)
        with pytest.raises(StoreAwayError):
            await store.save_site("{}", [])
        way.flowing.set()
        assert sum(await store.append([reading(2)])) == 1
        columns = await store.history(SERIES, T0, T0 * 2, None)
        assert len(columns.times) == len(set(columns.times))
        await store.close()


async def test_a_server_that_goes_and_comes_back(postgres: Postgres, tmp_path: Path) -> None:
    store = await SqlStore.open(await postgres.fresh(), tmp_path)
    await store.append([reading(1)])
    async with store._access.reading() as other:
        await other.exec_driver_sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    with pytest.raises(StoreAwayError):
        await store.append([reading(2)])
    assert await store.append([reading(2)]) == (1, 0)
    await store.close()
