"""Offline rules: what a device does on its own when the server is away."""

from __future__ import annotations

from .flaw import Body, Flaw, flag, number, required, shown, text, whole
from .pins import NO_PIN

TYPE_LENGTH = 23
_THRESHOLDS = ("activate_below", "deactivate_above", "activate_above", "deactivate_below")
_RAW_TYPES = ("ph", "ec", "moisture")
_ZONES = ("UTC", "Europe/Berlin", "CET", "CEST")
_ALWAYS = 127


def rule_flaw(rule: object) -> Flaw | None:
    """Why a rule would never run, or not as it was written."""
    if not isinstance(rule, dict):
        return Flaw("wrong_type", "offline_rules", f"offline_rules must hold objects, not {shown(rule)}.")
    return (
        required(rule, "actuator_gpio")
        or whole(rule, "actuator_gpio", 0, NO_PIN)
        or whole(rule, "sensor_gpio", 0, NO_PIN)
        or text(rule, "sensor_value_type", TYPE_LENGTH)
        or _calibrated(rule)
        or next((flaw for key in _THRESHOLDS if (flaw := number(rule, key))), None)
        or flag(rule, "current_state_active")
        or _time_filter(rule)
    )


def uncalibrated(kind: str) -> bool:
    """Whether the device cannot turn counts of this type into a physical value."""
    return kind in _RAW_TYPES or kind.startswith("soil")


def _calibrated(rule: Body) -> Flaw | None:
    kind = str(rule.get("sensor_value_type", ""))
    if not uncalibrated(kind):
        return None
    problem = f"A rule on {shown(kind)} never runs: the device has no calibration."
    return Flaw("bad_value", "sensor_value_type", problem)


def _time_filter(rule: Body) -> Flaw | None:
    window = rule.get("time_filter", {})
    if not isinstance(window, dict):
        return Flaw("wrong_type", "time_filter", f"time_filter must be an object, not {shown(window)}.")
    return (
        flag(window, "enabled")
        or whole(window, "start_hour", 0, 23)
        or whole(window, "start_minute", 0, 59)
        or whole(window, "end_hour", 0, 24)
        or whole(window, "end_minute", 0, 59)
        or whole(window, "days_of_week_mask", 0, _ALWAYS)
        or text(window, "timezone")
    )


def rule_item(rule: Body) -> dict[str, object]:
    """A rule as the device keeps it, with its defaults."""
    kept: dict[str, object] = {
        "actuator_gpio": rule.get("actuator_gpio", NO_PIN),
        "sensor_gpio": rule.get("sensor_gpio", NO_PIN),
        "sensor_value_type": rule.get("sensor_value_type", ""),
    }
    window = rule.get("time_filter")
    kept |= {key: rule.get(key, 0) for key in _THRESHOLDS}
    return kept | {"time_filter": _window(window if isinstance(window, dict) else {})}


def _window(window: Body) -> dict[str, object]:
    zone = window.get("timezone")
    return {
        "enabled": window.get("enabled") is True,
        "start_hour": window.get("start_hour", 0),
        "start_minute": window.get("start_minute", 0),
        "end_hour": window.get("end_hour", 0),
        "end_minute": window.get("end_minute", 0),
        "days_of_week_mask": window.get("days_of_week_mask", _ALWAYS),
        "timezone": zone if isinstance(zone, str) and zone in _ZONES else _ZONES[0],
    }
