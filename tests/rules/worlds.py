"""Random conditions, and a world of the test's own in which what a flip names is done to the letter."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass, field, replace
from typing import Any

from hypothesis import strategies as st

from godkaiser.model.check import Check, Status
from godkaiser.model.ids import NodeId, RuleId, SeriesId, ZoneId
from godkaiser.model.instant import DAY, HOUR, MINUTE, SECOND, Instant
from godkaiser.model.quantity import Freshness, Quality
from godkaiser.model.reading import Reading
from godkaiser.model.sun import SunWindow
from godkaiser.model.truth import Truth
from godkaiser.model.view import NodeView
from godkaiser.model.window import TimeWindow
from godkaiser.rules.condition import (
    Condition,
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
from godkaiser.rules.evaluate import evaluate
from godkaiser.rules.flip import Flip
from godkaiser.rules.memory import Memory
from godkaiser.rules.suppose import Step
from tests.rules.bench import NOW

NODES = tuple(NodeId.parse(f"ESP_0000A{n}") for n in range(3))
SERIES = tuple(SeriesId.of(node, 0, "sht31_temp", "0x44") for node in NODES)
OTHERS = tuple(NodeId.parse(f"ESP_0000B{n}") for n in range(2))  # of which nothing is read
numbers = st.integers(-40, 120).map(lambda n: n / 4)
series = st.sampled_from(SERIES)
spans = st.sampled_from((0, 0, 30 * SECOND, 5 * MINUTE))
compare = st.sampled_from((">", ">=", "<", "<=", "==", "!="))
thresholds = st.builds(
    Threshold, series, compare, numbers, lasting=spans, zone=st.sampled_from((None, None, "bench"))
)
between = st.builds(
    lambda s, low, more, lasting: Threshold(s, "between", low, low + more, lasting),
    series, numbers, st.integers(0, 8), spans,
)  # fmt: skip
latches = st.builds(
    lambda s, at, gap, cooling, lasting: Hysteresis(s, cooling, at, at - gap if cooling else at + gap, lasting),
    series, numbers, st.integers(1, 5), st.booleans(), spans,
)  # fmt: skip
offsets = st.builds(
    lambda pair, op, value, count: Offset(pair[0], pair[1], op, value, count),
    st.permutations(SERIES), compare, numbers, st.integers(1, 3),
)  # fmt: skip
slopes = st.builds(
    lambda s, op, value, pace, lasting: Slope(s, op, value, pace, 10 * MINUTE, lasting),
    series, st.sampled_from((">", ">=", "<", "<=")), numbers, st.sampled_from(("minute", "hour")), spans,
)  # fmt: skip
windows = st.builds(
    lambda start, length, days, zone: TimeWindow(start * 15, (start * 15 + length * 15) % 1440, days, zone),
    st.integers(0, 95), st.integers(1, 95), st.frozensets(st.integers(0, 6), min_size=1),
    st.sampled_from(("UTC", "Europe/Berlin")),
)  # fmt: skip
suns = st.builds(
    lambda start, end, shift: SunWindow(start, end, 52.5, 13.4, shift * MINUTE),
    st.sampled_from(("dawn", "sunrise")), st.sampled_from(("sunset", "dusk")), st.integers(-60, 60),
)  # fmt: skip
LEAF: st.SearchStrategy[Condition] = st.one_of(
    thresholds, between, latches, offsets, slopes, windows, suns,
    st.builds(Silence, series, st.sampled_from((MINUTE, HOUR))),
    st.builds(Presence, st.sampled_from(OTHERS), st.booleans()),
    st.builds(Rested, st.sampled_from((MINUTE, HOUR))),
)  # fmt: skip
CONDITIONS: st.SearchStrategy[Condition] = st.recursive(
    LEAF,
    lambda part: st.one_of(
        st.builds(Every, st.lists(part, min_size=1, max_size=3).map(tuple), st.booleans()),
        st.builds(Opposite, part),
    ),
    max_leaves=6,
)


@dataclass
class World:
    """Values are fresh, stale or never heard; what is fresh stays so, what is silent falls silent."""

    now: Instant = NOW
    readings: dict[SeriesId, Reading] = field(default_factory=dict)
    stale: set[SeriesId] = field(default_factory=set)
    silent: frozenset[SeriesId] = frozenset()
    lost_at: Instant = 0  # from then on nothing comes of the silent ones
    nodes: dict[NodeId, bool | None] = field(default_factory=dict)

    def read(self, one: SeriesId, value: float, zone: str | None = None) -> None:
        before = self.readings.get(one)
        at = self.now if before is None else max(self.now, before.measured_at + 1)
        place = ZoneId.parse(zone) if zone else None if before is None else before.zone
        self.readings[one] = Reading(
            one, value, value, "", Quality.GOOD, "", at, self.now, place, 1, 1, 1
        )  # fmt: skip
        self.stale.discard(one)

    def latest(self, one: SeriesId, least: Quality | None = None) -> Reading | None:
        return self.readings.get(one)

    def freshness(self, one: SeriesId, now: Instant, least: Quality | None = None) -> Freshness:
        if one not in self.readings:
            return Freshness.NEVER
        lost = now - (self.lost_at if one in self.silent else self.now) > 20 * MINUTE
        return Freshness.STALE if one in self.stale or lost else Freshness.FRESH

    def heard_at(self, one: SeriesId) -> Instant | None:
        if one in self.readings and one not in self.stale:
            return self.lost_at if one in self.silent else self.now
        return self.readings[one].received_at if one in self.readings else None

    def check(self, check: Check, asks: RuleId, now: Instant) -> Status | None:
        return None

    def node(self, node: NodeId) -> NodeView | None:
        return NodeView(node, True, self.nodes[node], True) if node in self.nodes else None

    def name_of(self, thing: str) -> str:
        return thing

    def take(self, step: Step) -> None:
        self.now = step.at
        for heard in step.readings:
            self.read(heard.series, heard.value, heard.zone)
        self.nodes |= dict(step.nodes)


@dataclass
class Case:
    """A rule's condition, what it remembers, and the world it looks at."""

    condition: Condition
    memory: Memory
    world: World

    def true(self) -> bool:
        return evaluate(self.condition, self.memory, self.world, self.world.now).truth is Truth.TRUE

    def after(self, steps: tuple[Step, ...], flip: Flip) -> bool:
        """Do it to a copy of everything, and judge as every day."""
        other = copy.deepcopy(self)
        other.world.silent, other.world.lost_at = flip.silent, self.world.now
        held = other.true()
        for step in steps:
            other.world.take(step)
            held = other.true()
        return held


def short_of(flip: Flip) -> list[tuple[Step, ...]]:
    """The same, each time with the last bit of one change left out."""
    steps, made = flip.steps, []
    for change in flip.changes:
        if change.kind == "value" and change.target != change.present:
            assert change.target is not None
            assert change.present is not None
            made.append(
                _valued(steps, change.series, change.target, math.nextafter(change.target, change.present))
            )
        elif change.kind == "presence":
            made.append(
                tuple(replace(s, nodes=tuple(n for n in s.nodes if n[0] != change.node)) for s in steps)
            )
        elif change.kind == "time":
            made.append((*steps[:-1], replace(steps[-1], at=steps[-1].at - 1)))
        if change.times > 1:
            made.append(steps[:-1])
    return made


def _valued(steps: tuple[Step, ...], one: Any, target: float, value: float) -> tuple[Step, ...]:
    def near(step: Step) -> Step:
        heard = (
            replace(h, value=value) if (h.series, h.value) == (one, target) else h for h in step.readings
        )
        return replace(step, readings=tuple(heard))

    return tuple(near(step) for step in steps)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """With a past: the condition was evaluated a few times before, as things came and went."""
    case = Case(draw(CONDITIONS), Memory(), World(NOW - draw(st.integers(0, 3 * DAY))))
    if draw(st.booleans()):
        case.memory.started = case.world.now - draw(st.integers(0, HOUR))
    for _ in range(draw(st.integers(0, 3))):
        _happens(draw, case.world)
        case.true()
        case.world.now += draw(st.sampled_from((1, 20 * SECOND, 3 * MINUTE, 7 * MINUTE)))
    _happens(draw, case.world)
    return case


def _happens(draw: st.DrawFn, world: World) -> None:
    for one in SERIES:
        event = draw(st.sampled_from(("value", "value", "nothing", "stale")))
        if event == "value":
            world.read(one, draw(numbers), draw(st.sampled_from((None, "bench", "house"))))
        elif event == "stale" and one in world.readings:
            world.stale.add(one)
    for node in OTHERS:
        world.nodes[node] = draw(st.sampled_from((True, False, None)))
