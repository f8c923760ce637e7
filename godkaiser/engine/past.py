"""Runs and starts as they happen, kept in the journal: what budgets, pauses and interlocks are counted from.

That of an actuator that is taken out is put on the shelf, for as long as anything may be counted from it.
"""

from __future__ import annotations

from typing import Any, Final

from godkaiser.engine.effect import Journal
from godkaiser.engine.state import ActuatorState, Moment, State
from godkaiser.model.history import NEVER_ON, Shelved
from godkaiser.model.ids import ActuatorId
from godkaiser.model.instant import DAY, SECOND, Instant
from godkaiser.model.site import ActuatorSpec
from godkaiser.safety.budget import as_of, began, counted_for, ended, from_data, to_data, undone

LONGEST_WINDOW: Final = 7 * DAY  # that a site may state


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


# ── taken out and put back ─────────────────────────────────────────────────────────────────────────────
def known_again(moment: Moment, spec: ActuatorSpec) -> ActuatorState:
    """An actuator that is new, or back: then it goes on where it was."""
    shelved = moment.state.shelf.pop(spec.id, None)
    actuator = ActuatorState(spec.id, spec, history=NEVER_ON if shelved is None else shelved.history)
    if shelved is not None:
        moment.state.due.drop(("shelf", spec.id))
        keep(moment, actuator)
    return actuator


def shelve(moment: Moment, actuator: ActuatorState) -> None:
    """It goes; what was counted stays."""
    moment.state.shelf[actuator.id] = Shelved(actuator.history, counted_for(actuator.spec))
    on_shelf_due(moment, actuator.id)


def restore_shelved(state: State, actuator: ActuatorId, data: dict[str, Any], now: Instant) -> None:
    """What the journal kept of one that is not there. A crash may have left out for how long it counts."""
    state.shelf[actuator] = Shelved(as_of(from_data(data), now), data.get("keep", LONGEST_WINDOW))
    state.due.set(("shelf", actuator), now)


def on_shelf_due(moment: Moment, actuator: ActuatorId) -> None:
    """Into the journal, or out of it when nothing can be counted from it any more."""
    shelved = moment.state.shelf.get(actuator)
    if shelved is None:
        return
    if shelved.until <= moment.now:
        del moment.state.shelf[actuator]
        moment.emit(Journal("history", actuator, None))
        return
    moment.emit(Journal("history", actuator, {**to_data(shelved.history), "keep": shelved.keep}))
    moment.state.due.set(("shelf", actuator), shelved.until)
