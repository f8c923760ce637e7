"""Runs and starts as they happen, kept in the journal: what budgets, pauses and interlocks are counted from."""

from __future__ import annotations

from godkaiser.engine.effect import Journal
from godkaiser.engine.state import ActuatorState, Moment
from godkaiser.model.instant import SECOND, Instant
from godkaiser.safety.budget import began, ended, to_data, undone


def started(moment: Moment, actuator: ActuatorState) -> None:
    """It is switched on, by whomever. Before its lease says so."""
    actuator.history = began(moment.state.history(actuator.id), moment.now)
    keep(moment, actuator)


def finished(moment: Moment, actuator: ActuatorState) -> None:
    """It is safe, by its node's word. While its lease still says since when it was on."""
    spec = actuator.spec
    window = 0 if spec.on_budget_s is None else round(spec.on_window_s * SECOND)
    actuator.history = ended(moment.state.history(actuator.id), moment.now, window)
    keep(moment, actuator)


def undo(moment: Moment, actuator: ActuatorState, start: Instant) -> None:
    """The node refused to switch it on: that was no start."""
    actuator.history = undone(actuator.history, start)
    keep(moment, actuator)


def freed(moment: Moment, actuator: ActuatorState) -> None:
    """Whoever waits for it because of an interlock may try, after the pause."""
    groups = set(actuator.spec.interlocks)
    for other in moment.state.actuators.values() if groups else ():
        waits = other is not actuator and moment.state.wishes.get(other.id)
        if waits and groups.intersection(other.spec.interlocks):
            pause = round(other.spec.changeover_s * SECOND)
            moment.state.due.sooner(("retry", other.id), moment.now + pause)


def keep(moment: Moment, actuator: ActuatorState) -> None:
    """Into the journal."""
    moment.emit(Journal("history", actuator.id, to_data(actuator.history)))
