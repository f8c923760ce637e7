"""Readings and roll-ups past SQLAlchemy are the ones that SQLAlchemy finds."""

from __future__ import annotations

import asyncio
import math
import sqlite3
import tempfile
import threading
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from godkaiser.engine.effect import SeriesRecord
from godkaiser.errors import StoreAwayError
from godkaiser.io.sql.bulk import AT_ONCE, Part, in_thread, many, packed_rows
from godkaiser.io.sql.regroup import regrouped
from godkaiser.io.sql.store import SqlStore
from godkaiser.io.sql.stretches import grouped
from godkaiser.model.ids import SeriesId
from godkaiser.model.instant import HOUR, MINUTE, SECOND
from godkaiser.model.quantity import Quality
from godkaiser.model.reading import Reading
from tests.io.test_sql_store import SERIES, T0, reading, store

__all__ = ["store"]  # the fixture: SQLite and PostgreSQL
QUALITIES = list(Quality)
ALL = Part(T0, T0 + HOUR)


def varied(n: int) -> Reading:
    """No two alike; some without value, some with coverage, several in one moment."""
    value = None if n % 7 == 3 else n / 3
    at = T0 + n // 3 * SECOND
    part = None if n % 5 else n / 100
    return replace(
        reading(n, value, QUALITIES[n % 4]),
        measured_at=at,
        raw=n * 1.1,
        calibration=n % 6 * 50,
        coverage=part,
    )


GIVEN = [varied(n) for n in range(90)]


def numbers(values: Any) -> list[float | None]:
    return [None if math.isnan(value) else value for value in values]


async def test_every_column_is_what_history_finds(store: SqlStore) -> None:
    await store.append(GIVEN)
    found, told = (
        await store.many(SERIES, ALL.since, ALL.until),
        await store.history(SERIES, T0, T0 + HOUR, None),
    )
    assert found["measured_at"].tolist() == told.times
    assert numbers(found["value"]) == told.values
    assert [QUALITIES[rank].value for rank in found["quality"]] == told.quality
    assert found["raw"].tolist() == told.raw
    assert found["calibration"].tolist() == told.calibration
    assert numbers(found["coverage"]) == told.coverage
    assert told.values.count(None) == 13
    assert told.coverage.count(None) == 72


async def test_of_what_was_never_stored_there_are_no_rows(store: SqlStore) -> None:
    found = await store.many(SERIES, ALL.since, ALL.until)
    assert {len(column) for column in found.values()} == {0}
    assert found["value"].dtype == "float64"


@pytest.mark.parametrize("most", [1, 2, 7, 90, 91])
async def test_parts_one_after_the_other_are_the_whole(store: SqlStore, most: int) -> None:
    await store.append(GIVEN)
    keys, after = list[tuple[int, int, int]](), None
    while True:
        found = await many(store._access, SERIES, replace(ALL, after=after, most=most), places=True)
        keys += zip(*(found[name].tolist() for name in ("measured_at", "boot", "seq")), strict=True)
        assert len(found["value"]) <= most
        if len(found["value"]) < most:
            break
        after = keys[-1]
    assert keys == [(one.measured_at, one.boot, one.seq) for one in GIVEN]


async def test_without_numpy_a_part_is_the_same(store: SqlStore) -> None:
    await store.append(GIVEN)
    part = replace(ALL, after=(GIVEN[4].measured_at, 1, 4), most=60)
    few, found = await store.part(SERIES, part), await many(store._access, SERIES, part, places=True)
    assert few.keys() == found.keys()
    for name, column in few.items():
        assert numbers(column) == numbers(found[name])
        assert len(column) == 60
    assert await store.occurring(SERIES, ALL.since, ALL.until) == ({0, 50, 100, 150, 200, 250}, True)
    assert await store.occurring(SERIES, T0 + SECOND // 2, T0 + SECOND) == (set(), False)
    assert len((await store.part(SeriesId.of(SERIES.node, 39, "light"), part))["value"]) == 0


async def test_who_gives_up_waiting_ends_the_work() -> None:
    started, ended = threading.Event(), threading.Event()

    def endless() -> Any:
        while True:
            started.set()
            yield (1,)

    def work(given_up: threading.Event) -> int:
        packed = packed_rows(endless(), "=q", given_up)
        ended.set()
        return len(packed)

    task = asyncio.create_task(in_thread(work))
    assert await asyncio.to_thread(started.wait, 60)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(ended.wait, 60)
    done = threading.Event()
    done.set()
    assert packed_rows(iter([(1,)] * AT_ONCE), "=q", done) == b""


async def test_a_closed_store_is_away(store: SqlStore) -> None:
    await store.close()
    with pytest.raises(StoreAwayError):
        await store.many(SERIES, ALL.since, ALL.until)


# ── roll-ups in larger buckets: numpy and the statement ────────────────────────────────────────────────
NUMBER = st.floats(-1e6, 1e6).map(lambda value: value + 0.0)
SPREAD = st.floats(0, 1e3)


@st.composite
def a_rollup(draw: st.DrawFn) -> tuple[Any, ...]:
    minute = draw(st.integers(0, 60))
    bad = draw(st.integers(0, 3))
    if draw(st.booleans()):
        return minute, 0, None, None, None, None, bad, 0.0
    low, middle, high = sorted(draw(st.tuples(NUMBER, NUMBER, NUMBER)))
    if draw(st.integers(0, 5)) == 0:  # measured, and it did not hold
        return minute, 1, None, low, high, None, bad, 0.0
    covered = draw(st.integers(1, MINUTE)) / SECOND
    return minute, draw(st.integers(0, 60)), middle, low, high, draw(SPREAD), bad, covered


INTO = "INSERT INTO rollup (series_id, span_s, at, n, mean, minimum, maximum, std, bad, covered_s) VALUES (1, 60, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: E501


@pytest.fixture(scope="module")
def folder() -> Any:
    with tempfile.TemporaryDirectory() as name:
        asyncio.run(made(Path(name)))
        yield Path(name)


async def made(place: Path) -> None:
    empty = await SqlStore.open(None, place)
    await empty.append([SeriesRecord(SeriesId.parse("ESP_AB12CD/4/light"), "lx", "")])
    await empty.close()


@settings(deadline=None)
@given(
    st.lists(a_rollup(), max_size=40, unique_by=lambda row: row[0]),
    st.sampled_from([1, 5, 7, 60]),
    st.sampled_from([0, HOUR, -MINUTE, 330 * MINUTE]),
)
def test_numpy_adds_roll_ups_up_as_the_statement_does(
    folder: Path, rows: list[tuple[Any, ...]], minutes: int, ahead: int
) -> None:
    base = T0 - T0 % HOUR
    with closing(sqlite3.connect(folder / "godkaiser.db")) as connection, connection:
        connection.execute("DELETE FROM rollup")
        connection.executemany(INTO, [(base + row[0] * MINUTE, *row[1:]) for row in rows])
    wanted = (1, base + 3 * MINUTE, base + 57 * MINUTE)

    async def both() -> list[Any]:
        looking = await SqlStore.look(f"sqlite:///{folder / 'godkaiser.db'}")
        async with looking._access.reading() as connection:
            found = [
                await work(connection, MINUTE, wanted, minutes * MINUTE, ahead)
                for work in (grouped, regrouped)
            ]
        await looking.close()
        return found

    one, other = asyncio.run(both())
    assert [at for at, _ in one] == [at for at, _ in other]
    for (_, a), (_, b) in zip(one, other, strict=True):
        assert (a.n, a.bad, a.covered, a.minimum, a.maximum) == (b.n, b.bad, b.covered, b.minimum, b.maximum)
        assert near(a.mean) == b.mean
        assert near(a.std) == b.std


def near(number: float | None) -> object:
    return None if number is None else pytest.approx(number, rel=1e-9, abs=1e-6)
