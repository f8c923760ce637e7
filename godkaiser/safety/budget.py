"""Starts within an hour, seconds within a window: counted exactly, in windows that roll with the time.

What is kept is bounded: the starts of an hour, the runs of one window, and not more than `MOST_RUNS` of these; beyond
that the two that are closest become one, pause included, so that time on is never lost.

A clock that was set back leaves runs in the future. `as_of` moves the whole past back by as much, as if nothing had
happened since: pauses then end as late as from now, and no second of a budget is given back.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from godkaiser.model.history import OnHistory
from godkaiser.model.instant import HOUR, SECOND, Duration, Instant
from godkaiser.model.site import ActuatorSpec

MOST_RUNS: Final = 200
MOST_STARTS: Final = 360  # nobody may state a larger budget
LEAST_RUN: Final = SECOND  # nodes count whole seconds
Run = tuple[Instant, Instant]


# ── keeping ────────────────────────────────────────────────────────────────────────────────────────────
def began(history: OnHistory, now: Instant) -> OnHistory:
    """One more start. The run itself is the lease's to keep, so what is returned has none."""
    past = as_of(history, now)
    starts = (*(start for start in past.starts if now - start < HOUR), now)
    return OnHistory(past.runs, starts[-MOST_STARTS:])


def ended(history: OnHistory, now: Instant, keep: Duration) -> OnHistory:
    """The present run is over. Runs older than `keep` go, except the last."""
    past = as_of(history, now)
    kept = [run for run in past.runs if run[1] > now - keep]
    since = now if past.since is None else past.since
    return OnHistory(_bounded(_joined(kept, (since, now))), past.starts)


def undone(history: OnHistory, start: Instant) -> OnHistory:
    """A start that never was: the node said no."""
    return OnHistory(history.runs, tuple(one for one in history.starts if one != start))


def _joined(runs: list[Run], last: Run) -> list[Run]:
    """In order and apart."""
    while runs and runs[-1][1] >= last[0]:
        before = runs.pop()
        last = (min(before[0], last[0]), max(before[1], last[1]))
    return [*runs, last]


def _bounded(runs: list[Run]) -> tuple[Run, ...]:
    while len(runs) > MOST_RUNS:
        n = min(range(len(runs) - 1), key=lambda i: runs[i + 1][0] - runs[i][1])
        runs[n : n + 2] = [(runs[n][0], runs[n + 1][1])]
    return tuple(runs)


def as_of(history: OnHistory, now: Instant) -> OnHistory:
    """The same with nothing in the future."""
    ahead = max((*(end for _, end in history.runs[-1:]), *history.starts[-1:], history.since or 0)) - now
    return history if ahead <= 0 else moved(history, -ahead)


def moved(history: OnHistory, by: Duration) -> OnHistory:
    """The same, as if the clock had shown `by` more all along."""
    return replace(
        history,
        runs=tuple((since + by, until + by) for since, until in history.runs),
        starts=tuple(start + by for start in history.starts),
        since=None if history.since is None else history.since + by,
    )


def to_data(history: OnHistory) -> dict[str, Any]:
    """What the journal keeps of it: the run that goes on is a lease there."""
    return {"runs": [list(run) for run in history.runs], "starts": list(history.starts)}


def from_data(data: dict[str, Any]) -> OnHistory:
    """What the journal kept."""
    return OnHistory(tuple((since, until) for since, until in data["runs"]), tuple(data["starts"]))


# ── counting ───────────────────────────────────────────────────────────────────────────────────────────
def start_free_at(history: OnHistory, most: int, now: Instant) -> Instant:
    """When one more start is within the budget; `now` when it is already."""
    starts = [start for start in as_of(history, now).starts if now - start < HOUR]
    return now if len(starts) < most else starts[-most] + HOUR


def starts_left(history: OnHistory, most: int, now: Instant) -> int:
    """How many more starts are within the budget of the present hour; never negative."""
    return max(0, most - sum(now - start < HOUR for start in as_of(history, now).starts))


def on_time(history: OnHistory, window: Duration, now: Instant) -> Duration:
    """How long it was on within the last `window`, the present run included."""
    return sum(until - since for since, until in _within(history, window, now))


def _within(history: OnHistory, window: Duration, now: Instant) -> Iterator[Run]:
    past, edge = as_of(history, now), now - window
    present = () if past.since is None else ((past.since, now),)
    for since, until in (*past.runs, *present):
        if until > edge:
            yield max(since, edge), until


def time_left(history: OnHistory, spec: ActuatorSpec, now: Instant) -> Duration | None:
    """What is left of the on-time budget; None when there is none. Never negative."""
    if spec.on_budget_s is None:
        return None
    used = on_time(history, round(spec.on_window_s * SECOND), now)
    return max(0, round(spec.on_budget_s * SECOND) - used)


def counted_for(spec: ActuatorSpec) -> Duration:
    """For how long after it anything may be counted from a run or a start; a pause of others is an hour at most."""
    window = 0.0 if spec.on_budget_s is None else spec.on_window_s
    return max(HOUR, round(max(window, spec.min_off_s, spec.cooldown_s) * SECOND))


def least_run(spec: ActuatorSpec) -> Duration:
    """A run that is worth a start."""
    return max(LEAST_RUN, round(spec.min_on_s * SECOND))


def time_free_at(history: OnHistory, spec: ActuatorSpec, now: Instant) -> Instant:
    """When the budget has room for one more run, if it is off from now on; `now` when it has already."""
    if spec.on_budget_s is None:
        return now
    window = round(spec.on_window_s * SECOND)
    missing = on_time(history, window, now) + least_run(spec) - round(spec.on_budget_s * SECOND)
    edge = now - window  # what lies before it no longer counts
    for since, until in _within(history, window, now):
        if missing <= 0:
            break
        edge = min(until, since + missing)
        missing -= edge - since
    return edge + window
