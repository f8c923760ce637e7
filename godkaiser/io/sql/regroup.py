"""Stored roll-ups of SQLite in larger buckets, added up by numpy: its window functions take twice as long.

The same arithmetic as the statement of `stretches.grouped`; a test holds both to be equal.
"""

from __future__ import annotations

import math
import sqlite3
import threading
from contextlib import closing
from importlib.util import find_spec
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from godkaiser.io.sql.bulk import in_thread, need_numpy, packed_rows
from godkaiser.io.sql.stretches import grouped
from godkaiser.model.instant import SECOND, Duration, Instant
from godkaiser.model.rollup import Bucket

_NONE: Final = "9e999"  # infinite: no roll-up holds that
_QUERY: Final = (
    f"SELECT at, n, COALESCE(mean, {_NONE}), COALESCE(minimum, {_NONE}), COALESCE(maximum, -{_NONE}),"  # noqa: S608 - ours
    f" COALESCE(std, {_NONE}), bad, covered_s FROM rollup"
    " WHERE series_id = ? AND span_s = ? AND at >= ? AND at < ? ORDER BY at"
)
_FORM: Final = "=qqddddqd"
_NAMES: Final = ("at", "n", "mean", "low", "high", "std", "bad", "covered")
_ROW: Final = [(name, "i8" if form == "q" else "f8") for name, form in zip(_NAMES, _FORM[1:], strict=True)]


async def regrouped(
    connection: AsyncConnection,
    span: Duration,
    wanted: tuple[int, Instant, Instant],
    every: Duration,
    ahead: Duration,
) -> list[tuple[Instant, Bucket]]:
    """As `stretches.grouped`, which is used where there is no numpy, and by PostgreSQL."""
    if connection.dialect.name != "sqlite" or find_spec("numpy") is None:
        return await grouped(connection, span, wanted, every, ahead)
    file, (series, begin, end) = str(connection.engine.url.database), wanted

    def read(given_up: threading.Event) -> list[tuple[Instant, Bucket]]:
        numpy = need_numpy()
        with closing(sqlite3.connect(file)) as own:
            own.execute("PRAGMA query_only = ON")
            rows = own.execute(_QUERY, (series, span // SECOND, begin, end))
            found = packed_rows(rows, _FORM, given_up)
        return _added_up(numpy, numpy.frombuffer(found, dtype=_ROW), every, ahead)

    return await in_thread(read)


def _added_up(numpy: Any, rows: Any, every: Duration, ahead: Duration) -> list[tuple[Instant, Bucket]]:
    if not len(rows):
        return []
    number = (rows["at"] + ahead) // every
    first = numpy.flatnonzero(numpy.diff(number, prepend=number[0] - 1))
    lengths = numpy.diff(numpy.append(first, len(rows)))
    covered = numpy.add.reduceat(rows["covered"], first)
    there = numpy.isfinite(rows["mean"])
    means = numpy.where(there, rows["mean"], 0.0)
    whole = numpy.where(covered > 0, covered, 1.0)
    known = numpy.logical_or.reduceat(there, first) & (covered > 0)
    mean = numpy.add.reduceat(means * rows["covered"], first) / whole
    # The mean first, then the squares around it: sums of squares by themselves lose their digits.
    spread = there & numpy.isfinite(rows["std"])
    away, std = means - numpy.repeat(mean, lengths), numpy.where(spread, rows["std"], 0.0)
    squares = numpy.add.reduceat(numpy.where(spread, rows["covered"] * (std * std + away * away), 0.0), first)
    low, high = numpy.minimum.reduceat(rows["low"], first), numpy.maximum.reduceat(rows["high"], first)
    columns = (
        number[first] * every - ahead,
        numpy.add.reduceat(rows["n"], first),
        numpy.where(known, numpy.clip(mean, low, high), numpy.nan),
        low,
        high,
        numpy.where(known & numpy.logical_or.reduceat(spread, first), numpy.sqrt(squares / whole), numpy.nan),
        numpy.add.reduceat(rows["bad"], first),
        numpy.rint(covered * SECOND).astype("i8"),
    )
    return [
        (at, Bucket(n, _known(middle), _known(least), _known(most), _known(deviation), bad, long))
        for at, n, middle, least, most, deviation, bad, long in zip(
            *(column.tolist() for column in columns), strict=True
        )
    ]


def _known(number: float) -> float | None:
    return number if math.isfinite(number) else None
