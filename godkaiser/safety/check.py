"""One pure function per check. Each returns its finding or None; the gate collects them all.

A move to the safe value is always admissible: what would refuse only warns then. That is one rule, here in
`lenient`, and there is no bypass beside it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from godkaiser.model.instant import DAY, SECOND, Instant
from godkaiser.model.intent import Intent
from godkaiser.model.outcome import Finding, Severity
from godkaiser.model.site import ActuatorSpec
from godkaiser.model.view import SafetyView

Check = Callable[[Intent, ActuatorSpec, SafetyView, Instant], Finding | None]
MAX_DURATION: Final = DAY
LATCH_MARGIN_S: Final = 60.0


def is_safe(intent: Intent, spec: ActuatorSpec) -> bool:
    """Does the intent lead to the actuator's safe value?"""
    return intent.value == spec.safe_value


def stopped(intent: Intent, spec: ActuatorSpec, view: SafetyView, now: Instant) -> Finding | None:
    """P2: while a stop is active nothing energises."""
    reason = view.stopped(spec.id)
    return Finding("stop_active", f"A software stop is active: {reason}.") if reason is not None else None


def enabled(intent: Intent, spec: ActuatorSpec, view: SafetyView, now: Instant) -> Finding | None:
    """A disabled actuator is only ever made safe."""
    return None if spec.enabled else Finding("disabled", f"{spec.id} is disabled.")


def approved(intent: Intent, spec: ActuatorSpec, view: SafetyView, now: Instant) -> Finding | None:
    """A node acts for us only after a person approved it."""
    node = view.node(spec.id.node)
    if node is not None and node.approved:
        return None
    return Finding("node_not_approved", f"Node {spec.node} is not approved.")


def reachable(intent: Intent, spec: ActuatorSpec, view: SafetyView, now: Instant) -> Finding | None:
    """An ON is never kept for later: it must reach its node now."""
    if not view.link_up:
        return Finding("link_down", "The MQTT broker cannot be reached.")
    node = view.node(spec.id.node)
    if node is None or node.online is None:
        return Finding("node_unheard", f"Node {spec.node} has not been heard of yet.")
    if node.adopting:
        return Finding("node_adopting", f"Node {spec.node} has just come back; try again in 2 s.")
    return None if node.online else Finding("node_offline", f"Node {spec.node} is offline.")


def in_range(intent: Intent, spec: ActuatorSpec, view: SafetyView, now: Instant) -> Finding | None:
    """0..1 and a number."""
    if math.isfinite(intent.value) and 0.0 <= intent.value <= 1.0:
        return None
    return Finding("value_range", f"Value {intent.value} is not within 0.0..1.0.")


def in_limits(intent: Intent, spec: ActuatorSpec, view: SafetyView, now: Instant) -> Finding | None:
    """The actuator's own minimum and maximum."""
    if spec.min_value <= intent.value <= spec.max_value:
        return None
    return Finding(
        "value_limits",
        f"Value {intent.value:g} is outside {spec.min_value:g}..{spec.max_value:g} of {spec.id}.",
    )


def on_or_off(intent: Intent, spec: ActuatorSpec, view: SafetyView, now: Instant) -> Finding | None:
    """Only a pwm actuator knows values in between."""
    if spec.type == "pwm" or intent.value in (0.0, 1.0):
        return None
    return Finding(
        "binary_value", f"{spec.id} is a {spec.type}: it knows only 0 and 1, not {intent.value:g}."
    )


def duration(intent: Intent, spec: ActuatorSpec, view: SafetyView, now: Instant) -> Finding | None:
    """0 < duration ≤ 86400 s. An explicit 0 of old rules was turned into None (bounded by max on-time)."""
    if intent.duration is None or 0 < intent.duration <= MAX_DURATION:
        return None
    return Finding("duration_range", f"Duration {intent.duration / SECOND:g} s is not within 0..86400 s.")


def bounded(intent: Intent, spec: ActuatorSpec, view: SafetyView, now: Instant) -> Finding | None:
    """P5: every ON needs an end; water and dosing must state theirs."""
    if spec.longest_on_s is not None:
        return None
    return Finding("max_on_missing", f"{spec.id} is a {spec.kind or spec.type} and states no max_on_s.")


def within_max_on(intent: Intent, spec: ActuatorSpec, view: SafetyView, now: Instant) -> Finding | None:
    """An actuator that has been on for its maximum is not prolonged."""
    since = view.on_since(spec.id)
    longest = spec.longest_on_s
    if since is None or longest is None or now - since < longest * SECOND:
        return None
    return Finding("max_on_reached", f"{spec.id} has been on for its maximum of {longest:g} s.")


def shortened(intent: Intent, spec: ActuatorSpec, view: SafetyView, now: Instant) -> Finding | None:
    """A longer wish than allowed is granted up to the maximum, and says so."""
    longest = spec.longest_on_s
    if intent.duration is None or longest is None or intent.duration <= longest * SECOND:
        return None
    text = f"{intent.duration / SECOND:g} s is longer than {spec.id} may be on; it ends after {longest:g} s."
    return Finding("duration_shortened", text, Severity.WARN)


def node_limit(intent: Intent, spec: ActuatorSpec, view: SafetyView, now: Instant) -> Finding | None:
    """Ours must end it before the node's firmware does: that would latch the pin until somebody clears it."""
    most, longest = allowed_s(spec, view), spec.longest_on_s
    wished = longest if intent.duration is None else intent.duration / SECOND
    if most is None or longest is None or wished is None or min(wished, longest) <= most:
        return None
    text = f"The node of {spec.id} would latch it by itself; it ends after {most:g} s."
    return Finding("node_limit", text, Severity.WARN)


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
    reachable,
    in_range,
    in_limits,
    on_or_off,
    duration,
    bounded,
    within_max_on,
    shortened,
    node_limit,
)


def lenient(finding: Finding) -> Finding:
    """Going safe is always admissible: the finding stays visible and refuses nothing."""
    return replace(finding, severity=Severity.WARN)
