"""Buckets begin by the local clock, lie side by side and take every part exactly once."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from godkaiser.errors import InvalidValueError
from godkaiser.model.calendar import Calendar, gather
from godkaiser.model.instant import DAY, HOUR, MINUTE, from_datetime, to_datetime
from godkaiser.model.rollup import Bucket

BERLIN = "Europe/Berlin"
ZONES = ["UTC", BERLIN, "America/St_Johns", "Asia/Kathmandu", "Australia/Lord_Howe"]
LENGTHS = [MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, 6 * HOUR, DAY]


@pytest.mark.parametrize(("month", "day", "hours"), [(3, 29, 23), (10, 25, 25), (6, 1, 24)])
def test_a_day_is_as_long_as_the_local_clock_says(month: int, day: int, hours: int) -> None:
    noon = from_datetime(datetime(2026, month, day, 12, tzinfo=UTC))
    calendar = Calendar(DAY, BERLIN)
    begin = calendar.begin(noon)
    local = to_datetime(begin).astimezone(ZoneInfo(BERLIN))
    assert (local.day, local.hour, local.minute) == (day, 0, 0)
    assert calendar.end(begin) - begin == hours * HOUR
    assert calendar.span(begin, begin + 400 * DAY) == HOUR


@given(
    st.integers(1_600_000_000, 2_000_000_000).map(lambda s: s * 1_000_000),
    st.sampled_from(LENGTHS),
    st.sampled_from(ZONES),
)
def test_a_moment_is_in_its_bucket_and_the_next_one_follows(at: int, every: int, zone: str) -> None:
    calendar = Calendar(every, zone)
    begin = calendar.begin(at)
    end = calendar.end(begin)
    assert begin <= at < end
    assert calendar.begin(begin) == begin
    assert calendar.begin(end - 1) == begin
    assert calendar.begin(end) == end


def test_parts_are_gathered_and_what_lies_between_is_empty() -> None:
    parts = [(at, Bucket(1, 20.0, 20.0, 20.0, 0.0, 0, MINUTE)) for at in (0, MINUTE, 11 * MINUTE)]
    found = gather(Calendar(5 * MINUTE), parts)
    assert [begin for begin, _, _ in found] == [0, 5 * MINUTE, 10 * MINUTE]
    assert [bucket.n for _, _, bucket in found] == [2, 0, 1]
    assert found[1][2] == Bucket()
    assert gather(Calendar(DAY), []) == []


def test_a_zone_that_nobody_knows_is_refused() -> None:
    with pytest.raises(InvalidValueError) as caught:
        Calendar(DAY, "Mars/Olympus")
    assert "Europe/Berlin" in caught.value.remedy
