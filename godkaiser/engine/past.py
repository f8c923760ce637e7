"""Runs and starts as they happen, kept in the journal: what budgets, pauses and interlocks are counted from.

While an actuator with an on-time budget is on, the journal is told the time once a minute: if the clock is set back
before the next start, that much is known of the run.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from godkaiser.engine.effect import Journal
from godkaiser.engine.state import ActuatorState, Moment
from godkaiser.model.history import OnHistory
from godkaiser.model.instant import MINUTE, SECOND, Duration, Instant
from godkaiser.safety.budget import began, ended, to_data, undone

TOLD_EVERY: Final = MINUTE
_CLOCK: Final = ("clock", "")


def started(moment: Moment, actuator: ActuatorState) -> None:
    """It is switched on, by whomever. Before its lease says so."""
    _keep(moment, actuator, began(moment.state.history(actuator.id), moment.now))
    if actuator.spec.on_budget_s is not None:
        moment.state.due.sooner(_CLOCK, moment.now + TOLD_EVERY)


def finished(moment: Moment, actuator: ActuatorState) -> None:
    """It is safe, by its node's word. While its lease still says since when it was on."""
    spec = actuator.spec
    keep = 0 if spec.on_budget_s is None else round(spec.on_window_s * SECOND)
    _keep(moment, actuator, ended(moment.state.history(actuator.id), moment.now, keep))
    freed(moment, actuator)


def undo(moment: Moment, actuator: ActuatorState, start: Instant) -> None:
    """The node refused to switch it on: that was no start."""
    _keep(moment, actuator, undone(actuator.history, start))


def freed(moment: Moment, actuator: ActuatorState) -> None:
    """Whoever waits for it because of an interlock may try, after the pause."""
    groups = set(actuator.spec.interlocks)
    for other in moment.state.actuators.values() if groups else ():
        if groups.intersection(other.spec.interlocks) and moment.state.wishes.get(other.id):
            pause = round(other.spec.changeover_s * SECOND)
            moment.state.due.sooner(("retry", other.id), moment.now + pause)


def _keep(moment: Moment, actuator: ActuatorState, history: OnHistory) -> None:
    actuator.history = history
    moment.emit(Journal("history", actuator.id, to_data(history)))


def on_clock(moment: Moment) -> None:
    """Tell the journal what time it is."""
    running = (a for a in moment.state.actuators.values() if a.lease is not None)
    if any(actuator.spec.on_budget_s is not None for actuator in running):
        moment.emit(Journal("clock", "", {"at": moment.now}))
        moment.state.due.set(_CLOCK, moment.now + TOLD_EVERY)


# ── after a restart ────────────────────────────────────────────────────────────────────────────────────
def behind(journal: dict[tuple[str, str], dict[str, Any]], now: Instant) -> Duration:
    """By how much the clock was set back since the journal was written, at least; 0 if it was not."""
    told = (at for (kind, _), data in journal.items() for at in _instants(kind, data))
    return max(0, max(told, default=now) - now)


def _instants(kind: str, data: dict[str, Any]) -> Iterator[Instant]:
    if kind == "clock":
        yield data["at"]
    elif kind == "lease":
        yield data["since"]
    elif kind == "history":
        yield from (until for _, until in data["runs"][-1:])
        yield from data["starts"][-1:]
