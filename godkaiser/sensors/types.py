"""The one table of sensor types: names, aliases, units, ranges, freshness, conversion.

A type without a conversion cannot be registered. `raw_mode` false means the node converted already.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, cast

from godkaiser.errors import UnknownSensorTypeError
from godkaiser.model.board import Bus
from godkaiser.model.calibration import Calibration, Shape
from godkaiser.model.quantity import Quality
from godkaiser.model.site import Mode
from godkaiser.sensors.compensation import Water, compensated
from godkaiser.sensors.conversion import ADC_MAX, apply, volts
from godkaiser.sensors.flow import PULSES_PER_LITRE, per_minute

UNSIGNED_WRAP: Final = 2**31
DEVICE_FAULT, POWER_ON = -127.0, 85.0  # °C, DS18B20
POWERED_ON: Final = "85 °C is the power-on value"
DARK_NOISE: Final = 1.0  # lx: one count of a BH1750
EC_PER_VOLT: Final = 6060.0  # µS/cm, without a calibration


@dataclass(frozen=True, slots=True)
class Converted:
    """A value in the type's unit, or None with a reason."""

    value: float | None
    quality: Quality
    reason: str = ""


Convert = Callable[[float, bool, str, Calibration | None], Converted]
Takes = Literal["ph", "ec", "moisture", "linear", "factor", "offset"]
_OF_COUNTS: Final[dict[Takes, tuple[Shape, ...]]] = {
    "ph": ("line",),
    "ec": ("line",),
    "moisture": ("ends",),
    "linear": ("line", "offset"),
    "factor": ("line",),
    "offset": ("offset",),
}


@dataclass(frozen=True, slots=True)
class SensorType:
    """One row. `low`..`high` is the datasheet range; outside is an error (NULL), suspect for `probe` types.

    `dark_end`: below this raw count the firmware calls the signal suspect, but here it is a true dark.
    `uncalibrated_rules`: may rules use it without a calibration? `stale_s`: default freshness in seconds.
    `bus`: how the node reads it; whatever its firmware has no driver for, it reads as an analog pin.
    `accuracy`: as stated in the data sheet, in the unit (None: none is, or it is a share of the value).
    `noisy`: a raw count that stands still is no signal. `steps`: jumps are its nature, none is a spike.
    `aliases`: other names of a plug-in's type. `typical`: a raw count it may well send; a plug-in states one.
    `derived`: made here from other series; no node sends it.
    `mode`: how it is measured where the site says nothing of it, `interval_s` how often. `recalibrate_d`: after how
    many days its calibration wants to be made anew (None: never).
    `restless`: the deviation it may have at any time, where that is more than its accuracy.
    `fastest`: what it may change by in a minute, in the unit, if it goes on for minutes.
    `methods`: which calibrations it takes. `offset` of a `probe` is for values that its node has converted itself;
    `factor`: a slope that only a site file states.
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
    accuracy: float | None = None
    noisy: bool = False
    steps: bool = False
    restless: float = 0.0
    fastest: float = 0.0
    derived: bool = False
    mode: Mode = "continuous"
    aliases: tuple[str, ...] = ()
    typical: float | None = None
    methods: tuple[Takes, ...] = ()
    interval_s: int = 30
    recalibrate_d: float | None = None

    def shapes(self, *, raw_mode: bool) -> tuple[Shape, ...]:
        """By which numbers a calibration makes values of counts, or of what the node has converted already."""
        if not raw_mode:
            return tuple(s for m in self.methods if m in ("linear", "offset") for s in _OF_COUNTS[m])
        return tuple(s for m in self.methods if m != "offset" or not self.probe for s in _OF_COUNTS[m])

    def made_by(self, calibration: Calibration | None, value: float | None, *, raw_mode: bool) -> int:
        """The version of the calibration that made this value; 0 where none had a part in it."""
        if value is None or calibration is None:
            return 0
        return calibration.version if calibration.shape in self.shapes(raw_mode=raw_mode) else 0

    @property
    def warm_up(self) -> int:
        """How many readings after a reconnect may be false: an analog probe settles, a digital chip does not."""
        return 3 if self.bus == "analog" else 0


def _good(value: float) -> Converted:
    return Converted(value, Quality.GOOD)


def _ds18b20(raw: float, raw_mode: bool, adc: str, calibration: Calibration | None) -> Converted:
    """1/16 °C. [seed] nodes print negatives unsigned.

    −127 °C (raw −2032) is a device fault; 85 °C (raw 1360, 0x0550) stands in the chip until its first conversion
    (DS18B20 data sheet, power-on reset value). Both also where the node has converted, and before any offset.
    """
    count = raw - 2**32 if raw_mode and raw >= UNSIGNED_WRAP else raw
    celsius = count * 0.0625 if raw_mode else raw
    if celsius == DEVICE_FAULT:
        return Converted(None, Quality.ERROR, "device fault: -127 °C")
    value = celsius + _offset(calibration)
    return Converted(value, Quality.SUSPECT, POWERED_ON) if celsius == POWER_ON else _good(value)


def _sht31_temp(raw: float, raw_mode: bool, adc: str, calibration: Calibration | None) -> Converted:
    """−45 + 175·raw/65535 in °C (Sensirion, data sheet SHT3x-DIS).

    Its stated accuracy is typically 0.3 °C in the edition of 2014 and 0.2 °C at 0..90 °C today. The table has the
    larger one, as chips of both are about.
    """
    return _good((-45 + 175 * raw / 65535 if raw_mode else raw) + _offset(calibration))


def _sht31_humidity(raw: float, raw_mode: bool, adc: str, calibration: Calibration | None) -> Converted:
    """100·raw/65535 in %, typically to 2 % (Sensirion, data sheet SHT3x-DIS)."""
    return _good((100 * raw / 65535 if raw_mode else raw) + _offset(calibration))


def _bosch(raw: float, raw_mode: bool, adc: str, calibration: Calibration | None) -> Converted:
    """BMP280/BME280: without the chip's calibration registers a raw word means nothing."""
    if raw_mode:
        return Converted(None, Quality.SUSPECT, "uncompensated register word")
    return _good(raw + _offset(calibration))


def _ph(raw: float, raw_mode: bool, adc: str, calibration: Calibration | None) -> Converted:
    return _probe("ph", 7 - 3.5 * (volts(raw, adc) - 1.5), raw, raw_mode, adc, calibration)


def _ec(raw: float, raw_mode: bool, adc: str, calibration: Calibration | None) -> Converted:
    return _probe("ec", EC_PER_VOLT * volts(raw, adc), raw, raw_mode, adc, calibration)


def _moisture(raw: float, raw_mode: bool, adc: str, calibration: Calibration | None) -> Converted:
    return _probe("moisture", (raw - 3200) / (1500 - 3200) * 100, raw, raw_mode, adc, calibration)


def _probe(
    kind: str, placeholder: float, raw: float, raw_mode: bool, adc: str, calibration: Calibration | None
) -> Converted:
    """What a node converted itself takes an offset, but none that belongs to a slope over its counts."""
    if not raw_mode:
        scaled = calibration is not None and calibration.slope is not None
        return _good(raw if scaled else raw + _offset(calibration))
    value = apply(calibration, raw, kind=kind, adc=adc)
    return Converted(placeholder, Quality.UNCALIBRATED, "not calibrated") if value is None else _good(value)


def _as_given(raw: float, raw_mode: bool, adc: str, calibration: Calibration | None) -> Converted:
    slope = calibration.slope if calibration is not None and calibration.slope is not None else 1.0
    return _good(slope * raw + _offset(calibration))


def _light(raw: float, raw_mode: bool, adc: str, calibration: Calibration | None) -> Converted:
    """Never below 0: the noise of a dark room is dark, more than that is no light at all but a fault."""
    if raw < -DARK_NOISE:
        return _good(raw)  # which is out of range
    reason = f"{raw:.3g} lx is the noise of the dark" if raw < 0 else ""
    return Converted(max(0.0, raw + _offset(calibration)), Quality.GOOD, reason)


def _flow(raw: float, raw_mode: bool, adc: str, calibration: Calibration | None) -> Converted:
    """Frequency in Hz: f·60/factor L/min; YF-S201 has 450 pulses per litre."""
    factor = (
        calibration.slope if calibration is not None and calibration.slope is not None else PULSES_PER_LITRE
    )
    return _good(per_minute(raw, factor) if raw_mode else raw)


def _offset(calibration: Calibration | None) -> float:
    return 0.0 if calibration is None else calibration.offset


def _made(name: str, label: str, unit: str, low: float, high: float) -> SensorType:
    return SensorType(name, label, unit, low, high, 180, _as_given, steps=True, derived=True)


# Accuracies: DS18B20 (Analog Devices), −10..85 °C; SHT31 (Sensirion SHT3x-DIS), see its conversion; BMP280 and BME280
# (Bosch BST-BMP280-DS001, BST-BME280-DS002); MH-Z19 (Winsen) and SCD30 (Sensirion) at the low end of their range;
# analog pH meter V2 (DFRobot); EC at 5 mS/cm, 2 % (Atlas EZO-EC); soil with a calibration of one's own (Meter EC-5).
# SHT31 humidity rests at 100 % for whole nights and the DS18B20 has coarse steps, so neither counts as noisy. Air
# humidity loses a third within half a minute when a fan starts.
# Fastest changes are ours, as no data sheet is about rooms: 20 W of heat per m³ are a kelvin a minute in air that has
# to warm nothing else; a squall moves the pressure by some hPa in ten minutes; a dose of acid or nutrients mixes
# within minutes, and on from there a tank drifts; CO₂ enrichment gives 200 ppm a minute. They only count where
# readings are far apart: within 30 s the accuracy allows more.
TYPES: Final = {
    row.name: row
    for row in (
        SensorType(
            "ds18b20",
            "temperature",
            "°C",
            -55,
            125,
            180,
            _ds18b20,
            bus="onewire",
            accuracy=0.5,
            methods=("offset",),
            fastest=1,
        ),
        SensorType(
            "sht31_temp",
            "air temperature",
            "°C",
            -40,
            125,
            180,
            _sht31_temp,
            bus="i2c",
            accuracy=0.3,
            noisy=True,
            methods=("offset",),
            fastest=1,
        ),
        SensorType(
            "sht31_humidity",
            "air humidity",
            "%",
            0,
            100,
            180,
            _sht31_humidity,
            bus="i2c",
            accuracy=2,
            restless=5,
            methods=("offset",),
            fastest=5,
        ),
        SensorType(
            "bmp280_pressure",
            "air pressure",
            "hPa",
            300,
            1100,
            300,
            _bosch,
            bus="i2c",
            accuracy=1,
            methods=("offset",),
            interval_s=60,
            fastest=0.5,
        ),
        SensorType(
            "bme280_pressure",
            "air pressure",
            "hPa",
            300,
            1100,
            300,
            _bosch,
            bus="i2c",
            accuracy=1,
            methods=("offset",),
            interval_s=60,
            fastest=0.5,
        ),
        SensorType(
            "bmp280_temp",
            "air temperature",
            "°C",
            -40,
            85,
            180,
            _bosch,
            bus="i2c",
            accuracy=1,
            methods=("offset",),
            fastest=1,
        ),
        SensorType(
            "bme280_temp",
            "air temperature",
            "°C",
            -40,
            85,
            180,
            _bosch,
            bus="i2c",
            accuracy=1,
            methods=("offset",),
            fastest=1,
        ),
        SensorType(
            "bme280_humidity",
            "air humidity",
            "%",
            0,
            100,
            180,
            _bosch,
            bus="i2c",
            accuracy=3,
            restless=5,
            methods=("offset",),
            fastest=5,
        ),
        SensorType(
            "ph",
            "pH",
            "pH",
            0,
            14,
            86400,
            _ph,
            probe=True,
            uncalibrated_rules=False,
            accuracy=0.1,
            noisy=True,
            mode="on_demand",
            methods=("ph", "offset"),
            recalibrate_d=30,
            fastest=0.02,
        ),
        SensorType(
            "ec",
            "conductivity",
            "µS/cm",
            0,
            20000,
            86400,
            _ec,
            probe=True,
            uncalibrated_rules=False,
            accuracy=100,
            noisy=True,
            mode="on_demand",
            methods=("ec", "offset"),
            recalibrate_d=30,
            fastest=20,
        ),
        SensorType(
            "moisture",
            "soil moisture",
            "%",
            0,
            100,
            300,
            _moisture,
            probe=True,
            accuracy=3,
            noisy=True,
            methods=("moisture", "offset"),
            interval_s=60,
            recalibrate_d=90,
            fastest=5,
        ),
        SensorType(
            "mhz19_co2", "CO₂", "ppm", 0, 10000, 180, _as_given, accuracy=50, methods=("offset",), fastest=200
        ),
        SensorType(
            "scd30_co2", "CO₂", "ppm", 0, 10000, 180, _as_given, accuracy=30, methods=("offset",), fastest=200
        ),
        SensorType(
            "co2", "CO₂", "ppm", 0, 10000, 180, _as_given, accuracy=50, methods=("offset",), fastest=200
        ),
        SensorType(
            "light",
            "light",
            "lx",
            0,
            100000,
            180,
            _light,
            dark_end=50,
            steps=True,
            methods=("offset",),
            interval_s=60,
        ),
        SensorType(
            "ppfd",
            "PPFD",
            "µmol/m²/s",
            0,
            3000,
            180,
            _as_given,
            dark_end=50,
            steps=True,
            methods=("linear",),
            interval_s=60,
        ),
        SensorType(
            "flow",
            "flow",
            "L/min",
            0,
            100,
            180,
            _flow,
            dark_end=50,
            steps=True,
            methods=("factor",),
            interval_s=10,
        ),
        SensorType("level", "level", "%", 0, 100, 180, _as_given, steps=True, methods=("linear",)),
        SensorType("switch", "switch", "", 0, 1, 180, _as_given, steps=True),
        _made("vpd", "vapour pressure deficit", "kPa", 0, 10),
        _made("leaf_vpd", "leaf vapour pressure deficit", "kPa", -10, 50),
        _made("dew_point", "dew point", "°C", -100, 80),
        _made("absolute_humidity", "absolute humidity", "g/m³", 0, 300),
        _made("dli", "light of 24 h", "mol/m²", 0, 200),
        _made("dli_day", "light of the day", "mol/m²", 0, 200),
        # Their unit is that of what they are made of.
        _made("difference", "difference", "", -1e6, 1e6),
        _made("mean", "mean", "", -1e6, 1e6),
        _made("vote", "vote", "", -1e6, 1e6),
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


def _in_water(made: Converted, kind: str, calibration: Calibration | None, water: Water) -> Converted:
    """A placeholder stays what it is: nobody knows at which temperature it would be right."""
    if made.value is None or made.quality is not Quality.GOOD:
        return made
    value, problem = compensated(made.value, kind, calibration, water)
    return Converted(value, Quality.SUSPECT, problem) if problem else _good(value)


def canonical(
    name: str, types: Mapping[str, SensorType] = TYPES, aliases: Mapping[str, str] = ALIASES
) -> str:
    """The one name of a type; aliases and upper case are translated. Unknown ones name the known."""
    word = name.strip().lower()
    word = aliases.get(word, word)
    if word not in types:
        raise UnknownSensorTypeError(text=name[:40], known=", ".join(sorted(types)))
    return word


def measured(name: str, types: Mapping[str, SensorType] = TYPES, aliases: Mapping[str, str] = ALIASES) -> str:
    """The one name of a type that nodes measure; a derived one is as unknown to them as any other word."""
    word = canonical(name, types, aliases)
    if types[word].derived:
        there = ", ".join(sorted(row.name for row in types.values() if not row.derived))
        raise UnknownSensorTypeError(text=name[:40], known=there)
    return word


def convert(
    kind: str | SensorType,
    raw: float,
    *,
    raw_mode: bool = True,
    adc: str = "esp32",
    calibration: Calibration | None = None,
    water: Water | None = None,
) -> Converted:
    """Raw → value of a type (or of the built-in one of that canonical name), with range and ADC-rail checks.

    `water`: pH and EC are taken to its temperature; when that is not known the value is suspect.
    Reference: SHT31 raw 27445 → 28.287 °C; moisture dry 2800, wet 1200, raw 2000 → 50.0 %.
    """
    row = TYPES[kind] if isinstance(kind, str) else kind
    try:
        return judged(row, raw, raw_mode=raw_mode, adc=adc, calibration=calibration, water=water)
    except Exception as error:  # noqa: BLE001  a stranger's code
        # A plug-in may meet what its author did not think of: then there is no value, and everything else goes on.
        return Converted(None, Quality.ERROR, f"its conversion failed: {type(error).__name__}: {error}")


def _checked(result: Any) -> Converted:
    """What a plug-in returns may be anything."""
    if not isinstance(result, Converted):
        raise TypeError("it returned no Converted")
    value, quality, reason = cast("tuple[Any, Any, Any]", (result.value, result.quality, result.reason))
    if value is not None and (isinstance(value, bool) or not isinstance(value, (int, float))):
        raise TypeError("its value is no number")
    if not (isinstance(quality, Quality) and isinstance(reason, str)):
        raise TypeError("its quality or reason is of another type")
    return result


def judged(
    row: SensorType,
    raw: float,
    *,
    raw_mode: bool = True,
    adc: str = "esp32",
    calibration: Calibration | None = None,
    water: Water | None = None,
) -> Converted:
    """As `convert`, but what the type's own conversion raises comes through."""
    if not math.isfinite(raw):
        return Converted(None, Quality.ERROR, "the raw value is no number")
    result = _checked(row.convert(raw, raw_mode, adc, calibration))
    if water is not None and raw_mode:  # who converts may have compensated, too
        result = _in_water(result, row.name, calibration, water)
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
