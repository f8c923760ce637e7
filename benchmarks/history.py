"""How long history takes, from a database alone to a frame, beside the bare driver in the same run.

    python -m benchmarks.history [--rows 1000000] [--database sqlite|postgresql|both]

Readings of thirty days are spread over as many series as `--rows` allows with one each 13 s (10 million: 50 series).
Those of the series that is asked for in buckets are rolled up as at a first start; the others only lie beside them.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import sqlite3
import time
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import numpy as np

import godkaiser
from benchmarks.rig import folder, show
from godkaiser.engine.effect import SeriesRecord
from godkaiser.io.clock import WallClock
from godkaiser.io.roller import Roller
from godkaiser.io.sql.store import SqlStore
from godkaiser.model.ids import SeriesId
from godkaiser.model.instant import DAY, MINUTE, SECOND, to_iso
from tests.services import running_postgres

STEP: Final = 13 * SECOND
DAYS: Final = 30
SPAN_S: Final = DAYS * DAY // STEP  # readings of one series
DAILY: Final = 100_000  # of one series that is read more often, in 24 h
TIMES: Final = 3


def series(number: int) -> SeriesId:
    """Of a node and a pin."""
    return SeriesId.parse(f"ESP_{number:08d}/4/ds18b20@{number:016X}")


def rows(number: int, count: int, step: int, until: int) -> list[tuple[Any, ...]]:
    """Readings of a series, the last one at `until`."""
    first = until - count * step
    return [
        (
            number,
            first + n * step,
            20 + n % 97 / 10,
            300.0,
            0,
            None,
            first + n * step,
            None,
            1,
            n,
            False,
            0,
            None,
        )
        for n in range(count)
    ]


ORDER: Final = (
    "series_id", "measured_at", "value", "raw", "quality", "reason", "received_at", "zone", "boot", "seq",
    "server_timed", "calibration", "coverage",
)  # fmt: skip
INTO: Final = f"INSERT INTO reading ({', '.join(ORDER)}) VALUES ({', '.join('?' * len(ORDER))})"  # noqa: S608 - ours


async def fill(url: str, place: Path, wanted: int) -> tuple[int, float]:
    """The readings, past everything, and roll-ups of the first series. How many are stored, and seconds for those."""
    store = await SqlStore.open(url, place)
    now = WallClock().now() // MINUTE * MINUTE
    many = max(1, round(wanted / SPAN_S))

    await store.append([SeriesRecord(series(n), "°C", "") for n in range(1, many + 3)])
    plans = [(n, SPAN_S, STEP) for n in range(1, many + 1)]
    plans += [(many + 1, DAILY, DAY // DAILY), (many + 2, 1_000_000, SECOND)]
    total, took = 0, 0.0
    for number, count, step in plans:
        await put(url, rows(number, count, step, now - SECOND))
        total += count
        if number == 1:  # what comes past everything afterwards, nobody marks
            began = time.perf_counter()
            await Roller(store.rollups, WallClock(), lambda _: 180 * SECOND).catch_up()
            took = time.perf_counter() - began
    await store.close()
    await settle(url)
    return total, took


async def put(url: str, readings: list[tuple[Any, ...]]) -> None:
    """By the driver."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection, connection:
            connection.executemany(INTO, readings)
        return
    import asyncpg  # noqa: PLC0415

    connection = await asyncpg.connect(url)
    await connection.copy_records_to_table("reading", records=readings, columns=ORDER)
    await connection.close()


async def settle(url: str) -> None:
    """What a database does by itself in the night."""
    if url.startswith("sqlite"):
        return
    import asyncpg  # noqa: PLC0415

    connection = await asyncpg.connect(url)
    await connection.execute("VACUUM ANALYZE reading")
    await connection.execute("VACUUM ANALYZE rollup")
    await connection.close()


async def bare(url: str, number: int, since: int) -> Any:
    """Times and values of a series as numpy arrays, by the driver alone."""
    query = f"SELECT measured_at, value FROM reading WHERE series_id = {number} AND measured_at >= {since}"  # noqa: S608
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
            return np.array(connection.execute(query).fetchall())
    import asyncpg  # noqa: PLC0415

    connection, found = await asyncpg.connect(url), io.BytesIO()
    await connection.copy_from_query(query, output=found, format="binary")
    await connection.close()
    return np.frombuffer(
        found.getvalue()[19:-2], dtype=[("n", ">i2"), ("a", ">i4"), ("t", ">i8"), ("b", ">i4"), ("v", ">f8")]
    )


async def best(work: Callable[[], Awaitable[Any]]) -> tuple[float, int]:
    """Seconds of the quickest of a few, and how many rows came."""
    took, count = float("inf"), 0
    for _ in range(TIMES):
        began = time.perf_counter()
        count = len(await work())
        took = min(took, time.perf_counter() - began)
    return took, count


async def measure(name: str, url: str, place: Path, wanted: int) -> list[dict[str, Any]]:
    """The figures of one database."""
    total, rolled = await fill(url, place, wanted)
    many = max(1, round(wanted / SPAN_S))
    now = WallClock().now()
    told: list[dict[str, Any]] = [
        {"database": name, "what": f"first roll-up of {SPAN_S:,} of {total:,} readings", "seconds": rolled}
    ]
    async with godkaiser.open(url) as farm:

        async def asked(what: str, number: int, span: int, limit: float, **how: Any) -> None:
            since = to_iso(now - span)
            took, count = await best(lambda: farm.history(series(number), since=since, **how))
            floor, _ = await best(lambda: bare(url, number, now - span))
            told.append(
                {
                    "database": name,
                    "what": what,
                    "rows": count,
                    "seconds": took,
                    "bare": floor,
                    "at most": limit,
                }
            )

        await asked("24 h, every reading", many + 1, DAY, 0.4)
        await asked("1 M rows, every reading", many + 2, 1_000_100 * SECOND, 2.0)
        await asked(f"{DAYS} d at 5 min", 1, DAYS * DAY, 0.2, every="5min")
        await asked(f"{DAYS} d at 1 h", 1, DAYS * DAY, 0.2, every="1h")
    return told


async def _both(wanted: int, which: str) -> None:
    told: list[dict[str, Any]] = []
    with folder() as place:
        if which != "postgresql":
            told += await measure("SQLite", f"sqlite:///{place / 'godkaiser.db'}", place, wanted)
        if which != "sqlite":
            with running_postgres() as server:
                told += await measure("PostgreSQL", await server.fresh(), place, wanted)
    show("History: database to pandas frame, best of three; bare: time and value by the driver", told)
    show(
        "Others", [{"who": "original server, 24 h (101,000 readings) to a frame (measured)", "seconds": 8.2}]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--database", choices=("sqlite", "postgresql", "both"), default="both")
    given = parser.parse_args()
    asyncio.run(_both(given.rows, given.database))


if __name__ == "__main__":
    main()
