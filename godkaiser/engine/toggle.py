"""TOGGLE: what a rule makes of an actuator is settled once, when it begins, as the opposite of what is reported.

From then on it is a value like any other, until the rule ends; also over a restart, as the journal keeps it. While
nobody knows what an actuator is at nothing is settled, and nothing is wanted of it: unknown is not off.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from godkaiser.engine.effect import Journal
from godkaiser.engine.state import Moment, RuleState, State
from godkaiser.model.ids import ActuatorId, RuleId
from godkaiser.model.instant import Instant
from godkaiser.rules.rule import Turn


def opposite(state: State, actuator_id: ActuatorId) -> float | None:
    """On (1.0) for what its node reports at 0, off (0.0) for anything else; None while nobody knows.

    A report from before its node was back, or from before it was sent elsewhere, says nothing about now.
    """
    actuator, node = state.actuators.get(actuator_id), state.nodes.get(actuator_id.node)
    if actuator is None or node is None or node.online is not True or node.adopting:
        return None
    if actuator.reported is None or actuator.reported_at is None:
        return None
    if actuator.reported_at < max(actuator.turned_at, node.back_at):
        return None
    return 0.0 if actuator.reported > 0 else 1.0


def settle(moment: Moment, rule: RuleId, turn: Turn, place: str = "") -> Turn | None:
    """The turn with its value. `place`: of a step in its rule, which settles for itself. None: nobody knows yet."""
    if not turn.toggles:
        return turn
    kept, key = moment.state.settled.get(rule, {}), place or turn.actuator
    value = kept.get(key)
    if value is None:
        value = opposite(moment.state, turn.actuator)
        if value is None:
            return None
        moment.state.settled[rule] = kept | {key: value}
        moment.emit(Journal("toggle", rule, dict(moment.state.settled[rule])))
    return replace(turn, value=value, toggles=False)


def forget(moment: Moment, rule: RuleId) -> None:
    """The rule is over: it settles anew when it begins the next time."""
    if moment.state.settled.pop(rule, None) is not None:
        moment.emit(Journal("toggle", rule, None))


def restore(state: State, rule: RuleId, data: dict[str, Any], now: Instant) -> None:  # noqa: ARG001 - as every restore
    """What was settled before the restart; a rule that is gone takes it with it."""
    if rule in state.rules:
        state.settled[rule] = dict(data)


def turns(state: State, rule: RuleState) -> tuple[Turn, ...]:
    """What it switches to what: as settled, else as it would be now. What nobody knows is left out."""
    if not rule.rule.toggling:
        return rule.rule.actions
    known = (_known(state, rule, turn) for turn in rule.rule.actions)
    return tuple(turn for turn in known if turn is not None)


def _known(state: State, rule: RuleState, turn: Turn) -> Turn | None:
    if not turn.toggles:
        return turn
    value = state.settled.get(rule.rule.id, {}).get(turn.actuator)
    standing = state.wishes.get(turn.actuator, {}).get(rule.rule.id)
    if value is None:
        value = opposite(state, turn.actuator) if standing is None else standing.value
    return None if value is None else replace(turn, value=value, toggles=False)


def unclear(state: State, rule: RuleState) -> Iterator[ActuatorId]:
    """What it would toggle, were it known what that is at."""
    if rule.rule.toggling:
        clear = {turn.actuator for turn in turns(state, rule)}
        yield from dict.fromkeys(t.actuator for t in rule.rule.actions if t.actuator not in clear)


def why(state: State, actuator: ActuatorId) -> str:
    """Why it is not toggled."""
    return f"{state.name_of(actuator)} is not toggled: nobody knows what it is at"
