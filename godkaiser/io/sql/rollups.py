"""Roll-ups in the database: which buckets do not tell the truth any more, and making them again.

A batch with readings marks (series, minute) in its own transaction. Making a minute again reaches on as far as its
last value holds and marks the quarter of an hour above it, that the hour, that the day. All of it is one transaction
with the marks that it takes away, so it may be cut off anywhere. A stored bucket never falls to fewer readings: then
they were deleted.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import and_, func, or_, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from godkaiser.io.sql import table as t
from godkaiser.io.sql.access import Access
from godkaiser.io.sql.due import DUE, NEVER_ROLLED, Due, Mark, Stretch, insert_into, mark, together
from godkaiser.io.sql.facts import fact, state_fact
from godkaiser.io.sql.stretches import NUMBERS, buckets, find_neighbours, readings
from godkaiser.model.ids import SeriesId
from godkaiser.model.instant import HOUR, MINUTE, SECOND, Duration, Instant
from godkaiser.model.rollup import SPANS, Bucket, Point, check_retention, combine, roll

SURVEYED: Final = "rollups"  # the fact that all that was stored before there were roll-ups is marked
HOLDS: Final = "holds"  # the fact for how long (microseconds) a value of each series holds, as JSON
RAW_SINCE: Final = "raw_since"  # the fact before when readings were deleted, if ever
FIRST, PICKED = 16, 400  # marks looked at for one transaction: at first, and at most
HELD_MOST: Final = 0.05  # seconds that a transaction of ours should take at most
_ROLLUP: Final[Any] = t.RollupRow.__table__  # type: ignore[attr-defined]  # SQLModel makes it
_SERIES: Final[Any] = t.SeriesRow.__table__  # type: ignore[attr-defined]
HoldOf = Callable[[SeriesId], Duration]

# From one hour that has readings to the next one, by the key: quick however many readings an hour has.
_SURVEY: Final = text(f"""
WITH RECURSIVE hours (at) AS (
    SELECT (SELECT min(measured_at) FROM reading WHERE series_id = :series) / {HOUR} * {HOUR}
    UNION ALL
    SELECT (SELECT min(measured_at) FROM reading WHERE series_id = :series AND measured_at >= hours.at + {HOUR})
        / {HOUR} * {HOUR}
    FROM hours WHERE hours.at IS NOT NULL
)
INSERT INTO rollup_due (series_id, span_s, at)
SELECT :series, {NEVER_ROLLED}, at FROM hours WHERE at IS NOT NULL
ON CONFLICT DO NOTHING
""")  # noqa: S608 - numbers of ours


_UNMARK: Final = text("DELETE FROM rollup_due WHERE series_id = :series AND span_s = :span AND at = :at")
# Into these a value only reached, and it may have been ended since. They have no readings to lose.
_FORGET_HELD: Final = text(
    "DELETE FROM rollup WHERE series_id = :series AND span_s = :span AND at >= :begin AND at < :end AND n + bad = 0"
)


@dataclass(slots=True)
class _Made:
    """What a transaction is going to write: buckets, the ranges they are all of, and what is to be made of them."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    ranges: list[dict[str, int]] = field(default_factory=list)
    marks: set[Mark] = field(default_factory=set)

    def take(
        self, series: int, span: Duration, begin: Instant, end: Instant, found: Mapping[Instant, Bucket]
    ) -> None:
        """All buckets of [begin, end)."""
        span_s = span // SECOND
        self.ranges.append({"series": series, "span": span_s, "begin": begin, "end": end})
        self.rows += [_row(series, span_s, at, bucket) for at, bucket in found.items()]
        self.marks |= _above(series, span, begin, end)


class Rollups:
    """Makes buckets again, a few at a time; between two transactions others may write."""

    def __init__(self, access: Access, due: Due) -> None:
        self._access, self._due = access, due
        self._names: dict[int, SeriesId] = {}
        self._holds: dict[str, Duration] | None = None
        self._most = FIRST

    @property
    def marked(self) -> int:
        """How many marks are remembered as set."""
        return len(self._due.known)

    async def survey(self) -> None:
        """Mark all that was stored before there were roll-ups, once, series by series."""
        async with self._access.reading() as connection:
            if await fact(connection, SURVEYED):
                return
            series = (await connection.execute(select(_SERIES.c.id))).scalars().all()
        for one in series:
            async with self._access.writing() as connection:
                await connection.execute(_SURVEY, {"series": one})
        async with self._access.writing() as connection:
            await state_fact(connection, SURVEYED, "1")

    async def check(self, now: Instant, hold_of: HoldOf) -> None:
        """What was deleted: was it still needed? Raises `RetentionTooShortError`."""
        async with self._access.reading() as connection:
            raw_since = await fact(connection, RAW_SINCE)
            names = (await connection.execute(select(_SERIES.c.name))).scalars().all()
        if raw_since:
            slowest = max((hold_of(SeriesId.parse(name)) for name in names), default=0)
            check_retention(now - int(raw_since), slowest)

    async def waiting(self, now: Instant) -> int:
        """How many marks could be taken away now."""
        async with self._access.reading() as connection:
            return int((await connection.execute(select(func.count()).where(_ready(now)))).scalar_one())

    async def work(self, now: Instant, hold_of: HoldOf) -> int:
        """One transaction's worth. Returns how many marks were taken away; 0: nothing is left to do."""
        horizon = now - now % MINUTE  # a minute that goes on is not rolled up
        async with self._access.writing() as connection:
            picked = await _pick(connection, horizon, self._most)
            # To look for marks keeps nobody waiting, and takes long when there are very many, however few are taken.
            began = asyncio.get_running_loop().time()
            if picked:
                await self._make(connection, picked, horizon, hold_of)
            took = asyncio.get_running_loop().time() - began
        # As many the next time as will keep others waiting for about as long as they may.
        share = min(2.0, HELD_MOST / max(took, 1e-6))
        self._most = min(PICKED, max(1, int(self._most * share)))
        return len(picked)

    async def _make(
        self, connection: AsyncConnection, picked: list[Mark], horizon: Instant, hold_of: HoldOf
    ) -> None:
        stretches = together(picked)
        raw_since = int(await fact(connection, RAW_SINCE) or 0)
        holds = await self._current(connection, {series for series, _, _ in picked}, hold_of)
        if stretches[0].span_s * SECOND <= MINUTE:
            made = await _minutes(connection, stretches, horizon, raw_since, holds)
        else:
            made = await _larger(connection, stretches)
        self._due.forget(picked)
        await self._keep(connection, made, picked)

    async def _keep(self, connection: AsyncConnection, made: _Made, done: list[Mark]) -> None:
        gone = [{"series": series, "span": span, "at": at} for series, span, at in done]
        await connection.execute(_UNMARK, gone)
        if made.ranges:
            await connection.execute(_FORGET_HELD, made.ranges)
        await mark(connection, sorted(made.marks))
        if made.rows:
            insert = insert_into(connection, _ROLLUP)
            new = insert.excluded
            await connection.execute(
                insert.on_conflict_do_update(
                    index_elements=["series_id", "span_s", "at"],
                    set_={name: new[name] for name in NUMBERS},
                    where=new.n + new.bad >= _ROLLUP.c.n + _ROLLUP.c.bad,
                ),
                made.rows,
            )

    async def _current(
        self, connection: AsyncConnection, series: set[int], hold_of: HoldOf
    ) -> dict[int, Duration]:
        """For how long values hold; kept, so that others who read the database know."""
        if not series <= self._names.keys():
            found = await connection.execute(select(_SERIES.c.id, _SERIES.c.name))
            self._names = {row[0]: SeriesId.parse(row[1]) for row in found.all()}
        if self._holds is None:
            self._holds = json.loads(await fact(connection, HOLDS) or "{}")
        holds = {one: hold_of(self._names[one]) for one in series}
        told = {str(self._names[one]): hold for one, hold in holds.items()}
        if any(self._holds.get(name) != hold for name, hold in told.items()):
            merged = self._holds | told
            await state_fact(connection, HOLDS, json.dumps(merged))
            self._holds = merged
        return holds


def _ready(now: Instant) -> Any:
    """Of which span a mark may be how young at most."""
    ages = {NEVER_ROLLED: HOUR} | {span // SECOND: span for span in SPANS}
    return or_(*(and_(DUE.c.span_s == span, DUE.c.at <= now - age) for span, age in ages.items()))


async def _pick(connection: AsyncConnection, horizon: Instant, most: int) -> list[Mark]:
    """Marks of one span, smaller spans first, as larger ones are made of them."""
    query = select(DUE.c.series_id, DUE.c.span_s, DUE.c.at).where(_ready(horizon))
    query = query.order_by(DUE.c.span_s, DUE.c.series_id, DUE.c.at).limit(most)
    found = [(row[0], row[1], row[2]) for row in (await connection.execute(query)).all()]
    return [one for one in found if one[1] == found[0][1]]


async def _minutes(
    connection: AsyncConnection,
    stretches: list[Stretch],
    horizon: Instant,
    raw_since: Instant,
    holds: Mapping[int, Duration],
) -> _Made:
    """Minutes out of readings, as far as the last value holds; and what is to be made because of that."""
    made, wanted = _Made(), list[tuple[int, Instant, Instant]]()
    neighbours = await find_neighbours(connection, [(one.series, one.begin, one.end) for one in stretches])
    for one, (before, following) in zip(stretches, neighbours, strict=True):
        hold = holds[one.series]
        reach = one.end + hold if following is None else min(following, one.end + hold)
        begin = one.begin if before is None or before < one.begin - hold else before
        wanted.append((one.series, begin, min(_up(reach), horizon)))
    for one, points, (_, following) in zip(
        stretches, await readings(connection, wanted), neighbours, strict=True
    ):
        _minutes_of(made, one, points, (following, horizon, raw_since, holds[one.series]))
    return made


def _minutes_of(
    made: _Made, one: Stretch, points: list[Point], around: tuple[Instant | None, Instant, Instant, Duration]
) -> None:
    following, horizon, raw_since, hold = around
    last = next((point[0] for point in reversed(points) if point[0] < one.end), one.end - hold)
    holds_to = max(one.end, last + hold if following is None else min(last + hold, following))
    begin = max(one.begin, _up(raw_since + hold) if raw_since else one.begin)
    end = min(_up(holds_to), horizon)
    if begin >= end:
        return
    made.take(one.series, MINUTE, begin, end, roll(points, begin, end, MINUTE, hold))
    if holds_to > horizon:
        made.marks.add((one.series, MINUTE // SECOND, horizon))


async def _larger(connection: AsyncConnection, stretches: list[Stretch]) -> _Made:
    """Buckets out of those one span smaller."""
    span = stretches[0].span_s * SECOND
    smaller = SPANS[SPANS.index(span) - 1]
    made = _Made()
    wanted = [(one.series, one.begin, one.end) for one in stretches]
    for one, found in zip(stretches, await buckets(connection, smaller, wanted), strict=True):
        parts: dict[Instant, list[Bucket]] = {}
        for at, bucket in found:
            parts.setdefault(at - at % span, []).append(bucket)
        larger = {at: combine(some) for at, some in parts.items()}
        made.take(one.series, span, one.begin, one.end, larger)
    return made


def _above(series: int, span: Duration, begin: Instant, end: Instant) -> set[Mark]:
    """The marks of the next larger span."""
    larger = next((wider for wider in SPANS if wider > span), None)
    if larger is None:
        return set()
    return {(series, larger // SECOND, at) for at in range(begin - begin % larger, end, larger)}


def _row(series: int, span_s: int, at: Instant, bucket: Bucket) -> dict[str, Any]:
    numbers = (bucket.n, bucket.mean, bucket.minimum, bucket.maximum, bucket.std, bucket.bad)
    values = dict(zip(NUMBERS, (*numbers, bucket.covered / SECOND), strict=True))
    return {"series_id": series, "span_s": span_s, "at": at} | values


def _up(at: Instant) -> Instant:
    return at + -at % MINUTE
