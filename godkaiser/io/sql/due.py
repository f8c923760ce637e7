"""Marks of buckets that do not tell the truth any more: readings came after they were made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from godkaiser.engine.effect import Record
from godkaiser.io.sql import table as t
from godkaiser.model.ids import SeriesId
from godkaiser.model.instant import HOUR, MINUTE, SECOND, Instant
from godkaiser.model.reading import Reading

NEVER_ROLLED: Final = 0  # as the span of a mark: this hour is to be made out of readings for the first time
MARKS_MOST: Final = 200_000  # remembered; more are forgotten, and marked again
DUE: Final[Any] = t.RollupDueRow.__table__  # type: ignore[attr-defined]  # SQLModel makes it
Mark = tuple[int, int, Instant]  # series, span in seconds, begin


@dataclass(slots=True)
class Due:
    """Which marks are set already: thousands of readings of one minute mark it once."""

    known: set[tuple[int, Instant]] = field(default_factory=set)

    def unmarked(self, records: Sequence[Record], series: Mapping[SeriesId, int]) -> set[tuple[int, Instant]]:
        """Minutes of these readings that are to be marked."""
        found = {
            (series[record.series], record.measured_at // MINUTE)
            for record in records
            if type(record) is Reading
        }
        return found - self.known

    def remember(self, marks: set[tuple[int, Instant]]) -> None:
        """They are committed. Nothing may be awaited between the commit and this."""
        if len(self.known) > MARKS_MOST:
            self.known.clear()
        self.known |= marks

    def forget(self, marks: Iterable[Mark]) -> None:
        """They are about to be taken away: who comes now marks again."""
        self.known -= {(series, at // MINUTE) for series, span, at in marks if span == MINUTE // SECOND}


async def mark(connection: AsyncConnection, marks: Iterable[Mark]) -> None:
    """These buckets do not tell the truth any more."""
    rows = [{"series_id": series, "span_s": span, "at": at} for series, span, at in marks]
    if rows:
        await connection.execute(insert_into(connection, DUE).on_conflict_do_nothing(), rows)


async def mark_minutes(connection: AsyncConnection, minutes: Iterable[tuple[int, int]]) -> None:
    """As `Due.unmarked` gives them."""
    await mark(connection, ((series, MINUTE // SECOND, minute * MINUTE) for series, minute in minutes))


def insert_into(connection: AsyncConnection, table: Any) -> Any:
    """An INSERT that may say what to do on a conflict."""
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Marks of one series and span that lie together."""

    series: int
    span_s: int
    begin: Instant
    end: Instant
    marks: tuple[Mark, ...]


def together(marks: Iterable[Mark]) -> list[Stretch]:
    """In the order given; together are at most two hours of readings, or one day of what is made of roll-ups."""
    found: list[Stretch] = []
    for one in marks:
        series, span_s, at = one
        end = at + (span_s * SECOND or HOUR)
        last = found[-1] if found else None
        most = 2 * HOUR if span_s * SECOND <= MINUTE else 24 * HOUR
        if last and (last.series, last.span_s, last.end) == (series, span_s, at) and end - last.begin <= most:
            found[-1] = Stretch(series, span_s, last.begin, end, (*last.marks, one))
        else:
            found.append(Stretch(series, span_s, at, end, (one,)))
    return found
