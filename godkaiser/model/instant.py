"""Instants and durations as integers: microseconds since 1970-01-01 UTC, microseconds.

Integers compare, add and serialise exactly, which a replay needs; `datetime` stays at the edges.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from godkaiser.errors import InvalidValueError

Instant = int
Duration = int

MILLISECOND: Duration = 1_000
SECOND: Duration = 1_000_000
MINUTE: Duration = 60 * SECOND
HOUR: Duration = 60 * MINUTE
DAY: Duration = 24 * HOUR
LONGEST: Duration = 36525 * DAY

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNITS = {"ms": MILLISECOND, "s": SECOND, "min": MINUTE, "m": MINUTE, "h": HOUR, "d": DAY, "w": 7 * DAY}
_DURATION = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(ms|s|min|m|h|d|w)\s*")


def to_datetime(at: Instant) -> datetime:
    """The same instant as an aware datetime."""
    return _EPOCH + timedelta(microseconds=at)


def from_datetime(when: datetime, field: str = "time") -> Instant:
    """An aware datetime as an instant. A naive one is refused: it names no instant."""
    if when.tzinfo is None:
        raise InvalidValueError(
            field=field,
            value=str(when),
            problem="has no time zone",
            allowed="one with a zone, such as 2026-05-01T00:00:00Z",
        )
    return (when - _EPOCH) // timedelta(microseconds=1)


def to_iso(at: Instant) -> str:
    """ISO 8601 in UTC with the precision it has: `2026-05-01T00:00:00Z`."""
    return to_datetime(at).isoformat().replace("+00:00", "Z")


def parse_duration(what: str | float | timedelta, field: str = "duration") -> Duration:
    """`"90s"`, `"1h 30min"`, a timedelta, or seconds as a number. Never negative."""
    span = -1
    if isinstance(what, timedelta):
        span = what // timedelta(microseconds=1)
    elif isinstance(what, (int, float)) and not isinstance(what, bool) and abs(what) < 1e12:
        span = round(what * SECOND)
    elif isinstance(what, str) and (parts := _DURATION.findall(what)) and not _DURATION.sub("", what).strip():
        total = sum(float(number) * _UNITS[unit] for number, unit in parts)
        span = round(total) if total <= LONGEST else -1
    if not 0 <= span <= LONGEST:
        raise InvalidValueError(
            field=field,
            value=repr(what),
            problem="not a duration",
            allowed='"90s", "5min", "1h 30min", seconds, at most 100 years',
        )
    return span


def parse_instant(what: str | datetime, now: Instant, field: str = "time") -> Instant:
    """`"-7d"` (before now), ISO 8601 with a zone, or an aware datetime."""
    if isinstance(what, datetime):
        return from_datetime(what, field)
    text = what.strip()
    if text.startswith("-"):
        return now - parse_duration(text[1:], field)
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidValueError(
            field=field, value=repr(what), problem="not a time", allowed='"-24h" or ISO 8601 with a zone'
        ) from None
    return from_datetime(when, field)


def describe_wait(span: Duration) -> str:
    """`45 s`, `15 min`, `3 h 20 min`: for who waits, so never shorter than it is."""
    if span < 2 * MINUTE:
        return f"{-(-max(span, 0) // SECOND)} s"
    hours, minutes = divmod(-(-span // MINUTE), 60)
    return " ".join(
        part for part in (f"{hours} h" if hours else "", f"{minutes} min" if minutes else "") if part
    )


def describe_duration(span: Duration) -> str:
    """`12 s`, `4 min`, `3 h`, `2 d`: one unit, for people."""
    for unit, name in ((DAY, "d"), (HOUR, "h"), (MINUTE, "min")):
        if span >= 2 * unit:
            return f"{span // unit} {name}"
    return f"{max(span, 0) // SECOND} s"
