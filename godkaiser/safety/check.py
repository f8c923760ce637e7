"""One pure function per check. Each returns its finding or None; the gate collects them all.

A move to the safe value is always admissible: what would refuse only warns then. That is one rule, in the gate, and
there is no bypass beside it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from godkaiser.model.instant import DAY, SECOND, Instant
from godkaiser.model.intent import Intent
from godkaiser.model.outcome import Finding
from godkaiser.model.site import ActuatorSpec
from godkaiser.model.view import SafetyView
from godkaiser.safety.claim import manual_hold, service_mode
from godkaiser.safety.finding import found
from godkaiser.safety.interlock import changeover, interlock
from godkaiser.safety.limit import (
    cooldown,
    min_off,
    min_on,
    min_on_short,
    on_budget,
    on_budget_shortened,
    start_budget,
)
from godkaiser.safety.permissive import permissives

Check = Callable[[Intent, ActuatorSpec, SafetyView, Instant], Finding | None]
MAX_DURATION: Final = DAY
LATCH_MARGIN_S: Final = 60.0


def stopped(intent: Intent, spec: ActuatorSpec, view: SafetyView, now: Instant) -> Finding | None:
    """P2: while a stop is active nothing energises."""
    reason = view.stopped(spec.id)
    return found("stop_active", reason=reason) if reason is not None else None


def enabled(intent: Intent, spec: ActuatorSpec, view: SafetyView, now: Instant) -> Finding | None:
    """A disabled actuator is only ever made safe."""
    return None if spec.enabled else found("disabled", actuator=spec.id)


def approved(intent: Intent, spec: ActuatorSpec, view: SafetyView, now: Instant) -> Finding | None:
    """A node acts for us only after a person approved it."""
    node = view.node(spec.id.node)
    if node is not None and node.approved:
        return None
    return found("node_not_approved", node=spec.node)


def durable(intent: Intent, spec: ActuatorSpec, view: SafetyView, now: Instant) -> Finding | None:
    """P9: what cannot be written down must not begin; nobody would end it after a crash."""
    problem = view.journal_problem
    return found("journal_down", problem=problem) if problem else None


def reachable(intent: Intent, spec: ActuatorSpec, view: SafetyView, now: Instant) -> Finding | None:
    """An ON is never kept for later: it must reach its node now."""
    if not view.link_up:
        return found("link_down")
    node = view.node(spec.id.node)
    if node is None or node.online is None:
        return found("node_unheard", node=spec.node)
    if node.adopting:
        return found("node_adopting", node=spec.node)
    return None if node.online else found("node_offline", node=spec.node)


def drivable(intent: Intent, spec: ActuatorSpec, view: SafetyView, now: Instant) -> Finding | None:
    """Its pin can be an output on that board, and belongs to nobody else."""
    problem = view.pin_problem(spec.id)
    return None if problem is None else found("bad_pin", actuator=spec.id, problem=problem)


def in_range(intent: Intent, spec: ActuatorSpec, view: SafetyView, now: Instant) -> Finding | None:
    """0..1 and a number."""
    if math.isfinite(intent.value) and 0.0 <= intent.value <= 1.0:
        return None
    return found("value_range", value=intent.value)


def in_limits(intent: Intent, spec: ActuatorSpec, view: SafetyView, now: Instant) -> Finding | None:
    """The actuator's own minimum and maximum."""
    if spec.min_value <= intent.value <= spec.max_value:
        return None
    return found(
        "value_limits", value=intent.value, low=spec.min_value, high=spec.max_value, actuator=spec.id
    )


def on_or_off(intent: Intent, spec: ActuatorSpec, view: SafetyView, now: Instant) -> Finding | None:
    """Only a pwm actuator knows values in between."""
    if spec.type == "pwm" or intent.value in (0.0, 1.0):
        return None
    return found("binary_value", actuator=spec.id, kind=spec.type, value=intent.value)


def duration(intent: Intent, spec: ActuatorSpec, view: SafetyView, now: Instant) -> Finding | None:
    """0 < duration ≤ 86400 s. An explicit 0 of old rules was turned into None (bounded by max on-time)."""
    if intent.duration is None or 0 < intent.duration <= MAX_DURATION:
        return None
    return found("duration_range", seconds=intent.duration / SECOND)


def bounded(intent: Intent, spec: ActuatorSpec, view: SafetyView, now: Instant) -> Finding | None:
    """P5: every ON needs an end; water and dosing must state theirs."""
    if spec.longest_on_s is not None:
        return None
    return found("max_on_missing", actuator=spec.id, kind=spec.kind or spec.type)


def within_max_on(intent: Intent, spec: ActuatorSpec, view: SafetyView, now: Instant) -> Finding | None:
    """An actuator that has been on for its maximum is not prolonged."""
    since, longest = view.on_since(spec.id), allowed_s(spec, view)
    if since is None or longest is None or now - since < longest * SECOND:
        return None
    return found("max_on_reached", actuator=spec.id, longest=longest)


def shortened(intent: Intent, spec: ActuatorSpec, view: SafetyView, now: Instant) -> Finding | None:
    """A longer wish than allowed is granted up to the maximum, and says so."""
    longest = spec.longest_on_s
    if intent.duration is None or longest is None or intent.duration <= longest * SECOND:
        return None
    return found("duration_shortened", seconds=intent.duration / SECOND, actuator=spec.id, longest=longest)


def node_limit(intent: Intent, spec: ActuatorSpec, view: SafetyView, now: Instant) -> Finding | None:
    """Ours must end it before the node's firmware does: that would latch the pin until somebody clears it."""
    most, longest = allowed_s(spec, view), spec.longest_on_s
    if longest is None or most is None:
        return None  # `bounded` refuses it
    wished = longest if intent.duration is None else min(intent.duration / SECOND, longest)
    if wished <= most:
        return None
    return found("node_limit", actuator=spec.id, longest=most)


def allowed_s(spec: ActuatorSpec, view: SafetyView) -> float | None:
    """The longest on-time: the actuator's own, and less than what its node's firmware allows."""
    node = view.node(spec.id.node)
    limit = None if node is None or node.own_limit_s is None else node.own_limit_s - LATCH_MARGIN_S
    bounds = [bound for bound in (spec.longest_on_s, limit) if bound is not None]
    return min(bounds, default=None)


CHECKS: Final[tuple[Check, ...]] = (
    stopped,
    enabled,
    approved,
    durable,
    reachable,
    drivable,
    in_range,
    in_limits,
    on_or_off,
    duration,
    bounded,
    within_max_on,
    shortened,
    node_limit,
    min_on,
    min_on_short,
    min_off,
    cooldown,
    start_budget,
    on_budget,
    on_budget_shortened,
    interlock,
    changeover,
    permissives,
    manual_hold,
    service_mode,
)
