"""Spikes and flat lines: faults are named, and what a plant or a room may do is believed."""

import math
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from godkaiser.model.instant import HOUR, MINUTE, SECOND
from godkaiser.model.quantity import Quality
from godkaiser.sensors.quality import (
    BELIEVED_AFTER,
    ENOUGH,
    FLAT_READINGS,
    NOTHING_KNOWN,
    REMEMBERED,
    Criteria,
    Signal,
    judge,
)
from godkaiser.sensors.types import TYPES

AIR = Criteria(floor=0.3, flat_after=HOUR, gap=180 * SECOND)
GOOD, SUSPECT = Quality.GOOD, Quality.SUSPECT


class Series:
    """A series that is judged reading by reading."""

    def __init__(self, criteria: Criteria = AIR, every: int = 30 * SECOND) -> None:
        self.criteria, self.every = criteria, every
        self.memory: Signal = NOTHING_KNOWN
        self.now = 0
        self.reason = ""

    def take(self, *values: float, raw: float | None = None) -> list[Quality]:
        found = []
        for value in values:
            self.now += self.every
            kept = value if raw is None else raw
            self.memory, quality, self.reason = judge(self.memory, kept, value, self.now, self.criteria)
            found.append(quality)
        return found

    def settle(self, value: float = 20.0, count: int = 40) -> "Series":
        noise = Random(7)
        assert set(self.take(*(value + noise.gauss(0, 0.02) for _ in range(count)))) == {GOOD}
        return self


def test_a_spike_is_flagged_and_leaves_no_trace() -> None:
    series = Series().settle()
    before = series.memory.believed
    assert series.take(85.0) == [SUSPECT]
    assert series.reason.startswith("spike: 6")
    assert series.memory.believed == before
    assert series.take(20.0, 20.05) == [GOOD, GOOD]
    assert series.memory.doubted == ()


def test_the_least_step_of_a_quiet_signal_is_no_spike() -> None:
    series = Series(Criteria(floor=0.5, gap=HOUR))
    assert set(series.take(*[20.0] * 40, 20.0625, 20.0, 23.9)) == {GOOD}
    assert series.take(24.1 + 3.9) == [SUSPECT]


def test_a_step_is_believed_with_the_fifth_value_that_agrees() -> None:
    series = Series().settle()
    assert series.take(30.0, 30.1, 29.9, 30.0) == [SUSPECT] * 4
    assert series.take(30.0, 30.1) == [GOOD, GOOD]
    assert len(series.memory.believed) == BELIEVED_AFTER + 1


def test_values_that_do_not_agree_are_never_believed() -> None:
    series = Series().settle()
    assert set(series.take(*[80.0, -30.0] * 10)) == {SUSPECT}


def test_a_return_ends_the_row() -> None:
    series = Series().settle()
    assert series.take(30.0, 30.0, 30.0, 30.0, 20.0, 30.0) == [*[SUSPECT] * 4, GOOD, SUSPECT]


def test_a_steady_climb_is_no_spike_however_far_it_goes() -> None:
    assert set(Series().settle().take(*(20 + 0.5 * n for n in range(80)))) == {GOOD}


def test_before_enough_values_there_is_no_opinion() -> None:
    series = Series()
    assert set(series.take(*[20.0] * (ENOUGH - 1), 90.0)) == {GOOD}
    assert Series().take(*[20.0] * ENOUGH, 90.0)[-1] is SUSPECT


def test_a_lively_signal_may_jump_further() -> None:
    calm, lively = Series(), Series()
    calm.take(*[20.0, 20.1] * 20)
    lively.take(*[20.0, 21.0, 22.0] * 20)
    assert (calm.take(27.0), lively.take(27.0)) == ([SUSPECT], [GOOD])


def test_after_a_gap_anything_may_have_happened() -> None:
    series = Series().settle()
    series.now += 181 * SECOND
    assert series.take(35.0) == [GOOD]
    assert len(series.memory.believed) == 1


SLOW = Criteria(floor=0.3, fastest=1.0, gap=HOUR)


def test_what_takes_its_time_may_change_by_more_however_rarely_it_is_measured() -> None:
    """Half a kelvin a minute, once in five minutes."""
    series = Series(SLOW, every=5 * MINUTE).settle()
    assert set(series.take(*(22 + 2.5 * n for n in range(1, 16)))) == {GOOD}
    without = Series(Criteria(floor=0.3, gap=HOUR), every=5 * MINUTE).settle()
    assert without.take(22.5, 25.0, 27.5)[-1] is SUSPECT


def test_a_single_spike_is_caught_however_rarely_it_is_measured() -> None:
    for every in (30 * SECOND, 5 * MINUTE, 10 * MINUTE):
        series = Series(SLOW, every=every).settle()
        away = 1.2 * max(2.4, every / MINUTE)
        assert series.take(20 + away, 20.0, 20 - away, 20.0) == [SUSPECT, GOOD, SUSPECT, GOOD]


def test_the_time_counts_from_what_was_believed_last() -> None:
    series = Series(SLOW, every=5 * MINUTE).settle()
    assert series.take(40.0, 29.5) == [SUSPECT, GOOD]
    assert series.take(36.0) == [SUSPECT]


def test_a_factor_of_0_switches_spikes_off() -> None:
    series = Series(Criteria(floor=0.3, spike_mad=0.0, gap=HOUR)).settle()
    assert series.take(85.0, -40.0) == [GOOD, GOOD]


def test_without_a_stated_accuracy_only_a_lively_signal_can_have_spikes() -> None:
    quiet = Series(Criteria(gap=HOUR))
    assert set(quiet.take(*[5.0] * 40, 6.0)) == {GOOD}
    lively = Series(Criteria(gap=HOUR))
    assert lively.take(*[4.0, 5.0, 6.0] * 10, 60.0)[-1] is SUSPECT


def test_a_flat_line_is_flagged_after_an_hour_and_ends_with_the_next_change() -> None:
    series = Series()
    found = series.take(*[20.0] * 130, raw=5)
    assert found.index(SUSPECT) == HOUR // series.every
    assert series.reason.startswith("flat line: the same raw value for ")
    assert series.take(20.0, raw=6) == [GOOD]


def test_two_equal_readings_an_hour_apart_are_no_flat_line() -> None:
    series = Series(Criteria(floor=0.1, flat_after=HOUR, gap=24 * HOUR), every=2 * HOUR)
    assert series.take(*[6.0] * 12, raw=5) == [GOOD] * (FLAT_READINGS - 1) + [SUSPECT] * 3


def test_a_flat_line_can_be_switched_off() -> None:
    series = Series(Criteria(floor=0.3, flat_after=0, gap=HOUR))
    assert set(series.take(*[20.0] * 300, raw=5)) == {GOOD}


@given(st.lists(st.floats(-1e9, 1e9), max_size=80), st.floats(0, 100), st.floats(0, 100))
def test_whatever_comes_the_memory_is_short_and_finite(
    values: list[float], accuracy: float, factor: float
) -> None:
    series = Series(Criteria(floor=accuracy, spike_mad=factor, flat_after=20 * MINUTE, gap=HOUR))
    for value in values:
        (quality,) = series.take(value)
        assert (quality is GOOD) == (series.reason == "")
    assert len(series.memory.believed) <= REMEMBERED
    assert len(series.memory.doubted) < BELIEVED_AFTER
    assert all(map(math.isfinite, series.memory.believed))
    assert set(series.memory.believed) <= set(values)


def test_which_types_are_judged_how() -> None:
    steps = {name for name, row in TYPES.items() if row.steps and not row.derived}
    assert steps == {"light", "ppfd", "flow", "level", "switch"}
    assert {name for name, row in TYPES.items() if row.noisy} == {"sht31_temp", "ph", "ec", "moisture"}
    assert all(row.accuracy is not None and row.accuracy > 0 for row in TYPES.values() if not row.steps)
    assert {row.warm_up for row in TYPES.values() if row.bus == "analog"} == {3}
    assert {row.warm_up for row in TYPES.values() if row.bus != "analog"} == {0}
