"""Stops that stand, and what each of them covers."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Final

from godkaiser.model.ids import ActuatorId
from godkaiser.model.instant import SECOND, Duration, Instant
from godkaiser.model.scope import ALL, Scope
from godkaiser.safety.stop import Phase, Stop

ROW_EVERY: Final[Duration] = SECOND


@dataclass(slots=True)
class Standing:
    """One stop: everything, a zone or a node. Each has its own phases and is cleared by itself.

    `members`: what a zone held when it was stopped. Moving a node to another zone does not take it out of a stop.
    `queue`: what is still to be released while resuming, one by one; `released` what has been.
    `told`: when the audit had a row of whose stop last.
    """

    scope: Scope = ALL
    stop: Stop = field(default_factory=Stop)
    members: frozenset[ActuatorId] = frozenset()
    queue: deque[ActuatorId] = field(default_factory=deque)
    released: set[ActuatorId] = field(default_factory=set)
    told: dict[str, Instant] = field(default_factory=dict)

    def covers(self, actuator: ActuatorId, zone: str | None) -> bool:
        """Is an actuator in that zone under this stop, whatever its phase?"""
        if self.scope.kind == "node":
            return actuator.node == self.scope.name
        return self.scope.kind == "all" or zone == self.scope.name or actuator in self.members

    def forbids(self, actuator: ActuatorId) -> bool:
        """May one that is covered not be energised now?"""
        return self.stop.phase is not Phase.RESUMING or actuator not in self.released

    def told_again(self, by: str, now: Instant) -> bool:
        """Somebody stops: is that in the audit already, as it stands and they did so within `ROW_EVERY`?"""
        last = self.told.get(by)
        if last is not None and self.stop.phase is Phase.ACTIVE and 0 <= now - last < ROW_EVERY:
            return True
        self.told[by] = now
        return False

    @property
    def why(self) -> str:
        """As a person reads it in a refusal."""
        where = "" if self.scope == ALL else f"{self.scope}, "
        return f"{self.stop.reason or 'no reason given'} ({where}{self.stop.phase.value}, by {self.stop.by})"

    @property
    def data(self) -> dict[str, object]:
        """As the journal keeps it. After a crash it is ACTIVE again, whatever the phase."""
        kept: dict[str, object] = {
            "phase": self.stop.phase.value,
            "reason": self.stop.reason,
            "by": self.stop.by,
            "since": self.stop.since,
        }
        return kept | {"members": sorted(self.members)} if self.members else kept


def restored(scope: Scope, data: dict[str, object], now: Instant) -> Standing:
    """What the journal kept. Whatever phase a crash interrupted, the stop stands."""
    since = data["since"]
    at = min(since, now) if isinstance(since, int) else now
    members = data.get("members")
    ids = members if isinstance(members, list) else []
    stop = Stop(Phase.ACTIVE, str(data["reason"]), str(data["by"]), at)
    return Standing(scope, stop, frozenset(ActuatorId.parse(name) for name in ids))
