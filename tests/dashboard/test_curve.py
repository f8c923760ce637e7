"""Curves: gaps stay gaps, errors have no value."""

from __future__ import annotations

from itertools import pairwise
from math import isnan

from godkaiser_dashboard.curve import Point, columns, gaps, longest_step, point, points
from hypothesis import given
from hypothesis import strategies as st


def at(*seconds: float) -> list[Point]:
    return [Point(s * 1000.0, 1.0, "good") for s in seconds]


def test_points_from_the_wire_are_sorted_and_cleaned() -> None:
    told = {
        "times": ["2026-05-01T00:01:00Z", "2026-05-01T00:00:00Z", "nonsense"],
        "values": [2.5, None, 1.0],
        "quality": ["good", "error", "good"],
    }
    found = points(told)
    assert [(p.value, p.quality) for p in found] == [(None, "error"), (2.5, "good")]
    assert found[1].at - found[0].at == 60_000.0


def test_infinity_and_words_are_no_values() -> None:
    for odd in (float("inf"), float("nan"), "23.4", None):
        found = point("2026-05-01T00:00:00Z", odd, "good")
        assert found is not None
        assert found.value is None


def test_an_empty_answer_has_no_points() -> None:
    assert points({}) == []
    assert columns([], 0.0) == {"t": [], "value": [], "suspect": [], "error": []}
    assert longest_step([], None) == 0.0


def test_a_gap_needs_three_intervals_and_the_sensors_own_limit() -> None:
    readings = at(0, 30, 60, 90)
    assert longest_step(readings, None) == 90_000.0
    assert longest_step(readings, 180.0) == 180_000.0


def test_a_gap_gets_a_point_without_value() -> None:
    drawn = columns(at(0, 30, 60, 600, 630), 90_000.0)
    assert drawn["t"] == [0.0, 30_000.0, 60_000.0, 330_000.0, 600_000.0, 630_000.0]
    assert [isnan(v) for v in drawn["value"]] == [False, False, False, True, False, False]


def test_errors_are_marked_at_the_foot_and_suspect_values_on_the_line() -> None:
    drawn = columns([Point(0.0, None, "error"), Point(1.0, 5.0, "suspect"), Point(2.0, 6.0, "good")], 1e9)
    assert [isnan(v) for v in drawn["value"]] == [True, False, False]
    assert [isnan(v) for v in drawn["error"]] == [False, True, True]
    assert [isnan(v) for v in drawn["suspect"]] == [True, False, True]


def test_an_error_row_with_a_number_still_has_no_value() -> None:
    assert isnan(columns([Point(0.0, 99.0, "error")], 1e9)["value"][0])


def test_growing_knows_the_last_point() -> None:
    assert len(columns(at(700), 90_000.0, before=60_000.0)["t"]) == 2
    assert len(columns(at(90), 90_000.0, before=60_000.0)["t"]) == 1


@given(st.lists(st.floats(0, 1e6), max_size=60), st.floats(1.0, 1e6))
def test_no_line_ever_crosses_a_gap(times: list[float], longest: float) -> None:
    readings = [Point(t, 1.0, "good") for t in sorted(times)]
    drawn = columns(readings, longest)
    kept = list(zip(drawn["t"], drawn["value"], strict=True))
    crossing = [
        b - a for (a, va), (b, vb) in pairwise(kept) if not (isnan(va) or isnan(vb)) and b - a > longest
    ]
    assert crossing == []
    assert sum(not isnan(v) for v in drawn["value"]) == len(readings)
    assert len(drawn["t"]) == len(readings) + gaps(readings, longest)
