"""Filters: an outlier does not pass a median, noise shrinks in a mean, and nothing comes out that did not go in."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from godkaiser.model.filter import Filter
from godkaiser.model.instant import MINUTE, SECOND
from godkaiser.sensors.filter import EMPTY, smooth

GAP = 3 * MINUTE


def run(kind: Filter | None, values: list[float], every: int = 30 * SECOND) -> list[float]:
    memory, out = EMPTY, []
    for number, value in enumerate(values):
        memory, filtered = smooth(kind, memory, value, number * every, GAP)
        out.append(filtered)
    return out


def test_a_median_of_five_does_not_see_two_outliers() -> None:
    values = [20.0, 20.1, 99.0, 20.2, -40.0, 20.3, 20.4]
    assert run(Filter(median=5), values) == [20.0, 20.05, 20.1, 20.15, 20.1, 20.2, 20.3]


def test_a_mean_moves_by_its_weight() -> None:
    assert run(Filter(ema=0.2), [10.0, 20.0, 20.0]) == [10.0, 12.0, pytest.approx(13.6)]
    assert run(Filter(ema=1), [10.0, 20.0, 0.0]) == [10.0, 20.0, 0.0]


def test_without_a_filter_values_stay_as_they_are() -> None:
    assert run(None, [1.0, 5.0, 0.0]) == [1.0, 5.0, 0.0]


@pytest.mark.parametrize("kind", [Filter(median=5), Filter(ema=0.2)])
def test_after_a_gap_it_starts_anew(kind: Filter) -> None:
    assert run(kind, [10.0, 20.0, 30.0], GAP) == pytest.approx(run(kind, [10.0, 20.0, 30.0]))
    assert run(kind, [10.0, 20.0, 30.0], GAP + 1) == [10.0, 20.0, 30.0]


@given(
    st.sampled_from([Filter(median=3), Filter(median=5), Filter(ema=0.2), Filter(ema=0.9)]),
    st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=60),
)
def test_what_comes_out_lies_between_what_went_in(kind: Filter, values: list[float]) -> None:
    for number, filtered in enumerate(run(kind, values)):
        assert min(values[: number + 1]) <= filtered <= max(values[: number + 1])


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("median", Filter(median=5)),
        ("ema", Filter(ema=0.2)),
        ({"median": 7}, Filter(median=7)),
        ({"ema": 0.1}, Filter(ema=0.1)),
    ],
)
def test_how_a_filter_is_written(data: Any, expected: Filter) -> None:
    assert Filter.model_validate(data) == expected
    assert Filter.model_validate(expected.model_dump()) == expected


@pytest.mark.parametrize(
    "data",
    ["mean", {}, {"median": 4}, {"median": 1}, {"median": 33}, {"median": 5, "ema": 0.2}, {"ema": 0},
     {"ema": 1.1}, {"ema": float("nan")}, {"median": 5.5}],
)  # fmt: skip
def test_what_is_no_filter_is_refused(data: Any) -> None:
    with pytest.raises(ValidationError):
        Filter.model_validate(data)
