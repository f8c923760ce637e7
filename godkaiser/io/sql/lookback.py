"""What was stored of a rule by a time: its last decision, and what its commands had come to."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlmodel import SQLModel

from godkaiser.io.sql import table as t
from godkaiser.io.sql.store import SqlStore
from godkaiser.model.ids import RuleId
from godkaiser.model.instant import Instant

_TABLES = SQLModel.metadata.tables
_DECISION, _OUTCOME = _TABLES[str(t.DecisionRow.__tablename__)], _TABLES[str(t.OutcomeRow.__tablename__)]


async def last_decision(store: SqlStore, rule: RuleId, then: Instant) -> dict[str, Any] | None:
    """The newest decision at or before `then`; None: there was none."""
    of = _DECISION.c
    newest = (
        select(_DECISION).where(of.rule == rule, of.at <= then).order_by(of.at.desc(), of.id.desc()).limit(1)
    )
    rows = [dict(zip(of.keys(), row, strict=True)) for row in await store.fetch(newest)]
    return rows[0] if rows else None


async def outcomes_of(store: SqlStore, rule: RuleId, since: Instant, then: Instant) -> list[dict[str, Any]]:
    """Every step of its commands from `since` to `then`, oldest first."""
    of, who = _OUTCOME.c, (rule, f"rule:{rule}")
    mine = select(_OUTCOME).where(of.at >= since, of.at <= then, of.who.in_(who)).order_by(of.id)
    return [dict(zip(of.keys(), row, strict=True)) for row in await store.fetch(mine)]
