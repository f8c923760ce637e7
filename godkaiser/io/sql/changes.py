"""The durable history of actuators: what was known of each, and from when on nobody looked."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import insert, select

from godkaiser.engine.noted import Noted
from godkaiser.io.sql.store import WATCHED, SqlStore
from godkaiser.io.sql.table import ActuatorChangeRow, Meta
from godkaiser.model.ids import ActuatorId
from godkaiser.model.instant import Instant


class ChangeTable:
    """Changes of actuators, beside the readings in the same database."""

    def __init__(self, store: SqlStore) -> None:
        self._store = store
        self._table = _table(ActuatorChangeRow)

    async def between(self, actuator: ActuatorId, since: Instant, until: Instant) -> list[Noted]:
        """What became of an actuator within [since, until), oldest first, after the last one before, if any."""
        mine = self._mine(actuator)
        order = (self._table.c.at, self._table.c.id)
        inside = mine.where(self._table.c.at >= since, self._table.c.at < until).order_by(*order)
        before = await self._last(actuator, since)
        rows = await self._store.fetch(inside)
        return [*([] if before is None else [before]), *(Noted(row.value, row.at) for row in rows)]

    async def unwatched(self, actuators: Iterable[ActuatorId]) -> None:
        """A new start: since it was last written down that somebody looked, nobody knows."""
        watched = await self._watched()
        for actuator in actuators:
            last = await self._last(actuator, None)
            if last is not None and last.value is not None:
                row = {"at": max(watched, last.at), "actuator": str(actuator), "value": None, "cause": ""}
                await self._store.execute(insert(self._table).values(row))

    async def _last(self, actuator: ActuatorId, before: Instant | None) -> Noted | None:
        mine = self._mine(actuator)
        if before is not None:
            mine = mine.where(self._table.c.at < before)
        newest = mine.order_by(self._table.c.at.desc(), self._table.c.id.desc()).limit(1)
        rows = await self._store.fetch(newest)
        return Noted(rows[0].value, rows[0].at) if rows else None

    def _mine(self, actuator: ActuatorId) -> Any:
        columns = self._table.c
        return select(columns.at, columns.value).where(columns.actuator == str(actuator))

    async def _watched(self) -> Instant:
        facts = _table(Meta)
        rows = await self._store.fetch(select(facts.c.value).where(facts.c.key == WATCHED))
        return int(rows[0].value) if rows else 0


def _table(model: Any) -> Any:
    return model.__table__
