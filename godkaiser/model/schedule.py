"""Schedules: five fields of cron, by the local clock. What came of the last time is a `Slot`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from godkaiser.model.instant import Instant, from_datetime, to_datetime

FIELDS: Final = 'five fields: minute, hour, day of month, month, day of week, as in "0 6,18 * * *"'


@dataclass(frozen=True, slots=True)
class Slot:
    """The last time a schedule was due, the request made for it, and how that ended."""

    due_at: Instant
    request: str
    end: Literal["waiting", "answered", "refused", "silent"] = "waiting"
    message: str = ""


def read_schedule(text: Any) -> Any:
    """A schedule as written, in single spaces. Raises `ValueError` that says what is expected."""
    if text is None:
        return None
    if not isinstance(text, str) or len(text.split()) != 5:
        raise ValueError(f"a schedule has {FIELDS}")
    try:
        next(CronSim(_by_clock(text), datetime(2024, 1, 1, tzinfo=UTC)))
    except (CronSimError, AssertionError):
        raise ValueError(f"{text!r} is no schedule; it has {FIELDS}") from None
    except StopIteration:
        raise ValueError(f"{text!r} never comes; name a day that exists") from None
    return " ".join(text.split())


@lru_cache(maxsize=256)
def next_due(schedule: str, timezone: str, after: Instant) -> Instant:
    """The next time, later than `after`.

    A local time that is skipped in spring comes as soon as the clock has been put forward; one that there is twice in
    autumn comes the first time. With `*` as its hour a schedule counts elapsed hours and needs neither.
    """
    times = CronSim(_by_clock(schedule), to_datetime(after).astimezone(ZoneInfo(timezone)))
    return next(at for at in map(from_datetime, times) if at > after)


def _by_clock(schedule: str) -> str:
    """Steps written out as ranges: only a plain `*` as the hour means elapsed time and not the clock's face."""
    minute, hour, *days = schedule.split()
    if hour != "*":
        minute = "0-59" + minute[1:] if minute.startswith("*") else minute
        hour = "0-23" + hour[1:] if hour.startswith("*") else hour
    return " ".join((minute, hour, *days))
