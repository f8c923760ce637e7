"""The state as plain data for people and programs: the one shape that socket, page, CLI and notebook get."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from godkaiser.engine.alarm import alarms_picture
from godkaiser.engine.allowance import limits_picture, timed_by
from godkaiser.engine.calibration import age_picture
from godkaiser.engine.cycles import growing
from godkaiser.engine.escalate import failing_over
from godkaiser.engine.fitness import clock
from godkaiser.engine.ruling import hindered, refused_picture, rule_picture
from godkaiser.engine.standing import Standing
from godkaiser.engine.state import ActuatorState, NodeState, SensorState, State, sensor_name
from godkaiser.engine.tenure import rule_hold, waiting
from godkaiser.engine.wanted import offline_proof
from godkaiser.engine.whynot import thwarted
from godkaiser.model.event import Malformed
from godkaiser.model.ids import ActuatorId, NodeId, RuleId, SeriesId
from godkaiser.model.instant import SECOND, Instant, to_iso
from godkaiser.model.outcome import Outcome
from godkaiser.model.quantity import Freshness
from godkaiser.model.schedule import next_due
from godkaiser.model.scope import ALL, Scope
from godkaiser.model.site import SensorSpec
from godkaiser.model.view import Taken
from godkaiser.rules.rule import series_of
from godkaiser.safety.stop import Phase

FLAPS = 2
COUNTED = (
    "received",
    "readings_received",
    "quarantined",
    "malformed",
    "decisions",
    "commands_sent",
    "commands_confirmed",
    "commands_refused",
    "commands_failed",
)


def _iso(at: Instant | None) -> str | None:
    return None if at is None else to_iso(at)


def node_picture(state: State, node: NodeState, now: Instant) -> dict[str, Any]:
    """One node."""
    return {
        "id": node.id,
        "name": node.name or node.id,
        "zone": node.zone,
        "status": node.status,
        "online": node.online,
        "last_contact": _iso(node.last_contact),
        "generation": None if node.last_contact is None else "2026" if node.modern else "seed",
        "rssi": node.rssi,
        "heap": node.heap,
        "uptime": node.uptime,
        "kaiser_id": node.kaiser,
        "board": node.board,
        "board_id": node.board_id or node.id,
        "config": lane_picture(node),
        "system_state": node.system_state or None,
        "problems": list(problems_of(state, node)),
        "notes": [{"at": to_iso(n.at), "kind": n.kind, "text": n.text} for n in node.notes],
        "unreadable": troubles_picture(state, node.id),
    }


def lane_picture(node: NodeState) -> dict[str, Any]:
    """How far its configuration has come."""
    lane = node.lane
    state = "converged" if lane.converged_at is not None else "problem" if lane.problem else "unknown"
    return {
        "state": "pushing" if lane.steps else state,
        "waits_for": lane.steps[0].kind if lane.steps else None,
        "left": sum(step.kind != "done" for step in lane.steps),
        "problem": lane.problem or None,
        "converged_at": _iso(lane.converged_at),
    }


def problems_of(state: State, node: NodeState) -> Iterator[str]:
    """What is wrong with a node now."""
    if node.kaiser != state.kaiser:
        approved = node.status == "approved"
        more = "" if approved else "; nothing is said to it before it is approved"
        yield f"it listens to kaiser id {node.kaiser!r}, not {state.kaiser!r}{more}"
    if len(node.wills) >= FLAPS:
        yield f"its connection flaps: lost {len(node.wills)} times in 5 minutes"
    if node.lane.problem:
        yield node.lane.problem
    yield from node.degraded
    if node.pressed:
        yield "its publish queue runs full: readings may be lost"


def troubles_picture(state: State, node: str) -> list[dict[str, Any]]:
    """What of a node's messages could not be read, per reason; the empty name is everybody unknown."""
    mine = [(code, trouble) for (whose, code), trouble in state.troubles.items() if whose == node]
    return [
        {"code": code, "count": trouble.count, "last": [_malformed(m) for m in trouble.last]}
        for code, trouble in sorted(mine, key=lambda pair: -pair[1].count)
    ]


def sensor_picture(state: State, sensor: SensorState, now: Instant) -> dict[str, Any]:
    """One sensor with its newest reading."""
    reading = sensor.latest
    spec = sensor.spec
    node = state.nodes.get(sensor.id.node)
    freshness = Freshness.PAUSED if sensor.mode == "paused" else Freshness.NEVER
    if reading is not None:
        freshness = state.age_class(sensor, reading, now)
    received = now if reading is None else reading.received_at
    return {
        "id": sensor.id,
        "name": sensor_name(sensor),
        "node": sensor.id.node,
        "zone": (spec.zone if spec is not None else None) or (node.zone if node is not None else None),
        "type": sensor.id.sensor_type,
        "unit": state.unit_of(sensor.id),
        "value": None if reading is None else reading.value,
        "raw": None if reading is None else reading.raw,
        "quality": None if reading is None else reading.quality.value,
        "reason": None if reading is None or not reading.reason else reading.reason,
        "calibration": None if reading is None else reading.calibration,
        "coverage": None if reading is None else reading.coverage,
        "measured_at": None if reading is None else to_iso(reading.measured_at),
        "received_at": None if reading is None else to_iso(reading.received_at),
        "freshness": freshness.value,
        "stale_after_s": state.allowed_age(sensor, received) / SECOND,
        "adc": _adc_picture(state, sensor),
        "calibration_age": age_picture(state, sensor, now),
        "state": state_word(sensor),
        "mode": sensor.mode,
        "schedule": _schedule_picture(state, spec, now),
    }


def state_word(sensor: SensorState) -> str | None:
    """What the site calls its value, such as open or closed."""
    words = None if sensor.spec is None else sensor.spec.states
    value = None if sensor.latest is None else sensor.latest.value
    return None if words is None or value is None else words[value > 0]


def _adc_picture(state: State, sensor: SensorState) -> dict[str, Any] | None:
    """Of a probe: what it is read by and who says so (site, calibration, board); nobody: not declared."""
    if not sensor.row.probe:
        return None
    adc, by = state.adc_of(sensor.id, sensor.spec)
    return {"name": adc, "by": by or None}


def _schedule_picture(state: State, spec: SensorSpec | None, now: Instant) -> dict[str, Any] | None:
    """When it is measured next, and what came of the last time."""
    if spec is None or spec.schedule is None:
        return None
    slot = state.slots.get(spec.series)
    last = None if slot is None else {"due": to_iso(slot.due_at), "end": slot.end, "message": slot.message}
    return {"cron": spec.schedule, "next": to_iso(next_due(spec.schedule, state.timezone, now)), "last": last}


def actuator_picture(state: State, actuator: ActuatorState, now: Instant) -> dict[str, Any]:
    """One actuator. `reported` is the node's word; `wished` is ours."""
    spec, node = actuator.spec, state.nodes.get(actuator.id.node)
    reported = actuator.reported
    return {
        "id": actuator.id,
        "name": spec.name or actuator.id,
        "node": actuator.id.node,
        "zone": spec.zone or (node.zone if node is not None else None),
        "kind": spec.kind or spec.type,
        "type": spec.type,
        "safe_value": spec.safe_value,
        "enabled": spec.enabled,
        "reported": reported,
        "reported_at": _iso(actuator.reported_at),
        "wished": actuator.wished,
        "pending": any(p.intent.actuator == actuator.id for p in state.pending.values()) or actuator.owed,
        "safe": actuator.safe,
        "emergency": actuator.emergency or None,
        "lease_until": None if actuator.lease is None else to_iso(actuator.lease.until),
        "max_on_s": spec.longest_on_s,
        "timed_by": timed_by(state, actuator),
        "limits": limits_picture(state, actuator, now),
        "hold": None if (held := state.held(actuator.id)) is None else _taken(held),
        "rule_hold": rule_hold(state, actuator, now),
        "service": None if actuator.service is None else _taken(actuator.service),
        "last_command": None if actuator.last is None else outcome_picture(actuator.last),
    }


def _taken(taken: Taken) -> dict[str, str]:
    return {"who": taken.who, "until": to_iso(taken.until)}


def outcome_picture(outcome: Outcome) -> dict[str, Any]:
    """What became of a command."""
    return {
        "id": outcome.intent,
        "actuator": outcome.actuator,
        "value": outcome.value,
        "at": to_iso(outcome.at),
        "origin": outcome.who,
        "state": outcome.fate.value,
        "message": outcome.message,
        "findings": [
            {"code": f.code, "sentence": f.sentence, "severity": f.severity.value} for f in outcome.findings
        ],
    }


def stop_picture(state: State) -> dict[str, Any]:
    """The software stop of everything; `others`: those of a zone or a node."""
    others = [standing_picture(state, scope) for scope in sorted(state.stops) if scope != ALL]
    journal = state.journal_problem or None  # without it nothing is switched on either
    return standing_picture(state, ALL) | {"others": others, "journal": journal}


def standing_picture(state: State, scope: Scope) -> dict[str, Any]:
    """The stop of one scope, also when there is none."""
    standing = state.stops.get(scope, Standing(scope))
    stop = standing.stop
    stands = stop.phase is not Phase.NORMAL
    nodes = {a.node for a in state.actuators if stands and standing.covers(a, state.zone_of(a))}
    return {
        "scope": str(standing.scope),
        "phase": stop.phase.value,
        "reason": stop.reason or None,
        "by": stop.by or None,
        "since": _iso(stop.since),
        "unconfirmed": sorted(stop.waiting) if stands else [],
        "not_offline_proof": sorted(n for n in nodes if offline_proof(state, n) is False),
        "problem": stop.problem or None,
    }


def link_picture(state: State) -> dict[str, Any]:
    """The broker connection."""
    link = state.link
    return {
        "state": "up" if link.up else "down" if link.since is not None else "connecting",
        "since": _iso(link.since),
        "broker": link.broker,
        "error": link.problem or None,
        "next_try_s": None,
    }


def counters_picture(state: State) -> dict[str, Any]:
    """Counts since the start."""
    counts: dict[str, Any] = {name: state.counters[name] for name in COUNTED}
    counts["malformed_by_code"] = dict(sorted(state.malformed_by_code.items()))
    counts["malformed_last"] = malformed_picture(state)
    return counts


def malformed_picture(state: State) -> list[dict[str, Any]]:
    """The last messages we could not read, newest first."""
    return [_malformed(m) for m in state.malformed]


def _malformed(m: Malformed) -> dict[str, Any]:
    return {"at": to_iso(m.at), "topic": m.topic, "excerpt": m.excerpt, "code": m.code, "why": m.why}


def snapshot(state: State, now: Instant, seq: int) -> dict[str, Any]:
    """Everything."""
    return {
        "now": to_iso(now),
        "seq": seq,
        "kaiser_id": state.kaiser,
        "link": link_picture(state),
        "stop": stop_picture(state),
        "alarms": alarms_picture(state),
        "zones": [
            {"id": zone, "name": name} | growing(state, zone, now) for zone, name in state.zones.items()
        ],
        "nodes": [
            node_picture(state, node, now) for node in state.nodes.values() if node.status != "removed"
        ],
        "sensors": [sensor_picture(state, sensor, now) for sensor in state.sensors.values()],
        "actuators": [actuator_picture(state, a, now) for a in state.actuators.values()],
        "rules": [
            *(rule_picture(state, rule, now) for rule in state.rules.values()),
            *(refused_picture(state, rule, now) for rule in state.refused.values()),
        ],
        "counters": counters_picture(state),
        "malformed": malformed_picture(state),
    }


def _find(kind: str) -> Callable[[State, str], Any]:
    return {
        "node": lambda state, key: state.nodes.get(NodeId.known(key)),
        "sensor": lambda state, key: state.sensors.get(SeriesId.known(key)),
        "actuator": lambda state, key: state.actuators.get(ActuatorId.known(key)),
        "rule": lambda state, key: state.rules.get(RuleId.known(key)),
    }[kind]


_DRAW: dict[str, Callable[[State, Any, Instant], dict[str, Any]]] = {
    "node": node_picture,
    "sensor": sensor_picture,
    "actuator": actuator_picture,
    "rule": rule_picture,
}
_WHOLE: dict[str, Callable[[State], dict[str, Any]]] = {
    "stop": stop_picture,
    "link": link_picture,
    "alarms": alarms_picture,
    "counters": counters_picture,
}


def one(state: State, kind: str, key: str, now: Instant) -> dict[str, Any] | None:
    """The present picture of one thing; None when it is gone."""
    if kind in _WHOLE:
        return _WHOLE[kind](state)
    thing = _find(kind)(state, key)
    if kind == "rule" and (refused := state.refused.get(RuleId.known(key))) is not None:
        return refused_picture(state, refused, now)
    return None if thing is None else _DRAW[kind](state, thing, now)


def why(state: State, actuator_id: ActuatorId, now: Instant) -> dict[str, Any]:
    """The chain behind an actuator's last command, from the payload to the outcome."""
    actuator = state.actuators[actuator_id]
    name = actuator.spec.name or actuator_id
    steps = [{"what": s.what, "at": to_iso(s.at), "text": s.text, "ok": s.ok} for s in actuator.chain]
    if actuator.reported is None:
        text = f"{name}: the node has not reported it yet."
    else:
        now_is = "at its safe value" if actuator.safe else f"at {actuator.reported:.0%}"
        text = f"{name} is {now_is} by the node's report."
    more = (
        *_held(state, actuator, now),
        *hindered(state, actuator_id),
        *thwarted(state, actuator_id, now),
        *failing_over(state, actuator_id),
        *_old(state, actuator_id, now),
    )
    text += "".join(f" {line}." for line in more)
    if not steps:
        text += " No command was sent to it since the controller started."
    return {"actuator": actuator_id, "text": text, "steps": steps}


def _held(state: State, actuator: ActuatorState, now: Instant) -> Iterator[str]:
    """Who has it for themselves, and until when."""
    if (held := state.held(actuator.id)) is not None:
        yield f"{held.who} holds it until {clock(state, held.until)}, rules wait"
    yield from waiting(state, actuator, now)


def _old(state: State, actuator: ActuatorId, now: Instant) -> Iterator[str]:
    """Calibrations that are due, of what its rules read."""
    rules = [
        one.rule for one in state.rules.values() if any(t.actuator == actuator for t in one.rule.actions)
    ]
    for series in sorted({series for rule in rules for series in series_of(rule.when)}):
        sensor = state.bound(series)
        age = None if sensor is None else age_picture(state, sensor, now)
        if sensor is not None and age is not None and age["due"]:
            yield f"{sensor_name(sensor)}: {age['text']}"
