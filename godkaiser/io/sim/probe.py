"""Sensor drivers: from a true physical value to the raw count the device would publish."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

ADC_TOP = 4095
_RAIL_LOW, _RAIL_HIGH = 50, 4045


@dataclass(frozen=True, slots=True)
class Sample:
    """One measurement as the firmware sees it: raw count, preview in ``unit``, signal quality."""

    raw: int
    value: float
    unit: str
    quality: str


def _ds18b20(true: float) -> Sample:
    raw = round(true * 16)
    return Sample(raw, raw / 16, "°C", "good" if -880 <= raw <= 2000 else "suspect")


def _sht31_temp(true: float) -> Sample:
    raw = _clip((true + 45) / 175 * 65535, 65535)
    return Sample(raw, -45 + 175 * raw / 65535, "°C", "good")


def _sht31_humidity(true: float) -> Sample:
    raw = _clip(true / 100 * 65535, 65535)
    return Sample(raw, 100 * raw / 65535, "%", "good")


def _analog(count: float) -> Sample:
    raw = _clip(count, ADC_TOP)
    return Sample(raw, float(raw), "raw", "good" if _RAIL_LOW <= raw <= _RAIL_HIGH else "suspect")


def _clip(count: float, top: int) -> int:
    return min(top, max(0, round(count)))


def _volts(volts: float) -> float:
    return volts / 3.3 * ADC_TOP


# Analog probes answer in counts; these are the electrodes of the demo site, seen from the electrode's side.
_COUNTS: dict[str, Callable[[float], float]] = {
    "moisture": lambda percent: 2800 - 16 * percent,
    "ph": lambda ph: _volts((ph + 11.428571) / 10.636364),
    "ec": lambda ec: _volts((ec + 10054.0) / 9486.336),
    "light": lambda lux: lux,
}
_DIGITAL: dict[str, Callable[[float], Sample]] = {
    "ds18b20": _ds18b20,
    "sht31_temp": _sht31_temp,
    "sht31_humidity": _sht31_humidity,
}
# One standard deviation of the reading, in physical units for digital chips and in counts for the ADC.
_NOISE = {"ds18b20": 0.03, "sht31_temp": 0.03, "sht31_humidity": 0.15, "moisture": 2.5, "light": 4.0}
_ADC_NOISE = 1.2


def measure(kind: str, true: float, rng: Random) -> Sample:
    """Read a sensor of type ``kind`` once; ``true`` is the physical value at the probe."""
    driver = _DIGITAL.get(kind)
    if driver:
        return driver(true + rng.gauss(0.0, _NOISE[kind]))
    counts = _COUNTS.get(kind, _volts)(true)
    return _analog(counts + rng.gauss(0.0, _NOISE.get(kind, _ADC_NOISE)))
