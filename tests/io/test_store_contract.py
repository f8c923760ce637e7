"""What every store does: in memory, SQLite and PostgreSQL. What only databases do is in the second half."""

from __future__ import annotations

import asyncio
import gc
import random
from collections.abc import AsyncIterator
from dataclasses import fields, replace
from pathlib import Path

import pytest
from sqlalchemy import text

from godkaiser.errors import RecordRefusedError, StoreAwayError
from godkaiser.io.sql.readings import BURST
from godkaiser.io.sql.store import SqlStore
from godkaiser.io.sql.table import AuditRow, HeartbeatRow
from godkaiser.model.ids import KaiserId, NodeId, SeriesId, ZoneId
from godkaiser.model.instant import SECOND
from godkaiser.model.quantity import Quality
from godkaiser.model.reading import Reading
from godkaiser.model.report import Heartbeat
from godkaiser.ports import Columns, Store
from godkaiser.testing import MemoryStore
from tests.cancelling import cancelled_at
from tests.io.test_sql_store import NODE, SERIES, T0, reading
from tests.services import Postgres

OTHER = SeriesId.parse("ESP_AB12CD/4/ds18b20@28FF641E8D3C0C79")
END = T0 + 10**6 * SECOND


@pytest.fixture(params=["sqlite", "postgresql"])
async def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'godkaiser.db'}"
    server: Postgres = request.getfixturevalue("postgres")
    return await server.fresh()


@pytest.fixture
async def database(address: str, tmp_path: Path) -> AsyncIterator[SqlStore]:
    made = await SqlStore.open(address, tmp_path)
    yield made
    await made.close()


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    if request.param == "memory":
        yield MemoryStore()
        return
    url = None
    if request.param == "postgresql":
        server: Postgres = request.getfixturevalue("postgres")
        url = await server.fresh()
    made = await SqlStore.open(url, tmp_path)
    yield made
    await made.close()


async def stored(store: Store, series: SeriesId = SERIES) -> int:
    return len((await store.history(series, 0, END, None)).times)


# ── every store ────────────────────────────────────────────────────────────────────────────────────────────


async def test_what_is_appended_is_found_again_exactly(store: Store) -> None:
    given = [
        reading(1), reading(2, 0.0), reading(3, None, Quality.ERROR), reading(4, -0.1, Quality.SUSPECT),
        replace(reading(5, 5e-324, Quality.UNCALIBRATED), calibration=3), reading(6, 1.7976931348623157e308),
    ]  # fmt: skip
    assert await store.append(given) == (6, 0)
    columns = await store.history(SERIES, T0, END, None)
    assert columns.times == [r.measured_at for r in given]
    assert [repr(value) for value in columns.values] == [repr(r.value) for r in given]
    assert columns.quality == [r.quality.value for r in given]
    assert columns.raw == [26000.5] * 6
    assert columns.calibration == [0, 0, 0, 0, 3, 0]


async def test_the_key_is_series_time_boot_and_seq(store: Store) -> None:
    first = reading(1)
    others = [
        replace(first, seq=2),
        replace(first, boot=2),
        replace(first, measured_at=first.measured_at + 1),
        replace(first, series=OTHER),
    ]
    assert await store.append([first, *others]) == (5, 0)
    again = [
        replace(first, value=99.0, raw=1.0, received_at=END, zone=None, quality=Quality.SUSPECT),
        *others,
    ]
    assert await store.append(again) == (0, 5)
    columns = await store.history(SERIES, T0, END, None)
    assert columns.values == [20.0] * 4, "who comes first counts"
    assert await stored(store, OTHER) == 1


async def test_a_repeat_is_counted_also_within_one_batch(store: Store) -> None:
    assert await store.append([reading(1), reading(2), reading(1)]) == (2, 1)
    assert await store.append([reading(2), reading(3)]) == (1, 1)
    assert await store.append([]) == (0, 0)
    assert await stored(store) == 3


async def test_readings_of_one_moment_come_in_one_order(store: Store) -> None:
    same = [replace(reading(1, float(n)), seq=n % 3, boot=n // 3) for n in range(6)]
    await store.append(same[::-1])
    assert (await store.history(SERIES, T0, END, None)).values == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    assert (await store.history(SERIES, T0, END, 2)).values == [4.0, 5.0]


async def test_history_is_half_open_and_the_limit_takes_the_newest(store: Store) -> None:
    await store.append([reading(seq, float(seq)) for seq in range(10)])
    inside = await store.history(SERIES, T0 + 2 * SECOND, T0 + 5 * SECOND, None)
    assert inside.values == [2.0, 3.0, 4.0]
    assert (await store.history(SERIES, T0, END, 3)).values == [7.0, 8.0, 9.0]
    assert (await store.history(SERIES, T0, END, 99)).values == [float(n) for n in range(10)]
    assert (await store.history(SERIES, T0 + SECOND, T0 + SECOND, None)).times == []
    assert (await store.history(OTHER, T0, END, None)).times == []


async def test_history_of_one_zone(store: Store) -> None:
    there = ZoneId.parse("elsewhere")
    await store.append([reading(1), replace(reading(2), zone=there), replace(reading(3), zone=None)])
    assert (await store.history(SERIES, T0, END, None, "elsewhere")).times == [T0 + 2 * SECOND]
    assert (await store.history(SERIES, T0, END, None, "nowhere")).times == []


async def test_every_store_counts_as_the_one_in_memory(store: Store) -> None:
    draw, model = random.Random(7), MemoryStore()
    for size in (1, BURST - 1, BURST, 3, BURST + 1, 700, 1):
        batch = [
            replace(
                reading(draw.randrange(400), draw.choice([None, 0.0, 1.5])),
                series=draw.choice([SERIES, OTHER]),
                seq=draw.randrange(2),
                boot=draw.randrange(2),
            )
            for _ in range(size)
        ]
        assert await store.append(batch) == await model.append(batch)
    for series in (SERIES, OTHER):
        assert await store.history(series, 0, END, None) == await model.history(series, 0, END, None)


async def test_a_store_that_was_closed_is_away(store: Store) -> None:
    await store.append([reading(1)])
    await store.close()
    with pytest.raises(StoreAwayError, match="closed"):
        await store.append([reading(2)])
    with pytest.raises(StoreAwayError, match="closed"):
        await store.history(SERIES, T0, END, None)
    await store.close()


# ── databases ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("count", [1, BURST])
async def test_every_column_gets_its_own_value(database: SqlStore, count: int) -> None:
    odd = Reading(
        series=SERIES, value=1.25, raw=2.5, unit="°C", quality=Quality.SUSPECT, reason="jump ö",
        zone=ZoneId.parse("z"), measured_at=T0, received_at=T0 + 5, boot=2**62, seq=2**63 - 1, cause=9,
        server_timed=True, calibration=4,
    )  # fmt: skip
    await database.append([odd, *(reading(n) for n in range(1, count))])
    query = text("select * from reading where boot > 1")
    (row,) = await database.fetch(query)
    found = row._mapping
    for name in {f.name for f in fields(Reading)} - {"series", "unit", "quality", "cause", "usable"}:
        assert found[name] == getattr(odd, name), name
    assert found["quality"] == Quality.SUSPECT.rank


@pytest.mark.parametrize("count", [3, BURST + 3])
@pytest.mark.parametrize(
    "damage", [{"seq": 2**63}, {"boot": -(2**63) - 1}, {"reason": "\ud800"}, {"raw": None}]
)
async def test_what_no_database_takes_is_refused_and_nothing_of_the_batch_is_there(
    database: SqlStore, damage: dict[str, object], count: int
) -> None:
    bad = replace(reading(5, None, Quality.ERROR), **damage)  # type: ignore[arg-type]  # on purpose
    batch = [*(reading(n) for n in range(10, 10 + count)), bad]
    with pytest.raises(RecordRefusedError):
        await database.append(batch)
    assert await stored(database) == 0
    assert await database.append(batch[:-1]) == (count, 0)


@pytest.mark.parametrize("count", [1, BURST])
async def test_a_zero_sign_is_refused_where_the_database_does_not_take_it(
    database: SqlStore, count: int
) -> None:
    batch = [replace(reading(n), reason="a\0b") for n in range(count)]
    if database._postgres:
        with pytest.raises(RecordRefusedError):
            await database.append(batch)
        assert await stored(database) == 0
    else:
        assert await database.append(batch) == (count, 0)


async def test_a_full_disk_means_away_and_is_no_fault_of_the_record(tmp_path: Path) -> None:
    store = await SqlStore.open(None, tmp_path)
    await store.append([reading(1)])
    await store.execute(text("PRAGMA max_page_count = 1"))  # no page more than there are now
    with pytest.raises(StoreAwayError, match="full"):
        await store.append([reading(n) for n in range(5000)])
    assert await stored(store) == 1
    assert await store.append([reading(n) for n in range(5000)]) == (4999, 1), "a new connection has no limit"
    await store.close()


async def test_who_reads_during_a_large_append_sees_all_of_it_or_nothing(database: SqlStore) -> None:
    await database.append([reading(0)])
    count = 20_000
    writing = asyncio.create_task(database.append([reading(n) for n in range(1, count)]))
    seen = set()
    async with asyncio.timeout(60):
        while not writing.done():
            seen.add(await stored(database))
            await asyncio.sleep(0)
        assert await writing == (count - 1, 0)
    assert seen <= {1, count}
    assert await stored(database) == count


async def test_an_append_that_is_given_up_leaves_all_or_nothing(database: SqlStore) -> None:
    count = 5000
    writing = asyncio.create_task(database.append([reading(n) for n in range(count)]))
    await asyncio.sleep(0.01)
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    before = await stored(database)
    assert before in {0, count}
    assert await database.append([reading(n) for n in range(count)]) == (count - before, before)


async def test_two_writers_of_the_same_readings_store_them_once(
    address: str, database: SqlStore, tmp_path: Path
) -> None:
    other = await SqlStore.open(address, tmp_path)
    for start in range(0, 900, 300):
        batch = [reading(n) for n in range(start, start + 300)]
        results = await asyncio.gather(database.append(batch), other.append(batch))
        assert sorted(results) == [(0, 300), (300, 0)]
    await other.close()
    assert await stored(database) == 900


async def test_a_heartbeat_is_kept_once_per_node_and_moment(database: SqlStore) -> None:
    beat = Heartbeat(
        at=T0, kaiser=KaiserId.parse("god"), node=NODE, ts=1, uptime=2**40, heap_free=120_000, wifi_rssi=-60,
        sensor_count=None, actuator_count=0, zone_assigned=None, boot_id="b", handover_epoch=3, modern=True,
        degraded=("network", "mqtt"),
    )  # fmt: skip
    other = replace(beat, node=NodeId.parse("ESP_FFFFFF"))
    await database.append([beat, replace(beat, uptime=1), replace(beat, at=T0 + 1), other])
    rows = await database.rows(HeartbeatRow, "at")
    assert [(row["node"], row["at"]) for row in rows if row["node"] == NODE] == [(NODE, T0), (NODE, T0 + 1)]
    (first,) = [row for row in rows if (row["node"], row["at"]) == (NODE, T0)]
    assert (first["uptime"], first["sensor_count"], first["actuator_count"]) == (2**40, None, 0)
    assert (first["wifi_rssi"], first["degraded"]) == (-60, '["network", "mqtt"]')
    assert len(rows) == 3
    assert await database.rows(AuditRow) == []


async def test_an_opening_that_is_cancelled_anywhere_leaves_no_connection_behind(
    address: str, tmp_path: Path
) -> None:
    """A connection nobody closes says so when it is collected, and warnings are errors here."""
    reached, place = True, 1
    while reached:
        place += 1 + place // 10  # closer at the beginning
        opening, reached = await cancelled_at(SqlStore.open(address, tmp_path), place)
        if not opening.cancelled():
            await opening.result().close()
        del opening
        gc.collect()
    assert place > 10, "it was cancelled at one place after the other"
    made = await SqlStore.open(address, tmp_path)
    assert await made.append([reading(1)]) == (1, 0)
    await made.close()


@pytest.mark.parametrize("warm", [False, True], ids=["new connection", "kept connection"])
@pytest.mark.parametrize("times", [1, 3], ids=["once", "thrice"])
async def test_a_transaction_that_is_cancelled_anywhere_keeps_no_lock(
    address: str, times: int, warm: bool, tmp_path: Path
) -> None:
    """The next one has a connection that works, also while somebody still looks at the task that was cancelled."""
    reached, place = True, 0
    while reached:
        place += 1
        store = await SqlStore.open(address, tmp_path)
        if warm:
            await store.append([reading(-place)])
        first = [replace(reading(1), boot=place), replace(reading(2), boot=place, series=OTHER)]
        writing, reached = await cancelled_at(store.append(first), place, times)
        async with asyncio.timeout(8):  # less than a writer waits for another's lock
            assert await store.append(first) in ([(2, 0), (0, 2)] if writing.cancelled() else [(0, 2)])
        await store.close()
        del writing
        gc.collect()
    assert place > 2, "it was cancelled at one place after the other"


async def test_a_question_that_is_cancelled_anywhere_leaves_no_connection_behind(database: SqlStore) -> None:
    await database.append([reading(n) for n in range(50)])
    reached, place = True, 0
    while reached:
        place += 1
        _, reached = await cancelled_at(database.history(SERIES, 0, END, None), place)
        gc.collect()
        assert await stored(database) == 50
    assert place > 2, "it was cancelled at one place after the other"


async def test_a_question_under_way_at_the_end_leaves_no_connection_behind(
    address: str, tmp_path: Path
) -> None:
    store = await SqlStore.open(address, tmp_path)
    await store.append([reading(n) for n in range(2000)])
    asking = [asyncio.create_task(store.history(SERIES, 0, END, None)) for _ in range(3)]
    for _ in range(3):
        await asyncio.sleep(0)
    await store.close()
    answers = await asyncio.gather(*asking, return_exceptions=True)
    for answer in answers:
        assert isinstance(answer, StoreAwayError) or (
            isinstance(answer, Columns) and len(answer.times) == 2000
        )
    del asking, answers
    gc.collect()
