"""The nearest flip: what would have to be different for a condition to become true, or to be true no longer.

It is searched where truth can change at all, at the limits the condition names and at the instants its clocks do,
and every proposal is tried on the evaluator of every day before it is named. Nearest is, in this order: fewest things
that have to change, smallest distance, shortest wait. A value's distance is counted in spans of its series (the range
of its sensor); a reading that is missing and a node that has to come or go count one span each. What time alone
brings is named first, and beside it the nearest of what could bring it earlier.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice, product
from typing import Final, Literal

from godkaiser.model.ids import NodeId, SeriesId
from godkaiser.model.instant import Duration, Instant
from godkaiser.model.truth import Truth
from godkaiser.model.view import RuleView
from godkaiser.rules.condition import Condition, Every, Opposite, leaves
from godkaiser.rules.evaluate import Trace, evaluate
from godkaiser.rules.memory import Memory, Path
from godkaiser.rules.points import Aim, Budget, Point, Range, bisected
from godkaiser.rules.suppose import Ground, Heard, Step
from godkaiser.rules.ways import Goal, Leaf, Way, fit, ways

Kind = Literal["value", "reading", "time", "presence"]
CUBES: Final = 64  # sets of conditions that are looked at
TRIES: Final = 32  # combinations of each that are tried
LOOKS: Final = 4_000  # at single conditions in one search: some tenths of a second


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that has to be different, for the condition at `path` (the places of parts, outermost first).

    `kind`: `value` (a reading has to cross `bound`, in the sense of `word`; `target` is the first value that does),
    `reading` (one has to come, with `target` for instance), `time` (it has to be `at`; nothing may come of `series`)
    or `presence` (`node` has to be `online`, or not). `present`: the value that counts now. `times`: so often.
    """

    path: Path
    condition: Condition
    kind: Kind
    series: SeriesId | None = None
    word: str = ""
    bound: float | None = None
    target: float | None = None
    present: float | None = None
    node: NodeId | None = None
    online: bool | None = None
    at: Instant | None = None
    times: int = 1
    distance: float = 0.0


@dataclass(frozen=True, slots=True)
class Flip:
    """Changes that flip the outcome together, the steps in which they happen, and how long it takes.

    What counts now is supposed to go on as it is, except that nothing comes of the `silent` series.
    """

    changes: tuple[Change, ...]
    steps: tuple[Step, ...]
    wait: Duration
    silent: frozenset[SeriesId] = frozenset()

    @property
    def cost(self) -> tuple[int, float, tuple[float, ...], Duration]:
        """By which the nearest is chosen; equal sums may hide a difference that is very small."""
        away = tuple(sorted(change.distance for change in self.changes if change.kind != "time"))
        return len(away), sum(away), away, self.wait


@dataclass(frozen=True, slots=True)
class Nearest:
    """What flips the outcome, the nearest first; none: nothing was found that does. `becomes`: it is so then.

    `cut`: there were too many ways to try them all.
    """

    becomes: bool
    flips: tuple[Flip, ...]
    cut: bool = False


def no_range(series: SeriesId) -> Range | None:  # noqa: ARG001 - nobody knows what it can measure
    """Every value is possible."""
    return None


def nearest(
    condition: Condition,
    memory: Memory,
    view: RuleView,
    now: Instant,
    span: Callable[[SeriesId], Range | None] = no_range,
) -> Nearest:
    """What would flip the condition as it is now. `memory` stays as it is. `span`: what a series can measure."""
    ours = memory.under(())
    trace = evaluate(condition, ours, view, now).trace
    becomes = trace.truth is not Truth.TRUE
    budget = Budget(LOOKS)
    aim = Aim(condition, becomes, Ground(ours, view, now), span, budget)
    found = [
        flip for cube in _cubes(trace, (), _TRUE if becomes else _NOT_TRUE) for flip in _solved(cube, aim)
    ]
    return Nearest(becomes, tuple(_best(found)), budget.spent)


def _best(found: Sequence[Flip]) -> Iterator[Flip]:
    """What time brings, and the nearest of the others; of those none that time brings as soon."""
    ordered = sorted(found, key=lambda flip: flip.cost)
    timed = [flip for flip in ordered if not flip.cost[0]][:1]
    yield from timed
    acts = (flip for flip in ordered if flip.cost[0] and all(flip.wait < by.wait for by in timed))
    yield from islice(acts, 1)


# ── which conditions have to be what ───────────────────────────────────────────────────────────────────
_Cube = tuple[Leaf, ...]
_TRUE: Final = frozenset({Truth.TRUE})
_NOT_TRUE: Final = frozenset({Truth.FALSE, Truth.UNKNOWN})


def _cubes(trace: Trace, path: Path, goal: Goal) -> list[_Cube]:
    """Sets of leaves which make the whole what it has to be when each of them is."""
    condition = trace.condition
    if isinstance(condition, Opposite):
        return _cubes(trace.parts[0], (*path, 0), frozenset(~truth for truth in goal))
    if not isinstance(condition, Every):
        return [(Leaf(path, condition, trace.truth, goal),)]
    parts = [_cubes(part, (*path, number), goal) for number, part in enumerate(trace.parts)]
    if (Truth.TRUE if condition.every else Truth.FALSE) not in goal:
        return _few([cube for part in parts for cube in part])
    joined: list[_Cube] = [()]
    for part in parts:
        joined = _few([(*before, *cube) for before in joined for cube in part])
    return joined


def _few(cubes: list[_Cube]) -> list[_Cube]:
    return sorted(cubes, key=lambda cube: sum(leaf.off for leaf in cube))[:CUBES]


# ── what makes them so ─────────────────────────────────────────────────────────────────────────────────
def _solved(cube: _Cube, aim: Aim) -> Iterator[Flip]:
    """For every way of every leaf that is not what it has to be: the nearest that the evaluator confirms."""
    choices = (tuple(ways(leaf, aim.ground)) for leaf in cube if leaf.off)
    for chosen in islice(product(*choices), TRIES):
        flip = _first(chosen, cube, aim)
        if flip is not None:
            yield flip


def _first(chosen: tuple[Way, ...], cube: _Cube, aim: Aim) -> Flip | None:
    """The nearest values first."""
    if aim.budget.spent:
        return None
    asked = sorted({series for way in chosen for series in way.series})
    silent = frozenset(way.silent for way in chosen if way.silent is not None)
    if silent.intersection(asked):
        return None
    points = [aim.points(series, chosen, cube)[:TRIES] for series in asked]
    combined = islice(product(*points), TRIES * TRIES)
    for taken in sorted(combined, key=lambda some: sum(point.distance for point in some))[:TRIES]:
        tried = _Try(chosen, dict(zip(asked, taken, strict=True)), silent, aim)
        if tried.flips:
            return tried.nearer().flip
    return None


@dataclass(frozen=True, slots=True)
class _Try:
    """Ways that are gone together, with these values."""

    chosen: tuple[Way, ...]
    values: Mapping[SeriesId, Point]
    silent: frozenset[SeriesId]
    aim: Aim

    @property
    def flips(self) -> bool:
        self.aim.budget.left -= len(leaves(self.aim.condition))
        steps = _steps(self.chosen, self.values, self.aim)
        truth = self.aim.ground.imagine(self.aim.condition, steps, self.silent)
        return bool(steps) and (truth is Truth.TRUE) is self.aim.becomes

    @property
    def flip(self) -> Flip:
        steps = _steps(self.chosen, self.values, self.aim)
        changes = tuple(_changes(self.chosen, self.values, steps, self.aim))
        return Flip(changes, steps, steps[-1].at - self.aim.now, self.silent)

    def at(self, series: SeriesId, point: Point) -> _Try:
        """The same with another value."""
        return replace(self, values={**self.values, series: point})

    def flips_at(self, series: SeriesId, value: float) -> bool:
        """Would that value do?"""
        return self.at(series, Point(value, "", value)).flips

    def nearer(self) -> _Try:
        """Where several values move at once, what is computed of them may cross before the limit of any one."""
        best = self
        for series, point in self.values.items():
            near = self.aim.around(series)
            less = math.nextafter(point.value, near)
            if less != point.value and best.flips_at(series, less):
                edge = bisected(partial(best.flips_at, series), near, less)
                best = best.at(
                    series, self.aim.placed(series, Point(edge, ">" if edge > near else "<", edge))
                )
        return best


def _steps(chosen: tuple[Way, ...], values: Mapping[SeriesId, Point], aim: Aim) -> tuple[Step, ...]:
    """What can be now is now; what takes time is at the first instant at which all is as it has to be."""
    plan: dict[Instant, dict[SeriesId, Heard]] = {}
    ready = aim.now
    for way in chosen:
        times = way.instants or (aim.now,)
        for number, at in enumerate(times if way.series else ()):
            for series in way.series:
                early = way.lead and number < len(times) - 1
                value = aim.around(series) if early else values[series].value
                plan.setdefault(at, {})[series] = Heard(series, value, way.zone)
        ready = max(ready, times[-1] + way.lasting, way.not_before)
    nodes = tuple(sorted({way.node for way in chosen if way.node is not None}))
    end = fit([way.window for way in chosen if way.window is not None], ready)
    if end is None:
        return ()
    instants = sorted({*plan, end} | ({aim.now} if nodes else set()))
    return tuple(
        Step(at, tuple(plan.get(at, {}).values()), nodes if at == aim.now else ()) for at in instants
    )


def _changes(
    chosen: tuple[Way, ...], values: Mapping[SeriesId, Point], steps: tuple[Step, ...], aim: Aim
) -> Iterator[Change]:
    told: set[str] = set()
    for way in chosen:
        path, condition = way.leaf.path, way.leaf.condition
        for series in way.series:
            if series not in told:
                yield _of_value(way, series, values[series], aim)
            told.add(series)
        if way.node is not None and way.node[0] not in told:
            yield Change(path, condition, "presence", node=way.node[0], online=way.node[1], distance=1.0)
            told.add(way.node[0])
        if way.waits:
            yield Change(path, condition, "time", series=way.silent, at=steps[-1].at)


def _of_value(way: Way, series: SeriesId, point: Point, aim: Aim) -> Change:
    present = aim.present(series)
    kind: Kind = "value" if present is not None and point.word else "reading"
    return Change(
        way.leaf.path, way.leaf.condition, kind, series, point.word, point.bound, point.value, present,
        times=way.rounds, distance=point.distance,
    )  # fmt: skip
