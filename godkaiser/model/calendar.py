"""Buckets of a length that begin with the clock of a time zone, and roll-ups gathered into them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from godkaiser.errors import InvalidValueError
from godkaiser.model.instant import DAY, HOUR, MINUTE, Duration, Instant, to_datetime
from godkaiser.model.rollup import Bucket, combine, span_for

UTC_NAME: Final = "UTC"
QUARTER: Final = 15 * MINUTE  # clocks are put forward and back at a quarter of an hour


@dataclass(slots=True)
class Calendar:
    """Buckets of `every` microseconds, at multiples of it since 1970 by the local clock.

    A day is 23 or 25 hours long when the clock is put forward or back. Up to an hour they are always that long, and
    those that are not whole minutes lie as in UTC.
    """

    every: Duration
    timezone: str = UTC_NAME
    _zone: ZoneInfo = field(init=False)
    _ahead: dict[int, Duration] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        try:
            self._zone = ZoneInfo(self.timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise InvalidValueError(
                field="tz",
                value=repr(self.timezone),
                problem="no such time zone",
                allowed='"Europe/Berlin", "UTC"',
            ) from None

    def ahead(self, at: Instant) -> Duration:
        """By how much the local clock is ahead of UTC then."""
        quarter = at // QUARTER
        if quarter not in self._ahead:
            offset = to_datetime(quarter * QUARTER).astimezone(self._zone).utcoffset()
            assert offset is not None
            self._ahead[quarter] = round(offset.total_seconds()) * 1_000_000
        return self._ahead[quarter]

    def begin(self, at: Instant) -> Instant:
        """When the bucket began that `at` is in."""
        if self.every % MINUTE:
            return at - at % self.every
        local = at + self.ahead(at)
        if self.every <= HOUR:
            return at - local % self.every
        return self._instant(local - local % self.every)

    def end(self, begin: Instant) -> Instant:
        """When the bucket ends that began then."""
        if self.every <= HOUR or self.every % MINUTE:
            return begin + self.every
        wall = begin + self.ahead(begin)
        return self._instant(wall - wall % self.every + self.every)

    def _instant(self, wall: Instant) -> Instant:
        """When a local clock shows that, the first time; if it never does, when it is put forward."""
        before = wall - self.ahead(wall - DAY)
        return before if self.ahead(before) == self.ahead(wall - DAY) else wall - self.ahead(wall + DAY)

    def steady(self, since: Instant, until: Instant) -> Duration | None:
        """By how much the local clock is ahead of UTC in all of the stretch; None: it is put forward or back."""
        found = {self.ahead(at) for at in (*range(since - DAY, until + DAY, DAY), until + DAY)}
        return found.pop() if len(found) == 1 else None

    def span(self, since: Instant, until: Instant) -> Duration | None:
        """The roll-ups that make up these buckets; None: readings do."""
        days = range(since, max(until, since + 1) + DAY, 7 * DAY)
        return span_for(self.every, {self.ahead(at) for at in (*days, until)})


def gather(
    calendar: Calendar, parts: Iterable[tuple[Instant, Bucket]]
) -> list[tuple[Instant, Instant, Bucket]]:
    """(begin, end, bucket) of each bucket from the first to the last that has a part; between them some are empty."""
    found: dict[Instant, list[Bucket]] = {}
    begin = end = 0
    for at, part in parts:
        if not begin <= at < end:
            begin = calendar.begin(at)
            end = calendar.end(begin)
        found.setdefault(begin, []).append(part)
    whole, begin, last = list[tuple[Instant, Instant, Bucket]](), min(found, default=1), max(found, default=0)
    while begin <= last:
        end = calendar.end(begin)
        some = found.get(begin, ())
        whole.append((begin, end, some[0] if len(some) == 1 else combine(some)))
        begin = end
    return whole
