"""Limits of the actuator itself, for every writer: least times on and off, rest, starts and seconds.

An actuator's own OFF by a rule waits for `min_on`; everything else here keeps an ON from starting or shortens it.
"""

from __future__ import annotations

from godkaiser.model.instant import SECOND, Instant
from godkaiser.model.intent import Intent
from godkaiser.model.outcome import Finding
from godkaiser.model.site import ActuatorSpec
from godkaiser.model.view import SafetyView
from godkaiser.safety.aim import is_ordinary, is_safe
from godkaiser.safety.budget import as_of, least_run, start_free_at, time_free_at, time_left
from godkaiser.safety.finding import found, seconds


def min_on(intent: Intent, spec: ActuatorSpec, view: SafetyView, now: Instant) -> Finding | None:
    """A control wish to go off waits until it has been on long enough."""
    since = as_of(view.history(spec.id), now).since
    if since is None or not is_ordinary(intent, spec):
        return None
    until = since + round(spec.min_on_s * SECOND)
    if now >= until:
        return None
    return found("min_on", until, actuator=spec.id, least=spec.min_on_s, left=seconds(until - now))


def min_off(intent: Intent, spec: ActuatorSpec, view: SafetyView, now: Instant) -> Finding | None:
    """Off at least so long, by the node's word."""
    return _pause("min_off", spec.min_off_s, intent, spec, view, now)


def cooldown(intent: Intent, spec: ActuatorSpec, view: SafetyView, now: Instant) -> Finding | None:
    """A rest after every run."""
    return _pause("cooldown", spec.cooldown_s, intent, spec, view, now)


def _pause(
    code: str, least_s: float, intent: Intent, spec: ActuatorSpec, view: SafetyView, now: Instant
) -> Finding | None:
    past = as_of(view.history(spec.id), now)
    if is_safe(intent, spec) or not past.resting or not least_s:
        return None
    off_at = now if past.stopping else past.off_at  # it is only just going off
    if off_at is None or now >= (until := off_at + round(least_s * SECOND)):
        return None
    return found(code, until, actuator=spec.id, least=least_s, left=seconds(until - now))


def start_budget(intent: Intent, spec: ActuatorSpec, view: SafetyView, now: Instant) -> Finding | None:
    """So many starts within any hour."""
    past = view.history(spec.id)
    if is_safe(intent, spec) or not past.resting:
        return None
    until = start_free_at(past, spec.starts_per_hour, now)
    if until <= now:
        return None
    return found(
        "start_budget", until, actuator=spec.id, most=spec.starts_per_hour, left=seconds(until - now)
    )


def on_budget(intent: Intent, spec: ActuatorSpec, view: SafetyView, now: Instant) -> Finding | None:
    """So many seconds on within any window."""
    past = view.history(spec.id)
    left = time_left(past, spec, now)
    if is_safe(intent, spec) or left is None or left >= (least_run(spec) if past.resting else 1):
        return None
    until = time_free_at(past, spec, now)
    return found(
        "on_budget", until, actuator=spec.id, budget=spec.on_budget_s, window=spec.on_window_s,
        left=seconds(until - now),
    )  # fmt: skip


def on_budget_shortened(intent: Intent, spec: ActuatorSpec, view: SafetyView, now: Instant) -> Finding | None:
    """What is left of the budget is granted, and said."""
    left = time_left(view.history(spec.id), spec, now)
    wished = intent.duration if intent.duration is not None else round((spec.longest_on_s or 0) * SECOND)
    if is_safe(intent, spec) or not left or wished <= left or left < least_run(spec):
        return None
    return found(
        "on_budget_shortened", actuator=spec.id, left=left // SECOND, budget=spec.on_budget_s,
        window=spec.on_window_s,
    )  # fmt: skip
