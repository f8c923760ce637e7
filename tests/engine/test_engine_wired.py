"""Contacts and pulses by what the site says of the wiring; calibrations that grow old."""

from __future__ import annotations

from typing import Any

import pytest

from godkaiser.engine import picture
from godkaiser.errors import DocumentError, InvalidValueError
from godkaiser.kaiser.site import parse_site
from godkaiser.model import event as ev
from godkaiser.model.calibration import Calibration
from godkaiser.model.ids import SeriesId
from godkaiser.model.instant import DAY
from godkaiser.model.quantity import Quality
from godkaiser.model.reading import Reading
from godkaiser.model.site import SensorSpec, Site
from godkaiser.sensors.flow import flow_of_frequency, flow_of_pulses, litres_of_pulses
from tests.engine.bench import IRRIGATE, PUMP, SITE, SOIL, WATER, Desk, stored

PIN: dict[str, Any] = {"node": WATER, "gpio": 32, "warm_up": 0}


def desk(*sensors: dict[str, Any], rules: tuple[dict[str, Any], ...] = ()) -> Desk:
    made = Site.model_validate({"sensors": sensors})
    return Desk(*rules, site=SITE.model_copy(update={"sensors": made.sensors})).ready()


@pytest.mark.parametrize(
    ("kind", "more", "raw", "value", "word"),
    [
        ("switch", {}, 1, 1.0, None),
        ("switch", {"active": "high"}, 1, 1.0, None),
        ("switch", {"active": "low"}, 1, 0.0, None),
        ("switch", {"active": "low", "states": ["closed", "open"]}, 0, 1.0, "open"),
        ("switch", {"states": ["closed", "open"]}, 0, 0.0, "closed"),
        ("level", {}, 40, 40.0, None),
        ("level", {"active": "high"}, 1, 100.0, None),
        ("level", {"active": "low", "states": ["dry", "wet"]}, 1, 0.0, "dry"),
        ("level", {"active": "low", "states": ["dry", "wet"]}, 0, 100.0, "wet"),
        ("level", {"states": [False, True]}, 1, 100.0, "on"),
        ("level", {"active": "high"}, 40, 0.0, None),
        ("level", {"active": "high"}, 2000, None, None),
        ("level", {"active": "high"}, 4095, 100.0, None),
        ("switch", {}, 4095, 1.0, None),
        ("switch", {}, 12, 0.0, None),
        ("switch", {"active": "low", "states": ["closed", "open"]}, 4050, 0.0, "closed"),
        ("switch", {}, 50, None, None),
        ("switch", {}, 4045, None, None),
        ("switch", {}, 4096, None, None),
        ("switch", {}, -1, None, None),
        ("switch", {"active": "low"}, 0.5, None, None),
        ("flow", {}, 15, 2.0, None),
        ("flow", {"pulses_over_s": 60}, 450, 1.0, None),
        ("flow", {"pulses_over_s": 10, "calibration": {"slope": 900}}, 300, 2.0, None),
        ("flow", {"pulses_over_s": 10}, 0, 0.0, None),
        ("flow", {"pulses_over_s": 10}, -1, None, None),
    ],
)
def test_what_arrives_becomes(
    kind: str, more: dict[str, Any], raw: float, value: float | None, word: str | None
) -> None:
    here, series = desk(PIN | {"type": kind} | more), SeriesId.of(WATER, 32, kind)
    (reading,) = stored(Reading, here.read(series, raw, raw_mode=True))
    assert (reading.value, reading.raw) == (value, raw)
    assert reading.quality is (Quality.ERROR if value is None else Quality.GOOD)
    sensor = here.state.sensors[series]
    assert picture.sensor_picture(here.state, sensor, here.now)["state"] == word


@pytest.mark.parametrize(
    ("kind", "raw", "value"), [("switch", 0, 0.0), ("switch", 4095, 1.0), ("ppfd", 0, 0.0), ("flow", 0, 0.0)]
)
def test_where_the_rail_is_a_value_the_nodes_word_about_it_is_none(
    kind: str, raw: float, value: float
) -> None:
    """Firmware calls every count below 50 and above 4045 suspect: darkness, a dry pipe and contacts are none."""
    here, series = desk(PIN | {"type": kind}), SeriesId.of(WATER, 32, kind)
    (reading,) = stored(Reading, here.read(series, raw, raw_mode=True, quality="suspect"))
    assert (reading.value, reading.quality, reading.usable) == (value, Quality.GOOD, True)
    (other,) = stored(Reading, here.read(series, raw, raw_mode=True, quality="poor", seq=9))
    assert other.quality is Quality.SUSPECT


def test_a_flow_that_its_node_converted_is_no_number_of_pulses() -> None:
    here = desk(PIN | {"type": "flow", "pulses_over_s": 10})
    (reading,) = stored(Reading, here.read(SeriesId.of(WATER, 32, "flow"), 3.5, raw_mode=False))
    assert reading.value == 3.5


@pytest.mark.parametrize(
    ("made", "value"),
    [
        (flow_of_frequency(15), 2.0),
        (flow_of_frequency(0), 0.0),
        (flow_of_pulses(450, 60), 1.0),
        (flow_of_pulses(75, 10), 1.0),
        (flow_of_pulses(75, 10, per_litre=900), 0.5),
        (litres_of_pulses(225), 0.5),
        (litres_of_pulses(0), 0.0),
    ],
)
def test_water_by_pulses(made: float, value: float) -> None:
    assert made == pytest.approx(value)


@pytest.mark.parametrize("numbers", [(-1, 10, 450), (1, 0, 450), (1, 10, 0), (float("nan"), 10, 450)])
def test_no_water(numbers: tuple[float, float, float]) -> None:
    with pytest.raises(InvalidValueError):
        flow_of_pulses(*numbers)


@pytest.mark.parametrize("more", ["active: low", "states: [dry, wet]", "pulses_over_s: 10"])
def test_what_does_nothing_for_its_type_is_refused(more: str) -> None:
    with pytest.raises(DocumentError, match="does nothing for co2") as caught:
        parse_site(f"sensors:\n  - {{node: {WATER}, gpio: 32, type: co2, {more}}}", "x")
    assert caught.value.path == f"sensors.0.{more.partition(':')[0]} (line 2 of x)"
    assert SensorSpec.model_validate(PIN | {"type": "level", "states": ["a", "b"]}).states == ("a", "b")


# ── age ────────────────────────────────────────────────────────────────────────────────────────────────
def aged(here: Desk) -> dict[str, Any] | None:
    sensor = here.state.sensors[SOIL]
    found: dict[str, Any] | None = picture.sensor_picture(here.state, sensor, here.now)["calibration_age"]
    return found


@pytest.mark.parametrize(("more", "days"), [({}, 90), ({"recalibrate_after_d": 7}, 7)])
def test_a_calibration_grows_old_and_changes_no_value(more: dict[str, Any], days: int) -> None:
    here = desk({"node": WATER, "gpio": 34, "type": "moisture", "warm_up": 0} | more, rules=(IRRIGATE,))
    here.read(SOIL, 2000, raw_mode=True)
    assert aged(here) is None, "there is none"
    made = Calibration(dry=2800, wet=1200, method="moisture")
    here.handle(ev.CalibrationMade(here.now, SOIL, made, "ann"))
    began = here.now
    assert (aged(here) or {})["text"] == "calibration 0 days old"
    here.now = began + days * DAY - 1
    here.handle(ev.Timer(here.now))
    assert (aged(here) or {})["due"] is False
    assert "calibration" not in picture.why(here.state, PUMP, here.now)["text"]
    here.now = began + days * DAY
    here.handle(ev.Timer(here.now))
    here.handle(ev.Timer(here.now + 1))
    notes = [one.text for one in here.state.nodes[WATER].notes if one.kind == "calibration"]
    assert notes == [f"{SOIL}: its calibration is old, make it anew (sensors calibrate)"]
    text = (aged(here) or {})["text"]
    assert text.startswith(f"calibration {days} days old, due since 2026-")
    assert text in picture.why(here.state, PUMP, here.now)["text"]
    (reading,) = stored(Reading, here.read(SOIL, 2000, raw_mode=True))
    assert (reading.value, reading.quality) == (50.0, Quality.GOOD)
    here.handle(ev.CalibrationMade(here.now, SOIL, made, "ann"))
    assert (aged(here) or {})["due"] is False


def test_it_may_never_be_due_and_a_declared_one_is_that_old_at_least() -> None:
    here = desk(
        {"node": WATER, "gpio": 34, "type": "moisture", "recalibrate_after_d": 0}
        | {"calibration": {"dry": 2800, "wet": 1200}}
    )
    here.read(SOIL, 2000, raw_mode=True)
    here.now += 1000 * DAY
    assert aged(here) == {
        "days": 1000, "due_at": None, "due": False, "text": "calibration at least 1000 days old",
    }  # fmt: skip
