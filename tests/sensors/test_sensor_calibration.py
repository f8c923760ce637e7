"""Fits against their reference values, what is refused by name, and that the fit and the reading are one code."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

import godkaiser
from godkaiser.errors import CalibrationError, InvalidValueError, UnknownSensorTypeError
from godkaiser.model.calibration import Calibration, Point
from godkaiser.model.quantity import Quality
from godkaiser.sensors.calibration import apply, ec_at, ec_at_25, ec_from, ec_to, fit, nernst, nernst_percent
from godkaiser.sensors.compensation import PER_MICROSIEMENS, Water
from godkaiser.sensors.conversion import volts
from godkaiser.sensors.types import TYPES, convert

BUFFERS = [{"raw": 2150, "value": 7}, {"raw": 1800, "value": 4}]
AT_25 = [buffer | {"temperature_c": 25} for buffer in BUFFERS]
STANDARDS = [{"raw": 1500, "value": 1413}, {"raw": 3000, "value": 12880}]
ON_NO_LINE = [{"raw": 1000, "value": 4}, {"raw": 2000, "value": 5}, {"raw": 4000, "value": 4.2}]
SOIL = [{"raw": 2800, "role": "dry"}, {"raw": 1200, "role": "wet"}]


def near(value: float) -> Any:
    return pytest.approx(value, abs=1e-3)


# ── reference values ───────────────────────────────────────────────────────────────────────────────────
def test_ph_by_two_buffers() -> None:
    made = fit("ph", BUFFERS)
    assert (made.slope, made.offset) == (near(10.636364), near(-11.428571))
    assert made.slope_mv_per_ph == near(1000 / 10.636364)
    assert made.residuals == (near(0), near(0))
    assert (made.method, made.version, made.slope_percent, made.notes) == ("ph", 0, None, ())
    assert [point.raw for point in made.points] == [2150, 1800]
    assert fit("pH_sensor", BUFFERS[::-1]).slope == near(10.636364)


def test_ph_by_three_buffers_has_residuals() -> None:
    made = fit("ph", [*BUFFERS, {"raw": 2490, "value": 10.0}])
    assert made.slope is not None
    assert sum(made.residuals) == near(0)
    assert max(abs(residual) for residual in made.residuals) == pytest.approx(0.0284, abs=1e-3)
    again = [apply(made, point.raw, kind="ph") for point in made.points]
    values = [point.value for point in made.points]
    assert all(
        a is not None and v is not None and a - v == near(r)
        for a, v, r in zip(again, values, made.residuals, strict=True)
    )


@pytest.mark.parametrize(
    ("gain", "percent", "flags"),
    [
        (-1.6, 99.327, []),
        (-1.0, 158.923, ["clean or replace"]),
        (-3.0, 52.974, ["clean or replace"]),
        (1.6, 99.327, ["wrong sign"]),
    ],
)
def test_the_slope_of_the_electrode(gain: float, percent: float, flags: list[str]) -> None:
    made = fit("ph", AT_25, gain=gain)
    assert made.slope_percent == near(percent)
    assert made.temperature_c == 25
    assert [word for word, note in zip(flags, made.notes, strict=True) if word not in note] == []
    assert nernst_percent(94.017, gain, 25) == pytest.approx(percent, abs=0.01)


def test_without_a_temperature_or_a_gain_no_percentage_is_made_up() -> None:
    without = fit("ph", BUFFERS, gain=-1.6)
    assert (without.slope_percent, without.temperature_c) == (None, None)
    assert "temperature of the buffers" in without.notes[0]
    assert fit("ph", AT_25).slope_percent is None
    one = fit("ph", [AT_25[0], BUFFERS[1]], gain=-1.6)
    assert one.temperature_c is None
    apart = fit("ph", [AT_25[0], BUFFERS[1] | {"temperature_c": 20}])
    assert apart.temperature_c == 22.5
    assert "5 °C apart" in apart.notes[0]


def test_ec_by_two_standards() -> None:
    made = fit("ec", STANDARDS)
    assert (made.slope, made.offset) == (near(9486.336), near(-10054.0))
    assert apply(made, 1800, kind="ec") == near(3706.4)
    assert made.notes == ()
    assert "exchanged" in fit("ec", [STANDARDS[0] | {"raw": 3000}, STANDARDS[1] | {"raw": 1500}]).notes[0]


def test_ec_by_one_standard_scales_the_uncalibrated_slope() -> None:
    made = fit("ec", [{"raw": 1000, "value": 6060 * volts(1000, "esp32") * 1.2}])
    assert (made.slope, made.offset) == (near(6060 * 1.2), 0.0)
    for factor in (0.49, 2.01):
        with pytest.raises(CalibrationError, match=r"outside 0\.5\.\.2") as caught:
            fit("ec", [{"raw": 1000, "value": 6060 * volts(1000, "esp32") * factor}])
        assert caught.value.field == "points[0].value"
    for edge in (0.5, 2.0):
        assert fit("ec", [{"raw": 1000, "value": 6060 * volts(1000, "esp32") * edge}]).slope is not None


def test_a_standard_is_taken_to_its_temperature() -> None:
    warm = fit("ec", [point | {"temperature_c": 30} for point in STANDARDS])
    assert apply(warm, 1500, kind="ec") == near(1413 * 1.1)
    assert ec_at_25(apply(warm, 3000, kind="ec") or 0, 30) == near(12880)
    other = fit("ec", [point | {"temperature_c": 30} for point in STANDARDS], alpha=0.019)
    assert apply(other, 1500, kind="ec") == near(1413 * 1.095)


def test_moisture_by_role_never_by_order() -> None:
    for points in (SOIL, SOIL[::-1]):
        made = fit("soil_moisture", points)
        assert (made.dry, made.wet, made.method) == (2800, 1200, "moisture")
        assert apply(made, 2000, kind="moisture") == near(50.0)
        assert convert("moisture", 2000, calibration=made).value == near(50.0)
    assert "rail" in fit("moisture", [{"raw": 4095, "role": "dry"}, SOIL[1]]).notes[0]


def test_an_offset_by_one_reference() -> None:
    made = fit("ds18b20", [{"raw": 344, "value": 21.0}])
    assert (made.offset, made.method, made.adc) == (-0.5, "offset", "esp32")
    assert convert("ds18b20", 344, calibration=made).value == 21.0
    assert fit("bmp280_pressure", [Point(raw=1000.0, value=1002.5)], raw_mode=False).offset == 2.5
    assert fit("ph", [Point(raw=6.8, value=7.0)], raw_mode=False).offset == near(0.2)
    ours = fit("ph", [Point(raw=6.8, value=7.0)], raw_mode=False)
    assert convert("ph", 6.8, raw_mode=False, calibration=ours).value == near(7.0)
    assert convert("ph", 6.8, raw_mode=False, calibration=fit("ph", BUFFERS)).value == 6.8


def test_the_other_adc() -> None:
    made = fit("ph", [{"raw": 16000, "value": 7}, {"raw": 12000, "value": 4}], adc="ads1115")
    assert made.adc == "ads1115"
    assert convert("ph", 16000, adc="ads1115", calibration=made).value == near(7)
    assert volts(2048, "ads1115") == near(0.3125)


# ── refused ────────────────────────────────────────────────────────────────────────────────────────────
REFUSED: list[tuple[str, Any, dict[str, Any], str, str]] = [
    ("ph", BUFFERS[:1], {}, "points", "two or three buffers"),
    ("ph", [*AT_25, *AT_25], {}, "points", "there are 4"),
    ("ph", [BUFFERS[0], BUFFERS[0] | {"value": 4}], {}, "points.raw", "equal"),
    ("ph", [BUFFERS[0], {"raw": 2150.9, "value": 4}], {}, "points.raw", "equal"),
    ("ph", [BUFFERS[0], BUFFERS[1] | {"value": 7}], {}, "points.value", "equal"),
    ("ph", [BUFFERS[0], {"raw": 1800}], {}, "points[1].value", "is missing"),
    ("ph", [BUFFERS[0], {"raw": 1800, "value": 15}], {}, "points[1].value", "out of range"),
    ("ph", [BUFFERS[0], {"raw": 4095, "value": 4}], {}, "points[1].raw", "not within the ADC"),
    ("ph", [BUFFERS[0], {"raw": 0, "value": 4}], {}, "points[1].raw", "not within the ADC"),
    ("ph", [BUFFERS[0], {"raw": math.nan, "value": 4}], {}, "points[1].raw", "finite"),
    ("ph", [BUFFERS[0], {"raw": 1800, "value": math.inf}], {}, "points[1].value", "finite"),
    ("ph", [BUFFERS[0], {"raw": 1800, "value": 4, "temperature_c": 150}], {}, "points[1].temperature_c", "150 °C"),
    ("ph", [BUFFERS[0], {"raw": "1800", "value": 4}], {}, "points[1].raw", "finite number"),
    ("ph", [BUFFERS[0], {"value": 4}], {}, "points[1].raw", "Field required"),
    ("ph", [BUFFERS[0], {"raw": 1800, "value": 4, "ph": 4}], {}, "points[1].ph", "Extra"),
    ("ph", "raw=1", {}, "points", "no list"),
    ("ph", BUFFERS, {"method": "moisture"}, "method", "'moisture' is none for counts of ph"),
    ("ph", BUFFERS, {"method": "cubic"}, "method", "There are ph, ec, moisture, linear, offset"),
    ("ph", BUFFERS, {"raw_mode": False, "method": "ph"}, "method", "values its node has converted"),
    ("ph", ON_NO_LINE, {}, "points", "slope would be 0"),
    ("ph", BUFFERS, {"adc": "mcp3008"}, "adc", "not known"),
    ("ph", BUFFERS, {"gain": 0}, "gain", "no amplification"),
    ("ph", BUFFERS, {"gain": math.nan}, "gain", "no amplification"),
    ("ec", [], {}, "points", "one or two standards"),
    ("ec", [STANDARDS[0], STANDARDS[1] | {"raw": 1500}], {}, "points.raw", "equal"),
    ("ec", [{"raw": 1500, "value": 0}], {}, "points[0].value", "out of range"),
    ("moisture", SOIL[:1], {}, "points", "one dry and one wet"),
    ("moisture", [SOIL[0], SOIL[1] | {"role": "dry"}], {}, "points.role", "dry, dry"),
    ("moisture", [SOIL[0], {"raw": 1200}], {}, "points.role", "None"),
    ("moisture", [SOIL[0], {"raw": 2800, "role": "wet"}], {}, "points.raw", "equal"),
    ("moisture", [SOIL[0], {"raw": 5000, "role": "wet"}], {}, "points[1].raw", "not within"),
    ("moisture", [SOIL[0], {"raw": 1, "role": "damp"}], {}, "points[1].role", "dry"),
    ("ds18b20", [], {}, "points", "one reference"),
    ("ds18b20", [{"raw": 344, "value": 300}], {}, "points[0].value", "out of range"),
    ("ds18b20", [{"raw": -2032, "value": 20}], {}, "points[0].raw", "device fault"),
    ("ds18b20", [{"raw": 1e308, "value": 20}], {}, "points[0].raw", "itself outside"),
    ("bme280_temp", [{"raw": 8_400_000, "value": 20}], {}, "points[0].raw", "register word"),
    ("flow", [{"raw": 15, "value": 2}], {}, "method", "cannot be fitted"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "points", "more", "field", "words"), REFUSED)
def test_what_cannot_be_fitted_is_refused_with_field_and_remedy(
    kind: str, points: Any, more: dict[str, Any], field: str, words: str
) -> None:
    with pytest.raises(CalibrationError) as caught:
        fit(kind, points, **more)
    assert caught.value.field == field
    assert words in f"{caught.value} {caught.value.remedy}"
    assert caught.value.remedy


def test_an_unknown_type_names_the_known() -> None:
    with pytest.raises(UnknownSensorTypeError):
        fit("brix", BUFFERS)


# ── temperature and units ──────────────────────────────────────────────────────────────────────────────
def test_nernst_and_ec_at_25() -> None:
    assert nernst(4.0, 35, 25) == near(4.097)
    assert nernst(7.0, 5, 25) == 7.0
    assert ec_at_25(3706.4, 30) == near(3369.4545)
    assert ec_at(ec_at_25(1500, 12), 12) == near(1500)
    assert ec_to(2000, "ppm700") == near(1400)
    assert (ec_to(1413, "mS/cm"), ec_to(1413, "µS/cm"), ec_to(2000, "ppm500")) == (near(1.413), 1413, 1000)
    assert ec_from(1280, "ppm640") == near(2000)


@pytest.mark.parametrize(
    "call",
    [
        lambda: nernst(7, -6, 25),
        lambda: nernst(7, 25, 101),
        lambda: nernst(7, math.nan, 25),
        lambda: ec_at_25(100, 25, 0.04),
        lambda: ec_at_25(100, 25, 0),
        lambda: ec_at_25(100, math.inf),
        lambda: ec_to(100, "ppm"),  # type: ignore[arg-type]
        lambda: nernst_percent(59, 0, 25),
        lambda: nernst_percent(59, 1, 200),
    ],
)
def test_outside_their_range_they_are_undefined(call: Any) -> None:
    with pytest.raises(InvalidValueError) as caught:
        call()
    assert caught.value.remedy


@given(st.floats(0, 20000), st.sampled_from(sorted(PER_MICROSIEMENS)))
def test_units_of_ec_round_trip(ec: float, unit: Any) -> None:
    assert ec_from(ec_to(ec, unit), unit) == pytest.approx(ec)


@given(st.floats(0, 20000), st.floats(-5, 100), st.floats(0.001, 0.03))
def test_compensation_of_ec_round_trips(ec: float, temperature: float, alpha: float) -> None:
    assert ec_at_25(ec_at(ec, temperature, alpha), temperature, alpha) == pytest.approx(ec)


def test_readings_are_compensated_or_say_why_not() -> None:
    ph = fit("ph", AT_25)
    warm = convert("ph", 1800, calibration=ph, water=Water(35.0))
    assert (warm.value, warm.quality, warm.reason) == (near(4.097), Quality.GOOD, "")
    ec = convert("ec", 1800, calibration=fit("ec", STANDARDS), water=Water(30.0))
    assert (ec.value, ec.quality) == (near(3369.4545), Quality.GOOD)
    for water, calibration, words in (
        (Water(None), ph, "no water temperature"),
        (Water(-60.0), ph, "no water temperature"),
        (Water(25.0), fit("ph", BUFFERS), "unknown temperature"),
    ):
        made = convert("ph", 1800, calibration=calibration, water=water)
        assert (made.value, made.quality) == (near(4.0), Quality.SUSPECT)
        assert words in made.reason
    bare = convert("ph", 1800, water=Water(30.0))
    assert (bare.quality, bare.reason) == (Quality.UNCALIBRATED, "not calibrated")
    rail = convert("ec", 4095, calibration=fit("ec", STANDARDS), water=Water(30.0))
    assert (rail.quality, "rail" in rail.reason) == (Quality.SUSPECT, True)


# ── one code ───────────────────────────────────────────────────────────────────────────────────────────
RAWS = st.floats(1, 4094)


@given(RAWS, RAWS, st.floats(0, 14), st.floats(0, 14), RAWS)
def test_a_fit_is_refused_by_name_or_finite_and_through_its_points(
    one: float, other: float, low: float, high: float, raw: float
) -> None:
    points = [Point(raw=one, value=low), Point(raw=other, value=high)]
    try:
        made = fit("ph", points)
    except CalibrationError as refused:
        event(refused.field)
        return
    for point in points:
        assert convert("ph", point.raw, calibration=made).value == pytest.approx(point.value, abs=1e-6)
    assert made == Calibration.model_validate_json(made.model_dump_json())
    value = convert("ph", raw, calibration=made).value
    assert value is not None
    assert math.isfinite(value)


@given(RAWS, RAWS, st.floats(0, 1))
def test_soil_between_dry_and_wet_is_between_nothing_and_all(dry: float, wet: float, part: float) -> None:
    points = [Point(raw=wet, role="wet"), Point(raw=dry, role="dry")]
    try:
        made = fit("moisture", points)
    except CalibrationError:
        assert abs(dry - wet) < 1
        return
    assert apply(made, dry + part * (wet - dry), kind="moisture") == pytest.approx(100 * part, abs=1e-6)


@given(st.sampled_from(sorted(TYPES)), st.floats(allow_nan=True, allow_infinity=True), st.floats())
def test_no_nan_and_no_infinity_enters(kind: str, raw: float, value: float) -> None:
    try:
        made = fit(kind, [{"raw": raw, "value": value}])
    except CalibrationError as refused:
        event(refused.field)
        return
    numbers = (made.slope, made.offset, *made.residuals)
    assert all(number is None or math.isfinite(number) for number in numbers)


def test_the_notebook_needs_no_farm() -> None:
    assert godkaiser.calibration.fit("moisture", SOIL).dry == 2800
    assert godkaiser.calibration.Point(raw=1).raw == 1
