"""Back-off as a value, and the clock that stands still until it is moved."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from godkaiser.io.clock import VirtualClock
from godkaiser.io.retry import Backoff


def test_it_doubles_to_a_minute_and_starts_over() -> None:
    backoff, waits = Backoff(), []
    for _ in range(9):
        waits.append(backoff.delay(1.0))
        backoff = backoff.failed()
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert backoff.succeeded() == Backoff()


@given(st.integers(0, 10_000), st.floats(0, 1))
def test_the_wait_is_never_below_a_second_nor_above_a_minute(failures: int, chance: float) -> None:
    wait = Backoff(failures=failures).delay(chance)
    full = Backoff(failures=failures).delay(1.0)
    assert 1.0 <= wait <= 60.0
    assert 0.75 * full <= wait <= full


def test_alarms_fire_in_order_of_time_when_the_clock_is_moved() -> None:
    clock = VirtualClock(100)
    rung: list[str] = []
    for at, name in ((120, "b"), (110, "a"), (120, "c"), (90, "late"), (200, "never")):
        clock.call_at(at, lambda name=name: rung.append(f"{name}@{clock.now()}"))  # type: ignore[misc]
    clock.call_at(115, lambda: rung.append("cancelled")).cancel()
    assert rung == []
    clock.advance(150)
    assert rung == ["late@150", "a@150", "b@150", "c@150"]
    assert clock.now() == 150


@pytest.mark.parametrize("to", [99, 100])
def test_the_clock_never_runs_back(to: int) -> None:
    clock = VirtualClock(100)
    clock.advance(to)
    assert clock.now() == 100
