"""Upgrade a database in one transaction, one process at a time; SQLite after a copy of the file was put beside it."""

from __future__ import annotations

import asyncio
import logging
import shutil
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from godkaiser.io.sql.migrations import HEAD
from godkaiser.io.sql.version import Version, version_of

LOCK: Final = 0x676F646B  # of all advisory locks of a PostgreSQL database the one of our upgrades
_ONE_AT_A_TIME: Final = threading.Lock()
_LOG = logging.getLogger(__name__)
logging.getLogger("alembic").setLevel(logging.WARNING)  # each step of a new database is no news to anybody


async def upgrade(engine: AsyncEngine) -> tuple[Version, Path | None]:
    """To this program's version. Returns what was found and where the copy is, if there is one."""
    async with engine.connect() as connection:
        await _lock(connection)
        found = await connection.run_sync(version_of)  # not before: another process may have been first
        copy = None if found.current or found.empty else await _keep(engine)
        if not found.current:
            async with _alone():
                await connection.run_sync(_upgrade)
        await connection.commit()
    return found, copy


async def plan(engine: AsyncEngine) -> tuple[Version, str]:
    """What is there, and the SQL that `upgrade` would run. Changes nothing."""
    async with engine.connect() as connection:
        found = await connection.run_sync(version_of)
        async with _alone():
            return found, "" if found.current else await connection.run_sync(_plan, found.found)


@asynccontextmanager
async def _alone() -> AsyncIterator[None]:
    """Alembic keeps the connection it works on in a global: two threads would upgrade one another's database."""
    while not _ONE_AT_A_TIME.acquire(blocking=False):  # noqa: ASYNC110 - another thread has it
        await asyncio.sleep(0.02)
    try:
        yield
    finally:
        _ONE_AT_A_TIME.release()


async def _lock(connection: AsyncConnection) -> None:
    """Until the end of the transaction. SQLite's own transactions do not cover changes of the schema."""
    if connection.dialect.name == "sqlite":
        await connection.exec_driver_sql("BEGIN IMMEDIATE")
    else:
        await connection.exec_driver_sql("SET LOCAL lock_timeout = '20s'")
        await connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK})")


async def _keep(engine: AsyncEngine) -> Path | None:
    """A copy of a SQLite file, complete or not there at all. Who holds the lock may let others read."""
    name = engine.url.database
    if engine.dialect.name != "sqlite" or not name or name == ":memory:":
        return None
    file = Path(name)
    copy = file.with_name(f"{file.name}.before-{HEAD}")
    part = copy.with_name(f"{copy.name}.part")
    if not await asyncio.to_thread(_room, file, part):
        _LOG.warning("no room for a copy of %s: it is upgraded without one", file)
        return None
    async with engine.connect() as reader:
        await reader.exec_driver_sql("VACUUM INTO ?", (str(part),))
    await asyncio.to_thread(part.replace, copy)
    return copy


def _room(file: Path, part: Path) -> bool:
    """For the copy, and as much again for the upgrade itself."""
    part.unlink(missing_ok=True)
    return shutil.disk_usage(file.parent).free > 2 * file.stat().st_size


def _upgrade(connection: Connection) -> None:
    from godkaiser.io.sql import migrate  # noqa: PLC0415 - Alembic is slow to import, seldom needed

    migrate.upgrade(connection)


def _plan(connection: Connection, found: str | None) -> str:
    from godkaiser.io.sql import migrate  # noqa: PLC0415 - Alembic is slow to import, seldom needed

    return migrate.plan(connection, found)
