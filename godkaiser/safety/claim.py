"""Who has an actuator for themselves: a person's hold, or service. Safety is never kept out."""

from __future__ import annotations

from godkaiser.model.instant import Instant
from godkaiser.model.intent import Intent, Origin
from godkaiser.model.outcome import Finding
from godkaiser.model.site import ActuatorSpec
from godkaiser.model.view import SafetyView, Taken
from godkaiser.safety.finding import found, seconds


def manual_hold(intent: Intent, spec: ActuatorSpec, view: SafetyView, now: Instant) -> Finding | None:
    """A rule waits for the end of a person's hold."""
    return _kept_out("manual_hold", view.held(spec.id), intent, spec, now)


def service_mode(intent: Intent, spec: ActuatorSpec, view: SafetyView, now: Instant) -> Finding | None:
    """Somebody works on it: only people may move it."""
    return _kept_out("service_mode", view.service(spec.id), intent, spec, now)


def _kept_out(
    code: str, taken: Taken | None, intent: Intent, spec: ActuatorSpec, now: Instant
) -> Finding | None:
    automatic = intent.origin is not Origin.PERSON and not intent.protective
    if taken is None or now >= taken.until or not automatic:
        return None
    return found(code, taken.until, who=taken.who, actuator=spec.id, left=seconds(taken.until - now))
