"""Starts and seconds in rolling windows, against a recount second by second and at the very microsecond."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from godkaiser.model.history import NEVER_ON, OnHistory
from godkaiser.model.instant import DAY, HOUR, MINUTE, SECOND
from godkaiser.safety.budget import (
    MOST_RUNS,
    MOST_STARTS,
    as_of,
    began,
    ended,
    from_data,
    least_run,
    on_time,
    start_free_at,
    starts_left,
    time_free_at,
    time_left,
    to_data,
    undone,
)
from tests.safety.bench import NOW, spec_of

# Small numbers: every microsecond can be looked at.
STEPS = st.lists(st.tuples(st.integers(1, 30), st.integers(1, 30)), max_size=12)


def lived(steps: list[tuple[int, int]], keep: int = 10**9) -> tuple[OnHistory, set[int], list[int], int]:
    """On and off for these many microseconds each: the history, the microseconds on, the starts, the end."""
    past, now, on, starts = NEVER_ON, NOW, set[int](), list[int]()
    for running, resting in steps:
        past = began(past, now)
        starts.append(now)
        on |= set(range(now, now + running))
        past = ended(OnHistory(past.runs, past.starts, since=now), now + running, keep)
        now += running + resting
    return past, on, starts, now


@given(STEPS, st.integers(0, 100), st.integers(1, 200))
def test_time_on_is_every_microsecond_within_the_window(
    steps: list[tuple[int, int]], later: int, window: int
) -> None:
    past, on, _, end = lived(steps)
    now = end + later
    assert on_time(past, window, now) == len(on & set(range(now - window, now)))


@given(STEPS, st.integers(1, 60), st.integers(1, 200))
def test_the_present_run_counts(steps: list[tuple[int, int]], running: int, window: int) -> None:
    past, on, _, since = lived(steps)
    now = since + running
    on |= set(range(since, now))
    present = OnHistory(past.runs, past.starts, since=since)
    assert on_time(present, window, now) == len(on & set(range(now - window, now)))


@given(STEPS, st.integers(1, 200))
def test_what_is_forgotten_is_outside_the_window(steps: list[tuple[int, int]], window: int) -> None:
    whole, _, _, now = lived(steps)
    kept, _, _, _ = lived(steps, keep=window)
    assert on_time(kept, window, now) == on_time(whole, window, now)
    assert kept.off_at == whole.off_at
    assert len(kept.runs) <= len(whole.runs)


@given(
    st.lists(st.tuples(st.integers(1, 900), st.integers(1, 900)), max_size=20),
    st.integers(1, 600),
    st.integers(600, 7200),
)
def test_it_is_free_at_the_first_instant_at_which_one_more_run_fits(
    steps: list[tuple[int, int]], budget: int, window: int
) -> None:
    spec = spec_of(on_budget_s=budget, on_window_s=window)
    past, _, _, _ = lived([])
    now = NOW
    for running, resting in steps:
        past = ended(OnHistory(past.runs, (), since=now), now + running * SECOND, window * SECOND)
        now += (running + resting) * SECOND
    free = time_free_at(past, spec, now)
    left = time_left(past, spec, free)
    assert left is not None
    assert left >= least_run(spec)
    assert free == now or (time_left(past, spec, free - 1) or 0) < least_run(spec)


@given(st.lists(st.integers(0, 3 * HOUR), max_size=30), st.integers(1, 8))
def test_starts_are_counted_in_a_window_that_rolls(offsets: list[int], most: int) -> None:
    past, at = NEVER_ON, sorted(offsets)
    for offset in at:
        past = began(past, NOW + offset)
    now = NOW + 3 * HOUR
    within = [NOW + offset for offset in at if now - (NOW + offset) < HOUR]
    free = start_free_at(past, most, now)
    assert (free == now) is (len(within) < most)
    counted = [start for start in within if free - start < HOUR]
    assert len(counted) < most
    assert free == now or len([start for start in within if free - 1 - start < HOUR]) >= most


def test_the_hour_ends_to_the_microsecond() -> None:
    past = NEVER_ON
    for minute in range(3):
        past = began(past, NOW + minute * MINUTE)
    now = NOW + HOUR - 1
    assert start_free_at(past, 3, now) == NOW + HOUR
    assert start_free_at(past, 3, now + 1) == now + 1
    assert start_free_at(past, 2, now) == NOW + HOUR + MINUTE


def test_what_is_kept_is_bounded_and_loses_no_time_on() -> None:
    past, now = NEVER_ON, NOW
    for n in range(2 * MOST_RUNS):
        past = began(past, now)
        past = ended(OnHistory(past.runs, past.starts, since=now), now + 10 * SECOND, DAY)
        now += 15 * SECOND + n * SECOND // 10
    assert len(past.runs) == MOST_RUNS
    assert len(past.starts) <= MOST_STARTS
    assert on_time(past, DAY, now) >= 2 * MOST_RUNS * 10 * SECOND
    assert on_time(past, DAY, now) <= 2 * MOST_RUNS * 10 * SECOND + MOST_RUNS * 15 * SECOND + 400 * SECOND
    assert list(past.runs) == sorted(past.runs)
    many = NEVER_ON
    for n in range(MOST_STARTS + 50):
        many = began(many, NOW + n)
    assert len(many.starts) == MOST_STARTS
    assert start_free_at(many, MOST_STARTS, NOW + HOUR // 2) > NOW + HOUR


def test_a_start_that_never_was_is_taken_back() -> None:
    past = began(began(NEVER_ON, NOW), NOW + MINUTE)
    assert undone(past, NOW + MINUTE) == began(NEVER_ON, NOW)


def test_an_end_without_a_beginning_is_an_instant() -> None:
    past = ended(NEVER_ON, NOW, 0)
    assert (past.runs, past.off_at, past.resting) == (((NOW, NOW),), NOW, True)


# ── clocks that jump ───────────────────────────────────────────────────────────────────────────────────
@given(STEPS, st.integers(0, HOUR), st.integers(1, 200))
def test_a_clock_set_back_gives_nothing_back(steps: list[tuple[int, int]], jump: int, window: int) -> None:
    past, _, _, end = lived(steps)
    before = on_time(past, window, end)
    again = as_of(past, end - jump)
    assert on_time(again, window, end - jump) >= before
    assert all(until <= end - jump for _, until in again.runs)
    assert [u - s for s, u in again.runs] == [u - s for s, u in past.runs]
    assert len(again.starts) == len(past.starts)


def test_a_clock_set_back_while_it_is_on_keeps_what_it_had() -> None:
    running = OnHistory(((NOW - HOUR, NOW - MINUTE),), (NOW - HOUR, NOW), since=NOW)
    moved = as_of(running, NOW - HOUR)
    assert moved == OnHistory(
        ((NOW - 2 * HOUR, NOW - HOUR - MINUTE),), (NOW - 2 * HOUR, NOW - HOUR), NOW - HOUR
    )
    assert as_of(running, NOW + HOUR) is running


@given(STEPS)
def test_the_journal_gives_back_what_it_was_given(steps: list[tuple[int, int]]) -> None:
    past, _, _, _ = lived(steps)
    assert from_data(json.loads(json.dumps(to_data(past)))) == past


def test_a_start_after_a_clock_set_back_takes_the_past_along() -> None:
    past = began(OnHistory(((NOW, NOW + MINUTE),), (NOW,)), NOW - HOUR)
    assert past == OnHistory(((NOW - HOUR - MINUTE, NOW - HOUR),), (NOW - HOUR - MINUTE, NOW - HOUR))


def test_without_a_budget_nothing_is_used_up() -> None:
    past, _, _, now = lived([(30, 1)])
    assert time_left(past, spec_of(), now) is None
    assert time_free_at(past, spec_of(), now) == now
    assert least_run(spec_of(min_on_s=60)) == 60 * SECOND


@given(STEPS, st.integers(1, 15), st.integers(0, 40))
def test_what_is_left_of_the_starts_agrees_with_when_one_more_is_free(
    steps: list[tuple[int, int]], most: int, later: int
) -> None:
    past, _, starts, now = lived(steps)
    now += later
    left = starts_left(past, most, now)
    assert left == max(0, most - len(starts))
    assert (left > 0) == (start_free_at(past, most, now) == now)
    assert starts_left(past, most, now + HOUR) == most
