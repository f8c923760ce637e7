"""The audit for people who look for something in it: newest first, page after page, only what is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Table, func, select, tuple_
from sqlmodel import SQLModel

from godkaiser.io.sql import table as t
from godkaiser.io.sql.audits import Audits
from godkaiser.io.sql.store import SqlStore
from godkaiser.model.instant import Instant

_AUDIT: Final[Table] = SQLModel.metadata.tables[str(t.AuditRow.__tablename__)]
_NOBODYS: Final = ("id", "seal", "digest", "cipher")  # of no use to a reader
_BOUNDS: Final = ("user.added", "user.removed")  # of the life of one account of a name


@dataclass(frozen=True, slots=True)
class Sought:
    """`since` ≤ at < `until`; `who`: a part of it; `action`: how it begins; `before`: older than this row."""

    since: Instant
    until: Instant
    who: str = ""
    action: str = ""
    before: tuple[int, int] | None = None


async def trail(
    audits: Audits, sought: Sought, most: int
) -> tuple[list[dict[str, Any]], tuple[int, int] | None]:
    """At most `most` rows, newest first, every column that is for readers; and where the next page begins."""
    of = _AUDIT.c
    query = select(_AUDIT).where(of.at >= sought.since, of.at < sought.until, of.action != "")
    if sought.who:
        query = query.where(of.who.contains(sought.who, autoescape=True))
    if sought.action:
        query = query.where(of.action.startswith(sought.action, autoescape=True))
    if sought.before is not None:
        query = query.where(tuple_(of.at, of.id) < sought.before)
    query = query.order_by(of.at.desc(), of.id.desc()).limit(most + 1)
    rows = [audits.readable(row) for row in await audits.fetch(query)]
    last = rows[most - 1] if len(rows) > most else None
    shown = [{name: value for name, value in row.items() if name not in _NOBODYS} for row in rows[:most]]
    return shown, None if last is None else (last["at"], last["id"])


async def last_logins(store: SqlStore) -> dict[str, Instant]:
    """When each account came in last, as far as the audit reaches; not who had its name before.

    That an account was made or removed is kept longer than that somebody came in.
    """
    of = _AUDIT.c
    query = select(of.action, of.target, func.max(of.at)).where(of.action.in_(("login", *_BOUNDS)))
    found = {
        (action, name): at for action, name, at in await store.fetch(query.group_by(of.action, of.target))
    }
    return {
        name: at
        for (action, name), at in found.items()
        if action == "login" and all(found.get((bound, name), at) <= at for bound in _BOUNDS)
    }
