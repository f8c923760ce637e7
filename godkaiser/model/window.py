"""Local time windows: midnight, weekdays, daylight saving time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final
from zoneinfo import ZoneInfo

from godkaiser.model.instant import DAY, HOUR, MINUTE, Instant, from_datetime, to_datetime

EVERY_DAY: Final = frozenset(range(7))


@dataclass(frozen=True, slots=True)
class TimeWindow:
    """Local minutes of day, end exclusive; may wrap midnight and then belongs to its start's weekday."""

    start: int
    end: int
    days: frozenset[int]
    timezone: str


def minute_of_day(value: Any) -> int:
    """`"06:30"` → minutes of the day; 24:00 only as an end."""
    hour, colon, minute = str(value).partition(":")
    if colon and hour.isdecimal() and minute.isdecimal() and int(minute) < 60 and len(minute) == 2:
        total = int(hour) * 60 + int(minute)
        if total <= 24 * 60:
            return total
    raise ValueError('expected "HH:MM"')


def inside(window: TimeWindow, now: Instant) -> bool:
    """Is the local wall clock within the window? Start inclusive, end exclusive."""
    local = to_datetime(now).astimezone(ZoneInfo(window.timezone))
    minute, today = local.hour * 60 + local.minute, local.weekday()
    if window.start < window.end:
        return window.start <= minute < window.end and today in window.days
    started_today = minute >= window.start and today in window.days
    started_yesterday = minute < window.end and (today - 1) % 7 in window.days
    return started_today or started_yesterday


def next_change(window: TimeWindow, now: Instant) -> Instant:
    """When to look again: the next edge of the local clock, at most an hour away.

    Within the hour before the clock is put forward or back it is every full minute, as edges then move.
    """
    zone = ZoneInfo(window.timezone)
    local = to_datetime(now).astimezone(zone)
    if to_datetime(now + HOUR).astimezone(zone).utcoffset() != local.utcoffset():
        return now + MINUTE - now % MINUTE
    today = local.hour * HOUR + local.minute * MINUTE + now % MINUTE
    ahead = min((minute * MINUTE - today) % DAY or DAY for minute in (window.start, window.end))
    return now + min(ahead, HOUR)


def midnight(now: Instant, timezone: str) -> Instant:
    """When the local day began."""
    local = to_datetime(now).astimezone(ZoneInfo(timezone))
    return from_datetime(local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0))
