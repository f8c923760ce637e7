"""Limits that something else can break: a permissive that is lost, an interlock that a node overrides; service.

What breaks them is made safe at once and protectively. A rule that still wants it is tried again when it may; a
person's wish is over, so that nothing starts by itself in front of someone who has seen it go off.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from godkaiser.engine import past
from godkaiser.engine.actuation import safe_intent, submit
from godkaiser.engine.effect import Audit, Journal, Store
from godkaiser.engine.lease import restore_lease, tell
from godkaiser.engine.state import ActuatorState, ChainStep, Moment, State
from godkaiser.engine.wish import settle_actuator
from godkaiser.model.event import ActuatorReport, ServiceAsked
from godkaiser.model.ids import ActuatorId, NodeId, SeriesId
from godkaiser.model.instant import DAY, Instant, to_iso
from godkaiser.model.view import Taken
from godkaiser.rules.arbitrate import PERSONS
from godkaiser.safety.budget import as_of, from_data
from godkaiser.safety.permissive import look_again, missing

LONGEST_SERVICE: Final = DAY
KEPT: Final = ("history", "lease", "owed", "service")


# ── permissives ────────────────────────────────────────────────────────────────────────────────────────
def on_series(moment: Moment, series: SeriesId) -> None:
    """A reading came, or grew too old."""
    for actuator in _guarded(moment.state, series):
        look(moment, actuator)


def on_node(moment: Moment, node: NodeId) -> None:
    """A node came or went, and its readings with it."""
    for series in [series for series in _guards(moment.state) if series.node == node]:
        on_series(moment, series)


def _guarded(state: State, series: SeriesId) -> list[ActuatorId]:
    """Who needs a series, by its full id or without its address."""
    guards = _guards(state)
    if not guards:
        return []
    bare = series.bare
    return [*guards.get(series, ()), *(guards.get(bare, ()) if bare != series else ())]


def _guards(state: State) -> dict[SeriesId, list[ActuatorId]]:
    if state.guards is None:
        state.guards = {}
        for series, actuator in _needs(state):
            state.guards.setdefault(series, []).append(actuator)
    return state.guards


def _needs(state: State) -> Iterator[tuple[SeriesId, ActuatorId]]:
    for actuator in state.actuators.values():
        for permissive in actuator.spec.permissives:
            if permissive.series is not None:
                yield SeriesId.parse(permissive.series), actuator.id


def look(moment: Moment, actuator_id: ActuatorId) -> None:
    """Do its permissives still hold, or hold again?"""
    actuator = moment.state.actuators.get(actuator_id)
    if actuator is None:
        return
    lacking = missing(actuator.spec, moment.state, moment.now)
    before, actuator.permitted = actuator.permitted, lacking is None
    if actuator.away:
        if lacking is not None and actuator.spec.on_lost == "safe":
            _break(moment, actuator, lacking.sentence)
        again = look_again(actuator.spec, moment.state.timezone, moment.now)
        if again is not None:
            moment.state.due.set(("permit", actuator_id), again)
    elif lacking is None and not before:
        settle_actuator(moment, actuator_id, [ChainStep("intent", moment.now, "its permissives hold again")])


def _break(moment: Moment, actuator: ActuatorState, why: str) -> None:
    """Safe, now; a person's wish is over."""
    _no_person(moment, actuator.id)
    if not actuator.owed:
        actuator.chain = [ChainStep("intent", moment.now, why)]
        submit(moment, safe_intent(moment, actuator.spec, why))


def _no_person(moment: Moment, actuator: ActuatorId) -> None:
    moment.state.wishes.get(actuator, {}).pop(PERSONS, None)
    moment.state.due.drop(("hold", actuator))


# ── interlocks ─────────────────────────────────────────────────────────────────────────────────────────
def on_report(moment: Moment, event: ActuatorReport) -> None:
    """A node may have switched by itself what must not be on."""
    actuator = moment.state.actuators.get(ActuatorId.of(event.node, event.gpio))
    if actuator is None or not actuator.away:
        return
    if actuator.spec.permissives:
        look(moment, actuator.id)
    for younger in _together(moment, actuator)[1:]:
        _break(moment, younger, f"interlock: {_name(actuator)} and others must not be on together")


def _together(moment: Moment, actuator: ActuatorState) -> list[ActuatorState]:
    """What is on of its groups, the eldest first."""
    groups = set(actuator.spec.interlocks)
    mine = (a for a in moment.state.actuators.values() if groups.intersection(a.spec.interlocks))
    return sorted((a for a in mine if a.away), key=lambda a: (_since(a, moment.now), a.id))


def _since(actuator: ActuatorState, now: Instant) -> Instant:
    return now if actuator.lease is None else actuator.lease.since


def _name(actuator: ActuatorState) -> str:
    return actuator.spec.name or actuator.id


# ── service ────────────────────────────────────────────────────────────────────────────────────────────
def on_service(moment: Moment, event: ServiceAsked) -> None:
    """It is made safe first, and stays with the people until the end."""
    actuator = moment.state.actuators.get(event.actuator)
    if actuator is None:
        return
    if event.until is None:
        _end_service(moment, actuator, event.who)
        return
    actuator.service = Taken(event.who, min(event.until, moment.now + LONGEST_SERVICE))
    tell_service(moment, actuator.id, actuator.service)
    moment.state.due.set(("service", actuator.id), actuator.service.until)
    _audit(moment, actuator, event.who, "service.begun", f"until {to_iso(actuator.service.until)}")
    _to_safe(moment, actuator, f"in service by {event.who}")


def tell_service(moment: Moment, actuator: ActuatorId, taken: Taken) -> None:
    """Into the journal, with the time it is."""
    data = {"who": taken.who, "until": taken.until, "told": moment.now}
    moment.emit(Journal("service", actuator, data))


def on_service_due(moment: Moment, actuator_id: ActuatorId) -> None:
    """The end that was set when it began."""
    actuator = moment.state.actuators.get(actuator_id)
    if actuator is not None:
        _end_service(moment, actuator, "controller")


def _end_service(moment: Moment, actuator: ActuatorState, who: str) -> None:
    if actuator.service is None:
        return
    actuator.service = None
    moment.emit(Journal("service", actuator.id, None))
    moment.state.due.drop(("service", actuator.id))
    _audit(moment, actuator, who, "service.ended", "")
    _to_safe(moment, actuator, "its service ended")


def _to_safe(moment: Moment, actuator: ActuatorState, why: str) -> None:
    _no_person(moment, actuator.id)
    actuator.chain = [ChainStep("intent", moment.now, why)]
    submit(moment, safe_intent(moment, actuator.spec, why))
    moment.tell("actuator", actuator.id)


def _audit(moment: Moment, actuator: ActuatorState, who: str, action: str, detail: str) -> None:
    moment.emit(Store(Audit(moment.now, who, action, actuator.id, detail)))


# ── after a restart ────────────────────────────────────────────────────────────────────────────────────
def restore(state: State, entry: tuple[str, str], data: dict[str, Any], now: Instant) -> None:
    """One line of the journal of a kind of `KEPT`; histories before leases, which must not outlast their budgets.

    Each line says itself by how much the clock was set back since, so that it does not matter when the others were
    written. What was moved is written anew with the first event.
    """
    kind, key = entry
    actuator = state.actuators.get(ActuatorId.parse(key))
    if actuator is None:
        if kind == "history":
            past.restore_shelved(state, ActuatorId.parse(key), data, now)
        return
    if kind == "history":
        actuator.history = as_of(from_data(data), now)
    elif kind == "lease":
        restore_lease(state, actuator, data, now)
    elif kind == "owed":
        actuator.owed = True
    else:
        until = data["until"] - max(0, data["told"] - now)
        actuator.service = Taken(data["who"], until)
        state.due.set(("service", actuator.id), max(now, until))
    state.due.set(("moved", actuator.id), now)


def on_moved(moment: Moment, actuator_id: ActuatorId) -> None:
    """After a start the journal says the same in the present time."""
    actuator = moment.state.actuators.get(actuator_id)
    if actuator is None:
        return
    past.keep(moment, actuator)
    if actuator.lease is not None:
        tell(moment, actuator, actuator.lease)
    if actuator.service is not None:
        tell_service(moment, actuator.id, actuator.service)
