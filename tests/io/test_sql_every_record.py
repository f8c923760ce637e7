"""Whatever the engine wants to have kept leaves a trace in the database: no kind of record is passed over."""

from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, get_args

import pytest
from sqlalchemy import func, select
from sqlmodel import SQLModel

from godkaiser.engine import effect as fx
from godkaiser.io.sql.store import SqlStore
from godkaiser.model.calibration import Calibration
from godkaiser.model.ids import ActuatorId, KaiserId, NodeId, SeriesId
from godkaiser.model.outcome import Fate, Outcome
from godkaiser.model.quantity import Quality
from godkaiser.model.reading import Reading
from godkaiser.model.report import Heartbeat
from godkaiser.model.site import ActuatorSpec
from tests.services import Postgres

NODE = NodeId.parse("ESP_AB12CD")
FAN = ActuatorId.of(NODE, 25)
AIR = SeriesId.of(NODE, 0, "sht31_temp", "0x44")
SPEC = ActuatorSpec(node=NODE, gpio=25, type="relay")
RECORDS: tuple[Any, ...] = (
    Reading(AIR, 20.0, 1.0, "°C", Quality.GOOD, "", 1, 1, None, 1, 1, 1),
    fx.Decision("cool", 1, "true", True, "", 1),
    fx.RuleTrace("cool", 1, "sample", "false", False, {"text": "air is above 28 °C"}, [], 1),
    fx.RuleNotice(1, "cool", "websocket", "", "hot", 1),
    Outcome("p1", FAN, 1.0, Fate.SENT, 1, "ann", "person", "", (), "c1", 1),
    fx.NodeRecord(NODE, "approved", "", None, "", 1, True, 1),
    fx.SeriesRecord(AIR, "°C", ""),
    fx.Audit(1, "ann", "stop", "all", ""),
    fx.AlarmChange(1, "k", "raise", "new", "high", "", "", ""),
    fx.ActuatorChange(1, FAN, 1.0, ""),
    fx.Watched(1),
    SPEC,
    fx.CalibrationRecord(AIR, Calibration(offset=1.0).numbered(1, "ann", 1, None)),
    fx.Placed(NODE, 1, "house"),
    Heartbeat(1, KaiserId.parse("god"), NODE, 1, 1, 1, -60, None, None, None, "b", 0, modern=True),
)


@pytest.fixture(params=["sqlite", "postgresql"])
async def url(request: pytest.FixtureRequest) -> str | None:
    if request.param == "sqlite":
        return None
    server: Postgres = request.getfixturevalue("postgres")
    return await server.fresh()


async def rows(store: SqlStore) -> int:
    tables = SQLModel.metadata.tables.values()
    return sum([(await store.fetch(select(func.count()).select_from(table)))[0][0] for table in tables])


def test_every_kind_is_there() -> None:
    assert {type(record) for record in RECORDS} | {fx.ActuatorGone} == set(get_args(fx.Record))


async def test_each_leaves_a_trace(url: str | None, tmp_path: Path) -> None:
    async with AsyncExitStack() as ending:
        store = await SqlStore.open(url, tmp_path)
        ending.push_async_callback(store.close)
        for record in RECORDS:
            before = await rows(store)
            await store.append([record])
            assert await rows(store) > before or isinstance(record, fx.SeriesRecord), record
        before = await rows(store)
        await store.append([fx.ActuatorGone(FAN)])
        assert await rows(store) == before - 1
        assert await store.fetch(select(SQLModel.metadata.tables["series"].c.name)) == [(AIR,)]
