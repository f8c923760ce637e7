"""What an actuator did in a stretch of time, from the changes of what was known of it.

On is whatever is not the safe value. Time in which nobody knew is neither on nor off: it is told by itself. Where
nothing was known at all, there is no number, rather than 0.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Final

from godkaiser.engine.noted import Noted
from godkaiser.engine.state import SAME
from godkaiser.model.instant import HOUR, MINUTE, Duration, Instant
from godkaiser.model.site import ActuatorSpec

_AT: Final = attrgetter("at")


@dataclass(frozen=True, slots=True)
class Statistics:
    """One actuator within [since, until). Times in microseconds; None: nothing was known.

    `starts`: how often it was seen to go from safe to on. `longest`: the longest run without a break, as far as it
    lies within. `level`: value 0..1 times microseconds, which is the time on for what is only on or off. `litres`
    and `energy_wh` (watt hours) follow from it and what the site states; None where it states nothing.
    """

    since: Instant
    until: Instant
    unknown: Duration
    on: Duration | None = None
    starts: int | None = None
    longest: Duration | None = None
    level: float | None = None
    litres: float | None = None
    energy_wh: float | None = None

    @property
    def duty(self) -> float | None:
        """Share of the known time that it was on, 0..1."""
        return None if self.on is None else self.on / (self.until - self.since - self.unknown)


@dataclass(slots=True)
class _Tally:
    """Counted so far. `run`: how long it has been on without a break."""

    spec: ActuatorSpec
    unknown: Duration = 0
    on: Duration = 0
    starts: int = 0
    run: Duration = 0
    longest: Duration = 0
    level: float = 0.0

    def is_on(self, value: float | None) -> bool | None:
        return None if value is None else abs(value - self.spec.safe_value) >= SAME

    def add(self, value: float | None, span: Duration) -> None:
        """So long at this value."""
        if value is None:
            self.unknown += span
        else:
            self.level += value * span
        if self.is_on(value):
            self.on, self.run = self.on + span, self.run + span
            self.longest = max(self.longest, self.run)
        else:
            self.run = 0

    def turn(self, before: float | None, after: float | None) -> None:
        """From one value to the next."""
        self.starts += self.is_on(before) is False and self.is_on(after) is True


def statistics(changes: Sequence[Noted], since: Instant, until: Instant, spec: ActuatorSpec) -> Statistics:
    """Count within [since, until). `changes`, oldest first, may begin earlier: the last one before counts on."""
    first, last = (bisect_left(changes, edge, key=_AT) for edge in (since, until))
    value, at, tally = (changes[first - 1].value if first else None), since, _Tally(spec)
    for change in changes[first:last]:
        tally.add(value, change.at - at)
        tally.turn(value, change.value)
        value, at = change.value, change.at
    tally.add(value, until - at)
    return _told(tally, since, until)


def _told(tally: _Tally, since: Instant, until: Instant) -> Statistics:
    if tally.unknown >= until - since:
        return Statistics(since, until, tally.unknown)
    flow, power = tally.spec.litres_per_min, tally.spec.watts
    return Statistics(
        since,
        until,
        tally.unknown,
        tally.on,
        tally.starts,
        tally.longest,
        tally.level,
        None if flow is None else flow * tally.level / MINUTE,
        None if power is None else power * tally.level / HOUR,
    )


def buckets(since: Instant, until: Instant, every: Duration) -> Iterator[tuple[Instant, Instant]]:
    """[since, until) cut at the multiples of `every` since 1970 UTC; the first and the last may be shorter."""
    at = since
    while at < until:
        end = min(until, at - at % every + every)
        yield at, end
        at = end
