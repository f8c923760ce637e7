"""Zone, subzones, configuration: one message at a time per node, each waiting for the node's word.

A node keeps one such request at a time and refuses the rest, so everything that changes its place or its
configuration goes through its lane. What it has confirmed stands in the journal: a node that comes back is told
only what differs. When the lane is empty and nothing is outstanding, the node is *converged*.

    on_adopted → zone → subzones → sensors → actuators → what is wanted of its actuators → converged

A step ends with its acknowledgement. Busy or full: again after a pause, with a new id and generation. Any other
refusal is shown and not repeated until something changes. No answer: three tries, then not before `COOL_DOWN`.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Final

from godkaiser.engine.actuation import safe_intent, submit
from godkaiser.engine.decide import reconsider_node
from godkaiser.engine.effect import Audit, Journal, Say, Send, Store
from godkaiser.engine.note import note
from godkaiser.engine.state import Confirmed, Lane, Moment, NodeState, Step
from godkaiser.engine.wanted import fingerprint, hardware_of, offline_proof, subzones_of, wanted_config
from godkaiser.engine.wish import resettle_node
from godkaiser.errors import InvalidError
from godkaiser.model.command import Configure, SensorConfig, SubzoneAssign, SubzoneRemove, ZoneAssign
from godkaiser.model.event import SendFailed
from godkaiser.model.ids import NodeId
from godkaiser.model.instant import SECOND
from godkaiser.model.nodeconfig import ActuatorItem, ConfigPart, NodeConfig, SensorItem
from godkaiser.model.report import ConfigAnswer, Heartbeat, IntentOutcome, SubzoneAck, ZoneAck
from godkaiser.safety.gate import Denied, permit
from godkaiser.safety.permit import protective

ANSWER_WITHIN: Final = 10 * SECOND
TRY_AGAIN: Final = 5 * SECOND
TRIES: Final = 3
WISHES_WITHIN: Final = 2 * SECOND
COOL_DOWN: Final = 120 * SECOND
LONGEST_NUMBER: Final = 10**10 - 100  # the parts count on from here
LONGEST_ID: Final = "g" * 32
PENDING_AFTER_RESET: Final = 8  # a node's state in which it takes nothing but a configuration
_APPLIED: Final = re.compile(r"applied=(\d{1,10})\b")
RETRYABLE: Final = frozenset(
    {"QUEUE_FULL", "WRITE_TIMEOUT", "REPLAY_QUEUE_FULL", "COMMIT_FAILED", "CONFIG_LANE_BUSY", "silent"}
)


# ── beginning ──────────────────────────────────────────────────────────────────────────────────────────
def welcome(moment: Moment, node: NodeState) -> None:
    """It is back, and its reported states are in; what it did not take before, it is told once more.

    Only a driver that may be rebuilt makes its actuators wait, and not for long: the node may not answer at all.
    """
    node.fruitless = 0
    begin(moment, node)
    if any(step.kind == "config" for step in node.lane.steps):
        node.lane.wishes_wait = True
        moment.state.due.set(("wishes", node.id), moment.now + WISHES_WITHIN)
    else:
        _wishes(moment, node)


def on_wishes_due(moment: Moment, node_id: NodeId) -> None:
    """Long enough."""
    node = moment.state.nodes[node_id]
    if node.lane.wishes_wait and node.online:
        node.lane.wishes_wait = False
        _wishes(moment, node)


def begin(moment: Moment, node: NodeState) -> None:
    """Work out what the node does not have yet, and start. Nothing to do: converged at once."""
    if node.status != "approved" or not node.online or node.lane.steps:
        return
    node.lane = Lane(problem="")
    try:
        node.lane.steps = deque(_steps(moment, node))
    except InvalidError as error:
        _stuck(moment, node, f"{error} {error.remedy}")
        return
    _next(moment, node)


def disarm(moment: Moment, node: NodeState) -> None:
    """During a stop: take the node's own rules away, before anything else that waits in its lane."""
    steps = _disarm_steps(moment, node)
    if not node.lane.steps:
        begin(moment, node)
    elif not any(step.learned.get("rules") is not None for step in node.lane.steps):
        head = node.lane.steps.popleft()
        node.lane.steps.extendleft((*reversed(list(steps)), head))


def _steps(moment: Moment, node: NodeState) -> Iterator[Step]:
    yield from _disarm_steps(moment, node)
    yield from _zone_step(node)
    yield from _subzone_steps(moment, node)
    yield from _config_steps(moment, node)


def _disarm_steps(moment: Moment, node: NodeState) -> Iterator[Step]:
    """Also for a node that was never told any: it may have kept those of an earlier controller."""
    if offline_proof(moment.state, node.id) is not False:
        return
    yield from _config_parts(moment, node, NodeConfig(offline_rules=()))
    yield Step("done", {"rules": []})


def _zone_step(node: NodeState) -> Iterator[Step]:
    spec = (node.zone, node.master_zone)
    if node.zone and (node.confirmed.zone != list(spec) or node.zone_assigned is False):
        yield Step("zone", {"zone": list(spec)})


def _subzone_steps(moment: Moment, node: NodeState) -> Iterator[Step]:
    wanted = {name: list(pins) for name, pins in subzones_of(moment.state, node.id).items()}
    for gone in sorted(set(node.confirmed.subzones) - set(wanted)):
        yield Step("subzone_remove", {"subzone": gone})
    for name, pins in wanted.items():
        if node.confirmed.subzones.get(name) != pins:
            yield Step("subzone", {"subzone": name, "pins": pins})


def _config_steps(moment: Moment, node: NodeState) -> Iterator[Step]:
    """Only when it differs from what the node has confirmed, or the node counts less than it should."""
    wanted = wanted_config(moment.state, node.id)
    print_ = fingerprint(wanted)
    if not (wanted.sensors or wanted.actuators) or (
        node.confirmed.config == print_ and not _lacks(node, wanted)
    ):
        return
    if moment.state.planner is not None:
        yield from _config_parts(moment, node, _with_removals(node, wanted))
        yield Step("done", {"config": print_, "items": _items(wanted)})


def _config_parts(moment: Moment, node: NodeState, config: NodeConfig) -> Iterator[Step]:
    """Numbered when sent: planned with the longest number and id there are, so that it fits then, too."""
    if moment.state.planner is None:
        return
    push = moment.state.planner(
        node.id, node.kaiser, hardware_of(node), config, generation=LONGEST_NUMBER, new_id=lambda: LONGEST_ID
    )
    for part in push.parts:
        yield Step("config", {}, part)


def _lacks(node: NodeState, wanted: NodeConfig) -> bool:
    sensors, actuators = node.counts
    return (sensors is not None and sensors < len(wanted.sensors)) or (
        actuators is not None and actuators < len(wanted.actuators)
    )


def _items(config: NodeConfig) -> list[list[Any]]:
    """What identifies things on the node, to take them away when they are no longer declared."""
    sensors = [["sensor", s.gpio, s.sensor_type, s.onewire_address, s.i2c_address] for s in config.sensors]
    return sensors + [["actuator", a.gpio, a.actuator_type, "", None] for a in config.actuators]


def _with_removals(node: NodeState, wanted: NodeConfig) -> NodeConfig:
    """Things confirmed earlier and no longer declared are switched inactive, first."""
    kept = _items(wanted)
    pins = {item.gpio for item in wanted.actuators}
    sensors: list[SensorItem] = []
    actuators: list[ActuatorItem] = []
    for item in node.confirmed.items:
        kind, gpio, type_, rom, i2c = item
        if item in kept:
            continue
        if kind == "sensor":
            sensors.append(SensorItem(gpio, type_, "", active=False, onewire_address=rom, i2c_address=i2c))
        elif gpio not in pins:  # else the new one takes its place
            actuators.append(ActuatorItem(gpio, type_, "", active=False))
    return replace(wanted, sensors=(*sensors, *wanted.sensors), actuators=(*actuators, *wanted.actuators))


# ── going on ───────────────────────────────────────────────────────────────────────────────────────────
def _next(moment: Moment, node: NodeState) -> None:
    """Send the head of the lane; book-keeping steps are done at once."""
    lane = node.lane
    while lane.steps and lane.steps[0].kind == "done":
        _confirm(moment, node, lane.steps.popleft().learned)
    if not lane.steps:
        _finished(moment, node)
        return
    lane.tries += 1
    lane.correlation = moment.new_id("g")
    problem = _SEND[lane.steps[0].kind](moment, node, lane.steps[0])
    if problem:
        _stuck(moment, node, problem)
        return
    lane.sent_at = moment.now
    moment.state.due.set(("lane", node.id), moment.now + ANSWER_WITHIN)
    moment.tell("node", node.id)


def _finished(moment: Moment, node: NodeState) -> None:
    if node.lane.left_out:
        _stuck(moment, node, node.lane.left_out)
        return
    node.lane.converged_at = moment.now
    moment.state.due.drop(("lane", node.id))
    moment.tell("node", node.id)
    if node.lane.wishes_wait:
        _wishes(moment, node)


def _wishes(moment: Moment, node: NodeState) -> None:
    for actuator in moment.state.actuators.values():
        # The firmware writes such a pin without inversion when it starts: it says "off", and is on until told.
        if (
            actuator.id.node == node.id
            and actuator.spec.inverted
            and actuator.lease is None
            and not actuator.owed
        ):
            submit(moment, safe_intent(moment, actuator.spec, "an inverted output is told once it is there"))
    resettle_node(moment, node.id)
    reconsider_node(moment, node.id)


def _stuck(moment: Moment, node: NodeState, problem: str, *, again: bool = False) -> None:
    """Not converged, and it says why. What is wanted of its actuators does not wait for that.

    `again`: worth another try after the cool-down; else only when something changes.
    """
    waited = node.lane.wishes_wait
    node.lane = Lane(problem=problem, given_up_at=moment.now, again=again)
    moment.state.due.drop(("lane", node.id))
    note(moment, node.id, "config", problem)
    if waited:
        _wishes(moment, node)


def _confirm(moment: Moment, node: NodeState, learned: dict[str, Any]) -> None:
    """Written down before anything follows from it."""
    node.confirmed = replace(node.confirmed, **learned)
    moment.emit(Journal("node", node.id, confirmed_data(node.confirmed)))


def confirmed_data(confirmed: Confirmed) -> dict[str, Any]:
    """As the journal keeps it."""
    return {
        "zone": confirmed.zone,
        "subzones": confirmed.subzones,
        "config": confirmed.config,
        "items": confirmed.items,
        "generation": confirmed.generation,
        "rules": confirmed.rules,
    }


# ── what is sent ───────────────────────────────────────────────────────────────────────────────────────
def _send_zone(moment: Moment, node: NodeState, step: Step) -> str:
    zone, master = step.learned["zone"]
    name = moment.state.zones.get(zone, zone)
    moment.emit(Say(ZoneAssign(node.kaiser, node.id, zone, master, name, node.lane.correlation)))
    return ""


def _send_subzone(moment: Moment, node: NodeState, step: Step) -> str:
    name = step.learned["subzone"]
    shown = moment.state.subzone_names.get((node.id, name), name)
    pins = tuple(step.learned["pins"])
    notice = SubzoneAssign(node.kaiser, node.id, name, shown, node.zone or "", pins, node.lane.correlation)
    moment.emit(Say(notice))
    return ""


def _send_removal(moment: Moment, node: NodeState, step: Step) -> str:
    moment.emit(Say(SubzoneRemove(node.kaiser, node.id, step.learned["subzone"], node.lane.correlation)))
    return ""


def _send_config(moment: Moment, node: NodeState, step: Step) -> str:
    """Numbered now, so that a repeated one is newer than anything the node has seen."""
    generation = max(node.confirmed.generation + 1, moment.now // SECOND)
    _confirm(moment, node, {"generation": generation})
    assert step.part is not None
    part = replace(step.part, generation=generation, correlation=node.lane.correlation)
    if part.scope == "sensors":
        moment.emit(Say(SensorConfig(node.kaiser, part)))
        problem = ""
    else:
        problem = _send_sealed(moment, part)
    said = f"{part.scope}, {len(part.items)} items, generation {generation}" + (
        f"; {problem}" if problem else ""
    )
    moment.emit(Store(Audit(moment.now, "controller", "node.configured", node.id, said)))
    return problem


def _send_sealed(moment: Moment, part: ConfigPart) -> str:
    verdict = permit(
        Configure(part), moment.state, moment.now, part.correlation, who="controller", cause=moment.seq
    )
    if isinstance(verdict, Denied):
        return "not configured: " + " ".join(finding.sentence for finding in verdict.findings)
    # A driver that is rebuilt may energise for a moment; rules taken away energise nothing.
    moment.emit(Send(verdict.command, energising=not protective(Configure(part))))
    return ""


_SEND: Final[dict[str, Callable[[Moment, NodeState, Step], str]]] = {
    "zone": _send_zone,
    "subzone": _send_subzone,
    "subzone_remove": _send_removal,
    "config": _send_config,
}


# ── answers ────────────────────────────────────────────────────────────────────────────────────────────
def on_zone(moment: Moment, event: ZoneAck) -> None:
    """`zone/ack`; old firmware names no correlation."""
    node = _waiting(moment, event.node, event.correlation, "zone")
    if node is not None:
        _answered(moment, node, event.status == "zone_assigned", event.reason, event.message)


def on_subzone(moment: Moment, event: SubzoneAck) -> None:
    """`subzone/ack`. A subzone the node does not know is as good as removed."""
    node = _waiting(moment, event.node, event.correlation, "subzone", "subzone_remove")
    if node is not None:
        gone = node.lane.steps[0].kind == "subzone_remove" and event.reason == "SUBZONE_NOT_FOUND"
        code = event.reason or str(event.error_code or "")
        _answered(moment, node, event.status != "error" or gone, code, event.message)


def on_config(moment: Moment, event: ConfigAnswer) -> None:
    """New firmware has the last word in its outcome; an error may come alone, and old firmware says only this."""
    node = _waiting(moment, event.node, event.correlation, "config")
    if node is None:
        return
    if event.status != "success":
        failed = "; ".join(f"pin {f.gpio} {f.error} {f.detail}".strip() for f in event.failures)
        _answered(moment, node, False, event.error_code, f"{event.message} {failed}".strip())
    elif not node.modern:
        _answered(moment, node, True, "", "")


def on_config_outcome(moment: Moment, event: IntentOutcome) -> None:
    """The final word on a push."""
    node = _waiting(moment, event.node, event.correlation, "config")
    if node is None or event.flow != "config" or event.outcome in ("accepted", "processing"):
        return
    _answered(moment, node, event.outcome in ("persisted", "applied"), event.code, event.reason)


def _waiting(moment: Moment, node_id: NodeId, correlation: str, *kinds: str) -> NodeState | None:
    """The node, if the head of its lane waits for just this."""
    node = moment.state.nodes.get(node_id)
    if node is None or not node.lane.steps or node.lane.sent_at is None:
        return None
    fits = correlation == node.lane.correlation or (not correlation and not node.modern)
    return node if fits and node.lane.steps[0].kind in kinds else None


def _answered(moment: Moment, node: NodeState, good: bool, code: str, message: str) -> None:
    lane = node.lane
    lane.sent_at = None
    moment.state.due.drop(("lane", node.id))
    if good:
        _learn(moment, node, lane.steps.popleft())
        lane.tries = 0
        _next(moment, node)
    elif (code in RETRYABLE or _overtaken(moment, node, code, message)) and lane.tries < TRIES:
        moment.state.due.set(("lane", node.id), moment.now + TRY_AGAIN)
    elif lane.steps[0].kind.startswith("subzone") and code not in RETRYABLE and len(lane.steps) > 1:
        # A label that the node does not take must not keep it from being configured.
        lane.left_out = f"{lane.steps.popleft().kind}: {code} {message}".strip()
        lane.tries = 0
        _next(moment, node)
    else:
        problem = f"{lane.steps[0].kind}: {code} {message}".strip()
        _stuck(moment, node, problem, again=code in RETRYABLE)


def _overtaken(moment: Moment, node: NodeState, code: str, message: str) -> bool:
    """Somebody configured it with higher numbers than ours: go on above the one it names."""
    applied = _APPLIED.search(message) if code.startswith("STALE_") else None
    if applied is None:
        return False
    _confirm(moment, node, {"generation": int(applied[1])})
    return True


def on_send_failed(moment: Moment, event: SendFailed) -> None:
    """What could not even be written is not tried again, and its own words say why."""
    for node in moment.state.nodes.values():
        if node.lane.steps and node.lane.sent_at is not None and node.lane.correlation == event.command:
            again = not event.final
            _stuck(moment, node, f"{node.lane.steps[0].kind}: {event.why}", again=again)
            return


def _learn(moment: Moment, node: NodeState, step: Step) -> None:
    if step.kind == "zone":
        _confirm(moment, node, step.learned)
        node.zone_assigned = True
    elif step.kind == "subzone":
        known = node.confirmed.subzones | {step.learned["subzone"]: step.learned["pins"]}
        _confirm(moment, node, {"subzones": known})
    elif step.kind == "subzone_remove":
        left = {k: v for k, v in node.confirmed.subzones.items() if k != step.learned["subzone"]}
        _confirm(moment, node, {"subzones": left})


def on_due(moment: Moment, node_id: NodeId) -> None:
    """The pause before another try is over, or no answer came."""
    node = moment.state.nodes[node_id]
    if not node.lane.steps:
        return
    if node.lane.sent_at is None:
        _next(moment, node)
    else:
        _answered(moment, node, False, "silent", f"no answer in {ANSWER_WITHIN // SECOND} s")


# ── drift ──────────────────────────────────────────────────────────────────────────────────────────────
def watch_drift(moment: Moment, node: NodeState, event: Heartbeat) -> None:
    """A node that counts less than it should, or has lost its zone, is told again, not more often than needed."""
    node.counts = (event.sensor_count, event.actuator_count)
    node.zone_assigned = event.zone_assigned
    there = [event.zone, event.master_zone]
    if event.zone_assigned and there == [node.zone, node.master_zone] and node.confirmed.zone != there:
        _confirm(moment, node, {"zone": there})
    lane = node.lane
    last = max(filter(None, (lane.converged_at, lane.given_up_at)), default=None)
    if last is None or lane.steps or moment.now - last < COOL_DOWN:
        return
    if lane.given_up_at is not None and not lane.again:
        return  # refused: not before the node has been away, or the site has changed
    unconfigured = event.state == PENDING_AFTER_RESET and node.confirmed.config
    if unconfigured:
        _confirm(moment, node, {"config": ""})
    wanted = wanted_config(moment.state, node.id)
    lacks = _lacks(node, wanted) and not unconfigured
    node.fruitless = node.fruitless + 1 if lacks else 0
    if node.fruitless > TRIES:
        counts = (
            f"{node.counts[0]} of {len(wanted.sensors)} sensors, {node.counts[1]} of {len(wanted.actuators)}"
        )
        _stuck(moment, node, f"it takes every configuration and counts {counts} actuators")
    elif lacks or unconfigured or lane.again or bool(node.zone and event.zone_assigned is False):
        begin(moment, node)


def abandon(moment: Moment, node: NodeState) -> None:
    """The node is gone: what it has not confirmed begins anew when it is back."""
    node.lane = Lane()
    moment.state.due.drop(("lane", node.id))
