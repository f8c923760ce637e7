"""Temperature compensation of pH and conductivity, and the units of conductivity."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal

from godkaiser.errors import InvalidValueError
from godkaiser.model.calibration import Calibration

KELVIN: Final = 273.15
EC_ALPHA: Final = 0.02
ALPHA_MOST: Final = 0.03  # more would turn cold water's conductivity negative
WATER_LOW, WATER_HIGH = -5.0, 100.0
EcUnit = Literal["µS/cm", "mS/cm", "ppm500", "ppm640", "ppm700"]
PER_MICROSIEMENS: Final[dict[str, float]] = {
    "µS/cm": 1.0,
    "mS/cm": 0.001,
    "ppm500": 0.5,
    "ppm640": 0.64,
    "ppm700": 0.7,
}


@dataclass(frozen=True, slots=True)
class Water:
    """The water a probe stands in. `temperature_c` None: it ought to be known and is not."""

    temperature_c: float | None
    ec_alpha: float = EC_ALPHA


def nernst_percent(slope_mv_per_ph: float, gain: float, temperature_c: float) -> float:
    """An electrode's slope in % of the theory: |mV/pH| / |gain| / (0.19842·(T + 273.15)) · 100.

    `slope_mv_per_ph` at the ADC, `gain` of the amplifier before it (not 0), temperature of the buffers −5..100 °C.
    Source: Nernst equation, R·ln 10/F = 0.19842 mV/K, which is 59.16 mV/pH at 25 °C.
    """
    _in_range("size of gain", abs(gain), 1e-9, math.inf)
    _check_temperature("temperature_c", temperature_c)
    return abs(slope_mv_per_ph) / abs(gain) / (0.19842 * (temperature_c + KELVIN)) * 100


def nernst(ph_apparent: float, temperature_c: float, calibrated_at_c: float) -> float:
    """The pH at the water's temperature: 7 + (pH_apparent − 7)·(T_cal + 273.15)/(T + 273.15), both −5..100 °C.

    The electrode gives more mV per pH when it is warm; 7 is where it gives none. Source: Nernst equation.
    Reference: apparent 4.00 at 35 °C, calibrated at 25 °C → 4.097.
    """
    _check_temperature("temperature_c", temperature_c)
    _check_temperature("calibrated_at_c", calibrated_at_c)
    return 7 + (ph_apparent - 7) * (calibrated_at_c + KELVIN) / (temperature_c + KELVIN)


def ec_at_25(ec: float, temperature_c: float, alpha: float = EC_ALPHA) -> float:
    """Conductivity at 25 °C from that at T (same unit): EC/(1 + α·(T − 25)), T −5..100 °C, α above 0 up to 0.03.

    Source: linear compensation of ISO 7888; α 0.02/°C is usual for nutrient solutions.
    Reference: 3706.4 µS/cm at 30 °C → 3369.5.
    """
    return ec / _rise(temperature_c, alpha)


def ec_at(ec25: float, temperature_c: float, alpha: float = EC_ALPHA) -> float:
    """The other way round: what a solution of `ec25` at 25 °C conducts at T."""
    return ec25 * _rise(temperature_c, alpha)


def _rise(temperature_c: float, alpha: float) -> float:
    _check_temperature("temperature_c", temperature_c)
    _in_range("alpha", alpha, 1e-9, ALPHA_MOST)
    return 1 + alpha * (temperature_c - 25)


def ec_to(ec: float, unit: EcUnit) -> float:
    """µS/cm → `unit`: mS/cm = µS/cm / 1000; ppm = mS/cm × 500, 640 or 700, as the meter's scale says.

    Raises `InvalidValueError`. Reference: 2000 µS/cm → 1400 ppm700.
    """
    return ec * _factor(unit)


def ec_from(value: float, unit: EcUnit) -> float:
    """`unit` → µS/cm, the other way round."""
    return value / _factor(unit)


def _factor(unit: str) -> float:
    if unit not in PER_MICROSIEMENS:
        allowed = ", ".join(PER_MICROSIEMENS)
        raise InvalidValueError(
            field="unit", value=repr(unit)[:40], problem="is no unit of EC", allowed=allowed
        )
    return PER_MICROSIEMENS[unit]


def compensated(value: float, kind: str, calibration: Calibration | None, water: Water) -> tuple[float, str]:
    """A calibrated value at its water's temperature, or as it is with the reason why it could not be taken there."""
    temperature = water.temperature_c
    if temperature is None or not WATER_LOW <= temperature <= WATER_HIGH:
        return value, "no water temperature: not compensated"
    if kind == "ec":
        return ec_at_25(value, temperature, water.ec_alpha), ""
    if calibration is None or calibration.temperature_c is None:
        return value, "calibrated at an unknown temperature: not compensated"
    return nernst(value, temperature, calibration.temperature_c), ""


def _check_temperature(field: str, value: float) -> None:
    _in_range(field, value, WATER_LOW, WATER_HIGH)


def _in_range(field: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high or not math.isfinite(value):
        raise InvalidValueError(
            field=field, value=f"{value:g}", problem="is out of range", allowed=f"{low:g}..{high:g}"
        )
