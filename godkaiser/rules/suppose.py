"""A world that is not: what a condition would find if readings, nodes and the clock were others.

What counts now goes on as it is: a reading that is fresh stays fresh with its value, unless its series is said to be
silent. The judge is the one of every day, `evaluate`, on a memory of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from godkaiser.model.check import Check, Status
from godkaiser.model.ids import NodeId, RuleId, SeriesId, ZoneId
from godkaiser.model.instant import Instant
from godkaiser.model.quantity import Freshness, Quality
from godkaiser.model.reading import Reading
from godkaiser.model.truth import Truth
from godkaiser.model.view import NodeView, RuleView
from godkaiser.rules.condition import Condition
from godkaiser.rules.evaluate import evaluate
from godkaiser.rules.memory import Memory


@dataclass(frozen=True, slots=True)
class Heard:
    """A reading with a value that comes; `zone`: measured there."""

    series: SeriesId
    value: float
    zone: str | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """At that instant these readings come, and these nodes are there or are not; then the rule is evaluated."""

    at: Instant
    readings: tuple[Heard, ...] = ()
    nodes: tuple[tuple[NodeId, bool], ...] = ()


@dataclass(slots=True)
class Supposed:
    """The view of that world. `since`: when it left the real one."""

    base: RuleView
    since: Instant
    silent: frozenset[SeriesId] = frozenset()
    now: Instant = 0
    read: dict[SeriesId, Reading] = field(default_factory=dict)
    nodes: dict[NodeId, bool] = field(default_factory=dict)

    def take(self, step: Step) -> None:
        """Let it happen."""
        self.now = step.at
        self.nodes |= dict(step.nodes)
        for heard in step.readings:
            self.read[heard.series] = self._reading(heard)

    def _reading(self, heard: Heard) -> Reading:
        """Measured now, and in any case later than the one before."""
        before = self.latest(heard.series)
        zone = None if heard.zone is None else ZoneId.parse(heard.zone)
        if before is None:
            return Reading(
                heard.series, heard.value, heard.value, "", Quality.GOOD, "", self.now, self.now, zone, 1, 1, 1,
            )  # fmt: skip
        at = max(self.now, before.measured_at + 1)
        return replace(
            before, value=heard.value, quality=Quality.GOOD, measured_at=at, received_at=self.now,
            zone=before.zone if zone is None else zone,
        )  # fmt: skip

    def latest(self, series: SeriesId, least: Quality | None = None) -> Reading | None:
        """What was supposed to be read, else what was."""
        return self.read.get(series) or self.base.latest(series, least)

    def freshness(self, series: SeriesId, now: Instant, least: Quality | None = None) -> Freshness:
        """What counted when this world began still does; nothing of a node that is away counts."""
        if self.nodes.get(series.node) is False:
            return Freshness.OFFLINE
        if series in self.read:
            return Freshness.FRESH
        before = self.base.freshness(series, self.since, least)
        return (
            before if before.usable and series not in self.silent else self.base.freshness(series, now, least)
        )

    def heard_at(self, series: SeriesId) -> Instant | None:
        """What goes on is heard all the time."""
        goes_on = self.base.freshness(series, self.since).usable and self.nodes.get(series.node) is not False
        if series not in self.silent and (series in self.read or goes_on):
            return self.now
        return self.base.heard_at(series)

    def node(self, node: NodeId) -> NodeView | None:
        """As supposed, else as it is."""
        known = self.base.node(node)
        if node not in self.nodes:
            return known
        return replace(known or NodeView(node, True, None, True), online=self.nodes[node])

    def check(self, check: Check, asks: RuleId, now: Instant) -> Status | None:  # noqa: ARG002 - as any view
        """As it was when this world began: what would change it is not supposed."""
        return self.base.check(check, asks, self.since)

    def name_of(self, thing: str) -> str:
        """As ever."""
        return self.base.name_of(thing)


@dataclass(frozen=True, slots=True)
class Ground:
    """Where suppositions start: what is remembered and seen at an instant at which the rule was evaluated."""

    memory: Memory
    view: RuleView
    now: Instant

    def usable(self, series: SeriesId) -> bool:
        """Does a reading of it count now?"""
        return self.view.freshness(series, self.now).usable

    def imagine(
        self,
        condition: Condition,
        steps: Iterable[Step],
        silent: frozenset[SeriesId] = frozenset(),
        path: tuple[int, ...] = (),
    ) -> Truth:
        """What the condition, the one at `path` of the rule's, would be after these steps."""
        memory, world = self.memory.under(path), Supposed(self.view, self.now, silent)
        truth = Truth.UNKNOWN
        for step in steps:
            world.take(step)
            truth = evaluate(condition, memory, world, step.at).truth
        return truth
