"""A stretch of one series in buckets: the largest roll-ups that are true, and readings where none are yet."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from godkaiser.io.sql.access import Access
from godkaiser.io.sql.stretches import (
    buckets,
    cut,
    find_neighbours,
    first_due,
    grouped,
    readings,
    series_number,
)
from godkaiser.model.calendar import Calendar, gather
from godkaiser.model.ids import SeriesId
from godkaiser.model.instant import MINUTE, Duration, Instant
from godkaiser.model.rollup import SPANS, WORST, Bucket, Point, roll

RAW: Final = "readings"
_NAMES: Final = dict(zip(SPANS, ("1 min", "15 min", "1 h", "1 d"), strict=True))
Part = tuple[Instant, Bucket]
Grouping = Callable[
    [AsyncConnection, Duration, tuple[int, Instant, Instant], Duration, Duration], Awaitable[list[Part]]
]


@dataclass(frozen=True, slots=True)
class Summary:
    """(begin, end, bucket) side by side, and what they were made of: `readings`, or roll-ups of `1 min`…`1 d`."""

    buckets: list[tuple[Instant, Instant, Bucket]]
    source: str


@dataclass(frozen=True, slots=True)
class Wish:
    """Of which time, in which buckets; `worst`: the rank of the worst quality that counts; `hold`: of the series.

    `lot`: readings taken at once where no roll-up helps; between two lots the loop turns to others.
    """

    since: Instant
    until: Instant
    calendar: Calendar
    hold: Duration
    worst: int = WORST
    lot: int = 5000


async def summarize(
    access: Access, series: SeriesId, wish: Wish, now: Instant, group: Grouping = grouped
) -> Summary:
    """Whole buckets, of those that begin in the stretch and the one its beginning is in; nothing of after `now`.

    `group`: who puts stored roll-ups into larger buckets.
    """
    calendar = wish.calendar
    since = calendar.begin(wish.since)
    until = min(calendar.end(calendar.begin(max(wish.until - 1, wish.since))), now)
    span = calendar.span(since, until) if wish.worst == WORST else None
    async with access.reading() as connection:
        number = await series_number(connection, series)
        if number is None or until <= since:
            return Summary([], RAW)
        parts, at = list[Part](), since
        for smaller in () if span is None else [one for one in SPANS[::-1] if one <= span]:
            found, at = await _stored(connection, number, smaller, ((at, until), wish), group)
            parts += found
        parts += await _raw(connection, number, (at, until), wish)
    return Summary(gather(calendar, parts), RAW if span is None else _NAMES[span])


async def _stored(
    connection: AsyncConnection,
    number: int,
    span: Duration,
    asked: tuple[tuple[Instant, Instant], Wish],
    group: Grouping,
) -> tuple[list[Part], Instant]:
    """Roll-ups of a span, up to the first one that is to be made again or goes on; and up to where."""
    (begin, until), wish = asked
    due = await first_due(connection, number, span, begin, wish.hold)
    end = until if due is None else min(until, due)
    end = max(begin, end - end % span)
    if end == begin:
        return [], begin
    ahead = wish.calendar.steady(begin, end)
    if ahead is not None:
        return await group(connection, span, (number, begin, end), wish.calendar.every, ahead), end
    return (await buckets(connection, span, [(number, begin, end)]))[0], end


async def _raw(
    connection: AsyncConnection,
    number: int,
    part: tuple[Instant, Instant],
    wish: Wish,
) -> list[Part]:
    begin, until = part
    parts = list[Part]()
    held = [] if begin >= until else await _held(connection, number, begin, wish.hold)
    step = MINUTE if wish.calendar.every % MINUTE == 0 else wish.calendar.every
    while begin < until:
        end = await cut(connection, number, (begin, until), wish.lot)
        points = [*held, *(await readings(connection, [(number, begin, end)]))[0]]
        parts += roll(points, begin, end, step, wish.hold, wish.worst).items()
        held, begin = points[-1:], end
    return parts


async def _held(connection: AsyncConnection, number: int, begin: Instant, hold: Duration) -> list[Point]:
    """The last reading before, if its value may still hold."""
    before, _ = (await find_neighbours(connection, [(number, begin, begin)]))[0]
    if before is None or before < begin - hold:
        return []
    return (await readings(connection, [(number, before, begin)]))[0][-1:]
