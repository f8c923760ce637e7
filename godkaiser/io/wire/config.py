"""A node's configuration as messages it can take (protocol 10.1).

One message has one scope: sensors are a notice, actuators and offline rules must be sealed. Within a scope items
are put together until the next one would not fit; offline rules replace the node's and are never split.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import asdict, fields, replace
from typing import Any, Final

from godkaiser.errors import MessageTooLargeError, NodeCapacityError
from godkaiser.io.wire.limits import pack
from godkaiser.io.wire.topic import BY_KIND, build
from godkaiser.model.board import BOARDS, NO_PIN
from godkaiser.model.ids import KaiserId, NodeId
from godkaiser.model.nodeconfig import (
    OFFLINE_RULES_MOST,
    TIME_ONLY,
    TIME_ZONES,
    UNCALIBRATED_ON_NODE,
    VALUE_TYPE_MOST,
    ActuatorItem,
    ConfigPart,
    Hardware,
    Item,
    LeftOut,
    NodeConfig,
    OfflineRule,
    Push,
    Scope,
    SensorItem,
)

LONGEST_ID: Final = NodeId.parse("ESP_FFFFFFFF")
_ALWAYS: Final = {
    "gpio",
    "sensor_type",
    "sensor_name",
    "actuator_type",
    "actuator_name",
    "actuator_gpio",
}
_THRESHOLDS: Final = ("activate_below", "deactivate_above", "activate_above", "deactivate_below")


def plan_push(
    node: NodeId,
    kaiser: KaiserId,
    hardware: Hardware,
    config: NodeConfig,
    *,
    generation: int,
    new_id: Callable[[], str],
) -> Push:
    """A `Planner`: see there."""
    _check_room(node, hardware, config)
    rules, left_out = _runnable(hardware, config)
    scopes: list[tuple[Scope, tuple[Item, ...] | None]] = [
        ("sensors", config.sensors or None),
        ("actuators", config.actuators or None),
        ("offline_rules", rules),
    ]
    parts: list[ConfigPart] = []
    for scope, items in scopes:
        if items is None:
            continue
        whole = ConfigPart(node, hardware, scope, items, generation + len(parts), new_id())
        parts += _divided(kaiser, whole, new_id)
    return Push(tuple(parts), left_out)


def _check_room(node: NodeId, hardware: Hardware, config: NodeConfig) -> None:
    pins = BOARDS[hardware.board]
    rules = tuple(rule.name for rule in config.offline_rules or ())
    for what, limit, names in (
        ("sensors", pins.sensors, tuple(name_of(s) for s in config.sensors if s.active)),
        ("actuators", pins.actuators, tuple(name_of(a) for a in config.actuators if a.active)),
        ("offline rules", OFFLINE_RULES_MOST, rules),
    ):
        if len(names) > limit:
            raise NodeCapacityError(node=node, what=what, limit=limit, names=", ".join(names[limit:]))


def name_of(item: Item) -> str:
    """What people call it."""
    if isinstance(item, SensorItem):
        return item.sensor_name or f"{item.sensor_type} on pin {item.gpio}"
    if isinstance(item, ActuatorItem):
        return item.actuator_name or f"{item.actuator_type} on pin {item.gpio}"
    return item.name


# ── offline rules ──────────────────────────────────────────────────────────────────────────────────────
def _runnable(
    hardware: Hardware, config: NodeConfig
) -> tuple[tuple[OfflineRule, ...] | None, tuple[LeftOut, ...]]:
    """Those the node can run, and the others by name."""
    if config.offline_rules is None:
        return None, ()
    judged = [(rule, _why_not(rule, hardware, config)) for rule in config.offline_rules]
    left_out = tuple(LeftOut(rule.name, why) for rule, why in judged if why)
    if not hardware.modern:
        return None, left_out
    return tuple(rule for rule, why in judged if not why), left_out


def _why_not(rule: OfflineRule, hardware: Hardware, config: NodeConfig) -> str:
    """Why the node would not run it; empty when it would."""
    if not hardware.modern:
        return "the node's firmware knows no offline rules"
    if rule.actuator_gpio not in {a.gpio for a in config.actuators if a.active}:
        return f"the node has no actuator on pin {rule.actuator_gpio}"
    if rule.time_filter is not None and rule.time_filter.timezone not in TIME_ZONES:
        return f"the node does not know the time zone {rule.time_filter.timezone}"
    if not all(math.isfinite(getattr(rule, name)) for name in _THRESHOLDS):
        return "a threshold is no number"
    if rule.sensor_gpio == NO_PIN:
        timed = rule.time_filter is not None and rule.sensor_value_type in TIME_ONLY
        return "" if timed else "it has neither a sensor nor a time window of its own"
    return _sensor_problem(rule, config)


def _sensor_problem(rule: OfflineRule, config: NodeConfig) -> str:
    if rule.sensor_gpio not in {s.gpio for s in config.sensors if s.active}:
        return f"the node has no sensor on pin {rule.sensor_gpio}"
    if rule.sensor_value_type.startswith(UNCALIBRATED_ON_NODE):
        return f"the node has no calibration for {rule.sensor_value_type}"
    if len(rule.sensor_value_type.encode()) > VALUE_TYPE_MOST:
        return f"the sensor type is longer than {VALUE_TYPE_MOST} characters"
    if not any(getattr(rule, name) for name in _THRESHOLDS):
        return "a threshold of 0 means unset to the node"
    return ""


# ── splitting ──────────────────────────────────────────────────────────────────────────────────────────
def _divided(kaiser: KaiserId, whole: ConfigPart, new_id: Callable[[], str]) -> Iterator[ConfigPart]:
    """Items as they come, a new message when the next one would not fit."""
    if whole.scope == "offline_rules" or fits(kaiser, whole):
        encode_part(kaiser, whole)  # raises when it is too large: never split, never cut
        yield whole
        return
    part = replace(whole, items=())
    for item in whole.items:
        grown = replace(part, items=(*part.items, item))
        if part.items and not fits(kaiser, grown):
            yield part
            part = replace(part, items=(item,), generation=part.generation + 1, correlation=new_id())
        else:
            part = grown
        if len(part.items) == 1:
            encode_part(kaiser, part)
    yield part


def fits(kaiser: KaiserId, part: ConfigPart) -> bool:
    """Does the node take it?"""
    try:
        encode_part(kaiser, part)
    except MessageTooLargeError:
        return False
    return True


def encode_part(kaiser: KaiserId, part: ConfigPart) -> bytes:
    """The payload. Raises `MessageTooLargeError` naming items and texts to shorten."""
    document = {part.scope: [reduced(item) for item in part.items]} | {
        "correlation_id": part.correlation,
        "intent_id": part.correlation,
        "generation": part.generation,
    }
    # Measured for the longest id there is: the node's board may be replaced by one with a longer id.
    topic, qos = build("config", kaiser, LONGEST_ID), BY_KIND["config"].qos
    try:
        return pack("config", topic, qos, document, part.hardware)
    except MessageTooLargeError as error:
        names = ", ".join(name_of(item) for item in part.items)
        what = f"{part.scope.replace('_', ' ')} of {part.node}"
        raise MessageTooLargeError(
            what=what, size=error.size, limit=error.limit, measure=error.measure, drop=names
        ) from None


def reduced(item: Item) -> dict[str, Any]:
    """What the node does not assume anyway."""
    made: dict[str, Any] = {}
    for field in fields(item):
        value = getattr(item, field.name)
        if field.name == "time_filter" and value is not None:
            made[field.name] = {"enabled": True} | asdict(value)
        elif field.name in _ALWAYS or (field.name != "name" and value != field.default):
            made[field.name] = value
    return made
