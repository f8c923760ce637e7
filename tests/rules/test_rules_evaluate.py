"""Three-valued truth, thresholds, hysteresis, `lasting`."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from godkaiser.model.instant import MINUTE, SECOND
from godkaiser.model.quantity import Freshness, Quality
from godkaiser.model.truth import Truth, conjunction, disjunction
from godkaiser.model.window import TimeWindow
from godkaiser.rules.evaluate import Evaluation, Memory, evaluate
from godkaiser.rules.rule import Condition, Every, Hysteresis, Operator, Threshold, series_of
from tests.rules.bench import AIR, NOW, SOIL, View, at

T, F, U = Truth.TRUE, Truth.FALSE, Truth.UNKNOWN
COOL = Hysteresis(AIR, True, 28, 25)
WARM = Hysteresis(AIR, False, 18, 21)


def look(
    condition: Condition, value: float | None = None, memory: Memory | None = None, now: int = NOW
) -> Evaluation:
    view = View() if value is None else View({AIR: value})
    return evaluate(condition, memory or Memory(), view, now)


# ── Kleene ─────────────────────────────────────────────────────────────────────────────────────────────
AND = {(T, T): T, (T, F): F, (T, U): U, (F, F): F, (F, U): F, (U, U): U}
OR = {(T, T): T, (T, F): T, (T, U): T, (F, F): F, (F, U): U, (U, U): U}


@pytest.mark.parametrize(("a", "b"), list(itertools.product(Truth, Truth)))
def test_truth_tables(a: Truth, b: Truth) -> None:
    key = (a, b) if (a, b) in AND else (b, a)
    assert conjunction([a, b]) is AND[key]
    assert disjunction([a, b]) is OR[key]
    assert ~disjunction([a, b]) is conjunction([~a, ~b])


def test_nothing_at_all_and_not() -> None:
    assert conjunction([]) is T
    assert disjunction([]) is F
    assert (~T, ~F, ~U) == (F, T, U)
    assert (Truth.of(True), Truth.of(False), Truth.of(None)) == (T, F, U)


def test_a_truth_is_no_bool() -> None:
    with pytest.raises(TypeError, match="three values"):
        bool(U)


@given(st.lists(st.sampled_from(Truth)), st.lists(st.sampled_from(Truth)))
def test_kleene_laws(a: list[Truth], b: list[Truth]) -> None:
    assert conjunction(a + b) is conjunction(b + a) is conjunction([conjunction(a), conjunction(b)])
    assert disjunction(a + b) is disjunction(b + a) is disjunction([disjunction(a), disjunction(b)])
    assert all(~~one is one for one in a)


@pytest.mark.parametrize(("every", "table"), [(True, AND), (False, OR)])
@pytest.mark.parametrize(("a", "b"), list(AND))
def test_compound_conditions(
    every: bool, table: dict[tuple[Truth, Truth], Truth], a: Truth, b: Truth
) -> None:
    values = {T: 30.0, F: 20.0, U: None}
    view = View({series: v for series, v in ((AIR, values[a]), (SOIL, values[b])) if v is not None})
    condition = Every((Threshold(AIR, ">", 25), Threshold(SOIL, ">", 25)), every)
    result = evaluate(condition, Memory(), view, NOW)
    assert result.truth is table[a, b]
    assert [part.truth for part in result.trace.parts] == [a, b]
    assert series_of(condition) == {AIR, SOIL}


# ── thresholds ─────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("operator", "below", "equal", "above"),
    [(">", F, F, T), (">=", F, T, T), ("<", T, F, F), ("<=", T, T, F), ("==", F, T, F), ("!=", T, F, T)],
)
@pytest.mark.parametrize("limit", [0.0, 28.0, -3.5])
def test_operators_with_any_limit_even_zero(
    operator: Operator, below: Truth, equal: Truth, above: Truth, limit: float
) -> None:
    condition = Threshold(AIR, operator, limit)
    assert [look(condition, limit + d).truth for d in (-0.5, 0.0, 0.5)] == [below, equal, above]


def test_zero_degrees_is_a_value() -> None:
    assert look(Threshold(AIR, "<", 1), 0.0).truth is T
    assert look(Threshold(AIR, "==", 0), 0.0).truth is T
    assert look(Threshold(AIR, "==", 0), -0.0).truth is T


@pytest.mark.parametrize(("value", "truth"), [(-0.1, F), (0.0, T), (3.0, T), (5.0, T), (5.1, F)])
def test_between_takes_both_ends(value: float, truth: Truth) -> None:
    assert look(Threshold(AIR, "between", 0, 5), value).truth is truth


def test_silence_is_unknown_and_says_why() -> None:
    condition = Threshold(AIR, "<", 1)
    never = look(condition)
    assert (never.truth, never.trace.note, never.trace.reading) == (U, "no reading yet", None)
    failed = evaluate(condition, Memory(), View({AIR: None}), NOW)
    assert (failed.truth, failed.trace.note) == (U, "no reading yet")


@pytest.mark.parametrize(
    ("least", "note"),
    [
        (Quality.GOOD, "no reading yet that is good"),
        (Quality.UNCALIBRATED, "no reading yet that is uncalibrated or better"),
    ],
)
def test_silence_names_the_quality_that_was_asked_for(least: Quality, note: str) -> None:
    condition = Threshold(AIR, "<", 1, least=least)
    assert look(condition).trace.note == note
    assert look(condition, 0.0).truth is T


@pytest.mark.parametrize("age", Freshness)
def test_only_fresh_and_late_readings_count(age: Freshness) -> None:
    result = evaluate(Threshold(AIR, "<", 1), Memory(), View({AIR: 0.0}, {AIR: age}), NOW)
    usable = age in (Freshness.FRESH, Freshness.LATE)
    assert result.truth is (T if usable else U)
    assert result.trace.note == ("" if usable else f"last reading is {age.value}")


# ── hysteresis ─────────────────────────────────────────────────────────────────────────────────────────
def test_cooling_with_strict_limits() -> None:
    memory = Memory()
    values = [26, 28, 28.1, 26, 25, 24.9, 26, 28.1]
    assert [look(COOL, v, memory).truth for v in values] == [U, U, T, T, T, F, F, T]


def test_heating_with_strict_limits() -> None:
    memory = Memory()
    values = [20, 18, 17.9, 20, 21, 21.1, 20, 17.9]
    assert [look(WARM, v, memory).truth for v in values] == [U, U, T, T, T, F, F, T]


def test_in_the_band_and_never_decided_says_so() -> None:
    trace = look(COOL, 26).trace
    assert trace.note == "between the two limits, and not decided before"
    assert trace.reading is not None


def test_a_silence_leaves_the_latch_as_it_was() -> None:
    memory = Memory()
    assert look(COOL, 29, memory).truth is T
    assert look(COOL, None, memory).truth is U
    assert look(COOL, 26, memory).truth is T


def test_each_place_in_a_rule_has_its_own_latch() -> None:
    memory = Memory()
    both = Every((COOL, Hysteresis(AIR, True, 35, 30)), every=False)
    assert look(both, 36, memory).truth is T
    assert [p.truth for p in look(both, 27, memory).trace.parts] == [T, F]


@given(st.lists(st.floats(-60, 80), min_size=1, max_size=30), st.booleans())
def test_hysteresis_never_switches_inside_the_band(values: list[float], cooling: bool) -> None:
    on, off = (28.0, 25.0) if cooling else (25.0, 28.0)
    condition, memory, before = Hysteresis(AIR, cooling, on, off), Memory(), U
    for value in values:
        truth = look(condition, value, memory).truth
        beyond = value > on if cooling else value < on
        back = value < off if cooling else value > off
        assert truth is (T if beyond else F if back else before)
        before = truth


# ── lasting ────────────────────────────────────────────────────────────────────────────────────────────
def test_lasting_becomes_true_at_its_time_and_asks_to_look_again() -> None:
    condition, memory = Threshold(AIR, ">", 28, lasting=5 * MINUTE), Memory()
    first = look(condition, 29, memory, NOW)
    assert (first.truth, first.look_again) == (F, NOW + 5 * MINUTE)
    assert first.trace.note == "true, but not for long enough yet"
    almost = look(condition, 29, memory, NOW + 5 * MINUTE - 1)
    assert (almost.truth, almost.look_again) == (F, NOW + 5 * MINUTE)
    there = look(condition, 29, memory, NOW + 5 * MINUTE)
    assert (there.truth, there.look_again, there.trace.note) == (T, None, "")


@pytest.mark.parametrize("value", [28.0, None])
def test_a_break_starts_lasting_over(value: float | None) -> None:
    condition, memory = Threshold(AIR, ">", 28, lasting=5 * MINUTE), Memory()
    look(condition, 29, memory, NOW)
    look(condition, value, memory, NOW + 4 * MINUTE)
    again = look(condition, 29, memory, NOW + 4 * MINUTE + SECOND)
    assert (again.truth, again.look_again) == (F, NOW + 9 * MINUTE + SECOND)


def test_lasting_of_a_hysteresis_counts_from_its_latch() -> None:
    condition, memory = Hysteresis(AIR, True, 28, 25, lasting=MINUTE), Memory()
    assert look(condition, 29, memory, NOW).truth is F
    assert look(condition, 26, memory, NOW + MINUTE).truth is T


def test_the_soonest_of_several_times_is_asked_for() -> None:
    window = TimeWindow(6 * 60, 22 * 60, frozenset(range(7)), "UTC")
    condition = Every((window, Threshold(AIR, ">", 28, lasting=5 * MINUTE)))
    now = at("2026-05-01T05:59:00Z")
    assert look(condition, 29, now=now).look_again == now + MINUTE
    assert look(condition, 29, now=at("2026-05-01T07:00:00Z")).look_again == at("2026-05-01T07:05:00Z")
    assert look(window, now=now).truth is F
    assert series_of(window) == frozenset()
