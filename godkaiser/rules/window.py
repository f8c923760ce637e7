"""Local time windows: midnight, weekdays, daylight saving time."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from godkaiser.model.instant import HOUR, MINUTE, Instant, from_datetime, to_datetime
from godkaiser.rules.rule import TimeWindow

DAY_MINUTES = 24 * 60


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
    """When to look again: the next edge of the local clock, at most an hour away (DST moves edges)."""
    zone = ZoneInfo(window.timezone)
    local = to_datetime(now).astimezone(zone)
    midnight = datetime(local.year, local.month, local.day, tzinfo=zone)
    edges = (
        from_datetime(midnight + timedelta(days=day, minutes=minute))
        for day in (0, 1)
        for minute in (window.start % DAY_MINUTES, window.end % DAY_MINUTES)
    )
    soonest = min((edge for edge in edges if edge > now), default=now + HOUR)
    return max(min(soonest, now + HOUR), now + MINUTE // 60)
