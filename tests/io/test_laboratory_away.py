"""Calibrating while the database is gone: it counts, and whoever asked is told that it is not on disk yet."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import pytest

from godkaiser.engine.effect import CalibrationRecord
from godkaiser.engine.engine import Engine
from godkaiser.engine.state import from_site
from godkaiser.errors import StoreAwayError
from godkaiser.io.accounts import Accounts
from godkaiser.io.archive import Archive
from godkaiser.io.clerk import Clerk
from godkaiser.io.clock import VirtualClock
from godkaiser.io.depot import Depot
from godkaiser.io.laboratory import Laboratory
from godkaiser.io.rulebook import Rulebook
from godkaiser.io.runner import Runner
from godkaiser.io.sql.store import SqlStore
from godkaiser.io.sql.users import UserTable
from godkaiser.model.ids import NodeId, SeriesId
from godkaiser.model.instant import SECOND
from godkaiser.model.site import Site
from godkaiser.testing import MemoryJournal, MemoryStore, RecordingLink
from tests.io.rig import until

NODE = NodeId.parse("ESP_AB12CD")
SOIL = SeriesId.of(NODE, 34, "moisture")
T0 = 1_800_000_000 * SECOND
SITE = Site.model_validate(
    {
        "nodes": [{"id": NODE, "approved": True}],
        "sensors": [{"node": NODE, "gpio": 34, "type": "moisture", "name": "soil", "adc": "esp32"}],
    }
)
POINTS = [{"raw": 2800, "role": "dry"}, {"raw": 1200, "role": "wet"}]


@asynccontextmanager
async def laboratory() -> AsyncIterator[tuple[Laboratory, MemoryStore]]:
    store = MemoryStore()
    nobody = Accounts(UserTable(cast("SqlStore", store)), "nobody signs in")
    engine = Engine(from_site(SITE))
    link = RecordingLink()
    runner = Runner(engine, link, Depot(Archive(store), link, linger=0.01), MemoryJournal(), VirtualClock(T0))
    clerk = Clerk(runner, nobody, speed=1.0, simulated=False)
    book = Rulebook(runner, cast("SqlStore", store))
    task = asyncio.create_task(runner.run())
    try:
        yield Laboratory(runner, clerk, book, kept_within=0.2), store
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def kept(store: MemoryStore) -> list[tuple[int, bool]]:
    found = [one.calibration for one in store.records if isinstance(one, CalibrationRecord)]
    return [(one.version, one.undone_at is not None) for one in found]


async def test_it_counts_says_that_it_is_not_on_disk_and_comes_there_later() -> None:
    async with asyncio.timeout(60), laboratory() as (made, store):
        calibrate, undo, listed = (
            made.methods[f"sensors.{name}"] for name in ("calibrate", "undo", "calibrations")
        )
        store.away = True
        with pytest.raises(StoreAwayError, match="counts, but is not on disk yet") as caught:
            await calibrate(sensor="soil", points=POINTS)
        assert caught.value.remedy
        assert kept(store) == []
        assert [one["version"] for one in await listed(sensor="soil")] == [1]
        store.away = False
        await until(lambda: kept(store) == [(1, False)])
        store.away = True
        with pytest.raises(StoreAwayError):
            await undo(sensor="soil")
        store.away = False
        await until(lambda: kept(store) == [(1, False), (1, True)])
