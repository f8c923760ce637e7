"""Declared actuators: new ones, changed limits, and those that go.

An actuator that is no longer declared is disabled and made safe. It goes when its node has said that it is safe and
has been told to forget it; until then it stands in the registry, so that the gate knows that it may be on.
"""

from __future__ import annotations

from typing import Final

from godkaiser.engine import lane, past
from godkaiser.engine.actuation import safe_intent, submit
from godkaiser.engine.decide import drop_rule, wishers_of
from godkaiser.engine.effect import ActuatorGone, Audit, Journal, Store
from godkaiser.engine.lease import shorten
from godkaiser.engine.state import ActuatorState, Moment, NodeState, State
from godkaiser.model.event import ActuatorReport, CommandAck, ConfigAnswer, IntentOutcome
from godkaiser.model.ids import ActuatorId, NodeId
from godkaiser.model.instant import SECOND
from godkaiser.model.site import ActuatorSpec, Site
from godkaiser.rules.arbitrate import PERSONS

_TIMERS: Final = ("lease", "owed", "retry", "hold", "permit", "service", "told", "moved", "tenure")
_REBUILT: Final = ("type", "inverted", "aux_gpio")  # what makes another driver of it


def ready(node: NodeState) -> bool:
    """May it be told now? Otherwise it is when it comes, or is let in."""
    return node.status == "approved" and node.online is True and not node.adopting


def declare_actuators(moment: Moment, site: Site) -> None:
    """Bring the actuators to what the site says."""
    declared = {spec.id: spec for spec in site.actuators}
    for actuator in tuple(moment.state.actuators.values()):
        if actuator.spec.declared_by == "site" and actuator.id not in declared:
            _retire(moment, actuator)
    for spec in declared.values():
        known = moment.state.actuators.get(spec.id)
        if known is None:
            add_actuator(moment, spec)
        elif known.spec != spec:
            _change(moment, known, spec)


def add_actuator(moment: Moment, spec: ActuatorSpec) -> None:
    """Nothing is known of it yet, unless it was taken out before."""
    moment.state.guards = None
    moment.state.actuators[spec.id] = past.known_again(moment, spec)
    moment.tell("actuator", spec.id)


def _change(moment: Moment, actuator: ActuatorState, spec: ActuatorSpec) -> None:
    """What runs against the new limits is ended, what runs too long is shortened."""
    old, actuator.spec = actuator.spec, spec
    why = _against(actuator, old)
    if why:
        _let_go(moment, actuator, why)
    elif actuator.lease is not None:
        shorten(moment, actuator)
    elif actuator.safe is False:
        submit(moment, safe_intent(moment, spec, "its safe value was changed"))
    _look_anew(moment, actuator)
    moment.tell("actuator", actuator.id)


def _look_anew(moment: Moment, actuator: ActuatorState) -> None:
    """Other limits: what runs may have to end, what was refused may be allowed."""
    moment.state.guards = None
    if actuator.spec.permissives:
        moment.state.due.set(("permit", actuator.id), moment.now)
    if moment.state.wishes.get(actuator.id):
        moment.state.due.sooner(("retry", actuator.id), moment.now + SECOND)


def _against(actuator: ActuatorState, old: ActuatorSpec) -> str:
    """Why what it does now must end; empty when it may go on."""
    spec, run = actuator.spec, actuator.lease
    if old.enabled and not spec.enabled:
        return "it was disabled"
    if run is not None and not spec.min_value <= run.value <= spec.max_value:
        return "its limits were changed"
    rebuilt = any(getattr(old, name) != getattr(spec, name) for name in _REBUILT)
    return "its wiring was changed" if rebuilt and run is not None else ""


def _let_go(moment: Moment, actuator: ActuatorState, why: str) -> None:
    """Nobody's wish counts any more, and it goes to its safe value unless it is known to be there."""
    moment.state.wishes.get(actuator.id, {}).pop(PERSONS, None)
    for rule in wishers_of(moment, actuator.id):
        drop_rule(moment, rule)
    moment.state.wishes.pop(actuator.id, None)
    actuator.tenure = None
    for timer in ("hold", "retry", "tenure"):
        moment.state.due.drop((timer, actuator.id))
    if not actuator.owed and (actuator.lease is not None or actuator.safe is not True):
        submit(moment, safe_intent(moment, actuator.spec, why))


# ── actuators that go ──────────────────────────────────────────────────────────────────────────────────
def retired(spec: ActuatorSpec) -> bool:
    """No longer declared, on its way out. One that a node reports or a rule names is never disabled."""
    return spec.declared_by == "node" and not spec.enabled


def _retire(moment: Moment, actuator: ActuatorState) -> None:
    """Disabled until its node has said that it is safe. A node that was never heard has nothing on."""
    actuator.spec = actuator.spec.model_copy(update={"declared_by": "node", "enabled": False})
    node = moment.state.nodes.get(actuator.id.node)
    if node is None or not node.first_seen:
        _forget(moment, actuator.id)
        return
    moment.emit(Store(actuator.spec))
    _let_go(moment, actuator, "it is no longer declared")
    moment.tell("actuator", actuator.id)
    if _settled(moment.state, actuator) and not _known_there(node, actuator.id):
        _forget(moment, actuator.id)


def _settled(state: State, actuator: ActuatorState) -> bool:
    """Safe by its node's word, and nothing on its way."""
    waits = any(pending.intent.actuator == actuator.id for pending in state.pending.values())
    return actuator.safe is True and actuator.lease is None and not actuator.owed and not waits


def unsettled(state: State, node: NodeId) -> bool:
    """Does a retired actuator of the node still have to become safe?"""
    mine = (a for a in state.actuators.values() if a.id.node == node and retired(a.spec))
    return any(not _settled(state, actuator) for actuator in mine)


def _known_there(node: NodeState, actuator: ActuatorId) -> bool:
    """Has the node confirmed a configuration with it?"""
    return any(item[0] == "actuator" and item[1] == actuator.gpio for item in node.confirmed.items)


def on_moved(moment: Moment, event: ActuatorReport | CommandAck) -> None:
    """A retired actuator that is safe now may go."""
    actuator = moment.state.actuators.get(ActuatorId.of(event.node, event.gpio))
    if actuator is not None and retired(actuator.spec):
        _sweep(moment, actuator.id.node)


def on_configured(moment: Moment, event: ConfigAnswer | IntentOutcome) -> None:
    """A node has perhaps forgotten what is retired."""
    if any(a.id.node == event.node and retired(a.spec) for a in moment.state.actuators.values()):
        _sweep(moment, event.node)


def _sweep(moment: Moment, node_id: NodeId) -> None:
    node = moment.state.nodes.get(node_id)
    if node is None or unsettled(moment.state, node_id):
        return
    for actuator in tuple(moment.state.actuators.values()):
        if actuator.id.node == node_id and retired(actuator.spec) and not _known_there(node, actuator.id):
            _forget(moment, actuator.id)
    untold = node.lane.converged_at is None and node.lane.given_up_at is None and not node.lane.steps
    if untold and ready(node):
        lane.welcome(moment, node)


def _forget(moment: Moment, actuator: ActuatorId) -> None:
    past.shelve(moment, moment.state.actuators.pop(actuator))
    moment.state.guards = None
    moment.state.wishes.pop(actuator, None)
    for timer in _TIMERS:
        moment.state.due.drop((timer, actuator))
    for kind in ("owed", "service"):
        moment.emit(Journal(kind, actuator, None))
    moment.emit(Store(ActuatorGone(actuator)))
    moment.emit(Store(Audit(moment.now, "controller", "actuator.removed", actuator, "")))
    moment.tell("snapshot")
