"""Limits of the actuator itself, for every writer: least times on and off, rest, starts and seconds.

An actuator's own OFF by a rule waits for `min_on`, and a time that a rule gives is lengthened to it; everything else
here keeps an ON from starting or shortens it.
"""

from __future__ import annotations

from godkaiser.model.instant import SECOND, Duration, Instant
from godkaiser.model.intent import Intent, Origin
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


def wished(intent: Intent, spec: ActuatorSpec, view: SafetyView, now: Instant) -> Duration | None:
    """How long it is wished to be on: a person's word, a rule's at least until `min_on_s` is over. None: unsaid."""
    if intent.duration is None or intent.origin is Origin.PERSON:
        return intent.duration
    return max(intent.duration, _least(spec, view, now))


def _least(spec: ActuatorSpec, view: SafetyView, now: Instant) -> Duration:
    """What is left of `min_on_s`: all of it for a start."""
    past = as_of(view.history(spec.id), now)
    since = now if past.resting or past.since is None else past.since
    return since + round(spec.min_on_s * SECOND) - now


def min_on_short(intent: Intent, spec: ActuatorSpec, view: SafetyView, now: Instant) -> Finding | None:
    """A time shorter than `min_on_s`: a person gets what was asked for, a rule gets more; both are told."""
    span = intent.duration
    if is_safe(intent, spec) or span is None or not 0 < span < _least(spec, view, now):
        return None
    if intent.origin is Origin.PERSON:
        return found("min_on_short", actuator=spec.id, least=spec.min_on_s, wished=span / SECOND)
    return found("min_on_lengthened", actuator=spec.id, least=spec.min_on_s, wished=span / SECOND)


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
    span = intent.duration if intent.duration is not None else round((spec.longest_on_s or 0) * SECOND)
    if is_safe(intent, spec) or not left or span <= left or left < least_run(spec):
        return None
    return found(
        "on_budget_shortened", actuator=spec.id, left=left // SECOND, budget=spec.on_budget_s,
        window=spec.on_window_s,
    )  # fmt: skip
