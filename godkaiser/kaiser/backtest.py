"""Rules tried on what was stored, by the production engine: what they would have done, and when nobody could know.

Open loop: the readings are those of what really ran, so what a rule would have changed does not show in them. Nodes
do at once what they are told. Where a node's heartbeats are stored, it is there when they say so; else it is taken to
be there all the time, which the result says.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, Final

from godkaiser.engine import effect as fx
from godkaiser.engine.engine import Engine
from godkaiser.engine.state import Confirmed, NodeState, State, from_site
from godkaiser.model import event as ev
from godkaiser.model.command import Move
from godkaiser.model.ids import ActuatorId, NodeId, RuleId, SeriesId
from godkaiser.model.instant import MINUTE, SECOND, Duration, Instant, to_iso
from godkaiser.model.reading import Reading
from godkaiser.model.site import Site
from godkaiser.model.truth import Truth
from godkaiser.rules.condition import nodes_of
from godkaiser.rules.rule import Rule, watched
from godkaiser.sensors.catalogue import BUILT_IN, Catalogue

WARM_UP: Final = 60 * MINUTE  # before it counts: for what rules remember
BEAT: Final = 60 * SECOND
READY: Final = 10 * SECOND  # a node is heard and taken over before anything else happens


@dataclass(frozen=True, slots=True)
class Sent:
    """A command that would have left: bring an actuator to `value` (0..1), because of `who`."""

    at: Instant
    actuator: ActuatorId
    value: float
    who: str


@dataclass(frozen=True, slots=True)
class Gap:
    """Nothing that rules could use came of a series from `since` to `until`."""

    series: SeriesId
    since: Instant
    until: Instant


@dataclass(slots=True)
class Backtest:
    """What rules would have done. Times in microseconds since 1970, UTC; spans in microseconds."""

    since: Instant
    until: Instant
    readings: int = 0
    decisions: list[fx.Decision] = field(default_factory=list)
    commands: list[Sent] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    first: dict[RuleId, tuple[Truth, bool]] = field(
        default_factory=dict
    )  # at `since`: truth, wants something
    true_for: Counter[RuleId] = field(default_factory=Counter)
    unknown_for: Counter[RuleId] = field(default_factory=Counter)
    away_for: Counter[ActuatorId] = field(default_factory=Counter)  # from the safe value
    assumed: list[str] = field(default_factory=list)

    def document(self) -> dict[str, Any]:
        """For `--json` and notebooks: moments as text, spans in seconds."""
        rules = sorted({*self.true_for, *self.unknown_for, *(RuleId.known(d.rule) for d in self.decisions)})
        moved = sorted({*self.away_for, *(sent.actuator for sent in self.commands)})
        return {
            "since": to_iso(self.since),
            "until": to_iso(self.until),
            "readings": self.readings,
            "rules": [
                {
                    "rule": rule,
                    "starts": self._starts(rule),
                    "true_s": self.true_for[rule] / SECOND,
                    "unknown_s": self.unknown_for[rule] / SECOND,
                }
                for rule in rules
            ],
            "actuators": [
                {
                    "actuator": actuator,
                    "switches": sum(sent.actuator == actuator for sent in self.commands),
                    "on_s": self.away_for[actuator] / SECOND,
                }
                for actuator in moved
            ],
            "decisions": [
                {
                    "at": to_iso(one.at),
                    "rule": one.rule,
                    "truth": one.truth,
                    "active": one.active,
                    "trace": one.trace,
                    "note": one.note,
                }
                for one in self.decisions
            ],
            "commands": [
                {"at": to_iso(one.at), "actuator": one.actuator, "value": one.value, "who": one.who}
                for one in self.commands
            ],
            "gaps": [
                {
                    "series": gap.series,
                    "since": to_iso(gap.since),
                    "until": to_iso(gap.until),
                    "seconds": (gap.until - gap.since) / SECOND,
                }
                for gap in self.gaps
            ],
            "assumed": self.assumed,
        }

    def _starts(self, rule: RuleId) -> int:
        """How often it began to want something."""
        active, starts = False, 0
        for one in self.decisions:
            if one.rule == rule:
                starts += one.active and not active
                active = one.active
        return starts


def backtest(
    site: Site,
    rules: Sequence[Rule],
    readings: Iterable[Reading],
    span: tuple[Instant, Instant],
    *,
    beats: Mapping[NodeId, Sequence[Instant]] | None = None,
    catalogue: Catalogue = BUILT_IN,
    on_progress: Callable[[Instant], None] = lambda at: None,
) -> Backtest:
    """Try rules on readings in the order they were received, from `WARM_UP` before the span on.

    `beats`: when each node was heard, where that is known. Two runs over the same give the same.
    """
    return _Trial(site, rules, span, beats or {}, catalogue).run(readings, on_progress)


class _Trial:
    def __init__(
        self,
        site: Site,
        rules: Sequence[Rule],
        span: tuple[Instant, Instant],
        beats: Mapping[NodeId, Sequence[Instant]],
        catalogue: Catalogue,
    ) -> None:
        self._since, self._until = span
        self._begin = self._since - WARM_UP
        self.result = Backtest(*span)
        self._state = self._prepared(site, catalogue)
        self._state.set_rules(tuple(rules))
        self._engine = Engine(self._state)
        self._rules = rules
        self._nodes = sorted(
            {node for rule in rules for node in _nodes_of(rule)} | {a.node for a in self._state.actuators}
        )
        self._beats = beats
        self._inputs = sorted({series for rule in rules for series in watched(rule)})
        self._blind: dict[SeriesId, Instant] = {}
        self._looked = self._begin
        self._truths: dict[RuleId, Truth] = {}
        self._values: dict[ActuatorId, float] = {}
        self._toggled: dict[ActuatorId, float] = {}  # as their nodes report them whenever they are back

    def _prepared(self, site: Site, catalogue: Catalogue) -> State:
        state = from_site(site, catalogue)
        for node in state.nodes.values():
            _obliging(node)
        return state

    def run(self, readings: Iterable[Reading], on_progress: Callable[[Instant], None]) -> Backtest:
        """Everything in order; timers at their own time."""
        for node in self._nodes:
            if node not in self._state.nodes:
                self._state.nodes[node] = _obliging(NodeState(node, self._state.kaiser, "approved"))
            if node not in self._beats:
                self.result.assumed.append(f"{node} was there all the time: its heartbeats are not stored")
        self._handle(ev.LinkUp(self._begin - READY, "history"))
        self._at_first()
        for event in heapq.merge(self._told(readings), self._heard(), key=attrgetter("at")):
            self._until_due(event.at)
            self._handle(event)
            on_progress(event.at)
        self._until_due(self._until)
        self._look(self._until)
        for series, since in self._blind.items():
            self._gap(series, since, self._until)
        self.result.gaps.sort(key=lambda gap: (gap.since, gap.series))
        return self.result

    def _at_first(self) -> None:
        """What is toggled has to be somewhere to begin with."""
        for actuator in sorted(
            {turn.actuator for rule in self._rules for turn in rule.actions if turn.toggles}
        ):
            spec = self._state.spec(actuator)
            if spec is not None:
                self.result.assumed.append(f"{actuator} was at its safe value at first: it is toggled")
                self._toggled[actuator] = spec.safe_value

    # ── what happens ───────────────────────────────────────────────────────────────────────────────────
    def _told(self, readings: Iterable[Reading]) -> Iterator[ev.Event]:
        for reading in readings:
            if self._begin <= reading.received_at < self._until:
                self.result.readings += reading.received_at >= self._since
                yield ev.Retold(reading.received_at, reading)

    def _heard(self) -> Iterator[ev.Event]:
        return heapq.merge(*(self._beats_of(node) for node in self._nodes), key=attrgetter("at"))

    def _beats_of(self, node: NodeId) -> Iterator[ev.Event]:
        known = self._beats.get(node)
        times = range(self._begin - READY, self._until, BEAT) if known is None else known
        for at in times:
            if self._begin - READY <= at < self._until:
                yield ev.Heartbeat(
                    at, self._state.kaiser, node, at // SECOND, 3600, 90_000, -60, None, None, None, "past", 0,
                    modern=True,
                )  # fmt: skip

    def _until_due(self, until: Instant) -> None:
        while (due := self._engine.next_wakeup) is not None and due <= until:
            self._handle(ev.Timer(due))

    def _handle(self, event: ev.Event) -> None:
        """And whatever the nodes answer to it, at once."""
        waiting = [event]
        for one in waiting:
            self._look(one.at)
            waiting += self._reported(one)
            for effect in self._engine.handle(one):
                match effect:
                    case fx.Store(record=fx.Decision() as decision) if decision.at >= self._since:
                        self.result.decisions.append(decision)
                    case fx.Send(command=command) if isinstance(move := command.order, Move):
                        if one.at >= self._since:
                            self.result.commands.append(Sent(one.at, move.actuator, move.value, command.who))
                        waiting += self._obeyed(one.at, command.id, move)
        self._look(event.at)

    def _obeyed(self, at: Instant, command: str, move: Move) -> list[ev.Event]:
        actuator, kaiser = move.actuator, self._state.kaiser
        self._values[actuator] = move.value
        if actuator in self._toggled:
            self._toggled[actuator] = move.value
        word = "on" if move.value else "off"
        ack = ev.CommandAck(at, kaiser, actuator.node, actuator.gpio, word, True, "", command)
        return [ack, self._report(at, actuator, move.value)]

    def _report(self, at: Instant, actuator: ActuatorId, value: float) -> ev.Event:
        spec = self._state.spec(actuator)
        kind, word = ("relay" if spec is None else spec.type), ("on" if value else "off")
        return ev.ActuatorReport(
            at, self._state.kaiser, actuator.node, actuator.gpio, kind, word, value, value, "normal", None, ""
        )

    def _reported(self, event: ev.Event) -> list[ev.Event]:
        """A node that is back says what it has."""
        if not self._toggled or not isinstance(event, ev.Heartbeat):
            return []
        node = self._state.nodes.get(event.node)
        if node is not None and node.online is True:
            return []
        mine = ((actuator, value) for actuator, value in self._toggled.items() if actuator.node == event.node)
        return [self._report(event.at, actuator, value) for actuator, value in mine]

    # ── what is counted ────────────────────────────────────────────────────────────────────────────────
    def _look(self, now: Instant) -> None:
        """How long was what since the last look?"""
        if now >= self._since and not self.result.first:
            states = (self._state.rules[rule.id] for rule in self._rules)
            self.result.first = {state.rule.id: (state.truth, state.active) for state in states}
        since, self._looked = max(self._looked, self._since), max(now, self._looked)
        passed: Duration = max(0, self._looked - since)
        for rule, truth in self._truths.items():
            self.result.true_for[rule] += passed if truth is Truth.TRUE else 0
            self.result.unknown_for[rule] += passed if truth is Truth.UNKNOWN else 0
        for actuator, value in self._values.items():
            spec = self._state.spec(actuator)
            self.result.away_for[actuator] += passed if spec is not None and value != spec.safe_value else 0
        self._truths = {rule.id: self._state.rules[rule.id].truth for rule in self._rules if rule.enabled}
        for series in self._inputs:
            self._watch(series, now)

    def _watch(self, series: SeriesId, now: Instant) -> None:
        blind = self._state.latest(series) is None or not self._state.freshness(series, now).usable
        if blind:
            self._blind.setdefault(series, now)
        elif (since := self._blind.pop(series, None)) is not None:
            self._gap(series, since, now)

    def _gap(self, series: SeriesId, since: Instant, until: Instant) -> None:
        since = max(since, self._since)
        if until > since:
            self.result.gaps.append(Gap(series, since, until))


def _obliging(node: NodeState) -> NodeState:
    """Let in, and told what is declared, as it was in the past."""
    node.status = "approved"
    node.confirmed = Confirmed(config="told")
    return node


def _nodes_of(rule: Rule) -> set[NodeId]:
    return {*nodes_of(rule.when), *(actuator.node for actuator in rule.switches)}
