"""What an actuator owes: a move to its safe value that its node has not confirmed yet. Kept over restarts."""

from __future__ import annotations

from godkaiser.engine.effect import Journal
from godkaiser.engine.state import ActuatorState, Moment
from godkaiser.model.ids import NodeId


def owe(moment: Moment, actuator: ActuatorState) -> None:
    """From now on it is told until its node says that it is safe, or somebody may switch it on again."""
    if not actuator.owed:
        actuator.owed = True
        moment.emit(Journal("owed", actuator.id, {"since": moment.now}))


def paid(moment: Moment, actuator: ActuatorState) -> None:
    """Nothing is owed any more."""
    moment.state.due.drop(("owed", actuator.id))
    if actuator.owed:
        actuator.owed = False
        moment.emit(Journal("owed", actuator.id, None))


def leaving(moment: Moment, node: NodeId) -> bool:
    """Is it shut out, and has yet to make something safe?

    An acknowledgement would tell it that it is shut out, and from then on it would take no command. Without any, it
    lets go by its own time limit, too.
    """
    known = moment.state.nodes[node]
    owes = any(a.owed for a in moment.state.actuators.values() if a.id.node == node)
    return known.status != "approved" and owes
