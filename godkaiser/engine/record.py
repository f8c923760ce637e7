"""Writing down what a rule concluded."""

from __future__ import annotations

from godkaiser.engine.effect import Decision, Store
from godkaiser.engine.state import Moment, RuleState
from godkaiser.rules.evaluate import Trace
from godkaiser.rules.explain import tell


def record_decision(moment: Moment, state: RuleState, note: str) -> None:
    """One row per change of a rule's truth or of its being active."""
    state.decided_at = moment.now
    text = trace_text(moment, state.trace)
    moment.state.counters["decisions"] += 1
    moment.emit(
        Store(Decision(state.rule.id, moment.now, state.truth.value, state.active, text, moment.seq, note))
    )
    moment.tell("rule", state.rule.id)


def trace_text(moment: Moment, trace: Trace | None) -> str:
    """The trace in one line."""
    return "" if trace is None else tell(trace, moment.state.name_of, moment.state.unit_of)
