"""What rules knew before a restart they know after it: stored readings are evaluated once more, at their own times.

So a `for` goes on counting, a hysteresis keeps its side, a slope has its readings. Nothing is decided by it: a rule
acts on what is heard from now on. Until the last stored reading would have grown stale, waiting for the next one is
no break. A silence is counted from the start, as nobody listened before, and nodes count as not heard of.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from godkaiser.engine.ingest import AHEAD_AFTER, LATE_AFTER
from godkaiser.engine.signal import Judged, usable
from godkaiser.engine.state import RuleState, State
from godkaiser.model.ids import SeriesId
from godkaiser.model.instant import HOUR, Duration, Instant
from godkaiser.model.reading import Reading
from godkaiser.rules.condition import Condition, Every, Hysteresis, Offset, Opposite, Slope, Threshold, leaves
from godkaiser.rules.condition import inputs_of as read_by
from godkaiser.rules.evaluate import evaluate
from godkaiser.rules.memory import Memory, Path

LEAST: Final = HOUR  # how far back for the side of a hysteresis
PRIMED: Final = 4096  # readings of one series at most


def wanted(state: State) -> frozenset[SeriesId]:
    """Series whose stored readings are of use."""
    rules = (one.rule for one in state.rules.values() if one.rule.enabled and remembers(one.rule.when))
    bound = (state.bound(series) for rule in rules for series, _ in read_by(rule.when))
    return frozenset(sensor.id for sensor in bound if sensor is not None)


def remembers(condition: Condition) -> bool:
    """Does the past matter to it?"""
    return any(_reach(leaf) > 0 for leaf in leaves(condition))


def _reach(leaf: Condition) -> Duration:
    """How far back what it remembers may lie."""
    if isinstance(leaf, Hysteresis):
        return max(LEAST, leaf.lasting)
    if isinstance(leaf, Slope):
        return leaf.window + leaf.lasting
    if isinstance(leaf, Offset):
        return LEAST if leaf.count > 1 else 0
    return leaf.lasting if isinstance(leaf, Threshold) else 0


def prime(state: State, past: Mapping[SeriesId, Sequence[Reading]], now: Instant) -> None:
    """Fill the memory of every rule. `past`: the newest stored readings by series, oldest first."""
    for one in state.rules.values():
        if one.rule.enabled and remembers(one.rule.when):
            _prime(state, one, past, now)


def _prime(state: State, one: RuleState, past: Mapping[SeriesId, Sequence[Reading]], now: Instant) -> None:
    when = one.rule.when
    # Twice as long, as a `for` that was true at its beginning may have begun before.
    since = now - 2 * max(_reach(leaf) for leaf in leaves(when))
    view, mine = _before(state, when)
    heard = sorted(
        (r for series in mine for r in past.get(series, ()) if since <= r.received_at <= now),
        key=lambda r: (r.received_at, r.measured_at, r.series),
    )
    stale: dict[SeriesId, Instant] = {}
    for reading in heard:
        _age(view, one, stale, reading.received_at)
        if _hear(view, reading):
            stale[reading.series] = reading.received_at + _allowed(view, reading)
        evaluate(when, one.memory, view, reading.received_at)
    _age(view, one, stale, now)
    one.memory.asked.clear()
    _bridge(view, when, one.memory, stale)


def _before(state: State, when: Condition) -> tuple[State, frozenset[SeriesId]]:
    """The state as rules see it, with nothing heard yet."""
    bound = (state.bound(series) for series, _ in read_by(when))
    mine = {sensor.id: sensor for sensor in bound if sensor is not None}
    unheard = {
        series: replace(sensor, latest=None, usable=None, timely={}, heard_at=None)
        for series, sensor in mine.items()
    }
    return replace(state, sensors=state.sensors | unheard, nodes={}), frozenset(mine)


def _hear(view: State, reading: Reading) -> bool:
    """As when it came. Whether it counted is not stored; a value that was in time did."""
    if reading.value is None or not -AHEAD_AFTER <= reading.received_at - reading.measured_at <= LATE_AFTER:
        return False
    sensor = view.sensors[reading.series]
    fit = usable(sensor.row, Judged(reading.value, reading.quality, reading.reason))
    sensor.timely[reading.quality] = known = replace(reading, usable=fit)
    sensor.usable = known if fit else sensor.usable
    return fit


def _allowed(view: State, reading: Reading) -> Duration:
    return view.allowed_age(view.sensors[reading.series], reading.received_at)


def _age(view: State, one: RuleState, stale: dict[SeriesId, Instant], until: Instant) -> None:
    """What grew stale before then was looked at then."""
    for at, series in sorted((at, series) for series, at in stale.items() if at <= until):
        del stale[series]
        evaluate(one.rule.when, one.memory, view, at)


def _bridge(view: State, when: Condition, memory: Memory, stale: Mapping[SeriesId, Instant]) -> None:
    """Until when each condition that holds may wait for its next reading."""
    for path, leaf in _places(when, ()):
        if path in memory.since or path in memory.streaks:
            bound = (view.bound(series) for series, _ in read_by(leaf))
            ends = [stale.get(sensor.id, 0) for sensor in bound if sensor is not None]
            memory.bridge[path] = min(ends, default=0)


def _places(condition: Condition, path: Path) -> Iterator[tuple[Path, Condition]]:
    parts = (
        condition.parts
        if isinstance(condition, Every)
        else (condition.part,)
        if isinstance(condition, Opposite)
        else ()
    )
    if not parts:
        yield path, condition
    for place, part in enumerate(parts):
        yield from _places(part, (*path, place))
