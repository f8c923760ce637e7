"""From what arrives to a value, with what is known of the wiring: which ADC, or that nobody says which."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from godkaiser.model.board import OWN_ADC
from godkaiser.model.site import SensorSpec
from godkaiser.sensors.conversion import ADC_MAX
from godkaiser.sensors.types import SensorType

CONTACTS: Final = ("switch", "level")
FLOWS: Final = ("flow",)
LOW_RAIL, HIGH_RAIL = 50, 4045  # counts; beyond them the firmware calls a value suspect (protocol section 6)


@dataclass(frozen=True, slots=True)
class Wired:
    """What the type's conversion is given, or why nothing can be made of it."""

    raw: float
    problem: str = ""
    contact: bool = False


def wired(row: SensorType, spec: SensorSpec | None, raw: float, *, raw_mode: bool) -> Wired:
    """A contact by the level that means 1 (of `level` 0 and 100 %); pulses in Hz, by their time."""
    if row.name in FLOWS and raw_mode and spec is not None and spec.pulses_over_s is not None:
        return Wired(raw / spec.pulses_over_s)
    stated = spec is not None and (spec.active is not None or spec.states is not None)
    if row.name not in CONTACTS or not (stated or row.name == "switch"):
        return Wired(raw)
    closed = _level(raw, raw_mode=raw_mode)
    if closed is None:
        return Wired(raw, f"{raw:g} is neither of the two levels of a contact")
    on = closed != (spec is not None and spec.active == "low")
    return Wired(on * (100.0 if row.name == "level" else 1.0), contact=True)


def _level(raw: float, *, raw_mode: bool) -> bool | None:
    """A node reads a contact as it reads any pin it has no driver for: by its ADC, at one rail or the other."""
    if raw in (0, 1):
        return raw == 1
    if not raw_mode or raw % 1 or LOW_RAIL <= raw <= HIGH_RAIL or not 0 <= raw <= ADC_MAX[OWN_ADC]:
        return None
    return raw > HIGH_RAIL


def wired_problem(spec: SensorSpec) -> tuple[str, str] | None:
    """Field and what is wrong, where a site says of a sensor what does nothing for its type."""
    for fields, types in ((("active", "states"), CONTACTS), (("pulses_over_s",), FLOWS)):
        for field in fields:
            if getattr(spec, field) is not None and spec.type not in types:
                return field, f"does nothing for {spec.type}: it is of {' and '.join(types)}. Leave it out."
    return None
