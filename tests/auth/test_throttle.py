"""The login throttle under a virtual clock."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from godkaiser.auth.throttle import (
    ACCOUNT_PAUSE,
    ADDRESS_PAUSE,
    FORGET_AFTER,
    SECOND,
    TRIES,
    WINDOW,
    LoginThrottle,
    RateThrottle,
    retry_after,
)

HERE, THERE = "192.0.2.1", "192.0.2.2"
START = 1_780_000_000 * SECOND


def test_ten_tries_in_a_minute_and_not_eleven() -> None:
    throttle = LoginThrottle()
    waits = [throttle.admit(HERE, "ada", START + i * SECOND) for i in range(TRIES + 1)]
    assert waits == [0] * TRIES + [WINDOW - TRIES * SECOND]


def test_the_window_slides() -> None:
    throttle = LoginThrottle()
    for i in range(TRIES):
        throttle.admit(HERE, "ada", START + i * SECOND)
    assert throttle.admit(HERE, "ada", START + WINDOW) == 0
    assert throttle.admit(HERE, "ada", START + WINDOW) == SECOND


def test_one_address_cannot_spread_over_accounts() -> None:
    throttle = LoginThrottle()
    for i in range(TRIES):
        assert throttle.admit(HERE, f"user{i}", START) == 0
    assert throttle.admit(HERE, "another", START) == WINDOW


def test_one_account_cannot_be_tried_from_many_addresses() -> None:
    throttle = LoginThrottle()
    for i in range(TRIES):
        assert throttle.admit(f"192.0.2.{i}", "ada", START) == 0
    assert throttle.admit("198.51.100.7", " ADA ", START) == WINDOW
    assert throttle.admit("198.51.100.7", "bob", START) == 0


def test_a_refused_try_costs_nothing_and_leaves_no_trace() -> None:
    throttle = LoginThrottle()
    for _ in range(TRIES):
        throttle.admit(HERE, "ada", START)
    before = len(throttle)
    assert throttle.admit(HERE, "stranger", START + SECOND) == WINDOW - SECOND
    assert len(throttle) == before
    assert throttle.admit(HERE, "ada", START + WINDOW) == 0


def test_pauses_grow_with_failures_in_a_row() -> None:
    throttle, now, pauses = LoginThrottle(), START, []
    for _ in range(6):
        assert throttle.admit(HERE, "ada", now) == 0
        throttle.failed(HERE, "ada", now)
        pauses.append(throttle.admit(HERE, "ada", now))
        now += pauses[-1]
    assert [p // SECOND for p in pauses] == [0, 0, 1, 2, 4, 8]


def test_an_account_is_never_locked_for_more_than_a_minute() -> None:
    throttle = LoginThrottle()
    for i in range(40):
        throttle.failed(f"192.0.2.{i}", "ada", START)
    assert throttle.admit("198.51.100.7", "ada", START) == ACCOUNT_PAUSE


def test_an_address_is_held_off_for_longer() -> None:
    throttle = LoginThrottle()
    for i in range(40):
        throttle.failed(HERE, f"user{i}", START)
    assert throttle.admit(HERE, "fresh", START) == ADDRESS_PAUSE


def test_a_success_forgives_the_account_but_not_the_address() -> None:
    throttle = LoginThrottle()
    for _ in range(4):
        throttle.failed(HERE, "ada", START)
    throttle.succeeded("Ada")
    assert throttle.admit(THERE, "ada", START) == 0
    assert throttle.admit(HERE, "ada", START) == 2 * SECOND


def test_failures_are_forgotten_after_a_quiet_quarter_of_an_hour() -> None:
    throttle, now = LoginThrottle(), START
    for _ in range(5):
        throttle.failed(HERE, "ada", now)
    now += FORGET_AFTER
    assert throttle.admit(HERE, "ada", now) == 0
    throttle.failed(HERE, "ada", now)
    assert throttle.admit(HERE, "ada", now) == 0


def test_failures_are_not_forgotten_earlier() -> None:
    throttle, now = LoginThrottle(), START
    for _ in range(5):
        throttle.failed(HERE, "ada", now)
    now += FORGET_AFTER - 1
    assert throttle.admit(HERE, "ada", now) == 0
    throttle.failed(HERE, "ada", now)
    assert throttle.admit(HERE, "ada", now) == 8 * SECOND


def test_memory_is_bounded_and_the_oldest_goes_first() -> None:
    throttle = LoginThrottle(max_entries=5)
    for i in range(200):
        throttle.admit(f"192.0.2.{i}", f"user{i}", START)
        throttle.failed(f"192.0.2.{i}", f"user{i}", START)
    assert len(throttle) == 10
    assert throttle.admit("192.0.2.0", "user199", START) == 0


def test_a_giant_name_fills_no_memory() -> None:
    throttle = LoginThrottle()
    throttle.admit("x" * 10**6, "y" * 10**6, START)
    assert all(len(key) <= 200 for kept in (throttle._addresses, throttle._accounts) for key in kept)


@given(st.integers(0, 10**9))
def test_retry_after_is_never_too_short(wait: int) -> None:
    assert 0 <= retry_after(wait) * SECOND - wait < SECOND


@given(st.lists(st.tuples(st.integers(0, 30), st.booleans()), max_size=80))
def test_no_story_admits_more_than_ten_in_any_minute(story: list[tuple[int, bool]]) -> None:
    throttle, now = LoginThrottle(), START
    admitted: list[int] = []
    for step, right in story:
        now += step * SECOND
        if throttle.admit(HERE, "ada", now) == 0:
            admitted.append(now)
            if right:
                throttle.succeeded("ada")
            else:
                throttle.failed(HERE, "ada", now)
    assert all(later - first >= WINDOW for first, later in zip(admitted, admitted[TRIES:], strict=False))


@given(st.lists(st.tuples(st.integers(0, 100), st.booleans()), max_size=60))
def test_whoever_waits_as_told_gets_in(story: list[tuple[int, bool]]) -> None:
    throttle, now = LoginThrottle(), START
    for step, wrong in story:
        now += step * SECOND
        wait = throttle.admit(HERE, "ada", now)
        if wait:
            now += wait
            assert throttle.admit(HERE, "ada", now) == 0
        if wrong:
            throttle.failed(HERE, "ada", now)


def test_a_rate_is_ten_a_minute_for_each_thing_and_the_refused_do_not_count() -> None:
    throttle = RateThrottle()
    assert [throttle.admit("a", START + i * SECOND) for i in range(TRIES)] == [0] * TRIES
    for _ in range(100):
        assert throttle.admit("a", START + TRIES * SECOND) == WINDOW - TRIES * SECOND
    assert throttle.admit("b", START + TRIES * SECOND) == 0
    assert throttle.admit("a", START + WINDOW) == 0
    assert throttle.admit("a", START + WINDOW) == SECOND


def test_a_rate_keeps_a_bounded_number_and_forgets_the_oldest() -> None:
    throttle = RateThrottle(max_entries=3)
    for about in ("a", "b", "c", "a", "d"):
        throttle.admit(about, START)
    assert len(throttle) == 3
    for _ in range(TRIES - 2):
        assert throttle.admit("a", START) == 0
    assert throttle.admit("a", START) == WINDOW  # it was used last, so it was kept
