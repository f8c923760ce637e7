"""Permissives: conditions that must be true for energising. What is not known is not true, and is said so."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Final, cast

from godkaiser.model.ids import SeriesId
from godkaiser.model.instant import Instant
from godkaiser.model.intent import Intent
from godkaiser.model.outcome import Finding
from godkaiser.model.permissive import DailyWindow, Permissive
from godkaiser.model.site import ActuatorSpec
from godkaiser.model.view import SafetyView
from godkaiser.model.window import inside, next_change
from godkaiser.safety.aim import is_safe
from godkaiser.safety.finding import found

_COMPARE: Final[Mapping[str, Callable[[float, float], bool]]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}


def permissives(intent: Intent, spec: ActuatorSpec, view: SafetyView, now: Instant) -> Finding | None:
    """All of them hold; the first that does not is named."""
    return None if is_safe(intent, spec) else missing(spec, view, now)


def missing(spec: ActuatorSpec, view: SafetyView, now: Instant) -> Finding | None:
    """The first permissive that does not hold, or None."""
    tested = (_test(permissive, spec, view, now) for permissive in spec.permissives)
    return next((finding for finding in tested if finding is not None), None)


def _test(permissive: Permissive, spec: ActuatorSpec, view: SafetyView, now: Instant) -> Finding | None:
    if permissive.window is not None:
        return _outside(permissive.window, spec, view, now)
    series = SeriesId.parse(str(permissive.series))
    name, limit = view.name_of(series), cast("float", permissive.value)  # the model wants them together
    condition = f"{name} {permissive.op} {limit:g}"
    reading, freshness = view.latest(series), view.freshness(series, now)
    if reading is None or reading.value is None:
        return found("permissive_unknown", actuator=spec.id, condition=condition, found="there is no reading")
    if not freshness.usable:
        said = f"the last reading is {freshness.value}"
        return found("permissive_unknown", actuator=spec.id, condition=condition, found=said)
    if _COMPARE[str(permissive.op)](reading.value, limit):
        return None
    return found("permissive", actuator=spec.id, condition=condition, found=f"it is {reading.value:.4g}")


def _outside(window: DailyWindow, spec: ActuatorSpec, view: SafetyView, now: Instant) -> Finding | None:
    local = window.on_clock(view.timezone)
    if inside(local, now):
        return None
    condition = f"a time of day from {window.start} to {window.end}"
    return found(
        "permissive", next_change(local, now), actuator=spec.id, condition=condition, found="it is not"
    )


def look_again(spec: ActuatorSpec, timezone: str, now: Instant) -> Instant | None:
    """When a window may begin or end, at most an hour away; None without windows."""
    windows = [p.window.on_clock(timezone) for p in spec.permissives if p.window is not None]
    return min((next_change(window, now) for window in windows), default=None)
