"""Interlocks: of a group one actuator may be on at a time, with a pause in between. Unknown counts as on."""

from __future__ import annotations

from godkaiser.model.instant import SECOND, Instant
from godkaiser.model.intent import Intent
from godkaiser.model.outcome import Finding
from godkaiser.model.site import ActuatorSpec
from godkaiser.model.view import SafetyView
from godkaiser.safety.aim import is_safe
from godkaiser.safety.finding import found, seconds


def interlock(intent: Intent, spec: ActuatorSpec, view: SafetyView, now: Instant) -> Finding | None:
    """No other of its groups is away from its safe value."""
    if is_safe(intent, spec):
        return None
    rival = next((rival for rival in view.rivals(spec.id) if rival.away), None)
    if rival is None:
        return None
    return found("interlock", actuator=spec.id, rival=rival.name, group=rival.group)


def changeover(intent: Intent, spec: ActuatorSpec, view: SafetyView, now: Instant) -> Finding | None:
    """The pause after the last of the others went off; it does not interrupt a run."""
    if is_safe(intent, spec) or not view.history(spec.id).resting:
        return None
    pause = round(spec.changeover_s * SECOND)
    ends = [(min(r.off_at, now) + pause, r) for r in view.rivals(spec.id) if r.off_at is not None]
    until, rival = max(ends, key=lambda end: end[0], default=(now, None))
    if rival is None or until <= now:
        return None
    return found(
        "changeover", until, actuator=spec.id, pause=spec.changeover_s, rival=rival.name, group=rival.group,
        left=seconds(until - now),
    )  # fmt: skip
