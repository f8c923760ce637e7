"""What is kept of evaluations, and for how long: so many of each rule, and none for ever."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import delete, func, select

from godkaiser.io.sql import table as t
from godkaiser.io.sql.access import Access
from godkaiser.model.instant import DAY, Instant

# Three weeks of samples of a rule that does nothing, a day of one that changes every minute; about a megabyte. Nobody
# has to set this: what a rule decided is told by its decisions, which stay.
NEWEST: Final = 2000
AGE_MOST: Final = 90 * DAY
LOT: Final = 500  # rows deleted in one transaction, so that nobody waits for long
LOOKED_AT: Final = 10  # rules looked at before others may have the database
_TRACE: Final[Any] = t.RuleTraceRow.__table__  # type: ignore[attr-defined]  # SQLModel makes it


class Traces:
    """Goes round the rules that there are traces of, also of rules that are gone."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._last = ""  # the rule that was looked at last

    async def tidy(self, now: Instant) -> int:
        """Delete some of what is too much of a few rules. Returns how many; fewer than `LOT`: look again later."""
        for _ in range(LOOKED_AT):
            rule, doomed = await self._next(now)
            if doomed:
                async with self._access.writing() as connection:
                    await connection.execute(delete(_TRACE).where(_TRACE.c.id.in_(doomed)))
            if len(doomed) == LOT:
                return LOT  # the same rule once more
            self._last = rule
            if doomed or not rule:
                return len(doomed)
        return 0

    async def _next(self, now: Instant) -> tuple[str, list[int]]:
        """The rule after the last one, and of what is too much of it the oldest; empty: that was all of them."""
        of = _TRACE.c
        async with self._access.reading() as connection:
            rule = (await connection.execute(select(func.min(of.rule)).where(of.rule > self._last))).scalar()
            if rule is None:
                return "", []
            mine = of.rule == rule
            found = await connection.execute(select(func.count(), func.min(of.at)).where(mine))
            count, oldest = found.one()
            if count <= NEWEST and oldest >= now - AGE_MOST:
                return rule, []
            first = select(of.id, of.at).where(mine).order_by(of.at, of.id).limit(LOT)
            rows = (await connection.execute(first)).all()
        return rule, _doomed(rows, count - NEWEST, now - AGE_MOST)


def _doomed(rows: Sequence[Any], excess: int, since: Instant) -> list[int]:
    return [row for place, (row, at) in enumerate(rows) if place < excess or at < since]
