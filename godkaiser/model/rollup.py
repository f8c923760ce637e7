"""Roll-ups: what the readings of a stretch of time come to. Plain arithmetic; who stores it is no matter here.

A good or uncalibrated value holds until the next reading of its series, at most for `hold`, the time the series
counts as fresh. So the last reading before a bucket counts into it. Any other reading is bad: it adds no value and
ends what held.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from godkaiser.errors import RetentionTooShortError
from godkaiser.model.instant import DAY, HOUR, MINUTE, SECOND, Duration, Instant, describe_duration
from godkaiser.model.quantity import Quality

SPANS: Final[tuple[Duration, ...]] = (MINUTE, 15 * MINUTE, HOUR, DAY)  # each is made of the one before it
LATE: Final[Duration] = (
    DAY  # readings that come later than this are rolled up as well, if their neighbours are left
)
WORST: Final = Quality.UNCALIBRATED.rank
Point = tuple[Instant, float | None, int]  # when, value, rank of its quality


@dataclass(frozen=True, slots=True)
class Bucket:
    """What [at, at + its span) comes to; both are known where it is kept.

    `n` good or uncalibrated readings with a value and `bad` others were measured in it. `covered`: for how long there
    was a value. `mean` and `std` are weighted by time, None without a value; `minimum` and `maximum` are of all
    values that held or were measured in it.
    """

    n: int = 0
    mean: float | None = None
    minimum: float | None = None
    maximum: float | None = None
    std: float | None = None
    bad: int = 0
    covered: Duration = 0

    @property
    def readings(self) -> int:
        """All that were measured in it."""
        return self.n + self.bad


@dataclass(slots=True)
class _Sum:
    """A bucket while it is made: mean and squares after West, as sums of squares lose their digits."""

    n: int = 0
    bad: int = 0
    covered: Duration = 0
    mean: float = 0.0
    squares: float = 0.0
    least: float = math.inf
    most: float = -math.inf

    def seen(self, value: float) -> None:
        """A value that counts, however shortly."""
        self.least = min(self.least, value)
        self.most = max(self.most, value)

    def held(self, value: float, span: Duration) -> None:
        """A value for that long."""
        before, self.covered = self.covered, self.covered + span
        if value != self.mean or not before:
            self.seen(value)
            away = value - self.mean
            self.mean += away * (span / self.covered)
            self.squares += away * away * before * (span / self.covered)

    def joined(self, mean: float, span: Duration, squares: float) -> None:
        """Values of that mean for that long."""
        before, self.covered = self.covered, self.covered + span
        away = mean - self.mean
        self.mean += away * (span / self.covered)
        self.squares += squares + away * away * before * (span / self.covered)

    @property
    def bucket(self) -> Bucket:
        """As a value; what no number can hold is not known."""
        seen = self.most >= self.least
        low, high = (self.least, self.most) if seen else (None, None)
        mean = std = None
        if self.covered and seen:
            mean = _known(min(max(self.mean, self.least), self.most))
            std = _known(math.sqrt(self.squares / self.covered))
        return Bucket(self.n, mean, low, high, std, self.bad, self.covered)


def _known(number: float) -> float | None:
    return number if math.isfinite(number) else None


def roll(
    points: Sequence[Point],
    since: Instant,
    until: Instant,
    span: Duration,
    hold: Duration,
    worst: int = WORST,
) -> dict[Instant, Bucket]:
    """Buckets of `span` of [since, until), those with anything in them; `points` in their order.

    They should begin with the last one before `since`. What comes at or after `until` only ends what held before.
    `worst`: the rank of the worst quality that counts as good.
    """
    sums: dict[Instant, _Sum] = {}
    ends = [*(point[0] for point in points[1:]), until]
    for (at, value, rank), following in zip(points, ends, strict=False):
        counts = value is not None and rank <= worst
        if since <= at < until:
            found = sums.get(at - at % span) or sums.setdefault(at - at % span, _Sum())
            found.n += counts
            found.bad += not counts
            if counts and following <= at:  # it was measured, and did not hold
                found.seen(value)  # type: ignore[arg-type]  # None does not count
        if counts:
            begin, end = max(at, since), min(at + hold, following, until)
            while begin < end:
                place = begin - begin % span
                stop = min(place + span, end)
                found = sums.get(place) or sums.setdefault(place, _Sum())
                found.held(value, stop - begin)  # type: ignore[arg-type]
                begin = stop
    return {at: sums[at].bucket for at in sorted(sums)}


def combine(parts: Iterable[Bucket]) -> Bucket:
    """The bucket that is made of these, which lie apart and cover it."""
    total = _Sum()
    for part in parts:
        total.n += part.n
        total.bad += part.bad
        if part.minimum is not None and part.maximum is not None:
            total.seen(part.minimum)
            total.seen(part.maximum)
        if part.mean is not None and part.covered:
            total.joined(part.mean, part.covered, (part.std or 0.0) ** 2 * part.covered)
    return total.bucket


# ── which ones, and what they need ─────────────────────────────────────────────────────────────────────
def span_for(every: Duration, offsets: Iterable[Duration] = (0,)) -> Duration | None:
    """The largest span that makes up buckets of `every`; None: raw readings are needed.

    `offsets`: by how much local time is ahead of UTC in the stretch, if buckets begin by local time.
    """
    fitting = [span for span in SPANS if every % span == 0 and all(ahead % span == 0 for ahead in offsets)]
    return fitting[-1] if fitting else None


def least_retention(hold: Duration) -> Duration:
    """How long readings have to be kept so that late ones can still be rolled up with their neighbours."""
    return LATE + HOUR + hold


def check_retention(keep: Duration | None, hold: Duration) -> None:
    """At the start. `keep`: readings older than this are to be deleted, None: never; `hold`: of the slowest series.

    Raises `RetentionTooShortError`.
    """
    needed = least_retention(hold)
    if keep is not None and keep < needed:
        raise RetentionTooShortError(
            kept=describe_duration(keep), needed=f"{needed / HOUR:g} h", hold=f"{hold / SECOND:g} s"
        )


def deletable_before(now: Instant, keep: Duration, hold: Duration, oldest_due: Instant | None) -> Instant:
    """Readings before this may go: old enough, and no bucket that is to be made again needs them."""
    old = now - max(keep, least_retention(hold))
    return old if oldest_due is None else min(old, oldest_due - hold)
