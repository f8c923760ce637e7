"""Calibrations in both databases, and a database of before there were any."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from godkaiser.engine.effect import CalibrationRecord, Record
from godkaiser.errors import DatabaseBrokenError
from godkaiser.io.sql.calibrations import versions_of
from godkaiser.io.sql.store import SqlStore
from godkaiser.io.sql.table import CalibrationRow
from godkaiser.model.calibration import Calibration
from godkaiser.model.ids import SeriesId
from godkaiser.model.instant import SECOND
from godkaiser.sensors.calibration import fit
from tests.io.test_sql_store import SERIES, T0, reading
from tests.services import Postgres

SOIL = SeriesId.parse("ESP_AB12CD/34/moisture")
FITTED = fit("moisture", [{"raw": 2800, "role": "dry"}, {"raw": 1200, "role": "wet"}])


@pytest.fixture(params=["sqlite", "postgresql"])
async def url(request: pytest.FixtureRequest) -> str | None:
    if request.param == "sqlite":
        return None
    server: Postgres = request.getfixturevalue("postgres")
    return await server.fresh("postgresql+asyncpg")


@asynccontextmanager
async def opened(url: str | None, folder: Path) -> AsyncIterator[SqlStore]:
    made = await SqlStore.open(url, folder)
    try:
        yield made
    finally:
        await made.close()


@pytest.fixture
async def store(url: str | None, tmp_path: Path) -> AsyncIterator[SqlStore]:
    async with opened(url, tmp_path) as made:
        yield made


async def kept(store: SqlStore) -> dict[SeriesId, list[Calibration]]:
    return versions_of(await store.rows(CalibrationRow, "version"))


async def test_versions_come_back_in_order_and_one_that_is_undone_replaces_itself(store: SqlStore) -> None:
    first = Calibration(dry=3000, wet=1000).numbered(1, "site", T0, None)
    second = FITTED.numbered(2, "ann", T0, T0 + SECOND)
    given: list[Record] = [CalibrationRecord(SOIL, second), CalibrationRecord(SOIL, first), reading(1)]
    assert await store.append(given) == (1, 0)
    assert await kept(store) == {SOIL: [first, second]}
    gone = second.undone(T0 + 2 * SECOND)
    await store.append([CalibrationRecord(SOIL, gone), CalibrationRecord(SERIES, first)])
    assert await kept(store) == {SOIL: [first, gone], SERIES: [first]}
    (row,) = [row for row in await store.rows(CalibrationRow, "series") if row["version"] == 2]
    assert (row["valid_from"], row["by"], row["made_at"]) == (T0 + SECOND, "ann", T0)
    assert row["undone_at"] == T0 + 2 * SECOND


async def test_a_reading_keeps_the_version_that_made_it(store: SqlStore) -> None:
    await store.append([reading(1), replace(reading(2), calibration=7)])
    columns = await store.history(SERIES, T0, T0 + 10 * SECOND, None)
    assert columns.calibration == [0, 7]


async def test_a_sum_keeps_how_much_of_its_time_was_measured(store: SqlStore) -> None:
    await store.append([reading(1), replace(reading(2), coverage=0.75)])
    columns = await store.history(SERIES, T0, T0 + 10 * SECOND, None)
    assert columns.coverage == [None, 0.75]


async def test_a_document_nobody_can_read_is_told_with_its_name(tmp_path: Path) -> None:
    row = {"series": str(SOIL), "version": 3, "document": '{"slope": 0}'}
    with pytest.raises(DatabaseBrokenError, match="calibration 3 of ESP_AB12CD/34/moisture"):
        versions_of([row])
