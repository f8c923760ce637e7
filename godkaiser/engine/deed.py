"""Following what a rule wanted until a node confirms it. What was only evaluated, or only sent, is no success."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from godkaiser.engine import toggle
from godkaiser.engine.effect import Store
from godkaiser.engine.state import SAME, Moment, RuleState
from godkaiser.engine.tally import ENDED, Deed, Tally, turned, word
from godkaiser.model.ids import ActuatorId
from godkaiser.model.outcome import Fate, Outcome
from godkaiser.rules.rule import Turn

HELD: Final = "a stop holds it, or nothing was read since one did"


def begin(moment: Moment, state: RuleState) -> None:
    """A rule wants something from now on: one decision, however often it is evaluated while it stands."""
    end(moment, state)
    # One with steps says itself when they are done.
    mine = () if state.rule.steps else toggle.turns(moment.state, state)
    lacking = set() if state.rule.steps else set(toggle.unclear(moment.state, state))
    wants = {turn.actuator: turn.value for turn in mine}
    state.deeds.append(Deed(moment.now, moment.seq, wants, lacking=lacking))
    state.deciding = True


def tally_of(moment: Moment, state: RuleState) -> Tally:
    """Counted since the controller knows the rule."""
    if state.tally is None:
        state.tally = Tally(moment.now)
    return state.tally


def end(moment: Moment, state: RuleState) -> None:
    """It wants that no longer; what no node has confirmed by now was not carried out."""
    if state.deciding:
        state.deciding = False
        if state.deeds[-1].carried_out is None:
            _turn(moment, state, False, ENDED)


def _turn(moment: Moment, state: RuleState, carried_out: bool, reason: str) -> None:
    deed = state.deeds[-1]
    before, deed.carried_out, deed.reason = deed.carried_out, carried_out, reason
    for tally in (tally_of(moment, state), state.lately):
        if tally is not None:
            tally.count(deed, before)
    moment.tell("rule", state.rule.id)


def on_outcome(moment: Moment, outcome: Outcome) -> None:
    """What became of a command: whose decision was it, and who else wanted just that?"""
    for state in moment.state.rules.values():
        if state.deciding and outcome.actuator in state.deeds[-1].wants:
            _heed(moment, state, outcome)


def _heed(moment: Moment, state: RuleState, outcome: Outcome) -> None:
    deed = state.deeds[-1]
    same = abs(deed.wants[outcome.actuator] - outcome.value) < SAME
    if outcome.who not in (state.rule.id, f"rule:{state.rule.id}"):
        if same and outcome.fate is Fate.CONFIRMED and _standing(moment, state, outcome.actuator):
            already(moment, state, outcome.actuator, f"the node confirmed it to {outcome.who}")
        return
    good = turned(outcome.fate)
    if not same:
        # Of an earlier decision: it says nothing of this one, but where the node is now.
        if good:
            deed.confirmed.discard(outcome.actuator)
        return
    deed.outranked = outcome.fate is Fate.SUPERSEDED
    if good:
        _confirmed(moment, state, outcome.actuator)
    elif good is False and outcome.actuator not in deed.confirmed:
        _turn(moment, state, False, outcome.message)


def _standing(moment: Moment, state: RuleState, actuator: ActuatorId) -> bool:
    """Is it the rule's wish that was fulfilled, not merely one like it?"""
    return state.rule.id in moment.state.wishes.get(actuator, {})


def already(moment: Moment, state: RuleState, actuator: ActuatorId, message: str) -> None:
    """No command of its own was needed."""
    if actuator not in state.deeds[-1].confirmed:
        _write(moment, state, actuator, Fate.CONFIRMED, message)
        _confirmed(moment, state, actuator)


def _write(moment: Moment, state: RuleState, actuator: ActuatorId, fate: Fate, message: str) -> None:
    """As an outcome, although there was no command: who reads the decisions later finds what became of each."""
    deed, who, intent = state.deeds[-1], f"rule:{state.rule.id}", moment.new_id("i")
    value = deed.wants.get(actuator, _as_it_is(moment, actuator))
    outcome = Outcome(intent, actuator, value, fate, moment.now, who, "rule", message)
    moment.emit(Store(replace(outcome, cause=deed.cause)))


def _as_it_is(moment: Moment, actuator_id: ActuatorId) -> float:
    """What is wanted of it already: it stays so, as nobody knows what else it is to be."""
    actuator = moment.state.actuators.get(actuator_id)
    if actuator is None or actuator.wished is None:
        return 0.0 if actuator is None else actuator.spec.safe_value
    return actuator.wished


def learn(state: RuleState, turn: Turn) -> None:
    """What a toggled actuator is to be is settled only now."""
    if state.deciding and turn.actuator in state.deeds[-1].lacking:
        state.deeds[-1].lacking.discard(turn.actuator)
        state.deeds[-1].wants[turn.actuator] = turn.value


def _confirmed(moment: Moment, state: RuleState, actuator: ActuatorId) -> None:
    deed = state.deeds[-1]
    deed.confirmed.add(actuator)
    if deed.confirmed == set(deed.wants) and not deed.lacking and deed.carried_out is not True:
        _turn(moment, state, True, "")


def conclude(moment: Moment, state: RuleState, missed: str) -> bool:
    """Of a rule with steps: they are done, or why they are not. True when that is new."""
    new = state.deciding and state.deeds[-1].word != word(not missed)
    if new:
        _turn(moment, state, not missed, missed)
    return new


def look(moment: Moment, state: RuleState) -> None:
    """After it wished: what is so by the node's word already, and what did it not even wish for?"""
    for actuator in tuple(state.deeds[-1].wants) if state.deciding else ():
        if not _standing(moment, state, actuator):
            _write(moment, state, actuator, Fate.REFUSED, HELD)
            _turn(moment, state, False, HELD)
        elif is_so(moment, actuator, state.deeds[-1].wants[actuator]):
            already(moment, state, actuator, "the node reports it already")
    for actuator in sorted(state.deeds[-1].lacking) if state.deciding else ():
        text = toggle.why(moment.state, actuator)
        _write(moment, state, actuator, Fate.REFUSED, text)
        _turn(moment, state, False, text)


def is_so(moment: Moment, actuator_id: ActuatorId, value: float) -> bool:
    """By the word of a node that is there, as it was told last, and with nothing under way."""
    actuator, node = moment.state.actuators.get(actuator_id), moment.state.nodes.get(actuator_id.node)
    if actuator is None or actuator.reported is None or actuator.wished is None:
        return False
    so = max(abs(actuator.reported - value), abs(actuator.wished - value)) < SAME
    busy = any(p.intent.actuator == actuator_id for p in moment.state.pending.values())
    return so and not busy and node is not None and node.online is True
