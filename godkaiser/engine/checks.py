"""What the checks of the existing system find here, by what the engine knows: healthy, warning, critical, or nothing.

Of many things: healthy when all are well, critical when none is, a warning in between. While something is not known
that would decide it, nothing is found (None).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Final

from godkaiser.alarms.kind import Priority
from godkaiser.model.check import OF_RULES, Status
from godkaiser.model.ids import ActuatorId, NodeId, RuleId, SeriesId
from godkaiser.model.instant import Instant
from godkaiser.model.outcome import Fate
from godkaiser.model.quantity import Freshness, Quality
from godkaiser.safety.stop import Phase

if TYPE_CHECKING:
    from godkaiser.engine.state import ActuatorState, Moment, RuleState, State

_FAILED: Final = (Fate.REJECTED, Fate.FAILED, Fate.EXPIRED)
_WELL: Final = (Quality.GOOD, Quality.UNCALIBRATED)
_SELDOM: Final = ("paused", "on_demand")  # nobody misses what was never asked for


def status(state: State, check: str, asks: RuleId, now: Instant) -> Status | None:
    """What a check finds for the rule that asks; None: nobody knows."""
    look = _LOOKS.get(check)
    return None if look is None else look(state, asks, now)


def watch(moment: Moment) -> None:
    """After an event: rules whose checks find something else than before look again, at once but after it."""
    state = moment.state
    for rule, asked in state.diagnosing.items():
        found = tuple(status(state, one.check, rule, moment.now) for one in asked)
        if state.diagnosed.get(rule) != found:
            state.diagnosed[rule] = found
            state.due.sooner(("rule", rule), moment.now)


def _of_many(wells: Iterable[bool | None]) -> Status | None:
    told = list(wells)
    well, ill = told.count(True), told.count(False)
    if well + ill < len(told) and not (well and ill):
        return None
    if not told:
        return None
    return "healthy" if not ill else "warning" if well else "critical"


# ── one by one ─────────────────────────────────────────────────────────────────────────────────────────
def _server(state: State, asks: RuleId, now: Instant) -> Status | None:  # noqa: ARG001 - as every look
    """Who asks is there."""
    return "healthy"


def _mqtt(state: State, asks: RuleId, now: Instant) -> Status | None:  # noqa: ARG001 - as every look
    if state.link.since is None:
        return None
    return "healthy" if state.link.up else "critical"


def _nodes(state: State, asks: RuleId, now: Instant) -> Status | None:  # noqa: ARG001 - as every look
    return _of_many(node.online for node in state.nodes.values() if node.status == "approved")


def _sensors(state: State, asks: RuleId, now: Instant) -> Status | None:  # noqa: ARG001 - as every look
    declared = {series for series in state.sensor_specs if state.bound(series) is None}
    unheard = (
        None for series in declared if _ours(state, series.node) and not _seldom_declared(state, series)
    )
    return _of_many([*unheard, *_heard(state, now)])


def _heard(state: State, now: Instant) -> Iterator[bool | None]:
    for sensor in state.sensors.values():
        if not _ours(state, sensor.id.node) or sensor.mode == "paused":
            continue
        if sensor.latest is None:
            if sensor.mode not in _SELDOM:
                yield None
            continue
        fresh = state.age_class(sensor, sensor.latest, now) in (Freshness.FRESH, Freshness.LATE)
        yield fresh and sensor.latest.quality in _WELL


def _ours(state: State, node_id: NodeId) -> bool:
    node = state.nodes.get(node_id)
    return node is not None and node.status == "approved"


def _seldom_declared(state: State, series: SeriesId) -> bool:
    return state.mode_of(state.sensor_specs[series]) in _SELDOM


def _actuators(state: State, asks: RuleId, now: Instant) -> Status | None:  # noqa: ARG001 - as every look
    """Without those that the rule itself switches. A stop that forbids one of them is critical."""
    rule = state.rules.get(asks)
    own = frozenset[ActuatorId]() if rule is None else rule.rule.switches
    others = [
        a for a in state.actuators.values() if a.id not in own and a.spec.enabled and _ours(state, a.id.node)
    ]
    if any(standing.stop.phase is not Phase.ACTIVE for standing in state.stops.values()):
        return None  # a stop is being cleared: what is so in between must start nothing
    if any(state.stopped(actuator.id) is not None for actuator in others):
        return "critical"
    return _of_many(_obeys(state, actuator) for actuator in others)


def _obeys(state: State, actuator: ActuatorState) -> bool | None:
    node = state.nodes[actuator.id.node]
    if node.online is not True or actuator.reported is None:
        return None
    failed = actuator.last is not None and actuator.last.fate in _FAILED
    return not failed and actuator.emergency in ("", "normal")


def _rules(state: State, asks: RuleId, now: Instant) -> Status | None:  # noqa: ARG001 - as every look
    mine = introspective(state, asks)
    others = [r for r in state.rules.values() if r.rule.enabled and r.rule.id not in mine]
    if not others:
        return "healthy"  # nothing is wrong with no rule
    return _of_many(_works(rule) for rule in others)


def _works(rule: RuleState) -> bool | None:
    """None: it was not evaluated yet, or nothing was heard since the start, which need not mean anything."""
    if rule.hindrance is None:
        return None if rule.trace is None else True
    return None if rule.hindrance.never else False


def _alarms(state: State, asks: RuleId, now: Instant) -> Status | None:  # noqa: ARG001 - as every look
    """Those that hold and that nobody set aside."""
    if not state.alarms.looked:
        return None
    mine = introspective(state, asks)
    standing = [a for a in state.alarms.watch.standing.values() if a.holds and not a.state.suppressed]
    ranks = [alarm.priority for alarm in standing if alarm.source not in mine]
    return "healthy" if not ranks else "critical" if max(ranks) is Priority.CRITICAL else "warning"


def introspective(state: State, asks: RuleId) -> frozenset[str]:
    """Who asks, and every rule that asks for rules or alarms."""
    others = (rule for rule, asked in state.diagnosing.items() if any(one.check in OF_RULES for one in asked))
    return frozenset({asks, *others})


_LOOKS: Final[dict[str, Callable[[State, RuleId, Instant], Status | None]]] = {
    "server": _server,
    "mqtt": _mqtt,
    "esp_devices": _nodes,
    "sensors": _sensors,
    "actuators": _actuators,
    "logic_engine": _rules,
    "alerts": _alarms,
}
