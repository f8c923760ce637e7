"""Roll-ups are what the readings come to, and larger ones are exactly what smaller ones come to."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from godkaiser.errors import RetentionTooShortError
from godkaiser.model.instant import DAY, HOUR, MINUTE, SECOND
from godkaiser.model.rollup import (
    SPANS,
    Bucket,
    Point,
    check_retention,
    combine,
    deletable_before,
    least_retention,
    roll,
    span_for,
)

T0 = 20_000 * DAY
HOLD = 3 * MINUTE


def test_a_value_holds_until_the_next_reading_and_not_longer_than_it_is_fresh() -> None:
    points: list[Point] = [(T0 - MINUTE, 10.0, 0), (T0 + 30 * SECOND, 20.0, 1), (T0 + 10 * MINUTE, 5.0, 0)]
    found = roll(points, T0, T0 + 11 * MINUTE, MINUTE, HOLD)
    assert found[T0] == Bucket(1, 15.0, 10.0, 20.0, 5.0, 0, MINUTE)
    assert found[T0 + 3 * MINUTE] == Bucket(0, 20.0, 20.0, 20.0, 0.0, 0, 30 * SECOND)
    assert sorted(found) == [*range(T0, T0 + 4 * MINUTE, MINUTE), T0 + 10 * MINUTE], (
        "what nobody knew is not there"
    )


@pytest.mark.parametrize("doubtful", [(99.0, 2), (None, 3), (None, 0)])
def test_a_bad_reading_counts_as_bad_and_ends_what_held(doubtful: tuple[float | None, int]) -> None:
    found = roll([(T0, 10.0, 0), (T0 + 15 * SECOND, *doubtful)], T0, T0 + MINUTE, MINUTE, HOLD)
    assert found == {T0: Bucket(1, 10.0, 10.0, 10.0, 0.0, 1, 15 * SECOND)}


def test_readings_of_one_moment_all_count_and_the_last_one_holds() -> None:
    found = roll([(T0, 10.0, 0), (T0, 30.0, 0)], T0, T0 + MINUTE, MINUTE, HOLD)
    assert found == {T0: Bucket(2, 30.0, 10.0, 30.0, 0.0, 0, MINUTE)}


def test_what_no_number_can_hold_is_not_known() -> None:
    huge = 1.7976931348623157e308
    bucket = roll([(T0, -huge, 0), (T0 + 1, huge, 0)], T0, T0 + MINUTE, MINUTE, HOLD)[T0]
    assert (bucket.minimum, bucket.maximum, bucket.std) == (-huge, huge, None)


points = st.lists(
    st.tuples(
        st.integers(-20, 3 * 24 * 60).map(lambda half: T0 + half * 30 * SECOND),
        st.one_of(st.none(), st.floats(-50, 50)),
        st.integers(0, 3),
    ),
    max_size=60,
).map(lambda found: sorted(found, key=lambda point: point[0]))


@given(points, st.integers(1, 7200))
def test_a_larger_bucket_is_what_its_smaller_ones_come_to(found: list[Point], hold_s: int) -> None:
    whole = [roll(found, T0, T0 + 2 * DAY, span, hold_s * SECOND) for span in SPANS]
    for smaller, larger, span in zip(whole, whole[1:], SPANS[1:], strict=False):
        for at, bucket in larger.items():
            same(bucket, combine(part for begin, part in smaller.items() if at <= begin < at + span))


def same(one: Bucket, other: Bucket) -> None:
    assert (one.n, one.bad, one.covered) == (other.n, other.bad, other.covered)
    assert (one.minimum, one.maximum) == (other.minimum, other.maximum)
    for this, that in ((one.mean, other.mean), (one.std, other.std)):
        assert (this is None) == (that is None)
        assert this is None or that is None or math.isclose(this, that, rel_tol=1e-9, abs_tol=1e-6)


@pytest.mark.parametrize(
    ("every", "ahead", "span"),
    [
        (5 * MINUTE, 0, MINUTE),
        (HOUR, 0, HOUR),
        (45 * MINUTE, 0, 15 * MINUTE),
        (7 * DAY, 0, DAY),
        (DAY, 2 * HOUR, HOUR),
        (DAY, 5 * HOUR + 45 * MINUTE, 15 * MINUTE),
        (30 * SECOND, 0, None),
        (90 * SECOND, 0, None),
    ],
)
def test_the_largest_span_that_fits_is_taken(every: int, ahead: int, span: int | None) -> None:
    assert span_for(every, [ahead]) == span


def test_a_retention_that_would_eat_what_roll_ups_need_is_refused() -> None:
    check_retention(None, 7 * DAY)
    check_retention(least_retention(HOLD), HOLD)
    with pytest.raises(RetentionTooShortError) as caught:
        check_retention(least_retention(HOLD) - 1, HOLD)
    assert "25.05 h" in str(caught.value)
    assert "180 s" in caught.value.remedy


def test_nothing_goes_that_a_bucket_still_needs() -> None:
    now = T0 + 100 * DAY
    assert deletable_before(now, 30 * DAY, HOLD, None) == now - 30 * DAY
    assert deletable_before(now, 30 * DAY, HOLD, now - DAY) == now - 30 * DAY
    assert deletable_before(now, 30 * DAY, HOLD, T0) == T0 - HOLD
    assert deletable_before(now, 0, HOLD, None) == now - least_retention(HOLD)
