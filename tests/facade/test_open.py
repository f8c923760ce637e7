"""A database alone is enough to look: no broker, no controller."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

import godkaiser
from godkaiser import blocking
from godkaiser.engine.effect import AlarmChange, NodeRecord, RuleNotice, SeriesRecord
from godkaiser.errors import ControllerGoneError, DatabaseBrokenError, SettingsError
from godkaiser.io.clock import VirtualClock
from godkaiser.io.roller import Roller
from godkaiser.io.sql.store import SqlStore
from godkaiser.model.instant import HOUR, MINUTE, SECOND
from godkaiser.model.quantity import Quality
from tests.io.test_sql_store import NODE, SERIES, reading
from tests.services import Postgres

SPAN = {"since": "2022-12-07T08:00:00Z", "until": "2022-12-07T12:00:00Z"}
T0 = 1_670_400_000 * SECOND  # 2022-12-07T08:00Z: a controller's clock says now
GIVEN = [replace(reading(n, float(n)), measured_at=T0 + n * 30 * SECOND) for n in range(300)]
GIVEN[7] = replace(GIVEN[7], value=None, quality=Quality.ERROR)


@pytest.fixture(params=["sqlite", "postgresql"])
async def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    address = f"sqlite:///{tmp_path / 'godkaiser.db'}"
    if request.param == "postgresql":
        server: Postgres = request.getfixturevalue("postgres")
        address = await server.fresh()
    store = await SqlStore.open(address, tmp_path)
    node = NodeRecord(NODE, "approved", "flowering node", None, "b", 1, True, T0)
    await store.append([node, SeriesRecord(SERIES, "°C", ""), *GIVEN])
    await store.append([AlarmChange(T0, "k", "raised", "raised", "high", "text", "", "")])
    await store.append(
        [RuleNotice(T0 + n * SECOND, "hot", "websocket", "", f"told {n}", n) for n in range(3)]
    )
    await Roller(store.rollups, VirtualClock(T0 + HOUR), lambda _: 3 * MINUTE).catch_up()
    await store.close()
    return address


async def test_readings_as_they_were_stored(url: str) -> None:
    async with godkaiser.open(url) as farm:
        assert [sensor.id for sensor in farm.sensors] == [SERIES]
        frame = await farm.history(SERIES, **SPAN)
        assert len(frame) == 300
        assert frame["value"].isna().sum() == 1
        assert frame["quality"].iloc[7] == "error"
        assert frame["raw"].tolist() == [26000.5] * 300
        assert frame["calibration"].tolist() == [0] * 300
        assert frame.index[1].timestamp() == (T0 + 30 * SECOND) / SECOND
        assert frame.attrs["units"] == {"value": "°C"}
        assert "coverage" not in frame
        provenance = frame.attrs["provenance"]["value"]
        assert provenance["source"] == "readings"
        assert "@" not in provenance["database"], "nobody's name or password"


async def test_buckets_where_half_of_it_is_rolled_up(url: str) -> None:
    async with godkaiser.open(url) as farm:
        frame = await farm.history(SERIES, **SPAN, every="5min")
        assert frame["readings"].tolist()[:3] == [9, 10, 10]
        assert frame["readings"].sum() == 299
        assert frame["bad"].sum() == 1
        assert frame["value"].iloc[1] == pytest.approx(14.5)
        assert frame.attrs["provenance"]["value"]["source"] == "1 min"


async def test_what_happened_and_what_needs_a_controller(url: str) -> None:
    async with godkaiser.open(url) as farm:
        alarms = await farm.alarm_history("2022-12-07T00:00:00Z", "2022-12-08T00:00:00Z")
        assert alarms["step"].tolist() == ["raised"]
        assert len(await farm.decisions()) == len(await farm.commands()) == len(await farm.heartbeats()) == 0
        told = await farm.notices(SPAN["since"], "2022-12-07T08:00:02Z")
        assert told["text"].tolist() == ["told 0", "told 1"]
        assert (told["rule"].tolist(), str(told.index.tz)) == (["hot"] * 2, "UTC")  # type: ignore[attr-defined]
        with pytest.raises(ControllerGoneError):
            await farm.stop("no")


async def test_the_same_without_await_and_nothing_is_changed(url: str) -> None:
    def look() -> int:
        with blocking.open(url) as farm:
            assert farm.notices(SPAN["since"])["text"].tolist() == ["told 0", "told 1", "told 2"]
            return len(farm.history(SERIES, SPAN["since"], SPAN["until"]))

    assert await asyncio.to_thread(look) == 300


async def test_a_database_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(DatabaseBrokenError):
        await godkaiser.open(f"sqlite:///{tmp_path / 'none.db'}")
    assert not (tmp_path / "none.db").exists()
    with pytest.raises(SettingsError) as caught:
        await godkaiser.open("mysql://host/db")
    assert "mysql" in str(caught.value)
