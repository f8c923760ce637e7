"""The audit's rows: written in a chain of seals, and checked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from godkaiser.auth.chain import FIRST, Check, seal
from godkaiser.engine.effect import Audit
from godkaiser.io.sql import table as t
from godkaiser.io.sql.access import Access
from godkaiser.io.sql.rows import audit_row

_AUDIT: Final[Any] = t.AuditRow.__table__  # type: ignore[attr-defined]  # SQLModel makes it
LOT: Final = 2000


async def add_audits(connection: AsyncConnection, key: bytes, audits: Sequence[Audit]) -> None:
    """In the transaction that is open; there is one writer."""
    newest = select(_AUDIT.c.place, _AUDIT.c.seal).where(_AUDIT.c.place.is_not(None))
    found = (await connection.execute(newest.order_by(_AUDIT.c.id.desc()).limit(1))).first()
    place, last = (0, FIRST) if found is None else (found[0], found[1] or "")
    rows = []
    for audit in audits:
        row = audit_row(audit)
        place += 1
        last = seal(key, last, place, row)
        rows.append(row | {"place": place, "seal": last})
    await connection.execute(_AUDIT.insert(), rows)


async def check_audits(access: Access, key: bytes, head: str | None = None) -> tuple[Check, bool | None]:
    """All of them, oldest first. And whether one has the seal `head`; None: none was asked for."""
    check, seen = Check(key), None if head is None else head == FIRST
    after: int | None = None
    while True:
        query = select(_AUDIT).order_by(_AUDIT.c.id).limit(LOT)
        query = query if after is None else query.where(_AUDIT.c.id > after)
        async with access.reading() as connection:
            rows = (await connection.execute(query)).mappings().all()
        for row in rows:
            check.take(dict(row))
            seen = seen or row["seal"] == head if head is not None else None
        if len(rows) < LOT:
            return check, seen
        after = rows[-1]["id"]
