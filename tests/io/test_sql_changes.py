"""The history of actuators over SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text

from godkaiser.engine.effect import ActuatorChange, Record, Watched
from godkaiser.engine.noted import Noted
from godkaiser.errors import StoreAwayError
from godkaiser.io.sql.changes import ChangeTable
from godkaiser.io.sql.store import SqlStore
from godkaiser.model.ids import ActuatorId
from godkaiser.model.instant import SECOND
from tests.services import Postgres

FAN, PUMP = ActuatorId.parse("ESP_AB12CD/25"), ActuatorId.parse("ESP_AB12CD/14")
T0 = 1_800_000_000 * SECOND


@pytest.fixture(params=["sqlite", "postgresql"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SqlStore]:
    url = None
    if request.param == "postgresql":
        server: Postgres = request.getfixturevalue("postgres")
        url = await server.fresh("postgresql+asyncpg")
    made = await SqlStore.open(url, tmp_path)
    yield made
    await made.close()


def change(second: int, value: float | None, actuator: ActuatorId = FAN) -> Record:
    return ActuatorChange(T0 + second * SECOND, actuator, value, "c1" if value else "")


def noted(second: int, value: float | None) -> Noted:
    return Noted(value, T0 + second * SECOND)


async def between(store: SqlStore, since: int, until: int, actuator: ActuatorId = FAN) -> list[Noted]:
    return await ChangeTable(store).between(actuator, T0 + since * SECOND, T0 + until * SECOND)


async def test_a_window_comes_with_what_was_before(store: SqlStore) -> None:
    await store.append(
        [change(0, 0.0), change(5, 0.8), change(5, None), change(9, 0.0), change(5, 1.0, PUMP)]
    )
    assert await between(store, 6, 9) == [noted(5, None)]
    assert await between(store, 5, 10) == [noted(0, 0.0), noted(5, 0.8), noted(5, None), noted(9, 0.0)]
    assert await between(store, 0, 5) == [noted(0, 0.0)]
    assert await between(store, 0, 99, PUMP) == [noted(5, 1.0)]
    assert await between(store, 0, 99, ActuatorId.parse("ESP_AB12CD/26")) == []


async def test_after_a_start_nobody_knows_since_somebody_looked_last(store: SqlStore) -> None:
    await store.append([change(0, 0.8), Watched(T0 + 60 * SECOND), change(70, 0.0, PUMP)])
    await store.append([Watched(T0 + 65 * SECOND)])
    table = ChangeTable(store)
    for _ in range(2):  # a second start adds nothing
        await table.unwatched([FAN, PUMP, ActuatorId.parse("ESP_AB12CD/26")])
    assert await between(store, 0, 99) == [noted(0, 0.8), noted(65, None)]
    assert await between(store, 0, 99, PUMP) == [noted(70, 0.0), noted(70, None)]


async def test_an_old_database_that_was_never_watched_ends_with_its_last_change(store: SqlStore) -> None:
    await store.append([change(3, 1.0)])
    await ChangeTable(store).unwatched([FAN])
    assert await between(store, 0, 99) == [noted(3, 1.0), noted(3, None)]


async def test_a_database_that_is_away_says_so(store: SqlStore) -> None:
    await store.execute(text("drop table actuator_change"))
    with pytest.raises(StoreAwayError):
        await between(store, 0, 1)
