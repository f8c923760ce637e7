"""From what arrives to a value, with what is known of the wiring: which ADC, or that nobody says which."""

from __future__ import annotations

from typing import Final

from godkaiser.model.board import OWN_ADC
from godkaiser.model.calibration import Calibration
from godkaiser.model.quantity import Quality
from godkaiser.sensors.compensation import Water
from godkaiser.sensors.types import Converted, SensorType, convert

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
