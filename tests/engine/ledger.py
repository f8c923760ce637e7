"""Who stopped what, and who may have lifted it again: kept from events and sent commands alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from godkaiser.model import event as ev
from godkaiser.model.command import Release
from godkaiser.model.ids import ActuatorId, NodeId
from godkaiser.model.instant import SECOND, Instant
from godkaiser.model.scope import Scope
from tests.engine.bench import Send

NOT_BEFORE = 5 * SECOND  # nodes refuse a clear until then
ANSWER_WITHIN = 10 * SECOND
RAMP = 2 * SECOND


@dataclass
class Held:
    """One stop as people and nodes know it."""

    scope: Scope
    since: Instant
    members: set[ActuatorId]
    cleared_at: Instant | None = None
    forced: bool = False
    asked: dict[NodeId, Instant] = field(default_factory=dict)
    lifted: set[NodeId] = field(default_factory=set)
    refused: set[NodeId] = field(default_factory=set)
    settled_at: Instant | None = None

    def covers(self, actuator: ActuatorId, zone: str | None) -> bool:
        if self.scope.kind == "zone":
            return actuator in self.members or zone == self.scope.name
        return self.scope.kind == "all" or actuator.node == self.scope.name

    def stands_again(self) -> None:
        self.cleared_at, self.settled_at, self.forced = None, None, False
        self.asked, self.lifted, self.refused = {}, set(), set()

    def may_be_over(self, now: Instant) -> bool:
        """A person cleared it, and by force, or every node that was asked in time gave its word in time."""
        if self.cleared_at is None:
            return False
        if self.forced:
            return True
        return now >= self.since + NOT_BEFORE and set(self.asked) <= self.lifted and not self.refused


class Ledger:
    """All stops; `zones` is what the site says of each actuator."""

    def __init__(self, zones: Mapping[ActuatorId, str | None]) -> None:
        self.zones = dict(zones)
        self.held: dict[Scope, Held] = {}

    def over(self, actuator: ActuatorId) -> list[Held]:
        """The stops that cover it."""
        return [held for held in self.held.values() if held.covers(actuator, self.zones.get(actuator))]

    def hear(self, event: ev.Event) -> None:
        """Before the engine does."""
        match event:
            case ev.StopAsked(scope=scope):
                inside = {a for a, zone in self.zones.items() if scope.kind == "zone" and zone == scope.name}
                held = self.held.setdefault(scope, Held(scope, event.at, set()))
                held.members |= inside
                held.stands_again()
            case ev.ClearAsked(scope=scope, force=force) if scope in self.held:
                held = self.held[scope]
                if held.settled_at is None:
                    held.cleared_at = event.at if held.cleared_at is None else held.cleared_at
                    held.forced |= force
            case ev.ClearAck(node=node, ok=ok):
                for held in self.held.values():
                    self._answered(held, node, ok=ok, now=event.at)
            case _:
                pass

    def _answered(self, held: Held, node: NodeId, *, ok: bool, now: Instant) -> None:
        if held.settled_at is not None or node not in held.asked:
            return
        if not ok:
            held.refused.add(node)
        elif now <= held.asked[node] + ANSWER_WITHIN:
            held.lifted.add(node)

    def see(self, sends: Iterable[Send], now: Instant) -> None:
        """What the engine sent upon it: who was asked to lift its latch."""
        for send in sends:
            if isinstance(order := send.command.order, Release):
                for held in self.held.values():
                    self._asked(held, order.node, now)

    def _asked(self, held: Held, node: NodeId, now: Instant) -> None:
        mine = held.scope.kind == "all" or held.scope.name == node  # a zone's nodes may have no latch of ours
        if mine and held.settled_at is None and held.cleared_at is not None:
            held.asked[node] = now
            held.lifted.discard(node)
            held.refused.discard(node)

    def gone(self, scope: Scope, now: Instant) -> None:
        """The engine says it is over."""
        held = self.held.pop(scope)
        assert held.may_be_over(now), f"P2: the stop of {scope} was lifted without the nodes' word"
        assert held.cleared_at is not None
        assert held.settled_at is not None or held.forced, "P2"

    def settled(self, scope: Scope, now: Instant) -> None:
        """The engine begins to release what it covers."""
        held = self.held[scope]
        assert held.may_be_over(now), f"P2: {scope} is released without the nodes' word"
        held.settled_at = now

    def back(self, scope: Scope) -> None:
        """It stands again: a node did not answer, or said no."""
        if (held := self.held.get(scope)) is not None:
            held.stands_again()

    def restart(self, now: Instant, forgotten: Iterable[Scope], kept: Iterable[Scope]) -> None:
        """A clear that was under way is lost with the process, a stop never, unless no disk took it.

        `kept`: what the disk has. A stop whose end no disk took stands again.
        """
        for scope in forgotten:
            self.held.pop(scope, None)
        for scope in kept:
            inside = {a for a, zone in self.zones.items() if scope.kind == "zone" and zone == scope.name}
            self.held.setdefault(scope, Held(scope, now, inside))
        for held in self.held.values():
            held.since = min(held.since, now)
            held.stands_again()

    def judge(self, actuator: ActuatorId, now: Instant) -> None:
        """It is to be energised now."""
        for held in self.over(actuator):
            assert held.settled_at is not None, f"P2: {actuator} under the stop of {held.scope}"
            assert now >= held.settled_at + RAMP, f"P2: {actuator} before its turn"
