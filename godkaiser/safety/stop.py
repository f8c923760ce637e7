"""The software stop as a table. It does not replace a wired emergency stop.

    NORMAL    --stop-->     ACTIVE
    ACTIVE    --stop-->     ACTIVE       (again: reason and time are kept, nodes are told again)
    ACTIVE    --clear-->    CLEARING     (nodes are asked to lift their latch)
    CLEARING  --confirmed-> RESUMING     (all nodes said so, or a person forced it)
    CLEARING  --timeout-->  ACTIVE       (some node did not confirm)
    CLEARING  --stop-->     ACTIVE
    RESUMING  --resumed-->  NORMAL       (actuators released one by one)
    RESUMING  --stop-->     ACTIVE

ACTIVE → NORMAL does not exist: a way back that skips the confirmations is how the comparable system lifted
stops that nobody had lifted. In every phase but NORMAL nothing is energised; RESUMING releases actuators one
per `RAMP`, and a rule acts on a released one only after a reading newer than the release.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace
from typing import Final

from godkaiser.model.ids import NodeId
from godkaiser.model.instant import SECOND, Duration, Instant

CLEAR_NOT_BEFORE: Final[Duration] = 5 * SECOND
CONFIRM_WITHIN: Final[Duration] = 10 * SECOND
RAMP: Final[Duration] = 2 * SECOND


class Phase(enum.Enum):
    """Where the stop stands."""

    NORMAL = "NORMAL"
    ACTIVE = "ACTIVE"
    CLEARING = "CLEARING"
    RESUMING = "RESUMING"


class Step(enum.Enum):
    """What can happen to it."""

    STOP = "stop"
    CLEAR = "clear"
    CONFIRMED = "confirmed"
    TIMEOUT = "timeout"
    RESUMED = "resumed"


TABLE: Final = {
    (Phase.NORMAL, Step.STOP): Phase.ACTIVE,
    (Phase.ACTIVE, Step.STOP): Phase.ACTIVE,
    (Phase.ACTIVE, Step.CLEAR): Phase.CLEARING,
    (Phase.CLEARING, Step.CONFIRMED): Phase.RESUMING,
    (Phase.CLEARING, Step.TIMEOUT): Phase.ACTIVE,
    (Phase.CLEARING, Step.STOP): Phase.ACTIVE,
    (Phase.RESUMING, Step.RESUMED): Phase.NORMAL,
    (Phase.RESUMING, Step.STOP): Phase.ACTIVE,
}


@dataclass(frozen=True, slots=True)
class Stop:
    """The state of the stop. `waiting` are nodes whose confirmation (of stop or clear) is outstanding."""

    phase: Phase = Phase.NORMAL
    reason: str = ""
    by: str = ""
    since: Instant | None = None
    waiting: frozenset[NodeId] = frozenset()
    problem: str = ""

    @property
    def energising(self) -> bool:
        """May anything be energised as far as the stop is concerned?"""
        return self.phase is Phase.NORMAL

    def allows(self, step: Step) -> bool:
        """Is there a row for it?"""
        return (self.phase, step) in TABLE


def stopping(stop: Stop, reason: str, by: str, now: Instant, nodes: frozenset[NodeId]) -> Stop:
    """A stop: allowed in every phase. A second one keeps the first's reason and time."""
    phase = TABLE[stop.phase, Step.STOP]
    if stop.since is None:
        return Stop(phase, reason, by, now, nodes)
    return replace(stop, phase=phase, waiting=nodes, problem="")


def advanced(stop: Stop, step: Step, *, waiting: frozenset[NodeId] = frozenset(), problem: str = "") -> Stop:
    """The next state. The caller asks `allows` first; a missing row is a mistake of ours (KeyError)."""
    phase = TABLE[stop.phase, step]
    if phase is Phase.NORMAL:
        return Stop()
    return replace(stop, phase=phase, waiting=waiting, problem=problem)


def confirmed_by(stop: Stop, node: NodeId) -> Stop:
    """One node less to wait for."""
    return replace(stop, waiting=stop.waiting - {node})
