"""A value that dithers at its limit is one condition."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from godkaiser.alarms.band import Band
from godkaiser.errors import InvalidValueError


def crossings(band: Band, values: list[float]) -> list[bool]:
    was, seen = False, []
    for value in values:
        was = bool(band.beyond(value, was))
        seen.append(was)
    return seen


def test_it_goes_beyond_at_the_limit_and_comes_back_below_the_band() -> None:
    assert crossings(Band(30, 2), [30, 30.1, 29.9, 28.1, 28, 29, 30.1]) == [
        False, True, True, True, False, False, True,
    ]  # fmt: skip
    assert crossings(Band(0, 1, above=False), [0, -0.1, 0.9, 1]) == [False, True, True, False]


@pytest.mark.parametrize("value", [None, math.nan, math.inf])
@pytest.mark.parametrize("was", [True, False])
def test_without_a_value_nobody_knows(value: float | None, was: bool) -> None:
    assert Band(30, 2).beyond(value, was) is None


@pytest.mark.parametrize(("limit", "dead_band"), [(math.nan, 1), (1, math.nan), (1, -0.1), (math.inf, 1)])
def test_a_band_without_sense_is_refused_by_name(limit: float, dead_band: float) -> None:
    with pytest.raises(InvalidValueError, match="limit, dead_band"):
        Band(limit, dead_band)


@given(
    st.floats(-50, 50),
    st.floats(0.5, 10),
    st.booleans(),
    st.lists(st.floats(-0.24, 0.24), min_size=2, max_size=50),
)
def test_noise_smaller_than_the_band_turns_it_at_most_once(
    limit: float, dead_band: float, above: bool, noise: list[float]
) -> None:
    seen = crossings(Band(limit, dead_band, above), [limit + n for n in noise])
    assert sum(one != other for one, other in zip([False, *seen], seen, strict=False)) <= 1
