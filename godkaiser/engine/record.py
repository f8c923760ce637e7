"""Writing down what a rule concluded, and what became of an intent."""

from __future__ import annotations

from typing import Final

from godkaiser.engine import deed
from godkaiser.engine.effect import Answer, Decision, Store
from godkaiser.engine.state import ActuatorState, ChainStep, Kept, Moment, RuleState, State
from godkaiser.model.ids import ActuatorId, RuleId
from godkaiser.model.instant import MINUTE
from godkaiser.model.intent import Intent
from godkaiser.model.outcome import Fate, Finding, Outcome
from godkaiser.model.truth import Truth
from godkaiser.rules.evaluate import Trace
from godkaiser.rules.explain import tell

DECIDED: Final = "decision"
CHANGED: Final = "truth"
SAMPLED: Final = "sample"
# Four an hour tell within minutes what a rule saw, and 96 a day are few beside its readings.
SAMPLED_EVERY: Final = 15 * MINUTE
# After a start all rules are due at once: the others are kept with their next evaluation, and no event takes long.
SAMPLED_AT_ONCE: Final = 20


def record_decision(moment: Moment, state: RuleState, note: str) -> None:
    """One row per change of a rule's truth or of its being active."""
    state.decided_at = moment.now
    text = trace_text(moment, state.trace)
    moment.state.counters["decisions"] += 1
    moment.emit(
        Store(Decision(state.rule.id, moment.now, state.truth.value, state.active, text, moment.seq, note))
    )
    keep_trace(moment, state, DECIDED, note)
    moment.tell("rule", state.rule.id)


def record_interrupted(moment: Moment, rule_id: RuleId, note: str) -> None:
    """What a rule was at when the last process ended; the rule itself may be gone."""
    moment.emit(Store(Decision(rule_id, moment.now, Truth.UNKNOWN.value, False, "", moment.seq, note)))
    state = moment.state.rules.get(rule_id)
    moment.kept.append(Kept(DECIDED, rule_id, Truth.UNKNOWN, False, None, note, state))


def look_back(moment: Moment, state: RuleState) -> None:
    """After an evaluation: is it one to keep although nothing was decided? Asked of every one, so it asks little."""
    if state.truth is not state.traced:
        keep_trace(moment, state, CHANGED, "")
    elif moment.now >= state.trace_due and len(moment.kept) < SAMPLED_AT_ONCE:
        keep_trace(moment, state, SAMPLED, "")


def keep_trace(moment: Moment, state: RuleState, kind: str, note: str) -> None:
    """With what stands in the way when the event has been handled."""
    state.traced, state.trace_due = state.truth, moment.now + SAMPLED_EVERY
    moment.kept.append(Kept(kind, state.rule.id, state.truth, state.active, state.trace, note, state))


def trace_text(moment: Moment, trace: Trace | None) -> str:
    """The trace in one line."""
    return "" if trace is None else say_trace(moment.state, trace)


def say_trace(state: State, trace: Trace) -> str:
    """The same for who only looks."""
    return tell(trace, state.name_of, state.unit_of)


def level(actuator: ActuatorState, value: float) -> str:
    """A value as people say it."""
    if actuator.spec.type == "pwm" and 0 < value < 1:
        return f"{value:.0%}"
    return "on" if value > 0 else "off"


def outcome_of(
    moment: Moment,
    intent: Intent,
    fate: Fate,
    message: str,
    findings: tuple[Finding, ...] = (),
    command: str = "",
) -> Outcome:
    """Where an intent stands now."""
    return Outcome(
        intent.id, intent.actuator, intent.value, fate, moment.now, intent.who, intent.origin.value, message,
        findings, command, intent.cause,
    )  # fmt: skip


def report(moment: Moment, outcome: Outcome) -> None:
    """Keep it, and tell who asked and who looks."""
    actuator = moment.state.actuators.get(outcome.actuator)
    if actuator is not None and outcome.fate is not Fate.SUPERSEDED:
        actuator.last = outcome
    moment.emit(Store(outcome))
    deed.on_outcome(moment, outcome)
    moment.emit(Answer(outcome))
    moment.tell("actuator", outcome.actuator)


def chain(moment: Moment, actuator_id: ActuatorId, step: ChainStep) -> None:
    """One more hop of the story behind an actuator's last command."""
    actuator = moment.state.actuators.get(actuator_id)
    if actuator is not None:
        actuator.chain = [*actuator.chain[-20:], step]
