"""From what arrives to a value, with what is known of the wiring: which ADC, or that nobody says which."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from godkaiser.model.board import OWN_ADC
from godkaiser.model.calibration import Calibration
from godkaiser.model.quantity import Quality
from godkaiser.model.site import SensorSpec
from godkaiser.sensors.compensation import Water
from godkaiser.sensors.types import Converted, SensorType, convert

CONTACTS: Final = ("switch", "level")
FLOWS: Final = ("flow",)
UNKNOWN_ADC: Final = f"its ADC is not declared, taken as {OWN_ADC}"


def converted(
    row: SensorType,
    raw: float,
    *,
    raw_mode: bool,
    adc: str | None,
    calibration: Calibration | None,
    water: Water | None,
) -> Converted:
    """As `convert`. Counts of an ADC that nobody declares are worth no more than uncalibrated ones."""
    made = convert(row, raw, raw_mode=raw_mode, adc=adc or OWN_ADC, calibration=calibration, water=water)
    if adc is not None or not row.probe or not raw_mode or made.value is None:
        return made
    quality = max(made.quality, Quality.UNCALIBRATED, key=lambda one: one.rank)
    return Converted(made.value, quality, "; ".join(filter(None, (made.reason, UNKNOWN_ADC))))


@dataclass(frozen=True, slots=True)
class Wired:
    """What the type's conversion is given, or why nothing can be made of it."""

    raw: float
    problem: str = ""


def wired(row: SensorType, spec: SensorSpec | None, raw: float, *, raw_mode: bool) -> Wired:
    """A contact by the level that means 1 (of `level` 0 and 100 %); pulses in Hz, by their time."""
    if spec is None:
        return Wired(raw)
    if row.name in FLOWS and raw_mode and spec.pulses_over_s is not None:
        return Wired(raw / spec.pulses_over_s)
    if row.name not in CONTACTS or (spec.active is None and spec.states is None):
        return Wired(raw)
    if raw not in (0, 1):
        return Wired(raw, f"{raw:g} is neither 0 nor 1, as of a contact")
    on = raw != (spec.active == "low")
    return Wired(on * (100.0 if row.name == "level" else 1.0))


def wired_problem(spec: SensorSpec) -> tuple[str, str] | None:
    """Field and what is wrong, where a site says of a sensor what does nothing for its type."""
    for fields, types in ((("active", "states"), CONTACTS), (("pulses_over_s",), FLOWS)):
        for field in fields:
            if getattr(spec, field) is not None and spec.type not in types:
                return field, f"does nothing for {spec.type}: it is of {' and '.join(types)}. Leave it out."
    return None
