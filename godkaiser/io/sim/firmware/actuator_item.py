"""Actuators in a configuration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from .flaw import Body, Flaw, flag, required, shown, text, whole
from .items import active_flaw, as_int, as_text, is_active, name_of, no_object
from .pins import NO_PIN
from .profile import Firmware

_TYPES: Final = ("pump", "valve", "pwm", "relay")
_USUAL_RUNTIME_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class ActuatorItem:
    """An actuator as the device keeps it; ``max_runtime`` in ms."""

    gpio: int
    type: str
    name: str
    subzone: str
    active: bool
    aux_gpio: int
    critical: bool
    inverted: bool
    default_state: bool
    default_pwm: int
    max_runtime: int


def actuator_refused(item: object, firmware: Firmware) -> Flaw | None:
    """Why the device answers an actuator with an error."""
    if not isinstance(item, dict):
        return no_object("actuators", item)
    return (
        required(item, "gpio")
        or required(item, "actuator_type", "type")
        or required(item, "actuator_name", "name")
        or whole(item, "gpio", 0, NO_PIN)
        or text(item, name_of(item, "actuator_type", "type"))
        or text(item, name_of(item, "actuator_name", "name"))
        or active_flaw(item)
        or _actuator_type(item)
        or _actuator_pins(item, firmware)
    )


def _actuator_type(item: Body) -> Flaw | None:
    key = name_of(item, "actuator_type", "type")
    if item[key] in _TYPES or not is_active(item):
        return None
    problem = f"{key} must be one of {', '.join(_TYPES)}, not {shown(item[key])}."
    return Flaw("bad_value", key, problem)


def _actuator_pins(item: Body, firmware: Firmware) -> Flaw | None:
    kept = actuator_item(item, firmware)
    for gpio in actuator_claims(kept.gpio, kept.type, kept.aux_gpio) if kept.active else ():
        if gpio not in firmware.pins.drivable:
            return Flaw("bad_value", "gpio", f"gpio {gpio} is no pin an actuator may own on this board.")
    return None


def actuator_ignored(item: Body, firmware: Firmware) -> Flaw | None:
    """What the device passes over in an actuator it accepts."""
    return (
        whole(item, "aux_gpio", 0, NO_PIN)
        or text(item, "subzone_id")
        or flag(item, "critical")
        or flag(item, name_of(item, "inverted_logic", "inverted"))
        or flag(item, "default_state")
        or whole(item, "default_pwm", 0, 255)
        or (None if firmware.seed or "max_runtime_ms" not in item else whole(item, "max_runtime_ms", 1))
    )


def actuator_item(item: Body, firmware: Firmware) -> ActuatorItem:
    """An actuator that was not refused, with the device's defaults; the older generation limits all alike."""
    runtime = 0 if firmware.seed else as_int(item.get("max_runtime_ms"), 0)
    return ActuatorItem(
        gpio=as_int(item.get("gpio"), NO_PIN),
        type=as_text(item.get(name_of(item, "actuator_type", "type"))),
        name=as_text(item.get(name_of(item, "actuator_name", "name"))),
        subzone=as_text(item.get("subzone_id")),
        active=is_active(item),
        aux_gpio=as_int(item.get("aux_gpio"), NO_PIN),
        critical=item.get("critical") is True,
        inverted=item.get(name_of(item, "inverted_logic", "inverted")) is True,
        default_state=item.get("default_state") is True,
        default_pwm=as_int(item.get("default_pwm"), 0),
        max_runtime=runtime if runtime > 0 else _USUAL_RUNTIME_MS,
    )


def actuator_claims(gpio: int, kind: str, aux: int) -> dict[int, str]:
    """The pins an actuator owns; a valve has a second one, by default the next."""
    owner = f"actuator {gpio}"
    if kind != "valve":
        return {gpio: owner}
    return {gpio: owner, (gpio + 1 if aux == NO_PIN else aux): owner}
