"""Readings go past SQLAlchemy to the driver: as tuples, in the transaction that is open, text made from the table.

How quick that is stands in docs/reference/storage.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Dialect
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection

from godkaiser.io.sql.rows import READING, READING_COLUMNS, ReadingTuple

BURST: Final = 200  # from so many rows on a COPY and a second statement are quicker than one with arrays
_NAMES: Final = ", ".join(READING_COLUMNS)
_DIALECT: Final[Dialect] = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy left it untyped
_KINDS: Final = [column.type.compile(dialect=_DIALECT) for column in READING.columns]
_INTO: Final = f"INSERT INTO {READING.name} ({_NAMES})"
_ONCE: Final = "ON CONFLICT DO NOTHING"
SQLITE: Final = f"{_INTO} VALUES ({', '.join('?' * len(READING_COLUMNS))}) {_ONCE}"
_ARRAYS: Final = ", ".join(f"${number}::{kind}[]" for number, kind in enumerate(_KINDS, 1))
ARRAYS: Final = f"{_INTO} SELECT * FROM unnest({_ARRAYS}) {_ONCE}"  # noqa: S608 - names out of our table
STAGING: Final = f"CREATE TEMP TABLE IF NOT EXISTS staging (LIKE {READING.name}) ON COMMIT DELETE ROWS"
UNSTAGE: Final = f"{_INTO} SELECT {_NAMES} FROM staging {_ONCE}"  # noqa: S608 - names out of our table


async def add_readings(connection: AsyncConnection, rows: Sequence[ReadingTuple]) -> int:
    """Returns how many were new. Raises what the driver raises; the caller's transaction decides."""
    if not rows:
        return 0
    if connection.dialect.name == "sqlite":
        # The cursor is not closed: that would be one more way to the driver's thread and back.
        return int((await (await _driver(connection)).executemany(SQLITE, rows)).rowcount)
    if len(rows) < BURST:
        return (await connection.exec_driver_sql(ARRAYS, tuple(zip(*rows, strict=True)))).rowcount
    return await _burst(connection, rows)


async def _burst(connection: AsyncConnection, rows: Sequence[ReadingTuple]) -> int:
    # SQLAlchemy begins the transaction with the first statement it sees; of the driver's it sees none.
    await connection.exec_driver_sql("SET LOCAL lock_timeout = '10s'")
    driver = await _driver(connection)
    if not connection.info.get(STAGING):
        await driver.execute(STAGING)
        connection.info[STAGING] = True
    await driver.copy_records_to_table("staging", records=rows, columns=READING_COLUMNS)
    return _count(await driver.execute(UNSTAGE))


async def _driver(connection: AsyncConnection) -> Any:
    return (await connection.get_raw_connection()).driver_connection


def _count(status: str) -> int:
    """Out of "INSERT 0 17"."""
    return int(status.rpartition(" ")[2])
