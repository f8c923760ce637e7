"""An engine per URL. SQLite (WAL, every commit fsynced) or PostgreSQL; any other kind is refused by name."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, event, insert, inspect, select
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DatabaseError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlmodel import SQLModel

from godkaiser.errors import DatabaseBrokenError, MissingExtraError, SettingsError, StoreAwayError
from godkaiser.io.sql.table import SCHEMA_VERSION, Meta

_table = SQLModel.metadata.tables["meta"]
DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg"}
OPEN_WITHIN = 30.0
ADDED = {"calibration": "integer not null default 0", "coverage": "double precision"}


def database_url(text: str | None, data: Path) -> URL:
    """The URL with the driver we use; without one, a SQLite file in the data folder."""
    if not text:
        return URL.create("sqlite+aiosqlite", database=str(data / "godkaiser.db"))
    try:
        url = make_url(text)
    except ArgumentError:
        raise SettingsError(
            field="DATABASE_URL",
            problem="is not a database address",
            remedy_text="Give sqlite:///… or postgresql://…",
        ) from None
    kind = url.get_backend_name()
    if kind not in DRIVERS:
        raise SettingsError(
            field="DATABASE_URL",
            problem=f"{kind} is not supported",
            remedy_text="Supported are sqlite:/// and postgresql://",
        )
    return url.set(drivername=DRIVERS[kind])


async def open_database(url: URL) -> AsyncEngine:
    """Connect, create what is missing, check that it is ours. Raises `DatabaseBrokenError`, `StoreAwayError`."""
    engine = _engine(url)
    try:
        async with asyncio.timeout(OPEN_WITHIN):
            await _prepare(engine)
    except (DatabaseError, OSError, TimeoutError) as error:
        await engine.dispose()
        problem = _first_line(error)
        if url.get_backend_name() == "sqlite":
            raise DatabaseBrokenError(where=str(url.database), problem=problem) from None
        raise StoreAwayError(problem=problem) from None
    except DatabaseBrokenError:
        await engine.dispose()
        raise
    return engine


def _first_line(error: BaseException) -> str:
    cause = getattr(error, "orig", None) or error
    return (str(cause) or type(cause).__name__).splitlines()[0]


def _engine(url: URL) -> AsyncEngine:
    if url.get_backend_name() == "sqlite":
        engine = create_async_engine(url, connect_args={"timeout": 10})
        event.listen(engine.sync_engine, "connect", _pragmas)
        return engine
    try:
        return create_async_engine(url, pool_size=10, max_overflow=20, pool_timeout=30, pool_pre_ping=True)
    except ModuleNotFoundError:
        raise MissingExtraError(feature="PostgreSQL", extra="postgres") from None


def _pragmas(connection: Any, _: object) -> None:
    cursor = connection.cursor()
    for line in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=10000"):
        cursor.execute(f"PRAGMA {line}")
    cursor.close()


async def _prepare(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        if engine.dialect.name == "sqlite":
            result = await connection.exec_driver_sql("PRAGMA quick_check(1)")
            if (word := result.scalar()) != "ok":
                raise DatabaseBrokenError(where=str(engine.url.database), problem=str(word))
        await connection.run_sync(SQLModel.metadata.create_all)
        await connection.run_sync(_complete)
        found = await connection.execute(select(_table.c.value).where(_table.c.key == "schema"))
        version = found.scalar()
        if version is None:
            await connection.execute(insert(Meta).values(key="schema", value=str(SCHEMA_VERSION)))
        elif version != str(SCHEMA_VERSION):
            problem = f"has schema {version}, this program knows {SCHEMA_VERSION}"
            raise DatabaseBrokenError(where=engine.url.render_as_string(), problem=problem)


def _complete(connection: Connection) -> None:
    """A database of before readings knew their calibration or their coverage: they had none that is known."""
    there = {column["name"] for column in inspect(connection).get_columns("reading")}
    for name, kind in ADDED.items():
        if name not in there:
            connection.exec_driver_sql(f"alter table reading add column {name} {kind}")
