"""Alarms at work: after each event what it touched is looked at; every change is journalled, stored and told."""

from __future__ import annotations

from collections.abc import Callable, Container
from typing import Any, Final

from godkaiser.alarms import alarm as a
from godkaiser.alarms.alarm import Alarm, State, Step
from godkaiser.alarms.kept import alarm_of, data_of
from godkaiser.alarms.kind import KINDS
from godkaiser.alarms.watch import Sign
from godkaiser.engine import condition as c
from godkaiser.engine import door
from godkaiser.engine.effect import AlarmChange, Audit, Journal, Store, Tell
from godkaiser.engine.seen import Seen
from godkaiser.engine.state import Moment
from godkaiser.engine.state import State as EngineState
from godkaiser.model.event import AlarmAnswered, Event, KeptOut
from godkaiser.model.ids import ActuatorId, NodeId, RuleId
from godkaiser.model.instant import Instant, to_iso
from godkaiser.model.report import Alert

WHOLE_NODE: Final = 255
EVERYTHING: Final = ("snapshot", "link")
LOOKED_AT: Final = (*EVERYTHING, "actuator", "node", "rule", "stop")


# ── looking ────────────────────────────────────────────────────────────────────────────────────────────
def watch(moment: Moment, event: Event) -> None:
    """Look at what this event touched. A controller that closes makes everything safe and raises nothing."""
    if moment.state.closing:
        return
    _on_told(moment, event)
    told = told_of(moment, LOOKED_AT)
    if not moment.state.alarms.looked or any(kind in EVERYTHING for kind, _ in told):
        _look_at_everything(moment)
        return
    for kind, thing in sorted(told):
        if kind == "actuator":
            _look_at_actuator(moment, ActuatorId.known(thing))
        elif kind == "node":
            _look_at_node(moment, NodeId.known(thing))
        elif kind == "rule":
            _look_at_rule(moment, RuleId.known(thing))
        elif kind == "stop":
            for node in tuple(moment.state.nodes):
                _look_at_node(moment, node)


def _on_told(moment: Moment, event: Event) -> None:
    """Some events say themselves that something is wrong."""
    if isinstance(event, Alert):
        _on_alert(moment, event)
    elif isinstance(event, KeptOut):
        _see(moment, door.of_door(moment.state))


def told_of(moment: Moment, kinds: Container[str]) -> set[tuple[str, str]]:
    """Which things of these kinds the event has touched so far."""
    return {(e.kind, e.id) for e in moment.effects if isinstance(e, Tell) and e.kind in kinds}


def _look_at_everything(moment: Moment) -> None:
    """Also at what an alarm stands for and is not there any more."""
    state = moment.state
    state.alarms.looked = True
    for node in tuple(state.nodes):
        _look_at_node(moment, node)
    for actuator in tuple(state.actuators):
        _look_at_actuator(moment, actuator)
    for rule in (*state.rules, *state.refused):
        _look_at_rule(moment, rule)
    _see(moment, door.of_door(state))
    for alarm in tuple(state.alarms.watch.standing.values()):
        if alarm.source not in _things(state):
            _see(moment, Sign(alarm.kind, alarm.source, holds=False))


def _things(state: EngineState) -> set[str]:
    return {*state.nodes, *state.actuators, *_rules(state), door.DOOR}


def _rules(state: EngineState) -> set[RuleId]:
    return {*state.rules, *state.refused}


def _look_at_node(moment: Moment, node: NodeId) -> None:
    for sign in c.of_node(moment.state, node):
        _see(moment, sign)


def _look_at_rule(moment: Moment, rule: RuleId) -> None:
    for sign in c.of_rule(moment.state, rule, moment.now):
        _see(moment, sign)


def _look_at_actuator(moment: Moment, actuator_id: ActuatorId) -> None:
    seen = moment.state.alarms.seen
    before = seen.get(actuator_id, Seen())
    actuator = moment.state.actuators.get(actuator_id)
    if actuator is None:
        seen.pop(actuator_id, None)
    else:
        if c.lost(actuator, before, moment.now):
            _lost(moment, actuator_id)
        seen[actuator_id] = c.look(actuator, before, moment.now)
    for sign in c.of_actuator(moment.state, actuator_id, seen.get(actuator_id, Seen())):
        _see(moment, sign)
    if f"{c.NODE_SILENT.code}:{actuator_id.node}" in moment.state.alarms.watch.standing:
        _look_at_node(moment, actuator_id.node)  # what it switches decides how urgent its silence is


def _see(moment: Moment, sign: Sign) -> None:
    watched = moment.state.alarms.watch
    if not sign.holds and watched.quiet(sign.key):
        return  # by far the most
    before = watched.get(sign.kind, sign.source)
    after = watched.see(sign, moment.now)
    if after is not None:
        _keep(moment, after, _step_between(before, after))  # only other words are no step
    _arrange(moment, sign.key)


def _step_between(before: Alarm, after: Alarm) -> str:
    if before.holds == after.holds:
        return "escalated" if before.priority != after.priority else ""
    return "raised" if after.holds else "returned"


def _lost(moment: Moment, actuator: ActuatorId, more: str = "") -> None:
    text = c.said(moment.state, c.LEASE_LOST, actuator, more)
    after = moment.state.alarms.watch.happened(
        Sign(c.LEASE_LOST, actuator, holds=True, text=text), moment.now
    )
    _keep(moment, after, "raised")
    _arrange(moment, after.key)


def _on_alert(moment: Moment, event: Alert) -> None:
    """The node says itself what it did; what its reports will say of it is then known already."""
    for actuator in tuple(moment.state.actuators.values()):
        mine = actuator.id.node == event.node and event.gpio in (actuator.id.gpio, WHOLE_NODE)
        if not mine:
            continue
        more = f"The node says: {event.message}" if event.message else ""
        if event.alert_type == "safety_forced_off" and actuator.lease is not None:
            _lost(moment, actuator.id, more)
            moment.state.alarms.seen[actuator.id] = Seen(actuator.lease, leaving=True)
        elif event.alert_type == "runtime_protection":
            text = c.said(moment.state, c.NODE_LATCHED, actuator.id, more)
            _see(moment, Sign(c.NODE_LATCHED, actuator.id, holds=True, text=text, delay=0))


# ── time ───────────────────────────────────────────────────────────────────────────────────────────────
def on_due(moment: Moment, key: str) -> None:
    """A delay is over, a shelf ends, or one that returned clears by itself."""
    watched = moment.state.alarms.watch
    before = watched.standing.get(key)
    after = watched.tick(key, moment.now)
    if before is not None and after is not None:
        step = Step.UNSHELVE if before.state is State.SHLVD else Step.CLEAR
        _keep(moment, after, DONE[step], before=before)
    code, _, source = key.partition(":")
    if code in c.OF_NODES:
        _look_at_node(moment, NodeId.known(source))
    elif code in c.OF_RULES:
        _look_at_rule(moment, RuleId.known(source))
    elif code == door.ADDRESS_BLOCKED.code:
        _see(moment, door.of_door(moment.state))
    else:
        _look_at_actuator(moment, ActuatorId.known(source))
    _arrange(moment, key)


def _arrange(moment: Moment, key: str) -> None:
    due = moment.state.alarms.watch.due(key)
    if due is None:
        moment.state.due.drop(("alarm", key))
    else:
        moment.state.due.set(("alarm", key), due)


# ── people ─────────────────────────────────────────────────────────────────────────────────────────────
DONE: Final = {
    Step.ACK: "acknowledged",
    Step.RESET: "reset",
    Step.SHELVE: "shelved",
    Step.UNSHELVE: "unshelved",
    Step.REMOVE: "out of service",
    Step.RESTORE: "in service",
    Step.CLEAR: "cleared",
}
_ANSWERS: Final[dict[Step, Callable[[Alarm, AlarmAnswered], Alarm]]] = {
    Step.ACK: lambda alarm, e: a.acked(alarm, e.by, e.at),
    Step.RESET: lambda alarm, e: a.reset(alarm),
    Step.SHELVE: lambda alarm, e: a.shelved(alarm, e.until or e.at, e.by, e.reason, e.at),
    Step.UNSHELVE: lambda alarm, e: a.unshelved(alarm, e.at),
    Step.REMOVE: lambda alarm, e: a.removed(alarm, e.by, e.reason),
    Step.RESTORE: lambda alarm, e: a.restored(alarm, e.at),
}


def find(state: EngineState, key: str) -> Alarm | None:
    """The alarm of a key, also a normal one of a thing that is known; None when there is no such thing."""
    code, _, source = key.partition(":")
    if (standing := state.alarms.watch.standing.get(key)) is not None:
        return standing
    known = code in KINDS and source in _things_of(state, code)
    return state.alarms.watch.get(KINDS[code], source) if known else None


def _things_of(state: EngineState, code: str) -> set[str]:
    """Of which things there may be an alarm of this kind."""
    if code == door.ADDRESS_BLOCKED.code:
        return {door.DOOR}
    return set(
        state.nodes if code in c.OF_NODES else _rules(state) if code in c.OF_RULES else state.actuators
    )


def on_answered(moment: Moment, event: AlarmAnswered) -> None:
    """A person acknowledged it, set it aside or took it back. What the table forbids by now is left alone."""
    alarm, step = find(moment.state, event.key), Step(event.step)
    if alarm is None or not alarm.allows(step):
        return
    after = moment.state.alarms.watch.keep(_ANSWERS[step](alarm, event))
    until = f" until {to_iso(after.shelved_until)}" if after.shelved_until is not None else ""
    detail = f"{alarm.text}{until}" + (f" ({event.reason})" if event.reason else "")
    moment.emit(Store(Audit(moment.now, event.by, f"alarm.{step.value}", alarm.key, detail)))
    _keep(moment, after, DONE[step], event.by, event.reason, before=alarm)
    _arrange(moment, alarm.key)


# ── keeping ────────────────────────────────────────────────────────────────────────────────────────────
def _keep(
    moment: Moment, alarm: Alarm, step: str, who: str = "", reason: str = "", *, before: Alarm | None = None
) -> None:
    """Journal first: a restart must not forget what stands, nor who has seen it. Without a step no row is kept."""
    normal = alarm.state is State.NORM
    moment.emit(Journal("alarm", alarm.key, None if normal else data_of(alarm)))
    shown = before if normal and before is not None else alarm
    state, rank = alarm.state.value, shown.priority.word
    if step:
        moment.emit(Store(AlarmChange(moment.now, alarm.key, step, state, rank, shown.text, who, reason)))
    moment.tell("alarms")


def restore(state: EngineState, key: str, data: dict[str, Any], now: Instant) -> None:
    """What stood before the restart still stands; its condition is looked at with the first event."""
    alarm = alarm_of(key, data)
    if alarm is not None:
        state.alarms.watch.adopt(alarm, now)
        due = state.alarms.watch.due(key)
        if due is not None:
            state.due.set(("alarm", key), due)


# ── showing ────────────────────────────────────────────────────────────────────────────────────────────
def alarms_picture(state: EngineState) -> dict[str, Any]:
    """Every alarm that is not normal, those to be seen first come first."""
    watched = state.alarms.watch
    shown = [alarm_picture(state, alarm) for alarm in watched.ranked()]
    return {"unacknowledged": watched.unseen, "standing": shown}


def alarm_picture(state: EngineState, alarm: Alarm) -> dict[str, Any]:
    """One alarm."""
    times = {name: getattr(alarm, name) for name in ("returned_at", "acked_at", "shelved_until")}
    return {
        "key": alarm.key,
        "kind": alarm.kind.code,
        "source": alarm.source,
        "name": state.name_of(alarm.source),
        "state": alarm.state.value,
        "priority": alarm.priority.word,
        "text": alarm.text,
        "remedy": alarm.kind.remedy,
        "since": to_iso(alarm.since) if alarm.count else None,
        "holds": alarm.holds,
        "count": alarm.count,
        "acked_by": alarm.acked_by or None,
        "suppressed_by": alarm.suppressed_by or None,
        "reason": alarm.reason or None,
        "rules": [rule.rule.id for rule in c.rules_told_by(state, alarm.key)],
        **{name: None if at is None else to_iso(at) for name, at in times.items()},
    }
