"""Long stretches: which buckets are picked, and what is drawn of them. No line and no band crosses a gap."""

from __future__ import annotations

from math import isnan
from typing import Any

import pytest
from godkaiser_dashboard.rolled import (
    LENGTHS_S,
    POINTS_MOST,
    RANGES,
    Piece,
    band,
    holes,
    length,
    lines,
    pieces,
    runs,
    too_many,
)
from hypothesis import given
from hypothesis import strategies as st

from godkaiser.model.instant import MINUTE, SECOND
from godkaiser.model.rollup import span_for

LATE = 1e15


def piece(at: float, mean: float | None, bad: int = 0) -> Piece:
    low, high = (None, None) if mean is None else (mean - 1, mean + 2)
    return Piece(at, at + 10.0, mean, low, high, 3, bad)


def told(*rows: tuple[str, Any, Any, Any, float], **more: list[Any]) -> dict[str, Any]:
    names = ("begins", "values", "minimum", "maximum", "coverage")
    whole: dict[str, Any] = {name: [row[i] for row in rows] for i, name in enumerate(names)}
    return whole | {"readings": [4] * len(rows), "bad": [0] * len(rows)} | more


@pytest.mark.parametrize(
    ("span", "seconds"), [("1h", 5), ("6h", 15), ("24h", 60), ("7d", 600), ("30d", 1800), ("1y", 21_600)]
)
def test_each_range_is_drawn_from_the_shortest_buckets_a_screen_can_show(span: str, seconds: int) -> None:
    assert length(RANGES[span]) == seconds
    shorter = [each for each in LENGTHS_S if each < seconds]
    assert all(RANGES[span] / each > POINTS_MOST for each in shorter)


@given(st.floats(1.0, 1e9))
def test_a_longer_range_never_has_shorter_buckets_and_there_is_always_one(span: float) -> None:
    assert length(span) in LENGTHS_S
    assert length(span) <= length(span * 1.5)
    assert span / length(span) <= POINTS_MOST or length(span) == LENGTHS_S[-1]


@pytest.mark.parametrize("seconds", [each for each in LENGTHS_S if each >= 60])
def test_from_a_minute_on_whole_stored_roll_ups_make_them_up(seconds: int) -> None:
    span = span_for(seconds * SECOND)
    assert span is not None
    assert span >= MINUTE


def test_readings_are_drawn_one_by_one_up_to_what_a_screen_can_show() -> None:
    assert not too_many({})
    assert not too_many({"times": ["t"] * POINTS_MOST})
    assert too_many({"times": ["t"] * (POINTS_MOST + 1)})


def test_buckets_from_the_wire_are_sorted_cleaned_and_end_now_at_the_latest() -> None:
    answer = told(
        ("1970-01-01T00:02:00Z", 5.0, 4.0, 6.0, 0.5),
        ("1970-01-01T00:01:00Z", 2.0, 1.0, 3.0, 1.0),
        ("nonsense", 9.0, 9.0, 9.0, 1.0),
    )
    found = pieces(answer, 60, 150_000.0)
    assert [(p.begin, p.end, p.middle) for p in found] == [
        (60_000.0, 120_000.0, 90_000.0),
        (120_000.0, 150_000.0, 135_000.0),
    ]
    assert [(p.mean, p.least, p.most) for p in found] == [(2.0, 1.0, 3.0), (5.0, 4.0, 6.0)]
    assert pieces(answer, 60, 0.0)[0].end == 60_000.0  # a clock that is behind makes no bucket go backwards


@pytest.mark.parametrize("odd", [None, float("nan"), float("inf"), "23.4"])
def test_what_is_no_number_is_no_value(odd: object) -> None:
    (found,) = pieces(told(("1970-01-01T00:01:00Z", odd, 1.0, 2.0, 1.0)), 60, LATE)
    assert (found.mean, found.least, found.most) == (None, None, None)


def test_nothing_covered_is_a_gap_whatever_else_is_said() -> None:
    (found,) = pieces(told(("1970-01-01T00:01:00Z", 7.0, 1.0, 9.0, 0.0)), 60, LATE)
    assert found.mean is None


def test_a_gap_breaks_line_and_band_and_a_mean_alone_is_a_dot() -> None:
    drawn = [piece(0, 1.0), piece(10, 2.0), piece(20, None, bad=4), piece(30, 5.0)]
    made = lines(drawn)
    assert made["t"] == [5.0, 15.0, 25.0, 35.0]
    assert [isnan(v) for v in made["value"]] == [False, False, True, False]
    assert [isnan(v) for v in made["error"]] == [True, True, False, True]
    assert [isnan(v) for v in made["alone"]] == [True, True, True, False]
    assert made["low"][:2] + made["high"][:2] == [0.0, 1.0, 3.0, 4.0]
    assert len({len(column) for column in made.values()}) == 1
    assert holes(drawn) == 1
    outlines = band(drawn)
    assert outlines["xs"] == [[0, 5.0, 15.0, 20, 20, 15.0, 5.0, 0], [30, 35.0, 40, 40, 35.0, 30]]
    assert outlines["ys"] == [[0.0, 0.0, 1.0, 1.0, 4.0, 4.0, 3.0, 3.0], [4.0, 4.0, 4.0, 7.0, 7.0, 7.0]]


def test_without_least_and_most_the_band_is_as_narrow_as_the_mean() -> None:
    assert band([Piece(0.0, 10.0, 5.0, None, None, 1, 0)])["ys"] == [[5.0] * 6]


def test_nothing_is_drawn_of_nothing() -> None:
    assert band([]) == {"xs": [], "ys": []}
    assert holes([]) == 0
    assert not lines([])["t"]


@given(st.lists(st.none() | st.floats(-50, 50), max_size=40))
def test_every_mean_lies_in_its_band_and_no_outline_reaches_into_a_gap(means: list[float | None]) -> None:
    drawn = [piece(n * 10.0, mean) for n, mean in enumerate(means)]
    outlines = band(drawn)
    assert sum(len(run) for run in runs(drawn)) == sum(mean is not None for mean in means)
    for xs, ys, run in zip(outlines["xs"], outlines["ys"], runs(drawn), strict=True):
        assert (min(xs), max(xs)) == (run[0].begin, run[-1].end)
        assert all(min(ys) <= p.mean <= max(ys) for p in run if p.mean is not None)
    gone = [p for p in drawn if p.mean is None]
    assert not any(min(xs) < p.middle < max(xs) for p in gone for xs in outlines["xs"])
