"""What people see of the hold of a rule: who switched an actuator last, until when, and who waits for that."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from godkaiser.engine import toggle
from godkaiser.engine.fitness import clock
from godkaiser.engine.state import ActuatorState, State
from godkaiser.engine.wish import held_back, wish_of
from godkaiser.model.instant import Instant, to_iso
from godkaiser.rules.arbitrate import Wish, settle


def rule_hold(state: State, actuator: ActuatorState, now: Instant) -> dict[str, Any] | None:
    """`waits`: the rule that would energise it, were it not for that; None when nobody wants to."""
    tenure = actuator.tenure
    if tenure is None or now >= tenure.until:
        return None
    wish = _waits(state, actuator, now)
    return {"rule": tenure.who, "until": to_iso(tenure.until), "waits": None if wish is None else wish.who}


def _waits(state: State, actuator: ActuatorState, now: Instant) -> Wish | None:
    """The strongest of those that stand and those that rules would begin with."""
    standing = state.wishes.get(actuator.id, {})
    coming = [
        wish_of(one.rule, turn, now, 0)
        for one in state.rules.values()
        if one.wanting_since is not None and not one.active
        for turn in toggle.turns(state, one)
        if turn.actuator == actuator.id
    ]
    winner = settle((*standing.values(), *coming), actuator.spec.safe_value).winner
    return None if held_back(actuator, winner, now) is None else winner


def waiting(state: State, actuator: ActuatorState, now: Instant) -> Iterator[str]:
    """As `why` says it."""
    wish, tenure = _waits(state, actuator, now), actuator.tenure
    if wish is not None and tenure is not None:
        yield (
            f"Rule “{state.name_of(wish.who)}” waits until {clock(state, tenure.until)}: rule "
            f"“{state.name_of(tenure.who)}” switched it last, and no rule of the same or a weaker priority "
            "may energise it before"
        )
