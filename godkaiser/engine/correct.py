"""A node that reports another level than the one it confirmed is told again, once in a while.

Reported safe although it should be on means that the node ended it (`engine/lease`), reported on although nothing
should be on gets a lease and so an end. What is left are levels in between: a fan at half instead of four fifths.
"""

from __future__ import annotations

from typing import Final

from godkaiser.engine.record import level
from godkaiser.engine.state import SAME, ActuatorState, ChainStep, Moment
from godkaiser.engine.wish import settle_actuator
from godkaiser.model.event import ActuatorReport
from godkaiser.model.ids import ActuatorId
from godkaiser.model.instant import SECOND

PATIENCE: Final = 10 * SECOND
AGAIN: Final = 60 * SECOND


def on_report(moment: Moment, event: ActuatorReport) -> None:
    """Look again after a moment: reports may cross commands on their way."""
    actuator = moment.state.actuators.get(ActuatorId.of(event.node, event.gpio))
    if actuator is not None and _differs(moment, actuator):
        before = actuator.corrected_at
        rest = moment.now if before is None else before + AGAIN
        moment.state.due.sooner(("correct", actuator.id), max(moment.now + PATIENCE, rest))


def on_due(moment: Moment, actuator_id: ActuatorId) -> None:
    """Still not what it should be: tell it again, through the gate like everything."""
    actuator = moment.state.actuators.get(actuator_id)
    if actuator is None or actuator.lease is None or not _differs(moment, actuator):
        return
    told, is_at = level(actuator, actuator.lease.value), level(actuator, actuator.reported or 0.0)
    actuator.wished, actuator.corrected_at = None, moment.now
    text = f"the node reports {is_at} instead of {told}: told again"
    settle_actuator(moment, actuator_id, [ChainStep("intent", moment.now, text)])


def _differs(moment: Moment, actuator: ActuatorState) -> bool:
    lease, reported = actuator.lease, actuator.reported
    if lease is None or reported is None or actuator.safe or lease.who == "node":
        return False
    pending = any(p.intent.actuator == actuator.id for p in moment.state.pending.values())
    wanted = bool(moment.state.wishes.get(actuator.id))
    return wanted and not pending and abs(reported - lease.value) >= SAME
