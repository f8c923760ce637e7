"""What is left to an actuator now: seconds, starts, until when it is locked, and who ends its runs in time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from godkaiser.engine.state import ActuatorState, State
from godkaiser.model.instant import SECOND, Instant, to_iso
from godkaiser.model.intent import Intent, Origin
from godkaiser.model.outcome import Finding
from godkaiser.model.site import ActuatorSpec
from godkaiser.model.view import SafetyView
from godkaiser.safety.budget import starts_left, time_left
from godkaiser.safety.limit import cooldown, min_off, on_budget, start_budget

Limit = Callable[[Intent, ActuatorSpec, SafetyView, Instant], Finding | None]
LOCKS: Final[tuple[Limit, ...]] = (min_off, cooldown, start_budget, on_budget)


def limits_picture(state: State, actuator: ActuatorState, now: Instant) -> dict[str, Any]:
    """`on_left_s` None: no budget is stated. `locked_until` None: none of its own limits keeps it off."""
    spec, past = actuator.spec, state.history(actuator.id)
    left, lock = time_left(past, spec, now), _lock(state, actuator, now)
    return {
        "on_left_s": None if left is None else left / SECOND,
        "on_budget_s": spec.on_budget_s,
        "on_window_s": None if spec.on_budget_s is None else spec.on_window_s,
        "starts_left": starts_left(past, spec.starts_per_hour, now),
        "starts_per_hour": spec.starts_per_hour,
        "locked_until": None if lock is None or lock.until is None else to_iso(lock.until),
        "why": None if lock is None else lock.sentence,
    }


def _lock(state: State, actuator: ActuatorState, now: Instant) -> Finding | None:
    """The limit that keeps it off longest, as the gate would say it to a person."""
    spec = actuator.spec
    away = 0.0 if spec.safe_value == 1.0 else 1.0
    intent = Intent("", actuator.id, away, Origin.PERSON, "check")
    said = (limit(intent, spec, state, now) for limit in LOCKS)
    return max((lock for lock in said if lock is not None), key=lambda lock: lock.until or 0, default=None)


def timed_by(state: State, actuator: ActuatorState) -> str | None:
    """`node`: it is told how long, too. `controller only`: nobody else ends a run. None: nobody knows the node yet.

    Only an ON carries a time, and only newer nodes keep it.
    """
    node = state.nodes.get(actuator.id.node)
    if node is None or (node.last_contact is None and not node.first_seen):
        return None
    told = node.modern and actuator.spec.type != "pwm" and actuator.spec.safe_value == 0.0
    return "node" if told else "controller only"
