"""An engine per URL. SQLite (WAL, every commit fsynced) or PostgreSQL; any other kind is refused by name."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DatabaseError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.util import await_only

from godkaiser.errors import (
    DatabaseBrokenError,
    DatabaseOutdatedError,
    MissingExtraError,
    SettingsError,
    StoreAwayError,
)
from godkaiser.io.folder import keep_private
from godkaiser.io.sql.access import WITHIN
from godkaiser.io.sql.migrations import HEAD
from godkaiser.io.sql.pool import Pool
from godkaiser.io.sql.trouble import first_line, sqlstate
from godkaiser.io.sql.upgrade import plan, upgrade
from godkaiser.io.sql.version import Version, shown, version_of

DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg"}
OPEN_WITHIN = 30.0
_MAGIC = b"SQLite format 3\0"  # https://www.sqlite.org/fileformat.html
UPGRADE_WITHIN = 3600.0  # a large file on a slow card; to be cut off half-way helps nobody
BUSY_MS = 10_000  # as long one connection waits for the lock of another
BUSY_STEP_S = 0.01
DEFAULTS = Pool()


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


async def open_database(url: URL, pool: Pool = DEFAULTS, *, echo: bool = False) -> AsyncEngine:
    """Connect, bring the schema up to date where that may be, check that it is ours.

    Raises `DatabaseBrokenError`, `DatabaseOutdatedError`, `DatabaseNewerError`, `StoreAwayError`, `SettingsError`.
    """
    # Below that it tells every value of every statement.
    logging.getLogger("aiosqlite").setLevel(logging.INFO)
    if echo:
        # Into the log as it is set up; values are kept out of it.
        logging.getLogger("sqlalchemy.engine").setLevel(logging.INFO)
    engine = engine_of(url, pool)
    try:
        with typed(url):
            _keep_private(url)
            async with asyncio.timeout(OPEN_WITHIN):
                missing = await _missing(engine)
            if missing:
                async with asyncio.timeout(UPGRADE_WITHIN):
                    await upgrade(engine)
    except BaseException:  # a cancellation, too: an upgrade takes its time
        await engine.dispose()
        raise
    return engine


def _keep_private(url: URL) -> None:
    """Before SQLite makes it. What is no plain file (in memory, a name of SQLite's own) or no database is left."""
    name = url.database
    plain = (
        url.get_backend_name() == "sqlite" and name and name != ":memory:" and not name.startswith("file:")
    )
    if name and plain and _may_be_ours(Path(name)):
        keep_private(Path(name))
        for beside in (Path(f"{name}-wal"), Path(f"{name}-shm")):  # of a run that did not end
            if beside.exists():
                keep_private(beside)


def _may_be_ours(path: Path) -> bool:
    """A file that is not there yet, is empty, or begins as every SQLite database does."""
    if not path.is_file():
        return not path.exists()
    with path.open("rb") as file:
        return file.read(len(_MAGIC)) in (b"", _MAGIC)


async def open_to_read(url: URL) -> AsyncEngine:
    """Only to look: nothing is made, brought up to date or changed.

    Raises `DatabaseBrokenError`, `DatabaseOutdatedError`, `DatabaseNewerError`, `StoreAwayError`, `SettingsError`.
    """
    if url.get_backend_name() == "sqlite" and not _is_there(url):
        raise DatabaseBrokenError(where=str(url.database), problem="is not there")
    engine = engine_of(url)
    event.listen(engine.sync_engine, "connect", _read_only)
    try:
        with typed(url):
            async with asyncio.timeout(OPEN_WITHIN), engine.connect() as connection:
                version = await connection.run_sync(version_of)
        _demand(version, url)
    except BaseException:  # a cancellation, too: an upgrade takes its time
        await engine.dispose()
        raise
    return engine


def _demand(version: Version, url: URL) -> None:
    if not version.current:
        raise DatabaseOutdatedError(where=shown(url), found=version.name, needed=HEAD)


def _read_only(connection: Any, _: object) -> None:
    cursor = connection.cursor()
    sqlite = "sqlite" in type(connection).__module__.lower()
    cursor.execute("PRAGMA query_only=ON" if sqlite else "SET default_transaction_read_only = on")
    cursor.close()


@contextmanager
def typed(url: URL) -> Iterator[None]:
    """What a driver complains of, in our words."""
    try:
        yield
    except (DatabaseError, OSError, TimeoutError) as error:
        problem = first_line(error)
        # PostgreSQL's class 42: it is there, but its tables are not what they should be.
        if url.get_backend_name() == "sqlite" or sqlstate(error).startswith("42"):
            raise DatabaseBrokenError(where=shown(url), problem=problem) from None
        raise StoreAwayError(problem=problem) from None


def engine_of(url: URL, pool: Pool = DEFAULTS, within: float = WITHIN) -> AsyncEngine:
    """Not connected yet. Raises `MissingExtraError`, `SettingsError`."""
    if url.get_backend_name() == "sqlite":
        pool.refuse_for_sqlite()
        engine = create_async_engine(
            url, connect_args={"timeout": BUSY_MS / 1000, "factory": RolledBack}, hide_parameters=True
        )
        event.listen(engine.sync_engine, "connect", _pragmas)
        return engine
    try:
        return create_async_engine(url, hide_parameters=True, **pool.options(within))
    except ModuleNotFoundError:
        raise MissingExtraError(feature="PostgreSQL", extra="postgres") from None


class RolledBack(sqlite3.Connection):
    """Once closed it holds no lock.

    SQLite closes a connection only when the last of its statements is gone; until then a transaction stays open. A
    cancelled task keeps its statement alive through its traceback, so nobody else could write.
    """

    def close(self) -> None:
        """Ends the transaction, then the connection."""
        with suppress(sqlite3.ProgrammingError):  # closed already, which is no error
            self.rollback()
        super().close()


def _pragmas(connection: Any, _: object) -> None:
    cursor = connection.cursor()
    for line in (f"busy_timeout={BUSY_MS}", "synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {line}")
    # SQLite does not wait for whoever switches a new file to WAL in the same moment, so we do.
    for tries in count(1):
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
            break
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or tries * BUSY_STEP_S * 1000 > BUSY_MS:
                raise
            await_only(asyncio.sleep(BUSY_STEP_S))
    cursor.close()


async def _missing(engine: AsyncEngine) -> bool:
    """Is there something to upgrade here and now? Of PostgreSQL only an empty database, others are told of."""
    sqlite = engine.dialect.name == "sqlite"
    async with engine.connect() as connection:
        if sqlite:
            result = await connection.exec_driver_sql("PRAGMA quick_check(1)")
            if (word := result.scalar()) != "ok":
                raise DatabaseBrokenError(where=shown(engine.url), problem=str(word))
        version = await connection.run_sync(version_of)
    if not (version.current or version.empty or sqlite):
        raise DatabaseOutdatedError(where=shown(engine.url), found=version.name, needed=HEAD)
    return not version.current


@dataclass(frozen=True, slots=True)
class DatabaseState:
    """What a database is, and the SQL that would bring it up to date."""

    database: str
    version: Version
    sql: str

    def document(self, *, sql: bool = False) -> dict[str, Any]:
        """For `--json`."""
        return {
            "database": self.database,
            "version": self.version.name,
            "needed": HEAD,
            "current": self.version.current,
        } | ({"sql": self.sql} if sql else {})


async def state_of(text: str | None, data: Path) -> DatabaseState:
    """Look, change nothing. Raises as `open_database` does, but an old version is no error."""
    url = database_url(text, data)
    if url.get_backend_name() == "sqlite" and not _is_there(url):
        raise DatabaseBrokenError(where=str(url.database), problem="is not there")
    async with _reached(url) as engine:
        version, sql = await plan(engine)
    return DatabaseState(shown(url), version, sql)


async def upgrade_database(text: str | None, data: Path) -> dict[str, Any]:
    """By command, so PostgreSQL as well. Raises `DatabaseBrokenError`, `DatabaseNewerError`, `StoreAwayError`."""
    url = database_url(text, data)
    async with _reached(url) as engine:
        before, copy = await upgrade(engine)
    return {
        "database": shown(url),
        "from": before.name,
        "version": HEAD,
        "upgraded": not before.current,
        "copy": None if copy is None else str(copy),
    }


@asynccontextmanager
async def _reached(url: URL) -> AsyncIterator[AsyncEngine]:
    engine = engine_of(url, within=0)  # many rows take long to be looked at, and somebody waits for it
    try:
        with typed(url):
            yield engine
    finally:
        await engine.dispose()


def _is_there(url: URL) -> bool:
    return bool(url.database) and Path(str(url.database)).is_file()
