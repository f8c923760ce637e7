"""Conversions: the reference values, the limits, and one loop over every registered type."""

import math
from dataclasses import replace
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from godkaiser.errors import UnknownSensorTypeError
from godkaiser.kaiser.site import demo_site
from godkaiser.model.calibration import Calibration
from godkaiser.model.quantity import Quality
from godkaiser.sensors.types import ALIASES, TYPES, Converted, canonical, convert, measured

PH = Calibration(slope=10.636364, offset=-11.428571)
EC = Calibration(slope=9486.336, offset=-10054.0)
SOIL = Calibration(dry=2800, wet=1200)
GOOD, UNCALIBRATED, SUSPECT, ERROR = Quality
# A raw count each type may well send, in its usual mode.
TYPICAL: dict[str, tuple[float, bool]] = {
    "ds18b20": (344, True),
    "sht31_temp": (26000, True),
    "sht31_humidity": (39000, True),
    "bmp280_pressure": (987.6, False),
    "bme280_pressure": (1008.4, False),
    "bmp280_temp": (21.5, False),
    "bme280_temp": (21.5, False),
    "bme280_humidity": (55.5, False),
    "ph": (2150, True),
    "ec": (1800, True),
    "moisture": (2150, True),
    "mhz19_co2": (415, True),
    "scd30_co2": (415, True),
    "co2": (415, True),
    "light": (0, True),
    "ppfd": (500, True),
    "flow": (15, True),
    "level": (80, True),
    "switch": (1, True),
}


@pytest.mark.parametrize(
    ("name", "raw", "calibration", "value"),
    [
        ("sht31_temp", 27445, None, 28.287),
        ("sht31_temp", 26000, None, 24.429),
        ("sht31_temp", 0, Calibration(offset=6), -39.0),
        ("sht31_humidity", 39321, None, 60.0),
        ("sht31_humidity", 0, None, 0.0),
        ("sht31_humidity", 65535, None, 100.0),
        ("ds18b20", 344, None, 21.5),
        ("ds18b20", -81, None, -5.0625),
        ("ds18b20", 4294967256, None, -2.5),
        ("ds18b20", 0, None, 0.0),
        ("ds18b20", 344, Calibration(offset=-0.5), 21.0),
        ("ph", 2150, PH, 7.0),
        ("ph", 1800, PH, 4.0),
        ("ec", 1500, EC, 1413),
        ("ec", 3000, EC, 12880),
        ("ec", 1800, EC, 3706.4),
        ("moisture", 2000, SOIL, 50.0),
        ("moisture", 2800, SOIL, 0.0),
        ("moisture", 1200, SOIL, 100.0),
        ("light", 0, None, 0.0),
        ("light", 10, Calibration(offset=-20), 0.0),
        ("co2", 400, Calibration(offset=15), 415.0),
        ("ppfd", 20000, Calibration(slope=0.0185), 370.0),
        ("flow", 15, None, 2.0),
        ("flow", 15, Calibration(slope=900), 1.0),
        ("level", 0, None, 0.0),
        ("switch", 1, None, 1.0),
    ],
)
def test_reference_values(name: str, raw: float, calibration: Calibration | None, value: float) -> None:
    made = convert(name, raw, calibration=calibration)
    tolerance = 0.2 if name == "ec" else 1e-3
    assert made.value == pytest.approx(value, abs=tolerance)
    assert (made.quality, made.reason) == (GOOD, "")


@pytest.mark.parametrize(
    ("name", "raw", "value"),
    [
        ("ph", 2150, 7 - 3.5 * (2150 / 4095 * 3.3 - 1.5)),
        ("ec", 1800, 6060 * 1800 / 4095 * 3.3),
        ("moisture", 3200, 0.0),
        ("moisture", 1500, 100.0),
        ("moisture", 2350, 50.0),
    ],
)
def test_without_calibration_a_placeholder_that_says_so(name: str, raw: float, value: float) -> None:
    made = convert(name, raw)
    assert made.value == pytest.approx(value, abs=1e-3)
    assert (made.quality, made.reason) == (UNCALIBRATED, "not calibrated")


@pytest.mark.parametrize("name", [name for name in TYPES if name.startswith(("bmp", "bme"))])
def test_a_register_word_without_its_chip_is_no_value(name: str) -> None:
    made = convert(name, 5402624)
    assert (made.value, made.quality) == (None, SUSPECT)
    assert convert(name, 21.5 if "pressure" not in name else 950.0, raw_mode=False).quality is GOOD


@pytest.mark.parametrize("name", sorted(set(TYPES) - {"flow"}))
def test_what_the_node_converted_is_taken_as_it_is(name: str) -> None:
    middle = (TYPES[name].low + TYPES[name].high) / 2
    made = convert(name, middle, raw_mode=False)
    assert made.value == pytest.approx(middle)
    assert made.quality is GOOD
    shifted = convert(name, middle, raw_mode=False, calibration=Calibration(offset=0.25))
    assert shifted.value == pytest.approx(middle + 0.25)


def test_flow_as_given() -> None:
    assert convert("flow", 3.5, raw_mode=False).value == 3.5


def test_the_adc_is_declared_and_never_guessed() -> None:
    volts = Calibration(slope=1.0)
    assert convert("ec", 2048, adc="ads1115", calibration=volts).value == pytest.approx(0.3125, abs=1e-3)
    assert convert("ec", 2048, adc="esp32", calibration=volts).value == pytest.approx(1.6504, abs=1e-3)


@pytest.mark.parametrize(
    ("raw", "raw_mode", "value", "quality", "reason"),
    [
        (-2032, True, None, ERROR, "device fault: -127 °C"),
        (2**32 - 2032, True, None, ERROR, "device fault: -127 °C"),
        (-127.0, False, None, ERROR, "device fault: -127 °C"),
        (0x0550, True, 85.0, SUSPECT, "85 °C is the power-on value"),
        (85.0, False, 85.0, SUSPECT, "85 °C is the power-on value"),
        (0x0551, True, 85.0625, GOOD, ""),
        (85.0625, False, 85.0625, GOOD, ""),
        (-2.5, False, -2.5, GOOD, ""),
    ],
)
def test_faults_of_the_ds18b20(
    raw: float, raw_mode: bool, value: float | None, quality: Quality, reason: str
) -> None:
    made = convert("ds18b20", raw, raw_mode=raw_mode)
    assert (made.value, made.quality, made.reason) == (value, quality, reason)
    shifted = convert("ds18b20", raw, raw_mode=raw_mode, calibration=Calibration(offset=0.5))
    assert (shifted.value, shifted.quality) == (value if value is None else value + 0.5, quality)


@pytest.mark.parametrize(
    ("lux", "value", "quality", "reason"),
    [
        (0, 0.0, GOOD, ""),
        (-0.5, 0.0, GOOD, "-0.5 lx is the noise of the dark"),
        (-1, 0.0, GOOD, "-1 lx is the noise of the dark"),
        (-1.5, None, ERROR, "-1.5 lx is outside 0..100000"),
        (-1e9, None, ERROR, "-1e+09 lx is outside 0..100000"),
        (100_000, 100_000.0, GOOD, ""),
        (100_001, None, ERROR, "100001 lx is outside 0..100000"),
    ],
)
def test_the_dark_is_a_good_0_and_less_is_a_fault(
    lux: float, value: float | None, quality: Quality, reason: str
) -> None:
    for raw_mode in (True, False):
        made = convert("light", lux, raw_mode=raw_mode)
        assert (made.value, made.quality, made.reason) == (value, quality, reason)
    assert convert("light", lux, calibration=Calibration(offset=-0.5)).quality is quality


@pytest.mark.parametrize("name", [name for name, row in TYPES.items() if not row.probe])
def test_outside_the_datasheet_there_is_no_value(name: str) -> None:
    row = TYPES[name]
    for outside in (row.low - 1.5, row.high + 0.5):
        made = convert(name, outside, raw_mode=False)
        assert (made.value, made.quality) == (None, ERROR)
        assert f"{row.low:g}..{row.high:g}" in made.reason
    for edge in (row.low, row.high):
        assert convert(name, edge, raw_mode=False).value == edge


@pytest.mark.parametrize("name", [name for name, row in TYPES.items() if row.probe])
def test_a_probe_outside_its_range_keeps_its_value_and_is_suspect(name: str) -> None:
    row = TYPES[name]
    for outside in (row.low - 0.5, row.high + 0.5):
        made = convert(name, outside, raw_mode=False)
        assert (made.value, made.quality) == (outside, SUSPECT)
        assert "outside" in made.reason


@pytest.mark.parametrize(("adc", "rail"), [("esp32", 4095), ("ads1115", 32767)])
@pytest.mark.parametrize("name", ["ph", "ec", "moisture"])
def test_a_raw_value_at_the_rail_is_suspect(name: str, adc: str, rail: int) -> None:
    for raw in (0, rail, rail + 1):
        made = convert(name, raw, adc=adc)
        assert made.quality is SUSPECT
        assert "rail" in made.reason
    assert "rail" not in convert(name, rail - 1, adc=adc).reason
    assert "rail" not in convert(name, 1, adc=adc).reason


def test_which_rules_may_use_without_calibration() -> None:
    assert {name for name, row in TYPES.items() if not row.uncalibrated_rules} == {"ph", "ec"}


@pytest.mark.parametrize("name", [name for name, row in TYPES.items() if not row.derived])
def test_every_type_gives_a_finite_value_in_its_range(name: str) -> None:
    raw, raw_mode = TYPICAL[name]
    row, made = TYPES[name], convert(name, raw, raw_mode=raw_mode)
    assert made.value is not None
    assert math.isfinite(made.value)
    assert row.low <= made.value <= row.high
    assert row.name == name == canonical(name)
    assert row.label
    assert row.low < row.high
    assert row.stale_s >= 180


@given(
    st.sampled_from(sorted(TYPES)), st.floats(-1e9, 1e9), st.booleans(), st.sampled_from(["esp32", "ads1115"])
)
def test_a_value_is_finite_and_an_error_has_none(name: str, raw: float, raw_mode: bool, adc: str) -> None:
    made = convert(name, raw, raw_mode=raw_mode, adc=adc)
    assert made.value is None or math.isfinite(made.value)
    if made.quality is ERROR:
        assert made.value is None
    if made.value is None or made.quality is not GOOD:
        assert made.reason


def test_names_and_aliases() -> None:
    assert canonical(" Temperature_SHT31 ") == "sht31_temp"
    assert canonical("soil_moisture") == "moisture"
    assert canonical("PH_Sensor") == "ph"
    assert set(ALIASES.values()) <= set(TYPES)
    assert not set(ALIASES) & set(TYPES)
    assert canonical("vpd") == "vpd"
    with pytest.raises(UnknownSensorTypeError) as derived:
        measured("vpd")
    assert "vpd" not in derived.value.known
    assert measured("soil_moisture") == "moisture"
    with pytest.raises(UnknownSensorTypeError) as caught:
        canonical("x" * 100)
    assert "moisture" in caught.value.remedy
    assert len(caught.value.text) == 40


@pytest.mark.parametrize(
    "made",
    [
        RuntimeError("what"),
        RecursionError("deep"),
        AssertionError(),
        True,
        None,
        Converted(True, Quality.GOOD),
    ],
    ids=repr,
)
def test_whatever_a_strangers_conversion_does_is_an_error_and_nothing_else(made: object) -> None:
    def convert_it(*_: object) -> Converted:
        if isinstance(made, Exception):
            raise made
        return cast("Converted", made)

    row = replace(TYPES["co2"], name="strange", convert=convert_it)
    found = convert(row, 777.0)
    assert (found.value, found.quality) == (None, Quality.ERROR)
    assert found.reason.startswith("its conversion failed: ")


def test_every_type_of_the_demo_is_among_them() -> None:
    assert {canonical(sensor.type) for sensor in demo_site().sensors} <= set(TYPICAL)
