"""Schedules by the local clock: nothing twice, nothing left out, whatever the clock does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from godkaiser.model.instant import DAY, HOUR, MINUTE, SECOND, parse_instant, to_iso
from godkaiser.model.schedule import next_due, read_schedule

BERLIN = "Europe/Berlin"
NIGHT_OF_SPRING = parse_instant("2026-03-28T12:00:00Z", 0)
NIGHT_OF_AUTUMN = parse_instant("2026-10-24T12:00:00Z", 0)


def due(schedule: str, since: int, until: int, timezone: str = BERLIN) -> list[str]:
    found = []
    while (since := next_due(schedule, timezone, since)) <= until:
        found.append(to_iso(since))
    return found


def test_twice_a_day_by_the_local_clock() -> None:
    start = parse_instant("2026-06-01T00:00:00Z", 0)
    assert due("0 6,18 * * *", start, start + DAY) == ["2026-06-01T04:00:00Z", "2026-06-01T16:00:00Z"]
    assert due("0 6,18 * * *", start, start + DAY, "UTC") == ["2026-06-01T06:00:00Z", "2026-06-01T18:00:00Z"]


@pytest.mark.parametrize(
    ("schedule", "spring", "autumn"),
    [
        ("30 2 * * *", ["2026-03-29T01:00:00Z"], ["2026-10-25T00:30:00Z"]),
        ("*/30 2 * * *", ["2026-03-29T01:00:00Z"], ["2026-10-25T00:00:00Z", "2026-10-25T00:30:00Z"]),
        ("0 2-3/1 * * *", ["2026-03-29T01:00:00Z"], ["2026-10-25T00:00:00Z", "2026-10-25T02:00:00Z"]),
        ("0 */2 29,25 * *", ["2026-03-29T01:00:00Z", "2026-03-29T02:00:00Z"], ["2026-10-25T00:00:00Z"]),
    ],
)
def test_the_nights_on_which_the_clock_is_changed(
    schedule: str, spring: list[str], autumn: list[str]
) -> None:
    def early(found: list[str]) -> list[str]:
        return [at for at in found if "T00:00" <= at[10:16] < "T02:30" and at[8:10] in ("29", "25")]

    assert early(due(schedule, NIGHT_OF_SPRING, NIGHT_OF_SPRING + DAY)) == spring
    assert early(due(schedule, NIGHT_OF_AUTUMN, NIGHT_OF_AUTUMN + DAY)) == autumn


@pytest.mark.parametrize("night", [NIGHT_OF_SPRING, NIGHT_OF_AUTUMN])
def test_every_hour_is_every_hour(night: int) -> None:
    times = [next_due("0 * * * *", BERLIN, night + hour * HOUR) - night for hour in range(24)]
    assert times == [(hour + 1) * HOUR for hour in range(24)]


@given(
    st.sampled_from(["30 2 * * *", "0 6,18 * * *", "*/7 1-4 * * *", "15 */3 * * 1-5"]),
    st.sampled_from([NIGHT_OF_SPRING, NIGHT_OF_AUTUMN]),
    st.integers(0, 2 * DAY // SECOND),
)
def test_asked_at_any_moment_the_answer_is_the_same(schedule: str, night: int, seconds: int) -> None:
    """A restart neither repeats nor leaves out a time."""
    at = night + seconds * SECOND
    listed = due(schedule, night - 4 * DAY, night + 9 * DAY)
    later = [time for time in listed if parse_instant(time, 0) > at]
    assert to_iso(next_due(schedule, BERLIN, at)) == later[0]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("0 6 * *", "a schedule has five fields"),
        ("@daily", "a schedule has five fields"),
        ("0 0 6 * * *", "a schedule has five fields"),
        (7, "a schedule has five fields"),
        ("61 6 * * *", "is no schedule"),
        ("0 24 * * *", "is no schedule"),
        ("a b c d e", "is no schedule"),
        ("0 0 31 2 *", "is no schedule"),
        ("*/0 6 * * *", "is no schedule"),
    ],
)
def test_what_is_none_says_what_is_expected(text: object, problem: str) -> None:
    with pytest.raises(ValueError, match=problem) as caught:
        read_schedule(text)
    assert "minute, hour, day of month, month, day of week" in str(caught.value)


@given(st.lists(st.text("0123456789*/,-#LW", min_size=1, max_size=6), min_size=5, max_size=5))
def test_any_five_fields_are_read_or_refused(fields: list[str]) -> None:
    text = " ".join(fields)
    try:
        schedule = read_schedule(text)
    except ValueError:
        with pytest.raises(ValueError, match=r"name a day that exists|five fields"):
            read_schedule(text)
    else:
        assert next_due(schedule, BERLIN, NIGHT_OF_AUTUMN) % MINUTE == 0
