"""Derived quantities: the reference values, and that nothing undefined or made up comes out."""

import math
from collections.abc import Callable
from contextlib import suppress
from datetime import date
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from godkaiser.errors import InvalidValueError
from godkaiser.model.derived import MAX_GAP
from godkaiser.model.instant import DAY, HOUR, MINUTE, SECOND, parse_instant, to_iso
from godkaiser.sensors import derived
from godkaiser.sensors.derived import Sample, Vote, dli, photoperiod, rolling_day, vote

START = parse_instant("2026-05-01T00:00:00Z", 0)
EVERY = 5 * MINUTE


@pytest.mark.parametrize(
    ("function", "given_values", "value", "tolerance"),
    [
        (derived.svp, (0.0,), 0.6108, 1e-3),
        (derived.svp, (25.0,), 3.1678, 1e-3),
        (derived.air_vpd, (25.0, 60.0), 1.2671, 1e-3),
        (derived.air_vpd, (20.0, 50.0), 1.1691, 1e-3),
        (derived.air_vpd, (28.0, 70.0), 1.1340, 1e-3),
        (derived.air_vpd, (30.0, 100.0), 0.0, 1e-3),
        (derived.leaf_vpd, (25.0, 60.0, 0.0), 1.2671, 1e-3),
        (derived.leaf_vpd, (25.0, 60.0, -2.0), 2.8094 - 1.9007, 1e-3),
        (derived.leaf_vpd, (25.0, 100.0, -2.0), -0.3585, 1e-3),
        (derived.dew_point, (25.0, 60.0), 16.70, 5e-3),
        (derived.dew_point, (-5.0, 100.0), -5.0, 1e-3),
        (derived.absolute_humidity, (25.0, 60.0), 13.81, 5e-3),
        (derived.absolute_humidity, (25.0, 0.0), 0.0, 1e-3),
        (derived.sea_level_pressure, (950.0, 500.0), 1008.35, 1e-3),
        (derived.sea_level_pressure, (1013.25, 0.0), 1013.25, 1e-3),
        (derived.ppfd_from_lux, (20_000.0, "sunlight"), 370.0, 1e-3),
        (derived.ppfd_from_lux, (20_000.0, "hps"), 244.0, 1e-3),
        (derived.ppfd_from_lux, (20_000.0, "white_led"), 300.0, 1e-3),
        (derived.ppfd_from_lux, (20_000.0, 0.02), 400.0, 1e-3),
        (derived.ppfd_from_lux, (0.0, "sunlight"), 0.0, 1e-3),
        (derived.difference, (20.0, 22.5), -2.5, 1e-9),
        (derived.mean, ([20.0, 22.0, 24.0],), 22.0, 1e-9),
    ],
)
def test_reference_values(
    function: Callable[..., float], given_values: tuple[Any, ...], value: float, tolerance: float
) -> None:
    assert function(*given_values) == pytest.approx(value, abs=tolerance)


def test_the_lamp_factors() -> None:
    """µmol/(m²·s) per lux, of each lamp there is."""
    assert derived.LAMPS == {"sunlight": 0.0185, "hps": 0.0122, "white_led": 0.0150}
    for lamp, factor in derived.LAMPS.items():
        assert derived.ppfd_from_lux(1.0, factor) == derived.ppfd_from_lux(1.0, lamp) == factor  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("function", "given_values", "field"),
    [
        (derived.svp, (-40.5,), "temperature"),
        (derived.svp, (80.5,), "temperature"),
        (derived.svp, (math.nan,), "temperature"),
        (derived.air_vpd, (25.0, 100.1), "humidity"),
        (derived.air_vpd, (25.0, -0.1), "humidity"),
        (derived.leaf_vpd, (25.0, 60.0, math.inf), "leaf temperature"),
        (derived.leaf_vpd, (-39.0, 60.0, -2.0), "leaf temperature"),
        (derived.dew_point, (25.0, 0.0), "humidity"),
        (derived.absolute_humidity, (81.0, 50.0), "temperature"),
        (derived.sea_level_pressure, (950.0, 44330.0), "altitude"),
        (derived.sea_level_pressure, (math.nan, 0.0), "pressure"),
        (derived.ppfd_from_lux, (1000.0, "candle"), "lamp"),
        (derived.ppfd_from_lux, (1000.0, 0.0), "lamp"),
        (derived.ppfd_from_lux, (1000.0, math.nan), "lamp"),
        (derived.ppfd_from_lux, (-1.0, "hps"), "illuminance"),
        (derived.difference, (1.0, math.nan), "value"),
        (derived.difference, (-1e308, 1e308), "value"),
        (derived.mean, ([],), "values"),
        (derived.mean, ([1.0, math.inf],), "value"),
        (derived.agreement, ([1.0, math.nan], 1.0), "value"),
        (derived.vote, ([1.0, 2.0], 1.0), "values"),
        (derived.vote, ([1.0, 2.0, math.nan], 1.0), "value"),
        (derived.photoperiod, (date(2026, 5, 1), -1, 60, "UTC"), "start"),
        (derived.photoperiod, (date(2026, 5, 1), 60, 1441, "UTC"), "end"),
        (derived.dli, ([], START, START), "until"),
        (derived.dli, ([(START, -1.0)], START, START + HOUR), "PPFD"),
        (derived.dli, ([(START, math.nan)], START, START + HOUR), "PPFD"),
    ],
)
def test_what_is_undefined_names_the_field(
    function: Callable[..., Any], given_values: tuple[Any, ...], field: str
) -> None:
    with pytest.raises(InvalidValueError) as caught:
        function(*given_values)
    assert caught.value.field == field
    assert caught.value.remedy


AIR = st.floats(-40, 80)
HUMIDITY = st.floats(0.01, 100)


@given(AIR, HUMIDITY)
def test_the_air_is_finite_and_never_below_its_dew_point(celsius: float, humidity: float) -> None:
    assert 0 <= derived.air_vpd(celsius, humidity) <= derived.svp(celsius)
    assert derived.dew_point(celsius, humidity) <= celsius + 1e-9
    assert 0 <= derived.absolute_humidity(celsius, humidity) < 300
    assert derived.leaf_vpd(celsius, humidity, 0.0) == pytest.approx(derived.air_vpd(celsius, humidity))


@given(AIR, HUMIDITY)
def test_air_at_its_dew_point_is_saturated(celsius: float, humidity: float) -> None:
    dew = derived.dew_point(celsius, humidity)
    assume(dew >= -40)
    assert derived.svp(dew) == pytest.approx(derived.svp(celsius) * humidity / 100)


ANY = st.floats() | st.integers(-50, 150)
FORMULAS: list[tuple[Callable[..., float], int]] = [
    (derived.svp, 1),
    (derived.air_vpd, 2),
    (derived.leaf_vpd, 3),
    (derived.dew_point, 2),
    (derived.absolute_humidity, 2),
    (derived.sea_level_pressure, 2),
    (derived.ppfd_from_lux, 2),
    (derived.difference, 2),
]


@given(st.sampled_from(FORMULAS), st.tuples(ANY, ANY, ANY))
def test_nothing_that_is_no_number_gets_through(
    formula: tuple[Callable[..., float], int], values: tuple[float, float, float]
) -> None:
    (function, count), found = formula, None
    with suppress(InvalidValueError):
        found = function(*values[:count])
    assert found is None or math.isfinite(found)


# ── light ──────────────────────────────────────────────────────────────────────────────────────────────
def lit(since: int, hours: float, ppfd: float) -> list[Sample]:
    return [(since + n * EVERY, ppfd) for n in range(round(hours * HOUR / EVERY) + 1)]


def test_a_photoperiod_of_twelve_hours() -> None:
    found = dli(lit(START, 12, 500.0), START, START + 12 * HOUR)
    assert found.mol == pytest.approx(21.6)
    assert found.coverage == 1.0


def test_a_hole_is_not_bridged_and_shows_in_the_coverage() -> None:
    light = lit(START, 3, 500.0) + lit(START + 9 * HOUR, 3, 500.0)
    half = dli(light, START, START + 12 * HOUR)
    assert half.mol == pytest.approx(10.8)
    assert half.coverage == pytest.approx(0.5)
    night = [*lit(START - 12 * HOUR, 12, 0.0)[:-1], (START - 1, 0.0)]
    rolling = dli(night + light, *rolling_day(START + 12 * HOUR))
    assert rolling.mol == pytest.approx(10.8)
    assert rolling.coverage == pytest.approx(0.75)


def test_where_nothing_was_measured_there_is_no_sum() -> None:
    for samples in ([], [(START + HOUR, 500.0)], [(START, 500.0), (START + HOUR, 500.0)]):
        found = dli(samples, START, START + DAY)
        assert (found.mol, found.coverage) == (None, 0.0)
    dark = dli(lit(START, 1, 0.0), START, START + HOUR)
    assert (dark.mol, dark.coverage) == (0.0, 1.0)


@pytest.mark.parametrize(("gap", "coverage"), [(MAX_GAP, 1.0), (MAX_GAP + SECOND, 0.0)])
def test_the_longest_gap_that_is_bridged(gap: int, coverage: float) -> None:
    assert dli([(START, 100.0), (START + gap, 100.0)], START, START + gap).coverage == coverage


# From some minute on every so many minutes: near enough to each other that the cut falls between two of them.
DAYS = st.builds(
    lambda first, every, values: [(min(first + n * every, 1440), value) for n, value in enumerate(values)],
    st.integers(0, 1240),
    st.integers(1, 12),
    st.lists(st.floats(0, 3000), min_size=2, max_size=200),
)


@given(
    DAYS,
    st.integers(1, 24 * 3600 - 1),
)
def test_the_sums_of_two_parts_are_the_sum_of_the_day(found: list[tuple[int, float]], cut: int) -> None:
    samples = [(START + minute * MINUTE, ppfd) for minute, ppfd in {m: (m, p) for m, p in found}.values()]
    middle, end = START + cut * SECOND, START + DAY
    whole, first, second = (dli(samples, *span) for span in ((START, end), (START, middle), (middle, end)))
    assert (first.mol or 0.0) + (second.mol or 0.0) == pytest.approx(whole.mol or 0.0)
    covered = first.coverage * (middle - START) + second.coverage * (end - middle)
    assert covered == pytest.approx(whole.coverage * DAY)
    assert 0 <= whole.coverage <= 1
    assert whole.mol is None or 0 <= whole.mol <= 3000 * 0.0864 * 1.000001


@pytest.mark.parametrize(
    ("now", "start", "end", "since", "until"),
    [
        ("2026-05-01T03:59:59Z", "06:00", "22:00", "2026-04-30T04:00:00Z", "2026-04-30T20:00:00Z"),
        ("2026-05-01T04:00:00Z", "06:00", "22:00", "2026-05-01T04:00:00Z", "2026-05-01T20:00:00Z"),
        ("2026-05-01T02:00:00Z", "18:00", "06:00", "2026-04-30T16:00:00Z", "2026-05-01T04:00:00Z"),
        ("2026-05-01T10:00:00Z", "00:00", "24:00", "2026-04-30T22:00:00Z", "2026-05-01T22:00:00Z"),
        ("2026-05-01T10:00:00Z", "06:00", None, "2026-05-01T04:00:00Z", "2026-05-02T04:00:00Z"),
        ("2026-03-29T00:30:00Z", "18:00", "06:00", "2026-03-28T17:00:00Z", "2026-03-29T04:00:00Z"),
        ("2026-10-25T01:30:00Z", "18:00", "06:00", "2026-10-24T16:00:00Z", "2026-10-25T05:00:00Z"),
        ("2026-10-25T12:00:00Z", "00:00", None, "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"),
    ],
)
def test_the_photoperiod_that_began_last(
    now: str, start: str, end: str | None, since: str, until: str
) -> None:
    found = derived.last_photoperiod(parse_instant(now, 0), start, end, "Europe/Berlin")
    assert [to_iso(at) for at in found] == [since, until]


@given(st.integers(0, 366 * 24 * 60), st.integers(0, 1439), st.integers(0, 1440))
def test_a_photoperiod_has_begun_and_lasts_no_longer_than_a_day(minute: int, start: int, end: int) -> None:
    assume(end != start)
    now = parse_instant("2026-01-01T00:00:00Z", 0) + minute * MINUTE
    clock = [f"{at // 60:02}:{at % 60:02}" for at in (start, end)]
    since, until = derived.last_photoperiod(now, clock[0], clock[1], "Europe/Berlin")
    assert since <= now < since + 25 * HOUR + 1
    assert -HOUR <= until - since <= 25 * HOUR


@pytest.mark.parametrize(
    ("day", "start", "end", "since", "hours"),
    [
        (date(2026, 5, 1), 360, 1320, "2026-05-01T04:00:00Z", 16),
        (date(2026, 5, 1), 1080, 720, "2026-05-01T16:00:00Z", 18),
        (date(2026, 5, 1), 0, 1440, "2026-04-30T22:00:00Z", 24),
        (date(2026, 3, 29), 0, 1440, "2026-03-28T23:00:00Z", 23),
        (date(2026, 10, 25), 0, 1440, "2026-10-24T22:00:00Z", 25),
        (date(2026, 3, 28), 1080, 720, "2026-03-28T17:00:00Z", 17),
    ],
)
def test_a_photoperiod_follows_the_local_clock(
    day: date, start: int, end: int, since: str, hours: int
) -> None:
    began, ended = photoperiod(day, start, end, "Europe/Berlin")
    assert began == parse_instant(since, 0)
    assert ended - began == hours * HOUR


@pytest.mark.parametrize(
    ("now", "start", "began"),
    [
        ("2026-05-01T04:00:00Z", "06:00", "2026-05-01T04:00:00Z"),
        ("2026-05-01T03:59:59Z", "06:00", "2026-04-30T04:00:00Z"),
        ("2026-04-30T22:30:00Z", "00:00", "2026-04-30T22:00:00Z"),
        ("2026-10-25T12:00:00Z", "06:00", "2026-10-25T05:00:00Z"),
    ],
)
def test_when_a_day_began(now: str, start: str, began: str) -> None:
    assert derived.day_began(parse_instant(now, 0), start, "Europe/Berlin") == parse_instant(began, 0)


# ── several sensors ────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((20.0, 20.5, 21.0), Vote(20.5)),
        ((20.0, 20.5, 40.0), Vote(20.25, (2,))),
        ((-10.0, 20.5, 20.0), Vote(20.25, (0,))),
        ((20.0, 21.5, 23.0), Vote(21.5)),
        ((20.0, 30.0, 40.0), Vote(None, (0, 1, 2))),
        ((20.0, 20.0, 40.0, 41.0), Vote(None, (0, 1, 2, 3))),
        ((20.0, None, 20.5), Vote(20.25, (1,))),
        ((20.0, None, 30.0), Vote(None, (0, 1, 2))),
        ((None, None, 20.0), Vote(None, (0, 1, 2))),
        ((None, None, None), Vote(None, (0, 1, 2))),
    ],
)
def test_two_of_three(values: tuple[float | None, ...], expected: Vote) -> None:
    assert vote(values, 0.5) == expected


def test_agreement() -> None:
    assert derived.agreement([20.0, 20.5, 21.5], 0.5)
    assert not derived.agreement([20.0, 20.5, 21.6], 0.5)
    assert derived.agreement([], 0.5)


@given(st.lists(st.floats(-1e6, 1e6), min_size=3, max_size=9), st.floats(0, 100))
def test_a_mean_and_a_vote_lie_within_their_inputs(values: list[float], accuracy: float) -> None:
    assert min(values) <= derived.mean(values) <= max(values)
    found = vote(values, accuracy)
    kept = [value for place, value in enumerate(values) if place not in found.dissent]
    assert (found.value is None) == (not kept)
    if found.value is not None:
        assert 2 * len(kept) > len(values)
        assert min(kept) <= found.value <= max(kept)
