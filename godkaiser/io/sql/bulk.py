"""Very many readings as numpy arrays: past SQLAlchemy, as the driver has them. Needs numpy (extra `lab`).

SQLite is asked in a thread over a connection of its own that cannot write; of PostgreSQL a binary COPY is taken
apart.
"""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from importlib import import_module
from typing import Any, Final

from godkaiser.io.sql.access import Access
from godkaiser.io.sql.stretches import series_number
from godkaiser.model.ids import SeriesId
from godkaiser.model.instant import Instant

COLUMNS: Final = ("measured_at", "value", "quality", "raw", "calibration", "coverage")
_ROW: Final = [("t", "i8"), ("v", "f8"), ("q", "i8"), ("r", "f8"), ("c", "i8"), ("p", "f8")]
_HEADER: Final = 19  # bytes before the first row of a binary COPY, if it has no extension
_WIRE: Final = [("n", ">i2"), *((f"{kind}{n}", ">i4" if kind == "l" else code) for n, code in enumerate(
    (">i8", ">f8", ">i8", ">f8", ">i8", ">f8")) for kind in ("l", "x"))]  # fmt: skip
_WHERE: Final = "FROM reading WHERE series_id = {} AND measured_at >= {} AND measured_at < {}"
_ORDER: Final = "ORDER BY measured_at, boot, seq"


async def many(access: Access, series: SeriesId, since: Instant, until: Instant) -> dict[str, Any]:
    """Columns by the names of the table, oldest first; NaN where there is none."""
    numpy = import_module("numpy")
    async with access.reading() as connection:
        number = await series_number(connection, series)
        if number is None:
            rows = numpy.empty(0, dtype=_ROW)
            return {name: rows[key] for name, (key, _) in zip(COLUMNS, _ROW, strict=True)}
        where = f"{_WHERE.format(number, int(since), int(until))} {_ORDER}"
        if connection.dialect.name == "sqlite":
            file = str(connection.engine.url.database)
            return await asyncio.to_thread(_sqlite, numpy, file, where)
        driver = (await connection.get_raw_connection()).driver_connection
        return await _postgres(numpy, driver, where)


def _sqlite(numpy: Any, file: str, where: str) -> dict[str, Any]:
    query = f"SELECT {', '.join(COLUMNS)} {where}"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA query_only = ON")
        rows = numpy.fromiter(connection.execute(query), dtype=_ROW)
    return {name: numpy.ascontiguousarray(rows[key]) for name, (key, _) in zip(COLUMNS, _ROW, strict=True)}


async def _postgres(numpy: Any, driver: Any, where: str) -> dict[str, Any]:
    """Without NULL every row is equally long."""
    query = (
        "SELECT measured_at, COALESCE(value, 'NaN'), quality::int8, raw, calibration::int8,"
        f" COALESCE(coverage, 'NaN') {where}"
    )
    found = bytearray()

    async def take(data: bytes) -> None:
        found.extend(data)

    await driver.copy_from_query(query, output=take, format="binary")
    rows = numpy.frombuffer(
        found, dtype=_WIRE, offset=_HEADER, count=(len(found) - _HEADER) // numpy.dtype(_WIRE).itemsize
    )
    kinds = dict(_ROW)
    return {
        name: numpy.ascontiguousarray(rows[f"x{n}"]).astype(kinds[key])
        for n, (name, (key, _)) in enumerate(zip(COLUMNS, _ROW, strict=True))
    }
