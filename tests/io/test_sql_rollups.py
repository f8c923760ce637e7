"""Whatever comes in whatever order: the roll-ups are what all stored readings come to."""

import asyncio
import math
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from godkaiser.errors import StoreAwayError
from godkaiser.io.clock import VirtualClock
from godkaiser.io.roller import Roller
from godkaiser.io.sql.store import SqlStore
from godkaiser.model.ids import SeriesId
from godkaiser.model.instant import DAY, HOUR, MINUTE, SECOND
from godkaiser.model.quantity import Quality
from godkaiser.model.reading import Reading
from godkaiser.model.rollup import SPANS
from tests.examples import examples
from tests.io.test_sql_store import SERIES, reading
from tests.services import Postgres

T0 = 20_000 * DAY
NOW = T0 + 4 * DAY
Row = tuple[int, int, float | None, float | None, float | None, float | None, int, float]


# ── what they should be, by another way ────────────────────────────────────────────────────────────────
def expected(readings: Sequence[Reading], hold: int, now: int) -> dict[tuple[int, int], list[float | None]]:
    """Each bucket by itself: cut out the pieces of time in which a value held, and sum them up."""
    ordered = sorted({(r.measured_at, r.boot, r.seq): r for r in reversed(readings)}.items())
    pieces, kept = list[tuple[int, int, float]](), [one for _, one in ordered]
    for one, following in zip(kept, [*kept[1:], None], strict=False):
        end = min(one.measured_at + hold, now, now if following is None else following.measured_at)
        if trusted(one) and one.value is not None and end > one.measured_at:
            pieces.append((one.measured_at, end, one.value))
    found = {}
    for span in SPANS:
        begins = {r.measured_at // span * span for r in kept}
        begins |= {at for begin, end, _ in pieces for at in range(begin // span * span, end, span)}
        for at in begins:
            if at + span <= now:
                found[span // SECOND, at] = bucket(kept, pieces, at, at + span)
    return found


def trusted(one: Reading) -> bool:
    return one.value is not None and one.quality in (Quality.GOOD, Quality.UNCALIBRATED)


def bucket(
    readings: list[Reading], pieces: list[tuple[int, int, float]], begin: int, end: int
) -> list[float | None]:
    inside = [one for one in readings if begin <= one.measured_at < end]
    cut = [(min(e, end) - max(b, begin), value) for b, e, value in pieces if b < end and e > begin]
    values = [value for _, value in cut] + [
        one.value for one in inside if trusted(one) and one.value is not None
    ]
    covered = sum(length for length, _ in cut)
    mean = std = None
    if covered:
        mean = math.fsum(length * value for length, value in cut) / covered
        std = math.sqrt(math.fsum(length * (value - mean) ** 2 for length, value in cut) / covered)
    n = sum(map(trusted, inside))
    least, most = (min(values), max(values)) if values else (None, None)
    return [n, mean, least, most, std, len(inside) - n, covered / SECOND]


# ── batches, in any order ──────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class Case:
    batches: list[list[Reading]]
    hold: int

    @property
    def readings(self) -> list[Reading]:
        return [one for batch in self.batches for one in batch]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    minutes = draw(st.lists(st.integers(0, 2 * 24 * 60), min_size=1, max_size=6))
    moments = st.tuples(st.sampled_from(minutes), st.integers(-10, 10), st.integers(0, 59))
    made = [
        replace(
            reading(draw(st.integers(0, 2)), draw(st.none() | st.integers(-50, 50).map(float))),
            measured_at=T0 + (minute + near) * MINUTE + second * SECOND,
            quality=draw(st.sampled_from(Quality)),
            boot=draw(st.integers(0, 1)),
        )
        for minute, near, second in draw(st.lists(moments, max_size=30))
    ]
    made += draw(st.lists(st.sampled_from(made), max_size=5)) if made else []
    shuffled = draw(st.permutations(made))
    cuts = sorted(draw(st.lists(st.integers(0, len(made)), max_size=4)))
    batches = [shuffled[a:b] for a, b in zip([0, *cuts], [*cuts, len(made)], strict=True)]
    return Case([list(batch) for batch in batches], draw(st.sampled_from([20 * SECOND, 3 * MINUTE, HOUR])))


class World:
    """One database for many cases, each a series of its own."""

    def __init__(self, url: str | None, place: Path) -> None:
        self.runner = asyncio.Runner()
        self.store = self.runner.run(SqlStore.open(url, place))
        self.count = 0
        self.holds: dict[SeriesId, int] = {}

    def close(self) -> None:
        self.runner.run(self.store.close())
        self.runner.close()

    def check(self, case: Case) -> None:
        self.count += 1
        series = SeriesId.parse(f"ESP_AB12CD/{self.count % 40}/ds18b20@{self.count:016X}")
        self.holds[series] = case.hold
        given = [[replace(one, series=series) for one in batch] for batch in case.batches]
        self.runner.run(self._check(series, given, case))

    async def _check(self, series: SeriesId, given: list[list[Reading]], case: Case) -> None:
        clock = VirtualClock(T0)
        roller = Roller(self.store.rollups, clock, self.holds.__getitem__)
        for place, batch in enumerate(given, 1):
            await self.store.append(batch)
            clock.advance(T0 + (NOW - T0) * place // len(given))
            await roller.catch_up()
        clock.advance(NOW + 2 * DAY)
        await roller.catch_up()
        same(await stored(self.store, series), expected(case.readings, case.hold, NOW + DAY))
        assert await self.store.rollups.waiting(NOW + 2 * DAY) == 0


async def stored(store: SqlStore, series: SeriesId = SERIES) -> dict[tuple[int, int], list[float | None]]:
    query = text(
        "SELECT span_s, at, n, mean, minimum, maximum, std, bad, covered_s FROM rollup JOIN series"
        " ON series.id = series_id WHERE name = :name"
    ).bindparams(name=str(series))
    return {(row[0], row[1]): list(row[2:]) for row in await store.fetch(query)}


def same(
    found: dict[tuple[int, int], list[float | None]], wanted: dict[tuple[int, int], list[float | None]]
) -> None:
    assert found.keys() == wanted.keys()
    for key, numbers in wanted.items():
        assert found[key] == [
            None if number is None else pytest.approx(number, rel=1e-9, abs=1e-6) for number in numbers
        ], key


@pytest.fixture(scope="module")
def on_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    world = World(None, tmp_path_factory.mktemp("rollups"))
    yield world
    world.close()


@pytest.fixture(scope="module")
def on_postgres(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with asyncio.Runner() as runner:
        url = runner.run(postgres.fresh())
    world = World(url, tmp_path_factory.mktemp("rollups"))
    yield world
    world.close()


QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large]


@settings(suppress_health_check=QUIET)
@given(cases())
def test_roll_ups_are_what_the_readings_come_to(on_sqlite: World, case: Case) -> None:
    on_sqlite.check(case)


@examples(12, suppress_health_check=QUIET)
@given(cases())
def test_so_on_postgresql(on_postgres: World, case: Case) -> None:
    on_postgres.check(case)


# ── special cases ──────────────────────────────────────────────────────────────────────────────────────
@pytest.fixture(params=["sqlite", "postgresql"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SqlStore]:
    url = None
    if request.param == "postgresql":
        server: Postgres = request.getfixturevalue("postgres")
        url = await server.fresh()
    made = await SqlStore.open(url, tmp_path)
    yield made
    await made.close()


def at(moment: int, value: float | None = 20.0) -> Reading:
    return replace(reading(1, value), measured_at=moment)


async def roll(store: SqlStore, now: int = NOW + 2 * DAY) -> None:
    await Roller(store.rollups, VirtualClock(now), lambda _: 3 * MINUTE).catch_up()


async def test_a_database_of_before_roll_ups_is_rolled_up_whole(store: SqlStore) -> None:
    given = [at(T0 + n * 7 * HOUR, float(n)) for n in range(9)]
    await store.append(given)
    await store.execute(text("DELETE FROM rollup_due"))
    await roll(store)
    same(await stored(store), expected(given, 3 * MINUTE, NOW + 2 * DAY))


async def test_a_minute_that_goes_on_is_not_rolled_up_yet(store: SqlStore) -> None:
    await store.append([at(T0 + 10 * SECOND)])
    await roll(store, T0 + 50 * SECOND)
    assert await stored(store) == {}
    await roll(store, T0 + MINUTE + 5 * SECOND)
    assert await stored(store) == {(60, T0): [1, 20.0, 20.0, 20.0, 0.0, 0, 50.0]}


async def test_readings_of_one_minute_mark_it_once(store: SqlStore) -> None:
    for n in range(3):
        await store.append([replace(at(T0 + n), seq=n) for _ in range(5)])
    assert len(await store.fetch(text("SELECT * FROM rollup_due"))) == 1


async def test_who_comes_after_a_pass_marks_again(store: SqlStore) -> None:
    await store.append([at(T0)])
    await roll(store)
    await store.append([at(T0 + SECOND, 30.0)])
    await roll(store)
    assert (await stored(store))[60, T0][0] == 2


async def test_what_could_not_be_stored_has_marked_nothing(store: SqlStore) -> None:
    await store.close()
    with pytest.raises(StoreAwayError):
        await store.append([at(T0)])
    assert store.rollups.marked == 0


@pytest.mark.parametrize("told", [True, False])
async def test_a_bucket_whose_readings_are_gone_keeps_what_it_had(store: SqlStore, told: bool) -> None:
    """Also when a straggler comes; `told`: the one who deleted has left word."""
    await store.append([at(T0), at(T0 + SECOND, 30.0), at(T0 + DAY)])
    await roll(store)
    before = await stored(store)
    await store.execute(text("DELETE FROM reading WHERE measured_at < :at").bindparams(at=T0 + HOUR))
    if told:
        await store.execute(
            text("INSERT INTO meta (key, value) VALUES ('raw_since', :at)").bindparams(at=str(T0 + HOUR))
        )
    await store.append([at(T0 + 2 * SECOND, -99.0)])
    await roll(store)
    after = await stored(store)
    kept = [(60, T0), (900, T0), (3600, T0), (86400, T0)]
    assert {key: after[key][:1] for key in kept} == {key: before[key][:1] for key in kept}
    assert after[60, T0] == before[60, T0]


async def test_readings_that_were_deleted_too_early_are_told_once_at_the_start(
    store: SqlStore, caplog: pytest.LogCaptureFixture
) -> None:
    await store.append([at(T0)])
    now = T0 + 26 * HOUR
    for hours, told in ((1, 1), (0, 0)):  # a day, an hour and a value's three minutes are needed
        await state(store, hours)
        caplog.clear()
        roller = Roller(store.rollups, VirtualClock(now), lambda _: 3 * MINUTE)
        await roller.catch_up()
        await roller.catch_up()
        said = [record.message for record in caplog.records if record.name == "godkaiser.io.roller"]
        assert len(said) == told
        assert all("25.05 h" in one for one in said), said


async def state(store: SqlStore, hours: int) -> None:
    """Readings before that were deleted."""
    raw_since = str(T0 + hours * HOUR)
    await store.execute(text("DELETE FROM meta WHERE key = 'raw_since'"))
    await store.execute(
        text("INSERT INTO meta (key, value) VALUES ('raw_since', :at)").bindparams(at=raw_since)
    )


async def test_nonsense_in_its_tables_does_not_end_the_controller(store: SqlStore) -> None:
    """The task is one of those without which the program ends; a broken statistic must not switch control off."""
    await store.append([at(NOW)])
    await store.execute(text("insert into meta (key, value) values ('holds', 'nonsense')"))
    roller = Roller(store.rollups, VirtualClock(NOW + DAY), lambda _: 3 * MINUTE)
    task = asyncio.create_task(roller.run())
    await asyncio.sleep(0.5)
    assert not task.done()
    await store.execute(text("delete from meta where key = 'holds'"))
    async with asyncio.timeout(60):
        while not await stored(store):
            await asyncio.sleep(0.05)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
