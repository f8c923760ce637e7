"""Make a condition true (or false) in a simulated greenhouse: what its sensors must say, and when."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from godkaiser.model.ids import NodeId, SeriesId
from godkaiser.model.instant import DAY, MINUTE, Instant
from godkaiser.model.sun import SunWindow, sun_inside
from godkaiser.model.window import TimeWindow, inside
from godkaiser.rules.condition import (
    Condition,
    Diagnosis,
    Every,
    Hysteresis,
    Offset,
    Opposite,
    Presence,
    Rested,
    Silence,
    Slope,
    Threshold,
)

WATER = NodeId.parse("ESP_D4E5F6")
Test = Callable[[float], bool]
_HOLDS: dict[str, Callable[[float, float], bool]] = {
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
}
_STEPS = (0.0, 1.0, -1.0)


@dataclass
class Plan:
    """What the world must be like."""

    wanted: dict[SeriesId, list[Test]] = field(default_factory=dict)
    candidates: dict[SeriesId, list[float]] = field(default_factory=dict)
    ramps: dict[SeriesId, float] = field(default_factory=dict)  # per minute
    silent: set[SeriesId] = field(default_factory=set)
    nodes: dict[NodeId, bool] = field(default_factory=dict)
    clock: list[Callable[[Instant], bool]] = field(default_factory=list)

    def need(self, series: SeriesId, limits: list[float], test: Test) -> None:
        self.wanted.setdefault(series, []).append(test)
        self.candidates.setdefault(series, []).extend(limit + step for limit in limits for step in _STEPS)

    def value(self, series: SeriesId, minutes: float) -> float:
        if series in self.ramps:
            return 20.0 + self.ramps[series] * minutes
        fit = (c for c in self.candidates[series] if all(test(c) for test in self.wanted[series]))
        return next(fit)

    def time(self, start: Instant) -> Instant:
        """The first quarter of an hour in a month at which every clock fits."""
        quarters = range(start - start % (15 * MINUTE), start + 31 * DAY, 15 * MINUTE)
        return next(at for at in quarters if all(fits(at) for fits in self.clock))


def plan(condition: Condition) -> Plan:
    made = Plan()
    _aim(condition, True, made)
    return made


def _aim(condition: Condition, goal: bool, made: Plan) -> None:
    if isinstance(condition, Every):
        parts = condition.parts if condition.every is goal else condition.parts[:1]
        for part in parts:
            _aim(part, goal, made)
    elif isinstance(condition, Opposite):
        _aim(condition.part, not goal, made)
    elif isinstance(condition, TimeWindow):
        made.clock.append(lambda at: inside(condition, at) is goal)
    elif isinstance(condition, SunWindow):
        made.clock.append(lambda at: sun_inside(condition, at) is goal)
    elif isinstance(condition, Presence):
        made.nodes[condition.node] = condition.online is goal
    elif isinstance(condition, Silence):
        made.silent.add(condition.series)
    elif isinstance(condition, Diagnosis):
        _check(condition, goal, made)
    elif not isinstance(condition, Rested):
        _read(condition, goal, made)


def _check(condition: Diagnosis, goal: bool, made: Plan) -> None:
    if (condition.check, condition.status) == ("esp_devices", "warning"):
        made.nodes[WATER] = not goal


def _read(condition: Threshold | Hysteresis | Offset | Slope, goal: bool, made: Plan) -> None:
    if isinstance(condition, Slope):
        per_minute = condition.value / (60 if condition.pace == "hour" else 1)
        made.ramps[condition.series] = per_minute * 2 if (condition.value != 0) is goal else 0.0
    elif isinstance(condition, Offset):
        holds, limit = _HOLDS[condition.operator], condition.value
        made.need(condition.base, [20.0], lambda v: v == 20.0)
        made.need(condition.other, [20.0 + limit], lambda v: holds(v - 20.0, limit) is goal)
    elif isinstance(condition, Hysteresis):
        above = condition.cooling is goal
        limit = condition.on_at if goal else condition.off_at
        made.need(condition.series, [limit], lambda v: v > limit if above else v < limit)
    elif condition.operator == "between":
        low, high = condition.value, condition.upper or 0.0
        made.need(condition.series, [low, high], lambda v: (low <= v <= high) is goal)
    else:
        holds, limit = _HOLDS[condition.operator], condition.value
        made.need(condition.series, [limit], lambda v: holds(v, limit) is goal)
