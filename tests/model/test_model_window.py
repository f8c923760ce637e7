"""Time windows: weekdays, midnight, and the nights when the clock is put forward or back."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from godkaiser.model.instant import HOUR, MINUTE, SECOND, from_datetime, to_datetime
from godkaiser.model.window import TimeWindow, inside, midnight, next_change
from tests.rules.bench import at

WEEK = frozenset(range(7))
FRIDAY_NIGHT = TimeWindow(22 * 60, 6 * 60, frozenset({4}), "Europe/Berlin")
ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "America/St_Johns",
]
# Changes of the clocks: Berlin spring and autumn, New York, Lord Howe (half an hour), St. John's.
CHANGES = [
    "2026-03-29T01:00:00Z", "2026-10-25T01:00:00Z", "2026-03-08T07:00:00Z", "2026-11-01T06:00:00Z",
    "2026-04-04T15:00:00Z", "2026-10-03T15:30:00Z", "2026-03-08T05:30:00Z",
]  # fmt: skip


@pytest.mark.parametrize(
    ("local", "expected"),
    [
        ("2026-05-01T02:00:00", False),  # Friday, but the window of Thursday is not asked for
        ("2026-05-01T21:59:59", False),
        ("2026-05-01T22:00:00", True),
        ("2026-05-02T02:00:00", True),  # Saturday morning belongs to Friday's window
        ("2026-05-02T05:59:59", True),
        ("2026-05-02T06:00:00", False),
        ("2026-05-02T22:30:00", False),
        ("2026-05-03T02:00:00", False),
    ],
)
def test_a_night_belongs_to_the_day_it_starts_on(local: str, expected: bool) -> None:
    when = datetime.fromisoformat(local).replace(tzinfo=ZoneInfo("Europe/Berlin"))
    assert inside(FRIDAY_NIGHT, from_datetime(when)) is expected


@pytest.mark.parametrize(
    ("window", "clock", "expected"),
    [
        (TimeWindow(0, 1440, frozenset({4}), "UTC"), "2026-05-01T23:59:59Z", True),
        (TimeWindow(0, 1440, frozenset({4}), "UTC"), "2026-05-02T00:00:00Z", False),
        (TimeWindow(6 * 60, 22 * 60, WEEK, "UTC"), "2026-05-01T06:00:00Z", True),
        (TimeWindow(6 * 60, 22 * 60, WEEK, "UTC"), "2026-05-01T22:00:00Z", False),
        (TimeWindow(6 * 60, 22 * 60, WEEK, "Europe/Berlin"), "2026-05-01T04:00:00Z", True),
        (TimeWindow(22 * 60, 0, frozenset({6}), "UTC"), "2026-05-03T23:59:00Z", True),
        (TimeWindow(22 * 60, 0, frozenset({6}), "UTC"), "2026-05-04T00:00:00Z", False),
        (TimeWindow(22 * 60, 60, frozenset({6}), "UTC"), "2026-05-04T00:30:00Z", True),
    ],
)
def test_start_counts_and_end_does_not(window: TimeWindow, clock: str, expected: bool) -> None:
    assert inside(window, at(clock)) is expected


def windows(zone: str) -> st.SearchStrategy[TimeWindow]:
    minutes = st.tuples(st.integers(0, 1439), st.integers(0, 1440)).filter(lambda m: m[0] != m[1])
    days = st.frozensets(st.integers(0, 6), min_size=1)
    return st.builds(lambda m, d: TimeWindow(m[0], m[1], d, zone), minutes, days)


ANYWHERE = st.sampled_from(ZONES).flatmap(windows)
NEAR_CHANGE = st.builds(
    lambda change, ahead: at(change) + ahead, st.sampled_from(CHANGES), st.integers(-3 * HOUR, 3 * HOUR)
)
ANY_TIME = st.integers(at("2024-01-01T00:00:00Z"), at("2030-01-01T00:00:00Z")) | NEAR_CHANGE


@given(ANYWHERE, ANY_TIME)
@example(TimeWindow(150, 300, WEEK, "Europe/Berlin"), at("2026-03-29T00:40:00Z"))
@example(TimeWindow(150, 300, WEEK, "Europe/Berlin"), at("2026-10-25T00:40:00Z"))
@example(TimeWindow(0, 360, WEEK, "UTC"), at("2026-05-01T05:59:59.999Z"))
def test_next_change_never_skips_an_edge(window: TimeWindow, now: int) -> None:
    soon = next_change(window, now)
    assert now < soon <= now + HOUR
    state = inside(window, now)
    minute = now - now % MINUTE + MINUTE
    while minute < soon:
        assert inside(window, minute) is state, to_datetime(minute)
        minute += MINUTE
    assert inside(window, soon - 1) is state


@given(ANYWHERE, ANY_TIME)
def test_a_window_follows_the_wall_clock(window: TimeWindow, now: int) -> None:
    """Whatever the zone does, only what a clock on the wall shows matters."""
    local = to_datetime(now).astimezone(ZoneInfo(window.timezone))
    here = TimeWindow(window.start, window.end, window.days, "UTC")
    shown = from_datetime(local.replace(tzinfo=ZoneInfo("UTC")))
    assert inside(window, now) is inside(here, shown)


@pytest.mark.parametrize("night", ["2026-03-29", "2026-10-25"])
def test_the_night_of_a_clock_change_switches_once_on_and_once_off(night: str) -> None:
    window = TimeWindow(22 * 60, 6 * 60, WEEK, "Europe/Berlin")
    now = from_datetime(datetime.fromisoformat(night).replace(tzinfo=ZoneInfo("Europe/Berlin"))) - 6 * HOUR
    end = now + 18 * HOUR
    seen: list[bool] = []
    while now < end:
        state = inside(window, now)
        if not seen or seen[-1] != state:
            seen.append(state)
        now = next_change(window, now)
    assert seen == [False, True, False]


def test_it_looks_at_least_every_hour_and_exactly_at_the_edge() -> None:
    window = TimeWindow(6 * 60, 22 * 60, WEEK, "UTC")
    assert next_change(window, at("2026-05-01T12:00:00Z")) == at("2026-05-01T13:00:00Z")
    assert next_change(window, at("2026-05-01T05:30:00Z")) == at("2026-05-01T06:00:00Z")
    assert next_change(window, at("2026-05-01T06:00:00Z")) == at("2026-05-01T07:00:00Z")
    assert next_change(window, at("2026-05-01T05:59:59Z") + SECOND - 1) == at("2026-05-01T06:00:00Z")


@given(st.integers(0, 2 * 365 * 24 * 60), st.sampled_from(ZONES))
def test_the_day_began_at_local_midnight_at_most_25_hours_ago(minutes: int, zone: str) -> None:
    now = at("2026-01-01T00:00:00Z") + minutes * MINUTE
    began = midnight(now, zone)
    local, today = (to_datetime(when).astimezone(ZoneInfo(zone)) for when in (began, now))
    assert (local.hour, local.minute, local.date()) == (0, 0, today.date())
    assert 0 <= now - began < 25 * HOUR


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-07-01", 24)])
def test_days_on_which_the_clock_is_changed_are_shorter_or_longer(day: str, hours: int) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    late = from_datetime(datetime.fromisoformat(f"{day}T23:59:00").replace(tzinfo=berlin))
    assert late + MINUTE - midnight(late, "Europe/Berlin") == hours * HOUR
