"""The store behind the port: append in one transaction, load at the start, history as columns."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import fields
from pathlib import Path
from typing import Any, Final

from sqlalchemy import delete, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from godkaiser.engine.effect import (
    ActuatorGone,
    AlarmChange,
    Audit,
    CalibrationRecord,
    NodeRecord,
    Placed,
    Record,
    SeriesRecord,
    Watched,
)
from godkaiser.io.sql import table as t
from godkaiser.io.sql.access import WITHIN, Access
from godkaiser.io.sql.audits import Audits, Keys
from godkaiser.io.sql.bulk import Part, few, many, occurring
from godkaiser.io.sql.calibrations import row_of
from godkaiser.io.sql.database import DEFAULTS, database_url, open_database, open_to_read
from godkaiser.io.sql.due import Due, mark_minutes
from godkaiser.io.sql.facts import fact, state_fact
from godkaiser.io.sql.pool import Pool
from godkaiser.io.sql.readings import add_readings
from godkaiser.io.sql.regroup import regrouped
from godkaiser.io.sql.rollups import Rollups
from godkaiser.io.sql.rows import CHRONICLES, heartbeat_row, node_row, plain_row, reading_row
from godkaiser.io.sql.stretches import grouped
from godkaiser.io.sql.summary import Grouping, Summary, Wish, summarize
from godkaiser.io.sql.traces import Traces
from godkaiser.model.ids import SeriesId, ZoneId
from godkaiser.model.instant import DAY, Instant
from godkaiser.model.quantity import Quality
from godkaiser.model.reading import Reading
from godkaiser.model.report import Heartbeat
from godkaiser.model.site import ActuatorSpec
from godkaiser.ports import Columns

SITE: Final = "site"  # its row in the table of facts
LOOK_WITHIN: Final = 600.0  # seconds for one question of somebody who reads a database by himself
BATCH: Final = "batch"  # the row that names the batch that came last
NO_KEYS: Final = Keys()
WATCHED: Final = "watched"  # the row that says when somebody last looked after the actuators
_DECLARED: Final = frozenset({ActuatorSpec, ActuatorGone, CalibrationRecord, Placed})
Documents = Sequence[tuple[str, dict[str, Any] | str]]  # of a rule; a text is kept to the letter
_COLUMNS: Final = ("measured_at", "value", "quality", "raw", "calibration", "coverage")
_QUALITY: Final = {quality.rank: quality.value for quality in Quality}


class SqlStore:
    """SQLite or PostgreSQL. One writer (the store lane), readers beside it."""

    @classmethod
    async def open(
        cls,
        url: str | None,
        data: Path,
        pool: Pool = DEFAULTS,
        *,
        echo: bool = False,
        within: float = WITHIN,
        keys: Keys = NO_KEYS,
    ) -> SqlStore:
        """The store of a URL, or of the SQLite file in a data folder.

        `within`: seconds for one transaction; `keys`: of the audit.
        """
        return cls(await open_database(database_url(url, data), pool, echo=echo), within, keys)

    @classmethod
    async def look(cls, url: str, keys: Keys = NO_KEYS) -> SqlStore:
        """The store of a URL as it is, only to read; many rows may take their time."""
        store = cls(await open_to_read(database_url(url, Path())), LOOK_WITHIN, keys)
        store._group = regrouped
        return store

    async def many(self, series: SeriesId, since: Instant, until: Instant) -> dict[str, Any]:
        """As `history`, as numpy arrays by the names of the table's columns."""
        return await many(self._access, series, Part(since, until))

    @property
    def alone(self) -> bool:
        """Is it read by somebody who has nothing else to do, and numpy?"""
        return self._group is regrouped

    async def part(self, series: SeriesId, part: Part) -> dict[str, Any]:
        """As arrays by the names of the table's columns, with `boot` and `seq`; NaN where there is none."""
        if self.alone:
            return await many(self._access, series, part, places=True)
        return await few(self._access, series, part)

    async def occurring(self, series: SeriesId, since: Instant, until: Instant) -> tuple[set[int], bool]:
        """The calibrations behind the readings of a stretch, and whether any is a sum with a coverage."""
        return await occurring(self._access, series, Part(since, until))

    def __init__(self, engine: AsyncEngine, within: float = WITHIN, keys: Keys = NO_KEYS) -> None:
        self._access = Access(engine, within)
        self.audits = Audits(self._access, keys)
        self._postgres = engine.dialect.name == "postgresql"
        self._series: dict[SeriesId, int] = {}
        self._group: Grouping = grouped
        self._due = Due()
        self.rollups = Rollups(self._access, self._due)
        self.traces = Traces(self._access)

    # ── writing ────────────────────────────────────────────────────────────────────────────────────────
    async def append(self, records: Sequence[Record], batch: str = "") -> tuple[int, int]:
        """All or nothing; readings that are there already are counted as repeats."""
        learned = dict(self._series)
        async with self._access.writing() as connection:
            rows, repeats = await self._append(connection, records, learned)
            marks = self._due.unmarked(records, learned)
            await mark_minutes(connection, marks)
            if batch:
                await state_fact(connection, BATCH, batch)
        self._series = learned
        self._due.remember(marks)
        return rows, repeats

    async def _append(
        self, connection: AsyncConnection, records: Sequence[Record], series: dict[SeriesId, int]
    ) -> tuple[int, int]:
        groups: dict[type[Record], list[Any]] = {}
        for record in records:
            groups.setdefault(type(record), []).append(record)
        for known in groups.get(SeriesRecord, ()):
            await self._series_id(connection, known.id, known.unit, known.name, series)
        rows, repeats = await self._readings(connection, groups.get(Reading, ()), series)
        for kind, model, row_of_one in CHRONICLES:
            if found := groups.get(kind):
                await connection.execute(_table(model).insert(), [row_of_one(record) for record in found])
        if audits := groups.get(Audit):
            await self.audits.add(connection, audits)
        if beats := groups.get(Heartbeat):
            await self._add_new(connection, t.HeartbeatRow, [heartbeat_row(beat) for beat in beats])
        if watched := groups.get(Watched):
            await state_fact(connection, WATCHED, str(watched[-1].at))
        for node in groups.get(NodeRecord, ()):
            await self._replace(connection, t.NodeRow, node_row(node))
        if not _DECLARED.isdisjoint(groups):
            await self._declared(connection, records)
        return rows, repeats

    async def _declared(self, connection: AsyncConnection, records: Sequence[Record]) -> None:
        """In the order they came: one that goes may come back."""
        for record in records:
            if isinstance(record, ActuatorSpec):
                row = {"id": str(record.id), "spec": record.model_dump_json()}
                await self._replace(connection, t.ActuatorRow, row)
            elif isinstance(record, ActuatorGone):
                table = _table(t.ActuatorRow)
                await connection.execute(delete(table).where(table.c.id == str(record.id)))
            elif isinstance(record, CalibrationRecord):
                await self._replace(connection, t.CalibrationRow, row_of(record), ("series", "version"))
            elif isinstance(record, Placed):
                await self._replace(connection, t.PlaceRow, plain_row(record), ("thing", "since"))

    async def _readings(
        self, connection: AsyncConnection, readings: Sequence[Reading], series: dict[SeriesId, int]
    ) -> tuple[int, int]:
        values = []
        for reading in readings:
            if reading.series not in series:
                await self._series_id(connection, reading.series, reading.unit, "", series)
            values.append(reading_row(reading, series[reading.series]))
        rows = await add_readings(connection, values)
        return rows, len(values) - rows

    async def _series_id(
        self,
        connection: AsyncConnection,
        series_id: SeriesId,
        unit: str,
        label: str,
        known: dict[SeriesId, int],
    ) -> None:
        table = _table(t.SeriesRow)
        insert = postgresql.insert(table) if self._postgres else sqlite.insert(table)
        row = {"name": str(series_id), "unit": unit, "label": label}
        await connection.execute(insert.values(row).on_conflict_do_nothing())
        found = await connection.execute(select(table.c.id).where(table.c.name == str(series_id)))
        known[series_id] = found.scalar_one()

    async def _add_new(self, connection: AsyncConnection, model: Any, rows: list[dict[str, Any]]) -> None:
        table = _table(model)
        insert = postgresql.insert(table) if self._postgres else sqlite.insert(table)
        await connection.execute(insert.on_conflict_do_nothing(), rows)

    async def _replace(
        self, connection: AsyncConnection, model: Any, row: dict[str, Any], key: Sequence[str] = ("id",)
    ) -> None:
        table = _table(model)
        insert = postgresql.insert(table) if self._postgres else sqlite.insert(table)
        changed = {name: value for name, value in row.items() if name not in key}
        await connection.execute(
            insert.values(row).on_conflict_do_update(index_elements=list(key), set_=changed)
        )

    async def save_rules(self, documents: Documents) -> None:
        """Replace all rule documents at once."""
        async with self._access.writing() as connection:
            await _save_rules(connection, documents)

    async def save_site(self, site: str, documents: Documents) -> None:
        """Replace the kept site and all rule documents, both or neither."""
        async with self._access.writing() as connection:
            await state_fact(connection, SITE, site)
            await _save_rules(connection, documents)

    def writing(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """A transaction for tables that have a module of their own."""
        return self._access.writing()

    async def execute(self, statement: Any) -> None:
        """One statement in a transaction of its own."""
        async with self._access.writing() as connection:
            await connection.execute(statement)

    async def fact(self, name: str) -> str:
        """A fact about the database that somebody keeps in it; empty when there is none."""
        async with self._access.reading() as connection:
            return await fact(connection, name)

    async def state_fact(self, name: str, value: str) -> None:
        """Keep it, in place of what it was."""
        async with self._access.writing() as connection:
            await state_fact(connection, name, value)

    async def last_batch(self) -> str:
        """The name of the batch that was appended last; empty when there was none."""
        async with self._access.reading() as connection:
            return await fact(connection, BATCH)

    # ── reading ────────────────────────────────────────────────────────────────────────────────────────
    async def rows(self, model: Any, order: str = "id") -> list[dict[str, Any]]:
        """All rows of a small table."""
        table = _table(model)
        async with self._access.reading() as connection:
            result = await connection.execute(select(table).order_by(table.c[order]))
            return [dict(row) for row in result.mappings()]

    async def fetch(self, statement: Any) -> Sequence[Any]:
        """The rows of one question."""
        async with self._access.reading() as connection:
            return (await connection.execute(statement)).all()

    async def site(self) -> str | None:
        """The kept site, if any was ever kept."""
        rows = await self.rows(t.Meta, "key")
        return next((str(row["value"]) for row in rows if row["key"] == SITE), None)

    async def alarm_changes(self, since: Instant, until: Instant, limit: int) -> list[AlarmChange]:
        """Steps of alarms with since ≤ at < until, oldest first; the newest `limit` of them."""
        table = _table(t.AlarmRow)
        columns = [table.c[field.name] for field in fields(AlarmChange)]
        query = (
            select(*columns)
            .where(table.c.at >= since, table.c.at < until)
            .order_by(table.c.at.desc(), table.c.id.desc())
            .limit(limit)
        )
        async with self._access.reading() as connection:
            rows = (await connection.execute(query)).all()
        return [AlarmChange(*row) for row in reversed(rows)]

    async def count_readings(self) -> int:
        """Rows in the reading table: counted, not remembered."""
        async with self._access.reading() as connection:
            result = await connection.exec_driver_sql("select count(*) from reading")
            return int(result.scalar_one())

    async def newest(self, series: SeriesId, count: int) -> list[Reading]:
        """The last readings of a series, oldest first; whether rules may use one is not stored."""
        table, names = _table(t.ReadingRow), _table(t.SeriesRow)
        query = (
            select(table, names.c.unit)
            .join(names, names.c.id == table.c.series_id)
            .where(names.c.name == str(series))
            .order_by(table.c.measured_at.desc(), table.c.boot.desc(), table.c.seq.desc())
            .limit(count)
        )
        async with self._access.reading() as connection:
            rows = (await connection.execute(query)).mappings().all()
        return [_kept(series, row) for row in reversed(rows)]

    async def readings(self, series: SeriesId, since: Instant, until: Instant) -> list[Reading]:
        """With since ≤ received_at < until and measured at most a day away from it, in the order they came."""
        table, names = _table(t.ReadingRow), _table(t.SeriesRow)
        query = (
            select(table, names.c.unit)
            .join(names, names.c.id == table.c.series_id)
            .where(names.c.name == str(series))
            .where(table.c.measured_at >= since - DAY, table.c.measured_at < until + DAY)
            .where(table.c.received_at >= since, table.c.received_at < until)
            .order_by(table.c.received_at, table.c.measured_at, table.c.boot, table.c.seq)
        )
        async with self._access.reading() as connection:
            rows = (await connection.execute(query)).mappings().all()
        return [_kept(series, row) for row in rows]

    async def history(
        self, series: SeriesId, since: Instant, until: Instant, limit: int | None, zone: str | None = None
    ) -> Columns:
        """Readings with since ≤ measured_at < until, oldest first; with `limit` the newest of them.

        `zone`: only those that were measured in it.
        """
        table = _table(t.ReadingRow)
        names = _table(t.SeriesRow)
        query = (
            select(*(table.c[name] for name in _COLUMNS))
            .join(names, names.c.id == table.c.series_id)
            .where(names.c.name == str(series), table.c.measured_at >= since, table.c.measured_at < until)
            .order_by(table.c.measured_at.desc(), table.c.boot.desc(), table.c.seq.desc())
        )
        query = query if zone is None else query.where(table.c.zone == zone)
        async with self._access.reading() as connection:
            rows = (await connection.execute(query if limit is None else query.limit(limit))).all()
        rows = rows[::-1]
        return Columns(
            [row[0] for row in rows],
            [row[1] for row in rows],
            [_QUALITY[row[2]] for row in rows],
            [row[3] for row in rows],
            [row[4] for row in rows],
            [row[5] for row in rows],
        )

    async def between(self, model: Any, since: Instant, until: Instant, limit: int) -> list[dict[str, Any]]:
        """Rows of a table with since ≤ at < until, oldest first; the newest `limit` of them."""
        table = _table(model)
        order = [table.c.at.desc(), *(key.desc() for key in table.primary_key if key.name != "at")]
        query = select(table).where(table.c.at >= since, table.c.at < until).order_by(*order).limit(limit)
        async with self._access.reading() as connection:
            rows = (await connection.execute(query)).mappings().all()
        return [dict(row) for row in reversed(rows)]

    async def each(
        self, model: Any, since: Instant, until: Instant, *where: Any, lot: int = 5000
    ) -> AsyncIterator[dict[str, Any]]:
        """Every row of a table with since ≤ at < until, oldest first, `lot` at a time."""
        table = _table(model)
        keys = [table.c.at, *(key for key in table.primary_key if key.name != "at")]
        after: list[Any] = []
        while True:
            query = select(table).where(table.c.at >= since, table.c.at < until, *where, *after)
            async with self._access.reading() as connection:
                rows = (await connection.execute(query.order_by(*keys).limit(lot))).mappings().all()
            for row in rows:
                yield dict(row)
            if len(rows) < lot:
                return
            since = rows[-1]["at"]
            after = [tuple_(*keys) > tuple_(*(rows[-1][key.name] for key in keys))]

    async def heard(self) -> list[str]:
        """The nodes whose heartbeats are kept."""
        return [name for (name,) in await self.fetch(select(_table(t.HeartbeatRow).c.node).distinct())]

    async def summary(self, series: SeriesId, wish: Wish, now: Instant) -> Summary:
        """A stretch in buckets; see `summarize`."""
        return await summarize(self._access, series, wish, now, self._group)

    async def close(self) -> None:
        """Let go of the database."""
        await self._access.close()


async def _save_rules(connection: AsyncConnection, documents: Documents) -> None:
    table = _table(t.RuleRow)
    rows = [
        {"id": i, "place": n, "document": d if isinstance(d, str) else json.dumps(d)}
        for n, (i, d) in enumerate(documents)
    ]
    await connection.execute(delete(table))
    if rows:
        await connection.execute(table.insert(), rows)


def _table(model: Any) -> Any:
    return model.__table__


def _kept(series: SeriesId, row: Mapping[Any, Any]) -> Reading:
    """The reading of a row."""
    return Reading(
        series=series,
        value=row["value"],
        raw=row["raw"],
        unit=row["unit"],
        quality=Quality(_QUALITY[row["quality"]]),
        reason=row["reason"] or "",
        measured_at=row["measured_at"],
        received_at=row["received_at"],
        zone=None if row["zone"] is None else ZoneId.known(row["zone"]),
        boot=row["boot"],
        seq=row["seq"],
        cause=0,
        usable=False,
        server_timed=row["server_timed"],
        calibration=row["calibration"],
        coverage=row["coverage"],
    )
