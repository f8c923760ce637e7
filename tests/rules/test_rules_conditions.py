"""Conditions beside thresholds: what they say, when time alone can change it, and what they remember."""

import copy
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from godkaiser.model.ids import NodeId, SeriesId
from godkaiser.model.instant import DAY, HOUR, MINUTE, SECOND, Instant, from_datetime
from godkaiser.model.quantity import Freshness, Quality
from godkaiser.model.reading import Reading
from godkaiser.model.sun import SunWindow
from godkaiser.model.truth import Truth
from godkaiser.model.window import EVERY_DAY, TimeWindow, inside, next_change
from godkaiser.rules.condition import (
    Condition,
    Every,
    Hysteresis,
    Offset,
    Opposite,
    Presence,
    Rested,
    Silence,
    Slope,
    Threshold,
    inputs_of,
    nodes_of,
    series_of,
)
from godkaiser.rules.evaluate import Evaluation, Memory, evaluate
from godkaiser.rules.explain import describe, tell
from godkaiser.rules.memory import FINENESS
from tests.rules.bench import AIR, NODE, NOW, SOIL, View, at, unit

T, F, U = Truth.TRUE, Truth.FALSE, Truth.UNKNOWN
OTHER = NodeId.parse("ESP_D4E5F6")
ROOF = SeriesId.of(OTHER, 4, "sht31_temp")
NAMES = View().name_of


def look(
    condition: Condition, view: View | None = None, memory: Memory | None = None, now: Instant = NOW
) -> Evaluation:
    return evaluate(condition, memory or Memory(), view or View(), now)


# ── NOT ────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(("values", "truth"), [({AIR: 30.0}, F), ({AIR: 20.0}, T), ({}, U)])
def test_not(values: dict[SeriesId, float | None], truth: Truth) -> None:
    condition = Opposite(Threshold(AIR, ">", 28))
    result = look(condition, View(values))
    assert result.truth is truth
    assert result.trace.parts[0].truth is ~truth
    assert series_of(condition) == {AIR}
    assert inputs_of(condition) == {(AIR, None)}


# ── zones ──────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(("where", "truth"), [("bench", T), (None, T), ("tent", U)])
def test_a_reading_of_another_zone_says_nothing(where: str | None, truth: Truth) -> None:
    result = look(Threshold(AIR, ">", 28, zone="bench"), View({AIR: 30.0}, zone=where))
    assert result.truth is truth
    assert result.trace.note == ("measured in zone tent, not in bench" if truth is U else "")


# ── differences ────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(("base", "other", "truth"), [(20.0, 23.0, T), (20.0, 22.0, F), (23.0, 20.0, F)])
def test_a_difference_is_b_minus_a(base: float, other: float, truth: Truth) -> None:
    result = look(Offset(AIR, ROOF, ">", 2), View({AIR: base, ROOF: other}))
    assert result.truth is truth
    assert result.trace.value == other - base


@pytest.mark.parametrize("silent", [AIR, ROOF])
def test_half_a_difference_is_unknown_and_names_who_is_silent(silent: SeriesId) -> None:
    view = View({series: 20.0 for series in (AIR, ROOF) if series != silent})
    result = look(Offset(AIR, ROOF, ">", 2), view)
    assert result.truth is U
    assert result.trace.note == f"{NAMES(silent)}: no reading yet"
    stale = look(Offset(AIR, ROOF, ">", 2), View({AIR: 20.0, ROOF: 30.0}, {silent: Freshness.STALE}))
    assert stale.truth is U


def test_a_streak_counts_pairs_of_new_readings_and_breaks() -> None:
    condition, memory = Offset(AIR, ROOF, ">=", 2, count=3), Memory()

    def pair(second: int, other: float = 22.0) -> Truth:
        view = View({AIR: 20.0, ROOF: other}, measured_at=NOW + second * SECOND)
        return look(condition, view, memory).truth

    assert [pair(0), pair(0), pair(0)] == [F, F, F]
    assert [pair(1), pair(2)] == [F, T]
    assert pair(3, other=21.0) is F
    assert [pair(4), pair(5), pair(6)] == [F, F, T]
    look(condition, View({AIR: 20.0}), memory)
    assert pair(7) is F


def test_a_streak_needs_both_readings_to_be_new() -> None:
    condition, memory = Offset(AIR, ROOF, ">=", 2, count=2), Memory()

    class Half(View):
        """Only the roof says something new."""

        def latest(self, series: SeriesId, least: Quality | None = None) -> Reading | None:
            return super().latest(series) if series == ROOF else View(self.values).latest(series)

    values: dict[SeriesId, float | None] = {AIR: 20.0, ROOF: 22.0}
    assert look(condition, Half(values), memory).truth is F
    assert look(condition, Half(values, measured_at=NOW + SECOND), memory).truth is F
    assert look(condition, View(values, measured_at=NOW + SECOND), memory).truth is T


# ── slopes ─────────────────────────────────────────────────────────────────────────────────────────────
def climb(
    condition: Slope, values: list[float], every: int = 60, memory: Memory | None = None
) -> list[Truth]:
    memory = memory or Memory()
    found = []
    for step, value in enumerate(values):
        now = NOW + step * every * SECOND
        found.append(look(condition, View({AIR: value}, measured_at=now), memory, now).truth)
    return found


@pytest.mark.parametrize(("pace", "limit"), [("hour", 6.0), ("minute", 0.1)])
def test_a_slope_is_per_minute_or_per_hour_and_unknown_at_first(pace: Any, limit: float) -> None:
    rising = [20 + 0.11 * step for step in range(12)]
    condition = Slope(AIR, ">", limit, pace, 10 * MINUTE)
    assert climb(condition, rising) == [U] * 5 + [T] * 7
    assert climb(condition, [20 + 0.09 * step for step in range(12)]) == [U] * 5 + [F] * 7
    assert climb(Slope(AIR, "<", -limit, pace, 10 * MINUTE), [-v for v in rising])[-1] is T


def test_a_slope_forgets_what_is_older_than_its_window() -> None:
    memory = Memory()
    condition = Slope(AIR, ">", 1, "hour", 10 * MINUTE)
    climb(condition, [0.0] * 5 + [20.0] * 30, memory=memory)
    assert climb(condition, [0.0] * 5 + [20.0] * 30)[-1] is F
    (samples,) = memory.samples.values()
    assert len(samples) == 11


def test_a_slope_of_many_readings_keeps_a_bounded_number() -> None:
    memory = Memory()
    truths = climb(
        Slope(AIR, ">", 0.5, "minute", HOUR), [0.01 * s for s in range(4000)], every=1, memory=memory
    )
    assert truths[-1] is T
    assert len(memory.samples[()]) <= 2 * FINENESS + 2


@given(st.floats(-5, 5), st.floats(-100, 100), st.integers(2, 60))
def test_a_straight_line_has_its_own_slope(rise: float, start: float, steps: int) -> None:
    memory = Memory()
    condition = Slope(AIR, ">", 0, "minute", 30 * MINUTE)
    for step in range(steps + 15):
        now = NOW + step * MINUTE
        result = look(condition, View({AIR: start + rise * step}, measured_at=now), memory, now)
    assert result.trace.value == pytest.approx(rise, abs=1e-6)


# ── silence ────────────────────────────────────────────────────────────────────────────────────────────
def test_silence_is_counted_from_the_first_look_and_never_unknown() -> None:
    condition, memory = Silence(AIR, 5 * MINUTE), Memory()
    first = look(condition, memory=memory)
    assert (first.truth, first.look_again) == (F, NOW + 5 * MINUTE)
    assert look(condition, memory=memory, now=NOW + 5 * MINUTE - 1).truth is F
    there = look(condition, memory=memory, now=NOW + 5 * MINUTE)
    assert (there.truth, there.look_again) == (T, None)
    heard = View(heard={AIR: NOW + 6 * MINUTE})
    again = look(condition, heard, memory, NOW + 6 * MINUTE)
    assert (again.truth, again.look_again) == (F, NOW + 11 * MINUTE)
    assert series_of(condition) == {AIR}
    assert inputs_of(condition) == frozenset()


def test_what_was_heard_before_nobody_listened_is_no_silence() -> None:
    result = look(Silence(AIR, MINUTE), View(heard={AIR: NOW - DAY}))
    assert (result.truth, result.look_again) == (F, NOW + MINUTE)


# ── nodes ──────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("nodes", "online", "truth"),
    [({NODE: True}, True, T), ({NODE: False}, True, F), ({NODE: False}, False, T), ({NODE: True}, False, F),
     ({NODE: None}, True, U), ({}, False, U)],
)  # fmt: skip
def test_a_node_is_there_or_not_or_unknown(
    nodes: dict[NodeId, bool | None], online: bool, truth: Truth
) -> None:
    condition = Presence(NODE, online)
    assert look(condition, View(nodes=nodes)).truth is truth
    assert nodes_of(Every((condition, Threshold(ROOF, ">", 1)))) == {NODE, OTHER}


# ── the rule's own rest ────────────────────────────────────────────────────────────────────────────────
def test_a_rest_delays_a_start_and_ends_nothing() -> None:
    condition = Rested(10 * MINUTE)
    assert look(condition).truth is T
    acting = Memory(started=NOW, acting=True)
    assert look(condition, memory=acting).truth is T
    over = Memory(started=NOW)
    resting = look(condition, memory=over, now=NOW + MINUTE)
    assert (resting.truth, resting.look_again) == (F, NOW + 10 * MINUTE)
    assert look(condition, memory=over, now=NOW + 10 * MINUTE).truth is T


# ── words ──────────────────────────────────────────────────────────────────────────────────────────────
HOT = Threshold(AIR, ">", 28)


@pytest.mark.parametrize(
    ("condition", "text"),
    [
        (Opposite(HOT), "not (north bench air is above 28 °C)"),
        (Threshold(AIR, ">", 28, zone="bench"), "north bench air is above 28 °C in zone bench"),
        (Offset(AIR, ROOF, ">", 2), "ESP_D4E5F6/4/sht31_temp minus north bench air is above 2 °C"),
        (
            Offset(AIR, ROOF, "<=", 2, 3),
            "ESP_D4E5F6/4/sht31_temp minus north bench air is at most 2 °C 3 times running",
        ),
        (Slope(AIR, ">", 3, "hour", 15 * MINUTE), "north bench air changes by above 3 °C/h over 15 min"),
        (
            Slope(AIR, "<", -0.2, "minute", 90 * SECOND, MINUTE, Quality.GOOD),
            "north bench air changes by below -0.2 °C/min over 90 s for 1 min (good readings only)",
        ),
        (Silence(SOIL, 15 * MINUTE), "there is no reading of soil for 15 min"),
        (Presence(NODE), "ESP_A1B2C3 is online"),
        (Presence(NODE, False), "ESP_A1B2C3 is not online"),
        (Rested(HOUR), "the rule did not start within 1 h"),
        (SunWindow("sunrise", "sunset", 52.5, 13.4), "it is between sunrise and sunset"),
        (
            SunWindow("sunset", "dawn", 52.5, 13.4, 30 * MINUTE, -HOUR),
            "it is between 30 min after sunset and 1 h before dawn",
        ),
    ],
)
def test_sentences(condition: Condition, text: str) -> None:
    assert describe(condition, NAMES, unit) == text
    view = View({AIR: 30.0, ROOF: 20.0, SOIL: 5.0}, nodes={NODE: True})
    said = tell(look(condition, view).trace, NAMES, unit)
    assert said.startswith(text) or text.startswith("not (")


def test_traces_tell_what_was_computed() -> None:
    mixed = look(Offset(AIR, ROOF, ">", 2, 2), View({AIR: 20.0, ROOF: 23.5})).trace
    assert tell(mixed, NAMES, unit).endswith(": 3.5 °C ✘ (true, but only 1 of 2 times)")
    not_hot = look(Opposite(HOT), View({AIR: 20.0})).trace
    assert tell(not_hot, NAMES, unit) == "not (north bench air is above 28 °C: 20 °C ✘) ✔"
    young = look(Slope(AIR, ">", 3, "hour", HOUR), View({AIR: 20.0})).trace
    assert tell(young, NAMES, unit).endswith("over 1 h ? (too few readings yet)")
    memory = Memory()
    condition = Slope(AIR, ">", 3, "hour", 10 * MINUTE)
    climb(condition, [20 + 0.1 * step for step in range(12)], memory=memory)
    later = NOW + 12 * MINUTE
    rising = look(condition, View({AIR: 21.2}, measured_at=later), memory, later).trace
    assert tell(rising, NAMES, unit).endswith(": 6 °C/h ✔")
    unheard = look(Presence(NODE)).trace
    assert tell(unheard, NAMES, unit) == "ESP_A1B2C3 is online ? (not heard of yet)"


# ── between now and `look_again` nothing changes ───────────────────────────────────────────────────────
SPANS = st.sampled_from([SECOND, 90 * SECOND, 10 * MINUTE, HOUR])
ZONES = st.sampled_from(["UTC", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Kathmandu", "America/St_Johns"])
WINDOWS = st.builds(
    TimeWindow,
    st.integers(0, 1439),
    st.integers(0, 1440),
    st.sets(st.integers(0, 6), min_size=1).map(frozenset),
    ZONES,
).filter(lambda w: w.start != w.end)
EVENTS = st.sampled_from(["dawn", "sunrise", "noon", "sunset", "dusk"])
OFFSETS = st.integers(-720, 720).map(lambda minutes: minutes * MINUTE)
SUNS = st.builds(
    SunWindow, EVENTS, EVENTS, st.sampled_from([0.0, 52.5, 66.0, 69.6, -33.9, -78.0]),
    st.sampled_from([-179.0, 0.0, 13.4, 179.0]), OFFSETS, OFFSETS,
)  # fmt: skip
OPERATORS = st.sampled_from([">", ">=", "<", "<=", "==", "!="])
LEAVES = st.one_of(
    st.builds(Threshold, st.sampled_from([AIR, SOIL]), OPERATORS, st.integers(0, 3), lasting=SPANS),
    st.builds(Hysteresis, st.just(AIR), st.just(True), st.just(2.0), st.just(1.0), SPANS),
    st.builds(Offset, st.just(AIR), st.just(SOIL), OPERATORS, st.integers(-1, 1), st.integers(1, 3)),
    st.builds(
        Slope, st.just(AIR), OPERATORS, st.integers(-1, 1), st.sampled_from(["minute", "hour"]), SPANS, SPANS
    ),
    st.builds(Silence, st.sampled_from([AIR, SOIL, ROOF]), SPANS),
    st.builds(Presence, st.sampled_from([NODE, OTHER]), st.booleans()),
    st.builds(Rested, SPANS),
    WINDOWS,
    SUNS,
)
TREES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(Every, st.lists(inner, min_size=1, max_size=3).map(tuple), st.booleans()),
        st.builds(Opposite, inner),
    ),
    max_leaves=6,
)
# Around nights on which a clock is put forward or back, and any other time of some years.
NIGHTS = ["2026-03-29T00:30:00Z", "2026-10-25T00:30:00Z", "2026-04-04T14:30:00Z", "2026-10-03T15:00:00Z"]
TIMES = st.one_of(
    st.builds(
        lambda night, seconds: at(night) + seconds * SECOND, st.sampled_from(NIGHTS), st.integers(-9000, 9000)
    ),
    st.integers(at("2026-01-01T00:00:00Z"), at("2028-01-01T00:00:00Z")),
)
VALUES = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=4)


@given(TREES, TIMES, VALUES, st.lists(st.floats(0, 1), min_size=1, max_size=5), st.booleans())
def test_nothing_changes_before_the_next_look(
    condition: Condition, now: Instant, values: list[tuple[int, int]], parts: list[float], started: bool
) -> None:
    """With no event in between, whatever the rule has heard before."""
    memory = Memory(started=now - MINUTE if started else None)
    for step, (air, soil) in enumerate(values):
        then = now - (len(values) - 1 - step) * MINUTE
        view = View(
            {AIR: float(air), SOIL: float(soil)}, heard={AIR: then}, nodes={NODE: True}, measured_at=then
        )
        result = look(condition, view, memory, then)
    until = result.look_again
    assert until is None or until > now
    for part in parts:
        ahead = 400 * DAY if until is None else until - now - 1
        between = look(condition, view, copy.deepcopy(memory), now + round(ahead * part))
        assert between.truth is result.truth
        assert until is None or between.look_again is not None


@given(TREES, TIMES)
def test_looking_again_leads_on(condition: Condition, now: Instant) -> None:
    """Whoever looks only when told gets ahead; nobody is asked to look in the past."""
    memory, view = Memory(started=now), View({AIR: 1.0, SOIL: 2.0}, heard={AIR: now}, nodes={NODE: False})
    for _ in range(30):
        again = look(condition, view, memory, now).look_again
        if again is None:
            return
        assert again > now
        now = again


# ── nights on which the clock is changed ───────────────────────────────────────────────────────────────
BERLIN, LORD_HOWE = "Europe/Berlin", "Australia/Lord_Howe"


@given(WINDOWS, TIMES)
def test_a_window_is_what_the_clock_on_the_wall_says(window: TimeWindow, now: Instant) -> None:
    local = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=now)).astimezone(
        ZoneInfo(window.timezone)
    )
    minute, day = local.hour * 60 + local.minute, local.weekday()
    wraps = window.end < window.start
    today = window.start <= minute and (wraps or minute < window.end) and day in window.days
    from_yesterday = wraps and minute < window.end and (day - 1) % 7 in window.days
    assert inside(window, now) is (today or from_yesterday)


@pytest.mark.parametrize(
    ("zone", "night", "clock", "minutes"),
    [
        (BERLIN, "2026-03-28T12:00:00Z", (2 * 60, 3 * 60), 0),  # 2 to 3 h is left out
        (BERLIN, "2026-03-28T12:00:00Z", (90, 210), 60),
        (BERLIN, "2026-10-24T12:00:00Z", (2 * 60, 3 * 60), 120),  # and comes twice
        (BERLIN, "2026-10-24T12:00:00Z", (22 * 60, 6 * 60), 540),
        (BERLIN, "2026-03-28T12:00:00Z", (22 * 60, 6 * 60), 420),
        (LORD_HOWE, "2026-10-03T02:00:00Z", (2 * 60, 150), 0),  # by half an hour
        (LORD_HOWE, "2026-10-03T02:00:00Z", (60, 180), 90),
        (LORD_HOWE, "2026-04-04T02:00:00Z", (90, 120), 60),
        (LORD_HOWE, "2026-04-04T02:00:00Z", (60, 180), 150),
    ],
)
def test_how_long_a_window_is_in_such_a_night(
    zone: str, night: str, clock: tuple[int, int], minutes: int
) -> None:
    window = TimeWindow(*clock, EVERY_DAY, zone)
    now, end, held = at(night), at(night) + DAY, 0
    while now < end:
        ahead = min(next_change(window, now), end)
        held += (ahead - now) * inside(window, now)
        now = ahead
    assert held == minutes * MINUTE


@pytest.mark.parametrize("zone", [BERLIN, LORD_HOWE, "UTC"])
def test_the_night_of_friday_is_over_on_saturday_morning(zone: str) -> None:
    window = TimeWindow(22 * 60, 6 * 60, frozenset({4}), zone)

    def wall(day: int, hour: int, minute: int = 0) -> bool:
        return inside(window, from_datetime(datetime(2026, 5, day, hour, minute, tzinfo=ZoneInfo(zone))))

    assert wall(2, 2) is True  # Saturday
    assert wall(1, 2) is False  # Friday
    edges = [wall(1, 21, 59), wall(1, 22), wall(2, 5, 59), wall(2, 6), wall(2, 22)]
    assert edges == [False, True, True, False, False]
