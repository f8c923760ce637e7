"""Rules with steps: one after the other, looked at after every event, so that nothing waits in between.

They are ended, and everything they switched goes back to safe, as soon as the rule no longer acts: it is no longer
true, switched off, stopped, or has had its time. A step that has failed ends them as well, unless the rule goes on.
After a restart they are not taken up again: what they had switched goes safe, and a decision says so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final, cast

from godkaiser.engine import deed, toggle
from godkaiser.engine.actuation import safe_intent, submit
from godkaiser.engine.decide import is_free, story
from godkaiser.engine.effect import Journal
from godkaiser.engine.notice import notify
from godkaiser.engine.record import record_decision, record_interrupted
from godkaiser.engine.state import Course, Moment, RuleState, State
from godkaiser.engine.tally import DONE, MISSED
from godkaiser.engine.wish import settle_actuator, wish_of
from godkaiser.model.ids import ActuatorId, RuleId
from godkaiser.model.instant import MINUTE, SECOND, Duration, Instant
from godkaiser.model.truth import Truth
from godkaiser.rules.evaluate import evaluate
from godkaiser.rules.explain import describe
from godkaiser.rules.memory import Memory
from godkaiser.rules.rule import Notify, Pause, Step, Turn, Until

INTERRUPTED: Final = "a restart ended its steps"
SPENT: Final = "what its steps switched has had its time"


def watch(moment: Moment) -> None:
    """After every event."""
    for rule_id, switched in tuple(moment.state.interrupted.items()):
        _interrupted(moment, rule_id, switched)
    for rule_id in tuple(moment.state.courses):
        state = moment.state.rules.get(rule_id)
        if state is None or state.course is None or not state.active:
            _over(moment, rule_id, state)
        else:
            _follow(moment, state, state.course)


def _follow(moment: Moment, state: RuleState, course: Course) -> None:
    """As far as it comes now."""
    lost = next((actuator for actuator in sorted(course.holds) if not _wished(moment, state, actuator)), None)
    if lost is not None:
        _abort(moment, state, f"{moment.state.name_of(lost)} was taken from it")
        return
    while state.course is course and course.phase != "done" and _advance(moment, state, course):
        pass
    if state.course is course and course.phase == "done":
        _settled(moment, state, course)


def _wished(moment: Moment, state: RuleState, actuator: ActuatorId) -> bool:
    return state.rule.id in moment.state.wishes.get(actuator, {})


def _advance(moment: Moment, state: RuleState, course: Course) -> bool:
    """One move; false when it has to wait, or is over."""
    if course.at == len(state.rule.steps):
        course.phase, course.until = "done", None
        moment.emit(Journal("course", state.rule.id, None))
        moment.tell("rule", state.rule.id)
        return False
    step = state.rule.steps[course.at]
    if course.phase == "begin":
        return _begin(moment, state, course, step)
    if course.phase == "doing":
        return _doing(moment, state, course, step)
    if _time_left(moment, state, course):
        return False
    course.at, course.phase, course.until, course.tries = course.at + 1, "begin", None, 1
    course.sent.clear()
    moment.tell("rule", state.rule.id)
    return True


def _time_left(moment: Moment, state: RuleState, course: Course) -> bool:
    if course.until is None or moment.now >= course.until:
        return False
    moment.state.due.sooner(("course", state.rule.id), course.until)
    return True


def _begin(moment: Moment, state: RuleState, course: Course, step: Step) -> bool:
    action = step.action
    if isinstance(action, Notify):
        notify(moment, state, course.at, action)
        return _next(moment, course, step)
    if isinstance(action, Turn):
        turn = _turn(moment, state, course, action)
        if step.awaits is None:
            if turn is None:
                course.missed = (
                    course.missed or f"step {course.at + 1}: {toggle.why(moment.state, action.actuator)}"
                )
            else:
                course.open[turn.actuator] = turn.value
            return _next(moment, course, step)
        course.until = moment.now + step.awaits
        _count_sent(moment, course, action.actuator)
    else:
        course.until = moment.now + (action.lasting if isinstance(action, Pause) else action.within)
        course.memory = Memory()  # nothing of an earlier wait
    course.phase = "doing"
    return True


def _turn(moment: Moment, state: RuleState, course: Course, wanted: Turn) -> Turn | None:
    """The wish of the step before it for the same actuator is replaced. What a stop holds waits in vain.

    None: it toggles, and nobody knows what it is at.
    """
    turn = toggle.settle(moment, state.rule.id, wanted, str(course.at))
    if turn is None or not is_free(moment, state, turn.actuator):
        return turn
    wish = wish_of(state.rule, turn, moment.now, state.deeds[-1].cause)
    # As old as the run, so that the hold of a rule is not in the way of its own next step.
    lasting = None if wish.duration is None else moment.now - course.begun + wish.duration
    standing = moment.state.wishes.setdefault(turn.actuator, {})
    standing[state.rule.id] = replace(wish, since=course.begun, duration=lasting)
    course.holds.add(turn.actuator)
    settle_actuator(moment, turn.actuator, story(moment, state), anew=True)
    return turn


def _next(moment: Moment, course: Course, step: Step) -> bool:
    course.phase, course.until = "resting", moment.now + step.after
    return True


def _doing(moment: Moment, state: RuleState, course: Course, step: Step) -> bool:
    action = step.action
    if isinstance(action, Turn):
        _count_sent(moment, course, action.actuator)
    done = isinstance(action, Turn) and _is_so(moment, state, course, action)
    if isinstance(action, Until):
        result = evaluate(action.when, course.memory, moment.state, moment.now)
        done = result.truth is Truth.TRUE
        if not done and result.look_again is not None:
            moment.state.due.sooner(("course", state.rule.id), result.look_again)
    if done:
        return _next(moment, course, step)
    if _time_left(moment, state, course):
        return False
    return _next(moment, course, step) if isinstance(action, Pause) else _failed(moment, state, course, step)


def _is_so(moment: Moment, state: RuleState, course: Course, wanted: Turn) -> bool:
    """What could not be toggled, as nobody knew what it was at, is toggled as soon as that is known."""
    late = wanted.toggles and str(course.at) not in moment.state.settled.get(state.rule.id, {})
    turn = (
        _turn(moment, state, course, wanted)
        if late
        else toggle.settle(moment, state.rule.id, wanted, str(course.at))
    )
    return turn is not None and deed.is_so(moment, turn.actuator, turn.value)


def _failed(moment: Moment, state: RuleState, course: Course, step: Step) -> bool:
    if course.tries <= step.retry:
        course.tries, course.phase = course.tries + 1, "begin"
        return True
    reason = f"step {course.at + 1}: {_why(moment, course, step)}"
    if not step.goes_on:
        _abort(moment, state, reason)
        return False
    course.missed = course.missed or reason
    if isinstance(step.action, Turn):
        course.holds.discard(step.action.actuator)
        _withdraw(moment, state, step.action.actuator)
    return _next(moment, course, step)


def _sent(course: Course) -> str:
    return {0: "never sent", 1: "sent once"}.get(len(course.sent), f"sent {len(course.sent)} times")


def _count_sent(moment: Moment, course: Course, actuator: ActuatorId) -> None:
    """A try is no command yet: what is under way already is not sent again."""
    course.sent |= {p.command for p in moment.state.pending.values() if p.intent.actuator == actuator}


def _why(moment: Moment, course: Course, step: Step) -> str:
    action = step.action
    if isinstance(action, Until):
        when = describe(action.when, moment.state.name_of, moment.state.unit_of)
        return f"{when} was not so within {action.within / SECOND:g} s"
    turn = cast("Turn", action)  # nothing else fails
    actuator = moment.state.actuators.get(turn.actuator)
    said = "" if actuator is None or actuator.last is None else actuator.last.message
    if turn.toggles and toggle.opposite(moment.state, turn.actuator) is None:
        said = toggle.why(moment.state, turn.actuator)
    within = cast("int", step.awaits) / SECOND
    name = moment.state.name_of(turn.actuator)
    return f"{name} was not confirmed within {within:g} s, {_sent(course)}. {said}".strip()


def _settled(moment: Moment, state: RuleState, course: Course) -> None:
    """Nothing is left to do; what it wanted without waiting may still be on its way."""
    if all(deed.is_so(moment, actuator, value) for actuator, value in course.open.items()):
        course.open.clear()
        if deed.conclude(moment, state, course.missed):
            record_decision(moment, state, f"{MISSED}{course.missed}" if course.missed else DONE)
    turns = any(isinstance(step.action, Turn) for step in state.rule.steps)
    if turns and not course.holds:
        _spent(moment, state, SPENT, state.rule.cooldown)


def _spent(moment: Moment, state: RuleState, note: str, pause: Duration) -> None:
    """Not again before its cooldown, as after a lease that ran out."""
    state.active = False
    _over(moment, state.rule.id, state)
    deed.end(moment, state)
    state.ready_at = max(state.ready_at, moment.now + pause)
    moment.state.due.set(("rule", state.rule.id), state.ready_at)
    record_decision(moment, state, note)


def _abort(moment: Moment, state: RuleState, reason: str) -> None:
    deed.conclude(moment, state, reason)
    _spent(moment, state, reason, max(MINUTE, state.rule.cooldown))


def _over(moment: Moment, rule_id: RuleId, state: RuleState | None) -> None:
    """Whatever it still has goes back to safe."""
    moment.state.courses.pop(rule_id, None)
    moment.state.due.drop(("course", rule_id))
    course = None if state is None else state.course
    if course is None or course.phase != "done":
        moment.emit(Journal("course", rule_id, None))
    if state is None or course is None:
        return
    state.course = None
    toggle.forget(moment, rule_id)
    for actuator in sorted(course.holds):
        _withdraw(moment, state, actuator)
    moment.tell("rule", rule_id)


def _withdraw(moment: Moment, state: RuleState, actuator: ActuatorId) -> None:
    if moment.state.wishes.get(actuator, {}).pop(state.rule.id, None) is not None:
        settle_actuator(moment, actuator, story(moment, state))


# ── after a restart ────────────────────────────────────────────────────────────────────────────────────
def restore(state: State, rule_id: RuleId, data: dict[str, Any], now: Instant) -> None:
    """It was at its steps when the last process ended."""
    state.interrupted[rule_id] = [ActuatorId.parse(name) for name in data["actuators"]]
    state.due.set(("course", rule_id), now)


def _interrupted(moment: Moment, rule_id: RuleId, switched: list[ActuatorId]) -> None:
    del moment.state.interrupted[rule_id]
    for actuator_id in switched:
        actuator = moment.state.actuators.get(actuator_id)
        if actuator is not None and actuator.lease is not None and actuator.lease.who == f"rule:{rule_id}":
            submit(moment, safe_intent(moment, actuator.spec, INTERRUPTED))
    toggle.forget(moment, rule_id)
    record_interrupted(moment, rule_id, INTERRUPTED)
    moment.emit(Journal("course", rule_id, None))


def course_picture(state: RuleState, iso: Callable[[Instant | None], str | None]) -> dict[str, Any] | None:
    """Where a rule is in its steps; `step` counts from 1, `until` is when the time of the step is over."""
    course, count = state.course, len(state.rule.steps)
    if course is None:
        return None
    at = min(course.at + 1, count)
    return {"step": at, "of": count, "done": course.phase == "done", "until": iso(course.until)}
