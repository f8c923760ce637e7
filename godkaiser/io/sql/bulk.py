"""Very many readings as numpy arrays: past SQLAlchemy, as the driver has them. Needs numpy (extra `lab`).

SQLite is asked in a thread over a connection of its own that cannot write; each row is packed as it comes, so no list
of rows is ever made. Of PostgreSQL a binary COPY is taken apart.
"""

from __future__ import annotations

import asyncio
import math
import sqlite3
import threading
from array import array
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from importlib import import_module
from itertools import islice, starmap
from struct import Struct
from typing import Any, Final, TypeVar

from godkaiser.errors import MissingExtraError
from godkaiser.io.sql.access import Access
from godkaiser.io.sql.stretches import series_number
from godkaiser.model.ids import SeriesId
from godkaiser.model.instant import Instant

T = TypeVar("T")
Key = tuple[Instant, int, int]  # of a reading within its series: measured_at, boot, seq
COLUMNS: Final = ("measured_at", "value", "quality", "raw", "calibration", "coverage")
_PLACE: Final = ("boot", "seq")
_KINDS: Final = {"value": "f8", "raw": "f8", "coverage": "f8"}  # the others are whole numbers
AT_ONCE: Final = 4096  # rows between two looks whether anybody still waits
# What seldom differs goes into one number: each column costs as much as the way to the row.
_NULL, _COVERED, _VERSION = 16, 32, 6
_FLAGS: Final = (
    f"calibration << {_VERSION} | (value IS NULL) * {_NULL} | (coverage IS NOT NULL) * {_COVERED} | quality"
)
_SQLITE: Final = f"measured_at, COALESCE(value, 0.0), raw, {_FLAGS}"
_HEADER: Final = 19  # bytes before the first row of a binary COPY, if it has no extension


@dataclass(frozen=True, slots=True)
class Part:
    """Readings with since ≤ measured_at < until, oldest first: all, or `most` of them after one of them."""

    since: Instant
    until: Instant
    after: Key | None = None
    most: int | None = None

    def clause(self, number: int) -> str:
        """FROM … LIMIT, in order; numbers of ours alone."""
        lines = f"{self.source(number)} ORDER BY measured_at, boot, seq"
        return lines if self.most is None else f"{lines} LIMIT {int(self.most)}"

    def source(self, number: int) -> str:
        """FROM … WHERE of a series."""
        since = max(int(self.since), self.after[0] if self.after else int(self.since))
        lines = f"FROM reading WHERE series_id = {number} AND measured_at >= {since}"
        lines += f" AND measured_at < {int(self.until)}"
        if self.after is not None:
            lines += f" AND (measured_at, boot, seq) > ({', '.join(str(int(part)) for part in self.after)})"
        return lines


def need_numpy() -> Any:
    """Load it. Raises `MissingExtraError`."""
    try:
        return import_module("numpy")
    except ModuleNotFoundError:
        raise MissingExtraError(feature="history out of a database alone", extra="lab") from None


async def many(access: Access, series: SeriesId, part: Part, *, places: bool = False) -> dict[str, Any]:
    """Columns by the names of the table, oldest first; NaN where there is none. `places`: boot and seq as well."""
    numpy = need_numpy()
    async with access.reading() as connection:
        number = await series_number(connection, series)
        if number is None:
            return {name: numpy.empty(0, dtype=_KINDS.get(name, "i8")) for name in COLUMNS + _PLACE}
        clause = part.clause(number)
        if connection.dialect.name == "sqlite":
            file = str(connection.engine.url.database)
            return await in_thread(lambda given_up: _sqlite(numpy, file, clause, places, given_up))
        driver = (await connection.get_raw_connection()).driver_connection
        return await _postgres(numpy, driver, clause, places)


async def few(access: Access, series: SeriesId, part: Part) -> dict[str, Any]:
    """As `many` with `places`, without numpy: a controller gets along without the extra `lab`."""
    names = COLUMNS + _PLACE
    async with access.reading() as connection:
        number = await series_number(connection, series)
        rows: list[Any] = []
        if number is not None:
            query = f"SELECT {', '.join(names)} {part.clause(number)}"
            rows = list((await connection.exec_driver_sql(query)).all())
    columns = zip(*rows, strict=True) if rows else ((),) * len(names)
    return {name: _array(name, column) for name, column in zip(names, columns, strict=True)}


def _array(name: str, column: Iterable[Any]) -> array[Any]:
    if name not in _KINDS:
        return array("q", column)
    return array("d", (math.nan if number is None else number for number in column))


async def occurring(access: Access, series: SeriesId, part: Part) -> tuple[set[int], bool]:
    """The calibrations that occur, and whether any reading has a coverage."""
    async with access.reading() as connection:
        number = await series_number(connection, series)
        if number is None:
            return set(), False
        query = f"SELECT DISTINCT calibration, coverage IS NOT NULL {part.source(number)}"
        rows: Any = await connection.exec_driver_sql(query)
        found = [(row[0], bool(row[1])) for row in rows.all()]
    return {version for version, _ in found}, any(covered for _, covered in found)


async def in_thread(work: Callable[[threading.Event], T]) -> T:
    """Wait for a thread, and tell it when nobody waits any more."""
    given_up = threading.Event()
    try:
        return await asyncio.to_thread(work, given_up)
    finally:
        given_up.set()


def packed_rows(rows: Iterator[tuple[Any, ...]], form: str, given_up: threading.Event) -> bytearray:
    """One after the other, as `form` of the module struct says."""
    packed, found = starmap(Struct(form).pack, rows), bytearray()
    while not given_up.is_set() and (part := b"".join(islice(packed, AT_ONCE))):
        found += part
    return found


def _sqlite(numpy: Any, file: str, clause: str, places: bool, given_up: threading.Event) -> dict[str, Any]:
    form, kinds, query = "=qddq", ["i8", "f8", "f8", "i8"], f"SELECT {_SQLITE}"
    if places:
        form, kinds, query = f"{form}qq", [*kinds, "i8", "i8"], f"{query}, {', '.join(_PLACE)}"
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("PRAGMA query_only = ON")
        connection.execute("BEGIN")  # both questions are about the same readings
        found = packed_rows(connection.execute(f"{query} {clause}"), form, given_up)
        rows = numpy.frombuffer(found, dtype=[(f"f{n}", kind) for n, kind in enumerate(kinds)])
        flags = rows["f3"]
        coverage = numpy.full(len(rows), numpy.nan)
        if (flags & _COVERED).any():
            of = connection.execute(f"SELECT COALESCE(coverage, 0.0) {clause}")
            parts = numpy.frombuffer(packed_rows(of, "=d", given_up), dtype="f8")
            coverage = numpy.where(flags & _COVERED, parts, numpy.nan)
    numbers = (
        rows["f0"],
        numpy.where(flags & _NULL, numpy.nan, rows["f1"]),
        flags & (_NULL - 1),
        rows["f2"],
        flags >> _VERSION,
        coverage,
    )
    columns = dict(zip(COLUMNS, numbers, strict=True))
    if places:
        columns |= {"boot": rows["f4"], "seq": rows["f5"]}
    return {name: numpy.ascontiguousarray(column) for name, column in columns.items()}


async def _postgres(numpy: Any, driver: Any, clause: str, places: bool) -> dict[str, Any]:
    """Without NULL every row is equally long."""
    wanted = {name: f"{name}::int8" for name in COLUMNS + _PLACE * places}
    wanted |= {"value": "COALESCE(value, 'NaN')", "raw": "raw", "coverage": "COALESCE(coverage, 'NaN')"}
    wire = [("n", ">i2")]
    for name in wanted:
        wire += [(f"{name} bytes", ">i4"), (name, f">{_KINDS.get(name, 'i8')}")]
    found = bytearray()

    async def take(data: bytes) -> None:
        found.extend(data)

    query = f"SELECT {', '.join(wanted.values())} {clause}"
    await driver.copy_from_query(query, output=take, format="binary")
    count = (len(found) - _HEADER) // numpy.dtype(wire).itemsize
    rows = numpy.frombuffer(found, dtype=wire, offset=_HEADER, count=count)
    return {name: rows[name].astype(_KINDS.get(name, "i8")) for name in wanted}
