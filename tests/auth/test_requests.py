"""So many requests a minute for each who was let in; nobody pays for somebody else, and memory is bounded."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from godkaiser.auth.policy import POLICY, Role
from godkaiser.auth.requests import PAGES_SHARE, RequestThrottle
from godkaiser.auth.session import Principal
from godkaiser.model.instant import HOUR, MINUTE, SECOND

START = 1_800_000_000 * SECOND
VERA = Principal(7, "vera", Role.VIEWER, "session-1", START + HOUR, None, POLICY[Role.VIEWER])


def test_the_limit_is_exact_and_what_is_refused_counts_for_nothing() -> None:
    throttle = RequestThrottle(per_minute=3)
    assert [throttle.admit(VERA, START + n * SECOND) for n in range(3)] == [0, 0, 0]
    for _ in range(50):
        assert throttle.admit(VERA, START + 3 * SECOND) == MINUTE - 3 * SECOND
    assert throttle.admit(VERA, START + MINUTE) == 0
    assert throttle.admit(VERA, START + MINUTE) == SECOND


def test_all_sessions_of_a_person_count_together_and_tokens_and_pages_apart() -> None:
    throttle = RequestThrottle(per_minute=1)
    assert throttle.admit(VERA, START) == 0
    assert throttle.admit(replace(VERA, session="session-2"), START) == MINUTE
    for other in (replace(VERA, user_id=8), replace(VERA, key="gk_1"), replace(VERA, key="gk_2")):
        assert throttle.admit(other, START) == 0
        assert throttle.admit(other, START) == MINUTE
    page = replace(VERA, by_page=True)
    assert [throttle.admit(page, START) for _ in range(PAGES_SHARE)] == [0] * PAGES_SHARE
    assert throttle.admit(page, START) == MINUTE


def test_a_clock_that_was_set_back_makes_nobody_wait_for_it() -> None:
    throttle = RequestThrottle(per_minute=1)
    assert throttle.admit(VERA, START + HOUR) == 0
    assert throttle.admit(VERA, START) == 0
    assert throttle.admit(VERA, START) == MINUTE


def test_who_asked_least_recently_is_forgotten_first() -> None:
    throttle = RequestThrottle(per_minute=1, max_entries=2)
    for user in (1, 2, 1, 3):
        throttle.admit(replace(VERA, user_id=user), START)
    assert len(throttle) == 2
    assert throttle.admit(replace(VERA, user_id=1), START) == MINUTE, "asked since, and is still counted"
    assert throttle.admit(replace(VERA, user_id=2), START) == 0


@given(st.lists(st.integers(0, 30), max_size=80))
def test_never_more_than_the_limit_in_any_minute_and_whoever_waits_as_told_gets_in(steps: list[int]) -> None:
    throttle, now, admitted = RequestThrottle(per_minute=4), START, []
    for step in steps:
        now += step * SECOND
        if wait := throttle.admit(VERA, now):
            now += wait
            assert throttle.admit(VERA, now) == 0
        admitted.append(now)
    assert all(later - first >= MINUTE for first, later in zip(admitted, admitted[4:], strict=False))
