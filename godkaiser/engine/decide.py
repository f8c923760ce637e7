"""Rules at work: evaluate, remember, and turn truth into standing wishes for actuators.

A wish stands while its rule is true. When it is no longer true the wish is withdrawn, and an actuator nobody
wants anything of goes back to its safe value. Cooldown counts from the last start, and from the end of a
lease that ran out.
"""

from __future__ import annotations

from typing import Final

from godkaiser.engine import deed, limits, toggle
from godkaiser.engine.effect import Journal
from godkaiser.engine.fitness import mark_degraded
from godkaiser.engine.record import look_back, record_decision, trace_text
from godkaiser.engine.state import ChainStep, Course, Moment, RuleState, State
from godkaiser.engine.tally import BEGUN
from godkaiser.engine.wish import kept_out, settle_actuator, wish_of
from godkaiser.model.event import ActuatorReport
from godkaiser.model.ids import ActuatorId, NodeId, RuleId, SeriesId
from godkaiser.model.instant import HOUR, SECOND, Instant, to_iso
from godkaiser.model.truth import Truth
from godkaiser.rules.condition import Presence, leaves
from godkaiser.rules.evaluate import evaluate
from godkaiser.rules.rule import inputs_of

AT_ONCE: Final = 20  # rules at their steps; others wait
LOOK_AGAIN: Final = 10 * SECOND


def reconsider(moment: Moment, rule_id: RuleId) -> None:
    """Evaluate a rule and act on what changed."""
    state = moment.state.rules[rule_id]
    if not state.rule.enabled:
        _withdraw(moment, state, "disabled")
        mark_degraded(moment, state)
        return
    state.memory.acting = state.active
    result = evaluate(state.rule.when, state.memory, moment.state, moment.now)
    deed.tally_of(moment, state)
    before, state.truth, state.trace = state.truth, result.truth, result.trace
    if result.look_again is not None:
        moment.state.due.sooner(("rule", rule_id), result.look_again)
    wanted = _wanted(moment, state)
    state.wanting_since = (state.wanting_since or moment.now) if wanted else None
    if not state.active:
        _leave(moment, state)
    if wanted and not state.active:
        _start(moment, state)
    elif not wanted and state.active:
        _withdraw(moment, state, "")
    elif wanted and _returning(moment, state):
        _wish(moment, state)
    elif before is not state.truth:
        record_decision(moment, state, "")
        _let_go(moment, state)
    if wanted:
        _listen(moment, state)
    look_back(moment, state)
    mark_degraded(moment, state)


def _listen(moment: Moment, state: RuleState) -> None:
    """No reading will wake a rule that has none and waits for a word of a node. Asked here: `is_free` only looks."""
    if inputs_of(state.rule.when):
        return
    known = (moment.state.actuators.get(turn.actuator) for turn in state.rule.actions)
    released = [a.id for a in known if a is not None and moment.state.stopped(a.id) is None]
    if not all(is_free(moment, state, actuator) for actuator in released):
        moment.state.due.sooner(("rule", state.rule.id), moment.now + LOOK_AGAIN)


def _wanted(moment: Moment, state: RuleState) -> bool:
    if state.truth is not Truth.UNKNOWN:
        state.hold_until = None
        return state.truth is Truth.TRUE
    policy = state.rule.when_unknown
    if policy.policy == "hold" and state.active:
        if state.hold_until is None:
            state.hold_until = moment.now + policy.lasting
        if moment.now < state.hold_until:
            moment.state.due.sooner(("rule", state.rule.id), state.hold_until)
        return moment.now < state.hold_until
    return policy.policy == "keep" and state.active


def _start(moment: Moment, state: RuleState) -> None:
    rule = state.rule
    wait = not_before(moment, state)
    if wait > moment.now:
        moment.state.due.sooner(("rule", rule.id), wait)
        return
    if rule.actions and not any(is_free(moment, state, turn.actuator) for turn in rule.actions):
        return
    if rule.steps and len(moment.state.courses) >= AT_ONCE:
        moment.state.due.sooner(("rule", rule.id), moment.now + LOOK_AGAIN)
        return
    held = kept_out(moment.state, state, moment.now)
    if held is not None:
        moment.state.due.sooner(("rule", rule.id), held)
        return
    state.active = True
    state.memory.started = moment.now
    state.starts.append(moment.now)
    state.ready_at = moment.now + rule.cooldown
    if not rule.steps:
        for turn in rule.actions:
            toggle.settle(moment, rule.id, turn)
    deed.begin(moment, state)
    record_decision(moment, state, BEGUN if rule.steps else "")
    if rule.steps:
        _set_out(moment, state)
        return
    _wish(moment, state)
    deed.look(moment, state)


def _set_out(moment: Moment, state: RuleState) -> None:
    """Its steps follow when this event is handled, see engine/course. Should we die meanwhile, that is known."""
    state.course = Course(moment.now)
    moment.state.courses[state.rule.id] = None
    switches = sorted({turn.actuator for turn in state.rule.actions})
    moment.emit(Journal("course", state.rule.id, {"begun": moment.now, "actuators": switches}))


def _wish(moment: Moment, state: RuleState) -> None:
    """For every actuator that no stop holds; the others follow when they are released."""
    rule = state.rule
    for wanted in rule.actions:
        standing = moment.state.wishes.get(wanted.actuator, {})
        if rule.id in standing or not is_free(moment, state, wanted.actuator):
            continue
        turn = toggle.settle(moment, rule.id, wanted)
        if turn is None:
            continue
        deed.learn(state, turn)
        cause = state.deeds[-1].cause if state.deciding else moment.seq
        wish = wish_of(rule, turn, moment.now, cause)
        moment.state.wishes.setdefault(turn.actuator, {})[rule.id] = wish
        settle_actuator(moment, turn.actuator, story(moment, state))


def _returning(moment: Moment, state: RuleState) -> bool:
    """Was an actuator it had lost to a stop released, and has it read anything since?"""
    if state.rule.steps:
        return False  # what it lost ended its steps
    lost = [
        t.actuator
        for t in toggle.turns(moment.state, state)
        if state.rule.id not in moment.state.wishes.get(t.actuator, {})
    ]
    return any(is_free(moment, state, actuator) for actuator in lost)


def not_before(moment: Moment, state: RuleState) -> int:
    """When its own cooldown and hourly limit let a rule start."""
    while state.starts and state.starts[0] <= moment.now - HOUR:
        state.starts.popleft()
    limit = state.rule.hourly_limit
    if limit is not None and len(state.starts) >= limit:
        return max(state.ready_at, state.starts[0] + HOUR)
    return state.ready_at


def is_free(moment: Moment, state: RuleState, actuator: ActuatorId) -> bool:
    """No stop holds it, and the rule has read something since one did: old readings made old wishes.

    One that reads nothing waits for a word of the actuator's node: the end of a stop switches nothing on.
    """
    known = moment.state.actuators.get(actuator)
    if known is None:
        return moment.state.stop.energising
    if moment.state.stopped(actuator) is not None:
        return False
    inputs = inputs_of(state.rule.when)
    if not inputs and known.released_at >= 0:
        return _heard_since(moment.state, actuator, known.released_at)
    readings = (moment.state.latest(*read) for read in inputs)
    return all(reading is None or reading.received_at > known.released_at for reading in readings)


def _heard_since(state: State, actuator: ActuatorId, at: Instant) -> bool:
    node = state.nodes.get(actuator.node)
    return node is not None and node.last_contact is not None and node.last_contact > at


def _withdraw(moment: Moment, state: RuleState, note: str) -> None:
    if not state.active:
        _leave(moment, state, runs=True)
        return
    state.active = False
    state.hold_until = None
    record_decision(moment, state, note)
    blind = state.rule.enabled and state.truth is Truth.UNKNOWN
    for turn in state.rule.actions:
        moment.state.wishes.get(turn.actuator, {}).pop(state.rule.id, None)
        settle_actuator(moment, turn.actuator, story(moment, state), protective=blind)
        if note and (actuator := moment.state.actuators.get(turn.actuator)) is not None:
            actuator.tenure = None  # a person changed the rules: the next one need not wait
    deed.end(moment, state)
    toggle.forget(moment, state.rule.id)
    state.wanting_since = None


def _let_go(moment: Moment, state: RuleState) -> None:
    """Its truth has changed, and what it had switched before a restart still runs: as if it had been active."""
    blind = state.truth is Truth.UNKNOWN and state.rule.when_unknown.policy == "safe"
    if blind or state.truth is Truth.FALSE:
        _leave(moment, state, runs=True)


def _leave(moment: Moment, state: RuleState, *, runs: bool = False) -> None:
    """It wants nothing: no wish of it may stand, as when the time of one of several actuators was up.

    `runs`: nor anything that it had switched before a restart.
    """
    blind = state.rule.enabled and state.truth is Truth.UNKNOWN
    if runs:
        toggle.forget(moment, state.rule.id)
    for turn in state.rule.actions:
        wish = moment.state.wishes.get(turn.actuator, {}).pop(state.rule.id, None)
        actuator = moment.state.actuators.get(turn.actuator)
        run = None if actuator is None or not actuator.inherited or not runs else actuator.lease
        if wish is not None or (run is not None and run.who == f"rule:{state.rule.id}"):
            settle_actuator(moment, turn.actuator, story(moment, state), protective=blind)


def story(moment: Moment, state: RuleState) -> list[ChainStep]:
    """From the payload to the decision."""
    steps: list[ChainStep] = []
    for series, least in sorted(inputs_of(state.rule.when), key=str):
        reading = moment.state.latest(series, least)
        if reading is not None:
            said = f"{series.node} reported raw {reading.raw:g} on pin {series.gpio} ({series.sensor_type})"
            steps.append(ChainStep("payload", reading.received_at, said, True))
            value = f"{reading.value:.4g} {reading.unit}" if reading.value is not None else "no value"
            text = f"{moment.state.name_of(series)}: {value}, measured {to_iso(reading.measured_at)}"
            steps.append(ChainStep("reading", reading.measured_at, f"{text}, {reading.quality.value}", True))
    verb = "holds" if state.active else "no longer holds"
    decided = f"Rule “{state.rule.name}” {verb}: {trace_text(moment, state.trace)}"
    return [*steps, ChainStep("decision", moment.now, decided, state.active)]


def reconsider_node(moment: Moment, node: NodeId) -> None:
    """A node came or went: rules that read it or act on it look again."""
    limits.on_node(moment, node)
    for rule in tuple(moment.state.touching.get(node, ())):
        reconsider(moment, rule)


def on_reported(moment: Moment, event: ActuatorReport) -> None:
    """Rules that want to toggle it, and could not know to what."""
    actuator = ActuatorId.of(event.node, event.gpio)
    for rule in tuple(moment.state.touching.get(event.node, ())):
        state = moment.state.rules[rule]
        if state.deciding and actuator in state.deeds[-1].lacking:
            reconsider(moment, rule)


def reconsider_presence(moment: Moment, node: NodeId) -> None:
    """A node is back: rules that ask whether it is there need not wait until it has been told everything."""
    for rule in tuple(moment.state.touching.get(node, ())):
        asked = leaves(moment.state.rules[rule].rule.when)
        if any(isinstance(leaf, Presence) and leaf.node == node for leaf in asked):
            reconsider(moment, rule)


def reconsider_all(moment: Moment) -> None:
    """Everything again: after a start, a change of rules, the end of a stop."""
    for rule_id in tuple(moment.state.rules):
        reconsider(moment, rule_id)


def on_stale(moment: Moment, series: SeriesId) -> None:
    """A reading grew too old: unknown from now on. One of a node that is away has been unknown since it went."""
    node = moment.state.nodes.get(series.node)
    if node is not None and node.online is False:
        return
    moment.tell("sensor", series)
    limits.on_series(moment, series)
    for rule_id in moment.state.rules_reading(series):
        reconsider(moment, rule_id)


def drop_rule(moment: Moment, state: RuleState) -> None:
    """A rule is removed: what it wanted is no longer wanted."""
    _withdraw(moment, state, "removed")


def wishers_of(moment: Moment, actuator: ActuatorId) -> list[RuleState]:
    """Rules whose wish stands for an actuator."""
    rules = moment.state.rules.values()
    return [r for r in rules if r.active and any(t.actuator == actuator for t in r.rule.actions)]
