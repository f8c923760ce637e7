"""What was stored of a rule by a time: its last decision, what was looked at, what its commands had come to."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Table, select
from sqlmodel import SQLModel

from godkaiser.io.sql import table as t
from godkaiser.io.sql.store import SqlStore
from godkaiser.model.ids import RuleId
from godkaiser.model.instant import Instant

_TABLES = SQLModel.metadata.tables
_TRACE = _TABLES[str(t.RuleTraceRow.__tablename__)]
_DECISION, _OUTCOME = _TABLES[str(t.DecisionRow.__tablename__)], _TABLES[str(t.OutcomeRow.__tablename__)]


async def last_decision(store: SqlStore, rule: RuleId, then: Instant) -> dict[str, Any] | None:
    """The newest decision at or before `then`; None: there was none."""
    return await _last(store, _DECISION, rule, then)


async def last_trace(store: SqlStore, rule: RuleId, then: Instant) -> dict[str, Any] | None:
    """The newest trace at or before `then`; None: there was none, or it is kept no longer."""
    return await _last(store, _TRACE, rule, then)


async def _last(store: SqlStore, table: Table, rule: RuleId, then: Instant) -> dict[str, Any] | None:
    of = table.c
    newest = select(table).where(of.rule == rule, of.at <= then).order_by(of.at.desc(), of.id.desc()).limit(1)
    rows = [dict(zip(of.keys(), row, strict=True)) for row in await store.fetch(newest)]
    return rows[0] if rows else None


async def outcomes_of(store: SqlStore, rule: RuleId, since: Instant, then: Instant) -> list[dict[str, Any]]:
    """Every step of its commands from `since` to `then`, oldest first."""
    of, who = _OUTCOME.c, (rule, f"rule:{rule}")
    mine = select(_OUTCOME).where(of.at >= since, of.at <= then, of.who.in_(who)).order_by(of.id)
    return [dict(zip(of.keys(), row, strict=True)) for row in await store.fetch(mine)]
