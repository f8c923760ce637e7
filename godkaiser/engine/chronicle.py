"""The durable history of actuators: a line whenever what is known of one becomes different, or nobody knows any more.

Known is what its node has reported while it is approved and online. After it was lost the old report counts no more;
only a new one does.
"""

from __future__ import annotations

from typing import Final

from godkaiser.engine.alarm import told_of
from godkaiser.engine.effect import ActuatorChange, Store, Watched
from godkaiser.engine.noted import Noted
from godkaiser.engine.state import SAME, ActuatorState, Moment, State
from godkaiser.model.event import ActuatorReport, Event
from godkaiser.model.ids import ActuatorId, NodeId
from godkaiser.model.instant import MINUTE
from godkaiser.model.outcome import Fate

WATCHED_EVERY: Final = MINUTE


def watch(moment: Moment, event: Event) -> None:
    """Look at what this event touched."""
    if isinstance(event, ActuatorReport):
        _heard(moment, ActuatorId.of(event.node, event.gpio))
    for kind, thing in sorted(told_of(moment, ("node", "snapshot"))):
        if kind == "node":
            _look_at_node(moment, NodeId.known(thing))
        elif kind == "snapshot":
            _look_at_all(moment)


def _heard(moment: Moment, actuator_id: ActuatorId) -> None:
    """A node has spoken of it: is that another value than before?"""
    actuator = moment.state.actuators.get(actuator_id)
    if actuator is None or actuator.reported_at != moment.now or not _there(moment.state, actuator_id.node):
        return
    _note(moment, actuator_id, actuator.reported, _cause(moment.state, actuator))
    chronicle = moment.state.chronicle
    if chronicle.watched_at is None or moment.now - chronicle.watched_at >= WATCHED_EVERY:
        chronicle.watched_at = moment.now
        moment.emit(Store(Watched(moment.now)))


def _there(state: State, node_id: NodeId) -> bool:
    node = state.nodes.get(node_id)
    return node is not None and node.status == "approved" and node.online is True


def _look_at_node(moment: Moment, node: NodeId) -> None:
    if not _there(moment.state, node):
        for actuator in [known for known in moment.state.chronicle.noted if known.node == node]:
            _note(moment, actuator, None, "")


def _look_at_all(moment: Moment) -> None:
    for actuator in tuple(moment.state.chronicle.noted):
        if actuator not in moment.state.actuators or not _there(moment.state, actuator.node):
            _note(moment, actuator, None, "")


def _note(moment: Moment, actuator: ActuatorId, value: float | None, cause: str) -> None:
    noted = moment.state.chronicle.noted
    before = noted.get(actuator)
    if (None if before is None else before.value) != value:
        noted[actuator] = Noted(value, moment.now)
        moment.emit(Store(ActuatorChange(moment.now, actuator, value, cause)))


def _cause(state: State, actuator: ActuatorState) -> str:
    """The command of ours that asked for what is reported; empty when the node did it by itself."""
    if actuator.reported is None:
        return ""
    asked = [(p.command, p.intent.value) for p in state.pending.values() if p.intent.actuator == actuator.id]
    if actuator.last is not None and actuator.last.fate in (Fate.ACKED, Fate.CONFIRMED):
        asked.insert(0, (actuator.last.command, actuator.last.value))
    return next((command for command, value in reversed(asked) if abs(value - actuator.reported) < SAME), "")
