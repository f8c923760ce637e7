"""At which values of a series the truth of a condition can change, and how far away they are."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from godkaiser.model.ids import SeriesId
from godkaiser.model.instant import Instant
from godkaiser.model.truth import Truth
from godkaiser.rules.condition import Condition, Hysteresis, Offset, Slope, Threshold, leaves
from godkaiser.rules.suppose import Ground, Heard, Step
from godkaiser.rules.ways import Leaf, Way

Range = tuple[float, float]
_FAR: Final = 1e6  # further than this nobody looks where nothing is known of a range


@dataclass(frozen=True, slots=True)
class Point:
    """A value at which something may change. `word` and `bound`: how people say it, `> 24.3`; empty: as it was."""

    value: float
    word: str
    bound: float
    distance: float = 0.0


@dataclass(slots=True)
class Budget:
    """How many single conditions may still be looked at: nobody else is served meanwhile."""

    left: int

    @property
    def spent(self) -> bool:
        """Nothing is left."""
        return self.left <= 0


@dataclass(frozen=True, slots=True)
class Aim:
    """What the whole condition has to become, from where on, and what its series can measure at all."""

    condition: Condition
    becomes: bool
    ground: Ground
    span: Callable[[SeriesId], Range | None]
    budget: Budget

    @property
    def now(self) -> Instant:
        """When the real world was left."""
        return self.ground.now

    def present(self, series: SeriesId) -> float | None:
        """The value that counts now."""
        reading = self.ground.view.latest(series)
        return reading.value if reading is not None and self.ground.usable(series) else None

    def around(self, series: SeriesId) -> float:
        """A value it could have: the last one, else the nearest to 0 that it can measure."""
        reading = self.ground.view.latest(series)
        if reading is not None and reading.value is not None:
            return reading.value
        low, high = self.span(series) or (0.0, 0.0)
        return min(max(0.0, low), high)

    def points(self, series: SeriesId, chosen: Sequence[Way], cube: Sequence[Leaf]) -> list[Point]:
        """Values with which every condition that reads only this series is what it has to be, the nearest first."""
        made: dict[float, Point] = {}
        for point in self._edges(series, chosen):
            if self._possible(series, point.value):
                made.setdefault(point.value, self.placed(series, point))
        fits = [point for point in made.values() if self._agreed(series, point.value, cube)]
        last = self.around(
            series
        )  # distances so small that they are rounded to the same are told apart by the value
        return sorted(fits, key=lambda p: (p.distance, p.value if p.value > last else -p.value))

    def _possible(self, series: SeriesId, value: float) -> bool:
        span = self.span(series)
        return math.isfinite(value) and (span is None or span[0] <= value <= span[1])

    def placed(self, series: SeriesId, point: Point) -> Point:
        """With its distance."""
        away = abs(point.value - self.around(series)) / self._width(series)
        return replace(point, distance=away + (self.present(series) is None))

    def _width(self, series: SeriesId) -> float:
        """Its span; of one whose range nobody knows the greatest number that is about."""
        span = self.span(series)
        if span is not None:
            return span[1] - span[0]
        about = (limit for leaf in leaves(self.condition) for limit in limits(leaf, series))
        return max(1.0, abs(self.around(series)), *map(abs, about))

    def _edges(self, series: SeriesId, chosen: Sequence[Way]) -> Iterator[Point]:
        yield Point(self.around(series), "", self.around(series))
        for leaf in leaves(self.condition):
            for limit in limits(leaf, series):
                yield Point(limit, "=", limit)
                yield Point(math.nextafter(limit, -math.inf), "<", limit)
                yield Point(math.nextafter(limit, math.inf), ">", limit)
        for way in chosen:
            if series in way.series and isinstance(way.leaf.condition, (Offset, Slope)):
                yield from self._crossings(series, way)

    def _crossings(self, series: SeriesId, way: Way) -> Iterator[Point]:
        """Where what is computed from it crosses: between a value that will not do and one that will."""
        does, near = partial(self._does, series, way), self.around(series)
        low, high = self.span(series) or (near - _FAR, near + _FAR)
        ends = [(low, "<"), (high, ">")]
        if isinstance(condition := way.leaf.condition, Offset):
            sign = 1.0 if series == condition.other else -1.0
            other = condition.base if series == condition.other else condition.other
            ends.insert(0, (self.around(other) + sign * condition.value, "="))
        for far, word in ends:
            close = near if not does(near) else low + high - far
            if does(far) and not does(close):
                edge = bisected(does, close, far)
                yield Point(edge, word, far if word == "=" else edge)

    def _does(self, series: SeriesId, way: Way, value: float) -> bool:
        """With that value, would the computed condition hold as wanted, were it asked once and not for long?"""
        others = [Heard(one, self.around(one)) for one in way.series if one != series]
        *before, last = way.instants if way.lead else way.instants[-1:] or (self.now,)
        steps = [Step(at, (Heard(series, self.around(series)),)) for at in before]
        steps.append(Step(last, (Heard(series, value), *others)))
        return self._truth(way.leaf, steps) in way.leaf.goal

    def _truth(self, leaf: Leaf, steps: list[Step]) -> Truth:
        """What has begun to hold is false as long as it has not lasted: for a false one nothing is left out."""
        self.budget.left -= 1
        asked = _at_once(leaf.condition) if Truth.TRUE in leaf.goal else leaf.condition
        return self.ground.imagine(asked, steps, path=leaf.path)

    def _agreed(self, series: SeriesId, value: float, cube: Sequence[Leaf]) -> bool:
        return all(
            self._truth(leaf, [Step(self.now, (Heard(series, value, zone_of(leaf.condition)),))]) in leaf.goal
            for leaf in cube
            if isinstance(leaf.condition, (Threshold, Hysteresis)) and leaf.condition.series == series
        )


def limits(leaf: Condition, series: SeriesId) -> tuple[float, ...]:
    """The values a condition compares a series with itself."""
    if isinstance(leaf, Threshold) and leaf.series == series:
        return (leaf.value,) if leaf.upper is None else (leaf.value, leaf.upper)
    return (leaf.on_at, leaf.off_at) if isinstance(leaf, Hysteresis) and leaf.series == series else ()


def zone_of(condition: Condition) -> str | None:
    """Where it has to be measured."""
    return condition.zone if isinstance(condition, Threshold) else None


def _at_once(condition: Condition) -> Condition:
    """The same without a time it has to last, or a number of times."""
    if isinstance(condition, (Threshold, Hysteresis, Slope)):
        return replace(condition, lasting=0)
    return replace(condition, count=1) if isinstance(condition, Offset) else condition


def bisected(does: Callable[[float], bool], near: float, far: float) -> float:
    """The value nearest to `near` that does; `far` does, `near` does not."""
    while (middle := near + (far - near) / 2) not in (near, far):
        near, far = (near, middle) if does(middle) else (middle, far)
    return far
