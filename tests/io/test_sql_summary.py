"""Buckets are what the readings come to, whatever of them is rolled up already."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from godkaiser.io.clock import VirtualClock
from godkaiser.io.roller import Roller
from godkaiser.io.sql.store import SqlStore
from godkaiser.io.sql.summary import Wish
from godkaiser.model.calendar import Calendar, gather
from godkaiser.model.instant import DAY, HOUR, MINUTE, SECOND
from godkaiser.model.quantity import Quality
from godkaiser.model.rollup import Bucket, Point, roll
from tests.io.test_sql_store import SERIES, reading
from tests.services import Postgres

T0 = 20_000 * DAY
HOLD = 3 * MINUTE
NOW = T0 + 3 * DAY + 5 * HOUR + 17 * MINUTE + 30 * SECOND
QUALITIES = [Quality.GOOD, Quality.GOOD, Quality.SUSPECT, Quality.GOOD, Quality.UNCALIBRATED]
GIVEN = [
    replace(
        reading(n, float(n % 37), QUALITIES[n % 5]),
        measured_at=T0 + n * 173 * SECOND + (n % 11) * 13 * SECOND,
    )
    for n in range(1640)
]


@pytest.fixture(params=["sqlite", "postgresql"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SqlStore]:
    url = None
    if request.param == "postgresql":
        server: Postgres = request.getfixturevalue("postgres")
        url = await server.fresh()
    made = await SqlStore.open(url, tmp_path)
    yield made
    await made.close()


def expected(calendar: Calendar, worst: int) -> list[tuple[int, int, Bucket]]:
    points: list[Point] = sorted(
        (r.measured_at, r.value, r.quality.rank) for r in GIVEN if r.measured_at < NOW
    )
    step = MINUTE if calendar.every % MINUTE == 0 else calendar.every
    return gather(calendar, roll(points, T0, NOW, step, HOLD, worst).items())


def near(number: float | None) -> object:
    return None if number is None else pytest.approx(number, rel=1e-9, abs=1e-6)


CASES = [
    (5 * MINUTE, "UTC", 1, "1 min"),
    (30 * MINUTE, "UTC", 1, "15 min"),
    (HOUR, "Asia/Kathmandu", 1, "15 min"),
    (DAY, "UTC", 1, "1 d"),
    (DAY, "Europe/Berlin", 1, "1 h"),
    (30 * SECOND, "UTC", 1, "readings"),
    (7 * MINUTE, "UTC", 0, "readings"),
    (HOUR, "UTC", 2, "readings"),
]


@pytest.mark.parametrize("rolled", [0, T0 + DAY + HOUR, NOW])
async def test_buckets_are_what_the_readings_come_to(store: SqlStore, rolled: int) -> None:
    await store.append([one for one in GIVEN if one.measured_at < NOW])
    if rolled:
        await Roller(store.rollups, VirtualClock(rolled), lambda _: HOLD).catch_up()
    for every, zone, worst, source in CASES:
        calendar = Calendar(every, zone)
        found = await store.summary(SERIES, Wish(T0, NOW, calendar, HOLD, worst), NOW)
        assert found.source == source
        wanted = expected(calendar, worst)
        assert [bucket[:2] for bucket in found.buckets] == [bucket[:2] for bucket in wanted]
        for (_, _, one), (_, _, other) in zip(found.buckets, wanted, strict=True):
            assert (one.n, one.bad, one.covered) == (other.n, other.bad, other.covered)
            assert (one.minimum, one.maximum) == (other.minimum, other.maximum)
            assert (one.mean, one.std) == (near(other.mean), near(other.std))


@pytest.mark.parametrize("lot", [1, 7, 1000])
async def test_it_does_not_matter_how_many_readings_are_taken_at_once(store: SqlStore, lot: int) -> None:
    at_one_time = [replace(reading(n, float(n)), measured_at=T0 + HOUR) for n in range(5000, 5012)]
    given = [one for one in GIVEN[:120] if one.measured_at != T0 + HOUR] + at_one_time
    await store.append(given)
    points: list[Point] = sorted((r.measured_at, r.value, r.quality.rank) for r in given)
    for every in (30 * SECOND, 7 * MINUTE, 90 * MINUTE + SECOND):
        calendar = Calendar(every)
        found = await store.summary(SERIES, Wish(T0, T0 + 7 * HOUR, calendar, HOLD, 0, lot), NOW)
        step = MINUTE if every % MINUTE == 0 else every
        begin = calendar.begin(T0)
        end = calendar.end(calendar.begin(T0 + 7 * HOUR - 1))
        wanted = gather(calendar, roll(points, begin, end, step, HOLD, 0).items())
        assert [bucket[:2] for bucket in found.buckets] == [bucket[:2] for bucket in wanted]
        for (_, _, one), (_, _, other) in zip(found.buckets, wanted, strict=True):
            assert (one.n, one.bad, one.covered) == (other.n, other.bad, other.covered)
            assert (one.minimum, one.maximum) == (other.minimum, other.maximum)
            assert (one.mean, one.std) == (near(other.mean), near(other.std))


async def test_buckets_are_whole_at_the_beginning_and_end_at_now(store: SqlStore) -> None:
    await store.append([one for one in GIVEN if one.measured_at < NOW])
    wish = Wish(T0 + HOUR + 5 * MINUTE, T0 + 3 * HOUR + 1, Calendar(HOUR), HOLD)
    found = await store.summary(SERIES, wish, NOW)
    assert [begin for begin, _, _ in found.buckets] == [T0 + HOUR, T0 + 2 * HOUR, T0 + 3 * HOUR]
    last = (await store.summary(SERIES, Wish(T0, NOW + DAY, Calendar(DAY), HOLD), NOW)).buckets[-1]
    assert last[2].covered <= NOW - last[0]


async def test_of_what_was_never_stored_there_is_nothing(store: SqlStore) -> None:
    found = await store.summary(SERIES, Wish(T0, NOW, Calendar(HOUR), HOLD), NOW)
    assert found.buckets == []
