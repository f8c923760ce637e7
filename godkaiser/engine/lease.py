"""Leases: every ON has an end, journalled before the command leaves. A run is as long as its lease stands.

While an actuator is on, its lease is written again every minute with the time: should the clock be set back before
the next start, that much is known of the run.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from godkaiser.engine import deed, past, toggle
from godkaiser.engine.effect import Journal
from godkaiser.engine.record import record_decision
from godkaiser.engine.state import SAME, ActuatorState, Moment, RuleState, State
from godkaiser.model.ids import ActuatorId, RuleId
from godkaiser.model.instant import MINUTE, SECOND, Duration, Instant
from godkaiser.model.intent import Intent
from godkaiser.rules.arbitrate import PERSONS
from godkaiser.safety.budget import time_left
from godkaiser.safety.permissive import look_again
from godkaiser.safety.watch import Lease

TOLD_EVERY: Final = MINUTE
UNBOUNDED: Final = 10 * SECOND  # of what states no maximum on-time


def grant(moment: Moment, actuator: ActuatorState, intent: Intent, command: str, lease: Duration) -> None:
    """What the gate allowed. A run that goes on keeps its beginning."""
    if moment.state.history(actuator.id).resting:
        past.started(moment, actuator)
    since = actuator.lease.since if actuator.lease is not None else moment.now
    actuator.inherited = False
    _hold(moment, actuator, Lease(actuator.id, intent.value, since, moment.now + lease, command, intent.who))


def take_over(moment: Moment, actuator: ActuatorState, who: str, left: Duration | None) -> None:
    """It is on already, as somebody wants it who has it now: the run goes on, and ends no later than theirs."""
    run = actuator.lease
    if run is None:
        return
    until = run.until if left is None else min(run.until, moment.now + max(0, left))
    if (run.who, run.until) != (who, until):
        actuator.inherited = False
        _hold(moment, actuator, replace(run, who=who, until=until))


def _hold(moment: Moment, actuator: ActuatorState, lease: Lease) -> None:
    actuator.lease = lease
    moment.state.due.set(("lease", actuator.id), lease.until)
    tell(moment, actuator, lease)
    again = look_again(actuator.spec, moment.state.timezone, moment.now)
    if again is not None:
        moment.state.due.set(("permit", actuator.id), again)


def tell(moment: Moment, actuator: ActuatorState, lease: Lease) -> None:
    """Into the journal, with the time it is."""
    moment.emit(Journal("lease", actuator.id, {**_data(lease), "told": moment.now}))
    moment.state.due.set(("told", actuator.id), moment.now + TOLD_EVERY)


def on_told(moment: Moment, actuator_id: ActuatorId) -> None:
    """Another minute of a run that is counted."""
    actuator = moment.state.actuators.get(actuator_id)
    if actuator is not None and actuator.lease is not None:
        tell(moment, actuator, actuator.lease)


def adopt(moment: Moment, actuator: ActuatorState) -> None:
    """On by somebody else's doing (the node's own rule, a restart of ours): it still ends."""
    past.started(moment, actuator)
    until = moment.now + _allowed(moment, actuator)
    _hold(moment, actuator, Lease(actuator.id, actuator.reported or 0.0, moment.now, until, "", "node"))


def _allowed(moment: Moment, actuator: ActuatorState) -> Duration:
    """Nothing may be on during a stop, while disabled, or against our last word, whoever switched it."""
    if moment.state.stopped(actuator.id) is not None or not actuator.spec.enabled:
        return 0
    if actuator.wished is not None and abs(actuator.wished - actuator.spec.safe_value) < SAME:
        adopted = moment.state.due.get(("adopt", actuator.id.node))
        return 0 if adopted is None else max(0, adopted - moment.now)
    longest = round((actuator.spec.longest_on_s or UNBOUNDED / SECOND) * SECOND)
    left = time_left(actuator.history, actuator.spec, moment.now)
    return longest if left is None else min(longest, left)


def _data(lease: Lease) -> dict[str, object]:
    return {
        "value": lease.value,
        "since": lease.since,
        "until": lease.until,
        "command": lease.command,
        "who": lease.who,
    }


def shorten(moment: Moment, actuator: ActuatorState) -> None:
    """Its limits were changed: a run never outlasts them."""
    run, spec = actuator.lease, actuator.spec
    if run is None:
        return
    left = time_left(moment.state.history(actuator.id), spec, moment.now)
    latest = run.since + round((spec.longest_on_s or 0.0) * SECOND)
    until = min(latest, run.until if left is None else moment.now + left)
    if until < run.until:
        _hold(moment, actuator, replace(run, until=max(until, moment.now)))


def release_lease(moment: Moment, actuator: ActuatorState, *, never_began: bool = False) -> None:
    """Safe, and known to be: the lease is over."""
    moment.state.due.drop(("lease", actuator.id))
    if actuator.lease is None:
        return
    if never_began:
        past.undo(moment, actuator, actuator.lease.since)
    else:
        past.finished(moment, actuator)
    actuator.lease, actuator.inherited = None, False
    moment.emit(Journal("lease", actuator.id, None))


def restore_lease(state: State, actuator: ActuatorState, data: dict[str, Any], now: Instant) -> None:
    """A lease the journal kept. A clock that was set back since must not prolong it, nor shorten the run."""
    spec = actuator.spec
    ago = max(0, data.get("told", data["since"]) - now)
    since, until = data["since"] - ago, data["until"] - ago
    actuator.lease = Lease(actuator.id, data["value"], since, until, data["command"], data["who"])
    left = time_left(state.history(actuator.id), spec, now)
    longest = round((spec.longest_on_s or 0) * SECOND)
    latest = now + (longest if left is None else min(longest, left))
    until = min(until, latest if spec.enabled else now)
    actuator.lease, actuator.inherited = replace(actuator.lease, until=until), True
    state.due.set(("lease", actuator.id), max(now, until))
    state.due.set(("permit", actuator.id), now)


def spend(moment: Moment, key: str, pulse: ActuatorId | None = None) -> None:
    """A rule has had its time: not again before its cooldown. `pulse`: only that actuator has had what it was given.

    A rule with steps goes on after a pulse.
    """
    rule = moment.state.rules.get(RuleId.known(key)) if key != PERSONS else None
    if rule is not None and rule.course is not None and pulse is not None:
        rule.course.holds.discard(pulse)
        rule.course.open.pop(pulse, None)
    elif rule is not None:
        rule.active = False
        toggle.forget(moment, rule.rule.id)
        deed.end(moment, rule)
        _rest(moment, rule)
        record_decision(moment, rule, "its time is up")
        moment.state.due.sooner(("rule", rule.rule.id), moment.now)  # its other actuators go back as well


def rest_after(moment: Moment, lease: Lease) -> None:
    """One from before a restart is over: whose it was waits for its cooldown, although nothing stands for it."""
    name = lease.who.removeprefix("rule:")
    rule = moment.state.rules.get(RuleId.known(name)) if name != lease.who else None
    if rule is not None and not rule.active:
        toggle.forget(moment, rule.rule.id)
        _rest(moment, rule)


def _rest(moment: Moment, rule: RuleState) -> None:
    rule.ready_at = max(rule.ready_at, moment.now + rule.rule.cooldown)
    moment.state.due.set(("rule", rule.rule.id), rule.ready_at)
