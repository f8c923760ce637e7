"""Databases of before are brought up to date without losing a row; what must not be touched is refused."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import hashlib
import json
import logging
import os
import re
import sqlite3
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, inspect, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlmodel import SQLModel

from godkaiser.errors import DatabaseBrokenError, DatabaseNewerError, DatabaseOutdatedError
from godkaiser.io.sql import database
from godkaiser.io.sql.database import database_url, open_database, state_of, upgrade_database
from godkaiser.io.sql.migrate import versions
from godkaiser.io.sql.migrations import HEAD
from godkaiser.io.sql.store import SqlStore
from godkaiser.model.ids import SeriesId
from tests.io.test_sql_store import SERIES, T0, reading
from tests.services import Postgres

FIXTURES = Path(__file__).parent / "fixtures"
DIGEST: dict[str, Any] = json.loads((FIXTURES / "before-versions.json").read_text())
# The first schema with one reading, in the words both databases understand.
OLD = """
create table meta (key varchar not null primary key, value varchar not null);
create table series (id integer not null primary key, name varchar not null unique, unit varchar not null,
  label varchar not null);
create table reading (series_id integer not null references series (id), measured_at bigint not null,
  boot bigint not null, seq bigint not null, value float, raw float not null,
  quality smallint not null, reason text, received_at bigint not null, zone varchar, server_timed boolean not null,
  primary key (series_id, measured_at, boot, seq));
insert into meta values ('schema', '1'), ('site', 'kept');
insert into series values (1, 'ESP_AB12CD/0/sht31_temp@0x44', '°C', 'air');
insert into reading values (1, 1800000000000000, 1, 1, 20.5, 26000, 0, null, 1800000000000000, 'house', false)
"""


@pytest.fixture(params=["sqlite", "postgresql"])
async def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'godkaiser.db'}"
    server: Postgres = request.getfixturevalue("postgres")
    return await server.fresh()


@contextlib.asynccontextmanager
async def raw(url: str, folder: Path) -> AsyncIterator[AsyncEngine]:
    engine = create_async_engine(database_url(url, folder))
    try:
        yield engine
    finally:
        await engine.dispose()


async def run(url: str, folder: Path, lines: str) -> None:
    if url.startswith("postgresql"):
        lines = lines.replace("id integer not null primary key", "id serial primary key")
    async with raw(url, folder) as engine, engine.begin() as connection:
        for line in lines.split(";"):
            await connection.execute(text(line))


def unpacked(folder: Path) -> Path:
    file = folder / "godkaiser.db"
    file.write_bytes(gzip.decompress((FIXTURES / "before-versions.db.gz").read_bytes()))
    return file


def test_the_newest_version_is_named_where_it_is_looked_for() -> None:
    assert versions()[-1] == HEAD
    assert versions() == sorted(versions())


async def test_a_file_of_before_reads_the_same_and_is_kept_beside(tmp_path: Path) -> None:
    file = unpacked(tmp_path)
    store = await SqlStore.open(None, tmp_path)
    for name, expected in DIGEST["series"].items():
        columns = await store.history(SeriesId.parse(name), 0, 2**62, None)
        words = json.dumps([columns.times, columns.values, columns.quality, columns.raw])
        assert len(columns.times) == expected["rows"]
        assert hashlib.sha256(words.encode()).hexdigest() == expected["sha256"]
        assert set(columns.calibration) == {0}
    await store.close()
    copy = tmp_path / f"godkaiser.db.before-{HEAD}"
    for kept, gone in ((file, {"denied_token"}), (copy, set[str]())):
        with contextlib.closing(sqlite3.connect(kept)) as connection:
            for table, rows in DIGEST["rows"].items():
                if table in gone:
                    continue
                assert connection.execute(f"select count(*) from {table}").fetchone() == (rows,)  # noqa: S608 - names out of our file
    with contextlib.closing(sqlite3.connect(copy)) as connection:
        there = {
            name for (name,) in connection.execute("select name from sqlite_master where type = 'table'")
        }
    assert there == DIGEST["rows"].keys(), "the copy is what it was"


async def test_a_file_that_is_up_to_date_is_not_copied_again(tmp_path: Path) -> None:
    unpacked(tmp_path)
    await (await SqlStore.open(None, tmp_path)).close()
    (tmp_path / f"godkaiser.db.before-{HEAD}").unlink()
    await (await SqlStore.open(None, tmp_path)).close()
    assert not (tmp_path / f"godkaiser.db.before-{HEAD}").exists()


async def test_without_room_for_a_copy_it_is_said_and_upgraded(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = unpacked(tmp_path)
    os.truncate(file, 4 * 2**40)  # a hole at its end that no disk has twice
    store = await SqlStore.open(None, tmp_path)
    assert await store.count_readings() == DIGEST["rows"]["reading"]
    await store.close()
    assert "no room for a copy" in caplog.text
    assert not (tmp_path / f"godkaiser.db.before-{HEAD}").exists()


async def test_migrating_gives_the_schema_the_tables_describe(url: str, tmp_path: Path) -> None:
    def differences(connection: Connection) -> list[Any]:
        # Alembic does not know that an index may be for one of the databases only.
        other = {"reading_measured_at"} if connection.dialect.name == "sqlite" else set()
        options = {"include_object": lambda o, name, *_: name not in other}
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), SQLModel.metadata))

    for lines in ("", OLD):
        async with raw(url, tmp_path) as engine:
            if lines:
                async with engine.begin() as connection:
                    await connection.run_sync(SQLModel.metadata.drop_all)
                    await connection.execute(text("drop table alembic_version"))
                await run(url, tmp_path, lines)
            await upgrade_database(url, tmp_path)
            async with engine.connect() as connection:
                assert await connection.run_sync(differences) == []


async def test_sqlite_gets_the_very_tables_that_are_described(tmp_path: Path) -> None:
    def tables(connection: Connection) -> dict[str, set[str]]:
        rows = connection.execute(text("select name, sql from sqlite_master where sql is not null"))
        # An added column stands on the last line: parts are compared, not lines.
        split = {name: {part.strip() for part in re.split(r"[,\n()]", sql)} for name, sql in rows}
        return {name: lines for name, lines in split.items() if name != "alembic_version"}

    async with raw("sqlite://", tmp_path) as engine, engine.begin() as connection:
        await connection.run_sync(SQLModel.metadata.create_all)
        described = await connection.run_sync(tables)
    engine = await open_database(database_url(None, tmp_path))
    async with engine.connect() as connection:
        assert await connection.run_sync(tables) == described
    await engine.dispose()


async def test_a_database_of_before_keeps_its_readings(url: str, tmp_path: Path) -> None:
    await run(url, tmp_path, OLD)
    if url.startswith("postgresql"):
        with pytest.raises(DatabaseOutdatedError, match="before 0001") as refused:
            await SqlStore.open(url, tmp_path)
        assert "godkaiser db upgrade" in refused.value.remedy
        done = await upgrade_database(url, tmp_path)
        assert (done["upgraded"], done["from"], done["copy"]) == (True, "before 0001", None)
    for expected in ((1, 0), (0, 1)):
        store = await SqlStore.open(url, tmp_path)
        assert await store.append([reading(5)]) == expected
        columns = await store.history(SERIES, T0, T0 * 2, None)
        assert (columns.values, columns.calibration) == ([20.5, 20.0], [0, 0])
        assert await store.site() == "kept"
        await store.close()


async def test_a_dry_run_says_the_sql_and_that_sql_does_it(url: str, tmp_path: Path) -> None:
    await run(url, tmp_path, OLD)
    state = await state_of(url, tmp_path)
    assert (state.version.current, state.version.name) == (False, "before 0001")
    assert "ALTER TABLE reading ADD COLUMN calibration" in state.sql
    again = await state_of(url, tmp_path)
    assert again == state, "nothing was changed"
    lines = state.sql.replace("BEGIN;", "").replace("COMMIT;", "").strip().removesuffix(";")
    await run(url, tmp_path, "\n".join(line for line in lines.splitlines() if not line.startswith("--")))
    state = await state_of(url, tmp_path)
    assert (state.version.current, state.sql) == (True, "")


async def test_two_that_upgrade_at_once_do_it_once(url: str, tmp_path: Path) -> None:
    await run(url, tmp_path, OLD)
    await asyncio.gather(*(upgrade_database(url, tmp_path) for _ in range(4)))
    store = await SqlStore.open(url, tmp_path)
    assert await store.count_readings() == 1
    await store.close()


async def test_an_empty_database_may_be_opened_by_two_at_once(url: str, tmp_path: Path) -> None:
    opened = await asyncio.gather(*(SqlStore.open(url, tmp_path) for _ in range(2)))
    for store in opened:
        await store.close()
    assert (await state_of(url, tmp_path)).version.current


async def test_new_files_may_be_opened_by_many_at_once(tmp_path: Path) -> None:
    """Who switches a new file to WAL does not let the others wait: they have to try again."""
    for number in range(25):
        url = f"sqlite:///{tmp_path / f'{number}.db'}"
        for store in await asyncio.gather(*(SqlStore.open(url, tmp_path) for _ in range(4))):
            await store.close()


async def test_a_file_that_somebody_keeps_locked_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_MS", 300)
    file = tmp_path / "locked.db"
    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("create table something (id integer)")
        other.execute("begin exclusive")
        with pytest.raises(DatabaseBrokenError, match="locked"):
            await SqlStore.open(f"sqlite:///{file}", tmp_path)
        other.execute("rollback")
    await (await SqlStore.open(f"sqlite:///{tmp_path / 'new.db'}", tmp_path)).close()


@pytest.mark.parametrize(
    "change",
    ["update alembic_version set version_num = '9999'", "update meta set value = '99' where key = 'schema'"],
)
async def test_a_newer_database_is_refused_and_left_alone(url: str, tmp_path: Path, change: str) -> None:
    await (await SqlStore.open(url, tmp_path)).close()
    await run(url, tmp_path, change)
    for attempt in (SqlStore.open(url, tmp_path), upgrade_database(url, tmp_path), state_of(url, tmp_path)):
        with pytest.raises(DatabaseNewerError, match="99"):
            await attempt


async def test_tables_of_somebody_else_are_left_alone(url: str, tmp_path: Path) -> None:
    await run(url, tmp_path, "create table node (id integer)")
    with pytest.raises(DatabaseBrokenError, match="tables node that are not ours"):
        await SqlStore.open(url, tmp_path)
    async with raw(url, tmp_path) as engine, engine.connect() as connection:
        assert await connection.run_sync(lambda c: inspect(c).get_table_names()) == ["node"]


async def test_an_upgrade_that_fails_leaves_all_as_it_was(url: str, tmp_path: Path) -> None:
    # An index of ours cannot be made over this table: its column is not there.
    await run(url, tmp_path, OLD + "; create table outcome (id integer)")
    with pytest.raises(DatabaseBrokenError if url.startswith("sqlite") else DatabaseOutdatedError):
        await SqlStore.open(url, tmp_path)
    with pytest.raises(DatabaseBrokenError):
        await upgrade_database(url, tmp_path)
    async with raw(url, tmp_path) as engine, engine.connect() as connection:
        there = await connection.run_sync(lambda c: inspect(c).get_table_names())
        assert set(there) == {"meta", "series", "reading", "outcome"}


async def test_logging_stays_as_it_was(tmp_path: Path) -> None:
    root = logging.getLogger()
    alembic = logging.getLogger("alembic")
    before = (root.level, list(root.handlers), logging.getLogger("godkaiser").disabled, alembic.level)
    await (await SqlStore.open(None, tmp_path)).close()
    after = (root.level, list(root.handlers), logging.getLogger("godkaiser").disabled, alembic.level)
    assert after == before


def test_many_threads_each_make_their_own_database(tmp_path: Path) -> None:
    """As notebooks do with several greenhouses: the library for upgrades knows only one connection."""

    def work(number: int) -> int:
        async def opened() -> int:
            folder = tmp_path / str(number)
            folder.mkdir()
            engine = await open_database(database_url(None, folder))
            async with engine.connect() as connection:
                found = len(await connection.run_sync(lambda sync: inspect(sync).get_table_names()))
            await engine.dispose()
            return found

        return asyncio.run(opened())

    with ThreadPoolExecutor(6) as threads:
        assert set(threads.map(work, range(12))) == {len(SQLModel.metadata.tables) + 1}
