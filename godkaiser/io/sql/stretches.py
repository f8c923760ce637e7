"""Many stretches of many series in one question: one way to the database and back costs more than their rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from godkaiser.model.ids import SeriesId
from godkaiser.model.instant import HOUR, SECOND, Duration, Instant
from godkaiser.model.rollup import Bucket, Point

_NUMBER: Final = text("SELECT id FROM series WHERE name = :name")
_NTH: Final = text(
    "SELECT measured_at FROM reading WHERE series_id = :series AND measured_at >= :begin AND measured_at < :until"
    " ORDER BY measured_at LIMIT 1 OFFSET :most"
)
_FIRST_DUE: Final = text(
    "SELECT min(at) FROM rollup_due WHERE series_id = :series AND span_s <= :span"
    " AND (at >= :begin OR span_s <= 60 AND at > :reach)"
)
_K: Final = "(at + CAST(:ahead AS BIGINT)) / CAST(:every AS BIGINT)"
# The mean first, then the squares around it: sums of squares by themselves lose their digits.
_GROUPED: Final = text(f"""
SELECT k, sum(n), max(m), min(minimum), max(maximum), sum(covered_s * (std * std + (mean - m) * (mean - m))),
    sum(bad), sum(covered_s)
FROM (
    SELECT {_K} AS k, n, mean, minimum, maximum, std, bad, covered_s,
        sum(mean * covered_s) OVER one / NULLIF(sum(covered_s) OVER one, 0) AS m
    FROM rollup WHERE series_id = :series AND span_s = :span AND at >= :begin AND at < :end
    WINDOW one AS (PARTITION BY {_K})
) parts GROUP BY k ORDER BY k
""")  # noqa: S608 - ours
NUMBERS: Final = ("n", "mean", "minimum", "maximum", "std", "bad", "covered_s")
Wanted = Sequence[tuple[int, Instant, Instant]]  # series, from, to


def _these(wanted: Wanted) -> str:
    """As a table `w` of numbers of ours."""
    rows = ", ".join(
        f"({k}, {s}, CAST({a} AS BIGINT), CAST({b} AS BIGINT))" for k, (s, a, b) in enumerate(wanted)
    )
    return f"WITH w (k, s, a, b) AS (VALUES {rows})"


def _joined(connection: AsyncConnection, columns: str, table: str, where: str, order: str) -> str:
    """Each of `w` by the key; PostgreSQL might otherwise read the whole table."""
    if connection.dialect.name == "postgresql":
        inner = f"SELECT {columns} FROM {table} WHERE {where} ORDER BY {order} OFFSET 0"  # noqa: S608 - ours
        return f"SELECT w.k, r.* FROM w CROSS JOIN LATERAL ({inner}) r ORDER BY w.k"  # noqa: S608 - ours
    return f"SELECT w.k, {columns} FROM w CROSS JOIN {table} WHERE {where} ORDER BY w.k, {order}"  # noqa: S608


async def find_neighbours(
    connection: AsyncConnection, wanted: Wanted
) -> list[tuple[Instant | None, Instant | None]]:
    """When the last reading before and the first one after each was made."""
    these = _these(wanted)
    at = "measured_at) FROM reading WHERE series_id = w.s AND measured_at"
    found: Any = await connection.exec_driver_sql(
        f"{these} SELECT (SELECT max({at} < w.a), (SELECT min({at} >= w.b) FROM w ORDER BY w.k"  # noqa: S608 - ours
    )
    return [(row[0], row[1]) for row in found.all()]


async def readings(connection: AsyncConnection, wanted: Wanted) -> list[list[Point]]:
    """Those of each stretch, in their order."""
    where = "series_id = w.s AND measured_at >= w.a AND measured_at < w.b"
    columns, order = "measured_at, value, quality", "measured_at, boot, seq"
    query = f"{_these(wanted)} {_joined(connection, columns, 'reading', where, order)}"
    found: list[list[Point]] = [[] for _ in wanted]
    rows: Any = await connection.exec_driver_sql(query)
    for k, at, value, quality in rows.all():
        found[k].append((at, value, quality))
    return found


async def cut(connection: AsyncConnection, number: int, part: tuple[Instant, Instant], most: int) -> Instant:
    """Up to where there are about `most` readings of a series; all that were made at one time stay together."""
    begin, until = part
    found = await connection.execute(
        _NTH, {"series": number, "begin": begin, "until": until, "most": max(1, most)}
    )
    at: int | None = found.scalar()
    return until if at is None else max(at, begin + 1)


async def buckets(
    connection: AsyncConnection, span: Duration, wanted: Wanted
) -> list[list[tuple[Instant, Bucket]]]:
    """What is stored of each stretch, in order."""
    where = f"series_id = w.s AND span_s = {span // SECOND} AND at >= w.a AND at < w.b"
    columns = f"at, {', '.join(NUMBERS)}"
    query = f"{_these(wanted)} {_joined(connection, columns, 'rollup', where, 'at')}"
    found: list[list[tuple[Instant, Bucket]]] = [[] for _ in wanted]
    rows: Any = await connection.exec_driver_sql(query)
    for row in rows.all():
        bucket = Bucket(row[2], row[3], row[4], row[5], row[6], row[7], round(row[8] * SECOND))
        found[row[0]].append((row[1], bucket))
    return found


async def series_number(connection: AsyncConnection, series: SeriesId) -> int | None:
    """Its surrogate id; None: nothing of it was ever stored."""
    found = await connection.execute(_NUMBER, {"name": str(series)})
    number: int | None = found.scalar()
    return number


async def first_due(
    connection: AsyncConnection, number: int, span: Duration, begin: Instant, hold: Duration
) -> Instant | None:
    """From when on buckets of that span are not true any more. A mark reaches on, as a value holds."""
    values = {"series": number, "span": span // SECOND, "begin": begin, "reach": begin - max(hold, HOUR)}
    found = (await connection.execute(_FIRST_DUE, values)).scalar()
    return None if found is None else int(found)


async def grouped(
    connection: AsyncConnection,
    span: Duration,
    wanted: tuple[int, Instant, Instant],
    every: Duration,
    ahead: Duration,
) -> list[tuple[Instant, Bucket]]:
    """What is stored of a stretch in buckets of `every`; `ahead`: of the local clock."""
    series, begin, end = wanted
    values = {
        "series": series,
        "span": span // SECOND,
        "begin": begin,
        "end": end,
        "every": every,
        "ahead": ahead,
    }
    found = []
    for k, n, mean, low, high, squares, bad, covered in (await connection.execute(_GROUPED, values)).all():
        middle = None if mean is None else min(max(mean, low), high)
        std = None if squares is None or mean is None else math.sqrt(squares / covered)
        bucket = Bucket(int(n), middle, low, high, std, int(bad), round(covered * SECOND))
        found.append((int(k) * every - ahead, bucket))
    return found
