"""What a calibration makes of a raw count: the one place, used by the fit and by every reading."""

from __future__ import annotations

from typing import Final

from godkaiser.model.calibration import Calibration

ADC_MAX: Final = {"esp32": 4095.0, "ads1115": 32767.0}
ADC_VOLTS: Final = {"esp32": 3.3, "ads1115": 5.0}
IN_VOLTS: Final = ("ph", "ec")


def volts(raw: float, adc: str) -> float:
    """Counts → V: raw/4095·3.3 (`esp32`, 12 bit) or raw/32767·5 (`ads1115`, 16 bit).

    Reference: ADS1115 raw 2048 → 0.3125 V.
    """
    return raw / ADC_MAX[adc] * ADC_VOLTS[adc]


def apply(calibration: Calibration | None, raw: float, *, kind: str, adc: str = "esp32") -> float | None:
    """The value a calibration gives a raw count of the sensor type `kind`; None when it says nothing of such counts.

    pH and EC: slope·V + offset. Soil moisture: (raw − dry)/(wet − dry)·100. All others: slope·`raw` + offset, `raw`
    being what the type makes of its count without a calibration, slope 1 unless it says one.
    Reference: dry 2800, wet 1200, raw 2000 → 50.0 %; slope 10.636364 pH/V, offset −11.428571, raw 2150 → pH 7.
    """
    if kind in IN_VOLTS:
        return None if calibration is None else _linear(calibration, volts(raw, adc))
    if kind == "moisture":
        return None if calibration is None else _between(calibration, raw)
    if calibration is None:
        return raw
    return (1.0 if calibration.slope is None else calibration.slope) * raw + calibration.offset


def _linear(calibration: Calibration, x: float) -> float | None:
    return None if calibration.slope is None else calibration.slope * x + calibration.offset


def _between(calibration: Calibration, raw: float) -> float | None:
    if calibration.dry is None or calibration.wet is None:
        return None
    return (raw - calibration.dry) / (calibration.wet - calibration.dry) * 100
