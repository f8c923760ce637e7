"""The one table of sensor types: names, aliases, units, ranges, freshness, conversion.

A type without a conversion cannot be registered. `raw_mode` false means the node converted already.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from godkaiser.errors import UnknownSensorTypeError
from godkaiser.model.board import Bus
from godkaiser.model.quantity import Quality
from godkaiser.model.site import Calibration

ADC_MAX: Final = {"esp32": 4095.0, "ads1115": 32767.0}
ADC_VOLTS: Final = {"esp32": 3.3, "ads1115": 5.0}
UNSIGNED_WRAP: Final = 2**31


@dataclass(frozen=True, slots=True)
class Converted:
    """A value in the type's unit, or None with a reason."""

    value: float | None
    quality: Quality
    reason: str = ""


Convert = Callable[[float, bool, str, Calibration | None], Converted]


@dataclass(frozen=True, slots=True)
class SensorType:
    """One row. `low`..`high` is the datasheet range; outside is an error (NULL), suspect for `probe` types.

    `dark_end`: below this raw count the firmware calls the signal suspect, but here it is a true dark.
    `uncalibrated_rules`: may rules use it without a calibration? `stale_s`: default freshness in seconds.
    `bus`: how the node reads it; whatever its firmware has no driver for, it reads as an analog pin.
    """

    name: str
    label: str
    unit: str
    low: float
    high: float
    stale_s: float
    convert: Convert
    probe: bool = False
    dark_end: float | None = None
    uncalibrated_rules: bool = True
    bus: Bus = "analog"


def _good(value: float) -> Converted:
    return Converted(value, Quality.GOOD)


def _ds18b20(raw: float, raw_mode: bool, adc: str, calibration: Calibration | None) -> Converted:
    """1/16 °C. [seed] nodes print negatives unsigned. −127 °C is a device fault, 85 °C the power-on value."""
    if not raw_mode:
        return _good(raw + _offset(calibration))
    count = raw - 2**32 if raw >= UNSIGNED_WRAP else raw
    if count == -2032:
        return Converted(None, Quality.ERROR, "device fault: -127 °C")
    value = count * 0.0625 + _offset(calibration)
    return Converted(value, Quality.SUSPECT, "85 °C is the power-on value") if count == 1360 else _good(value)


def _sht31_temp(raw: float, raw_mode: bool, adc: str, calibration: Calibration | None) -> Converted:
    return _good((-45 + 175 * raw / 65535 if raw_mode else raw) + _offset(calibration))


def _sht31_humidity(raw: float, raw_mode: bool, adc: str, calibration: Calibration | None) -> Converted:
    return _good((100 * raw / 65535 if raw_mode else raw) + _offset(calibration))


def _bosch(raw: float, raw_mode: bool, adc: str, calibration: Calibration | None) -> Converted:
    """BMP280/BME280: without the chip's calibration registers a raw word means nothing."""
    if raw_mode:
        return Converted(None, Quality.SUSPECT, "uncompensated register word")
    return _good(raw + _offset(calibration))


def _volts(raw: float, adc: str) -> float:
    return raw / ADC_MAX[adc] * ADC_VOLTS[adc]


def _ph(raw: float, raw_mode: bool, adc: str, calibration: Calibration | None) -> Converted:
    if not raw_mode:
        return _good(raw + _offset(calibration))
    if calibration is not None and calibration.slope is not None:
        return _good(calibration.slope * _volts(raw, adc) + calibration.offset)
    return Converted(7 - 3.5 * (_volts(raw, adc) - 1.5), Quality.UNCALIBRATED, "not calibrated")


def _ec(raw: float, raw_mode: bool, adc: str, calibration: Calibration | None) -> Converted:
    if not raw_mode:
        return _good(raw + _offset(calibration))
    if calibration is not None and calibration.slope is not None:
        return _good(calibration.slope * _volts(raw, adc) + calibration.offset)
    return Converted(6060 * _volts(raw, adc), Quality.UNCALIBRATED, "not calibrated")


def _moisture(raw: float, raw_mode: bool, adc: str, calibration: Calibration | None) -> Converted:
    if not raw_mode:
        return _good(raw + _offset(calibration))
    if calibration is not None and calibration.dry is not None and calibration.wet is not None:
        return _good((raw - calibration.dry) / (calibration.wet - calibration.dry) * 100)
    return Converted((raw - 3200) / (1500 - 3200) * 100, Quality.UNCALIBRATED, "not calibrated")


def _as_given(raw: float, raw_mode: bool, adc: str, calibration: Calibration | None) -> Converted:
    slope = calibration.slope if calibration is not None and calibration.slope is not None else 1.0
    return _good(slope * raw + _offset(calibration))


def _light(raw: float, raw_mode: bool, adc: str, calibration: Calibration | None) -> Converted:
    return _good(max(0.0, raw + _offset(calibration)))


def _flow(raw: float, raw_mode: bool, adc: str, calibration: Calibration | None) -> Converted:
    """Frequency in Hz: f·60/factor L/min; YF-S201 has 450 pulses per litre."""
    factor = calibration.slope if calibration is not None and calibration.slope is not None else 450.0
    return _good(raw * 60 / factor if raw_mode else raw)


def _offset(calibration: Calibration | None) -> float:
    return 0.0 if calibration is None else calibration.offset


TYPES: Final = {
    row.name: row
    for row in (
        SensorType("ds18b20", "temperature", "°C", -55, 125, 180, _ds18b20, bus="onewire"),
        SensorType("sht31_temp", "air temperature", "°C", -40, 125, 180, _sht31_temp, bus="i2c"),
        SensorType("sht31_humidity", "air humidity", "%", 0, 100, 180, _sht31_humidity, bus="i2c"),
        SensorType("bmp280_pressure", "air pressure", "hPa", 300, 1100, 300, _bosch, bus="i2c"),
        SensorType("bme280_pressure", "air pressure", "hPa", 300, 1100, 300, _bosch, bus="i2c"),
        SensorType("bmp280_temp", "air temperature", "°C", -40, 85, 180, _bosch, bus="i2c"),
        SensorType("bme280_temp", "air temperature", "°C", -40, 85, 180, _bosch, bus="i2c"),
        SensorType("bme280_humidity", "air humidity", "%", 0, 100, 180, _bosch, bus="i2c"),
        SensorType("ph", "pH", "pH", 0, 14, 86400, _ph, probe=True, uncalibrated_rules=False),
        SensorType("ec", "conductivity", "µS/cm", 0, 20000, 86400, _ec, probe=True, uncalibrated_rules=False),
        SensorType("moisture", "soil moisture", "%", 0, 100, 300, _moisture, probe=True),
        SensorType("mhz19_co2", "CO₂", "ppm", 0, 10000, 180, _as_given),
        SensorType("scd30_co2", "CO₂", "ppm", 0, 10000, 180, _as_given),
        SensorType("co2", "CO₂", "ppm", 0, 10000, 180, _as_given),
        SensorType("light", "light", "lx", 0, 100000, 180, _light, dark_end=50),
        SensorType("ppfd", "PPFD", "µmol/m²/s", 0, 3000, 180, _as_given),
        SensorType("flow", "flow", "L/min", 0, 100, 180, _flow),
        SensorType("level", "level", "%", 0, 100, 180, _as_given),
        SensorType("switch", "switch", "", 0, 1, 180, _as_given),
    )
}
ALIASES: Final = {
    "temperature_sht31": "sht31_temp",
    "humidity_sht31": "sht31_humidity",
    "temperature_ds18b20": "ds18b20",
    "temperature_bmp280": "bmp280_temp",
    "temperature_bme280": "bme280_temp",
    "pressure_bmp280": "bmp280_pressure",
    "pressure_bme280": "bme280_pressure",
    "humidity_bme280": "bme280_humidity",
    "soil_moisture": "moisture",
    "ph_sensor": "ph",
    "ec_sensor": "ec",
    "bh1750": "light",
    "tsl2561": "light",
    "yfs201": "flow",
}


def canonical(name: str) -> str:
    """The one name of a type; aliases and upper case are translated. Unknown ones name the known."""
    word = name.strip().lower()
    word = ALIASES.get(word, word)
    if word not in TYPES:
        raise UnknownSensorTypeError(text=name[:40], known=", ".join(sorted(TYPES)))
    return word


def convert(
    name: str,
    raw: float,
    *,
    raw_mode: bool = True,
    adc: str = "esp32",
    calibration: Calibration | None = None,
) -> Converted:
    """Raw → value of type `name` (canonical), with range and ADC-rail checks.

    Reference: SHT31 raw 27445 → 28.287 °C; moisture dry 2800, wet 1200, raw 2000 → 50.0 %.
    """
    row = TYPES[name]
    result = row.convert(raw, raw_mode, adc, calibration)
    if result.value is None:
        return result
    if not math.isfinite(result.value):
        return Converted(None, Quality.ERROR, "the raw value is beyond all measure")
    if row.probe and raw_mode and not 0 < raw < ADC_MAX[adc]:
        return Converted(result.value, Quality.SUSPECT, "raw value at the rail of the ADC")
    if row.low <= result.value <= row.high:
        return result
    reason = f"{result.value:.6g} {row.unit} is outside {row.low:g}..{row.high:g}"
    return (
        Converted(result.value, Quality.SUSPECT, reason)
        if row.probe
        else Converted(None, Quality.ERROR, reason)
    )
