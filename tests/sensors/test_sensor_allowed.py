"""What a type takes as its calibration; the same for a site file and for a fit."""

from __future__ import annotations

import re
from typing import Any

import pytest

from godkaiser.errors import CalibrationError, DocumentError
from godkaiser.kaiser.site import parse_site
from godkaiser.model.calibration import Calibration
from godkaiser.sensors.allowed import check_calibration
from godkaiser.sensors.calibration import fit
from godkaiser.sensors.types import TYPES, convert

BUFFERS = [{"raw": 2150, "value": 7}, {"raw": 1800, "value": 4}]
SOIL = [{"raw": 2800, "role": "dry"}, {"raw": 1200, "role": "wet"}]
LINE = {"slope": 10.636364, "offset": -11.428571}
REFUSED: list[tuple[str, dict[str, Any], str, str]] = [
    ("sht31_temp", {"slope": 2}, "slope", "does nothing for sht31_temp. State offset alone"),
    ("moisture", {}, "offset", "State dry and wet"),
    ("sht31_temp", {"dry": 1, "wet": 2}, "dry", "does nothing"),
    ("sht31_temp", {"offset": 1, "temperature_c": 20}, "temperature_c", "is of pH"),
    ("sht31_temp", {"offset": 400}, "offset", "beyond"),
    ("co2", {"slope": 2}, "slope", "does nothing"),
    ("moisture", {"offset": 5}, "offset", "does nothing for counts of moisture. State dry and wet"),
    ("moisture", {"dry": 2800, "wet": 1200, "offset": 5}, "offset", "beside dry and wet"),
    ("moisture", {"dry": 2800, "wet": 1200, "slope": 5}, "slope", "beside dry and wet"),
    ("moisture", {"dry": 1e308, "wet": -1e308}, "dry", "is no count"),
    ("moisture", {"dry": 2800, "wet": -1}, "wet", "0..4095"),
    ("moisture", {"dry": 2800, "wet": 5000}, "wet", "0..4095"),
    ("moisture", {"dry": 1200, "wet": 1200.0000001}, "wet", "same count"),
    ("moisture", {"dry": 2800, "wet": 1200, "version": 3}, "version", "Leave it out"),
    ("moisture", {"dry": 2800, "wet": 1200, "by": "ann"}, "by", "Leave it out"),
    ("moisture", {"dry": 2800, "wet": 1200, "made_at": "2026-01-01T00:00:00Z"}, "made_at", "Leave it"),
    ("moisture", {"dry": 2800, "wet": 1200, "undone_at": "2026-01-01T00:00:00Z"}, "undone_at", "sensors undo"),
    ("moisture", {"dry": 2800, "wet": 1200, "adc": "ads1115"}, "adc", "made with ads1115"),
    ("moisture", {"dry": 2800, "wet": 1200, "method": "none"}, "method", "Write one of both"),
    ("moisture", LINE | {"method": "ph", "points": BUFFERS}, "method", "'ph' is none of moisture"),
    ("moisture", {"dry": 2800, "wet": 1200, "method": "moisture", "points": SOIL, "residuals": [0, 0, 0]},
     "residuals", "more than points"),
    ("moisture", {"dry": 2800, "wet": 1200, "method": "moisture", "points": [{"raw": 9999, "role": "dry"}]},
     "points[0].raw", "9999 is no count"),
    ("ph", LINE | {"method": "ph"}, "points", "needs the points"),
    ("ph", {"offset": 1}, "offset", "State slope and offset in volts"),
    ("ph", {"dry": 2800, "wet": 1200}, "dry", "does nothing"),
    ("ph", {"slope": 1e308}, "slope", "that of no probe"),
    ("ph", {"slope": 1e-9, "offset": 7}, "slope", "that of no probe"),
    ("ph", {"slope": 10, "offset": 20}, "offset", "never 0..14"),
    ("flow", {"slope": -450}, "slope", "no number of pulses"),
    ("flow", {"slope": 450, "offset": 1}, "offset", "does nothing"),
    ("flow", {"offset": 1}, "offset", "pulses per litre"),
    ("ppfd", {"slope": 1e9}, "slope", "of no scale"),
    ("switch", {"offset": 1}, "method", "takes no calibration"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "said", "field", "words"), REFUSED)
def test_what_a_site_file_must_not_say(kind: str, said: dict[str, Any], field: str, words: str) -> None:
    pin = 0 if kind.startswith("sht") else 34
    text = f"sensors:\n  - {{node: ESP_AB12CD, gpio: {pin}, type: {kind}, adc: esp32, calibration: {said}}}\n"
    with pytest.raises(DocumentError) as caught:
        parse_site(re.sub(r"\b1e", "1.0e", text), "x")
    assert caught.value.path == f"sensors.0.calibration.{field} (line 2 of x)"
    assert words in caught.value.problem


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("sht31_temp", {"offset": -0.5}),
        ("sht31_temp", {"offset": 0}),
        ("moisture", {"dry": 2800, "wet": 1200}),
        ("moisture", {"dry": 1200, "wet": 2800, "valid_from": "2030-01-01T00:00:00Z"}),
        ("moisture", {"dry": 2800, "wet": 1200, "adc": "esp32"}),
        ("moisture", {"method": "none"}),
        ("ph", LINE | {"temperature_c": 25}),
        ("ec", {"slope": 9486.336, "offset": -10054.0}),
        ("flow", {"slope": 900}),
        ("ppfd", {"slope": 0.0185}),
        ("level", {"slope": -100, "offset": 100}),
    ],
)
def test_what_it_may_say(kind: str, said: dict[str, Any]) -> None:
    made = Calibration.model_validate(said)
    check_calibration(TYPES[kind], made, "esp32")
    text = f"sensors:\n  - {{node: ESP_AB12CD, gpio: 34, type: {kind}, calibration: {said}}}\n"
    if TYPES[kind].bus == "analog":
        assert parse_site(text, "x").sensors[0].calibration == made


def test_of_another_adc_the_counts_are_others() -> None:
    made = Calibration(dry=28000, wet=12000)
    check_calibration(TYPES["moisture"], made, "ads1115")
    check_calibration(TYPES["moisture"], made, None)
    with pytest.raises(CalibrationError, match="no count"):
        check_calibration(TYPES["moisture"], made, "esp32")


@pytest.mark.parametrize(("kind", "points"), [("ph", BUFFERS), ("moisture", SOIL)])
def test_what_was_fitted_may_be_said(kind: str, points: list[dict[str, Any]]) -> None:
    check_calibration(TYPES[kind], fit(kind, points), "esp32")
    with pytest.raises(CalibrationError, match="read by ads1115"):
        check_calibration(TYPES[kind], fit(kind, points), "ads1115")


def test_a_fit_is_checked_the_same_way() -> None:
    with pytest.raises(CalibrationError, match="that of no probe") as caught:
        fit("ph", [{"raw": 2000, "value": 0}, {"raw": 2001, "value": 13}])
    assert caught.value.field == "slope"


def test_a_line_by_one_reference_or_two() -> None:
    two = fit("level", [{"raw": 0.5, "value": 0}, {"raw": 4.5, "value": 100}])
    assert (two.slope, two.offset, two.method) == (25.0, -12.5, "linear")
    assert convert("level", 2.5, calibration=two).value == 50.0
    assert two.residuals == (0.0, 0.0)
    one = fit("ppfd", [{"raw": 20000, "value": 370}])
    assert (one.slope, one.offset) == (0.0185, 0.0)
    assert fit("level", [{"raw": 40, "value": 50}], raw_mode=False).slope == 1.25


@pytest.mark.parametrize(
    ("points", "field"),
    [
        ([{"raw": 1, "value": 0}], "points[0]"),
        ([{"raw": 0, "value": 5}], "points[0]"),
        ([{"raw": 5, "value": 1}, {"raw": 5, "value": 90}], "points.raw"),
        ([{"raw": 5, "value": 1}, {"raw": 9, "value": 1.05}], "points.value"),
        ([], "points"),
    ],
)
def test_no_line(points: list[dict[str, float]], field: str) -> None:
    with pytest.raises(CalibrationError) as caught:
        fit("level", points)
    assert caught.value.field == field
