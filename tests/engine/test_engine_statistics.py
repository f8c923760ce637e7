"""What an actuator did: windows that are split add up, and a recount tick by tick says the same."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from godkaiser.engine.noted import Noted
from godkaiser.engine.statistics import Statistics, buckets, statistics
from godkaiser.model.instant import DAY, HOUR, MINUTE, SECOND
from godkaiser.model.site import ActuatorSpec

VALUES = st.sampled_from([None, 0.0, 0.3, 1.0, 0.001])
STORIES = st.lists(st.tuples(st.integers(0, 60), VALUES), max_size=20).map(
    lambda told: [Noted(value, at) for at, value in sorted(told, key=lambda pair: pair[0])]
)
EDGES = st.tuples(st.integers(0, 60), st.integers(0, 60), st.integers(0, 60)).map(sorted)
SAFE = st.sampled_from([0.0, 0.3])


def fan(safe: float = 0.0, **more: Any) -> ActuatorSpec:
    return ActuatorSpec(node="ESP_AB12CD", gpio=25, type="pwm", safe_value=safe, **more)


def recounted(changes: list[Noted], since: int, until: int, safe: float) -> Statistics:
    """Microsecond by microsecond."""

    def at(tick: int) -> float | None:
        return next((change.value for change in reversed(changes) if change.at <= tick), None)

    def on(value: float | None) -> bool | None:
        return None if value is None else abs(value - safe) >= 0.005

    values = [at(tick) for tick in range(since, until)]
    known = [value for value in values if value is not None]
    if not known:
        return Statistics(since, until, len(values))
    runs, run = [0], 0
    for value in values:
        run = run + 1 if on(value) else 0
        runs.append(run)
    told = [None, *(change.value for change in changes)]
    turns = zip(changes, pairwise(told), strict=True)
    starts = sum(since <= change.at < until and on(a) is False and on(b) is True for change, (a, b) in turns)
    on_for = sum(bool(on(value)) for value in known)
    return Statistics(since, until, len(values) - len(known), on_for, starts, max(runs), sum(known))


@given(STORIES, EDGES, SAFE)
def test_a_recount_says_the_same(changes: list[Noted], edges: list[int], safe: float) -> None:
    since, _, until = edges
    found, again = statistics(changes, since, until, fan(safe)), recounted(changes, since, until, safe)
    if until > since:
        assert (found.unknown, found.on, found.starts, found.longest) == (
            again.unknown, again.on, again.starts, again.longest,
        )  # fmt: skip
        assert found.level == (None if again.level is None else pytest.approx(again.level))


@given(STORIES, EDGES, SAFE)
def test_windows_add_up(changes: list[Noted], edges: list[int], safe: float) -> None:
    whole = statistics(changes, edges[0], edges[2], fan(safe))
    parts = [statistics(changes, begin, end, fan(safe)) for begin, end in pairwise(edges)]
    assert whole.unknown == sum(part.unknown for part in parts)
    assert (whole.on or 0) == sum(part.on or 0 for part in parts)
    assert (whole.starts or 0) == sum(part.starts or 0 for part in parts)
    assert (whole.level or 0.0) == pytest.approx(sum(part.level or 0.0 for part in parts))
    assert (whole.longest or 0) >= max(part.longest or 0 for part in parts)


@given(st.integers(0, 10 * DAY), st.integers(0, 10 * DAY), st.integers(HOUR, 3 * DAY))
def test_buckets_are_without_a_gap_and_begin_at_multiples(since: int, length: int, every: int) -> None:
    found = list(buckets(since, since + length, every))
    assert [begin for begin, _ in found[1:]] == [end for _, end in found[:-1]]
    assert all(begin % every == 0 for begin, _ in found[1:])
    assert sum(end - begin for begin, end in found) == length


def test_water_and_energy_follow_the_value_and_only_what_is_stated() -> None:
    changes = [Noted(0.5, 0), Noted(0.0, 10 * MINUTE)]
    told = statistics(changes, 0, HOUR, fan(litres_per_min=4.0, watts=60.0))
    assert [told.litres, told.energy_wh] == pytest.approx([20.0, 5.0])
    assert told.duty == pytest.approx(1 / 6)
    assert told.level == 5 * MINUTE
    silent = statistics(changes, 0, HOUR, fan())
    assert (silent.litres, silent.energy_wh) == (None, None)


def test_nothing_known_gives_nothing_and_not_zero() -> None:
    told = statistics([Noted(1.0, HOUR)], 0, HOUR, fan(watts=60.0))
    assert (told.unknown, told.on, told.starts, told.duty, told.energy_wh) == (HOUR, None, None, None, None)
    off = statistics([Noted(0.0, 0)], 0, HOUR, fan(watts=60.0))
    assert (off.unknown, off.on, off.starts, off.duty, off.energy_wh) == (0, 0, 0, 0.0, 0.0)


def test_a_start_is_one_that_was_seen_and_a_break_ends_a_run() -> None:
    steps = [0.0, 1.0, None, 1.0, 0.0, None, 1.0, 0.5]
    changes = [Noted(value, number * SECOND) for number, value in enumerate(steps)]
    told = statistics(changes, 0, 8 * SECOND, fan())
    assert (told.starts, told.longest, told.on) == (1, 2 * SECOND, 4 * SECOND)
