"""Windows by the sun: as the almanac says, in polar day and night, and on either side of the date line."""

import itertools
from datetime import UTC, date, datetime

import pytest
from astral import Observer
from astral.sun import dawn, dusk, noon, sunrise, sunset
from hypothesis import given
from hypothesis import strategies as st

from godkaiser.model.instant import DAY, HOUR, MINUTE, Instant, from_datetime, parse_instant
from godkaiser.model.sun import ORDER, SunEvent, SunWindow, sun_at, sun_inside, sun_next_change

BERLIN, TROMSO, SOUTH = (52.52, 13.405), (69.65, 18.96), (-33.87, 151.21)


def day_of(text: str) -> int:
    return (date.fromisoformat(text) - date(1970, 1, 1)).days


def at(text: str) -> Instant:
    return parse_instant(text, 0)


# Almanac times, UTC, to the minute.
@pytest.mark.parametrize(
    ("place", "day", "event", "time"),
    [
        (BERLIN, "2026-06-21", "sunrise", "2026-06-21T02:43:00Z"),
        (BERLIN, "2026-06-21", "sunset", "2026-06-21T19:33:00Z"),
        (BERLIN, "2026-12-21", "sunrise", "2026-12-21T07:15:00Z"),
        (BERLIN, "2026-12-21", "sunset", "2026-12-21T14:54:00Z"),
        (SOUTH, "2026-06-21", "sunrise", "2026-06-20T21:00:00Z"),
        (SOUTH, "2026-06-21", "sunset", "2026-06-21T06:54:00Z"),
    ],
)
def test_as_the_almanac_says(place: tuple[float, float], day: str, event: SunEvent, time: str) -> None:
    found, happens = sun_at(event, *place, day_of(day))
    assert happens
    assert abs(found - at(time)) <= 2 * MINUTE


@given(st.integers(0, 3650), st.floats(-55, 55), st.floats(-20, 20))
def test_as_another_reckoning_says(day: int, latitude: float, longitude: float) -> None:
    """The library's own way, where it has no date line to cross."""
    observer, when = Observer(latitude, longitude), date.fromordinal(date(2024, 1, 1).toordinal() + day)
    for event, reckon in (
        ("dawn", dawn),
        ("sunrise", sunrise),
        ("noon", noon),
        ("sunset", sunset),
        ("dusk", dusk),
    ):
        found, happens = sun_at(event, latitude, longitude, when.toordinal() - date(1970, 1, 1).toordinal())
        assert happens
        assert abs(found - from_datetime(reckon(observer, when, tzinfo=UTC))) <= 3 * MINUTE


@given(st.integers(0, 30_000), st.floats(-90, 90), st.floats(-180, 180))
def test_the_events_of_a_day_come_in_their_order(day: int, latitude: float, longitude: float) -> None:
    times = [sun_at(event, latitude, longitude, day)[0] for event in ORDER]
    assert times == sorted(times)
    assert times[-1] - times[0] <= 25 * HOUR
    following = sun_at("dawn", latitude, longitude, day + 1)[0]
    assert following >= times[-1]


UP = SunWindow("sunrise", "sunset", *TROMSO)
DOWN = SunWindow("sunset", "sunrise", *TROMSO)


@pytest.mark.parametrize(("begin", "up"), [("2026-06-10T00:00:00Z", True), ("2026-12-20T00:00:00Z", False)])
@pytest.mark.parametrize("offset", [0, 45 * MINUTE, -45 * MINUTE])
def test_polar_day_and_polar_night(begin: str, up: bool, offset: int) -> None:
    """The sun is up all day, or not at all; an offset moves nothing where there is nothing."""
    moved = SunWindow("sunrise", "sunset", *TROMSO, offset, offset)
    for step in range(5 * 24 * 4):
        now = at(begin) + step * 15 * MINUTE
        assert sun_inside(UP, now) is up
        assert sun_inside(DOWN, now) is not up
        assert sun_inside(moved, now) is up
        assert now < sun_next_change(UP, now) <= now + DAY


def test_the_days_between_polar_night_and_polar_day() -> None:
    """From dark to light without a jump: each day is longer than the one before, by less than an hour and a half."""
    days = range(day_of("2026-01-10"), day_of("2026-05-25"))
    spans = [sun_at("sunset", *TROMSO, day)[0] - sun_at("sunrise", *TROMSO, day)[0] for day in days]
    assert spans[0] == 0
    assert spans[-1] >= DAY - MINUTE
    assert all(-MINUTE <= b - a <= 90 * MINUTE for a, b in itertools.pairwise(spans))


@given(
    st.sampled_from(ORDER), st.sampled_from(ORDER), st.floats(-90, 90), st.floats(-180, 180),
    st.integers(at("2026-01-01T00:00:00Z"), at("2027-01-01T00:00:00Z")),
)  # fmt: skip
def test_either_between_these_or_between_those(
    start: SunEvent, end: SunEvent, latitude: float, longitude: float, now: Instant
) -> None:
    if start == end:
        return
    there = sun_inside(SunWindow(start, end, latitude, longitude), now)
    back = sun_inside(SunWindow(end, start, latitude, longitude), now)
    assert there is not back


def test_offsets_move_the_edges() -> None:
    day = day_of("2026-06-21")
    rise, fall = sun_at("sunrise", *BERLIN, day)[0], sun_at("sunset", *BERLIN, day)[0]
    window = SunWindow("sunrise", "sunset", *BERLIN, 30 * MINUTE, -HOUR)
    start, end = rise + 30 * MINUTE, fall - HOUR
    assert [sun_inside(window, t) for t in (start - 1, start, end - 1, end)] == [False, True, True, False]
    assert sun_next_change(window, start - 1) == start
    assert sun_next_change(window, start) == end


def test_around_one_event() -> None:
    fall = sun_at("sunset", *BERLIN, day_of("2026-06-21"))[0]
    window = SunWindow("sunset", "sunset", *BERLIN, -HOUR, HOUR)
    assert [sun_inside(window, fall + t * HOUR) for t in (-2, 0, 2)] == [False, True, False]
    rest = SunWindow("sunset", "sunset", *BERLIN, HOUR, -HOUR)
    assert [sun_inside(rest, fall + t * HOUR) for t in (-2, 0, 2)] == [True, False, True]


def test_a_winter_too_short_for_its_offsets_has_no_window() -> None:
    window = SunWindow("sunrise", "sunset", *BERLIN, 5 * HOUR, -5 * HOUR)
    noon_of_winter = from_datetime(datetime(2026, 12, 21, 11, tzinfo=UTC))
    assert not any(sun_inside(window, noon_of_winter + t * MINUTE) for t in range(-720, 720, 10))
    assert sun_inside(window, from_datetime(datetime(2026, 6, 21, 11, tzinfo=UTC)))
