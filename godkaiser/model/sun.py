"""Windows between two positions of the sun, computed offline; polar day and night included.

A day of the sun lasts from one solar midnight to the next. A morning event that does not happen on a day is taken
at solar midnight when the sun stays up, at noon when it stays down, an evening event likewise: so "from sunrise to
sunset" is true all through the polar day and false all through the polar night, and its opposite is the opposite.
An offset belongs to an event that happens; without it there is none.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

from astral import Observer
from astral.julian import julianday, julianday_to_juliancentury
from astral.sun import elevation, eq_of_time

from godkaiser.model.instant import DAY, HOUR, MINUTE, SECOND, Duration, Instant, to_datetime

SunEvent = Literal["dawn", "sunrise", "noon", "sunset", "dusk"]
ORDER: Final[tuple[SunEvent, ...]] = ("dawn", "sunrise", "noon", "sunset", "dusk")
LONGEST_OFFSET: Final = 12 * HOUR
LOOK_EVERY: Final = DAY  # where nothing changes for days
# Degrees: the upper limb on the horizon with mean refraction; the sun's centre at civil twilight.
_HEIGHT: Final = {"sunrise": -0.833, "sunset": -0.833, "dawn": -6.0, "dusk": -6.0}
_REACH: Final = 2  # days of the sun before and after, as an offset moves an edge by half a day at most


@dataclass(frozen=True, slots=True)
class SunWindow:
    """From one event to the next such end, each moved by its offset (µs, negative: before the event).

    Start inclusive, end exclusive. An end that comes before the start in the order of the day is the next day's.
    """

    start: SunEvent
    end: SunEvent
    latitude: float
    longitude: float
    start_offset: Duration = 0
    end_offset: Duration = 0


def sun_inside(window: SunWindow, now: Instant) -> bool:
    """Is it between the two?"""
    return any(start <= now < end for start, end in _windows(window, now // DAY))


def sun_next_change(window: SunWindow, now: Instant) -> Instant:
    """When to look again: the next edge, at most a day away."""
    edges = (edge for pair in _windows(window, now // DAY) if pair[0] < pair[1] for edge in pair)
    return min((edge for edge in edges if edge > now), default=now + LOOK_EVERY)


@lru_cache(maxsize=1024)
def _windows(window: SunWindow, day: int) -> tuple[tuple[Instant, Instant], ...]:
    """The windows that may matter on a day of UTC. An empty one has its end before its start."""
    return tuple(_each(window, day))


def _each(window: SunWindow, day: int) -> Iterator[tuple[Instant, Instant]]:
    later = _after_midnight(window)
    for number in range(day - _REACH - 1, day + _REACH + 2):
        start = _moment(window, window.start, window.start_offset, number)
        yield start, _moment(window, window.end, window.end_offset, number + later)


def _after_midnight(window: SunWindow) -> int:
    """1 when the end belongs to the day after the start."""
    start, end = ORDER.index(window.start), ORDER.index(window.end)
    return int(window.end_offset <= window.start_offset if start == end else end < start)


def _moment(window: SunWindow, event: SunEvent, offset: Duration, day: int) -> Instant:
    at, happens = sun_at(event, window.latitude, window.longitude, day)
    return at + offset if happens else at


@lru_cache(maxsize=4096)
def sun_at(event: SunEvent, latitude: float, longitude: float, day: int) -> tuple[Instant, bool]:
    """When it is on the local day of the sun whose noon is near noon of `day` (days since 1970), to a second.

    The second value is false where it does not happen on that day.
    """
    noon = _noon(longitude, day)
    if event == "noon":
        return noon, True
    morning = event in ("dawn", "sunrise")
    night = (noon + _noon(longitude, day - 1 if morning else day + 1)) // 2
    wanted = _HEIGHT[event]
    if _height(latitude, longitude, noon) < wanted:
        return noon, False
    if _height(latitude, longitude, night) >= wanted:
        return night, False
    return _crossing(latitude, longitude, (night, noon), wanted), True


def _noon(longitude: float, day: int) -> Instant:
    """When the sun crosses the meridian: a smooth function of the day, whatever the longitude."""
    mean = day * DAY + DAY // 2 - round(longitude / 360 * DAY)
    century = julianday_to_juliancentury(julianday(to_datetime(mean)))
    return _whole(mean - round(eq_of_time(century) * MINUTE))


def _crossing(latitude: float, longitude: float, between: tuple[Instant, Instant], wanted: float) -> Instant:
    """Bisection: the sun is below `wanted` at the first instant and not below at the second."""
    low, high = between
    while abs(high - low) > SECOND:
        middle = (low + high) // 2
        if _height(latitude, longitude, middle) < wanted:
            low = middle
        else:
            high = middle
    return _whole(high)


def _height(latitude: float, longitude: float, at: Instant) -> float:
    """Degrees above the horizon, of its centre, without refraction."""
    return elevation(Observer(latitude, longitude, 0.0), to_datetime(at), with_refraction=False)


def _whole(at: Instant) -> Instant:
    return (at + SECOND // 2) // SECOND * SECOND
